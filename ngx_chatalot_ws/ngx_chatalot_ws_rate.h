/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How fast a person may write, over all their sockets in this worker and from one socket to the next: so neither more
 * sockets nor new ones make it faster. Knows no sessions.
 */

#ifndef NGX_CHATALOT_WS_RATE_H
#define NGX_CHATALOT_WS_RATE_H

#include <ngx_config.h>
#include <ngx_core.h>


/* Before the first socket of the worker. */
ngx_int_t ngx_chatalot_ws_rate_init(ngx_cycle_t *cycle);

/* 0: the user (16 bytes) may. Else not yet, but after that many milliseconds. */
ngx_msec_t ngx_chatalot_ws_rate_take(const u_char *user, ngx_uint_t rate, ngx_uint_t burst);


#endif /* NGX_CHATALOT_WS_RATE_H */
