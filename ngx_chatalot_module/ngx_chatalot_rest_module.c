/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The chatalot_api directive and the handler behind it: which route, who calls, and from when on it is a call. What the
 * routes do it does not know.
 */

#include "ngx_chatalot_rest.h"


typedef struct {
    ngx_uint_t  api;            /* chatalot_api stands in this very location */
} ngx_chatalot_rest_loc_conf_t;


static ngx_int_t ngx_chatalot_rest_handler(ngx_http_request_t *r);
static ngx_int_t ngx_chatalot_rest_route(ngx_chatalot_rest_request_t *request);
static ngx_int_t ngx_chatalot_rest_read(ngx_chatalot_rest_request_t *request);
static void ngx_chatalot_rest_on_body(ngx_http_request_t *r);
static void ngx_chatalot_rest_run(ngx_chatalot_rest_request_t *request);
static ngx_int_t ngx_chatalot_rest_method(ngx_http_request_t *r);

static void *ngx_chatalot_rest_create_main_conf(ngx_conf_t *cf);
static void *ngx_chatalot_rest_create_loc_conf(ngx_conf_t *cf);
static char *ngx_chatalot_rest_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_chatalot_rest_set_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_chatalot_rest_init(ngx_conf_t *cf);
static ngx_int_t ngx_chatalot_rest_init_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_chatalot_rest_commands[] = {

    { ngx_string("chatalot_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_chatalot_rest_set_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_chatalot_rest_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_chatalot_rest_init,                /* postconfiguration */

    ngx_chatalot_rest_create_main_conf,    /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_chatalot_rest_create_loc_conf,     /* create location configuration */
    ngx_chatalot_rest_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_chatalot_rest_module = {
    NGX_MODULE_V1,
    &ngx_http_chatalot_rest_module_ctx,    /* module context */
    ngx_chatalot_rest_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_chatalot_rest_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_chatalot_rest_handler(ngx_http_request_t *r)
{
    ngx_chatalot_rest_request_t  *request;

    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "chatalot_api does not answer subrequests");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    request = ngx_chatalot_rest_request_create(r);
    if (request == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_chatalot_rest_route(request);
}


static ngx_int_t
ngx_chatalot_rest_route(ngx_chatalot_rest_request_t *request)
{
    ngx_int_t                       method, route;
    ngx_http_request_t             *r;
    ngx_chatalot_problem_t          problem;
    ngx_chatalot_rest_main_conf_t  *mcf;

    r = request->http;
    mcf = ngx_http_get_module_main_conf(r, ngx_http_chatalot_rest_module);

    /* r->uri is what nginx itself chose the location by: decoded, no "..", no "//" */

    if (ngx_chatalot_rest_router_find(mcf->router, &r->uri, &request->match)
        != NGX_OK)
    {
        ngx_chatalot_problem_set(&problem, NGX_HTTP_NOT_FOUND, "not_found",
                                 "There is no such resource.", NULL);
        return ngx_chatalot_rest_reply_problem(request, &problem);
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_chatalot_rest_reply_options(request);
    }

    method = ngx_chatalot_rest_method(r);
    route = (method == NGX_DECLINED) ? NGX_CHATALOT_REST_NO_ROUTE
                                     : request->match.routes[method];

    if (route == NGX_CHATALOT_REST_NO_ROUTE) {
        return ngx_chatalot_rest_reply_method(request);
    }

    request->route = &ngx_chatalot_rest_routes[route];

    switch (ngx_chatalot_rest_request_authenticate(request, &problem)) {

    case NGX_OK:
        return ngx_chatalot_rest_read(request);

    case NGX_DECLINED:
        return ngx_chatalot_rest_reply_problem(request, &problem);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* The body is read only after all that can be refused without it; what is not read is discarded with the reply. */

static ngx_int_t
ngx_chatalot_rest_read(ngx_chatalot_rest_request_t *request)
{
    ngx_int_t                rc;
    ngx_http_request_t      *r;
    ngx_chatalot_problem_t   problem;

    r = request->http;

    if (request->route->method == NGX_CHATALOT_REST_GET
        || request->route->method == NGX_CHATALOT_REST_DELETE)
    {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        r->main->count++;
        ngx_chatalot_rest_run(request);
        return NGX_DONE;
    }

    if (r->headers_in.content_length_n > NGX_CHATALOT_REST_BODY_MAX) {
        rc = NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;

    } else {
        r->request_body_in_single_buf = 1;

        rc = ngx_http_read_client_request_body(r, ngx_chatalot_rest_on_body);
        if (rc < NGX_HTTP_SPECIAL_RESPONSE) {
            return NGX_DONE;
        }
    }

    if (rc != NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return rc;
    }

    /* nobody reads what is left of it */

    r->keepalive = 0;
    r->lingering_close = 1;

    ngx_chatalot_problem_set(&problem, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                             "too_large", "The request is too large.", NULL);

    return ngx_chatalot_rest_reply_problem(request, &problem);
}


static void
ngx_chatalot_rest_on_body(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_chatalot_problem_t        problem;
    ngx_chatalot_rest_request_t  *request;

    request = ngx_http_get_module_ctx(r, ngx_http_chatalot_rest_module);

    if (ngx_chatalot_rest_body_take(request, &problem) != NGX_OK) {
        rc = ngx_chatalot_rest_reply_problem(request, &problem);
        ngx_chatalot_rest_reply_finish(request, rc);
        return;
    }

    ngx_chatalot_rest_run(request);
}


/* From here on a reference to the request is held, which the end of the call gives back. */

static void
ngx_chatalot_rest_run(ngx_chatalot_rest_request_t *request)
{
    ngx_http_request_t   *r;
    ngx_chatalot_call_t  *call;

    r = request->http;

    call = ngx_chatalot_call_create(r->pool, r->connection->log,
                                    &request->caller, request);
    if (call == NULL) {
        ngx_chatalot_rest_reply_finish(request,
                                       NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    request->call = call;

    /*
     * A client that goes away takes its call along (see ngx_chatalot_call.h). While a body is being discarded, that
     * handler must go on: an event of an edge-triggered socket comes once.
     */

    if (!r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    if (ngx_chatalot_rest_args_build(request, &call->problem) != NGX_OK) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    if (request->route->handler) {
        request->route->handler(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &request->route->function, &request->args,
                          ngx_chatalot_rest_reply_on_sql);
}


static ngx_int_t
ngx_chatalot_rest_method(ngx_http_request_t *r)
{
    switch (r->method) {

    case NGX_HTTP_GET:
    case NGX_HTTP_HEAD:
        return NGX_CHATALOT_REST_GET;

    case NGX_HTTP_POST:
        return NGX_CHATALOT_REST_POST;

    case NGX_HTTP_PUT:
        return NGX_CHATALOT_REST_PUT;

    case NGX_HTTP_PATCH:
        return NGX_CHATALOT_REST_PATCH;

    case NGX_HTTP_DELETE:
        return NGX_CHATALOT_REST_DELETE;

    default:
        return NGX_DECLINED;
    }
}


static void *
ngx_chatalot_rest_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_chatalot_rest_main_conf_t));
}


static void *
ngx_chatalot_rest_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_chatalot_rest_loc_conf_t));
}


/* nginx's core module has merged this location before. */

static char *
ngx_chatalot_rest_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_core_loc_conf_t      *clcf;
    ngx_chatalot_rest_loc_conf_t  *conf = child;

    if (!conf->api) {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != ngx_chatalot_rest_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"chatalot_api\" stands beside another directive that"
                      " answers the location \"%V\"", &clcf->name);
        return NGX_CONF_ERROR;
    }

    /*
     * A body that fits the API's bound stays in memory: it may carry keys, which must not lie in temporary files. The
     * buffer also holds the frames of a chunked body.
     */

    if (clcf->client_body_buffer_size < NGX_CHATALOT_REST_BODY_BUFFER) {
        clcf->client_body_buffer_size = NGX_CHATALOT_REST_BODY_BUFFER;
    }

    return NGX_CONF_OK;
}


static char *
ngx_chatalot_rest_set_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_chatalot_rest_loc_conf_t  *lcf = conf;

    ngx_http_core_loc_conf_t       *clcf;
    ngx_chatalot_rest_main_conf_t  *mcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    mcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_chatalot_rest_module);

    if (lcf->api) {
        return "is duplicate";
    }

    if (clcf->handler) {
        return "stands beside another directive that answers this location";
    }

    clcf->handler = ngx_chatalot_rest_handler;
    lcf->api = 1;

    if (mcf->router == NULL) {
        mcf->router = ngx_palloc(cf->pool, sizeof(ngx_chatalot_rest_router_t));
        if (mcf->router == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_chatalot_require(cf);

    return NGX_CONF_OK;
}


/* What follows from the route table is made once, when the configuration is read. */

static ngx_int_t
ngx_chatalot_rest_init(ngx_conf_t *cf)
{
    ngx_str_t                       path, name = ngx_string("request_id");
    const char                     *reason;
    ngx_chatalot_rest_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_chatalot_rest_module);

    if (mcf->router == NULL) {
        return NGX_OK;
    }

    mcf->request_id = ngx_http_get_variable_index(cf, &name);
    if (mcf->request_id == NGX_ERROR) {
        return NGX_ERROR;
    }

    reason = ngx_chatalot_rest_routes_build(mcf->router, &path);
    if (reason) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "chatalot: the route \"%V\" is wrong: %s",
                      &path, reason);
        return NGX_ERROR;
    }

    return ngx_chatalot_rest_openapi_build(cf, mcf);
}


static ngx_int_t
ngx_chatalot_rest_init_process(ngx_cycle_t *cycle)
{
    ngx_chatalot_rest_health_start();

    return NGX_OK;
}
