/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Declared parameters: what a route or a frame accepts. The tables serve the check of input and, for REST, the OpenAPI
 * document, so that the two cannot differ.
 */

#ifndef NGX_CHATALOT_PARAMS_H
#define NGX_CHATALOT_PARAMS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chatalot_json.h"
#include "ngx_chatalot_problem.h"


typedef enum {
    NGX_CHATALOT_UUID = 1,      /* lower-case text with dashes */
    NGX_CHATALOT_STRING,        /* min..max characters (code points) */
    NGX_CHATALOT_USERNAME,      /* 3-32 of a-z 0-9 _ . - ; upper case is accepted on input */
    NGX_CHATALOT_BYTES,         /* base64url without padding of min..max bytes */
    NGX_CHATALOT_INTEGER,       /* min..max */
    NGX_CHATALOT_BOOLEAN,
    NGX_CHATALOT_OBJECT,        /* with fields */
    NGX_CHATALOT_LIST,          /* min..max items, each an object with fields, or, with no fields, a UUID */
    NGX_CHATALOT_MAP            /* at most max members: UUID to non-negative integer */
} ngx_chatalot_param_type_e;

#define NGX_CHATALOT_IN_BODY    0
#define NGX_CHATALOT_IN_PATH    1
#define NGX_CHATALOT_IN_QUERY   2

#define NGX_CHATALOT_REQUIRED   1
#define NGX_CHATALOT_OPTIONAL   0


typedef struct ngx_chatalot_param_s  ngx_chatalot_param_t;

struct ngx_chatalot_param_s {
    ngx_str_t                     name;         /* the table ends with an empty name */
    ngx_chatalot_param_type_e     type;
    ngx_uint_t                    in;
    ngx_uint_t                    required;
    int64_t                       min;
    int64_t                       max;
    const ngx_chatalot_param_t   *fields;
};

#define ngx_chatalot_params_end  { ngx_null_string, 0, 0, 0, 0, 0, NULL }


/*
 * Checks the members of object against those rows of table whose "in" is given: unknown, repeated, missing, of the
 * wrong type or out of bounds. An optional member may be null. NGX_OK, or NGX_ERROR with the problem (400 invalid_json
 * if object is no object, else 422 unknown_field, missing_field, invalid_field) naming the field ("device.name").
 * problem means nothing after NGX_OK.
 */
ngx_int_t ngx_chatalot_params_check(ngx_pool_t *pool, const ngx_chatalot_param_t *table, ngx_uint_t in,
    ngx_chatalot_json_t *object, ngx_chatalot_problem_t *problem);

/* Checks one text value (a path segment or query value) and appends it to gen as "name":value of the right JSON type. */
ngx_int_t ngx_chatalot_params_text(ngx_pool_t *pool, const ngx_chatalot_param_t *param, ngx_str_t *text, yajl_gen gen,
    ngx_chatalot_problem_t *problem);

/* Strict base64url without padding (RFC 4648, section 5; no stray bits). NGX_DECLINED: it is not, or not len bytes. */
ngx_int_t ngx_chatalot_bytes_decode(ngx_str_t *text, u_char *bytes, size_t len);

/* dst holds ngx_chatalot_bytes_encoded_len(len) bytes; returns the end. */
#define ngx_chatalot_bytes_encoded_len(len)  (((len) * 4 + 2) / 3)
#define ngx_chatalot_bytes_decoded_len(len)  ((len) / 4 * 3 + ((len) % 4 ? (len) % 4 - 1 : 0))
u_char *ngx_chatalot_bytes_encode(u_char *dst, const u_char *bytes, size_t len);

/* The number of characters (code points) of strict UTF-8 (RFC 3629). NGX_ERROR: it is none. */
ngx_int_t ngx_chatalot_utf8_count(const u_char *text, size_t len);

/* 16 bytes of a UUID in text form. NGX_DECLINED: it is none. */
ngx_int_t ngx_chatalot_uuid_decode(ngx_str_t *text, u_char *uuid);

/* The text form of 16 bytes, NGX_CHATALOT_UUID_LEN; returns the end. */
u_char *ngx_chatalot_uuid_encode(u_char *dst, const u_char *uuid);


#endif /* NGX_CHATALOT_PARAMS_H */
