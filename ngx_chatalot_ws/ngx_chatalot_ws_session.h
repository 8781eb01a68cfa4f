/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A session: one person's device at one socket, from its first frame to its last. Knows who it is and where it stands;
 * not how frames are written (conn) nor where its events come from (hub).
 */

#ifndef NGX_CHATALOT_WS_SESSION_H
#define NGX_CHATALOT_WS_SESSION_H

#include "ngx_chatalot_ws_conn.h"


#define NGX_CHATALOT_WS_UUID_LEN  16


typedef struct ngx_chatalot_ws_session_s  ngx_chatalot_ws_session_t;
typedef struct ngx_chatalot_ws_link_s     ngx_chatalot_ws_link_t;
typedef struct ngx_chatalot_ws_request_s  ngx_chatalot_ws_request_t;


typedef enum {
    NGX_CHATALOT_WS_NEW = 0,        /* nothing is known */
    NGX_CHATALOT_WS_JOINING,        /* the token is good; its u: and d: are being subscribed */
    NGX_CHATALOT_WS_STARTING,       /* api.session_start is under way */
    NGX_CHATALOT_WS_ENTERING,       /* its channels are being subscribed */
    NGX_CHATALOT_WS_READY,
    NGX_CHATALOT_WS_OVER            /* closed: no links, no requests */
} ngx_chatalot_ws_session_state_e;


/* A ready session that is re-authorised goes part of the way again. */

typedef enum {
    NGX_CHATALOT_WS_SETTLED = 0,
    NGX_CHATALOT_WS_RENEW_QUEUED,
    NGX_CHATALOT_WS_RENEW_STARTING,
    NGX_CHATALOT_WS_RENEW_ENTERING
} ngx_chatalot_ws_renewal_e;


/* Some thousands of these live in a worker: ids are raw bytes, and what is rare is allocated when it is there. */

struct ngx_chatalot_ws_session_s {
    ngx_chatalot_ws_conn_t         conn;        /* must stay first */

    u_char                         user[NGX_CHATALOT_WS_UUID_LEN];
    u_char                         device[NGX_CHATALOT_WS_UUID_LEN];
    u_char                         id[NGX_CHATALOT_WS_UUID_LEN];

    /* the hub's */
    ngx_queue_t                    queue;       /* of all sessions of the worker */
    ngx_chatalot_ws_link_t        *links;       /* one a topic, in no order */
    ngx_chatalot_ws_out_item_t    *notices;     /* frames that wait until all links are confirmed */
    uint32_t                       nlinks;
    uint32_t                       alloc;
    uint32_t                       waiting;     /* links whose subscription Redis has not confirmed */

    /* the requests' */
    uint16_t                       nwrites;
    uint16_t                       nreads;
    size_t                         pending;     /* bytes of their frames */
    ngx_chatalot_ws_request_t     *writes;      /* in order; the first is under way */
    ngx_chatalot_ws_request_t     *reads;       /* all under way */

    ngx_chatalot_ws_request_t     *start;       /* authentication or renewal */
    ngx_queue_t                    renewals;    /* of sessions that wait to be renewed */
    u_char                        *agent;       /* User-Agent, until the session is ready */

    unsigned                       state:3;     /* ngx_chatalot_ws_session_state_e */
    unsigned                       renewal:2;   /* ngx_chatalot_ws_renewal_e */
    unsigned                       stale:1;     /* renew (again) as soon as settled */
    unsigned                       gained:1;    /* a topic was attached while a start was under way */
    unsigned                       leaving:1;   /* the worker exits; what is pending is still answered */
};


void ngx_chatalot_ws_session_init(void);

/* agent may be NULL. The result is a session's first member. NULL: no memory. */
ngx_chatalot_ws_conn_t *ngx_chatalot_ws_session_create(ngx_chatalot_ws_loc_conf_t *conf, ngx_str_t *address,
    ngx_str_t *agent);

/* For a session that never got its connection. */
void ngx_chatalot_ws_session_discard(ngx_chatalot_ws_conn_t *conn);

/* A request has ended; a session that leaves may have waited for it. */
void ngx_chatalot_ws_session_answered(ngx_chatalot_ws_session_t *session);


#endif /* NGX_CHATALOT_WS_SESSION_H */
