/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * When what goes to many sockets is written. Writing one message to a thousand of them keeps a worker busy for some 8 ms,
 * nearly all of it in the kernel, and two messages at once for hardly longer. So what follows at the heels of a message to
 * many is held back until the next turn, and goes out in one write to each socket: a room may take a tenth of a worker while
 * that is enough. The first message goes at once, and so does every message to few.
 */

#ifndef NGX_CHATALOT_WS_PACE_H
#define NGX_CHATALOT_WS_PACE_H

#include <ngx_config.h>
#include <ngx_core.h>


/* Zeroed: nothing was written yet. */

typedef struct {
    ngx_msec_t    turn;         /* when it was written last, or is about to be */
    unsigned      begun:1;
    unsigned      held:1;       /* something waits for the turn after that */
} ngx_chatalot_ws_pace_t;


/* In how many milliseconds a message to that many sockets of this worker is to be written; 0: at once. */
ngx_msec_t ngx_chatalot_ws_pace(ngx_chatalot_ws_pace_t *pace, ngx_uint_t sockets, ngx_msec_t now);


#endif /* NGX_CHATALOT_WS_PACE_H */
