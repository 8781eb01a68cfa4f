/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A WebSocket connection after the handshake: reading, the bounded write queue, pings, closing. Knows messages, not what
 * they say nor who sends them: that is the listener's.
 */

#ifndef NGX_CHATALOT_WS_CONN_H
#define NGX_CHATALOT_WS_CONN_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>
#include "ngx_chatalot_ws_bucket.h"
#include "ngx_chatalot_ws_frame.h"
#include "ngx_chatalot_ws_module.h"
#include "ngx_chatalot_ws_out.h"


typedef struct ngx_chatalot_ws_conn_s  ngx_chatalot_ws_conn_t;


typedef enum {
    NGX_CHATALOT_WS_CONN_OPEN = 0,
    NGX_CHATALOT_WS_CONN_ENDING,            /* it was decided to close; nothing is sent or heard any more */
    NGX_CHATALOT_WS_CONN_CLOSING            /* our close frame is queued or sent */
} ngx_chatalot_ws_conn_state_e;


/* A message or ping of which only a part has arrived; most connections have none. */

typedef struct {
    u_char     *message;
    size_t      len;
    size_t      size;
    size_t      ping_len;
    u_char      ping[NGX_CHATALOT_WS_CONTROL_MAX];
} ngx_chatalot_ws_partial_t;


/* The first member of the listener's own structure, which is zeroed at first and freed in its destroy(). */

struct ngx_chatalot_ws_conn_s {
    ngx_connection_t              *connection;
    ngx_chatalot_ws_loc_conf_t    *conf;
    ngx_chatalot_ws_parser_t       parser;
    ngx_chatalot_ws_out_t          out;
    ngx_chatalot_ws_partial_t     *partial;
    ngx_chatalot_ws_bucket_t       frames;      /* of all kinds */
    ngx_queue_t                    queue;       /* of those who wait to be written to */
    ngx_str_t                      address;     /* the client's, as text */
    uint32_t                       reconnect;   /* milliseconds, for the reason of RESTART */
    uint16_t                       close_code;
    unsigned                       state:2;     /* ngx_chatalot_ws_conn_state_e */
    unsigned                       pinging:1;
    unsigned                       missed:2;    /* pings without a sign of life since */
    unsigned                       broken:1;    /* writing failed */
    unsigned                       deaf:1;      /* what comes now cannot be parsed or does not matter */
    unsigned                       half:1;      /* our direction is shut down */
    unsigned                       held:1;      /* in that queue */
};


/* One for a worker. None of these may free the connection: it ends from the event loop, after closed() and destroy(). */

typedef struct {
    void (*message)(ngx_chatalot_ws_conn_t *conn, ngx_str_t *text);     /* text lives during the call only */
    void (*timeout)(ngx_chatalot_ws_conn_t *conn);  /* of ngx_chatalot_ws_conn_timer() */
    void (*leave)(ngx_chatalot_ws_conn_t *conn);    /* the worker exits: close soon */
    void (*closed)(ngx_chatalot_ws_conn_t *conn);   /* nothing can be sent any more; once, always before destroy() */
    void (*destroy)(ngx_chatalot_ws_conn_t *conn);
} ngx_chatalot_ws_conn_listener_t;


extern const ngx_chatalot_ws_conn_listener_t  *ngx_chatalot_ws_conn_listener;

ngx_int_t ngx_chatalot_ws_conn_init(ngx_cycle_t *cycle);
void ngx_chatalot_ws_conn_listen(const ngx_chatalot_ws_conn_listener_t *listener);

/*
 * Takes the TCP or TLS connection over from its HTTP request, whose answer has been sent, and frees the request with all
 * it has allocated. Only from the event loop, and only if nobody else holds the request.
 */
void ngx_chatalot_ws_conn_take(ngx_chatalot_ws_conn_t *conn, ngx_http_request_t *r);

/* Sends a frame, if the connection is open; closes with TRY_LATER when the queue is full. Never blocks, never frees. */
void ngx_chatalot_ws_conn_send(ngx_chatalot_ws_conn_t *conn, ngx_chatalot_ws_buffer_t *buffer);

/*
 * The same, but nothing needs to be written before so many milliseconds are over. It goes with whatever is written earlier:
 * the order stays.
 */
void ngx_chatalot_ws_conn_send_in(ngx_chatalot_ws_conn_t *conn, ngx_chatalot_ws_buffer_t *buffer, ngx_msec_t wait);

/* Begins to close. What was sent before goes out first. */
void ngx_chatalot_ws_conn_close(ngx_chatalot_ws_conn_t *conn, ngx_uint_t code);

/* The one timer: calls timeout() once; or pings, for good, after ngx_chatalot_ws_conn_ping(). */
void ngx_chatalot_ws_conn_timer(ngx_chatalot_ws_conn_t *conn, ngx_msec_t delay);
void ngx_chatalot_ws_conn_ping(ngx_chatalot_ws_conn_t *conn);


#endif /* NGX_CHATALOT_WS_CONN_H */
