/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Many calls of one function as one statement: see the header. Knows who waits for whom, not what the functions do.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_group.h"
#include "ngx_chatalot_group_arrays.h"
#include "ngx_chatalot_row.h"


#define NGX_CHATALOT_GROUP_FLIGHTS  1           /* statements of one function in flight before calls gather: many rooms had
                                                   some 49,000 deliveries a second with 2, and 59,000 with 1 */
#define NGX_CHATALOT_GROUP_PATIENCE 20          /* ms for which calls gather while no statement comes back */
#define NGX_CHATALOT_GROUP_MOST     4           /* statements in flight then: those before may all wait for a lock */
#define NGX_CHATALOT_GROUP_CALLS    32          /* in one statement */
#define NGX_CHATALOT_GROUP_BYTES    131072      /* of their arguments, but for the first one's */


typedef struct {
    ngx_chatalot_pg_operation_t   op;           /* must stay first */
    ngx_chatalot_group_t         *group;
    ngx_queue_t                   members;      /* operations, in the order of their numbers */
} ngx_chatalot_group_statement_t;


static void ngx_chatalot_group_feed(ngx_chatalot_group_t *group);
static void ngx_chatalot_group_on_patience(ngx_event_t *ev);
static void ngx_chatalot_group_go(ngx_chatalot_group_t *group);
static void ngx_chatalot_group_alone(ngx_chatalot_group_t *group, ngx_chatalot_pg_operation_t *op);
static void ngx_chatalot_group_together(ngx_chatalot_group_t *group);
static ngx_chatalot_group_statement_t *ngx_chatalot_group_statement(ngx_chatalot_group_t *group);
static ngx_uint_t ngx_chatalot_group_count(ngx_chatalot_group_t *group);
static ngx_chatalot_pg_operation_t *ngx_chatalot_group_take(ngx_queue_t *queue);
static void ngx_chatalot_group_on_result(ngx_chatalot_pg_operation_t *leader, PGresult *result);
static ngx_uint_t ngx_chatalot_group_replied(PGresult *result, ngx_uint_t number);


ngx_int_t
ngx_chatalot_group_send(ngx_chatalot_pg_operation_t *op, ngx_chatalot_json_t *json)
{
    ngx_int_t              rc;
    ngx_chatalot_group_t  *group;

    group = op->function->group;
    op->number = 0;

    /* a group's calls are of signed-in devices */

    if (group == NULL || op->values[0] == NULL || op->values[1] == NULL || op->values[2] == NULL) {
        return ngx_chatalot_pg_send(op);
    }

    if (group->waiting.next == NULL) {
        ngx_queue_init(&group->waiting);

        group->function.arrays = ngx_chatalot_group_arrays_count(group);

        group->patience.handler = ngx_chatalot_group_on_patience;
        group->patience.data = group;
        group->patience.log = ngx_cycle->log;
        group->patience.cancelable = 1;
    }

    if (group->flying < NGX_CHATALOT_GROUP_FLIGHTS + group->stuck) {
        rc = ngx_chatalot_pg_send(op);

        if (rc == NGX_OK) {
            op->flying = 1;
            group->flying++;
        }

        return rc;
    }

    if (group->nwaiting >= ngx_chatalot_conf()->database_queue) {
        return NGX_BUSY;
    }

    if (op->elements == NULL && ngx_chatalot_group_arrays_read(op, json) != NGX_OK) {
        return ngx_chatalot_pg_send(op);
    }

    op->sent = 0;
    op->gathering = 1;
    ngx_queue_insert_tail(&group->waiting, &op->queue);

    if (group->nwaiting++ == 0) {
        ngx_add_timer(&group->patience, NGX_CHATALOT_GROUP_PATIENCE);
    }

    return NGX_OK;
}


void
ngx_chatalot_group_cancel(ngx_chatalot_pg_operation_t *op)
{
    if (op->gathering) {
        op->gathering = 0;
        ngx_queue_remove(&op->queue);
        op->function->group->nwaiting--;
        return;
    }

    ngx_chatalot_pg_cancel(op);
    ngx_chatalot_group_landed(op);
}


void
ngx_chatalot_group_landed(ngx_chatalot_pg_operation_t *op)
{
    if (!op->flying) {
        return;
    }

    op->flying = 0;
    op->function->group->flying--;

    ngx_chatalot_group_feed(op->function->group);
}


static void
ngx_chatalot_group_feed(ngx_chatalot_group_t *group)
{
    if (group->flying == 0) {
        group->stuck = 0;
    }

    while (group->nwaiting && group->flying < NGX_CHATALOT_GROUP_FLIGHTS + group->stuck) {
        ngx_chatalot_group_go(group);
    }
}


/*
 * A call may wait for a row that somebody holds for long, and those behind it have nothing to do with that row: what is on
 * its way does not count any more until all of it has landed.
 */

static void
ngx_chatalot_group_on_patience(ngx_event_t *ev)
{
    ngx_chatalot_group_t  *group = ev->data;

    if (group->nwaiting == 0) {
        return;
    }

    if (group->flying < NGX_CHATALOT_GROUP_MOST) {
        group->stuck = group->flying;
        ngx_chatalot_group_go(group);

    } else {
        ngx_add_timer(&group->patience, NGX_CHATALOT_GROUP_PATIENCE);
    }
}


/* One statement of those who wait, and the rest has time again. */

