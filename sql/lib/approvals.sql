-- SPDX-License-Identifier: GPL-3.0-or-later
-- Approvals: the place where a new device and one that is signed in meet. The newcomer is known by its claim, of which
-- only the SHA-256 is here; the approving device by the code, and from its answer on by its session. What they tell each
-- other, the server carries and does not judge: they compare what it carried (docs/e2ee.md, approval).

-- 8 characters of Crockford base32, 5 random bits each. Typed ones are read like those of invites (lib.invite_read).
create or replace function lib.approval_code()
returns text
language sql volatile
as $$
    select string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + (get_byte(r.octets, i) & 31), 1), '' order by i)
      from (select uuid_send(gen_random_uuid()) as octets offset 0) as r, unnest('{0,1,2,3,4,5,9,10}'::integer[]) as i
$$;

-- Room for one more: 503 busy when too many are open, 429 rate_limited when too many are from one place. An IPv6
-- place is a /64, of which one customer has all addresses. What has expired goes first; what has ended does not count.
create or replace function lib.approval_room(address inet)
returns void
language plpgsql volatile
as $$
declare
    place constant cidr := network(set_masklen(approval_room.address, case family(address) when 6 then 64 else 32 end));
    everybodys bigint;
    theirs bigint;
begin
    delete from data.approvals a where a.id in (
        select x.id from data.approvals x where x.expires_at <= now() order by x.expires_at limit 100
           for update skip locked);
    select count(*), count(*) filter (where a.address <<= place) into everybodys, theirs
      from data.approvals a where a.expires_at > now() and a.enrolled is null and not a.refused;
    if everybodys >= lib.limit('approvals') then
        perform lib.fail(503, 'busy', 'Too many devices wait to be approved. Try again later.');
    elsif theirs >= lib.limit('approvals_per_address') then
        perform lib.fail(429, 'rate_limited', 'Too many devices wait to be approved from here. Try again later.', null,
            jsonb_build_object('retry_after', 60));
    end if;
end
$$;

-- The approval of a code, locked; unknown, expired, refused and long done look alike: 404 approval_not_found. 409
-- conflict when another device has answered it: so who is not the first learns that somebody was.
create or replace function lib.approval_find(ctx api.ctx, code text)
returns data.approvals
language plpgsql volatile
as $$
declare
    a data.approvals;
begin
    select * into a
      from data.approvals x
     where x.code = lib.invite_read(approval_find.code) and x.expires_at > now() and not x.refused
       for update;
    if not found then
        perform lib.fail(404, 'approval_not_found', 'No device waits under this code. Ask it for a new one.', 'code');
    elsif a.approver_device is not null and a.approver_device <> ctx.device_id then
        perform lib.fail(409, 'conflict', 'Another device has answered this one already.', 'code');
    end if;
    return a;
end
$$;

-- The newcomer's own approval, locked, refused ones too; 404 approval_not_found when the claim is not its, when it has
-- expired, and when its device is in.
create or replace function lib.approval_claimed(args jsonb)
returns data.approvals
language plpgsql volatile
as $$
declare
    a data.approvals;
begin
    select * into a
      from data.approvals x
     where x.id = (args ->> 'id')::uuid and x.claim_hash = lib.bytes(args ->> 'claim_hash', 'claim', 32, 32)
       and x.expires_at > now() and x.enrolled is null
       for update;
    if not found then
        perform lib.fail(404, 'approval_not_found', 'This request has expired. Begin again.', 'id');
    end if;
    return a;
end
$$;

-- Whether the device that answered is still one: what a removed device said does not count.
create or replace function lib.approval_stands(a data.approvals)
returns boolean
language sql stable
as $$
    select not a.refused and (a.approver_device is null or exists (
        select from data.devices d
         where d.id = a.approver_device and d.user_id = a.approver and d.removed_at is null))
$$;

-- Uses an approval for the device that enrols by it: the person whose it becomes, or 401 session_ended. It is good for one
-- device, and for that one as often as it asks; for a new one only, which proves with its certificate that it was given
-- the account's keys. That of a device that is here is known to all, and a stolen access token can approve. The caller has
-- locked the person: the approving device cannot be removed meanwhile.
create or replace function lib.approval_use(ctx api.ctx, device_id uuid)
returns data.users
language plpgsql volatile
as $$
declare
    person data.users;
begin
    update data.approvals a set enrolled = approval_use.device_id, sealed = null, key = null, nonce = null
     where a.id = ctx.session_id and a.approver = ctx.user_id and a.expires_at > now() and lib.approval_stands(a)
       and (a.enrolled = approval_use.device_id or a.enrolled is null and a.sealed is not null and not exists (
           select from data.devices d where d.id = approval_use.device_id));
    if not found then
        perform lib.fail(401, 'session_ended', 'This approval was used, taken back or has expired. Begin again.');
    end if;
    select * into person from data.users u where u.id = ctx.user_id;
    return person;
end
$$;
