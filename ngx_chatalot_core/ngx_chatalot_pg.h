/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The worker's connections to PostgreSQL: libpq in pipeline mode on nginx events. Only ngx_chatalot_call.c sends through it, by
 * way of ngx_chatalot_group.c.
 */

#ifndef NGX_CHATALOT_PG_H
#define NGX_CHATALOT_PG_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <libpq-fe.h>
#include "ngx_chatalot_call.h"


#define NGX_CHATALOT_PG_CALL        7       /* parameters of a call: ctx, and */
#define NGX_CHATALOT_PG_ARGS        6       /* the last of them, JSON */
#define NGX_CHATALOT_PG_PARAMS      16      /* of a statement at most */
#define NGX_CHATALOT_PG_FUNCTIONS   128     /* distinct SQL functions that a worker may call */

/* pg_type.oid: PostgreSQL's own types never change theirs */
#define NGX_CHATALOT_PG_BYTEA       17
#define NGX_CHATALOT_PG_INT8        20
#define NGX_CHATALOT_PG_TEXT        25
#define NGX_CHATALOT_PG_JSON        114
#define NGX_CHATALOT_PG_TIME        1184
#define NGX_CHATALOT_PG_UUID        2950


typedef struct ngx_chatalot_pg_operation_s  ngx_chatalot_pg_operation_t;

/*
 * Called once, from the event loop. result is final (rows, or an error), or NULL when there is none: then sent tells
 * whether the statement left the worker, so that nobody knows if it was carried out. result is freed after the call.
 */
typedef void (*ngx_chatalot_pg_done_pt)(ngx_chatalot_pg_operation_t *op,
    PGresult *result);

struct ngx_chatalot_pg_operation_s {
    ngx_chatalot_call_t         *call;      /* NULL: nobody waits any more; must stay first */
    ngx_queue_t                  queue;
    ngx_pool_t                  *pool;      /* its own: it may outlive the call */
    ngx_chatalot_function_t     *function;
    const char                  *values[NGX_CHATALOT_PG_PARAMS];
    int                          lengths[NGX_CHATALOT_PG_PARAMS];   /* of arrays */
    ngx_event_t                  deadline;  /* the caller's */
    ngx_uint_t                   tries;     /* likewise */
    PGresult                    *result;
    ngx_chatalot_pg_done_pt      done;
    unsigned                     sent:1;
    unsigned                     preparing:1;

    /* of ngx_chatalot_group.c */
    ngx_str_t                   *elements;      /* the call's share of each array; NULL: not read, or not to be had */
    unsigned                     gathering:1;   /* waits for others, in its group's queue */
    unsigned                     flying:1;      /* counts as one of its group's statements */
    ngx_uint_t                   number;        /* in a statement of many calls, from 1; 0: alone */
};


ngx_int_t ngx_chatalot_pg_init(ngx_cycle_t *cycle);
void ngx_chatalot_pg_exit(void);

/* Whether a connection is ready, with the right schema. */
ngx_uint_t ngx_chatalot_pg_up(void);

/* NGX_OK: done will be called. NGX_BUSY: the queue is full. NGX_DECLINED: the database is away. */
ngx_int_t ngx_chatalot_pg_send(ngx_chatalot_pg_operation_t *op);

/* Whether an error says that functions or tables have changed under the connection: a new one asks for the schema's version. */
ngx_uint_t ngx_chatalot_pg_other_schema(PGresult *result);

/* Takes an operation out that was not sent; done is not called. */
void ngx_chatalot_pg_cancel(ngx_chatalot_pg_operation_t *op);


#endif /* NGX_CHATALOT_PG_H */
