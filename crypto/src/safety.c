/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The safety number that two people compare: thirty digits of each one's identity, the smaller
 * first. The hash is iterated so that searching for a key whose digits look alike costs that
 * much more.
 */

#include <sodium.h>

#include "bytes.h"

#define LABEL_SAFETY        "chatalot/v1/safety-number"

#define ITERATIONS          5200
#define HALF                (CHATALOT_SAFETY_LENGTH / 2)
#define GROUP_BYTES         5
#define GROUP_DIGITS        5


/* SHA-512 over label, prefix, key and user; then 5,200 times over the hash and the key. */
static void
fingerprint(char digits[HALF], const uint8_t user[16], const uint8_t account_key[32])
{
    int                       i, j;
    uint8_t                   hash[crypto_hash_sha512_BYTES], prefix[CHATALOT_PREFIX];
    uint64_t                  group;
    crypto_hash_sha512_state  state;

    store_prefix(prefix);

    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, LABEL(LABEL_SAFETY));
    crypto_hash_sha512_update(&state, prefix, sizeof(prefix));
    crypto_hash_sha512_update(&state, account_key, 32);
    crypto_hash_sha512_update(&state, user, 16);
    crypto_hash_sha512_final(&state, hash);

    for (i = 0; i < ITERATIONS; i++) {
        crypto_hash_sha512_init(&state);
        crypto_hash_sha512_update(&state, hash, sizeof(hash));
        crypto_hash_sha512_update(&state, account_key, 32);
        crypto_hash_sha512_final(&state, hash);
    }

    /* five bytes, modulo 100,000, are five digits */
    for (i = 0; i < HALF / GROUP_DIGITS; i++) {
        group = ((uint64_t) hash[i * GROUP_BYTES] << 32) | load32(hash + i * GROUP_BYTES + 1);

        for (j = GROUP_DIGITS - 1; j >= 0; j--) {
            digits[i * GROUP_DIGITS + j] = (char) ('0' + group % 10);
            group /= 10;
        }
    }
}


int
chatalot_safety_number(const uint8_t user_a[16], const uint8_t account_key_a[32],
                       const uint8_t user_b[16], const uint8_t account_key_b[32],
                       char digits[60])
{
    char  a[HALF], b[HALF];

    if (!user_a || !account_key_a || !user_b || !account_key_b || !digits) {
        return CHATALOT_E_PARAMETERS;
    }

    fingerprint(a, user_a, account_key_a);
    fingerprint(b, user_b, account_key_b);

    if (memcmp(a, b, HALF) <= 0) {
        memcpy(digits, a, HALF);
        memcpy(digits + HALF, b, HALF);
    } else {
        memcpy(digits, b, HALF);
        memcpy(digits + HALF, a, HALF);
    }

    return CHATALOT_OK;
}
