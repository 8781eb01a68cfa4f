-- SPDX-License-Identifier: GPL-3.0-or-later
-- People and channels in bulk for make bench, applied to its own throw-away database only. What registration and joining
-- would have left is inserted at once; every key is random, for the server only stores them. Sending and reading go
-- through the api functions like everybody's.

create schema bench;

create table bench.people (
    world       text not null,
    number      integer not null,
    user_id     uuid not null default gen_random_uuid(),
    device_id   uuid not null default gen_random_uuid(),
    session_id  uuid not null default gen_random_uuid(),
    primary key (world, number)
);

create table bench.rooms (
    world       text not null,
    number      integer not null,
    channel_id  uuid not null default gen_random_uuid(),
    primary key (world, number)
);

-- That many random bytes, at most 32 a round of SHA-256.
create function bench.bytes(n integer)
returns bytea
language sql volatile
as $$
    select substr(string_agg(sha256(uuid_send(gen_random_uuid())), ''::bytea), 1, n)
      from generate_series(1, (n + 31) / 32)
$$;

-- People who can sign in with the key of the instance's owner, each at one device with one session.
create function bench.register(world text, people integer)
returns void
language plpgsql volatile
as $$
declare
    o data.users;
begin
    select * into strict o from data.users u where u.role = 'owner' and u.deleted_at is null;

    insert into bench.people (world, number) select register.world, n from generate_series(0, people - 1) as n;

    insert into data.users (id, username, display_name, account_key, backup_key, kdf_salt, kdf_ops, kdf_mem, login_hash,
                            recovery_hash, keyring_password, keyring_recovery)
    select p.user_id, format('%s-%s', p.world, p.number), format('%s %s', p.world, p.number), bench.bytes(32),
           bench.bytes(32), o.kdf_salt, o.kdf_ops, o.kdf_mem, o.login_hash, o.recovery_hash, o.keyring_password,
           o.keyring_recovery
      from bench.people p where p.world = register.world;

    insert into data.devices (id, user_id, name, device_key, certificate, certified_at, signed_prekey)
    select p.device_id, p.user_id, 'bench', bench.bytes(32), bench.bytes(66), lib.ms(now()), bench.bytes(110)
      from bench.people p where p.world = register.world;

    insert into data.inboxes (device_id) select p.device_id from bench.people p where p.world = register.world;

    insert into data.sessions (id, user_id, device_id)
    select p.session_id, p.user_id, p.device_id from bench.people p where p.world = register.world;
end
$$;

-- Channels, and each person in "each" of them one after another: person p in channels p * each, p * each + 1, … counted
-- round. A community has a thousand channels and at most as many people as may be in one.
create function bench.settle(world text, channels integer, each integer)
returns void
language plpgsql volatile
as $$
declare
    community uuid;
    first integer := 0;
    last integer;
    place uuid;
begin
    insert into bench.rooms (world, number) select settle.world, n from generate_series(0, channels - 1) as n;

    while first < channels loop
        last := least(first + 100, channels) - 1;
        community := gen_random_uuid();
        place := gen_random_uuid();
        insert into data.communities (id, name) values (community, format('%s %s', settle.world, first));
        insert into data.groups (id, community_id, name) values (place, community, 'General');

        insert into data.channels (id, kind, group_id, name, position)
        select r.channel_id, 'text', place, format('room %s', r.number), r.number
          from bench.rooms r where r.world = settle.world and r.number between first and last;

        insert into data.logs (channel_id, dm)
        select c.id, false from data.channels c where c.group_id = place;

        insert into data.channel_members (channel_id, user_id)
        select r.channel_id, p.user_id
          from bench.people p, generate_series(0, each - 1) as k, bench.rooms r
         where p.world = settle.world and r.world = settle.world and r.number between first and last
           and r.number = (p.number * each + k) % channels;

        insert into data.community_members (community_id, user_id, role)
        select distinct community, m.user_id, 'member'
          from data.channel_members m join data.channels c on c.id = m.channel_id where c.group_id = place;

        insert into data.group_members (group_id, user_id)
        select distinct place, m.user_id
          from data.channel_members m join data.channels c on c.id = m.channel_id where c.group_id = place;

        first := last + 1;
    end loop;

    analyze bench.people, bench.rooms, data.users, data.devices, data.sessions, data.channels, data.logs, data.channel_members;
end
$$;

-- A past: so many entries in each channel, written in turn by its members.
create function bench.remember(world text, entries integer, size integer)
returns void
language plpgsql volatile
as $$
begin
    insert into data.entries (channel_id, seq, created_at, epoch, id, sender, device, kind, commitment, ciphertext)
    select r.channel_id, s, now() - make_interval(secs => entries - s), 1, gen_random_uuid(), m.user_id, m.device_id,
           'message', sha256(uuid_send(m.user_id)), bench.bytes(size)
      from generate_series(1, entries) as s
     cross join bench.rooms r
     cross join lateral (
        select p.user_id, p.device_id from bench.people p where p.world = remember.world order by p.number limit 1) as m
     where r.world = remember.world;

    update data.logs l set head = entries, display = entries
      from bench.rooms r where r.world = remember.world and l.channel_id = r.channel_id;
end
$$;

-- What pgbench compares with: the same two writes, without any of the checks, into tables of the same form.
create table bench.counters (like data.logs including all) with (fillfactor = 50);
create table bench.log (like data.entries including all);
alter table bench.log alter column ciphertext set storage external;

create function bench.count_for(world text)
returns void
language sql volatile
as $$
    truncate bench.counters, bench.log;
    insert into bench.counters (channel_id, dm) select r.channel_id, false from bench.rooms r where r.world = count_for.world;
$$;

grant usage on schema bench to chatalot_worker;
grant select on bench.people, bench.rooms to chatalot_worker;
