-- SPDX-License-Identifier: GPL-3.0-or-later
-- What devices that were away have to forget, where attempts came from, and reports that have had their time.

alter table data.channels add column wiped bigint not null default 0;
comment on column data.channels.wiped is
    'Counts the accounts that were deleted after they had written here: a device that knows a lower number has things to '
    'forget.';

create table data.channel_wiped (
    channel_id  uuid not null references data.channels on delete cascade,
    place       bigint not null check (place > 0),
    sender      uuid not null,
    primary key (channel_id, place)
);
comment on table data.channel_wiped is 'Who they were, 1, 2, 3 … as data.channels.wiped counts.';

-- Those that are gone already.
insert into data.channel_wiped (channel_id, place, sender)
select w.channel_id, row_number() over (partition by w.channel_id order by w.deleted_at, w.sender), w.sender
  from (select distinct e.channel_id, e.sender, u.deleted_at
          from data.users u join data.entries e on e.sender = u.id where u.deleted_at is not null) as w;
update data.channels c set wiped = w.most
  from (select x.channel_id, max(x.place) as most from data.channel_wiped x group by x.channel_id) as w
 where c.id = w.channel_id;


alter table data.login_attempts add column everywhere boolean not null default false;
comment on table data.login_attempts is
    'Attempts begun and not succeeded, as lib.login_count and lib.proof_count count them, whether the name exists or not: a '
    'lock does not tell.';
comment on column data.login_attempts.everywhere is 'Counts all places together.';


create index reports_resolved on data.reports (resolved_at) where resolved_at is not null;
