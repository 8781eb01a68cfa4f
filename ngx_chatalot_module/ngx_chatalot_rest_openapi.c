/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The OpenAPI 3.1 document (with JSON Schema 2020-12), made from the route table when the configuration is read, so that
 * what is written down is what is checked.
 */

#include "ngx_chatalot_rest.h"
#include "ngx_chatalot_rest_schema.h"
#include "ngx_chatalot_rest_shapes.h"

#include <sodium.h>


static void ngx_chatalot_rest_openapi_paths(yajl_gen gen);
static void ngx_chatalot_rest_openapi_operation(yajl_gen gen,
    ngx_chatalot_rest_route_t *route);
static void ngx_chatalot_rest_openapi_security(yajl_gen gen,
    ngx_chatalot_rest_who_e who);
static void ngx_chatalot_rest_openapi_token(yajl_gen gen, const char *scheme);
static void ngx_chatalot_rest_openapi_parameters(yajl_gen gen,
    const ngx_chatalot_param_t *params);
static void ngx_chatalot_rest_openapi_body(yajl_gen gen,
    const ngx_chatalot_param_t *params);
static void ngx_chatalot_rest_openapi_responses(yajl_gen gen,
    ngx_chatalot_rest_route_t *route);
static void ngx_chatalot_rest_openapi_response(yajl_gen gen,
    const char *status, const char *description,
    const ngx_chatalot_param_t *reply);
static void ngx_chatalot_rest_openapi_components(yajl_gen gen);
static void ngx_chatalot_rest_openapi_error(yajl_gen gen);
static void ngx_chatalot_rest_openapi_scheme(yajl_gen gen, const char *name,
    const char *description);
static ngx_uint_t ngx_chatalot_rest_openapi_count(
    const ngx_chatalot_param_t *params, ngx_uint_t in);

static const char  *ngx_chatalot_rest_openapi_methods[] = {
    "get", "post", "put", "patch", "delete"
};


void
ngx_chatalot_rest_openapi(ngx_chatalot_call_t *call)
{
    ngx_str_t                       cache = ngx_string("no-cache");
    ngx_table_elt_t                *etag;
    ngx_http_request_t             *r;
    ngx_chatalot_rest_request_t    *request;
    ngx_chatalot_rest_main_conf_t  *mcf;

    request = call->data;
    r = request->http;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_chatalot_rest_module);

    request->cacheable = 1;

    etag = ngx_chatalot_rest_reply_header(r, "ETag", &mcf->openapi_etag);

    if (etag == NULL
        || ngx_chatalot_rest_reply_header(r, "Cache-Control", &cache) == NULL)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    /* nginx's own filter answers 304 by it */

    r->headers_out.etag = etag;

    ngx_chatalot_rest_reply(call, &mcf->openapi);
}


ngx_int_t
ngx_chatalot_rest_openapi_build(ngx_conf_t *cf,
    ngx_chatalot_rest_main_conf_t *mcf)
{
    u_char      digest[crypto_hash_sha256_BYTES], *p;
    yajl_gen    gen;
    ngx_str_t   json;

    gen = ngx_chatalot_json_gen(cf->temp_pool);
    if (gen == NULL) {
        return NGX_ERROR;
    }

    yajl_gen_map_open(gen);

    ngx_chatalot_rest_schema_member(gen, "openapi", "3.1.0");

    ngx_chatalot_rest_schema_text(gen, "info");
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_member(gen, "title", "Chatalot");
    ngx_chatalot_rest_schema_member(gen, "version", NGX_CHATALOT_VERSION);
    yajl_gen_map_close(gen);

    ngx_chatalot_rest_schema_text(gen, "paths");
    ngx_chatalot_rest_openapi_paths(gen);

    ngx_chatalot_rest_schema_text(gen, "components");
    ngx_chatalot_rest_openapi_components(gen);

    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &json) != NGX_OK) {
        return NGX_ERROR;
    }

    mcf->openapi.len = json.len;
    mcf->openapi.data = ngx_pstrdup(cf->pool, &json);

    mcf->openapi_etag.len = sizeof("\"\"") - 1 + 32;
    mcf->openapi_etag.data = ngx_pnalloc(cf->pool, mcf->openapi_etag.len);

    if (mcf->openapi.data == NULL || mcf->openapi_etag.data == NULL) {
        return NGX_ERROR;
    }

    crypto_hash_sha256(digest, json.data, json.len);

    p = mcf->openapi_etag.data;
    *p++ = '"';
    p = ngx_hex_dump(p, digest, 16);
    *p = '"';

    return NGX_OK;
}


/* All methods of a path stand where the table has the path for the first time. */

