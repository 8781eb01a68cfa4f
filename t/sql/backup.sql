-- SPDX-License-Identifier: GPL-3.0-or-later
-- The backup of history keys: storing, repeating, paging, its bound.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob}'::text[]) as p \g /dev/null
select t.another_device('tablet', 'anna') \g /dev/null

create function pg_temp.items(first integer, last integer, bytes integer default 200) returns jsonb language sql
as $$ select jsonb_build_object('items', coalesce(jsonb_agg(jsonb_build_object('id', t.id('key ' || i), 'data',
    t.b(bytes, 'key ' || i))), '[]')) from generate_series(first, last) as i $$;
create function pg_temp.seqs(page jsonb) returns text language sql
as $$ select coalesce(max((i ->> 'seq')::int) || '-' || min((i ->> 'seq')::int), 'none') || ' ' || (page ->> 'more')
    from jsonb_array_elements(page -> 'items') as i $$;

select is(t.call('backup_list', 'anna'), '{"items": [], "more": false}', 'nothing yet');
select is(t.call('backup_store', 'anna', pg_temp.items(1, 0)), '{"stored": 0}', 'nothing stored');
select is(t.call('backup_store', 'anna', pg_temp.items(1, 100)), '{"stored": 100}', 'a hundred');
select is(t.call('backup_store', 'anna', pg_temp.items(91, 130)), '{"stored": 30}', 'known ids are not stored again');
select is((last_seq, bytes), (130::bigint, 26000::bigint), 'counted') from data.backups;
select is(t.refused('backup_store', 'anna', pg_temp.items(1, 101)), '422 invalid_field items',
    'more than a hundred at once');
select is(t.refused('backup_store', 'anna', pg_temp.items(200, 200, 65537)), '422 invalid_field items.data',
    'too long');
select is(pg_temp.seqs(t.call('backup_list', 'tablet')), '130-31 true',
    'another device of the same person reads them, newest first');
select is(pg_temp.seqs(t.call('backup_list', 'tablet', '{"before": 31}')), '30-1 false', 'to the oldest');
select is(pg_temp.seqs(t.call('backup_list', 'tablet', '{"limit": 500}')), '130-1 false', 'or in one page');
select is(t.call('backup_list', 'anna', '{"limit": 1}') #> '{items,0}',
    jsonb_build_object('seq', 130, 'data', t.b(200, 'key 130')), 'as they were');
select is(t.call('backup_list', 'bob'), '{"items": [], "more": false}', 'nobody else');
select is(t.call('backup_store', 'bob', pg_temp.items(1, 1)), '{"stored": 1}', 'others may use the same ids');
select t.call('backup_store', 'bob', pg_temp.items(2, 51, 65536)) \g /dev/null
select is(pg_temp.seqs(t.call('backup_list', 'bob')), '51-29 true', 'a page is bounded in bytes');
update data.backups set bytes = 268435456 - 250 where user_id = t.user('anna');
select is(t.refused('backup_store', 'anna', pg_temp.items(300, 300)), 'done', 'up to 256 MiB');
select is(t.refused('backup_store', 'anna', pg_temp.items(301, 301)), '409 backup_full', 'not more');
select is(t.refused('backup_store', 'anna', pg_temp.items(300, 300)), 'done', 'repeating is still answered');

select * from finish();
rollback;
