/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a call to an SQL function and back: parameters out; rows to events and reply, SQLSTATE to problem. Knows the
 * contract with SQL (docs/architecture.md), not what any function does.
 */

#include "ngx_chatalot_bus.h"
#include "ngx_chatalot_call.h"
#include "ngx_chatalot_core.h"
#include "ngx_chatalot_group.h"
#include "ngx_chatalot_row.h"


#define NGX_CHATALOT_CALL_AGENT   256
#define NGX_CHATALOT_CALL_TRIES   2


static void ngx_chatalot_call_cleanup(void *data);
static ngx_chatalot_pg_operation_t *ngx_chatalot_call_operation(
    ngx_chatalot_call_t *call, ngx_str_t *args);
static char *ngx_chatalot_call_text(ngx_pool_t *pool, ngx_str_t *value,
    size_t max);
static void ngx_chatalot_call_on_deadline(ngx_event_t *ev);
static void ngx_chatalot_call_on_result(ngx_chatalot_pg_operation_t *op,
    PGresult *result);
static void ngx_chatalot_call_rows(ngx_chatalot_pg_operation_t *op,
    PGresult *result);
static void ngx_chatalot_call_reply(ngx_chatalot_call_t *call,
    PGresult *result, ngx_uint_t number);
static ngx_uint_t ngx_chatalot_call_again(ngx_chatalot_pg_operation_t *op,
    PGresult *result);
static void ngx_chatalot_call_error(ngx_chatalot_call_t *call,
    ngx_str_t *function, PGresult *result);
static ngx_str_t ngx_chatalot_call_field(ngx_pool_t *pool, PGresult *result,
    int field);
static void ngx_chatalot_call_unavailable(ngx_chatalot_call_t *call);
static void ngx_chatalot_call_busy(ngx_chatalot_call_t *call);
static void ngx_chatalot_call_finish(ngx_chatalot_pg_operation_t *op);


ngx_chatalot_call_t *
ngx_chatalot_call_create(ngx_pool_t *pool, ngx_log_t *log,
    ngx_chatalot_caller_t *caller, void *data)
{
    ngx_chatalot_call_t  *call;

    call = ngx_pcalloc(pool, sizeof(ngx_chatalot_call_t));
    if (call == NULL) {
        return NULL;
    }

    call->pool = pool;
    call->log = log;
    call->caller = caller;
    call->data = data;

    return call;
}


ngx_int_t
ngx_chatalot_call_attach(ngx_chatalot_call_t *call, void *operation)
{
    if (call->cleanup == NULL) {
        call->cleanup = ngx_pool_cleanup_add(call->pool, 0);

        if (call->cleanup == NULL) {
            ngx_chatalot_problem_internal(&call->problem);
            return NGX_ERROR;
        }

        call->cleanup->handler = ngx_chatalot_call_cleanup;
        call->cleanup->data = call;
    }

    call->operation = operation;

    return NGX_OK;
}


static void
ngx_chatalot_call_cleanup(void *data)
{
    ngx_chatalot_call_t  *call = data;

    if (call->operation) {
        *(ngx_chatalot_call_t **) call->operation = NULL;
        call->operation = NULL;
    }
}


ngx_int_t
ngx_chatalot_call_sql(ngx_chatalot_call_t *call, ngx_chatalot_function_t *function, ngx_str_t *args,
    ngx_chatalot_json_t *json)
{
    ngx_int_t                     rc;
    ngx_chatalot_pg_operation_t  *op;

    ngx_memzero(&call->problem, sizeof(ngx_chatalot_problem_t));
    ngx_str_null(&call->reply);

    op = ngx_chatalot_call_operation(call, args);

    if (op == NULL) {
        ngx_chatalot_problem_internal(&call->problem);
        return NGX_ERROR;
    }

    op->function = function;
    op->done = ngx_chatalot_call_on_result;

    if (ngx_chatalot_call_attach(call, op) != NGX_OK) {
        ngx_destroy_pool(op->pool);
        return NGX_ERROR;
    }

    op->call = call;

    rc = ngx_chatalot_group_send(op, json);

    if (rc != NGX_OK) {
        call->operation = NULL;
        ngx_destroy_pool(op->pool);

        if (rc == NGX_BUSY) {
            ngx_chatalot_call_busy(call);

        } else {
            ngx_chatalot_call_unavailable(call);
        }

        return NGX_ERROR;
    }

    op->deadline.handler = ngx_chatalot_call_on_deadline;
    op->deadline.data = op;
    op->deadline.log = ngx_cycle->log;
    ngx_add_timer(&op->deadline, ngx_chatalot_conf()->database_timeout);

    return NGX_OK;
}


