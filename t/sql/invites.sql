-- SPDX-License-Identifier: GPL-3.0-or-later
-- Invitations: who makes them, what they show, how they are used up.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,carl,dora}'::text[]) as p \g /dev/null
select t.community('home', 'anna', 'bob') \g /dev/null

create function pg_temp.home(more jsonb default '{}') returns jsonb language sql
as $$ select jsonb_build_object('community', t.id('home')) || more $$;
create temporary table made (name text, code text) on commit drop;
create function pg_temp.invite(name text, more jsonb default '{}') returns text language sql
as $$ insert into made values (name, t.call('invite_create', 'anna', pg_temp.home(more)) ->> 'code') returning code $$;
create function pg_temp.code(name text) returns jsonb language sql
as $$ select jsonb_build_object('code', code) from made m where m.name = code.name $$;

-- making
select is(t.refused('invite_create', 'bob', pg_temp.home()), '403 forbidden', 'members invite nobody');
select is(t.refused('invite_create', 'carl', pg_temp.home()), '404 community_not_found', 'outsiders neither');
update data.community_members set role = 'moderator' where user_id = t.user('bob');
select is(t.refused('invite_create', 'bob', pg_temp.home()), 'done', 'moderators do');
select is(t.call('invite_create', 'anna', pg_temp.home()) - 'code',
    jsonb_build_object('expires_at', lib.ms(now() + interval '7 days'), 'max_uses', null),
        'for a week and any number of uses');
select is(t.call('invite_create', 'anna', pg_temp.home('{"max_uses": 5, "expires_in_hours": 8760}')) - 'code',
    jsonb_build_object('expires_at', lib.ms(now() + interval '8760 hours'), 'max_uses', 5),
        'or as asked, up to a year');
select is(t.refused('invite_create', 'anna', pg_temp.home(m)), e, m::text)
  from (values ('{"expires_in_hours": 0}'::jsonb, '422 invalid_field expires_in_hours'),
      ('{"expires_in_hours": 8761}', '422 invalid_field expires_in_hours')) as v (m, e);
select matches(pg_temp.invite('any'), '^[0-9a-hjkmnp-tv-z]{13}$', '65 bits of Crockford base32');
select is(count(distinct lib.invite_code()), 10000::bigint, 'ten thousand codes, none twice')
    from generate_series(1, 10000);
select ok(min(n) > 250 and max(n) < 380, 'each character as frequent as the others (' || min(n) || ' to ' || max(n)
    || ')')
  from (select count(*) as n from (select lib.invite_code() as code from generate_series(1, 770)) as c,
      regexp_split_to_table(code, '') as x group by x) as s;

-- looking
select is(t.call('invite_get', null, pg_temp.code('any')),
    '{"community": {"name": "home"}, "members": 2, "registration_open": true,
    "invited_by": {"username": "anna", "display_name": "Anna"}}', 'anyone may look at an invite');
select is(t.refused('invite_get', null, jsonb_build_object('code', upper(code))), 'done', 'in capitals') from made;
select is(t.refused('invite_get', null, jsonb_build_object('code', translate(code, '01', 'ol'))), 'done',
    'with letters for digits') from made;
set local chatalot.registration_mode = 'closed';
select is(t.call('invite_get', null, pg_temp.code('any')) ->> 'registration_open', 'false',
    'it tells whether one can register');
set local chatalot.registration_mode = 'invite_only';
select is(t.refused('invite_get', null, '{"code": "nonsense"}'), '404 invite_not_found code', 'nonsense');

-- accepting
select pg_temp.invite('single', '{"max_uses": 1}') \g /dev/null
select is(t.call('invite_accept', 'carl', pg_temp.code('single')) ->> 'name', 'home', 'carl accepts');
select is(t.call('invite_accept', 'carl', pg_temp.code('single')) ->> 'name', 'home',
    'again: nothing is used up, the answer is the same');
select is((select count(*) from t.events()), 0::bigint, 'and nothing happens');
select is(t.refused('invite_accept', 'dora', pg_temp.code('single')), '404 invite_not_found code', 'it is used up');
select is(t.refused('invite_get', null, pg_temp.code('single')), '404 invite_not_found code', 'and shows nothing');
select is(uses, 1, 'one use') from data.invites where max_uses = 1;
select is(t.call('invite_accept', 'bob', pg_temp.code('any')) ->> 'role', 'moderator', 'a member keeps their role');
select is(uses, 0, 'and uses nothing up') from data.invites i join made m on m.code = i.code where m.name = 'any';
select pg_temp.invite('old', '{"expires_in_hours": 1}') \g /dev/null
update data.invites i set expires_at = now() from made m where m.code = i.code and m.name = 'old';
select is(t.refused('invite_accept', 'dora', pg_temp.code('old')), '404 invite_not_found code', 'an hour is over');

