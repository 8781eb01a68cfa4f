/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Approval: a device that is signed in hands the keyring's secrets to a new one, over a relay
 * that would like to take the place of either. The newcomer commits to its key before it sees
 * the approver's, so that six digits compared by eye are enough. It must not know how the two
 * sides exchange what they say.
 */

#include <sodium.h>

#include "bytes.h"
#include "hkdf.h"

#define LABEL_COMMITMENT    "chatalot/v1/approval/commitment"
#define LABEL_TRANSCRIPT    "chatalot/v1/approval"
#define LABEL_COMPARE       "chatalot/v1/approval/compare"
#define LABEL_KEYRING       "chatalot/v1/approval/keyring"

/* The approval as its bytes: id, commitment, newcomer's key, nonce, approver's key, user. */
#define ID_AT               0
#define COMMITMENT_AT       (ID_AT + 16)
#define NEWCOMER_AT         (COMMITMENT_AT + 32)
#define NONCE_AT            (NEWCOMER_AT + 32)
#define APPROVER_AT         (NONCE_AT + 16)
#define USER_AT             (APPROVER_AT + 32)

#define KEY_LENGTH          crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_LENGTH        crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LENGTH          crypto_aead_xchacha20poly1305_ietf_ABYTES

/* user, account secret, backup secret */
#define PLAIN_LENGTH        (16 + 32 + 32)

#define MODULUS             1000000

typedef struct {
    uint8_t   shared[32];
    uint8_t   transcript[crypto_hash_sha256_BYTES];
} agreement;


static void
commit(uint8_t out[32], const uint8_t id[16], const uint8_t key[32], const uint8_t nonce[16])
{
    uint8_t                   prefix[CHATALOT_PREFIX];
    crypto_hash_sha256_state  hash;

    store_prefix(prefix);
    crypto_hash_sha256_init(&hash);
    crypto_hash_sha256_update(&hash, LABEL(LABEL_COMMITMENT));
    crypto_hash_sha256_update(&hash, prefix, sizeof(prefix));
    crypto_hash_sha256_update(&hash, id, 16);
    crypto_hash_sha256_update(&hash, key, 32);
    crypto_hash_sha256_update(&hash, nonce, 16);
    crypto_hash_sha256_final(&hash, out);
}


/*
 * What both sides have in common, once it is certain that the newcomer's key is the one it
 * committed to, and that nobody was sent the own key back.
 */
static int
agree(agreement *a, uint8_t side, const uint8_t secret[32], const uint8_t approval[144])
{
    uint8_t                   prefix[CHATALOT_PREFIX], public[32], commitment[32];
    const uint8_t            *own, *peer;
    crypto_hash_sha256_state  hash;

    if (side == CHATALOT_APPROVAL_NEWCOMER) {
        own = approval + NEWCOMER_AT;
        peer = approval + APPROVER_AT;
    } else {
        own = approval + APPROVER_AT;
        peer = approval + NEWCOMER_AT;
    }

    crypto_scalarmult_base(public, secret);
    if (sodium_memcmp(public, own, 32) != 0) {
        return CHATALOT_E_PARAMETERS;
    }

    commit(commitment, approval + ID_AT, approval + NEWCOMER_AT, approval + NONCE_AT);

    if (sodium_memcmp(commitment, approval + COMMITMENT_AT, 32) != 0
        || sodium_memcmp(own, peer, 32) == 0
        || crypto_scalarmult(a->shared, secret, peer) != 0)
    {
        return CHATALOT_E_AUTH;
    }

    store_prefix(prefix);
    crypto_hash_sha256_init(&hash);
    crypto_hash_sha256_update(&hash, LABEL(LABEL_TRANSCRIPT));
    crypto_hash_sha256_update(&hash, prefix, sizeof(prefix));
    crypto_hash_sha256_update(&hash, approval, CHATALOT_APPROVAL_LENGTH);
    crypto_hash_sha256_final(&hash, a->transcript);

    return CHATALOT_OK;
}


/* HKDF of the agreement under label || transcript. */
static void
derive(const agreement *a, const uint8_t *label, size_t label_length, uint8_t *out, size_t length)
{
    uint8_t  info[sizeof(LABEL_KEYRING) - 1 + sizeof(a->transcript)];

    memcpy(info, label, label_length);
    memcpy(info + label_length, a->transcript, sizeof(a->transcript));
    hkdf_sha256(NULL, 0, a->shared, sizeof(a->shared), info,
                label_length + sizeof(a->transcript), out, length);
}


