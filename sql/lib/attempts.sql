-- SPDX-License-Identifier: GPL-3.0-or-later
-- Attempts at the secrets of an account, each counted as failed when it begins: so guesses that are sent at the same time
-- count too. Strangers are counted by name, whether it exists or not, and by where they are; who is signed in, by account
-- and apart from them: nobody outside keeps people from changing what is theirs, or from signing in at home.

-- Where an address is: a network that one party has, so that who has many addresses is at few places. A narrower one would
-- only be of use to who guesses; a wider one keeps apart nobody but people at the same place who sign in by one name.
create or replace function lib.login_place(address inet)
returns cidr
language sql immutable
as $$
    select network(set_masklen(address, case when family(address) = 4 then 24
                                             when address <<= '::ffff:0:0/96' then 120 else 48 end))
$$;

create or replace function lib.login_key(ctx api.ctx, username text)
returns text
language sql immutable
as $$
    select username || coalesce(' ' || lib.login_place(ctx.address), '')
$$;

-- Whether a device of this name's account is signed in at the place where the caller is.
create or replace function lib.login_at_home(ctx api.ctx, username text)
returns boolean
language sql stable
as $$
    select exists (
        select from data.users u join data.sessions s on s.user_id = u.id
         where u.username = login_at_home.username
           and lib.login_place(s.last_address) = lib.login_place(ctx.address))
$$;

-- Counts a stranger's attempt as failed, or fails 429 locked: too many for this name at this place, or at all places
-- together but those where its devices are.
create or replace function lib.login_count(ctx api.ctx, username text)
returns void
language plpgsql volatile
as $$
begin
    perform lib.attempt(lib.login_key(ctx, username), lib.limit('login_failures'), false);
    if not lib.login_at_home(ctx, username) then
        perform lib.attempt('everywhere ' || username, lib.limit('login_failures_everywhere'), true);
    end if;
    perform lib.attempts_expire();
end
$$;

-- Forgets a name's failures at this place, and its count of all places: in the order in which they are counted. Those at
-- other places stay.
create or replace function lib.login_clear(ctx api.ctx, username text)
returns void
language plpgsql volatile
as $$
begin
    delete from data.login_attempts a where a.name_hash = sha256(convert_to(lib.login_key(ctx, username), 'UTF8'));
    delete from data.login_attempts a where a.name_hash = sha256(convert_to('everywhere ' || username, 'UTF8'));
end
$$;

-- The key of all that are signed in to the caller's account; no name has a space in it.
create or replace function lib.proof_key(ctx api.ctx)
returns text
language sql immutable
as $$
    select 'signed in ' || ctx.user_id
$$;

-- Counts an attempt of somebody who is signed in, or fails 429 locked.
create or replace function lib.proof_count(ctx api.ctx)
returns void
language plpgsql volatile
as $$
begin
    perform lib.attempt(lib.proof_key(ctx), lib.limit('login_failures'), false);
    perform lib.attempts_expire();
end
$$;

-- Forgets them.
create or replace function lib.proof_clear(ctx api.ctx)
returns void
language sql volatile
as $$
    delete from data.login_attempts a where a.name_hash = sha256(convert_to(lib.proof_key(ctx), 'UTF8'))
$$;

-- Forgets what has expired, a little at each call. Only after what is counted: else two could wait for each other, each
-- holding what the other one wants to begin anew.
create or replace function lib.attempts_expire()
returns void
language sql volatile
as $$
    delete from data.login_attempts a where a.name_hash in (
        select x.name_hash from data.login_attempts x where x.expires_at <= now() limit 20 for update skip locked)
$$;

-- Counts one under a key, of which there may be so many; or fails 429 locked with details {retry_after: seconds}.
create or replace function lib.attempt(key text, most bigint, everywhere boolean)
returns void
language plpgsql volatile
as $$
declare
    name constant bytea := sha256(convert_to(key, 'UTF8'));
    span constant interval := make_interval(mins => lib.limit('login_lock_minutes')::integer);
    locked timestamptz;
begin
    insert into data.login_attempts as a (name_hash, failures, expires_at, everywhere)
    values (name, 1, now() + span, attempt.everywhere)
    on conflict (name_hash) do update
       set failures = case when a.expires_at <= now() then 1 else a.failures + 1 end, expires_at = now() + span
     where a.failures < most or a.expires_at <= now();
    if not found then
        select a.expires_at into locked from data.login_attempts a where a.name_hash = name;
        perform lib.fail(429, 'locked', 'Too many failed attempts. Try again later.', null,
            jsonb_build_object('retry_after', greatest(1, ceil(extract(epoch from locked - now())))));
    end if;
end
$$;

-- Takes one back. The lock's time stays as it is.
create or replace function lib.attempt_void(key text)
returns void
language plpgsql volatile
as $$
declare
    name constant bytea := sha256(convert_to(key, 'UTF8'));
begin
    -- first the lock: one that is counted between a look and a deletion would be lost
    perform from data.login_attempts a where a.name_hash = name for update;
    update data.login_attempts a set failures = a.failures - 1 where a.name_hash = name and a.failures > 1;
    if not found then
        delete from data.login_attempts a where a.name_hash = name;
    end if;
end
$$;
