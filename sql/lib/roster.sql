-- SPDX-License-Identifier: GPL-3.0-or-later
-- Changes of who can read a channel: the only functions that touch channel_members, roster and epoch. All return
-- events. Lock order everywhere: users by id (lib.lock_users), channels by id (their rows in data.logs), inboxes by device id.

-- Locks channels against sends and other changes: before anything else of theirs is written.
create or replace function lib.lock_channels(channels uuid[])
returns void
language plpgsql volatile
as $$
begin
    perform from data.logs l where l.channel_id = any (lock_channels.channels) order by l.channel_id for no key update;
end
$$;

create or replace function lib.roster_event(channel_id uuid, control text, roster bigint, epoch bigint)
returns api.row
language sql immutable
as $$
    select 'ch:' || channel_id, control,
           json_build_object('type', 'roster', 'channel', channel_id, 'roster', roster, 'epoch', epoch)
$$;

-- Someone, or a device, was added to these channels: the next send must know of it.
create or replace function lib.roster_grown(channels uuid[])
returns setof api.row
language plpgsql volatile
as $$
begin
    perform lib.lock_channels(channels);
    return query
        with changed as (
            update data.logs l set roster = l.roster + 1
             where l.channel_id = any (channels) returning l.channel_id as id, l.roster, l.epoch
        )
        select e.* from changed c, lib.roster_event(c.id, 'epoch ' || c.epoch, c.roster, c.epoch) as e;
end
$$;

-- Someone, or a device, was removed from these channels: EVERY removal comes through here, whatever its cause, so that
-- none is without a new epoch. control is "removed USER" or "removed-device DEVICE"; the epoch is put behind it.
create or replace function lib.roster_removed(channels uuid[], control text)
returns setof api.row
language plpgsql volatile
as $$
begin
    perform lib.lock_channels(channels);
    return query
        with changed as (
            update data.logs l set roster = l.roster + 1, epoch = l.epoch + 1
             where l.channel_id = any (channels) returning l.channel_id as id, l.roster, l.epoch
        )
        select e.* from changed c,
               lib.roster_event(c.id, roster_removed.control || ' ' || c.epoch, c.roster, c.epoch) as e;
end
$$;

-- A new epoch in which the same people read: the event removes nobody, for nobody has the id that is all zeros.
create or replace function lib.epoch_begin(channel_id uuid)
returns setof api.row
language sql volatile
as $$
    select * from lib.roster_removed(array[channel_id], 'removed 00000000-0000-0000-0000-000000000000')
$$;

-- Puts people into channels; who is in one already is left alone there. The caller has locked the people. 40001, upon which
-- workers ask again, where a channel has no log: it was made a moment ago by a function of before the logs, which had
-- waited for their migration; once all have had it (the next migration), this can go.
create or replace function lib.channel_add(users uuid[], channels uuid[])
returns setof api.row
language plpgsql volatile
as $$
declare
    entered jsonb;
begin
    perform lib.lock_channels(channels);
    if exists (
        select from data.channels c
         where c.id = any (channels) and not exists (select from data.logs l where l.channel_id = c.id)) then
        raise exception using errcode = 'serialization_failure', message = 'this channel has no log';
    end if;
    with added as (
        insert into data.channel_members (channel_id, user_id, joined_seq, read_seq)
        select l.channel_id, u.id, l.head, l.head
          from data.logs l, unnest(users) as u (id) where l.channel_id = any (channels)
        on conflict do nothing returning channel_id, user_id
    )
    select jsonb_agg(a) into entered from added a;
    return query
        select * from lib.roster_grown(array(
            select distinct (a ->> 'channel_id')::uuid from jsonb_array_elements(entered) as a));
    return query
        select 'u:' || (a ->> 'user_id'), format('attach ch:%s %s', c.id, l.epoch),
               json_build_object('type', 'channel_added', 'channel', lib.channel_json(c, (a ->> 'user_id')::uuid))
          from jsonb_array_elements(entered) as a
          join data.channels c on c.id = (a ->> 'channel_id')::uuid
          join data.logs l on l.channel_id = c.id order by c.id;
end
$$;

-- Takes a person out of channels, and remembers that they were there: what they wrote still stands. The caller has locked
-- the person.
create or replace function lib.channel_remove(user_id uuid, channels uuid[])
returns setof api.row
language plpgsql volatile
as $$
declare
    gone uuid[];
begin
    perform lib.lock_channels(channels);
    with removed as (
        delete from data.channel_members m
         where m.user_id = channel_remove.user_id and m.channel_id = any (channels) returning m.channel_id
    )
    select array_agg(r.channel_id) into gone from removed r;
    insert into data.channel_former_members (channel_id, user_id, left_at)
    select g.id, channel_remove.user_id, clock_timestamp() from unnest(gone) as g (id)
        on conflict on constraint channel_former_members_pkey do update set left_at = excluded.left_at;
    return query select * from lib.roster_removed(gone, 'removed ' || channel_remove.user_id);
    return query
        select 'u:' || channel_remove.user_id, '', json_build_object('type', 'channel_removed', 'channel', g.id)
          from unnest(gone) as g (id);
end
$$;

-- All channels of a person.
create or replace function lib.channels_of(user_id uuid)
returns uuid[]
language sql stable
as $$
    select coalesce(array_agg(m.channel_id), '{}') from data.channel_members m where m.user_id = channels_of.user_id
$$;
