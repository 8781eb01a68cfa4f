/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An admin's reset: a one-time code, told by an admin to somebody who has lost the password, with which they set a new one.
 * The code has 80 random bits, so that its SHA-256 is as good as itself and better to keep. It gives access to the
 * account, not to its keys.
 */

#include "ngx_chatalot_rest_credentials.h"
#include "ngx_chatalot_rest_proof.h"

#include <sodium.h>


#define NGX_CHATALOT_REST_RESET_SYMBOLS  16
#define NGX_CHATALOT_REST_RESET_GROUP    4
#define NGX_CHATALOT_REST_RESET_TEXT     (NGX_CHATALOT_REST_RESET_SYMBOLS + 3)


static void ngx_chatalot_rest_reset_draw(u_char *symbols, u_char *text);
static void ngx_chatalot_rest_reset_on_stored(ngx_chatalot_call_t *call);

static ngx_int_t ngx_chatalot_rest_reset_read(ngx_str_t *text,
    u_char *symbols);
static void ngx_chatalot_rest_reset_on_begun(ngx_chatalot_call_t *call);


/* Crockford's base32: no I, L, O and U */

static const u_char  ngx_chatalot_rest_reset_alphabet[] =
    "0123456789ABCDEFGHJKMNPQRSTVWXYZ";


static ngx_chatalot_rest_proof_kind_t  ngx_chatalot_rest_reset_proof = {
    NGX_CHATALOT_FUNCTION("auth_reset_begin"),
    "reset_code", "reset_hash",
    "The name or the reset code is wrong, or the code has expired."
};


/* The admin's half. */

void
ngx_chatalot_rest_user_reset(ngx_chatalot_call_t *call)
{
    u_char                        symbols[NGX_CHATALOT_REST_RESET_SYMBOLS];
    yajl_gen                      gen;
    ngx_str_t                     hash, args, *code;
    ngx_int_t                     rc;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    gen = ngx_chatalot_json_gen(call->pool);
    code = ngx_palloc(call->pool, sizeof(ngx_str_t));

    if (gen == NULL || code == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    code->len = NGX_CHATALOT_REST_RESET_TEXT;
    code->data = ngx_pnalloc(call->pool, code->len);

    if (code->data == NULL
        || ngx_chatalot_rest_request_wipe(request, code->data, code->len)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    request->state = code;

    ngx_chatalot_rest_reset_draw(symbols, code->data);

    rc = ngx_chatalot_rest_tokens_hash(call->pool, symbols, sizeof(symbols),
                                       &hash);

    sodium_memzero(symbols, sizeof(symbols));

    if (rc != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "user", &request->match.values[0]);
    ngx_chatalot_json_put(gen, "reset_hash", &hash);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &args) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &request->route->function, &args,
                          ngx_chatalot_rest_reset_on_stored);
}


/* Five random bits a symbol; for people, dashes between groups of four. */

static void
ngx_chatalot_rest_reset_draw(u_char *symbols, u_char *text)
{
    u_char      random[NGX_CHATALOT_REST_RESET_SYMBOLS];
    ngx_uint_t  i;

    randombytes_buf(random, sizeof(random));

    for (i = 0; i < NGX_CHATALOT_REST_RESET_SYMBOLS; i++) {

        if (i && i % NGX_CHATALOT_REST_RESET_GROUP == 0) {
            *text++ = '-';
        }

        symbols[i] = ngx_chatalot_rest_reset_alphabet[random[i] & 31];
        *text++ = symbols[i];
    }

    sodium_memzero(random, sizeof(random));
}


static void
ngx_chatalot_rest_reset_on_stored(ngx_chatalot_call_t *call)
{
    yajl_gen                      gen;
    ngx_str_t                     json;
    const char                   *reason;
    ngx_chatalot_json_t          *expires;
    ngx_chatalot_rest_request_t  *request;

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    request = call->data;

    expires = ngx_chatalot_json_member(
                  ngx_chatalot_json_parse(call->pool, &call->reply, &reason),
                  "expires_at");

    gen = ngx_chatalot_json_gen(call->pool);

    if (expires == NULL || gen == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "reset_code", request->state);
    ngx_chatalot_json_put_tree(gen, "expires_at", expires);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &json) != NGX_OK
        || ngx_chatalot_rest_request_wipe(request, json.data, json.len)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_reply(call, &json);
}


/* The other half: the code proves the account once. */

void
ngx_chatalot_rest_auth_reset(ngx_chatalot_call_t *call)
{
    u_char                            symbols[NGX_CHATALOT_REST_RESET_SYMBOLS];
    ngx_int_t                         rc;
    ngx_str_t                         text;
    ngx_chatalot_rest_request_t      *request;
    ngx_chatalot_rest_credentials_t  *credentials;

    request = call->data;

    text = ngx_chatalot_json_string(request->body, "reset_code");

    /* what cannot be a code is a slip of the finger, not an attempt */

    if (ngx_chatalot_rest_reset_read(&text, symbols) != NGX_OK) {
        ngx_chatalot_problem_set(&call->problem, 422, "invalid_field",
                                 "A reset code has 16 letters and digits.",
                                 "reset_code");
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    credentials = ngx_chatalot_rest_credentials_create(request);

    if (credentials == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    credentials->with = "reset_hash";

    rc = ngx_chatalot_rest_tokens_hash(call->pool, symbols, sizeof(symbols),
                                       &credentials->value);

    sodium_memzero(symbols, sizeof(symbols));

    if (rc != NGX_OK
        || ngx_chatalot_rest_tokens_key(request, request->body, "login_key",
                                        &credentials->login_key)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_proof_begin(call, &ngx_chatalot_rest_reset_proof,
                                  ngx_chatalot_rest_reset_on_begun);
}


/* As people type it: any case, with or without dashes and spaces, and the letters that look like digits. */

static ngx_int_t
ngx_chatalot_rest_reset_read(ngx_str_t *text, u_char *symbols)
{
    u_char      c;
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < text->len; i++) {
        c = ngx_toupper(text->data[i]);

        if (c == '-' || c == ' ') {
            continue;
        }

        if (c == 'O') {
            c = '0';

        } else if (c == 'I' || c == 'L') {
            c = '1';
        }

        if (n == NGX_CHATALOT_REST_RESET_SYMBOLS || c == '\0'
            || ngx_strchr(ngx_chatalot_rest_reset_alphabet, c) == NULL)
        {
            return NGX_DECLINED;
        }

        symbols[n++] = c;
    }

    return n == NGX_CHATALOT_REST_RESET_SYMBOLS ? NGX_OK : NGX_DECLINED;
}


static void
ngx_chatalot_rest_reset_on_begun(ngx_chatalot_call_t *call)
{
    ngx_str_t                     *given, *kept;
    ngx_chatalot_rest_request_t   *request;

    request = call->data;

    given = &request->credentials->value;
    kept = &request->proof->hash;

    if (request->proof->user.len == 0
        || kept->len != given->len
        || sodium_memcmp(kept->data, given->data, given->len) != 0)
    {
        ngx_chatalot_rest_proof_refuse(call);
        return;
    }

    ngx_chatalot_rest_credentials_change(call);
}
