-- SPDX-License-Identifier: GPL-3.0-or-later
-- The JSON shapes of docs/api.md and docs/realtime.md, each made in one place.

create or replace function lib.user_json(u data.users)
returns json
language sql stable
as $$
    select json_build_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'role', u.role)
$$;

-- What a session begins with, in one row. A set, for PostgreSQL writes such a function into the statement that asks it, where
-- its plan is kept: a function of one value with subqueries would be a statement of its own for each person.
create or replace function lib.session_start(u data.users, session uuid, device uuid)
returns table (payload json)
language sql stable
as $$
    select json_build_object('user', lib.user_json(u), 'session', session, 'device', device,
               'channels', coalesce((
                select json_agg(json_build_object('id', l.channel_id, 'head', l.head, 'roster', l.roster,
                                                  'epoch', l.epoch))
                  -- one lookup each: without "offset" the planner hashes all of a small data.logs, each time
                  from data.channel_members m, lateral (
                    select x.channel_id, x.head, x.roster, x.epoch from data.logs x
                     where x.channel_id = m.channel_id offset 0) as l
                 where m.user_id = u.id), '[]'),
               'inbox_head', (select b.last_seq from data.inboxes b where b.device_id = session_start.device))
$$;

-- Another person, as anyone may see them.
create or replace function lib.person_json(u data.users)
returns json
language sql stable
as $$
    select json_build_object('id', u.id, 'username', u.username, 'display_name', u.display_name)
$$;

-- CHANNEL, as its member viewer sees it: a DM has a peer, and no name of its own.
create or replace function lib.channel_json(c data.channels, viewer uuid)
returns json
language plpgsql stable
as $$
declare
    l data.logs;
begin
    select * into l from data.logs x where x.channel_id = c.id;
    if c.kind = 'dm' then
        return json_build_object('id', c.id, 'kind', c.kind, 'name', c.name, 'topic', c.topic, 'head', l.head,
            'display', l.display, 'roster', l.roster, 'epoch', l.epoch, 'history', c.history, 'wiped', c.wiped, 'peer',
            (select lib.person_json(u) from data.users u
              where u.id = case viewer when c.dm_low then c.dm_high else c.dm_low end));
    end if;
    return json_build_object('id', c.id, 'kind', c.kind, 'name', c.name, 'topic', c.topic, 'head', l.head,
        'display', l.display, 'roster', l.roster, 'epoch', l.epoch, 'history', c.history,
        'wiped', c.wiped);
end
$$;

-- COMMUNITY, as its member viewer sees it: the groups they belong to, with the channels they are in.
create or replace function lib.community_json(c data.communities, viewer uuid)
returns json
language plpgsql stable
as $$
begin
    return (
        select json_build_object('id', c.id, 'name', c.name, 'role', m.role, 'groups', coalesce((
            select json_agg(json_build_object('id', g.id, 'name', g.name, 'position', g.position, 'channels', coalesce((
                select json_agg(lib.channel_json(h, viewer) order by h.position, h.id)
                  from data.channels h join data.channel_members hm on hm.channel_id = h.id and hm.user_id = viewer
                 where h.group_id = g.id), '[]')) order by g.position, g.id)
              from data.groups g join data.group_members gm on gm.group_id = g.id and gm.user_id = viewer
             where g.community_id = c.id), '[]'))
          from data.community_members m where m.community_id = c.id and m.user_id = viewer);
end
$$;

-- A row with an entry: its one shape, which the worker writes as JSON. With a piece, an object too, both become one.
-- Its fields cost nothing where they are taken apart at once, as in select (lib.entry_row(…)).*: PostgreSQL puts the columns
-- in their place when it plans.
create or replace function lib.entry_row(topic text, control text, piece text, call bigint, e data.entries)
returns api.entry_row
language sql immutable
as $$
    select row(topic, control, piece, call, e.channel_id, e.seq, e.id, e.kind, e.ref, e.thread, e.sender, e.device,
               e.epoch, e.ciphertext, e.commitment, e.created_at)::api.entry_row
$$;

-- A row without one: a reply, an event, or a piece of a reply that is made of several rows.
create or replace function lib.plain_row(topic text, control text, piece text, call bigint default null)
returns api.entry_row
language sql immutable
as $$
    select row(topic, control, piece, call, null, null, null, null, null, null, null, null, null, null, null, null)
           ::api.entry_row
$$;

-- What the sender of an entry is told.
create or replace function lib.entry_reply(e data.entries)
returns text
language sql stable
as $$
    select '{"seq":' || e.seq || ',"created_at":' || lib.ms(e.created_at) || '}'
$$;

-- An inbox item.
create or replace function lib.inbox_json(i data.inbox_items)
returns json
language sql stable
as $$
    select json_build_object('seq', i.seq, 'id', i.id, 'channel', i.channel_id, 'ref', i.ref, 'sender', i.sender,
        'device', i.sender_device, 'payload', lib.b64u(i.payload), 'created_at', lib.ms(i.created_at))
$$;

-- The live devices of a person, with what others verify.
create or replace function lib.devices_json(user_id uuid)
returns json
language sql stable
as $$
    select coalesce(json_agg(json_build_object('id', d.id, 'device_key', lib.b64u(d.device_key),
               'certificate', lib.b64u(d.certificate), 'created_at', d.certified_at) order by d.id), '[]')
      from data.devices d where d.user_id = devices_json.user_id and d.removed_at is null
$$;

-- All devices that a person ever had, the newest 1,000, with what others verify.
create or replace function lib.all_devices_json(user_id uuid)
returns json
language sql stable
as $$
    select coalesce(json_agg(json_build_object('id', d.id, 'device_key', lib.b64u(d.device_key),
               'certificate', lib.b64u(d.certificate), 'created_at', d.certified_at, 'removed', d.removed_at is not null)
               order by d.added_at desc, d.id), '[]')
      from (select * from data.devices x where x.user_id = all_devices_json.user_id
             order by x.added_at desc, x.id limit 1000) as d
$$;
