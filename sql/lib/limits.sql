-- SPDX-License-Identifier: GPL-3.0-or-later
-- The product's numbers, and what nginx tells of its settings.

-- A constant of the product by name; an unknown name is an error (case_not_found).
create or replace function lib.limit(name text)
returns bigint
language plpgsql immutable strict parallel safe
as $$
begin
    case name
        when 'ciphertext_bytes' then return 49152;
        when 'envelope_bytes' then return 4096;
        when 'envelopes_per_call' then return 100;      -- of a delivery; a DM's follow from its devices
        when 'devices_per_user' then return 16;
        when 'one_time_prekeys' then return 200;        -- lying here for one device: twice what a client keeps
        when 'prekey_claim_devices' then return 100;
        when 'prekey_claims' then return 10;            -- of one person from one device, a day; sessions need one
        when 'refresh_days' then return 30;
        when 'login_failures' then return 10;           -- of one name at one place; or of one account signed in
        when 'login_failures_everywhere' then return 100;
        when 'login_lock_minutes' then return 15;
        when 'recovery_minutes' then return 10;         -- from the proof of the code to its completion
        when 'reset_hours' then return 24;
        when 'enrol_minutes' then return 10;            -- in which a device may be admitted again, as it was
        when 'session_touch_minutes' then return 5;
        when 'device_idle_days' then return 90;         -- after which a device that nobody uses is removed
        when 'sweep_minutes' then return 60;
        when 'sweep_devices' then return 20;            -- removed by one sweep
        when 'sweep_reports' then return 1000;
        when 'approvals' then return 1000;              -- open at once, of everybody
        when 'approvals_per_address' then return 20;    -- or one place could keep all others waiting
        when 'approval_minutes' then return 10;
        when 'communities_per_user' then return 100;
        when 'members_per_community' then return 5000;  -- a roster still fits one reply
        when 'groups_per_community' then return 200;
        when 'channels_per_group' then return 100;
        when 'invites_per_community' then return 500;   -- that are still good
        when 'invite_hours' then return 8760;
        when 'invite_default_hours' then return 168;
        when 'inbox_per_sender' then return 5000;       -- items of one sender waiting for one device
        when 'sync_channels' then return 1000;
        when 'sync_entries' then return 500;
        when 'sync_wiped' then return 1000;             -- deleted senders in one reply
        when 'history_entries' then return 100;
        when 'inbox_items' then return 200;
        when 'backup_items' then return 500;
        when 'backup_item_bytes' then return 65536;
        when 'backup_user_bytes' then return 268435456;
        when 'wipe_entries' then return 20000;          -- in one step of a deletion
        when 'reports' then return 50;                  -- in a page
        when 'reports_per_day' then return 100;         -- of one person
        when 'report_resolved_days' then return 90;     -- then it goes
        when 'report_days' then return 365;             -- and so does one that nobody cared for
        when 'report_bytes' then return 131072;         -- the largest payload that can be sealed
        when 'frame_bytes' then return 524288;          -- of one reply on a socket, about: half of its queue
        when 'page_bytes' then return 2097152;          -- of one REST reply, about
        when 'kdf_ops' then return 3;
        when 'kdf_mem' then return 67108864;            -- bytes
    end case;
end
$$;

-- Settings of the worker's connections; the defaults are nginx's own, for other clients of the database.
create or replace function lib.setting(name text)
returns text
language sql stable parallel safe
as $$
    select coalesce(nullif(current_setting('chatalot.' || name, true), ''), case name
    when 'registration_mode' then 'invite_only'
    when 'community_creation' then 'admin_only'
    when 'instance_name' then 'Chatalot'
end)
$$;
