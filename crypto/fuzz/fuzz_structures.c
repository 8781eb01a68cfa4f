/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The structures of fixed size, from whatever bytes: sender keys, records and chains,
 * certificates, prekeys, keyrings, content keys, identities.
 */

#include "fuzz.h"


/* The first `size` bytes, zeros after them, in memory of exactly that size. */
static uint8_t *
take(const uint8_t *data, size_t length, size_t size)
{
    uint8_t  *p = calloc(1, size);

    MUST(p != NULL);
    memcpy(p, data, length < size ? length : size);

    return p;
}


static void
sender_keys(const uint8_t *data, size_t length)
{
    uint8_t   *key = take(data, length, 238), *record = take(data, length, 310);
    uint8_t   *own_chain = take(data, length, 270), *out = malloc(310);
    uint8_t    channel[16], id[16], party[64];
    uint32_t   counter;
    uint64_t   epoch;

    MUST(out != NULL);
    chatalot_sender_key_inspect(key, channel, &epoch, id, party, &counter);
    chatalot_sender_key_accept(key, out);
    chatalot_sender_key_merge(record, key, out);

    if (chatalot_sender_key_at(record, 4999, out) == CHATALOT_OK) {
        MUST(chatalot_sender_key_at(out, 4999, record) == CHATALOT_OK);
    }

    chatalot_sender_chain_inspect(own_chain, channel, &epoch, id, &counter);
    chatalot_sender_chain_share(own_chain, out);
    free(key);
    free(record);
    free(own_chain);
    free(out);
}


static uint8_t  chain[270], own[64], secret[32], peer[64], signed_prekey[110];


static void
set_up(void)
{
    uint8_t  peer_secret[32], prekey_secret[32];

    make_device(own, secret, 1);
    make_device(peer, peer_secret, 3);
    MUST(chatalot_sender_chain_create(own, 1, own, secret, chain) == CHATALOT_OK
         && chatalot_signed_prekey_create(peer_secret, peer + 16, 1, 1, prekey_secret,
                                          signed_prekey) == CHATALOT_OK);
}


/* What the relay gives of a device that one begins a session with. */
static void
bundle(const uint8_t *data, size_t length)
{
    int      rc;
    size_t   laid_length, record_length = 4096;
    uint8_t  record[4096], *laid;

    laid = overlay(signed_prekey, sizeof(signed_prekey), data, length, &laid_length);
    rc = chatalot_session_start(NULL, 0, own, secret, peer, laid, 1,
                                length >= 32 ? data + length - 32 : NULL, 1, record,
                                &record_length);
    MUST(rc != CHATALOT_OK || memcmp(laid, signed_prekey, sizeof(signed_prekey)) == 0);
    MUST((rc == CHATALOT_OK) == (record_length > 0));
    free(laid);
}


static void
content_keys(const uint8_t *data, size_t length)
{
    size_t    payload_length = 512;
    uint8_t   ids[4][16], payload[512], account_key[32];
    uint8_t  *key = take(data, length, 130), *identity = take(data, length, 58);
    uint16_t  state;
    uint64_t  since;

    chatalot_content_key_inspect(key, ids[0], ids[1], ids[2], ids[3]);
    MUST(chatalot_dm_message_open(key, data, length, data, length, payload, &payload_length)
         != CHATALOT_OK && payload_length == 0);

    if (chatalot_identity_read(identity, ids[0], account_key, &state, &since) == CHATALOT_OK) {
        uint8_t  again[58];

        MUST(chatalot_identity_make(ids[0], account_key, state, since, again) == CHATALOT_OK
             && memcmp(again, identity, sizeof(again)) == 0);
    }

    free(key);
    free(identity);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    size_t      laid_length;
    uint8_t    *laid;
    static int  ready;
    uint8_t   *certificate = take(data, length, 66), *prekey = take(data, length, 110);
    uint8_t   *keyring = take(data, length, 106), *key = take(data, length, 32);
    uint8_t    public[32], a[32], b[32];
    uint32_t   id;
    uint64_t   created;

    if (!ready) {
        set_up();
        ready = 1;
    }

    sender_keys(data, length);
    bundle(data, length);
    content_keys(data, length);
    laid = overlay(chain, sizeof(chain), data, length, &laid_length);
    sender_keys(laid, laid_length);
    free(laid);

    chatalot_device_certificate_verify(certificate, key, key, key + 16, key, 1);
    chatalot_signed_prekey_verify(prekey, key, key);
    chatalot_signed_prekey_inspect(prekey, &id, public, &created);
    MUST(chatalot_keyring_open(key, key, CHATALOT_KEYRING_PASSWORD, keyring, a, b) != CHATALOT_OK);

    free(certificate);
    free(prekey);
    free(keyring);
    free(key);

    return 0;
}
