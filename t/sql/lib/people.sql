-- SPDX-License-Identifier: GPL-3.0-or-later
-- People, devices and calls for the tests of this directory: a schema t that lives in the test's transaction. Knows the
-- API's calling convention, no rule of it. Everybody and everything is called by a name; their ids follow from it.

create schema t;
set local search_path = public, t, pg_catalog;
set local chatalot.registration_mode = 'invite_only';

create table t.sessions (name text primary key, ctx api.ctx);
create table t.rows (place serial, topic text, control text, payload jsonb);

-- An id for a name.
create function t.id(name text) returns uuid language sql immutable
as $$ select overlay(overlay(md5(name) placing '7' from 13) placing '8' from 17)::uuid $$;

-- n bytes, different for each seed, as base64url.
create function t.b(n integer, seed text default '') returns text language sql immutable
as $$ select lib.b64u(substring(string_agg(sha256(convert_to(seed || i, 'UTF8')), '' order by i) from 1 for n))
        from generate_series(0, n / 32) as i $$;

-- Who is called name on their device of that name; nobody: null.
create function t.ctx(name text) returns api.ctx language sql stable
as $$ select ctx from t.sessions s where s.name = ctx.name $$;

-- The text that a worker makes of a row: ngx_chatalot_row.h.
create function t.said(r jsonb) returns text language sql immutable
as $$ select case when r ->> 'channel' is null then coalesce(r ->> 'payload', r ->> 'piece') else (
        coalesce((r ->> 'piece')::jsonb, '{}') || (r - '{topic,control,piece,call,ordinality}'::text[])
        || jsonb_build_object('ciphertext', lib.b64u((r ->> 'ciphertext')::bytea), 'commitment',
                              lib.b64u((r ->> 'commitment')::bytea), 'created_at', lib.ms((r ->> 'created_at')::timestamptz))
      )::text end $$;

-- Calls api.<function>; its events, and its reply put together, are in t.rows then. Returns the reply.
create function t.call(function text, who text, args jsonb default '{}') returns jsonb language plpgsql
as $$
begin
    delete from t.rows;
    execute format($q$
        with r as (select to_jsonb(x) as r from api.%I($1, $2) with ordinality as x)
        insert into t.rows (topic, control, payload)
        select r ->> 'topic', r ->> 'control', t.said(r)::jsonb from r where r ->> 'topic' is not null
        union all
        select null, null, replace(replace(string_agg(t.said(r), e'\n' order by r -> 'ordinality'), e'}\n{', '},{'), e'\n', '')
                           ::jsonb
          from r where r ->> 'topic' is null having count(*) > 0
        $q$, function) using t.ctx(who), args;
    return (select payload from t.rows where topic is null);
end
$$;

-- How a call is refused: "404 channel_not_found", with " field" behind it; "done" if it is not.
create function t.refused(function text, who text, args jsonb default '{}') returns text language plpgsql
as $$
declare
    field text;
begin
    perform t.call(function, who, args);
    return 'done';
exception when others then
    get stacked diagnostics field = column_name;
    return replace(sqlstate, 'TA', '') || ' ' || sqlerrm || coalesce(' ' || nullif(field, ''), '');
end
$$;

-- The events of the last call as "topic | control | type", sorted, with ids as names.
create function t.events() returns setof text language sql stable
as $$ select topic || ' | ' || control || ' | ' || coalesce(payload ->> 'type', '') from t.rows
       where topic is not null order by 1 $$;

create function t.device(name text, prekeys integer default 3) returns jsonb language sql immutable
as $$ select jsonb_build_object('id', t.id(name), 'name', name, 'device_key', t.b(32, name), 'certificate',
    t.b(66, name),
                 'created_at', 1700000000123, 'signed_prekey', t.b(110, name), 'one_time_prekeys',
                 coalesce(jsonb_agg(jsonb_build_object('id', i, 'key', t.b(32, name || i))), '[]'))
        from generate_series(1, prekeys) as i $$;

