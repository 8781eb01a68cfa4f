/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From the bytes that a connection received to messages, pongs and closing. Reads nothing itself.
 */

#ifndef NGX_CHATALOT_WS_IN_H
#define NGX_CHATALOT_WS_IN_H

#include "ngx_chatalot_ws_conn.h"


/* Takes all of data, which it changes in place. May close the connection, never frees it. */
void ngx_chatalot_ws_in_feed(ngx_chatalot_ws_conn_t *conn, u_char *data, size_t len);

/* Forgets what has arrived in part. */
void ngx_chatalot_ws_in_clear(ngx_chatalot_ws_conn_t *conn);


#endif /* NGX_CHATALOT_WS_IN_H */
