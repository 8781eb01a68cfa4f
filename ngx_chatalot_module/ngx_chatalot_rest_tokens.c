/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is drawn, hashed and signed for a session. A refresh token leaves the server once and is kept as SHA-256 only.
 */

#include "ngx_chatalot_rest_proof.h"

#include <sodium.h>


ngx_int_t
ngx_chatalot_rest_tokens_draw(ngx_chatalot_rest_request_t *request,
    ngx_str_t *token, ngx_str_t *hash)
{
    u_char      bytes[NGX_CHATALOT_REST_TOKEN_LEN];
    ngx_int_t   rc;

    token->len = ngx_chatalot_bytes_encoded_len(sizeof(bytes));

    token->data = ngx_pnalloc(request->http->pool, token->len);
    if (token->data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_chatalot_rest_request_wipe(request, token->data, token->len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    randombytes_buf(bytes, sizeof(bytes));
    ngx_chatalot_bytes_encode(token->data, bytes, sizeof(bytes));

    rc = ngx_chatalot_rest_tokens_hash(request->http->pool, bytes,
                                       sizeof(bytes), hash);

    sodium_memzero(bytes, sizeof(bytes));

    return rc;
}


ngx_int_t
ngx_chatalot_rest_tokens_key(ngx_chatalot_rest_request_t *request,
    ngx_chatalot_json_t *object, const char *name, ngx_str_t *key)
{
    ngx_str_t  text;

    text = ngx_chatalot_json_string(object, name);

    key->len = NGX_CHATALOT_REST_TOKEN_LEN;

    key->data = ngx_pnalloc(request->http->pool, key->len);
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_chatalot_bytes_decode(&text, key->data, key->len) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_chatalot_rest_request_wipe(request, key->data, key->len);
}


ngx_int_t
ngx_chatalot_rest_tokens_member(ngx_chatalot_rest_request_t *request,
    const char *name, ngx_str_t *hash)
{
    ngx_str_t  key;

    if (ngx_chatalot_rest_tokens_key(request, request->body, name, &key)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_chatalot_rest_tokens_hash(request->http->pool, key.data,
                                         key.len, hash);
}


ngx_int_t
ngx_chatalot_rest_tokens_hash(ngx_pool_t *pool, const u_char *bytes,
    size_t len, ngx_str_t *hash)
{
    u_char  digest[crypto_hash_sha256_BYTES];

    hash->len = ngx_chatalot_bytes_encoded_len(sizeof(digest));

    hash->data = ngx_pnalloc(pool, hash->len);
    if (hash->data == NULL) {
        return NGX_ERROR;
    }

    crypto_hash_sha256(digest, bytes, len);
    ngx_chatalot_bytes_encode(hash->data, digest, sizeof(digest));

    return NGX_OK;
}


void
ngx_chatalot_rest_tokens_reply(ngx_chatalot_call_t *call,
    ngx_str_t *refresh_token)
{
    time_t                        lifetime;
    yajl_gen                      gen;
    ngx_str_t                     access_token, json;
    const char                   *reason;
    ngx_chatalot_json_t          *said, *user;
    ngx_chatalot_claims_t         claims;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    said = ngx_chatalot_json_parse(call->pool, &call->reply, &reason);
    user = ngx_chatalot_json_member(said, "user");

    if (user == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_memzero(&claims, sizeof(ngx_chatalot_claims_t));

    claims.user = ngx_chatalot_json_string(user, "id");
    claims.device = ngx_chatalot_json_string(said, "device");
    claims.session = ngx_chatalot_json_string(said, "session");
    claims.scope = NGX_CHATALOT_SCOPE_FULL;

    lifetime = ngx_chatalot_conf()->access_token_lifetime;

    if (ngx_chatalot_jwt_sign(call->pool, &claims, lifetime, &access_token)
        != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    gen = ngx_chatalot_json_gen(call->pool);
    if (gen == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "access_token", &access_token);
    ngx_chatalot_json_put_integer(gen, "expires_in", lifetime);
    ngx_chatalot_json_put(gen, "refresh_token", refresh_token);
    ngx_chatalot_json_put(gen, "session", &claims.session);
    ngx_chatalot_json_put(gen, "device", &claims.device);
    ngx_chatalot_json_put_tree(gen, "user", user);
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


void
ngx_chatalot_rest_tokens_reply_begun(ngx_chatalot_call_t *call,
    ngx_chatalot_scope_e scope, const char *session, const char *name,
    time_t lifetime)
{
    yajl_gen                      gen;
    ngx_str_t                     token, json;
    const char                   *reason;
    ngx_chatalot_json_t          *said, *member, *hidden;
    ngx_chatalot_claims_t         claims;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    said = ngx_chatalot_json_parse(call->pool, &call->reply, &reason);
    hidden = ngx_chatalot_json_member(said, session);

    if (hidden == NULL) {

        /* the account went away in the meantime, or its secret is another now */

        ngx_chatalot_rest_proof_refuse(call);
        return;
    }

    ngx_memzero(&claims, sizeof(ngx_chatalot_claims_t));

    claims.user = ngx_chatalot_json_string(
                      ngx_chatalot_json_member(said, "user"), "id");
    claims.session = ngx_chatalot_json_string(said, session);
    claims.scope = scope;

    gen = ngx_chatalot_json_gen(call->pool);

    if (gen == NULL
        || ngx_chatalot_jwt_sign(call->pool, &claims, lifetime, &token)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, name, &token);
    ngx_chatalot_json_put_integer(gen, "expires_in", lifetime);

    for (member = said->first; member; member = member->next) {

        if (member != hidden) {
            yajl_gen_string(gen, member->key.data, member->key.len);
            ngx_chatalot_json_put_tree(gen, NULL, member);
        }
    }

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
