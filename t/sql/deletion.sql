-- SPDX-License-Identifier: GPL-3.0-or-later
-- Deleting an account: whom it does not let go, what goes, what stays.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,carl,dora}'::text[]) as p \g /dev/null
select t.community('home', 'anna', 'bob', 'carl') \g /dev/null
select t.community('away', 'anna', 'bob') \g /dev/null
select t.community('bob''s', 'bob', 'carl') \g /dev/null
select t.community('alone', 'bob') \g /dev/null
select t.another_device('phone', 'bob') \g /dev/null
create function pg_temp.leave_taking(who text) returns jsonb language sql
as $$ select jsonb_build_object('verified', '$argon2id$' || who) $$;

-- whom it does not let go
select is(t.refused('account_delete', 'bob', '{"verified": "old"}'), '401 bad_credentials',
    'a password that was changed meanwhile');
do $$
declare
    details text;
begin
    perform t.call('account_delete', 'bob', pg_temp.leave_taking('bob'));
exception when sqlstate 'TA409' then
    get stacked diagnostics details = pg_exception_hint;
    perform set_config('t.details', details, true);
end
$$;
select is(current_setting('t.details')::jsonb, jsonb_build_object('communities', jsonb_build_array(t.id('bob''s'))),
    'the owner of a community that others are in, which is told');
select is(t.refused('account_delete', 'anna', pg_temp.leave_taking('anna')), '409 owner_stays', 'the instance''s owner');
select t.call('community_member_remove', 'carl', jsonb_build_object('community', t.id('bob''s'), 'user', t.user('carl')))
    \g /dev/null
select t.community('dora''s', 'dora') \g /dev/null

-- what bob leaves behind
select t.send('bob', t.channel('home'), 'one') \g /dev/null
select t.send('anna', t.channel('home'), 'two', jsonb_build_object('ref_id', t.id('one'))) \g /dev/null
select t.send('bob', t.channel('home'), 'three') \g /dev/null
select t.send('bob', t.channel('away'), 'left') \g /dev/null
select t.call('community_member_remove', 'bob', jsonb_build_object('community', t.id('away'), 'user', t.user('bob')))
    \g /dev/null
select t.call('dm_open', 'bob', jsonb_build_object('id', t.id('dm'), 'user', t.user('carl'))) \g /dev/null
select t.call('inbox_deliver', 'anna', jsonb_build_object('channel', t.channel('home'), 'items', jsonb_build_array(
    jsonb_build_object('device', t.id('phone'), 'id', t.id('key'), 'payload', t.b(90))))) \g /dev/null
select t.call('inbox_deliver', 'bob', jsonb_build_object('channel', t.channel('home'), 'items', jsonb_build_array(
    jsonb_build_object('device', t.id('anna'), 'id', t.id('key'), 'payload', t.b(90))))) \g /dev/null
insert into data.reports (id, channel_id, entry_id, seq, sender, sender_device, reporter, payload, sent_at)
values (t.id('about bob'), t.channel('home'), t.id('one'), 1, t.user('bob'), t.id('bob'), t.user('anna'), 'x', now()),
       (t.id('by bob'), t.channel('home'), t.id('two'), 2, t.user('anna'), t.id('anna'), t.user('bob'), 'y', now());
select t.send('bob', t.channel('alone'), 'to nobody') \g /dev/null
select t.call('inbox_deliver', 'phone', jsonb_build_object('channel', t.channel('home'), 'items', jsonb_build_array(
    jsonb_build_object('device', t.id('anna'), 'id', t.id('key 2'), 'payload', t.b(90))))) \g /dev/null
select t.call('inbox_deliver', 'carl', jsonb_build_object('channel', t.channel('home'), 'items', jsonb_build_array(
    jsonb_build_object('device', t.id('anna'), 'id', t.id('carl''s key'), 'payload', t.b(90))))) \g /dev/null
