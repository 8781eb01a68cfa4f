/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Settings of the WebSocket module.
 */

#ifndef NGX_CHATALOT_WS_MODULE_H
#define NGX_CHATALOT_WS_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>


/* Lives as long as its cycle, and so longer than any socket of the worker. */

typedef struct {
    ngx_array_t    *origins;            /* ngx_str_t, as written; NULL: only the request's own host */
    ngx_msec_t      auth_timeout;
    ngx_msec_t      ping_interval;
    size_t          max_message;        /* bytes of a client's message */
    size_t          send_queue;         /* bytes that may wait for a slow reader */
    ngx_uint_t      connections;        /* of a user in this worker */
    ngx_uint_t      rate;               /* a person's "send" and "deliver" a second, in this worker */
    ngx_uint_t      burst;
    ngx_str_t       limits;             /* the above as JSON, for "ready" */

    unsigned        websocket:1;        /* chatalot_websocket stands in this very location */
} ngx_chatalot_ws_loc_conf_t;


extern ngx_module_t  ngx_http_chatalot_ws_module;


#endif /* NGX_CHATALOT_WS_MODULE_H */
