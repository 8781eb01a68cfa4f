/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The control words of events: docs/realtime.md.
 */

#ifndef NGX_CHATALOT_WS_CONTROL_H
#define NGX_CHATALOT_WS_CONTROL_H

#include "ngx_chatalot_ws_hub.h"


/*
 * Does what control says to the topic's sessions. A word that is unknown or malformed is logged and skipped. 1: sessions
 * were attached to another topic.
 */
ngx_uint_t ngx_chatalot_ws_control(ngx_chatalot_ws_topic_t *topic, ngx_str_t *control);


#endif /* NGX_CHATALOT_WS_CONTROL_H */