static ngx_chatalot_pg_operation_t *
ngx_chatalot_call_operation(ngx_chatalot_call_t *call, ngx_str_t *args)
{
    ngx_pool_t                   *pool;
    ngx_uint_t                    i;
    ngx_chatalot_caller_t        *caller;
    ngx_chatalot_pg_operation_t  *op;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    op = ngx_pcalloc(pool, sizeof(ngx_chatalot_pg_operation_t));
    if (op == NULL) {
        goto failed;
    }

    op->pool = pool;
    caller = call->caller;

    ngx_str_t  *values[NGX_CHATALOT_PG_CALL] = {
        &caller->user, &caller->device, &caller->session, &caller->address,
        &caller->agent, &caller->request_id, args
    };

    for (i = 0; i < NGX_CHATALOT_PG_CALL; i++) {

        /* a client on a unix socket has no address */

        if (values[i]->len == 0
            || (values[i] == &caller->address
                && ngx_strncmp(caller->address.data, "unix:", 5) == 0))
        {
            continue;
        }

        op->values[i] = ngx_chatalot_call_text(pool, values[i],
                                 values[i] == &caller->agent
                                     ? NGX_CHATALOT_CALL_AGENT
                                     : values[i]->len);
        if (op->values[i] == NULL) {
            goto failed;
        }
    }

    /* the one value that is no checked text: a header, of any bytes */

    if (op->values[4]) {
        u_char  *p;

        for (p = (u_char *) op->values[4]; *p; p++) {
            if (*p < 0x20 || *p > 0x7e) {
                *p = '?';
            }
        }
    }

    return op;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


static char *
ngx_chatalot_call_text(ngx_pool_t *pool, ngx_str_t *value, size_t max)
{
    u_char  *text;
    size_t   len;

    len = ngx_min(value->len, max);

    text = ngx_pnalloc(pool, len + 1);
    if (text == NULL) {
        return NULL;
    }

    ngx_memcpy(text, value->data, len);
    text[len] = '\0';

    return (char *) text;
}


/* The caller gets an answer in time; what was sent already is left to complete, and its events are published. */

static void
ngx_chatalot_call_on_deadline(ngx_event_t *ev)
{
    ngx_chatalot_call_t          *call;
    ngx_chatalot_pg_operation_t  *op = ev->data;

    call = op->call;
    op->call = NULL;

    if (call) {
        call->operation = NULL;
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "chatalot: the database did not answer api.%V in time, "
                      "request %V", &op->function->name,
                      &call->caller->request_id);
        ngx_chatalot_call_unavailable(call);
    }

    if (!op->sent) {
        ngx_chatalot_group_cancel(op);
        ngx_destroy_pool(op->pool);
    }

    if (call) {
        call->handler(call);
    }
}


static void
ngx_chatalot_call_on_result(ngx_chatalot_pg_operation_t *op, PGresult *result)
{
    ngx_chatalot_call_t  *call;

    ngx_chatalot_group_landed(op);

    if (result && ngx_chatalot_call_again(op, result)) {
        return;
    }

    call = op->call;

    if (call) {
        call->operation = NULL;
    }

    if (result == NULL) {
        if (call) {
            ngx_chatalot_call_unavailable(call);
        }

    } else if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        ngx_chatalot_call_rows(op, result);

    } else if (call) {
        ngx_chatalot_call_error(call, &op->function->name, result);
    }

    ngx_chatalot_call_finish(op);

    if (call) {
        call->handler(call);
    }
}


static void
ngx_chatalot_call_finish(ngx_chatalot_pg_operation_t *op)
{
    if (op->deadline.timer_set) {
        ngx_del_timer(&op->deadline);
    }

    ngx_destroy_pool(op->pool);
}


/* Events go out before anybody hears the reply. */

static void
ngx_chatalot_call_rows(ngx_chatalot_pg_operation_t *op, PGresult *result)
{
    int        i, n;
    ngx_str_t  topic, control, payload;

    if (!ngx_chatalot_row_good(result)) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "chatalot: api.%V returned columns of other types",
                      &op->function->name);

        if (op->call) {
            ngx_chatalot_problem_internal(&op->call->problem);
        }

        return;
    }

    n = PQntuples(result);

    for (i = 0; i < n; i++) {

        if (ngx_chatalot_row_is_reply(result, i)
            || (op->number && ngx_chatalot_row_call(result, i) != op->number))
        {
            continue;
        }

        if (ngx_chatalot_row_event(op->pool, result, i, &topic, &control,
                                   &payload)
            != NGX_OK)
        {
            ngx_chatalot_bus_lose();
            continue;
        }

        (void) ngx_chatalot_bus_publish(&topic, &control, &payload);
    }

    if (op->call) {
        ngx_chatalot_call_reply(op->call, result, op->number);
    }
}


