-- SPDX-License-Identifier: GPL-3.0-or-later
-- Prekeys: a device's own stock, and claiming others' to begin sessions with their devices.

-- args {} → {one_time, signed: {key_id, created_at}} of the own device
create or replace function api.prekeys_status(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    return query
        select null, null, json_build_object('one_time', lib.prekeys_left(d.id),
                   'signed', lib.signed_prekey_json(d.signed_prekey))
          from data.devices d where d.id = ctx.device_id;
end
$$;

-- args {device_key?, signed_prekey?, one_time_prekeys?: [{id, key}]} → {one_time}. The worker verified the signature of
-- signed_prekey under device_key; that this is the device's is checked here. One-time prekey ids grow: one that is not
-- above all earlier ones is taken for a repetition and skipped. 409 prekey_limit; 422 device_key.
create or replace function api.prekeys_upload(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    if args ->> 'signed_prekey' is not null then
        update data.devices d set signed_prekey = lib.bytes(args ->> 'signed_prekey', 'signed_prekey', 110, 110)
         where d.id = ctx.device_id and d.device_key = lib.bytes(args ->> 'device_key', 'device_key', 32, 32);
        if not found then
            perform lib.fail(422, 'device_key', 'This is not the device''s key.', 'device_key');
        end if;
    end if;
    perform lib.prekeys_add(ctx.device_id, args -> 'one_time_prekeys');
    return query select null, null, json_build_object('one_time', lib.prekeys_left(ctx.device_id));
end
$$;

-- args {devices: [id, …≤100]} → {bundles: [{device, user, device_key, certificate, created_at, signed_prekey,
-- one_time_prekey: {id, key} or null}]}: of live devices of people one shares a channel with, but the own device;
-- others are left out. Each one-time prekey is handed out once, and to one person at most lib.limit('prekey_claims') of
-- a device a day: beyond that, as when a device has none left, bundles come without. So nobody uses up another's stock.
create or replace function api.prekeys_claim(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    if jsonb_array_length(args -> 'devices') > lib.limit('prekey_claim_devices') then
        perform lib.fail(422, 'invalid_field',
            format('At most %s devices at once.', lib.limit('prekey_claim_devices')), 'devices');
    end if;
    -- or claims sent at once would not count each other
    perform lib.lock_users(array[ctx.user_id]);
    delete from data.prekey_claims p where p.ctid in (
        select x.ctid from data.prekey_claims x
         where (x.claimant = ctx.user_id
                or x.device_id in (select w.id::uuid from jsonb_array_elements_text(args -> 'devices') as w (id)))
           and x.claimed_at < now() - interval '1 day' limit 1000 for update skip locked);
    return query
        with target as materialized (
            select d.* from data.devices d
             where d.id in (select w.id::uuid from jsonb_array_elements_text(args -> 'devices') as w (id))
               and d.removed_at is null and d.id <> ctx.device_id and lib.shares_channel(ctx.user_id, d.user_id)
        ), picked as materialized (
            select p.* from target t, lateral (
                select k.device_id, k.key_id from data.one_time_prekeys k
                 where k.device_id = t.id order by k.key_id limit 1 for update skip locked) as p
             where (select count(*) from data.prekey_claims c
                     where c.device_id = t.id and c.claimant = ctx.user_id
                       and c.claimed_at >= now() - interval '1 day') < lib.limit('prekey_claims')
        ), taken as (
            delete from data.one_time_prekeys k using picked p
             where k.device_id = p.device_id and k.key_id = p.key_id returning k.*
        ), logged as (
            insert into data.prekey_claims (claimant, device_id) select ctx.user_id, k.device_id from taken k
        )
        select null, null, json_build_object('bundles', coalesce(json_agg(json_build_object(
                   'device', t.id, 'user', t.user_id, 'device_key', lib.b64u(t.device_key),
                   'certificate', lib.b64u(t.certificate), 'created_at', t.certified_at,
                   'signed_prekey', lib.b64u(t.signed_prekey), 'one_time_prekey', case when k.key_id is not null
                       then json_build_object('id', k.key_id, 'key', lib.b64u(k.public_key)) end) order by t.id), '[]'))
          from target t left join taken k on k.device_id = t.id;
end
$$;
