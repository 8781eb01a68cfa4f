/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Links between sessions and topics: see the header.
 */

#include "ngx_chatalot_ws_hub.h"
#include "ngx_chatalot_ws_link.h"


#define NGX_CHATALOT_WS_LINKS_MIN  4


static ngx_chatalot_ws_link_t *ngx_chatalot_ws_link_find(ngx_chatalot_ws_session_t *session,
    ngx_chatalot_ws_topic_t *topic);
static ngx_chatalot_ws_topic_t *ngx_chatalot_ws_link_topic(ngx_str_t *name);
static ngx_int_t ngx_chatalot_ws_link_grow(ngx_chatalot_ws_session_t *session);


ngx_chatalot_ws_link_t *
ngx_chatalot_ws_link_make(ngx_chatalot_ws_session_t *session, ngx_str_t *name)
{
    ngx_chatalot_ws_link_t   *link;
    ngx_chatalot_ws_topic_t  *topic;

    if (session->nlinks == session->alloc && ngx_chatalot_ws_link_grow(session) != NGX_OK) {
        return NULL;
    }

    topic = ngx_chatalot_ws_link_topic(name);
    if (topic == NULL) {
        return NULL;
    }

    link = ngx_chatalot_ws_link_find(session, topic);

    if (link) {
        ngx_chatalot_bus_unsubscribe(topic->topic);
        return link;
    }

    link = &session->links[session->nlinks++];
    link->session = session;
    link->topic = topic;
    link->epoch = 0;
    ngx_queue_insert_tail(&topic->links, &link->queue);
    topic->nlinks++;

    if (ngx_chatalot_ws_hub_up() && !topic->topic->active) {
        session->waiting++;
    }

    return link;
}


static ngx_chatalot_ws_link_t *
ngx_chatalot_ws_link_find(ngx_chatalot_ws_session_t *session, ngx_chatalot_ws_topic_t *topic)
{
    uint32_t  i;

    for (i = 0; i < session->nlinks; i++) {
        if (session->links[i].topic == topic) {
            return &session->links[i];
        }
    }

    return NULL;
}


/* The topic, with one more reference at the bus: each link has one. */

static ngx_chatalot_ws_topic_t *
ngx_chatalot_ws_link_topic(ngx_str_t *name)
{
    ngx_chatalot_topic_t     *bus;
    ngx_chatalot_ws_topic_t  *topic;

    bus = ngx_chatalot_bus_subscribe(name);
    if (bus == NULL) {
        return NULL;
    }

    if (bus->data) {
        return bus->data;
    }

    topic = ngx_calloc(sizeof(ngx_chatalot_ws_topic_t), ngx_cycle->log);
    if (topic == NULL) {
        ngx_chatalot_bus_unsubscribe(bus);
        return NULL;
    }

    ngx_queue_init(&topic->links);
    topic->topic = bus;
    bus->data = topic;

    return topic;
}


/* A larger block: the neighbours in the topics' queues learn the links' new places. */

static ngx_int_t
ngx_chatalot_ws_link_grow(ngx_chatalot_ws_session_t *session)
{
    uint32_t                 i, alloc;
    ngx_chatalot_ws_link_t  *links;

    alloc = session->alloc ? session->alloc + session->alloc / 2 + 1 : NGX_CHATALOT_WS_LINKS_MIN;

    links = ngx_alloc(alloc * sizeof(ngx_chatalot_ws_link_t), ngx_cycle->log);
    if (links == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < session->nlinks; i++) {
        links[i] = session->links[i];
        links[i].queue.prev->next = &links[i].queue;
        links[i].queue.next->prev = &links[i].queue;
    }

    ngx_free(session->links);

    session->links = links;
    session->alloc = alloc;

    return NGX_OK;
}


void
ngx_chatalot_ws_link_remove(ngx_chatalot_ws_link_t *link)
{
    ngx_chatalot_topic_t       *bus;
    ngx_chatalot_ws_link_t     *last;
    ngx_chatalot_ws_topic_t    *topic;
    ngx_chatalot_ws_session_t  *session;

    session = link->session;
    topic = link->topic;
    bus = topic->topic;

    if (ngx_chatalot_ws_hub_up() && !bus->active) {
        session->waiting--;
    }

    ngx_queue_remove(&link->queue);
    topic->nlinks--;

    last = &session->links[--session->nlinks];

    if (last != link) {
        *link = *last;
        link->queue.prev->next = &link->queue;
        link->queue.next->prev = &link->queue;
    }

    if (ngx_queue_empty(&topic->links)) {
        bus->data = NULL;
        topic->topic = NULL;

        if (topic->held == 0) {
            ngx_free(topic);
        }
    }

    ngx_chatalot_bus_unsubscribe(bus);
}


void
ngx_chatalot_ws_link_release(ngx_chatalot_ws_topic_t *topic)
{
    if (--topic->held == 0 && topic->topic == NULL) {
        ngx_free(topic);
    }
}


ngx_uint_t
ngx_chatalot_ws_link_is_channel(ngx_chatalot_ws_topic_t *topic)
{
    return topic->topic->node.str.data[0] == 'c';
}
