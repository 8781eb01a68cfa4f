/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One connection to Redis: hiredis on nginx events, which comes back by itself. Knows commands, not topics.
 */

#ifndef NGX_CHATALOT_REDIS_H
#define NGX_CHATALOT_REDIS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/async.h>


typedef struct ngx_chatalot_redis_s  ngx_chatalot_redis_t;

struct ngx_chatalot_redis_s {
    redisAsyncContext   *ac;            /* NULL: away */
    ngx_connection_t    *c;
    ngx_event_t          timer;         /* the next try, or the end of patience with the current one */
    ngx_event_t          lost;
    ngx_event_t          send;          /* writes what commands have gathered */
    ngx_msec_t           backoff;
    ngx_log_t           *log;
    const char          *name;          /* for the log */
    unsigned             up:1;
    unsigned             sending:1;

    /* set by the owner; called from the event loop */
    void               (*on_up)(ngx_chatalot_redis_t *redis);
    void               (*on_down)(ngx_chatalot_redis_t *redis);     /* after on_up only */
};


/* Starts to connect (never blocks) and keeps trying; the struct is zeroed but for name and callbacks. */
void ngx_chatalot_redis_open(ngx_chatalot_redis_t *redis, ngx_log_t *log);

/* For good. */
void ngx_chatalot_redis_close(ngx_chatalot_redis_t *redis);

/* Gives the connection up and tries anew; from any place, takes effect with the next posted events. */
void ngx_chatalot_redis_drop(ngx_chatalot_redis_t *redis);


#endif /* NGX_CHATALOT_REDIS_H */
