/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The channels in api.session_start's reply. It is read as a stream: a person may be in thousands.
 */

#ifndef NGX_CHATALOT_WS_CHANNELS_H
#define NGX_CHATALOT_WS_CHANNELS_H

#include <ngx_config.h>
#include <ngx_core.h>


/* id: text of NGX_CHATALOT_UUID_LEN, valid during the call. Anything but NGX_OK ends the reading. */
typedef ngx_int_t (*ngx_chatalot_ws_channel_pt)(void *data, ngx_str_t *id, uint64_t epoch);

/* Calls handler for each {"id", …, "epoch"} in the member "channels" of the object. NGX_ERROR: not that, or handler's. */
ngx_int_t ngx_chatalot_ws_channels_each(ngx_str_t *json, ngx_chatalot_ws_channel_pt handler, void *data);


#endif /* NGX_CHATALOT_WS_CHANNELS_H */
