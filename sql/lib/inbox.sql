-- SPDX-License-Identifier: GPL-3.0-or-later
-- The device inboxes: durable queues of key material.

-- Stores items [{device, id, payload}] for devices that the caller has checked, and announces them. Items that are
-- there already (same id, same sending device) are left alone. Inboxes are locked in the order of device ids.
create or replace function lib.inbox_put(ctx api.ctx, channel_id uuid, ref uuid, items jsonb)
returns setof api.row
language plpgsql volatile
as $$
begin
    perform from data.inboxes b
      where b.device_id in (select (i ->> 'device')::uuid from jsonb_array_elements(items) as i)
      order by b.device_id for no key update;
    return query
        with item as (
            select distinct on (device, id)
                   (i.item ->> 'device')::uuid as device, (i.item ->> 'id')::uuid as id, i.place,
                   lib.bytes(i.item ->> 'payload', 'payload', 1, lib.limit('envelope_bytes')::integer) as payload
              from jsonb_array_elements(items) with ordinality as i (item, place)
        ), fresh as (
            select i.*, row_number() over (partition by i.device order by i.place) as n
              from item i
             where not exists (select from data.inbox_items x
                                where x.device_id = i.device and x.sender_device = ctx.device_id and x.id = i.id)
        ), counted as (
            update data.inboxes b set last_seq = b.last_seq + f.n
              from (select f.device, count(*) as n from fresh f group by f.device) as f
             where b.device_id = f.device returning b.device_id, b.last_seq - f.n as base
        ), stored as (
            insert into data.inbox_items (device_id, seq, id, channel_id, ref, sender, sender_device, payload)
            select f.device, c.base + f.n, f.id, inbox_put.channel_id, inbox_put.ref, ctx.user_id, ctx.device_id,
                   f.payload
              from fresh f join counted c on c.device_id = f.device
            returning *
        )
        select 'd:' || s.device_id, '', json_build_object('type', 'inbox', 'item', lib.inbox_json(s))
          from stored s order by s.device_id, s.seq;
end
$$;

-- 429 inbox_full if so many items of this sender wait for one of the devices that more would only pile up. Counted only
-- where many wait at all. DMs are not asked: a friend's forgotten device must not end a conversation.
create or replace function lib.inbox_room(sender uuid, items jsonb)
returns void
language plpgsql stable
as $$
declare
    full_one uuid;
begin
    select b.device_id into full_one
      from data.inboxes b
     where b.device_id in (select (i ->> 'device')::uuid from jsonb_array_elements(items) as i)
       and b.last_seq - b.acked_seq >= lib.limit('inbox_per_sender')
       and (select count(*) from data.inbox_items x where x.device_id = b.device_id and x.sender = inbox_room.sender)
           >= lib.limit('inbox_per_sender')
     limit 1;
    if found then
        perform lib.fail(429, 'inbox_full', 'A device has not fetched its keys for long.', null,
            jsonb_build_object('device', full_one));
    end if;
end
$$;
