/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The symmetric-key chain (chain.h). It must not know who advances it or why.
 */

#include <sodium.h>

#include "bytes.h"
#include "chain.h"
#include "hkdf.h"

#define KEY_LENGTH      crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_LENGTH    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES


void
chain_step(uint8_t chain_key[32], uint8_t *message_key)
{
    uint8_t               next[CHAIN_KEY_LENGTH];
    static const uint8_t  for_message = 0x01, for_chain = 0x02;

    if (message_key != NULL) {
        crypto_auth_hmacsha256(message_key, &for_message, 1, chain_key);
    }

    crypto_auth_hmacsha256(next, &for_chain, 1, chain_key);
    memcpy(chain_key, next, sizeof(next));
    sodium_memzero(next, sizeof(next));
}


static void
expand(const uint8_t message_key[32], const uint8_t *label, size_t label_length,
       uint8_t key_and_nonce[KEY_LENGTH + NONCE_LENGTH])
{
    hkdf_sha256(NULL, 0, message_key, 32, label, label_length,
                key_and_nonce, KEY_LENGTH + NONCE_LENGTH);
}


void
chain_seal(const uint8_t message_key[32], const uint8_t *label, size_t label_length,
           const uint8_t *ad, size_t ad_length,
           const uint8_t *plain, size_t plain_length, uint8_t *out)
{
    uint8_t  key[KEY_LENGTH + NONCE_LENGTH];

    expand(message_key, label, label_length, key);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain, plain_length, ad, ad_length,
                                               NULL, key + KEY_LENGTH, key);
    sodium_memzero(key, sizeof(key));
}


int
chain_open(const uint8_t message_key[32], const uint8_t *label, size_t label_length,
           const uint8_t *ad, size_t ad_length,
           const uint8_t *sealed, size_t sealed_length, uint8_t *out)
{
    int      failed;
    uint8_t  key[KEY_LENGTH + NONCE_LENGTH];

    expand(message_key, label, label_length, key);
    failed = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, sealed_length,
                                                        ad, ad_length, key + KEY_LENGTH, key);
    sodium_memzero(key, sizeof(key));

    return failed ? CHATALOT_E_AUTH : CHATALOT_OK;
}