create temporary table bobs as select t.user('bob') as id, t.channel('home') as home, t.channel('away') as away,
    t.channel('alone') as alone, t.channel('bob''s') as was_shared, t.id('dm') as dm;

select is(t.call('account_delete', 'phone', pg_temp.leave_taking('bob')), '{}', 'deleted');
select is((select array_agg(e) from t.events() as e where e like 'ch:%'), (select array_agg(e order by e) from bobs b,
    unnest(array[format('ch:%s | removed %s 2 | roster', b.home, b.id), format('ch:%s | removed %s 2 | roster', b.dm, b.id),
        format('ch:%s | removed %s 2 | roster', b.alone, b.id), format('ch:%s | removed %s 3 | roster', b.was_shared, b.id),
        format('ch:%s |  | sender_wiped', b.home), format('ch:%s |  | sender_wiped', b.away)]) as e),
    'removed from every channel, wiped wherever he wrote');
select is((select array_agg(e) from t.events() as e where e like 'u:%end-device%'), (select array_agg(e order by e)
    from bobs b, unnest(array[t.id('bob'), t.id('phone')]) as d, format('u:%s | end-device %s | devices', b.id, d) as e),
    'the sockets of his devices are closed');
select is((select payload from t.rows, bobs where payload ->> 'type' = 'sender_wiped' and topic = 'ch:' || home),
    jsonb_build_object('type', 'sender_wiped', 'channel', home, 'sender', id), 'readers are told whose') from bobs;

-- what stays
select results_eq($$ select e.seq, e.id, e.ciphertext is null, e.commitment is null, l.display from data.entries e
      join data.logs l on l.channel_id = e.channel_id join bobs b on b.home = e.channel_id order by e.seq $$,
    $$ values (1::bigint, t.id('one'), true, true, 3::bigint), (2::bigint, t.id('two'), false, false, 3::bigint),
        (3::bigint, t.id('three'), true, true, 3::bigint) $$, 'the log has no hole');
select is(count(*), 0::bigint, 'nothing of his can be read, in channels he left either') from data.entries e, bobs b
 where e.sender = b.id and (e.ciphertext is not null or e.commitment is not null);
select is(t.call('channel_entries', 'anna', jsonb_build_object('channel', home)) #> '{entries,0,ciphertext}', 'null',
    'history has null') from bobs;
select is(jsonb_path_query_array(t.call('sync', 'anna', jsonb_build_object('channels', jsonb_build_object(home::text, 0))),
    '$.channels[0].entries[*].commitment'), jsonb_build_array(null, t.b(32, 'two'), null), 'and sync') from bobs;
select is(t.call('channel_entries', 'anna', jsonb_build_object('channel', home, 'limit', 1)) -> 'more', 'true',
    'pages go on behind a wiped entry') from bobs;
