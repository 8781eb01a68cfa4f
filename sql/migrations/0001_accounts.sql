-- SPDX-License-Identifier: GPL-3.0-or-later
-- The worker's calling convention, and everything that belongs to a person: account, devices, sessions, key material in
-- transit, sealed backups. Knows nothing of communities and channels.

-- Who calls and from where; user, device and session are null for anonymous calls (docs/architecture.md).
create type api.ctx as (user_id uuid, device_id uuid, session_id uuid, address inet, agent text, request_id text);

-- One line of a result: the reply (topic null) or an event for a topic (docs/realtime.md).
create type api.row as (topic text, control text, payload json);


create table data.instance (
    id          boolean primary key default true check (id),
    setup_hash  bytea check (octet_length(setup_hash) = 32),
    created_at  timestamptz not null default now()
);
comment on table data.instance is 'This installation: exactly one row.';
comment on column data.instance.setup_hash is
    'SHA-256 of the one-time setup token; null once it is used. The token itself never comes here.';

insert into data.instance default values;


create table data.users (
    id                uuid primary key,
    username          text not null unique check (username ~ '^[a-z0-9_.-]{3,32}$'),
    display_name      text not null check (char_length(display_name) between 1 and 64),
    role              text not null default 'member' check (role in ('owner', 'admin', 'member')),
    account_key       bytea not null check (octet_length(account_key) = 32),
    backup_key        bytea not null check (octet_length(backup_key) = 32),
    kdf_salt          bytea not null check (octet_length(kdf_salt) = 16),
    kdf_ops           integer not null check (kdf_ops between 3 and 64),
    kdf_mem           bigint not null check (kdf_mem between 65536 and 4294967296),
    login_hash        text not null check (login_hash like '$argon2id$%' and octet_length(login_hash) <= 256),
    recovery_hash     text not null check (recovery_hash like '$argon2id$%' and octet_length(recovery_hash) <= 256),
    keyring_password  bytea not null check (octet_length(keyring_password) between 1 and 1024),
    keyring_recovery  bytea not null check (octet_length(keyring_recovery) between 1 and 1024),
    created_at        timestamptz not null default now(),
    deleted_at        timestamptz
);
comment on table data.users is 'Accounts. A row outlives its deletion (deleted_at), because the log names its senders.';
comment on column data.users.username is 'Stored in lower case, so that unique means what people expect.';
comment on column data.users.role is 'Of the instance: one owner, admins appointed by the owner, members.';
comment on column data.users.account_key is 'Ed25519 public key: the identity others verify.';
comment on column data.users.backup_key is 'X25519 public key to which the devices seal the history keys.';
comment on column data.users.kdf_salt is
    'Argon2id parameters with which the client derives its login and wrap keys from the password.';
comment on column data.users.login_hash is 'Argon2id, encoded, of the login key; made by the worker.';
comment on column data.users.recovery_hash is 'Argon2id, encoded, of the recovery key; made by the worker.';
comment on column data.users.keyring_password is 'Secret keys of the account, sealed under a key from the password.';
comment on column data.users.keyring_recovery is 'The same, sealed under a key from the recovery code.';

create unique index users_one_owner on data.users (role) where role = 'owner' and deleted_at is null;


create table data.devices (
    id             uuid primary key,
    user_id        uuid not null references data.users on delete cascade,
    name           text not null check (char_length(name) between 1 and 100),
    device_key     bytea not null check (octet_length(device_key) = 32),
    certificate    bytea not null check (octet_length(certificate) = 66),
    certified_at   bigint not null check (certified_at between 0 and 9007199254740991),
    signed_prekey  bytea not null check (octet_length(signed_prekey) = 110),
    prekey_high    bigint not null default -1,
    added_at       timestamptz not null default now(),
    removed_at     timestamptz
);
comment on table data.devices is 'Devices, removed ones too: their keys signed what stands in the log.';
comment on column data.devices.certified_at is 'Milliseconds since 1970, as the certificate signs them.';
comment on column data.devices.prekey_high is
    'Highest one-time prekey id ever uploaded: a lower one was handed out or is here, and is never taken again.';

create index devices_live on data.devices (user_id) where removed_at is null;


