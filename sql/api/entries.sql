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
returns setof api.row
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
    return next row(null, null, json_build_object('seq', e.seq, 'created_at', lib.ms(e.created_at)))::api.row;
    return next row('ch:' || place, 'epoch ' || e.epoch, '{"type":"entry",' || lib.entry_fields(e) || '}')::api.row;
    if c.kind = 'dm' then
        return query select * from lib.dm_deliver(ctx, c, e.id, args -> 'envelopes');
    elsif jsonb_typeof(args -> 'envelopes') = 'array' then
        perform lib.fail(422, 'envelopes', 'Only direct messages have envelopes.', 'envelopes');
    end if;
end
$$;
