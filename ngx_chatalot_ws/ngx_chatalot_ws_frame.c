/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * WebSocket frames: see the header. The parser is a header of known length, gathered byte by byte and checked at each
 * byte that can be wrong, followed by a payload that passes through without being kept.
 */

#include <string.h>
#include "ngx_chatalot_ws_frame.h"


#define FIN           0x80
#define RESERVED      0x70
#define OPCODE        0x0f
#define CONTROL       0x08      /* the bit that control opcodes have in common */
#define MASKED        0x80
#define LENGTH        0x7f
#define LENGTH_16     126
#define LENGTH_64     127
#define MASK_LEN      4


static int frame_opening(ngx_chatalot_ws_parser_t *parser);
static int frame_short_length(ngx_chatalot_ws_parser_t *parser);
static int frame_length(ngx_chatalot_ws_parser_t *parser);
static int frame_payload(ngx_chatalot_ws_parser_t *parser, ngx_chatalot_ws_piece_t *piece);
static int frame_close_payload(ngx_chatalot_ws_parser_t *parser, ngx_chatalot_ws_piece_t *piece);
static int frame_close_code(uint16_t code);
static void frame_unmask(ngx_chatalot_ws_parser_t *parser, uint8_t *data, size_t len);
static int frame_utf8(ngx_chatalot_ws_utf8_t *utf8, const uint8_t *data, size_t len);
static int frame_fail(ngx_chatalot_ws_parser_t *parser, ngx_chatalot_ws_close_e code);


void
ngx_chatalot_ws_frame_init(ngx_chatalot_ws_parser_t *parser, uint64_t limit)
{
    memset(parser, 0, sizeof(ngx_chatalot_ws_parser_t));

    parser->limit = limit;
    parser->need = 2;
}


ngx_chatalot_ws_frame_e
ngx_chatalot_ws_frame_parse(ngx_chatalot_ws_parser_t *parser, uint8_t **pos, uint8_t *end,
    ngx_chatalot_ws_piece_t *piece)
{
    int     good;
    size_t  len;

    if (parser->error) {
        return NGX_CHATALOT_WS_FRAME_ERROR;
    }

    while (parser->have < parser->need) {

        if (*pos == end) {
            return NGX_CHATALOT_WS_FRAME_AGAIN;
        }

        parser->header[parser->have++] = *(*pos)++;

        if (parser->have == 1) {
            good = frame_opening(parser);

        } else if (parser->have == 2) {
            good = frame_short_length(parser);

        } else if (parser->have == parser->need - MASK_LEN) {
            good = frame_length(parser);

        } else {
            good = 1;
        }

        if (!good) {
            return NGX_CHATALOT_WS_FRAME_ERROR;
        }
    }

    len = end - *pos;

    if (len == 0 && parser->left) {
        return NGX_CHATALOT_WS_FRAME_AGAIN;
    }

    if (len > parser->left) {
        len = parser->left;
    }

    piece->data = *pos;
    piece->len = len;

    *pos += len;

    return frame_payload(parser, piece) ? NGX_CHATALOT_WS_FRAME_PIECE : NGX_CHATALOT_WS_FRAME_ERROR;
}


/* FIN, the reserved bits and the opcode: sections 5.2, 5.4 and 5.5. */

static int
frame_opening(ngx_chatalot_ws_parser_t *parser)
{
    uint8_t  byte;

    byte = parser->header[0];

    if (byte & RESERVED) {
        /* no extension gives them a meaning */
        return frame_fail(parser, NGX_CHATALOT_WS_PROTOCOL_ERROR);
    }

    switch (byte & OPCODE) {

    case NGX_CHATALOT_WS_CONTINUATION:
        if (!parser->message) {
            break;
        }

        return 1;

    case NGX_CHATALOT_WS_TEXT:
    case NGX_CHATALOT_WS_BINARY:
        if (parser->message) {
            break;
        }

        return 1;

    case NGX_CHATALOT_WS_CLOSE:
    case NGX_CHATALOT_WS_PING:
    case NGX_CHATALOT_WS_PONG:
        if (!(byte & FIN)) {
            break;
        }

        return 1;
    }

    return frame_fail(parser, NGX_CHATALOT_WS_PROTOCOL_ERROR);
}


