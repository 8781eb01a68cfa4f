-- SPDX-License-Identifier: GPL-3.0-or-later
-- Recovery: who has the recovery code gets the account back in one step, with new credentials and this device alone.

-- args {username} → {user, recovery_hash}, or {} for an unknown name. 429 locked: attempts are counted as a login's, and
-- together with those.
create or replace function api.auth_recovery_begin(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.login_count(ctx, lower(args ->> 'username'));
    return query select null, null, coalesce((
        select json_build_object('user', u.id, 'recovery_hash', u.recovery_hash)
          from data.users u where u.username = lower(args ->> 'username') and u.deleted_at is null), '{}');
end
$$;

-- args {user, verified} → {recovery, user: {id, username, display_name}, account_key, backup_key, keyring_recovery}, or
-- {} when the account is gone or has another code by now. The worker has compared the key with verified; recovery goes
-- into its token. Forgets a few that have expired.
create or replace function api.auth_recovery_end(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    person data.users;
    recovery constant uuid := lib.uuid7();
begin
    perform lib.lock_users(array[(args ->> 'user')::uuid]);
    select * into person from data.users u
     where u.id = (args ->> 'user')::uuid and u.recovery_hash = args ->> 'verified' and u.deleted_at is null;
    if not found then
        return query select null, null, '{}'::json;
        return;
    end if;
    perform lib.login_clear(ctx, person.username);
    delete from data.recoveries r where r.id in (
        select x.id from data.recoveries x where x.expires_at <= now() limit 20 for update skip locked);
    insert into data.recoveries (id, user_id, expires_at)
    values (recovery, person.id, now() + make_interval(mins => lib.limit('recovery_minutes')::integer));
    return query
        select null, null, json_build_object('recovery', recovery, 'user', lib.person_json(person),
                   'account_key', lib.b64u(person.account_key), 'backup_key', lib.b64u(person.backup_key),
                   'keyring_recovery', lib.b64u(person.keyring_recovery));
end
$$;

-- args {salt, ops, mem, login_hash, recovery_hash, keyring_password, keyring_recovery, account_key, device: DEVICE,
--       refresh_hash}, ctx of a recover token → {user: {…}, device, session}
-- The worker verified the device under account_key; that this is the user's key is checked here. Every other device is
-- removed, and what was begun for the account ends. 401 session_ended: this recovery is over, or was completed; 422
-- account_key; and what lib.device_put refuses. A lost answer is not given again: the new password signs in.
create or replace function api.auth_recovery_complete(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    person data.users;
begin
    perform lib.lock_sessions(ctx.user_id);
    perform lib.lock_users(array[ctx.user_id]);
    select u.* into person from data.users u join data.recoveries r on r.user_id = u.id
     where u.id = ctx.user_id and r.id = ctx.session_id and ctx.device_id is null and r.expires_at > now();
    if not found then
        perform lib.fail(401, 'session_ended', 'This recovery is over. Begin again.');
    elsif person.account_key <> lib.bytes(args ->> 'account_key', 'account_key', 32, 32) then
        perform lib.fail(422, 'account_key', 'This is not the account''s key.', 'account_key');
    end if;
    perform lib.password_put(person.id, args);
    perform lib.recovery_put(person.id, args);
    return query select * from lib.devices_remove(person.id, (args #>> '{device,id}')::uuid);
    return query select * from lib.device_sign_in(ctx, person, args);
end
$$;