static void
ngx_chatalot_rest_openapi_paths(yajl_gen gen)
{
    ngx_uint_t                  i, j;
    ngx_chatalot_rest_route_t  *routes;

    routes = ngx_chatalot_rest_routes;

    yajl_gen_map_open(gen);

    for (i = 0; routes[i].path.len; i++) {

        for (j = 0; j < i; j++) {
            if (ngx_strcmp(routes[j].path.data, routes[i].path.data) == 0) {
                break;
            }
        }

        if (j < i) {
            continue;
        }

        yajl_gen_string(gen, routes[i].path.data, routes[i].path.len);
        yajl_gen_map_open(gen);

        for (j = i; routes[j].path.len; j++) {
            if (ngx_strcmp(routes[j].path.data, routes[i].path.data) == 0) {
                ngx_chatalot_rest_openapi_operation(gen, &routes[j]);
            }
        }

        yajl_gen_map_close(gen);
    }

    yajl_gen_map_close(gen);
}


static void
ngx_chatalot_rest_openapi_operation(yajl_gen gen,
    ngx_chatalot_rest_route_t *route)
{
    ngx_chatalot_rest_schema_text(gen,
                           ngx_chatalot_rest_openapi_methods[route->method]);
    yajl_gen_map_open(gen);

    ngx_chatalot_json_put(gen, "operationId", &route->function.name);
    ngx_chatalot_json_put(gen, "summary", &route->summary);

    ngx_chatalot_rest_openapi_security(gen, route->who);

    if (ngx_chatalot_rest_openapi_count(route->params, NGX_CHATALOT_IN_PATH)
        + ngx_chatalot_rest_openapi_count(route->params,
                                          NGX_CHATALOT_IN_QUERY))
    {
        ngx_chatalot_rest_openapi_parameters(gen, route->params);
    }

    if (ngx_chatalot_rest_openapi_count(route->params, NGX_CHATALOT_IN_BODY)) {
        ngx_chatalot_rest_openapi_body(gen, route->params);
    }

    ngx_chatalot_rest_openapi_responses(gen, route);

    yajl_gen_map_close(gen);
}


static void
ngx_chatalot_rest_openapi_security(yajl_gen gen, ngx_chatalot_rest_who_e who)
{
    ngx_chatalot_rest_schema_text(gen, "security");
    yajl_gen_array_open(gen);

    switch (who) {

    case NGX_CHATALOT_REST_NOBODY:
        break;

    case NGX_CHATALOT_REST_ENROL:
        ngx_chatalot_rest_openapi_token(gen, "enrol_token");
        break;

    case NGX_CHATALOT_REST_RECOVER:
        ngx_chatalot_rest_openapi_token(gen, "recover_token");
        break;

    case NGX_CHATALOT_REST_USER_OR_ENROL:
        ngx_chatalot_rest_openapi_token(gen, "access_token");
        ngx_chatalot_rest_openapi_token(gen, "enrol_token");
        break;

    case NGX_CHATALOT_REST_USER:
        ngx_chatalot_rest_openapi_token(gen, "access_token");
        break;
    }

    yajl_gen_array_close(gen);
}


static void
ngx_chatalot_rest_openapi_token(yajl_gen gen, const char *scheme)
{
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_text(gen, scheme);
    yajl_gen_array_open(gen);
    yajl_gen_array_close(gen);
    yajl_gen_map_close(gen);
}


static void
ngx_chatalot_rest_openapi_parameters(yajl_gen gen,
    const ngx_chatalot_param_t *params)
{
    const ngx_chatalot_param_t  *p;

    ngx_chatalot_rest_schema_text(gen, "parameters");
    yajl_gen_array_open(gen);

    for (p = params; p->name.len; p++) {

        if (p->in == NGX_CHATALOT_IN_BODY) {
            continue;
        }

        yajl_gen_map_open(gen);

        ngx_chatalot_json_put(gen, "name", (ngx_str_t *) &p->name);
        ngx_chatalot_rest_schema_member(gen, "in",
                       p->in == NGX_CHATALOT_IN_PATH ? "path" : "query");
        ngx_chatalot_json_put_boolean(gen, "required", p->required);

        /* in a path or query nothing can be null */

        ngx_chatalot_rest_schema_text(gen, "schema");
        ngx_chatalot_rest_schema_value(gen, p, 1, 0);

        yajl_gen_map_close(gen);
    }

    yajl_gen_array_close(gen);
}


static void
ngx_chatalot_rest_openapi_body(yajl_gen gen,
    const ngx_chatalot_param_t *params)
{
    const ngx_chatalot_param_t  *p;

    for (p = params; p->name.len; p++) {
        if (p->in == NGX_CHATALOT_IN_BODY && p->required) {
            break;
        }
    }

    ngx_chatalot_rest_schema_text(gen, "requestBody");
    yajl_gen_map_open(gen);

    ngx_chatalot_json_put_boolean(gen, "required", p->name.len != 0);

    ngx_chatalot_rest_schema_text(gen, "content");
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_text(gen, "application/json");
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_text(gen, "schema");
    ngx_chatalot_rest_schema_object(gen, params, 1, 0);
    yajl_gen_map_close(gen);
    yajl_gen_map_close(gen);

    yajl_gen_map_close(gen);
}


