-- SPDX-License-Identifier: GPL-3.0-or-later
-- What changes at each message gets a row of its own: narrow, and with nothing to check. As part of data.channels it cost
-- three times as much, for a write of that row asks each foreign key whether it concerns it, and its constraint again.

-- First, while nobody waits for this: it cannot begin while the largest table is being vacuumed.
comment on table data.entries is
    'The channel logs. No foreign keys: the rows of sender and device are never deleted while the log stands, api.entry_send '
    'holds the row in data.logs and has just checked all three, and the checks would be a fifth of what a message costs. Who '
    'deletes channels deletes their entries: lib.communities_delete, and nobody else, for DMs and users stay.';

-- what waits for this lock goes on with its release's functions: see lib.channel_add
lock table data.channels in access exclusive mode;

create table data.logs (
    channel_id  uuid primary key references data.channels on delete cascade,
    dm          boolean not null,
    head        bigint not null default 0,
    display     bigint not null default 0,
    roster      bigint not null default 1,
    epoch       bigint not null default 1
) with (fillfactor = 50);
comment on table data.logs is
    'Of each channel what its log and its readers count. Room is left in the pages, for each entry updates head in place.';
comment on column data.logs.dm is 'Whether the channel is a DM, whose entries come with envelopes. Never changes.';
comment on column data.logs.head is 'seq of the newest entry. The row''s lock orders the log.';
comment on column data.logs.display is 'How many displayable entries there are: unread counts come from it.';
comment on column data.logs.roster is 'Counts changes of members or their devices.';
comment on column data.logs.epoch is 'Counts removals of members or their devices.';

insert into data.logs (channel_id, dm, head, display, roster, epoch)
select c.id, c.kind = 'dm', c.head, c.display, c.roster, c.epoch from data.channels c;

alter table data.channels
    drop column head,
    drop column display,
    drop column roster,
    drop column epoch,
    add check (case kind
        when 'dm' then group_id is null and dm_low is not null and dm_high is not null and dm_low < dm_high
        else group_id is not null and dm_low is null and dm_high is null and name <> ''
    end),
    reset (fillfactor);
comment on table data.channels is 'Channels and DMs. What each of their entries changes is in data.logs.';
