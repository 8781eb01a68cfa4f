/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Access tokens. Signs and checks; who may do what with a token is decided elsewhere.
 */

#include "ngx_chatalot_jwt.h"
#include "ngx_chatalot_core.h"
#include "ngx_chatalot_json.h"
#include "ngx_chatalot_params.h"

#include <sodium.h>


/*
 * Signatures that were found good, by a keyed hash of the whole token: whoever asks often shows the same one for minutes,
 * and verifying an Ed25519 signature takes 0.05 ms, as long as the database's part of a small request. What a token claims
 * is read and its expiry checked each time, and whether its session lives is the database's to say.
 */

#define NGX_CHATALOT_JWT_SEEN      1024     /* tokens a worker remembers; each has one place, the newest keeps it */
#define NGX_CHATALOT_JWT_HASH      32

static u_char      ngx_chatalot_jwt_seen[NGX_CHATALOT_JWT_SEEN][NGX_CHATALOT_JWT_HASH];
static u_char      ngx_chatalot_jwt_seen_key[crypto_generichash_KEYBYTES];
static ngx_uint_t  ngx_chatalot_jwt_seen_ready;


static ngx_int_t ngx_chatalot_jwt_claims_json(ngx_pool_t *pool,
    ngx_chatalot_claims_t *claims, ngx_str_t *json);
static ngx_chatalot_json_t *ngx_chatalot_jwt_part(ngx_pool_t *pool,
    u_char *start, u_char *end);
static ngx_chatalot_jwt_key_t *ngx_chatalot_jwt_key(
    ngx_chatalot_json_t *header);
static ngx_int_t ngx_chatalot_jwt_signature(ngx_str_t *token, size_t len,
    u_char *signature, ngx_chatalot_jwt_key_t *key);
static ngx_int_t ngx_chatalot_jwt_accept(ngx_chatalot_json_t *payload,
    ngx_chatalot_claims_t *claims);
static ngx_chatalot_scope_e ngx_chatalot_jwt_scope(
    ngx_chatalot_json_t *payload);
static ngx_uint_t ngx_chatalot_jwt_equal(ngx_chatalot_json_t *object,
    const char *name, ngx_str_t *expected);
static ngx_int_t ngx_chatalot_jwt_uuid(ngx_chatalot_json_t *payload,
    const char *name, ngx_str_t *id);


/* By ngx_chatalot_scope_e, from 1. */

static ngx_str_t  ngx_chatalot_jwt_scopes[] = {
    ngx_null_string,
    ngx_string("full"),
    ngx_string("enrol"),
    ngx_string("recover")
};


