/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Channel messages: a payload sealed with the sender key's next message key and signed. It must
 * not know how sender keys get about.
 */

#include <sodium.h>

#include "binding.h"
#include "bytes.h"
#include "chain.h"
#include "sender_key.h"
#include "wire.h"

#define LABEL_AD            "chatalot/v1/channel-message"
#define LABEL_KEY           "chatalot/v1/channel-message/key"
#define LABEL_SIGNATURE     "chatalot/v1/channel-message/signature"

/* prefix, key id, counter; ciphertext with its tag; signature */
#define HEADER_LENGTH       (CHATALOT_PREFIX + 16 + 4)
#define SIGNATURE_LENGTH    64

/* About a page of history. */
#define MARK_REACH          64

#define AD_MAX              (sizeof(LABEL_AD) + CHATALOT_BINDING_MAX + HEADER_LENGTH)
#define STATEMENT_MAX       (sizeof(LABEL_SIGNATURE) + CHATALOT_BINDING_MAX + 32)


/* label, binding, the message's header */
static size_t
associated_data(uint8_t out[AD_MAX], const uint8_t *bound, size_t bound_length,
                const uint8_t header[HEADER_LENGTH])
{
    size_t  length;
    writer  w;

    writer_init(&w, out, AD_MAX);
    write_bytes(&w, LABEL(LABEL_AD));
    write_bytes(&w, bound, bound_length);
    write_bytes(&w, header, HEADER_LENGTH);
    writer_end(&w, &length);

    return length;
}


/* label, binding, SHA-256 of the message up to its signature */
static size_t
statement(uint8_t out[STATEMENT_MAX], const uint8_t *bound, size_t bound_length,
          const uint8_t *message, size_t signed_length)
{
    size_t   length;
    writer   w;
    uint8_t  hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, message, signed_length);

    writer_init(&w, out, STATEMENT_MAX);
    write_bytes(&w, LABEL(LABEL_SIGNATURE));
    write_bytes(&w, bound, bound_length);
    write_bytes(&w, hash, sizeof(hash));
    writer_end(&w, &length);

    return length;
}


/* Whether the binding names the channel, epoch and sender that the key is for. */
static int
check_binding(const sender_key *k, const uint8_t *bound, size_t bound_length)
{
    binding  b;

    if (binding_read(&b, bound, bound_length) != CHATALOT_OK) {
        return CHATALOT_E_FORMAT;
    }

    if (memcmp(b.channel, k->channel, 16) != 0 || b.epoch != k->epoch
        || memcmp(b.user, k->party, 16) != 0 || memcmp(b.device, k->party + 16, 16) != 0)
    {
        return CHATALOT_E_AUTH;
    }

    return CHATALOT_OK;
}


static void
sign(const sender_chain *c, const uint8_t *bound, size_t bound_length,
     uint8_t *message, size_t signed_length)
{
    size_t   length;
    uint8_t  text[STATEMENT_MAX], pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];

    length = statement(text, bound, bound_length, message, signed_length);

    crypto_sign_seed_keypair(pk, sk, c->signing_seed);
    crypto_sign_detached(message + signed_length, NULL, text, length, sk);
    sodium_memzero(sk, sizeof(sk));
}


/* Everything that can fail has been checked; `message` has room for all of it. */
static void
seal(sender_chain *c, const uint8_t *bound, size_t bound_length,
     const uint8_t *payload, size_t payload_length, uint8_t *message)
{
    size_t   padded, ad_length;
    uint8_t  ad[AD_MAX], message_key[CHAIN_KEY_LENGTH];

    store_prefix(message);
    memcpy(message + CHATALOT_PREFIX, c->key.id, 16);
    store32(message + CHATALOT_PREFIX + 16, c->key.start.counter);

    ad_length = associated_data(ad, bound, bound_length, message);

    padded = chatalot_padded_length(payload_length);
    chatalot_pad(payload, payload_length, message + HEADER_LENGTH, &padded);

    chain_step(c->key.start.key, message_key);
    c->key.start.counter++;

    /* in place: the padded payload lies where its ciphertext will */
    chain_seal(message_key, LABEL(LABEL_KEY), ad, ad_length, message + HEADER_LENGTH, padded,
               message + HEADER_LENGTH);
    sodium_memzero(message_key, sizeof(message_key));

    sign(c, bound, bound_length, message, HEADER_LENGTH + padded + CHAIN_TAG_LENGTH);
}


int
chatalot_channel_message_seal(const uint8_t chain[270], const uint8_t *bound, size_t bound_length,
                              const uint8_t *payload, size_t payload_length,
                              uint8_t new_chain[270], uint8_t *message, size_t *message_length)
{
    int           rc;
    size_t        room, needed;
    sender_chain  c;

    if (!message_length) {
        return CHATALOT_E_PARAMETERS;
    }

    room = *message_length;
    *message_length = 0;

    if (!chain || !bound || !payload || !new_chain || !message
        || payload_length == 0 || payload_length > CHATALOT_PAYLOAD_MAX)
    {
        return CHATALOT_E_PARAMETERS;
    }

    needed = chatalot_padded_length(payload_length) + CHATALOT_CHANNEL_MESSAGE_OVERHEAD;
    rc = sender_chain_read(&c, chain);

    if (rc == CHATALOT_OK) {
        rc = check_binding(&c.key, bound, bound_length);
    }

    if (rc == CHATALOT_OK && c.key.start.counter >= CHATALOT_SENDER_CHAIN_MAX) {
        rc = CHATALOT_E_EXHAUSTED;
    }

    if (rc == CHATALOT_OK) {
        *message_length = needed;
        rc = needed > room ? CHATALOT_E_SPACE : CHATALOT_OK;
    }

    if (rc == CHATALOT_OK) {
        seal(&c, bound, bound_length, payload, payload_length, message);
        sender_chain_write(&c, new_chain);
    }

    sodium_memzero(&c, sizeof(c));

    return rc;
}


