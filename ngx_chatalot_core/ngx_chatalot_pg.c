/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A few connections a worker, each a state machine: away → connecting → setting up → ready. Operations are pipelined;
 * each is closed by its own sync and so is a transaction of its own.
 *
 * libpq reads at most what it wants at a time, so its sockets are watched level-triggered: after an edge-triggered event
 * nobody would come back for the rest.
 */

#include "ngx_chatalot_pg.h"
#include "ngx_chatalot_core.h"
#include "ngx_chatalot_pg_statement.h"


#define NGX_CHATALOT_PG_DEPTH         8         /* operations in flight on one connection */
#define NGX_CHATALOT_PG_CONNECT       5000      /* ms for connecting and setting up */
#define NGX_CHATALOT_PG_GRACE         5000      /* ms beyond the deadline before a silent connection is given up */
#define NGX_CHATALOT_PG_BACKOFF_MIN   100       /* ms */
#define NGX_CHATALOT_PG_BACKOFF_MAX   5000
#define NGX_CHATALOT_PG_PATIENCE      2000      /* ms without any connection before calls are refused at once */


typedef enum {
    NGX_CHATALOT_PG_AWAY = 0,
    NGX_CHATALOT_PG_CONNECTING,
    NGX_CHATALOT_PG_SETTING_UP,
    NGX_CHATALOT_PG_READY
} ngx_chatalot_pg_state_e;


typedef struct {
    PGconn                    *pg;
    ngx_connection_t          *c;           /* wraps libpq's socket; never reads or closes it */
    ngx_chatalot_pg_state_e    state;
    ngx_event_t                timer;       /* away: the next try; else: something is overdue */
    ngx_event_t                lost;        /* posted, to break a connection outside the caller's stack */
    ngx_queue_t                sent;        /* operations, oldest first */
    ngx_uint_t                 depth;
    ngx_msec_t                 backoff;
    PGresult                  *setup;
    u_char                     prepared[NGX_CHATALOT_PG_FUNCTIONS + 1];
} ngx_chatalot_pg_connection_t;


typedef struct {
    ngx_chatalot_pg_connection_t  *connections;
    ngx_uint_t                     n;
    ngx_uint_t                     ready;
    ngx_queue_t                    waiting;
    ngx_uint_t                     nwaiting;
    ngx_msec_t                     away_since;
    ngx_uint_t                     functions;
    ngx_log_t                     *log;
    ngx_event_t                    refuse;   /* posted, to fail the waiting outside of the caller's stack */
} ngx_chatalot_pg_pool_t;


static void ngx_chatalot_pg_connect(ngx_chatalot_pg_connection_t *pc);
static void ngx_chatalot_pg_poll(ngx_chatalot_pg_connection_t *pc);
static ngx_int_t ngx_chatalot_pg_watch(ngx_chatalot_pg_connection_t *pc);
static void ngx_chatalot_pg_unwatch(ngx_chatalot_pg_connection_t *pc);
static ngx_int_t ngx_chatalot_pg_want(ngx_event_t *ev, ngx_int_t event,
    ngx_uint_t wanted);
static void ngx_chatalot_pg_setup(ngx_chatalot_pg_connection_t *pc);
static void ngx_chatalot_pg_on_setup(ngx_chatalot_pg_connection_t *pc);
static void ngx_chatalot_pg_on_ready(ngx_chatalot_pg_connection_t *pc);
static void ngx_chatalot_pg_on_event(ngx_event_t *ev);
static void ngx_chatalot_pg_on_timer(ngx_event_t *ev);
static void ngx_chatalot_pg_on_lost(ngx_event_t *ev);
static void ngx_chatalot_pg_on_refuse(ngx_event_t *ev);
static void ngx_chatalot_pg_results(ngx_chatalot_pg_connection_t *pc);
static void ngx_chatalot_pg_result(ngx_chatalot_pg_connection_t *pc,
    PGresult *result);
