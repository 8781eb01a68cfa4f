-- SPDX-License-Identifier: GPL-3.0-or-later
-- Reports: what one may report, once; who sees which; pages; and that nobody judges what is said of themselves.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{root,chief,anna,bob,carl,dora,mona,fay}'::text[]) as p \g /dev/null
update data.users set role = 'admin' where username = 'chief';
select t.community('home', 'anna', 'bob', 'carl', 'mona') \g /dev/null
select t.community('club', 'dora', 'bob') \g /dev/null
update data.community_members set role = 'moderator' where user_id = t.user('mona');
select t.call('dm_open', 'bob', jsonb_build_object('id', t.id('dm'), 'user', t.user('carl'))) \g /dev/null

create function pg_temp.report(entry text, channel uuid default t.channel('home'), more jsonb default '{}') returns jsonb
language sql
as $$ select jsonb_build_object('id', t.id('report of ' || entry), 'channel', channel, 'entry', t.id(entry),
          'payload', t.b(50, entry), 'commitment', t.b(32, entry), 'reason', ' rude ') || more $$;
create function pg_temp.listed(who text, more jsonb default '{}') returns jsonb language sql
as $$ select coalesce(jsonb_agg(r ->> 'payload' order by place), '[]')
        from jsonb_array_elements(t.call('reports_list', who, more) -> 'reports') with ordinality as x (r, place) $$;
create function pg_temp.of(variadic entries text[]) returns jsonb language sql
as $$ select jsonb_agg(t.b(50, e) order by place) from unnest(entries) with ordinality as x (e, place) $$;

-- what may be reported
select t.send('bob', t.channel('home'), 'first') \g /dev/null
select is(t.call('report_begin', 'carl', pg_temp.report('first')), jsonb_build_object('commitment', t.b(32, 'first')),
    'the commitment, to compare with');
select is(t.refused(f, null, pg_temp.report('first')), '401 session_ended', f || ': nobody')
  from unnest('{report_begin,report_add}'::text[]) as f;
select is(t.refused(f, who, pg_temp.report('first')), '404 channel_not_found', format('%s by %s, who is not there', f, who))
  from unnest('{report_begin,report_add}'::text[]) as f, unnest('{dora,root,chief}'::text[]) as who;
select is(t.refused(f, 'carl', pg_temp.report('none')), '404 entry_not_found entry', f || ' of nothing')
  from unnest('{report_begin,report_add}'::text[]) as f;
select is(t.refused(f, 'bob', pg_temp.report('first', t.channel('club'))), '404 entry_not_found entry',
    f || ' in another channel') from unnest('{report_begin,report_add}'::text[]) as f;
select is(t.refused('report_add', 'carl', pg_temp.report('first', more => jsonb_build_object('commitment', t.b(32)))),
    '422 report_forged payload', 'another commitment than was compared with');
select t.call('invite_accept', 'fay', jsonb_build_object('code', t.call('invite_create', 'anna',
    jsonb_build_object('community', t.id('home'))) ->> 'code')) \g /dev/null
select is(t.refused(f, 'fay', pg_temp.report('first')), '404 entry_not_found entry', f || ' of what was before one came')
  from unnest('{report_begin,report_add}'::text[]) as f;
select t.send('bob', t.channel('home'), 'gone') \g /dev/null
update data.entries set ciphertext = null, commitment = null where id = t.id('gone');
select is(t.refused(f, 'carl', pg_temp.report('gone')), '409 entry_wiped entry', f || ' of what was wiped')
  from unnest('{report_begin,report_add}'::text[]) as f;
select is(count(*), 0::bigint, 'nothing was kept') from data.reports;

-- once
select is(t.call('report_add', 'carl', pg_temp.report('first')), '{}', 'a report');
select is((select count(*) from t.rows where topic is not null), 0::bigint, 'nobody is told');
select is(t.refused('report_add', 'carl', pg_temp.report('first', more => jsonb_build_object('id', t.id('another')))),
    'done', 'again is harmless');
select is(count(*), 1::bigint, 'and one') from data.reports;
select t.send('bob', t.channel('home'), 'second') \g /dev/null
select is(t.refused('report_add', 'mona', pg_temp.report('second', more => jsonb_build_object('id',
    t.id('report of first')))), '409 id_taken id', 'another''s id');
select is(t.refused('report_add', 'fay', pg_temp.report('second')), 'done', 'of the same entry by one');
select is(t.refused('report_add', 'mona', pg_temp.report('second', more => jsonb_build_object('id', t.id('mona''s'),
    'reason', null))), 'done', 'and another');
