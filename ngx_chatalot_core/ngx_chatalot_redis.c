/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hiredis on nginx events. hiredis reads one piece a time, so its socket is watched level-triggered. It asks for a write
 * event after each command; as a socket can nearly always be written to, what commands have gathered is written at the end
 * of the event loop's next turn, and only what did not go waits for epoll. At the end of the same turn there would be less
 * to write at once.
 */

#include "ngx_chatalot_redis.h"
#include "ngx_chatalot_core.h"


#define NGX_CHATALOT_REDIS_CONNECT       5000       /* ms for connecting and signing in */
#define NGX_CHATALOT_REDIS_BACKOFF_MIN   100        /* ms */
#define NGX_CHATALOT_REDIS_BACKOFF_MAX   5000


static void ngx_chatalot_redis_connect(ngx_chatalot_redis_t *redis);
static void ngx_chatalot_redis_on_connect(const redisAsyncContext *ac,
    int status);
static void ngx_chatalot_redis_on_password(redisAsyncContext *ac, void *reply,
    void *data);
static void ngx_chatalot_redis_on_database(redisAsyncContext *ac, void *reply,
    void *data);
static ngx_uint_t ngx_chatalot_redis_refused(ngx_chatalot_redis_t *redis,
    redisReply *reply, const char *command);
static void ngx_chatalot_redis_on_up(ngx_chatalot_redis_t *redis);
static void ngx_chatalot_redis_on_disconnect(const redisAsyncContext *ac,
    int status);
static void ngx_chatalot_redis_gone(ngx_chatalot_redis_t *redis,
    const char *why);
static void ngx_chatalot_redis_on_timer(ngx_event_t *ev);
static void ngx_chatalot_redis_on_lost(ngx_event_t *ev);
static void ngx_chatalot_redis_free(ngx_chatalot_redis_t *redis);

static ngx_int_t ngx_chatalot_redis_watch(ngx_chatalot_redis_t *redis);
static void ngx_chatalot_redis_on_read(ngx_event_t *ev);
static void ngx_chatalot_redis_on_write(ngx_event_t *ev);
static void ngx_chatalot_redis_on_send(ngx_event_t *ev);
static void ngx_chatalot_redis_add_read(void *data);
static void ngx_chatalot_redis_del_read(void *data);
static void ngx_chatalot_redis_add_write(void *data);
static void ngx_chatalot_redis_del_write(void *data);
static void ngx_chatalot_redis_unwatch(void *data);


void
ngx_chatalot_redis_open(ngx_chatalot_redis_t *redis, ngx_log_t *log)
{
    redis->log = log;
    redis->backoff = NGX_CHATALOT_REDIS_BACKOFF_MIN;

    redis->timer.handler = ngx_chatalot_redis_on_timer;
    redis->timer.data = redis;
    redis->timer.log = log;
    redis->timer.cancelable = 1;

    redis->lost.handler = ngx_chatalot_redis_on_lost;
    redis->lost.data = redis;
    redis->lost.log = log;

    redis->send.handler = ngx_chatalot_redis_on_send;
    redis->send.data = redis;
    redis->send.log = log;

    ngx_chatalot_redis_connect(redis);
}


void
ngx_chatalot_redis_close(ngx_chatalot_redis_t *redis)
{
    redis->on_down = NULL;

    ngx_chatalot_redis_free(redis);

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    if (redis->lost.posted) {
        ngx_delete_posted_event(&redis->lost);
    }
}


void
ngx_chatalot_redis_drop(ngx_chatalot_redis_t *redis)
{
    if (redis->ac) {
        ngx_post_event(&redis->lost, &ngx_posted_events);
    }
}


static void
ngx_chatalot_redis_connect(ngx_chatalot_redis_t *redis)
{
    redisAsyncContext             *ac;
    ngx_chatalot_redis_address_t  *address;

    address = ngx_chatalot_conf()->redis;

    if (address->path.len) {
        ac = redisAsyncConnectUnix((char *) address->path.data);

    } else {
        ac = redisAsyncConnect((char *) address->host.data,
                               (int) address->port);
    }

    if (ac == NULL) {
        ngx_chatalot_redis_gone(redis, "not enough memory");
        return;
    }

    redis->ac = ac;
    ac->data = redis;

    if (ac->err) {
        ngx_chatalot_redis_free(redis);
        ngx_chatalot_redis_gone(redis, "cannot connect");
        return;
    }

    if (ngx_chatalot_redis_watch(redis) != NGX_OK
        || redisAsyncSetDisconnectCallback(ac, ngx_chatalot_redis_on_disconnect)
           != REDIS_OK
        || redisAsyncSetConnectCallback(ac, ngx_chatalot_redis_on_connect)
           != REDIS_OK)
    {
        ngx_chatalot_redis_free(redis);
        ngx_chatalot_redis_gone(redis, "cannot watch the socket");
        return;
    }

    ngx_add_timer(&redis->timer, NGX_CHATALOT_REDIS_CONNECT);
}


