/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life of a connection: see the header. It is freed in ngx_chatalot_ws_conn_destroy() only, and that is called only
 * from the bottom of the three event handlers (read, write, timer), so that nobody finds it gone under his feet.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_ws_conn.h"
#include "ngx_chatalot_ws_in.h"


#define NGX_CHATALOT_WS_READ_SIZE       (64 * 1024)
#define NGX_CHATALOT_WS_READ_ROUNDS     4           /* before others get their turn */
#define NGX_CHATALOT_WS_CLOSE_TIMEOUT   3000
#define NGX_CHATALOT_WS_MISSED_MAX      2


static void ngx_chatalot_ws_conn_free_http(ngx_http_connection_t *hc, ngx_connection_t *c);
static ngx_int_t ngx_chatalot_ws_conn_options(ngx_connection_t *c);
static void ngx_chatalot_ws_conn_read_handler(ngx_event_t *rev);
static void ngx_chatalot_ws_conn_write_handler(ngx_event_t *wev);
static void ngx_chatalot_ws_conn_hold(ngx_chatalot_ws_conn_t *conn, ngx_msec_t wait);
static void ngx_chatalot_ws_conn_unhold(ngx_chatalot_ws_conn_t *conn);
static void ngx_chatalot_ws_conn_on_turn(ngx_event_t *ev);
static void ngx_chatalot_ws_conn_farewell(ngx_chatalot_ws_conn_t *conn);
static ngx_int_t ngx_chatalot_ws_conn_settle(ngx_chatalot_ws_conn_t *conn);
static void ngx_chatalot_ws_conn_timer_handler(ngx_chatalot_ws_conn_t *conn);
static void ngx_chatalot_ws_conn_destroy(ngx_chatalot_ws_conn_t *conn);
static u_char *ngx_chatalot_ws_conn_log_error(ngx_log_t *log, u_char *buf, size_t len);


const ngx_chatalot_ws_conn_listener_t  *ngx_chatalot_ws_conn_listener;

/* All connections of the worker read into this: an idle one has no buffer. */
static u_char                                 *ngx_chatalot_ws_conn_buffer;

static ngx_chatalot_ws_buffer_t               *ngx_chatalot_ws_conn_ping_frame;

/* Who waits to be written to, and for how long: all for the one who waits shortest. */
static ngx_queue_t                             ngx_chatalot_ws_conn_held;
static ngx_event_t                             ngx_chatalot_ws_conn_turn;


ngx_int_t
ngx_chatalot_ws_conn_init(ngx_cycle_t *cycle)
{
    ngx_chatalot_ws_conn_buffer = ngx_palloc(cycle->pool, NGX_CHATALOT_WS_READ_SIZE);
    ngx_chatalot_ws_conn_ping_frame = ngx_chatalot_ws_out_frame(NGX_CHATALOT_WS_PING, 0);

    ngx_queue_init(&ngx_chatalot_ws_conn_held);
    ngx_chatalot_ws_conn_turn.handler = ngx_chatalot_ws_conn_on_turn;
    ngx_chatalot_ws_conn_turn.data = &ngx_chatalot_no_connection;
    ngx_chatalot_ws_conn_turn.log = cycle->log;
    ngx_chatalot_ws_conn_turn.cancelable = 1;

    return (ngx_chatalot_ws_conn_buffer && ngx_chatalot_ws_conn_ping_frame) ? NGX_OK : NGX_ERROR;
}


void
ngx_chatalot_ws_conn_listen(const ngx_chatalot_ws_conn_listener_t *listener)
{
    ngx_chatalot_ws_conn_listener = listener;
}


void
ngx_chatalot_ws_conn_take(ngx_chatalot_ws_conn_t *conn, ngx_http_request_t *r)
{
    size_t                  len;
    u_char                 *early;
    ngx_connection_t       *c;
    ngx_http_connection_t  *hc;

    c = r->connection;
    hc = r->http_connection;

    /* frames that came in one packet with the request lie behind its head */

    early = NULL;
    len = r->header_in->last - r->header_in->pos;

    if (len) {
        early = ngx_alloc(len, c->log);

        if (early) {
            ngx_memcpy(early, r->header_in->pos, len);
        }
    }

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->write->delayed = 0;

    ngx_http_free_request(r, 0);
    ngx_chatalot_ws_conn_free_http(hc, c);

    c->destroyed = 0;
    c->sent = 0;
    c->data = conn;
    c->read->handler = ngx_chatalot_ws_conn_read_handler;
    c->write->handler = ngx_chatalot_ws_conn_write_handler;
    c->log->handler = ngx_chatalot_ws_conn_log_error;
    c->log->data = conn;
    c->log->action = "serving WebSocket";
    c->log_error = NGX_ERROR_INFO;

    /* idle, so that the exiting worker tells us; not reusable, so that nginx never sheds it for a new connection */
    c->idle = 1;

    conn->connection = c;

    ngx_chatalot_ws_conn_timer(conn, conn->conf->auth_timeout);

    if ((len && early == NULL) || ngx_chatalot_ws_conn_options(c) != NGX_OK) {
        ngx_free(early);
        ngx_chatalot_ws_conn_destroy(conn);
        return;
    }

    if (ngx_exiting) {
        c->close = 1;
    }

    if (len) {
        ngx_chatalot_ws_in_feed(conn, early, len);
        ngx_free(early);
    }

    /* TLS may hold bytes that no event will announce */
    c->read->ready = 1;
    ngx_post_event(c->read, &ngx_posted_events);
}


