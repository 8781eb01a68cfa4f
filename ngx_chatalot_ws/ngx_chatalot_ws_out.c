/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Shared frames and the queue of a socket: see the header.
 */

#include "ngx_chatalot_ws_out.h"


#define NGX_CHATALOT_WS_OUT_GATHER  NGX_IOVS_PREALLOCATE    /* frames in one writev() */


static void ngx_chatalot_ws_out_shift(ngx_chatalot_ws_out_t *out);


ngx_chatalot_ws_buffer_t *
ngx_chatalot_ws_out_frame(ngx_chatalot_ws_opcode_e opcode, size_t len)
{
    size_t                     n;
    u_char                     header[NGX_CHATALOT_WS_HEADER_MAX];
    ngx_chatalot_ws_buffer_t  *buffer;

    n = ngx_chatalot_ws_frame_header(header, opcode, len);

    buffer = ngx_alloc(sizeof(ngx_chatalot_ws_buffer_t) + n + len, ngx_cycle->log);
    if (buffer == NULL) {
        return NULL;
    }

    buffer->refs = 1;
    buffer->header = n;
    buffer->len = n + len;
    ngx_memcpy(buffer->data, header, n);

    return buffer;
}


ngx_chatalot_ws_buffer_t *
ngx_chatalot_ws_out_text(const u_char *text, size_t len)
{
    ngx_chatalot_ws_buffer_t  *buffer;

    buffer = ngx_chatalot_ws_out_frame(NGX_CHATALOT_WS_TEXT, len);
    if (buffer == NULL) {
        return NULL;
    }

    ngx_memcpy(ngx_chatalot_ws_out_payload(buffer), text, len);

    return buffer;
}


void
ngx_chatalot_ws_out_release(ngx_chatalot_ws_buffer_t *buffer)
{
    if (--buffer->refs == 0) {
        ngx_free(buffer);
    }
}


ngx_int_t
ngx_chatalot_ws_out_append(ngx_chatalot_ws_out_t *out, ngx_chatalot_ws_buffer_t *buffer)
{
    ngx_chatalot_ws_out_item_t  *item;

    item = ngx_alloc(sizeof(ngx_chatalot_ws_out_item_t), ngx_cycle->log);
    if (item == NULL) {
        return NGX_ERROR;
    }

    item->next = NULL;
    item->buffer = buffer;
    buffer->refs++;

    if (out->first) {
        out->last->next = item;

    } else {
        out->first = item;
    }

    out->last = item;
    out->size += buffer->len;

    return NGX_OK;
}


static void
ngx_chatalot_ws_out_shift(ngx_chatalot_ws_out_t *out)
{
    ngx_chatalot_ws_out_item_t  *item;

    item = out->first;

    out->first = item->next;
    out->size -= item->buffer->len - out->sent;
    out->sent = 0;

    ngx_chatalot_ws_out_release(item->buffer);
    ngx_free(item);
}


void
ngx_chatalot_ws_out_cut(ngx_chatalot_ws_out_t *out)
{
    ngx_chatalot_ws_out_item_t  *begun, *item;

    if (out->sent == 0) {
        ngx_chatalot_ws_out_clear(out);
        return;
    }

    begun = out->first;

    while ((item = begun->next) != NULL) {
        begun->next = item->next;
        out->size -= item->buffer->len;

        ngx_chatalot_ws_out_release(item->buffer);
        ngx_free(item);
    }

    out->last = begun;
}


void
ngx_chatalot_ws_out_clear(ngx_chatalot_ws_out_t *out)
{
    while (out->first) {
        ngx_chatalot_ws_out_shift(out);
    }
}


ngx_int_t
ngx_chatalot_ws_out_write(ngx_chatalot_ws_out_t *out, ngx_connection_t *c)
{
    size_t                        n;
    ngx_uint_t                    i;
    ngx_chain_t                  *rest;
    ngx_chatalot_ws_out_item_t   *item;

    static ngx_buf_t              bufs[NGX_CHATALOT_WS_OUT_GATHER];
    static ngx_chain_t            links[NGX_CHATALOT_WS_OUT_GATHER];

    while (out->first && c->write->ready) {

        for (i = 0, item = out->first; item && i < NGX_CHATALOT_WS_OUT_GATHER; i++, item = item->next) {
            bufs[i].pos = item->buffer->data + (i == 0 ? out->sent : 0);
            bufs[i].last = item->buffer->data + item->buffer->len;
            bufs[i].memory = 1;
            bufs[i].flush = 0;

            links[i].buf = &bufs[i];
            links[i].next = &links[i + 1];
        }

        links[i - 1].next = NULL;

        /* TLS gathers small records in a buffer; nothing follows that would push them out */
        bufs[i - 1].flush = 1;

        rest = c->send_chain(c, links, 0);

        if (rest == NGX_CHAIN_ERROR) {
            return NGX_ERROR;
        }

        for (i = 0; &links[i] != rest; i++) {
            ngx_chatalot_ws_out_shift(out);

            if (links[i].next == NULL) {
                break;
            }
        }

        if (rest) {
            n = rest->buf->pos - out->first->buffer->data;
            out->size -= n - out->sent;
            out->sent = n;
            break;
        }
    }

    if (out->first == NULL && (c->buffered & NGX_LOWLEVEL_BUFFERED) && c->write->ready) {
        if (c->send_chain(c, NULL, 0) == NGX_CHAIN_ERROR) {
            return NGX_ERROR;
        }
    }

    /* arms the event for the rest; with level-triggered methods it also disarms it when there is none */

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (out->first || (c->buffered & NGX_LOWLEVEL_BUFFERED)) {
        return NGX_AGAIN;
    }

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        /* 16 KiB that an idle socket does without */
        ngx_ssl_free_buffer(c);
    }
#endif

    return NGX_OK;
}