/* After a failure hiredis frees the context by itself. */

static void
ngx_chatalot_redis_on_connect(const redisAsyncContext *ac, int status)
{
    int                            rc;
    ngx_chatalot_redis_t          *redis = ac->data;
    ngx_chatalot_redis_address_t  *address;

    if (redis->ac != ac) {
        return;
    }

    if (status != REDIS_OK) {
        redis->ac = NULL;
        ngx_chatalot_redis_gone(redis, "cannot connect");
        return;
    }

    address = ngx_chatalot_conf()->redis;

    if (address->password.len == 0) {
        ngx_chatalot_redis_on_password(redis->ac, NULL, redis);
        return;
    }

    if (address->username.len) {
        rc = redisAsyncCommand(redis->ac, ngx_chatalot_redis_on_password, NULL,
                               "AUTH %b %b", address->username.data,
                               address->username.len, address->password.data,
                               address->password.len);

    } else {
        rc = redisAsyncCommand(redis->ac, ngx_chatalot_redis_on_password, NULL,
                               "AUTH %b", address->password.data,
                               address->password.len);
    }

    if (rc != REDIS_OK) {
        ngx_chatalot_redis_drop(redis);
    }
}


/* data is set where no password was needed */

static void
ngx_chatalot_redis_on_password(redisAsyncContext *ac, void *reply, void *data)
{
    ngx_chatalot_redis_t          *redis = ac->data;
    ngx_chatalot_redis_address_t  *address;

    if (data == NULL && ngx_chatalot_redis_refused(redis, reply, "AUTH")) {
        return;
    }

    address = ngx_chatalot_conf()->redis;

    if (address->database == 0) {
        ngx_chatalot_redis_on_up(redis);
        return;
    }

    if (redisAsyncCommand(ac, ngx_chatalot_redis_on_database, NULL,
                          "SELECT %d", (int) address->database)
        != REDIS_OK)
    {
        ngx_chatalot_redis_drop(redis);
    }
}


static void
ngx_chatalot_redis_on_database(redisAsyncContext *ac, void *reply, void *data)
{
    ngx_chatalot_redis_t  *redis = ac->data;

    if (!ngx_chatalot_redis_refused(redis, reply, "SELECT")) {
        ngx_chatalot_redis_on_up(redis);
    }
}


static ngx_uint_t
ngx_chatalot_redis_refused(ngx_chatalot_redis_t *redis, redisReply *reply,
    const char *command)
{
    if (reply == NULL) {
        return 1;       /* the connection is going; on_disconnect follows */
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                      "chatalot: Redis refuses %s: %s", command, reply->str);
        redis->backoff = NGX_CHATALOT_REDIS_BACKOFF_MAX;
        ngx_chatalot_redis_drop(redis);
        return 1;
    }

    return 0;
}


static void
ngx_chatalot_redis_on_up(ngx_chatalot_redis_t *redis)
{
    ngx_del_timer(&redis->timer);

    redis->backoff = NGX_CHATALOT_REDIS_BACKOFF_MIN;
    redis->up = 1;

    redis->on_up(redis);
}


static void
ngx_chatalot_redis_on_disconnect(const redisAsyncContext *ac, int status)
{
    ngx_chatalot_redis_t  *redis = ac->data;

    if (redis->ac != ac) {
        return;
    }

    redis->ac = NULL;
    ngx_chatalot_redis_gone(redis, "was lost");
}


static void
ngx_chatalot_redis_gone(ngx_chatalot_redis_t *redis, const char *why)
{
    ngx_uint_t  was_up, level;
    ngx_msec_t  delay;

    was_up = redis->up;
    redis->up = 0;

    level = was_up ? NGX_LOG_ERR : NGX_LOG_WARN;

    ngx_log_error(level, redis->log, 0,
                  "chatalot: Redis connection for %s %s", redis->name, why);

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    delay = redis->backoff / 2 + ngx_random() % (redis->backoff / 2 + 1);
    redis->backoff = ngx_min(redis->backoff * 2,
                             NGX_CHATALOT_REDIS_BACKOFF_MAX);

    ngx_add_timer(&redis->timer, delay);

    if (was_up && redis->on_down) {
        redis->on_down(redis);
    }
}


