/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Arrays of arguments: see the header. Integers are big-endian, as everything that PostgreSQL takes in binary.
 */

#include "ngx_chatalot_group_arrays.h"


#define NGX_CHATALOT_GROUP_ARRAYS_IDS      3    /* the first arrays: users, devices, sessions */
#define NGX_CHATALOT_GROUP_ARRAYS_UUID     16   /* bytes */
#define NGX_CHATALOT_GROUP_ARRAYS_HEADER   20   /* bytes before an array's elements: array_recv() in PostgreSQL's arrayfuncs.c */


static ngx_uint_t ngx_chatalot_group_arrays_is_plain(ngx_chatalot_group_t *group, ngx_chatalot_json_t *json);
static ngx_int_t ngx_chatalot_group_arrays_element(ngx_pool_t *pool, ngx_chatalot_param_type_e type, ngx_str_t *text,
    int64_t integer, ngx_str_t *element);
static ngx_int_t ngx_chatalot_group_arrays_array(ngx_chatalot_pg_operation_t *statement, ngx_chatalot_group_t *group,
    ngx_uint_t i, ngx_uint_t n);
static Oid ngx_chatalot_group_arrays_type(ngx_chatalot_group_t *group, ngx_uint_t i);
static u_char *ngx_chatalot_group_arrays_integer(u_char *p, uint64_t value, ngx_uint_t bytes);


ngx_uint_t
ngx_chatalot_group_arrays_count(ngx_chatalot_group_t *group)
{
    ngx_uint_t  n;

    for (n = 0; group->columns[n].name; n++) { /* void */ }

    return NGX_CHATALOT_GROUP_ARRAYS_IDS + n;
}


