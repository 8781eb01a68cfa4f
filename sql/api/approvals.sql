-- SPDX-License-Identifier: GPL-3.0-or-later
-- Admitting a new device from one that is signed in. The newcomer's calls come without a session, with a claim of which
-- the worker gives the SHA-256; the approving device's come with the code that a person carried over.

-- args {id, claim_hash, commitment, name} → {code, expires_at}; the same again gives the same code. 409 id_taken; 429
-- rate_limited, details {retry_after}; 503 busy.
create or replace function api.approval_begin(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    a data.approvals;
    claim constant bytea := lib.bytes(args ->> 'claim_hash', 'claim', 32, 32);
    promise constant bytea := lib.bytes(args ->> 'commitment', 'commitment', 32, 32);
begin
    select * into a from data.approvals x where x.id = (args ->> 'id')::uuid;
    if not found then
        perform lib.approval_room(ctx.address);
        insert into data.approvals (id, code, claim_hash, commitment, name, address, expires_at)
        values ((args ->> 'id')::uuid, lib.approval_code(), claim, promise, lib.name(args ->> 'name', 'name', 100),
                ctx.address, now() + make_interval(mins => lib.limit('approval_minutes')::integer))
            on conflict (id) do nothing;
        -- this one, or the same again that came at the same time and was first
        select * into strict a from data.approvals x where x.id = (args ->> 'id')::uuid;
    end if;
    if a.claim_hash <> claim or a.commitment <> promise then
        perform lib.fail(409, 'id_taken', 'Another request has this id.', 'id');
    end if;
    return query select null, null, json_build_object('code', a.code, 'expires_at', lib.ms(a.expires_at));
end
$$;

-- args {code} → {id, commitment, name, address, created_at, key?, nonce?}: key and nonce once the newcomer has revealed
-- them. 404 approval_not_found; 409 conflict: another device has answered.
create or replace function api.approval_get(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    a data.approvals;
begin
    perform lib.require_session(ctx);
    a := lib.approval_find(ctx, args ->> 'code');
    return query
        select null, null, json_strip_nulls(json_build_object('id', a.id, 'commitment', lib.b64u(a.commitment),
                   'name', a.name, 'address', coalesce(host(a.address), ''), 'created_at', lib.ms(a.created_at),
                   'key', lib.b64u(a.key), 'nonce', lib.b64u(a.nonce)));
end
$$;

-- args {code, key} → {}; the first answer stands, the same again is harmless. 404 approval_not_found; 409 conflict.
create or replace function api.approval_answer(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    a data.approvals;
    given constant bytea := lib.bytes(args ->> 'key', 'key', 32, 32);
begin
    perform lib.require_session(ctx);
    a := lib.approval_find(ctx, args ->> 'code');
    if a.answer_key <> given then
        perform lib.fail(409, 'conflict', 'This device has given another answer already.', 'key');
    end if;
    update data.approvals x set approver = ctx.user_id, approver_device = ctx.device_id, answer_key = given
     where x.id = a.id and x.answer_key is null;
    return query select null, null, '{}'::json;
end
$$;

-- args {id, claim_hash} → {state, answer_key?, user?, account_key?, backup_key?, sealed?, expires_in?}: the state
-- "waiting", "answered", "approved" or "refused"; user from "answered" on; keys, sealed and the seconds that an enrol
-- token may live with "approved". 404 approval_not_found.
create or replace function api.approval_poll(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    a constant data.approvals := lib.approval_claimed(args);
    state constant text := case when not lib.approval_stands(a) then 'refused' when a.sealed is not null then 'approved'
                                when a.answer_key is not null then 'answered' else 'waiting' end;
begin
    if state not in ('answered', 'approved') then
        return query select null, null, json_build_object('state', state);
        return;
    end if;
    return query
        select null, null, json_strip_nulls(json_build_object('state', state, 'answer_key', lib.b64u(a.answer_key),
                   'user', lib.person_json(u), 'sealed', lib.b64u(a.sealed),
                   'account_key', case state when 'approved' then lib.b64u(u.account_key) end,
                   'backup_key', case state when 'approved' then lib.b64u(u.backup_key) end,
                   'expires_in', case state when 'approved'
                       then greatest(1, extract(epoch from a.expires_at - now())::integer) end))
          from data.users u where u.id = a.approver;
end
$$;

-- args {id, claim_hash, key, nonce} → {}: what the commitment was made of, once there is an answer that cannot follow it
-- any more. Whether it fits, the approving device checks. 404 approval_not_found; 409 conflict: no answer yet, refused,
-- or something else was revealed.
create or replace function api.approval_reveal(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    a constant data.approvals := lib.approval_claimed(args);
    new_key constant bytea := lib.bytes(args ->> 'key', 'key', 32, 32);
    new_nonce constant bytea := lib.bytes(args ->> 'nonce', 'nonce', 16, 16);
begin
    if a.answer_key is null or not lib.approval_stands(a) then
        perform lib.fail(409, 'conflict', 'No device has answered.');
    elsif a.key <> new_key or a.nonce <> new_nonce then
        perform lib.fail(409, 'conflict', 'Something else was revealed before.', 'key');
    end if;
    update data.approvals x set key = new_key, nonce = new_nonce where x.id = a.id and x.key is null;
    return query select null, null, '{}'::json;
end
$$;

-- args {id, claim_hash} → {}: the newcomer gives the request up, whatever has come of it; what was sealed goes. The same
-- again is harmless. 404 approval_not_found, also when its device is in.
create or replace function api.approval_cancel(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    a constant data.approvals := lib.approval_claimed(args);
begin
    update data.approvals x set refused = true, sealed = null, key = null, nonce = null where x.id = a.id;
    return query select null, null, '{}'::json;
end
$$;

-- args {code, sealed} → {}: the keys, sealed for the newcomer, which has its time from now on. Only from the device that
-- answered, after the newcomer's key; the same again is harmless. 404 approval_not_found; 409 conflict, device_limit.
create or replace function api.approval_approve(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    a data.approvals;
    given constant bytea := lib.bytes(args ->> 'sealed', 'sealed', 1, 1024);
begin
    perform lib.require_session(ctx);
    a := lib.approval_find(ctx, args ->> 'code');
    if a.enrolled is null and a.key is null then
        perform lib.fail(409, 'conflict', 'There is nothing to compare yet.');
    elsif a.sealed <> given then
        perform lib.fail(409, 'conflict', 'Other keys were given before.', 'sealed');
    elsif a.enrolled is null and a.sealed is null then
        perform lib.device_in_the_way(ctx.user_id);
        update data.approvals x
           set sealed = given, expires_at = now() + make_interval(mins => lib.limit('approval_minutes')::integer)
         where x.id = a.id;
    end if;
    return query select null, null, '{}'::json;
end
$$;

-- args {code} → {}: the device that answered refuses, or takes back what the newcomer has not used; what was sealed goes.
-- The same again is harmless. 404 approval_not_found; 409 conflict: not this device's, or the newcomer is in.
create or replace function api.approval_refuse(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    a data.approvals;
begin
    perform lib.require_session(ctx);
    if not exists (
        select from data.approvals x
         where x.code = lib.invite_read(args ->> 'code') and x.refused and x.approver_device = ctx.device_id) then
        a := lib.approval_find(ctx, args ->> 'code');
        if a.approver_device is null then
            perform lib.fail(409, 'conflict', 'Only the device that answers can refuse.', 'code');
        elsif a.enrolled is not null then
            perform lib.fail(409, 'conflict', 'The device is in. Remove it from the list of devices.', 'code');
        end if;
        update data.approvals x set refused = true, sealed = null, key = null, nonce = null where x.id = a.id;
    end if;
    return query select null, null, '{}'::json;
end
$$;
