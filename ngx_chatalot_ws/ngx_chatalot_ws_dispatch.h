/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * THE table of what a client may send: type, parameters, SQL function. docs/realtime.md says the same for people.
 */

#ifndef NGX_CHATALOT_WS_DISPATCH_H
#define NGX_CHATALOT_WS_DISPATCH_H

#include "ngx_chatalot_params.h"
#include "ngx_chatalot_ws_request.h"


/* The frame of the first message; it is no row of the table, for afterwards it is not accepted. */
extern const ngx_chatalot_param_t  ngx_chatalot_ws_authenticate_params[];

/* A message of a ready session: checks it and has it answered. */
void ngx_chatalot_ws_dispatch(ngx_chatalot_ws_session_t *session, ngx_str_t *text);


#endif /* NGX_CHATALOT_WS_DISPATCH_H */