static void ngx_chatalot_pg_synced(ngx_chatalot_pg_connection_t *pc);
static ngx_int_t ngx_chatalot_pg_dispatch(ngx_chatalot_pg_connection_t *pc,
    ngx_chatalot_pg_operation_t *op);
static void ngx_chatalot_pg_flush(ngx_chatalot_pg_connection_t *pc);
static void ngx_chatalot_pg_overdue(ngx_chatalot_pg_connection_t *pc);
static void ngx_chatalot_pg_feed(void);
static ngx_chatalot_pg_connection_t *ngx_chatalot_pg_pick(void);
static void ngx_chatalot_pg_break(ngx_chatalot_pg_connection_t *pc,
    const char *why);
static void ngx_chatalot_pg_close(ngx_chatalot_pg_connection_t *pc);


static ngx_chatalot_pg_pool_t  ngx_chatalot_pg;


ngx_int_t
ngx_chatalot_pg_init(ngx_cycle_t *cycle)
{
    ngx_uint_t                     i;
    ngx_chatalot_pg_connection_t  *pc;

    ngx_memzero(&ngx_chatalot_pg, sizeof(ngx_chatalot_pg_pool_t));

    ngx_chatalot_pg.n = ngx_chatalot_conf()->database_pool;
    ngx_chatalot_pg.log = cycle->log;
    ngx_chatalot_pg.away_since = ngx_current_msec;
    ngx_chatalot_pg.refuse.handler = ngx_chatalot_pg_on_refuse;
    ngx_chatalot_pg.refuse.log = cycle->log;
    ngx_queue_init(&ngx_chatalot_pg.waiting);

    ngx_chatalot_pg.connections = ngx_pcalloc(cycle->pool,
                    ngx_chatalot_pg.n * sizeof(ngx_chatalot_pg_connection_t));
    if (ngx_chatalot_pg.connections == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ngx_chatalot_pg.n; i++) {
        pc = &ngx_chatalot_pg.connections[i];

        ngx_queue_init(&pc->sent);
        pc->backoff = NGX_CHATALOT_PG_BACKOFF_MIN;

        pc->timer.handler = ngx_chatalot_pg_on_timer;
        pc->timer.data = pc;
        pc->timer.log = cycle->log;
        pc->timer.cancelable = 1;

        pc->lost.handler = ngx_chatalot_pg_on_lost;
        pc->lost.data = pc;
        pc->lost.log = cycle->log;

        ngx_chatalot_pg_connect(pc);
    }

    return NGX_OK;
}


void
ngx_chatalot_pg_exit(void)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_chatalot_pg.n; i++) {
        ngx_chatalot_pg_close(&ngx_chatalot_pg.connections[i]);
    }
}


ngx_uint_t
ngx_chatalot_pg_up(void)
{
    return ngx_chatalot_pg.ready != 0;
}


static void
ngx_chatalot_pg_connect(ngx_chatalot_pg_connection_t *pc)
{
    pc->pg = PQconnectStart((char *) ngx_chatalot_conf()->database.data);

    if (pc->pg == NULL) {
        ngx_chatalot_pg_break(pc, "not enough memory");
        return;
    }

    if (PQstatus(pc->pg) == CONNECTION_BAD) {
        ngx_chatalot_pg_break(pc, "cannot connect");
        return;
    }

    pc->state = NGX_CHATALOT_PG_CONNECTING;
    ngx_add_timer(&pc->timer, NGX_CHATALOT_PG_CONNECT);

    /* libpq's contract: at first behave as if the last poll had said "writing" */

    if (ngx_chatalot_pg_watch(pc) != NGX_OK
        || ngx_chatalot_pg_want(pc->c->write, NGX_WRITE_EVENT, 1) != NGX_OK)
    {
        ngx_chatalot_pg_break(pc, "cannot watch the socket");
    }
}


