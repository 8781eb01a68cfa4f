/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rates of people: see the header. A bucket that has filled up again says nothing, so only those need a place who
 * wrote in the last seconds. The table has a fixed size; each person has a few places in it, chosen by a keyed hash, so
 * that nobody chooses whom they share them with. Where all are taken the one that is due first gives way: it was full
 * soonest.
 */

#include <sodium.h>

#include "ngx_chatalot_ws_bucket.h"
#include "ngx_chatalot_ws_rate.h"
#include "ngx_chatalot_ws_session.h"


#define NGX_CHATALOT_WS_RATE_SETS  1024
#define NGX_CHATALOT_WS_RATE_WAYS  4


typedef struct {
    u_char                      user[NGX_CHATALOT_WS_UUID_LEN];
    ngx_chatalot_ws_bucket_t    bucket;
} ngx_chatalot_ws_rate_t;


static ngx_chatalot_ws_rate_t  *ngx_chatalot_ws_rates;
static u_char                   ngx_chatalot_ws_rate_key[crypto_shorthash_KEYBYTES];


ngx_int_t
ngx_chatalot_ws_rate_init(ngx_cycle_t *cycle)
{
    crypto_shorthash_keygen(ngx_chatalot_ws_rate_key);

    ngx_chatalot_ws_rates = ngx_pcalloc(cycle->pool, NGX_CHATALOT_WS_RATE_SETS * NGX_CHATALOT_WS_RATE_WAYS
                                                     * sizeof(ngx_chatalot_ws_rate_t));

    return ngx_chatalot_ws_rates ? NGX_OK : NGX_ERROR;
}


ngx_msec_t
ngx_chatalot_ws_rate_take(const u_char *user, ngx_uint_t rate, ngx_uint_t burst)
{
    uint64_t                 hash;
    ngx_uint_t               i;
    ngx_chatalot_ws_rate_t  *set, *own;

    crypto_shorthash((u_char *) &hash, user, NGX_CHATALOT_WS_UUID_LEN, ngx_chatalot_ws_rate_key);

    set = &ngx_chatalot_ws_rates[(hash % NGX_CHATALOT_WS_RATE_SETS) * NGX_CHATALOT_WS_RATE_WAYS];
    own = set;

    for (i = 0; i < NGX_CHATALOT_WS_RATE_WAYS; i++) {

        if (ngx_memcmp(set[i].user, user, NGX_CHATALOT_WS_UUID_LEN) == 0) {
            return ngx_chatalot_ws_bucket_take(&set[i].bucket, rate, burst);
        }

        if (set[i].bucket < own->bucket) {
            own = &set[i];
        }
    }

    ngx_memcpy(own->user, user, NGX_CHATALOT_WS_UUID_LEN);
    own->bucket = 0;

    return ngx_chatalot_ws_bucket_take(&own->bucket, rate, burst);
}
