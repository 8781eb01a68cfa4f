-- SPDX-License-Identifier: GPL-3.0-or-later
-- Devices: listing, admitting, renewing, the limit, removal, and who sees whose.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,carl}'::text[]) as p \g /dev/null
select t.community('home', 'anna', 'bob') \g /dev/null

create function pg_temp.enrol(device text, person text, more jsonb default '{}') returns jsonb language sql
as $$ select jsonb_build_object('device', t.device(device), 'account_key', t.b(32, person || 'A'), 'refresh_hash',
    t.b(32, device || more)) || more $$;
insert into t.sessions select p || ' enrolling', t.enrolling(p)
  from unnest('{anna,bob,carl}'::text[]) as p;

-- admitting
select is(roster, 3::bigint, 'one change of roster for each member') from data.channels where id = t.channel('home');
select is(t.refused('device_add', 'bob enrolling', pg_temp.enrol('phone', 'anna')), '422 account_key account_key',
    'a certificate under another''s key');
select is(t.refused('device_add', null, pg_temp.enrol('phone', 'bob')), '401 session_ended', 'nobody adds a device');
select t.signed_in('phone', t.call('device_add', 'bob enrolling', pg_temp.enrol('phone', 'bob'))) \g /dev/null
select is((select array_agg(e) from t.events() as e), array[
    format('ch:%s | epoch 1 | roster', t.channel('home')), format('u:%s |  | devices', t.user('bob'))],
        'a new device is told of');
select is((roster, epoch), (4::bigint, 1::bigint), 'roster + 1, the same epoch') from data.channels
    where id = t.channel('home');
select is(jsonb_path_query_array(t.call('devices_list', 'phone'), '$.devices[*] ? (@.current == true).id'),
    jsonb_build_array(t.id('phone')), 'the own device is marked');
select is((select array_agg(k order by k) from jsonb_object_keys(t.call('devices_list',
    'phone') #> '{devices,0}') as k),
    '{created_at,current,id,last_address,last_used_at,name}', 'DEVICE_INFO');
select is(jsonb_array_length(t.call('devices_list', 'bob') -> 'devices'), 2, 'both are listed');
select is(jsonb_array_length(t.call('devices_list', 'anna') -> 'devices'), 1, 'for their owner only');

-- renewing
create temporary table before on commit drop as select (t.ctx('phone')).session_id as session;
select t.signed_in('phone', t.call('device_add', 'bob enrolling',
    pg_temp.enrol('phone', 'bob', '{"refresh_hash": "RkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkY"}'))) \g /dev/null
select is((select array_agg(e) from t.events() as e), array[format('u:%s | end-session %s | ', t.user('bob'), session)],
    'the same device again: the session before ends, no roster changes') from before;
select isnt((t.ctx('phone')).session_id, session, 'there is a new session') from before;
select is(t.refused('me', 'phone'), 'done', 'which works');
select is(t.refused('device_add', 'anna enrolling', pg_temp.enrol('phone', 'anna')), '409 id_taken device.id',
    'another''s device');
select is(t.refused('device_add', 'bob enrolling', jsonb_set(pg_temp.enrol('phone', 'bob'), '{device,device_key}',
    to_jsonb(t.b(32, 'other')))),
    '409 id_taken device.id', 'the own device with another key');

-- who sees whose
select is(t.call('user_devices', 'anna', jsonb_build_object('user', t.user('bob'))) #>> '{devices,0,created_at}',
    '1700000000123',
    'members of one channel see each other''s devices');
select is(t.call('user_devices', 'anna', jsonb_build_object('user', t.user('bob'))) ->> 'account_key', t.b(32, 'bobA'),
    'and account keys');
select is(jsonb_array_length(t.call('user_devices', 'anna', jsonb_build_object('user', t.user('bob'))) -> 'devices'), 2,
    'all live ones');
select is(jsonb_array_length(t.call('user_devices', 'carl', jsonb_build_object('user', t.user('carl'))) -> 'devices'),
    1, 'one''s own too');
select is(t.refused('user_devices', 'carl', jsonb_build_object('user', t.user('bob'))), '404 user_not_found user',
    'strangers do not');
select is(t.refused('user_devices', 'carl', jsonb_build_object('user', t.id('nobody'))), '404 user_not_found user',
    'nobody looks the same');

-- removal
select is(t.call('auth_logout', 'phone'), '{}', 'the phone logs out');
select is((select array_agg(e) from t.events() as e), array[
    format('ch:%s | removed-device %s 2 | roster', t.channel('home'), t.id('phone')),
    format('u:%s | end-device %s | devices', t.user('bob'), t.id('phone'))],
        'it is detached everywhere, the owner''s others are not');
select is((roster, epoch), (5::bigint, 2::bigint), 'a new epoch') from data.channels where id = t.channel('home');
select is(t.refused('session_start', 'phone'), '401 session_ended', 'it cannot start a session');
select is(t.refused('entry_send', 'phone', t.message(t.channel('home'), 'late')), '401 session_ended', 'nor send');
select is(t.refused('inbox_list', 'phone'), '401 session_ended', 'nor read its inbox');
select is(t.refused('device_add', 'bob enrolling', pg_temp.enrol('phone', 'bob')), '409 device_removed device.id',
    'nor come back');
select is(t.refused('entry_send', 'bob', t.message(t.channel('home'), 'still here')), 'done',
    'the owner''s other device can send');
select is((select array_agg(d ->> 'removed' order by d ->> 'removed')
             from jsonb_array_elements(t.call('user_devices', 'anna', jsonb_build_object('user', t.user('bob'))) -> 'devices') as d),
    array['false', 'true'], 'it is still known, as removed: what it wrote is verified under its key');
select is((select count(*) from jsonb_array_elements(t.call('channel_roster', 'anna',
               jsonb_build_object('channel', t.channel('home'))) -> 'members') as m, jsonb_array_elements(m -> 'devices') as d
            where d ->> 'id' = t.id('phone')::text), 0::bigint, 'but nobody''s reader any more');
select is((select count(*) from data.one_time_prekeys where device_id = t.id('phone'))
        + (select count(*) from data.inboxes where device_id = t.id('phone')), 0::bigint,
            'its prekeys and inbox are gone');

-- the limit
select count(t.another_device('carl ' || i, 'carl')) from generate_series(2, 16) as i \g /dev/null
select is(t.refused('device_add', 'carl enrolling', pg_temp.enrol('one more', 'carl')), '409 device_limit',
    'sixteen are enough');
update data.refresh_tokens k set expires_at = now() from data.sessions s
    where s.id = k.session_id and s.device_id = t.id('carl 7');
select is(t.refused('device_add', 'carl enrolling', pg_temp.enrol('one more', 'carl')), 'done',
    'unless one has run out');
select is(array_agg(name), '{carl 7}', 'which then goes') from data.devices
    where user_id = t.user('carl') and removed_at is not null;
select is(t.refused('device_add', 'carl enrolling', pg_temp.enrol('another', 'carl')), '409 device_limit', 'one only');

select * from finish();
rollback;
