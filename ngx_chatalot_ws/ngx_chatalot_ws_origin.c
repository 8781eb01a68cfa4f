/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The check of Origin: see the header.
 */

#include "ngx_chatalot_ws_module.h"
#include "ngx_chatalot_ws_origin.h"


/* An origin or host in parts; host still has its port, unless it is the scheme's own. */

typedef struct {
    ngx_str_t     scheme;
    ngx_str_t     host;
} ngx_chatalot_ws_origin_t;


static void ngx_chatalot_ws_origin_split(ngx_str_t *value, ngx_str_t *scheme, ngx_chatalot_ws_origin_t *origin);
static ngx_uint_t ngx_chatalot_ws_origin_same(ngx_str_t *a, ngx_str_t *b);


ngx_uint_t
ngx_chatalot_ws_origin_allowed(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_str_t                    none, *allowed;
    ngx_uint_t                   i;
    ngx_chatalot_ws_origin_t     origin, other;
    ngx_chatalot_ws_loc_conf_t  *wlcf;

    ngx_str_null(&none);
    ngx_chatalot_ws_origin_split(value, &none, &origin);

    /* "null", of sandboxed pages, has no host; it needs "*" */

    if (origin.host.len && r->headers_in.host) {

        ngx_chatalot_ws_origin_split(&r->headers_in.host->value, &origin.scheme, &other);

        if (ngx_chatalot_ws_origin_same(&origin.host, &other.host)) {
            return 1;
        }
    }

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_chatalot_ws_module);

    if (wlcf->origins == NULL) {
        return 0;
    }

    allowed = wlcf->origins->elts;

    for (i = 0; i < wlcf->origins->nelts; i++) {

        if (allowed[i].len == 1 && allowed[i].data[0] == '*') {
            return 1;
        }

        ngx_chatalot_ws_origin_split(&allowed[i], &origin.scheme, &other);

        if (origin.host.len
            && ngx_chatalot_ws_origin_same(&origin.host, &other.host)
            && ngx_chatalot_ws_origin_same(&origin.scheme, &other.scheme))
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Takes SCHEME://HOST[:PORT] apart; without a scheme, the given one is taken (and if that is empty, there is no host).
 * The scheme's default port is cut off, as browsers do in Origin.
 */

static void
ngx_chatalot_ws_origin_split(ngx_str_t *value, ngx_str_t *scheme, ngx_chatalot_ws_origin_t *origin)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   port;

    ngx_str_null(&origin->host);
    origin->scheme = *scheme;

    p = ngx_strnstr(value->data, "://", value->len);

    if (p) {
        origin->scheme.data = value->data;
        origin->scheme.len = p - value->data;
        p += 3;

    } else {
        p = value->data;
    }

    if (origin->scheme.len == 0) {
        return;
    }

    origin->host.data = p;
    origin->host.len = value->data + value->len - p;

    ngx_str_null(&port);

    if (origin->scheme.len == 4 && ngx_strncasecmp(origin->scheme.data, (u_char *) "http", 4) == 0) {
        ngx_str_set(&port, ":80");

    } else if (origin->scheme.len == 5 && ngx_strncasecmp(origin->scheme.data, (u_char *) "https", 5) == 0) {
        ngx_str_set(&port, ":443");
    }

    len = origin->host.len;

    if (port.len && len > port.len
        && ngx_strncmp(origin->host.data + len - port.len, port.data, port.len) == 0)
    {
        origin->host.len -= port.len;
    }
}


static ngx_uint_t
ngx_chatalot_ws_origin_same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && a->len && ngx_strncasecmp(a->data, b->data, a->len) == 0;
}