ngx_int_t
ngx_chatalot_group_arrays_read(ngx_chatalot_pg_operation_t *op, ngx_chatalot_json_t *json)
{
    ngx_str_t                           text, *elements;
    ngx_uint_t                          i, n;
    ngx_chatalot_group_t               *group;
    ngx_chatalot_json_t                *value;
    const ngx_chatalot_group_column_t  *column;

    group = op->function->group;

    n = group->function.arrays;

    if (n > NGX_CHATALOT_PG_PARAMS || !ngx_chatalot_group_arrays_is_plain(group, json)) {
        return NGX_DECLINED;
    }

    elements = ngx_pcalloc(op->pool, n * sizeof(ngx_str_t));
    if (elements == NULL) {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_CHATALOT_GROUP_ARRAYS_IDS; i++) {
        text.data = (u_char *) op->values[i];
        text.len = ngx_strlen(text.data);

        if (ngx_chatalot_group_arrays_element(op->pool, NGX_CHATALOT_UUID, &text, 0, &elements[i]) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    for ( /* void */ ; i < n; i++) {
        column = &group->columns[i - NGX_CHATALOT_GROUP_ARRAYS_IDS];
        value = ngx_chatalot_json_member(json, column->name);

        if (value == NULL
            || value->type != (column->type == NGX_CHATALOT_INTEGER ? NGX_CHATALOT_JSON_INTEGER
                                                                    : NGX_CHATALOT_JSON_STRING)
            || ngx_chatalot_group_arrays_element(op->pool, column->type, &value->string, value->integer, &elements[i]) != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    op->elements = elements;

    return NGX_OK;
}


/* Whether args have nothing that would be lost: each member is a column, or one of those beside them. */

static ngx_uint_t
ngx_chatalot_group_arrays_is_plain(ngx_chatalot_group_t *group, ngx_chatalot_json_t *json)
{
    ngx_uint_t            n;
    const char *const    *name;
    ngx_chatalot_json_t  *value;

    n = NGX_CHATALOT_GROUP_ARRAYS_IDS;

    for (value = json ? json->first : NULL; value; value = value->next) {
        n += (value->type != NGX_CHATALOT_JSON_NULL);
    }

    for (name = group->beside; *name; name++) {
        value = ngx_chatalot_json_member(json, *name);
        n -= (value && value->type != NGX_CHATALOT_JSON_NULL);
    }

    return n == group->function.arrays;
}


/* As it stands in an array: its length in four bytes, then the value as PostgreSQL's binary functions take it. */

static ngx_int_t
ngx_chatalot_group_arrays_element(ngx_pool_t *pool, ngx_chatalot_param_type_e type, ngx_str_t *text, int64_t integer,
    ngx_str_t *element)
{
    size_t   len;
    u_char  *p;

    len = type == NGX_CHATALOT_UUID ? NGX_CHATALOT_GROUP_ARRAYS_UUID
          : type == NGX_CHATALOT_INTEGER ? sizeof(integer)
          : type == NGX_CHATALOT_BYTES ? ngx_chatalot_bytes_decoded_len(text->len) : text->len;

    p = ngx_pnalloc(pool, sizeof(uint32_t) + len);
    if (p == NULL) {
        return NGX_DECLINED;
    }

    element->data = p;
    element->len = sizeof(uint32_t) + len;

    p = ngx_chatalot_group_arrays_integer(p, len, sizeof(uint32_t));

    switch (type) {

    case NGX_CHATALOT_UUID:
        return ngx_chatalot_uuid_decode(text, p);

    case NGX_CHATALOT_BYTES:
        return ngx_chatalot_bytes_decode(text, p, len);

    case NGX_CHATALOT_INTEGER:
        (void) ngx_chatalot_group_arrays_integer(p, (uint64_t) integer, sizeof(integer));
        return NGX_OK;

    default:
        ngx_memcpy(p, text->data, len);
        return NGX_OK;
    }
}


ngx_int_t
ngx_chatalot_group_arrays_write(ngx_chatalot_pg_operation_t *statement, ngx_chatalot_group_t *group, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < group->function.arrays; i++) {
        if (ngx_chatalot_group_arrays_array(statement, group, i, n) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* A header, for one dimension that begins at 1 and no nulls, and the elements. */

static ngx_int_t
ngx_chatalot_group_arrays_array(ngx_chatalot_pg_operation_t *statement, ngx_chatalot_group_t *group, ngx_uint_t i,
    ngx_uint_t n)
{
    u_char                       *p;
    size_t                        len;
    ngx_uint_t                    k;
    ngx_queue_t                  *q;
    ngx_chatalot_pg_operation_t  *op;

    len = NGX_CHATALOT_GROUP_ARRAYS_HEADER;

    for (q = ngx_queue_head(&group->waiting), k = 0; k < n; q = ngx_queue_next(q), k++) {
        op = ngx_queue_data(q, ngx_chatalot_pg_operation_t, queue);
        len += op->elements[i].len;
    }

    p = ngx_pnalloc(statement->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    statement->values[i] = (char *) p;
    statement->lengths[i] = (int) len;

    p = ngx_chatalot_group_arrays_integer(p, 1, sizeof(uint32_t));
    p = ngx_chatalot_group_arrays_integer(p, 0, sizeof(uint32_t));
    p = ngx_chatalot_group_arrays_integer(p, ngx_chatalot_group_arrays_type(group, i), sizeof(uint32_t));
    p = ngx_chatalot_group_arrays_integer(p, n, sizeof(uint32_t));
    p = ngx_chatalot_group_arrays_integer(p, 1, sizeof(uint32_t));

    for (q = ngx_queue_head(&group->waiting), k = 0; k < n; q = ngx_queue_next(q), k++) {
        op = ngx_queue_data(q, ngx_chatalot_pg_operation_t, queue);
        p = ngx_cpymem(p, op->elements[i].data, op->elements[i].len);
    }

    return NGX_OK;
}


static Oid
ngx_chatalot_group_arrays_type(ngx_chatalot_group_t *group, ngx_uint_t i)
{
    if (i < NGX_CHATALOT_GROUP_ARRAYS_IDS) {
        return NGX_CHATALOT_PG_UUID;
    }

    switch (group->columns[i - NGX_CHATALOT_GROUP_ARRAYS_IDS].type) {

    case NGX_CHATALOT_UUID:
        return NGX_CHATALOT_PG_UUID;

    case NGX_CHATALOT_INTEGER:
        return NGX_CHATALOT_PG_INT8;

    case NGX_CHATALOT_BYTES:
        return NGX_CHATALOT_PG_BYTEA;

    default:
        return NGX_CHATALOT_PG_TEXT;
    }
}


static u_char *
ngx_chatalot_group_arrays_integer(u_char *p, uint64_t value, ngx_uint_t bytes)
{
    while (bytes--) {
        *p++ = (u_char) (value >> (8 * bytes));
    }

    return p;
}
