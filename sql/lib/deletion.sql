-- SPDX-License-Identifier: GPL-3.0-or-later
-- Deleting an account: out of everything it is in, what it wrote wiped, the rest forgotten. The row stays, for logs name
-- it; so do the entries, without what they said, for logs have no holes.

-- The communities of a person in which others are too, all of theirs locked. 409 owner_stays, details {communities}: those
-- that they own and others are in; empty where they own the instance and nothing else keeps them.
create or replace function lib.account_shared(person data.users)
returns uuid[]
language plpgsql volatile
as $$
declare
    theirs constant uuid[] := array(
        select m.community_id from data.community_members m where m.user_id = person.id order by 1);
    shared uuid[];
begin
    perform from data.communities c where c.id = any (theirs) order by c.id for no key update;
    shared := array(
        select c from unnest(theirs) as c
         where exists (select from data.community_members m where m.community_id = c and m.user_id <> person.id));
    if person.role = 'owner' or exists (
        select from data.community_members m
         where m.user_id = person.id and m.role = 'owner' and m.community_id = any (shared)) then
        perform lib.fail(409, 'owner_stays', 'Somebody else has to own what you own before your account can go.', null,
            jsonb_build_object('communities', (
                select coalesce(jsonb_agg(m.community_id order by m.community_id), '[]')
                  from data.community_members m
                 where m.user_id = person.id and m.role = 'owner' and m.community_id = any (shared))));
    end if;
    return shared;
end
$$;

-- Takes a person out of all communities, channels and DMs, and removes their devices. Communities without another member
-- go. The caller has locked the person and their sessions. 409 as lib.account_shared.
create or replace function lib.account_leave(person data.users)
returns setof api.row
language plpgsql volatile
as $$
declare
    shared constant uuid[] := lib.account_shared(person);
    alone constant uuid[] := array(
        select m.community_id from data.community_members m
         where m.user_id = person.id and not m.community_id = any (shared));
    place uuid;
begin
    -- all at once, in order: leaving the communities one by one locks theirs in no order; and where lib.account_gone will
    -- note it
    perform lib.lock_channels(lib.channels_of(person.id) || lib.wrote_in(person.id));
    foreach place in array shared loop
        return query select * from lib.community_leave(place, person.id);
    end loop;
    return query select * from lib.channel_remove(person.id, lib.channels_of(person.id));
    perform lib.communities_delete(alone);
    return query select * from lib.devices_remove(person.id, null);
end
$$;

-- Whether so much of a person's stands in the logs that wiping it takes more than one step: in one, nobody could write
-- in their channels meanwhile, and a statement has its time.
create or replace function lib.account_wrote_much(user_id uuid)
returns boolean
language sql stable
as $$
    select exists (
        select from data.entries e where e.sender = account_wrote_much.user_id and e.ciphertext is not null
        offset lib.limit('wipe_entries'))
$$;

-- Wipes what a person wrote, wherever it stands, most of it at once (null: all), and tells the readers. All only after
-- lib.account_leave: nothing more of theirs can come in. By place, for nothing else changes entries, and so that no plan
-- reads the whole table for a step.
create or replace function lib.account_wipe(user_id uuid, most bigint)
returns setof api.row
language sql volatile
as $$
    with wiped as (
        update data.entries e set ciphertext = null, commitment = null
         where e.ctid = any (array(
            select x.ctid from data.entries x
             where x.sender = account_wipe.user_id and x.ciphertext is not null limit most))
        returning e.channel_id
    )
    select 'ch:' || w.channel_id, '',
           json_build_object('type', 'sender_wiped', 'channel', w.channel_id, 'sender', account_wipe.user_id)
      from (select distinct x.channel_id from wiped x) as w
$$;

-- The channels in which something stands that a person wrote: from one to the next along the index, however much it is.
create or replace function lib.wrote_in(user_id uuid)
returns uuid[]
language sql stable
as $$
    with recursive place (id) as (
        (select e.channel_id from data.entries e where e.sender = wrote_in.user_id order by e.channel_id limit 1)
        union all
        select (select e.channel_id from data.entries e where e.sender = wrote_in.user_id and e.channel_id > p.id
                 order by e.channel_id limit 1)
          from place p where p.id is not null
    )
    select coalesce(array_agg(p.id), '{}') from place p where p.id is not null
$$;

-- Notes in each channel for good that a person's account is gone and all they wrote in it wiped, for devices that are away
-- now. After the last of lib.account_wipe; lib.account_leave has locked the channels.
create or replace function lib.account_gone(user_id uuid)
returns void
language sql volatile
as $$
    with noted as (
        update data.channels c set wiped = c.wiped + 1 where c.id = any (lib.wrote_in(account_gone.user_id))
        returning c.id, c.wiped
    )
    insert into data.channel_wiped (channel_id, place, sender) select n.id, n.wiped, account_gone.user_id from noted n
$$;

-- Takes what a person's devices sent out of the inboxes where it still waits: keys of what is wiped. What is being fetched at
-- this moment is left to who fetches it: nobody waits for anybody's inbox here.
create or replace function lib.account_undeliver(user_id uuid)
returns void
language sql volatile
as $$
    delete from data.inbox_items i
     where i.ctid = any (array(
        select x.ctid from data.devices d, data.inboxes b, data.inbox_items x
         where d.user_id = account_undeliver.user_id and b.acked_seq < b.last_seq
           and x.device_id = b.device_id and x.sender_device = d.id
           for update of x skip locked))
$$;

-- Forgets everything else of a person. What others reported of theirs goes too; what they reported stays, without them.
create or replace function lib.account_forget(user_id uuid)
returns void
language plpgsql volatile
as $$
begin
    -- the row first: whatever refers to it in another call has either come in, or waits and finds the session gone
    update data.users u
       set username = 'deleted-' || left(replace(gen_random_uuid()::text, '-', ''), 24),
           display_name = 'Deleted account', role = 'member', deleted_at = now(), account_key = null, backup_key = null,
           kdf_salt = null, kdf_ops = null, kdf_mem = null, login_hash = null, recovery_hash = null,
           keyring_password = null, keyring_recovery = null, reset_hash = null, reset_expires = null
     where u.id = account_forget.user_id;
    delete from data.channel_former_members m where m.user_id = account_forget.user_id;
    perform lib.account_undeliver(account_forget.user_id);
    delete from data.reports r where r.sender = account_forget.user_id;
    update data.reports r set reporter = null where r.reporter = account_forget.user_id;
    delete from data.invites i where i.created_by = account_forget.user_id;
    delete from data.recoveries r where r.user_id = account_forget.user_id;
    delete from data.backups b where b.user_id = account_forget.user_id;
    delete from data.prekey_claims p where p.claimant = account_forget.user_id;
    delete from data.devices d where d.user_id = account_forget.user_id;
end
$$;
