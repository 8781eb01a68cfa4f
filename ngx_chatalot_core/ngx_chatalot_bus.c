/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Topics over two connections to Redis. A message that could not be published was missed by other workers, whose own
 * connections are well: so, when the way is free again, everybody is told to catch up.
 *
 * Every few seconds the bus sends itself a beat through Redis. If it does not come back, one of the connections is dead
 * without saying so, and both are made anew.
 */

#include "ngx_chatalot_bus.h"
#include "ngx_chatalot_core.h"
#include "ngx_chatalot_redis.h"

#include <poll.h>


#define NGX_CHATALOT_BUS_BEAT       10000               /* ms */
#define NGX_CHATALOT_BUS_PENDING    (64 * 1024 * 1024)  /* bytes that Redis has not confirmed */
#define NGX_CHATALOT_BUS_EVERYBODY  "all"               /* the topic for "catch up" */


typedef struct {
    ngx_chatalot_redis_t                 publisher;
    ngx_chatalot_redis_t                 subscriber;
    const ngx_chatalot_bus_listener_t   *listener;

    ngx_rbtree_t                         topics;
    ngx_rbtree_node_t                    sentinel;
    ngx_uint_t                           inactive;      /* topics without confirmation */

    ngx_chatalot_topic_t                *everybody;
    ngx_chatalot_topic_t                *self;
    u_char                               self_name[sizeof("w:") + 16];

    ngx_event_t                          beat;
    size_t                               pending;
    unsigned                             up:1;
    unsigned                             lost:1;        /* a publication came to nothing */
    unsigned                             beaten:1;      /* the last beat came back */
} ngx_chatalot_bus_t;


static void ngx_chatalot_bus_on_publisher_up(ngx_chatalot_redis_t *redis);
static void ngx_chatalot_bus_on_subscriber_up(ngx_chatalot_redis_t *redis);
static void ngx_chatalot_bus_on_down(ngx_chatalot_redis_t *redis);
static void ngx_chatalot_bus_check(void);
static void ngx_chatalot_bus_on_beat(ngx_event_t *ev);
static void ngx_chatalot_bus_flush(void);
static ngx_int_t ngx_chatalot_bus_command(ngx_chatalot_redis_t *redis,
    const char *command, ngx_str_t *topic, redisCallbackFn *callback);
static void ngx_chatalot_bus_on_message(redisAsyncContext *ac, void *data,
    void *unused);
static void ngx_chatalot_bus_on_active(ngx_chatalot_topic_t *topic);
static void ngx_chatalot_bus_on_event(ngx_chatalot_topic_t *topic,
    ngx_str_t *message);
static void ngx_chatalot_bus_on_published(redisAsyncContext *ac, void *data,
    void *size);
static void ngx_chatalot_bus_end(ngx_chatalot_topic_t *topic);
static ngx_chatalot_topic_t *ngx_chatalot_bus_find(ngx_str_t *name);


static ngx_chatalot_bus_t  ngx_chatalot_bus;