select t.send('bob', t.channel('club'), 'first') \g /dev/null
select t.call('invite_accept', 'carl', jsonb_build_object('code', t.call('invite_create', 'dora',
    jsonb_build_object('community', t.id('club'))) ->> 'code')) \g /dev/null
update data.channel_members set joined_seq = 0 where channel_id = t.channel('club');
select is(t.refused('report_add', 'carl', pg_temp.report('first', t.channel('club'), jsonb_build_object('id', t.id('club''s'),
    'payload', t.b(50, 'club first')))), 'done', 'an entry of the same id elsewhere');
select is(count(*), 4::bigint, 'is another one') from data.reports;
select is(t.refused('report_add', 'carl', jsonb_set(pg_temp.report('dm', t.id('dm')), '{commitment}', '""')),
    '404 entry_not_found entry', 'an entry that is not in the DM');
insert into data.entries (channel_id, seq, epoch, id, sender, device, kind, commitment, ciphertext)
values (t.id('dm'), 1, 1, t.id('dm said'), t.user('bob'), t.id('bob'), 'message', sha256('x'), 'x');
select is(t.refused('report_add', 'carl', pg_temp.report('dm said', t.id('dm'), jsonb_build_object('commitment',
    lib.b64u(sha256('x'))))), 'done', 'of a DM');

-- who sees what
select is(pg_temp.listed('root'), pg_temp.of('dm said', 'club first', 'second', 'second', 'first'), 'the owner: all');
select is(pg_temp.listed('chief'), pg_temp.listed('root'), 'the admins too');
select is(pg_temp.listed(who, jsonb_build_object('community', t.id('home'))), pg_temp.of('second', 'second', 'first'),
    who || ': those of a community') from unnest('{anna,root,chief}'::text[]) as who;
select is(t.refused('reports_list', who, jsonb_build_object('community', t.id('home'))), refusal,
    format('%s of a community', who)) from (values (null, '401 session_ended'), ('mona', '403 forbidden'),
        ('carl', '403 forbidden'), ('dora', '404 community_not_found')) as x (who, refusal);
select is(t.refused('reports_list', who), '403 forbidden', who || ': all') from unnest('{anna,mona,carl,dora}'::text[]) as who;
select is(t.refused('reports_list', null), '401 session_ended', 'nobody: all');
select is(t.refused('reports_list', 'root', jsonb_build_object('community', t.id('nowhere'))), '404 community_not_found',
    'of no community');
update data.community_members set role = 'admin' where user_id = t.user('bob') and community_id = t.id('home');
select is(pg_temp.listed('bob', jsonb_build_object('community', t.id('home'))), '[]',
    'nobody sees reports about themselves');
update data.community_members set role = 'member' where user_id = t.user('bob');
select is(t.call('reports_list', 'root') #> '{reports,4}', jsonb_build_object('id', t.id('report of first'), 'community',
    t.id('home'), 'channel', t.channel('home'), 'kind', 'text', 'entry', t.id('first'), 'seq', 1, 'sender',
    jsonb_build_object('id', t.user('bob'), 'username', 'bob', 'display_name', 'Bob'), 'reporter',
    jsonb_build_object('id', t.user('carl'), 'username', 'carl', 'display_name', 'Carl'), 'payload', t.b(50, 'first'),
    'reason', 'rude', 'sent_at', lib.ms(e.created_at), 'created_at', lib.ms(r.created_at), 'resolved_at', null,
    'resolved_by', null), 'REPORT') from data.entries e join data.reports r on r.entry_id = e.id and r.channel_id = e.channel_id
 where e.id = t.id('first') and e.channel_id = t.channel('home');