create function pg_temp.wiped(who text, channel uuid, heard jsonb, last integer default 3) returns jsonb language sql
as $$ select (t.call('sync', who, jsonb_build_object('channels', jsonb_build_object(channel, last)) || heard)
    #> '{channels,0}') - '{id,head,roster,epoch,after}'::text[] $$;
select is(pg_temp.wiped('anna', home, '{"wiped": {}}'), jsonb_build_object('entries', '[]'::jsonb, 'more', false, 'wiped',
    jsonb_build_object('to', 1, 'senders', jsonb_build_array(id))), 'who has all entries is told what to forget') from bobs;
select is(pg_temp.wiped('anna', away, jsonb_build_object('wiped', jsonb_build_object(home, 1)), 1) -> 'wiped',
    jsonb_build_object('to', 1, 'senders', jsonb_build_array(id)), 'also where he had left') from bobs;
select is(pg_temp.wiped('anna', home, jsonb_build_object('wiped', jsonb_build_object(home, 1))), null,
    'who has heard it is not') from bobs;
select is(pg_temp.wiped('anna', home, h), null, 'nor who does not ask') from bobs, unnest('{"{}","{\"wiped\": null}"}'::jsonb[])
    as h;
select is(pg_temp.wiped('anna', home, '{"wiped": {}}', 0) #>> '{wiped,to}', '1', 'with entries too') from bobs;
select is(pg_temp.wiped('dora', home, '{"wiped": {}}'), '{"removed": true}', 'nobody else') from bobs;
select is(t.call('channel_entries', 'anna', jsonb_build_object('channel', home)) -> 'wiped', '1', 'a page says how many')
  from bobs;
select is(jsonb_path_query_first(t.call('communities_list', 'anna'), '$.communities[*].groups[*].channels[*] ? (@.id == $c)',
    jsonb_build_object('c', home)) -> 'wiped', '1', 'and the channel') from bobs;
select is(t.call('dms_list', 'carl') #> '{channels,0,wiped}', '0', 'not where he wrote nothing');
select is(array_agg(lib.b64u(i.payload) || i.seq), array[t.b(90) || 3], 'what he sent to inboxes is gone, not what others did')
  from data.inbox_items i where i.device_id = t.id('anna');
select is(t.call('inbox_list', 'anna') -> 'more', 'false', 'where nothing is missing');
select is((username like 'deleted-%', display_name, role, account_key, login_hash, keyring_recovery),
    (true, 'Deleted account'::text, 'member'::text, null::bytea, null::text, null::bytea), 'the row is a name for the log')
  from data.users u, bobs b where u.id = b.id;
select is(count(*), 0::bigint, 'of his communities the empty ones are gone') from data.communities
 where id in (t.id('alone'), t.id('bob''s'));
select is_empty($$ select e.id from data.entries e where not exists (select from data.channels c where c.id = e.channel_id) $$,
    'and with them what was written there');
select is_empty($$ select v.* from bobs b, lateral (values
    ('data.devices', (select count(*) from data.devices where user_id = b.id)),
    ('data.sessions', (select count(*) from data.sessions where user_id = b.id)),
    ('data.inboxes', (select count(*) from data.inboxes where device_id in (t.id('bob'), t.id('phone')))),
    ('data.one_time_prekeys', (select count(*) from data.one_time_prekeys where device_id in (t.id('bob'), t.id('phone')))),
    ('data.backups', (select count(*) from data.backups where user_id = b.id)),
    ('data.recoveries', (select count(*) from data.recoveries where user_id = b.id)),
    ('data.invites', (select count(*) from data.invites where created_by = b.id)),
    ('data.community_members', (select count(*) from data.community_members where user_id = b.id)),
    ('data.channel_members', (select count(*) from data.channel_members where user_id = b.id)),
    ('data.channel_former_members', (select count(*) from data.channel_former_members where user_id = b.id)),
    ('data.login_attempts', (select count(*) from data.login_attempts where name_hash in (sha256('bob'),
        sha256(convert_to('signed in ' || b.id, 'UTF8'))))))
    as v (r, n) where n > 0 $$, 'nothing else of his is left');
select results_eq('select id, reporter from data.reports', $$ values (t.id('by bob'), null::uuid) $$,
    'what he reported stays without him, what was reported of him is gone');
select is(t.refused('account_delete', 'bob', pg_temp.leave_taking('bob')), '401 session_ended', 'and he is not there');
select is(t.refused('user_devices', 'anna', jsonb_build_object('user', id)), '404 user_not_found user',
    'nobody asks for his devices, who has something of them in the inbox either') from bobs;
select is(t.call('auth_prelogin', null, '{"username": "bob"}'), '{}', 'his name is nobody''s');
select t.call('auth_login_begin', null, '{"username": "bob"}') \g /dev/null
select is(t.call('auth_login_end', null, jsonb_build_object('user', id, 'verified', null)), '{}', 'nobody logs in')
  from bobs;
select is(t.call('dms_list', 'carl') #>> '{channels,0,peer,display_name}', 'Deleted account', 'a DM''s other side sees it');
select is(t.refused('entry_send', 'carl', t.message(dm, 'alone', '{"envelopes": []}')), 'done', 'and is alone there')
  from bobs;
select is(t.refused('dm_open', 'anna', jsonb_build_object('id', t.id('dm2'), 'user', id)), '404 user_not_found user',
    'nobody opens a new one') from bobs;
select throws_ok('update data.entries set commitment = null where seq = 2', '23514', null, 'an entry is wiped whole or not');

-- who wrote much: step by step, and not at all where an account may not go
select t.person('erna') \g /dev/null
select t.community('erna''s', 'erna', 'anna') \g /dev/null
insert into data.entries (channel_id, seq, epoch, id, sender, device, kind, commitment, ciphertext)
select t.channel('erna''s'), s, 1, gen_random_uuid(), t.user('erna'), t.id('erna'), 'message', sha256('x'), 'x'
  from generate_series(1, 20001) as s;
select is(t.refused('account_delete', 'erna', pg_temp.leave_taking('erna')), '409 owner_stays', 'who may not go');
create function pg_temp.left_of_ernas() returns bigint language sql
as $$ select count(*) from data.entries e where e.sender = t.user('erna') and e.ciphertext is not null $$;
select is(pg_temp.left_of_ernas(), 20001::bigint, 'loses nothing');
update data.community_members set role = 'admin'
 where community_id = t.id('erna''s') and user_id = t.user('erna');
select is(t.call('account_delete', 'erna', pg_temp.leave_taking('erna')), '{"more": true}', 'a step');
select is(pg_temp.left_of_ernas(), 1::bigint, 'wipes a part');
select is((select array_agg(e) from t.events() as e), array[format('ch:%s |  | sender_wiped', t.channel('erna''s'))],
    'readers are told');
select is(pg_temp.wiped('anna', t.channel('erna''s'), '{"wiped": {}}', 0) -> 'wiped', null, 'which is not the end of it');
select is(t.call('account_delete', 'erna', pg_temp.leave_taking('erna')), '{}', 'the last step');
select is(pg_temp.wiped('anna', t.channel('erna''s'), '{"wiped": {}}', 0) #> '{wiped,senders,0}', to_jsonb(id),
    'is noted for good') from data.users where id = t.user('erna');
select is(pg_temp.left_of_ernas(), 0::bigint, 'wipes the rest');
select is(t.refused('account_delete', 'erna', pg_temp.leave_taking('erna')), '401 session_ended', 'and the account is gone');

-- an admin may go, and who owns nothing
update data.users set role = 'admin' where id = t.user('carl');
select is(t.refused('account_delete', 'carl', pg_temp.leave_taking('carl')), 'done', 'an admin goes');
select is(t.refused('account_delete', 'dora', pg_temp.leave_taking('dora')), 'done', 'and who is alone in all they own');

-- many who are gone
insert into data.channel_wiped select b.home, i, t.id('gone ' || i) from bobs b, generate_series(2, 1500) as i;
insert into data.channel_wiped select b.away, i, t.id('gone ' || i) from bobs b, generate_series(2, 3) as i;
update data.channels set wiped = 1500 from bobs where channels.id = home;
update data.channels set wiped = 3 from bobs where channels.id = away;
create temporary table first as select c from bobs, jsonb_array_elements(t.call('sync', 'anna', jsonb_build_object('channels',
    jsonb_build_object(home, 3, away, 1), 'wiped', '{}'::jsonb)) -> 'channels') as c;
select is(sum(jsonb_array_length(c #> '{wiped,senders}')), 1000::bigint, 'a thousand in one reply') from first;
select is((select c -> 'more' from first, bobs where c ->> 'id' = home::text), 'true', 'and there are more');
select is(jsonb_array_length(pg_temp.wiped('anna', home, jsonb_build_object('wiped', jsonb_build_object(home, 1000)))
    #> '{wiped,senders}'), 500, 'which come when they are asked for') from bobs;

select * from finish();
rollback;
