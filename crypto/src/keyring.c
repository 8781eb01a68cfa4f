/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The keyring: account and backup secret, sealed for the server to keep. It must not know where
 * a wrap key comes from.
 */

#include <sodium.h>

#include "bytes.h"
#include "wire.h"

#define LABEL_KEYRING       "chatalot/v1/keyring"

#define NONCE_AT            CHATALOT_PREFIX
#define SEALED_AT           (NONCE_AT + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
#define PLAIN_LENGTH        64

#define AD_MAX              64


static const char *
wrap_name(uint8_t which)
{
    switch (which) {
    case CHATALOT_KEYRING_PASSWORD:
        return "password";
    case CHATALOT_KEYRING_RECOVERY:
        return "recovery";
    default:
        return NULL;
    }
}


/* label, prefix, user, kind of wrap as text */
static size_t
associated_data(uint8_t out[AD_MAX], const uint8_t user[16], const char *which)
{
    size_t  length;
    writer  w;

    writer_init(&w, out, AD_MAX);
    write_bytes(&w, LABEL(LABEL_KEYRING));
    write_prefix(&w);
    write_bytes(&w, user, 16);
    write_bytes(&w, (const uint8_t *) which, strlen(which));
    writer_end(&w, &length);

    return length;
}


int
chatalot_keyring_seal(const uint8_t wrap_key[32], const uint8_t user[16], uint8_t which,
                      const uint8_t account_secret[32], const uint8_t backup_secret[32],
                      uint8_t keyring[106])
{
    size_t       ad_length;
    uint8_t      ad[AD_MAX], plain[PLAIN_LENGTH];
    const char  *name;

    name = wrap_name(which);

    if (!wrap_key || !user || !name || !account_secret || !backup_secret || !keyring) {
        return CHATALOT_E_PARAMETERS;
    }

    ad_length = associated_data(ad, user, name);

    memcpy(plain, account_secret, 32);
    memcpy(plain + 32, backup_secret, 32);

    store_prefix(keyring);
    randombytes_buf(keyring + NONCE_AT, SEALED_AT - NONCE_AT);
    crypto_aead_xchacha20poly1305_ietf_encrypt(keyring + SEALED_AT, NULL, plain, sizeof(plain),
                                               ad, ad_length, NULL, keyring + NONCE_AT, wrap_key);
    sodium_memzero(plain, sizeof(plain));

    return CHATALOT_OK;
}


int
chatalot_keyring_open(const uint8_t wrap_key[32], const uint8_t user[16], uint8_t which,
                      const uint8_t keyring[106],
                      uint8_t account_secret[32], uint8_t backup_secret[32])
{
    size_t       ad_length;
    uint8_t      ad[AD_MAX], plain[PLAIN_LENGTH];
    const char  *name;

    name = wrap_name(which);

    if (!wrap_key || !user || !name || !keyring || !account_secret || !backup_secret) {
        return CHATALOT_E_PARAMETERS;
    }

    if (check_prefix(keyring) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    ad_length = associated_data(ad, user, name);

    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, keyring + SEALED_AT,
                                                   CHATALOT_KEYRING_LENGTH - SEALED_AT,
                                                   ad, ad_length, keyring + NONCE_AT,
                                                   wrap_key) != 0)
    {
        return CHATALOT_E_AUTH;
    }

    memcpy(account_secret, plain, 32);
    memcpy(backup_secret, plain + 32, 32);
    sodium_memzero(plain, sizeof(plain));

    return CHATALOT_OK;
}


int
chatalot_keyring_rewrap(const uint8_t wrap_key[32], uint8_t which, const uint8_t keyring[106],
                        const uint8_t user[16], const uint8_t new_wrap_key[32], uint8_t new_which,
                        uint8_t new_keyring[106])
{
    int      rc;
    uint8_t  account_secret[32], backup_secret[32];

    rc = chatalot_keyring_open(wrap_key, user, which, keyring, account_secret, backup_secret);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    rc = chatalot_keyring_seal(new_wrap_key, user, new_which, account_secret, backup_secret,
                               new_keyring);

    sodium_memzero(account_secret, sizeof(account_secret));
    sodium_memzero(backup_secret, sizeof(backup_secret));

    return rc;
}
