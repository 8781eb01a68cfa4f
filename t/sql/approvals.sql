-- SPDX-License-Identifier: GPL-3.0-or-later
-- Approvals: the order of the exchange, who may take which step, what a step gives when it is taken twice, and that an
-- approval admits one device.

begin;
\ir lib/people.sql
select no_plan();
select t.person(p) from unnest('{anna,bob,eve}'::text[]) as p \g /dev/null
select t.another_device('annas', 'anna') \g /dev/null
insert into t.sessions values ('newcomer', row(null, null, null, '198.51.100.7', 'test', 'r')::api.ctx),
    ('other place', row(null, null, null, '203.0.113.9', 'test', 'r')::api.ctx);

create function pg_temp.claim(name text, more jsonb default '{}') returns jsonb language sql
as $$ select jsonb_build_object('id', t.id(name), 'claim_hash', t.b(32, name || 'claim')) || more $$;
create function pg_temp.begins(name text, who text default 'newcomer', more jsonb default '{}') returns text
language sql
as $$ select t.call('approval_begin', who, pg_temp.claim(name, jsonb_build_object('commitment', t.b(32, name),
          'name', 'New ' || name) || more)) ->> 'code' $$;
create function pg_temp.of(code text, more jsonb default '{}') returns jsonb language sql
as $$ select jsonb_build_object('code', code) || more $$;
create function pg_temp.state(name text) returns text language sql
as $$ select t.call('approval_poll', 'newcomer', pg_temp.claim(name)) ->> 'state' $$;
create function pg_temp.enrols(device text, approval text, person text) returns text language plpgsql
as $$
declare
    session constant uuid := t.id(approval);
begin
    insert into t.sessions values ('enrolling', row(t.user(person), null, session, '198.51.100.7', 'test', 'r')::api.ctx)
        on conflict on constraint sessions_pkey do update set ctx = excluded.ctx;
    return t.refused('device_add', 'enrolling', jsonb_build_object('device', t.device(device), 'account_key',
        t.b(32, person || 'A'), 'refresh_hash', t.b(32, device || clock_timestamp())));
end
$$;

-- the straight road
create temporary table code on commit drop as select pg_temp.begins('one') as one;
select matches(one, '^[0-9a-hjkmnp-tv-z]{8}$', 'a code of eight') from code;
select is(pg_temp.begins('one'), one, 'the same again: the same code') from code;
select is(t.refused('approval_begin', 'newcomer', pg_temp.claim('one', jsonb_build_object('commitment', t.b(32, 'one'),
    'name', 'x', 'claim_hash', t.b(32, 'guessed')))), '409 id_taken id', 'another''s id');
select is(t.refused('approval_begin', 'newcomer', pg_temp.claim('one', jsonb_build_object('commitment', t.b(32, 'two'),
    'name', 'x'))), '409 id_taken id', 'another commitment is another request');
select is(t.call('approval_poll', 'newcomer', pg_temp.claim('one')), '{"state": "waiting"}', 'nothing yet');
select is(t.refused('approval_reveal', 'newcomer', pg_temp.claim('one', jsonb_build_object('key', t.b(32), 'nonce',
    t.b(16)))), '409 conflict', 'nothing is revealed before an answer');
select is(t.call('approval_get', 'anna', pg_temp.of(one)) - 'created_at', jsonb_build_object('id', t.id('one'), 'name',
    'New one', 'address', '198.51.100.7', 'commitment', t.b(32, 'one')), 'who has the code sees who asks') from code;
select is(t.refused('approval_get', 'anna', pg_temp.of(upper(translate(one, '01', 'oi')))), 'done',
    'read as people type it') from code;
select is(t.refused('approval_get', null, pg_temp.of(one)), '401 session_ended', 'nobody looks') from code;
select is(t.refused('approval_approve', 'anna', pg_temp.of(one, jsonb_build_object('sealed', t.b(98)))), '409 conflict',
    'nothing is approved before an answer') from code;
select is(t.refused('approval_refuse', 'anna', pg_temp.of(one)), '409 conflict code', 'nor refused') from code;
select is(t.call('approval_answer', 'anna', pg_temp.of(one, jsonb_build_object('key', t.b(32, 'a')))), '{}', 'an answer') from code;
select is(t.refused('approval_answer', 'anna', pg_temp.of(one, jsonb_build_object('key', t.b(32, 'a')))), 'done',
    'the same again is harmless') from code;