static void
ngx_chatalot_pg_poll(ngx_chatalot_pg_connection_t *pc)
{
    ngx_uint_t                  reading, writing;
    PostgresPollingStatusType   status;

    /* trying another address, or the same without TLS, libpq makes a new socket, which mostly gets the old one's number */

    ngx_chatalot_pg_unwatch(pc);

    status = PQconnectPoll(pc->pg);

    if (status == PGRES_POLLING_FAILED) {
        ngx_chatalot_pg_break(pc, "cannot connect");
        return;
    }

    reading = (status != PGRES_POLLING_WRITING);
    writing = (status == PGRES_POLLING_WRITING);

    if (ngx_chatalot_pg_watch(pc) != NGX_OK
        || ngx_chatalot_pg_want(pc->c->read, NGX_READ_EVENT, reading)
           != NGX_OK
        || ngx_chatalot_pg_want(pc->c->write, NGX_WRITE_EVENT, writing)
           != NGX_OK)
    {
        ngx_chatalot_pg_break(pc, "cannot watch the socket");
        return;
    }

    if (status == PGRES_POLLING_OK) {
        ngx_chatalot_pg_setup(pc);
    }
}


static ngx_int_t
ngx_chatalot_pg_watch(ngx_chatalot_pg_connection_t *pc)
{
    int                fd;
    ngx_connection_t  *c;

    fd = PQsocket(pc->pg);

    if (fd == -1) {
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, ngx_chatalot_pg.log);

    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = pc;
    c->log = ngx_chatalot_pg.log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_chatalot_pg_on_event;
    c->write->handler = ngx_chatalot_pg_on_event;

    pc->c = c;

    return NGX_OK;
}


/* libpq may have closed the descriptor already, so the event module is told before PQfinish wherever we can. */