create table data.sessions (
    id            uuid primary key,
    user_id       uuid not null references data.users on delete cascade,
    device_id     uuid not null unique references data.devices on delete cascade,
    created_at    timestamptz not null default now(),
    last_used_at  timestamptz not null default now(),
    last_address  inet,
    agent         text check (octet_length(agent) <= 1024)
);
comment on table data.sessions is
    'Live sessions: the row is deleted when the session ends, so one lookup is the whole check.';
comment on column data.sessions.last_used_at is 'Kept to a few minutes, so that reading calls do not write.';

create index sessions_user on data.sessions (user_id);


create table data.refresh_tokens (
    hash        bytea primary key check (octet_length(hash) = 32),
    session_id  uuid not null references data.sessions on delete cascade,
    expires_at  timestamptz not null,
    used_at     timestamptz,
    successor   bytea check (octet_length(successor) = 32)
);
comment on table data.refresh_tokens is
    'SHA-256 of refresh tokens. The session is the family: reuse of a used one ends it.';
comment on column data.refresh_tokens.successor is
    'The token it was exchanged for: the same exchange may be asked for again until that one is used.';

create index refresh_tokens_session on data.refresh_tokens (session_id);


create table data.login_attempts (
    name_hash   bytea primary key check (octet_length(name_hash) = 32),
    failures    integer not null check (failures > 0),
    expires_at  timestamptz not null
);
comment on table data.login_attempts is
    'Logins begun and not succeeded, per name (SHA-256), whether the name exists or not: a lock does not tell.';

create index login_attempts_expiry on data.login_attempts (expires_at);


create table data.one_time_prekeys (
    device_id   uuid not null references data.devices on delete cascade,
    key_id      bigint not null check (key_id between 0 and 4294967295),
    public_key  bytea not null check (octet_length(public_key) = 32),
    primary key (device_id, key_id)
);
comment on table data.one_time_prekeys is 'X25519 public keys, each handed out once: claiming deletes the row.';


create table data.prekey_claims (
    claimant    uuid not null references data.users on delete cascade,
    device_id   uuid not null references data.devices on delete cascade,
    claimed_at  timestamptz not null default now()
);
comment on table data.prekey_claims is
    'Who was handed a one-time prekey of which device, for a day: what a limit on claims counts.';

create index prekey_claims_claimant on data.prekey_claims (claimant, claimed_at);
create index prekey_claims_device on data.prekey_claims (device_id);


create table data.inboxes (
    device_id  uuid primary key references data.devices on delete cascade,
    last_seq   bigint not null default 0,
    acked_seq  bigint not null default 0,
    check (acked_seq between 0 and last_seq)
) with (fillfactor = 50);
comment on table data.inboxes is
    'Counters of the device inboxes, apart from data.devices: narrow rows, updated in place, with a lock of their own.';

create table data.inbox_items (
    device_id      uuid not null references data.inboxes on delete cascade,
    seq            bigint not null,
    id             uuid not null,
    channel_id     uuid not null,
    ref            uuid,
    sender         uuid not null,
    sender_device  uuid not null,
    payload        bytea not null check (octet_length(payload) between 1 and 4096),
    created_at     timestamptz not null default now(),
    primary key (device_id, seq),
    unique (device_id, sender_device, id)
);
alter table data.inbox_items alter column payload set storage external;
comment on table data.inbox_items is
    'Envelopes waiting for one device. No keys to channels and senders: an item is still wanted when those are gone.';
comment on column data.inbox_items.payload is 'Sealed for the device; random to everyone else, so never compressed.';


create table data.backups (
    user_id   uuid primary key references data.users on delete cascade,
    last_seq  bigint not null default 0,
    bytes     bigint not null default 0 check (bytes >= 0)
);
comment on table data.backups is 'Counters of the key backups.';

create table data.backup_items (
    user_id  uuid not null references data.backups on delete cascade,
    seq      bigint not null,
    id       uuid not null,
    sealed   bytea not null check (octet_length(sealed) between 1 and 65536),
    primary key (user_id, seq),
    unique (user_id, id)
);
alter table data.backup_items alter column sealed set storage external;
comment on table data.backup_items is 'History keys, sealed to the backup key by the user''s devices.';
