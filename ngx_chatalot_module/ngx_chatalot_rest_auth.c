/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Signing in: prelogin, login, token rotation. Here are the hashing and signing round the rules, which SQL
 * has. Names that do not exist are treated like those that do: same shape, same steps, same time.
 */

#include "ngx_chatalot_rest.h"

#include <sodium.h>


/* What clients use; the same as lib.limit('kdf_ops') and ('kdf_mem'). */

#define NGX_CHATALOT_REST_KDF_OPS   3
#define NGX_CHATALOT_REST_KDF_MEM   (64 * 1024 * 1024)
#define NGX_CHATALOT_REST_KDF_SALT  16


typedef struct {
    ngx_str_t               user;       /* empty: there is no such name */
    ngx_str_t               username;   /* {"username":…} */
    ngx_str_t               login_key;
    ngx_chatalot_problem_t  problem;    /* why nothing was compared */
} ngx_chatalot_rest_login_t;


static void ngx_chatalot_rest_auth_prelogin_on_user(ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_auth_false_salt(
    ngx_chatalot_rest_request_t *request, u_char *salt);

static void ngx_chatalot_rest_auth_login_on_user(ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_auth_login_on_verified(
    ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_auth_login_on_accepted(
    ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_auth_login_refuse(ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_auth_login_take_back(
    ngx_chatalot_call_t *call);
static void ngx_chatalot_rest_auth_login_on_taken_back(
    ngx_chatalot_call_t *call);

static void ngx_chatalot_rest_auth_refresh_on_session(
    ngx_chatalot_call_t *call);


static ngx_chatalot_function_t  ngx_chatalot_rest_auth_login_begin =
    NGX_CHATALOT_FUNCTION("auth_login_begin");

static ngx_chatalot_function_t  ngx_chatalot_rest_auth_login_end =
    NGX_CHATALOT_FUNCTION("auth_login_end");

static ngx_chatalot_function_t  ngx_chatalot_rest_auth_login_void =
    NGX_CHATALOT_FUNCTION("auth_login_void");


/*
 * What the login key of a name that does not exist is compared with, so that the answer takes as long as for one that
 * does: random bytes in the form, and at the cost, of the real hashes.
 */

static ngx_str_t  ngx_chatalot_rest_auth_nobody = ngx_string(
    "$argon2id$v=19$m=65536,t=3,p=4$ttfgR+yqdcvp5SDfqrQWkQ$xYS10nlfhDljIKsZDIJlZblZoBQT7gI4vvVj51nvGsA");


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


/* SQL counts the attempt as failed when it begins, and forgets it at login_end: guesses sent all at once count too. */

void
ngx_chatalot_rest_auth_login(ngx_chatalot_call_t *call)
{
    yajl_gen                      gen;
    ngx_str_t                     username;
    ngx_chatalot_rest_login_t    *login;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    /* what cannot be compared must not count; the queue may still fill up later, see login_take_back */

    if (ngx_chatalot_call_password_busy(&call->problem)) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    login = ngx_pcalloc(call->pool, sizeof(ngx_chatalot_rest_login_t));
    gen = ngx_chatalot_json_gen(call->pool);

    if (login == NULL || gen == NULL
        || ngx_chatalot_rest_tokens_key(request, "login_key",
                                        &login->login_key)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    request->state = login;
    username = ngx_chatalot_json_string(request->body, "username");

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "username", &username);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &login->username) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &ngx_chatalot_rest_auth_login_begin,
                          &login->username,
                          ngx_chatalot_rest_auth_login_on_user);
}


static void
ngx_chatalot_rest_auth_login_on_user(ngx_chatalot_call_t *call)
{
    ngx_str_t                     encoded;
    const char                   *reason;
    ngx_chatalot_json_t          *said;
    ngx_chatalot_rest_login_t    *login;
    ngx_chatalot_rest_request_t  *request;

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    request = call->data;
    login = request->state;

    said = ngx_chatalot_json_parse(call->pool, &call->reply, &reason);
    if (said == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    login->user = ngx_chatalot_json_string(said, "user");

    encoded = login->user.len ? ngx_chatalot_json_string(said, "login_hash")
                              : ngx_chatalot_rest_auth_nobody;

    ngx_chatalot_rest_verify(call, &login->login_key, &encoded,
                             ngx_chatalot_rest_auth_login_on_verified);
}


static void
ngx_chatalot_rest_auth_login_on_verified(ngx_chatalot_call_t *call)
{
    yajl_gen                      gen;
    ngx_str_t                     args;
    ngx_chatalot_rest_login_t    *login;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;
    login = request->state;

    if (call->problem.status
        && call->problem.status != NGX_HTTP_UNAUTHORIZED)
    {
        ngx_chatalot_rest_auth_login_take_back(call);
        return;
    }

    if (call->problem.status || login->user.len == 0) {
        ngx_chatalot_rest_auth_login_refuse(call);
        return;
    }

    gen = ngx_chatalot_json_gen(call->pool);
    if (gen == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "user", &login->user);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &args) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &ngx_chatalot_rest_auth_login_end, &args,
                          ngx_chatalot_rest_auth_login_on_accepted);
}


static void
ngx_chatalot_rest_auth_login_on_accepted(ngx_chatalot_call_t *call)
{
    yajl_gen                 gen;
    ngx_str_t                token, json;
    const char              *reason;
    ngx_chatalot_json_t     *said, *member, *admission;
    ngx_chatalot_claims_t    claims;

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    said = ngx_chatalot_json_parse(call->pool, &call->reply, &reason);
    admission = ngx_chatalot_json_member(said, "admission");

    ngx_memzero(&claims, sizeof(ngx_chatalot_claims_t));

    claims.user = ngx_chatalot_json_string(
                      ngx_chatalot_json_member(said, "user"), "id");
    claims.session = ngx_chatalot_json_string(said, "admission");
    claims.scope = NGX_CHATALOT_SCOPE_ENROL;

    if (claims.user.len == 0) {

        /* the account went away in the meantime */

        ngx_chatalot_rest_auth_login_refuse(call);
        return;
    }

    gen = ngx_chatalot_json_gen(call->pool);

    if (gen == NULL
        || ngx_chatalot_jwt_sign(call->pool, &claims,
                                 NGX_CHATALOT_REST_ENROL_TIME, &token)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "enrol_token", &token);
    ngx_chatalot_json_put_integer(gen, "expires_in",
                                  NGX_CHATALOT_REST_ENROL_TIME);

    for (member = said->first; member; member = member->next) {

        if (member == admission) {
            continue;
        }

        yajl_gen_string(gen, member->key.data, member->key.len);
        ngx_chatalot_json_put_tree(gen, NULL, member);
    }

    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &json) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_reply(call, &json);
}


static void
ngx_chatalot_rest_auth_login_refuse(ngx_chatalot_call_t *call)
{
    ngx_chatalot_problem_set(&call->problem, NGX_HTTP_UNAUTHORIZED,
                             "bad_credentials",
                             "The name or the password is wrong.", NULL);

    ngx_chatalot_rest_reply_fail(call);
}


/* Nothing was compared: the attempt that SQL counted at the begin is taken back, and then the problem told. */

static void
ngx_chatalot_rest_auth_login_take_back(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_login_t    *login;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;
    login = request->state;

    login->problem = call->problem;

    ngx_chatalot_rest_ask(call, &ngx_chatalot_rest_auth_login_void,
                          &login->username,
                          ngx_chatalot_rest_auth_login_on_taken_back);
}


static void
ngx_chatalot_rest_auth_login_on_taken_back(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_login_t    *login;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;
    login = request->state;

    if (call->problem.status == 0) {
        call->problem = login->problem;
    }

    ngx_chatalot_rest_reply_fail(call);
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
