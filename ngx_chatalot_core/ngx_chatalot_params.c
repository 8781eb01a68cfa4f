/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The check of declared parameters. Knows types and bounds, not what a parameter is for.
 */

#include "ngx_chatalot_params.h"


/* the prefix "device.one_time_prekeys[3]." of a field in messages */

typedef struct {
    ngx_pool_t               *pool;
    ngx_chatalot_problem_t   *problem;
    ngx_str_t                 prefix;
} ngx_chatalot_params_ctx_t;


static ngx_int_t ngx_chatalot_params_object(ngx_chatalot_params_ctx_t *ctx,
    const ngx_chatalot_param_t *table, ngx_uint_t in,
    ngx_chatalot_json_t *object);
static ngx_int_t ngx_chatalot_params_value(ngx_chatalot_params_ctx_t *ctx,
    const ngx_chatalot_param_t *param, ngx_chatalot_json_t *value);
static ngx_int_t ngx_chatalot_params_list(ngx_chatalot_params_ctx_t *ctx,
    const ngx_chatalot_param_t *param, ngx_chatalot_json_t *list);
static ngx_int_t ngx_chatalot_params_map(ngx_chatalot_params_ctx_t *ctx,
    const ngx_chatalot_param_t *param, ngx_chatalot_json_t *map);
static ngx_uint_t ngx_chatalot_params_is_string(
    const ngx_chatalot_param_t *param, ngx_str_t *s);
static ngx_uint_t ngx_chatalot_params_is_username(ngx_str_t *s);
static ngx_uint_t ngx_chatalot_params_is_bytes(
    const ngx_chatalot_param_t *param, ngx_str_t *s);
static ngx_int_t ngx_chatalot_params_refuse(ngx_chatalot_params_ctx_t *ctx,
    const char *code, const char *message, ngx_str_t *name);
static ngx_int_t ngx_chatalot_params_invalid(ngx_chatalot_params_ctx_t *ctx,
    const ngx_chatalot_param_t *param);


ngx_int_t
ngx_chatalot_params_check(ngx_pool_t *pool, const ngx_chatalot_param_t *table,
    ngx_uint_t in, ngx_chatalot_json_t *object, ngx_chatalot_problem_t *problem)
{
    ngx_chatalot_params_ctx_t  ctx;

    ctx.pool = pool;
    ctx.problem = problem;
    ngx_str_set(&ctx.prefix, "");

    /* what stands when there is no memory to say more */

    ngx_chatalot_problem_internal(problem);

    if (object->type != NGX_CHATALOT_JSON_OBJECT) {
        ngx_chatalot_problem_set(problem, 400, "invalid_json",
                                 "A JSON object is expected.", NULL);
        return NGX_ERROR;
    }

    return ngx_chatalot_params_object(&ctx, table, in, object);
}