static void
ngx_chatalot_pg_unwatch(ngx_chatalot_pg_connection_t *pc)
{
    ngx_connection_t  *c;

    c = pc->c;

    if (c == NULL) {
        return;
    }

    pc->c = NULL;

    if (PQsocket(pc->pg) == c->fd) {
        (void) ngx_chatalot_pg_want(c->read, NGX_READ_EVENT, 0);
        (void) ngx_chatalot_pg_want(c->write, NGX_WRITE_EVENT, 0);
    }

    c->read->active = 0;
    c->write->active = 0;

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->read->closed = 1;
    c->write->closed = 1;

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


static ngx_int_t
ngx_chatalot_pg_want(ngx_event_t *ev, ngx_int_t event, ngx_uint_t wanted)
{
    if (wanted && !ev->active) {
        return ngx_add_event(ev, event, NGX_LEVEL_EVENT);
    }

    if (!wanted && ev->active) {
        return ngx_del_event(ev, event, 0);
    }

    return NGX_OK;
}


/* What the SQL functions know of nginx's settings, and the question which schema they are. */

static void
ngx_chatalot_pg_setup(ngx_chatalot_pg_connection_t *pc)
{
    u_char                     timeout[NGX_INT_T_LEN + 1];
    const char                *values[4];
    ngx_chatalot_main_conf_t  *mcf;

    static const char  query[] =
        "SELECT set_config('chatalot.registration_mode', $1, false),"
        " set_config('chatalot.community_creation', $2, false),"
        " set_config('chatalot.instance_name', $3, false),"
        " set_config('statement_timeout', $4, false),"
        " set_config('jit', 'off', false),"     /* compiling costs more than these calls run */
        " set_config('plan_cache_mode', 'force_generic_plan', false),"      /* and so does planning anew for each */
        " set_config('random_page_cost', '1.1', false),"    /* what is asked is in memory: not whole tables for a few rows */
        " lib.schema_version()";

    mcf = ngx_chatalot_conf();

    (void) ngx_sprintf(timeout, "%M%Z", mcf->database_timeout);

    values[0] = (const char *) mcf->registration.data;
    values[1] = (const char *) mcf->community_creation.data;
    values[2] = (const char *) mcf->instance_name.data;
    values[3] = (const char *) timeout;

    pc->state = NGX_CHATALOT_PG_SETTING_UP;

    if (PQsetnonblocking(pc->pg, 1) != 0
        || PQenterPipelineMode(pc->pg) != 1
        || PQsendQueryParams(pc->pg, query, 4, NULL, values, NULL, NULL, 0) != 1
        || PQpipelineSync(pc->pg) != 1)
    {
        ngx_chatalot_pg_break(pc, "cannot be set up");
        return;
    }

    ngx_chatalot_pg_flush(pc);
}


static void
ngx_chatalot_pg_on_setup(ngx_chatalot_pg_connection_t *pc)
{
    int         column;
    ngx_int_t   version;
    PGresult   *result;

    result = pc->setup;
    pc->setup = NULL;

    if (result == NULL || PQresultStatus(result) != PGRES_TUPLES_OK) {
        ngx_log_error(NGX_LOG_EMERG, ngx_chatalot_pg.log, 0,
                      "chatalot: the database is not set up: %s",
                      result ? PQresultErrorMessage(result) : "no answer");
        PQclear(result);
        pc->backoff = NGX_CHATALOT_PG_BACKOFF_MAX;
        ngx_chatalot_pg_break(pc, "has no schema");
        return;
    }

    column = PQfnumber(result, "schema_version");
    version = ngx_atoi((u_char *) PQgetvalue(result, 0, column), PQgetlength(result, 0, column));
    PQclear(result);

    if (version != NGX_CHATALOT_SCHEMA_VERSION) {
        ngx_log_error(NGX_LOG_EMERG, ngx_chatalot_pg.log, 0,
                      "chatalot: the database has schema version %i, this "
                      "module needs %d: run sql/apply of the same release",
                      version, NGX_CHATALOT_SCHEMA_VERSION);
        pc->backoff = NGX_CHATALOT_PG_BACKOFF_MAX;
        ngx_chatalot_pg_break(pc, "has another schema version");
        return;
    }

    ngx_chatalot_pg_on_ready(pc);
}


static void
ngx_chatalot_pg_on_ready(ngx_chatalot_pg_connection_t *pc)
{
    pc->state = NGX_CHATALOT_PG_READY;
    pc->backoff = NGX_CHATALOT_PG_BACKOFF_MIN;

    ngx_del_timer(&pc->timer);

    if (ngx_chatalot_pg.ready++ == 0) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_chatalot_pg.log, 0,
                      "chatalot: the database is there");
    }

    ngx_chatalot_pg_feed();
}


static void
ngx_chatalot_pg_on_event(ngx_event_t *ev)
{
    ngx_connection_t              *c;
    ngx_chatalot_pg_connection_t  *pc;

    c = ev->data;
    pc = c->data;

    if (pc->state == NGX_CHATALOT_PG_CONNECTING) {
        ngx_chatalot_pg_poll(pc);
        return;
    }

    if (!ev->write) {

        if (PQconsumeInput(pc->pg) != 1) {
            ngx_chatalot_pg_break(pc, "was lost");
            return;
        }

        ngx_chatalot_pg_results(pc);

        /* the results may have ended this connection */

        if (pc->c != c) {
            return;
        }
    }

    ngx_chatalot_pg_flush(pc);
    ngx_chatalot_pg_feed();
}


static void
ngx_chatalot_pg_on_timer(ngx_event_t *ev)
{
    ngx_chatalot_pg_connection_t  *pc = ev->data;

    if (pc->state == NGX_CHATALOT_PG_AWAY) {
        ngx_chatalot_pg_connect(pc);
        return;
    }

    ngx_chatalot_pg_break(pc, pc->state == NGX_CHATALOT_PG_READY
                                  ? "does not answer" : "cannot connect in time");
}


static void
ngx_chatalot_pg_on_lost(ngx_event_t *ev)
{
    ngx_chatalot_pg_break(ev->data, "was lost");
}


/* A NULL ends the results of one statement; two in a row mean that there is nothing more. */

