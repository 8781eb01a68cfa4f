/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a device keeps, damaged: records and chains are read as carefully as what comes from
 * outside, and what is refused leaves nothing. Offsets are those of docs/e2ee.md.
 */

#include <string.h>

#include <sodium.h>

#include "people.h"
#include "tap.h"

static person   alice, bob;
static device   phone, laptop;
static uint8_t  channel[16];

/* Beyond the longest record: what says that it holds more. */
static uint8_t  record_out[CHATALOT_SESSION_RECORD_MAX];


static void
begin(void)
{
    new_person(&alice);
    new_person(&bob);
    new_device(&phone, &alice);
    new_device(&laptop, &bob);
    randombytes_buf(channel, 16);
}


/*
 * The code with which all that reads a session record refuses this one, or 1 if they do not agree; 0
 * if it is read.
 */
static int
used(const end *e)
{
    int       rc[4];
    size_t    i, length, second;
    uint8_t   id[16], confirmed, sessions, started, byte = 1, sealed[200], letter[200];
    uint8_t   normal[200] = { 1, 1, CHATALOT_ENVELOPE_NORMAL };

    rc[0] = chatalot_session_inspect(e->record, e->length, id, &confirmed, &sessions);

    length = sizeof(record_out);
    rc[1] = chatalot_session_start(e->record, e->length, phone.party, phone.secret, laptop.party,
                                   laptop.signed_prekey, 0, NULL, NOW, record_out, &length);
    must(rc[1] == CHATALOT_OK || length == 0, "output");

    length = sizeof(record_out);
    second = sizeof(sealed);
    rc[2] = chatalot_envelope_seal(e->record, e->length, &byte, 1, record_out, &length, sealed,
                                   &second);
    must(rc[2] == CHATALOT_OK || (length == 0 && second == 0), "output");

    /* of no session: that this is what is wrong with it says that the record was read */
    length = sizeof(record_out);
    second = sizeof(letter);
    rc[3] = chatalot_envelope_open(e->record, e->length, phone.party, phone.secret, laptop.party,
                                   NULL, NULL, normal, sizeof(normal), record_out, &length, letter,
                                   &second, &started);
    must(length == 0 && second == 0 && !started, "output");
    rc[3] = rc[3] == CHATALOT_E_NO_KEY ? CHATALOT_OK : rc[3];

    for (i = 1; i < 4; i++) {
        if (rc[i] != rc[0]) {
            return 1;
        }
    }

    return rc[0];
}


static void
damaged_session_records(void)
{
    end      e;
    size_t   at, cut;
    uint8_t  whole[1024];

    begin();
    new_end(&e, &phone, &laptop);
    must(start(&e) == CHATALOT_OK, "start");
    must(e.length <= sizeof(whole), "size");
    memcpy(whole, e.record, e.length);
    is_code(used(&e), CHATALOT_OK, "a record");

    e.record[0] = 2;
    is_code(used(&e), CHATALOT_E_VERSION, "of another version");
    e.record[0] = 1;
    e.record[1] = 2;
    is_code(used(&e), CHATALOT_E_VERSION, "of another suite");
    e.record[1] = 1;
    e.record[130] = 65;
    is_code(used(&e), CHATALOT_E_FORMAT, "too many forgotten sessions");
    e.record[130] = 0;
    e.record[131] = 0;
    is_code(used(&e), CHATALOT_E_FORMAT, "no session");
    e.record[131] = 5;
    is_code(used(&e), CHATALOT_E_FORMAT, "too many sessions");
    e.record[131] = 2;
    is_code(used(&e), CHATALOT_E_FORMAT, "more than there are");
    e.record[131] = 1;
    e.record[132] |= 0x20;
    is_code(used(&e), CHATALOT_E_FORMAT, "an unknown flag");
    e.record[132] &= 0x1f;
    e.record[e.length - 2] = 0xff;
    is_code(used(&e), CHATALOT_E_FORMAT, "more skipped keys than there are");
    e.record[e.length - 2] = 0;
    is_code(used(&e), CHATALOT_OK, "repaired");

    at = e.length;
    for (cut = 1; cut < at; cut++) {
        set_record(&e, whole, cut);
        must(used(&e) < 0, "cut");
    }
    ok(1, "no record that is cut short is read");
    whole[131] = 0;
    set_record(&e, whole, 132);
    is_code(used(&e), CHATALOT_E_FORMAT, "nor a whole one without a session");
    whole[131] = 1;
    set_record(&e, whole, at + 1);
    is_code(used(&e), CHATALOT_E_FORMAT, "nor one with something behind it");
    free_end(&e);
}


