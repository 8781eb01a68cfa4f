/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON on nginx pools: yajl's parser builds a tree of siblings, yajl's generator writes. Knows no field names.
 */

#include "ngx_chatalot_json.h"
#include "ngx_chatalot_params.h"

#include <yajl/yajl_parse.h>


typedef struct {
    ngx_pool_t            *pool;
    ngx_str_t             *text;
    ngx_chatalot_json_t   *root;
    ngx_chatalot_json_t   *open[NGX_CHATALOT_JSON_DEPTH];    /* containers */
    ngx_chatalot_json_t   *last[NGX_CHATALOT_JSON_DEPTH];    /* their last members */
    ngx_uint_t             depth;
    ngx_uint_t             values;
    ngx_str_t              key;
    const char            *reason;
} ngx_chatalot_json_parser_t;


static int ngx_chatalot_json_on_null(void *data);
static int ngx_chatalot_json_on_boolean(void *data, int value);
static int ngx_chatalot_json_on_number(void *data, const char *text,
    size_t len);
static int ngx_chatalot_json_on_string(void *data, const unsigned char *text,
    size_t len);
static int ngx_chatalot_json_on_key(void *data, const unsigned char *text,
    size_t len);
static int ngx_chatalot_json_on_map(void *data);
static int ngx_chatalot_json_on_array(void *data);
static int ngx_chatalot_json_on_end(void *data);

static ngx_chatalot_json_t *ngx_chatalot_json_add(
    ngx_chatalot_json_parser_t *parser, ngx_chatalot_json_type_e type);
static int ngx_chatalot_json_open(ngx_chatalot_json_parser_t *parser,
    ngx_chatalot_json_type_e type);
static ngx_int_t ngx_chatalot_json_copy(ngx_chatalot_json_parser_t *parser,
    const unsigned char *text, size_t len, ngx_str_t *copy);
static ngx_uint_t ngx_chatalot_json_has_half(ngx_str_t *text);
static ngx_int_t ngx_chatalot_json_unit(const u_char *p, const u_char *last);

static void *ngx_chatalot_json_alloc(void *ctx, size_t size);
static void *ngx_chatalot_json_realloc(void *ctx, void *old, size_t size);
static void ngx_chatalot_json_free(void *ctx, void *p);


static const yajl_callbacks  ngx_chatalot_json_callbacks = {
    ngx_chatalot_json_on_null,
    ngx_chatalot_json_on_boolean,
    NULL,                                  /* integers and doubles come */
    NULL,                                  /* to the number's callback  */
    ngx_chatalot_json_on_number,
    ngx_chatalot_json_on_string,
    ngx_chatalot_json_on_map,
    ngx_chatalot_json_on_key,
    ngx_chatalot_json_on_end,
    ngx_chatalot_json_on_array,
    ngx_chatalot_json_on_end
};


ngx_chatalot_json_t *
ngx_chatalot_json_parse(ngx_pool_t *pool, ngx_str_t *text, const char **reason)
{
    yajl_handle                  handle;
    yajl_status                  status;
    yajl_alloc_funcs             funcs;
    ngx_chatalot_json_parser_t   parser;

    ngx_memzero(&parser, sizeof(ngx_chatalot_json_parser_t));

    parser.pool = pool;
    parser.text = text;
    parser.reason = "is not valid JSON";

    funcs.malloc = ngx_chatalot_json_alloc;
    funcs.realloc = ngx_chatalot_json_realloc;
    funcs.free = ngx_chatalot_json_free;
    funcs.ctx = pool;

    handle = yajl_alloc(&ngx_chatalot_json_callbacks, &funcs, &parser);
    if (handle == NULL) {
        *reason = "";
        return NULL;
    }

    /* ours is stricter than yajl's check, and made once only */

    (void) yajl_config(handle, yajl_dont_validate_strings, 1);

    status = yajl_parse(handle, text->data, text->len);

    if (status == yajl_status_ok) {
        status = yajl_complete_parse(handle);
    }

    yajl_free(handle);

    if (status != yajl_status_ok || parser.root == NULL) {
        *reason = parser.reason;
        return NULL;
    }

    if (ngx_chatalot_json_has_half(text)) {
        *reason = "has half a surrogate pair in a string";
        return NULL;
    }

    return parser.root;
}


