/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Single conditions of the verifications that no scenario turns down by itself: each is broken
 * alone, with all others met.
 */

#include <stdio.h>
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
    const int    at[] = { 2, 18, 26, 106 };
    const char  *what[] = { "of another channel", "of another epoch", "of another id",
                            "with another signing key" };

    begin();
    must(chatalot_sender_chain_create(channel, 3, phone.party, phone.secret, chain) == CHATALOT_OK
         && chatalot_sender_chain_share(chain, key) == CHATALOT_OK
         && chatalot_sender_key_accept(key, record) == CHATALOT_OK, "chain");

    memcpy(other, key, sizeof(other));
    attest(other, phone.secret);
    is_code(chatalot_sender_key_merge(record, other, merged), CHATALOT_OK,
            "the same key, signed again");

    for (i = 0; i < 4; i++) {
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


/* An envelope as an initial one, of this length, with `at` set to `value`. */
static int
inspected(size_t length, size_t at, uint8_t value)
{
    uint8_t         type, session[16], key[32], has_one_time;
    uint32_t        signed_id, one_time_id;
    static uint8_t  envelope[CHATALOT_LETTER_MAX + CHATALOT_ENVELOPE_OVERHEAD + 1];

    memset(envelope, 0, sizeof(envelope));
    envelope[0] = envelope[1] = envelope[2] = 1;
    envelope[at] = value;

    return chatalot_envelope_inspect(envelope, length, &type, session, key, &signed_id,
                                     &has_one_time, &one_time_id);
}


static void
envelopes_of_other_forms(void)
{
    is_code(inspected(133, 0, 1), CHATALOT_OK, "an envelope with one byte in it");
    is_code(inspected(132, 0, 1), CHATALOT_E_FORMAT, "with nothing");
    is_code(inspected(131, 0, 1), CHATALOT_E_FORMAT, "with less");
    is_code(inspected(115, 0, 1), CHATALOT_E_FORMAT, "a header cut short");
    is_code(inspected(2, 0, 1), CHATALOT_E_FORMAT, "no type");
    is_code(inspected(1, 0, 1), CHATALOT_E_FORMAT, "no suite");
    is_code(inspected(CHATALOT_LETTER_MAX + 132, 0, 1), CHATALOT_OK, "with the longest letter");
    is_code(inspected(CHATALOT_LETTER_MAX + 133, 0, 1), CHATALOT_E_FORMAT, "with a longer one");
    is_code(inspected(133, 0, 2), CHATALOT_E_VERSION, "of another version");
    is_code(inspected(133, 1, 2), CHATALOT_E_VERSION, "of another suite");
    is_code(inspected(133, 2, 0), CHATALOT_E_VERSION, "of no type");
    is_code(inspected(133, 2, 2), CHATALOT_OK, "a normal one");
    is_code(inspected(133, 2, 3), CHATALOT_E_VERSION, "of a type to come");
    is_code(inspected(133, 71, 1), CHATALOT_OK, "with a one-time prekey");
    is_code(inspected(133, 71, 2), CHATALOT_E_FORMAT, "with two");
    is_code(inspected(133, 75, 1), CHATALOT_E_FORMAT, "with none, that has a name");
}


static int
bound_as(const char *kind)
{
    int      rc;
    size_t   length = CHATALOT_BINDING_MAX;
    uint8_t  bound[CHATALOT_BINDING_MAX];

    rc = chatalot_binding_make(channel, 1, kind, strlen(kind), channel, NULL, NULL, channel,
                               channel, bound, &length);
    must(rc == CHATALOT_OK || length == 0, "output");

    return rc;
}


static void
kinds_of_entries(void)
{
    size_t      i;
    char        kind[2] = { 0 }, name[32];
    const char  refused[] = "/:`{@[AZ ,^\x7f\x80\xff";

    is_code(bound_as("abcdefghijklmnopqrstuvwxyz-_.019"), CHATALOT_OK, "every kind of byte, 32 of them");
    is_code(bound_as("abcdefghijklmnopqrstuvwxyz-_.0190"), CHATALOT_E_PARAMETERS, "33");
    is_code(bound_as(""), CHATALOT_E_PARAMETERS, "none");
    is_code(bound_as("-"), CHATALOT_OK, "one");

    for (i = 0; i < strlen(refused); i++) {
        kind[0] = refused[i];
        snprintf(name, sizeof(name), "a kind with byte %02x in it", (uint8_t) kind[0]);
        is_code(bound_as(kind), CHATALOT_E_PARAMETERS, name);
    }
}


/* A number of a chain at 112 of an initial envelope. */
static void
hostile_headers(void)
{
    end             a, b;
    size_t          length;
    packet          p;
    static uint8_t  letter[CHATALOT_LETTER_MAX];

    begin();
    new_end(&a, &phone, &laptop);
    new_end(&b, &laptop, &phone);
    must(start(&a) == CHATALOT_OK, "start");
    p = say(&a, "hello");

    memset(p.data + 112, 0xff, 4);
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_TOO_FAR, "a number beyond all bounds");
    memset(p.data + 112, 0, 4);
    p.data[114] = 1001 >> 8;
    p.data[115] = 1001 & 0xff;
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_TOO_FAR, "or one beyond what is skipped");
    p.data[115]--;
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_AUTH, "one that is not its own");
    p.data[114] = p.data[115] = 0;
    ok(hears(&b, &p, "hello"), "none of which keeps the true one out");
    free_packet(&p);
    free_end(&a);
    free_end(&b);
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    another_key_under_the_same_id();
    letters_of_other_versions_and_sizes();
    records_of_other_parties();
    envelopes_of_other_forms();
    kinds_of_entries();
    hostile_headers();

    return done();
}
