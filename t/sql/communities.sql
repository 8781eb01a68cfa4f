-- SPDX-License-Identifier: GPL-3.0-or-later
-- Communities: making, seeing, leaving, removing; who may, and what follows for channels.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,carl,dora,emil,fred}'::text[]) as p \g /dev/null

create function pg_temp.home(more jsonb default '{}') returns jsonb language sql
as $$ select jsonb_build_object('community', t.id('home')) || more $$;
create function pg_temp.remove(who text) returns jsonb language sql
as $$ select jsonb_build_object('community', t.id('home'), 'user', t.user(who)) $$;

-- making
select is(t.refused('community_create', 'bob', jsonb_build_object('id', t.id('x'), 'name', 'X')), '403 forbidden',
    'members make none by default');
set local chatalot.community_creation = 'open';
select is(t.refused('community_create', 'bob', jsonb_build_object('id', t.id('x'), 'name', 'X')), 'done',
    'unless it is open');
set local chatalot.community_creation = 'admin_only';
select is(t.refused('community_create', 'anna', jsonb_build_object('id', t.id('home'), 'name', E'\t ')),
    '422 invalid_field name', 'without a name');
select is(t.call('community_create', 'anna', jsonb_build_object('id', t.id('home'), 'name', ' Home ')) - 'groups',
    jsonb_build_object('id', t.id('home'), 'name', 'Home', 'role', 'owner'),
        'the owner of the installation may always');
select is((select array_agg(e) from t.events() as e), array[
    format('ch:%s | epoch 1 | roster', t.channel('home')), format('u:%s |  | communities', t.user('anna')),
    format('u:%s | attach ch:%s 1 | channel_added', t.user('anna'), t.channel('home'))], 'and is attached');
