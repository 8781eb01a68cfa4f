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
        select null, null, json_build_object('user', lib.user_json(u), 'session', ctx.session_id,
                   'device', ctx.device_id, 'channels', coalesce((
                       select json_agg(json_build_object('id', c.id, 'head', c.head, 'roster', c.roster,
                                  'epoch', c.epoch))
                         from data.channel_members m join data.channels c on c.id = m.channel_id
                        where m.user_id = u.id), '[]'),
                   'inbox_head', (select b.last_seq from data.inboxes b where b.device_id = ctx.device_id))
          from data.users u where u.id = ctx.user_id;
end
$$;

-- args {channels: {id: last_seq, …}, wiped?: {id: n, …}}
--   → {channels: [{id, head, roster, epoch, after, entries: [ENTRY], wiped?: {to, senders: [id, …]}, more}]}
-- The channels whose head is not last_seq, or where more than n senders were wiped: who they are, up to the number "to".
-- {id, removed: true} for those the reader may not read (any more). 422 invalid_field: too many channels.
create or replace function api.sync(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    if (select count(*) from jsonb_object_keys(args -> 'channels')) > lib.limit('sync_channels') then
        perform lib.fail(422, 'invalid_field',
            format('At most %s channels at once.', lib.limit('sync_channels')), 'channels');
    end if;
    return query select null, null, lib.sync_json(ctx.user_id, args -> 'channels', nullif(args -> 'wiped', 'null'));
end
$$;
