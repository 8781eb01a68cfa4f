-- SPDX-License-Identifier: GPL-3.0-or-later
-- First part of sql/apply's transaction: one deployment at a time, on a database that is ours, of our version or
-- before. psql variables: wanted "name:checksum,…" of the migrations here; code, the checksum of the functions;
-- recreate.

begin;
set local lock_timeout = '5min';
set local search_path = pg_catalog, pg_temp;
select pg_advisory_xact_lock(7521884963070911) \g /dev/null

select current_setting('server_version_num')::integer < 150000 as too_old,
       current_setting('server_encoding') <> 'UTF8' as not_utf8,
       to_regnamespace('data') is null and to_regnamespace('lib') is null and to_regnamespace('api') is null as fresh,
       to_regclass('data.schema_migrations') is null as unmarked \gset

\if :too_old
do $$ begin raise exception 'PostgreSQL 15 or later is needed'; end $$;
\elif :not_utf8
do $$ begin raise exception 'the database must have the encoding UTF8'; end $$;
\elif :fresh
create schema data;
create schema lib;
create schema api;
comment on schema data is 'Tables. Nobody but the functions touches them.';
comment on schema lib is 'Rules and helpers behind the API.';
comment on schema api is 'What workers may call.';
create table data.schema_migrations (
    name        text primary key,
    checksum    text not null,
    applied_at  timestamptz not null default now()
);
comment on table data.schema_migrations is 'What sql/apply has done; checksum is SHA-256 of the file.';
create table data.deployment (
    id          boolean primary key default true check (id),
    code        text not null,
    applied_at  timestamptz not null default now()
);
comment on table data.deployment is 'The functions that are in place: SHA-256 of their files.';
\elif :unmarked
do $$ begin raise exception 'the schemas data, lib or api of this database belong to something else'; end $$;
\endif

create temporary table wanted on commit drop as
    select split_part(w, ':', 1) as name, split_part(w, ':', 2) as checksum
      from regexp_split_to_table(:'wanted', ',') as w;

do $$
declare
    bad text;
begin
    select string_agg(m.name, ', ' order by m.name) into bad
      from data.schema_migrations m where not exists (select from wanted w where w.name = m.name);
    if bad is not null then
        raise exception 'the database is newer than this code: it has had %', bad;
    end if;
    select string_agg(m.name, ', ' order by m.name) into bad
      from data.schema_migrations m join wanted w on w.name = m.name and w.checksum <> m.checksum;
    if bad is not null then
        raise exception 'migrations were edited after they had been applied: %', bad;
    end if;
    select string_agg(w.name, ', ' order by w.name) into bad
      from wanted w
     where not exists (select from data.schema_migrations m where m.name = w.name)
       and w.name < (select max(m.name) from data.schema_migrations m);
    if bad is not null then
        raise exception 'migrations came in before others that are applied already: %', bad;
    end if;
end
$$;

select not exists (select from data.deployment where code = :'code') as replace \gset

-- Bodies may name functions of later files; end.sql checks all of them.
set local check_function_bodies = off;

\if :recreate
\if :replace
do $$
declare
    f record;
begin
    for f in
        select p.oid::regprocedure as name from pg_proc p
         where p.pronamespace in ('lib'::regnamespace, 'api'::regnamespace)
    loop
        execute format('drop function %s', f.name);
    end loop;
end
$$;
\endif
\endif
