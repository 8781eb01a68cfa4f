/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The hub: see the header. Nothing here frees a session: closing one marks it, and the event loop does the rest. So a
 * topic's links can be walked while their sessions are sent to, closed, attached and detached; a link that is to be
 * removed in a walk is its session's only one in that topic.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_params.h"
#include "ngx_chatalot_ws_channels.h"
#include "ngx_chatalot_ws_control.h"
#include "ngx_chatalot_ws_hub.h"
#include "ngx_chatalot_ws_link.h"
#include "ngx_chatalot_ws_renew.h"
#include "ngx_chatalot_ws_start.h"


typedef struct {
    ngx_queue_t    sessions;
    ngx_uint_t     count;
    unsigned       up:1;        /* as the bus has told us */
} ngx_chatalot_ws_hub_t;


/* Reading a reply of api.session_start: which links that were there before still stand. */

typedef struct {
    ngx_chatalot_ws_session_t    *session;
    u_char                       *stand;
    ngx_uint_t                    before;
} ngx_chatalot_ws_entering_t;


static ngx_int_t ngx_chatalot_ws_hub_on_channel(void *data, ngx_str_t *id, uint64_t epoch);
static void ngx_chatalot_ws_hub_on_event(ngx_chatalot_topic_t *topic, ngx_str_t *control, ngx_str_t *payload);
static void ngx_chatalot_ws_hub_deliver(ngx_chatalot_ws_topic_t *topic, ngx_str_t *payload, ngx_uint_t after);
static ngx_int_t ngx_chatalot_ws_hub_notice(ngx_chatalot_ws_session_t *session, ngx_chatalot_ws_buffer_t *buffer);
static void ngx_chatalot_ws_hub_on_active(ngx_chatalot_topic_t *topic);
static void ngx_chatalot_ws_hub_on_state(ngx_uint_t up);


static ngx_chatalot_ws_hub_t  ngx_chatalot_ws_hub;

static const ngx_chatalot_bus_listener_t  ngx_chatalot_ws_hub_listener = {
    ngx_chatalot_ws_hub_on_event,
    ngx_chatalot_ws_hub_on_active,
    ngx_chatalot_ws_hub_on_state
};


ngx_int_t
ngx_chatalot_ws_hub_init(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_chatalot_ws_hub.sessions);
    ngx_chatalot_ws_hub.up = ngx_chatalot_bus_up();

    ngx_chatalot_ws_renew_init(cycle);
    ngx_chatalot_bus_listen(&ngx_chatalot_ws_hub_listener);

    return NGX_OK;
}


ngx_uint_t
ngx_chatalot_ws_hub_up(void)
{
    return ngx_chatalot_ws_hub.up;
}


ngx_uint_t
ngx_chatalot_ws_hub_sessions(void)
{
    return ngx_chatalot_ws_hub.count;
}


