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
 * Tokens that were found good, by a keyed hash of their whole text: whoever asks often shows the same one for minutes, and
 * verifying an Ed25519 signature takes as long as the database's part of a small request, reading the claims a tenth of
 * it. The expiry is checked each time, and whether the session lives is the database's to say.
 */

#define NGX_CHATALOT_JWT_SEEN      2048     /* that a worker remembers; each token has one place, the newest keeps it */
#define NGX_CHATALOT_JWT_HASH      32

typedef struct {
    u_char                 hash[NGX_CHATALOT_JWT_HASH];
    u_char                 user[NGX_CHATALOT_UUID_LEN];
    u_char                 device[NGX_CHATALOT_UUID_LEN];
    u_char                 session[NGX_CHATALOT_UUID_LEN];
    ngx_chatalot_scope_e   scope;
    time_t                 issued;
    time_t                 expires;
} ngx_chatalot_jwt_seen_t;

static ngx_chatalot_jwt_seen_t  ngx_chatalot_jwt_seen[NGX_CHATALOT_JWT_SEEN];
static u_char                   ngx_chatalot_jwt_seen_key[crypto_generichash_KEYBYTES];
static ngx_uint_t               ngx_chatalot_jwt_seen_ready;


static ngx_int_t ngx_chatalot_jwt_claims_json(ngx_pool_t *pool,
    ngx_chatalot_claims_t *claims, ngx_str_t *json);
static ngx_chatalot_json_t *ngx_chatalot_jwt_part(ngx_pool_t *pool,
    u_char *start, u_char *end);
static ngx_chatalot_jwt_key_t *ngx_chatalot_jwt_key(
    ngx_chatalot_json_t *header);
static ngx_chatalot_jwt_seen_t *ngx_chatalot_jwt_place(ngx_str_t *token,
    u_char *hash);
static ngx_int_t ngx_chatalot_jwt_recall(ngx_pool_t *pool,
    ngx_chatalot_jwt_seen_t *seen, ngx_chatalot_claims_t *claims);
static void ngx_chatalot_jwt_remember(ngx_chatalot_jwt_seen_t *seen,
    u_char *hash, ngx_chatalot_claims_t *claims);
static ngx_int_t ngx_chatalot_jwt_read(ngx_pool_t *pool, ngx_str_t *token,
    ngx_chatalot_claims_t *claims);
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
    u_char                    hash[NGX_CHATALOT_JWT_HASH];
    ngx_int_t                 rc;
    ngx_chatalot_jwt_seen_t  *seen;

    if (token->len > NGX_CHATALOT_TOKEN_MAX) {
        return NGX_DECLINED;
    }

    seen = ngx_chatalot_jwt_place(token, hash);

    if (sodium_memcmp(seen->hash, hash, sizeof(hash)) == 0) {
        return ngx_chatalot_jwt_recall(pool, seen, claims);
    }

    rc = ngx_chatalot_jwt_read(pool, token, claims);

    if (rc == NGX_OK) {
        ngx_chatalot_jwt_remember(seen, hash, claims);
    }

    return rc;
}


/* Where a token is remembered, if it is; and its hash. */

static ngx_chatalot_jwt_seen_t *
ngx_chatalot_jwt_place(ngx_str_t *token, u_char *hash)
{
    uint32_t  place;

    if (!ngx_chatalot_jwt_seen_ready) {
        crypto_generichash_keygen(ngx_chatalot_jwt_seen_key);
        ngx_chatalot_jwt_seen_ready = 1;
    }

    /* fails only for lengths that it does not take */

    (void) crypto_generichash(hash, NGX_CHATALOT_JWT_HASH, token->data,
                              token->len, ngx_chatalot_jwt_seen_key,
                              sizeof(ngx_chatalot_jwt_seen_key));

    ngx_memcpy(&place, hash, sizeof(place));

    return &ngx_chatalot_jwt_seen[place % NGX_CHATALOT_JWT_SEEN];
}


static ngx_int_t
ngx_chatalot_jwt_recall(ngx_pool_t *pool, ngx_chatalot_jwt_seen_t *seen,
    ngx_chatalot_claims_t *claims)
{
    u_char  *p;

    if (seen->expires <= ngx_time()) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(pool, 3 * NGX_CHATALOT_UUID_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(claims, sizeof(ngx_chatalot_claims_t));

    claims->scope = seen->scope;
    claims->issued = seen->issued;
    claims->expires = seen->expires;

    claims->user.len = NGX_CHATALOT_UUID_LEN;
    claims->user.data = p;
    p = ngx_cpymem(p, seen->user, NGX_CHATALOT_UUID_LEN);

    claims->session.len = NGX_CHATALOT_UUID_LEN;
    claims->session.data = p;
    p = ngx_cpymem(p, seen->session, NGX_CHATALOT_UUID_LEN);

    if (seen->scope == NGX_CHATALOT_SCOPE_FULL) {
        claims->device.len = NGX_CHATALOT_UUID_LEN;
        claims->device.data = p;
        ngx_memcpy(p, seen->device, NGX_CHATALOT_UUID_LEN);
    }

    return NGX_OK;
}


static void
ngx_chatalot_jwt_remember(ngx_chatalot_jwt_seen_t *seen, u_char *hash,
    ngx_chatalot_claims_t *claims)
{
    ngx_memcpy(seen->hash, hash, sizeof(seen->hash));
    ngx_memcpy(seen->user, claims->user.data, sizeof(seen->user));
    ngx_memcpy(seen->session, claims->session.data, sizeof(seen->session));

    if (claims->scope == NGX_CHATALOT_SCOPE_FULL) {
        ngx_memcpy(seen->device, claims->device.data, sizeof(seen->device));
    }

    seen->scope = claims->scope;
    seen->issued = claims->issued;
    seen->expires = claims->expires;
}


static ngx_int_t
ngx_chatalot_jwt_read(ngx_pool_t *pool, ngx_str_t *token,
    ngx_chatalot_claims_t *claims)
{
    u_char                  *end, *payload, *mark;
    u_char                   signature[crypto_sign_BYTES];
    ngx_str_t                text;
    ngx_chatalot_json_t     *json;
    ngx_chatalot_jwt_key_t  *key;

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
        || crypto_sign_verify_detached(signature, token->data,
                                       mark - token->data, key->public_key)
           != 0)
    {
        return NGX_DECLINED;
    }

    json = ngx_chatalot_jwt_part(pool, payload + 1, mark);

    return ngx_chatalot_jwt_accept(json, claims);
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
