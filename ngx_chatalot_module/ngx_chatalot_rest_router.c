/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The tree of path segments behind the route table. Built once when the configuration is read, only read afterwards.
 */

#include "ngx_chatalot_rest_router.h"


static ngx_uint_t ngx_chatalot_rest_router_segment(ngx_str_t *path,
    ngx_str_t *segment);
static const char *ngx_chatalot_rest_router_step(
    ngx_chatalot_rest_router_t *router, ngx_uint_t *at, ngx_str_t *segment);
static ngx_uint_t ngx_chatalot_rest_router_node(
    ngx_chatalot_rest_router_t *router, ngx_str_t *segment);


void
ngx_chatalot_rest_router_init(ngx_chatalot_rest_router_t *router)
{
    ngx_str_t  root = ngx_null_string;

    router->n = 0;

    (void) ngx_chatalot_rest_router_node(router, &root);
}


const char *
ngx_chatalot_rest_router_add(ngx_chatalot_rest_router_t *router,
    ngx_chatalot_rest_method_e method, ngx_str_t *path, ngx_int_t route)
{
    ngx_str_t    rest, segment;
    ngx_uint_t   at, values;
    const char  *reason;

    at = 0;
    values = 0;
    rest = *path;

    if (rest.len < 2 || rest.data[0] != '/') {
        return "the path does not begin with a slash and a word";
    }

    while (ngx_chatalot_rest_router_segment(&rest, &segment)) {

        if (segment.len == 0) {
            return "the path has an empty segment";
        }

        if (segment.data[0] == '{') {

            if (segment.len < 3 || segment.data[segment.len - 1] != '}') {
                return "a parameter of the path is not closed";
            }

            if (++values > NGX_CHATALOT_REST_ROUTER_VALUES) {
                return "the path has too many parameters";
            }

            ngx_str_null(&segment);
        }

        reason = ngx_chatalot_rest_router_step(router, &at, &segment);
        if (reason) {
            return reason;
        }
    }

    if (router->nodes[at].routes[method] != NGX_CHATALOT_REST_NO_ROUTE) {
        return "the method and path are there already";
    }

    router->nodes[at].routes[method] = route;

    return NULL;
}


ngx_int_t
ngx_chatalot_rest_router_find(ngx_chatalot_rest_router_t *router,
    ngx_str_t *path, ngx_chatalot_rest_match_t *match)
{
    ngx_str_t                         rest, segment;
    ngx_uint_t                        i;
    ngx_chatalot_rest_router_node_t  *nodes, *node;

    nodes = router->nodes;
    node = &nodes[0];
    rest = *path;

    match->n = 0;

    while (ngx_chatalot_rest_router_segment(&rest, &segment)) {

        if (segment.len == 0) {
            return NGX_DECLINED;
        }

        for (i = node->child; i; i = nodes[i].sibling) {

            if (nodes[i].segment.len == 0) {
                match->values[match->n++] = segment;
                break;
            }

            if (nodes[i].segment.len == segment.len
                && ngx_memcmp(nodes[i].segment.data, segment.data,
                              segment.len) == 0)
            {
                break;
            }
        }

        if (i == 0) {
            return NGX_DECLINED;
        }

        node = &nodes[i];
    }

    for (i = 0; i < NGX_CHATALOT_REST_METHODS; i++) {
        if (node->routes[i] != NGX_CHATALOT_REST_NO_ROUTE) {
            match->routes = node->routes;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* Cuts "/word" off the front of path; 0 at its end. What does not begin with a slash gives an empty segment. */

static ngx_uint_t
ngx_chatalot_rest_router_segment(ngx_str_t *path, ngx_str_t *segment)
{
    u_char  *p, *end;

    if (path->len == 0) {
        return 0;
    }

    p = path->data;
    end = p + path->len;

    if (*p != '/') {
        ngx_str_null(segment);
        ngx_str_null(path);
        return 1;
    }

    segment->data = ++p;

    while (p < end && *p != '/') {
        p++;
    }

    segment->len = p - segment->data;

    path->data = p;
    path->len = end - p;

    return 1;
}


/*
 * From one node to the child for a segment, which is made if there is none. A parameter stands behind all words, so that
 * the first that fits is the right one.
 */

static const char *
ngx_chatalot_rest_router_step(ngx_chatalot_rest_router_t *router,
    ngx_uint_t *at, ngx_str_t *segment)
{
    ngx_uint_t                        i, *link;
    ngx_chatalot_rest_router_node_t  *nodes;

    nodes = router->nodes;
    link = &nodes[*at].child;

    for (i = *link; i; i = *link) {

        if (nodes[i].segment.len == segment->len
            && (segment->len == 0
                || ngx_memcmp(nodes[i].segment.data, segment->data,
                              segment->len)
                   == 0))
        {
            *at = i;
            return NULL;
        }

        if (nodes[i].segment.len == 0) {
            break;
        }

        link = &nodes[i].sibling;
    }

    i = ngx_chatalot_rest_router_node(router, segment);
    if (i == 0) {
        return "the route table is too large";
    }

    nodes[i].sibling = *link;
    *link = i;
    *at = i;

    return NULL;
}


/* The index of a new node; 0 when there is no room (the root's own is 0 as well). */

static ngx_uint_t
ngx_chatalot_rest_router_node(ngx_chatalot_rest_router_t *router,
    ngx_str_t *segment)
{
    ngx_uint_t                        i;
    ngx_chatalot_rest_router_node_t  *node;

    if (router->n == NGX_CHATALOT_REST_ROUTER_NODES) {
        return 0;
    }

    node = &router->nodes[router->n];

    node->segment = *segment;
    node->child = 0;
    node->sibling = 0;

    for (i = 0; i < NGX_CHATALOT_REST_METHODS; i++) {
        node->routes[i] = NGX_CHATALOT_REST_NO_ROUTE;
    }

    return router->n++;
}
