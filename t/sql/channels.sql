-- SPDX-License-Identifier: GPL-3.0-or-later
-- The history policy of a channel: who may change it, what everybody hears, and that each epoch has one policy.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{root,anna,bob,mona,dora,eve}'::text[]) as p \g /dev/null
select t.community('home', 'anna', 'bob', 'mona', 'eve') \g /dev/null
select t.community('club', 'dora') \g /dev/null
select t.community('plain', 'anna', 'root') \g /dev/null
update data.community_members set role = 'moderator' where user_id = t.user('mona');
update data.community_members set role = 'admin' where user_id = t.user('eve');
select t.call('dm_open', 'anna', jsonb_build_object('id', t.id('dm'), 'user', t.user('bob'))) \g /dev/null

create function pg_temp.policy(history text, channel uuid default t.channel('home')) returns jsonb language sql
as $$ select jsonb_build_object('channel', channel, 'history', history) $$;

select is(t.refused('channel_update', who, pg_temp.policy('all')), refusal, format('%s changes it', who))
  from (values (null, '401 session_ended'), ('bob', '403 forbidden'), ('mona', '403 forbidden'),
               ('dora', '404 channel_not_found'), ('root', '404 channel_not_found')) as x (who, refusal);
select is(t.refused('channel_update', 'root', pg_temp.policy('all', t.channel('plain'))), '403 forbidden',
    'nor does the instance''s owner, who is only a member there');
select is(t.refused('channel_update', who, pg_temp.policy('all', t.id('dm'))), refusal, format('%s: of a DM', who))
  from (values ('anna', '403 forbidden'), ('eve', '404 channel_not_found')) as x (who, refusal);
select is(t.refused('channel_update', 'anna', pg_temp.policy('none')), '422 invalid_field history', 'no such policy');
select is(t.refused('channel_update', 'anna', pg_temp.policy('all', t.id('none'))), '404 channel_not_found', 'no such channel');
create temporary table was on commit drop as
    select channel_id as id, roster, epoch from data.logs where channel_id = t.channel('home');

select is(t.call('channel_update', 'anna', pg_temp.policy('since_joining')) ->> 'epoch', was.epoch::text,
    'what it is already') from was;
select is((select count(*) from t.rows where topic is not null), 0::bigint, 'nobody is told of');
select is(t.call('channel_update', 'anna', pg_temp.policy('all')) - '{id,kind,name,topic,head,display}'::text[],
    jsonb_build_object('history', 'all', 'wiped', 0, 'epoch', was.epoch + 1, 'roster', was.roster + 1), 'the owner: CHANNEL, in a new epoch')
  from was;
select is((select array_agg(e) from t.events() as e), array[
    format('ch:%s | epoch %s | channel', was.id, was.epoch + 1),
    format('ch:%s | removed 00000000-0000-0000-0000-000000000000 %s | roster', was.id, was.epoch + 1)],
        'everybody hears; nobody is removed') from was;
select is((select payload -> 'channel' from t.rows where payload ->> 'type' = 'channel'),
    (select payload from t.rows where topic is null), 'the same that the owner is told');
select is(t.refused('entry_send', 'bob', t.message(t.channel('home'), 'late') || jsonb_build_object('epoch', was.epoch,
    'roster', was.roster)), '409 epoch_stale', 'what was sealed under the old policy is sealed anew') from was;
select is(t.call('channel_roster', 'bob', jsonb_build_object('channel', t.channel('home'))) ->> 'history', 'all',
    'the roster names it');
select is(t.call('channel_update', 'eve', pg_temp.policy('since_joining')) ->> 'history', 'since_joining',
    'an admin: back');
select is(l.epoch, was.epoch + 2, 'another epoch') from was, data.logs l where l.channel_id = was.id;

-- what it means to a newcomer
select t.send('bob', t.channel('home'), 'before') \g /dev/null
select t.call('invite_accept', 'dora', jsonb_build_object('code', t.call('invite_create', 'anna',
    jsonb_build_object('community', t.id('home'))) ->> 'code')) \g /dev/null
select is(jsonb_array_length(t.call('channel_entries', 'dora', jsonb_build_object('channel', t.channel('home'))) -> 'entries'),
    0, 'nothing of before');
select t.call('channel_update', 'anna', pg_temp.policy('all')) \g /dev/null
select is(jsonb_array_length(t.call('channel_entries', 'dora', jsonb_build_object('channel', t.channel('home'))) -> 'entries'),
    1, 'or all of it');

select * from finish();
rollback;
