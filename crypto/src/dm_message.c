/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * DM messages: a payload sealed once under a random content key. It must not know how the
 * content key travels.
 */

#include <sodium.h>

#include "binding.h"
#include "bytes.h"
#include "content_key.h"
#include "wire.h"

#define LABEL_AD            "chatalot/v1/dm-message"

/* prefix, nonce; ciphertext with its tag */
#define NONCE_LENGTH        crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LENGTH          crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEADER_LENGTH       (CHATALOT_PREFIX + NONCE_LENGTH)

#define AD_MAX              (sizeof(LABEL_AD) + CHATALOT_BINDING_MAX + CHATALOT_PREFIX)


/* label, binding, the message's prefix */
static size_t
associated_data(uint8_t out[AD_MAX], const uint8_t *bound, size_t bound_length)
{
    size_t  length;
    writer  w;

    writer_init(&w, out, AD_MAX);
    write_bytes(&w, LABEL(LABEL_AD));
    write_bytes(&w, bound, bound_length);
    write_prefix(&w);
    writer_end(&w, &length);

    return length;
}


int
chatalot_dm_message_seal(const uint8_t *bound, size_t bound_length,
                         const uint8_t *payload, size_t payload_length,
                         uint8_t content_key[130], uint8_t *message, size_t *message_length)
{
    size_t   room, padded, ad_length;
    uint8_t  ad[AD_MAX], *nonce, *sealed;
    binding  b;

    if (!message_length) {
        return CHATALOT_E_PARAMETERS;
    }

    room = *message_length;
    *message_length = 0;

    if (!bound || !payload || !content_key || !message
        || payload_length == 0 || payload_length > CHATALOT_PAYLOAD_MAX)
    {
        return CHATALOT_E_PARAMETERS;
    }

    if (binding_read(&b, bound, bound_length) != CHATALOT_OK) {
        return CHATALOT_E_FORMAT;
    }

    padded = chatalot_padded_length(payload_length);
    *message_length = padded + CHATALOT_DM_MESSAGE_OVERHEAD;

    if (*message_length > room) {
        return CHATALOT_E_SPACE;
    }

    nonce = message + CHATALOT_PREFIX;
    sealed = message + HEADER_LENGTH;

    store_prefix(message);
    randombytes_buf(nonce, NONCE_LENGTH);
    chatalot_pad(payload, payload_length, sealed, &padded);

    store_prefix(content_key);
    memcpy(content_key + CONTENT_CHANNEL_AT, b.channel, 16);
    memcpy(content_key + CONTENT_MESSAGE_AT, b.message, 16);
    memcpy(content_key + CONTENT_USER_AT, b.user, 16);
    memcpy(content_key + CONTENT_DEVICE_AT, b.device, 16);
    randombytes_buf(content_key + CONTENT_KEY_AT, 32);

    ad_length = associated_data(ad, bound, bound_length);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, sealed, padded, ad, ad_length,
                                               NULL, nonce, content_key + CONTENT_KEY_AT);

    crypto_hash_sha256(content_key + CONTENT_HASH_AT, message, *message_length);

    return CHATALOT_OK;
}


/* Whether content key, binding and message belong together. */
static int
check(const uint8_t content_key[130], const uint8_t *bound, size_t bound_length,
      const uint8_t *message, size_t message_length)
{
    binding  b;
    uint8_t  hash[crypto_hash_sha256_BYTES];

    if (check_prefix(content_key) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    if (binding_read(&b, bound, bound_length) != CHATALOT_OK
        || message_length <= CHATALOT_DM_MESSAGE_OVERHEAD)
    {
        return CHATALOT_E_FORMAT;
    }

    if (check_prefix(message) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    crypto_hash_sha256(hash, message, message_length);

    if (memcmp(b.channel, content_key + CONTENT_CHANNEL_AT, 16) != 0
        || memcmp(b.message, content_key + CONTENT_MESSAGE_AT, 16) != 0
        || memcmp(b.user, content_key + CONTENT_USER_AT, 16) != 0
        || memcmp(b.device, content_key + CONTENT_DEVICE_AT, 16) != 0
        || sodium_memcmp(hash, content_key + CONTENT_HASH_AT, sizeof(hash)) != 0)
    {
        return CHATALOT_E_AUTH;
    }

    return CHATALOT_OK;
}


int
chatalot_dm_message_open(const uint8_t content_key[130], const uint8_t *bound, size_t bound_length,
                         const uint8_t *message, size_t message_length,
                         uint8_t *payload, size_t *payload_length)
{
    int      rc;
    size_t   room, padded, length, ad_length;
    uint8_t  ad[AD_MAX];

    if (!payload_length) {
        return CHATALOT_E_PARAMETERS;
    }

    room = *payload_length;
    *payload_length = 0;

    if (!content_key || !bound || !message || !payload) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = check(content_key, bound, bound_length, message, message_length);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    padded = message_length - CHATALOT_DM_MESSAGE_OVERHEAD;

    if (padded > room) {
        *payload_length = padded;
        return CHATALOT_E_SPACE;
    }

    ad_length = associated_data(ad, bound, bound_length);

    if (crypto_aead_xchacha20poly1305_ietf_decrypt(payload, NULL, NULL, message + HEADER_LENGTH,
                                                   padded + TAG_LENGTH, ad, ad_length,
                                                   message + CHATALOT_PREFIX,
                                                   content_key + CONTENT_KEY_AT) != 0)
    {
        return CHATALOT_E_AUTH;
    }

    rc = chatalot_unpad(payload, padded, &length);
    if (rc != CHATALOT_OK) {
        sodium_memzero(payload, padded);
        return rc;
    }

    memmove(payload, payload + 4, length);
    *payload_length = length;

    return CHATALOT_OK;
}


int
chatalot_content_key_inspect(const uint8_t content_key[130], uint8_t channel[16],
                             uint8_t message[16], uint8_t user[16], uint8_t device[16])
{
    if (!content_key || !channel || !message || !user || !device) {
        return CHATALOT_E_PARAMETERS;
    }

    if (check_prefix(content_key) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    memcpy(channel, content_key + CONTENT_CHANNEL_AT, 16);
    memcpy(message, content_key + CONTENT_MESSAGE_AT, 16);
    memcpy(user, content_key + CONTENT_USER_AT, 16);
    memcpy(device, content_key + CONTENT_DEVICE_AT, 16);

    return CHATALOT_OK;
}