ngx_int_t
ngx_chatalot_ws_hub_join(ngx_chatalot_ws_session_t *session)
{
    u_char                   text[2 + NGX_CHATALOT_UUID_LEN];
    ngx_str_t                name;
    ngx_uint_t               n;
    ngx_queue_t             *q;
    ngx_chatalot_ws_link_t  *link;

    ngx_queue_insert_tail(&ngx_chatalot_ws_hub.sessions, &session->queue);
    ngx_chatalot_ws_hub.count++;

    name.data = text;
    name.len = sizeof(text);

    text[0] = 'u';
    text[1] = ':';
    (void) ngx_chatalot_uuid_encode(text + 2, session->user);

    link = ngx_chatalot_ws_link_make(session, &name);
    if (link == NULL) {
        return NGX_ERROR;
    }

    for (n = 0, q = ngx_queue_head(&link->topic->links);
         q != ngx_queue_sentinel(&link->topic->links) && n <= session->conn.conf->connections;
         q = ngx_queue_next(q))
    {
        n++;
    }

    if (n > session->conn.conf->connections) {
        return NGX_BUSY;
    }

    text[0] = 'd';
    (void) ngx_chatalot_uuid_encode(text + 2, session->device);

    return ngx_chatalot_ws_link_make(session, &name) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_chatalot_ws_hub_enter(ngx_chatalot_ws_session_t *session, ngx_str_t *reply)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_chatalot_ws_entering_t  entering;

    entering.session = session;
    entering.before = session->nlinks;
    entering.stand = ngx_calloc(session->nlinks, ngx_cycle->log);

    if (entering.stand == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_chatalot_ws_channels_each(reply, ngx_chatalot_ws_hub_on_channel, &entering);

    /*
     * What the reply does not name is gone, unless events have changed something since the question was asked: then it
     * is asked once more. From the end, because unlinking fills the gap with the last one.
     */

    if (rc == NGX_OK && (session->gained || session->stale)) {
        session->stale = 1;

    } else if (rc == NGX_OK) {

        for (i = entering.before; i > 0; i--) {
            if (!entering.stand[i - 1] && ngx_chatalot_ws_link_is_channel(session->links[i - 1].topic)) {
                ngx_chatalot_ws_link_remove(&session->links[i - 1]);
            }
        }
    }

    session->gained = 0;
    ngx_free(entering.stand);

    return rc;
}


static ngx_int_t
ngx_chatalot_ws_hub_on_channel(void *data, ngx_str_t *id, uint64_t epoch)
{
    u_char                       text[3 + NGX_CHATALOT_UUID_LEN];
    ngx_str_t                    name;
    ngx_uint_t                   i;
    ngx_chatalot_ws_entering_t  *entering = data;

    ngx_memcpy(text, "ch:", 3);
    ngx_memcpy(text + 3, id->data, NGX_CHATALOT_UUID_LEN);

    name.data = text;
    name.len = sizeof(text);

    for (i = 0; i < entering->before; i++) {

        if (!entering->stand[i]
            && entering->session->links[i].topic->topic->node.str.len == name.len
            && ngx_memcmp(entering->session->links[i].topic->topic->node.str.data, text, name.len) == 0)
        {
            entering->stand[i] = 1;
            break;
        }
    }

    return ngx_chatalot_ws_hub_attach(entering->session, &name, epoch);
}


ngx_int_t
ngx_chatalot_ws_hub_attach(ngx_chatalot_ws_session_t *session, ngx_str_t *name, uint64_t epoch)
{
    ngx_chatalot_ws_link_t  *link;

    if (session->state == NGX_CHATALOT_WS_OVER) {
        return NGX_OK;
    }

    link = ngx_chatalot_ws_link_make(session, name);
    if (link == NULL) {
        return NGX_ERROR;
    }

    /* events may have told more than a reply that was on its way */
    link->epoch = ngx_max(link->epoch, epoch);

    return NGX_OK;
}


void
ngx_chatalot_ws_hub_detach(ngx_chatalot_ws_link_t *link)
{
    uint32_t                    waited;
    ngx_chatalot_ws_session_t  *session;

    session = link->session;
    waited = session->waiting;

    ngx_chatalot_ws_link_remove(link);

    if (waited && session->waiting == 0) {
        ngx_chatalot_ws_start_attached(session);
    }
}


void
ngx_chatalot_ws_hub_require(ngx_chatalot_ws_topic_t *topic, uint64_t epoch)
{
    ngx_queue_t                *q, *next;
    ngx_chatalot_ws_link_t     *link;
    ngx_chatalot_ws_session_t  *session;

    for (q = ngx_queue_head(&topic->links); q != ngx_queue_sentinel(&topic->links); q = next) {
        next = ngx_queue_next(q);
        link = ngx_queue_data(q, ngx_chatalot_ws_link_t, queue);
        session = link->session;

        if (link->epoch < epoch) {
            ngx_chatalot_ws_hub_detach(link);
            ngx_chatalot_ws_renew(session);
        }
    }
}


void
ngx_chatalot_ws_hub_leave(ngx_chatalot_ws_session_t *session)
{
    ngx_chatalot_ws_out_item_t  *notice;

    if (session->queue.next == NULL) {
        return;
    }

    ngx_chatalot_ws_renew_forget(session);

    while (session->nlinks) {
        ngx_chatalot_ws_link_remove(&session->links[session->nlinks - 1]);
    }

    while ((notice = session->notices) != NULL) {
        session->notices = notice->next;
        ngx_chatalot_ws_out_release(notice->buffer);
        ngx_free(notice);
    }

    ngx_free(session->links);
    session->links = NULL;
    session->alloc = 0;

    ngx_queue_remove(&session->queue);
    session->queue.next = NULL;
    ngx_chatalot_ws_hub.count--;
}


static void
ngx_chatalot_ws_hub_on_event(ngx_chatalot_topic_t *bus, ngx_str_t *control, ngx_str_t *payload)
{
    ngx_uint_t                attached;
    ngx_chatalot_ws_topic_t  *topic;

    topic = bus->data;

    if (topic == NULL) {
        return;
    }

    topic->held++;
    attached = 0;

    if (control->len) {
        attached = ngx_chatalot_ws_control(topic, control);
    }

    if (payload->len && topic->topic) {
        ngx_chatalot_ws_hub_deliver(topic, payload, attached);
    }

    ngx_chatalot_ws_link_release(topic);
}


/*
 * One frame for all. A session that is not ready will sync. With after, it speaks of topics that were just attached, and
 * waits until they are confirmed.
 */

static void
ngx_chatalot_ws_hub_deliver(ngx_chatalot_ws_topic_t *topic, ngx_str_t *payload, ngx_uint_t after)
{
    ngx_msec_t                  wait;
    ngx_queue_t                *q;
    ngx_chatalot_ws_link_t     *link;
    ngx_chatalot_ws_buffer_t   *buffer;
    ngx_chatalot_ws_session_t  *session;

    buffer = ngx_chatalot_ws_out_text(payload->data, payload->len);
    wait = ngx_chatalot_ws_pace(&topic->pace, topic->nlinks, ngx_current_msec);

    for (q = ngx_queue_head(&topic->links);
         q != ngx_queue_sentinel(&topic->links);
         q = ngx_queue_next(q))
    {
        link = ngx_queue_data(q, ngx_chatalot_ws_link_t, queue);
        session = link->session;

        if (session->state != NGX_CHATALOT_WS_READY) {
            continue;
        }

        if (buffer && (!after || session->waiting == 0)) {
            ngx_chatalot_ws_conn_send_in(&session->conn, buffer, wait);
            continue;
        }

        if (buffer == NULL || ngx_chatalot_ws_hub_notice(session, buffer) != NGX_OK) {
            /* what cannot be delivered is fetched after a reconnect */
            ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_TRY_LATER);
        }
    }

    if (buffer) {
        ngx_chatalot_ws_out_release(buffer);
    }
}


