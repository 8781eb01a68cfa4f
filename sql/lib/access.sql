-- SPDX-License-Identifier: GPL-3.0-or-later
-- Who may do what. What a person may not see does not exist for them: 404, never 403.

-- 404 channel_not_found: what is said of a channel to whoever is not in it.
create or replace function lib.no_channel()
returns void
language plpgsql stable
as $$
begin
    perform lib.fail(404, 'channel_not_found', 'There is no such channel, or you are not in it.');
end
$$;

-- Membership of a channel, or 404 channel_not_found. The instance's owner and admins have no way round it: they may
-- moderate what they are not in, never read it.
create or replace function lib.require_channel(channel_id uuid, user_id uuid)
returns data.channel_members
language plpgsql stable
as $$
declare
    member data.channel_members;
begin
    select * into member
      from data.channel_members m
     where m.channel_id = require_channel.channel_id and m.user_id = require_channel.user_id;
    if not found then
        perform lib.no_channel();
    end if;
    return member;
end
$$;

-- The role in a community, or 404 community_not_found.
create or replace function lib.require_community(community_id uuid, user_id uuid)
returns text
language plpgsql stable
as $$
declare
    role text;
begin
    select m.role into role
      from data.community_members m
     where m.community_id = require_community.community_id and m.user_id = require_community.user_id;
    if not found then
        perform lib.fail(404, 'community_not_found', 'There is no such community, or you are not in it.');
    end if;
    return role;
end
$$;

-- The community of a channel; null: it is a DM.
create or replace function lib.community_of(c data.channels)
returns uuid
language sql stable
as $$
    select g.community_id from data.groups g where g.id = c.group_id
$$;

-- How high a person stands in a community; 0: not at all. The instance's roles (5 and 6) stand above the community's, also
-- when their bearers are not in it: then to remove people, not to see or to invite. An actor acts only on strictly
-- lower ranks.
create or replace function lib.rank(community_id uuid, user_id uuid)
returns integer
language sql stable
as $$
    select greatest(
        (select case u.role when 'owner' then 6 when 'admin' then 5 else 0 end
           from data.users u where u.id = rank.user_id and u.deleted_at is null),
        (select case m.role when 'owner' then 4 when 'admin' then 3 when 'moderator' then 2 else 1 end
           from data.community_members m where m.community_id = rank.community_id and m.user_id = rank.user_id),
        0)
$$;

-- Whether two people are in one channel. A person shares their own channels with themselves.
create or replace function lib.shares_channel(one uuid, other uuid)
returns boolean
language sql stable
as $$
    select shares_channel.one = shares_channel.other or exists (
        select from data.channel_members a
          join data.channel_members b on b.channel_id = a.channel_id and b.user_id = shares_channel.other
         where a.user_id = shares_channel.one)
$$;

-- Whether somebody has left a channel that the reader is in, and may have written what the reader can read there.
create or replace function lib.has_left(reader uuid, gone uuid)
returns boolean
language sql stable
as $$
    select exists (
        select from data.channel_former_members f
          join data.channel_members m on m.channel_id = f.channel_id and m.user_id = has_left.reader
          join data.channels c on c.id = f.channel_id
         where f.user_id = has_left.gone and (c.history = 'all' or f.left_at >= m.joined_at))
$$;

-- Serialises what changes a person's channels or devices, so that each such change sees all earlier ones: else a device
-- added while its owner joins a channel could miss the channel's roster. Locks in the order of ids, before any
-- channel's; not against key checks.
create or replace function lib.lock_users(users uuid[])
returns void
language plpgsql volatile
as $$
begin
    perform from data.users u where u.id = any (lock_users.users) order by u.id for no key update;
end
$$;
