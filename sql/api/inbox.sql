-- SPDX-License-Identifier: GPL-3.0-or-later
-- The inbox of the calling device, and putting key material into others'.

-- args {after?, limit?} → {items: [INBOX_ITEM], more}, in order
create or replace function api.inbox_list(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    return query
        select null, null, lib.inbox_page_json(ctx.device_id, coalesce((args ->> 'after')::bigint, 0),
                   least(coalesce((args ->> 'limit')::bigint, lib.limit('inbox_items')), lib.limit('inbox_items')));
end
$$;

-- args {seq} → {}; removes the items up to seq
create or replace function api.inbox_ack(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    update data.inboxes b set acked_seq = greatest(b.acked_seq, least(b.last_seq, (args ->> 'seq')::bigint))
     where b.device_id = ctx.device_id;
    delete from data.inbox_items i using data.inboxes b
     where b.device_id = ctx.device_id and i.device_id = b.device_id and i.seq <= b.acked_seq;
    return query select null, null, '{}'::json;
end
$$;

-- args {channel, items: [{device, id, payload}, …≤100]} → {delivered}: how many went, now or at an earlier sending of
-- the same items. Devices that are not (any more) of the channel's members are passed over: the roster event tells
-- why.
-- 404 channel_not_found; 422 invalid_field; 429 inbox_full, details {device}.
create or replace function api.inbox_deliver(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place constant uuid := args ->> 'channel';
    items jsonb;
begin
    perform lib.require_session(ctx);
    perform lib.require_channel(place, ctx.user_id);
    if jsonb_array_length(args -> 'items') not between 1 and lib.limit('envelopes_per_call') then
        perform lib.fail(422, 'invalid_field',
            format('1 to %s items at once.', lib.limit('envelopes_per_call')), 'items');
    end if;
    select coalesce(jsonb_agg(i), '[]') into items
      from jsonb_array_elements(args -> 'items') as i
      join data.devices d on d.id = (i ->> 'device')::uuid and d.removed_at is null and d.id <> ctx.device_id
      join data.channel_members m on m.channel_id = place and m.user_id = d.user_id;
    perform lib.inbox_room(ctx.user_id, items);
    return query select * from lib.inbox_put(ctx, place, null, items);
    return query select null, null, json_build_object('delivered', jsonb_array_length(items));
end
$$;