static void
ngx_chatalot_pg_results(ngx_chatalot_pg_connection_t *pc)
{
    PGconn      *pg;
    PGresult    *result;
    ngx_uint_t   nulls;

    pg = pc->pg;
    nulls = 0;

    while (pc->pg == pg && nulls < 2 && !PQisBusy(pg)) {

        result = PQgetResult(pg);

        if (result == NULL) {
            nulls++;
            continue;
        }

        nulls = 0;
        ngx_chatalot_pg_result(pc, result);
    }
}


static void
ngx_chatalot_pg_result(ngx_chatalot_pg_connection_t *pc, PGresult *result)
{
    PGresult                     **kept;
    ExecStatusType                 status;
    ngx_chatalot_pg_operation_t   *op;

    status = PQresultStatus(result);

    if (status == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        ngx_chatalot_pg_synced(pc);
        return;
    }

    op = NULL;
    kept = &pc->setup;

    if (pc->state == NGX_CHATALOT_PG_READY) {

        if (ngx_queue_empty(&pc->sent)) {
            PQclear(result);
            return;
        }

        op = ngx_queue_data(ngx_queue_head(&pc->sent),
                            ngx_chatalot_pg_operation_t, queue);
        kept = &op->result;
    }

    /* the first error stands: what follows it only says that the pipeline was aborted */

    if (*kept && PQresultStatus(*kept) != PGRES_TUPLES_OK
        && PQresultStatus(*kept) != PGRES_COMMAND_OK)
    {
        PQclear(result);
        return;
    }

    if (op && op->preparing) {
        op->preparing = 0;

        if (status != PGRES_COMMAND_OK) {
            pc->prepared[op->function->index] = 0;
        }
    }

    PQclear(*kept);
    *kept = result;
}


/* Only now is the result final: a statement can return its rows and then fail at commit. */

static void
ngx_chatalot_pg_synced(ngx_chatalot_pg_connection_t *pc)
{
    ngx_queue_t                  *q;
    PGresult                     *result;
    ngx_chatalot_pg_operation_t  *op;

    if (pc->state == NGX_CHATALOT_PG_SETTING_UP) {
        ngx_chatalot_pg_on_setup(pc);
        return;
    }

    if (ngx_queue_empty(&pc->sent)) {
        return;
    }

    q = ngx_queue_head(&pc->sent);
    op = ngx_queue_data(q, ngx_chatalot_pg_operation_t, queue);

    ngx_queue_remove(q);
    pc->depth--;

    ngx_chatalot_pg_overdue(pc);

    result = op->result;
    op->result = NULL;

    /* first, so that what done() sends anew does not go where it would be lost */

    if (ngx_chatalot_pg_other_schema(result)
        && pc->state == NGX_CHATALOT_PG_READY)
    {
        ngx_post_event(&pc->lost, &ngx_posted_events);
    }

    op->done(op, result);

    PQclear(result);
}


ngx_uint_t
ngx_chatalot_pg_other_schema(PGresult *result)
{
    const char  *state;

    state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return state
           && (ngx_strcmp(state, "0A000") == 0       /* feature_not_supported: a cached plan's result has changed */
               || ngx_strcmp(state, "42883") == 0    /* undefined_function */
               || ngx_strcmp(state, "42703") == 0    /* undefined_column */
               || ngx_strcmp(state, "42P01") == 0);  /* undefined_table */
}