select is(t.call('reports_list', 'root') #> '{reports,0}' ->> 'kind', 'dm', 'a DM''s says so');
update data.reports set reporter = null where id = t.id('report of first');
select is(t.call('reports_list', 'root') #> '{reports,4,reporter}', 'null', 'a reporter who is gone has no name');

-- pages
select is(t.call('reports_list', 'root', '{"limit": 2}') -> 'more', 'true', 'two of five');
select is(pg_temp.listed('root', jsonb_build_object('limit', 2, 'before', t.id('club''s'))), pg_temp.of('second', 'second'),
    'the next two');
select is(t.call('reports_list', 'root', jsonb_build_object('limit', 2, 'before', t.id('club''s'))) -> 'more', 'true', 'and more');
select is(t.call('reports_list', 'root', jsonb_build_object('limit', 1, 'before', t.id('report of second'))) -> 'more',
    'false', 'to the end');
select is(t.call('reports_list', 'root', jsonb_build_object('before', t.id('nothing'))), '{"reports": [], "more": false}',
    'before nothing is nothing');
insert into data.reports (id, channel_id, entry_id, seq, sender, sender_device, reporter, payload, sent_at)
select gen_random_uuid(), t.id('dm'), gen_random_uuid(), i, t.user('bob'), t.id('bob'), t.user('carl'),
       convert_to(repeat('x', 131072), 'UTF8'), now() from generate_series(1, 30) as i;
select is(jsonb_array_length(r -> 'reports') between 10 and 20 and (r -> 'more')::boolean, true, 'a page has its bytes')
  from t.call('reports_list', 'root', '{"limit": 50}') as r;
delete from data.reports where octet_length(payload) > 1000;

-- done with
select is(t.refused('report_resolve', who, jsonb_build_object('report', t.id('report of first'))), refusal,
    format('%s resolves', who)) from (values (null, '401 session_ended'), ('mona', '404 report_not_found report'),
        ('carl', '404 report_not_found report'), ('dora', '404 report_not_found report'),
        ('bob', '404 report_not_found report')) as x (who, refusal);
select is(t.refused('report_resolve', 'anna', jsonb_build_object('report', t.id('report of dm said'))),
    '404 report_not_found report', 'a DM''s is not the community''s');
select is(t.refused('report_resolve', 'anna', jsonb_build_object('report', t.id('no report'))),
    '404 report_not_found report', 'none');
select is(t.call('report_resolve', 'anna', jsonb_build_object('report', t.id('report of first'))), '{}', 'resolved');
select is(t.refused('report_resolve', 'root', jsonb_build_object('report', t.id('report of first'))), 'done', 'again');
select is(resolved_by, t.user('anna'), 'the first is named') from data.reports where id = t.id('report of first');
select isnt(t.call('reports_list', 'root') #> '{reports,4,resolved_at}', 'null', 'and listed');
select is(t.refused('report_resolve', 'chief', jsonb_build_object('report', t.id('report of dm said'))), 'done',
    'a DM''s by the instance''s');

-- a flood
insert into data.reports (id, channel_id, entry_id, seq, sender, sender_device, reporter, payload, sent_at)
select gen_random_uuid(), t.channel('home'), gen_random_uuid(), i, t.user('bob'), t.id('bob'), t.user('fay'), 'x', now()
  from generate_series(1, 99) as i;
select t.send('bob', t.channel('home'), 'third') \g /dev/null
select is(t.refused('report_add', 'fay', pg_temp.report('third')), '429 report_limit', 'a hundred a day');
update data.reports set created_at = now() - interval '25 hours' where reporter = t.user('fay') and seq < 5;
select is(t.refused('report_add', 'fay', pg_temp.report('third')), 'done', 'tomorrow more');

-- not for ever
delete from data.reports;
insert into data.reports (id, channel_id, entry_id, seq, sender, sender_device, reporter, payload, sent_at, created_at,
                          resolved_at)
select t.id(name), t.id('dm'), t.id(name), 1, t.user('bob'), t.id('bob'), t.user('carl'), 'x', now(),
       now() - make_interval(days => age), now() - make_interval(days => done)
  from (values ('new', 1, null), ('open', 364, null), ('forgotten', 366, null), ('done', 300, 89), ('long done', 100, 91),
        ('done late', 366, 1)) as v (name, age, done);
create function pg_temp.kept() returns text[] language sql
as $$ select array_agg(n order by n) from unnest('{new,open,forgotten,done,"long done","done late"}'::text[]) as n
       where exists (select from data.reports r where r.id = t.id(n)) $$;
update data.instance set swept_at = now() - interval '59 minutes';
select t.call('session_start', 'root') \g /dev/null
select is(cardinality(pg_temp.kept()), 6, 'within the hour nothing is swept');
update data.instance set swept_at = now() - interval '61 minutes';
select t.call('session_start', 'root') \g /dev/null
select is(pg_temp.kept(), '{done,new,open}', 'what was resolved goes after 90 days, everything after a year');
insert into data.reports (id, channel_id, entry_id, seq, sender, sender_device, payload, sent_at, created_at)
select gen_random_uuid(), t.id('dm'), gen_random_uuid(), 1, t.user('bob'), t.id('bob'), 'x', now(), now() - interval '2 years'
  from generate_series(1, 1001);
update data.instance set swept_at = now() - interval '61 minutes';
select t.call('session_start', 'root') \g /dev/null
select is(count(*), 4::bigint, 'a thousand at a time') from data.reports;

select * from finish();
rollback;
