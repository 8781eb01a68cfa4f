/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From bytes to messages: see the header. A message that came whole is handed on where it lies; only parts are copied.
 */

#include "ngx_chatalot_ws_in.h"


#define NGX_CHATALOT_WS_PARTIAL_MIN  1024

/* frames of any kind that a client may send, beyond its requests: pings, pongs, empty fragments, nonsense */
#define NGX_CHATALOT_WS_FRAME_RATE   50
#define NGX_CHATALOT_WS_FRAME_BURST  200


static void ngx_chatalot_ws_in_piece(ngx_chatalot_ws_conn_t *conn, ngx_chatalot_ws_piece_t *piece);
static void ngx_chatalot_ws_in_data(ngx_chatalot_ws_conn_t *conn, ngx_chatalot_ws_piece_t *piece);
static void ngx_chatalot_ws_in_pinged(ngx_chatalot_ws_conn_t *conn, ngx_chatalot_ws_piece_t *piece);
static ngx_int_t ngx_chatalot_ws_in_gather(ngx_chatalot_ws_conn_t *conn, u_char *data, size_t len);
static ngx_chatalot_ws_partial_t *ngx_chatalot_ws_in_partial(ngx_chatalot_ws_conn_t *conn);
static void ngx_chatalot_ws_in_tidy(ngx_chatalot_ws_conn_t *conn);


void
ngx_chatalot_ws_in_feed(ngx_chatalot_ws_conn_t *conn, u_char *data, size_t len)
{
    u_char                   *pos, *end;
    ngx_chatalot_ws_piece_t   piece;

    pos = data;
    end = data + len;

    while (!conn->deaf) {

        switch (ngx_chatalot_ws_frame_parse(&conn->parser, &pos, end, &piece)) {

        case NGX_CHATALOT_WS_FRAME_PIECE:
            ngx_chatalot_ws_in_piece(conn, &piece);
            break;

        case NGX_CHATALOT_WS_FRAME_ERROR:
            conn->deaf = 1;
            ngx_chatalot_ws_conn_close(conn, conn->parser.error);
            return;

        default: /* NGX_CHATALOT_WS_FRAME_AGAIN */
            return;
        }
    }
}


static void
ngx_chatalot_ws_in_piece(ngx_chatalot_ws_conn_t *conn, ngx_chatalot_ws_piece_t *piece)
{
    ngx_chatalot_ws_loc_conf_t  *conf;

    if (piece->opcode == NGX_CHATALOT_WS_CLOSE) {

        if (piece->last) {
            /* 5.5.1: the answer echoes the code; nothing follows */
            conn->deaf = 1;
            ngx_chatalot_ws_conn_close(conn, piece->code);
        }

        return;
    }

    if (conn->state != NGX_CHATALOT_WS_CONN_OPEN) {
        return;
    }

    conf = conn->conf;

    /* fragments with content are bounded by the size of their message, empty ones by nothing but this */

    if ((piece->last || piece->len == 0)
        && ngx_chatalot_ws_bucket_take(&conn->frames, conf->rate * 4 + NGX_CHATALOT_WS_FRAME_RATE,
                                       conf->burst * 4 + NGX_CHATALOT_WS_FRAME_BURST))
    {
        ngx_chatalot_ws_conn_close(conn, NGX_CHATALOT_WS_POLICY);
        return;
    }

    switch (piece->opcode) {

    case NGX_CHATALOT_WS_TEXT:
        ngx_chatalot_ws_in_data(conn, piece);
        break;

    case NGX_CHATALOT_WS_PING:
        ngx_chatalot_ws_in_pinged(conn, piece);
        break;

    case NGX_CHATALOT_WS_BINARY:
        ngx_chatalot_ws_conn_close(conn, NGX_CHATALOT_WS_UNSUPPORTED);
        break;

    default: /* NGX_CHATALOT_WS_PONG: as any byte, it has been taken for a sign of life */
        break;
    }
}


