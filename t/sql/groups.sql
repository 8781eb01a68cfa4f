-- SPDX-License-Identifier: GPL-3.0-or-later
-- Many calls as one: the group forms carry out what is plain, as the single ones would, and are silent about the rest.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,carl}'::text[]) as p \g /dev/null
select t.community('home', 'anna', 'bob') \g /dev/null
select t.community('other', 'carl') \g /dev/null

-- One call of a group.
create function t.of(who text, args jsonb) returns jsonb language sql stable
as $$ select jsonb_build_object('user', (t.ctx(who)).user_id, 'device', (t.ctx(who)).device_id, 'session',
    (t.ctx(who)).session_id, 'args', args) $$;
create temporary table answers (topic text, control text, payload jsonb, call bigint) on commit drop;
create function t.together(function text, variadic calls jsonb[]) returns void language plpgsql
as $$
begin
    delete from answers;
    if function = 'session_start_group' then
        insert into answers
        select r.topic, r.control, t.said(to_jsonb(r))::jsonb, r.call
          from (select array_agg((c ->> 'user')::uuid) as users, array_agg((c ->> 'device')::uuid) as devices,
                       array_agg((c ->> 'session')::uuid) as sessions from unnest(calls) as c) as g,
               lateral api.session_start_group(g.users, g.devices, g.sessions) as r;
        return;
    end if;
    insert into answers
    select r.topic, r.control, t.said(to_jsonb(r))::jsonb, r.call
      from (select array_agg((c ->> 'user')::uuid) as users, array_agg((c ->> 'device')::uuid) as devices,
                   array_agg((c ->> 'session')::uuid) as sessions, array_agg((a ->> 'channel')::uuid) as channels,
                   array_agg((a ->> 'id')::uuid) as ids, array_agg(a ->> 'kind') as kinds,
                   array_agg((a ->> 'roster')::bigint) as rosters, array_agg((a ->> 'epoch')::bigint) as epochs,
                   array_agg(lib.bytes(a ->> 'commitment', '', 1, 1000)) as commitments,
                   array_agg(lib.bytes(a ->> 'ciphertext', '', 1, 100000)) as ciphertexts
              from unnest(calls) as c, lateral (select c -> 'args' as a) as x) as g,
           lateral api.entry_send_group(g.users, g.devices, g.sessions, g.channels, g.ids, g.kinds, g.rosters, g.epochs,
                                        g.commitments, g.ciphertexts) as r;
end
$$;
create function t.replied() returns bigint[] language sql stable
as $$ select coalesce(array_agg(call order by call), '{}') from answers where topic is null $$;

-- sends
select t.send('bob', t.channel('home'), 'before') \g /dev/null
select t.together('entry_send_group', t.of('anna', t.message(t.channel('home'), 'one')),
    t.of('bob', t.message(t.channel('home'), 'two')), t.of('carl', t.message(t.channel('other'), 'three'))) \g /dev/null
select is(t.replied(), '{1,2,3}', 'each call is answered');
select is((select array_agg((payload ->> 'seq')::bigint order by call) from answers where topic is null), '{2,3,1}',
    'with its place in its channel''s log, in the order of the calls');
select is((select array_agg(format('%s %s %s', topic, control, payload ->> 'type') order by call) from answers
            where topic is not null),
    array[format('ch:%s epoch 1 entry', t.channel('home')), format('ch:%s epoch 1 entry', t.channel('home')),
          format('ch:%s epoch 1 entry', t.channel('other'))], 'each is told on its channel');
select t.call('channel_entries', 'anna', jsonb_build_object('channel', t.channel('home'))) as page \gset
select is((select payload - 'type' from answers where topic is not null and call = 2), :'page'::jsonb #> '{entries,0}',
    'as whoever reads the log gets it');
