/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What waits to be written to a socket: frames encoded once, shared between sockets by reference, in a queue for each
 * socket. Knows neither connections' states nor what the frames say.
 */

#ifndef NGX_CHATALOT_WS_OUT_H
#define NGX_CHATALOT_WS_OUT_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chatalot_ws_frame.h"


typedef struct {
    uint32_t    refs;
    uint32_t    header;     /* bytes of the frame's header */
    size_t      len;        /* of the whole frame */
    u_char      data[];
} ngx_chatalot_ws_buffer_t;


typedef struct ngx_chatalot_ws_out_item_s  ngx_chatalot_ws_out_item_t;

struct ngx_chatalot_ws_out_item_s {
    ngx_chatalot_ws_out_item_t    *next;
    ngx_chatalot_ws_buffer_t      *buffer;
};


/* Zeroed: empty. */

typedef struct {
    ngx_chatalot_ws_out_item_t    *first;
    ngx_chatalot_ws_out_item_t    *last;
    size_t                         size;    /* bytes that wait */
    size_t                         sent;    /* of the first buffer */
} ngx_chatalot_ws_out_t;


/* A frame with room for a payload of len bytes; the caller holds its one reference. NULL: no memory. */
ngx_chatalot_ws_buffer_t *ngx_chatalot_ws_out_frame(ngx_chatalot_ws_opcode_e opcode, size_t len);

/* The same, filled. */
ngx_chatalot_ws_buffer_t *ngx_chatalot_ws_out_text(const u_char *text, size_t len);

#define ngx_chatalot_ws_out_payload(buffer)  ((buffer)->data + (buffer)->header)

void ngx_chatalot_ws_out_release(ngx_chatalot_ws_buffer_t *buffer);

/* Appends, with a reference of its own. */
ngx_int_t ngx_chatalot_ws_out_append(ngx_chatalot_ws_out_t *out, ngx_chatalot_ws_buffer_t *buffer);

/* Drops all that waits, but never the rest of a frame that has begun to leave. */
void ngx_chatalot_ws_out_cut(ngx_chatalot_ws_out_t *out);

/* Drops all. */
void ngx_chatalot_ws_out_clear(ngx_chatalot_ws_out_t *out);

/*
 * Writes as much as the socket takes, gathered. NGX_OK: all has left. NGX_AGAIN: the write event is armed for the rest.
 * NGX_ERROR: the connection is broken.
 */
ngx_int_t ngx_chatalot_ws_out_write(ngx_chatalot_ws_out_t *out, ngx_connection_t *c);


#endif /* NGX_CHATALOT_WS_OUT_H */
