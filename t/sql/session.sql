-- SPDX-License-Identifier: GPL-3.0-or-later
-- The start of a live session, and catching up by sync.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,carl}'::text[]) as p \g /dev/null
select t.community('home', 'anna', 'bob') \g /dev/null
select t.community('other', 'carl', 'bob') \g /dev/null
select t.call('dm_open', 'anna', jsonb_build_object('id', t.id('dm'), 'user', t.user('bob'))) \g /dev/null

-- starting
select is(t.call('session_start', 'anna') - 'channels', jsonb_build_object('user',
    jsonb_build_object('id', t.user('anna'), 'username', 'anna',
    'display_name', 'Anna', 'role', 'owner'), 'session', (t.ctx('anna')).session_id, 'device', t.id('anna'),
        'inbox_head', 0), 'who one is');
select set_eq($$ select c ->> 'id' from jsonb_array_elements(t.call('session_start', 'anna') -> 'channels') as c $$,
    $$ select unnest(array[t.channel('home'), t.id('dm')])::text $$, 'exactly the channels one is in');
select is(jsonb_path_query_first(t.call('session_start', 'bob'), '$.channels[*] ? (@.id == $c)',
    jsonb_build_object('c', t.channel('home'))),
    jsonb_build_object('id', t.channel('home'), 'head', 0, 'roster', 3, 'epoch', 1),
        'each with head, roster and epoch');
select is(jsonb_array_length(t.call('session_start', 'bob') -> 'channels'), 3, 'across communities');
select t.person('dora') \g /dev/null
select is(t.call('session_start', 'dora') -> 'channels', '[]', 'none for who is in none');

-- syncing
create function pg_temp.sync(who text, variadic asked text[]) returns jsonb language sql
as $$ select t.call('sync', who, jsonb_build_object('channels', jsonb_object(asked))) -> 'channels' $$;
create function pg_temp.short(channels jsonb, channel uuid) returns text language sql
as $$ select coalesce((select (c ->> 'after') || ': ' || coalesce((select min((e ->> 'seq')::int) || '-'
    || max((e ->> 'seq')::int)
                  from jsonb_array_elements(c -> 'entries') as e), 'none') || ' of ' || (c ->> 'head') || ' '
                      || (c ->> 'more')
        from jsonb_array_elements(channels) as c where c ->> 'id' = channel::text), 'not told') $$;
select is(pg_temp.sync('anna', t.channel('home')::text, '0'), '[]', 'nothing moved');
select count(t.send('anna', t.channel('home'), 'h' || i)) from generate_series(1, 20) as i \g /dev/null
select is(pg_temp.short(pg_temp.sync('anna', t.channel('home')::text, '0'), t.channel('home')), '0: 1-20 of 20 false',
    'all from the start');
select is(pg_temp.short(pg_temp.sync('anna', t.channel('home')::text, '15'), t.channel('home')),
    '15: 16-20 of 20 false', 'what came since');
select is(pg_temp.short(pg_temp.sync('anna', t.channel('home')::text, '20'), t.channel('home')), 'not told',
    'nothing came since');
select is(pg_temp.short(pg_temp.sync('anna', t.channel('home')::text, '25'), t.channel('home')), '20: none of 20 false',
    'a client that is ahead is told where the head is');
