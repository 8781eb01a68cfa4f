/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The turns of a topic: see the header. Knows times and numbers only.
 */

#include "ngx_chatalot_ws_pace.h"


#define NGX_CHATALOT_WS_PACE_SOCKETS  12    /* a millisecond of the interval: ten times what writing to them takes */
#define NGX_CHATALOT_WS_PACE_MIN      5     /* ms: what is shorter is not worth a timer */
#define NGX_CHATALOT_WS_PACE_MAX      50    /* ms: nobody shall see it */


ngx_msec_t
ngx_chatalot_ws_pace(ngx_chatalot_ws_pace_t *pace, ngx_uint_t sockets, ngx_msec_t now)
{
    ngx_msec_t  interval;

    interval = ngx_min(sockets / NGX_CHATALOT_WS_PACE_SOCKETS, NGX_CHATALOT_WS_PACE_MAX);

    if (interval < NGX_CHATALOT_WS_PACE_MIN) {
        return 0;
    }

    /* the turn for which something was held has come meanwhile */

    if (pace->held && now - pace->turn >= interval) {
        pace->turn += interval;
        pace->held = 0;
    }

    if (!pace->begun || now - pace->turn >= interval) {
        pace->turn = now;
        pace->begun = 1;
        return 0;
    }

    pace->held = 1;

    return pace->turn + interval - now;
}
