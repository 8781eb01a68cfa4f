/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a load balancer asks: whether this worker can serve. It asks nobody else, so the answer is quick and never waits.
 */

#include "ngx_chatalot_rest.h"
#include "ngx_chatalot_bus.h"
#include "ngx_chatalot_pg.h"


static time_t  ngx_chatalot_rest_health_started;


void
ngx_chatalot_rest_health_start(void)
{
    ngx_chatalot_rest_health_started = ngx_time();
}


void
ngx_chatalot_rest_health(ngx_chatalot_call_t *call)
{
    yajl_gen                      gen;
    ngx_int_t                     rc;
    ngx_str_t                     json, status, retry;
    ngx_str_t                     version = ngx_string(NGX_CHATALOT_VERSION);
    ngx_uint_t                    database, redis;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    database = ngx_chatalot_pg_up();
    redis = ngx_chatalot_bus_up();

    if (database && redis) {
        ngx_str_set(&status, "ok");

    } else {
        ngx_str_set(&status, "degraded");
    }

    gen = ngx_chatalot_json_gen(call->pool);
    if (gen == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "status", &status);
    ngx_chatalot_json_put(gen, "version", &version);
    ngx_chatalot_json_put_boolean(gen, "database", database);
    ngx_chatalot_json_put_boolean(gen, "redis", redis);
    ngx_chatalot_json_put_integer(gen, "uptime",
                             ngx_time() - ngx_chatalot_rest_health_started);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &json) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    if (database) {
        ngx_chatalot_rest_reply(call, &json);
        return;
    }

    ngx_str_set(&retry, "2");

    if (ngx_chatalot_rest_reply_header(request->http, "Retry-After", &retry)
        == NULL)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    rc = ngx_chatalot_rest_reply_send(request, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      &json);

    ngx_chatalot_rest_reply_finish(request, rc);
}
