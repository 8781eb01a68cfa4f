-- SPDX-License-Identifier: GPL-3.0-or-later
-- The sealed backup of history keys, from which a new device restores what its owner could read.

-- args {items: [{id, data}, …≤100]} → {stored}: how many are new; one whose id is here already is left as it is.
-- 409 backup_full; 422 invalid_field.
create or replace function api.backup_store(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    stored integer;
    used bigint;
begin
    perform lib.require_session(ctx);
    if jsonb_array_length(args -> 'items') > 100 then
        perform lib.fail(422, 'invalid_field', 'At most 100 items at once.', 'items');
    end if;
    insert into data.backups (user_id) values (ctx.user_id) on conflict do nothing;
    perform from data.backups b where b.user_id = ctx.user_id for no key update;
    -- the account, or its backup key, may have gone while this waited
    perform lib.require_session(ctx);
    with item as (
        select distinct on (i ->> 'id') (i ->> 'id')::uuid as id, place,
               lib.bytes(i ->> 'data', 'items.data', 1, lib.limit('backup_item_bytes')::integer) as sealed
          from jsonb_array_elements(args -> 'items') with ordinality as x (i, place)
    ), fresh as (
        select i.*, row_number() over (order by i.place) as n
          from item i where not exists (select from data.backup_items x where x.user_id = ctx.user_id and x.id = i.id)
    ), added as (
        insert into data.backup_items (user_id, seq, id, sealed)
        select ctx.user_id, b.last_seq + f.n, f.id, f.sealed from fresh f, data.backups b where b.user_id = ctx.user_id
    ), counted as (
        update data.backups b set last_seq = b.last_seq + f.n, bytes = b.bytes + f.bytes
          from (select count(*) as n, coalesce(sum(octet_length(x.sealed)), 0) as bytes from fresh x) as f
         where b.user_id = ctx.user_id returning b.bytes, f.n
    )
    select c.n, c.bytes into stored, used from counted c;
    if stored > 0 and used > lib.limit('backup_user_bytes') then
        perform lib.fail(409, 'backup_full',
            format('A backup can have %s MiB.', lib.limit('backup_user_bytes') / 1048576));
    end if;
    return query select null, null, json_build_object('stored', stored);
end
$$;

-- args {before?, limit?} → {items: [{seq, data}], more}, newest first
create or replace function api.backup_list(ctx api.ctx, args jsonb)
returns setof api.row
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform lib.require_session(ctx);
    return query
        select null, null, lib.backup_page_json(ctx.user_id, (args ->> 'before')::bigint,
                   least(coalesce((args ->> 'limit')::bigint, 100), lib.limit('backup_items')));
end
$$;
