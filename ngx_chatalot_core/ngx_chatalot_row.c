/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rows as JSON: see the header. Bytes are encoded here and not in SQL, where base64url and the putting together of text
 * cost several times what finding and sending the row does.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_params.h"
#include "ngx_chatalot_pg.h"
#include "ngx_chatalot_row.h"


#define NGX_CHATALOT_ROW_TOPIC      0
#define NGX_CHATALOT_ROW_CONTROL    1
#define NGX_CHATALOT_ROW_PAYLOAD    2
#define NGX_CHATALOT_ROW_CALL       3
#define NGX_CHATALOT_ROW_MEMBERS    4

#define NGX_CHATALOT_ROW_EPOCH      946684800000    /* 2000-01-01, where PostgreSQL's time begins, in ms since 1970 */


static ngx_uint_t ngx_chatalot_row_type_good(Oid type, int column);
static ngx_uint_t ngx_chatalot_row_has_members(PGresult *result, int row);
static ngx_uint_t ngx_chatalot_row_opens(PGresult *result, int row);
static void ngx_chatalot_row_value(PGresult *result, int row, int column, ngx_str_t *value);
static int64_t ngx_chatalot_row_integer(PGresult *result, int row, int column);
static size_t ngx_chatalot_row_size(PGresult *result, int row);
static u_char *ngx_chatalot_row_write(u_char *p, PGresult *result, int row);
static u_char *ngx_chatalot_row_member(u_char *p, PGresult *result, int row, int column);
static int64_t ngx_chatalot_row_milliseconds(int64_t microseconds);


ngx_uint_t
ngx_chatalot_row_good(PGresult *result)
{
    int  i, n;

    n = PQnfields(result);

    for (i = 0; i < n; i++) {
        if (PQfformat(result, i) != 1 || !ngx_chatalot_row_type_good(PQftype(result, i), i)) {
            return 0;
        }
    }

    return n > NGX_CHATALOT_ROW_PAYLOAD;
}


static ngx_uint_t
ngx_chatalot_row_type_good(Oid type, int column)
{
    switch (column) {

    case NGX_CHATALOT_ROW_TOPIC:
    case NGX_CHATALOT_ROW_CONTROL:
        return type == NGX_CHATALOT_PG_TEXT;

    case NGX_CHATALOT_ROW_PAYLOAD:
        return type == NGX_CHATALOT_PG_JSON || type == NGX_CHATALOT_PG_TEXT;

    case NGX_CHATALOT_ROW_CALL:
        return type == NGX_CHATALOT_PG_INT8;

    default:
        return type == NGX_CHATALOT_PG_BYTEA || type == NGX_CHATALOT_PG_INT8 || type == NGX_CHATALOT_PG_TEXT
               || type == NGX_CHATALOT_PG_TIME || type == NGX_CHATALOT_PG_UUID;
    }
}


ngx_uint_t
ngx_chatalot_row_call(PGresult *result, int row)
{
    if (PQnfields(result) <= NGX_CHATALOT_ROW_CALL || PQgetisnull(result, row, NGX_CHATALOT_ROW_CALL)) {
        return 0;
    }

    return (ngx_uint_t) ngx_chatalot_row_integer(result, row, NGX_CHATALOT_ROW_CALL);
}


ngx_int_t
ngx_chatalot_row_event(ngx_pool_t *pool, PGresult *result, int row, ngx_str_t *topic, ngx_str_t *control,
    ngx_str_t *payload)
{
    ngx_chatalot_row_value(result, row, NGX_CHATALOT_ROW_TOPIC, topic);
    ngx_chatalot_row_value(result, row, NGX_CHATALOT_ROW_CONTROL, control);

    if (!ngx_chatalot_row_has_members(result, row)) {
        ngx_chatalot_row_value(result, row, NGX_CHATALOT_ROW_PAYLOAD, payload);
        return NGX_OK;
    }

    payload->data = ngx_pnalloc(pool, ngx_chatalot_row_size(result, row));

    if (payload->data == NULL) {
        return NGX_ERROR;
    }

    payload->len = ngx_chatalot_row_write(payload->data, result, row) - payload->data;

    return NGX_OK;
}


ngx_int_t
ngx_chatalot_row_reply(ngx_pool_t *pool, PGresult *result, ngx_uint_t call, ngx_str_t *reply)
{
    int      i, n;
    size_t   size;
    u_char  *p;

    n = PQntuples(result);
    size = 0;

    for (i = 0; i < n; i++) {

        if (!ngx_chatalot_row_is_reply(result, i) || (call && ngx_chatalot_row_call(result, i) != call)) {
            continue;
        }

        if (PQgetisnull(result, i, NGX_CHATALOT_ROW_PAYLOAD) && !ngx_chatalot_row_has_members(result, i)) {
            return NGX_ABORT;
        }

        size += sizeof(",") - 1 + ngx_chatalot_row_size(result, i);
    }

    if (size == 0) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    reply->data = p;

    for (i = 0; i < n; i++) {

        if (!ngx_chatalot_row_is_reply(result, i) || (call && ngx_chatalot_row_call(result, i) != call)) {
            continue;
        }

        if (p > reply->data && p[-1] == '}' && ngx_chatalot_row_opens(result, i)) {
            *p++ = ',';
        }

        p = ngx_chatalot_row_write(p, result, i);
    }

    reply->len = p - reply->data;

    return NGX_OK;
}


