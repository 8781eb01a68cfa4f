-- SPDX-License-Identifier: GPL-3.0-or-later
-- Sending into a channel's log: what api.entry_send does besides its straight road, and pages of entries.

-- What becomes of a send that found no place in the log: it is there already, then the first result is given again; or
-- why not: 404 channel_not_found; 409 id_taken: another entry has its id; epoch_stale or roster_stale, details
-- {roster, epoch}.
create or replace function lib.entry_again(ctx api.ctx, args jsonb, sealed bytea)
returns setof api.entry_row
language plpgsql volatile
as $$
declare
    place constant uuid := args ->> 'channel';
    first data.entries;
    l data.logs;
begin
    perform lib.require_channel(place, ctx.user_id);
    select * into first from data.entries e where e.channel_id = place and e.id = (args ->> 'id')::uuid;
    if found and first.sender = ctx.user_id and first.device = ctx.device_id and first.ciphertext = sealed then
        return next lib.plain_row(null, null, lib.entry_reply(first));
        return;
    elsif found then
        perform lib.fail(409, 'id_taken', 'Another entry of this channel has this id.', 'id');
    end if;
    select * into l from data.logs x where x.channel_id = place;
    perform lib.fail(409, case when l.epoch <> (args ->> 'epoch')::bigint then 'epoch_stale' else 'roster_stale' end,
        'The members or their devices have changed. The keys are being renewed.', null,
        jsonb_build_object('roster', l.roster, 'epoch', l.epoch));
end
$$;

-- 422 unless what an entry refers to, and its thread, are earlier entries of the channel.
create or replace function lib.entry_targets(e data.entries)
returns void
language plpgsql stable
as $$
begin
    if e.ref is not null and not exists (
        select from data.entries x where x.channel_id = e.channel_id and x.id = e.ref and x.seq < e.seq) then
        perform lib.fail(422, 'ref_not_found', 'What this refers to is not in the channel.', 'ref_id');
    elsif e.thread is not null and not exists (
        select from data.entries x where x.channel_id = e.channel_id and x.id = e.thread and x.seq < e.seq) then
        perform lib.fail(422, 'thread_not_found', 'This thread is not in the channel.', 'thread');
    end if;
end
$$;

-- Puts a DM's envelopes into the inboxes: exactly one for each live device of its two people but the sending one, else
-- 422 envelopes. The channel is locked and its roster was the sender's, so a difference is the client's mistake.
create or replace function lib.dm_deliver(ctx api.ctx, place uuid, entry_id uuid, envelopes jsonb)
returns setof api.row
language plpgsql volatile
as $$
begin
    if jsonb_typeof(envelopes) is distinct from 'array' or exists (
        select from (
            select d.id from data.channels c join data.devices d on d.user_id in (c.dm_low, c.dm_high)
             where c.id = place and d.removed_at is null and d.id <> ctx.device_id) as due
          full join (
            select (e ->> 'device')::uuid as id, count(*) as n
              from jsonb_array_elements(envelopes) as e group by 1) as given using (id)
         where due.id is null or given.n is distinct from 1) then
        perform lib.fail(422, 'envelopes', 'A direct message needs one envelope for each other device.', 'envelopes');
    end if;
    return query select * from lib.inbox_put(ctx, place, entry_id, envelopes);
end
$$;