static int
ngx_chatalot_json_on_null(void *data)
{
    return ngx_chatalot_json_add(data, NGX_CHATALOT_JSON_NULL) != NULL;
}


static int
ngx_chatalot_json_on_boolean(void *data, int value)
{
    ngx_chatalot_json_t  *json;

    json = ngx_chatalot_json_add(data, NGX_CHATALOT_JSON_BOOLEAN);
    if (json == NULL) {
        return 0;
    }

    json->integer = value ? 1 : 0;

    return 1;
}


static int
ngx_chatalot_json_on_number(void *data, const char *text, size_t len)
{
    size_t                       i;
    uint64_t                     n, limit;
    ngx_uint_t                   negative;
    ngx_chatalot_json_t         *json;
    ngx_chatalot_json_parser_t  *parser = data;

    json = ngx_chatalot_json_add(parser, NGX_CHATALOT_JSON_NUMBER);

    if (json == NULL
        || ngx_chatalot_json_copy(parser, (const unsigned char *) text, len,
                                  &json->string) != NGX_OK)
    {
        return 0;
    }

    negative = (text[0] == '-');
    limit = (uint64_t) INT64_MAX + negative;
    n = 0;

    for (i = negative; i < len; i++) {
        if (text[i] < '0' || text[i] > '9'
            || n > (limit - (text[i] - '0')) / 10)
        {
            return 1;
        }

        n = n * 10 + (text[i] - '0');
    }

    json->type = NGX_CHATALOT_JSON_INTEGER;
    json->integer = negative ? (int64_t) (0 - n) : (int64_t) n;

    return 1;
}


static int
ngx_chatalot_json_on_string(void *data, const unsigned char *text, size_t len)
{
    ngx_chatalot_json_t         *json;
    ngx_chatalot_json_parser_t  *parser = data;

    json = ngx_chatalot_json_add(parser, NGX_CHATALOT_JSON_STRING);
    if (json == NULL) {
        return 0;
    }

    return ngx_chatalot_json_copy(parser, text, len, &json->string) == NGX_OK;
}


static int
ngx_chatalot_json_on_key(void *data, const unsigned char *text, size_t len)
{
    ngx_chatalot_json_parser_t  *parser = data;

    return ngx_chatalot_json_copy(parser, text, len, &parser->key) == NGX_OK;
}


static int
ngx_chatalot_json_on_map(void *data)
{
    return ngx_chatalot_json_open(data, NGX_CHATALOT_JSON_OBJECT);
}


static int
ngx_chatalot_json_on_array(void *data)
{
    return ngx_chatalot_json_open(data, NGX_CHATALOT_JSON_ARRAY);
}


static int
ngx_chatalot_json_on_end(void *data)
{
    ngx_chatalot_json_parser_t  *parser = data;

    parser->depth--;

    return 1;
}


static int
ngx_chatalot_json_open(ngx_chatalot_json_parser_t *parser,
    ngx_chatalot_json_type_e type)
{
    ngx_chatalot_json_t  *json;

    json = ngx_chatalot_json_add(parser, type);
    if (json == NULL) {
        return 0;
    }

    if (parser->depth == NGX_CHATALOT_JSON_DEPTH) {
        parser->reason = "is nested too deeply";
        return 0;
    }

    parser->open[parser->depth] = json;
    parser->last[parser->depth] = NULL;
    parser->depth++;

    return 1;
}


static ngx_chatalot_json_t *
ngx_chatalot_json_add(ngx_chatalot_json_parser_t *parser,
    ngx_chatalot_json_type_e type)
{
    ngx_chatalot_json_t  *json, *parent, **last;

    if (++parser->values > NGX_CHATALOT_JSON_VALUES) {
        parser->reason = "has too many values";
        return NULL;
    }

    json = ngx_pcalloc(parser->pool, sizeof(ngx_chatalot_json_t));
    if (json == NULL) {
        parser->reason = "";
        return NULL;
    }

    json->type = type;

    if (parser->depth == 0) {
        parser->root = json;
        return json;
    }

    parent = parser->open[parser->depth - 1];
    last = &parser->last[parser->depth - 1];

    if (parent->type == NGX_CHATALOT_JSON_OBJECT) {
        json->key = parser->key;
    }

    if (*last) {
        (*last)->next = json;

    } else {
        parent->first = json;
    }

    *last = json;
    parent->count++;

    return json;
}


