-- SPDX-License-Identifier: GPL-3.0-or-later
-- Entries reach workers as columns, and a message no longer pays for a check of what its sender has just locked.

create type api.entry_row as (
    topic       text,
    control     text,
    piece       text,
    call        bigint,
    channel     uuid,
    seq         bigint,
    id          uuid,
    kind        text,
    ref         uuid,
    thread      uuid,
    sender      uuid,
    device      uuid,
    epoch       bigint,
    ciphertext  bytea,
    commitment  bytea,
    created_at  timestamptz
);
comment on type api.entry_row is
    'As api.row, and from channel on, if it is not null, an entry: the worker writes these columns as JSON. What is the '
    'payload there has another name here, so that a worker of the version before, which asks for it, fails.';

-- in the order in which messages take them, or both could wait for each other
lock table data.channels, data.entries in access exclusive mode;
alter table data.entries drop constraint entries_channel_id_fkey;
comment on table data.entries is
    'The channel logs. No foreign keys: the rows of sender and device are never deleted while the log stands, api.entry_send '
    'holds the channel''s row and has just checked all three, and the checks would be a fifth of what a message costs. Who '
    'deletes channels deletes their entries: lib.communities_delete, and nobody else, for DMs and users stay.';