/* What ngx_http_set_keepalive() would keep for a next request. */

static void
ngx_chatalot_ws_conn_free_http(ngx_http_connection_t *hc, ngx_connection_t *c)
{
    ngx_chain_t  *cl, *ln;

    for (cl = hc->busy; cl; /* void */) {
        ln = cl;
        cl = cl->next;
        ngx_pfree(c->pool, ln->buf->start);
        ngx_free_chain(c->pool, ln);
    }

    for (cl = hc->free; cl; /* void */) {
        ln = cl;
        cl = cl->next;
        ngx_pfree(c->pool, ln->buf->start);
        ngx_free_chain(c->pool, ln);
    }

    hc->busy = NULL;
    hc->nbusy = 0;
    hc->free = NULL;

    if (c->buffer) {
        ngx_pfree(c->pool, c->buffer->start);
        c->buffer = NULL;
    }

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        ngx_ssl_free_buffer(c);
    }
#endif
}


static ngx_int_t
ngx_chatalot_ws_conn_options(ngx_connection_t *c)
{
    if (c->tcp_nopush == NGX_TCP_NOPUSH_SET) {

        if (ngx_tcp_push(c->fd) == -1) {
            ngx_connection_error(c, ngx_socket_errno, ngx_tcp_push_n " failed");
            return NGX_ERROR;
        }

        c->tcp_nopush = NGX_TCP_NOPUSH_UNSET;
    }

    return ngx_tcp_nodelay(c);
}


static void
ngx_chatalot_ws_conn_read_handler(ngx_event_t *rev)
{
    ssize_t                  n;
    ngx_uint_t               round;
    ngx_connection_t        *c;
    ngx_chatalot_ws_conn_t  *conn;

    c = rev->data;
    conn = c->data;

    if (c->close) {
        c->close = 0;
        c->idle = 0;

        if (c->error) {
            /* worker_shutdown_timeout */
            ngx_chatalot_ws_conn_destroy(conn);
            return;
        }

        if (conn->state == NGX_CHATALOT_WS_CONN_OPEN) {
            ngx_chatalot_ws_conn_listener->leave(conn);
        }
    }

    if (rev->timedout) {
        rev->timedout = 0;
        ngx_chatalot_ws_conn_timer_handler(conn);
        return;
    }

    for (round = 0; rev->ready && round < NGX_CHATALOT_WS_READ_ROUNDS; round++) {

        n = c->recv(c, ngx_chatalot_ws_conn_buffer, NGX_CHATALOT_WS_READ_SIZE);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            c->error = (n == NGX_ERROR);

            if (n == 0 && conn->state == NGX_CHATALOT_WS_CONN_ENDING) {
                /* the peer's close frame and its end of file came together; it may still listen for ours */
                ngx_chatalot_ws_conn_farewell(conn);
                (void) ngx_chatalot_ws_out_write(&conn->out, c);
            }

            ngx_chatalot_ws_conn_destroy(conn);
            return;
        }

        conn->missed = 0;

        ngx_chatalot_ws_in_feed(conn, ngx_chatalot_ws_conn_buffer, n);
    }

    if (conn->state == NGX_CHATALOT_WS_CONN_CLOSING && ngx_chatalot_ws_conn_settle(conn) != NGX_OK) {
        ngx_chatalot_ws_conn_destroy(conn);
        return;
    }

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_next_events);
        return;
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_chatalot_ws_conn_destroy(conn);
    }
}


void
ngx_chatalot_ws_conn_send(ngx_chatalot_ws_conn_t *conn, ngx_chatalot_ws_buffer_t *buffer)
{
    ngx_chatalot_ws_conn_send_in(conn, buffer, 0);
}


