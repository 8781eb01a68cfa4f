-- SPDX-License-Identifier: GPL-3.0-or-later
-- What a worker compares with its own number when it connects. Raised when workers of the number before could not work
-- with this schema; replacing a function compatibly does not raise it.

create or replace function lib.schema_version()
returns integer
language sql immutable parallel safe
as $$
    select 4
$$;
