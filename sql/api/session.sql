-- SPDX-License-Identifier: GPL-3.0-or-later
-- The start of a live session, and catching up.

-- args {} → {user: {…}, session, device, channels: [{id, head, roster, epoch}], inbox_head}. The hub subscribes to
-- ch:<id> of exactly these channels. Once an hour, whoever comes by also sweeps up (lib.sweep): that is before the reply,
-- which has the epochs that follow.
create or replace function api.session_start(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    return query select * from lib.sweep(ctx.device_id);
    return query
        select null, null, s.payload
          from data.users u, lib.session_start(u, ctx.session_id, ctx.device_id) as s where u.id = ctx.user_id;
end
$$;

-- Many calls of api.session_start at once, element by element → their rows, each with the number of its call, from 1.
-- Silent about sessions that have ended, and those whose use is to be noted: they are called alone, and so is who sweeps up.
create or replace function api.session_start_group(users uuid[], devices uuid[], sessions uuid[])
returns table (topic text, control text, payload json, call bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select null::text, null::text, b.payload, g.number
          from unnest(users, devices, sessions) with ordinality as g ("user", device, session, number),
               lateral (
                -- one lookup each, however few sessions there are: "offset" keeps the planner from a hash of them all
                select s.user_id from data.sessions s
                 where s.id = g.session and s.user_id = g."user" and s.device_id = g.device
                   and s.last_used_at >= now() - make_interval(mins => lib.limit('session_touch_minutes')::integer)
                offset 0) as s
          join data.users u on u.id = s.user_id,
               lib.session_start(u, g.session, g.device) as b;
end
$$;

-- args {channels: {id: last_seq, …}, wiped?: {id: n, …}}
--   → {channels: [{id, head, roster, epoch, after, entries: [ENTRY], wiped?: {to, senders: [id, …]}, more}]}
-- The channels whose head is not last_seq, or where more than n senders were wiped: who they are, up to the number "to".
-- {id, removed: true} for those the reader may not read (any more). 422 invalid_field: too many channels.
create or replace function api.sync(ctx api.ctx, args jsonb)
returns setof api.entry_row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    if (select count(*) from jsonb_object_keys(args -> 'channels')) > lib.limit('sync_channels') then
        perform lib.fail(422, 'invalid_field',
            format('At most %s channels at once.', lib.limit('sync_channels')), 'channels');
    end if;
    return query select * from lib.missed(ctx.user_id, args -> 'channels', nullif(args -> 'wiped', 'null'));
end
$$;