static ngx_int_t
ngx_chatalot_params_object(ngx_chatalot_params_ctx_t *ctx,
    const ngx_chatalot_param_t *table, ngx_uint_t in,
    ngx_chatalot_json_t *object)
{
    uint32_t              seen;        /* a table has at most 32 rows */
    ngx_str_t             name;
    ngx_uint_t            i;
    ngx_chatalot_json_t  *json;

    seen = 0;

    for (json = object->first; json; json = json->next) {

        for (i = 0; table[i].name.len; i++) {
            if (table[i].in == in
                && table[i].name.len == json->key.len
                && ngx_memcmp(table[i].name.data, json->key.data,
                              json->key.len) == 0)
            {
                break;
            }
        }

        if (table[i].name.len == 0) {
            name = json->key;

            if (name.len > 64) {
                ngx_str_set(&name, "(a long name)");
            }

            return ngx_chatalot_params_refuse(ctx, "unknown_field",
                                        "There is no such field here.", &name);
        }

        if (seen & ((uint32_t) 1 << i)) {
            name = table[i].name;
            return ngx_chatalot_params_refuse(ctx, "invalid_field",
                                       "The field stands there twice.", &name);
        }

        seen |= (uint32_t) 1 << i;

        if (json->type == NGX_CHATALOT_JSON_NULL && !table[i].required) {
            continue;
        }

        if (ngx_chatalot_params_value(ctx, &table[i], json) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (i = 0; table[i].name.len; i++) {
        if (table[i].in == in && table[i].required
            && !(seen & ((uint32_t) 1 << i)))
        {
            name = table[i].name;
            return ngx_chatalot_params_refuse(ctx, "missing_field",
                                              "The field is required.", &name);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chatalot_params_value(ngx_chatalot_params_ctx_t *ctx,
    const ngx_chatalot_param_t *param, ngx_chatalot_json_t *value)
{
    u_char      uuid[16];
    ngx_int_t   rc;
    ngx_str_t   prefix;
    ngx_uint_t  good;

    good = 0;

    switch (param->type) {

    case NGX_CHATALOT_UUID:
        good = value->type == NGX_CHATALOT_JSON_STRING
               && ngx_chatalot_uuid_decode(&value->string, uuid) == NGX_OK;
        break;

    case NGX_CHATALOT_STRING:
        good = value->type == NGX_CHATALOT_JSON_STRING
               && ngx_chatalot_params_is_string(param, &value->string);
        break;

    case NGX_CHATALOT_USERNAME:
        good = value->type == NGX_CHATALOT_JSON_STRING
               && ngx_chatalot_params_is_username(&value->string);
        break;

    case NGX_CHATALOT_BYTES:
        good = value->type == NGX_CHATALOT_JSON_STRING
               && ngx_chatalot_params_is_bytes(param, &value->string);
        break;

    case NGX_CHATALOT_INTEGER:
        good = value->type == NGX_CHATALOT_JSON_INTEGER
               && value->integer >= param->min
               && value->integer <= param->max;
        break;

    case NGX_CHATALOT_BOOLEAN:
        good = value->type == NGX_CHATALOT_JSON_BOOLEAN;
        break;

    case NGX_CHATALOT_OBJECT:
        if (value->type != NGX_CHATALOT_JSON_OBJECT) {
            break;
        }

        prefix = ctx->prefix;

        ctx->prefix.data = ngx_pnalloc(ctx->pool,
                                       prefix.len + param->name.len + 1);
        if (ctx->prefix.data == NULL) {
            return NGX_ERROR;
        }

        ctx->prefix.len = ngx_sprintf(ctx->prefix.data, "%V%V.", &prefix,
                                      &param->name) - ctx->prefix.data;

        rc = ngx_chatalot_params_object(ctx, param->fields,
                                        NGX_CHATALOT_IN_BODY, value);
        ctx->prefix = prefix;

        return rc;

    case NGX_CHATALOT_LIST:
        return ngx_chatalot_params_list(ctx, param, value);

    case NGX_CHATALOT_MAP:
        return ngx_chatalot_params_map(ctx, param, value);
    }

    return good ? NGX_OK : ngx_chatalot_params_invalid(ctx, param);
}


static ngx_int_t
ngx_chatalot_params_list(ngx_chatalot_params_ctx_t *ctx,
    const ngx_chatalot_param_t *param, ngx_chatalot_json_t *list)
{
    u_char                uuid[16];
    ngx_str_t             prefix;
    ngx_uint_t            i;
    ngx_chatalot_json_t  *item;

    if (list->type != NGX_CHATALOT_JSON_ARRAY
        || (int64_t) list->count < param->min
        || (int64_t) list->count > param->max)
    {
        return ngx_chatalot_params_invalid(ctx, param);
    }

    prefix = ctx->prefix;
    i = 0;

    /* one buffer serves the prefixes of all items: a message is copied out of it */

    ctx->prefix.data = ngx_pnalloc(ctx->pool, prefix.len + param->name.len + 3
                                              + NGX_INT_T_LEN);
    if (ctx->prefix.data == NULL) {
        return NGX_ERROR;
    }

    for (item = list->first; item; item = item->next) {

        ctx->prefix.len = ngx_sprintf(ctx->prefix.data, "%V%V[%ui].", &prefix,
                                      &param->name, i++) - ctx->prefix.data;

        if (param->fields == NULL) {
            if (item->type != NGX_CHATALOT_JSON_STRING
                || ngx_chatalot_uuid_decode(&item->string, uuid) != NGX_OK)
            {
                ctx->prefix = prefix;
                return ngx_chatalot_params_invalid(ctx, param);
            }

            continue;
        }

        if (item->type != NGX_CHATALOT_JSON_OBJECT) {
            ctx->prefix = prefix;
            return ngx_chatalot_params_invalid(ctx, param);
        }

        if (ngx_chatalot_params_object(ctx, param->fields,
                                       NGX_CHATALOT_IN_BODY, item)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ctx->prefix = prefix;

    return NGX_OK;
}


static ngx_int_t
ngx_chatalot_params_map(ngx_chatalot_params_ctx_t *ctx,
    const ngx_chatalot_param_t *param, ngx_chatalot_json_t *map)
{
    u_char                uuid[16];
    ngx_chatalot_json_t  *json;

    if (map->type != NGX_CHATALOT_JSON_OBJECT
        || (int64_t) map->count > param->max)
    {
        return ngx_chatalot_params_invalid(ctx, param);
    }

    for (json = map->first; json; json = json->next) {
        if (ngx_chatalot_uuid_decode(&json->key, uuid) != NGX_OK
            || json->type != NGX_CHATALOT_JSON_INTEGER
            || json->integer < 0)
        {
            return ngx_chatalot_params_invalid(ctx, param);
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_chatalot_params_text(ngx_pool_t *pool, const ngx_chatalot_param_t *param,
    ngx_str_t *text, yajl_gen gen, ngx_chatalot_problem_t *problem)
{
    ngx_int_t                   n;
    ngx_chatalot_json_t         value;
    ngx_chatalot_params_ctx_t   ctx;

    ctx.pool = pool;
    ctx.problem = problem;
    ngx_str_set(&ctx.prefix, "");

    ngx_chatalot_problem_internal(problem);
    ngx_memzero(&value, sizeof(ngx_chatalot_json_t));

    value.type = NGX_CHATALOT_JSON_STRING;
    value.string = *text;

    if (param->type == NGX_CHATALOT_INTEGER) {
        n = ngx_atoi(text->data, text->len);

        if (n != NGX_ERROR) {
            value.type = NGX_CHATALOT_JSON_INTEGER;
            value.integer = n;
        }

    } else if (param->type == NGX_CHATALOT_BOOLEAN) {

        if (text->len == 4 && ngx_strncmp(text->data, "true", 4) == 0) {
            value.type = NGX_CHATALOT_JSON_BOOLEAN;
            value.integer = 1;

        } else if (text->len == 5 && ngx_strncmp(text->data, "false", 5) == 0) {
            value.type = NGX_CHATALOT_JSON_BOOLEAN;
        }

    } else if (ngx_strlchr(text->data, text->data + text->len, '\0')) {
        return ngx_chatalot_params_invalid(&ctx, param);
    }

    if (ngx_chatalot_params_value(&ctx, param, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    (void) yajl_gen_string(gen, param->name.data, param->name.len);

    if (param->type == NGX_CHATALOT_INTEGER) {
        (void) yajl_gen_integer(gen, value.integer);

    } else if (param->type == NGX_CHATALOT_BOOLEAN) {
        (void) yajl_gen_bool(gen, (int) value.integer);

    } else {
        (void) yajl_gen_string(gen, text->data, text->len);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_chatalot_params_is_string(const ngx_chatalot_param_t *param, ngx_str_t *s)
{
    ngx_int_t  n;

    n = ngx_chatalot_utf8_count(s->data, s->len);

    return n != NGX_ERROR && n >= param->min && n <= param->max;
}


static ngx_uint_t
ngx_chatalot_params_is_username(ngx_str_t *s)
{
    u_char  c;
    size_t  i;

    if (s->len < 3 || s->len > 32) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        c = ngx_tolower(s->data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || c == '_' || c == '.' || c == '-'))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_chatalot_params_is_bytes(const ngx_chatalot_param_t *param, ngx_str_t *s)
{
    u_char  c, last;
    size_t  i, len;

    if (s->len % 4 == 1) {
        return 0;
    }

    len = ngx_chatalot_bytes_decoded_len(s->len);

    if ((int64_t) len < param->min || (int64_t) len > param->max) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_'))
        {
            return 0;
        }
    }

    if (s->len % 4 == 0) {
        return 1;
    }

    /* the bits behind the last byte are zero: one encoding for each value */

    last = s->data[s->len - 1];

    if (s->len % 4 == 2) {
        return last == 'A' || last == 'Q' || last == 'g' || last == 'w';
    }

    return ngx_strchr("AEIMQUYcgkosw048", last) != NULL;
}


static ngx_int_t
ngx_chatalot_params_invalid(ngx_chatalot_params_ctx_t *ctx,
    const ngx_chatalot_param_t *param)
{
    u_char     *p, *message;
    ngx_str_t   name;

    static const char  *forms[] = {
        "", "a UUID in lower case", "a text", "3 to 32 of a-z 0-9 _ . -",
        "base64url without padding", "an integer", "true or false",
        "an object", "a list", "an object of UUIDs and numbers"
    };

    name = param->name;

    message = ngx_pnalloc(ctx->pool, 128);
    if (message == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(message, "The field takes %s", forms[param->type]);

    switch (param->type) {

    case NGX_CHATALOT_STRING:
        p = ngx_sprintf(p, " of %L to %L characters", param->min, param->max);
        break;

    case NGX_CHATALOT_BYTES:
        p = ngx_sprintf(p, " of %L to %L bytes", param->min, param->max);
        break;

    case NGX_CHATALOT_INTEGER:
        p = ngx_sprintf(p, " from %L to %L", param->min, param->max);
        break;

    case NGX_CHATALOT_LIST:
        p = ngx_sprintf(p, " of %L to %L", param->min, param->max);
        break;

    case NGX_CHATALOT_MAP:
        p = ngx_sprintf(p, ", at most %L", param->max);
        break;

    default:
        break;
    }

    p = ngx_sprintf(p, ".%Z");

    return ngx_chatalot_params_refuse(ctx, "invalid_field",
                                      (const char *) message, &name);
}


static ngx_int_t
ngx_chatalot_params_refuse(ngx_chatalot_params_ctx_t *ctx, const char *code,
    const char *message, ngx_str_t *name)
{
    u_char  *field;

    ngx_chatalot_problem_set(ctx->problem, 422, code, message, NULL);

    field = ngx_pnalloc(ctx->pool, ctx->prefix.len + name->len);
    if (field == NULL) {
        return NGX_ERROR;
    }

    ctx->problem->field.data = field;
    ctx->problem->field.len = ngx_sprintf(field, "%V%V", &ctx->prefix, name)
                              - field;

    return NGX_ERROR;
}
