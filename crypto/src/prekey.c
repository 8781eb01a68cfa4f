/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Prekeys: what a device publishes so that others can begin a session while it is away. The
 * server compiles this file in to refuse bad signatures early; it needs libsodium and bytes.h,
 * and must know nothing else of this library.
 */

#include <sodium.h>

#include "bytes.h"

#define LABEL_PREKEY            "chatalot/v1/signed-prekey"

/* prefix, key id, public key, time; then the signature */
#define KEY_ID_AT               CHATALOT_PREFIX
#define PUBLIC_AT               (KEY_ID_AT + 4)
#define CREATED_AT              (PUBLIC_AT + 32)
#define SIGNATURE_AT            (CREATED_AT + 8)

/* label, device, everything before the signature */
#define STATEMENT_LENGTH        (sizeof(LABEL_PREKEY) - 1 + 16 + SIGNATURE_AT)


static void
statement(uint8_t out[STATEMENT_LENGTH], const uint8_t device[16], const uint8_t prekey[110])
{
    uint8_t  *p = out;

    memcpy(p, LABEL_PREKEY, sizeof(LABEL_PREKEY) - 1);
    p += sizeof(LABEL_PREKEY) - 1;
    memcpy(p, device, 16);
    memcpy(p + 16, prekey, SIGNATURE_AT);
}


int
chatalot_signed_prekey_create(const uint8_t device_secret[32], const uint8_t device[16],
                              uint32_t key_id, uint64_t created_at_ms,
                              uint8_t prekey_secret[32], uint8_t prekey[110])
{
    uint8_t  message[STATEMENT_LENGTH];
    uint8_t  pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];

    if (!device_secret || !device || !prekey_secret || !prekey) {
        return CHATALOT_E_PARAMETERS;
    }

    crypto_box_keypair(prekey + PUBLIC_AT, prekey_secret);
    store_prefix(prekey);
    store32(prekey + KEY_ID_AT, key_id);
    store64(prekey + CREATED_AT, created_at_ms);

    statement(message, device, prekey);

    crypto_sign_seed_keypair(pk, sk, device_secret);
    crypto_sign_detached(prekey + SIGNATURE_AT, NULL, message, sizeof(message), sk);
    sodium_memzero(sk, sizeof(sk));

    return CHATALOT_OK;
}


int
chatalot_signed_prekey_verify(const uint8_t prekey[110], const uint8_t device[16],
                              const uint8_t device_key[32])
{
    uint8_t  message[STATEMENT_LENGTH];

    if (!prekey || !device || !device_key) {
        return CHATALOT_E_PARAMETERS;
    }

    if (check_prefix(prekey) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    statement(message, device, prekey);

    if (crypto_sign_verify_detached(prekey + SIGNATURE_AT, message, sizeof(message),
                                    device_key) != 0)
    {
        return CHATALOT_E_AUTH;
    }

    return CHATALOT_OK;
}


int
chatalot_signed_prekey_inspect(const uint8_t prekey[110], uint32_t *key_id,
                               uint8_t prekey_public[32], uint64_t *created_at_ms)
{
    if (!prekey || !key_id || !prekey_public || !created_at_ms) {
        return CHATALOT_E_PARAMETERS;
    }

    if (check_prefix(prekey) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    *key_id = load32(prekey + KEY_ID_AT);
    memcpy(prekey_public, prekey + PUBLIC_AT, 32);
    *created_at_ms = load64(prekey + CREATED_AT);

    return CHATALOT_OK;
}


int
chatalot_one_time_prekey_create(uint8_t prekey_secret[32], uint8_t prekey_public[32])
{
    if (!prekey_secret || !prekey_public) {
        return CHATALOT_E_PARAMETERS;
    }

    crypto_box_keypair(prekey_public, prekey_secret);

    return CHATALOT_OK;
}
