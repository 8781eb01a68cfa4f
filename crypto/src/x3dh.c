/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * X3DH (x3dh.h). It must not know what the secret is used for, nor who verified the keys.
 */

#include <sodium.h>

#include "bytes.h"
#include "hkdf.h"
#include "x3dh.h"

#define LABEL_X3DH      "chatalot/v1/x3dh"

/* F, which keeps this use of the hash apart from signatures (2.2), and up to four agreements */
#define F_LENGTH        32
#define MATERIAL_MAX    (F_LENGTH + 4 * 32)


typedef struct {
    uint8_t  bytes[MATERIAL_MAX];
    size_t   length;
    int      failed;
} material;


static void
begin(material *m)
{
    memset(m->bytes, 0xff, F_LENGTH);
    m->length = F_LENGTH;
    m->failed = 0;
}


static void
agree(material *m, const uint8_t secret[32], const uint8_t public[32])
{
    if (crypto_scalarmult(m->bytes + m->length, secret, public) != 0) {
        m->failed = 1;
    }

    m->length += 32;
}


static int
finish(material *m, uint8_t shared[32])
{
    int  failed = m->failed;

    if (!failed) {
        hkdf_sha256(NULL, 0, m->bytes, m->length, LABEL(LABEL_X3DH), shared, 32);
    }

    sodium_memzero(m, sizeof(*m));

    return failed ? CHATALOT_E_AUTH : CHATALOT_OK;
}


/* The device's Ed25519 pair as X25519. */
static int
montgomery(const uint8_t own_secret[32], const uint8_t peer_key[32],
           uint8_t own[32], uint8_t peer[32])
{
    uint8_t  pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];

    if (crypto_sign_ed25519_pk_to_curve25519(peer, peer_key) != 0) {
        return CHATALOT_E_AUTH;
    }

    crypto_sign_seed_keypair(pk, sk, own_secret);
    crypto_sign_ed25519_sk_to_curve25519(own, sk);
    sodium_memzero(sk, sizeof(sk));

    return CHATALOT_OK;
}


int
x3dh_check_own(const uint8_t own_secret[32], const uint8_t own_key[32])
{
    uint8_t  pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];

    crypto_sign_seed_keypair(pk, sk, own_secret);
    sodium_memzero(sk, sizeof(sk));

    return sodium_memcmp(pk, own_key, 32) == 0 ? CHATALOT_OK : CHATALOT_E_PARAMETERS;
}


int
x3dh_initiate(const uint8_t own_secret[32], const uint8_t ephemeral_secret[32],
              const uint8_t peer_key[32], const uint8_t signed_prekey[32],
              const uint8_t *one_time, uint8_t shared[32])
{
    int       rc;
    uint8_t   own[32], peer[32];
    material  m;

    rc = montgomery(own_secret, peer_key, own, peer);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    begin(&m);
    agree(&m, own, signed_prekey);
    agree(&m, ephemeral_secret, peer);
    agree(&m, ephemeral_secret, signed_prekey);

    if (one_time != NULL) {
        agree(&m, ephemeral_secret, one_time);
    }

    sodium_memzero(own, sizeof(own));

    return finish(&m, shared);
}


int
x3dh_respond(const uint8_t own_secret[32], const uint8_t signed_prekey_secret[32],
             const uint8_t *one_time_secret, const uint8_t peer_key[32],
             const uint8_t ephemeral[32], uint8_t shared[32])
{
    int       rc;
    uint8_t   own[32], peer[32];
    material  m;

    rc = montgomery(own_secret, peer_key, own, peer);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    begin(&m);
    agree(&m, signed_prekey_secret, peer);
    agree(&m, own, ephemeral);
    agree(&m, signed_prekey_secret, ephemeral);

    if (one_time_secret != NULL) {
        agree(&m, one_time_secret, ephemeral);
    }

    sodium_memzero(own, sizeof(own));

    return finish(&m, shared);
}