select is(t.refused('approval_answer', 'anna', pg_temp.of(one, jsonb_build_object('key', t.b(32, 'b')))),
    '409 conflict key', 'another key is not') from code;
select is(t.refused(f, who, pg_temp.of(one, jsonb_build_object('key', t.b(32, 'e'), 'sealed', t.b(98)))),
    '409 conflict code', format('%s of another device: %s', f, who))
  from code, unnest('{approval_get,approval_answer,approval_approve,approval_refuse}'::text[]) as f,
       unnest('{annas,eve}'::text[]) as who;
select is(t.call('approval_poll', 'newcomer', pg_temp.claim('one')), jsonb_build_object('state', 'answered',
    'answer_key', t.b(32, 'a'), 'user', jsonb_build_object('id', t.user('anna'), 'username', 'anna', 'display_name',
    'Anna')), 'the newcomer learns the key and whose it is');
select is(t.refused('approval_poll', 'newcomer', pg_temp.claim('one', jsonb_build_object('claim_hash', t.b(32, 'guessed')))),
    '404 approval_not_found id', 'with its claim only');
select is(t.refused('approval_approve', 'anna', pg_temp.of(one, jsonb_build_object('sealed', t.b(98)))), '409 conflict',
    'nothing is approved before the newcomer''s key') from code;
select is(pg_temp.enrols('too early', 'one', 'anna'), '401 session_ended', 'no device before the approval');
select is(t.refused('approval_reveal', 'newcomer', pg_temp.claim('one', jsonb_build_object('key', t.b(32, 'k'), 'nonce',
    t.b(16, 'n'), 'claim_hash', t.b(32, 'guessed')))), '404 approval_not_found id', 'nobody else reveals');
select is(t.call('approval_reveal', 'newcomer', pg_temp.claim('one', jsonb_build_object('key', t.b(32, 'k'), 'nonce',
    t.b(16, 'n')))), '{}', 'revealed');
select is(t.refused('approval_reveal', 'newcomer', pg_temp.claim('one', jsonb_build_object('key', t.b(32, 'k'), 'nonce',
    t.b(16, 'n')))), 'done', 'the same again is harmless');
select is(t.refused('approval_reveal', 'newcomer', pg_temp.claim('one', jsonb_build_object('key', t.b(32, 'k'), 'nonce',
    t.b(16, 'm')))), '409 conflict key', 'once only');
select is(t.call('approval_get', 'anna', pg_temp.of(one)) - '{created_at,id,name,address,commitment}'::text[],
    jsonb_build_object('key', t.b(32, 'k'), 'nonce', t.b(16, 'n')), 'the device that answered sees it') from code;
select is(t.call('approval_approve', 'anna', pg_temp.of(one, jsonb_build_object('sealed', t.b(98)))), '{}', 'approved') from code;
select is(t.refused('approval_approve', 'anna', pg_temp.of(one, jsonb_build_object('sealed', t.b(98)))), 'done',
    'the same again is harmless') from code;
select is(t.refused('approval_approve', 'anna', pg_temp.of(one, jsonb_build_object('sealed', t.b(98, 'other')))),
    '409 conflict sealed', 'other keys are not taken') from code;
select is(t.call('approval_poll', 'newcomer', pg_temp.claim('one')) - '{user,expires_in}'::text[], jsonb_build_object('state',
    'approved', 'answer_key', t.b(32, 'a'), 'account_key', t.b(32, 'annaA'), 'backup_key', t.b(32, 'annaB'), 'sealed', t.b(98)),
    'the newcomer has it all');
select is((t.call('approval_poll', 'newcomer', pg_temp.claim('one')) ->> 'expires_in')::integer, 600,
    'and ten minutes from now on');
select is(pg_temp.enrols('stolen', 'one', 'eve'), '401 session_ended', 'not for another person''s account');
select is(pg_temp.enrols('tablet', 'one', 'anna'), 'done', 'a device is in');
select is(pg_temp.enrols('tablet', 'one', 'anna'), 'done', 'the same again, whose answer was lost');
select is(pg_temp.enrols('second', 'one', 'anna'), '401 session_ended', 'not a second one');
select is(num_nonnulls(sealed, key, nonce), 0, 'nothing sealed stays') from data.approvals where id = t.id('one');
select is(t.refused('approval_poll', 'newcomer', pg_temp.claim('one')), '404 approval_not_found id', 'it is over');
select is(t.refused('approval_approve', 'anna', pg_temp.of(one, jsonb_build_object('sealed', t.b(98)))), 'done',
    'an approval whose answer was lost is still harmless') from code;
