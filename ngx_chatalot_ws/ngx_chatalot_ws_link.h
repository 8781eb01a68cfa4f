/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Links: session to topics and topic to sessions, always in step. The bus is told of a topic's first link and its last.
 */

#ifndef NGX_CHATALOT_WS_LINK_H
#define NGX_CHATALOT_WS_LINK_H

#include "ngx_chatalot_bus.h"
#include "ngx_chatalot_ws_pace.h"
#include "ngx_chatalot_ws_session.h"


/* A topic with at least one session; the bus' topic has it as its data. */

typedef struct {
    ngx_queue_t               links;
    ngx_chatalot_topic_t     *topic;        /* NULL: the last link is gone */
    uint32_t                  nlinks;
    uint32_t                  held;
    ngx_chatalot_ws_pace_t    pace;
} ngx_chatalot_ws_topic_t;


/* All links of a session lie in one block, so that a link costs no allocation of its own. */

struct ngx_chatalot_ws_link_s {
    ngx_queue_t                   queue;    /* of the topic */
    ngx_chatalot_ws_session_t    *session;
    ngx_chatalot_ws_topic_t      *topic;
    uint64_t                      epoch;    /* of a channel: up to here the session is known to belong */
};


/* The session's link to the topic of that name: the one there is, or a new one. NULL: no memory. May move the others. */
ngx_chatalot_ws_link_t *ngx_chatalot_ws_link_make(ngx_chatalot_ws_session_t *session, ngx_str_t *name);

/* Removes a link, and with the last one the topic, unless it is held. The session's last link takes its place. */
void ngx_chatalot_ws_link_remove(ngx_chatalot_ws_link_t *link);

/* A topic that was held (held++) and may have lost its last link. */
void ngx_chatalot_ws_link_release(ngx_chatalot_ws_topic_t *topic);

ngx_uint_t ngx_chatalot_ws_link_is_channel(ngx_chatalot_ws_topic_t *topic);


#endif /* NGX_CHATALOT_WS_LINK_H */
