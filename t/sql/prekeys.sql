-- SPDX-License-Identifier: GPL-3.0-or-later
-- Prekeys: the own stock, uploads and their repetition, claims.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,carl}'::text[]) as p \g /dev/null
select t.another_device('phone', 'bob') \g /dev/null
select t.community('home', 'anna', 'bob') \g /dev/null

create function pg_temp.keys(first integer, last integer, seed text default '') returns jsonb language sql
as $$ select jsonb_build_object('one_time_prekeys', jsonb_agg(jsonb_build_object('id', i, 'key', t.b(32, seed || i))))
    from generate_series(first, last) as i $$;
create function pg_temp.claim(variadic devices text[]) returns jsonb language sql
as $$ select jsonb_build_object('devices', array(select t.id(d) from unnest(devices) as d)) $$;

-- the own stock; version 1, suite 1, key id 0x01020304, a key, time 0x018bcfe5687b = 1700000000123, a signature
update data.devices set signed_prekey = '\x010101020304'::bytea || sha256('key') || '\x0000018bcfe5687b'::bytea
    || sha512('signature')
 where id = t.id('anna');
select is(t.call('prekeys_status', 'anna'),
    '{"one_time": 3, "signed": {"key_id": 16909060, "created_at": 1700000000123}}', 'the stock');
select is(t.call('prekeys_upload', 'anna', pg_temp.keys(4, 100)), '{"one_time": 100}', 'more are added');
select is(t.call('prekeys_upload', 'anna', pg_temp.keys(90, 110)), '{"one_time": 110}', 'known ids are skipped');
select is(t.refused('prekeys_upload', 'anna', pg_temp.keys(111, 201)), '409 prekey_limit', 'two hundred are enough');
select is(t.refused('prekeys_upload', 'anna', jsonb_build_object('signed_prekey', t.b(110, 'new'), 'device_key',
    t.b(32, 'bob'))),
    '422 device_key device_key', 'a signed prekey under another''s key');
select is(t.refused('prekeys_upload', 'anna', jsonb_build_object('signed_prekey', t.b(110, 'new'))),
    '422 device_key device_key', 'or under none');
select is(t.refused('prekeys_upload', 'anna', jsonb_build_object('signed_prekey', t.b(110, 'new'), 'device_key',
    t.b(32, 'anna'))), 'done',
    'under the device''s own');
select is(t.refused('prekeys_upload', 'anna', '{"one_time_prekeys": [{"id": 150, "key": "AA"}]}'),
    '422 invalid_field one_time_prekeys.key',
    'a short key');

-- claims
select is(t.call('prekeys_claim', 'anna', pg_temp.claim('bob')) #> '{bundles,0}',
    jsonb_build_object('device', t.id('bob'), 'user', t.user('bob'),
    'device_key', t.b(32, 'bob'), 'certificate', t.b(66, 'bob'), 'created_at', 1700000000123, 'signed_prekey',
        t.b(110, 'bob'),
    'one_time_prekey', jsonb_build_object('id', 1, 'key', t.b(32, 'bob1'))), 'a bundle');
select is(t.call('prekeys_claim', 'anna', pg_temp.claim('bob')) #>> '{bundles,0,one_time_prekey,id}', '2',
    'the next one-time prekey');
