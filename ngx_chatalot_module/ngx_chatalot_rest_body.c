/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The body: from the parts in which nginx has read it to a checked JSON tree.
 */

#include "ngx_chatalot_rest.h"


static ngx_int_t ngx_chatalot_rest_body_refuse(ngx_pool_t *pool,
    ngx_chatalot_problem_t *problem, const char *reason);
static ngx_int_t ngx_chatalot_rest_body_join(
    ngx_chatalot_rest_request_t *request, ngx_chatalot_problem_t *problem);
static ngx_int_t ngx_chatalot_rest_body_copy(
    ngx_chatalot_rest_request_t *request, size_t len);
static ngx_uint_t ngx_chatalot_rest_body_is_json(ngx_http_request_t *r);
static ngx_int_t ngx_chatalot_rest_body_check(
    ngx_chatalot_rest_request_t *request, ngx_chatalot_problem_t *problem);


static const ngx_chatalot_param_t  ngx_chatalot_rest_body_none[] = {
    ngx_chatalot_params_end
};


ngx_int_t
ngx_chatalot_rest_body_take(ngx_chatalot_rest_request_t *request,
    ngx_chatalot_problem_t *problem)
{
    const char          *reason;
    ngx_http_request_t  *r;

    r = request->http;

    if (ngx_chatalot_rest_body_join(request, problem) != NGX_OK) {
        return NGX_ERROR;
    }

    if (request->text.len) {

        if (!ngx_chatalot_rest_body_is_json(r)) {
            ngx_chatalot_problem_set(problem,
                                     NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                     "unsupported_media_type",
                                     "The body must be application/json.",
                                     NULL);
            return NGX_ERROR;
        }

        request->body = ngx_chatalot_json_parse(r->pool, &request->text,
                                                &reason);
        if (request->body == NULL) {

            if (*reason == '\0') {
                return ngx_chatalot_rest_request_error(problem);
            }

            return ngx_chatalot_rest_body_refuse(r->pool, problem, reason);
        }
    }

    return ngx_chatalot_rest_body_check(request, problem);
}


static ngx_int_t
ngx_chatalot_rest_body_refuse(ngx_pool_t *pool,
    ngx_chatalot_problem_t *problem, const char *reason)
{
    size_t   len;
    u_char  *message;

    len = sizeof("The body .") - 1 + ngx_strlen(reason);

    message = ngx_pnalloc(pool, len);
    if (message == NULL) {
        return ngx_chatalot_rest_request_error(problem);
    }

    ngx_chatalot_problem_set(problem, NGX_HTTP_BAD_REQUEST, "invalid_json",
                             "", NULL);

    problem->message.data = message;
    problem->message.len = ngx_sprintf(message, "The body %s.", reason)
                           - message;

    return NGX_ERROR;
}


/* The parts in which nginx has kept the body, as one text. */

static ngx_int_t
ngx_chatalot_rest_body_join(ngx_chatalot_rest_request_t *request,
    ngx_chatalot_problem_t *problem)
{
    size_t        len;
    ngx_buf_t    *b;
    ngx_uint_t    parts;
    ngx_chain_t  *cl, *last;

    len = 0;
    parts = 0;
    last = NULL;

    /* a filter before us may have discarded the body */

    if (request->http->request_body == NULL) {
        return NGX_OK;
    }

    for (cl = request->http->request_body->bufs; cl; cl = cl->next) {

        b = cl->buf;

        if (ngx_buf_size(b) == 0) {
            continue;
        }

        if (ngx_buf_size(b) > (off_t) (NGX_CHATALOT_REST_BODY_MAX - len)) {
            ngx_chatalot_problem_set(problem,
                                     NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                     "too_large",
                                     "The request is too large.", NULL);
            return NGX_ERROR;
        }

        len += ngx_buf_size(b);
        parts++;
        last = cl;

        if (request->route->handler && ngx_buf_in_memory(b)
            && ngx_chatalot_rest_request_wipe(request, b->pos,
                                              b->last - b->pos)
               != NGX_OK)
        {
            return ngx_chatalot_rest_request_error(problem);
        }
    }

    if (parts == 0) {
        return NGX_OK;
    }

    if (parts == 1 && ngx_buf_in_memory(last->buf)) {
        request->text.data = last->buf->pos;
        request->text.len = len;
        return NGX_OK;
    }

    if (ngx_chatalot_rest_body_copy(request, len) != NGX_OK) {
        return ngx_chatalot_rest_request_error(problem);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chatalot_rest_body_copy(ngx_chatalot_rest_request_t *request,
    size_t len)
{
    u_char       *p, *end;
    size_t        size;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    p = ngx_pnalloc(request->http->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    request->text.data = p;
    request->text.len = len;
    end = p + len;

    if (request->route->handler
        && ngx_chatalot_rest_request_wipe(request, p, len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (cl = request->http->request_body->bufs; cl && p < end; cl = cl->next)
    {
        b = cl->buf;
        size = ngx_min((size_t) ngx_buf_size(b), (size_t) (end - p));

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, size);
            continue;
        }

        if (size == 0) {
            continue;
        }

        if (ngx_read_file(b->file, p, size, b->file_pos) != (ssize_t) size) {
            return NGX_ERROR;
        }

        p += size;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_chatalot_rest_body_is_json(ngx_http_request_t *r)
{
    size_t            i;
    ngx_str_t        *value;
    ngx_table_elt_t  *header;

    static ngx_str_t  json = ngx_string("application/json");

    header = r->headers_in.content_type;
    if (header == NULL) {
        return 0;
    }

    value = &header->value;

    if (value->len < json.len
        || ngx_strncasecmp(value->data, json.data, json.len) != 0)
    {
        return 0;
    }

    for (i = json.len; i < value->len; i++) {

        if (value->data[i] == ';') {
            return 1;
        }

        if (value->data[i] != ' ' && value->data[i] != '\t') {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_chatalot_rest_body_check(ngx_chatalot_rest_request_t *request,
    ngx_chatalot_problem_t *problem)
{
    const ngx_chatalot_param_t  *params, *p;

    params = request->route->params;
    if (params == NULL) {
        params = ngx_chatalot_rest_body_none;
    }

    if (request->body == NULL) {

        for (p = params; p->name.len; p++) {
            if (p->in == NGX_CHATALOT_IN_BODY && p->required) {
                ngx_chatalot_problem_set(problem, NGX_HTTP_BAD_REQUEST,
                                         "invalid_json",
                                         "The request needs a body.", NULL);
                return NGX_ERROR;
            }
        }

        return NGX_OK;
    }

    return ngx_chatalot_params_check(request->http->pool, params,
                                     NGX_CHATALOT_IN_BODY, request->body,
                                     problem);
}
