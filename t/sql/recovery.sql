-- SPDX-License-Identifier: GPL-3.0-or-later
-- Recovery, changes of credentials, resets, a new identity: the rules that the requests of t/account.t cannot stage.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,carl,dora}'::text[]) as p \g /dev/null
select t.community('home', 'anna', 'bob') \g /dev/null
select t.another_device('phone', 'bob') \g /dev/null

select is(t.refused(f, null), '401 session_ended', f || ' needs a session')
  from unnest('{auth_password,auth_recovery_code,auth_prove,user_reset,account_delete}'::text[]) as f;
select is(t.refused('auth_identity', null, jsonb_build_object('account_key', t.b(32, 'x'))), '401 session_ended',
    'auth_identity needs a session or a login');
select is(t.refused('auth_recovery_complete', null), '401 session_ended', 'and a completion a recovery');

create function pg_temp.credentials(seed text, more jsonb default '{}') returns jsonb language sql
as $$ select jsonb_build_object('salt', t.b(16, seed), 'ops', 4, 'mem', 67108864, 'login_hash', '$argon2id$' || seed,
    'recovery_hash', '$argon2id$r' || seed, 'keyring_password', t.b(150, seed), 'keyring_recovery', t.b(160, seed),
    'refresh_hash', t.b(32, seed || 'refresh')) || more $$;
create function pg_temp.begin_recovery(person text) returns text language plpgsql
as $$
declare
    recovery uuid := t.call('auth_recovery_end', null, jsonb_build_object('user', t.user(person), 'verified',
        (select recovery_hash from data.users where id = t.user(person)))) ->> 'recovery';
begin
    insert into t.sessions values (person || ' recovering', row(t.user(person), null, recovery, '192.0.2.7', 'new', 'r'))
        on conflict on constraint sessions_pkey do update set ctx = excluded.ctx;
    return recovery;
end
$$;

-- the proof of a recovery code
select is(t.call('auth_recovery_begin', null, '{"username": "BOB"}'),
    jsonb_build_object('user', t.user('bob'), 'recovery_hash', '$argon2id$'), 'a recovery begins');
select is(t.call('auth_recovery_begin', null, '{"username": "nobody"}'), '{}', 'an unknown name');
select is(array_agg(failures), '{1,1}', 'both count') from data.login_attempts where not everywhere;
select is(t.call('auth_recovery_end', null, jsonb_build_object('user', t.user('bob'), 'verified', 'another')), '{}',
    'a code that was replaced meanwhile');
select is(failures, 1, 'is no success') from data.login_attempts where name_hash = sha256('bob');
select is(t.call('auth_recovery_end', null, jsonb_build_object('user', t.user('bob'), 'verified', '$argon2id$'))
    - 'recovery', jsonb_build_object('user', jsonb_build_object('id', t.user('bob'), 'username', 'bob', 'display_name',
    'Bob'), 'account_key', t.b(32, 'bobA'), 'backup_key', t.b(32, 'bobB'), 'keyring_recovery', t.b(200, 'bob')),
    'and ends well');
select is(count(*), 0::bigint, 'his failures are forgotten') from data.login_attempts where name_hash = sha256('bob');
select is(expires_at, now() + interval '10 minutes', 'a recovery lasts ten minutes') from data.recoveries;
select is(t.call('auth_recovery_end', null, jsonb_build_object('user', t.id('nobody'), 'verified', '$argon2id$')), '{}',
    'nobody recovers');
update data.recoveries set expires_at = now() - interval '1 hour';
select pg_temp.begin_recovery('bob') \g /dev/null
select is(count(*), 1::bigint, 'what has expired is forgotten') from data.recoveries;

-- completing it
create function pg_temp.completion(device text, person text, seed text) returns jsonb language sql
as $$ select pg_temp.credentials(seed, jsonb_build_object('device', t.device(device), 'account_key',
    t.b(32, person || 'A'))) $$;
select is(t.refused('auth_recovery_complete', 'bob', pg_temp.completion('new', 'bob', 'n')), '401 session_ended',
    'a session is no recovery');
select is(t.refused('auth_recovery_complete', 'bob recovering', pg_temp.completion('new', 'anna', 'n')),
    '422 account_key account_key', 'another''s account key');
select is(t.refused('auth_recovery_complete', 'bob recovering', pg_temp.completion('anna', 'bob', 'n')),
    '409 id_taken device.id', 'another''s device');
insert into t.sessions select 'anna recovering', row(t.user('anna'), null, (t.ctx('bob recovering')).session_id, null,
    null, null)::api.ctx;
select is(t.refused('auth_recovery_complete', 'anna recovering', pg_temp.completion('new', 'anna', 'n')),
    '401 session_ended', 'a recovery of another');
