-- SPDX-License-Identifier: GPL-3.0-or-later
-- Communities, their groups and channels, DMs, memberships, invites, and the channel log.

-- The rows of channels and entries are written at every message. A domain's check is made when a value is given, a
-- table's at each write of the row, whatever changed: so what concerns one column of these two stands in domains.
create domain data.channel_kind as text check (value in ('text', 'dm'));
create domain data.channel_name as text check (char_length(value) <= 100);
create domain data.channel_topic as text check (char_length(value) <= 1024);
create domain data.history_policy as text check (value in ('since_joining', 'all'));
create domain data.place as integer check (value >= 0);
create domain data.entry_kind as text check (value in ('message'));
create domain data.commitment as bytea check (octet_length(value) = 32);
create domain data.ciphertext as bytea check (octet_length(value) between 1 and 49152);


create table data.communities (
    id          uuid primary key,
    name        text not null check (char_length(name) between 1 and 100),
    created_by  uuid references data.users on delete set null,
    created_at  timestamptz not null default now()
);
comment on table data.communities is 'Communities.';

create index communities_creator on data.communities (created_by);

create table data.community_members (
    community_id  uuid not null references data.communities on delete cascade,
    user_id       uuid not null references data.users on delete cascade,
    role          text not null check (role in ('owner', 'admin', 'moderator', 'member')),
    joined_at     timestamptz not null default now(),
    primary key (community_id, user_id)
);
comment on table data.community_members is 'Who belongs to a community, and as what.';

create index community_members_user on data.community_members (user_id);
create unique index community_members_one_owner on data.community_members (community_id) where role = 'owner';


create table data.groups (
    id            uuid primary key,
    community_id  uuid not null references data.communities on delete cascade,
    name          text not null check (char_length(name) between 1 and 100),
    position      data.place not null default 0,
    is_public     boolean not null default true,
    created_at    timestamptz not null default now()
);
comment on table data.groups is 'Groups of channels. Joining the community joins its public groups.';

create index groups_community on data.groups (community_id, position);

create table data.group_members (
    group_id   uuid not null references data.groups on delete cascade,
    user_id    uuid not null references data.users on delete cascade,
    joined_at  timestamptz not null default now(),
    primary key (group_id, user_id)
);
comment on table data.group_members is 'Who belongs to a group.';

create index group_members_user on data.group_members (user_id);


create table data.channels (
    id          uuid primary key,
    kind        data.channel_kind not null,
    group_id    uuid references data.groups on delete cascade,
    dm_low      uuid references data.users on delete cascade,
    dm_high     uuid references data.users on delete cascade,
    name        data.channel_name not null default '',
    topic       data.channel_topic not null default '',
    position    data.place not null default 0,
    history     data.history_policy not null default 'since_joining',
    head        bigint not null default 0,
    display     bigint not null default 0,
    roster      bigint not null default 1,
    epoch       bigint not null default 1,
    created_by  uuid references data.users on delete set null,
    created_at  timestamptz not null default now(),
    unique (dm_low, dm_high),
    check (display between 0 and head and case kind
        when 'dm' then group_id is null and dm_low is not null and dm_high is not null and dm_low < dm_high
        else group_id is not null and dm_low is null and dm_high is null and name <> ''
    end)
) with (fillfactor = 50);
comment on table data.channels is
    'Channels and DMs: each a log. Room is left in the pages, for each entry updates head in place.';
comment on column data.channels.head is 'seq of the newest entry. The row''s lock orders the log.';
comment on column data.channels.display is 'How many displayable entries there are: unread counts come from it.';
comment on column data.channels.roster is 'Counts changes of members or their devices.';
comment on column data.channels.epoch is 'Counts removals of members or their devices.';
comment on column data.channels.dm_low is 'The two people of a DM, in order of id: the pair is unique.';

create index channels_group on data.channels (group_id, position) where group_id is not null;
create index channels_dm_high on data.channels (dm_high) where dm_high is not null;
create index channels_creator on data.channels (created_by);

create table data.channel_members (
    channel_id  uuid not null references data.channels on delete cascade,
    user_id     uuid not null references data.users on delete cascade,
    joined_seq  bigint not null default 0,
    read_seq    bigint not null default 0,
    joined_at   timestamptz not null default now(),
    primary key (channel_id, user_id)
) with (fillfactor = 80);
comment on table data.channel_members is
    'Who may read and write a channel: the one place that is asked. Follows from communities, groups and DMs.';
comment on column data.channel_members.joined_seq is
    'The channel''s head at joining: with history since_joining, later entries only are theirs.';

create index channel_members_user on data.channel_members (user_id);


create table data.entries (
    channel_id  uuid not null references data.channels on delete cascade,
    seq         bigint not null,
    created_at  timestamptz not null default clock_timestamp(),
    epoch       bigint not null,
    id          uuid not null,
    ref         uuid,
    thread      uuid,
    sender      uuid not null,
    device      uuid not null,
    kind        data.entry_kind not null,
    commitment  data.commitment not null,
    ciphertext  data.ciphertext not null,
    primary key (channel_id, seq),
    unique (channel_id, id)
);
alter table data.entries alter column ciphertext set storage external;
comment on table data.entries is
    'The channel logs. No foreign keys to sender and device: their rows are never deleted while the log stands, '
    'api.entry_send has just checked both, and the key check would lock the user''s row at each message.';
comment on column data.entries.seq is '1, 2, 3 … without holes, in commit order.';
comment on column data.entries.ciphertext is 'Random to everyone but the channel''s devices, so never compressed.';


create table data.invites (
    code          text primary key check (code ~ '^[0-9a-hjkmnp-tv-z]{13}$'),
    community_id  uuid not null references data.communities on delete cascade,
    created_by    uuid not null references data.users on delete cascade,
    uses          integer not null default 0 check (uses >= 0),
    max_uses      integer check (max_uses between 1 and 100000),
    expires_at    timestamptz not null,
    created_at    timestamptz not null default now(),
    check (uses <= max_uses)
);
comment on table data.invites is 'Invitations to a community and, where registration is by invite, to the instance.';
comment on column data.invites.code is '65 random bits, Crockford base32 in lower case.';

create index invites_community on data.invites (community_id);
create index invites_creator on data.invites (created_by);
