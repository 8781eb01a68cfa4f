/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The arguments of a group's calls as the arrays, in binary, that its function takes: users, devices, sessions, and one for
 * each column. Each call brings its elements, in their own pool, and a statement puts those of many together.
 */

#ifndef NGX_CHATALOT_GROUP_ARRAYS_H
#define NGX_CHATALOT_GROUP_ARRAYS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chatalot_pg.h"


/* How many arrays a group's function takes. */
ngx_uint_t ngx_chatalot_group_arrays_count(ngx_chatalot_group_t *group);

/* Sets op->elements from op->values and the parsed args. NGX_DECLINED: the call has to go alone. */
ngx_int_t ngx_chatalot_group_arrays_read(ngx_chatalot_pg_operation_t *op, ngx_chatalot_json_t *json);

/* The parameters of a statement, of the first n calls that wait in its group. NGX_ERROR: no memory. */
ngx_int_t ngx_chatalot_group_arrays_write(ngx_chatalot_pg_operation_t *statement, ngx_chatalot_group_t *group, ngx_uint_t n);


#endif /* NGX_CHATALOT_GROUP_ARRAYS_H */
