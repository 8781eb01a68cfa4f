-- SPDX-License-Identifier: GPL-3.0-or-later
-- Direct messages: channels of two people.

-- args {id, user} → CHANNEL. A pair has one DM: who opens it again gets that one, whatever id they chose.
-- 404 user_not_found: nobody one shares a community with; 409 id_taken; 422 invalid_field: oneself.
create or replace function api.dm_open(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    peer constant uuid := args ->> 'user';
    low constant uuid := least(ctx.user_id, peer);
    high constant uuid := greatest(ctx.user_id, peer);
    new_id constant uuid := args ->> 'id';
    dm data.channels;
begin
    perform lib.require_session(ctx);
    if peer = ctx.user_id then
        perform lib.fail(422, 'invalid_field', 'This is you.', 'user');
    end if;
    perform lib.lock_users(array[ctx.user_id, peer]);
    select * into dm from data.channels c where c.dm_low = low and c.dm_high = high;
    if not found then
        if not exists (
            select from data.community_members a join data.community_members b using (community_id)
             where a.user_id = ctx.user_id and b.user_id = peer) then
            perform lib.fail(404, 'user_not_found', 'There is no such person in your communities.', 'user');
        end if;
        insert into data.channels (id, kind, dm_low, dm_high, created_by)
        values (new_id, 'dm', low, high, ctx.user_id) on conflict do nothing;
        if not found then
            perform lib.fail(409, 'id_taken', 'Another channel has this id.', 'id');
        end if;
        insert into data.logs (channel_id, dm) values (new_id, true);
        return query select * from lib.channel_add(array[ctx.user_id, peer], array[new_id]);
        select * into dm from data.channels c where c.id = new_id;
    end if;
    return query select null, null, lib.channel_json(dm, ctx.user_id);
end
$$;

-- args {} → {channels: [CHANNEL]}, by age
create or replace function api.dms_list(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    return query
        select null, null, json_build_object('channels', coalesce(
                   json_agg(lib.channel_json(c, ctx.user_id) order by c.created_at, c.id), '[]'))
          from data.channel_members m join data.channels c on c.id = m.channel_id
         where m.user_id = ctx.user_id and c.kind = 'dm';
end
$$;