ngx_int_t
ngx_chatalot_bus_init(ngx_cycle_t *cycle)
{
    u_char      *p;
    ngx_str_t    name;

    const ngx_chatalot_bus_listener_t  *listener;

    listener = ngx_chatalot_bus.listener;
    ngx_memzero(&ngx_chatalot_bus, sizeof(ngx_chatalot_bus_t));
    ngx_chatalot_bus.listener = listener;

    ngx_rbtree_init(&ngx_chatalot_bus.topics, &ngx_chatalot_bus.sentinel,
                    ngx_str_rbtree_insert_value);

    ngx_str_set(&name, NGX_CHATALOT_BUS_EVERYBODY);
    ngx_chatalot_bus.everybody = ngx_chatalot_bus_subscribe(&name);

    p = ngx_sprintf(ngx_chatalot_bus.self_name, "w:%08xD%08xD",
                    (uint32_t) ngx_random(), (uint32_t) ngx_pid);

    name.data = ngx_chatalot_bus.self_name;
    name.len = p - name.data;
    ngx_chatalot_bus.self = ngx_chatalot_bus_subscribe(&name);

    if (ngx_chatalot_bus.everybody == NULL || ngx_chatalot_bus.self == NULL) {
        return NGX_ERROR;
    }

    ngx_chatalot_bus.beat.handler = ngx_chatalot_bus_on_beat;
    ngx_chatalot_bus.beat.data = &ngx_chatalot_no_connection;
    ngx_chatalot_bus.beat.log = cycle->log;
    ngx_chatalot_bus.beat.cancelable = 1;
    ngx_add_timer(&ngx_chatalot_bus.beat, NGX_CHATALOT_BUS_BEAT);

    ngx_chatalot_bus.publisher.name = "publishing";
    ngx_chatalot_bus.publisher.on_up = ngx_chatalot_bus_on_publisher_up;
    ngx_chatalot_bus.publisher.on_down = ngx_chatalot_bus_on_down;
    ngx_chatalot_redis_open(&ngx_chatalot_bus.publisher, cycle->log);

    ngx_chatalot_bus.subscriber.name = "subscribing";
    ngx_chatalot_bus.subscriber.on_up = ngx_chatalot_bus_on_subscriber_up;
    ngx_chatalot_bus.subscriber.on_down = ngx_chatalot_bus_on_down;
    ngx_chatalot_redis_open(&ngx_chatalot_bus.subscriber, cycle->log);

    return NGX_OK;
}


void
ngx_chatalot_bus_exit(void)
{
    ngx_chatalot_bus.listener = NULL;

    if (ngx_chatalot_bus.beat.timer_set) {
        ngx_del_timer(&ngx_chatalot_bus.beat);
    }

    ngx_chatalot_bus_flush();

    ngx_chatalot_redis_close(&ngx_chatalot_bus.publisher);
    ngx_chatalot_redis_close(&ngx_chatalot_bus.subscriber);
}


/*
 * An exiting worker sees its last answer leave and ends in the same turn of the event loop, when the events of that
 * answer still lie in hiredis' buffer. Nobody is served any more, so this may wait, for a second at most.
 */

static void
ngx_chatalot_bus_flush(void)
{
    int                 done, tries;
    struct pollfd       fd;
    redisAsyncContext  *ac;

    ac = ngx_chatalot_bus.publisher.ac;

    if (ac == NULL || !ngx_chatalot_bus.publisher.up) {
        return;
    }

    fd.fd = ac->c.fd;
    fd.events = POLLOUT;

    for (tries = 0; tries < 10; tries++) {

        if (redisBufferWrite(&ac->c, &done) != REDIS_OK || done) {
            return;
        }

        (void) poll(&fd, 1, 100);
    }
}


void
ngx_chatalot_bus_listen(const ngx_chatalot_bus_listener_t *listener)
{
    ngx_chatalot_bus.listener = listener;
}


ngx_uint_t
ngx_chatalot_bus_up(void)
{
    return ngx_chatalot_bus.up;
}


static void
ngx_chatalot_bus_on_publisher_up(ngx_chatalot_redis_t *redis)
{
    ngx_chatalot_bus_check();
}


static void
ngx_chatalot_bus_on_subscriber_up(ngx_chatalot_redis_t *redis)
{
    ngx_rbtree_t          *tree;
    ngx_rbtree_node_t     *node;
    ngx_chatalot_topic_t  *topic;

    tree = &ngx_chatalot_bus.topics;

    for (node = ngx_rbtree_min(tree->root, tree->sentinel);
         node;
         node = ngx_rbtree_next(tree, node))
    {
        topic = (ngx_chatalot_topic_t *) node;

        if (ngx_chatalot_bus_command(redis, "SUBSCRIBE", &topic->node.str,
                                     ngx_chatalot_bus_on_message)
            != NGX_OK)
        {
            ngx_chatalot_redis_drop(redis);
            return;
        }
    }
}