void
ngx_chatalot_ws_conn_send_in(ngx_chatalot_ws_conn_t *conn, ngx_chatalot_ws_buffer_t *buffer, ngx_msec_t wait)
{
    ngx_event_t             *wev;
    ngx_chatalot_ws_out_t   *out;

    if (conn->state != NGX_CHATALOT_WS_CONN_OPEN || conn->broken) {
        return;
    }

    out = &conn->out;
    wev = conn->connection->write;

    /* frames of one turn of the event loop are gathered, but not beyond what may wait */

    if (out->size && out->size + buffer->len > conn->conf->send_queue) {

        if (wev->ready && ngx_chatalot_ws_out_write(out, conn->connection) == NGX_ERROR) {
            conn->broken = 1;
            ngx_post_event(wev, &ngx_posted_events);
            return;
        }

        if (out->size && out->size + buffer->len > conn->conf->send_queue) {
            ngx_log_error(NGX_LOG_INFO, conn->connection->log, 0, "chatalot: the send queue is full");
            ngx_chatalot_ws_out_cut(out);
            ngx_chatalot_ws_conn_close(conn, NGX_CHATALOT_WS_TRY_LATER);
            return;
        }
    }

    if (ngx_chatalot_ws_out_append(out, buffer) != NGX_OK) {
        ngx_chatalot_ws_conn_close(conn, NGX_CHATALOT_WS_INTERNAL);
        return;
    }

    if (!wev->ready || wev->posted) {
        return;
    }

    if (wait) {
        ngx_chatalot_ws_conn_hold(conn, wait);
        return;
    }

    ngx_chatalot_ws_conn_unhold(conn);
    ngx_post_event(wev, &ngx_posted_events);
}


static void
ngx_chatalot_ws_conn_hold(ngx_chatalot_ws_conn_t *conn, ngx_msec_t wait)
{
    ngx_event_t  *turn;

    turn = &ngx_chatalot_ws_conn_turn;

    if (!conn->held) {
        conn->held = 1;
        ngx_queue_insert_tail(&ngx_chatalot_ws_conn_held, &conn->queue);
    }

    if (turn->timer_set && (ngx_msec_int_t) (ngx_current_msec + wait - turn->timer.key) < 0) {
        ngx_del_timer(turn);
    }

    if (!turn->timer_set) {
        ngx_add_timer(turn, wait);
    }
}


static void
ngx_chatalot_ws_conn_unhold(ngx_chatalot_ws_conn_t *conn)
{
    if (conn->held) {
        conn->held = 0;
        ngx_queue_remove(&conn->queue);
    }
}


static void
ngx_chatalot_ws_conn_on_turn(ngx_event_t *ev)
{
    ngx_event_t             *wev;
    ngx_chatalot_ws_conn_t  *conn;

    while (!ngx_queue_empty(&ngx_chatalot_ws_conn_held)) {
        conn = ngx_queue_data(ngx_queue_head(&ngx_chatalot_ws_conn_held), ngx_chatalot_ws_conn_t, queue);

        ngx_chatalot_ws_conn_unhold(conn);

        wev = conn->connection->write;

        if (wev->ready) {
            ngx_post_event(wev, &ngx_posted_events);
        }
    }
}


void
ngx_chatalot_ws_conn_close(ngx_chatalot_ws_conn_t *conn, ngx_uint_t code)
{
    if (conn->state != NGX_CHATALOT_WS_CONN_OPEN) {
        return;
    }

    conn->state = NGX_CHATALOT_WS_CONN_ENDING;
    conn->close_code = code;

    /*
     * Whoever asked for this may be in the middle of something: the rest follows from the event loop. An exiting worker asks
     * from outside of the loop, where only what is posted for its next turn keeps that from waiting for an event first.
     */

    if (ngx_exiting) {
        ngx_post_event(conn->connection->write, &ngx_posted_next_events);

    } else {
        ngx_post_event(conn->connection->write, &ngx_posted_events);
    }
}


static void
ngx_chatalot_ws_conn_write_handler(ngx_event_t *wev)
{
    ngx_int_t                rc;
    ngx_connection_t        *c;
    ngx_chatalot_ws_conn_t  *conn;

    c = wev->data;
    conn = c->data;

    if (conn->state == NGX_CHATALOT_WS_CONN_ENDING) {
        ngx_chatalot_ws_conn_farewell(conn);
    }

    rc = conn->broken ? NGX_ERROR : ngx_chatalot_ws_out_write(&conn->out, c);

    if (rc == NGX_ERROR) {
        c->error = 1;
        ngx_chatalot_ws_conn_destroy(conn);
        return;
    }

    if (conn->state == NGX_CHATALOT_WS_CONN_CLOSING && ngx_chatalot_ws_conn_settle(conn) != NGX_OK) {
        ngx_chatalot_ws_conn_destroy(conn);
    }
}


