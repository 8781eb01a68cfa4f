/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The newcomer's side of an approval. Its claim is a secret like a refresh token: SQL is given the SHA-256. The enrol token
 * of an approval names it as its session, so that it admits one device and no more.
 */

#include "ngx_chatalot_rest.h"


static ngx_int_t ngx_chatalot_rest_approvals_args(
    ngx_chatalot_rest_request_t *request, ngx_str_t *args);
static void ngx_chatalot_rest_approvals_on_polled(ngx_chatalot_call_t *call);
static ngx_int_t ngx_chatalot_rest_approvals_token(ngx_chatalot_call_t *call,
    ngx_chatalot_json_t *said, ngx_str_t *token);


/* To begin, to reveal, and to give up. */

void
ngx_chatalot_rest_approvals_claimed(ngx_chatalot_call_t *call)
{
    ngx_str_t                     args;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    if (ngx_chatalot_rest_approvals_args(request, &args) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &request->route->function, &args,
                          ngx_chatalot_rest_reply_on_sql);
}


void
ngx_chatalot_rest_approvals_poll(ngx_chatalot_call_t *call)
{
    ngx_str_t                     args;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    if (ngx_chatalot_rest_approvals_args(request, &args) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &request->route->function, &args,
                          ngx_chatalot_rest_approvals_on_polled);
}


/* The body, with the hash of the claim in its place. */

static ngx_int_t
ngx_chatalot_rest_approvals_args(ngx_chatalot_rest_request_t *request,
    ngx_str_t *args)
{
    yajl_gen    gen;
    ngx_str_t   hash;
    const char  *secrets[] = { "claim", NULL };

    if (ngx_chatalot_rest_tokens_member(request, "claim", &hash) != NGX_OK) {
        return NGX_ERROR;
    }

    gen = ngx_chatalot_rest_args_begin(request, secrets);
    if (gen == NULL) {
        return NGX_ERROR;
    }

    ngx_chatalot_json_put(gen, "claim_hash", &hash);
    yajl_gen_map_close(gen);

    return ngx_chatalot_json_finish(gen, args);
}


/* As SQL said, and with an enrol token when the approval was given. */

static void
ngx_chatalot_rest_approvals_on_polled(ngx_chatalot_call_t *call)
{
    yajl_gen              gen;
    ngx_str_t             token, json;
    const char           *reason;
    const char           *except[] = { NULL };
    ngx_chatalot_json_t  *said;

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    said = ngx_chatalot_json_parse(call->pool, &call->reply, &reason);

    if (ngx_chatalot_json_member(said, "sealed") == NULL) {
        ngx_chatalot_rest_reply(call, &call->reply);
        return;
    }

    gen = ngx_chatalot_json_gen(call->pool);

    if (gen == NULL
        || ngx_chatalot_rest_approvals_token(call, said, &token) != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_rest_args_members(gen, said, except);
    ngx_chatalot_json_put(gen, "enrol_token", &token);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &json) != NGX_OK
        || ngx_chatalot_rest_request_wipe(call->data, json.data, json.len)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_reply(call, &json);
}


/* It lives as long as the approval, and no longer than others of its kind. */

static ngx_int_t
ngx_chatalot_rest_approvals_token(ngx_chatalot_call_t *call,
    ngx_chatalot_json_t *said, ngx_str_t *token)
{
    ngx_chatalot_json_t          *expires;
    ngx_chatalot_claims_t         claims;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    ngx_memzero(&claims, sizeof(ngx_chatalot_claims_t));

    claims.user = ngx_chatalot_json_string(
                      ngx_chatalot_json_member(said, "user"), "id");
    claims.session = ngx_chatalot_json_string(request->body, "id");
    claims.scope = NGX_CHATALOT_SCOPE_ENROL;

    expires = ngx_chatalot_json_member(said, "expires_in");

    if (claims.user.len == 0 || expires == NULL) {
        return NGX_ERROR;
    }

    return ngx_chatalot_jwt_sign(call->pool, &claims,
                                 (time_t) ngx_min(expires->integer,
                                     NGX_CHATALOT_REST_ENROL_TIME),
                                 token);
}
