/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What every fuzz target shares: start-up, and keys that are the same in every run, so that a
 * finding can be repeated.
 */

#ifndef CHATALOT_FUZZ_H
#define CHATALOT_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "chatalot_crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

/* Stops the fuzzer: the condition is one that no input may break. */
#define MUST(condition)     do { if (!(condition)) { abort(); } } while (0)


static inline void
fill(void *out, size_t length, uint8_t with)
{
    unsigned char  seed[randombytes_SEEDBYTES];

    memset(seed, with, sizeof(seed));
    randombytes_buf_deterministic(out, length, seed);
}


static inline void
make_device(uint8_t party[64], uint8_t secret[32], uint8_t with)
{
    uint8_t  sk[64];

    MUST(chatalot_init() == CHATALOT_OK);
    fill(party, 64, with);
    fill(secret, 32, (uint8_t) (with + 1));
    crypto_sign_seed_keypair(party + 32, sk, secret);
}


/*
 * A valid structure with the input laid over it (exclusive or), longer if the input is: parsers
 * are then fuzzed all the way through, where bytes out of nowhere would fail at the first
 * check. The caller frees it.
 */
static inline uint8_t *
overlay(const uint8_t *valid, size_t valid_length, const uint8_t *data, size_t length,
        size_t *out_length)
{
    size_t    i;
    uint8_t  *out;

    *out_length = length > valid_length ? length : valid_length;
    out = calloc(1, *out_length);
    MUST(out != NULL);
    memcpy(out, valid, valid_length);

    for (i = 0; i < length; i++) {
        out[i] ^= data[i];
    }

    return out;
}

#endif /* CHATALOT_FUZZ_H */
