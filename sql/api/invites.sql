-- SPDX-License-Identifier: GPL-3.0-or-later
-- Invitations: making, listing, looking at, accepting, withdrawing.

-- args {community, max_uses?, expires_in_hours?} → {code, expires_at, max_uses}. Without max_uses any number, without
-- expires_in_hours a week. 403 forbidden: below moderator; 404 community_not_found; 409 invite_limit; 422
-- invalid_field.
create or replace function api.invite_create(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place constant uuid := args ->> 'community';
    hours constant integer := coalesce((args ->> 'expires_in_hours')::integer, lib.limit('invite_default_hours'));
begin
    perform lib.require_session(ctx);
    perform lib.require_community(place, ctx.user_id);
    if lib.rank(place, ctx.user_id) < 2 then
        perform lib.fail(403, 'forbidden', 'Only moderators and higher can invite people.');
    elsif hours not between 1 and lib.limit('invite_hours') then
        perform lib.fail(422, 'invalid_field',
            format('This must be 1 to %s hours.', lib.limit('invite_hours')), 'expires_in_hours');
    end if;
    perform lib.lock_community(place);
    delete from data.invites i where i.code in (
        select x.code from data.invites x
         where x.community_id = place and (x.expires_at <= now() or x.uses >= x.max_uses) for update skip locked);
    if (select count(*) from data.invites i where i.community_id = place) >= lib.limit('invites_per_community') then
        perform lib.fail(409, 'invite_limit',
            format('A community can have %s open invitations.', lib.limit('invites_per_community')));
    end if;
    return query
        with made as (
            insert into data.invites (code, community_id, created_by, max_uses, expires_at)
            values (lib.invite_code(), place, ctx.user_id, (args ->> 'max_uses')::integer,
                    now() + make_interval(hours => hours))
            returning *
        )
        select null, null, json_build_object('code', i.code, 'expires_at', lib.ms(i.expires_at), 'max_uses', i.max_uses)
          from made i;
end
$$;

-- args {code} → {community: {name}, invited_by: {display_name, username}, members, registration_open}.
-- 404 invite_not_found.
create or replace function api.invite_get(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    invite constant data.invites := lib.invite_find(args ->> 'code');
begin
    return query
        select null, null, json_build_object('community', json_build_object('name', c.name),
                   'invited_by', json_build_object('display_name', u.display_name, 'username', u.username),
                   'members', (select count(*) from data.community_members m where m.community_id = c.id),
                   'registration_open', lib.setting('registration_mode') <> 'closed')
          from data.communities c, data.users u
         where c.id = invite.community_id and u.id = invite.created_by;
end
$$;

-- args {code} → COMMUNITY. A member gets it without using the invite up, so asking again is harmless.
-- 404 invite_not_found; 409 community_full, community_limit.
create or replace function api.invite_accept(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place uuid;
begin
    perform lib.require_session(ctx);
    perform lib.lock_users(array[ctx.user_id]);
    select i.community_id into place
      from data.invites i join data.community_members m on m.community_id = i.community_id and m.user_id = ctx.user_id
     where i.code = lib.invite_read(args ->> 'code');
    if not found then
        place := (lib.invite_find(args ->> 'code')).community_id;
        return query select * from lib.invite_use(args ->> 'code', ctx.user_id);
    end if;
    return query select null, null, lib.community_json(c, ctx.user_id) from data.communities c where c.id = place;
end
$$;

-- args {community} → {invites: [{code, invited_by: {id, username, display_name}, uses, max_uses, created_at, expires_at}]},
-- newest first: those that are still good, all of them for the owner and the admins, their own for others. 404
-- community_not_found. Not paged: their number is bounded.
create or replace function api.invites_list(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place constant uuid := args ->> 'community';
begin
    perform lib.require_session(ctx);
    perform lib.require_community(place, ctx.user_id);
    return query
        select null, null, json_build_object('invites', coalesce(json_agg(json_build_object('code', i.code,
                   'invited_by', lib.person_json(u), 'uses', i.uses, 'max_uses', i.max_uses,
                   'created_at', lib.ms(i.created_at), 'expires_at', lib.ms(i.expires_at))
                   order by i.created_at desc, i.code), '[]'))
          from data.invites i join data.users u on u.id = i.created_by
         where i.community_id = place and i.expires_at > now() and (i.max_uses is null or i.uses < i.max_uses)
           and lib.invite_is_theirs(i, ctx.user_id);
end
$$;

-- args {code} → {}: nobody comes in by it any more. By its maker, and the community's owner and admins; for others it does
-- not exist. 404 invite_not_found: also the second time.
create or replace function api.invite_withdraw(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place uuid;
begin
    perform lib.require_session(ctx);
    select i.community_id into place from data.invites i where i.code = lib.invite_read(args ->> 'code');
    perform lib.lock_community(place);
    delete from data.invites i
     where i.code = lib.invite_read(args ->> 'code') and lib.invite_is_theirs(i, ctx.user_id);
    if not found then
        perform lib.fail(404, 'invite_not_found', 'There is no such invitation, or it is not yours to withdraw.', 'code');
    end if;
    return query select null, null, '{}'::json;
end
$$;
