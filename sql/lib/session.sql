-- SPDX-License-Identifier: GPL-3.0-or-later
-- Sessions: the check with which every signed-in call begins, their start, and their end. Knows nothing of channels.

-- 401 session_ended unless ctx names a live session of a live device: one lookup. Notes the use every few minutes; who
-- holds the session just then is ending or refreshing it, and is not waited for.
create or replace function lib.require_session(ctx api.ctx)
returns void
language plpgsql volatile
as $$
declare
    used timestamptz;
begin
    select s.last_used_at into used
      from data.sessions s
     where s.id = ctx.session_id and s.user_id = ctx.user_id and s.device_id = ctx.device_id;
    if not found then
        perform lib.fail(401, 'session_ended', 'This session has ended. Sign in again.');
    end if;
    if used < now() - make_interval(mins => lib.limit('session_touch_minutes')::integer) then
        update data.sessions s
           set last_used_at = now(), last_address = coalesce(ctx.address, s.last_address),
               agent = coalesce(left(ctx.agent, 256), s.agent)
         where s.id in (
            select x.id from data.sessions x
             where x.id = ctx.session_id and x.last_used_at = used for no key update skip locked);
    end if;
end
$$;

-- The account for which ctx may admit a device, by a token that proves its credentials and names its admission (in place
-- of a session); 401 session_ended when it is gone, or the credentials have changed since. The caller has locked the
-- person where something follows from it.
create or replace function lib.require_admission(ctx api.ctx)
returns data.users
language plpgsql stable
as $$
declare
    person data.users;
begin
    select * into person
      from data.users u
     where u.id = ctx.user_id and u.admission = ctx.session_id and ctx.device_id is null and u.deleted_at is null;
    if not found then
        perform lib.fail(401, 'session_ended', 'This sign-in has expired. Sign in again.');
    end if;
    return person;
end
$$;

-- Locks the session of a device that is about to end. Before lib.lock_users: any other call of that session may have noted
-- its use, and waits for the person's lock now.
create or replace function lib.lock_session(user_id uuid, device_id uuid)
returns void
language plpgsql volatile
as $$
begin
    perform from data.sessions s
     where s.device_id = lock_session.device_id and s.user_id = lock_session.user_id for update;
end
$$;

-- The same for all sessions of a person.
create or replace function lib.lock_sessions(user_id uuid)
returns void
language plpgsql volatile
as $$
begin
    perform from data.sessions s where s.user_id = lock_sessions.user_id order by s.id for update;
end
$$;

-- A new session of a device, in place of the one it had, with its first refresh token. Returns the session's id.
create or replace function lib.session_begin(ctx api.ctx, user_id uuid, device_id uuid, refresh_hash bytea)
returns uuid
language plpgsql volatile
as $$
declare
    session constant uuid := lib.uuid7();
begin
    delete from data.sessions s where s.device_id = session_begin.device_id;
    update data.devices d set last_used_at = now() where d.id = session_begin.device_id;
    insert into data.sessions (id, user_id, device_id, last_address, agent)
    values (session, session_begin.user_id, session_begin.device_id, ctx.address, left(ctx.agent, 256));
    perform lib.refresh_add(session, session_begin.refresh_hash);
    return session;
end
$$;

-- One more refresh token of a session.
create or replace function lib.refresh_add(session_id uuid, hash bytea)
returns void
language sql volatile
as $$
    insert into data.refresh_tokens (hash, session_id, expires_at)
    values (refresh_add.hash, refresh_add.session_id, now() + make_interval(days => lib.limit('refresh_days')::integer))
$$;