-- listing and withdrawing: anna owns it, bob moderates, carl is a member; dora is not in
create function pg_temp.listed(who text) returns text language sql
as $$ select coalesce(string_agg(coalesce(m.name, 'another'), ' ' order by m.name), '')
        from jsonb_array_elements(t.call('invites_list', who, pg_temp.home()) -> 'invites') as i
        left join made m on m.code = i ->> 'code' $$;
delete from data.invites i where i.code not in (select m.code from made m);
insert into made values ('by bob', t.call('invite_create', 'bob', pg_temp.home('{"max_uses": 3}')) ->> 'code');
insert into data.invites (code, community_id, created_by, expires_at)
values ('0000000000000', t.id('home'), t.user('carl'), now() + interval '1 day');
insert into made values ('by carl', '0000000000000');
select is(pg_temp.listed('anna'), 'any by bob by carl', 'the owner lists what is good, not what is used up or over');
select is(pg_temp.listed('bob'), 'by bob', 'a moderator the own');
select is(pg_temp.listed('carl'), 'by carl', 'so does who was one once');
update data.community_members set role = 'admin' where community_id = t.id('home') and user_id = t.user('carl');
select is(pg_temp.listed('carl'), 'any by bob by carl', 'an admin all');
update data.community_members set role = 'member' where community_id = t.id('home') and user_id = t.user('carl');
update data.users set role = 'admin' where username = 'dora';
select is(t.refused('invites_list', who, pg_temp.home()), refusal, coalesce(who, 'nobody'))
  from (values (null, '401 session_ended'), ('dora', '404 community_not_found')) as v (who, refusal);
select is(t.call('invites_list', 'bob', pg_temp.home()) #> '{invites,0}', jsonb_build_object('code', m.code, 'invited_by',
    jsonb_build_object('id', t.user('bob'), 'username', 'bob', 'display_name', 'Bob'), 'uses', 0, 'max_uses', 3,
    'created_at', lib.ms(now()), 'expires_at', lib.ms(now() + interval '1 week')), 'what is told of each')
  from made m where m.name = 'by bob';
select is(t.refused('invite_withdraw', who, pg_temp.code(invite)), refusal, format('%s withdraws %s', who, invite))
  from (values (1, null, 'any', '401 session_ended'), (2, 'dora', 'any', '404 invite_not_found code'),
      (3, 'carl', 'any', '404 invite_not_found code'), (4, 'bob', 'by carl', '404 invite_not_found code'),
      (5, 'bob', 'by bob', 'done'), (6, 'bob', 'by bob', '404 invite_not_found code'), (7, 'anna', 'by carl', 'done'))
    as v (n, who, invite, refusal) order by n;
select is(pg_temp.listed('anna'), 'any', 'those are gone');
select is(t.refused('invite_get', null, pg_temp.code('by bob')), '404 invite_not_found code', 'and show nothing');
select is(t.refused('invite_accept', 'dora', pg_temp.code('by bob')), '404 invite_not_found code', 'nor let anybody in');
select is(t.refused('invite_withdraw', 'anna', '{"code": "nonsense"}'), '404 invite_not_found code', 'nonsense');
update data.users set role = 'member' where username = 'dora';

-- whose maker leaves or is removed
insert into made values ('bob''s', t.call('invite_create', 'bob', pg_temp.home()) ->> 'code');
select t.call('community_member_remove', 'anna', jsonb_build_object('community', t.id('home'), 'user',
    t.user('bob'))) \g /dev/null
select is(t.refused('invite_accept', 'bob', pg_temp.code('bob''s')), '404 invite_not_found code',
    'who was removed does not let themselves in again');
select is(t.refused('invite_accept', 'dora', pg_temp.code('bob''s')), '404 invite_not_found code', 'nor others');
select is(t.refused('invite_get', null, pg_temp.code('any')), 'done', 'the invites of those who stay are as good');

-- registering by invite
select pg_temp.invite('door', '{"max_uses": 1}') \g /dev/null
select is(t.call('auth_register', null, t.registration('emil',
    pg_temp.code('door') - 'code' || jsonb_build_object('invite', pg_temp.code('door') ->> 'code')))
    #>> '{user,role}', 'member', 'an invite opens the registration');
select is(role, 'member', 'and its community, in one step') from data.community_members
    where user_id = t.id('emil''s account');
select is(t.refused('auth_register', null, t.registration('fred',
    jsonb_build_object('invite', pg_temp.code('door') ->> 'code'))),
    '404 invite_not_found code', 'for one person');
select is(count(*), 0::bigint, 'who came too late has no account') from data.users where username = 'fred';

-- whose maker is gone, and too many
select is(t.refused('invite_create', 'anna', pg_temp.home()), 'done', 'there is room');
insert into data.invites (code, community_id, created_by, expires_at)
    select lib.invite_code(), t.id('home'), t.user('anna'), now() + interval '1 day' from generate_series(1, 500);
select is(t.refused('invite_create', 'anna', pg_temp.home()), '409 invite_limit', 'five hundred open ones are enough');
update data.invites set expires_at = now();
select is(t.refused('invite_create', 'anna', pg_temp.home()), 'done', 'those that have run out do not count');

select * from finish();
rollback;