static void
ngx_chatalot_bus_on_down(ngx_chatalot_redis_t *redis)
{
    ngx_rbtree_t          *tree;
    ngx_rbtree_node_t     *node, *next;
    ngx_chatalot_topic_t  *topic;

    if (redis == &ngx_chatalot_bus.subscriber) {

        tree = &ngx_chatalot_bus.topics;

        for (node = ngx_rbtree_min(tree->root, tree->sentinel);
             node;
             node = next)
        {
            next = ngx_rbtree_next(tree, node);
            topic = (ngx_chatalot_topic_t *) node;

            if (topic->active) {
                topic->active = 0;
                ngx_chatalot_bus.inactive++;
            }

            if (topic->refs == 0) {
                ngx_chatalot_bus_end(topic);
            }
        }
    }

    if (ngx_chatalot_bus.up) {
        ngx_chatalot_bus.up = 0;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "chatalot: Redis is away");

        if (ngx_chatalot_bus.listener) {
            ngx_chatalot_bus.listener->state(0);
        }
    }
}


/* Up, once both connections are and every topic is confirmed. */

static void
ngx_chatalot_bus_check(void)
{
    ngx_str_t  name, control, payload;

    if (!ngx_chatalot_bus.publisher.up
        || !ngx_chatalot_bus.subscriber.up
        || (!ngx_chatalot_bus.up && ngx_chatalot_bus.inactive))
    {
        return;
    }

    if (ngx_chatalot_bus.lost) {
        ngx_chatalot_bus.lost = 0;

        ngx_str_set(&name, NGX_CHATALOT_BUS_EVERYBODY);
        ngx_str_set(&control, "resync");
        ngx_str_set(&payload, "");

        (void) ngx_chatalot_bus_publish(&name, &control, &payload);
    }

    if (ngx_chatalot_bus.up) {
        return;
    }

    ngx_chatalot_bus.up = 1;
    ngx_chatalot_bus.beaten = 1;

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "chatalot: Redis is there");

    if (ngx_chatalot_bus.listener) {
        ngx_chatalot_bus.listener->state(1);
    }
}


static void
ngx_chatalot_bus_on_beat(ngx_event_t *ev)
{
    ngx_str_t  empty = ngx_string("");

    if (ngx_exiting) {
        return;
    }

    ngx_add_timer(ev, NGX_CHATALOT_BUS_BEAT);

    if (!ngx_chatalot_bus.up) {
        return;
    }

    if (!ngx_chatalot_bus.beaten) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "chatalot: Redis does not pass messages on");
        ngx_chatalot_redis_drop(&ngx_chatalot_bus.publisher);
        ngx_chatalot_redis_drop(&ngx_chatalot_bus.subscriber);
        return;
    }

    ngx_chatalot_bus.beaten = 0;

    (void) ngx_chatalot_bus_publish(&ngx_chatalot_bus.self->node.str, &empty,
                                    &empty);
}


ngx_chatalot_topic_t *
ngx_chatalot_bus_subscribe(ngx_str_t *name)
{
    ngx_chatalot_topic_t  *topic;

    topic = ngx_chatalot_bus_find(name);

    if (topic) {
        topic->refs++;
        return topic;
    }

    topic = ngx_alloc(sizeof(ngx_chatalot_topic_t) + name->len, ngx_cycle->log);
    if (topic == NULL) {
        return NULL;
    }

    ngx_memzero(topic, sizeof(ngx_chatalot_topic_t));

    topic->refs = 1;
    topic->node.str.data = (u_char *) (topic + 1);
    topic->node.str.len = name->len;
    ngx_memcpy(topic->node.str.data, name->data, name->len);
    topic->node.node.key = ngx_crc32_short(name->data, name->len);

    ngx_rbtree_insert(&ngx_chatalot_bus.topics, &topic->node.node);
    ngx_chatalot_bus.inactive++;

    if (ngx_chatalot_bus.subscriber.up
        && ngx_chatalot_bus_command(&ngx_chatalot_bus.subscriber, "SUBSCRIBE",
                                    name, ngx_chatalot_bus_on_message)
           != NGX_OK)
    {
        ngx_chatalot_redis_drop(&ngx_chatalot_bus.subscriber);
    }

    return topic;
}


