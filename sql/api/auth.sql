-- SPDX-License-Identifier: GPL-3.0-or-later
-- Accounts and sessions: what a sign-in page needs, registration, login, token rotation, logout.
-- Argon2, tokens and their hashes are the worker's; here are the rules.

-- args {} → {instance: {name}, setup_required, registration_mode, community_creation, kdf: {ops, mem}}
create or replace function api.auth_config(ctx api.ctx, args jsonb)
returns setof api.row
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select null, null, json_build_object(
        'instance', json_build_object('name', lib.setting('instance_name')),
        'setup_required', not lib.has_owner(),
        'registration_mode', lib.setting('registration_mode'),
        'community_creation', lib.setting('community_creation'),
        'kdf', json_build_object('ops', lib.limit('kdf_ops'), 'mem', lib.limit('kdf_mem')))
$$;

-- args {username} → {salt, ops, mem}, or {} for an unknown name
create or replace function api.auth_prelogin(ctx api.ctx, args jsonb)
returns setof api.row
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select null, null, coalesce((
        select json_build_object('salt', lib.b64u(u.kdf_salt), 'ops', u.kdf_ops, 'mem', u.kdf_mem)
          from data.users u where u.username = lower(args ->> 'username') and u.deleted_at is null), '{}')
$$;

-- args {setup_hash?, invite?, user, username, display_name, salt, ops, mem, login_hash, recovery_hash, account_key,
--       backup_key, keyring_password, keyring_recovery, device: DEVICE, refresh_hash}
--   → {user: {id, username, display_name, role}, device, session}
-- 403 setup_required, setup_token_invalid, registration_closed, invite_required; 404 invite_not_found;
-- 409 already_set_up, username_taken, id_taken. A lost answer is not given again, for nothing here proves who asks:
-- the account exists then, and login with the same device completes it.
create or replace function api.auth_register(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    person data.users;
    device_id constant uuid := args #>> '{device,id}';
    session uuid;
begin
    person := lib.user_add(lib.registration_role(args ->> 'setup_hash', args ->> 'invite'), args);
    return query select * from lib.device_put(person.id, args -> 'device');
    session := lib.session_begin(ctx, person.id, device_id, lib.bytes(args ->> 'refresh_hash', 'refresh_hash', 32, 32));
    if args ->> 'invite' is not null then
        return query select * from lib.invite_use(args ->> 'invite', person.id);
    end if;
    return query
        select null, null, json_build_object('user', lib.user_json(person), 'device', device_id, 'session', session);
end
$$;

-- args {username} → {user, login_hash}, or {} for an unknown name. 429 locked with details {retry_after: seconds}.
-- The attempt counts as failed from here on, until auth_login_end says otherwise: so guesses sent at the same time
-- count too, and a name that does not exist is locked like one that does.
create or replace function api.auth_login_begin(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.login_count(ctx, lower(args ->> 'username'));
    return query select null, null, coalesce((
        select json_build_object('user', u.id, 'login_hash', u.login_hash)
          from data.users u where u.username = lower(args ->> 'username') and u.deleted_at is null), '{}');
end
$$;

-- args {user, verified} → {user: {id, username, display_name}, account_key, backup_key, keyring_password,
-- keyring_recovery?, admission}, or {} when the account is gone or has another password by now. The worker has compared
-- the key with verified; admission goes into its token. After an admin's reset keyring_password is null, and
-- keyring_recovery comes in its place.
create or replace function api.auth_login_end(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    person data.users;
begin
    select * into person from data.users u
     where u.id = (args ->> 'user')::uuid and u.login_hash = args ->> 'verified' and u.deleted_at is null;
    if not found then
        return query select null, null, '{}'::json;
        return;
    end if;
    perform lib.login_clear(ctx, person.username);
    return query
        select null, null, (jsonb_build_object('user', lib.person_json(person),
                   'account_key', lib.b64u(person.account_key), 'backup_key', lib.b64u(person.backup_key),
                   'keyring_password', lib.b64u(person.keyring_password), 'admission', person.admission)
                   || case when person.keyring_password is null
                      then jsonb_build_object('keyring_recovery', lib.b64u(person.keyring_recovery)) else '{}' end)::json;
end
$$;

-- args {username?} → {}: takes back what was counted when an attempt began that the worker could not compare: a stranger's
-- at this name; without it, one that the caller made signed in. It leaves the lock's time as it is.
create or replace function api.auth_login_void(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := lower(args ->> 'username');
begin
    if name is null then
        perform lib.attempt_void(lib.proof_key(ctx));
    else
        perform lib.attempt_void(lib.login_key(ctx, name));
        if not lib.login_at_home(ctx, name) then
            perform lib.attempt_void('everywhere ' || name);
        end if;
    end if;
    return query select null, null, '{}'::json;
end
$$;

-- args {refresh_hash, next_hash} → {user, device, session}; {refused: true} when an old token was used again, and then
-- the session has ended. 401 token_invalid: unknown or expired.
create or replace function api.auth_refresh(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    token data.refresh_tokens;
    old constant bytea := lib.bytes(args ->> 'refresh_hash', 'refresh_hash', 32, 32);
    next constant bytea := lib.bytes(args ->> 'next_hash', 'next_hash', 32, 32);
    s data.sessions;
begin
    -- the session before its tokens, as when it ends
    select x.* into s from data.sessions x join data.refresh_tokens t on t.session_id = x.id where t.hash = old
       for no key update of x;
    select * into token from data.refresh_tokens t where t.hash = old;
    if not found or token.expires_at <= now() then
        perform lib.fail(401, 'token_invalid', 'This session has ended. Sign in again.');
    end if;

    if token.used_at is null then
        update data.refresh_tokens t set used_at = now(), successor = next where t.hash = old;
        delete from data.refresh_tokens t where t.session_id = s.id and t.expires_at <= now();
        perform lib.refresh_add(s.id, next);
        update data.sessions x set last_used_at = now(), last_address = ctx.address, agent = left(ctx.agent, 256)
         where x.id = s.id;
    elsif token.successor <> next
          or not exists (select from data.refresh_tokens t where t.hash = next and t.used_at is null) then
        update data.devices d set last_used_at = s.last_used_at where d.id = s.device_id;
        delete from data.sessions x where x.id = s.id;
        return query select 'u:' || s.user_id, 'end-session ' || s.id, null::json;
        return query select null, null, json_build_object('refused', true);
        return;
    end if;
    return query select null, null, json_build_object('user', s.user_id, 'device', s.device_id, 'session', s.id);
end
$$;

-- args {} → {}; ends the session and removes its device
create or replace function api.auth_logout(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    perform lib.lock_session(ctx.user_id, ctx.device_id);
    perform lib.lock_users(array[ctx.user_id]);
    return query select * from lib.device_remove(ctx.user_id, ctx.device_id);
    return query select null, null, '{}'::json;
end
$$;
