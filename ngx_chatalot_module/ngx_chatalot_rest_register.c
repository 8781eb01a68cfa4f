/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Registration: an account, its first device and that device's session in one step. Who may register is SQL's matter; what
 * is a secret stays here.
 */

#include "ngx_chatalot_rest.h"


typedef struct {
    ngx_str_t  login_key;
    ngx_str_t  recovery_key;
    ngx_str_t  login_hash;
    ngx_str_t  recovery_hash;
    ngx_str_t  refresh_token;
} ngx_chatalot_rest_register_t;


static ngx_int_t ngx_chatalot_rest_register_check(ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_register_on_login_hash(
    ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_register_on_recovery_hash(
    ngx_chatalot_call_t *call);
static ngx_int_t ngx_chatalot_rest_register_args(ngx_chatalot_call_t *call,
    ngx_str_t *args);
static void ngx_chatalot_rest_register_on_user(ngx_chatalot_call_t *call);


/* The cheap checks first: each of the two hashes costs 64 MiB for a fraction of a second. */

void
ngx_chatalot_rest_register(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t   *request;
    ngx_chatalot_rest_register_t  *state;

    request = call->data;

    if (ngx_chatalot_rest_register_check(call) != NGX_OK) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    state = ngx_pcalloc(call->pool, sizeof(ngx_chatalot_rest_register_t));

    if (state == NULL
        || ngx_chatalot_rest_tokens_key(request, "login_key",
                                        &state->login_key)
           != NGX_OK
        || ngx_chatalot_rest_tokens_key(request, "recovery_key",
                                        &state->recovery_key)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    request->state = state;

    ngx_chatalot_rest_hash(call, &state->login_key,
                           ngx_chatalot_rest_register_on_login_hash);
}


static ngx_int_t
ngx_chatalot_rest_register_check(ngx_chatalot_call_t *call)
{
    ngx_str_t                     user, account_key;
    ngx_chatalot_json_t          *device;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    user = ngx_chatalot_json_string(request->body, "user");
    account_key = ngx_chatalot_json_string(request->body, "account_key");
    device = ngx_chatalot_json_member(request->body, "device");

    return ngx_chatalot_rest_devices_check(call, &user, &account_key, device);
}


static void
ngx_chatalot_rest_register_on_login_hash(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t   *request;
    ngx_chatalot_rest_register_t  *state;

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    request = call->data;
    state = request->state;

    state->login_hash = call->reply;

    ngx_chatalot_rest_hash(call, &state->recovery_key,
                           ngx_chatalot_rest_register_on_recovery_hash);
}


static void
ngx_chatalot_rest_register_on_recovery_hash(ngx_chatalot_call_t *call)
{
    ngx_str_t                      args;
    ngx_chatalot_rest_request_t   *request;
    ngx_chatalot_rest_register_t  *state;

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    request = call->data;
    state = request->state;

    state->recovery_hash = call->reply;

    if (ngx_chatalot_rest_register_args(call, &args) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &request->route->function, &args,
                          ngx_chatalot_rest_register_on_user);
}


/* The body as it came, with hashes in place of its secrets. */

static ngx_int_t
ngx_chatalot_rest_register_args(ngx_chatalot_call_t *call, ngx_str_t *args)
{
    yajl_gen                       gen;
    ngx_str_t                      text, hash;
    ngx_chatalot_rest_request_t   *request;
    ngx_chatalot_rest_register_t  *state;

    const char  *secrets[] = { "login_key", "recovery_key", "setup_token",
                               NULL };

    request = call->data;
    state = request->state;

    if (ngx_chatalot_rest_tokens_draw(request, &state->refresh_token, &hash)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    gen = ngx_chatalot_rest_args_begin(request, secrets);
    if (gen == NULL) {
        return NGX_ERROR;
    }

    ngx_chatalot_json_put(gen, "login_hash", &state->login_hash);
    ngx_chatalot_json_put(gen, "recovery_hash", &state->recovery_hash);
    ngx_chatalot_json_put(gen, "refresh_hash", &hash);

    text = ngx_chatalot_json_string(request->body, "setup_token");

    if (text.len) {
        if (ngx_chatalot_rest_tokens_member(request, "setup_token", &hash)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_chatalot_json_put(gen, "setup_hash", &hash);
    }

    yajl_gen_map_close(gen);

    return ngx_chatalot_json_finish(gen, args);
}


static void
ngx_chatalot_rest_register_on_user(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t   *request;
    ngx_chatalot_rest_register_t  *state;

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    request = call->data;
    state = request->state;

    ngx_chatalot_rest_tokens_reply(call, &state->refresh_token);
}
