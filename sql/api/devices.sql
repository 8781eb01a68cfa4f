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

-- args {} → {devices: [{id, name, created_at, last_used_at, last_address, current}]}: the calling one, then the last used
-- first. One whose session has ended has no address. created_at: when it came, not what its certificate says.
create or replace function api.devices_list(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    return query
        select null, null, json_build_object('devices', json_agg(json_build_object('id', d.id, 'name', d.name,
                   'created_at', lib.ms(d.added_at), 'last_used_at', lib.ms(greatest(d.last_used_at, s.last_used_at)),
                   'last_address', host(s.last_address), 'current', d.id = ctx.device_id)
                   order by d.id = ctx.device_id desc, greatest(d.last_used_at, s.last_used_at) desc, d.id))
          from data.devices d left join data.sessions s on s.device_id = d.id
         where d.user_id = ctx.user_id and d.removed_at is null;
end
$$;

-- args {device: DEVICE, account_key, refresh_hash}, ctx of an enrol token → {user: {…}, device, session}
-- The worker verified certificate and prekey under account_key; that this is the user's key is checked here.
-- 401 session_ended: no such user, the credentials have changed, or the approval that the token is of is good no more; 422
-- account_key; and what lib.device_put refuses.
create or replace function api.device_add(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    person data.users;
begin
    perform lib.lock_session(ctx.user_id, (args #>> '{device,id}')::uuid);
    perform lib.lock_users(array[ctx.user_id]);
    if exists (select from data.approvals a where a.id = ctx.session_id) then
        person := lib.approval_use(ctx, (args #>> '{device,id}')::uuid);
    else
        person := lib.require_admission(ctx);
    end if;
    if person.account_key <> lib.bytes(args ->> 'account_key', 'account_key', 32, 32) then
        perform lib.fail(422, 'account_key', 'This is not the account''s key.', 'account_key');
    end if;
    return query select * from lib.device_sign_in(ctx, person, args);
end
$$;

-- args {device, name} → {}: a device of one's own gets another name. 404 device_not_found.
create or replace function api.device_rename(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    target constant uuid := args ->> 'device';
    new_name constant text := lib.name(args ->> 'name', 'name', 100);
begin
    perform lib.require_session(ctx);
    update data.devices d set name = new_name
     where d.id = target and d.user_id = ctx.user_id and d.removed_at is null;
    if not found then
        perform lib.fail(404, 'device_not_found', 'You have no such device.', 'device');
    end if;
    return query select 'u:' || ctx.user_id, '', json_build_object('type', 'devices');
    return query select null, null, '{}'::json;
end
$$;

-- args {device} → {}: removes a device of one's own, the calling one too: its session, sockets, prekeys, inbox and its
-- share of the keys end. 404 device_not_found, also the second time.
create or replace function api.device_remove(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    target constant uuid := args ->> 'device';
begin
    perform lib.require_session(ctx);
    perform lib.lock_session(ctx.user_id, target);
    perform lib.lock_users(array[ctx.user_id]);
    -- again: a device that was removed while this call waited removes no others
    perform lib.require_session(ctx);
    if not exists (
        select from data.devices d where d.id = target and d.user_id = ctx.user_id and d.removed_at is null) then
        perform lib.fail(404, 'device_not_found', 'You have no such device.', 'device');
    end if;
    return query select * from lib.device_remove(ctx.user_id, target);
    return query select null, null, '{}'::json;
end
$$;

-- args {user} → {user, username, display_name, account_key, devices: [{id, device_key, certificate, created_at,
-- removed}]}, the newest 1,000. Removed ones too: what they wrote still stands in logs and inboxes, and is verified
-- under their keys. So for people who have left, as long as one may read what they wrote. 404 user_not_found: for all
-- others one shares no channel with, unless something of theirs lies in this device's inbox.
create or replace function api.user_devices(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    target constant uuid := args ->> 'user';
begin
    perform lib.require_session(ctx);
    if not exists (select from data.users u where u.id = target and u.deleted_at is null)
       or not lib.shares_channel(ctx.user_id, target) and not lib.has_left(ctx.user_id, target) and not exists (
        select from data.inbox_items i where i.device_id = ctx.device_id and i.sender = target) then
        perform lib.fail(404, 'user_not_found', 'You share no channel with such a person.', 'user');
    end if;
    return query
        select null, null, json_build_object('user', u.id, 'username', u.username, 'display_name', u.display_name,
                   'account_key', lib.b64u(u.account_key), 'devices', lib.all_devices_json(u.id))
          from data.users u where u.id = target;
end
$$;
