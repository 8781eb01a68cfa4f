-- SPDX-License-Identifier: GPL-3.0-or-later
-- Sending into a channel, repeating, the roster and epoch, and reading history.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,carl,dora}'::text[]) as p \g /dev/null
select t.community('home', 'anna', 'bob') \g /dev/null
select t.community('other', 'carl') \g /dev/null

-- sending
select is(t.send('anna', t.channel('home'), 'one') ->> 'seq', '1', 'the first entry');
select is(jsonb_typeof(payload -> 'created_at'), 'number', 'with its time') from t.rows where topic is null;
select is((select array_agg(e) from t.events() as e), array[format('ch:%s | epoch 1 | entry', t.channel('home'))],
    'is told on the channel');
select is(payload - 'created_at', jsonb_build_object('type', 'entry', 'channel', t.channel('home'), 'seq', 1, 'id',
    t.id('one'), 'kind', 'message', 'ref', null,
    'thread', null, 'sender', t.user('anna'), 'device', t.id('anna'), 'epoch', 1, 'ciphertext', t.b(100, 'one'),
        'commitment', t.b(32, 'one')), 'with all its fields')
  from t.rows where topic is not null;
select is(t.send('bob', t.channel('home'), 'two', jsonb_build_object('ref_id', t.id('one'), 'thread',
    t.id('one'))) ->> 'seq', '2', 'the second, an answer');
select is((head, display), (2::bigint, 2::bigint), 'head and display count') from data.logs
    where channel_id = t.channel('home');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'x',
    jsonb_build_object('ref_id', t.id('nothing')))), '422 ref_not_found ref_id', 'an answer to nothing');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'x', jsonb_build_object('ref_id', t.id('x')))),
    '422 ref_not_found ref_id', 'to itself');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'x',
    jsonb_build_object('thread', t.id('nothing')))), '422 thread_not_found thread', 'no such thread');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'x', '{"kind": "tombstone"}')),
    '422 invalid_field kind', 'no such kind');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'x',
    jsonb_build_object('ciphertext', t.b(49153)))), '422 invalid_field ciphertext', 'too long');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'x', '{"ciphertext": ""}')),
    '422 invalid_field ciphertext', 'empty');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'x', '{"ciphertext": "a+/="}')),
    '422 invalid_field ciphertext', 'not base64url');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'x', jsonb_build_object('commitment', t.b(31)))),
    '422 invalid_field commitment', 'a short commitment');
select is(t.send('anna', t.channel('home'), 'big', jsonb_build_object('ciphertext', t.b(49152))) ->> 'seq', '3',
    '48 KiB');
select is((select array_agg(seq order by seq) from data.entries), '{1,2,3}', 'refusals leave no holes');

-- repeating
create temporary table first on commit drop as select t.message(t.channel('home'), 'again') as args;
select is((t.call('entry_send', 'anna', args)), t.call('entry_send', 'anna', args),
    'the same sending again gives the first result') from first;
select is((select count(*) from t.events()), 0::bigint, 'without an event');
select is(t.refused('entry_send', 'bob', args), '409 id_taken id', 'another sender') from first;
select is(t.refused('entry_send', 'anna', args || jsonb_build_object('ciphertext', t.b(100, 'else'))),
    '409 id_taken id', 'another content') from first;
select is(t.refused('entry_send', 'carl', args), '404 channel_not_found', 'an outsider learns nothing') from first;
select t.another_device('tablet', 'anna') \g /dev/null
select is(t.refused('entry_send', 'tablet', args || '{"roster": 4}'), '409 id_taken id', 'another device') from first;
select is(t.refused('entry_send', 'anna', args), 'done', 'the first result also when the roster has changed since')
    from first;
select is(head, 4::bigint, 'one entry') from data.logs where channel_id = t.channel('home');
select t.call('entry_send', 'carl', t.message(t.channel('other'), 'again')) \g /dev/null
select is(seq, 1::bigint, 'the same id in another channel is another entry') from data.entries
    where channel_id = t.channel('other');

-- roster and epoch
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'y', '{"roster": 3}')), '409 roster_stale',
    'an old roster');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'y', '{"roster": 5}')), '409 roster_stale',
    'a roster to come');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'y', '{"epoch": 0}')), '409 epoch_stale',
    'an old epoch');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'y', '{"epoch": 2}')), '409 epoch_stale',
    'an epoch to come');
do $$
declare
    details text;
begin
    perform t.call('entry_send', 'anna', t.message(t.channel('home'), 'y', '{"epoch": 0}'));
exception when others then
    get stacked diagnostics details = pg_exception_hint;
    perform set_config('t.details', details, true);
end
$$;
select is(current_setting('t.details')::jsonb, '{"roster": 4, "epoch": 1}', 'the refusal tells the current ones');
select is(t.refused('entry_send', 'carl', t.message(t.channel('home'), 'y', '{"epoch": 0}')), '404 channel_not_found',
    'not to outsiders');
select is(t.refused('entry_send', 'carl', t.message(t.channel('home'), 'y')), '404 channel_not_found',
    'who cannot send with the right ones either');
select is(t.refused('entry_send', 'anna', t.message(t.channel('home'), 'y')
    || jsonb_build_object('channel', t.id('nowhere'))), '404 channel_not_found', 'no such channel');
