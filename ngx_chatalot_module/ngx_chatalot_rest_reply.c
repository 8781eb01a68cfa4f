/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How a request ends: JSON, errors in their one form, and the headers of both. Knows no route.
 */

#include "ngx_chatalot_rest.h"


#define NGX_CHATALOT_REST_RETRY_UNAVAILABLE  2      /* seconds: a restart of the database is shorter than two */
#define NGX_CHATALOT_REST_RETRY_LIMITED      30     /* where the refusal does not say */


static ngx_int_t ngx_chatalot_rest_reply_problem_headers(
    ngx_http_request_t *r, ngx_chatalot_problem_t *problem);
static ngx_int_t ngx_chatalot_rest_reply_retry(ngx_http_request_t *r,
    ngx_chatalot_problem_t *problem);
static ngx_int_t ngx_chatalot_rest_reply_allow(
    ngx_chatalot_rest_request_t *request);
static ngx_int_t ngx_chatalot_rest_reply_body(ngx_http_request_t *r,
    ngx_str_t *json);


static ngx_str_t  ngx_chatalot_rest_methods[NGX_CHATALOT_REST_METHODS] = {
    ngx_string("GET, HEAD"),
    ngx_string("POST"),
    ngx_string("PUT"),
    ngx_string("PATCH"),
    ngx_string("DELETE")
};


void
ngx_chatalot_rest_reply(ngx_chatalot_call_t *call, ngx_str_t *json)
{
    ngx_int_t                     rc;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    rc = ngx_chatalot_rest_reply_send(request, NGX_HTTP_OK, json);

    ngx_chatalot_rest_reply_finish(request, rc);
}


void
ngx_chatalot_rest_reply_on_sql(ngx_chatalot_call_t *call)
{
    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    ngx_chatalot_rest_reply(call, &call->reply);
}


void
ngx_chatalot_rest_reply_fail(ngx_chatalot_call_t *call)
{
    ngx_int_t                     rc;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    rc = ngx_chatalot_rest_reply_problem(request, &call->problem);

    ngx_chatalot_rest_reply_finish(request, rc);
}


void
ngx_chatalot_rest_reply_error(ngx_chatalot_call_t *call)
{
    ngx_chatalot_problem_set(&call->problem, NGX_HTTP_INTERNAL_SERVER_ERROR,
                             "internal", "Something went wrong on the server.",
                             NULL);

    ngx_chatalot_rest_reply_fail(call);
}


