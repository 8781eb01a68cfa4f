/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The opening handshake: checks the request, answers 101 through nginx's filters, and hands the connection to a session
 * once the answer is out. Everything that is refused gets an error as docs/api.md has it.
 */

#include <ngx_sha1.h>
#include "ngx_chatalot_problem.h"
#include "ngx_chatalot_ws_conn.h"
#include "ngx_chatalot_ws_handshake.h"
#include "ngx_chatalot_ws_module.h"
#include "ngx_chatalot_ws_origin.h"
#include "ngx_chatalot_ws_session.h"


#define NGX_CHATALOT_WS_UPGRADE_REQUIRED  426

#define NGX_CHATALOT_WS_KEY_LEN     16      /* bytes of Sec-WebSocket-Key, decoded */
#define NGX_CHATALOT_WS_SHA1_LEN    20


/* What the request says; NULL: nothing. */

typedef struct {
    ngx_str_t     *key;
    ngx_str_t     *version;
    ngx_str_t     *origin;
    ngx_str_t     *agent;
    ngx_uint_t     keys;
    ngx_uint_t     versions;
    ngx_uint_t     origins;
    unsigned       upgrade:1;       /* Upgrade: websocket */
    unsigned       connection:1;    /* Connection: upgrade */
} ngx_chatalot_ws_offer_t;


static void ngx_chatalot_ws_handshake_read(ngx_http_request_t *r, ngx_chatalot_ws_offer_t *offer);
static ngx_uint_t ngx_chatalot_ws_handshake_token(ngx_str_t *list, const char *token);
static ngx_int_t ngx_chatalot_ws_handshake_check(ngx_http_request_t *r, ngx_chatalot_ws_offer_t *offer,
    ngx_int_t *rc);
static ngx_uint_t ngx_chatalot_ws_handshake_key(ngx_str_t *key);
static ngx_int_t ngx_chatalot_ws_handshake_refuse(ngx_http_request_t *r, ngx_uint_t status, const char *code,
    const char *message, const char *name, const char *value);
static void ngx_chatalot_ws_handshake_id(ngx_http_request_t *r, ngx_str_t *id);
static ngx_int_t ngx_chatalot_ws_handshake_header(ngx_http_request_t *r, const char *name, ngx_str_t *value);
static ngx_int_t ngx_chatalot_ws_handshake_accept(ngx_http_request_t *r, ngx_str_t *key);
static void ngx_chatalot_ws_handshake_write_handler(ngx_event_t *wev);
static void ngx_chatalot_ws_handshake_read_handler(ngx_event_t *rev);
static void ngx_chatalot_ws_handshake_cleanup(void *data);


ngx_int_t
ngx_chatalot_ws_handshake_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_pool_cleanup_t       *cln;
    ngx_connection_t         *c;
    ngx_chatalot_ws_conn_t   *conn;
    ngx_chatalot_ws_offer_t   offer;

    c = r->connection;

    ngx_chatalot_ws_handshake_read(r, &offer);

    if (ngx_chatalot_ws_handshake_check(r, &offer, &rc) != NGX_OK) {
        return rc;
    }

    if (r != r->main || r->count != 1 || r->blocked) {
        /* a mirror, for one, would outlive the request that is freed below */
        ngx_log_error(NGX_LOG_ERR, c->log, 0, "\"chatalot_websocket\" works neither in nor with subrequests");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    conn = ngx_chatalot_ws_session_create(ngx_http_get_module_loc_conf(r, ngx_http_chatalot_ws_module), &c->addr_text,
                                          offer.agent);
    if (conn == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_chatalot_ws_handshake_cleanup;
    cln->data = conn;

    ngx_http_set_ctx(r, cln, ngx_http_chatalot_ws_module);

    if (ngx_chatalot_ws_handshake_accept(r, offer.key) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    if (ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR) {
        return NGX_ERROR;
    }

    /* the rest when nginx's own functions have returned, for they would look at a request that is no more */

    r->keepalive = 0;
    r->main->count++;

    c->log->action = "answering WebSocket handshake";
    c->read->handler = ngx_chatalot_ws_handshake_read_handler;
    c->write->handler = ngx_chatalot_ws_handshake_write_handler;

    ngx_post_event(c->write, &ngx_posted_events);

    return NGX_DONE;
}


static void
ngx_chatalot_ws_handshake_read(ngx_http_request_t *r, ngx_chatalot_ws_offer_t *offer)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *part;

    ngx_memzero(offer, sizeof(ngx_chatalot_ws_offer_t));

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

#define ngx_chatalot_ws_is(name)                                                                    \
    (h[i].key.len == sizeof(name) - 1                                                               \
     && ngx_strncasecmp(h[i].key.data, (u_char *) name, sizeof(name) - 1) == 0)

            if (ngx_chatalot_ws_is("Upgrade")) {
                offer->upgrade |= ngx_chatalot_ws_handshake_token(&h[i].value, "websocket");

            } else if (ngx_chatalot_ws_is("Connection")) {
                offer->connection |= ngx_chatalot_ws_handshake_token(&h[i].value, "upgrade");

            } else if (ngx_chatalot_ws_is("Sec-WebSocket-Key")) {
                offer->key = &h[i].value;
                offer->keys++;

            } else if (ngx_chatalot_ws_is("Sec-WebSocket-Version")) {
                offer->version = &h[i].value;
                offer->versions++;

            } else if (ngx_chatalot_ws_is("Origin")) {
                offer->origin = &h[i].value;
                offer->origins++;

            } else if (ngx_chatalot_ws_is("User-Agent")) {
                offer->agent = &h[i].value;
            }
        }
    }
}


