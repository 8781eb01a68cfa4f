/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A request from its first moment to its last: who calls, what is wiped at its end, and the steps a handler can take.
 * Knows no route by name.
 */

#include "ngx_chatalot_rest.h"

#include <sodium.h>


typedef struct {
    u_char    *data;
    size_t     len;
} ngx_chatalot_rest_secret_t;


static void ngx_chatalot_rest_request_token(ngx_http_request_t *r,
    ngx_str_t *token);
static ngx_uint_t ngx_chatalot_rest_request_admits(
    ngx_chatalot_rest_who_e who, ngx_chatalot_scope_e scope);
static ngx_int_t ngx_chatalot_rest_request_refuse(
    ngx_chatalot_problem_t *problem);
static void ngx_chatalot_rest_request_on_end(void *data);


ngx_chatalot_rest_request_t *
ngx_chatalot_rest_request_create(ngx_http_request_t *r)
{
    ngx_http_variable_value_t      *id;
    ngx_chatalot_rest_request_t    *request;
    ngx_chatalot_rest_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_chatalot_rest_module);

    request = ngx_pcalloc(r->pool, sizeof(ngx_chatalot_rest_request_t));
    if (request == NULL) {
        return NULL;
    }

    request->http = r;

    id = ngx_http_get_indexed_variable(r, mcf->request_id);
    if (id == NULL || id->not_found) {
        return NULL;
    }

    request->caller.request_id.data = id->data;
    request->caller.request_id.len = id->len;

    /* behind a proxy, real_ip has put the client's address here */

    request->caller.address = r->connection->addr_text;

    if (r->headers_in.user_agent) {
        request->caller.agent = r->headers_in.user_agent->value;
    }

    ngx_http_set_ctx(r, request, ngx_http_chatalot_rest_module);

    return request;
}


ngx_int_t
ngx_chatalot_rest_request_authenticate(ngx_chatalot_rest_request_t *request,
    ngx_chatalot_problem_t *problem)
{
    ngx_int_t              rc;
    ngx_str_t              token;
    ngx_http_request_t    *r;
    ngx_chatalot_claims_t  claims;

    if (request->route->who == NGX_CHATALOT_REST_NOBODY) {
        return NGX_OK;
    }

    r = request->http;

    ngx_chatalot_rest_request_token(r, &token);

    if (token.len == 0 || token.len > NGX_CHATALOT_TOKEN_MAX) {
        return ngx_chatalot_rest_request_refuse(problem);
    }

    rc = ngx_chatalot_jwt_verify(r->pool, &token, &claims);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_chatalot_rest_request_refuse(problem);
    }

    if (!ngx_chatalot_rest_request_admits(request->route->who, claims.scope)) {
        ngx_chatalot_problem_set(problem, NGX_HTTP_FORBIDDEN, "wrong_scope",
                                 "This token does not admit to that.", NULL);
        return NGX_DECLINED;
    }

    request->caller.user = claims.user;
    request->caller.device = claims.device;
    request->caller.session = claims.session;

    return NGX_OK;
}


static ngx_uint_t
ngx_chatalot_rest_request_admits(ngx_chatalot_rest_who_e who,
    ngx_chatalot_scope_e scope)
{
    switch (who) {

    case NGX_CHATALOT_REST_ENROL:
        return scope == NGX_CHATALOT_SCOPE_ENROL;

    case NGX_CHATALOT_REST_RECOVER:
        return scope == NGX_CHATALOT_SCOPE_RECOVER;

    case NGX_CHATALOT_REST_USER_OR_ENROL:
        return scope == NGX_CHATALOT_SCOPE_FULL
               || scope == NGX_CHATALOT_SCOPE_ENROL;

    default:
        return scope == NGX_CHATALOT_SCOPE_FULL;
    }
}


/* RFC 6750, section 2.1; the name of a scheme is without case. */

static void
ngx_chatalot_rest_request_token(ngx_http_request_t *r, ngx_str_t *token)
{
    ngx_str_t         value;
    ngx_table_elt_t  *header;

    ngx_str_null(token);

    header = r->headers_in.authorization;
    if (header == NULL) {
        return;
    }

    value = header->value;

    if (value.len < sizeof("Bearer ")
        || ngx_strncasecmp(value.data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1)
           != 0)
    {
        return;
    }

    value.data += sizeof("Bearer ") - 1;
    value.len -= sizeof("Bearer ") - 1;

    while (value.len && value.data[0] == ' ') {
        value.data++;
        value.len--;
    }

    *token = value;
}


static ngx_int_t
ngx_chatalot_rest_request_refuse(ngx_chatalot_problem_t *problem)
{
    ngx_chatalot_problem_set(problem, NGX_HTTP_UNAUTHORIZED, "unauthorized",
                             "Sign in first: the access token is missing or"
                             " not valid.", NULL);
    return NGX_DECLINED;
}


ngx_int_t
ngx_chatalot_rest_request_wipe(ngx_chatalot_rest_request_t *request,
    u_char *secret, size_t len)
{
    ngx_pool_cleanup_t          *cleanup;
    ngx_chatalot_rest_secret_t  *kept;

    cleanup = ngx_pool_cleanup_add(request->http->pool,
                                   sizeof(ngx_chatalot_rest_secret_t));
    if (cleanup == NULL) {
        sodium_memzero(secret, len);
        return NGX_ERROR;
    }

    kept = cleanup->data;
    kept->data = secret;
    kept->len = len;

    cleanup->handler = ngx_chatalot_rest_request_on_end;

    return NGX_OK;
}


static void
ngx_chatalot_rest_request_on_end(void *data)
{
    ngx_chatalot_rest_secret_t  *secret = data;

    sodium_memzero(secret->data, secret->len);
}


void
ngx_chatalot_rest_ask(ngx_chatalot_call_t *call,
    ngx_chatalot_function_t *function, ngx_str_t *args,
    ngx_chatalot_call_pt next)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    call->handler = next;

    if (ngx_chatalot_call_sql(call, function, args, NULL) != NGX_OK) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    request->parked = 1;
}


void
ngx_chatalot_rest_hash(ngx_chatalot_call_t *call, ngx_str_t *secret,
    ngx_chatalot_call_pt next)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    call->handler = next;

    if (ngx_chatalot_call_password_hash(call, secret) != NGX_OK) {
        next(call);
        return;
    }

    request->parked = 1;
}


void
ngx_chatalot_rest_verify(ngx_chatalot_call_t *call, ngx_str_t *secret,
    ngx_str_t *encoded, ngx_chatalot_call_pt next)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    call->handler = next;

    if (ngx_chatalot_call_password_verify(call, secret, encoded) != NGX_OK) {
        next(call);
        return;
    }

    request->parked = 1;
}


ngx_int_t
ngx_chatalot_rest_request_error(ngx_chatalot_problem_t *problem)
{
    ngx_chatalot_problem_set(problem, NGX_HTTP_INTERNAL_SERVER_ERROR,
                             "internal", "Something went wrong on the server.",
                             NULL);
    return NGX_ERROR;
}