ngx_int_t
ngx_chatalot_pg_send(ngx_chatalot_pg_operation_t *op)
{
    ngx_chatalot_pg_connection_t  *pc;

    op->sent = 0;
    op->preparing = 0;

    if (ngx_chatalot_pg.ready == 0
        && (ngx_msec_int_t) (ngx_current_msec - ngx_chatalot_pg.away_since)
           > NGX_CHATALOT_PG_PATIENCE)
    {
        return NGX_DECLINED;
    }

    if (op->function->index == 0) {
        if (ngx_chatalot_pg.functions == NGX_CHATALOT_PG_FUNCTIONS) {
            return NGX_DECLINED;
        }

        op->function->index = ++ngx_chatalot_pg.functions;
    }

    /* behind those who wait already */

    pc = ngx_queue_empty(&ngx_chatalot_pg.waiting) ? ngx_chatalot_pg_pick()
                                                   : NULL;

    if (pc && ngx_chatalot_pg_dispatch(pc, op) == NGX_OK) {
        ngx_chatalot_pg_flush(pc);
        return NGX_OK;
    }

    if (ngx_chatalot_pg.nwaiting >= ngx_chatalot_conf()->database_queue) {
        return NGX_BUSY;
    }

    ngx_queue_insert_tail(&ngx_chatalot_pg.waiting, &op->queue);
    ngx_chatalot_pg.nwaiting++;

    return NGX_OK;
}


void
ngx_chatalot_pg_cancel(ngx_chatalot_pg_operation_t *op)
{
    ngx_queue_remove(&op->queue);
    ngx_chatalot_pg.nwaiting--;
}


/* The ready connection with the fewest operations in flight. */

static ngx_chatalot_pg_connection_t *
ngx_chatalot_pg_pick(void)
{
    ngx_uint_t                     i;
    ngx_chatalot_pg_connection_t  *pc, *best;

    best = NULL;

    for (i = 0; i < ngx_chatalot_pg.n; i++) {
        pc = &ngx_chatalot_pg.connections[i];

        if (pc->state == NGX_CHATALOT_PG_READY
            && !pc->lost.posted
            && pc->depth < NGX_CHATALOT_PG_DEPTH
            && (best == NULL || pc->depth < best->depth))
        {
            best = pc;
        }
    }

    return best;
}


static void
ngx_chatalot_pg_feed(void)
{
    ngx_queue_t                   *q;
    ngx_chatalot_pg_operation_t   *op;
    ngx_chatalot_pg_connection_t  *pc;

    while (!ngx_queue_empty(&ngx_chatalot_pg.waiting)) {

        pc = ngx_chatalot_pg_pick();

        if (pc == NULL) {
            return;
        }

        q = ngx_queue_head(&ngx_chatalot_pg.waiting);
        op = ngx_queue_data(q, ngx_chatalot_pg_operation_t, queue);

        ngx_queue_remove(q);
        ngx_chatalot_pg.nwaiting--;

        if (ngx_chatalot_pg_dispatch(pc, op) != NGX_OK) {
            ngx_queue_insert_head(&ngx_chatalot_pg.waiting, q);
            ngx_chatalot_pg.nwaiting++;
            continue;
        }

        ngx_chatalot_pg_flush(pc);
    }
}


/* NGX_DECLINED: this connection takes nothing more and is about to be broken. */

static ngx_int_t
ngx_chatalot_pg_dispatch(ngx_chatalot_pg_connection_t *pc,
    ngx_chatalot_pg_operation_t *op)
{
    if (ngx_chatalot_pg_statement(pc->pg, op, pc->prepared) != NGX_OK) {
        op->preparing = 0;
        ngx_post_event(&pc->lost, &ngx_posted_events);
        return NGX_DECLINED;
    }

    op->sent = 1;
    ngx_queue_insert_tail(&pc->sent, &op->queue);

    if (pc->depth++ == 0) {
        ngx_chatalot_pg_overdue(pc);
    }

    return NGX_OK;
}


static void
ngx_chatalot_pg_flush(ngx_chatalot_pg_connection_t *pc)
{
    int  rc;

    rc = PQflush(pc->pg);

    if (rc < 0
        || ngx_chatalot_pg_want(pc->c->write, NGX_WRITE_EVENT, rc) != NGX_OK)
    {
        ngx_post_event(&pc->lost, &ngx_posted_events);
    }
}


/* The oldest operation in flight must be answered some time: statement_timeout ends it, if the server still lives. */

