/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON (RFC 8259) on nginx pools, read and written by yajl.
 */

#ifndef NGX_CHATALOT_JSON_H
#define NGX_CHATALOT_JSON_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <yajl/yajl_gen.h>


#define NGX_CHATALOT_JSON_DEPTH   8
#define NGX_CHATALOT_JSON_VALUES  16384     /* in one document */


typedef enum {
    NGX_CHATALOT_JSON_NULL = 0,
    NGX_CHATALOT_JSON_BOOLEAN,
    NGX_CHATALOT_JSON_INTEGER,
    NGX_CHATALOT_JSON_NUMBER,               /* not an integer, or out of int64_t's range */
    NGX_CHATALOT_JSON_STRING,
    NGX_CHATALOT_JSON_ARRAY,
    NGX_CHATALOT_JSON_OBJECT
} ngx_chatalot_json_type_e;


typedef struct ngx_chatalot_json_s  ngx_chatalot_json_t;

struct ngx_chatalot_json_s {
    ngx_chatalot_json_type_e   type;
    ngx_str_t                  key;         /* in an object */
    ngx_str_t                  string;      /* decoded UTF-8 of a string, text of a number; no NUL inside a string */
    int64_t                    integer;     /* of an integer; 1 or 0 of a boolean */
    ngx_uint_t                 count;       /* of an array's or object's members */
    ngx_chatalot_json_t       *first;
    ngx_chatalot_json_t       *next;        /* sibling */
};


/*
 * Parses one document, the whole of text. NULL with *reason (a literal, "" when there was no memory) when it is not
 * JSON, deeper than NGX_CHATALOT_JSON_DEPTH, has more than NGX_CHATALOT_JSON_VALUES values, is not UTF-8, or has a NUL or
 * half a surrogate pair in a string. Strings without escapes point into text, which must live as long as the tree.
 */
ngx_chatalot_json_t *ngx_chatalot_json_parse(ngx_pool_t *pool, ngx_str_t *text, const char **reason);

/* The member with that key (the last one, if it stands there twice), or NULL. object may be NULL or of another type. */
ngx_chatalot_json_t *ngx_chatalot_json_member(ngx_chatalot_json_t *object, const char *key);

/* The string of that member; an empty string if there is none. */
ngx_str_t ngx_chatalot_json_string(ngx_chatalot_json_t *object, const char *key);


/*
 * Writing: a yajl generator whose memory comes from pool. NULL: no memory. Errors of the single steps are kept by yajl
 * and show at the end.
 */
yajl_gen ngx_chatalot_json_gen(ngx_pool_t *pool);

void ngx_chatalot_json_put(yajl_gen gen, const char *key, ngx_str_t *value);             /* "key":"value" */
void ngx_chatalot_json_put_integer(yajl_gen gen, const char *key, int64_t value);
void ngx_chatalot_json_put_boolean(yajl_gen gen, const char *key, ngx_uint_t value);
void ngx_chatalot_json_put_raw(yajl_gen gen, const char *key, ngx_str_t *json);          /* JSON text as it is */
void ngx_chatalot_json_put_tree(yajl_gen gen, const char *key, ngx_chatalot_json_t *value);  /* key may be NULL */

/* The text, valid as long as pool. NGX_ERROR: a step failed. */
ngx_int_t ngx_chatalot_json_finish(yajl_gen gen, ngx_str_t *json);


#endif /* NGX_CHATALOT_JSON_H */
