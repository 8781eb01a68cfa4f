-- SPDX-License-Identifier: GPL-3.0-or-later
-- Communities and their members.

-- args {} → {communities: [COMMUNITY]}
create or replace function api.communities_list(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    return query
        select null, null, json_build_object('communities', coalesce(
                   json_agg(lib.community_json(c, ctx.user_id) order by m.joined_at, c.id), '[]'))
          from data.community_members m join data.communities c on c.id = m.community_id
         where m.user_id = ctx.user_id;
end
$$;

-- args {id, name} → COMMUNITY, with the group "General" and in it the text channel "general". Asked again with the same
-- id, its maker gets the same community. 403 forbidden; 409 id_taken.
create or replace function api.community_create(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    new_id constant uuid := args ->> 'id';
    general constant uuid := lib.uuid7();
    talk constant uuid := lib.uuid7();
begin
    perform lib.require_session(ctx);
    perform lib.lock_users(array[ctx.user_id]);
    if lib.setting('community_creation') <> 'open'
       and (select u.role from data.users u where u.id = ctx.user_id) not in ('owner', 'admin') then
        perform lib.fail(403, 'forbidden', 'Only the owner and the admins here can create communities.');
    end if;
    insert into data.communities (id, name, created_by)
    values (new_id, lib.name(args ->> 'name', 'name', 100), ctx.user_id)
        on conflict do nothing;
    if found then
        insert into data.groups (id, community_id, name) values (general, new_id, 'General');
        insert into data.channels (id, kind, group_id, name, created_by)
        values (talk, 'text', general, 'general', ctx.user_id);
        insert into data.logs (channel_id, dm) values (talk, false);
        return query select * from lib.community_join(new_id, ctx.user_id, 'owner');
    elsif not exists (
        select from data.communities c
          join data.community_members m on m.community_id = c.id and m.user_id = ctx.user_id
         where c.id = new_id and c.created_by = ctx.user_id) then
        perform lib.fail(409, 'id_taken', 'Another community has this id.', 'id');
    end if;
    return query select null, null, lib.community_json(c, ctx.user_id) from data.communities c where c.id = new_id;
end
$$;

-- args {community} → COMMUNITY. 404 community_not_found.
create or replace function api.community_get(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    target constant uuid := args ->> 'community';
begin
    perform lib.require_session(ctx);
    perform lib.require_community(target, ctx.user_id);
    return query select null, null, lib.community_json(c, ctx.user_id) from data.communities c where c.id = target;
end
$$;

-- args {community} → {members: [{id, username, display_name, role, joined_at}]}, by name. 404 community_not_found.
create or replace function api.community_members(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    target constant uuid := args ->> 'community';
begin
    perform lib.require_session(ctx);
    perform lib.require_community(target, ctx.user_id);
    return query
        select null, null, json_build_object('members', json_agg(json_build_object('id', u.id,
                   'username', u.username, 'display_name', u.display_name, 'role', m.role,
                   'joined_at', lib.ms(m.joined_at)) order by u.username))
          from data.community_members m join data.users u on u.id = m.user_id
         where m.community_id = target;
end
$$;

-- args {community, user} → {}. Oneself: leave. Another: remove, by a moderator or higher, of strictly lower rank; the
-- instance's owner and admins also where they are not members.
-- 403 forbidden; 404 community_not_found, member_not_found; 409 owner_stays: ownership is handed over first.
create or replace function api.community_member_remove(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place constant uuid := args ->> 'community';
    target constant uuid := args ->> 'user';
    target_role text;
begin
    perform lib.require_session(ctx);
    perform lib.lock_users(array[ctx.user_id, target]);
    if lib.rank(place, ctx.user_id) < 5 then
        perform lib.require_community(place, ctx.user_id);
    end if;
    select m.role into target_role from data.community_members m where m.community_id = place and m.user_id = target;
    if not found then
        perform lib.fail(404, 'member_not_found', 'This person is not in the community.', 'user');
    elsif target <> ctx.user_id and lib.rank(place, ctx.user_id) <= greatest(1, lib.rank(place, target)) then
        perform lib.fail(403, 'forbidden', 'You can remove only people whose role is below yours.');
    elsif target_role = 'owner' then
        perform lib.fail(409, 'owner_stays', 'The owner cannot leave before someone else owns the community.');
    end if;
    return query select * from lib.community_leave(place, target);
    return query select null, null, '{}'::json;
end
$$;
