/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Topics: publish and subscribe through Redis, one connection each way a worker, with reference counts. What a message
 * says is the listener's matter; docs/realtime.md has the form.
 */

#ifndef NGX_CHATALOT_BUS_H
#define NGX_CHATALOT_BUS_H

#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    ngx_str_node_t    node;         /* the name, without prefix; must stay first */
    ngx_uint_t        refs;         /* 0: it ends with the confirmation that is on its way */
    unsigned          active:1;     /* Redis has confirmed the subscription */
    void             *data;         /* the listener's; NULL at first */
} ngx_chatalot_topic_t;


/* The one listener of a worker (the WebSocket hub). Called from the event loop, never from inside a bus function. */

typedef struct {
    /* An event. The strings are valid during the call only. */
    void (*event)(ngx_chatalot_topic_t *topic, ngx_str_t *control, ngx_str_t *payload);

    /* The subscription of this topic has become active. Not called for topics that become active while coming up. */
    void (*active)(ngx_chatalot_topic_t *topic);

    /* up 0: Redis is lost, no events arrive. up 1: it is back and every topic is active again; or another worker was cut
       off for a while: either way events may have been missed, and every session is to sync. */
    void (*state)(ngx_uint_t up);
} ngx_chatalot_bus_listener_t;


ngx_int_t ngx_chatalot_bus_init(ngx_cycle_t *cycle);
void ngx_chatalot_bus_exit(void);

/* Before the first event can arrive: from init_process or earlier. */
void ngx_chatalot_bus_listen(const ngx_chatalot_bus_listener_t *listener);

/* Whether events arrive now. */
ngx_uint_t ngx_chatalot_bus_up(void);

/* One more reference to the topic; subscribes at the first. NULL: no memory. */
ngx_chatalot_topic_t *ngx_chatalot_bus_subscribe(ngx_str_t *name);

/* One reference less; at the last, with "data" NULL again, it unsubscribes and the topic is freed. */
void ngx_chatalot_bus_unsubscribe(ngx_chatalot_topic_t *topic);

/*
 * Publishes control, a newline and payload. NGX_DECLINED while Redis is away: subscribers will sync when it is back.
 * Inside the event loop it never blocks and copies what it is given.
 */
ngx_int_t ngx_chatalot_bus_publish(ngx_str_t *topic, ngx_str_t *control, ngx_str_t *payload);

/* A publication could not even be made: connects anew, after which everybody is asked to catch up. */
void ngx_chatalot_bus_lose(void);


#endif /* NGX_CHATALOT_BUS_H */
