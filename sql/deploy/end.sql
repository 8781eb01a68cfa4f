-- SPDX-License-Identifier: GPL-3.0-or-later
-- Last part of sql/apply's transaction: what is no longer in the files goes, bodies are checked, rights are set.
-- psql variables: replace, code, worker_role, setup_hash.

\if :replace
-- A function that this transaction has not written is in no file any more.
do $$
declare
    f record;
begin
    for f in
        select p.oid::regprocedure as name from pg_proc p
         where p.pronamespace in ('lib'::regnamespace, 'api'::regnamespace)
           and p.xmin <> pg_current_xact_id()::xid
    loop
        execute format('drop function %s', f.name);
    end loop;
end
$$;

set local check_function_bodies = on;
do $$
declare
    f record;
begin
    for f in
        select p.oid, l.lanname from pg_proc p join pg_language l on l.oid = p.prolang
         where p.pronamespace in ('lib'::regnamespace, 'api'::regnamespace)
    loop
        if f.lanname = 'sql' then
            perform fmgr_sql_validator(f.oid);
        else
            perform plpgsql_validator(f.oid);
        end if;
    end loop;
end
$$;

insert into data.deployment (code) values (:'code')
    on conflict (id) do update set code = excluded.code, applied_at = now();
select 'sql/apply: ' || count(*) || ' functions replaced' from pg_proc p
 where p.pronamespace in ('lib'::regnamespace, 'api'::regnamespace);
\else
\echo sql/apply: functions are up to date
\endif

select :'worker_role' <> '' as has_worker, to_regrole(quote_ident(:'worker_role')) is null as create_worker,
       :'worker_role' = current_user as worker_is_owner \gset
\if :has_worker
\if :worker_is_owner
\echo sql/apply: the worker role owns the schema and needs no rights
\else
\if :create_worker
create role :"worker_role" login;
\echo sql/apply: role :worker_role made
\endif
grant usage on schema api to :"worker_role";
\endif
\endif

select :'replace' or :'worker_role' <> '' as grants \gset
\if :grants
-- Functions are executable by everyone unless that is taken away. A worker's role is whoever may use the schema api.
revoke all on schema data, lib, api from public;
revoke all on all functions in schema lib, api from public;
do $$
declare
    worker record;
begin
    for worker in
        select distinct a.grantee::regrole as name
          from pg_namespace n, aclexplode(n.nspacl) as a
         where n.nspname = 'api' and a.privilege_type = 'USAGE' and a.grantee not in (0, n.nspowner)
    loop
        execute format('grant execute on all functions in schema api to %s', worker.name);
        execute format('grant usage on schema lib to %s', worker.name);
        execute format('grant execute on function lib.schema_version() to %s', worker.name);
    end loop;
end
$$;
\endif

select :'setup_hash' <> '' as wants_setup \gset
\if :wants_setup
select from data.instance for update \g /dev/null
select lib.has_owner() as is_set_up \gset
\if :is_set_up
\echo sql/apply: already set up
\else
update data.instance set setup_hash = decode(:'setup_hash', 'hex');
\echo sql/apply: setup token stored
\endif
\endif

commit;
