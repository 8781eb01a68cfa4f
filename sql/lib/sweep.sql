-- SPDX-License-Identifier: GPL-3.0-or-later
-- What has to end by itself. There is no clock of our own: who starts a session when the hour is over does it, a little at
-- a time, and waits for nobody.

-- Removes devices that have not been used for long, all but the spared one, what is left of expired approvals, and reports
-- that have had their time. What others hold at this moment is left for the next time. Locks as everywhere: sessions,
-- users, channels, inboxes.
create or replace function lib.sweep(spared uuid)
returns setof api.row
language plpgsql volatile
as $$
declare
    gone uuid;
    doomed uuid[];
begin
    update data.instance i set swept_at = now()
     where i.id in (
        select x.id from data.instance x
         where x.swept_at < now() - make_interval(mins => lib.limit('sweep_minutes')::integer)
           for no key update skip locked);
    if not found then
        return;
    end if;
    delete from data.approvals a where a.id in (
        select x.id from data.approvals x where x.expires_at <= now() limit 1000 for update skip locked);
    doomed := lib.sweep_devices(spared);
    perform lib.lock_channels(array(
        select m.channel_id from data.devices d join data.channel_members m on m.user_id = d.user_id
         where d.id = any (doomed)));
    foreach gone in array doomed loop
        return query select r.* from data.devices d, lib.device_remove(d.user_id, d.id) as r where d.id = gone;
    end loop;
    -- after the channels: who deletes an account has those, and then wants what was reported
    perform lib.sweep_reports();
end
$$;

-- The devices for this sweep, in order of id, with the locks of their sessions and owners. Looked at twice: what was used
-- between the first look and the lock stays.
create or replace function lib.sweep_devices(spared uuid)
returns uuid[]
language plpgsql volatile
as $$
declare
    past constant timestamptz := now() - make_interval(days => lib.limit('device_idle_days')::integer);
    idle uuid[];
    sessions uuid[];
    owners uuid[];
begin
    idle := array(
        select d.id from data.devices d left join data.sessions s on s.device_id = d.id
         where d.removed_at is null and d.id is distinct from spared
           -- for the index, and in full: of a variable the planner would believe that it cuts off a third
           and d.last_used_at < now() - make_interval(days => lib.limit('device_idle_days')::integer)
           and greatest(d.last_used_at, s.last_used_at) < past
         order by greatest(d.last_used_at, s.last_used_at) limit lib.limit('sweep_devices'));
    sessions := array(
        select s.id from data.sessions s where s.device_id = any (idle) order by s.id for update skip locked);
    owners := array(
        select u.id from data.users u
         where u.id in (select d.user_id from data.devices d where d.id = any (idle))
         order by u.id for no key update skip locked);
    return array(
        select d.id from data.devices d left join data.sessions s on s.device_id = d.id
         where d.id = any (idle) and d.user_id = any (owners) and d.removed_at is null
           and greatest(d.last_used_at, s.last_used_at) < past and (s.id is null or s.id = any (sessions))
         order by d.id);
end
$$;

-- Reports are not kept for ever: what was resolved, and what nobody cared for in a long time, goes.
create or replace function lib.sweep_reports()
returns void
language sql volatile
as $$
    delete from data.reports r where r.id in (
        select x.id from data.reports x
         where x.resolved_at < now() - make_interval(days => lib.limit('report_resolved_days')::integer)
            or x.created_at < now() - make_interval(days => lib.limit('report_days')::integer)
         limit lib.limit('sweep_reports') for update skip locked)
$$;
