/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rows of an SQL function's result, in PostgreSQL's binary format, and what they say as JSON. Columns: topic, control,
 * payload; then, if there are more, call; then, if there are more, members. A row whose first member is not null is an
 * object of its members, named as the columns, behind those of its payload, "{…}" without blanks round it, if it has one:
 * uuid and text become strings, bytea base64url, bigint a number, timestamptz milliseconds since 1970. Of any other row the
 * payload is the text.
 */

#ifndef NGX_CHATALOT_ROW_H
#define NGX_CHATALOT_ROW_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <libpq-fe.h>


/*
 * Whether all columns are as above, but for a function that returns nothing of members: their types and their number.
 * Nothing else here may be asked of a result that is not.
 */
ngx_uint_t ngx_chatalot_row_good(PGresult *result);

/* Which call of a statement of many a row is of, from 1; 0: none. */
ngx_uint_t ngx_chatalot_row_call(PGresult *result, int row);

/* A row without a topic is (a piece of) the reply. */
#define ngx_chatalot_row_is_reply(result, row)  PQgetisnull(result, row, 0)

/* What an event says, and on which topic. Texts lie in result, or in pool. NGX_ERROR: no memory. */
ngx_int_t ngx_chatalot_row_event(ngx_pool_t *pool, PGresult *result, int row, ngx_str_t *topic, ngx_str_t *control,
    ngx_str_t *payload);

/*
 * The reply to a call (0: there is but one), in pool: the texts of its rows one after the other, with a comma between an
 * object that ends and one that begins. NGX_DECLINED: there is none. NGX_ABORT: it is null. NGX_ERROR: no memory.
 */
ngx_int_t ngx_chatalot_row_reply(ngx_pool_t *pool, PGresult *result, ngx_uint_t call, ngx_str_t *reply);


#endif /* NGX_CHATALOT_ROW_H */
