-- SPDX-License-Identifier: GPL-3.0-or-later
-- What whoever is signed in may do to their account with the password. The worker asks api.auth_prove, compares, and
-- tells with which hash it did.

-- args {} → {user, username, login_hash}. 401 session_ended; 429 locked: attempts are counted as a login's, and together
-- with those. With an enrol token too.
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
    perform lib.login_count(person.username);
    return query
        select null, null, json_build_object('user', person.id, 'username', person.username,
                   'login_hash', person.login_hash);
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
