/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Device certificates: the account key says which devices are the user's. The server compiles
 * this file in to refuse bad ones early; it needs libsodium and bytes.h, and must know nothing
 * else of this library.
 */

#include <sodium.h>

#include "bytes.h"

#define LABEL_CERTIFICATE       "chatalot/v1/device-certificate"

/* label, prefix, user, device, device key, time */
#define STATEMENT_LENGTH        (sizeof(LABEL_CERTIFICATE) - 1 + CHATALOT_PREFIX + 16 + 16 + 32 + 8)


static void
statement(uint8_t out[STATEMENT_LENGTH], const uint8_t user[16], const uint8_t device[16],
          const uint8_t device_key[32], uint64_t created_at_ms)
{
    uint8_t  *p = out;

    memcpy(p, LABEL_CERTIFICATE, sizeof(LABEL_CERTIFICATE) - 1);
    p += sizeof(LABEL_CERTIFICATE) - 1;
    store_prefix(p);
    p += CHATALOT_PREFIX;
    memcpy(p, user, 16);
    memcpy(p + 16, device, 16);
    memcpy(p + 32, device_key, 32);
    store64(p + 64, created_at_ms);
}


int
chatalot_device_certificate_create(const uint8_t account_secret[32], const uint8_t user[16],
                                   const uint8_t device[16], const uint8_t device_key[32],
                                   uint64_t created_at_ms, uint8_t certificate[66])
{
    uint8_t  message[STATEMENT_LENGTH];
    uint8_t  pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];

    if (!account_secret || !user || !device || !device_key || !certificate) {
        return CHATALOT_E_PARAMETERS;
    }

    statement(message, user, device, device_key, created_at_ms);

    crypto_sign_seed_keypair(pk, sk, account_secret);
    store_prefix(certificate);
    crypto_sign_detached(certificate + CHATALOT_PREFIX, NULL, message, sizeof(message), sk);
    sodium_memzero(sk, sizeof(sk));

    return CHATALOT_OK;
}


int
chatalot_device_certificate_verify(const uint8_t certificate[66], const uint8_t account_key[32],
                                   const uint8_t user[16], const uint8_t device[16],
                                   const uint8_t device_key[32], uint64_t created_at_ms)
{
    uint8_t  message[STATEMENT_LENGTH];

    if (!certificate || !account_key || !user || !device || !device_key) {
        return CHATALOT_E_PARAMETERS;
    }

    if (check_prefix(certificate) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    statement(message, user, device, device_key, created_at_ms);

    if (crypto_sign_verify_detached(certificate + CHATALOT_PREFIX, message, sizeof(message),
                                    account_key) != 0)
    {
        return CHATALOT_E_AUTH;
    }

    return CHATALOT_OK;
}
