/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Settings of the module and the life of a worker. Shared by REST and WebSocket; knows nothing of chat.
 */

#ifndef NGX_CHATALOT_CORE_H
#define NGX_CHATALOT_CORE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>


#define NGX_CHATALOT_VERSION         "0.1.0"
#define NGX_CHATALOT_SCHEMA_VERSION  4

#define NGX_CHATALOT_SEED_LEN        32
#define NGX_CHATALOT_UUID_LEN        36


typedef struct {
    u_char                 id[8];           /* of the public key; hex in "kid" */
    u_char                 public_key[32];
    u_char                 secret_key[64];
} ngx_chatalot_jwt_key_t;


typedef struct {
    ngx_str_t              host;            /* empty for a unix socket */
    ngx_str_t              path;            /* of the unix socket */
    ngx_uint_t             port;
    ngx_uint_t             database;
    ngx_str_t              username;        /* empty: the default user */
    ngx_str_t              password;        /* empty: none */
} ngx_chatalot_redis_address_t;


/* All ngx_str_t of this structure are NUL-terminated behind len. */

typedef struct {
    ngx_str_t                      database;
    ngx_uint_t                     database_pool;
    ngx_uint_t                     database_queue;
    ngx_msec_t                     database_timeout;

    ngx_chatalot_redis_address_t  *redis;
    ngx_str_t                      redis_prefix;

    ngx_array_t                   *jwt_keys;    /* ngx_chatalot_jwt_key_t */
    ngx_str_t                      jwt_issuer;
    ngx_str_t                      jwt_audience;
    time_t                         access_token_lifetime;

    u_char                        *secret_key;  /* NGX_CHATALOT_SEED_LEN bytes */

    ngx_str_t                      instance_name;
    ngx_str_t                      registration;        /* one of the words of its directive */
    ngx_str_t                      community_creation;  /* likewise */

    ngx_str_t                      thread_pool_name;
    ngx_thread_pool_t             *thread_pool;
    ngx_uint_t                     password_queue;

    ngx_uint_t                     used;        /* a handler directive was seen: the settings must be complete */
} ngx_chatalot_main_conf_t;


extern ngx_module_t  ngx_http_chatalot_module;      /* the first of the shared object, which is named after it */


/* The settings of this worker's cycle. Valid from init_process on. */
ngx_chatalot_main_conf_t *ngx_chatalot_conf(void);

/* The data of timers that have no other: nginx's debug log takes it for a connection, and looks for the descriptor there. */
extern ngx_connection_t  ngx_chatalot_no_connection;

/*
 * For the handler directives (chatalot_api, chatalot_websocket): marks the
 * core as used, so that its settings are checked for completeness after
 * http{} has been read, and the worker connects to its services.
 */
void ngx_chatalot_require(ngx_conf_t *cf);

/*
 * Slots of wrong settings shared by the modules' directive tables: like nginx's own, but with bounds and an error that
 * names the directive. "post" points to ngx_chatalot_bounds_t.
 */
typedef struct {
    ngx_int_t  min;
    ngx_int_t  max;
} ngx_chatalot_bounds_t;

char *ngx_chatalot_set_number(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);   /* ngx_uint_t */
char *ngx_chatalot_set_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);     /* size_t, bytes */
char *ngx_chatalot_set_msec(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);     /* ngx_msec_t, milliseconds */


#endif /* NGX_CHATALOT_CORE_H */