static ngx_uint_t
ngx_chatalot_row_has_members(PGresult *result, int row)
{
    return PQnfields(result) > NGX_CHATALOT_ROW_MEMBERS && !PQgetisnull(result, row, NGX_CHATALOT_ROW_MEMBERS);
}


/* Whether its text begins an object. */

static ngx_uint_t
ngx_chatalot_row_opens(PGresult *result, int row)
{
    ngx_str_t  payload;

    ngx_chatalot_row_value(result, row, NGX_CHATALOT_ROW_PAYLOAD, &payload);

    return payload.len ? payload.data[0] == '{' : ngx_chatalot_row_has_members(result, row);
}


/* A null is empty. */

static void
ngx_chatalot_row_value(PGresult *result, int row, int column, ngx_str_t *value)
{
    value->data = (u_char *) PQgetvalue(result, row, column);
    value->len = PQgetlength(result, row, column);
}


static int64_t
ngx_chatalot_row_integer(PGresult *result, int row, int column)
{
    uint64_t     value;
    ngx_uint_t   i;
    ngx_str_t    bytes;

    ngx_chatalot_row_value(result, row, column, &bytes);

    for (i = 0, value = 0; i < bytes.len; i++) {
        value = value << 8 | bytes.data[i];
    }

    return (int64_t) value;
}


/* What a row's text takes at most. */

static size_t
ngx_chatalot_row_size(PGresult *result, int row)
{
    int         i;
    size_t      size;
    ngx_str_t   value;

    size = PQgetlength(result, row, NGX_CHATALOT_ROW_PAYLOAD);

    if (!ngx_chatalot_row_has_members(result, row)) {
        return size;
    }

    size += sizeof("{}");

    for (i = NGX_CHATALOT_ROW_MEMBERS; i < PQnfields(result); i++) {
        size += sizeof(",\"\":\"\"") + ngx_strlen(PQfname(result, i));

        ngx_chatalot_row_value(result, row, i, &value);

        switch (PQftype(result, i)) {

        case NGX_CHATALOT_PG_BYTEA:
            size += ngx_max(ngx_chatalot_bytes_encoded_len(value.len), sizeof("null"));
            break;

        case NGX_CHATALOT_PG_TEXT:
            size += ngx_max(value.len + ngx_escape_json(NULL, value.data, value.len), sizeof("null"));
            break;

        case NGX_CHATALOT_PG_UUID:
            size += NGX_CHATALOT_UUID_LEN;
            break;

        default:
            size += NGX_INT64_LEN;
        }
    }

    return size;
}


static u_char *
ngx_chatalot_row_write(u_char *p, PGresult *result, int row)
{
    int         i;
    u_char     *begin;
    ngx_str_t   payload;

    begin = p;

    ngx_chatalot_row_value(result, row, NGX_CHATALOT_ROW_PAYLOAD, &payload);

    if (!ngx_chatalot_row_has_members(result, row)) {
        return ngx_cpymem(p, payload.data, payload.len);
    }

    if (payload.len > 1) {
        p = ngx_cpymem(p, payload.data, payload.len - 1);

    } else {
        *p++ = '{';
    }

    for (i = NGX_CHATALOT_ROW_MEMBERS; i < PQnfields(result); i++) {
        if (p > begin + 1) {
            *p++ = ',';
        }

        p = ngx_chatalot_row_member(p, result, row, i);
    }

    *p++ = '}';

    return p;
}


/* The names of columns need no escapes. */

static u_char *
ngx_chatalot_row_member(u_char *p, PGresult *result, int row, int column)
{
    Oid         type;
    char       *name;
    ngx_str_t   value;

    name = PQfname(result, column);
    type = PQftype(result, column);

    *p++ = '"';
    p = ngx_cpymem(p, name, ngx_strlen(name));
    *p++ = '"';
    *p++ = ':';

    if (PQgetisnull(result, row, column)) {
        return ngx_cpymem(p, "null", sizeof("null") - 1);
    }

    if (type == NGX_CHATALOT_PG_INT8) {
        return ngx_sprintf(p, "%L", ngx_chatalot_row_integer(result, row, column));
    }

    if (type == NGX_CHATALOT_PG_TIME) {
        return ngx_sprintf(p, "%L", ngx_chatalot_row_milliseconds(ngx_chatalot_row_integer(result, row, column)));
    }

    ngx_chatalot_row_value(result, row, column, &value);

    *p++ = '"';

    if (type == NGX_CHATALOT_PG_UUID) {
        p = ngx_chatalot_uuid_encode(p, value.data);

    } else if (type == NGX_CHATALOT_PG_BYTEA) {
        p = ngx_chatalot_bytes_encode(p, value.data, value.len);

    } else {
        p = (u_char *) ngx_escape_json(p, value.data, value.len);
    }

    *p++ = '"';

    return p;
}


/* Rounded down, before 2000 too, as lib.ms does. */

static int64_t
ngx_chatalot_row_milliseconds(int64_t microseconds)
{
    int64_t  ms;

    ms = microseconds / 1000;

    if (microseconds % 1000 < 0) {
        ms--;
    }

    return ms + NGX_CHATALOT_ROW_EPOCH;
}
