-- SPDX-License-Identifier: GPL-3.0-or-later
-- What an approval admitted, and reports of entries that have the same id in two channels.

alter table data.approvals
    add column enrolled uuid,
    add check (enrolled is null or approver is not null and num_nonnulls(sealed, key, nonce) = 0);
comment on column data.approvals.enrolled is
    'The device that was admitted: the only one, however often it asks. The sealed keys are gone then.';

-- Ids are chosen by senders and are their own within a channel only: who reused one could hide an entry behind another.
alter table data.reports
    drop constraint reports_entry_id_reporter_key,
    add unique (channel_id, entry_id, reporter);