/* yajl hands out slices of our text, or of its own buffer for strings with escapes and long ones. */

static ngx_int_t
ngx_chatalot_json_copy(ngx_chatalot_json_parser_t *parser,
    const unsigned char *text, size_t len, ngx_str_t *copy)
{
    u_char  *start, *end;

    if (ngx_strlchr((u_char *) text, (u_char *) text + len, '\0')) {
        parser->reason = "has a NUL in a string";
        return NGX_ERROR;
    }

    if (ngx_chatalot_utf8_count(text, len) == NGX_ERROR) {
        parser->reason = "is not UTF-8";
        return NGX_ERROR;
    }

    copy->len = len;

    start = parser->text->data;
    end = start + parser->text->len;

    if (text >= start && text + len <= end) {
        copy->data = (u_char *) text;
        return NGX_OK;
    }

    copy->data = ngx_pnalloc(parser->pool, len ? len : 1);
    if (copy->data == NULL) {
        parser->reason = "";
        return NGX_ERROR;
    }

    ngx_memcpy(copy->data, text, len);

    return NGX_OK;
}


/*
 * Whether an escape is half of a surrogate pair, in a text that yajl has accepted: it reads something into that, while the
 * database, which is given the text as it is, refuses it, and with it all that stands in the same statement.
 */

static ngx_uint_t
ngx_chatalot_json_has_half(ngx_str_t *text)
{
    u_char     *p, *last;
    ngx_int_t   unit;

    last = text->data + text->len;

    for (p = text->data; (p = ngx_strlchr(p, last, '\\')) != NULL; p += 2) {

        unit = ngx_chatalot_json_unit(p, last);

        if (unit < 0xd800 || unit > 0xdfff) {
            continue;
        }

        p += sizeof("\\uXXXX") - 1;

        if (unit > 0xdbff || (ngx_chatalot_json_unit(p, last) & ~0x3ff) != 0xdc00) {
            return 1;
        }
    }

    return 0;
}


/* The UTF-16 unit that is escaped there, or NGX_ERROR. */

static ngx_int_t
ngx_chatalot_json_unit(const u_char *p, const u_char *last)
{
    if (last - p < (ssize_t) sizeof("\\uXXXX") - 1 || p[0] != '\\' || p[1] != 'u') {
        return NGX_ERROR;
    }

    return ngx_hextoi((u_char *) p + 2, 4);
}


ngx_chatalot_json_t *
ngx_chatalot_json_member(ngx_chatalot_json_t *object, const char *key)
{
    size_t                len;
    ngx_chatalot_json_t  *json, *found;

    if (object == NULL || object->type != NGX_CHATALOT_JSON_OBJECT) {
        return NULL;
    }

    len = ngx_strlen(key);
    found = NULL;

    for (json = object->first; json; json = json->next) {
        if (json->key.len == len && ngx_memcmp(json->key.data, key, len) == 0) {
            found = json;
        }
    }

    return found;
}


ngx_str_t
ngx_chatalot_json_string(ngx_chatalot_json_t *object, const char *key)
{
    ngx_str_t             empty = ngx_null_string;
    ngx_chatalot_json_t  *json;

    json = ngx_chatalot_json_member(object, key);

    return (json && json->type == NGX_CHATALOT_JSON_STRING) ? json->string
                                                            : empty;
}


yajl_gen
ngx_chatalot_json_gen(ngx_pool_t *pool)
{
    yajl_alloc_funcs  funcs;

    funcs.malloc = ngx_chatalot_json_alloc;
    funcs.realloc = ngx_chatalot_json_realloc;
    funcs.free = ngx_chatalot_json_free;
    funcs.ctx = pool;

    return yajl_gen_alloc(&funcs);
}


void
ngx_chatalot_json_put(yajl_gen gen, const char *key, ngx_str_t *value)
{
    (void) yajl_gen_string(gen, (const unsigned char *) key, ngx_strlen(key));
    (void) yajl_gen_string(gen, value->len ? value->data : (u_char *) "",
                           value->len);
}


