/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Signing in: prelogin, login, token rotation. Here are the hashing and signing round the rules, which SQL
 * has. Names that do not exist are treated like those that do: same shape, same steps, same time.
 */

#include "ngx_chatalot_rest_proof.h"

#include <sodium.h>


/* What clients use; the same as lib.limit('kdf_ops') and ('kdf_mem'). */

#define NGX_CHATALOT_REST_KDF_OPS   3
#define NGX_CHATALOT_REST_KDF_MEM   (64 * 1024 * 1024)
#define NGX_CHATALOT_REST_KDF_SALT  16


static void ngx_chatalot_rest_auth_prelogin_on_user(ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_auth_false_salt(
    ngx_chatalot_rest_request_t *request, u_char *salt);

static void ngx_chatalot_rest_auth_login_on_proven(ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_auth_login_on_accepted(
    ngx_chatalot_call_t *call);

static void ngx_chatalot_rest_auth_refresh_on_session(
    ngx_chatalot_call_t *call);


static ngx_chatalot_function_t  ngx_chatalot_rest_auth_login_end =
    NGX_CHATALOT_FUNCTION("auth_login_end");


static ngx_chatalot_rest_proof_kind_t  ngx_chatalot_rest_auth_login_proof = {
    NGX_CHATALOT_FUNCTION("auth_login_begin"),
    "login_key", "login_hash",
    "The name or the password is wrong."
};


void
ngx_chatalot_rest_auth_prelogin(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    ngx_chatalot_rest_ask(call, &request->route->function, &request->args,
                          ngx_chatalot_rest_auth_prelogin_on_user);
}


static void
ngx_chatalot_rest_auth_prelogin_on_user(ngx_chatalot_call_t *call)
{
    u_char                bytes[NGX_CHATALOT_REST_KDF_SALT];
    u_char                text[ngx_chatalot_bytes_encoded_len(
                                   NGX_CHATALOT_REST_KDF_SALT)];
    int64_t               ops, mem;
    yajl_gen              gen;
    ngx_str_t             salt, json;
    const char           *reason;
    ngx_chatalot_json_t  *said;

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    said = ngx_chatalot_json_parse(call->pool, &call->reply, &reason);
    salt = ngx_chatalot_json_string(said, "salt");

    if (salt.len) {
        ops = ngx_chatalot_json_member(said, "ops")->integer;
        mem = ngx_chatalot_json_member(said, "mem")->integer;

    } else {
        ngx_chatalot_rest_auth_false_salt(call->data, bytes);
        ngx_chatalot_bytes_encode(text, bytes, sizeof(bytes));

        salt.data = text;
        salt.len = sizeof(text);
        ops = NGX_CHATALOT_REST_KDF_OPS;
        mem = NGX_CHATALOT_REST_KDF_MEM;
    }

    gen = ngx_chatalot_json_gen(call->pool);
    if (gen == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "salt", &salt);
    ngx_chatalot_json_put_integer(gen, "ops", ops);
    ngx_chatalot_json_put_integer(gen, "mem", mem);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &json) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_reply(call, &json);
}


/* The same for the same name at all times and on all nodes, and without the key not to be told from a true one. */

static void
ngx_chatalot_rest_auth_false_salt(ngx_chatalot_rest_request_t *request,
    u_char *salt)
{
    u_char      key[crypto_kdf_KEYBYTES], name[32];
    size_t      len;
    ngx_str_t   username;

    username = ngx_chatalot_json_string(request->body, "username");
    len = ngx_min(username.len, sizeof(name));

    ngx_strlow(name, username.data, len);

    crypto_kdf_derive_from_key(key, sizeof(key), 1, "prelogin",
                               ngx_chatalot_conf()->secret_key);

    crypto_generichash(salt, NGX_CHATALOT_REST_KDF_SALT, name, len, key,
                       sizeof(key));

    sodium_memzero(key, sizeof(key));
}


void
ngx_chatalot_rest_auth_login(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_prove(call, &ngx_chatalot_rest_auth_login_proof,
                            ngx_chatalot_rest_auth_login_on_proven);
}


static void
ngx_chatalot_rest_auth_login_on_proven(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_proof_end(call, &ngx_chatalot_rest_auth_login_end,
                                ngx_chatalot_rest_auth_login_on_accepted);
}


static void
ngx_chatalot_rest_auth_login_on_accepted(ngx_chatalot_call_t *call)
{
    if (call->problem.status) {
        ngx_chatalot_rest_proof_fail(call);
        return;
    }

    ngx_chatalot_rest_tokens_reply_begun(call, NGX_CHATALOT_SCOPE_ENROL,
                                         "admission", "enrol_token",
                                         NGX_CHATALOT_REST_ENROL_TIME);
}


/* RFC 9700, section 4.14.2: a refresh token is good once. The successor comes from the client, see docs/api.md. */

void
ngx_chatalot_rest_auth_refresh(ngx_chatalot_call_t *call)
{
    yajl_gen                      gen;
    ngx_str_t                     args, refresh_hash, next_hash;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    gen = ngx_chatalot_json_gen(call->pool);

    if (gen == NULL
        || ngx_chatalot_rest_tokens_member(request, "refresh_token",
                                           &refresh_hash)
           != NGX_OK
        || ngx_chatalot_rest_tokens_member(request, "next_token", &next_hash)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    if (ngx_memcmp(refresh_hash.data, next_hash.data, next_hash.len) == 0) {
        ngx_chatalot_problem_set(&call->problem, 422, "invalid_field",
                                 "The next token must be a new one.",
                                 "next_token");
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "refresh_hash", &refresh_hash);
    ngx_chatalot_json_put(gen, "next_hash", &next_hash);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &args) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &request->route->function, &args,
                          ngx_chatalot_rest_auth_refresh_on_session);
}


static void
ngx_chatalot_rest_auth_refresh_on_session(ngx_chatalot_call_t *call)
{
    time_t                  lifetime;
    yajl_gen                gen;
    ngx_str_t               token, json;
    const char             *reason;
    ngx_chatalot_json_t    *said;
    ngx_chatalot_claims_t   claims;

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    said = ngx_chatalot_json_parse(call->pool, &call->reply, &reason);

    ngx_memzero(&claims, sizeof(ngx_chatalot_claims_t));

    claims.user = ngx_chatalot_json_string(said, "user");
    claims.device = ngx_chatalot_json_string(said, "device");
    claims.session = ngx_chatalot_json_string(said, "session");
    claims.scope = NGX_CHATALOT_SCOPE_FULL;

    if (claims.session.len == 0) {

        /* {"refused":true}: an answer and not a failure, because the end of the session had to be committed */

        ngx_chatalot_problem_set(&call->problem, NGX_HTTP_UNAUTHORIZED,
                                 "token_reused",
                                 "This session was ended, because its token"
                                 " was used twice. Sign in again.", NULL);
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    lifetime = ngx_chatalot_conf()->access_token_lifetime;
    gen = ngx_chatalot_json_gen(call->pool);

    if (gen == NULL
        || ngx_chatalot_jwt_sign(call->pool, &claims, lifetime, &token)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "access_token", &token);
    ngx_chatalot_json_put_integer(gen, "expires_in", lifetime);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &json) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_reply(call, &json);
}
