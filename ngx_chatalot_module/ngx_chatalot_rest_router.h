/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Method and path to a number. Pure: a tree in a fixed array, no allocation, no I/O, nothing of HTTP but the methods.
 */

#ifndef NGX_CHATALOT_REST_ROUTER_H
#define NGX_CHATALOT_REST_ROUTER_H

#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_CHATALOT_REST_ROUTER_NODES   256    /* segments of all paths together */
#define NGX_CHATALOT_REST_ROUTER_VALUES  4      /* parameters in one path */

#define NGX_CHATALOT_REST_NO_ROUTE       (-1)


typedef enum {
    NGX_CHATALOT_REST_GET = 0,
    NGX_CHATALOT_REST_POST,
    NGX_CHATALOT_REST_PUT,
    NGX_CHATALOT_REST_PATCH,
    NGX_CHATALOT_REST_DELETE,
    NGX_CHATALOT_REST_METHODS       /* how many there are */
} ngx_chatalot_rest_method_e;


typedef struct {
    ngx_str_t              segment;     /* empty: a parameter */
    ngx_uint_t             child;       /* indices of nodes; 0, the root, means none */
    ngx_uint_t             sibling;
    ngx_int_t              routes[NGX_CHATALOT_REST_METHODS];
} ngx_chatalot_rest_router_node_t;


typedef struct {
    ngx_chatalot_rest_router_node_t  nodes[NGX_CHATALOT_REST_ROUTER_NODES];
    ngx_uint_t                       n;
} ngx_chatalot_rest_router_t;


typedef struct {
    const ngx_int_t       *routes;      /* by method; NGX_CHATALOT_REST_NO_ROUTE where the path has none */
    ngx_str_t              values[NGX_CHATALOT_REST_ROUTER_VALUES];
    ngx_uint_t             n;
} ngx_chatalot_rest_match_t;


void ngx_chatalot_rest_router_init(ngx_chatalot_rest_router_t *router);

/*
 * Adds "/a/{b}/c" for one method; route is the caller's number, from 0. The path must outlive the router. NULL, or why
 * it cannot be: a malformed path, a route that is there already, or no room. Where a word and a parameter stand at the
 * same place, the word is meant, and the search does not turn back: what is behind the parameter only is not found then.
 */
const char *ngx_chatalot_rest_router_add(ngx_chatalot_rest_router_t *router, ngx_chatalot_rest_method_e method,
    ngx_str_t *path, ngx_int_t route);

/*
 * Looks up a decoded path. A parameter is one segment that is not empty; "/a/" is not "/a". NGX_OK with match, whose
 * values point into path; NGX_DECLINED: there is no such path for any method.
 */
ngx_int_t ngx_chatalot_rest_router_find(ngx_chatalot_rest_router_t *router, ngx_str_t *path,
    ngx_chatalot_rest_match_t *match);


#endif /* NGX_CHATALOT_REST_ROUTER_H */
