/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sessions that must be re-authorised, few at a time: after a missed removal or a loss of Redis it may be all of them.
 */

#ifndef NGX_CHATALOT_WS_RENEW_H
#define NGX_CHATALOT_WS_RENEW_H

#include "ngx_chatalot_ws_session.h"


void ngx_chatalot_ws_renew_init(ngx_cycle_t *cycle);

/* Have it re-authorised, as soon as it is ready. */
void ngx_chatalot_ws_renew(ngx_chatalot_ws_session_t *session);

/* The session is through. */
void ngx_chatalot_ws_renew_done(ngx_chatalot_ws_session_t *session);

/* The database is away: try again in a while. */
void ngx_chatalot_ws_renew_later(ngx_chatalot_ws_session_t *session);

/* The session ends. */
void ngx_chatalot_ws_renew_forget(ngx_chatalot_ws_session_t *session);


#endif /* NGX_CHATALOT_WS_RENEW_H */