select is(t.refused('me', 'bob recovering'), '401 session_ended', 'which signs nobody in');
insert into t.sessions values ('bob enrolling', t.enrolling('bob'));
select is((select count(*) from data.devices where user_id = t.user('bob') and removed_at is null), 2::bigint,
    'refused, it changes nothing');
select is((select epoch from data.logs where channel_id = t.channel('home')), 1::bigint, 'no epoch either');
select t.signed_in('new', t.call('auth_recovery_complete', 'bob recovering', pg_temp.completion('new', 'bob', 'n')))
    \g /dev/null
select is((select array_agg(e) from t.events() as e), array[
    format('ch:%s | epoch 3 | roster', t.channel('home')),
    format('ch:%s | removed-device %s 2 | roster', t.channel('home'), least(t.id('bob'), t.id('phone'))),
    format('ch:%s | removed-device %s 3 | roster', t.channel('home'), greatest(t.id('bob'), t.id('phone'))),
    format('u:%s |  | devices', t.user('bob')),
    format('u:%s | end-device %s | devices', t.user('bob'), least(t.id('bob'), t.id('phone'))),
    format('u:%s | end-device %s | devices', t.user('bob'), greatest(t.id('bob'), t.id('phone')))],
    'the others are removed, each in an epoch of its own, and the new one comes');