select is((pg_temp.sync('anna', t.channel('home')::text, '19') #> '{0,entries,0}') - text 'created_at',
    jsonb_build_object('channel', t.channel('home'), 'seq', 20,
    'id', t.id('h20'), 'kind', 'message', 'ref', null, 'thread', null, 'sender', t.user('anna'), 'device', t.id('anna'),
        'epoch', 1,
    'ciphertext', t.b(100, 'h20'), 'commitment', t.b(32, 'h20')), 'entries as they are live');
select is(pg_temp.sync('anna', t.channel('home')::text, '19') -> 0 -> 'roster', '3', 'with roster') union all
select is(pg_temp.sync('anna', t.channel('home')::text, '19') -> 0 -> 'epoch', '1', 'and epoch');
select is(pg_temp.sync('anna', t.channel('other')::text, '0', t.id('nowhere')::text, '0') @> jsonb_build_array(
    jsonb_build_object('id', t.channel('other'), 'removed', true),
        jsonb_build_object('id', t.id('nowhere'), 'removed', true)), true,
    'what one may not read is told as removed, whether it exists or not');
select is(t.refused('sync', 'anna', jsonb_build_object('channels',
    (select jsonb_object_agg(gen_random_uuid(), 0) from generate_series(1, 1001)))),
    '422 invalid_field channels', 'a thousand channels at once');
select is(t.refused('sync', 'anna', jsonb_build_object('channels',
    (select jsonb_object_agg(gen_random_uuid(), 0) from generate_series(1, 1000)))), 'done', 'not more');

-- since joining
select t.call('invite_accept', 'dora', t.call('invite_create', 'anna',
    jsonb_build_object('community', t.id('home')))) \g /dev/null
select is(pg_temp.short(pg_temp.sync('dora', t.channel('home')::text, '0'), t.channel('home')), '20: none of 20 false',
    'who joins begins at the head');
select t.send('anna', t.channel('home'), 'hello') \g /dev/null
select is(pg_temp.short(pg_temp.sync('dora', t.channel('home')::text, '0'), t.channel('home')), '20: 21-21 of 21 false',
    'and gets what follows');
select t.call('community_member_remove', 'dora', jsonb_build_object('community', t.id('home'), 'user',
    t.user('dora'))) \g /dev/null
select is(pg_temp.sync('dora', t.channel('home')::text, '20'),
    jsonb_build_array(jsonb_build_object('id', t.channel('home'), 'removed', true)), 'until they leave');

-- paging: many entries, several channels
insert into data.entries (channel_id, seq, epoch, id, sender, device, kind, commitment, ciphertext)
    select t.channel('other'), i, 1, t.id('o' || i), t.user('carl'), t.id('carl'), 'message', sha256('c'),
        sha256('e') from generate_series(1, 1200) as i;
update data.logs set head = 1200, display = 1200 where channel_id = t.channel('other');
create temporary table page on commit drop as select pg_temp.sync('bob', t.channel('other')::text, '0',
    t.channel('home')::text, '0') as channels;
select is(pg_temp.short(channels, t.channel('home')), '0: 1-21 of 21 false', 'a quiet channel comes whole') from page;
select is(pg_temp.short(channels, t.channel('other')), '0: 1-479 of 1200 true', 'a busy one as far as the page reaches')
    from page;
select is(pg_temp.short(pg_temp.sync('bob', t.channel('other')::text, '479'), t.channel('other')),
    '479: 480-979 of 1200 true', 'and on');
select is(pg_temp.short(pg_temp.sync('bob', t.channel('other')::text, '979'), t.channel('other')),
    '979: 980-1200 of 1200 false', 'to its end');

-- paging: bytes
select count(t.send('anna', t.channel('home'), 'large ' || i, jsonb_build_object('ciphertext', t.b(49152, i::text))))
    from generate_series(1, 30) as i \g /dev/null
select is(pg_temp.short(pg_temp.sync('bob', t.channel('home')::text, '21'), t.channel('home')), '21: 22-28 of 51 true',
    'a reply is bounded in bytes');
select ok(octet_length(t.call('sync', 'bob', jsonb_build_object('channels',
    jsonb_build_object(t.channel('home'), 0, t.channel('other'), 0)))::text) < 600000, 'whatever is asked');
select t.call('dm_open', 'anna', jsonb_build_object('id', t.id('dm'), 'user', t.user('bob'))) \g /dev/null
select is((select string_agg(pg_temp.short(channels, c.id), ', ' order by c.name)
    from (values (t.channel('home'), 'home'), (t.channel('other'), 'other')) as c (id, name)),
    '21: 22-28 of 51 true, 0: none of 1200 true', 'a channel that got nothing says more')
        from pg_temp.sync('bob', t.channel('other')::text, '0', t.channel('home')::text, '21') as channels;

select * from finish();
rollback;
