/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Parameter tables as JSON Schema (2020-12): the types and bounds that ngx_chatalot_params.c checks, in the words of a
 * standard.
 */

#include "ngx_chatalot_rest_schema.h"
#include "ngx_chatalot_rest_shapes.h"


static void ngx_chatalot_rest_schema_nested(yajl_gen gen,
    const ngx_chatalot_param_t *param, ngx_uint_t closed, ngx_uint_t nullable);
static void ngx_chatalot_rest_schema_list(yajl_gen gen,
    const ngx_chatalot_param_t *param, ngx_uint_t closed);
static void ngx_chatalot_rest_schema_bytes(yajl_gen gen,
    const ngx_chatalot_param_t *param);
static void ngx_chatalot_rest_schema_bounds(yajl_gen gen,
    const ngx_chatalot_param_t *param, const char *least, const char *most);
static void ngx_chatalot_rest_schema_type(yajl_gen gen, const char *type,
    ngx_uint_t nullable);


void
ngx_chatalot_rest_schema_object(yajl_gen gen,
    const ngx_chatalot_param_t *fields, ngx_uint_t closed, ngx_uint_t named)
{
    u_char                            ref[64], *last;
    const ngx_chatalot_param_t       *p;
    const ngx_chatalot_rest_shape_t  *shape;

    yajl_gen_map_open(gen);

    for (shape = ngx_chatalot_rest_shapes; named && shape->name; shape++) {

        if (shape->fields == fields) {
            last = ngx_snprintf(ref, sizeof(ref) - 1,
                                "#/components/schemas/%s", shape->name);
            *last = '\0';

            ngx_chatalot_rest_schema_member(gen, "$ref", (char *) ref);
            yajl_gen_map_close(gen);
            return;
        }
    }

    ngx_chatalot_rest_schema_member(gen, "type", "object");

    ngx_chatalot_rest_schema_text(gen, "required");
    yajl_gen_array_open(gen);

    for (p = fields; p->name.len; p++) {
        if (p->in == NGX_CHATALOT_IN_BODY && p->required) {
            yajl_gen_string(gen, p->name.data, p->name.len);
        }
    }

    yajl_gen_array_close(gen);

    ngx_chatalot_rest_schema_text(gen, "properties");
    yajl_gen_map_open(gen);

    for (p = fields; p->name.len; p++) {
        if (p->in == NGX_CHATALOT_IN_BODY) {
            yajl_gen_string(gen, p->name.data, p->name.len);
            ngx_chatalot_rest_schema_value(gen, p, closed,
                                           !p->required);
        }
    }

    yajl_gen_map_close(gen);

    if (closed) {
        ngx_chatalot_json_put_boolean(gen, "additionalProperties", 0);
    }

    yajl_gen_map_close(gen);
}


void
ngx_chatalot_rest_schema_value(yajl_gen gen,
    const ngx_chatalot_param_t *param, ngx_uint_t closed, ngx_uint_t nullable)
{
    static const char  *types[] = {
        "", "string", "string", "string", "string", "integer", "boolean",
        "object", "array", "object"
    };

    if (param->type == NGX_CHATALOT_OBJECT) {
        ngx_chatalot_rest_schema_nested(gen, param, closed, nullable);
        return;
    }

    yajl_gen_map_open(gen);

    ngx_chatalot_rest_schema_type(gen, types[param->type], nullable);

    switch (param->type) {

    case NGX_CHATALOT_UUID:
        ngx_chatalot_rest_schema_member(gen, "format", "uuid");
        break;

    case NGX_CHATALOT_STRING:
        ngx_chatalot_rest_schema_bounds(gen, param, "minLength", "maxLength");
        break;

    case NGX_CHATALOT_USERNAME:
        ngx_chatalot_rest_schema_member(gen, "pattern",
                                        "^[A-Za-z0-9_.-]{3,32}$");
        break;

    case NGX_CHATALOT_BYTES:
        ngx_chatalot_rest_schema_bytes(gen, param);
        break;

    case NGX_CHATALOT_INTEGER:
        ngx_chatalot_rest_schema_bounds(gen, param, "minimum", "maximum");
        break;

    case NGX_CHATALOT_LIST:
        ngx_chatalot_rest_schema_list(gen, param, closed);
        break;

    case NGX_CHATALOT_MAP:
        ngx_chatalot_rest_schema_bounds(gen, param, "minProperties",
                                        "maxProperties");
        break;

    case NGX_CHATALOT_BOOLEAN:
    case NGX_CHATALOT_OBJECT:
        break;
    }

    yajl_gen_map_close(gen);
}


static void
ngx_chatalot_rest_schema_nested(yajl_gen gen,
    const ngx_chatalot_param_t *param, ngx_uint_t closed, ngx_uint_t nullable)
{
    if (!nullable) {
        ngx_chatalot_rest_schema_object(gen, param->fields, closed, 1);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_text(gen, "anyOf");
    yajl_gen_array_open(gen);

    ngx_chatalot_rest_schema_object(gen, param->fields, closed, 1);

    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_member(gen, "type", "null");
    yajl_gen_map_close(gen);

    yajl_gen_array_close(gen);
    yajl_gen_map_close(gen);
}


static void
ngx_chatalot_rest_schema_list(yajl_gen gen, const ngx_chatalot_param_t *param,
    ngx_uint_t closed)
{
    ngx_chatalot_rest_schema_bounds(gen, param, "minItems", "maxItems");

    ngx_chatalot_rest_schema_text(gen, "items");

    if (param->fields) {
        ngx_chatalot_rest_schema_object(gen, param->fields, closed, 1);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_member(gen, "type", "string");
    ngx_chatalot_rest_schema_member(gen, "format", "uuid");
    yajl_gen_map_close(gen);
}


/* base64url without padding */

static void
ngx_chatalot_rest_schema_bytes(yajl_gen gen, const ngx_chatalot_param_t *param)
{
    ngx_chatalot_param_t  text;

    text = *param;
    text.min = ngx_chatalot_bytes_encoded_len(param->min);
    text.max = ngx_chatalot_bytes_encoded_len(param->max);

    ngx_chatalot_rest_schema_member(gen, "pattern", "^[A-Za-z0-9_-]*$");
    ngx_chatalot_rest_schema_bounds(gen, &text, "minLength", "maxLength");
}


/* Replies are declared without bounds. */

static void
ngx_chatalot_rest_schema_bounds(yajl_gen gen,
    const ngx_chatalot_param_t *param, const char *least, const char *most)
{
    if (param->max == 0) {
        return;
    }

    ngx_chatalot_json_put_integer(gen, least, param->min);
    ngx_chatalot_json_put_integer(gen, most, param->max);
}


static void
ngx_chatalot_rest_schema_type(yajl_gen gen, const char *type,
    ngx_uint_t nullable)
{
    ngx_chatalot_rest_schema_text(gen, "type");

    if (!nullable) {
        ngx_chatalot_rest_schema_text(gen, type);
        return;
    }

    yajl_gen_array_open(gen);
    ngx_chatalot_rest_schema_text(gen, type);
    ngx_chatalot_rest_schema_text(gen, "null");
    yajl_gen_array_close(gen);
}


void
ngx_chatalot_rest_schema_text(yajl_gen gen, const char *text)
{
    yajl_gen_string(gen, (const u_char *) text, ngx_strlen(text));
}


void
ngx_chatalot_rest_schema_member(yajl_gen gen, const char *name,
    const char *text)
{
    ngx_chatalot_rest_schema_text(gen, name);
    ngx_chatalot_rest_schema_text(gen, text);
}