select is(t.call('prekeys_claim', 'anna', pg_temp.claim('bob')) #>> '{bundles,0,one_time_prekey,id}', '3', 'the last');
select is(t.call('prekeys_claim', 'anna', pg_temp.claim('bob')) #> '{bundles,0,one_time_prekey}', 'null', 'and none');
select is(t.call('prekeys_upload', 'bob', pg_temp.keys(1, 3, 'bob')), '{"one_time": 0}',
    'what was handed out does not come back');
select is(t.call('prekeys_upload', 'bob', pg_temp.keys(4, 4)), '{"one_time": 1}', 'a new one does');
select is(t.call('prekeys_upload', 'bob', pg_temp.keys(1, 6, 'again')), '{"one_time": 3}',
    'of an upload that is repeated only what is above all earlier ones');
select is(array_agg(lib.b64u(public_key) order by key_id), array[t.b(32, '4'), t.b(32, 'again5'), t.b(32, 'again6')],
    'and no key takes the place of another') from data.one_time_prekeys where device_id = t.id('bob');
select is(jsonb_array_length(t.call('prekeys_claim', 'anna',
    pg_temp.claim('bob', 'phone', 'bob', 'anna', 'carl', 'nobody')) -> 'bundles'), 2,
    'each device once; not the own, no stranger''s, none that is not there');
select is(jsonb_array_length(t.call('prekeys_claim', 'bob', pg_temp.claim('phone')) -> 'bundles'), 1,
    'one''s own other device');
select is(t.call('prekeys_claim', 'carl', pg_temp.claim('bob', 'anna')), '{"bundles": []}', 'strangers get nothing');
select is((select count(*) from data.one_time_prekeys where device_id = t.id('anna')), 110::bigint, 'and take nothing');
select is(t.refused('prekeys_claim', 'anna', jsonb_build_object('devices',
    array(select gen_random_uuid() from generate_series(1, 101)))),
    '422 invalid_field devices', 'a hundred at once');
select is(count(*), 6::bigint, 'each key handed out is noted') from data.prekey_claims;
update data.prekey_claims set claimed_at = now() - interval '25 hours';
select t.call('prekeys_claim', 'anna', pg_temp.claim('phone')) \g /dev/null
select is(count(*), 1::bigint, 'for a day') from data.prekey_claims where claimant = t.user('anna');
delete from data.prekey_claims;
insert into data.prekey_claims (claimant, device_id, claimed_at)
    values (t.user('carl'), t.id('bob'), now() - interval '25 hours'), (t.user('carl'), t.id('bob'), now());
select t.call('prekeys_claim', 'anna', pg_temp.claim('bob')) \g /dev/null
select is(count(*), 1::bigint, 'another''s claims of the device are forgotten as well') from data.prekey_claims
    where claimant = t.user('carl');

-- a stock is not one person's to use up
select t.call('prekeys_upload', 'bob', pg_temp.keys(1001, 1100)) \g /dev/null
delete from data.prekey_claims;
select is(count(nullif(t.call('prekeys_claim', 'anna', pg_temp.claim('bob')) #> '{bundles,0,one_time_prekey}', 'null')),
    10::bigint, 'of twenty claims a day ten get a one-time prekey') from generate_series(1, 20);
select is(t.call('prekeys_claim', 'anna', pg_temp.claim('bob')) #>> '{bundles,0,signed_prekey}', t.b(110, 'bob'),
    'the others a bundle without');
select t.call('prekeys_upload', 'phone', pg_temp.keys(1001, 1002)) \g /dev/null
select isnt(t.call('prekeys_claim', 'anna', pg_temp.claim('phone')) #> '{bundles,0,one_time_prekey}', 'null',
    'each device counts by itself');
update data.prekey_claims set claimed_at = now() - interval '25 hours';
select isnt(t.call('prekeys_claim', 'anna', pg_temp.claim('bob')) #> '{bundles,0,one_time_prekey}', 'null',
    'the next day it goes on');
select t.call('auth_logout', 'phone') \g /dev/null
select is(t.call('prekeys_claim', 'anna', pg_temp.claim('phone')), '{"bundles": []}', 'nothing of a removed device');
select t.call('community_member_remove', 'bob', jsonb_build_object('community', t.id('home'), 'user',
    t.user('bob'))) \g /dev/null
select is(t.call('prekeys_claim', 'anna', pg_temp.claim('bob')), '{"bundles": []}', 'nothing of who has left');
select is(t.call('prekeys_claim', 'bob', pg_temp.claim('anna')), '{"bundles": []}', 'nothing for who has left');

select * from finish();
rollback;