static void
ngx_chatalot_ws_conn_farewell(ngx_chatalot_ws_conn_t *conn)
{
    size_t                     len;
    u_char                     payload[NGX_CHATALOT_WS_CONTROL_MAX], *p;
    ngx_chatalot_ws_buffer_t  *frame;

    ngx_chatalot_ws_conn_listener->closed(conn);

    conn->state = NGX_CHATALOT_WS_CONN_CLOSING;
    conn->connection->idle = 0;

    ngx_chatalot_ws_in_clear(conn);
    ngx_chatalot_ws_conn_timer(conn, NGX_CHATALOT_WS_CLOSE_TIMEOUT);

    p = payload;

    if (conn->close_code != NGX_CHATALOT_WS_NO_STATUS) {
        *p++ = conn->close_code >> 8;
        *p++ = conn->close_code & 0xff;
    }

    if (conn->close_code == NGX_CHATALOT_WS_RESTART && !conn->deaf) {
        p = ngx_sprintf(p, "reconnect=%uD", conn->reconnect);
    }

    len = p - payload;

    frame = ngx_chatalot_ws_out_frame(NGX_CHATALOT_WS_CLOSE, len);

    if (frame) {
        ngx_memcpy(ngx_chatalot_ws_out_payload(frame), payload, len);
    }

    if (frame == NULL || ngx_chatalot_ws_out_append(&conn->out, frame) != NGX_OK) {
        conn->broken = 1;
    }

    if (frame) {
        ngx_chatalot_ws_out_release(frame);
    }
}


/*
 * Closing is over when our frame has left and the peer's has come, or none can come. Then our direction is shut down and
 * the peer hangs up: closing at once could send a reset that overtakes our last frames. NGX_DECLINED: over and done.
 */

static ngx_int_t
ngx_chatalot_ws_conn_settle(ngx_chatalot_ws_conn_t *conn)
{
    ngx_connection_t  *c;

    c = conn->connection;

    if (!conn->deaf || conn->half || conn->out.first || (c->buffered & NGX_LOWLEVEL_BUFFERED)) {
        return NGX_OK;
    }

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        return NGX_DECLINED;
    }
#endif

    conn->half = 1;

    if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1) {
        ngx_connection_error(c, ngx_socket_errno, ngx_shutdown_socket_n " failed");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


void
ngx_chatalot_ws_conn_timer(ngx_chatalot_ws_conn_t *conn, ngx_msec_t delay)
{
    ngx_event_t  *rev;

    rev = conn->connection->read;

    if (rev->timer_set) {
        ngx_del_timer(rev);
    }

    conn->pinging = 0;
    ngx_add_timer(rev, delay);
}


void
ngx_chatalot_ws_conn_ping(ngx_chatalot_ws_conn_t *conn)
{
    ngx_chatalot_ws_conn_timer(conn, conn->conf->ping_interval);

    conn->pinging = 1;
    conn->missed = 0;
}


static void
ngx_chatalot_ws_conn_timer_handler(ngx_chatalot_ws_conn_t *conn)
{
    if (conn->state == NGX_CHATALOT_WS_CONN_OPEN) {

        if (!conn->pinging) {
            ngx_chatalot_ws_conn_listener->timeout(conn);
            return;
        }

        if (conn->missed < NGX_CHATALOT_WS_MISSED_MAX) {
            conn->missed++;
            ngx_add_timer(conn->connection->read, conn->conf->ping_interval);
            ngx_chatalot_ws_conn_send(conn, ngx_chatalot_ws_conn_ping_frame);
            return;
        }

        ngx_log_error(NGX_LOG_INFO, conn->connection->log, 0, "chatalot: the client does not answer pings");
    }

    conn->connection->timedout = 1;
    ngx_chatalot_ws_conn_destroy(conn);
}


static void
ngx_chatalot_ws_conn_destroy(ngx_chatalot_ws_conn_t *conn)
{
    ngx_connection_t  *c;

    c = conn->connection;

    if (conn->state != NGX_CHATALOT_WS_CONN_CLOSING) {
        conn->state = NGX_CHATALOT_WS_CONN_CLOSING;
        ngx_chatalot_ws_conn_listener->closed(conn);
    }

    ngx_chatalot_ws_conn_unhold(conn);
    ngx_chatalot_ws_out_clear(&conn->out);
    ngx_chatalot_ws_in_clear(conn);

    c->data = NULL;
    c->idle = 0;
    c->log->handler = NULL;
    c->log->data = NULL;
    c->log->action = NULL;

    ngx_chatalot_ws_conn_listener->destroy(conn);

    ngx_http_close_connection(c);
}


static u_char *
ngx_chatalot_ws_conn_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char                  *p;
    ngx_chatalot_ws_conn_t  *conn;

    p = buf;
    conn = log->data;

    if (log->action) {
        p = ngx_snprintf(p, len, " while %s", log->action);
        len -= p - buf;
    }

    return ngx_snprintf(p, len, ", client: %V", &conn->address);
}
