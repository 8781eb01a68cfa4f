/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A call: one operation in progress, for an HTTP request or a WebSocket session. It goes to the database (one SQL
 * function, one transaction) or to the thread pool, and comes back through its handler.
 *
 * Rules. A call lives in a pool and is zeroed at creation. Each start function returns NGX_OK when the handler will be
 * called later, exactly once, from the event loop (never from inside the start function); or NGX_ERROR with
 * call->problem set, and the handler will not be called. When the pool is destroyed first, the handler is not called:
 * the call is detached by the pool's cleanup, an operation that already runs is completed, and its events are
 * published all the same. A call may be started again from its handler: set the next handler and start.
 */

#ifndef NGX_CHATALOT_CALL_H
#define NGX_CHATALOT_CALL_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chatalot_params.h"
#include "ngx_chatalot_problem.h"


typedef struct ngx_chatalot_call_s  ngx_chatalot_call_t;

typedef void (*ngx_chatalot_call_pt)(ngx_chatalot_call_t *call);


/* Who calls: ids as text of NGX_CHATALOT_UUID_LEN, or empty. */

typedef struct {
    ngx_str_t                 user;
    ngx_str_t                 device;
    ngx_str_t                 session;
    ngx_str_t                 address;      /* the client's, as text */
    ngx_str_t                 agent;        /* User-Agent; cut to 256 bytes by the call */
    ngx_str_t                 request_id;
} ngx_chatalot_caller_t;


/*
 * An SQL function api.<name>; define one static variable each, with NGX_CHATALOT_FUNCTION. One that has a form for many
 * calls names it, a static variable too: NGX_CHATALOT_GROUP; ngx_chatalot_group.h tells of it.
 */

typedef struct ngx_chatalot_group_s  ngx_chatalot_group_t;

typedef struct {
    ngx_str_t                 name;
    ngx_chatalot_group_t     *group;        /* NULL: each call goes alone */
    ngx_uint_t                arrays;       /* so many parameters, binary arrays; 0: ctx and args, as text */
    ngx_uint_t                index;        /* given at first use, from 1 */
} ngx_chatalot_function_t;

/* A member of args that the form for many takes as an array: UUID, STRING, BYTES or INTEGER. */

typedef struct {
    const char                 *name;       /* NULL ends the table */
    ngx_chatalot_param_type_e   type;
} ngx_chatalot_group_column_t;

struct ngx_chatalot_group_s {
    ngx_chatalot_function_t   function;
    const ngx_chatalot_group_column_t  *columns;
    const char *const        *beside;       /* members of args, up to NULL, that say nothing to the function */
    ngx_queue_t               waiting;      /* operations */
    ngx_uint_t                nwaiting;
    ngx_uint_t                flying;       /* statements on their way */
    ngx_event_t               patience;
    ngx_uint_t                stuck;        /* statements that took so long that others went past them */
};

#define NGX_CHATALOT_FUNCTION(name)                { ngx_string(name), NULL, 0, 0 }
#define NGX_CHATALOT_FUNCTION_OF(name, group)      { ngx_string(name), group, 0, 0 }
#define NGX_CHATALOT_GROUP(name, columns, beside)                                                                  \
    { { ngx_string(name), NULL, 0, 0 }, columns, beside, { NULL, NULL }, 0, 0, { 0 }, 0 }


struct ngx_chatalot_call_s {
    ngx_pool_t               *pool;
    ngx_log_t                *log;
    ngx_chatalot_caller_t    *caller;       /* outlives the call */
    ngx_chatalot_call_pt      handler;
    void                     *data;         /* the owner's */

    /* the outcome, valid in the handler */
    ngx_chatalot_problem_t    problem;      /* status 0: it went well */
    ngx_str_t                 reply;        /* JSON of the reply row, or an Argon2id hash; in pool */

    /* private to the core */
    void                     *operation;
    ngx_pool_cleanup_t       *cleanup;
};


/* A zeroed call in pool; NULL: no memory. */
ngx_chatalot_call_t *ngx_chatalot_call_create(ngx_pool_t *pool, ngx_log_t *log, ngx_chatalot_caller_t *caller,
    void *data);

/*
 * Calls api.<function>(ctx, args): args is JSON text of an object, and json the same, parsed and checked: a function
 * with a form for many reads its columns there. NULL: it has no such form, or args are {}. Events of the result are
 * published before the handler runs. Problems: the function's own (TAnnn), 409 conflict, 422 invalid_value, 500 internal,
 * 503 unavailable.
 */
ngx_int_t ngx_chatalot_call_sql(ngx_chatalot_call_t *call, ngx_chatalot_function_t *function, ngx_str_t *args,
    ngx_chatalot_json_t *json);

/* Whether a hash or comparison started now would be refused as busy: to know it before something is counted or made. */
ngx_uint_t ngx_chatalot_call_password_busy(ngx_chatalot_problem_t *problem);

/* Argon2id (64 MiB, 3 iterations, 4 lanes) of secret, random salt: reply is the encoded hash. Problem: 503 busy. */
ngx_int_t ngx_chatalot_call_password_hash(ngx_chatalot_call_t *call, ngx_str_t *secret);

/* Compares secret with an encoded hash: problem 401 bad_credentials when it does not match, 503 busy. */
ngx_int_t ngx_chatalot_call_password_verify(ngx_chatalot_call_t *call, ngx_str_t *secret, ngx_str_t *encoded);

/*
 * For the core's own operations, whose first member is ngx_chatalot_call_t *call: ties operation and call together until
 * the operation's end or the pool's, whichever comes first. NGX_ERROR with the problem: no memory.
 */
ngx_int_t ngx_chatalot_call_attach(ngx_chatalot_call_t *call, void *operation);


#endif /* NGX_CHATALOT_CALL_H */
