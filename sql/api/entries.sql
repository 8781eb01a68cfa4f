-- SPDX-License-Identifier: GPL-3.0-or-later
-- The channel log: sending into it.

-- args {channel, id, kind, ref_id?, thread?, roster, epoch, ciphertext, commitment,
--       envelopes?: [{device, id, payload}]}
--   → {seq, created_at}; events: the entry on ch:, a DM's envelopes on d:
-- 404 channel_not_found; 409 epoch_stale, roster_stale (details {roster, epoch}), id_taken; 422 envelopes,
-- invalid_field, ref_not_found, thread_not_found. The same sending again, at any time, gets the first result.
--
-- The hot path: two writes, each checking in passing. The first takes the channel's row, if roster and epoch are right;
-- the second asks whether the sender is a member only then, for who is removed while the send waits must not get in. If
-- the id is in the log already, the count is taken back before anyone could see it.
create or replace function api.entry_send(ctx api.ctx, args jsonb)
returns setof api.entry_row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place constant uuid := args ->> 'channel';
    sealed constant bytea := lib.bytes(args ->> 'ciphertext', 'ciphertext', 1, lib.limit('ciphertext_bytes')::integer);
    c data.channels;
    e data.entries;
begin
    perform lib.require_session(ctx);
    if args ->> 'kind' <> 'message' then
        perform lib.fail(422, 'invalid_field', 'There is no such kind of entry.', 'kind');
    end if;

    update data.channels x set head = x.head + 1, display = x.display + 1
     where x.id = place and x.epoch = (args ->> 'epoch')::bigint and x.roster = (args ->> 'roster')::bigint
    returning * into c;
    if not found then
        return query select * from lib.entry_again(ctx, args, sealed);
        return;
    end if;

    insert into data.entries (channel_id, seq, epoch, id, ref, thread, sender, device, kind, commitment, ciphertext)
    select place, c.head, c.epoch, (args ->> 'id')::uuid, (args ->> 'ref_id')::uuid, (args ->> 'thread')::uuid,
           m.user_id, ctx.device_id, args ->> 'kind', lib.bytes(args ->> 'commitment', 'commitment', 32, 32), sealed
      from data.channel_members m where m.channel_id = place and m.user_id = ctx.user_id
        on conflict (channel_id, id) do nothing
    returning * into e;
    if not found then
        update data.channels x set head = x.head - 1, display = x.display - 1 where x.id = place;
        return query select * from lib.entry_again(ctx, args, sealed);
        return;
    end if;

    if e.ref is not null or e.thread is not null then
        perform lib.entry_targets(e);
    end if;
    return next lib.plain_row(null, null, lib.entry_reply(e));
    return next lib.entry_row('ch:' || place, 'epoch ' || e.epoch, '{"type":"entry"}', null, e);
    if c.kind = 'dm' then
        return query
            select p.* from lib.dm_deliver(ctx, c, e.id, args -> 'envelopes') as r,
                   lateral lib.plain_row(r.topic, r.control, r.payload::text) as p;
    elsif jsonb_typeof(args -> 'envelopes') = 'array' then
        perform lib.fail(422, 'envelopes', 'Only direct messages have envelopes.', 'envelopes');
    end if;
end
$$;

-- args {calls: [{user, device, session, args}, …]}: many calls of api.entry_send at once, args as there → their rows, each
-- with the number of its call, from 1. Carries out the plain ones: text messages to channels whose roster and epoch are
-- right and whose row nobody holds, by members in sessions that need no note of their use. About all others it is silent,
-- and each of them is called alone: what is refused is refused there. So it never waits for a lock, and no call can
-- spoil the others'.
--
-- Two statements, for the second must see what was committed before the channels' rows were taken. With the rows taken
-- nobody else writes to these logs, so what is asked about them stays true until the end.
create or replace function api.entry_send_group(ctx api.ctx, args jsonb)
returns setof api.entry_row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    taken uuid[];
begin
    select array_agg(c.id) into taken from (
        select x.id from data.channels x
         where x.kind <> 'dm' and x.id in (
            select (g.call #>> '{args,channel}')::uuid from jsonb_array_elements(args -> 'calls') as g (call))
           for no key update skip locked) as c;
    return query
      with given as materialized (
        select r.number, r."user", r.device, r.session, a.*
          from rows from (jsonb_to_recordset(args -> 'calls') as ("user" uuid, device uuid, session uuid, args jsonb))
               with ordinality as r ("user", device, session, args, number),
               jsonb_to_record(r.args) as a (channel uuid, id uuid, kind text, ref_id uuid, thread uuid, roster bigint,
                                             epoch bigint, ciphertext text, commitment text, envelopes jsonb)
      ), placed as materialized (
        -- the entries as they will be, in the order of the table's columns: nothing has to be joined to them any more
        select g.number,
               row(c.id, c.head + row_number() over (partition by c.id order by g.number), clock_timestamp(), c.epoch, g.id,
                   null, null, g."user", g.device, g.kind, lib.bytes(g.commitment, 'commitment', 32, 32),
                   lib.bytes(g.ciphertext, 'ciphertext', 1, lib.limit('ciphertext_bytes')::integer))::data.entries as e
          from given g
          join data.channels c on c.id = g.channel and c.roster = g.roster and c.epoch = g.epoch
          join data.channel_members m on m.channel_id = g.channel and m.user_id = g."user"
          join data.sessions s on s.id = g.session and s.user_id = g."user" and s.device_id = g.device
         where g.channel = any(taken) and g.kind = 'message' and g.envelopes is null
           and g.ref_id is null and g.thread is null
           and s.last_used_at >= now() - make_interval(mins => lib.limit('session_touch_minutes')::integer)
           and not exists (select from data.entries e where e.channel_id = g.channel and e.id = g.id)
           and not exists (
            select from given o where o.channel = g.channel and o.id = g.id and o.number < g.number)
      ), counted as (
        update data.channels c set head = c.head + p.n, display = c.display + p.n
          from (select (x.e).channel_id as channel, count(*) as n from placed x group by 1) as p where c.id = p.channel
      ), written as (
        insert into data.entries select (p.e).* from placed p
      )
      select (lib.plain_row(null, null, lib.entry_reply(p.e), p.number)).* from placed p
       union all
      select (lib.entry_row('ch:' || (p.e).channel_id, 'epoch ' || (p.e).epoch, '{"type":"entry"}', p.number, p.e)).*
        from placed p;
end
$$;
