/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The queue of sessions to re-authorise: see the header.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_ws_renew.h"
#include "ngx_chatalot_ws_start.h"


#define NGX_CHATALOT_WS_RENEW_RUNNING  8        /* at once */
#define NGX_CHATALOT_WS_RENEW_PAUSE    1000     /* ms after a failure */


typedef struct {
    ngx_queue_t    queue;
    ngx_uint_t     running;
    ngx_event_t    pause;
} ngx_chatalot_ws_renew_t;


static void ngx_chatalot_ws_renew_next(void);
static void ngx_chatalot_ws_renew_on_pause(ngx_event_t *ev);


static ngx_chatalot_ws_renew_t  ngx_chatalot_ws_renewals;


void
ngx_chatalot_ws_renew_init(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_chatalot_ws_renewals.queue);

    ngx_chatalot_ws_renewals.pause.handler = ngx_chatalot_ws_renew_on_pause;
    ngx_chatalot_ws_renewals.pause.data = &ngx_chatalot_no_connection;
    ngx_chatalot_ws_renewals.pause.log = cycle->log;
    ngx_chatalot_ws_renewals.pause.cancelable = 1;
}


void
ngx_chatalot_ws_renew(ngx_chatalot_ws_session_t *session)
{
    if (session->state == NGX_CHATALOT_WS_OVER || session->renewal == NGX_CHATALOT_WS_RENEW_QUEUED) {
        return;
    }

    if (session->state != NGX_CHATALOT_WS_READY || session->renewal != NGX_CHATALOT_WS_SETTLED) {
        session->stale = 1;
        return;
    }

    session->stale = 0;
    session->renewal = NGX_CHATALOT_WS_RENEW_QUEUED;
    ngx_queue_insert_tail(&ngx_chatalot_ws_renewals.queue, &session->renewals);

    ngx_chatalot_ws_renew_next();
}


static void
ngx_chatalot_ws_renew_next(void)
{
    ngx_queue_t                *q;
    ngx_chatalot_ws_session_t  *session;

    while (ngx_chatalot_ws_renewals.running < NGX_CHATALOT_WS_RENEW_RUNNING
           && !ngx_chatalot_ws_renewals.pause.timer_set
           && !ngx_queue_empty(&ngx_chatalot_ws_renewals.queue)
           && !ngx_exiting)
    {
        q = ngx_queue_head(&ngx_chatalot_ws_renewals.queue);
        session = ngx_queue_data(q, ngx_chatalot_ws_session_t, renewals);

        ngx_queue_remove(q);

        session->gained = 0;
        session->stale = 0;
        session->renewal = NGX_CHATALOT_WS_RENEW_STARTING;
        ngx_chatalot_ws_renewals.running++;

        if (ngx_chatalot_ws_start_renewal(session) != NGX_OK) {
            ngx_chatalot_ws_renew_later(session);
        }
    }
}


void
ngx_chatalot_ws_renew_done(ngx_chatalot_ws_session_t *session)
{
    session->renewal = NGX_CHATALOT_WS_SETTLED;
    ngx_chatalot_ws_renewals.running--;

    if (session->stale) {
        ngx_chatalot_ws_renew(session);
    }

    ngx_chatalot_ws_renew_next();
}


void
ngx_chatalot_ws_renew_later(ngx_chatalot_ws_session_t *session)
{
    session->renewal = NGX_CHATALOT_WS_RENEW_QUEUED;
    ngx_queue_insert_head(&ngx_chatalot_ws_renewals.queue, &session->renewals);
    ngx_chatalot_ws_renewals.running--;

    if (!ngx_chatalot_ws_renewals.pause.timer_set) {
        ngx_add_timer(&ngx_chatalot_ws_renewals.pause, NGX_CHATALOT_WS_RENEW_PAUSE);
    }
}


void
ngx_chatalot_ws_renew_forget(ngx_chatalot_ws_session_t *session)
{
    ngx_uint_t  renewal;

    renewal = session->renewal;

    if (renewal == NGX_CHATALOT_WS_SETTLED) {
        return;
    }

    session->renewal = NGX_CHATALOT_WS_SETTLED;

    if (renewal == NGX_CHATALOT_WS_RENEW_QUEUED) {
        ngx_queue_remove(&session->renewals);
        return;
    }

    ngx_chatalot_ws_renewals.running--;
    ngx_chatalot_ws_renew_next();
}


static void
ngx_chatalot_ws_renew_on_pause(ngx_event_t *ev)
{
    ngx_chatalot_ws_renew_next();
}
