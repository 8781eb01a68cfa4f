-- SPDX-License-Identifier: GPL-3.0-or-later
-- Pages of things: how much of what was asked for goes into one reply. Every page is bounded in number and in bytes,
-- and holds one item at least, so that whoever pages on comes to the end. In plpgsql, which keeps the plans of a
-- connection: a function in SQL with queries like these is planned anew at each call, which took longer than the page.

-- What stored bytes cost in a reply, about: base64url, and the fields round it, which a wiped entry has too.
create or replace function lib.cost(sealed bytea)
returns bigint
language sql immutable parallel safe
as $$
    select coalesce(octet_length(sealed), 0)::bigint * 4 / 3 + 400
$$;

-- Behind every seq.
create or replace function lib.endless()
returns bigint
language sql immutable parallel safe
as $$
    select 9223372036854775807
$$;

-- What a reader missed, in pieces: channels is {id: last seq it has}. Entries begin behind "after", the last seq or, where only
-- what came since joining is theirs, the joining. Channels with little to tell come first, so that one busy channel
-- does not keep the others waiting; a channel that got less than its due says more. wiped is {id: how many deleted senders
-- it has heard of}, and the others are told; null: they are not asked for.
create or replace function lib.missed(reader uuid, channels jsonb, wiped jsonb)
returns setof api.entry_row
language plpgsql stable
as $$
begin
    return query
        with asked as (
            select k.key::uuid as id, min(k.value::bigint) as last,
                   min(case when missed.wiped is null then lib.endless()
                            else coalesce((missed.wiped ->> k.key)::bigint, 0) end) as wiped
              from jsonb_each_text(channels) as k group by 1
        ), moved as (
            select c.id, l.head, l.roster, l.epoch, a.wiped as heard, c.wiped, p.after, l.head - p.after as due,
                   (sum(l.head - p.after) over (order by l.head - p.after, c.id))::bigint as upto
              from asked a
              join data.channel_members m on m.channel_id = a.id and m.user_id = reader
              join data.logs l on l.channel_id = a.id
              join data.channels c on c.id = a.id,
                   lateral (select case c.history when 'all' then 0 else m.joined_seq end as joined) as j,
                   lateral (select least(l.head, greatest(a.last, j.joined)) as after) as p
             where l.head <> a.last or c.wiped > a.wiped
        ), gone as (
            select w.channel_id as id, max(w.place) as upto, json_agg(w.sender order by w.place) as senders
              from (select x.* from moved m join data.channel_wiped x on x.channel_id = m.id and x.place > m.heard
                     order by x.channel_id, x.place limit lib.limit('sync_wiped')) as w group by w.channel_id
        ), page as (
            -- bigint on both sides, and a limit that never cuts, keep this to the part of each channel that is due
            select g.id, e.entry as e, (e.entry).seq, sum(lib.cost((e.entry).ciphertext)) over w as bytes,
                   row_number() over w as place
              from moved g, lateral (
                select x as entry from data.entries x
                 where x.channel_id = g.id and x.seq > g.after
                   and x.seq <= g.after + least(g.due, lib.limit('sync_entries') - g.upto + g.due)
                 order by x.seq limit lib.limit('sync_entries')) as e
            window w as (order by g.due, g.id, (e.entry).seq)
        ), kept as (
            select p.id, p.seq, p.e from page p where p.place = 1 or p.bytes <= lib.limit('frame_bytes')
        ), told as (
            select m.id, m.head, m.roster, m.epoch, m.after, coalesce(k.last, m.after) < m.head
                   or coalesce(g.upto, m.heard) < m.wiped as more,
                   '"wiped":{"to":' || g.upto || ',"senders":' || g.senders || '},' as wiped
              from moved m left join (select x.id, max(x.seq) as last from kept x group by x.id) as k on k.id = m.id
              left join gone g on g.id = m.id
        ), piece as (
            select null::uuid as id, 0 as place, '{"channels":[' as text, null::data.entries as e
            union all
            select t.id, 0, '{"id":"' || t.id || '","head":' || t.head || ',"roster":' || t.roster || ',"epoch":' || t.epoch
                   || ',"after":' || t.after || ',"entries":[', null from told t
            union all
            select k.id, k.seq, null, k.e from kept k
            union all
            select t.id, lib.endless(), '],' || coalesce(t.wiped, '') || '"more":' || t.more || '}', null from told t
            union all
            select a.id, 0, '{"id":"' || a.id || '","removed":true}', null
              from asked a
             where not exists (select from data.channel_members m where m.channel_id = a.id and m.user_id = reader)
            union all
            select null, lib.endless(), ']}', null
        )
        select (lib.entry_row(null, null, p.text, null, p.e)).* from piece p
         order by p.place = lib.endless() and p.id is null, p.id nulls first, p.place;
end
$$;

-- The items of a device's inbox behind a seq, in order.
create or replace function lib.inbox_page_json(device_id uuid, after bigint, most bigint)
returns json
language plpgsql stable
as $$
begin
    return (
        with page as (
            select i.item as i, (i.item).seq, sum(lib.cost((i.item).payload)) over w as bytes, row_number() over w as place
              from (select x as item from data.inbox_items x
                     where x.device_id = inbox_page_json.device_id and x.seq > after order by x.seq limit most) as i
            window w as (order by (i.item).seq)
        ), kept as (
            select * from page p where p.place = 1 or p.bytes <= lib.limit('frame_bytes')
        )
        select json_build_object('items', coalesce(
                   json_agg(lib.inbox_json(k.i) order by k.seq) filter (where k.seq is not null), '[]'),
                   'more', coalesce(max(k.seq) < b.last_seq, false))
          from data.inboxes b left join kept k on true
         where b.device_id = inbox_page_json.device_id group by b.last_seq);
end
$$;

-- The backup items of a person before a seq (null: from the end), newest first.
create or replace function lib.backup_page_json(owner uuid, before bigint, most bigint)
returns json
language plpgsql stable
as $$
begin
    return (
        with page as (
            select i.sealed, i.seq, sum(lib.cost(i.sealed)) over w as bytes, row_number() over w as place
              from (select x.seq, x.sealed from data.backup_items x
                     where x.user_id = owner and x.seq < coalesce(before, lib.endless()) order by x.seq desc limit most) as i
            window w as (order by i.seq desc)
        ), kept as (
            select * from page p where p.place = 1 or p.bytes <= lib.limit('page_bytes')
        )
        select json_build_object('items', coalesce(json_agg(json_build_object('seq', k.seq, 'data', lib.b64u(k.sealed))
                   order by k.seq desc), '[]'), 'more', coalesce(min(k.seq) > 1, false))
          from kept k);
end
$$;
