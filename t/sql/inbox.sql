-- SPDX-License-Identifier: GPL-3.0-or-later
-- Device inboxes: delivering, repeating, reading, acknowledging.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,carl}'::text[]) as p \g /dev/null
select t.another_device('phone', 'bob') \g /dev/null
select t.community('home', 'anna', 'bob') \g /dev/null

create function pg_temp.items(variadic items text[]) returns jsonb language sql
as $$ select jsonb_build_object('channel', t.channel('home'), 'items',
    jsonb_agg(jsonb_build_object('device', t.id(split_part(i, ' ', 1)), 'id', t.id(i), 'payload', t.b(80, i))))
    from unnest(items) as i $$;
create function pg_temp.inbox(who text, more jsonb default '{}') returns text language sql
as $$ select coalesce(string_agg(i ->> 'seq', ','), 'empty') || ' ' || bool_or((r -> 'more')::boolean)
    from t.call('inbox_list', who, more) as r left join lateral jsonb_array_elements(r -> 'items') as i on true $$;

-- delivering
select is(t.call('inbox_deliver', 'anna', pg_temp.items('bob 1', 'phone 1', 'bob 2')), '{"delivered": 3}',
    'three items to two devices');
select is((select array_agg(topic || ' ' || (payload #>> '{item,seq}') order by topic, place) from t.rows
    where topic is not null),
    (select array_agg(x order by x) from unnest(array['d:' || t.id('bob') || ' 1', 'd:' || t.id('bob') || ' 2',
        'd:' || t.id('phone') || ' 1']) as x), 'each told to its device, in order');
select is(pg_temp.inbox('bob'), '1,2 false', 'the inbox of one');
select is(t.call('inbox_list', 'phone') #> '{items,0}', jsonb_build_object('seq', 1, 'id', t.id('phone 1'), 'channel',
    t.channel('home'), 'ref', null,
    'sender', t.user('anna'), 'device', t.id('anna'), 'payload', t.b(80, 'phone 1'), 'created_at', lib.ms(now())),
        'an item');
select is(t.call('inbox_deliver', 'anna', pg_temp.items('bob 1', 'bob 3', 'bob 3')), '{"delivered": 3}',
    'a repeated delivery');
select is(pg_temp.inbox('bob'), '1,2,3 false', 'stores what is new, once');
select is(t.call('inbox_deliver', 'bob', pg_temp.items('bob 9', 'phone 1', 'anna 1')), '{"delivered": 2}',
    'to one''s own other device, not to the sending one');
select is(pg_temp.inbox('phone'), '1,2 false', 'the same id from another device is another item');
select is(t.call('inbox_deliver', 'anna', pg_temp.items('carl 1', 'nobody 1')), '{"delivered": 0}',
    'nobody outside the channel gets any');
select is(t.refused('inbox_deliver', 'carl', pg_temp.items('bob 7')), '404 channel_not_found',
    'nobody outside the channel sends any');
select is(t.refused('inbox_deliver', 'anna', pg_temp.items('bob 7') || '{"items": []}'), '422 invalid_field items',
    'none');
select is(t.refused('inbox_deliver', 'anna', (select pg_temp.items(variadic array_agg('bob x' || i))
    from generate_series(1, 101) as i)), '422 invalid_field items', 'more than a hundred');
select is(t.refused('inbox_deliver', 'anna', jsonb_set(pg_temp.items('bob 7'), '{items,0,payload}',
    to_jsonb(t.b(4097)))), '422 invalid_field payload', 'too long');

-- reading and acknowledging
select is(t.call('session_start', 'bob') -> 'inbox_head', '3', 'ready tells the head');
select is(pg_temp.inbox('bob', '{"after": 1}'), '2,3 false', 'after what one has');
select is(pg_temp.inbox('bob', '{"limit": 2}'), '1,2 true', 'page by page');
select is(t.call('inbox_ack', 'bob', '{"seq": 2}'), '{}', 'acknowledged');
select is(pg_temp.inbox('bob'), '3 false', 'is removed');
select is(t.call('inbox_ack', 'bob', '{"seq": 1}'), '{}', 'again, or less');
select is(t.call('inbox_ack', 'bob', '{"seq": 99}'), '{}', 'or more than there is');
select is(pg_temp.inbox('bob'), 'empty false', 'nothing is left');
select is(pg_temp.inbox('phone'), '1,2 false', 'but on the other device');
select t.call('inbox_deliver', 'anna', pg_temp.items('bob 4')) \g /dev/null
select is(pg_temp.inbox('bob'), '4 false', 'counting goes on');

-- bounds
select count(t.call('inbox_deliver', 'anna', (select pg_temp.items(variadic array_agg('phone ' || k || ' ' || i))
    from generate_series(1, 100) as i))) from generate_series(1, 49) as k \g /dev/null
select is(pg_temp.inbox('phone') like '1,2,%200 true', true, 'a page has two hundred');
select is(t.refused('inbox_deliver', 'anna', (select pg_temp.items(variadic array_agg('phone last ' || i))
    from generate_series(1, 100) as i)), 'done', 'almost five thousand');
select is(t.refused('inbox_deliver', 'anna', pg_temp.items('phone more')), '429 inbox_full', 'five thousand wait');
select is(t.refused('inbox_deliver', 'bob', pg_temp.items('phone more')), 'done', 'others can still deliver');
select is(t.refused('inbox_deliver', 'anna', pg_temp.items('bob more')), 'done', 'to others too');
select t.call('inbox_ack', 'phone', '{"seq": 5000}') \g /dev/null
select is(t.refused('inbox_deliver', 'anna', pg_temp.items('phone more')), 'done', 'once fetched, there is room');

-- who is gone
select t.call('auth_logout', 'phone') \g /dev/null
select is(t.call('inbox_deliver', 'anna', pg_temp.items('phone z', 'bob z')), '{"delivered": 1}',
    'a removed device gets none');
select t.call('community_member_remove', 'bob', jsonb_build_object('community', t.id('home'), 'user',
    t.user('bob'))) \g /dev/null
select is(t.call('inbox_deliver', 'anna', pg_temp.items('bob zz')), '{"delivered": 0}', 'nor who has left');
select is(t.refused('inbox_deliver', 'bob', pg_temp.items('anna zz')), '404 channel_not_found', 'who delivers none');

select * from finish();
rollback;
