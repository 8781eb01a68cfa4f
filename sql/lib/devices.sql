-- SPDX-License-Identifier: GPL-3.0-or-later
-- A person's devices: admitting, removing, and their one-time prekeys.

-- Admits a device (the DEVICE of docs/api.md; certificate and prekey signature were verified by the worker) or, when it
-- was admitted a few minutes ago, does so again, for a lost answer. Not later: what is shown here is public, and who got
-- hold of a password could take the place of a device whose key he has not. The caller has locked the person.
-- 409 id_taken: another's id, other keys, or here for long; device_removed; device_limit.
create or replace function lib.device_put(user_id uuid, device jsonb)
returns setof api.row
language plpgsql volatile
as $$
declare
    known data.devices;
    new_id constant uuid := device ->> 'id';
    new_key constant bytea := lib.bytes(device ->> 'device_key', 'device.device_key', 32, 32);
begin
    select * into known from data.devices d where d.id = new_id;
    if found then
        if known.user_id <> device_put.user_id or known.device_key <> new_key then
            perform lib.fail(409, 'id_taken', 'Another device has this id.', 'device.id');
        elsif known.removed_at is not null then
            perform lib.fail(409, 'device_removed', 'This device was removed. Set it up as a new one.', 'device.id');
        elsif known.added_at < now() - make_interval(mins => lib.limit('enrol_minutes')::integer) then
            perform lib.fail(409, 'id_taken', 'This device is here already. Set it up as a new one.', 'device.id');
        end if;
        update data.devices d
           set signed_prekey = lib.bytes(device ->> 'signed_prekey', 'device.signed_prekey', 110, 110)
         where d.id = new_id;
        perform lib.prekeys_add(new_id, device -> 'one_time_prekeys');
        return;
    end if;

    return query select * from lib.device_make_room(device_put.user_id);
    insert into data.devices (id, user_id, name, device_key, certificate, certified_at, signed_prekey)
    values (new_id, device_put.user_id, lib.name(device ->> 'name', 'device.name', 100), new_key,
            lib.bytes(device ->> 'certificate', 'device.certificate', 66, 66), (device ->> 'created_at')::bigint,
            lib.bytes(device ->> 'signed_prekey', 'device.signed_prekey', 110, 110));
    insert into data.inboxes (device_id) values (new_id);
    perform lib.prekeys_add(new_id, device -> 'one_time_prekeys');
    return query select * from lib.roster_grown(lib.channels_of(device_put.user_id));
    return query select 'u:' || device_put.user_id, '', json_build_object('type', 'devices');
end
$$;

-- Which device has to go before one more can come: null where there is room, else the longest unused one whose session
-- has run out. 409 device_limit when all are in use.
create or replace function lib.device_in_the_way(user_id uuid)
returns uuid
language plpgsql stable
as $$
declare
    idle uuid;
begin
    if (select count(*) from data.devices d where d.user_id = device_in_the_way.user_id and d.removed_at is null)
       < lib.limit('devices_per_user') then
        return null;
    end if;
    select d.id into idle
      from data.devices d left join data.sessions s on s.device_id = d.id
     where d.user_id = device_in_the_way.user_id and d.removed_at is null
       and not exists (select from data.refresh_tokens t
                        where t.session_id = s.id and t.used_at is null and t.expires_at > now())
     order by greatest(d.last_used_at, s.last_used_at) limit 1;
    if not found then
        perform lib.fail(409, 'device_limit',
            format('At most %s devices can be signed in. Sign out on one first.', lib.limit('devices_per_user')));
    end if;
    return idle;
end
$$;

-- Room for one more device.
create or replace function lib.device_make_room(user_id uuid)
returns setof api.row
language plpgsql volatile
as $$
declare
    idle constant uuid := lib.device_in_the_way(device_make_room.user_id);
begin
    if idle is not null then
        return query select * from lib.device_remove(device_make_room.user_id, idle);
    end if;
end
$$;

-- Removes a live device: its session, prekeys and inbox go, the row stays for the log's sake. The caller has locked the
-- person. On the channels only that device's sessions are detached, its owner's others stay.
create or replace function lib.device_remove(user_id uuid, device_id uuid)
returns setof api.row
language plpgsql volatile
as $$
begin
    update data.devices d set removed_at = now()
     where d.id = device_remove.device_id and d.user_id = device_remove.user_id and d.removed_at is null;
    if not found then
        return;
    end if;
    delete from data.sessions s where s.device_id = device_remove.device_id;
    delete from data.one_time_prekeys k where k.device_id = device_remove.device_id;
    return query
        select * from lib.roster_removed(lib.channels_of(device_remove.user_id),
                                         'removed-device ' || device_remove.device_id);
    delete from data.inboxes b where b.device_id = device_remove.device_id;
    return query
        select 'u:' || device_remove.user_id, 'end-device ' || device_remove.device_id,
               json_build_object('type', 'devices');
end
$$;

-- Removes all live devices of a person but one (null: all), and what was begun for them: approvals of new ones. The
-- caller has locked the person and their sessions.
create or replace function lib.devices_remove(user_id uuid, keep uuid)
returns setof api.row
language plpgsql volatile
as $$
declare
    gone uuid;
begin
    delete from data.approvals a where a.approver = devices_remove.user_id;
    for gone in
        select d.id from data.devices d
         where d.user_id = devices_remove.user_id and d.removed_at is null and d.id is distinct from keep order by d.id
    loop
        return query select * from lib.device_remove(devices_remove.user_id, gone);
    end loop;
end
$$;

-- Stores one-time prekeys [{id, key}]. Ids that are not above the highest ever seen are skipped: they are here, or were
-- handed out, and a repeated upload must not bring them back. 409 prekey_limit past the bound.
create or replace function lib.prekeys_add(device_id uuid, keys jsonb)
returns void
language plpgsql volatile
as $$
begin
    if keys is null or jsonb_typeof(keys) = 'null' or jsonb_array_length(keys) = 0 then
        return;
    end if;
    perform from data.devices d where d.id = prekeys_add.device_id for no key update;
    insert into data.one_time_prekeys (device_id, key_id, public_key)
    select d.id, (k ->> 'id')::bigint, lib.bytes(k ->> 'key', 'one_time_prekeys.key', 32, 32)
      from data.devices d, jsonb_array_elements(keys) as k
     where d.id = prekeys_add.device_id and (k ->> 'id')::bigint > d.prekey_high
        on conflict do nothing;
    update data.devices d
       set prekey_high = greatest(d.prekey_high, highest)
      from (select max((k ->> 'id')::bigint) as highest from jsonb_array_elements(keys) as k) as given
     where d.id = prekeys_add.device_id;
    if lib.prekeys_left(prekeys_add.device_id) > lib.limit('one_time_prekeys') then
        perform lib.fail(409, 'prekey_limit',
            format('At most %s one-time prekeys may lie here.', lib.limit('one_time_prekeys')));
    end if;
end
$$;

create or replace function lib.prekeys_left(device_id uuid)
returns bigint
language sql stable
as $$
    select count(*) from data.one_time_prekeys k where k.device_id = prekeys_left.device_id
$$;

-- What a signed prekey says of itself (docs/e2ee.md): version, suite, key id (4 bytes), key (32), time (8), signature.
create or replace function lib.signed_prekey_json(prekey bytea)
returns json
language sql immutable
as $$
    select json_build_object('key_id', lib.be(prekey, 2, 4), 'created_at', lib.be(prekey, 38, 8))
$$;