static void
ngx_chatalot_rest_openapi_responses(yajl_gen gen,
    ngx_chatalot_rest_route_t *route)
{
    ngx_chatalot_rest_schema_text(gen, "responses");
    yajl_gen_map_open(gen);

    ngx_chatalot_rest_openapi_response(gen, "200", "It is done",
                                       route->reply);

    if (route->handler == ngx_chatalot_rest_health) {
        ngx_chatalot_rest_openapi_response(gen, "503",
                                   "The database is away", route->reply);
    }

    ngx_chatalot_rest_schema_text(gen, "default");
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_member(gen, "$ref",
                                    "#/components/responses/Error");
    yajl_gen_map_close(gen);

    yajl_gen_map_close(gen);
}


static void
ngx_chatalot_rest_openapi_response(yajl_gen gen, const char *status,
    const char *description, const ngx_chatalot_param_t *reply)
{
    static const ngx_chatalot_param_t  nothing[] = {
        ngx_chatalot_params_end
    };

    ngx_chatalot_rest_schema_text(gen, status);
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_member(gen, "description", description);
    ngx_chatalot_rest_schema_text(gen, "content");
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_text(gen, "application/json");
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_text(gen, "schema");
    ngx_chatalot_rest_schema_object(gen, reply ? reply : nothing, 0, 1);
    yajl_gen_map_close(gen);
    yajl_gen_map_close(gen);
    yajl_gen_map_close(gen);
}


static void
ngx_chatalot_rest_openapi_components(yajl_gen gen)
{
    const ngx_chatalot_rest_shape_t  *shape;

    yajl_gen_map_open(gen);

    ngx_chatalot_rest_schema_text(gen, "securitySchemes");
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_openapi_scheme(gen, "access_token",
        "Of a signed-in device: from register, devices or refresh");
    ngx_chatalot_rest_openapi_scheme(gen, "enrol_token",
        "From login; it admits a device and nothing else");
    ngx_chatalot_rest_openapi_scheme(gen, "recover_token",
        "From recovery; it completes that recovery, once");
    yajl_gen_map_close(gen);

    ngx_chatalot_rest_schema_text(gen, "schemas");
    yajl_gen_map_open(gen);

    for (shape = ngx_chatalot_rest_shapes; shape->name; shape++) {
        ngx_chatalot_rest_schema_text(gen, shape->name);
        ngx_chatalot_rest_schema_object(gen, shape->fields, 0, 0);
    }

    yajl_gen_map_close(gen);

    ngx_chatalot_rest_schema_text(gen, "responses");
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_text(gen, "Error");
    ngx_chatalot_rest_openapi_error(gen);
    yajl_gen_map_close(gen);

    yajl_gen_map_close(gen);
}


/* What ngx_chatalot_problem_json() writes; details may be anything, which no row can declare. */

static void
ngx_chatalot_rest_openapi_error(yajl_gen gen)
{
    ngx_str_t  error = ngx_string(
        "{\"type\":\"object\",\"required\":[\"error\"],\"properties\":"
        "{\"error\":{\"type\":\"object\","
        "\"required\":[\"code\",\"message\",\"request_id\"],"
        "\"properties\":{\"code\":{\"type\":\"string\"},"
        "\"message\":{\"type\":\"string\"},\"field\":{\"type\":\"string\"},"
        "\"details\":{\"type\":\"object\"},"
        "\"request_id\":{\"type\":\"string\"}}}}}");

    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_member(gen, "description",
        "It is refused or failed: \"code\" is stable, \"message\" is for"
        " people");
    ngx_chatalot_rest_schema_text(gen, "content");
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_text(gen, "application/json");
    yajl_gen_map_open(gen);
    ngx_chatalot_json_put_raw(gen, "schema", &error);
    yajl_gen_map_close(gen);
    yajl_gen_map_close(gen);
    yajl_gen_map_close(gen);
}


static void
ngx_chatalot_rest_openapi_scheme(yajl_gen gen, const char *name,
    const char *description)
{
    ngx_chatalot_rest_schema_text(gen, name);
    yajl_gen_map_open(gen);
    ngx_chatalot_rest_schema_member(gen, "type", "http");
    ngx_chatalot_rest_schema_member(gen, "scheme", "bearer");
    ngx_chatalot_rest_schema_member(gen, "bearerFormat", "JWT");
    ngx_chatalot_rest_schema_member(gen, "description", description);
    yajl_gen_map_close(gen);
}


static ngx_uint_t
ngx_chatalot_rest_openapi_count(const ngx_chatalot_param_t *params,
    ngx_uint_t in)
{
    ngx_uint_t  n;

    for (n = 0; params && params->name.len; params++) {
        n += (params->in == in);
    }

    return n;
}
