/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which session hears which topic, both ways, and what the control words of events do to that (docs/realtime.md). Decides
 * nothing about rights: topics come from SQL.
 */

#ifndef NGX_CHATALOT_WS_HUB_H
#define NGX_CHATALOT_WS_HUB_H

#include "ngx_chatalot_ws_link.h"


ngx_int_t ngx_chatalot_ws_hub_init(ngx_cycle_t *cycle);

/* Whether events arrive; otherwise clients poll. */
ngx_uint_t ngx_chatalot_ws_hub_up(void);

/* Sessions of this worker that have joined. */
ngx_uint_t ngx_chatalot_ws_hub_sessions(void);

/*
 * Links a session to u:<user> and d:<device>. NGX_BUSY: the user has too many in this worker. If session->waiting is not
 * 0 then, ngx_chatalot_ws_start_attached() follows when it is.
 */
ngx_int_t ngx_chatalot_ws_hub_join(ngx_chatalot_ws_session_t *session);

/* Links it to the channels of a reply of api.session_start, and unlinks it from all other channels; then as above. */
ngx_int_t ngx_chatalot_ws_hub_enter(ngx_chatalot_ws_session_t *session, ngx_str_t *reply);

/* Unlinks it from everything. Harmless if it never joined. */
void ngx_chatalot_ws_hub_leave(ngx_chatalot_ws_session_t *session);

/* For the control words. Attach: NGX_OK, also if it was attached. Detach: continues a session that waited for that alone. */
ngx_int_t ngx_chatalot_ws_hub_attach(ngx_chatalot_ws_session_t *session, ngx_str_t *name, uint64_t epoch);
void ngx_chatalot_ws_hub_detach(ngx_chatalot_ws_link_t *link);

/*
 * Detaches those sessions of a channel that are not known to belong to it in that epoch, and has them re-authorised: a
 * removal was missed, and it may have been theirs.
 */
void ngx_chatalot_ws_hub_require(ngx_chatalot_ws_topic_t *topic, uint64_t epoch);


#endif /* NGX_CHATALOT_WS_HUB_H */
