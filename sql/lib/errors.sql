-- SPDX-License-Identifier: GPL-3.0-or-later
-- How a rule refuses. Every refusal of the product goes through lib.fail.

-- Raises SQLSTATE TAnnn, nnn the HTTP status: MESSAGE is the machine code, DETAIL the text for people, COLUMN the
-- field, HINT the details as JSON text. Field and details are absent, not empty, when not given: workers pass on what
-- is there.
create or replace function lib.fail(status integer, code text, message text, field text default null,
                                    details jsonb default null)
returns void
language plpgsql volatile
as $$
declare
    state constant text := 'TA' || fail.status;
begin
    if fail.field is null and fail.details is null then
        raise exception using errcode = state, message = fail.code, detail = fail.message;
    elsif fail.details is null then
        raise exception using errcode = state, message = fail.code, detail = fail.message, column = fail.field;
    elsif fail.field is null then
        raise exception using errcode = state, message = fail.code, detail = fail.message, hint = fail.details::text;
    end if;
    raise exception using errcode = state, message = fail.code, detail = fail.message, column = fail.field,
        hint = fail.details::text;
end
$$;