select is((select (payload ->> 'created_at')::bigint from answers where topic is null and call = 2),
    (:'page'::jsonb #>> '{entries,0,created_at}')::bigint, 'with the same time');
select is((head, display), (3::bigint, 3::bigint), 'head and display count') from data.logs
    where channel_id = t.channel('home');
select is((e.sender, e.device, e.epoch, e.kind::text, e.ref, e.thread, e.ciphertext::bytea, e.commitment::bytea),
    (t.user('anna'), t.id('anna'), 1::bigint, 'message'::text, null::uuid, null::uuid,
     lib.bytes(t.b(100, 'one'), '', 1, 1000), lib.bytes(t.b(32, 'one'), '', 32, 32)), 'all of it is stored')
  from data.entries e where e.id = t.id('one');

-- what is left for a call of its own
select t.together('entry_send_group',
    t.of('anna', t.message(t.channel('home'), 'one')),
    t.of('anna', t.message(t.channel('home'), 'four')),
    t.of('bob', t.message(t.channel('home'), 'four')),
    t.of('carl', t.message(t.channel('home'), 'x')),
    t.of('anna', t.message(t.channel('home'), 'x', '{"epoch": 2}')),
    t.of('anna', t.message(t.channel('home'), 'x', '{"roster": 0}')),
    t.of('anna', t.message(t.channel('home'), 'x', '{"kind": "tombstone"}')),
    t.of('anna', t.message(t.id('nowhere'), 'x', '{"epoch": 1, "roster": 1}')),
    t.of('anna', t.message(t.channel('home'), 'x')) || jsonb_build_object('session', t.id('x')),
    t.of('anna', t.message(t.channel('home'), 'x')) || jsonb_build_object('device', t.id('bob')),
    t.of('anna', t.message(t.channel('home'), 'x')) || jsonb_build_object('user', t.user('bob'))) \g /dev/null
select is(t.replied(), '{2}', 'only what is plain is done: no repetition, refusal, unknown kind or session');
select is((select count(*) from answers where topic is not null), 1::bigint, 'and told');
select is(head, 4::bigint, 'the log has no hole') from data.logs where channel_id = t.channel('home');
select is((select array_agg(seq order by seq) from data.entries where channel_id = t.channel('home')), '{1,2,3,4}',
    'nor what was not done');
select is((select sender from data.entries where id = t.id('four')), t.user('anna'), 'of two with one id, the first');

update data.sessions set last_used_at = now() - interval '6 minutes' where device_id = t.id('bob');
select t.together('entry_send_group', t.of('bob', t.message(t.channel('home'), 'five')),
    t.of('anna', t.message(t.channel('home'), 'six'))) \g /dev/null
select is(t.replied(), '{2}', 'nor whose session''s use is to be noted');

select t.call('dm_open', 'anna', jsonb_build_object('id', t.id('dm'), 'user', t.user('bob'))) as dm \gset
select t.together('entry_send_group', t.of('anna', t.message((:'dm'::jsonb #>> '{channel,id}')::uuid, 'seven')),
    t.of('anna', t.message(t.channel('home'), 'eight'))) \g /dev/null
select is(t.replied(), '{2}', 'nor direct messages');
select throws_ok($$select t.together('entry_send_group', t.of('anna', t.message(t.channel('home'), 'nine',
    '{"commitment": "AAAA"}')))$$, '23514', null, 'what the edge should have refused spoils it all');

-- starts
select t.together('session_start_group', t.of('anna', '{}'), t.of('bob', '{}'), t.of('carl', '{}'),
    t.of('anna', '{}') || jsonb_build_object('session', t.id('x')),
    t.of('anna', '{}') || jsonb_build_object('user', t.user('carl')),
    t.of('anna', '{}') || jsonb_build_object('device', t.id('carl'))) \g /dev/null
select is(t.replied(), '{1,3}', 'sessions that live and whose use is noted');
select is((select payload from answers where call = 1), t.call('session_start', 'anna'), 'what it alone would get');
select is((select payload from answers where call = 3), t.call('session_start', 'carl'), 'and another one');

select * from finish();
rollback;
