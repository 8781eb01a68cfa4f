-- SPDX-License-Identifier: GPL-3.0-or-later
-- Who may register, the account's row, and the count of failed logins.

create or replace function lib.has_owner()
returns boolean
language sql stable
as $$
    select exists (select from data.users u where u.role = 'owner' and u.deleted_at is null)
$$;

-- The role a newcomer gets, or the refusal. A setup hash is used up here; an invite is not (lib.invite_use), but it must
-- be good before anything is said about names and ids: who holds none must not learn which are taken.
create or replace function lib.registration_role(setup_hash text, invite text)
returns text
language plpgsql volatile
as $$
declare
    mode constant text := lib.setting('registration_mode');
begin
    if setup_hash is not null then
        perform from data.instance i for update;
        if lib.has_owner() then
            perform lib.fail(409, 'already_set_up', 'This installation has an owner already.', 'setup_token');
        end if;
        update data.instance i set setup_hash = null
         where i.setup_hash = lib.bytes(registration_role.setup_hash, 'setup_token', 32, 32);
        if not found then
            perform lib.fail(403, 'setup_token_invalid', 'This setup link is not valid any more. Use the newest.',
                'setup_token');
        end if;
        if invite is not null then
            perform lib.invite_find(invite);
        end if;
        return 'owner';
    end if;
    if not lib.has_owner() then
        perform lib.fail(403, 'setup_required', 'This installation is not set up yet.');
    elsif mode = 'closed' then
        perform lib.fail(403, 'registration_closed', 'Registration is closed here.');
    elsif mode <> 'open' and invite is null then
        perform lib.fail(403, 'invite_required', 'Registration needs an invitation here.', 'invite');
    elsif invite is not null then
        perform lib.invite_find(invite);
    end if;
    return 'member';
end
$$;

-- A new account from the arguments of api.auth_register.
create or replace function lib.user_add(role text, args jsonb)
returns data.users
language plpgsql volatile
as $$
declare
    person data.users;
begin
    insert into data.users (id, username, display_name, role, account_key, backup_key, kdf_salt, kdf_ops, kdf_mem,
                            login_hash, recovery_hash, keyring_password, keyring_recovery)
    values ((args ->> 'user')::uuid, lower(args ->> 'username'),
            lib.name(args ->> 'display_name', 'display_name', 64), user_add.role,
            lib.bytes(args ->> 'account_key', 'account_key', 32, 32),
            lib.bytes(args ->> 'backup_key', 'backup_key', 32, 32),
            lib.bytes(args ->> 'salt', 'salt', 16, 16), (args ->> 'ops')::integer, (args ->> 'mem')::bigint,
            args ->> 'login_hash', args ->> 'recovery_hash',
            lib.bytes(args ->> 'keyring_password', 'keyring_password', 1, 1024),
            lib.bytes(args ->> 'keyring_recovery', 'keyring_recovery', 1, 1024))
    on conflict do nothing returning * into person;
    if found then
        return person;
    end if;
    if exists (select from data.users u where u.id = (args ->> 'user')::uuid) then
        perform lib.fail(409, 'id_taken', 'This account exists already. Sign in instead.', 'user');
    end if;
    perform lib.fail(409, 'username_taken', 'This name is taken.', 'username');
end
$$;