static int
frame_short_length(ngx_chatalot_ws_parser_t *parser)
{
    uint8_t  byte;

    byte = parser->header[1];

    if (!(byte & MASKED)) {
        /* 5.1: a server must not accept an unmasked frame */
        return frame_fail(parser, NGX_CHATALOT_WS_PROTOCOL_ERROR);
    }

    byte &= LENGTH;

    if ((parser->header[0] & CONTROL) && byte > NGX_CHATALOT_WS_CONTROL_MAX) {
        return frame_fail(parser, NGX_CHATALOT_WS_PROTOCOL_ERROR);
    }

    if (byte == LENGTH_16) {
        parser->need = 2 + 2 + MASK_LEN;
        return 1;
    }

    if (byte == LENGTH_64) {
        parser->need = 2 + 8 + MASK_LEN;
        return 1;
    }

    parser->need = 2 + MASK_LEN;

    return frame_length(parser);
}


/* The length is known: it must be in its shortest form (5.2) and within the limit. */

static int
frame_length(ngx_chatalot_ws_parser_t *parser)
{
    uint8_t   i, opcode;
    uint64_t  len;

    len = parser->header[1] & LENGTH;

    if (parser->have > 2) {

        for (i = 2, len = 0; i < parser->have; i++) {
            len = len << 8 | parser->header[i];
        }

        if (parser->have == 4 ? len < LENGTH_16 : (len <= 0xffff || len >> 63)) {
            return frame_fail(parser, NGX_CHATALOT_WS_PROTOCOL_ERROR);
        }
    }

    opcode = parser->header[0] & OPCODE;

    parser->left = len;
    parser->mask_at = 0;

    if (opcode & CONTROL) {
        parser->control = 0;
        parser->code = NGX_CHATALOT_WS_NO_STATUS;
        parser->reason.left = 0;
        return 1;
    }

    if (opcode != NGX_CHATALOT_WS_CONTINUATION) {
        parser->size = 0;
        parser->text.left = 0;
    }

    /* no overflow: size is within a limit that was in force, and len has 63 bits */

    if (parser->size + len > parser->limit) {
        return frame_fail(parser, NGX_CHATALOT_WS_TOO_BIG);
    }

    return 1;
}


static int
frame_payload(ngx_chatalot_ws_parser_t *parser, ngx_chatalot_ws_piece_t *piece)
{
    uint8_t  opcode, done, fin;

    frame_unmask(parser, piece->data, piece->len);

    parser->left -= piece->len;

    fin = parser->header[0] & FIN;
    opcode = parser->header[0] & OPCODE;
    done = (parser->left == 0);

    if (done) {
        parser->have = 0;
        parser->need = 2;
    }

    if (opcode & CONTROL) {
        piece->opcode = (ngx_chatalot_ws_opcode_e) opcode;
        piece->first = (parser->control == 0);
        piece->last = done;

        parser->control += piece->len;

        return opcode != NGX_CHATALOT_WS_CLOSE || frame_close_payload(parser, piece);
    }

    piece->first = (parser->message == 0);

    if (piece->first) {
        parser->message = opcode;
    }

    piece->opcode = (ngx_chatalot_ws_opcode_e) parser->message;
    piece->last = (done && fin);

    parser->size += piece->len;

    if (parser->message == NGX_CHATALOT_WS_TEXT
        && (!frame_utf8(&parser->text, piece->data, piece->len) || (piece->last && parser->text.left)))
    {
        return frame_fail(parser, NGX_CHATALOT_WS_INVALID_DATA);
    }

    if (piece->last) {
        parser->message = 0;
    }

    return 1;
}


/* 5.5.1: nothing, or two bytes of code and a reason in UTF-8. */

