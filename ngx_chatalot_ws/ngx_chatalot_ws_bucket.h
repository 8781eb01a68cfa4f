/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A token bucket in eight bytes: instead of tokens it keeps the time at which the next event would be on schedule
 * (the generic cell rate algorithm).
 */

#ifndef NGX_CHATALOT_WS_BUCKET_H
#define NGX_CHATALOT_WS_BUCKET_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


typedef uint64_t  ngx_chatalot_ws_bucket_t;     /* microseconds; zeroed: full */


/* 0: one token of rate a second was taken. Else none was; there will be one after that many milliseconds. */

static ngx_inline ngx_msec_t
ngx_chatalot_ws_bucket_take(ngx_chatalot_ws_bucket_t *due, ngx_uint_t rate, ngx_uint_t burst)
{
    uint64_t  now, gap, ahead;

    now = (uint64_t) ngx_current_msec * 1000;
    gap = 1000000 / rate;
    ahead = gap * (burst - 1);

    if (*due > now + ahead) {
        return (*due - now - ahead + 999) / 1000;
    }

    *due = ngx_max(*due, now) + gap;

    return 0;
}


#endif /* NGX_CHATALOT_WS_BUCKET_H */