select is((t.call('community_get', 'anna', pg_temp.home()) #> '{groups,0,channels,0}') - text 'id',
    '{"kind": "text", "name": "general", "topic": "", "head": 0, "display": 0, "roster": 2, "epoch": 1, "history": "since_joining", "wiped": 0}',
    'there is a channel "general"');
select is(t.call('community_get', 'anna', pg_temp.home()) #>> '{groups,0,name}', 'General', 'in the group "General"');
select is(t.call('community_create', 'anna', jsonb_build_object('id', t.id('home'), 'name', 'Other')) ->> 'name',
    'Home', 'the same id again: the same community');
select is((select count(*) from t.events()), 0::bigint, 'and nothing happens');
set local chatalot.community_creation = 'open';
select is(t.refused('community_create', 'bob', jsonb_build_object('id', t.id('home'), 'name', 'Mine')),
    '409 id_taken id', 'another''s id');

-- who sees it
select is(t.call('communities_list', 'anna') #>> '{communities,0,id}', t.id('home')::text, 'members list it');
select is(t.call('communities_list', 'carl'), '{"communities": []}', 'others do not');
select is(t.refused(f, 'carl', pg_temp.home('{"user": "00000000-0000-7000-8000-000000000000"}')),
    '404 community_not_found', f || ': for others it does not exist')
  from unnest('{community_get,community_members,invite_create,community_member_remove}'::text[]) as f;
select is(t.refused('community_get', 'carl', jsonb_build_object('community', t.id('nothing'))),
    '404 community_not_found', 'as what does not exist');

-- joining and leaving
create temporary table invite on commit drop as select t.call('invite_create', 'anna',
    pg_temp.home()) ->> 'code' as code;
select t.send('anna', t.channel('home'), 'before') \g /dev/null
select is(t.call('invite_accept', p, jsonb_build_object('code', code)) ->> 'role', 'member', p || ' joins')
  from invite, unnest('{bob,carl,dora,emil}'::text[]) as p;
select is((select array_agg(e) from t.events() as e), array[
    format('ch:%s | epoch 1 | roster', t.channel('home')), format('u:%s |  | communities', t.user('emil')),
    format('u:%s | attach ch:%s 1 | channel_added', t.user('emil'), t.channel('home'))],
        'who joins is attached, the others learn of it');
select is((roster, epoch), (6::bigint, 1::bigint), 'roster + 1 for each') from data.logs
    where channel_id = t.channel('home');
select is(joined_seq, 1::bigint, 'what was before is not theirs') from data.channel_members
    where channel_id = t.channel('home') and user_id = t.user('bob');
select is(jsonb_path_query_array(t.call('community_members', 'bob', pg_temp.home()), '$.members[*].username'),
    '["anna", "bob", "carl", "dora", "emil"]',
    'members see each other');
select is((select array_agg(k order by k) from jsonb_object_keys(t.call('community_members', 'bob',
    pg_temp.home()) #> '{members,0}') as k),
    '{display_name,id,joined_at,role,username}', 'with these fields');

select is(t.call('community_member_remove', 'bob', pg_temp.remove('bob')), '{}', 'bob leaves');
select is((select array_agg(e) from t.events() as e), array[
    format('ch:%s | removed %s 2 | roster', t.channel('home'), t.user('bob')),
    format('u:%s |  | channel_removed', t.user('bob')), format('u:%s |  | communities', t.user('bob'))],
        'he is detached, a new epoch begins');
select is((roster, epoch), (7::bigint, 2::bigint), 'roster + 1, epoch + 1') from data.logs
    where channel_id = t.channel('home');
select is(t.refused('community_get', 'bob', pg_temp.home()), '404 community_not_found',
    'the community is gone for him');
select is(t.refused('channel_entries', 'bob', jsonb_build_object('channel', t.channel('home'))),
    '404 channel_not_found', 'and its channel');
select is(t.refused('community_member_remove', 'bob', pg_temp.remove('bob')), '404 community_not_found',
    'he cannot leave twice');
select is(t.refused('community_member_remove', 'anna', pg_temp.remove('anna')), '409 owner_stays',
    'the owner cannot leave');

-- removing: roles
update data.community_members set role = r from (values ('carl', 'admin'), ('dora', 'moderator')) as v (who, r)
 where community_id = t.id('home') and user_id = t.user(who);
select is(t.refused('community_member_remove', 'emil', pg_temp.remove('dora')), '403 forbidden',
    'a member removes nobody');
select is(t.refused('community_member_remove', 'emil', pg_temp.remove('bob')), '404 member_not_found user',
    'who is not there is not there');
select is(t.refused('community_member_remove', 'dora', pg_temp.remove('carl')), '403 forbidden',
    'a moderator removes no admin');
select is(t.refused('community_member_remove', 'carl', pg_temp.remove('anna')), '403 forbidden',
    'an admin not the owner');
select is(t.refused('community_member_remove', 'dora', pg_temp.remove('emil')), 'done', 'a moderator removes a member');
select is(t.refused('community_member_remove', 'fred', pg_temp.remove('dora')), '404 community_not_found',
    'an outsider removes nobody');
select is(t.refused('channel_roster', 'emil', jsonb_build_object('channel', t.channel('home'))),
    '404 channel_not_found', 'who was removed reads nothing');
select is(t.refused('entry_send', 'emil', t.message(t.channel('home'), 'late')), '404 channel_not_found', 'nor sends');
update data.community_members set role = 'moderator' where community_id = t.id('home') and user_id = t.user('carl');
select is(t.refused('community_member_remove', 'dora', pg_temp.remove('carl')), '403 forbidden',
    'equals do not remove each other');
update data.users set role = 'admin' where id = t.user('carl');
select is(t.refused('community_member_remove', 'carl', pg_temp.remove('dora')), 'done',
    'an admin of the installation stands above');
select t.call('invite_accept', 'dora', jsonb_build_object('code', code)) from invite \g /dev/null
update data.community_members set role = 'member' where community_id = t.id('home') and user_id = t.user('carl');
update data.community_members set role = 'admin' where community_id = t.id('home') and user_id = t.user('dora');
select is(t.refused('community_member_remove', 'dora', pg_temp.remove('carl')), '403 forbidden',
    'also as a mere member of the community');

-- moderation from outside
select t.call('invite_accept', 'emil', jsonb_build_object('code', code)) from invite \g /dev/null
select is(t.refused('community_member_remove', 'fred', pg_temp.remove('emil')), '404 community_not_found',
    'who is no member removes nobody');
update data.users set role = 'admin' where id = t.user('fred');
select is(t.refused('community_get', 'fred', pg_temp.home()), '404 community_not_found',
    'an admin of the installation sees no community from outside');
select is(t.refused('invite_create', 'fred', pg_temp.home()), '404 community_not_found', 'nor invites to it');
select is(t.refused('community_member_remove', 'fred', pg_temp.remove('emil')), 'done', 'but removes people');
select is(t.refused('community_member_remove', 'fred', pg_temp.remove('anna')), '403 forbidden',
    'not the owner of the installation');
select is(t.refused('community_member_remove', 'fred', pg_temp.remove('fred')), '404 member_not_found user',
    'and cannot leave where they are not');
update data.users set role = 'member' where id = t.user('fred');

-- coming back
select is(t.call('invite_accept', 'bob', jsonb_build_object('code', code)) ->> 'role', 'member', 'bob comes back')
    from invite;
select is(joined_seq, 1::bigint, 'from now on') from data.channel_members
    where channel_id = t.channel('home') and user_id = t.user('bob');

-- limits
insert into data.communities (id, name) select t.id('many ' || i), 'many' from generate_series(1, 100) as i;
insert into data.community_members (community_id, user_id, role) select t.id('many ' || i), t.user('fred'),
    'member' from generate_series(1, 100) as i;
select is(t.refused('invite_accept', 'fred', jsonb_build_object('code', code)), '409 community_limit',
    'a hundred communities a person') from invite;

select * from finish();
rollback;
