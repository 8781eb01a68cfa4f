/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The arguments of a call: path, query and body as the text of one JSON object.
 */

#include "ngx_chatalot_rest.h"


static ngx_int_t ngx_chatalot_rest_args_path(
    ngx_chatalot_rest_request_t *request, yajl_gen gen,
    ngx_chatalot_problem_t *problem);
static ngx_int_t ngx_chatalot_rest_args_query(
    ngx_chatalot_rest_request_t *request, yajl_gen gen,
    ngx_chatalot_problem_t *problem);
static ngx_int_t ngx_chatalot_rest_args_query_value(
    ngx_chatalot_rest_request_t *request, ngx_str_t *pair, uint64_t *seen,
    yajl_gen gen, ngx_chatalot_problem_t *problem);
static ngx_int_t ngx_chatalot_rest_args_unescape(ngx_pool_t *pool,
    ngx_str_t *text);
static ngx_int_t ngx_chatalot_rest_args_merge(
    ngx_chatalot_rest_request_t *request, ngx_str_t *object);
static ngx_int_t ngx_chatalot_rest_args_refuse(
    ngx_chatalot_problem_t *problem, const char *code, const char *message,
    ngx_str_t *name);


ngx_int_t
ngx_chatalot_rest_args_build(ngx_chatalot_rest_request_t *request,
    ngx_chatalot_problem_t *problem)
{
    yajl_gen   gen;
    ngx_str_t  object;

    gen = ngx_chatalot_json_gen(request->http->pool);
    if (gen == NULL) {
        return ngx_chatalot_rest_request_error(problem);
    }

    yajl_gen_map_open(gen);

    if (ngx_chatalot_rest_args_path(request, gen, problem) != NGX_OK
        || ngx_chatalot_rest_args_query(request, gen, problem) != NGX_OK)
    {
        return NGX_ERROR;
    }

    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &object) != NGX_OK
        || ngx_chatalot_rest_args_merge(request, &object) != NGX_OK)
    {
        return ngx_chatalot_rest_request_error(problem);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chatalot_rest_args_path(ngx_chatalot_rest_request_t *request,
    yajl_gen gen, ngx_chatalot_problem_t *problem)
{
    ngx_uint_t                   i;
    const ngx_chatalot_param_t  *p;

    p = request->route->params;

    for (i = 0; i < request->match.n; p++) {

        if (p->in != NGX_CHATALOT_IN_PATH) {
            continue;
        }

        if (ngx_chatalot_params_text(request->http->pool, p,
                                     &request->match.values[i++], gen,
                                     problem)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chatalot_rest_args_query(ngx_chatalot_rest_request_t *request,
    yajl_gen gen, ngx_chatalot_problem_t *problem)
{
    u_char                      *p, *end;
    uint64_t                     seen;
    ngx_str_t                    pair;
    ngx_uint_t                   i;
    const ngx_chatalot_param_t  *params;

    seen = 0;
    p = request->http->args.data;
    end = p + request->http->args.len;

    while (p < end) {

        pair.data = p;

        while (p < end && *p != '&') {
            p++;
        }

        pair.len = p++ - pair.data;

        if (pair.len
            && ngx_chatalot_rest_args_query_value(request, &pair, &seen,
                                                     gen, problem)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    params = request->route->params;

    for (i = 0; params && params[i].name.len; i++) {

        if (params[i].in == NGX_CHATALOT_IN_QUERY && params[i].required
            && (seen & ((uint64_t) 1 << i)) == 0)
        {
            return ngx_chatalot_rest_args_refuse(problem, "missing_field",
                       "This query parameter is missing.",
                       (ngx_str_t *) &params[i].name);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chatalot_rest_args_query_value(ngx_chatalot_rest_request_t *request,
    ngx_str_t *pair, uint64_t *seen, yajl_gen gen,
    ngx_chatalot_problem_t *problem)
{
    u_char                      *equals;
    ngx_str_t                    name, value;
    ngx_uint_t                   i;
    ngx_pool_t                  *pool;
    const ngx_chatalot_param_t  *params;

    pool = request->http->pool;

    name = *pair;
    ngx_str_set(&value, "");

    equals = ngx_strlchr(pair->data, pair->data + pair->len, '=');

    if (equals) {
        name.len = equals - pair->data;
        value.data = equals + 1;
        value.len = pair->data + pair->len - value.data;
    }

    if (ngx_chatalot_rest_args_unescape(pool, &name) != NGX_OK
        || ngx_chatalot_rest_args_unescape(pool, &value) != NGX_OK)
    {
        return ngx_chatalot_rest_request_error(problem);
    }

    params = request->route->params;

    for (i = 0; params && params[i].name.len; i++) {

        if (params[i].in != NGX_CHATALOT_IN_QUERY
            || params[i].name.len != name.len
            || ngx_strncmp(params[i].name.data, name.data, name.len) != 0)
        {
            continue;
        }

        if (*seen & ((uint64_t) 1 << i)) {
            return ngx_chatalot_rest_args_refuse(problem,
                       "invalid_field",
                       "This query parameter stands there twice.", &name);
        }

        *seen |= (uint64_t) 1 << i;

        return ngx_chatalot_params_text(pool, &params[i], &value, gen,
                                        problem);
    }

    return ngx_chatalot_rest_args_refuse(problem, "unknown_field",
               "There is no such query parameter.", &name);
}


/* As browsers' URLSearchParams encodes. */

static ngx_int_t
ngx_chatalot_rest_args_unescape(ngx_pool_t *pool, ngx_str_t *text)
{
    size_t   i;
    u_char  *dst, *src;

    src = ngx_pnalloc(pool, text->len + 1);
    if (src == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < text->len; i++) {
        src[i] = (text->data[i] == '+') ? ' ' : text->data[i];
    }

    text->data = src;
    dst = src;

    ngx_unescape_uri(&dst, &src, text->len, 0);

    text->len = dst - text->data;

    return NGX_OK;
}


/* {"path":…,"query":…} and {"body":…} as one object: their names differ (routes.c checks), so the texts are joined. */

static ngx_int_t
ngx_chatalot_rest_args_merge(ngx_chatalot_rest_request_t *request,
    ngx_str_t *object)
{
    u_char     *p, *body, *end;
    ngx_str_t  *args;

    args = &request->args;

    if (request->body == NULL || request->body->count == 0) {
        *args = *object;
        return NGX_OK;
    }

    if (object->len == sizeof("{}") - 1) {
        *args = request->text;
        return NGX_OK;
    }

    /* the text was parsed: before its brace stands only white space */

    body = request->text.data;
    end = body + request->text.len;

    while (body < end && *body++ != '{') { /* void */ }

    args->len = object->len + (end - body);

    p = ngx_pnalloc(request->http->pool, args->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    args->data = p;

    p = ngx_cpymem(p, object->data, object->len - 1);
    *p++ = ',';
    ngx_memcpy(p, body, end - body);

    return NGX_OK;
}


yajl_gen
ngx_chatalot_rest_args_begin(ngx_chatalot_rest_request_t *request,
    const char **except)
{
    yajl_gen  gen;

    gen = ngx_chatalot_json_gen(request->http->pool);
    if (gen == NULL) {
        return NULL;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_rest_args_members(gen, request->body, except);

    return gen;
}


void
ngx_chatalot_rest_args_members(yajl_gen gen, ngx_chatalot_json_t *object,
    const char **except)
{
    ngx_uint_t            i;
    ngx_chatalot_json_t  *member;

    if (object == NULL) {
        return;
    }

    for (member = object->first; member; member = member->next) {

        for (i = 0; except[i]; i++) {
            if (ngx_strlen(except[i]) == member->key.len
                && ngx_strncmp(except[i], member->key.data, member->key.len)
                   == 0)
            {
                break;
            }
        }

        if (except[i] == NULL) {
            yajl_gen_string(gen, member->key.data, member->key.len);
            ngx_chatalot_json_put_tree(gen, NULL, member);
        }
    }
}


/* The name may come from outside: only what is UTF-8 and short is told back. */

static ngx_int_t
ngx_chatalot_rest_args_refuse(
    ngx_chatalot_problem_t *problem, const char *code, const char *message,
    ngx_str_t *name)
{
    size_t  i;

    ngx_chatalot_problem_set(problem, 422, code, message, NULL);

    if (name->len > 64) {
        return NGX_ERROR;
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < 0x20 || name->data[i] > 0x7e) {
            return NGX_ERROR;
        }
    }

    problem->field = *name;

    return NGX_ERROR;
}
