-- SPDX-License-Identifier: GPL-3.0-or-later
-- Setup, registration, login, token rotation, logout.

begin;
\ir lib/people.sql
select no_plan();

select is(t.call('auth_config', null), '{"kdf": {"mem": 67108864, "ops": 3}, "instance": {"name": "Chatalot"},
    "setup_required": true, "registration_mode": "invite_only",
        "community_creation": "admin_only"}', 'an empty instance');
set local chatalot.instance_name = 'Home';
set local chatalot.registration_mode = 'open';
select is(t.call('auth_config', null) #>> '{instance,name}', 'Home', 'nginx says the name');
select is(t.refused('auth_register', null, t.registration('eve')), '403 setup_required',
    'nobody registers before the owner');
select is(t.refused('auth_register', null, t.registration('eve', jsonb_build_object('setup_hash', t.b(32)))),
    '403 setup_token_invalid setup_token', 'a guessed setup token');
update data.instance set setup_hash = sha256('token');
select is(t.refused('auth_register', null, t.registration('eve', jsonb_build_object('setup_hash', t.b(32)))),
    '403 setup_token_invalid setup_token', 'a wrong setup token');
select is(t.call('auth_register', null, t.registration('anna',
    jsonb_build_object('setup_hash', lib.b64u(sha256('token')))))
    -> 'user', jsonb_build_object('id', t.id('anna''s account'), 'role', 'owner', 'username', 'anna', 'display_name',
        'Anna'),
    'the setup token makes the owner');
select is(setup_hash, null, 'and is used up') from data.instance;
select is(t.call('auth_config', null) ->> 'setup_required', 'false', 'setup is done');
select is(t.refused('auth_register', null, t.registration('eve',
    jsonb_build_object('setup_hash', lib.b64u(sha256('token'))))),
    '409 already_set_up setup_token', 'the same token again');
update data.instance set setup_hash = sha256('late');
select is(t.refused('auth_register', null, t.registration('eve',
    jsonb_build_object('setup_hash', lib.b64u(sha256('late'))))),
    '409 already_set_up setup_token', 'a fresh token is no use when there is an owner');

-- registration modes
select is(t.call('auth_register', null, t.registration('bob')) #>> '{user,role}', 'member', 'open: a member');
set local chatalot.registration_mode = 'closed';
select is(t.refused('auth_register', null, t.registration('eve')), '403 registration_closed', 'closed');
set local chatalot.registration_mode = 'invite_only';
select is(t.refused('auth_register', null, t.registration('eve')), '403 invite_required invite', 'by invite only');
select is(t.refused('auth_register', null, t.registration('eve', '{"invite": "0000000000000"}')),
    '404 invite_not_found code',
    'with an invite that is none');
select is(t.refused('auth_register', null, t.registration('bob', '{"invite": "0000000000000"}' || more)),
    '404 invite_not_found code', 'which does not tell that a ' || what || ' is taken')
  from (values ('name', jsonb_build_object('user', t.id('eve'), 'device', t.device('eve'))),
      ('user', jsonb_build_object('username', 'eve', 'device', t.device('eve'))),
      ('device', jsonb_build_object('username', 'eve', 'user', t.id('eve')))) as v (what, more);
set local chatalot.registration_mode = '';
select is(t.refused('auth_register', null, t.registration('eve')), '403 invite_required invite',
    'invite_only is the default');
set local chatalot.registration_mode = 'open';
select is(t.refused('auth_register', null, t.registration('bob')), '409 id_taken user',
    'the same registration again gives nothing');
select is(t.refused('auth_register', null, t.registration('eve', '{"username": "BOB"}')), '409 username_taken username',
    'a name in other case is the same name');
select is(t.refused('auth_register', null, t.registration('eve', jsonb_build_object('device', t.device('bob')))),
    '409 id_taken device.id', 'another''s device id');
select is(t.refused('auth_register', null, t.registration('eve', '{"display_name": "  "}')),
    '422 invalid_field display_name',
    'a blank name');
select is(t.refused('auth_register', null, t.registration('eve',
    jsonb_build_object('display_name', E'x\u202Egpj.exe'))),
    '422 invalid_field display_name', 'a name that turns the writing direction');
select is(t.refused('auth_register', null, t.registration('eve', jsonb_build_object('account_key', t.b(31)))),
    '422 invalid_field account_key', 'a short account key');
select is(t.refused('auth_register', null, t.registration('eve', '{"login_hash": "secret"}')),
    '23514 new row for relation "users" violates check constraint "users_login_hash_check"', 'only Argon2id is stored');
select is(t.refused('auth_register', null, t.registration('eve', '{"ops": 1}')),
    '23514 new row for relation "users" violates check constraint "users_kdf_ops_check"', 'weak derivation is refused');

-- login
select is(t.call('auth_prelogin', null, '{"username": "Bob"}'),
    jsonb_build_object('salt', t.b(16, 'bob'), 'ops', 3, 'mem', 67108864),
    'prelogin gives salt and parameters');
select is(t.call('auth_prelogin', null, '{"username": "nobody"}'), '{}', 'an unknown name');
select is(t.call('auth_login_begin', null, '{"username": "BOB"}'),
    jsonb_build_object('user', t.id('bob''s account'), 'login_hash', '$argon2id$bob'), 'login begins');
select is(t.call('auth_login_end', null, jsonb_build_object('user', t.id('bob''s account'), 'verified', 'old')), '{}',
    'login with a password that was changed meanwhile does not end well');
select is(t.call('auth_login_end', null, jsonb_build_object('user', t.id('bob''s account'), 'verified',
    '$argon2id$bob')),
    jsonb_build_object('user', jsonb_build_object('id', t.id('bob''s account'), 'username', 'bob', 'display_name',
        'Bob'),
        'account_key', t.b(32, 'bobA'), 'backup_key', t.b(32, 'bobB'), 'keyring_password', t.b(200, 'bob'),
        'admission', (select admission from data.users where username = 'bob')),
            'and ends well');
select is(count(*), 0::bigint, 'nothing counts after a success') from data.login_attempts;
select is(t.call('auth_login_end', null, jsonb_build_object('user', t.id('nobody'), 'verified', '$argon2id$bob')), '{}',
    'nobody logs in');
select t.call('auth_login_begin', null, '{"username": "bob"}') from generate_series(1, 2) \g /dev/null
select is(t.call('auth_login_void', null, '{"username": "BOB"}'), '{}', 'an attempt that could not be compared');
select is(array_agg(failures), '{1,1}', 'is not counted, of here nor of all places') from data.login_attempts;
select t.call('auth_login_void', null, '{"username": "bob"}') \g /dev/null
select is(count(*), 0::bigint, 'nor is the only one') from data.login_attempts;
select is(t.call('auth_login_void', null, '{"username": "bob"}'), '{}', 'when there is none nothing happens');
select is(count(t.call('auth_login_begin', null, '{"username": "bob"}')), 10::bigint, 'ten attempts')
    from generate_series(1, 10);
select is(t.refused('auth_login_begin', null, '{"username": "bob"}'), '429 locked', 'the eleventh is locked out');
select is(t.refused('auth_login_begin', null, '{"username": "anna"}'), 'done', 'others are not');
select is(count(t.call('auth_login_begin', null, '{"username": "ghost"}')), 10::bigint, 'ten attempts at nobody')
    from generate_series(1, 10);
select is(t.refused('auth_login_begin', null, '{"username": "ghost"}'), '429 locked',
    'who does not exist is locked out too');
update data.login_attempts set expires_at = now();
select is(t.refused('auth_login_begin', null, '{"username": "bob"}'), 'done', 'after the lock has run out it goes on');
select is(failures, 1, 'from one') from data.login_attempts where name_hash = sha256('bob');
select is(count(*), 1::bigint, 'what has expired is forgotten') from data.login_attempts where not everywhere;

-- tokens
select t.person('carl') \g /dev/null
create function pg_temp.turn(old text, new text) returns jsonb language sql
as $$ select jsonb_build_object('refresh_hash', t.b(32, old), 'next_hash', t.b(32, new)) $$;
select is(t.refused('auth_refresh', null, pg_temp.turn('no such', 'x')), '401 token_invalid', 'an unknown token');
select is(t.call('auth_refresh', null, pg_temp.turn('carlrefresh', 'second')),
    jsonb_build_object('user', t.user('carl'), 'device', t.id('carl'), 'session', (t.ctx('carl')).session_id),
        'a token is exchanged');
select is(t.call('auth_refresh', null, pg_temp.turn('carlrefresh', 'second')) ->> 'device', t.id('carl')::text,
    'the same exchange again, for a lost answer');
select is(t.refused('auth_refresh', null, pg_temp.turn('second', 'second')),
    '23505 duplicate key value violates unique constraint "refresh_tokens_pkey"', 'a token cannot follow itself');
select is(t.call('auth_refresh', null, pg_temp.turn('second', 'third')) ->> 'device', t.id('carl')::text,
    'the next one');
select is(t.refused('me', 'carl'), 'done', 'the session lives');
select is(t.call('auth_refresh', null, pg_temp.turn('carlrefresh', 'second')), '{"refused": true}',
    'an old exchange, after its result was used, ends the session');
select is((select array_agg(e) from t.events() as e),
    array[format('u:%s | end-session %s | ', t.user('carl'), (t.ctx('carl')).session_id)], 'its sockets are closed');
select is(t.refused('me', 'carl'), '401 session_ended', 'and nothing works any more');
select is(t.refused('auth_refresh', null, pg_temp.turn('third', 'fourth')), '401 token_invalid',
    'the newest token neither');
select t.another_device('carl''s phone', 'carl') \g /dev/null
select t.call('auth_refresh', null, pg_temp.turn('carl''s phonerefresh', 'a')) \g /dev/null
select is(t.call('auth_refresh', null, pg_temp.turn('carl''s phonerefresh', 'b')), '{"refused": true}',
    'a token exchanged for two');
select t.another_device('carl''s tablet', 'carl') \g /dev/null
update data.refresh_tokens set expires_at = now() where hash = lib.bytes(t.b(32, 'carl''s tabletrefresh'), '', 32, 32);
select is(t.refused('auth_refresh', null, pg_temp.turn('carl''s tabletrefresh', 'z')), '401 token_invalid',
    'an expired token');

-- sessions
select is(t.call('me', 'carl''s tablet'), jsonb_build_object('id', t.user('carl'), 'username', 'carl', 'display_name',
    'Carl',
    'role', 'member', 'account_key', t.b(32, 'carlA'), 'device', t.id('carl''s tablet'),
    'session', (t.ctx('carl''s tablet')).session_id), 'me');
select is(t.refused(f, null), '401 session_ended', f || ' needs a session')
  from unnest('{auth_logout,me,devices_list,user_devices,prekeys_status,prekeys_upload,prekeys_claim,inbox_list,inbox_ack,
      inbox_deliver,communities_list,community_create,community_get,community_members,community_member_remove,
      invite_create,invite_accept,dm_open,dms_list,channel_roster,channel_entries,backup_store,backup_list,session_start,
      entry_send,sync}'::text[]) as f;
insert into t.sessions values ('mixed', row(t.user('anna'), t.id('carl''s tablet'),
    (t.ctx('carl''s tablet')).session_id, null, null, null));
select is(t.refused('me', 'mixed'), '401 session_ended', 'a session is one person''s on one device');
update data.sessions set last_used_at = now() - interval '4 minutes' where id = (t.ctx('carl''s tablet')).session_id;
select t.call('me', 'carl''s tablet') \g /dev/null
select is(last_used_at, now() - interval '4 minutes', 'use is not noted at each call')
  from data.sessions where id = (t.ctx('carl''s tablet')).session_id;
update data.sessions set last_used_at = now() - interval '6 minutes',
    last_address = null where id = (t.ctx('carl''s tablet')).session_id;
select t.call('me', 'carl''s tablet') \g /dev/null
select is((last_used_at, host(last_address)), (now(), text '192.0.2.1'), 'but every few minutes, with the address')
  from data.sessions where id = (t.ctx('carl''s tablet')).session_id;
select is(t.call('auth_logout', 'carl''s tablet'), '{}', 'logout');
select is(t.refused('me', 'carl''s tablet'), '401 session_ended', 'ends the session');
select isnt(removed_at, null, 'and removes the device') from data.devices where id = t.id('carl''s tablet');

select * from finish();
rollback;
