-- SPDX-License-Identifier: GPL-3.0-or-later
-- Reports: a reader opens a message for those who moderate. The worker compares what they say was written with the
-- commitment that came with it when it was sent, so nothing reaches the list that was not.

-- args {channel, entry} → {commitment} of an entry that one may report. 404 channel_not_found, entry_not_found; 409
-- entry_wiped.
create or replace function api.report_begin(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    return query
        select null, null, json_build_object('commitment', lib.b64u(e.commitment))
          from lib.require_entry((args ->> 'channel')::uuid, (args ->> 'entry')::uuid, ctx.user_id) as e;
end
$$;

-- args {id, channel, entry, payload, commitment, reason?} → {}: keeps a report whose payload the worker has compared with
-- the commitment. One person reports an entry once; again, it is left as it is. As report_begin; and 409 id_taken, 429
-- report_limit.
create or replace function api.report_add(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    e data.entries;
    c data.channels;
    opened constant bytea := lib.bytes(args ->> 'payload', 'payload', 1, lib.limit('report_bytes')::integer);
begin
    perform lib.require_session(ctx);
    e := lib.require_entry((args ->> 'channel')::uuid, (args ->> 'entry')::uuid, ctx.user_id);
    if e.commitment <> lib.bytes(args ->> 'commitment', 'commitment', 32, 32) then
        perform lib.fail(422, 'report_forged', 'This is not what was sent.', 'payload');
    end if;
    -- neither's account goes meanwhile; it may have gone while this waited
    perform lib.lock_users(array[ctx.user_id, e.sender]);
    e := lib.require_entry(e.channel_id, e.id, ctx.user_id);
    if exists (
        select from data.reports r
         where r.channel_id = e.channel_id and r.entry_id = e.id and r.reporter = ctx.user_id) then
        return query select null, null, '{}'::json;
        return;
    elsif (select count(*) from data.reports r
            where r.reporter = ctx.user_id and r.created_at > now() - interval '1 day')
          >= lib.limit('reports_per_day') then
        perform lib.fail(429, 'report_limit',
            format('One person can report %s messages a day.', lib.limit('reports_per_day')));
    end if;
    select * into c from data.channels x where x.id = e.channel_id;
    insert into data.reports (id, channel_id, community_id, entry_id, seq, sender, sender_device, reporter, payload,
                              reason, sent_at, created_at)
    values ((args ->> 'id')::uuid, e.channel_id, lib.community_of(c), e.id, e.seq, e.sender, e.device, ctx.user_id,
            opened, coalesce(btrim(args ->> 'reason'), ''), e.created_at, clock_timestamp())
        on conflict (id) do nothing;
    if not found then
        perform lib.fail(409, 'id_taken', 'Another report has this id.', 'id');
    end if;
    return query select null, null, '{}'::json;
end
$$;

-- args {community?, before?, limit?} → {reports: [REPORT], more}, newest first. 403 forbidden; 404 community_not_found.
create or replace function api.reports_list(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    place constant uuid := args ->> 'community';
begin
    perform lib.require_session(ctx);
    perform lib.require_reports(place, ctx.user_id);
    return query
        select null, null, lib.reports_json(ctx.user_id, place, (args ->> 'before')::uuid,
                   least(coalesce((args ->> 'limit')::bigint, 20), lib.limit('reports')));
end
$$;

-- args {report} → {}; the first who did it stays named. 404 report_not_found: also for who may not list it.
create or replace function api.report_resolve(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    update data.reports r
       set resolved_at = coalesce(r.resolved_at, now()), resolved_by = coalesce(r.resolved_by, ctx.user_id)
     where r.id = (args ->> 'report')::uuid and r.sender <> ctx.user_id
       and lib.rank(r.community_id, ctx.user_id) >= case when r.community_id is null then 5 else 3 end;
    if not found then
        perform lib.fail(404, 'report_not_found', 'There is no such report, or it is not yours to see.', 'report');
    end if;
    return query select null, null, '{}'::json;
end
$$;