ngx_int_t
ngx_chatalot_rest_reply_problem(ngx_chatalot_rest_request_t *request,
    ngx_chatalot_problem_t *problem)
{
    yajl_gen    gen;
    ngx_str_t   inner, json;
    ngx_pool_t  *pool;

    pool = request->http->pool;

    if (ngx_chatalot_problem_json(pool, problem, &request->caller.request_id,
                                  &inner)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    gen = ngx_chatalot_json_gen(pool);
    if (gen == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put_raw(gen, "error", &inner);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &json) != NGX_OK
        || ngx_chatalot_rest_reply_problem_headers(request->http, problem)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_chatalot_rest_reply_send(request, problem->status, &json);
}


ngx_int_t
ngx_chatalot_rest_reply_options(ngx_chatalot_rest_request_t *request)
{
    if (ngx_chatalot_rest_reply_allow(request) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_chatalot_rest_reply_send(request, NGX_HTTP_NO_CONTENT, NULL);
}


ngx_int_t
ngx_chatalot_rest_reply_method(ngx_chatalot_rest_request_t *request)
{
    ngx_chatalot_problem_t  problem;

    if (ngx_chatalot_rest_reply_allow(request) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_chatalot_problem_set(&problem, NGX_HTTP_NOT_ALLOWED,
                             "method_not_allowed",
                             "This resource does not know that method.", NULL);

    return ngx_chatalot_rest_reply_problem(request, &problem);
}


ngx_int_t
ngx_chatalot_rest_reply_send(ngx_chatalot_rest_request_t *request,
    ngx_uint_t status, ngx_str_t *json)
{
    ngx_int_t            rc;
    ngx_str_t            no_store = ngx_string("no-store");
    ngx_http_request_t  *r;

    r = request->http;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = status;

    if (ngx_chatalot_rest_reply_header(r, "X-Request-Id",
                                       &request->caller.request_id)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!request->cacheable
        && ngx_chatalot_rest_reply_header(r, "Cache-Control", &no_store)
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (json == NULL) {
        r->header_only = 1;
        return ngx_http_send_header(r);
    }

    return ngx_chatalot_rest_reply_body(r, json);
}


static ngx_int_t
ngx_chatalot_rest_reply_body(ngx_http_request_t *r, ngx_str_t *json)
{
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_chain_t   out;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_length_n = json->len;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = json->data;
    b->last = json->data + json->len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


void
ngx_chatalot_rest_reply_finish(ngx_chatalot_rest_request_t *request,
    ngx_int_t rc)
{
    ngx_uint_t           parked;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = request->http;
    c = r->connection;
    parked = request->parked;

    ngx_http_set_log_request(c->log, r);

    ngx_http_finalize_request(r, rc);

    /*
     * In the event loop nobody else does this. Inside nginx's own handlers it must be left to them: it may free the
     * request that they still hold.
     */

    if (parked) {
        ngx_http_run_posted_requests(c);
    }
}


ngx_table_elt_t *
ngx_chatalot_rest_reply_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return h;
}


static ngx_int_t
ngx_chatalot_rest_reply_problem_headers(ngx_http_request_t *r,
    ngx_chatalot_problem_t *problem)
{
    ngx_str_t  bearer = ngx_string("Bearer");

    switch (problem->status) {

    case NGX_HTTP_UNAUTHORIZED:

        /* RFC 9110, section 15.5.2 */

        if (ngx_chatalot_rest_reply_header(r, "WWW-Authenticate", &bearer)
            == NULL)
        {
            return NGX_ERROR;
        }

        return NGX_OK;

    case NGX_HTTP_TOO_MANY_REQUESTS:
    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return ngx_chatalot_rest_reply_retry(r, problem);

    default:
        return NGX_OK;
    }
}


/* The details of a refusal may say "retry_after", in seconds. */

static ngx_int_t
ngx_chatalot_rest_reply_retry(ngx_http_request_t *r,
    ngx_chatalot_problem_t *problem)
{
    int64_t               seconds;
    ngx_str_t             value;
    const char           *reason;
    ngx_chatalot_json_t  *member;

    seconds = (problem->status == NGX_HTTP_SERVICE_UNAVAILABLE)
              ? NGX_CHATALOT_REST_RETRY_UNAVAILABLE
              : NGX_CHATALOT_REST_RETRY_LIMITED;

    if (problem->details.len) {
        member = ngx_chatalot_json_parse(r->pool, &problem->details, &reason);
        member = ngx_chatalot_json_member(member, "retry_after");

        if (member && member->type == NGX_CHATALOT_JSON_INTEGER
            && member->integer > 0)
        {
            seconds = member->integer;
        }
    }

    value.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%L", seconds) - value.data;

    if (ngx_chatalot_rest_reply_header(r, "Retry-After", &value) == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* What the path knows; RFC 9110, section 10.2.1. */

static ngx_int_t
ngx_chatalot_rest_reply_allow(ngx_chatalot_rest_request_t *request)
{
    u_char              *p;
    ngx_str_t            value, *method;
    ngx_uint_t           i;
    ngx_http_request_t  *r;

    r = request->http;

    value.data = ngx_pnalloc(r->pool,
                    sizeof("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = value.data;

    for (i = 0; i < NGX_CHATALOT_REST_METHODS; i++) {

        if (request->match.routes[i] == NGX_CHATALOT_REST_NO_ROUTE) {
            continue;
        }

        method = &ngx_chatalot_rest_methods[i];

        p = ngx_cpymem(p, method->data, method->len);
        *p++ = ',';
        *p++ = ' ';
    }

    p = ngx_cpymem(p, "OPTIONS", sizeof("OPTIONS") - 1);
    value.len = p - value.data;

    if (ngx_chatalot_rest_reply_header(r, "Allow", &value) == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}
