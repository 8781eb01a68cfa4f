-- SPDX-License-Identifier: GPL-3.0-or-later
-- Joining and leaving a community: what follows for its groups and channels.

-- Serialises changes of a community's members, groups and channels: a new channel and a new member must not miss each
-- other. After lib.lock_users, before any channel.
create or replace function lib.lock_community(community_id uuid)
returns void
language plpgsql volatile
as $$
begin
    perform from data.communities c where c.id = lock_community.community_id for no key update;
end
$$;

-- Makes a person a member, of its public groups and their channels too. Nothing happens to one who is a member already.
-- The caller has locked the person. 409 community_full, community_limit.
create or replace function lib.community_join(community_id uuid, user_id uuid, role text)
returns setof api.row
language plpgsql volatile
as $$
begin
    perform lib.lock_community(community_join.community_id);
    if (select count(*) from data.community_members m where m.user_id = community_join.user_id)
       >= lib.limit('communities_per_user') then
        perform lib.fail(409, 'community_limit',
            format('One person can be in %s communities.', lib.limit('communities_per_user')));
    elsif (select count(*) from data.community_members m where m.community_id = community_join.community_id)
       >= lib.limit('members_per_community') then
        perform lib.fail(409, 'community_full', 'This community is full.');
    end if;
    insert into data.community_members (community_id, user_id, role)
    values (community_join.community_id, community_join.user_id, community_join.role) on conflict do nothing;
    if not found then
        return;
    end if;
    insert into data.group_members (group_id, user_id)
    select g.id, community_join.user_id from data.groups g
     where g.community_id = community_join.community_id and g.is_public
        on conflict do nothing;
    return query select * from lib.channel_add(array[community_join.user_id], array(
        select c.id from data.channels c join data.groups g on g.id = c.group_id
         where g.community_id = community_join.community_id and g.is_public));
    return query select 'u:' || community_join.user_id, '', json_build_object('type', 'communities');
end
$$;

-- Ends a membership, of all its groups and channels too, and the invitations the person made: else who was removed would
-- let themselves in again. The caller has locked the person.
create or replace function lib.community_leave(community_id uuid, user_id uuid)
returns setof api.row
language plpgsql volatile
as $$
declare
    theirs uuid[];
begin
    perform lib.lock_community(community_leave.community_id);
    theirs := array(
        select c.id from data.channels c join data.groups g on g.id = c.group_id
         where g.community_id = community_leave.community_id);
    delete from data.community_members m
     where m.community_id = community_leave.community_id and m.user_id = community_leave.user_id;
    if not found then
        return;
    end if;
    delete from data.group_members m using data.groups g
     where g.id = m.group_id and g.community_id = community_leave.community_id and m.user_id = community_leave.user_id;
    delete from data.invites i
     where i.community_id = community_leave.community_id and i.created_by = community_leave.user_id;
    return query select * from lib.channel_remove(community_leave.user_id, theirs);
    return query select 'u:' || community_leave.user_id, '', json_build_object('type', 'communities');
end
$$;

-- Deletes communities with all that is theirs. The entries last: whoever sends meanwhile waits for the channel's lock and
-- finds it gone.
create or replace function lib.communities_delete(ids uuid[])
returns void
language plpgsql volatile
as $$
declare
    places constant uuid[] := array(
        select c.id from data.channels c join data.groups g on g.id = c.group_id where g.community_id = any (ids));
begin
    perform lib.lock_channels(places);
    delete from data.communities c where c.id = any (ids);
    delete from data.entries e where e.channel_id = any (places);
end
$$;