static void
ngx_chatalot_group_go(ngx_chatalot_group_t *group)
{
    if (group->nwaiting == 1) {
        group->nwaiting = 0;
        ngx_chatalot_group_alone(group, ngx_chatalot_group_take(&group->waiting));

    } else {
        ngx_chatalot_group_together(group);
    }

    if (group->nwaiting) {
        ngx_add_timer(&group->patience, NGX_CHATALOT_GROUP_PATIENCE);

    } else if (group->patience.timer_set) {
        ngx_del_timer(&group->patience);
    }
}


/* group: in whose flights it counts, or NULL. */

static void
ngx_chatalot_group_alone(ngx_chatalot_group_t *group, ngx_chatalot_pg_operation_t *op)
{
    op->gathering = 0;
    op->number = 0;

    if (ngx_chatalot_pg_send(op) != NGX_OK) {
        op->done(op, NULL);
        return;
    }

    if (group) {
        op->flying = 1;
        group->flying++;
    }
}


static void
ngx_chatalot_group_together(ngx_chatalot_group_t *group)
{
    ngx_chatalot_pg_operation_t     *op;
    ngx_chatalot_group_statement_t  *statement;

    statement = ngx_chatalot_group_statement(group);

    if (statement == NULL) {
        group->nwaiting--;
        op = ngx_chatalot_group_take(&group->waiting);
        op->done(op, NULL);
        return;
    }

    group->flying++;

    if (ngx_chatalot_pg_send(&statement->op) != NGX_OK) {
        ngx_chatalot_group_on_result(&statement->op, NULL);
    }
}


/* Of the first of those who wait, as many as may go together. NULL: no memory, and all wait still. */

static ngx_chatalot_group_statement_t *
ngx_chatalot_group_statement(ngx_chatalot_group_t *group)
{
    ngx_pool_t                      *pool;
    ngx_uint_t                       i, n;
    ngx_chatalot_pg_operation_t     *op;
    ngx_chatalot_group_statement_t  *statement;

    n = ngx_chatalot_group_count(group);

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    statement = ngx_pcalloc(pool, sizeof(ngx_chatalot_group_statement_t));

    if (statement == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    statement->op.pool = pool;
    statement->op.function = &group->function;
    statement->op.done = ngx_chatalot_group_on_result;
    statement->group = group;
    ngx_queue_init(&statement->members);

    if (ngx_chatalot_group_arrays_write(&statement->op, group, n) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    for (i = 1; i <= n; i++) {
        op = ngx_chatalot_group_take(&group->waiting);
        group->nwaiting--;

        op->gathering = 0;
        op->sent = 1;
        op->number = i;
        ngx_queue_insert_tail(&statement->members, &op->queue);
    }

    return statement;
}


/* How many go together. */

static ngx_uint_t
ngx_chatalot_group_count(ngx_chatalot_group_t *group)
{
    size_t                        len;
    ngx_uint_t                    n;
    ngx_queue_t                  *q;
    ngx_chatalot_pg_operation_t  *op;

    n = 0;
    len = 0;

    for (q = ngx_queue_head(&group->waiting);
         q != ngx_queue_sentinel(&group->waiting) && n < NGX_CHATALOT_GROUP_CALLS;
         q = ngx_queue_next(q))
    {
        op = ngx_queue_data(q, ngx_chatalot_pg_operation_t, queue);
        len += ngx_strlen(op->values[NGX_CHATALOT_PG_ARGS]);

        if (n && len > NGX_CHATALOT_GROUP_BYTES) {
            break;
        }

        n++;
    }

    return n;
}


static ngx_chatalot_pg_operation_t *
ngx_chatalot_group_take(ngx_queue_t *queue)
{
    ngx_queue_t  *q;

    q = ngx_queue_head(queue);
    ngx_queue_remove(q);

    return ngx_queue_data(q, ngx_chatalot_pg_operation_t, queue);
}


/* Without a result nobody knows what was carried out. With an error nothing was. */

static void
ngx_chatalot_group_on_result(ngx_chatalot_pg_operation_t *leader, PGresult *result)
{
    const char                      *why;
    ngx_chatalot_group_t            *group;
    ngx_chatalot_pg_operation_t     *op;
    ngx_chatalot_group_statement_t  *statement;

    statement = (ngx_chatalot_group_statement_t *) leader;
    group = statement->group;

    if (result && PQresultStatus(result) != PGRES_TUPLES_OK) {

        /* what libpq itself has to say has no fields */

        why = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "chatalot: api.%V failed, its calls are made one by one: %s", &group->function.name,
                      why ? why : PQresultErrorMessage(result));
    }

    while (!ngx_queue_empty(&statement->members)) {
        op = ngx_chatalot_group_take(&statement->members);

        if (result == NULL || ngx_chatalot_group_replied(result, op->number)) {
            op->done(op, result);

        } else if (!op->deadline.timer_set) {

            /* its caller was told that nothing came of it, and so it stays */

            op->done(op, NULL);

        } else {
            ngx_chatalot_group_alone(NULL, op);
        }
    }

    ngx_destroy_pool(leader->pool);

    group->flying--;
    ngx_chatalot_group_feed(group);
}


/* Whether there is a reply among a call's rows. */

static ngx_uint_t
ngx_chatalot_group_replied(PGresult *result, ngx_uint_t number)
{
    int  i, n;

    n = PQresultStatus(result) == PGRES_TUPLES_OK && ngx_chatalot_row_good(result) ? PQntuples(result) : 0;

    for (i = 0; i < n; i++) {
        if (ngx_chatalot_row_is_reply(result, i) && ngx_chatalot_row_call(result, i) == number) {
            return 1;
        }
    }

    return 0;
}
