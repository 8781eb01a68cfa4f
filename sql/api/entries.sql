-- SPDX-License-Identifier: GPL-3.0-or-later
-- The channel log: sending into it.

-- args {channel, id, kind, ref_id?, thread?, roster, epoch, ciphertext, commitment,
--       envelopes?: [{device, id, payload}]}
--   → {seq, created_at}; events: the entry on ch:, a DM's envelopes on d:
-- 404 channel_not_found; 409 epoch_stale, roster_stale (details {roster, epoch}), id_taken; 422 envelopes,
-- invalid_field, ref_not_found, thread_not_found. The same sending again, at any time, gets the first result.
--
-- The hot path: two writes, each checking in passing. The first takes the log's row, if roster and epoch are right; the
-- second asks whether the sender is a member only then, for who is removed while the send waits must not get in. If the
-- id is in the log already, the count is taken back before anyone could see it.
create or replace function api.entry_send(ctx api.ctx, args jsonb)
returns setof api.entry_row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place constant uuid := args ->> 'channel';
    sealed constant bytea := lib.bytes(args ->> 'ciphertext', 'ciphertext', 1, lib.limit('ciphertext_bytes')::integer);
    l data.logs;
    e data.entries;
begin
    perform lib.require_session(ctx);
    if args ->> 'kind' <> 'message' then
        perform lib.fail(422, 'invalid_field', 'There is no such kind of entry.', 'kind');
    end if;

    update data.logs x set head = x.head + 1, display = x.display + 1
     where x.channel_id = place and x.epoch = (args ->> 'epoch')::bigint and x.roster = (args ->> 'roster')::bigint
    returning * into l;
    if not found then
        return query select * from lib.entry_again(ctx, args, sealed);
        return;
    end if;

    insert into data.entries (channel_id, seq, epoch, id, ref, thread, sender, device, kind, commitment, ciphertext)
    select place, l.head, l.epoch, (args ->> 'id')::uuid, (args ->> 'ref_id')::uuid, (args ->> 'thread')::uuid,
           m.user_id, ctx.device_id, args ->> 'kind', lib.bytes(args ->> 'commitment', 'commitment', 32, 32), sealed
      from data.channel_members m where m.channel_id = place and m.user_id = ctx.user_id
        on conflict (channel_id, id) do nothing
    returning * into e;
    if not found then
        update data.logs x set head = x.head - 1, display = x.display - 1 where x.channel_id = place;
        return query select * from lib.entry_again(ctx, args, sealed);
        return;
    end if;

    if e.ref is not null or e.thread is not null then
        perform lib.entry_targets(e);
    end if;
    return next lib.plain_row(null, null, lib.entry_reply(e));
    return next lib.entry_row('ch:' || place, 'epoch ' || e.epoch, '{"type":"entry"}', null, e);
    if l.dm then
        return query
            select p.* from lib.dm_deliver(ctx, place, e.id, args -> 'envelopes') as r,
                   lateral lib.plain_row(r.topic, r.control, r.payload::text) as p;
    elsif jsonb_typeof(args -> 'envelopes') = 'array' then
        perform lib.fail(422, 'envelopes', 'Only direct messages have envelopes.', 'envelopes');
    end if;
end
$$;

-- Many calls of api.entry_send at once, element by element → their rows, each with the number of its call, from 1. Carries
-- out the plain ones: text messages without reply, thread or envelopes, to channels whose roster and epoch are right and
-- whose log nobody holds, by members in sessions that need no note of their use. About all others it is silent, and each
-- of them is called alone: what is refused is refused there. So it never waits for a lock, and no call can spoil the
-- others'.
--
-- Two statements, for the second must see what was committed before the logs' rows were taken. With the rows taken nobody
-- else writes to these logs, so what is asked about them stays true until the end.
create or replace function api.entry_send_group(
    users uuid[], devices uuid[], sessions uuid[], channels uuid[], ids uuid[], kinds text[], rosters bigint[],
    epochs bigint[], commitments bytea[], ciphertexts bytea[])
returns setof api.entry_row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    taken uuid[];
begin
    select array_agg(l.channel_id) into taken from (
        select x.channel_id from data.logs x
         where x.channel_id = any (channels) and not x.dm for no key update skip locked) as l;
    return query
      with placed as materialized (
        -- the entries as they will be, in the order of the table's columns: nothing has to be joined to them any more
        select n.number,
               row(n.channel, n.head + row_number() over (partition by n.channel order by n.number), clock_timestamp(),
                   n.epoch, n.id, null, null, n."user", n.device, n.kind, n.commitment, n.ciphertext)::data.entries as e
          from (
            select g.*, l.head, row_number() over (partition by g.channel, g.id order by g.number) as nth
              from unnest(users, devices, sessions, channels, ids, kinds, rosters, epochs, commitments, ciphertexts)
                   with ordinality as g ("user", device, session, channel, id, kind, roster, epoch, commitment,
                                         ciphertext, number)
              join data.logs l on l.channel_id = g.channel and l.roster = g.roster and l.epoch = g.epoch
              join data.channel_members m on m.channel_id = g.channel and m.user_id = g."user"
              join data.sessions s on s.id = g.session and s.user_id = g."user" and s.device_id = g.device
             where g.channel = any (taken) and g.kind = 'message'
               and s.last_used_at >= now() - make_interval(mins => lib.limit('session_touch_minutes')::integer)
               and not exists (select from data.entries e where e.channel_id = g.channel and e.id = g.id)) as n
         where n.nth = 1
      ), counted as (
        update data.logs l set head = l.head + p.n, display = l.display + p.n
          from (select (x.e).channel_id as channel, count(*) as n from placed x group by 1) as p where l.channel_id = p.channel
      ), written as (
        insert into data.entries select (p.e).* from placed p
      )
      select (lib.plain_row(null, null, lib.entry_reply(p.e), p.number)).* from placed p
       union all
      select (lib.entry_row('ch:' || (p.e).channel_id, 'epoch ' || (p.e).epoch, '{"type":"entry"}', p.number, p.e)).*
        from placed p;
end
$$;