ngx_int_t
ngx_chatalot_jwt_sign(ngx_pool_t *pool, ngx_chatalot_claims_t *claims,
    time_t lifetime, ngx_str_t *token)
{
    u_char                  *p, header[64], signature[crypto_sign_BYTES];
    size_t                   len;
    ngx_str_t                payload;
    ngx_chatalot_jwt_key_t  *key;

    key = ngx_chatalot_conf()->jwt_keys->elts;

    claims->issued = ngx_time();
    claims->expires = claims->issued + lifetime;

    p = ngx_sprintf(header, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"");
    p = ngx_hex_dump(p, key->id, sizeof(key->id));
    p = ngx_sprintf(p, "\"}");
    len = p - header;

    if (ngx_chatalot_jwt_claims_json(pool, claims, &payload) != NGX_OK) {
        return NGX_ERROR;
    }

    token->data = ngx_pnalloc(pool, ngx_chatalot_bytes_encoded_len(len)
                                    + ngx_chatalot_bytes_encoded_len(payload.len)
                                    + ngx_chatalot_bytes_encoded_len(
                                                             sizeof(signature))
                                    + 2);
    if (token->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_chatalot_bytes_encode(token->data, header, len);
    *p++ = '.';
    p = ngx_chatalot_bytes_encode(p, payload.data, payload.len);

    if (crypto_sign_detached(signature, NULL, token->data, p - token->data,
                             key->secret_key)
        != 0)
    {
        return NGX_ERROR;
    }

    *p++ = '.';
    p = ngx_chatalot_bytes_encode(p, signature, sizeof(signature));

    token->len = p - token->data;

    return NGX_OK;
}


static ngx_int_t
ngx_chatalot_jwt_claims_json(ngx_pool_t *pool, ngx_chatalot_claims_t *claims,
    ngx_str_t *json)
{
    yajl_gen                   gen;
    ngx_chatalot_main_conf_t  *mcf;

    mcf = ngx_chatalot_conf();

    gen = ngx_chatalot_json_gen(pool);
    if (gen == NULL) {
        return NGX_ERROR;
    }

    yajl_gen_map_open(gen);

    ngx_chatalot_json_put(gen, "iss", &mcf->jwt_issuer);
    ngx_chatalot_json_put(gen, "aud", &mcf->jwt_audience);
    ngx_chatalot_json_put(gen, "sub", &claims->user);

    if (claims->scope == NGX_CHATALOT_SCOPE_FULL) {
        ngx_chatalot_json_put(gen, "dev", &claims->device);
    }

    ngx_chatalot_json_put(gen, "sid", &claims->session);
    ngx_chatalot_json_put(gen, "scope",
                          &ngx_chatalot_jwt_scopes[claims->scope]);
    ngx_chatalot_json_put_integer(gen, "iat", claims->issued);
    ngx_chatalot_json_put_integer(gen, "exp", claims->expires);

    yajl_gen_map_close(gen);

    return ngx_chatalot_json_finish(gen, json);
}


ngx_int_t
ngx_chatalot_jwt_verify(ngx_pool_t *pool, ngx_str_t *token,
    ngx_chatalot_claims_t *claims)
{
    u_char                  *end, *payload, *mark;
    u_char                   signature[crypto_sign_BYTES];
    ngx_str_t                text;
    ngx_chatalot_json_t     *json;
    ngx_chatalot_jwt_key_t  *key;

    if (token->len > NGX_CHATALOT_TOKEN_MAX) {
        return NGX_DECLINED;
    }

    end = token->data + token->len;

    payload = ngx_strlchr(token->data, end, '.');
    if (payload == NULL) {
        return NGX_DECLINED;
    }

    mark = ngx_strlchr(payload + 1, end, '.');
    if (mark == NULL) {
        return NGX_DECLINED;
    }

    text.data = mark + 1;
    text.len = end - text.data;

    if (ngx_chatalot_bytes_decode(&text, signature, sizeof(signature))
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    key = ngx_chatalot_jwt_key(ngx_chatalot_jwt_part(pool, token->data,
                                                     payload));

    if (key == NULL
        || ngx_chatalot_jwt_signature(token, mark - token->data, signature, key)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    json = ngx_chatalot_jwt_part(pool, payload + 1, mark);

    return ngx_chatalot_jwt_accept(json, claims);
}


/* Of the first len bytes of a token. */

static ngx_int_t
ngx_chatalot_jwt_signature(ngx_str_t *token, size_t len, u_char *signature,
    ngx_chatalot_jwt_key_t *key)
{
    u_char    hash[NGX_CHATALOT_JWT_HASH], *seen;
    uint32_t  place;

    if (!ngx_chatalot_jwt_seen_ready) {
        crypto_generichash_keygen(ngx_chatalot_jwt_seen_key);
        ngx_chatalot_jwt_seen_ready = 1;
    }

    if (crypto_generichash(hash, sizeof(hash), token->data, token->len,
                           ngx_chatalot_jwt_seen_key,
                           sizeof(ngx_chatalot_jwt_seen_key))
        != 0)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(&place, hash, sizeof(place));
    seen = ngx_chatalot_jwt_seen[place % NGX_CHATALOT_JWT_SEEN];

    if (sodium_memcmp(seen, hash, sizeof(hash)) == 0) {
        return NGX_OK;
    }

    if (crypto_sign_verify_detached(signature, token->data, len,
                                    key->public_key)
        != 0)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(seen, hash, sizeof(hash));

    return NGX_OK;
}


static ngx_chatalot_json_t *
ngx_chatalot_jwt_part(ngx_pool_t *pool, u_char *start, u_char *end)
{
    size_t       len;
    ngx_str_t    text;
    const char  *reason;

    len = (end - start) * 3 / 4;

    if (len == 0) {
        return NULL;
    }

    text.data = ngx_pnalloc(pool, len);
    if (text.data == NULL) {
        return NULL;
    }

    if (sodium_base642bin(text.data, len, (const char *) start, end - start,
                          NULL, &text.len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING)
        != 0)
    {
        return NULL;
    }

    return ngx_chatalot_json_parse(pool, &text, &reason);
}


/* RFC 8725, section 3.1: the one algorithm is ours to name, not the token's */

static ngx_chatalot_jwt_key_t *
ngx_chatalot_jwt_key(ngx_chatalot_json_t *header)
{
    u_char                   kid[16];
    ngx_str_t                expected;
    ngx_uint_t               i;
    ngx_array_t             *keys;
    ngx_chatalot_jwt_key_t  *key;

    ngx_str_set(&expected, "EdDSA");

    if (!ngx_chatalot_jwt_equal(header, "alg", &expected)
        || ngx_chatalot_json_member(header, "crit"))
    {
        return NULL;
    }

    keys = ngx_chatalot_conf()->jwt_keys;
    key = keys->elts;

    expected.data = kid;
    expected.len = sizeof(kid);

    for (i = 0; i < keys->nelts; i++) {
        ngx_hex_dump(kid, key[i].id, sizeof(key[i].id));

        if (ngx_chatalot_jwt_equal(header, "kid", &expected)) {
            return &key[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_chatalot_jwt_accept(ngx_chatalot_json_t *payload,
    ngx_chatalot_claims_t *claims)
{
    ngx_chatalot_json_t       *expires, *issued;
    ngx_chatalot_main_conf_t  *mcf;

    mcf = ngx_chatalot_conf();

    ngx_memzero(claims, sizeof(ngx_chatalot_claims_t));

    if (!ngx_chatalot_jwt_equal(payload, "iss", &mcf->jwt_issuer)
        || !ngx_chatalot_jwt_equal(payload, "aud", &mcf->jwt_audience)
        || ngx_chatalot_jwt_uuid(payload, "sub", &claims->user) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    expires = ngx_chatalot_json_member(payload, "exp");
    issued = ngx_chatalot_json_member(payload, "iat");

    if (expires == NULL || expires->type != NGX_CHATALOT_JSON_INTEGER
        || expires->integer <= ngx_time()
        || issued == NULL || issued->type != NGX_CHATALOT_JSON_INTEGER)
    {
        return NGX_DECLINED;
    }

    claims->expires = (time_t) expires->integer;
    claims->issued = (time_t) issued->integer;

    claims->scope = ngx_chatalot_jwt_scope(payload);

    if (claims->scope == 0
        || ngx_chatalot_jwt_uuid(payload, "sid", &claims->session) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (claims->scope == NGX_CHATALOT_SCOPE_FULL) {
        return ngx_chatalot_jwt_uuid(payload, "dev", &claims->device);
    }

    return NGX_OK;
}


/* 0: it has none that we know */

static ngx_chatalot_scope_e
ngx_chatalot_jwt_scope(ngx_chatalot_json_t *payload)
{
    ngx_uint_t  scope;

    for (scope = NGX_CHATALOT_SCOPE_FULL;
         scope <= NGX_CHATALOT_SCOPE_RECOVER;
         scope++)
    {
        if (ngx_chatalot_jwt_equal(payload, "scope",
                                   &ngx_chatalot_jwt_scopes[scope]))
        {
            return scope;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_chatalot_jwt_equal(ngx_chatalot_json_t *object, const char *name,
    ngx_str_t *expected)
{
    ngx_str_t  s;

    s = ngx_chatalot_json_string(object, name);

    return s.len == expected->len
           && ngx_memcmp(s.data, expected->data, s.len) == 0;
}


static ngx_int_t
ngx_chatalot_jwt_uuid(ngx_chatalot_json_t *payload, const char *name,
    ngx_str_t *id)
{
    u_char  uuid[16];

    *id = ngx_chatalot_json_string(payload, name);

    return ngx_chatalot_uuid_decode(id, uuid);
}
