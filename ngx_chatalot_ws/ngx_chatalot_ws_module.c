/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The directives of the WebSocket module, and what a worker prepares for its sockets.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_ws_conn.h"
#include "ngx_chatalot_ws_handshake.h"
#include "ngx_chatalot_ws_hub.h"
#include "ngx_chatalot_ws_module.h"
#include "ngx_chatalot_ws_rate.h"
#include "ngx_chatalot_ws_session.h"


static void *ngx_chatalot_ws_create_loc_conf(ngx_conf_t *cf);
static char *ngx_chatalot_ws_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);
static char *ngx_chatalot_ws_set_handler(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_chatalot_ws_set_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_chatalot_ws_init_process(ngx_cycle_t *cycle);


static ngx_chatalot_bounds_t  ngx_chatalot_ws_timeout_bounds = { 100, 600000 };
static ngx_chatalot_bounds_t  ngx_chatalot_ws_interval_bounds = { 100, 3600000 };
static ngx_chatalot_bounds_t  ngx_chatalot_ws_message_bounds = { 1024, 16 * 1024 * 1024 };
static ngx_chatalot_bounds_t  ngx_chatalot_ws_queue_bounds = { 16 * 1024, 1024 * 1024 * 1024 };
static ngx_chatalot_bounds_t  ngx_chatalot_ws_connection_bounds = { 1, 65536 };
static ngx_chatalot_bounds_t  ngx_chatalot_ws_rate_bounds = { 1, 100000 };


static ngx_command_t  ngx_chatalot_ws_commands[] = {

    { ngx_string("chatalot_websocket"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_chatalot_ws_set_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chatalot_websocket_origin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_chatalot_ws_set_origin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chatalot_websocket_auth_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_set_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_chatalot_ws_loc_conf_t, auth_timeout),
      &ngx_chatalot_ws_timeout_bounds },

    { ngx_string("chatalot_websocket_ping_interval"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_set_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_chatalot_ws_loc_conf_t, ping_interval),
      &ngx_chatalot_ws_interval_bounds },

    { ngx_string("chatalot_websocket_max_message"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_set_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_chatalot_ws_loc_conf_t, max_message),
      &ngx_chatalot_ws_message_bounds },

    { ngx_string("chatalot_websocket_send_queue"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_set_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_chatalot_ws_loc_conf_t, send_queue),
      &ngx_chatalot_ws_queue_bounds },

    { ngx_string("chatalot_websocket_connections"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_set_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_chatalot_ws_loc_conf_t, connections),
      &ngx_chatalot_ws_connection_bounds },

    { ngx_string("chatalot_websocket_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_set_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_chatalot_ws_loc_conf_t, rate),
      &ngx_chatalot_ws_rate_bounds },

    { ngx_string("chatalot_websocket_burst"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_set_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_chatalot_ws_loc_conf_t, burst),
      &ngx_chatalot_ws_rate_bounds },

      ngx_null_command
};


static ngx_http_module_t  ngx_chatalot_ws_module_ctx = {
    NULL,                               /* preconfiguration */
    NULL,                               /* postconfiguration */

    NULL,                               /* create main configuration */
    NULL,                               /* init main configuration */

    NULL,                               /* create server configuration */
    NULL,                               /* merge server configuration */

    ngx_chatalot_ws_create_loc_conf,    /* create location configuration */
    ngx_chatalot_ws_merge_loc_conf      /* merge location configuration */
};


ngx_module_t  ngx_http_chatalot_ws_module = {
    NGX_MODULE_V1,
    &ngx_chatalot_ws_module_ctx,        /* module context */
    ngx_chatalot_ws_commands,           /* module directives */
    NGX_HTTP_MODULE,                    /* module type */
    NULL,                               /* init master */
    NULL,                               /* init module */
    ngx_chatalot_ws_init_process,       /* init process */
    NULL,                               /* init thread */
    NULL,                               /* exit thread */
    NULL,                               /* exit process */
    NULL,                               /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_chatalot_ws_create_loc_conf(ngx_conf_t *cf)
{
    ngx_chatalot_ws_loc_conf_t  *wlcf;

    wlcf = ngx_pcalloc(cf->pool, sizeof(ngx_chatalot_ws_loc_conf_t));
    if (wlcf == NULL) {
        return NULL;
    }

    wlcf->origins = NGX_CONF_UNSET_PTR;
    wlcf->auth_timeout = NGX_CONF_UNSET_MSEC;
    wlcf->ping_interval = NGX_CONF_UNSET_MSEC;
    wlcf->max_message = NGX_CONF_UNSET_SIZE;
    wlcf->send_queue = NGX_CONF_UNSET_SIZE;
    wlcf->connections = NGX_CONF_UNSET_UINT;
    wlcf->rate = NGX_CONF_UNSET_UINT;
    wlcf->burst = NGX_CONF_UNSET_UINT;

    return wlcf;
}


static char *
ngx_chatalot_ws_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_chatalot_ws_loc_conf_t  *prev = parent;
    ngx_chatalot_ws_loc_conf_t  *conf = child;

    u_char                    *p;
    size_t                     size;
    ngx_http_core_loc_conf_t  *clcf;

    /* nginx's core module has merged this location before: its handler is the one that answers */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->websocket && clcf->handler != ngx_chatalot_ws_handshake_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"chatalot_websocket\" stands beside another directive that answers the location \"%V\"",
                      &clcf->name);
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);
    ngx_conf_merge_msec_value(conf->auth_timeout, prev->auth_timeout, 10000);
    ngx_conf_merge_msec_value(conf->ping_interval, prev->ping_interval, 30000);
    ngx_conf_merge_size_value(conf->max_message, prev->max_message, 256 * 1024);
    ngx_conf_merge_size_value(conf->send_queue, prev->send_queue, 1024 * 1024);
    ngx_conf_merge_uint_value(conf->connections, prev->connections, 8);
    ngx_conf_merge_uint_value(conf->rate, prev->rate, 5);
    ngx_conf_merge_uint_value(conf->burst, prev->burst, 10);

    size = sizeof("{\"max_message\":,\"rate\":,\"burst\":,\"ping_interval\":}") + 4 * NGX_INT_T_LEN;

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->limits.data = p;
    conf->limits.len = ngx_snprintf(p, size,
                                    "{\"max_message\":%uz,\"rate\":%ui,\"burst\":%ui,\"ping_interval\":%M}",
                                    conf->max_message, conf->rate, conf->burst, conf->ping_interval)
                       - p;

    return NGX_CONF_OK;
}


