/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The way of new credentials: hash, hash, SQL, reply. Each hash costs 64 MiB for a fraction of a second, so whatever can be
 * refused more cheaply was.
 */

#include "ngx_chatalot_rest_credentials.h"
#include "ngx_chatalot_rest_proof.h"


static void ngx_chatalot_rest_credentials_on_login_hash(
    ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_credentials_hash_recovery(
    ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_credentials_on_recovery_hash(
    ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_credentials_store(ngx_chatalot_call_t *call);
static ngx_int_t ngx_chatalot_rest_credentials_args(ngx_chatalot_call_t *call,
    ngx_str_t *args);
static void ngx_chatalot_rest_credentials_on_stored(
    ngx_chatalot_call_t *call);


ngx_chatalot_rest_credentials_t *
ngx_chatalot_rest_credentials_create(ngx_chatalot_rest_request_t *request)
{
    request->credentials = ngx_pcalloc(request->http->pool,
                                   sizeof(ngx_chatalot_rest_credentials_t));
    return request->credentials;
}


void
ngx_chatalot_rest_credentials_change(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t      *request;
    ngx_chatalot_rest_credentials_t  *credentials;

    request = call->data;
    credentials = request->credentials;

    if (credentials->login_key.len == 0) {
        ngx_chatalot_rest_credentials_hash_recovery(call);
        return;
    }

    ngx_chatalot_rest_hash(call, &credentials->login_key,
                           ngx_chatalot_rest_credentials_on_login_hash);
}


static void
ngx_chatalot_rest_credentials_on_login_hash(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t  *request;

    if (call->problem.status) {
        ngx_chatalot_rest_proof_fail(call);
        return;
    }

    request = call->data;
    request->credentials->login_hash = call->reply;

    ngx_chatalot_rest_credentials_hash_recovery(call);
}


static void
ngx_chatalot_rest_credentials_hash_recovery(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t      *request;
    ngx_chatalot_rest_credentials_t  *credentials;

    request = call->data;
    credentials = request->credentials;

    if (credentials->recovery_key.len == 0) {
        ngx_chatalot_rest_credentials_store(call);
        return;
    }

    ngx_chatalot_rest_hash(call, &credentials->recovery_key,
                           ngx_chatalot_rest_credentials_on_recovery_hash);
}


static void
ngx_chatalot_rest_credentials_on_recovery_hash(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t  *request;

    if (call->problem.status) {
        ngx_chatalot_rest_proof_fail(call);
        return;
    }

    request = call->data;
    request->credentials->recovery_hash = call->reply;

    ngx_chatalot_rest_credentials_store(call);
}


static void
ngx_chatalot_rest_credentials_store(ngx_chatalot_call_t *call)
{
    ngx_str_t                     args;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    if (ngx_chatalot_rest_credentials_args(call, &args) != NGX_OK) {
        ngx_chatalot_rest_request_error(&call->problem);
        ngx_chatalot_rest_proof_fail(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &request->route->function, &args,
                          ngx_chatalot_rest_credentials_on_stored);
}


/* What stands in "new" is as good as in the body itself: its one secret has the name of another there. */

static ngx_int_t
ngx_chatalot_rest_credentials_args(ngx_chatalot_call_t *call, ngx_str_t *args)
{
    yajl_gen                          gen;
    ngx_str_t                         hash;
    ngx_chatalot_rest_request_t      *request;
    ngx_chatalot_rest_credentials_t  *credentials;

    const char  *secrets[] = { "login_key", "recovery_key", "setup_token",
                               "reset_code", "new", NULL };

    request = call->data;
    credentials = request->credentials;

    gen = ngx_chatalot_rest_args_begin(request, secrets);
    if (gen == NULL) {
        return NGX_ERROR;
    }

    ngx_chatalot_rest_args_members(gen, ngx_chatalot_json_member(
                                            request->body, "new"), secrets);

    if (credentials->login_hash.len) {
        ngx_chatalot_json_put(gen, "login_hash", &credentials->login_hash);
    }

    if (credentials->recovery_hash.len) {
        ngx_chatalot_json_put(gen, "recovery_hash",
                              &credentials->recovery_hash);
    }

    if (credentials->with) {
        ngx_chatalot_json_put(gen, credentials->with, &credentials->value);
    }

    if (ngx_chatalot_json_member(request->body, "device")) {

        if (ngx_chatalot_rest_tokens_draw(request,
                                          &credentials->refresh_token, &hash)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_chatalot_json_put(gen, "refresh_hash", &hash);
    }

    yajl_gen_map_close(gen);

    return ngx_chatalot_json_finish(gen, args);
}


static void
ngx_chatalot_rest_credentials_on_stored(ngx_chatalot_call_t *call)
{
    const char                       *reason;
    ngx_chatalot_rest_request_t      *request;
    ngx_chatalot_rest_credentials_t  *credentials;

    if (call->problem.status) {
        ngx_chatalot_rest_proof_fail(call);
        return;
    }

    request = call->data;
    credentials = request->credentials;

    if (credentials->refresh_token.len) {
        ngx_chatalot_rest_tokens_reply(call, &credentials->refresh_token);
        return;
    }

    /* {"more":true}: a step of several is done and committed */

    if (ngx_chatalot_json_member(
            ngx_chatalot_json_parse(call->pool, &call->reply, &reason),
            "more"))
    {
        ngx_chatalot_rest_credentials_store(call);
        return;
    }

    ngx_chatalot_rest_reply(call, &call->reply);
}
