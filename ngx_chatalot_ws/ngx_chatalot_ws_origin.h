/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which pages may connect: a browser tells the page's origin (RFC 6454, section 7), and it must be the host that was
 * asked, or one of chatalot_websocket_origin.
 */

#ifndef NGX_CHATALOT_WS_ORIGIN_H
#define NGX_CHATALOT_WS_ORIGIN_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* value: of the Origin header. 1: it may. */
ngx_uint_t ngx_chatalot_ws_origin_allowed(ngx_http_request_t *r, ngx_str_t *value);


#endif /* NGX_CHATALOT_WS_ORIGIN_H */
