/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An attempt at a secret, from counting it to comparing it, or to taking it back. Knows nothing of what it is for.
 */

#include "ngx_chatalot_rest_proof.h"


static void ngx_chatalot_rest_proof_start(ngx_chatalot_call_t *call,
    ngx_chatalot_rest_proof_kind_t *kind, ngx_chatalot_call_pt begun,
    ngx_chatalot_call_pt proven);
static ngx_int_t ngx_chatalot_rest_proof_args(ngx_pool_t *pool,
    ngx_str_t *username, ngx_str_t *args);
static void ngx_chatalot_rest_proof_on_begun(ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_proof_compare(ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_proof_on_compared(ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_proof_on_taken_back(ngx_chatalot_call_t *call);


static ngx_chatalot_function_t  ngx_chatalot_rest_proof_void =
    NGX_CHATALOT_FUNCTION("auth_login_void");


/*
 * What the secret of an account that does not exist is compared with, so that the answer takes as long as for one that
 * does: random bytes in the form, and at the cost, of the real hashes.
 */

static ngx_str_t  ngx_chatalot_rest_proof_nobody = ngx_string(
    "$argon2id$v=19$m=65536,t=3,p=4$ttfgR+yqdcvp5SDfqrQWkQ$xYS10nlfhDljIKsZDIJlZblZoBQT7gI4vvVj51nvGsA");


void
ngx_chatalot_rest_proof_begin(ngx_chatalot_call_t *call,
    ngx_chatalot_rest_proof_kind_t *kind, ngx_chatalot_call_pt next)
{
    ngx_chatalot_rest_proof_start(call, kind, next, NULL);
}


void
ngx_chatalot_rest_prove(ngx_chatalot_call_t *call,
    ngx_chatalot_rest_proof_kind_t *kind, ngx_chatalot_call_pt next)
{
    ngx_chatalot_rest_proof_start(call, kind, ngx_chatalot_rest_proof_compare,
                                  next);
}


static void
ngx_chatalot_rest_proof_start(ngx_chatalot_call_t *call,
    ngx_chatalot_rest_proof_kind_t *kind, ngx_chatalot_call_pt begun,
    ngx_chatalot_call_pt proven)
{
    ngx_str_t                     args;
    ngx_chatalot_rest_proof_t    *proof;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    /* what cannot be compared must not count; the queue may still fill up later, see proof_fail */

    if (ngx_chatalot_call_password_busy(&call->problem)) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    proof = ngx_pcalloc(call->pool, sizeof(ngx_chatalot_rest_proof_t));
    if (proof == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    proof->kind = kind;
    proof->begun = begun;
    proof->proven = proven;
    proof->username = ngx_chatalot_json_string(request->body, "username");

    if (ngx_chatalot_rest_proof_args(call->pool, &proof->username, &args)
        != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    request->proof = proof;

    ngx_chatalot_rest_ask(call, &kind->begin, &args,
                          ngx_chatalot_rest_proof_on_begun);
}


/* {"username":…}, or {} where the caller is meant */

static ngx_int_t
ngx_chatalot_rest_proof_args(ngx_pool_t *pool, ngx_str_t *username,
    ngx_str_t *args)
{
    yajl_gen  gen;

    gen = ngx_chatalot_json_gen(pool);
    if (gen == NULL) {
        return NGX_ERROR;
    }

    yajl_gen_map_open(gen);

    if (username->len) {
        ngx_chatalot_json_put(gen, "username", username);
    }

    yajl_gen_map_close(gen);

    return ngx_chatalot_json_finish(gen, args);
}


static void
ngx_chatalot_rest_proof_on_begun(ngx_chatalot_call_t *call)
{
    const char                   *reason;
    ngx_chatalot_rest_proof_t    *proof;
    ngx_chatalot_rest_request_t  *request;

    /* nothing was counted */

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    request = call->data;
    proof = request->proof;

    proof->said = ngx_chatalot_json_parse(call->pool, &call->reply, &reason);
    proof->user = ngx_chatalot_json_string(proof->said, "user");
    proof->hash = ngx_chatalot_json_string(proof->said, proof->kind->hash);

    if (proof->said == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    proof->begun(call);
}


static void
ngx_chatalot_rest_proof_compare(ngx_chatalot_call_t *call)
{
    ngx_str_t                    *encoded;
    ngx_chatalot_rest_proof_t    *proof;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;
    proof = request->proof;

    if (ngx_chatalot_rest_tokens_key(request, request->body,
                                     proof->kind->key, &proof->key)
        != NGX_OK)
    {
        ngx_chatalot_rest_request_error(&call->problem);
        ngx_chatalot_rest_proof_fail(call);
        return;
    }

    encoded = proof->user.len ? &proof->hash : &ngx_chatalot_rest_proof_nobody;

    ngx_chatalot_rest_verify(call, &proof->key, encoded,
                             ngx_chatalot_rest_proof_on_compared);
}


static void
ngx_chatalot_rest_proof_on_compared(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    if (call->problem.status
        && call->problem.status != NGX_HTTP_UNAUTHORIZED)
    {
        ngx_chatalot_rest_proof_fail(call);
        return;
    }

    if (call->problem.status || request->proof->user.len == 0) {
        ngx_chatalot_rest_proof_refuse(call);
        return;
    }

    request->proof->proven(call);
}


void
ngx_chatalot_rest_proof_end(ngx_chatalot_call_t *call,
    ngx_chatalot_function_t *end, ngx_chatalot_call_pt next)
{
    yajl_gen                      gen;
    ngx_str_t                     args;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    gen = ngx_chatalot_json_gen(call->pool);
    if (gen == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "user", &request->proof->user);
    ngx_chatalot_json_put(gen, "verified", &request->proof->hash);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &args) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, end, &args, next);
}


void
ngx_chatalot_rest_proof_refuse(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    ngx_chatalot_problem_set(&call->problem, NGX_HTTP_UNAUTHORIZED,
                             "bad_credentials", request->proof->kind->refusal,
                             NULL);

    ngx_chatalot_rest_reply_fail(call);
}


void
ngx_chatalot_rest_proof_fail(ngx_chatalot_call_t *call)
{
    ngx_str_t                     args;
    ngx_chatalot_rest_proof_t    *proof;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;
    proof = request->proof;

    if (proof == NULL) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    proof->problem = call->problem;

    if (ngx_chatalot_rest_proof_args(call->pool, &proof->username, &args)
        != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &ngx_chatalot_rest_proof_void, &args,
                          ngx_chatalot_rest_proof_on_taken_back);
}


static void
ngx_chatalot_rest_proof_on_taken_back(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    if (call->problem.status == 0) {
        call->problem = request->proof->problem;
    }

    ngx_chatalot_rest_reply_fail(call);
}
