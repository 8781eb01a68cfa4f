/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HKDF with SHA-256 (RFC 5869) on HMAC alone, since libsodium before 1.0.19 has none. It knows
 * no label.
 */

#include <sodium.h>

#include "bytes.h"
#include "hkdf.h"


void
hkdf_sha256(const uint8_t *salt, size_t salt_length, const uint8_t *key, size_t key_length,
            const uint8_t *info, size_t info_length, uint8_t *out, size_t out_length)
{
    size_t                        take;
    uint8_t                       prk[HKDF_HASH_LENGTH], block[HKDF_HASH_LENGTH];
    uint8_t                       counter;
    static const uint8_t          zeros[HKDF_HASH_LENGTH];
    crypto_auth_hmacsha256_state  hmac;

    if (salt == NULL) {
        salt = zeros;
        salt_length = sizeof(zeros);
    }

    crypto_auth_hmacsha256_init(&hmac, salt, salt_length);
    crypto_auth_hmacsha256_update(&hmac, key, key_length);
    crypto_auth_hmacsha256_final(&hmac, prk);

    for (counter = 1; out_length > 0; counter++) {
        crypto_auth_hmacsha256_init(&hmac, prk, sizeof(prk));

        if (counter > 1) {
            crypto_auth_hmacsha256_update(&hmac, block, sizeof(block));
        }

        crypto_auth_hmacsha256_update(&hmac, info, info_length);
        crypto_auth_hmacsha256_update(&hmac, &counter, 1);
        crypto_auth_hmacsha256_final(&hmac, block);

        take = out_length < sizeof(block) ? out_length : sizeof(block);
        memcpy(out, block, take);
        out += take;
        out_length -= take;
    }

    sodium_memzero(prk, sizeof(prk));
    sodium_memzero(block, sizeof(block));
    sodium_memzero(&hmac, sizeof(hmac));
}
