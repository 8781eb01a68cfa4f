/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * WebSocket frames (RFC 6455, sections 5 and 7.4) as bytes: parser and encoder of the server's side. Does no I/O,
 * allocates nothing, keeps no payload, and knows neither nginx nor sessions.
 */

#ifndef NGX_CHATALOT_WS_FRAME_H
#define NGX_CHATALOT_WS_FRAME_H

#include <stddef.h>
#include <stdint.h>


#define NGX_CHATALOT_WS_HEADER_MAX    10    /* bytes of a header that a server sends: no mask */
#define NGX_CHATALOT_WS_CONTROL_MAX   125   /* payload bytes of a control frame (5.5) */


typedef enum {
    NGX_CHATALOT_WS_CONTINUATION = 0x0,
    NGX_CHATALOT_WS_TEXT = 0x1,
    NGX_CHATALOT_WS_BINARY = 0x2,
    NGX_CHATALOT_WS_CLOSE = 0x8,
    NGX_CHATALOT_WS_PING = 0x9,
    NGX_CHATALOT_WS_PONG = 0xa
} ngx_chatalot_ws_opcode_e;


/* Close codes: RFC 6455, section 7.4.1, the IANA registry, and our own from 4000 (docs/realtime.md). */

typedef enum {
    NGX_CHATALOT_WS_NORMAL = 1000,
    NGX_CHATALOT_WS_PROTOCOL_ERROR = 1002,
    NGX_CHATALOT_WS_UNSUPPORTED = 1003,
    NGX_CHATALOT_WS_NO_STATUS = 1005,       /* never on the wire: the close frame had no payload */
    NGX_CHATALOT_WS_INVALID_DATA = 1007,
    NGX_CHATALOT_WS_POLICY = 1008,
    NGX_CHATALOT_WS_TOO_BIG = 1009,
    NGX_CHATALOT_WS_INTERNAL = 1011,
    NGX_CHATALOT_WS_RESTART = 1012,
    NGX_CHATALOT_WS_TRY_LATER = 1013,
    NGX_CHATALOT_WS_AUTH_TIMEOUT = 4000,
    NGX_CHATALOT_WS_ENDED = 4001,
    NGX_CHATALOT_WS_TOO_MANY = 4002
} ngx_chatalot_ws_close_e;


/* Where a UTF-8 decoder stands between two bytes: how many follow, and the bounds of the next. */

typedef struct {
    uint8_t    left;
    uint8_t    low;
    uint8_t    high;
} ngx_chatalot_ws_utf8_t;


/* One lives in every connection: keep it small. */

typedef struct {
    uint64_t                  left;         /* payload bytes of this frame still to come */
    uint64_t                  size;         /* payload bytes of the data message so far */
    uint64_t                  limit;        /* of a data message; may be changed at any time */
    uint16_t                  error;        /* the close code, once parsing has failed */
    uint16_t                  code;         /* of the close frame */
    uint8_t                   header[14];
    uint8_t                   have;         /* header bytes there are */
    uint8_t                   need;         /* header bytes there will be, as far as is known */
    uint8_t                   mask_at;
    uint8_t                   control;      /* payload bytes of this control frame so far */
    uint8_t                   message;      /* opcode of the data message under way; 0: none */
    ngx_chatalot_ws_utf8_t    text;         /* of the data message */
    ngx_chatalot_ws_utf8_t    reason;       /* of the close frame */
} ngx_chatalot_ws_parser_t;


/*
 * A piece of a data message or of a control frame: as much as the input held. Control frames come between the
 * pieces of a fragmented message. A frame without payload yields one empty piece.
 */

typedef struct {
    ngx_chatalot_ws_opcode_e    opcode;     /* never CONTINUATION: fragments bear their message's opcode */
    uint8_t                    *data;       /* unmasked, inside the input */
    size_t                      len;
    unsigned                    first:1;    /* of its message or control frame */
    unsigned                    last:1;     /* completes its message or control frame */
    uint16_t                    code;       /* with the last piece of CLOSE: its code, or NO_STATUS */
} ngx_chatalot_ws_piece_t;


typedef enum {
    NGX_CHATALOT_WS_FRAME_AGAIN = 0,        /* the input is used up */
    NGX_CHATALOT_WS_FRAME_PIECE,            /* piece is set; call again with the rest */
    NGX_CHATALOT_WS_FRAME_ERROR             /* parser->error is set; nothing more can be parsed */
} ngx_chatalot_ws_frame_e;


void ngx_chatalot_ws_frame_init(ngx_chatalot_ws_parser_t *parser, uint64_t limit);

/*
 * Parses input from *pos up to end, advances *pos, unmasks in place. Fails at the first byte that proves an error:
 * PROTOCOL_ERROR, INVALID_DATA (text or close reason is not UTF-8), TOO_BIG (as soon as a header announces it).
 */
ngx_chatalot_ws_frame_e ngx_chatalot_ws_frame_parse(ngx_chatalot_ws_parser_t *parser, uint8_t **pos, uint8_t *end,
    ngx_chatalot_ws_piece_t *piece);

/* Writes the header of an unfragmented, unmasked frame with a payload of len bytes; returns the header's length. */
size_t ngx_chatalot_ws_frame_header(uint8_t header[NGX_CHATALOT_WS_HEADER_MAX], ngx_chatalot_ws_opcode_e opcode,
    uint64_t len);


#endif /* NGX_CHATALOT_WS_FRAME_H */
