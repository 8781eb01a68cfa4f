-- SPDX-License-Identifier: GPL-3.0-or-later
-- Attempts at an account's secrets: whose are counted together, what locks whom, and that no outsider locks the owner.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob}'::text[]) as p \g /dev/null
select t.another_device('phone', 'bob') \g /dev/null

-- attempts from many places: bob is signed in at 192.0.2.1
create function pg_temp.guess(address text, name text default 'bob') returns text language sql
as $$ insert into t.sessions values ('guessing', row(null, null, null, address::inet, 'test', 'r')::api.ctx)
          on conflict on constraint sessions_pkey do update set ctx = excluded.ctx;
      select t.refused('auth_login_begin', 'guessing', jsonb_build_object('username', name)) $$;
select is(string_agg(distinct pg_temp.guess('198.51.100.' || i), ' '), 'done', 'ten from one network')
  from generate_series(1, 10) as i;
select is(pg_temp.guess(a), r, a) from (values ('198.51.100.77', '429 locked'), ('::ffff:198.51.100.3', 'done'),
    ('203.0.113.1', 'done'), ('192.0.2.9', 'done'), ('2001:db8:1::1', 'done')) as v (a, r);
select is(string_agg(distinct pg_temp.guess(format('2001:db8:1:%s::1', i)), ' '), 'done', 'ten from one site')
  from generate_series(1, 9) as i;
select is(pg_temp.guess('2001:db8:1:ffff::1'), '429 locked', 'with as many networks as it likes');
select is(pg_temp.guess('2001:db8:2::1'), 'done', 'another site');
select is(string_agg(distinct pg_temp.guess(format('203.0.%s.1', i)), ' '), 'done', 'up to a hundred from everywhere')
  from generate_series(1, 77) as i;
select is(pg_temp.guess('198.18.1.1'), '429 locked', 'then all places together are locked');
select is(pg_temp.guess('198.18.1.1', 'ghost'), 'done', 'for this name');
select is(pg_temp.guess('192.0.2.200'), 'done', 'but not where one of its devices is');
select is(string_agg(distinct pg_temp.guess('192.0.2.200'), ' '), 'done', 'which has its own ten')
  from generate_series(1, 8) as i;
select is(pg_temp.guess('192.0.2.200'), '429 locked', 'and no more');
select is(string_agg(distinct pg_temp.guess(format('203.0.%s.1', i), 'ghost'), ' '), 'done', 'a name that is none')
  from generate_series(1, 99) as i;
select is(pg_temp.guess('198.18.1.2', 'ghost'), '429 locked', 'is locked the same');
select t.call('auth_login_void', 'guessing', '{"username": "ghost"}') \g /dev/null
select is(pg_temp.guess('198.18.1.2', 'ghost'), 'done', 'what could not be compared is taken back there too');
select t.call('auth_login_end', 'bob', jsonb_build_object('user', t.user('bob'), 'verified', '$argon2id$bob'))
    \g /dev/null
select is(array_agg(pg_temp.guess(a)), '{done,done,"429 locked"}', 'a success forgets all places together, and its own')
  from unnest('{192.0.2.200,198.18.1.1,198.51.100.77}'::text[]) as a;
delete from data.login_attempts;

-- attempts of who is signed in
select is(string_agg(distinct t.refused('auth_prove', w), ' '), 'done', 'ten on all devices together')
  from generate_series(1, 5), unnest('{bob,phone}'::text[]) as w;
select is(t.refused('auth_prove', 'bob'), '429 locked', 'then a lock');
select is(t.refused('auth_prove', 'anna'), 'done', 'not for others');
select is(pg_temp.guess('192.0.2.1'), 'done', 'nor for whoever signs in');
select t.call('auth_login_void', 'bob') \g /dev/null
select is(t.refused('auth_prove', 'bob'), 'done', 'one that could not be compared is taken back');
update data.login_attempts set expires_at = now();
select is(string_agg(distinct pg_temp.guess(format('203.0.%s.1', i)), ' '), 'done', 'strangers lock the account''s name')
  from generate_series(1, 100) as i;
select is(pg_temp.guess('198.18.1.1'), '429 locked', 'at all places');
select is(t.refused('auth_prove', 'bob'), 'done', 'and block nobody who is signed in');
delete from data.login_attempts;

select * from finish();
rollback;