static void
ngx_chatalot_redis_on_timer(ngx_event_t *ev)
{
    ngx_chatalot_redis_t  *redis = ev->data;

    if (redis->ac == NULL) {
        ngx_chatalot_redis_connect(redis);
        return;
    }

    ngx_chatalot_redis_free(redis);
    ngx_chatalot_redis_gone(redis, "cannot connect in time");
}


static void
ngx_chatalot_redis_on_lost(ngx_event_t *ev)
{
    ngx_chatalot_redis_t  *redis = ev->data;

    if (redis->ac) {
        ngx_chatalot_redis_free(redis);
        ngx_chatalot_redis_gone(redis, "was given up");
    }
}


/* Pending callbacks run with a NULL reply; ours see that the context is no longer the current one. */

static void
ngx_chatalot_redis_free(ngx_chatalot_redis_t *redis)
{
    redisAsyncContext  *ac;

    ac = redis->ac;
    redis->ac = NULL;

    if (ac) {
        redisAsyncFree(ac);
    }
}


static ngx_int_t
ngx_chatalot_redis_watch(ngx_chatalot_redis_t *redis)
{
    ngx_connection_t   *c;
    redisAsyncContext  *ac;

    ac = redis->ac;

    c = ngx_get_connection(ac->c.fd, redis->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = redis;
    c->log = redis->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_chatalot_redis_on_read;
    c->write->handler = ngx_chatalot_redis_on_write;

    redis->c = c;

    ac->ev.data = redis;
    ac->ev.addRead = ngx_chatalot_redis_add_read;
    ac->ev.delRead = ngx_chatalot_redis_del_read;
    ac->ev.addWrite = ngx_chatalot_redis_add_write;
    ac->ev.delWrite = ngx_chatalot_redis_del_write;
    ac->ev.cleanup = ngx_chatalot_redis_unwatch;

    return NGX_OK;
}


static void
ngx_chatalot_redis_on_read(ngx_event_t *ev)
{
    ngx_connection_t      *c = ev->data;
    ngx_chatalot_redis_t  *redis = c->data;

    if (redis->ac) {
        redisAsyncHandleRead(redis->ac);
    }
}


static void
ngx_chatalot_redis_on_write(ngx_event_t *ev)
{
    ngx_connection_t      *c = ev->data;
    ngx_chatalot_redis_t  *redis = c->data;

    if (redis->ac) {
        redisAsyncHandleWrite(redis->ac);
    }
}


/* The connection may be gone behind this call; redis never is. */

static void
ngx_chatalot_redis_on_send(ngx_event_t *ev)
{
    ngx_chatalot_redis_t  *redis = ev->data;

    if (redis->ac) {
        redis->sending = 1;
        redisAsyncHandleWrite(redis->ac);
        redis->sending = 0;
    }
}


static void
ngx_chatalot_redis_add_read(void *data)
{
    ngx_chatalot_redis_t  *redis = data;

    if (redis->c && !redis->c->read->active) {
        (void) ngx_add_event(redis->c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT);
    }
}


static void
ngx_chatalot_redis_del_read(void *data)
{
    ngx_chatalot_redis_t  *redis = data;

    if (redis->c && redis->c->read->active) {
        (void) ngx_del_event(redis->c->read, NGX_READ_EVENT, 0);
    }
}


/* That a connection is made shows only by its first write event. */

static void
ngx_chatalot_redis_add_write(void *data)
{
    ngx_chatalot_redis_t  *redis = data;

    if (redis->ac == NULL || redis->c == NULL || redis->c->write->active) {
        return;
    }

    if ((redis->ac->c.flags & REDIS_CONNECTED) && !redis->sending) {
        ngx_post_event(&redis->send, &ngx_posted_next_events);
        return;
    }

    (void) ngx_add_event(redis->c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
}


static void
ngx_chatalot_redis_del_write(void *data)
{
    ngx_chatalot_redis_t  *redis = data;

    if (redis->c && redis->c->write->active) {
        (void) ngx_del_event(redis->c->write, NGX_WRITE_EVENT, 0);
    }
}


/* hiredis calls this before it closes the socket */

static void
ngx_chatalot_redis_unwatch(void *data)
{
    ngx_connection_t      *c;
    ngx_chatalot_redis_t  *redis = data;

    c = redis->c;

    if (c == NULL) {
        return;
    }

    ngx_chatalot_redis_del_read(redis);
    ngx_chatalot_redis_del_write(redis);

    redis->c = NULL;

    if (redis->send.posted) {
        ngx_delete_posted_event(&redis->send);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->read->closed = 1;
    c->write->closed = 1;

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}
