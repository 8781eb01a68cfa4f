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
select is(roster, 3::bigint, 'one change of roster for each member') from data.logs where channel_id = t.channel('home');
select is(t.refused('device_add', 'bob enrolling', pg_temp.enrol('phone', 'anna')), '422 account_key account_key',
    'a certificate under another''s key');
select is(t.refused('device_add', null, pg_temp.enrol('phone', 'bob')), '401 session_ended', 'nobody adds a device');
select t.signed_in('phone', t.call('device_add', 'bob enrolling', pg_temp.enrol('phone', 'bob'))) \g /dev/null
select is((select array_agg(e) from t.events() as e), array[
    format('ch:%s | epoch 1 | roster', t.channel('home')), format('u:%s |  | devices', t.user('bob'))],
        'a new device is told of');
select is((roster, epoch), (4::bigint, 1::bigint), 'roster + 1, the same epoch') from data.logs
    where channel_id = t.channel('home');
select is(jsonb_path_query_array(t.call('devices_list', 'phone'), '$.devices[*] ? (@.current == true).id'),
    jsonb_build_array(t.id('phone')), 'the own device is marked');
select is((select array_agg(k order by k) from jsonb_object_keys(t.call('devices_list',
    'phone') #> '{devices,0}') as k),
    '{created_at,current,id,last_address,last_used_at,name}', 'DEVICE_INFO');
select is(jsonb_array_length(t.call('devices_list', 'bob') -> 'devices'), 2, 'both are listed');
select ok((t.call('devices_list', 'phone') #>> '{devices,0,created_at}')::bigint > 1700000000123,
    'with when they came, whatever their certificates say');
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
update data.devices d set added_at = now() - interval '11 minutes' where d.id = t.id('phone');
select is(t.refused('device_add', 'bob enrolling', pg_temp.enrol('phone', 'bob')), '409 id_taken device.id',
    'one that has been here for long: who knows a password has not its key');

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
select is((roster, epoch), (5::bigint, 2::bigint), 'a new epoch') from data.logs where channel_id = t.channel('home');
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

-- names and order
select t.another_device('laptop', 'anna') \g /dev/null
update data.sessions set last_used_at = now() - interval '3 days' where device_id = t.id('anna');
select is(t.refused('device_rename', 'laptop', jsonb_build_object('device', t.id('anna'), 'name', ' Kitchen ')), 'done',
    'a device of one''s own gets a name');
select is((select array_agg(e) from t.events() as e), array[format('u:%s |  | devices', t.user('anna'))],
    'the others are told');
select is(jsonb_path_query_array(t.call('devices_list', 'laptop'), '$.devices[*].name'), '["laptop", "Kitchen"]',
    'the calling one first, then by last use');
select is(jsonb_path_query_array(t.call('devices_list', 'anna'), '$.devices[*].name'), '["Kitchen", "laptop"]',
    'each sees its own first');
select is(t.refused('device_rename', 'bob', jsonb_build_object('device', t.id('anna'), 'name', 'Mine')),
    '404 device_not_found device', 'another''s device is not there');
select is(t.refused('device_rename', 'bob', jsonb_build_object('device', t.id('phone'), 'name', 'Back')),
    '404 device_not_found device', 'nor one that was removed');
select is(t.refused('device_rename', 'anna', jsonb_build_object('device', t.id('anna'), 'name', E'\u202eneppo')),
    '422 invalid_field name', 'a name that poses as another');
select is(t.refused('device_rename', null, jsonb_build_object('device', t.id('anna'), 'name', 'x')), '401 session_ended',
    'nobody renames');

-- removing
select is(t.refused('device_remove', 'bob', jsonb_build_object('device', t.id('anna'))), '404 device_not_found device',
    'another''s device cannot be removed');
select is(t.refused('device_remove', null, jsonb_build_object('device', t.id('anna'))), '401 session_ended',
    'nor by nobody');
create temporary table epoch on commit drop as select epoch from data.logs where channel_id = t.channel('home');
select is(t.call('device_remove', 'laptop', jsonb_build_object('device', t.id('anna'))), '{}', 'one''s own can');
select is((select array_agg(e) from t.events() as e), array[
    format('ch:%s | removed-device %s %s | roster', t.channel('home'), t.id('anna'), e.epoch + 1),
    format('u:%s | end-device %s | devices', t.user('anna'), t.id('anna'))],
        'everybody hears') from epoch e;
select is(t.refused('me', 'anna'), '401 session_ended', 'its session has ended');
select is(t.refused('me', 'laptop'), 'done', 'the other one''s has not');
select is((select count(*) from data.one_time_prekeys where device_id = t.id('anna'))
        + (select count(*) from data.inboxes where device_id = t.id('anna')), 0::bigint, 'its prekeys and inbox are gone');
select is(t.refused('device_remove', 'laptop', jsonb_build_object('device', t.id('anna'))),
    '404 device_not_found device', 'twice says so');
select is(t.refused('device_remove', 'laptop', jsonb_build_object('device', t.id('laptop'))), 'done', 'the calling one too');
select is(t.refused('me', 'laptop'), '401 session_ended', 'whose session has ended');

-- who has left is still known to those who can read what they wrote
select t.person(p) from unnest('{dora,erik,fay}'::text[]) as p \g /dev/null
select t.community('club', 'dora', 'erik') \g /dev/null
select is(t.refused('user_devices', 'dora', jsonb_build_object('user', t.user('fay'))), '404 user_not_found user',
    'a stranger');
select t.call('community_member_remove', 'erik', jsonb_build_object('community', t.id('club'), 'user', t.user('erik'))) \g /dev/null
select is(t.call('user_devices', 'dora', jsonb_build_object('user', t.user('erik'))) - '{devices,account_key}'::text[],
    jsonb_build_object('user', t.user('erik'), 'username', 'erik', 'display_name', 'Erik'),
    'who has left is named, with devices');
select is(t.refused('user_devices', 'erik', jsonb_build_object('user', t.user('dora'))), '404 user_not_found user',
    'but sees the others no more');
update data.channel_former_members set left_at = left_at - interval '1 hour';
select t.call('invite_accept', 'fay', jsonb_build_object('code', t.call('invite_create', 'dora',
    jsonb_build_object('community', t.id('club'))) ->> 'code')) \g /dev/null
select is(t.refused('user_devices', 'fay', jsonb_build_object('user', t.user('erik'))), '404 user_not_found user',
    'who came later has nothing of theirs to read');
update data.channels set history = 'all' where id = t.channel('club');
select is(t.refused('user_devices', 'fay', jsonb_build_object('user', t.user('erik'))), 'done',
    'unless all history is for all');
update data.channels set history = 'since_joining' where id = t.channel('club');

-- the sweep
select t.another_device('erik ' || i, 'erik') from generate_series(1, 3) as i \g /dev/null
create function pg_temp.aged(which text[], days integer) returns void language sql
as $$ update data.devices set last_used_at = now() - make_interval(days => days) where name = any (which);
      update data.sessions set last_used_at = now() - make_interval(days => days)
       where device_id in (select id from data.devices where name = any (which)) $$;
create function pg_temp.alive(person text) returns text[] language sql
as $$ select array_agg(name order by name) from data.devices where user_id = t.user(person) and removed_at is null $$;
select pg_temp.aged('{erik 1,erik 2,fay}', 91), pg_temp.aged('{erik 3}', 89) \g /dev/null
update data.instance set swept_at = now() - interval '59 minutes';
select is(t.call('session_start', 'dora') -> 'session', to_jsonb((t.ctx('dora')).session_id),
    'within the hour nothing is swept');
select is(pg_temp.alive('erik'), '{erik,"erik 1","erik 2","erik 3"}', 'all are there');
update data.instance set swept_at = now() - interval '61 minutes';
update data.sessions set last_used_at = now() where device_id = t.id('erik 2');
create temporary table club on commit drop as select epoch from data.logs where channel_id = t.channel('club');
select is(jsonb_path_query_first(t.call('session_start', 'dora'), '$.channels[*] ? (@.id == $id).epoch',
    jsonb_build_object('id', t.channel('club'))), to_jsonb(c.epoch + 1), 'the reply has the epochs that follow') from club c;
select is((select array_agg(e) from t.events() as e where e like 'ch:%' or e like '%end-device%'), array[
    format('ch:%s | removed-device %s %s | roster', t.channel('club'), t.id('fay'), c.epoch + 1)]
    || (select array_agg(e order by e) from unnest(array[
        format('u:%s | end-device %s | devices', t.user('erik'), t.id('erik 1')),
        format('u:%s | end-device %s | devices', t.user('fay'), t.id('fay'))]) as e), 'everybody hears') from club c;
select is(pg_temp.alive('erik'), '{erik,"erik 2","erik 3"}',
    'what is used, by session or device, stays; so does what has been quiet for less than 90 days');
select is(pg_temp.alive('fay'), null, 'what is not used goes, the last one too');
select is(t.refused('me', 'fay'), '401 session_ended', 'its session has ended');
select pg_temp.aged('{erik 3}', 91) \g /dev/null
select t.call('session_start', 'dora') \g /dev/null
select is(pg_temp.alive('erik'), '{erik,"erik 2","erik 3"}', 'once an hour is enough');
select pg_temp.aged(array_agg(name), 100) from data.devices where removed_at is null and user_id = t.user('carl') \g /dev/null
select t.another_device('dora ' || i, 'dora') from generate_series(2, 9) as i \g /dev/null
select pg_temp.aged(array_agg(name), 95) from data.devices where user_id = t.user('dora') \g /dev/null
update data.instance set swept_at = now() - interval '2 hours';
select t.call('session_start', 'dora') \g /dev/null
select is(cardinality(coalesce(pg_temp.alive('carl'), '{}')) + cardinality(pg_temp.alive('dora'))
    + cardinality(pg_temp.alive('erik')), 16 + 9 + 3 - 20, 'twenty at a time');
select is(pg_temp.alive('carl'), null, 'the longest unused first');
select is('dora' = any (pg_temp.alive('dora')), true, 'never the one that calls');

select * from finish();
rollback;
