/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An envelope from the relay: to a device without a session, and to one with a session of both
 * sides.
 */

#include "fuzz.h"

static uint8_t  own[64], own_secret[32], peer[64], peer_secret[32], signed_secret[32];
static uint8_t  signed_prekey[110], record[4096], valid[256];
static size_t   record_length, valid_length;


static void
set_up(void)
{
    size_t   first_length = 4096, opened_length = 64;
    uint8_t  first[4096], next[4096], opened[64], started;

    make_device(own, own_secret, 1);
    make_device(peer, peer_secret, 3);
    MUST(chatalot_signed_prekey_create(own_secret, own + 16, 1, 1, signed_secret, signed_prekey)
         == CHATALOT_OK);
    MUST(chatalot_session_start(NULL, 0, peer, peer_secret, own, signed_prekey, 0, NULL, 1, first,
                                &first_length) == CHATALOT_OK);
    record_length = sizeof(next);
    valid_length = sizeof(valid);
    MUST(chatalot_envelope_seal(first, first_length, (const uint8_t *) "letter", 6, next,
                                &record_length, valid, &valid_length) == CHATALOT_OK);
    record_length = sizeof(record);
    MUST(chatalot_envelope_open(NULL, 0, own, own_secret, peer, signed_secret, NULL, valid,
                                valid_length, record, &record_length, opened, &opened_length,
                                &started) == CHATALOT_OK && started);
}


static void
use(const uint8_t *data, size_t length)
{
    int             rc;
    size_t          next_length, letter_length;
    uint8_t         type, id[16], key[32], has_one_time, started;
    uint32_t        signed_id, one_time_id;
    static uint8_t  next[CHATALOT_SESSION_RECORD_MAX], letter[CHATALOT_LETTER_MAX];

    chatalot_envelope_inspect(data, length, &type, id, key, &signed_id, &has_one_time,
                              &one_time_id);

    next_length = sizeof(next);
    letter_length = sizeof(letter);
    rc = chatalot_envelope_open(NULL, 0, own, own_secret, peer, signed_secret, NULL, data, length,
                                next, &next_length, letter, &letter_length, &started);
    MUST(rc == CHATALOT_OK || (next_length == 0 && letter_length == 0 && !started));
    MUST(rc != CHATALOT_OK || (length == valid_length && memcmp(data, valid, length) == 0));

    next_length = sizeof(next);
    letter_length = sizeof(letter);
    rc = chatalot_envelope_open(record, record_length, own, own_secret, peer, signed_secret, NULL,
                                data, length, next, &next_length, letter, &letter_length,
                                &started);
    MUST(rc != CHATALOT_OK && next_length == 0 && letter_length == 0);
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

    laid = overlay(valid, valid_length, data, length, &laid_length);
    use(laid, laid_length);
    free(laid);

    return 0;
}