select is(head, 4::bigint, 'nothing was counted') from data.logs where channel_id = t.channel('home');

-- the roster
select is(t.call('channel_roster', 'bob', jsonb_build_object('channel', t.channel('home'))) - 'members',
    jsonb_build_object('channel', t.channel('home'), 'roster', 4, 'epoch', 1, 'history', 'since_joining'),
    'the roster names its version, and the policy');
select is(jsonb_path_query_array(t.call('channel_roster', 'bob', jsonb_build_object('channel', t.channel('home'))),
    '$.members[*] ? (@.username == "anna").devices[*].id'),
    (select jsonb_agg(i order by i) from unnest(array[t.id('anna'), t.id('tablet')]) as i), 'and every device');
select is((select array_agg(k order by k) from jsonb_object_keys(t.call('channel_roster', 'bob',
    jsonb_build_object('channel', t.channel('home'))) #> '{members,0}') as k),
    '{account_key,devices,display_name,user,username}', 'with these fields');
select is(t.refused('channel_roster', 'carl', jsonb_build_object('channel', t.channel('home'))),
    '404 channel_not_found', 'not for outsiders');

-- history
select count(t.send('bob', t.channel('home'), 'h' || i)) from generate_series(5, 30) as i \g /dev/null
create function pg_temp.seqs(page jsonb) returns text language sql
as $$ select coalesce(min((e ->> 'seq')::int) || '-' || max((e ->> 'seq')::int), 'none') || ' ' || count(*) || ' '
    || (page ->> 'more') from jsonb_array_elements(page -> 'entries') as e $$;
create function pg_temp.history(who text, more jsonb) returns text language sql
as $$ select pg_temp.seqs(t.call('channel_entries', who, jsonb_build_object('channel', t.channel('home')) || more)) $$;
select is(pg_temp.history('bob', '{}'), '1-30 30 false', 'fifty by default');
select is(pg_temp.history('bob', '{"limit": 10}'), '21-30 10 true', 'the newest ten');
select is(t.call('channel_entries', 'bob', jsonb_build_object('channel', t.channel('home'), 'limit',
    1)) #>> '{entries,0,seq}', '30', 'the newest first');
select is(pg_temp.history('bob', '{"limit": 10, "before": 21}'), '11-20 10 true', 'the ten before');
select is(pg_temp.history('bob', '{"limit": 10, "before": 11}'), '1-10 10 false', 'the first ten');
select is(pg_temp.history('bob', '{"before": 1}'), 'none 0 false', 'none before the first');
select is((t.call('channel_entries', 'bob', jsonb_build_object('channel', t.channel('home'), 'before',
    2)) #> '{entries,0}') - text 'created_at',
    jsonb_build_object('channel', t.channel('home'), 'seq', 1, 'id', t.id('one'), 'kind', 'message', 'ref', null,
        'thread', null, 'sender', t.user('anna'),
        'device', t.id('anna'), 'epoch', 1, 'ciphertext', t.b(100, 'one'), 'commitment', t.b(32, 'one')),
            'the same fields as live');
select is(t.refused('channel_entries', 'carl', jsonb_build_object('channel', t.channel('home'))),
    '404 channel_not_found', 'not for outsiders');
select is(t.refused('channel_entries', 'nobody', jsonb_build_object('channel', t.channel('none'))), '401 session_ended',
    'and who is not signed in hears nothing of the channel');
update data.users set role = 'admin' where id = t.user('carl');
select is(t.refused('channel_entries', 'carl', jsonb_build_object('channel', t.channel('home'))),
    '404 channel_not_found', 'nor for the installation''s admins');
select is(t.refused('channel_roster', 'carl', jsonb_build_object('channel', t.channel('home'))),
    '404 channel_not_found', 'who do not see the roster');
select is(t.refused('channel_entries', 'anna', jsonb_build_object('channel', t.channel('other'))),
    '404 channel_not_found', 'nor its owner');

-- since joining
create temporary table invite on commit drop as select t.call('invite_create', 'anna',
    jsonb_build_object('community', t.id('home'))) as code;
select t.call('invite_accept', 'dora', code) from invite \g /dev/null
select is(pg_temp.history('dora', '{}'), 'none 0 false', 'who joins sees nothing of before');
select t.send('anna', t.channel('home'), 'hello dora'), t.send('anna', t.channel('home'), 'how are you') \g /dev/null
select is(pg_temp.history('dora', '{}'), '31-32 2 false', 'but what comes after');
select is(pg_temp.history('dora', '{"limit": 1}'), '32-32 1 true', 'page by page');
update data.channels set history = 'all' where id = t.channel('home');
select is(pg_temp.history('dora', '{}'), '1-32 32 false', 'unless the channel shows all');

-- bytes
select count(t.send('bob', t.channel('home'), 'large ' || i, jsonb_build_object('ciphertext', t.b(49152, i::text))))
    from generate_series(1, 40) as i \g /dev/null
select is(pg_temp.history('bob', '{"limit": 100}'), '42-72 31 true', 'a page is bounded in bytes');
select is(pg_temp.history('bob', '{"limit": 100, "before": 42}'), '1-41 41 false', 'the next begins where it ended');

select * from finish();
rollback;