create function t.registration(name text, more jsonb default '{}') returns jsonb language sql immutable
as $$ select jsonb_build_object('user', t.id(name || '''s account'), 'username', name, 'display_name', initcap(name),
                 'salt', t.b(16, name), 'ops', 3, 'mem', 67108864, 'login_hash', '$argon2id$' || name,
                 'recovery_hash', '$argon2id$', 'account_key', t.b(32, name || 'A'), 'backup_key', t.b(32, name || 'B'),
                 'keyring_password', t.b(200, name), 'keyring_recovery', t.b(200, name), 'device', t.device(name),
                 'refresh_hash', t.b(32, name || 'refresh')) || more $$;

-- Notes the session that the last call (a registration or a device's) began.
create function t.signed_in(name text, reply jsonb) returns void language sql
as $$ insert into t.sessions values (name, row((reply #>> '{user,id}')::uuid, (reply ->> 'device')::uuid,
          (reply ->> 'session')::uuid, '192.0.2.1', 'test', 'r')::api.ctx)
      on conflict on constraint sessions_pkey do update set ctx = excluded.ctx $$;

-- Registers: the first as owner, others by an open door.
create function t.person(name text) returns void language plpgsql
as $$
begin
    if not lib.has_owner() then
        update data.instance set setup_hash = sha256('token');
        perform t.signed_in(name, t.call('auth_register', null,
            t.registration(name, jsonb_build_object('setup_hash', lib.b64u(sha256('token'))))));
        return;
    end if;
    perform set_config('chatalot.registration_mode', 'open', true);
    perform t.signed_in(name, t.call('auth_register', null, t.registration(name)));
    perform set_config('chatalot.registration_mode', 'invite_only', true);
end
$$;

-- Who may admit a device for a person, as after a login.
create function t.enrolling(person text) returns api.ctx language sql stable
as $$ select row(u.id, null, u.admission, '192.0.2.2', 'test', 'r')::api.ctx
        from data.users u where u.id = (t.ctx(person)).user_id $$;

-- One more device of a person.
create function t.another_device(name text, person text) returns void language plpgsql
as $$
begin
    insert into t.sessions values (name, t.enrolling(person));
    perform t.signed_in(name, t.call('device_add', name, jsonb_build_object('device', t.device(name),
        'account_key', t.b(32, person || 'A'), 'refresh_hash', t.b(32, name || 'refresh'))));
end
$$;

create function t.user(name text) returns uuid language sql stable
as $$ select (t.ctx(name)).user_id $$;

-- Makes a community with these members; the first owns it.
create function t.community(name text, variadic members text[]) returns void language plpgsql
as $$
declare
    code text;
    member text;
begin
    perform set_config('chatalot.community_creation', 'open', true);
    perform t.call('community_create', members[1], jsonb_build_object('id', t.id(name), 'name', name));
    perform set_config('chatalot.community_creation', 'admin_only', true);
    code := t.call('invite_create', members[1], jsonb_build_object('community', t.id(name))) ->> 'code';
    foreach member in array members[2:] loop
        perform t.call('invite_accept', member, jsonb_build_object('code', code));
    end loop;
end
$$;

-- The first channel of a community.
create function t.channel(community text) returns uuid language sql stable
as $$ select c.id from data.channels c join data.groups g on g.id = c.group_id where g.community_id = t.id(community)
       order by c.created_at, c.id limit 1 $$;

-- The arguments of a send that is up to date.
create function t.message(channel uuid, id text, more jsonb default '{}') returns jsonb language sql stable
as $$ select jsonb_build_object('channel', l.channel_id, 'id', t.id(message.id), 'kind', 'message', 'roster', l.roster,
                 'epoch', l.epoch, 'ciphertext', t.b(100, message.id), 'commitment', t.b(32, message.id)) || more
                  from data.logs l where l.channel_id = message.channel $$;

create function t.send(who text, channel uuid, id text, more jsonb default '{}') returns jsonb language sql
as $$ select t.call('entry_send', who, t.message(channel, id, more)) $$;
