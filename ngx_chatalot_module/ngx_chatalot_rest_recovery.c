/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Recovery: the recovery code's key proves the account as the password's would, and what it yields is not a session but a
 * token that completes this recovery: new password, new code, this device instead of all others.
 */

#include "ngx_chatalot_rest_credentials.h"
#include "ngx_chatalot_rest_proof.h"


static void ngx_chatalot_rest_recovery_on_proven(ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_recovery_on_begun(ngx_chatalot_call_t *call);


static ngx_chatalot_function_t  ngx_chatalot_rest_recovery_end =
    NGX_CHATALOT_FUNCTION("auth_recovery_end");


static ngx_chatalot_rest_proof_kind_t  ngx_chatalot_rest_recovery_proof = {
    NGX_CHATALOT_FUNCTION("auth_recovery_begin"),
    "recovery_key", "recovery_hash",
    "The name or the recovery code is wrong."
};


void
ngx_chatalot_rest_recovery(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_prove(call, &ngx_chatalot_rest_recovery_proof,
                            ngx_chatalot_rest_recovery_on_proven);
}


static void
ngx_chatalot_rest_recovery_on_proven(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_proof_end(call, &ngx_chatalot_rest_recovery_end,
                                ngx_chatalot_rest_recovery_on_begun);
}


static void
ngx_chatalot_rest_recovery_on_begun(ngx_chatalot_call_t *call)
{
    if (call->problem.status) {
        ngx_chatalot_rest_proof_fail(call);
        return;
    }

    ngx_chatalot_rest_tokens_reply_begun(call, NGX_CHATALOT_SCOPE_RECOVER,
                                         "recovery", "recover_token",
                                         NGX_CHATALOT_REST_RECOVER_TIME);
}


void
ngx_chatalot_rest_recovery_complete(ngx_chatalot_call_t *call)
{
    ngx_str_t                         account_key;
    ngx_chatalot_json_t              *device;
    ngx_chatalot_rest_request_t      *request;
    ngx_chatalot_rest_credentials_t  *credentials;

    request = call->data;

    account_key = ngx_chatalot_json_string(request->body, "account_key");
    device = ngx_chatalot_json_member(request->body, "device");

    if (ngx_chatalot_rest_devices_check(call, &request->caller.user,
                                        &account_key, device)
        != NGX_OK)
    {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    credentials = ngx_chatalot_rest_credentials_create(request);

    if (credentials == NULL
        || ngx_chatalot_rest_tokens_key(request, request->body, "login_key",
                                        &credentials->login_key)
           != NGX_OK
        || ngx_chatalot_rest_tokens_key(request, request->body,
                                        "recovery_key",
                                        &credentials->recovery_key)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_credentials_change(call);
}
