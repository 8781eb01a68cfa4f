/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Making account, backup and device keys, and starting the library. It must not know how they
 * are used.
 */

#include <sodium.h>

#include "chatalot_crypto.h"


int
chatalot_init(void)
{
    return sodium_init() < 0 ? CHATALOT_E_MEMORY : CHATALOT_OK;
}


const char *
chatalot_error(int code)
{
    switch ((enum chatalot_error) code) {

    case CHATALOT_OK:
        return "no error";
    case CHATALOT_E_FORMAT:
        return "malformed structure";
    case CHATALOT_E_VERSION:
        return "unknown version, suite or kind";
    case CHATALOT_E_AUTH:
        return "signature, tag or identity does not match";
    case CHATALOT_E_REPLAY:
        return "already opened, or too old";
    case CHATALOT_E_TOO_FAR:
        return "too far ahead";
    case CHATALOT_E_NO_KEY:
        return "the key it needs is not there";
    case CHATALOT_E_PARAMETERS:
        return "argument out of range";
    case CHATALOT_E_SPACE:
        return "output does not fit";
    case CHATALOT_E_MEMORY:
        return "no memory";
    case CHATALOT_E_EXHAUSTED:
        return "the key has reached the end of its life";
    }

    return "unknown error";
}


static void
signing_key(const uint8_t secret[32], uint8_t key[32])
{
    uint8_t  sk[crypto_sign_SECRETKEYBYTES];

    crypto_sign_seed_keypair(key, sk, secret);
    sodium_memzero(sk, sizeof(sk));
}


int
chatalot_account_create(uint8_t account_secret[32], uint8_t account_key[32],
                        uint8_t backup_secret[32], uint8_t backup_key[32])
{
    if (!account_secret || !account_key || !backup_secret || !backup_key) {
        return CHATALOT_E_PARAMETERS;
    }

    randombytes_buf(account_secret, 32);
    signing_key(account_secret, account_key);
    crypto_box_keypair(backup_key, backup_secret);

    return CHATALOT_OK;
}


int
chatalot_account_public(const uint8_t account_secret[32], const uint8_t backup_secret[32],
                        uint8_t account_key[32], uint8_t backup_key[32])
{
    if (!account_secret || !backup_secret || !account_key || !backup_key) {
        return CHATALOT_E_PARAMETERS;
    }

    signing_key(account_secret, account_key);
    crypto_scalarmult_base(backup_key, backup_secret);

    return CHATALOT_OK;
}


int
chatalot_device_create(uint8_t device_secret[32], uint8_t device_key[32])
{
    if (!device_secret || !device_key) {
        return CHATALOT_E_PARAMETERS;
    }

    randombytes_buf(device_secret, 32);
    signing_key(device_secret, device_key);

    return CHATALOT_OK;
}
