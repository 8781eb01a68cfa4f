-- SPDX-License-Identifier: GPL-3.0-or-later
-- Invite codes: making, reading as people type them, and using them up.

-- 13 characters of Crockford base32, 5 random bits each. The six octets of a UUIDv4 before its version, and the seven
-- after its variant, are random.
create or replace function lib.invite_code()
returns text
language sql volatile
as $$
    select string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + (get_byte(r.octets, i) & 31), 1), '' order by i)
      from (select uuid_send(gen_random_uuid()) as octets offset 0) as r,
           unnest('{0,1,2,3,4,5,9,10,11,12,13,14,15}'::integer[]) as i
$$;

-- The stored form of a typed code: any case, and the letters base32 leaves out for looking like digits.
create or replace function lib.invite_read(code text)
returns text
language sql immutable strict
as $$
    select translate(lower(code), 'oil- ', '011')
$$;

-- A good invite, or 404 invite_not_found: unknown, expired, used up and withdrawn look alike.
create or replace function lib.invite_find(code text)
returns data.invites
language plpgsql stable
as $$
declare
    invite data.invites;
begin
    select * into invite
      from data.invites i
     where i.code = lib.invite_read(invite_find.code) and i.expires_at > now()
       and (i.max_uses is null or i.uses < i.max_uses);
    if not found then
        perform lib.fail(404, 'invite_not_found', 'This invitation does not exist, has expired or is used up.', 'code');
    end if;
    return invite;
end
$$;

-- Whether a person has a say in an invite: its maker, and the community's owner and admins; all as long as they are members,
-- for whoever is not in a community neither sees nor invites.
create or replace function lib.invite_is_theirs(invite data.invites, user_id uuid)
returns boolean
language sql stable
as $$
    select exists (
        select from data.community_members m
         where m.community_id = invite.community_id and m.user_id = invite_is_theirs.user_id)
       and (invite.created_by = invite_is_theirs.user_id
            or lib.rank(invite.community_id, invite_is_theirs.user_id) >= 3)
$$;

-- Uses an invite once and makes the person, who is no member yet, a member. The caller has locked the person. The
-- community before the invite, as where memberships and their invites end.
create or replace function lib.invite_use(code text, user_id uuid)
returns setof api.row
language plpgsql volatile
as $$
declare
    target constant uuid := (lib.invite_find(invite_use.code)).community_id;
begin
    perform lib.lock_community(target);
    update data.invites i set uses = i.uses + 1
     where i.code = lib.invite_read(invite_use.code) and (i.max_uses is null or i.uses < i.max_uses);
    if not found then
        perform lib.fail(404, 'invite_not_found', 'This invitation does not exist, has expired or is used up.', 'code');
    end if;
    return query select * from lib.community_join(target, invite_use.user_id, 'member');
end
$$;