select is(t.refused('me', d), '401 session_ended', d || '''s session has ended') from unnest('{bob,phone}'::text[]) as d;
select is(t.refused('me', 'new'), 'done', 'the new one''s not');
select is((kdf_ops, login_hash, recovery_hash, lib.b64u(keyring_password), lib.b64u(keyring_recovery)),
    (4, '$argon2id$n'::text, '$argon2id$rn'::text, t.b(150, 'n'), t.b(160, 'n')), 'all credentials are new')
  from data.users where id = t.user('bob');
select is(t.refused('auth_recovery_complete', 'bob recovering', pg_temp.completion('new', 'bob', 'n')),
    '401 session_ended', 'once only');
select is(t.refused('device_add', 'bob enrolling', jsonb_build_object('device', t.device('x'), 'account_key',
    t.b(32, 'bobA'), 'refresh_hash', t.b(32, 'x'))), '401 session_ended', 'a login from before admits nothing');
select pg_temp.begin_recovery('bob') \g /dev/null
update data.recoveries set expires_at = now();
select is(t.refused('auth_recovery_complete', 'bob recovering', pg_temp.completion('newer', 'bob', 'm')),
    '401 session_ended', 'not after ten minutes');

-- changes with the password
select is(t.call('auth_prove', 'carl'), jsonb_build_object('user', t.user('carl'), 'login_hash',
    '$argon2id$carl'), 'what the password is compared with');
create function pg_temp.carls() returns bigint language sql
as $$ select count(*) from data.login_attempts a
       where a.name_hash = sha256(convert_to('signed in ' || t.user('carl'), 'UTF8')) $$;
select is(pg_temp.carls(), 1::bigint, 'counts as a failed attempt');
select is(t.refused('auth_password', 'carl', pg_temp.credentials('c', '{"verified": "old"}')), '401 bad_credentials',
    'a password that was changed meanwhile');
update data.users set reset_hash = sha256('code'), reset_expires = now() + interval '1 day' where id = t.user('carl');
select is(t.call('auth_password', 'carl', pg_temp.credentials('c', '{"verified": "$argon2id$carl"}')), '{}',
    'a new password');
select is(pg_temp.carls(), 0::bigint, 'forgets the failures');
select is((login_hash, recovery_hash, lib.b64u(keyring_recovery), reset_hash),
    ('$argon2id$c'::text, '$argon2id$'::text, t.b(200, 'carl'), null::bytea), 'and an admin''s reset, nothing else')
  from data.users where id = t.user('carl');
select pg_temp.begin_recovery('carl') \g /dev/null
select is(t.call('auth_recovery_code', 'carl', pg_temp.credentials('d', '{"verified": "$argon2id$c"}')), '{}',
    'a new recovery code');
select is((login_hash, recovery_hash, lib.b64u(keyring_password)), ('$argon2id$c'::text, '$argon2id$rd'::text,
    t.b(150, 'c')), 'and nothing else') from data.users where id = t.user('carl');
select is(t.refused('auth_recovery_complete', 'carl recovering', pg_temp.completion('y', 'carl', 'y')),
    '401 session_ended', 'ends a recovery that was begun with the old one');

-- a reset
update data.users set role = 'admin' where id in (t.user('bob'), t.user('dora'));
select is(t.refused('user_reset', who, jsonb_build_object('user', t.user(whom), 'reset_hash', t.b(32, 'code'))), result,
    who || ' resets ' || whom)
  from (values ('new', 'dora', '403 forbidden'), ('new', 'anna', '403 forbidden'), ('new', 'new', '403 forbidden'),
      ('carl', 'bob', '403 forbidden'), ('carl', 'nobody', '403 forbidden'), ('new', 'nobody', '404 user_not_found user'),
      ('anna', 'anna', '403 forbidden'), ('anna', 'new', 'done'), ('new', 'carl', 'done')) as v (who, whom, result);
select is(t.call('auth_reset_begin', null, '{"username": "Carl"}'), jsonb_build_object('user', t.user('carl'),
    'reset_hash', t.b(32, 'code')), 'what a code is compared with');
select is(t.call('auth_reset_begin', null, format('{"username": "%s"}', n)::jsonb), '{}', n || ': nothing')
  from unnest('{dora,nobody}'::text[]) as n;
select is(count(*), 3::bigint, 'all count') from data.login_attempts where name_hash in (sha256('carl'), sha256('dora'),
    sha256('nobody'));
select is(t.refused('auth_reset', null, pg_temp.credentials('e', jsonb_build_object('username', 'carl', 'reset_hash',
    t.b(32, 'other')))), '401 bad_credentials', 'a code that was replaced meanwhile');
select is(t.call('auth_reset', null, pg_temp.credentials('e', jsonb_build_object('username', 'Carl', 'reset_hash',
    t.b(32, 'code')))), '{}', 'the code');
select is((login_hash, recovery_hash, keyring_password, lib.b64u(keyring_recovery), reset_hash),
    ('$argon2id$e'::text, '$argon2id$rd'::text, null::bytea, t.b(160, 'd'), null::bytea),
    'gives a password without a keyring') from data.users where id = t.user('carl');
select is(t.refused('me', 'carl'), 'done', 'sessions stay');
select is(t.call('auth_login_end', null, jsonb_build_object('user', t.user('carl'), 'verified', '$argon2id$e'))
    -> 'keyring_recovery', to_jsonb(t.b(160, 'd')), 'login has the other keyring');
select is(t.refused('auth_reset', null, pg_temp.credentials('e', jsonb_build_object('username', 'carl', 'reset_hash',
    t.b(32, 'code')))), '401 bad_credentials', 'once only');

-- a new identity
insert into t.sessions values ('carl enrolling', t.enrolling('carl'));
create function pg_temp.identity(device text, more jsonb default '{}') returns jsonb language sql
as $$ select pg_temp.credentials('f', jsonb_build_object('verified', '$argon2id$e', 'account_key', t.b(32, 'newA'),
    'backup_key', t.b(32, 'newB'), 'device', t.device(device))) || more $$;
select t.call('backup_store', 'carl', jsonb_build_object('items', jsonb_build_array(jsonb_build_object('id', t.id('i'),
    'data', t.b(50))))) \g /dev/null
select is(t.refused('auth_identity', 'carl', pg_temp.identity('z', jsonb_build_object('account_key',
    t.b(32, 'carlA')))), '422 account_key account_key', 'the identity it has');
select is(t.refused('auth_identity', 'carl', pg_temp.identity('z', '{"verified": "old"}')), '401 bad_credentials',
    'a password that was changed meanwhile');
select is(t.refused('auth_identity', 'carl', pg_temp.identity('carl')), '409 device_removed device.id',
    'a device of before');
select t.signed_in('z', t.call('auth_identity', 'carl enrolling', pg_temp.identity('z'))) \g /dev/null
select is((lib.b64u(account_key), lib.b64u(backup_key), login_hash, recovery_hash, lib.b64u(keyring_password)),
    (t.b(32, 'newA'), t.b(32, 'newB'), '$argon2id$e'::text, '$argon2id$rf'::text, t.b(150, 'f')),
    'new keys and a new code, the same password') from data.users where id = t.user('z');
select is(t.refused('me', 'carl'), '401 session_ended', 'no session of before');
select is(t.refused('me', 'z'), 'done', 'but the new one');
select is(t.refused('auth_identity', 'carl enrolling', pg_temp.identity('zz', jsonb_build_object('account_key',
    t.b(32, 'newest')))), '401 session_ended', 'the login is used up');
select is(count(*), 0::bigint, 'the backup is gone') from data.backups where user_id = t.user('z');
select is(t.call('backup_store', 'z', jsonb_build_object('items', jsonb_build_array(jsonb_build_object('id', t.id('i'),
    'data', t.b(50))))), '{"stored": 1}', 'and begins anew');
select is(t.call('backup_list', 'z') -> 'more', 'false', 'from one');

select * from finish();
rollback;
