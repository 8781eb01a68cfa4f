/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A frame of a client that is being answered. Requests that write are carried out one after the other, in their order;
 * requests that read run beside them. Both are bounded.
 */

#ifndef NGX_CHATALOT_WS_REQUEST_H
#define NGX_CHATALOT_WS_REQUEST_H

#include "ngx_chatalot_call.h"
#include "ngx_chatalot_json.h"
#include "ngx_chatalot_problem.h"
#include "ngx_chatalot_ws_session.h"


#define NGX_CHATALOT_WS_WRITES_MAX  32      /* pending for a session */
#define NGX_CHATALOT_WS_READS_MAX   8
#define NGX_CHATALOT_WS_REF_MAX     64      /* characters */


struct ngx_chatalot_ws_request_s {
    ngx_chatalot_ws_request_t    *next;
    ngx_chatalot_ws_session_t    *session;
    ngx_pool_t                   *pool;         /* its own; the request lies in it */
    ngx_str_t                     text;         /* the frame, a copy in pool */
    ngx_chatalot_json_t          *json;         /* parsed */
    ngx_str_t                     ref;          /* as JSON, with quotes; empty: none */
    ngx_chatalot_function_t      *function;
    ngx_chatalot_call_t          *call;
    ngx_chatalot_caller_t         caller;
    unsigned                      writes:1;
};


/* NULL: no memory. */
ngx_chatalot_ws_request_t *ngx_chatalot_ws_request_create(ngx_chatalot_ws_session_t *session, ngx_str_t *text);
void ngx_chatalot_ws_request_destroy(ngx_chatalot_ws_request_t *request);

/* Parses the frame and takes note of its ref. NGX_ERROR: problem is set. */
ngx_int_t ngx_chatalot_ws_request_parse(ngx_chatalot_ws_request_t *request, ngx_chatalot_problem_t *problem);

/* Calls function for the session, with args and json as of ngx_chatalot_call_sql; the handler's call has the request as data. */
ngx_int_t ngx_chatalot_ws_request_call(ngx_chatalot_ws_request_t *request, ngx_chatalot_function_t *function,
    ngx_str_t *args, ngx_chatalot_json_t *json, ngx_chatalot_call_pt handler);

/* Calls request->function with the frame itself, when it is its turn; answers; destroys it. */
void ngx_chatalot_ws_request_submit(ngx_chatalot_ws_request_t *request);

/* Sends an answer: the result (JSON), or the problem. */
void ngx_chatalot_ws_request_answer(ngx_chatalot_ws_request_t *request, ngx_str_t *result);
void ngx_chatalot_ws_request_refuse(ngx_chatalot_ws_request_t *request, ngx_chatalot_problem_t *problem);

/* Destroys all pending requests of a session. Those that have reached the database are carried out there. */
void ngx_chatalot_ws_request_abandon(ngx_chatalot_ws_session_t *session);


#endif /* NGX_CHATALOT_WS_REQUEST_H */