static void
ngx_chatalot_call_reply(ngx_chatalot_call_t *call, PGresult *result,
    ngx_uint_t number)
{
    switch (ngx_chatalot_row_reply(call->pool, result, number, &call->reply)) {

    case NGX_OK:
        return;

    case NGX_ABORT:

        /* what the reply tells of was removed while the function ran */

        ngx_chatalot_call_unavailable(call);
        return;

    case NGX_DECLINED:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "chatalot: an SQL function returned no reply, request %V",
                      &call->caller->request_id);
        /* fall through */

    default:
        ngx_chatalot_problem_internal(&call->problem);
    }
}


/* Failures that say "try again": the transaction was rolled back whole, so it can be sent once more. */

static ngx_uint_t
ngx_chatalot_call_again(ngx_chatalot_pg_operation_t *op, PGresult *result)
{
    const char  *state;

    state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    if (state == NULL
        || (ngx_strcmp(state, "40001") != 0         /* serialization_failure */
            && ngx_strcmp(state, "40P01") != 0      /* deadlock_detected */
            && ngx_strcmp(state, "26000") != 0)     /* the statement's preparation had failed */
        || ++op->tries >= NGX_CHATALOT_CALL_TRIES)
    {
        return 0;
    }

    return ngx_chatalot_group_send(op, NULL) == NGX_OK;
}


static void
ngx_chatalot_call_error(ngx_chatalot_call_t *call, ngx_str_t *function,
    PGresult *result)
{
    const char              *state, *context;
    ngx_int_t                status;
    ngx_chatalot_problem_t  *problem;

    problem = &call->problem;

    state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    if (state == NULL) {
        ngx_chatalot_call_unavailable(call);
        return;
    }

    if (state[0] == 'T' && state[1] == 'A') {
        status = ngx_atoi((u_char *) state + 2, 3);

        problem->status = (status >= 400 && status <= 599) ? status : 500;
        problem->code = ngx_chatalot_call_field(call->pool, result,
                                                PG_DIAG_MESSAGE_PRIMARY);
        problem->message = ngx_chatalot_call_field(call->pool, result,
                                                   PG_DIAG_MESSAGE_DETAIL);
        problem->field = ngx_chatalot_call_field(call->pool, result,
                                                 PG_DIAG_COLUMN_NAME);
        problem->details = ngx_chatalot_call_field(call->pool, result,
                                                   PG_DIAG_MESSAGE_HINT);
        return;
    }

    context = PQresultErrorField(result, PG_DIAG_CONTEXT);

    /* not to the request's own log, which adds the request line: a path may hold an invite code */

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "chatalot: api.%V: %s %s, request %V, in %s", function, state,
                  PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
                  &call->caller->request_id, context ? context : "-");

    if (ngx_strcmp(state, "23505") == 0) {
        ngx_chatalot_problem_set(problem, 409, "conflict",
                                 "Somebody else was first.", NULL);

    } else if (state[0] == '2' && state[1] == '2') {
        ngx_chatalot_problem_set(problem, 422, "invalid_value",
                                 "A value cannot be used.", NULL);

    } else if ((state[0] == '5' && (state[1] == '3' || state[1] == '7'))
               || (state[0] == '4' && state[1] == '0')
               || (state[0] == '0' && state[1] == '8')
               || ngx_chatalot_pg_other_schema(result))     /* the connection is renewed */
    {
        ngx_chatalot_call_unavailable(call);

    } else {
        ngx_chatalot_problem_internal(&call->problem);
    }
}


static ngx_str_t
ngx_chatalot_call_field(ngx_pool_t *pool, PGresult *result, int field)
{
    char       *text;
    ngx_str_t   value, copy;

    ngx_str_null(&copy);

    text = PQresultErrorField(result, field);

    if (text) {
        value.data = (u_char *) text;
        value.len = ngx_strlen(text);

        copy.data = ngx_pstrdup(pool, &value);
        copy.len = copy.data ? value.len : 0;
    }

    return copy;
}


static void
ngx_chatalot_call_unavailable(ngx_chatalot_call_t *call)
{
    ngx_chatalot_problem_set(&call->problem, 503, "unavailable",
                     "The database cannot be reached. Try again soon.", NULL);
}


static void
ngx_chatalot_call_busy(ngx_chatalot_call_t *call)
{
    ngx_chatalot_problem_set(&call->problem, 503, "busy",
                             "There is too much to do. Try again soon.", NULL);
}
