/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The chunks of a file from the relay, and a damaged state.
 */

#include "fuzz.h"

static uint8_t  key[32], header[26], state[47], valid[117];


static void
set_up(void)
{
    size_t   length = sizeof(valid);
    uint8_t  begun[47], next[47], plain[100];

    MUST(chatalot_init() == CHATALOT_OK);
    fill(plain, sizeof(plain), 1);
    MUST(chatalot_file_seal_begin(key, header, begun) == CHATALOT_OK
         && chatalot_file_seal_chunk(begun, plain, sizeof(plain), 1, next, valid, &length)
            == CHATALOT_OK && length == sizeof(valid)
         && chatalot_file_open_begin(key, header, state) == CHATALOT_OK);
}


static void
use(const uint8_t *data, size_t length)
{
    int             rc;
    size_t          plain_length;
    uint8_t         next[47], last;
    static uint8_t  plain[CHATALOT_FILE_CHUNK];

    plain_length = sizeof(plain);
    rc = chatalot_file_open_chunk(state, data, length, next, plain, &plain_length, &last);
    MUST(rc == CHATALOT_OK ? length == sizeof(valid) && memcmp(data, valid, length) == 0 && last
                             && plain_length == 100 && chatalot_file_ended(next) == CHATALOT_OK
                           : plain_length == 0);
}


/* The input as a state and what it is used on. */
static void
damaged_state(const uint8_t *data, size_t length)
{
    size_t          out_length;
    uint8_t         next[47], last;
    static uint8_t  out[CHATALOT_FILE_CHUNK + CHATALOT_FILE_OVERHEAD];

    if (length < 48) {
        return;
    }

    chatalot_file_ended(data);
    out_length = sizeof(out);
    chatalot_file_seal_chunk(data, data + 47, length - 47, data[length - 1] & 1, next, out,
                             &out_length);
    out_length = sizeof(out);
    chatalot_file_open_chunk(data, data + 47, length - 47, next, out, &out_length, &last);
    chatalot_file_open_begin(key, data, next);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    size_t      laid_length;
    uint8_t    *laid;
    static int  ready;

    if (!ready) {
        set_up();
        ready = 1;
    }

    use(data, length);
    laid = overlay(valid, sizeof(valid), data, length, &laid_length);
    use(laid, laid_length);
    free(laid);

    laid = overlay(state, sizeof(state), data, length, &laid_length);
    damaged_state(laid, laid_length);
    free(laid);

    return 0;
}
