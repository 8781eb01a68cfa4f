-- SPDX-License-Identifier: GPL-3.0-or-later
-- What its members may know of a channel: who can read it, and its history.

-- args {channel} → {channel, roster, epoch, members: [{user, username, display_name, account_key, devices: [{id,
-- device_key, certificate, created_at}]}]}: one statement, so that roster and epoch are those of the list.
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
        select null, null, json_build_object('channel', c.id, 'roster', c.roster, 'epoch', c.epoch, 'members',
                   json_agg(json_build_object('user', u.id, 'username', u.username, 'display_name', u.display_name,
                       'account_key', lib.b64u(u.account_key), 'devices', lib.devices_json(u.id)) order by u.id))
          from data.channels c
          join data.channel_members m on m.channel_id = c.id
          join data.users u on u.id = m.user_id
         where c.id = place group by c.id;
end
$$;

-- args {channel, before?, limit?} → {entries: [ENTRY], more}, newest first. 404 channel_not_found.
create or replace function api.channel_entries(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    return query
        select null, null, lib.history_json(lib.require_channel((args ->> 'channel')::uuid, ctx.user_id),
                   (args ->> 'before')::bigint,
                   least(coalesce((args ->> 'limit')::bigint, 50), lib.limit('history_entries')));
end
$$;
