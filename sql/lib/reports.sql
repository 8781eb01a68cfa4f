-- SPDX-License-Identifier: GPL-3.0-or-later
-- Reports: what may be reported, who sees them, and a page of them.

-- An entry that the person may read, or 404 channel_not_found, entry_not_found; 409 entry_wiped: its author's account was
-- deleted, and what it said with it.
create or replace function lib.require_entry(channel_id uuid, entry_id uuid, user_id uuid)
returns data.entries
language plpgsql stable
as $$
declare
    member constant data.channel_members := lib.require_channel(require_entry.channel_id, require_entry.user_id);
    e data.entries;
begin
    select x.* into e
      from data.entries x join data.channels c on c.id = x.channel_id
     where x.channel_id = require_entry.channel_id and x.id = require_entry.entry_id
       and (c.history = 'all' or x.seq > member.joined_seq);
    if not found then
        perform lib.fail(404, 'entry_not_found', 'There is no such entry, or it is not yours to read.', 'entry');
    elsif e.commitment is null then
        perform lib.fail(409, 'entry_wiped', 'What this said was deleted with its author''s account.', 'entry');
    end if;
    return e;
end
$$;

-- Whether a person may list the reports of a community (null: of everywhere): its owner and admins, and the
-- instance's, who alone see those of direct messages. 403 forbidden; 404 community_not_found.
create or replace function lib.require_reports(community_id uuid, user_id uuid)
returns void
language plpgsql stable
as $$
declare
    rank constant integer := lib.rank(require_reports.community_id, require_reports.user_id);
    needed constant integer := case when require_reports.community_id is null then 5 else 3 end;
begin
    if require_reports.community_id is not null and (rank < 5 or not exists (
        select from data.communities c where c.id = require_reports.community_id)) then
        perform lib.require_community(require_reports.community_id, require_reports.user_id);
    end if;
    if rank < needed then
        perform lib.fail(403, 'forbidden', 'Only the owner and the admins see reports.');
    end if;
end
$$;

-- A page of reports, of a community or (null) of everywhere, before one of them (null: from the newest), without those
-- about the viewer: nobody is told who reported them, nor judges it.
create or replace function lib.reports_json(viewer uuid, community_id uuid, before uuid, most bigint)
returns json
language sql stable
as $$
    with page as (
        select r.report as r, (r.report).created_at, (r.report).id, sum(lib.cost((r.report).payload)) over w as bytes,
               row_number() over w as place
          from (select x as report from data.reports x
                 where (reports_json.community_id is null or x.community_id = reports_json.community_id)
                   and x.sender <> viewer and (before is null or (x.created_at, x.id) < (
                       select b.created_at, b.id from data.reports b where b.id = before))
                 order by x.created_at desc, x.id desc limit most + 1) as r
        window w as (order by (r.report).created_at desc, (r.report).id desc)
    )
    select json_build_object('reports', coalesce(json_agg(lib.report_json(p.r) order by p.place)
               filter (where p.place <= most and (p.place = 1 or p.bytes <= lib.limit('page_bytes'))), '[]'),
               'more', coalesce(bool_or(p.place > most or p.place > 1 and p.bytes > lib.limit('page_bytes')), false))
      from page p
$$;

create or replace function lib.report_json(r data.reports)
returns json
language sql stable
as $$
    select json_build_object('id', r.id, 'community', r.community_id, 'channel', r.channel_id,
        'kind', case when r.community_id is null then 'dm' else 'text' end, 'entry', r.entry_id, 'seq', r.seq,
        'sender', (select lib.person_json(u) from data.users u where u.id = r.sender),
        'reporter', (select lib.person_json(u) from data.users u where u.id = r.reporter),
        'payload', lib.b64u(r.payload), 'reason', r.reason, 'sent_at', lib.ms(r.sent_at),
        'created_at', lib.ms(r.created_at), 'resolved_at', lib.ms(r.resolved_at), 'resolved_by', r.resolved_by)
$$;