/* The number of skipped keys stands at 265 of a session. */
static void
skipped_keys_that_fit(void)
{
    end             e;
    size_t          length;
    static uint8_t  full[132 + 267 + 2001 * 68];

    begin();
    new_end(&e, &phone, &laptop);
    must(start(&e) == CHATALOT_OK, "start");
    length = e.length;
    memcpy(full, e.record, length);
    full[length - 2] = 2000 >> 8;
    full[length - 1] = 2000 & 0xff;
    set_record(&e, full, length + 2000 * 68);
    is_code(used(&e), CHATALOT_OK, "two thousand skipped keys");
    full[length - 1]++;
    set_record(&e, full, length + 2001 * 68);
    is_code(used(&e), CHATALOT_E_FORMAT, "one more, even if it is there");
    free_end(&e);
}


static int
seal_one(const end *e)
{
    size_t   record_length = sizeof(record_out), length;
    uint8_t  byte = 1, sealed[200];

    length = sizeof(sealed);

    return chatalot_envelope_seal(e->record, e->length, &byte, 1, record_out, &record_length,
                                  sealed, &length);
}


/* A session is 267 bytes from 132 on: its flags first, what was sent at 253. */
static void
ends_of_sending(void)
{
    end     e, r;
    packet  p;

    begin();
    new_end(&e, &phone, &laptop);
    new_end(&r, &laptop, &phone);
    must(start(&e) == CHATALOT_OK, "start");

    memset(e.record + 132 + 253, 0xff, 4);
    is_code(seal_one(&e), CHATALOT_E_EXHAUSTED, "2^32 - 1 messages without an answer");
    memset(e.record + 132 + 253, 0, 4);
    is_code(seal_one(&e), CHATALOT_OK, "the first");
    e.record[132] &= (uint8_t) ~0x08;
    is_code(seal_one(&e), CHATALOT_E_NO_KEY, "a session without a sending chain");
    e.record[132] |= 0x08;

    must(talks(&e, &r, 1) && talks(&r, &e, 1), "a session");
    p = say(&r, "more");
    e.record[132] &= (uint8_t) ~0x08;
    ok(hears(&e, &p, "more"), "which reads on in the chain it has");
    is_code(seal_one(&e), CHATALOT_E_NO_KEY, "and gets no sending chain by that");
    ok((e.record[132] & 0x08) == 0, "as its record says");
    free_packet(&p);
    free_end(&e);
    free_end(&r);
}


static uint8_t  chain[270], key[238], record[310];


/* The code, of a call that gives something out only if it succeeds; `out` is empty before and after. */
static int
gives(int rc, uint8_t *out, size_t length)
{
    must(rc == CHATALOT_OK || sodium_is_zero(out, length), "output");
    memset(out, 0, length);

    return rc;
}


static void
begin_chain(void)
{
    begin();
    must(chatalot_sender_chain_create(channel, 3, phone.party, phone.secret, chain) == CHATALOT_OK
         && chatalot_sender_chain_share(chain, key) == CHATALOT_OK
         && chatalot_sender_key_accept(key, record) == CHATALOT_OK, "chain");
}


static size_t
bind(uint8_t bound[CHATALOT_BINDING_MAX])
{
    size_t         length = CHATALOT_BINDING_MAX;
    const uint8_t  id[16] = { 7 };

    must(chatalot_binding_make(channel, 3, "message", 7, id, NULL, NULL, phone.party,
                               phone.party + 16, bound, &length) == CHATALOT_OK, "binding");

    return length;
}


/* As used(), of a sender chain. */
static int
chain_used(void)
{
    int       rc[3];
    size_t    length = 300;
    uint8_t   bound[CHATALOT_BINDING_MAX], out[310] = { 0 }, sealed[300], id[16], byte = 1;
    uint64_t  epoch;
    uint32_t  counter;

    rc[0] = gives(chatalot_sender_chain_share(chain, out), out, sizeof(out));
    rc[1] = gives(chatalot_sender_chain_inspect(chain, out, &epoch, id, &counter), out, sizeof(out));
    rc[2] = gives(chatalot_channel_message_seal(chain, bound, bind(bound), &byte, 1, out, sealed,
                                                &length), out, sizeof(out));
    must(rc[2] == CHATALOT_OK || length == 0, "output");

    return rc[0] == rc[1] && rc[1] == rc[2] ? rc[0] : 1;
}


/* As used(), of a sender key record. A message of another key is not found: so the record was read. */
static int
record_used(void)
{
    int      rc[3];
    size_t   length = 300;
    uint8_t  bound[CHATALOT_BINDING_MAX], out[310] = { 0 }, message[200] = { 1, 1 }, payload[300];

    rc[0] = gives(chatalot_sender_key_at(record, 4999, out), out, sizeof(out));
    rc[1] = gives(chatalot_sender_key_merge(record, key, out), out, sizeof(out));
    rc[2] = chatalot_channel_message_open(record, bound, bind(bound), message, sizeof(message), 0,
                                          out, payload, &length);
    must(length == 0, "output");
    rc[2] = rc[2] == CHATALOT_E_NO_KEY ? CHATALOT_OK : rc[2];

    return rc[0] == rc[1] && rc[1] == rc[2] ? rc[0] : 1;
}