void
ngx_chatalot_json_put_integer(yajl_gen gen, const char *key, int64_t value)
{
    (void) yajl_gen_string(gen, (const unsigned char *) key, ngx_strlen(key));
    (void) yajl_gen_integer(gen, value);
}


void
ngx_chatalot_json_put_boolean(yajl_gen gen, const char *key, ngx_uint_t value)
{
    (void) yajl_gen_string(gen, (const unsigned char *) key, ngx_strlen(key));
    (void) yajl_gen_bool(gen, value ? 1 : 0);
}


/* yajl writes a number's text as it is, and so any JSON text */

void
ngx_chatalot_json_put_raw(yajl_gen gen, const char *key, ngx_str_t *json)
{
    (void) yajl_gen_string(gen, (const unsigned char *) key, ngx_strlen(key));
    (void) yajl_gen_number(gen, (const char *) json->data, json->len);
}


void
ngx_chatalot_json_put_tree(yajl_gen gen, const char *key,
    ngx_chatalot_json_t *value)
{
    ngx_chatalot_json_t  *json;

    if (key) {
        (void) yajl_gen_string(gen, (const unsigned char *) key,
                               ngx_strlen(key));
    }

    switch (value->type) {

    case NGX_CHATALOT_JSON_NULL:
        (void) yajl_gen_null(gen);
        break;

    case NGX_CHATALOT_JSON_BOOLEAN:
        (void) yajl_gen_bool(gen, (int) value->integer);
        break;

    case NGX_CHATALOT_JSON_INTEGER:
    case NGX_CHATALOT_JSON_NUMBER:
        (void) yajl_gen_number(gen, (const char *) value->string.data,
                               value->string.len);
        break;

    case NGX_CHATALOT_JSON_STRING:
        (void) yajl_gen_string(gen, value->string.len ? value->string.data
                                                      : (u_char *) "",
                               value->string.len);
        break;

    case NGX_CHATALOT_JSON_ARRAY:
        (void) yajl_gen_array_open(gen);

        for (json = value->first; json; json = json->next) {
            ngx_chatalot_json_put_tree(gen, NULL, json);
        }

        (void) yajl_gen_array_close(gen);
        break;

    case NGX_CHATALOT_JSON_OBJECT:
        (void) yajl_gen_map_open(gen);

        for (json = value->first; json; json = json->next) {
            (void) yajl_gen_string(gen, json->key.data, json->key.len);
            ngx_chatalot_json_put_tree(gen, NULL, json);
        }

        (void) yajl_gen_map_close(gen);
        break;
    }
}


/* The text is complete only if the outermost value was closed without an error on the way. */

ngx_int_t
ngx_chatalot_json_finish(yajl_gen gen, ngx_str_t *json)
{
    size_t                len;
    const unsigned char  *text;

    if (yajl_gen_get_buf(gen, &text, &len) != yajl_gen_status_ok
        || yajl_gen_null(gen) != yajl_gen_generation_complete)
    {
        return NGX_ERROR;
    }

    json->data = (u_char *) text;
    json->len = len;

    return NGX_OK;
}


/*
 * yajl grows its buffers by realloc, which a pool does not have: the size stands in front of each block. Old blocks
 * stay with the pool unless they were large.
 */

static void *
ngx_chatalot_json_alloc(void *ctx, size_t size)
{
    size_t  *p;

    p = ngx_palloc(ctx, size + 2 * sizeof(size_t));
    if (p == NULL) {
        return NULL;
    }

    p[0] = size;

    return p + 2;
}


static void *
ngx_chatalot_json_realloc(void *ctx, void *old, size_t size)
{
    void    *p;
    size_t   old_size;

    if (old == NULL) {
        return ngx_chatalot_json_alloc(ctx, size);
    }

    old_size = ((size_t *) old - 2)[0];

    if (size <= old_size) {
        return old;
    }

    p = ngx_chatalot_json_alloc(ctx, size);
    if (p == NULL) {
        return NULL;
    }

    ngx_memcpy(p, old, old_size);
    ngx_chatalot_json_free(ctx, old);

    return p;
}


static void
ngx_chatalot_json_free(void *ctx, void *p)
{
    if (p) {
        (void) ngx_pfree(ctx, (size_t *) p - 2);
    }
}
