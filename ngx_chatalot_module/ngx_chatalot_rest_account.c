/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What whoever is signed in may do only with the password: each step begins with its proof. A session that was left open
 * somewhere is not enough to take an account over.
 */

#include "ngx_chatalot_rest_credentials.h"
#include "ngx_chatalot_rest_proof.h"


static void ngx_chatalot_rest_account_begin(ngx_chatalot_call_t *call,
    ngx_chatalot_json_t *object, const char *login_key,
    const char *recovery_key);
static void ngx_chatalot_rest_account_on_proven(ngx_chatalot_call_t *call);


static ngx_chatalot_rest_proof_kind_t  ngx_chatalot_rest_account_proof = {
    NGX_CHATALOT_FUNCTION("auth_prove"),
    "login_key", "login_hash",
    "The password is wrong."
};


void
ngx_chatalot_rest_account_password(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    ngx_chatalot_rest_account_begin(call,
                            ngx_chatalot_json_member(request->body, "new"),
                            "login_key", NULL);
}


void
ngx_chatalot_rest_account_recovery_code(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    ngx_chatalot_rest_account_begin(call, request->body, NULL,
                                    "recovery_key");
}


/* A stolen device may hold the account's keys: new ones, certifying a new device, in place of all there was. */

void
ngx_chatalot_rest_account_identity(ngx_chatalot_call_t *call)
{
    ngx_str_t                     account_key;
    ngx_chatalot_json_t          *device;
    ngx_chatalot_rest_request_t  *request;

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

    ngx_chatalot_rest_account_begin(call, request->body, NULL,
                                    "recovery_key");
}


void
ngx_chatalot_rest_account_delete(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    ngx_chatalot_rest_account_begin(call, request->body, NULL, NULL);
}


/* Takes the new keys from object; a name that is NULL: none. */

static void
ngx_chatalot_rest_account_begin(ngx_chatalot_call_t *call,
    ngx_chatalot_json_t *object, const char *login_key,
    const char *recovery_key)
{
    ngx_chatalot_rest_request_t      *request;
    ngx_chatalot_rest_credentials_t  *credentials;

    request = call->data;
    credentials = ngx_chatalot_rest_credentials_create(request);

    if (credentials == NULL
        || (login_key
            && ngx_chatalot_rest_tokens_key(request, object, login_key,
                                            &credentials->login_key)
               != NGX_OK)
        || (recovery_key
            && ngx_chatalot_rest_tokens_key(request, object, recovery_key,
                                            &credentials->recovery_key)
               != NGX_OK))
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_prove(call, &ngx_chatalot_rest_account_proof,
                            ngx_chatalot_rest_account_on_proven);
}


static void
ngx_chatalot_rest_account_on_proven(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    request->credentials->with = "verified";
    request->credentials->value = request->proof->hash;

    ngx_chatalot_rest_credentials_change(call);
}
