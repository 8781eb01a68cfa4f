/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Registration: an account, its first device and that device's session in one step. Who may register is SQL's matter; what
 * is a secret stays here.
 */

#include "ngx_chatalot_rest_credentials.h"


static ngx_int_t ngx_chatalot_rest_register_check(ngx_chatalot_call_t *call);


/* The cheap checks first: each of the two hashes costs 64 MiB for a fraction of a second. */

void
ngx_chatalot_rest_register(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t      *request;
    ngx_chatalot_rest_credentials_t  *credentials;

    request = call->data;

    if (ngx_chatalot_rest_register_check(call) != NGX_OK) {
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

    if (ngx_chatalot_json_string(request->body, "setup_token").len) {

        credentials->with = "setup_hash";

        if (ngx_chatalot_rest_tokens_member(request, "setup_token",
                                            &credentials->value)
            != NGX_OK)
        {
            ngx_chatalot_rest_reply_error(call);
            return;
        }
    }

    ngx_chatalot_rest_credentials_change(call);
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
