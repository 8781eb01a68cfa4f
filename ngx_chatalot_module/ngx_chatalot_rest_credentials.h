/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * New credentials of an account, on their way to SQL: their secrets are hashed with Argon2id, and no SQL sees them.
 */

#ifndef NGX_CHATALOT_REST_CREDENTIALS_H
#define NGX_CHATALOT_REST_CREDENTIALS_H

#include "ngx_chatalot_rest.h"


struct ngx_chatalot_rest_credentials_s {
    ngx_str_t             login_key;        /* empty: stays as it is */
    ngx_str_t             recovery_key;
    ngx_str_t             login_hash;       /* of these two */
    ngx_str_t             recovery_hash;
    const char           *with;             /* one more argument for SQL; NULL: none */
    ngx_str_t             value;
    ngx_str_t             refresh_token;    /* where a device is signed in */
};


/* Those of a request, empty; request->credentials from then on. NULL: no memory. */
ngx_chatalot_rest_credentials_t *ngx_chatalot_rest_credentials_create(ngx_chatalot_rest_request_t *request);

/*
 * Hashes them, one after the other, and calls the route's function with the body, the hashes in place of its secrets.
 * Calls it again as long as it says that there is more to do.
 * Replies with TOKENS when the body had a device, else with what SQL said. A failure takes the attempt back that
 * was proven before, if one was.
 */
void ngx_chatalot_rest_credentials_change(ngx_chatalot_call_t *call);


#endif /* NGX_CHATALOT_REST_CREDENTIALS_H */