select is(t.refused('approval_refuse', 'anna', pg_temp.of(one)), '409 conflict code', 'too late to refuse') from code;
select is(t.refused('approval_cancel', 'newcomer', pg_temp.claim('one')), '404 approval_not_found id', 'or to give it up');

-- refusing and taking back
create function pg_temp.upto(name text, step text, approver text default 'anna') returns text language plpgsql
as $$
declare
    code constant text := pg_temp.begins(name);
begin
    perform t.call('approval_answer', approver, pg_temp.of(code, jsonb_build_object('key', t.b(32, 'a'))));
    perform t.call('approval_reveal', 'newcomer', pg_temp.claim(name, jsonb_build_object('key', t.b(32), 'nonce', t.b(16))));
    if step = 'approved' then
        perform t.call('approval_approve', approver, pg_temp.of(code, jsonb_build_object('sealed', t.b(98))));
    end if;
    return code;
end
$$;
create temporary table two on commit drop as select pg_temp.upto('two', 'revealed') as code;
select is(t.refused('approval_refuse', null, pg_temp.of(code)), '401 session_ended', 'nobody refuses') from two;
select is(t.refused('approval_refuse', 'anna', pg_temp.of(code)), 'done', 'refused') from two;
select is(t.refused('approval_refuse', 'anna', pg_temp.of(code)), 'done', 'again') from two;
select is(pg_temp.state('two'), 'refused', 'the newcomer hears it');
select is(t.refused('approval_approve', 'anna', pg_temp.of(code, jsonb_build_object('sealed', t.b(98)))),
    '404 approval_not_found code', 'there is no way back') from two;
create temporary table three on commit drop as select pg_temp.upto('three', 'approved') as code;
select is(t.refused('approval_refuse', 'anna', pg_temp.of(code)), 'done', 'an approval taken back') from three;
select is(pg_temp.state('three'), 'refused', 'the newcomer hears it');
select is(pg_temp.enrols('back', 'three', 'anna'), '401 session_ended', 'and the token admits nothing');

-- the newcomer gives up
create temporary table given on commit drop as
    select pg_temp.begins('up') as asked, pg_temp.upto('up 2', 'revealed') as revealed, pg_temp.upto('up 3', 'approved') as approved;
select is(t.refused('approval_cancel', 'newcomer', pg_temp.claim('up 3', jsonb_build_object('claim_hash', t.b(32, 'guessed')))),
    '404 approval_not_found id', 'nobody else gives it up');
select is(t.refused('approval_cancel', 'newcomer', pg_temp.claim(name)), 'done', name || ': given up')
  from unnest('{up,up 2,up 3,up 3}'::text[]) as name;
select is(pg_temp.state(name), 'refused', name || ': it is over') from unnest('{up,up 2,up 3}'::text[]) as name;
select is(t.refused('approval_get', 'anna', pg_temp.of(asked)), '404 approval_not_found code', 'nobody finds it') from given;
select is(t.refused('approval_approve', 'anna', pg_temp.of(revealed, jsonb_build_object('sealed', t.b(98)))),
    '404 approval_not_found code', 'nor approves it') from given;
select is(t.refused('approval_refuse', 'anna', pg_temp.of(revealed)), 'done', 'to refuse it, too, is harmless') from given;
select is(pg_temp.enrols('given up', 'up 3', 'anna'), '401 session_ended', 'and what was approved admits nothing');
select is(sum(num_nonnulls(sealed, key, nonce)), 0::bigint, 'nothing of it stays')
  from data.approvals where id in (t.id('up'), t.id('up 2'), t.id('up 3'));

-- a device that is here already is renewed with the password only: all that admits it is public, but for the account's keys
select pg_temp.upto('known', 'approved') \g /dev/null
select is(pg_temp.enrols('annas', 'known', 'anna'), '401 session_ended', 'a device of hers is not renewed by an approval');
select is(pg_temp.enrols('new', 'known', 'anna'), 'done', 'the approval is good for a new one still');

