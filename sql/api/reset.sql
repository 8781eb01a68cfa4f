-- SPDX-License-Identifier: GPL-3.0-or-later
-- An admin's reset: who has lost the password gets a one-time code from the instance's owner or an admin. It gives
-- access to the account, not to its keys: those open with the recovery code, or are on other devices.

-- args {user, reset_hash} → {expires_at}. A code in place of the one before. By the instance's owner and admins, for
-- people of a strictly lower role of the instance. 403 forbidden; 404 user_not_found.
create or replace function api.user_reset(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    person data.users;
    until constant timestamptz := now() + make_interval(hours => lib.limit('reset_hours')::integer);
begin
    perform lib.require_session(ctx);
    if lib.rank(null, ctx.user_id) < 5 then
        perform lib.fail(403, 'forbidden', 'Only the owner and the admins here can do that.');
    end if;
    perform lib.lock_users(array[ctx.user_id, (args ->> 'user')::uuid]);
    select * into person from data.users u where u.id = (args ->> 'user')::uuid and u.deleted_at is null;
    if not found then
        perform lib.fail(404, 'user_not_found', 'There is no such person.', 'user');
    elsif lib.rank(null, person.id) >= lib.rank(null, ctx.user_id) then
        perform lib.fail(403, 'forbidden', 'You can do that only for people whose role is below yours.');
    end if;
    update data.users u
       set reset_hash = lib.bytes(args ->> 'reset_hash', 'reset_hash', 32, 32), reset_expires = until
     where u.id = person.id;
    return query select null, null, json_build_object('expires_at', lib.ms(until));
end
$$;

-- args {username} → {user, reset_hash?}: reset_hash as long as there is a code, or {} for an unknown name. 429 locked:
-- attempts are counted as a login's, and together with those. The worker compares.
create or replace function api.auth_reset_begin(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.login_count(ctx, lower(args ->> 'username'));
    return query select null, null, coalesce((
        select json_build_object('user', u.id, 'reset_hash', lib.b64u(u.reset_hash))
          from data.users u
         where u.username = lower(args ->> 'username') and u.deleted_at is null and u.reset_expires > now()), '{}');
end
$$;

-- args {username, reset_hash, salt, ops, mem, login_hash} → {}. Sets the password and uses the code up. The keyring under
-- the password of before is of no use any more; devices and sessions stay, for they have the keys. 401 bad_credentials:
-- the code was used or replaced meanwhile.
create or replace function api.auth_reset(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    person uuid;
begin
    select u.id into person from data.users u
     where u.username = lower(args ->> 'username') and u.deleted_at is null and u.reset_expires > now()
       and u.reset_hash = lib.bytes(args ->> 'reset_hash', 'reset_hash', 32, 32) for no key update;
    if not found then
        perform lib.fail(401, 'bad_credentials', 'This code was used just now, or there is a newer one.');
    end if;
    perform lib.password_put(person, args - 'keyring_password');
    perform lib.login_clear(ctx, lower(args ->> 'username'));
    return query select null, null, '{}'::json;
end
$$;