static void
ngx_chatalot_ws_in_data(ngx_chatalot_ws_conn_t *conn, ngx_chatalot_ws_piece_t *piece)
{
    ngx_str_t  text;

    if (piece->first && piece->last) {
        text.data = piece->data;
        text.len = piece->len;

        ngx_chatalot_ws_conn_listener->message(conn, &text);
        return;
    }

    if (ngx_chatalot_ws_in_gather(conn, piece->data, piece->len) != NGX_OK) {
        ngx_chatalot_ws_conn_close(conn, NGX_CHATALOT_WS_INTERNAL);
        return;
    }

    if (!piece->last) {
        return;
    }

    text.data = conn->partial->message;
    text.len = conn->partial->len;

    ngx_chatalot_ws_conn_listener->message(conn, &text);

    ngx_free(conn->partial->message);
    conn->partial->message = NULL;
    conn->partial->len = 0;
    conn->partial->size = 0;

    ngx_chatalot_ws_in_tidy(conn);
}


static void
ngx_chatalot_ws_in_pinged(ngx_chatalot_ws_conn_t *conn, ngx_chatalot_ws_piece_t *piece)
{
    size_t                      len;
    u_char                     *data;
    ngx_chatalot_ws_buffer_t   *pong;
    ngx_chatalot_ws_partial_t  *partial;

    partial = NULL;
    data = piece->data;
    len = piece->len;

    if (!piece->first || !piece->last) {

        partial = ngx_chatalot_ws_in_partial(conn);
        if (partial == NULL) {
            ngx_chatalot_ws_conn_close(conn, NGX_CHATALOT_WS_INTERNAL);
            return;
        }

        ngx_memcpy(partial->ping + partial->ping_len, data, len);
        partial->ping_len += len;

        if (!piece->last) {
            return;
        }

        data = partial->ping;
        len = partial->ping_len;
    }

    pong = ngx_chatalot_ws_out_frame(NGX_CHATALOT_WS_PONG, len);

    if (pong) {
        ngx_memcpy(ngx_chatalot_ws_out_payload(pong), data, len);
        ngx_chatalot_ws_conn_send(conn, pong);
        ngx_chatalot_ws_out_release(pong);
    }

    if (partial) {
        partial->ping_len = 0;
        ngx_chatalot_ws_in_tidy(conn);
    }
}


static ngx_int_t
ngx_chatalot_ws_in_gather(ngx_chatalot_ws_conn_t *conn, u_char *data, size_t len)
{
    size_t                      size;
    u_char                     *p;
    ngx_chatalot_ws_partial_t  *partial;

    partial = ngx_chatalot_ws_in_partial(conn);
    if (partial == NULL) {
        return NGX_ERROR;
    }

    if (partial->len + len > partial->size) {

        /* grows with what came, not with what a header promises */

        size = ngx_max(partial->len + len, 2 * partial->size);
        size = ngx_max(size, NGX_CHATALOT_WS_PARTIAL_MIN);

        p = realloc(partial->message, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        partial->message = p;
        partial->size = size;
    }

    if (len) {
        ngx_memcpy(partial->message + partial->len, data, len);
        partial->len += len;
    }

    return NGX_OK;
}


static ngx_chatalot_ws_partial_t *
ngx_chatalot_ws_in_partial(ngx_chatalot_ws_conn_t *conn)
{
    if (conn->partial == NULL) {
        conn->partial = ngx_calloc(sizeof(ngx_chatalot_ws_partial_t), conn->connection->log);
    }

    return conn->partial;
}


/* Frees what holds parts when there are none. */

static void
ngx_chatalot_ws_in_tidy(ngx_chatalot_ws_conn_t *conn)
{
    if (conn->partial->message == NULL && conn->partial->ping_len == 0) {
        ngx_chatalot_ws_in_clear(conn);
    }
}


void
ngx_chatalot_ws_in_clear(ngx_chatalot_ws_conn_t *conn)
{
    if (conn->partial == NULL) {
        return;
    }

    ngx_free(conn->partial->message);
    ngx_free(conn->partial);

    conn->partial = NULL;
}
