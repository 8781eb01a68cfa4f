/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The directives of the core and the life of a worker: what is opened when it starts and closed when it ends.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_core_conf.h"
#include "ngx_chatalot_bus.h"
#include "ngx_chatalot_password.h"
#include "ngx_chatalot_pg.h"

#include <sodium.h>


static ngx_int_t ngx_chatalot_core_init_process(ngx_cycle_t *cycle);
static void ngx_chatalot_core_exit_process(ngx_cycle_t *cycle);


static ngx_str_t  ngx_chatalot_core_registrations[] = {
    ngx_string("invite_only"),
    ngx_string("open"),
    ngx_string("closed"),
    ngx_null_string
};

static ngx_str_t  ngx_chatalot_core_creations[] = {
    ngx_string("admin_only"),
    ngx_string("open"),
    ngx_null_string
};

static ngx_chatalot_bounds_t  ngx_chatalot_core_pool_bounds = { 1, 64 };
static ngx_chatalot_bounds_t  ngx_chatalot_core_queue_bounds = { 1, 65536 };
static ngx_chatalot_bounds_t  ngx_chatalot_core_timeout_bounds = { 100, 600000 };
static ngx_chatalot_bounds_t  ngx_chatalot_core_lifetime_bounds = { 60, 86400 };
static ngx_chatalot_bounds_t  ngx_chatalot_core_password_bounds = { 1, 4096 };


static ngx_command_t  ngx_chatalot_core_commands[] = {

    { ngx_string("chatalot_database"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_database,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, database),
      NULL },

    { ngx_string("chatalot_database_pool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_set_number,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, database_pool),
      &ngx_chatalot_core_pool_bounds },

    { ngx_string("chatalot_database_queue"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_set_number,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, database_queue),
      &ngx_chatalot_core_queue_bounds },

    { ngx_string("chatalot_database_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_set_msec,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, database_timeout),
      &ngx_chatalot_core_timeout_bounds },

    { ngx_string("chatalot_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, redis),
      NULL },

    { ngx_string("chatalot_redis_prefix"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_name,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, redis_prefix),
      NULL },

    { ngx_string("chatalot_jwt_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_jwt_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, jwt_keys),
      NULL },

    { ngx_string("chatalot_jwt_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_name,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, jwt_issuer),
      NULL },

    { ngx_string("chatalot_jwt_audience"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_name,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, jwt_audience),
      NULL },

    { ngx_string("chatalot_access_token_lifetime"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_seconds,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, access_token_lifetime),
      &ngx_chatalot_core_lifetime_bounds },

    { ngx_string("chatalot_secret_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_secret_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, secret_key),
      NULL },

    { ngx_string("chatalot_instance_name"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_name,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, instance_name),
      NULL },

    { ngx_string("chatalot_registration"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_word,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, registration),
      &ngx_chatalot_core_registrations },

    { ngx_string("chatalot_community_creation"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_word,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, community_creation),
      &ngx_chatalot_core_creations },

    { ngx_string("chatalot_thread_pool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_core_set_name,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, thread_pool_name),
      NULL },

    { ngx_string("chatalot_password_queue"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_chatalot_set_number,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_chatalot_main_conf_t, password_queue),
      &ngx_chatalot_core_password_bounds },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_chatalot_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_chatalot_core_check_conf,          /* postconfiguration */

    ngx_chatalot_core_create_main_conf,    /* create main configuration */
    ngx_chatalot_core_init_main_conf,      /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_chatalot_module = {
    NGX_MODULE_V1,
    &ngx_http_chatalot_module_ctx,         /* module context */
    ngx_chatalot_core_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_chatalot_core_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_chatalot_core_exit_process,        /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_chatalot_main_conf_t  *ngx_chatalot_core_current;


ngx_connection_t  ngx_chatalot_no_connection = { .fd = (ngx_socket_t) -1 };


ngx_chatalot_main_conf_t *
ngx_chatalot_conf(void)
{
    return ngx_chatalot_core_current;
}


static ngx_int_t
ngx_chatalot_core_init_process(ngx_cycle_t *cycle)
{
    ngx_chatalot_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_chatalot_module);

    /* helper processes (the cache manager) come here too, but serve nobody */

    if (mcf == NULL || !mcf->used
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    ngx_chatalot_core_current = mcf;

    if (sodium_init() < 0) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "chatalot: libsodium cannot be initialised");
        return NGX_ERROR;
    }

    ngx_chatalot_password_init();

    if (ngx_chatalot_pg_init(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_chatalot_bus_init(cycle);
}


static void
ngx_chatalot_core_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_chatalot_core_current == NULL) {
        return;
    }

    ngx_chatalot_bus_exit();
    ngx_chatalot_pg_exit();
}
