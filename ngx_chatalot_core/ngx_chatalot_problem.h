/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A refusal or failure as REST and WebSocket tell it: see docs/api.md for the JSON.
 */

#ifndef NGX_CHATALOT_PROBLEM_H
#define NGX_CHATALOT_PROBLEM_H

#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    ngx_uint_t  status;     /* HTTP status; 0: no problem */
    ngx_str_t   code;       /* stable, for machines */
    ngx_str_t   message;    /* for people */
    ngx_str_t   field;      /* empty: none */
    ngx_str_t   details;    /* JSON text; empty: none */
} ngx_chatalot_problem_t;


/* Sets a problem from string literals; field may be NULL. */
void ngx_chatalot_problem_set(ngx_chatalot_problem_t *problem, ngx_uint_t status, const char *code, const char *message,
    const char *field);

/* 500 internal: what went wrong is told to the log only. */
void ngx_chatalot_problem_internal(ngx_chatalot_problem_t *problem);

/* {"code":…,"message":…,"field"?,"details"?,"request_id"?} allocated from pool; an empty request_id is left out. */
ngx_int_t ngx_chatalot_problem_json(ngx_pool_t *pool, ngx_chatalot_problem_t *problem, ngx_str_t *request_id,
    ngx_str_t *json);


#endif /* NGX_CHATALOT_PROBLEM_H */
