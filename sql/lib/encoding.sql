-- SPDX-License-Identifier: GPL-3.0-or-later
-- Values on the wire and in tables: base64url, milliseconds, UUIDv7, names.

-- base64url without padding (RFC 4648, section 5). replace() is five times as fast as translate() here, and does not look
-- at each character, as rtrim() does.
create or replace function lib.b64u(bytes bytea)
returns text
language sql immutable strict parallel safe
as $$
    select replace(replace(replace(replace(encode(bytes, 'base64'), '+', '-'), '/', '_'), E'\n', ''), '=', '')
$$;

-- The bytes of base64url text, shortest..longest of them, or 422 invalid_field naming the field. Null stays null.
create or replace function lib.bytes(value text, field text, shortest integer, longest integer)
returns bytea
language plpgsql immutable parallel safe
as $$
declare
    decoded bytea;
begin
    if bytes.value is null then
        return null;
    end if;
    if octet_length(bytes.value) > bytes.longest * 2 + 4 or octet_length(bytes.value) % 4 = 1
       or bytes.value ~ '[^A-Za-z0-9_-]' then
        perform lib.fail(422, 'invalid_field', 'This must be base64url without padding.', bytes.field);
    end if;
    decoded := decode(replace(replace(bytes.value, '-', '+'), '_', '/')
        || case octet_length(bytes.value) & 3 when 2 then '==' when 3 then '=' else '' end, 'base64');
    if octet_length(decoded) < bytes.shortest or octet_length(decoded) > bytes.longest then
        perform lib.fail(422, 'invalid_field',
            format('This must have %s to %s bytes.', bytes.shortest, bytes.longest), bytes.field);
    end if;
    return decoded;
end
$$;

-- Milliseconds since 1970.
create or replace function lib.ms(moment timestamptz)
returns bigint
language sql stable strict parallel safe
as $$
    select floor(extract(epoch from moment) * 1000)::bigint
$$;

-- Big-endian integer below 2^63 at an offset (from 0) of a structure.
create or replace function lib.be(structure bytea, at integer, bytes integer)
returns bigint
language sql immutable strict parallel safe
as $$
    select sum(get_byte(structure, at + i)::bigint << (8 * (bytes - 1 - i)))::bigint
      from generate_series(0, bytes - 1) as i
$$;

-- A new UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, the rest random.
create or replace function lib.uuid7()
returns uuid
language sql volatile parallel safe
as $$
    select encode(set_byte(
    overlay(uuid_send(gen_random_uuid()) placing substring(int8send(lib.ms(clock_timestamp())) from 3) from 1 for 6),
    6, get_byte(uuid_send(gen_random_uuid()), 6) & 15 | 112), 'hex')::uuid
$$;

-- A name that people see, trimmed: 1..most characters, no controls, and none of the marks that turn the writing
-- direction (they let a name pose as another). 422 invalid_field otherwise.
create or replace function lib.name(value text, field text, most integer)
returns text
language plpgsql immutable parallel safe
as $$
declare
    trimmed constant text := btrim(name.value, E' \t\r\n\u00a0\u3000');
begin
    if coalesce(char_length(trimmed), 0) not between 1 and name.most then
        perform lib.fail(422, 'invalid_field', format('This must have 1 to %s characters.', name.most), name.field);
    end if;
    if trimmed ~ E'[\\u0001-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]' then
        perform lib.fail(422, 'invalid_field', 'This holds characters that cannot be shown.', name.field);
    end if;
    return trimmed;
end
$$;
