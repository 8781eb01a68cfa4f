/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Fuzz target of the frame parser. The first bytes choose a limit and the cuts, the rest is the stream; parsed whole and
 * parsed in those cuts it must give the same messages and the same error, and what it gives must keep the promises of
 * the header.
 */

#include <stdlib.h>
#include <string.h>
#include "ngx_chatalot_ws_frame.h"


#define CUTS  8


typedef struct {
    uint64_t  sum;          /* over the messages and control frames that were completed, and the error */
    uint64_t  data;         /* over the data message under way */
    uint64_t  control;
    size_t    size;         /* of the data message under way */
    int       stopped;
} outcome_t;


static uint64_t
mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001b3 + 0x9e37;
}


static void
check(int good)
{
    if (!good) {
        abort();
    }
}


static void
feed(ngx_chatalot_ws_parser_t *parser, const uint8_t *data, size_t len, outcome_t *o)
{
    size_t                   i;
    uint8_t                 *copy, *pos;
    uint64_t                *sum;
    ngx_chatalot_ws_piece_t  piece;
    ngx_chatalot_ws_frame_e  rc;

    if (o->stopped) {
        return;
    }

    copy = malloc(len + 1);
    memcpy(copy, data, len);
    pos = copy;

    for ( ;; ) {
        rc = ngx_chatalot_ws_frame_parse(parser, &pos, copy + len, &piece);

        check(pos >= copy && pos <= copy + len);

        if (rc != NGX_CHATALOT_WS_FRAME_PIECE) {
            break;
        }

        check(piece.data >= copy && piece.data + piece.len <= pos);

        sum = (piece.opcode & 0x8) ? &o->control : &o->data;

        for (i = 0; i < piece.len; i++) {
            *sum = mix(*sum, piece.data[i]);
        }

        if (!(piece.opcode & 0x8)) {
            o->size += piece.len;
            check(o->size <= parser->limit);
        }

        if (piece.last) {
            o->sum = mix(mix(o->sum, *sum), piece.opcode);

            if (piece.opcode == NGX_CHATALOT_WS_CLOSE) {
                o->sum = mix(o->sum, piece.code);
            }

            *sum = 0;

            if (!(piece.opcode & 0x8)) {
                o->size = 0;
            }
        }
    }

    if (rc == NGX_CHATALOT_WS_FRAME_AGAIN) {
        check(pos == copy + len);

    } else {
        check(parser->error != 0);
        o->sum = mix(o->sum, parser->error);
        o->stopped = 1;

        /* it stays failed */
        check(ngx_chatalot_ws_frame_parse(parser, &pos, copy + len, &piece) == NGX_CHATALOT_WS_FRAME_ERROR);
    }

    free(copy);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                    i, at, n;
    uint64_t                  limit;
    outcome_t                 whole = { 0 }, cut = { 0 };
    const uint8_t            *cuts;
    ngx_chatalot_ws_parser_t  parser;

    if (size < 1 + CUTS) {
        return 0;
    }

    limit = (uint64_t) data[0] * data[0];
    cuts = data + 1;
    data += 1 + CUTS;
    size -= 1 + CUTS;

    ngx_chatalot_ws_frame_init(&parser, limit);
    feed(&parser, data, size, &whole);

    ngx_chatalot_ws_frame_init(&parser, limit);

    for (i = 0, at = 0; at < size; i++) {
        n = cuts[i % CUTS] % 32;
        n = (n == 0) ? 1 : (n > size - at) ? size - at : n;
        feed(&parser, data + at, n, &cut);
        at += n;
    }

    check(whole.sum == cut.sum && whole.stopped == cut.stopped);

    if (!whole.stopped) {
        check(whole.data == cut.data && whole.control == cut.control && whole.size == cut.size);
    }

    return 0;
}
