/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Backup: items sealed to the backup key B, for the server to keep. It must not know when or
 * where they are stored.
 *
 * The key comes from DH(e, B) for secrecy and DH(b, B) for authenticity: without the second,
 * whoever knows B's public half (the server does) could slip keys of its own making into what a
 * new device restores.
 */

#include <sodium.h>

#include "bytes.h"
#include "hkdf.h"
#include "items.h"
#include "wire.h"

#define LABEL_BACKUP        "chatalot/v1/backup"

#define KEY_LENGTH          crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_LENGTH        crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LENGTH          crypto_aead_xchacha20poly1305_ietf_ABYTES

/* prefix, ephemeral public key; ciphertext with its tag */
#define EPHEMERAL_AT        CHATALOT_PREFIX
#define SEALED_AT           (EPHEMERAL_AT + 32)

#define AD_LENGTH           (sizeof(LABEL_BACKUP) - 1 + CHATALOT_PREFIX + 16 + 32 + 32)


/* label, prefix, user, B, ephemeral key */
static void
associated_data(uint8_t out[AD_LENGTH], const uint8_t user[16], const uint8_t backup_key[32],
                const uint8_t ephemeral[32])
{
    writer  w;

    writer_init(&w, out, AD_LENGTH);
    write_bytes(&w, LABEL(LABEL_BACKUP));
    write_prefix(&w);
    write_bytes(&w, user, 16);
    write_bytes(&w, backup_key, 32);
    write_bytes(&w, ephemeral, 32);
}


/* `secret` and `public` are the ephemeral secret and B, or B's secret and the ephemeral key. */
static int
derive(const uint8_t secret[32], const uint8_t public[32],
       const uint8_t backup_secret[32], const uint8_t backup_key[32],
       uint8_t key_and_nonce[KEY_LENGTH + NONCE_LENGTH])
{
    int      rc;
    uint8_t  shared[64];

    rc = CHATALOT_OK;

    if (crypto_scalarmult(shared, secret, public) != 0
        || crypto_scalarmult(shared + 32, backup_secret, backup_key) != 0)
    {
        rc = CHATALOT_E_AUTH;
    } else {
        hkdf_sha256(NULL, 0, shared, sizeof(shared), LABEL(LABEL_BACKUP),
                    key_and_nonce, KEY_LENGTH + NONCE_LENGTH);
    }

    sodium_memzero(shared, sizeof(shared));

    return rc;
}


int
chatalot_backup_seal(const uint8_t backup_secret[32], const uint8_t user[16],
                     const uint8_t *items, size_t items_length,
                     uint8_t *backup, size_t *backup_length)
{
    int      rc;
    size_t   room;
    uint8_t  ad[AD_LENGTH], key[KEY_LENGTH + NONCE_LENGTH], ephemeral_secret[32], backup_key[32];

    if (!backup_length) {
        return CHATALOT_E_PARAMETERS;
    }

    room = *backup_length;
    *backup_length = 0;

    if (!backup_secret || !user || !items || !backup
        || items_length == 0 || items_length > CHATALOT_ITEMS_MAX)
    {
        return CHATALOT_E_PARAMETERS;
    }

    rc = items_check(items, items_length);
    if (rc != CHATALOT_OK) {
        return CHATALOT_E_FORMAT;
    }

    if (items_length + CHATALOT_BACKUP_OVERHEAD > room) {
        *backup_length = items_length + CHATALOT_BACKUP_OVERHEAD;
        return CHATALOT_E_SPACE;
    }

    store_prefix(backup);
    crypto_box_keypair(backup + EPHEMERAL_AT, ephemeral_secret);
    crypto_scalarmult_base(backup_key, backup_secret);

    rc = derive(ephemeral_secret, backup_key, backup_secret, backup_key, key);

    if (rc == CHATALOT_OK) {
        associated_data(ad, user, backup_key, backup + EPHEMERAL_AT);
        crypto_aead_xchacha20poly1305_ietf_encrypt(backup + SEALED_AT, NULL, items, items_length,
                                                   ad, sizeof(ad), NULL, key + KEY_LENGTH, key);
        *backup_length = items_length + CHATALOT_BACKUP_OVERHEAD;
    }

    sodium_memzero(ephemeral_secret, sizeof(ephemeral_secret));
    sodium_memzero(key, sizeof(key));

    return rc;
}


int
chatalot_backup_open(const uint8_t backup_secret[32], const uint8_t user[16],
                     const uint8_t *backup, size_t backup_length,
                     uint8_t *items, size_t *items_length)
{
    int      rc;
    size_t   room, length;
    uint8_t  ad[AD_LENGTH], key[KEY_LENGTH + NONCE_LENGTH], backup_key[32];

    if (!items_length) {
        return CHATALOT_E_PARAMETERS;
    }

    room = *items_length;
    *items_length = 0;

    if (!backup_secret || !user || !backup || !items) {
        return CHATALOT_E_PARAMETERS;
    }

    if (backup_length <= CHATALOT_BACKUP_OVERHEAD
        || backup_length > CHATALOT_BACKUP_OVERHEAD + CHATALOT_ITEMS_MAX)
    {
        return CHATALOT_E_FORMAT;
    }

    if (check_prefix(backup) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    length = backup_length - CHATALOT_BACKUP_OVERHEAD;

    if (length > room) {
        *items_length = length;
        return CHATALOT_E_SPACE;
    }

    crypto_scalarmult_base(backup_key, backup_secret);
    rc = derive(backup_secret, backup + EPHEMERAL_AT, backup_secret, backup_key, key);

    if (rc == CHATALOT_OK) {
        associated_data(ad, user, backup_key, backup + EPHEMERAL_AT);

        if (crypto_aead_xchacha20poly1305_ietf_decrypt(items, NULL, NULL, backup + SEALED_AT,
                                                       length + TAG_LENGTH, ad, sizeof(ad),
                                                       key + KEY_LENGTH, key) != 0)
        {
            rc = CHATALOT_E_AUTH;
        }
    }

    sodium_memzero(key, sizeof(key));

    if (rc == CHATALOT_OK) {
        rc = items_check(items, length);

        if (rc == CHATALOT_OK) {
            *items_length = length;
        } else {
            sodium_memzero(items, length);
        }
    }

    return rc;
}