/* Whether a list like "keep-alive, Upgrade" has the token, in any case. */

static ngx_uint_t
ngx_chatalot_ws_handshake_token(ngx_str_t *list, const char *token)
{
    size_t   len;
    u_char  *p, *end, *start, *stop;

    len = ngx_strlen(token);
    end = list->data + list->len;

    for (p = list->data; p < end; p = stop + 1) {

        start = p;
        stop = ngx_strlchr(p, end, ',');

        if (stop == NULL) {
            stop = end;
        }

        for (p = stop; p > start && (p[-1] == ' ' || p[-1] == '\t'); p--) { /* void */ }

        while (start < p && (*start == ' ' || *start == '\t')) {
            start++;
        }

        if ((size_t) (p - start) == len && ngx_strncasecmp(start, (u_char *) token, len) == 0) {
            return 1;
        }
    }

    return 0;
}


/* NGX_DECLINED: the request was refused, and the handler returns *rc. */

static ngx_int_t
ngx_chatalot_ws_handshake_check(ngx_http_request_t *r, ngx_chatalot_ws_offer_t *offer, ngx_int_t *rc)
{
    if (r->method != NGX_HTTP_GET) {
        *rc = ngx_chatalot_ws_handshake_refuse(r, NGX_HTTP_NOT_ALLOWED, "method_not_allowed",
                                               "A WebSocket is opened with GET.", "Allow", "GET");

    } else if (r->http_version != NGX_HTTP_VERSION_11) {
        *rc = ngx_chatalot_ws_handshake_refuse(r, NGX_HTTP_BAD_REQUEST, "http_version",
                                               "A WebSocket is opened over HTTP/1.1.", NULL, NULL);

    } else if (!offer->upgrade || !offer->connection) {
        *rc = ngx_chatalot_ws_handshake_refuse(r, NGX_CHATALOT_WS_UPGRADE_REQUIRED, "upgrade_required",
                                               "Here is a WebSocket: Upgrade and Connection headers are required.",
                                               "Upgrade", "websocket");

    } else if (offer->versions != 1
               || offer->version->len != 2
               || ngx_strncmp(offer->version->data, "13", 2) != 0)
    {
        *rc = ngx_chatalot_ws_handshake_refuse(r, NGX_CHATALOT_WS_UPGRADE_REQUIRED, "websocket_version",
                                               "Sec-WebSocket-Version must be 13.", "Sec-WebSocket-Version", "13");

    } else if (offer->keys != 1 || !ngx_chatalot_ws_handshake_key(offer->key)) {
        *rc = ngx_chatalot_ws_handshake_refuse(r, NGX_HTTP_BAD_REQUEST, "websocket_key",
                                               "Sec-WebSocket-Key must be 16 bytes in base64.", NULL, NULL);

    } else if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        *rc = ngx_chatalot_ws_handshake_refuse(r, NGX_HTTP_BAD_REQUEST, "unexpected_body",
                                               "A WebSocket is opened without a body.", NULL, NULL);

    } else if (offer->origins > 1 || (offer->origins && !ngx_chatalot_ws_origin_allowed(r, offer->origin))) {
        *rc = ngx_chatalot_ws_handshake_refuse(r, NGX_HTTP_FORBIDDEN, "origin",
                                               "Pages of this origin may not connect here.", NULL, NULL);

    } else if (ngx_exiting || ngx_terminate) {
        *rc = ngx_chatalot_ws_handshake_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE, "unavailable",
                                               "This worker is about to exit. Try again.", "Retry-After", "1");

    } else {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_chatalot_ws_handshake_key(ngx_str_t *key)
{
    u_char     bytes[ngx_base64_decoded_length(ngx_base64_encoded_length(NGX_CHATALOT_WS_KEY_LEN))];
    ngx_str_t  decoded;

    decoded.data = bytes;

    return key->len == ngx_base64_encoded_length(NGX_CHATALOT_WS_KEY_LEN)
           && key->data[key->len - 1] == '='
           && ngx_decode_base64(&decoded, key) == NGX_OK
           && decoded.len == NGX_CHATALOT_WS_KEY_LEN;
}


/* With the header name: value, if there is a name. */

static ngx_int_t
ngx_chatalot_ws_handshake_refuse(ngx_http_request_t *r, ngx_uint_t status, const char *code, const char *message,
    const char *name, const char *value)
{
    ngx_int_t                rc;
    ngx_buf_t               *b;
    ngx_str_t                id, json, header;
    ngx_chain_t              out;
    ngx_chatalot_problem_t   problem;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (name) {
        header.data = (u_char *) value;
        header.len = ngx_strlen(value);

        if (ngx_chatalot_ws_handshake_header(r, name, &header) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ngx_chatalot_problem_set(&problem, status, code, message, NULL);
    ngx_chatalot_ws_handshake_id(r, &id);

    if (ngx_chatalot_problem_json(r->pool, &problem, &id, &json) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_create_temp_buf(r->pool, sizeof("{\"error\":}") + json.len);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_sprintf(b->last, "{\"error\":%V}", &json);
    b->last_buf = 1;
    b->last_in_chain = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = b->last - b->pos;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    if (status == NGX_CHATALOT_WS_UPGRADE_REQUIRED) {
        /* nginx has no text for it */
        ngx_str_set(&r->headers_out.status_line, "426 Upgrade Required");
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* The request's id as in nginx's logs. */

static void
ngx_chatalot_ws_handshake_id(ngx_http_request_t *r, ngx_str_t *id)
{
    ngx_str_t                   name;
    ngx_http_variable_value_t  *value;

    ngx_str_set(&name, "request_id");
    ngx_str_null(id);

    value = ngx_http_get_variable(r, &name, ngx_hash_key(name.data, name.len));

    if (value && !value->not_found) {
        id->data = value->data;
        id->len = value->len;
    }
}


static ngx_int_t
ngx_chatalot_ws_handshake_header(ngx_http_request_t *r, const char *name, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_chatalot_ws_handshake_accept(ngx_http_request_t *r, ngx_str_t *key)
{
    u_char      hash[NGX_CHATALOT_WS_SHA1_LEN];
    ngx_str_t   value, digest;
    ngx_sha1_t  sha1;

    static const char  guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, key->data, key->len);
    ngx_sha1_update(&sha1, guid, sizeof(guid) - 1);
    ngx_sha1_final(hash, &sha1);

    digest.data = hash;
    digest.len = sizeof(hash);

    value.data = ngx_pnalloc(r->pool, ngx_base64_encoded_length(sizeof(hash)));
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64(&value, &digest);

    if (ngx_chatalot_ws_handshake_header(r, "Sec-WebSocket-Accept", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "websocket");

    /* nginx itself adds "Connection: upgrade" to a 101 */
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;

    return ngx_chatalot_ws_handshake_header(r, "Upgrade", &value);
}


static void
ngx_chatalot_ws_handshake_write_handler(ngx_event_t *wev)
{
    ngx_connection_t          *c;
    ngx_pool_cleanup_t        *cln;
    ngx_http_request_t        *r;
    ngx_chatalot_ws_conn_t    *conn;
    ngx_http_core_loc_conf_t  *clcf;

    c = wev->data;
    r = c->data;

    if (wev->timedout || c->close || c->error) {
        c->timedout = wev->timedout;
        goto failed;
    }

    if (r->out || r->buffered || c->buffered) {

        if (ngx_http_output_filter(r, NULL) == NGX_ERROR) {
            goto failed;
        }

        if (r->out || r->buffered || c->buffered) {

            clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

            if (ngx_handle_write_event(wev, 0) != NGX_OK) {
                goto failed;
            }

            if (!wev->timer_set) {
                ngx_add_timer(wev, clcf->send_timeout);
            }

            return;
        }
    }

    cln = ngx_http_get_module_ctx(r, ngx_http_chatalot_ws_module);
    conn = cln->data;
    cln->handler = NULL;

    ngx_chatalot_ws_conn_take(conn, r);

    return;

failed:

    ngx_http_free_request(r, 0);
    ngx_http_close_connection(c);
}


/* Frames that come before the answer has left wait; a worker that shuts down hard is heard. */

static void
ngx_chatalot_ws_handshake_read_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    if (c->close || c->error) {
        ngx_chatalot_ws_handshake_write_handler(c->write);
        return;
    }

    if ((ngx_event_flags & NGX_USE_LEVEL_EVENT) && rev->active) {
        (void) ngx_del_event(rev, NGX_READ_EVENT, 0);
    }
}


/* The request ended before the connection could be taken over. */

static void
ngx_chatalot_ws_handshake_cleanup(void *data)
{
    ngx_chatalot_ws_session_discard(data);
}
