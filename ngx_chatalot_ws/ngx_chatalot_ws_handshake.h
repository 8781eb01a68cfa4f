/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The opening handshake of RFC 6455, section 4.2.
 */

#ifndef NGX_CHATALOT_WS_HANDSHAKE_H
#define NGX_CHATALOT_WS_HANDSHAKE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* The content handler of locations with chatalot_websocket. */
ngx_int_t ngx_chatalot_ws_handshake_handler(ngx_http_request_t *r);


#endif /* NGX_CHATALOT_WS_HANDSHAKE_H */
