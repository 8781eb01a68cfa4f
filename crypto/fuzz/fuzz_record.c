/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A damaged session record: what it is read as must be written again, and used, without harm.
 */

#include "fuzz.h"


static void
use(const uint8_t *data, size_t length)
{
    int             rc;
    size_t          next_length, envelope_length, letter_length;
    uint8_t         id[16], confirmed, sessions, own[64], secret[32], peer[64], started;
    static uint8_t  next[CHATALOT_SESSION_RECORD_MAX], envelope[256], letter[64];

    make_device(own, secret, 1);
    chatalot_session_inspect(data, length, id, &confirmed, &sessions);

    next_length = sizeof(next);
    envelope_length = sizeof(envelope);
    rc = chatalot_envelope_seal(data, length, (const uint8_t *) "letter", 6, next, &next_length,
                                envelope, &envelope_length);
    if (rc != CHATALOT_OK) {
        return;
    }

    /* the successor differs in keys and counters, never in size */
    MUST(next_length == length);
    MUST(chatalot_session_inspect(next, next_length, id, &confirmed, &sessions) == CHATALOT_OK);

    memcpy(peer, data + 66, 64);
    next_length = sizeof(next);
    letter_length = sizeof(letter);
    chatalot_envelope_open(data, length, own, secret, peer, secret, secret, envelope,
                           envelope_length, next, &next_length, letter, &letter_length, &started);
}


static uint8_t  record[4096];
static size_t   record_length;


static void
set_up(void)
{
    uint8_t  own[64], own_secret[32], peer[64], peer_secret[32], prekey_secret[32], prekey[110];

    make_device(own, own_secret, 1);
    make_device(peer, peer_secret, 3);
    record_length = sizeof(record);
    MUST(chatalot_signed_prekey_create(peer_secret, peer + 16, 1, 1, prekey_secret, prekey)
         == CHATALOT_OK
         && chatalot_session_start(NULL, 0, own, own_secret, peer, prekey, 0, NULL, 1, record,
                                   &record_length) == CHATALOT_OK);
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

    laid = overlay(record, record_length, data, length, &laid_length);
    use(laid, laid_length);
    free(laid);

    return 0;
}
