-- SPDX-License-Identifier: GPL-3.0-or-later
-- House rules that the catalog can tell: functions, tables, rights.

begin;
select no_plan();

create temporary view functions as
    select n.nspname as schema, p.oid::regprocedure::text as name, p.*, l.lanname
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
     where n.nspname in ('lib', 'api');

-- functions
select is_empty($$ select name from functions where schema = 'api'
    and pg_get_function_identity_arguments(oid) <> 'ctx api.ctx, args jsonb' and proname !~ '_group$' $$,
    'api functions take ctx and args');
select is_empty($$ select f.name from functions f
    where f.schema = 'api' and f.proname ~ '_group$' and (f.proargnames[1:3] <> '{users,devices,sessions}'
       or exists (select from unnest(f.proargtypes) as a (type) join pg_type t on t.oid = a.type where t.typcategory <> 'A')) $$,
    'forms for many calls take arrays, of who calls first');
select is_empty($$ select name from functions where schema = 'api'
    and not (proretset and prorettype in ('api.row'::regtype, 'api.entry_row'::regtype)) and name !~ '_group\(' $$,
    'and give rows');
select is_empty($$ select name from functions where schema = 'api' and name ~ '_group\('
    and pg_get_function_result(oid) not in
        ('TABLE(topic text, control text, payload json, call bigint)', 'SETOF api.entry_row') $$,
    'those of many calls say which one a row is of');
select is((select string_agg(format('%s %s', attname, atttypid::regtype), ', ' order by attnum)
             from pg_attribute where attrelid = 'api.entry_row'::regclass and attnum <= 5),
    'topic text, control text, piece text, call bigint, channel uuid', 'an entry''s columns stand behind those of every row');
select is_empty($$ select attname from pg_attribute where attrelid = 'api.entry_row'::regclass and atttypid not in
    ('text'::regtype, 'bigint'::regtype, 'uuid'::regtype, 'bytea'::regtype, 'timestamptz'::regtype) $$,
    'and are of types that workers can write');
select is((select string_agg(attname, ' ' order by attnum) from pg_attribute
            where attrelid = 'data.entries'::regclass and attnum > 0 and not attisdropped),
    'channel_id seq created_at epoch id ref thread sender device kind commitment ciphertext',
    'the order in which api.entry_send_group writes them');
select is_empty($$ select name from functions where schema = 'api' and name ~ '_group\('
    and prosrc !~ 's\.id = g\.session and s\.user_id = g\."user"\s+and s\.device_id = g\.device' $$,
    'and look for each call''s session');
select is_empty($$ select name from functions where schema = 'api'
    and not (prosecdef and proconfig = '{"search_path=pg_catalog, pg_temp"}') $$,
    'they are security definer, with a fixed search_path');
select is_empty($$ select name from functions where schema = 'lib' and (prosecdef or proconfig is not null) $$,
    'lib functions are neither');
select is_empty($$ select name from functions where schema = 'api' and provolatile <> 'v' $$,
    'api functions are volatile: each may note a session''s use');
select is_empty($$ select name from functions
    where prosrc ~* '\m(from|join|into|update)\s+(only\s+)?(users|devices|sessions|channels|entries|communities|groups|invites|inboxes)\M' $$,
    'tables are named with their schema');
select is_empty($$ select name, regexp_count(prosrc, E'\n') from functions where regexp_count(prosrc, E'\n') > 60 $$,
    'no function is longer than 60 lines');
select is_empty($$ select name from functions where schema = 'api'
    and name !~ 'api\.auth_(config|prelogin|register|login_begin|login_end|login_void|refresh)\('
    and name !~ 'api\.auth_(recovery_begin|recovery_end|recovery_complete|prove|identity|reset_begin|reset)\(|device_add|invite_get'
    and name !~ 'api\.approval_(begin|poll|reveal|cancel)\(|_group\('
    and prosrc !~ 'begin\s+perform lib\.require_session\(ctx\);' $$,
        'signed-in calls begin with the check of the session');
