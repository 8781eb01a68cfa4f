/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Single conditions of the verifications that no scenario turns down by itself: each is broken
 * alone, with all others met.
 */

#include <string.h>

#include <sodium.h>

#include "people.h"
#include "tap.h"

static person   alice, bob;
static device   phone, laptop;
static uint8_t  channel[16];


static void
begin(void)
{
    new_person(&alice);
    new_person(&bob);
    new_device(&phone, &alice);
    new_device(&laptop, &bob);
    randombytes_buf(channel, 16);
}


/* The sender key signed anew by its device, as only that device can. */
static void
attest(uint8_t key[238], const uint8_t secret[32])
{
    uint8_t      pk[32], sk[64], statement[160];
    const char  *label = "chatalot/v1/sender-key";

    memcpy(statement, label, strlen(label));
    memcpy(statement + strlen(label), key, 138);
    crypto_sign_seed_keypair(pk, sk, secret);
    crypto_sign_detached(key + 138, NULL, statement, strlen(label) + 138, sk);
}


/* A device that gives out two keys under one id: they are not taken for one another. */
static void
another_key_under_the_same_id(void)
{
    size_t       i;
    uint8_t      chain[270], key[238], other[238], record[310], merged[310];
    const int    at[] = { 2, 18, 106 };
    const char  *what[] = { "of another channel", "of another epoch", "with another signing key" };

    begin();
    must(chatalot_sender_chain_create(channel, 3, phone.party, phone.secret, chain) == CHATALOT_OK
         && chatalot_sender_chain_share(chain, key) == CHATALOT_OK
         && chatalot_sender_key_accept(key, record) == CHATALOT_OK, "chain");

    memcpy(other, key, sizeof(other));
    attest(other, phone.secret);
    is_code(chatalot_sender_key_merge(record, other, merged), CHATALOT_OK,
            "the same key, signed again");

    for (i = 0; i < 3; i++) {
        memcpy(other, key, sizeof(other));
        other[at[i]] ^= 1;
        attest(other, phone.secret);
        must(chatalot_sender_key_accept(other, merged) == CHATALOT_OK, "attested");
        is_code(chatalot_sender_key_merge(record, other, merged), CHATALOT_E_AUTH, what[i]);
    }

    memcpy(other, key, sizeof(other));
    memcpy(other + 42, laptop.party, 64);
    attest(other, laptop.secret);
    is_code(chatalot_sender_key_merge(record, other, merged), CHATALOT_E_AUTH,
            "another device's key under this id");
}


static int
make_letter(uint8_t kind, const uint8_t *body, size_t length)
{
    size_t          letter_length;
    static uint8_t  letter[CHATALOT_LETTER_MAX + 10];

    letter_length = sizeof(letter);

    return chatalot_letter_make(kind, body, length, letter, &letter_length);
}


static void
letters_of_other_versions_and_sizes(void)
{
    uint8_t         key[130] = { 1, 1 }, request[41];
    static uint8_t  many[CHATALOT_ITEMS_MAX + 200];

    is_code(make_letter(CHATALOT_LETTER_CONTENT_KEY, key, 130), CHATALOT_OK, "a content key");
    key[1] = 2;
    is_code(make_letter(CHATALOT_LETTER_CONTENT_KEY, key, 130), CHATALOT_E_VERSION,
            "one of another suite");
    key[1] = 1;
    key[0] = 2;
    is_code(make_letter(CHATALOT_LETTER_CONTENT_KEY, key, 130), CHATALOT_E_VERSION,
            "one of another version");

    must(chatalot_request_make(CHATALOT_REQUEST_SENDER_KEY, channel, 1, channel, request)
         == CHATALOT_OK, "request");
    is_code(make_letter(CHATALOT_LETTER_REQUEST, request, 41), CHATALOT_OK,
            "a request for a sender key");
    is_code(make_letter(CHATALOT_LETTER_REQUEST, request, 40), CHATALOT_E_FORMAT, "cut short");

    memset(many, 0, sizeof(many));
    many[0] = 77;
    many[1] = 0xea;
    many[2] = 0x5d;
    is_code(make_letter(CHATALOT_LETTER_ITEMS, many, CHATALOT_ITEMS_MAX), CHATALOT_OK,
            "as many bytes of items as there may be");
    many[2] = 0x5e;
    is_code(make_letter(CHATALOT_LETTER_ITEMS, many, CHATALOT_ITEMS_MAX + 1), CHATALOT_E_FORMAT,
            "one more");
}


/* What is kept of one peer is not used for another, nor by another device. */
static void
records_of_other_parties(void)
{
    size_t   size;
    end      e;
    device   tablet;
    uint8_t  record[4096];

    begin();
    new_device(&tablet, &alice);
    new_end(&e, &phone, &laptop);
    must(start(&e) == CHATALOT_OK, "start");

    size = sizeof(record);
    is_code(chatalot_session_start(e.record, e.length, phone.party, phone.secret, tablet.party,
                                   tablet.signed_prekey, 0, NULL, NOW, record, &size),
            CHATALOT_E_AUTH, "the record of another peer");
    size = sizeof(record);
    is_code(chatalot_session_start(e.record, e.length, tablet.party, tablet.secret, laptop.party,
                                   laptop.signed_prekey, 0, NULL, NOW, record, &size),
            CHATALOT_E_AUTH, "the record of another device of one's own");
    free_end(&e);
}


/* A peer whose device key is no point to agree with. */
static void
device_key_of_small_order(void)
{
    end             e;
    size_t          size, length;
    device          nobody;
    packet          p;
    uint8_t         record[4096], started;
    static uint8_t  letter[CHATALOT_LETTER_MAX];

    begin();
    new_end(&e, &phone, &laptop);
    must(start(&e) == CHATALOT_OK, "start");
    p = say(&e, "hello");
    nobody = phone;
    memset(nobody.party + 32, 0, 32);
    memset(p.data + 3, 0, 32);

    size = sizeof(record);
    length = sizeof(letter);
    is_code(chatalot_envelope_open(NULL, 0, laptop.party, laptop.secret, nobody.party,
                                   laptop.signed_secret, laptop.one_time_secret, p.data, p.length,
                                   record, &size, letter, &length, &started),
            CHATALOT_E_AUTH, "a device key of small order");
    ok(size == 0 && length == 0 && !started, "begins nothing");
    free_packet(&p);
    free_end(&e);
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    another_key_under_the_same_id();
    letters_of_other_versions_and_sizes();
    records_of_other_parties();
    device_key_of_small_order();

    return done();
}