int
chatalot_channel_message_inspect(const uint8_t *message, size_t message_length,
                                 uint8_t key_id[16], uint32_t *counter)
{
    if (!message || !key_id || !counter) {
        return CHATALOT_E_PARAMETERS;
    }

    if (message_length <= CHATALOT_CHANNEL_MESSAGE_OVERHEAD) {
        return CHATALOT_E_FORMAT;
    }

    if (check_prefix(message) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    memcpy(key_id, message + CHATALOT_PREFIX, 16);
    *counter = load32(message + CHATALOT_PREFIX + 16);

    return CHATALOT_OK;
}


static int
check_counter(const sender_record *r, uint32_t counter, uint8_t history)
{
    if (counter < r->key.start.counter) {
        return CHATALOT_E_REPLAY;
    }

    if (counter >= CHATALOT_SENDER_CHAIN_MAX
        || (!history && counter > r->head.counter + CHATALOT_SENDER_SKIP_MAX))
    {
        return CHATALOT_E_TOO_FAR;
    }

    return CHATALOT_OK;
}


static int
verify(const sender_key *k, const uint8_t *bound, size_t bound_length,
       const uint8_t *message, size_t signed_length)
{
    size_t   length;
    uint8_t  text[STATEMENT_MAX];

    length = statement(text, bound, bound_length, message, signed_length);

    if (crypto_sign_verify_detached(message + signed_length, text, length,
                                    k->signing_public) != 0)
    {
        return CHATALOT_E_AUTH;
    }

    return CHATALOT_OK;
}


/*
 * Derives the message key and decrypts. A message past the record's head moves the head on. One
 * that is far behind it, and far from the mark, leaves the mark a little before itself: history is
 * read page by page, in either direction, and each page then costs one long walk along the chain
 * in place of one a message.
 */
static int
decrypt(sender_record *r, uint32_t counter, const uint8_t *ad, size_t ad_length,
        const uint8_t *sealed, size_t sealed_length, uint8_t *payload, size_t *payload_length)
{
    int              rc;
    size_t           length;
    uint8_t          message_key[CHAIN_KEY_LENGTH];
    sender_position  here, next, mark;

    here = *sender_record_nearest(r, counter);
    mark = r->mark;

    if (counter < r->head.counter && counter - here.counter > MARK_REACH) {
        sender_position_advance(&here, counter - MARK_REACH);
        mark = here;
    }

    sender_position_advance(&here, counter);

    next = here;
    chain_step(next.key, message_key);

    rc = chain_open(message_key, LABEL(LABEL_KEY), ad, ad_length, sealed, sealed_length, payload);

    if (rc == CHATALOT_OK) {
        rc = chatalot_unpad(payload, sealed_length - CHAIN_TAG_LENGTH, &length);

        if (rc == CHATALOT_OK) {
            memmove(payload, payload + 4, length);
            *payload_length = length;
        } else {
            sodium_memzero(payload, sealed_length - CHAIN_TAG_LENGTH);
        }
    }

    if (rc == CHATALOT_OK) {
        r->mark = mark;
        r->head = counter > r->head.counter ? here : r->head;
    }

    sodium_memzero(message_key, sizeof(message_key));
    sodium_memzero(&mark, sizeof(mark));
    sodium_memzero(&here, sizeof(here));
    sodium_memzero(&next, sizeof(next));

    return rc;
}


static int
open_message(sender_record *r, const uint8_t *bound, size_t bound_length,
             const uint8_t *message, size_t message_length, uint8_t history,
             uint8_t *payload, size_t *payload_length)
{
    int       rc;
    size_t    room, sealed_length, ad_length;
    uint8_t   ad[AD_MAX], key_id[16];
    uint32_t  counter;

    room = *payload_length;
    *payload_length = 0;

    rc = chatalot_channel_message_inspect(message, message_length, key_id, &counter);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    if (memcmp(key_id, r->key.id, 16) != 0) {
        return CHATALOT_E_NO_KEY;
    }

    rc = check_binding(&r->key, bound, bound_length);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    rc = check_counter(r, counter, history);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    /* before any key is derived, so that what others make up costs one verification */
    rc = verify(&r->key, bound, bound_length, message, message_length - SIGNATURE_LENGTH);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    sealed_length = message_length - HEADER_LENGTH - SIGNATURE_LENGTH;

    if (sealed_length - CHAIN_TAG_LENGTH > room) {
        *payload_length = sealed_length - CHAIN_TAG_LENGTH;
        return CHATALOT_E_SPACE;
    }

    ad_length = associated_data(ad, bound, bound_length, message);

    return decrypt(r, counter, ad, ad_length, message + HEADER_LENGTH, sealed_length,
                   payload, payload_length);
}


int
chatalot_channel_message_open(const uint8_t record[310], const uint8_t *bound, size_t bound_length,
                              const uint8_t *message, size_t message_length, uint8_t history,
                              uint8_t new_record[310], uint8_t *payload, size_t *payload_length)
{
    int            rc;
    size_t         room;
    sender_record  r;

    if (!payload_length) {
        return CHATALOT_E_PARAMETERS;
    }

    room = *payload_length;
    *payload_length = 0;

    if (!record || !bound || !message || !new_record || !payload) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = sender_record_read(&r, record);

    if (rc == CHATALOT_OK) {
        *payload_length = room;
        rc = open_message(&r, bound, bound_length, message, message_length, history,
                          payload, payload_length);
    }

    if (rc == CHATALOT_OK) {
        sender_record_write(&r, new_record);
    }

    sodium_memzero(&r, sizeof(r));

    return rc;
}
