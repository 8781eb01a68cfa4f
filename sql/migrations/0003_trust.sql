-- SPDX-License-Identifier: GPL-3.0-or-later
-- Losing and regaining access: recovery, resets by an admin, approval of devices, deletion; and who was where before,
-- and what was reported.

alter table data.users alter column keyring_password drop not null;
alter table data.users
    add column reset_hash bytea check (octet_length(reset_hash) = 32),
    add column reset_expires timestamptz,
    add column admission uuid not null default gen_random_uuid(),
    add check ((reset_hash is null) = (reset_expires is null));
comment on column data.users.keyring_password is
    'Secret keys of the account, sealed under a key from the password. Null after an admin''s reset: the keys open with '
    'the recovery code or on another device then.';
comment on column data.users.reset_hash is 'SHA-256 of an admin''s one-time reset code; made by the worker.';
comment on column data.users.admission is
    'Named by tokens that admit a device; drawn anew when the credentials change, so that older ones admit none.';

-- Of a deleted account nothing is left but who it was to the log.
alter table data.users
    alter column account_key drop not null,
    alter column backup_key drop not null,
    alter column kdf_salt drop not null,
    alter column kdf_ops drop not null,
    alter column kdf_mem drop not null,
    alter column login_hash drop not null,
    alter column recovery_hash drop not null,
    alter column keyring_recovery drop not null,
    add constraint users_whole check (deleted_at is not null or num_nulls(account_key, backup_key, kdf_salt, kdf_ops,
        kdf_mem, login_hash, recovery_hash, keyring_recovery) = 0);


create table data.recoveries (
    id          uuid primary key,
    user_id     uuid not null references data.users on delete cascade,
    expires_at  timestamptz not null
);
comment on table data.recoveries is
    'Recoveries begun: the recovery code was proven. The token that completes one names it, and it works once.';

create index recoveries_user on data.recoveries (user_id);
create index recoveries_expiry on data.recoveries (expires_at);


alter table data.devices add column last_used_at timestamptz not null default now();
update data.devices d set last_used_at = coalesce((
    select greatest(d.added_at, s.last_used_at) from data.sessions s where s.device_id = d.id), d.added_at);
comment on column data.devices.last_used_at is
    'Kept when a session ends; while one lives, its own last_used_at is newer.';

create index devices_unused on data.devices (last_used_at) where removed_at is null;

alter table data.instance add column swept_at timestamptz not null default now();
comment on column data.instance.swept_at is 'When unused devices were last looked for.';


create table data.approvals (
    id               uuid primary key,
    code             text not null unique check (code ~ '^[0-9a-hjkmnp-tv-z]{8}$'),
    claim_hash       bytea not null check (octet_length(claim_hash) = 32),
    commitment       bytea not null check (octet_length(commitment) = 32),
    name             text not null check (char_length(name) between 1 and 100),
    address          inet,
    created_at       timestamptz not null default now(),
    expires_at       timestamptz not null,
    approver         uuid references data.users on delete cascade,
    approver_device  uuid references data.devices on delete cascade,
    answer_key       bytea check (octet_length(answer_key) = 32),
    key              bytea check (octet_length(key) = 32),
    nonce            bytea check (octet_length(nonce) = 16),
    sealed           bytea check (octet_length(sealed) between 1 and 1024),
    refused          boolean not null default false,
    check (num_nulls(approver, approver_device, answer_key) in (0, 3)),
    check (num_nulls(key, nonce) in (0, 2))
);
comment on table data.approvals is
    'New devices waiting to be admitted by one that is signed in: the messages of the exchange between the two.';
comment on column data.approvals.claim_hash is 'SHA-256 of what the newcomer alone knows: who asks for the outcome.';
comment on column data.approvals.sealed is 'The account''s keys, sealed for the newcomer.';

create index approvals_expiry on data.approvals (expires_at);
create index approvals_approver on data.approvals (approver);
create index approvals_approver_device on data.approvals (approver_device);


create table data.channel_former_members (
    channel_id  uuid not null references data.channels on delete cascade,
    user_id     uuid not null references data.users on delete cascade,
    left_at     timestamptz not null default now(),
    primary key (channel_id, user_id)
);
comment on table data.channel_former_members is
    'Who was in a channel: what they wrote stands there, and is verified under their devices'' keys.';

create index channel_former_members_user on data.channel_former_members (user_id);


create table data.reports (
    id             uuid primary key,
    channel_id     uuid not null,
    community_id   uuid,
    entry_id       uuid not null,
    seq            bigint not null check (seq > 0),
    sender         uuid not null,
    sender_device  uuid not null,
    reporter       uuid,
    payload        bytea not null check (octet_length(payload) between 1 and 131072),
    reason         text not null default '' check (char_length(reason) <= 1000),
    sent_at        timestamptz not null,
    created_at     timestamptz not null default now(),
    resolved_at    timestamptz,
    resolved_by    uuid,
    unique (entry_id, reporter)
);
comment on table data.reports is
    'Entries that a reader opened for the moderators, checked against the commitment. No keys: a report outlives what '
    'it is about.';
comment on column data.reports.community_id is 'Null: the entry is a direct message.';
comment on column data.reports.reporter is 'Null: their account was deleted.';

create index reports_community on data.reports (community_id, created_at);
create index reports_age on data.reports (created_at);
create index reports_sender on data.reports (sender);
create index reports_reporter on data.reports (reporter);


alter table data.entries
    alter column ciphertext drop not null,
    alter column commitment drop not null,
    add constraint entries_wiped check ((ciphertext is null) = (commitment is null));
comment on column data.entries.ciphertext is
    'Random to everyone but the channel''s devices, so never compressed. Null, like the commitment: its author''s account '
    'was deleted. The entry stays, for the log has no holes.';

create index entries_sender on data.entries (sender, channel_id);
comment on index data.entries_sender is 'What an account that is deleted wrote, in channels it left long ago too.';