static ngx_int_t
ngx_chatalot_ws_hub_notice(ngx_chatalot_ws_session_t *session, ngx_chatalot_ws_buffer_t *buffer)
{
    ngx_chatalot_ws_out_item_t  *notice, **last;

    notice = ngx_alloc(sizeof(ngx_chatalot_ws_out_item_t), ngx_cycle->log);
    if (notice == NULL) {
        return NGX_ERROR;
    }

    for (last = &session->notices; *last; last = &(*last)->next) { /* void */ }

    *last = notice;
    notice->next = NULL;
    notice->buffer = buffer;
    buffer->refs++;

    return NGX_OK;
}


static void
ngx_chatalot_ws_hub_on_active(ngx_chatalot_topic_t *bus)
{
    ngx_queue_t                *q, *next;
    ngx_chatalot_ws_link_t     *link;
    ngx_chatalot_ws_topic_t    *topic;
    ngx_chatalot_ws_session_t  *session;

    topic = bus->data;

    if (topic == NULL) {
        return;
    }

    topic->held++;

    for (q = ngx_queue_head(&topic->links); q != ngx_queue_sentinel(&topic->links); q = next) {
        next = ngx_queue_next(q);
        link = ngx_queue_data(q, ngx_chatalot_ws_link_t, queue);
        session = link->session;

        if (--session->waiting == 0) {
            ngx_chatalot_ws_start_attached(session);
        }
    }

    ngx_chatalot_ws_link_release(topic);
}


/* While Redis is away nobody waits for it: sessions go on, degraded. When it is back, all are asked to catch up. */

static void
ngx_chatalot_ws_hub_on_state(ngx_uint_t up)
{
    u_char                     *text;
    ngx_uint_t                  changed;
    ngx_queue_t                *q;
    ngx_chatalot_ws_buffer_t   *buffer;
    ngx_chatalot_ws_session_t  *session;

    static u_char  begins[] = "{\"type\":\"degraded\",\"degraded\":true}";
    static u_char  ends[] = "{\"type\":\"degraded\",\"degraded\":false}";

    changed = (ngx_chatalot_ws_hub.up != up);
    ngx_chatalot_ws_hub.up = up;

    text = up ? ends : begins;
    buffer = changed ? ngx_chatalot_ws_out_text(text, ngx_strlen(text)) : NULL;

    for (q = ngx_queue_head(&ngx_chatalot_ws_hub.sessions);
         q != ngx_queue_sentinel(&ngx_chatalot_ws_hub.sessions);
         q = ngx_queue_next(q))
    {
        session = ngx_queue_data(q, ngx_chatalot_ws_session_t, queue);

        if (buffer && session->state == NGX_CHATALOT_WS_READY) {
            ngx_chatalot_ws_conn_send(&session->conn, buffer);
        }

        if (changed && session->waiting) {
            session->waiting = 0;
            ngx_chatalot_ws_start_attached(session);
        }

        if (up) {
            ngx_chatalot_ws_renew(session);
        }
    }

    if (buffer) {
        ngx_chatalot_ws_out_release(buffer);
    }
}