select is_empty($$ select f.name, m[1] from functions f, regexp_matches(f.prosrc, 'lib\.limit\(''(\w+)''\)', 'g') as m
    where not exists (select from functions l where l.name = 'lib."limit"(text)' and l.prosrc like '%when ''' || m[1]
        || ''' then%') $$, 'every limit that is asked for exists');
select isnt_empty($$ select from functions where name = 'lib."limit"(text)' $$, '(looked for under the right name)');
select throws_ok($$ select lib.limit('no such') $$, '20000', null, 'a limit that does not exist is an error');
select function_returns('lib', 'schema_version', '{}'::name[], 'integer', 'the schema has a version');
select is(lib.setting('registration_mode'), 'invite_only', 'settings default as nginx''s do');

-- tables
create temporary view tables as
    select c.oid, c.oid::regclass::text as name from pg_class c
        where c.relnamespace = 'data'::regnamespace and c.relkind = 'r';
select is_empty($$ select name from tables where obj_description(oid, 'pg_class') is null $$,
    'every table says what it is');
select is_empty($$ select t.name from tables t where not exists (select from pg_constraint k
    where k.conrelid = t.oid and k.contype = 'p')
    and t.name <> 'data.prekey_claims' $$, 'every table but the log of claims has a primary key');
select is_empty($$ select conrelid::regclass, conname from pg_constraint
    where contype = 'f' and connamespace = 'data'::regnamespace and confdeltype not in ('c', 'n') $$,
    'every foreign key says what happens on delete');
select is_empty($$ select k.conrelid::regclass, k.conname from pg_constraint k
    where k.contype = 'f' and k.connamespace = 'data'::regnamespace
    and not exists (select from pg_index i where i.indrelid = k.conrelid
        and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey) $$,
    'and has an index for it');
select is_empty($$ select t.name, a.attname from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0
    and a.atttypid = 'bytea'::regtype
    where not exists (select from pg_constraint k where k.conrelid = t.oid and k.contype = 'c'
        and pg_get_constraintdef(k.oid) ~ ('octet_length\(' || a.attname || '\)')) $$,
    'bytes are bounded');
select is_empty($$ select t.name, a.attname from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0
    and a.atttypid = 'text'::regtype
    where t.name !~ 'schema_migrations|deployment'
      and not exists (select from pg_constraint k where k.conrelid = t.oid and k.contype = 'c'
          and a.attnum = any (k.conkey)) $$, 'text is bounded');
select is_empty($$ select t.name, a.attname from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0
    where a.atttypid in ('varchar'::regtype, 'bpchar'::regtype, 'timestamp'::regtype, 'timetz'::regtype,
        'money'::regtype, 'json'::regtype) $$, 'no column of a type we avoid');
select is_empty($$ select t.name from tables t join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal $$,
    'no triggers: rules are functions');

-- rights
select is_empty($$ select name from functions f, aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as a
    where a.grantee = 0 $$, 'nobody may call a function by default');
select is_empty($$ select n.nspname from pg_namespace n, aclexplode(coalesce(n.nspacl,
    acldefault('n', n.nspowner))) as a
    where n.nspname in ('data', 'lib', 'api') and a.grantee = 0 $$, 'nor use a schema');
select is_empty($$ select t.name from tables t join pg_class c on c.oid = t.oid,
    aclexplode(c.relacl) as a where a.grantee <> c.relowner $$, 'nobody but the owner may touch a table');
create role t_worker;
grant usage on schema api, lib to t_worker;
grant execute on all functions in schema api to t_worker;
grant execute on function lib.schema_version() to t_worker;
set local role t_worker;
select throws_ok('select * from data.users', '42501', null, 'a worker reads no table');
select throws_ok('insert into data.login_attempts values (sha256(''x''), 1, now())', '42501', null, 'writes none');
select throws_ok('select lib.has_owner()', '42501', null, 'and calls no rule');
select lives_ok('select * from api.auth_config(null, ''{}'')', 'but the API');
select throws_ok('select * from api.me(null, ''{}'')', 'TA401', 'session_ended', 'which works for it');
select is(lib.schema_version() > 0, true, 'and tells its version');
reset role;

-- values
select is(lib.b64u(decode(repeat('fbff', 40), 'hex')), translate(encode(decode(repeat('fbff', 40), 'hex'), 'base64'),
    E'+/=\n', '-_'), 'base64url');
select is(count(*), 0::bigint, 'there and back, at every length') from generate_series(1, 200) as n,
    lateral (select substring(decode(repeat(md5(n::text), 13), 'hex') from 1 for n) as bytes) as b
        where lib.bytes(lib.b64u(b.bytes), 'x', n, n) <> b.bytes;
select is(lib.bytes(null, 'x', 1, 2), null, 'null stays null');
select matches(lib.uuid7()::text, '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$', 'UUIDv7');
select is(abs(lib.be(uuid_send(lib.uuid7()), 0, 6) - lib.ms(clock_timestamp())) < 1000, true,
    'which begins with the time');
select is(count(distinct lib.uuid7()), 1000::bigint, 'none twice') from generate_series(1, 1000);
select is(lib.ms('2023-11-14 22:13:20.123456+00'), 1700000000123, 'milliseconds are cut, not rounded');
select is(lib.name(E' Zoë \t', 'x', 64), 'Zoë', 'names are trimmed');

select * from finish();
rollback;
