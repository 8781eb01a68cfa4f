/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Parameter tables as JSON Schema, written into a generator.
 */

#ifndef NGX_CHATALOT_REST_SCHEMA_H
#define NGX_CHATALOT_REST_SCHEMA_H

#include "ngx_chatalot_params.h"


/* The rows of a table that stand in the body. closed: unknown members are refused; named: by reference, if it has a name. */
void ngx_chatalot_rest_schema_object(yajl_gen gen, const ngx_chatalot_param_t *fields, ngx_uint_t closed,
    ngx_uint_t named);

/* One row. nullable: it may also be null. */
void ngx_chatalot_rest_schema_value(yajl_gen gen, const ngx_chatalot_param_t *param, ngx_uint_t closed,
    ngx_uint_t nullable);

/* "text", and "name":"text" */
void ngx_chatalot_rest_schema_text(yajl_gen gen, const char *text);
void ngx_chatalot_rest_schema_member(yajl_gen gen, const char *name, const char *text);


#endif /* NGX_CHATALOT_REST_SCHEMA_H */
