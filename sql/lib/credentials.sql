-- SPDX-License-Identifier: GPL-3.0-or-later
-- What proves and opens an account: password, recovery code, the keys behind them, the device that is signed in by them.
-- The workers compare and hash; here is what changes with what.

-- The caller's account, for a change that the password was proven for: locked, failed attempts of who is signed in
-- forgotten.
-- verified is the hash that the worker compared with. 401 session_ended: the session, or an enrol token's admission,
-- ended while the worker was at it; bad_credentials: the password is another by now. The caller has locked the sessions
-- that the change ends.
create or replace function lib.proven(ctx api.ctx, verified text)
returns data.users
language plpgsql volatile
as $$
declare
    person data.users;
begin
    perform lib.lock_users(array[ctx.user_id]);
    if ctx.device_id is null then
        perform lib.require_admission(ctx);
    else
        perform lib.require_session(ctx);
    end if;
    select * into person from data.users u where u.id = ctx.user_id and u.login_hash = verified;
    if not found then
        perform lib.fail(401, 'bad_credentials', 'The password was changed just now.');
    end if;
    perform lib.proof_clear(ctx);
    return person;
end
$$;

-- A new password: args {salt, ops, mem, login_hash, keyring_password?}. What was begun with the old one ends: tokens
-- that admit a device, an admin's reset.
create or replace function lib.password_put(user_id uuid, args jsonb)
returns void
language plpgsql volatile
as $$
begin
    update data.users u
       set kdf_salt = lib.bytes(args ->> 'salt', 'salt', 16, 16), kdf_ops = (args ->> 'ops')::integer,
           kdf_mem = (args ->> 'mem')::bigint, login_hash = args ->> 'login_hash',
           keyring_password = lib.bytes(args ->> 'keyring_password', 'keyring_password', 1, 1024),
           reset_hash = null, reset_expires = null, admission = gen_random_uuid()
     where u.id = password_put.user_id;
end
$$;

-- A new recovery code: args {recovery_hash, keyring_recovery}. Recoveries begun with the old one end.
create or replace function lib.recovery_put(user_id uuid, args jsonb)
returns void
language plpgsql volatile
as $$
begin
    delete from data.recoveries r where r.user_id = recovery_put.user_id;
    update data.users u
       set recovery_hash = args ->> 'recovery_hash',
           keyring_recovery = lib.bytes(args ->> 'keyring_recovery', 'keyring_recovery', 1, 1024)
     where u.id = recovery_put.user_id;
end
$$;

-- Signs a device in: admits it or renews it, with a new session in place of the one it had. args {device, refresh_hash};
-- the last row is the reply {user, device, session}. The caller has locked the device's session, and the person. Refuses
-- as lib.device_put does.
create or replace function lib.device_sign_in(ctx api.ctx, person data.users, args jsonb)
returns setof api.row
language plpgsql volatile
as $$
declare
    device_id constant uuid := args #>> '{device,id}';
    session uuid;
begin
    return query
        select 'u:' || s.user_id, 'end-session ' || s.id, null::json from data.sessions s
         where s.device_id = (args #>> '{device,id}')::uuid and s.user_id = person.id;
    return query select * from lib.device_put(person.id, args -> 'device');
    session := lib.session_begin(ctx, person.id, device_id, lib.bytes(args ->> 'refresh_hash', 'refresh_hash', 32, 32));
    return query
        select null, null, json_build_object('user', lib.user_json(person), 'device', device_id, 'session', session);
end
$$;