static char *
ngx_chatalot_ws_set_handler(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_chatalot_ws_loc_conf_t  *wlcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (wlcf->websocket) {
        return "is duplicate";
    }

    if (clcf->handler) {
        return "stands beside another directive that answers this location";
    }

    clcf->handler = ngx_chatalot_ws_handshake_handler;
    wlcf->websocket = 1;

    ngx_chatalot_require(cf);

    return NGX_CONF_OK;
}


/* HOST, HOST:PORT or SCHEME://HOST[:PORT], or "*": what an Origin header may say, so nothing with a path. */

static char *
ngx_chatalot_ws_set_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_chatalot_ws_loc_conf_t  *wlcf = conf;

    u_char      *host;
    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (wlcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    wlcf->origins = ngx_array_create(cf->pool, cf->args->nelts, sizeof(ngx_str_t));
    if (wlcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        host = ngx_strnstr(value[i].data, "://", value[i].len);
        host = host ? host + 3 : value[i].data;

        if (*host == '\0' || strpbrk((char *) host, "/?#@,; \t")) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\": HOST, HOST:PORT, SCHEME://HOST[:PORT] or * is expected",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(wlcf->origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_chatalot_ws_init_process(ngx_cycle_t *cycle)
{
    if (ngx_chatalot_conf() == NULL) {
        /* a helper process, or a configuration without our handlers */
        return NGX_OK;
    }

    if (ngx_chatalot_ws_conn_init(cycle) != NGX_OK || ngx_chatalot_ws_rate_init(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_chatalot_ws_session_init();

    return ngx_chatalot_ws_hub_init(cycle);
}