void
ngx_chatalot_bus_unsubscribe(ngx_chatalot_topic_t *topic)
{
    if (--topic->refs) {
        return;
    }

    /*
     * What Redis has not confirmed yet ends when it has: were it gone before,
     * the confirmation would be taken for that of the next SUBSCRIBE of this
     * name, which Redis may not even have read.
     */

    if (ngx_chatalot_bus.subscriber.up && !topic->active) {
        return;
    }

    ngx_chatalot_bus_end(topic);
}


static void
ngx_chatalot_bus_end(ngx_chatalot_topic_t *topic)
{
    if (ngx_chatalot_bus.subscriber.up
        && ngx_chatalot_bus_command(&ngx_chatalot_bus.subscriber, "UNSUBSCRIBE",
                                    &topic->node.str, NULL)
           != NGX_OK)
    {
        ngx_chatalot_redis_drop(&ngx_chatalot_bus.subscriber);
    }

    ngx_rbtree_delete(&ngx_chatalot_bus.topics, &topic->node.node);

    if (!topic->active) {
        ngx_chatalot_bus.inactive--;
    }

    ngx_free(topic);
}


ngx_int_t
ngx_chatalot_bus_publish(ngx_str_t *topic, ngx_str_t *control,
    ngx_str_t *payload)
{
    u_char       *p, *buf;
    size_t        size, lens[3];
    ngx_int_t     rc;
    const char   *argv[3];
    ngx_str_t    *prefix;

    if (!ngx_chatalot_bus.publisher.up) {
        ngx_chatalot_bus.lost = 1;
        return NGX_DECLINED;
    }

    if (ngx_chatalot_bus.pending > NGX_CHATALOT_BUS_PENDING) {
        ngx_chatalot_bus_lose();
        return NGX_DECLINED;
    }

    prefix = &ngx_chatalot_conf()->redis_prefix;
    size = prefix->len + topic->len + control->len + 1 + payload->len;

    buf = ngx_alloc(size, ngx_cycle->log);
    if (buf == NULL) {
        ngx_chatalot_bus_lose();
        return NGX_DECLINED;
    }

    argv[0] = "PUBLISH";
    lens[0] = sizeof("PUBLISH") - 1;

    p = ngx_cpymem(buf, prefix->data, prefix->len);
    p = ngx_cpymem(p, topic->data, topic->len);
    argv[1] = (const char *) buf;
    lens[1] = prefix->len + topic->len;

    argv[2] = (const char *) p;
    lens[2] = control->len + 1 + payload->len;
    p = ngx_cpymem(p, control->data, control->len);
    *p++ = '\n';
    ngx_memcpy(p, payload->data, payload->len);

    rc = redisAsyncCommandArgv(ngx_chatalot_bus.publisher.ac,
                               ngx_chatalot_bus_on_published,
                               (void *) (uintptr_t) size, 3, argv, lens);
    ngx_free(buf);

    if (rc != REDIS_OK) {
        ngx_chatalot_bus_lose();
        return NGX_DECLINED;
    }

    ngx_chatalot_bus.pending += size;

    return NGX_OK;
}


void
ngx_chatalot_bus_lose(void)
{
    ngx_chatalot_bus.lost = 1;
    ngx_chatalot_redis_drop(&ngx_chatalot_bus.publisher);
}


static void
ngx_chatalot_bus_on_published(redisAsyncContext *ac, void *data, void *size)
{
    redisReply  *reply = data;

    ngx_chatalot_bus.pending -= (uintptr_t) size;

    if (reply == NULL) {
        ngx_chatalot_bus.lost = 1;
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "chatalot: Redis refuses PUBLISH: %s", reply->str);
        ngx_chatalot_bus.lost = 1;
        ngx_chatalot_redis_drop(&ngx_chatalot_bus.publisher);
    }
}