int
chatalot_approval_begin(const uint8_t id[16], uint8_t secret[32], uint8_t key[32],
                        uint8_t nonce[16], uint8_t commitment[32])
{
    if (!id || !secret || !key || !nonce || !commitment) {
        return CHATALOT_E_PARAMETERS;
    }

    crypto_box_keypair(key, secret);
    randombytes_buf(nonce, 16);
    commit(commitment, id, key, nonce);

    return CHATALOT_OK;
}


int
chatalot_approval_answer(uint8_t secret[32], uint8_t key[32])
{
    if (!secret || !key) {
        return CHATALOT_E_PARAMETERS;
    }

    crypto_box_keypair(key, secret);

    return CHATALOT_OK;
}


int
chatalot_approval_digits(uint8_t side, const uint8_t secret[32], const uint8_t approval[144],
                         char digits[6])
{
    int        i, rc;
    uint8_t    bytes[8];
    uint64_t   number;
    agreement  a;

    if (!secret || !approval || !digits
        || (side != CHATALOT_APPROVAL_NEWCOMER && side != CHATALOT_APPROVAL_APPROVER))
    {
        return CHATALOT_E_PARAMETERS;
    }

    rc = agree(&a, side, secret, approval);

    if (rc == CHATALOT_OK) {
        derive(&a, LABEL(LABEL_COMPARE), bytes, sizeof(bytes));
        number = load64(bytes) % MODULUS;

        for (i = CHATALOT_APPROVAL_DIGITS - 1; i >= 0; i--) {
            digits[i] = (char) ('0' + number % 10);
            number /= 10;
        }
    }

    sodium_memzero(&a, sizeof(a));

    return rc;
}


int
chatalot_approval_seal(const uint8_t secret[32], const uint8_t approval[144],
                       const uint8_t account_secret[32], const uint8_t backup_secret[32],
                       uint8_t sealed[98])
{
    int        rc;
    uint8_t    key[KEY_LENGTH + NONCE_LENGTH], plain[PLAIN_LENGTH];
    agreement  a;

    if (!secret || !approval || !account_secret || !backup_secret || !sealed) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = agree(&a, CHATALOT_APPROVAL_APPROVER, secret, approval);

    if (rc == CHATALOT_OK) {
        derive(&a, LABEL(LABEL_KEYRING), key, sizeof(key));
        memcpy(plain, approval + USER_AT, 16);
        memcpy(plain + 16, account_secret, 32);
        memcpy(plain + 48, backup_secret, 32);

        store_prefix(sealed);
        crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + CHATALOT_PREFIX, NULL, plain,
                                                   sizeof(plain), a.transcript,
                                                   sizeof(a.transcript), NULL, key + KEY_LENGTH,
                                                   key);
        sodium_memzero(plain, sizeof(plain));
        sodium_memzero(key, sizeof(key));
    }

    sodium_memzero(&a, sizeof(a));

    return rc;
}


int
chatalot_approval_open(const uint8_t secret[32], const uint8_t approval[144],
                       const uint8_t sealed[98],
                       uint8_t account_secret[32], uint8_t backup_secret[32])
{
    int        rc;
    uint8_t    key[KEY_LENGTH + NONCE_LENGTH], plain[PLAIN_LENGTH];
    agreement  a;

    if (!secret || !approval || !sealed || !account_secret || !backup_secret) {
        return CHATALOT_E_PARAMETERS;
    }

    if (check_prefix(sealed) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    rc = agree(&a, CHATALOT_APPROVAL_NEWCOMER, secret, approval);

    if (rc == CHATALOT_OK) {
        derive(&a, LABEL(LABEL_KEYRING), key, sizeof(key));

        if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed + CHATALOT_PREFIX,
                                                       PLAIN_LENGTH + TAG_LENGTH, a.transcript,
                                                       sizeof(a.transcript), key + KEY_LENGTH,
                                                       key) != 0
            || memcmp(plain, approval + USER_AT, 16) != 0)
        {
            rc = CHATALOT_E_AUTH;
        } else {
            memcpy(account_secret, plain + 16, 32);
            memcpy(backup_secret, plain + 48, 32);
        }

        sodium_memzero(plain, sizeof(plain));
        sodium_memzero(key, sizeof(key));
    }

    sodium_memzero(&a, sizeof(a));

    return rc;
}