static int
frame_close_payload(ngx_chatalot_ws_parser_t *parser, ngx_chatalot_ws_piece_t *piece)
{
    size_t   i;
    uint8_t  at;

    at = parser->control - piece->len;

    for (i = 0; i < piece->len && at < 2; i++, at++) {

        if (at == 0) {
            parser->code = piece->data[i] << 8;
            continue;
        }

        parser->code |= piece->data[i];

        if (!frame_close_code(parser->code)) {
            return frame_fail(parser, NGX_CHATALOT_WS_PROTOCOL_ERROR);
        }
    }

    if (!frame_utf8(&parser->reason, piece->data + i, piece->len - i)) {
        return frame_fail(parser, NGX_CHATALOT_WS_INVALID_DATA);
    }

    if (piece->last) {

        if (parser->control == 1) {
            return frame_fail(parser, NGX_CHATALOT_WS_PROTOCOL_ERROR);
        }

        if (parser->reason.left) {
            return frame_fail(parser, NGX_CHATALOT_WS_INVALID_DATA);
        }

        piece->code = parser->code;
    }

    return 1;
}


/* 7.4: 1004, 1005, 1006 and 1015 must not be sent, 1016 to 2999 have no meaning, from 5000 there are none. */

static int
frame_close_code(uint16_t code)
{
    if (code >= 3000) {
        return code <= 4999;
    }

    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}


static void
frame_unmask(ngx_chatalot_ws_parser_t *parser, uint8_t *data, size_t len)
{
    size_t    i;
    uint8_t   mask[8], *key;
    uint64_t  word, wide;

    key = parser->header + parser->need - MASK_LEN;

    for (i = 0; i < 8; i++) {
        mask[i] = key[(parser->mask_at + i) % MASK_LEN];
    }

    parser->mask_at = (parser->mask_at + len) % MASK_LEN;

    memcpy(&wide, mask, 8);

    for ( /* void */ ; len >= 8; len -= 8, data += 8) {
        memcpy(&word, data, 8);
        word ^= wide;
        memcpy(data, &word, 8);
    }

    for (i = 0; i < len; i++) {
        data[i] ^= mask[i];
    }
}


/* RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF. */

static int
frame_utf8(ngx_chatalot_ws_utf8_t *utf8, const uint8_t *data, size_t len)
{
    uint8_t         c;
    uint64_t        word;
    const uint8_t  *end;

    end = data + len;

    while (data < end) {

        if (utf8->left) {
            if (*data < utf8->low || *data > utf8->high) {
                return 0;
            }

            utf8->low = 0x80;
            utf8->high = 0xbf;
            utf8->left--;
            data++;
            continue;
        }

        for ( /* void */ ; end - data >= 8; data += 8) {
            memcpy(&word, data, 8);

            if (word & 0x8080808080808080) {
                break;
            }
        }

        if (data == end) {
            break;
        }

        c = *data++;

        if (c < 0x80) {
            continue;
        }

        if (c < 0xc2 || c > 0xf4) {
            return 0;
        }

        utf8->left = (c < 0xe0) ? 1 : (c < 0xf0) ? 2 : 3;
        utf8->low = (c == 0xe0) ? 0xa0 : (c == 0xf0) ? 0x90 : 0x80;
        utf8->high = (c == 0xed) ? 0x9f : (c == 0xf4) ? 0x8f : 0xbf;
    }

    return 1;
}


static int
frame_fail(ngx_chatalot_ws_parser_t *parser, ngx_chatalot_ws_close_e code)
{
    parser->error = code;
    return 0;
}


size_t
ngx_chatalot_ws_frame_header(uint8_t header[NGX_CHATALOT_WS_HEADER_MAX], ngx_chatalot_ws_opcode_e opcode, uint64_t len)
{
    size_t  i, n;

    header[0] = FIN | opcode;

    if (len < LENGTH_16) {
        header[1] = len;
        return 2;
    }

    n = (len <= 0xffff) ? 2 : 8;

    header[1] = (n == 2) ? LENGTH_16 : LENGTH_64;

    for (i = 0; i < n; i++) {
        header[2 + i] = len >> 8 * (n - 1 - i);
    }

    return 2 + n;
}
