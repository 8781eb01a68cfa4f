/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The channels of a reply: see the header.
 */

#include <yajl/yajl_parse.h>
#include "ngx_chatalot_core.h"
#include "ngx_chatalot_ws_channels.h"


/* {"channels": [{"id": …, "epoch": …}]}: the depths of these three brackets */

#define NGX_CHATALOT_WS_IN_REPLY     1
#define NGX_CHATALOT_WS_IN_LIST      2
#define NGX_CHATALOT_WS_IN_CHANNEL   3


typedef enum {
    NGX_CHATALOT_WS_OTHER_KEY = 0,
    NGX_CHATALOT_WS_ID_KEY,
    NGX_CHATALOT_WS_EPOCH_KEY
} ngx_chatalot_ws_channel_key_e;


typedef struct {
    ngx_chatalot_ws_channel_pt       handler;
    void                            *data;
    ngx_uint_t                       depth;
    ngx_chatalot_ws_channel_key_e    key;
    u_char                           id[NGX_CHATALOT_UUID_LEN];
    int64_t                          epoch;
    unsigned                         inside:1;      /* "channels" */
    unsigned                         seen:1;        /* it was there */
    unsigned                         has_id:1;
} ngx_chatalot_ws_channels_t;


static int ngx_chatalot_ws_channels_open(void *ctx);
static int ngx_chatalot_ws_channels_close_list(void *ctx);
static int ngx_chatalot_ws_channels_close_map(void *ctx);
static int ngx_chatalot_ws_channels_key(void *ctx, const unsigned char *key, size_t len);
static int ngx_chatalot_ws_channels_string(void *ctx, const unsigned char *value, size_t len);
static int ngx_chatalot_ws_channels_integer(void *ctx, long long value);


static yajl_callbacks  ngx_chatalot_ws_channels_callbacks = {
    NULL,                                   /* null */
    NULL,                                   /* boolean */
    ngx_chatalot_ws_channels_integer,
    NULL,                                   /* double */
    NULL,                                   /* number */
    ngx_chatalot_ws_channels_string,
    ngx_chatalot_ws_channels_open,          /* map */
    ngx_chatalot_ws_channels_key,
    ngx_chatalot_ws_channels_close_map,
    ngx_chatalot_ws_channels_open,          /* array */
    ngx_chatalot_ws_channels_close_list
};


ngx_int_t
ngx_chatalot_ws_channels_each(ngx_str_t *json, ngx_chatalot_ws_channel_pt handler, void *data)
{
    yajl_handle                 yajl;
    yajl_status                 status;
    ngx_chatalot_ws_channels_t  channels;

    ngx_memzero(&channels, sizeof(ngx_chatalot_ws_channels_t));

    channels.handler = handler;
    channels.data = data;

    yajl = yajl_alloc(&ngx_chatalot_ws_channels_callbacks, NULL, &channels);
    if (yajl == NULL) {
        return NGX_ERROR;
    }

    status = yajl_parse(yajl, json->data, json->len);

    if (status == yajl_status_ok) {
        status = yajl_complete_parse(yajl);
    }

    yajl_free(yajl);

    return (status == yajl_status_ok && channels.seen) ? NGX_OK : NGX_ERROR;
}


static int
ngx_chatalot_ws_channels_open(void *ctx)
{
    ngx_chatalot_ws_channels_t  *channels = ctx;

    channels->depth++;

    if (channels->inside && channels->depth == NGX_CHATALOT_WS_IN_CHANNEL) {
        channels->has_id = 0;
        channels->epoch = -1;
    }

    channels->key = NGX_CHATALOT_WS_OTHER_KEY;

    return 1;
}


static int
ngx_chatalot_ws_channels_close_map(void *ctx)
{
    ngx_str_t                    id;
    ngx_chatalot_ws_channels_t  *channels = ctx;

    if (channels->depth-- != NGX_CHATALOT_WS_IN_CHANNEL || !channels->inside) {
        return 1;
    }

    if (!channels->has_id || channels->epoch < 0) {
        return 0;
    }

    id.data = channels->id;
    id.len = NGX_CHATALOT_UUID_LEN;

    return channels->handler(channels->data, &id, channels->epoch) == NGX_OK;
}


static int
ngx_chatalot_ws_channels_close_list(void *ctx)
{
    ngx_chatalot_ws_channels_t  *channels = ctx;

    if (channels->depth-- == NGX_CHATALOT_WS_IN_LIST) {
        channels->inside = 0;
    }

    return 1;
}


static int
ngx_chatalot_ws_channels_key(void *ctx, const unsigned char *key, size_t len)
{
    ngx_chatalot_ws_channels_t  *channels = ctx;

    channels->key = NGX_CHATALOT_WS_OTHER_KEY;

    if (channels->depth == NGX_CHATALOT_WS_IN_REPLY) {
        channels->inside = (len == 8 && ngx_memcmp(key, "channels", 8) == 0);
        channels->seen |= channels->inside;

    } else if (channels->depth == NGX_CHATALOT_WS_IN_CHANNEL && channels->inside) {

        if (len == 2 && ngx_memcmp(key, "id", 2) == 0) {
            channels->key = NGX_CHATALOT_WS_ID_KEY;

        } else if (len == 5 && ngx_memcmp(key, "epoch", 5) == 0) {
            channels->key = NGX_CHATALOT_WS_EPOCH_KEY;
        }
    }

    return 1;
}


static int
ngx_chatalot_ws_channels_string(void *ctx, const unsigned char *value, size_t len)
{
    ngx_chatalot_ws_channels_t  *channels = ctx;

    if (channels->key == NGX_CHATALOT_WS_ID_KEY) {

        if (len != NGX_CHATALOT_UUID_LEN) {
            return 0;
        }

        ngx_memcpy(channels->id, value, len);
        channels->has_id = 1;
    }

    return 1;
}


static int
ngx_chatalot_ws_channels_integer(void *ctx, long long value)
{
    ngx_chatalot_ws_channels_t  *channels = ctx;

    if (channels->key == NGX_CHATALOT_WS_EPOCH_KEY) {
        channels->epoch = value;
    }

    return 1;
}
