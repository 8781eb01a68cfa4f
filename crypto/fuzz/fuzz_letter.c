/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a peer may write: letters, items, requests. Authenticated, and hostile all the same.
 */

#include "fuzz.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    size_t    offset, body_offset, body_length, end, remade_length;
    uint8_t   kind, peer[64], user[16], what, channel[16], id[16], *remade;
    uint64_t  epoch;

    MUST(chatalot_init() == CHATALOT_OK);

    /* the peer is whom a content key names, so that the parser is passed */
    memset(peer, 1, sizeof(peer));
    memset(user, 2, sizeof(user));
    if (length >= 70) {
        memcpy(peer, data + 3 + 34, 32);
    }

    if (chatalot_letter_open(data, length, peer, user, &kind, &offset, &body_length)
        == CHATALOT_OK)
    {
        MUST(offset <= length && body_length == length - offset);

        remade_length = length;
        remade = malloc(length);
        MUST(remade != NULL);
        MUST(chatalot_letter_make(kind, data + offset, body_length, remade, &remade_length)
             == CHATALOT_OK && remade_length == length && memcmp(remade, data, length) == 0);
        free(remade);

        if (kind == CHATALOT_LETTER_REQUEST) {
            MUST(chatalot_request_read(data + offset, &what, channel, &epoch, id) == CHATALOT_OK);
        }
    }

    for (offset = 0; offset < length; ) {
        end = offset;
        if (chatalot_items_next(data, length, &offset, &kind, &body_offset, &body_length)
            != CHATALOT_OK)
        {
            MUST(offset == end);
            break;
        }
        MUST(offset > end && offset <= length && body_offset + body_length == offset);
    }

    return 0;
}
