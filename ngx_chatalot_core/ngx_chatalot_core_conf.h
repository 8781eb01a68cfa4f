/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading and checking the core's settings; only for the core's module table.
 */

#ifndef NGX_CHATALOT_CORE_CONF_H
#define NGX_CHATALOT_CORE_CONF_H

#include "ngx_chatalot_core.h"


void *ngx_chatalot_core_create_main_conf(ngx_conf_t *cf);
char *ngx_chatalot_core_init_main_conf(ngx_conf_t *cf, void *conf);
ngx_int_t ngx_chatalot_core_check_conf(ngx_conf_t *cf);

char *ngx_chatalot_core_set_database(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_chatalot_core_set_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_chatalot_core_set_jwt_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_chatalot_core_set_secret_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_chatalot_core_set_name(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_chatalot_core_set_word(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_chatalot_core_set_seconds(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* NGX_CHATALOT_CORE_CONF_H */