static ngx_int_t
ngx_chatalot_bus_command(ngx_chatalot_redis_t *redis, const char *command,
    ngx_str_t *topic, redisCallbackFn *callback)
{
    u_char       *p, *buf;
    size_t        lens[2];
    ngx_int_t     rc;
    const char   *argv[2];
    ngx_str_t    *prefix;

    prefix = &ngx_chatalot_conf()->redis_prefix;

    buf = ngx_alloc(prefix->len + topic->len, ngx_cycle->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(buf, prefix->data, prefix->len);
    p = ngx_cpymem(p, topic->data, topic->len);

    argv[0] = command;
    lens[0] = ngx_strlen(command);
    argv[1] = (const char *) buf;
    lens[1] = p - buf;

    rc = redisAsyncCommandArgv(redis->ac, callback, NULL, 2, argv, lens);

    ngx_free(buf);

    return rc == REDIS_OK ? NGX_OK : NGX_ERROR;
}


/* [ "subscribe" | "message" | "unsubscribe", channel, count or message ] */

static void
ngx_chatalot_bus_on_message(redisAsyncContext *ac, void *data, void *unused)
{
    ngx_str_t              name, message;
    redisReply            *reply = data;
    ngx_str_t             *prefix;
    ngx_chatalot_topic_t  *topic;

    if (reply == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "chatalot: Redis refuses SUBSCRIBE: %s", reply->str);
        ngx_chatalot_redis_drop(&ngx_chatalot_bus.subscriber);
        return;
    }

    prefix = &ngx_chatalot_conf()->redis_prefix;

    if (reply->type != REDIS_REPLY_ARRAY
        || reply->elements != 3
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING
        || (size_t) reply->element[1]->len < prefix->len)
    {
        return;
    }

    name.data = (u_char *) reply->element[1]->str + prefix->len;
    name.len = reply->element[1]->len - prefix->len;

    /* between our UNSUBSCRIBE and Redis' messages still come; a topic of that name may even be a new one */

    topic = ngx_chatalot_bus_find(&name);

    if (topic == NULL) {
        return;
    }

    if (ngx_strcmp(reply->element[0]->str, "subscribe") == 0) {
        ngx_chatalot_bus_on_active(topic);

    } else if (ngx_strcmp(reply->element[0]->str, "message") == 0
               && reply->element[2]->type == REDIS_REPLY_STRING)
    {
        message.data = (u_char *) reply->element[2]->str;
        message.len = reply->element[2]->len;

        ngx_chatalot_bus_on_event(topic, &message);
    }
}


static void
ngx_chatalot_bus_on_active(ngx_chatalot_topic_t *topic)
{
    if (topic->active) {
        return;
    }

    topic->active = 1;
    ngx_chatalot_bus.inactive--;

    if (topic->refs == 0) {
        ngx_chatalot_bus_end(topic);
        topic = NULL;
    }

    if (!ngx_chatalot_bus.up) {
        ngx_chatalot_bus_check();
        return;
    }

    if (ngx_chatalot_bus.listener && topic && topic != ngx_chatalot_bus.self
        && topic != ngx_chatalot_bus.everybody)
    {
        ngx_chatalot_bus.listener->active(topic);
    }
}


static void
ngx_chatalot_bus_on_event(ngx_chatalot_topic_t *topic, ngx_str_t *message)
{
    u_char     *p, *last;
    ngx_str_t   control, payload;

    if (topic == ngx_chatalot_bus.self) {
        ngx_chatalot_bus.beaten = 1;
        return;
    }

    if (ngx_chatalot_bus.listener == NULL) {
        return;
    }

    last = message->data + message->len;
    p = ngx_strlchr(message->data, last, '\n');

    if (p == NULL) {
        return;
    }

    control.data = message->data;
    control.len = p - message->data;
    payload.data = p + 1;
    payload.len = last - payload.data;

    if (topic == ngx_chatalot_bus.everybody) {
        if (ngx_chatalot_bus.up) {
            ngx_chatalot_bus.listener->state(1);
        }

        return;
    }

    ngx_chatalot_bus.listener->event(topic, &control, &payload);
}


static ngx_chatalot_topic_t *
ngx_chatalot_bus_find(ngx_str_t *name)
{
    return (ngx_chatalot_topic_t *) ngx_str_rbtree_lookup(
                               &ngx_chatalot_bus.topics, name,
                               ngx_crc32_short(name->data, name->len));
}