static void
ngx_chatalot_pg_overdue(ngx_chatalot_pg_connection_t *pc)
{
    if (pc->timer.timer_set) {
        ngx_del_timer(&pc->timer);
    }

    if (pc->depth) {
        ngx_add_timer(&pc->timer, ngx_chatalot_conf()->database_timeout
                                  + NGX_CHATALOT_PG_GRACE);
    }
}


static void
ngx_chatalot_pg_break(ngx_chatalot_pg_connection_t *pc, const char *why)
{
    u_char                       *p, *last;
    ngx_queue_t                  *q, sent;
    ngx_msec_t                    delay;
    ngx_chatalot_pg_operation_t  *op;

    p = (u_char *) (pc->pg ? PQerrorMessage(pc->pg) : "");

    /* libpq's messages end with a newline */

    for (last = p + ngx_strlen(p); last > p && last[-1] == '\n'; last--) {
        /* void */
    }

    ngx_log_error(NGX_LOG_ERR, ngx_chatalot_pg.log, 0,
                  "chatalot: database connection %s%s%*s",
                  why, last > p ? ": " : "", (size_t) (last - p), p);

    if (pc->state == NGX_CHATALOT_PG_READY
        && --ngx_chatalot_pg.ready == 0)
    {
        ngx_chatalot_pg.away_since = ngx_current_msec;

        ngx_log_error(NGX_LOG_ERR, ngx_chatalot_pg.log, 0,
                      "chatalot: the database is away");
    }

    ngx_queue_init(&sent);

    if (!ngx_queue_empty(&pc->sent)) {
        ngx_queue_add(&sent, &pc->sent);
        ngx_queue_init(&pc->sent);
    }

    ngx_chatalot_pg_close(pc);

    /* jitter, so that the workers do not all come back in one moment */

    delay = pc->backoff / 2 + ngx_random() % (pc->backoff / 2 + 1);
    pc->backoff = ngx_min(pc->backoff * 2, NGX_CHATALOT_PG_BACKOFF_MAX);

    ngx_add_timer(&pc->timer, delay);

    while (!ngx_queue_empty(&sent)) {
        q = ngx_queue_head(&sent);
        op = ngx_queue_data(q, ngx_chatalot_pg_operation_t, queue);
        ngx_queue_remove(q);

        PQclear(op->result);
        op->result = NULL;
        op->done(op, NULL);
    }

    if (ngx_chatalot_pg.ready == 0
        && (ngx_msec_int_t) (ngx_current_msec - ngx_chatalot_pg.away_since)
           > NGX_CHATALOT_PG_PATIENCE
        && !ngx_queue_empty(&ngx_chatalot_pg.waiting))
    {
        ngx_post_event(&ngx_chatalot_pg.refuse, &ngx_posted_events);
    }
}


static void
ngx_chatalot_pg_on_refuse(ngx_event_t *ev)
{
    ngx_queue_t                  *q;
    ngx_chatalot_pg_operation_t  *op;

    while (ngx_chatalot_pg.ready == 0
           && !ngx_queue_empty(&ngx_chatalot_pg.waiting))
    {
        q = ngx_queue_head(&ngx_chatalot_pg.waiting);
        op = ngx_queue_data(q, ngx_chatalot_pg_operation_t, queue);

        ngx_queue_remove(q);
        ngx_chatalot_pg.nwaiting--;

        op->done(op, NULL);
    }
}


static void
ngx_chatalot_pg_close(ngx_chatalot_pg_connection_t *pc)
{
    if (pc->timer.timer_set) {
        ngx_del_timer(&pc->timer);
    }

    if (pc->lost.posted) {
        ngx_delete_posted_event(&pc->lost);
    }

    if (pc->pg) {
        ngx_chatalot_pg_unwatch(pc);
        PQfinish(pc->pg);
        pc->pg = NULL;
    }

    PQclear(pc->setup);
    pc->setup = NULL;
    pc->state = NGX_CHATALOT_PG_AWAY;
    pc->depth = 0;

    ngx_memzero(pc->prepared, sizeof(pc->prepared));
}