/* As used(), of a sender key as it came. */
static int
key_used(void)
{
    int       rc[5];
    size_t    i, length = 300;
    uint8_t   out[310] = { 0 }, id[16], party[64], letter[300];
    uint64_t  epoch;
    uint32_t  counter;

    rc[0] = gives(chatalot_sender_key_inspect(key, out, &epoch, id, party, &counter), out,
                  sizeof(out));
    rc[1] = gives(chatalot_sender_key_accept(key, out), out, sizeof(out));
    rc[2] = gives(chatalot_sender_key_merge(record, key, out), out, sizeof(out));
    rc[3] = chatalot_letter_make(CHATALOT_LETTER_SENDER_KEY, key, sizeof(key), letter, &length);
    length = sizeof(letter);
    must(chatalot_item_make(CHATALOT_ITEM_CONTENT_KEY, record, 130, letter, &length)
         == CHATALOT_OK, "item");
    letter[0] = CHATALOT_ITEM_SENDER_KEY;
    letter[2] = sizeof(key);
    memcpy(letter + 3, key, sizeof(key));
    length = sizeof(record_out);
    rc[4] = chatalot_letter_make(CHATALOT_LETTER_ITEMS, letter, 241, record_out, &length);

    for (i = 1; i < 5; i++) {
        if (rc[i] != rc[0]) {
            return 1;
        }
    }

    return rc[0];
}


/* Counters are at 202 of all three, at 238 and 274 of a record; 5,000 is 13 88. */
static void
sender_keys_of_other_forms(void)
{
    begin_chain();
    is_code(chain_used(), CHATALOT_OK, "a chain");
    is_code(record_used(), CHATALOT_OK, "a record");
    is_code(key_used(), CHATALOT_OK, "a key");

    chain[0] = record[0] = key[0] = 2;
    is_code(chain_used(), CHATALOT_E_VERSION, "a chain of another version");
    is_code(record_used(), CHATALOT_E_VERSION, "a record of another version");
    record[0] = 1;
    is_code(key_used(), CHATALOT_E_VERSION, "a key of another version");
    chain[0] = key[0] = 1;
    chain[1] = record[1] = key[1] = 2;
    is_code(chain_used(), CHATALOT_E_VERSION, "a chain of another suite");
    is_code(record_used(), CHATALOT_E_VERSION, "a record of another suite");
    record[1] = 1;
    is_code(key_used(), CHATALOT_E_VERSION, "a key of another suite");
    chain[1] = key[1] = 1;

    key[138] ^= 1;
    is_code(key_used(), CHATALOT_E_AUTH, "a key that its device has not signed");
    key[138] ^= 1;

    chain[204] = key[204] = 0x13;
    chain[205] = 0x89;
    key[205] = 0x88;
    is_code(chain_used(), CHATALOT_E_FORMAT, "a chain past its end");
    is_code(key_used(), CHATALOT_E_FORMAT, "a key at the end of its chain");
}


static void
positions_out_of_order(void)
{
    uint8_t  moved[310];

    begin_chain();

    /* start 0, mark 16, head 256 */
    record[238 + 3] = 16;
    record[274 + 2] = 1;
    is_code(record_used(), CHATALOT_OK, "a record whose positions follow one another");
    must(chatalot_sender_key_at(record, 16, moved) == CHATALOT_OK, "at");
    ok(moved[205] == 16 && moved[238 + 3] == 16 && moved[274 + 2] == 1,
       "its start moves as far as the mark, which stays");
    must(chatalot_sender_key_at(record, 17, moved) == CHATALOT_OK, "at");
    ok(moved[205] == 17 && moved[238 + 3] == 17 && moved[274 + 2] == 1,
       "further, and takes the mark along");
    is_code(chatalot_sender_key_at(moved, 17, record_out), CHATALOT_OK, "or nowhere");
    is_code(chatalot_sender_key_at(moved, 16, record_out), CHATALOT_E_PARAMETERS,
            "back it does not go");
    record[238 + 2] = 2;
    is_code(record_used(), CHATALOT_E_FORMAT, "its mark behind the furthest");
    record[238 + 2] = 0;
    record[202 + 3] = 17;
    is_code(record_used(), CHATALOT_E_FORMAT, "its start behind the mark");
    record[202 + 3] = 0;
    record[274 + 2] = 0x13;
    record[274 + 3] = 0x88;
    is_code(record_used(), CHATALOT_E_FORMAT, "the furthest at the chain's end");
    record[274 + 3] = 0x87;
    is_code(record_used(), CHATALOT_OK, "before it");
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    damaged_session_records();
    skipped_keys_that_fit();
    ends_of_sending();
    sender_keys_of_other_forms();
    positions_out_of_order();

    return done();
}
