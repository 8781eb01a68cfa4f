-- SPDX-License-Identifier: GPL-3.0-or-later
-- Direct messages: opening, listing, and the envelopes of a send.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,carl,dora}'::text[]) as p \g /dev/null
select t.another_device('bob''s phone', 'bob') \g /dev/null
select t.community('home', 'anna', 'bob', 'carl') \g /dev/null

create function pg_temp.with_(who text, id text) returns jsonb language sql
as $$ select jsonb_build_object('id', t.id(id), 'user', t.user(who)) $$;
create function pg_temp.envelopes(variadic devices text[]) returns jsonb language sql
as $$ select jsonb_build_object('envelopes', jsonb_agg(jsonb_build_object('device', t.id(d), 'id', t.id('to ' || d),
    'payload', t.b(60, d)))) from unnest(devices) as d $$;

-- opening
select is(t.refused('dm_open', 'anna', pg_temp.with_('anna', 'x')), '422 invalid_field user', 'not with oneself');
select is(t.refused('dm_open', 'anna', pg_temp.with_('dora', 'x')), '404 user_not_found user', 'not with strangers');
select is(t.refused('dm_open', 'anna', jsonb_build_object('id', t.id('x'), 'user', t.id('nobody'))),
    '404 user_not_found user', 'nor with nobody');
select is(t.refused('dm_open', 'anna', pg_temp.with_('bob', 'x') || jsonb_build_object('id', t.channel('home'))),
    '409 id_taken id', 'nor under a channel''s id');
select is(t.call('dm_open', 'anna', pg_temp.with_('bob', 'dm')),
    jsonb_build_object('id', t.id('dm'), 'kind', 'dm', 'name', '', 'topic', '', 'head', 0,
    'display', 0, 'roster', 2, 'epoch', 1, 'history', 'since_joining', 'wiped', 0, 'peer',
        jsonb_build_object('id', t.user('bob'), 'username', 'bob', 'display_name', 'Bob')),
    'with someone of the same community');
select is((select array_agg(e order by e) from t.events() as e),
    (select array_agg(e order by e) from unnest(array[format('ch:%s | epoch 1 | roster', t.id('dm')),
    format('u:%s | attach ch:%s 1 | channel_added', t.user('anna'), t.id('dm')),
    format('u:%s | attach ch:%s 1 | channel_added', t.user('bob'), t.id('dm'))]) as e), 'both are attached');
select is(payload #>> '{channel,peer,username}', 'anna', 'each learns of the other') from t.rows
    where topic = 'u:' || t.user('bob');
select is(t.call('dm_open', 'bob', pg_temp.with_('anna', 'other id')) ->> 'id', t.id('dm')::text,
    'the other one opens the same');
select is((select count(*) from t.events()), 0::bigint, 'and nothing happens');
select is(t.call('dms_list', 'bob') #>> '{channels,0,peer,username}', 'anna', 'listed for one');
select is(t.call('dms_list', 'anna') #>> '{channels,0,peer,username}', 'bob', 'and for the other');
select is(t.call('dms_list', 'carl'), '{"channels": []}', 'and for nobody else');

-- sending
select is(t.refused('entry_send', 'anna', t.message(t.id('dm'), 'one')), '422 envelopes envelopes',
    'without envelopes');
select is(t.refused('entry_send', 'anna', t.message(t.id('dm'), 'one', pg_temp.envelopes('bob'))),
    '422 envelopes envelopes', 'one too few');
select is(t.refused('entry_send', 'anna', t.message(t.id('dm'), 'one',
    pg_temp.envelopes('bob', 'bob''s phone', 'carl'))), '422 envelopes envelopes', 'one too many');
select is(t.refused('entry_send', 'anna', t.message(t.id('dm'), 'one',
    pg_temp.envelopes('bob', 'bob''s phone', 'anna'))), '422 envelopes envelopes', 'the sending device');
select is(t.refused('entry_send', 'anna', t.message(t.id('dm'), 'one',
    pg_temp.envelopes('bob', 'bob', 'bob''s phone'))), '422 envelopes envelopes', 'one twice');
select is(t.refused('entry_send', 'carl', t.message(t.id('dm'), 'one',
    pg_temp.envelopes('bob', 'bob''s phone', 'anna'))), '404 channel_not_found', 'by someone else');
select is(head, 0::bigint, 'nothing was counted') from data.logs where channel_id = t.id('dm');
select is(t.send('anna', t.id('dm'), 'one', pg_temp.envelopes('bob', 'bob''s phone')) ->> 'seq', '1', 'exactly right');
select is((select array_agg(e) from t.events() as e), (select array_agg(e order by e)
    from unnest(array[format('ch:%s | epoch 1 | entry', t.id('dm')),
    format('d:%s |  | inbox', t.id('bob')), format('d:%s |  | inbox', t.id('bob''s phone'))]) as e),
        'the entry, and an envelope for each device');
select is(payload -> 'item', jsonb_build_object('seq', 1, 'id', t.id('to bob'), 'channel', t.id('dm'), 'ref',
    t.id('one'), 'sender', t.user('anna'),
    'device', t.id('anna'), 'payload', t.b(60, 'bob'), 'created_at', lib.ms(now())), 'an inbox item') from t.rows
        where topic = 'd:' || t.id('bob');
select is(t.send('anna', t.id('dm'), 'one', pg_temp.envelopes('bob', 'bob''s phone')) ->> 'seq', '1',
    'again: the first result');
select is((select count(*) from data.inbox_items), 2::bigint, 'and no second envelope');
select is(t.send('bob', t.id('dm'), 'two', pg_temp.envelopes('anna', 'bob''s phone')) ->> 'seq', '2',
    'the answer, also to the sender''s other device');
select t.call('auth_logout', 'bob''s phone') \g /dev/null
select is(t.refused('entry_send', 'anna', t.message(t.id('dm'), 'three',
    pg_temp.envelopes('bob') || '{"roster": 2, "epoch": 1}')), '409 epoch_stale',
    'a device was removed: first the new roster');
select is(t.send('anna', t.id('dm'), 'three', pg_temp.envelopes('bob')) ->> 'seq', '3', 'then without it');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'x', pg_temp.envelopes('bob'))),
    '422 envelopes envelopes', 'a community''s channel takes no envelopes');

-- a DM outlives the community
select t.call('community_member_remove', 'bob', jsonb_build_object('community', t.id('home'), 'user',
    t.user('bob'))) \g /dev/null
select is(t.send('bob', t.id('dm'), 'four', pg_temp.envelopes('anna')) ->> 'seq', '4',
    'a DM goes on when the community does not');
select is(t.call('dm_open', 'anna', pg_temp.with_('bob', 'y')) ->> 'id', t.id('dm')::text, 'and can be opened');

-- one that a function of before the logs has made
insert into data.channels (id, kind, dm_low, dm_high)
select t.id('late'), 'dm', least(t.user('anna'), t.user('carl')), greatest(t.user('anna'), t.user('carl'));
select throws_ok(format('select lib.channel_add(array[%L::uuid], array[%L::uuid])', t.user('anna'), t.id('late')), '40001', null,
    'is not joined: workers ask again');

select * from finish();
rollback;
