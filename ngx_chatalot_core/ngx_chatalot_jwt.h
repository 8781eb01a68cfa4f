/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Access tokens: JWT (RFC 7519) as JWS compact (RFC 7515) with EdDSA over Ed25519 (RFC 8037). The algorithm is fixed;
 * header parameters of a token never choose anything but the key ("kid").
 */

#ifndef NGX_CHATALOT_JWT_H
#define NGX_CHATALOT_JWT_H

#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_CHATALOT_TOKEN_MAX     1024     /* bytes of a token that is looked at */

typedef enum {
    NGX_CHATALOT_SCOPE_FULL = 1,
    NGX_CHATALOT_SCOPE_ENROL,               /* only admits a device; has none, and its session is the account's admission */
    NGX_CHATALOT_SCOPE_RECOVER              /* only completes a recovery, which is its session; has no device */
} ngx_chatalot_scope_e;


typedef struct {
    ngx_str_t              user;            /* "sub" */
    ngx_str_t              device;          /* "dev" */
    ngx_str_t              session;         /* "sid" */
    ngx_chatalot_scope_e   scope;
    time_t                 issued;
    time_t                 expires;
} ngx_chatalot_claims_t;


/* Signs with the first key; issued and expires are filled in by lifetime (seconds). */
ngx_int_t ngx_chatalot_jwt_sign(ngx_pool_t *pool, ngx_chatalot_claims_t *claims, time_t lifetime, ngx_str_t *token);

/* NGX_OK: signature, issuer, audience and expiry are good. NGX_DECLINED: not (no reason is given away). NGX_ERROR: no memory. */
ngx_int_t ngx_chatalot_jwt_verify(ngx_pool_t *pool, ngx_str_t *token, ngx_chatalot_claims_t *claims);


#endif /* NGX_CHATALOT_JWT_H */
