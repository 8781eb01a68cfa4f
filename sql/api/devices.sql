-- SPDX-License-Identifier: GPL-3.0-or-later
-- Devices: one's own, admitting one, and the public keys of people one shares a channel with.

-- args {} → {id, username, display_name, role, account_key, device, session}
create or replace function api.me(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    return query
        select null, null, json_build_object('id', u.id, 'username', u.username, 'display_name', u.display_name,
                   'role', u.role, 'account_key', lib.b64u(u.account_key), 'device', ctx.device_id,
                   'session', ctx.session_id)
          from data.users u where u.id = ctx.user_id;
end
$$;

-- args {} → {devices: [{id, name, created_at, last_used_at, last_address, current}]}, the last used first
create or replace function api.devices_list(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    return query
        select null, null, json_build_object('devices', json_agg(json_build_object('id', d.id, 'name', d.name,
                   'created_at', d.certified_at, 'last_used_at', lib.ms(s.last_used_at),
                   'last_address', host(s.last_address), 'current', d.id = ctx.device_id)
                   order by s.last_used_at desc nulls last, d.id))
          from data.devices d left join data.sessions s on s.device_id = d.id
         where d.user_id = ctx.user_id and d.removed_at is null;
end
$$;

-- args {device: DEVICE, account_key, refresh_hash}, ctx of an enrol token → {user: {…}, device, session}
-- The worker verified certificate and prekey under account_key; that this is the user's key is checked here.
-- 401 session_ended: no such user, or the credentials have changed; 422 account_key; and what lib.device_put refuses.
create or replace function api.device_add(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    person data.users;
begin
    perform lib.lock_session(ctx.user_id, (args #>> '{device,id}')::uuid);
    perform lib.lock_users(array[ctx.user_id]);
    person := lib.require_admission(ctx);
    if person.account_key <> lib.bytes(args ->> 'account_key', 'account_key', 32, 32) then
        perform lib.fail(422, 'account_key', 'This is not the account''s key.', 'account_key');
    end if;
    return query select * from lib.device_sign_in(ctx, person, args);
end
$$;

-- args {user} → {user, account_key, devices: [{id, device_key, certificate, created_at, removed}]}, the newest 1,000.
-- Removed ones too: what they wrote still stands in logs and inboxes, and is verified under their keys. 404
-- user_not_found: also for people one shares no channel with, unless something of theirs lies in this device's inbox.
create or replace function api.user_devices(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    target constant uuid := args ->> 'user';
begin
    perform lib.require_session(ctx);
    if not lib.shares_channel(ctx.user_id, target) and not exists (
        select from data.inbox_items i where i.device_id = ctx.device_id and i.sender = target) then
        perform lib.fail(404, 'user_not_found', 'You share no channel with such a person.', 'user');
    end if;
    return query
        select null, null, json_build_object('user', u.id, 'account_key', lib.b64u(u.account_key),
                   'devices', lib.all_devices_json(u.id))
          from data.users u where u.id = target;
end
$$;
