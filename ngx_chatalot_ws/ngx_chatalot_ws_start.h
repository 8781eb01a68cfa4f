/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The start of a session, and its renewal.
 */

#ifndef NGX_CHATALOT_WS_START_H
#define NGX_CHATALOT_WS_START_H

#include "ngx_chatalot_ws_session.h"


/* The session's links are all confirmed (none waits any more): the next step, if it has come so far. */
void ngx_chatalot_ws_start_attached(ngx_chatalot_ws_session_t *session);

/* The renewal begins: calls api.session_start. NGX_ERROR: not now. */
ngx_int_t ngx_chatalot_ws_start_renewal(ngx_chatalot_ws_session_t *session);


#endif /* NGX_CHATALOT_WS_START_H */