-- the approving device is removed meanwhile
create temporary table four on commit drop as
    select pg_temp.upto('four', 'approved', 'annas') as code, pg_temp.upto('five', 'revealed', 'annas') as other;
select t.call('device_remove', 'anna', jsonb_build_object('device', t.id('annas'))) \g /dev/null
select is(pg_temp.state(name), 'refused', name || ': what a removed device said does not count')
  from unnest('{four,five}'::text[]) as name;
select is(pg_temp.enrols('late', 'four', 'anna'), '401 session_ended', 'its approval admits nothing');
select is(t.refused('approval_approve', 'annas', pg_temp.of(other, jsonb_build_object('sealed', t.b(98)))),
    '401 session_ended', 'nor can it approve') from four;
select is(t.refused('approval_reveal', 'newcomer', pg_temp.claim('five', jsonb_build_object('key', t.b(32), 'nonce',
    t.b(16)))), '409 conflict', 'nothing is revealed to it');

-- time
create temporary table six on commit drop as select pg_temp.upto('six', 'approved') as code;
update data.approvals set expires_at = now() where id = t.id('six');
select is(t.refused('approval_poll', 'newcomer', pg_temp.claim('six')), '404 approval_not_found id', 'expired: no poll');
select is(t.refused('approval_get', 'anna', pg_temp.of(code)), '404 approval_not_found code', 'no look') from six;
select is(pg_temp.enrols('expired', 'six', 'anna'), '401 session_ended', 'no device');
select is(t.refused('approval_get', 'anna', pg_temp.of('00000000')), '404 approval_not_found code', 'a guess looks the same');
select isnt(pg_temp.begins('seven'), null, 'the next one');
select is(count(*), 0::bigint, 'sweeps it up') from data.approvals where id = t.id('six');

-- devices have a limit
select t.another_device('bob ' || i, 'bob') from generate_series(2, 16) as i \g /dev/null
create temporary table eight on commit drop as select pg_temp.upto('eight', 'revealed', 'bob') as code;
select is(t.refused('approval_approve', 'bob', pg_temp.of(code, jsonb_build_object('sealed', t.b(98)))),
    '409 device_limit', 'sixteen are enough') from eight;
select t.call('device_remove', 'bob', jsonb_build_object('device', t.id('bob 7'))) \g /dev/null
select is(t.refused('approval_approve', 'bob', pg_temp.of(code, jsonb_build_object('sealed', t.b(98)))), 'done',
    'after one has gone') from eight;
select is(pg_temp.enrols('bob 17', 'eight', 'bob'), 'done', 'there is room');

-- floods
delete from data.approvals;
select is(count(pg_temp.begins('flood ' || i)), 20::bigint, 'twenty from one place') from generate_series(1, 20) as i;
select is(t.refused('approval_begin', 'newcomer', pg_temp.claim('more', jsonb_build_object('commitment', t.b(32),
    'name', 'x'))), '429 rate_limited', 'and no more');
select isnt(pg_temp.begins('flood 1'), null, 'those that are open may be asked for again');
select isnt(pg_temp.begins('elsewhere', 'other place'), null, 'other places are free');
insert into t.sessions select 'six ' || i, row(null, null, null, ('2001:db8:1:1::' || i)::inet, 'test', 'r')::api.ctx
  from generate_series(1, 21) as i;
select is(count(pg_temp.begins('v6 ' || i, 'six ' || i)), 20::bigint, 'twenty from one IPv6 network')
  from generate_series(1, 20) as i;
select is(t.refused('approval_begin', 'six 21', pg_temp.claim('v6', jsonb_build_object('commitment', t.b(32),
    'name', 'x'))), '429 rate_limited', 'are all it gets');
insert into data.approvals (id, code, claim_hash, commitment, name, address, expires_at)
select gen_random_uuid(), lib.approval_code(), sha256('x'), sha256('y'), 'x', '192.0.2.0'::inet + i,
       now() + interval '5 minutes' from generate_series(1, 1000 - (select count(*) from data.approvals)) as i;
select is(t.refused('approval_begin', 'other place', pg_temp.claim('full', jsonb_build_object('commitment', t.b(32),
    'name', 'x'))), '503 busy', 'a thousand in all');
update data.approvals set expires_at = now() where id = t.id('flood 3');
select isnt(pg_temp.begins('fits', 'other place'), null, 'what has expired makes room');

select * from finish();
rollback;
