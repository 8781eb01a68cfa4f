-- SPDX-License-Identifier: GPL-3.0-or-later
-- What whoever is signed in may do to their account with the password. The worker asks api.auth_prove, compares, and
-- tells with which hash it did.

-- args {} → {user, login_hash}. 401 session_ended; 429 locked: attempts are counted like a login's, but apart from those,
-- so that strangers block nobody's. With an enrol token too.
create or replace function api.auth_prove(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    person data.users;
begin
    if ctx.device_id is null then
        perform lib.require_admission(ctx);
    else
        perform lib.require_session(ctx);
    end if;
    select * into person from data.users u where u.id = ctx.user_id;
    perform lib.proof_count(ctx);
    return query
        select null, null, json_build_object('user', person.id, 'login_hash', person.login_hash);
end
$$;

-- args {verified, salt, ops, mem, login_hash, keyring_password} → {}. A new password; sessions stay. After an admin's
-- reset this gives the account a keyring under the password again. 401 bad_credentials, session_ended.
create or replace function api.auth_password(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    perform lib.proven(ctx, args ->> 'verified');
    perform lib.password_put(ctx.user_id, args);
    return query select null, null, '{}'::json;
end
$$;

-- args {verified, recovery_hash, keyring_recovery} → {}. A new recovery code: the old one is of no use any more, also to
-- whoever began a recovery with it. 401 bad_credentials, session_ended.
create or replace function api.auth_recovery_code(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    perform lib.proven(ctx, args ->> 'verified');
    perform lib.recovery_put(ctx.user_id, args);
    return query select null, null, '{}'::json;
end
$$;

-- args {verified, account_key, backup_key, recovery_hash, keyring_password, keyring_recovery, device: DEVICE,
--       refresh_hash}, ctx of a session or an enrol token → {user: {…}, device, session}
-- A new identity, certified by which the new device comes in place of all others. The backup goes: it is sealed to a key
-- that the account has no more. The worker verified the device under account_key. 401 bad_credentials, session_ended;
-- 422 account_key: it is the one of before; and what lib.device_put refuses. A lost answer is not given again: the
-- password signs in, with the new keyring.
create or replace function api.auth_identity(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    person data.users;
    new_key constant bytea := lib.bytes(args ->> 'account_key', 'account_key', 32, 32);
begin
    perform lib.lock_sessions(ctx.user_id);
    person := lib.proven(ctx, args ->> 'verified');
    if person.account_key = new_key then
        perform lib.fail(422, 'account_key', 'This is the key that the account has already.', 'account_key');
    end if;
    return query select * from lib.devices_remove(person.id, null);
    update data.users u
       set account_key = new_key, backup_key = lib.bytes(args ->> 'backup_key', 'backup_key', 32, 32),
           keyring_password = lib.bytes(args ->> 'keyring_password', 'keyring_password', 1, 1024),
           admission = gen_random_uuid()
     where u.id = person.id;
    perform lib.recovery_put(person.id, args);
    delete from data.backups b where b.user_id = person.id;
    return query select * from lib.device_sign_in(ctx, person, args);
end
$$;

-- args {verified} → {}. Deletes the account and its data; its name is free again. {more: true}: there was so much to wipe
-- that only a part of it is, and the worker calls again. 401 bad_credentials, session_ended; 409 owner_stays, details
-- {communities}.
create or replace function api.account_delete(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    person data.users;
begin
    perform lib.require_session(ctx);
    perform lib.lock_sessions(ctx.user_id);
    person := lib.proven(ctx, args ->> 'verified');
    if lib.account_wrote_much(person.id) then
        perform lib.account_shared(person);
        return query select * from lib.account_wipe(person.id, lib.limit('wipe_entries'));
        return query select null, null, '{"more": true}'::json;
        return;
    end if;
    return query select * from lib.account_leave(person);
    return query select * from lib.account_wipe(person.id, null);
    perform lib.account_gone(person.id);
    perform lib.account_forget(person.id);
    return query select null, null, '{}'::json;
end
$$;
