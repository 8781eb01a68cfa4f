-- SPDX-License-Identifier: GPL-3.0-or-later
-- What its members may know of a channel: who can read it, and its history; and what those who run it may change.

-- args {channel} → {channel, roster, epoch, history, members: [{user, username, display_name, account_key, devices: [{id,
-- device_key, certificate, created_at}]}]}: one statement, so that roster, epoch and history are those of the list.
-- 404 channel_not_found.
create or replace function api.channel_roster(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place constant uuid := args ->> 'channel';
begin
    perform lib.require_session(ctx);
    perform lib.require_channel(place, ctx.user_id);
    return query
        select null, null, json_build_object('channel', c.id, 'roster', l.roster, 'epoch', l.epoch,
                   'history', c.history, 'members',
                   json_agg(json_build_object('user', u.id, 'username', u.username, 'display_name', u.display_name,
                       'account_key', lib.b64u(u.account_key), 'devices', lib.devices_json(u.id)) order by u.id))
          from data.channels c
          join data.logs l on l.channel_id = c.id
          join data.channel_members m on m.channel_id = c.id
          join data.users u on u.id = m.user_id
         where c.id = place group by c.id, l.channel_id;
end
$$;

-- args {channel, before?, limit?} → {entries: [ENTRY], more, wiped}, newest first, in pieces. 404 channel_not_found.
--
-- The page is read once, by a loop: a window over it, or a look at its size before it, costs more. And here, not in a
-- function of lib, from which the rows would be copied once more. wiped is read before the entries, so that who was wiped
-- between the two statements shows to the reader as one more; and who is removed between them may still be given entries
-- that were written in that moment, for which they have no key.
create or replace function api.channel_entries(ctx api.ctx, args jsonb)
returns setof api.entry_row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place constant uuid := args ->> 'channel';
    before constant bigint := coalesce((args ->> 'before')::bigint, lib.endless());
    most constant bigint := least(coalesce((args ->> 'limit')::bigint, 50), lib.limit('history_entries'));
    room constant bigint := lib.limit('page_bytes');
    bytes bigint := 0;
    after bigint;
    wiped bigint;
    lowest bigint;
    e api.entry_row;
begin
    perform lib.require_session(ctx);
    select case c.history when 'all' then 0 else m.joined_seq end, c.wiped into after, wiped
      from data.channel_members m join data.channels c on c.id = m.channel_id
     where m.channel_id = place and m.user_id = ctx.user_id;
    if not found then
        perform lib.no_channel();
    end if;
    return next lib.plain_row(null, null, '{"entries":[');
    for e in
        select (lib.entry_row(null, null, null, null, x)).*
          from data.entries x
         where x.channel_id = place and x.seq > after and x.seq < before
         order by x.seq desc limit most
    loop
        bytes := bytes + lib.cost(e.ciphertext);
        exit when bytes > room and lowest is not null;
        return next e;
        lowest := e.seq;
    end loop;
    return next lib.plain_row(null, null,
        '],"more":' || coalesce(lowest > after + 1, false) || ',"wiped":' || wiped || '}');
end
$$;

-- args {channel, history} → CHANNEL. Whether newcomers are given what was written before they came: a new epoch begins with
-- each change, so that keys of messages written under one policy are never those of messages written under the other.
-- Roles of the instance do not count: who reads the past is the community's matter.
-- 403 forbidden: not the community's owner or admin, or a direct message; 404 channel_not_found.
create or replace function api.channel_update(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place constant uuid := args ->> 'channel';
    c data.channels;
begin
    perform lib.require_session(ctx);
    perform lib.require_channel(place, ctx.user_id);
    select * into c from data.channels x where x.id = place;
    if c.kind = 'dm' then
        perform lib.fail(403, 'forbidden', 'Direct messages have no such setting.');
    elsif lib.require_community(lib.community_of(c), ctx.user_id) not in ('owner', 'admin') then
        perform lib.fail(403, 'forbidden', 'Only the community''s owner and admins can change this.');
    elsif args ->> 'history' not in ('since_joining', 'all') then
        perform lib.fail(422, 'invalid_field', 'This is "since_joining" or "all".', 'history');
    end if;
    perform lib.lock_channels(array[place]);
    update data.channels x set history = args ->> 'history' where x.id = place and x.history <> args ->> 'history';
    if found then
        return query select * from lib.epoch_begin(place);
        return query
            select 'ch:' || x.id, 'epoch ' || l.epoch,
                   json_build_object('type', 'channel', 'channel', lib.channel_json(x, ctx.user_id))
              from data.channels x join data.logs l on l.channel_id = x.id where x.id = place;
    end if;
    return query select null, null, lib.channel_json(x, ctx.user_id) from data.channels x where x.id = place;
end
$$;
