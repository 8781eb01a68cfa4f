/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sender keys and channel messages: order, gaps, history, and what a relay might try.
 */

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "people.h"
#include "tap.h"

#define EPOCH   3

typedef struct {
    uint8_t   data[512];
    size_t    length;
    uint8_t   id[16];
    char      text[16];
} message;

static person   alice;
static device   phone;
static uint8_t  channel[16], chain[270], key[238], record[310];


static size_t
bind(uint8_t out[CHATALOT_BINDING_MAX], const uint8_t id[16], const char *kind, uint64_t epoch)
{
    size_t  length = CHATALOT_BINDING_MAX;

    must(chatalot_binding_make(channel, epoch, kind, strlen(kind), id, NULL, NULL, phone.party,
                               phone.party + 16, out, &length) == CHATALOT_OK, "binding");

    return length;
}


static int
write_message(message *m, int number)
{
    int      rc;
    size_t   bound_length;
    uint8_t  bound[CHATALOT_BINDING_MAX], next[270];

    randombytes_buf(m->id, 16);
    snprintf(m->text, sizeof(m->text), "%d", number);
    bound_length = bind(bound, m->id, "message", EPOCH);
    m->length = sizeof(m->data);

    rc = chatalot_channel_message_seal(chain, bound, bound_length, (const uint8_t *) m->text,
                                       strlen(m->text), next, m->data, &m->length);
    if (rc == CHATALOT_OK) {
        memcpy(chain, next, sizeof(chain));
    }

    return rc;
}


static int
read_with(uint8_t r[310], const message *m, uint8_t history)
{
    int      rc;
    size_t   bound_length, length;
    uint8_t  bound[CHATALOT_BINDING_MAX], next[310], payload[512];

    bound_length = bind(bound, m->id, "message", EPOCH);
    length = sizeof(payload);

    rc = chatalot_channel_message_open(r, bound, bound_length, m->data, m->length, history, next,
                                       payload, &length);
    if (rc == CHATALOT_OK) {
        must(length == strlen(m->text) && memcmp(payload, m->text, length) == 0, "text");
        memcpy(r, next, sizeof(next));
    } else {
        must(length == 0, "output of a failed opening");
    }

    return rc;
}


static void
begin(void)
{
    new_person(&alice);
    new_device(&phone, &alice);
    randombytes_buf(channel, 16);
    must(chatalot_sender_chain_create(channel, EPOCH, phone.party, phone.secret, chain)
         == CHATALOT_OK, "chain");
    must(chatalot_sender_chain_share(chain, key) == CHATALOT_OK, "share");
    must(chatalot_sender_key_accept(key, record) == CHATALOT_OK, "accept");
}


static void
in_any_order_and_again(void)
{
    int             i, opened;
    static message  m[50];

    begin();
    for (i = 0; i < 50; i++) {
        must(write_message(&m[i], i) == CHATALOT_OK, "seal");
    }

    for (i = 49, opened = 0; i >= 0; i -= 2) {
        opened += read_with(record, &m[i], 0) == CHATALOT_OK;
    }
    for (i = 0; i < 50; i += 2) {
        opened += read_with(record, &m[i], 0) == CHATALOT_OK;
    }
    is_number(opened, 50, "fifty messages open in any order");

    for (i = 0, opened = 0; i < 50; i++) {
        opened += read_with(record, &m[i], i % 2) == CHATALOT_OK;
    }
    is_number(opened, 50, "and again, for history is read again");
    is_bytes(record, 238, key, 238, "the record's beginning is still the sender key");
}


/* As a client reads: the newest page first, then older ones, each in either direction. */
static void
history_page_by_page(void)
{
    int             i, page, opened;
    uint8_t         half[310], late[238], before[310];
    static message  m[400];

    begin();
    for (i = 0; i < 400; i++) {
        must(write_message(&m[i], i) == CHATALOT_OK, "seal");
    }

    for (page = 7, opened = 0; page >= 0; page--) {
        for (i = 0; i < 50; i++) {
            opened += read_with(record, &m[page * 50 + (page % 2 ? i : 49 - i)], 1)
                      == CHATALOT_OK;
        }
    }
    is_number(opened, 400, "four hundred messages open from the last page to the first");

    memcpy(before, record, sizeof(before));
    opened = read_with(record, &m[200], 1) == CHATALOT_OK;
    ok(opened && memcmp(before, record, 238) == 0, "the record still starts where it did");
    ok(memcmp(before + 274, record + 274, 36) == 0, "and has gone as far as it had");
    ok(memcmp(before + 238, record + 238, 36) != 0, "only the place of reading has moved");

    /* a record that is moved on takes the place of reading along */
    is_code(chatalot_sender_key_at(record, 300, half), CHATALOT_OK, "a record moved past it");
    is_code(read_with(half, &m[300], 1), CHATALOT_OK, "reads from there");
    is_code(read_with(half, &m[399], 1), CHATALOT_OK, "to the end");
    memcpy(late, half, 238);
    is_code(chatalot_sender_key_merge(record, late, half), CHATALOT_OK, "and merges back");
    is_bytes(half, 310, record, 310, "without a change");
}


static void
later_reader(void)
{
    uint8_t         late_key[238], late[310], merged[310], channel_read[16], id[16], party[64];
    uint32_t        counter;
    uint64_t        epoch;
    static message  early, later;

    begin();
    must(write_message(&early, 0) == CHATALOT_OK, "seal");
    must(chatalot_sender_chain_share(chain, late_key) == CHATALOT_OK, "share");
    must(chatalot_sender_key_accept(late_key, late) == CHATALOT_OK, "accept");
    must(write_message(&later, 1) == CHATALOT_OK, "seal");

    is_code(read_with(late, &later, 0), CHATALOT_OK, "who joined reads what comes");
    is_code(read_with(late, &early, 1), CHATALOT_E_REPLAY, "and not what was before");

    is_code(chatalot_sender_key_inspect(late_key, channel_read, &epoch, id, party, &counter),
            CHATALOT_OK, "what the key says");
    ok(counter == 1 && epoch == EPOCH && memcmp(channel_read, channel, 16) == 0
       && memcmp(party, phone.party, 64) == 0, "is where it starts and whose it is");

    is_code(chatalot_sender_key_merge(late, key, merged), CHATALOT_OK, "an earlier copy arrives");
    is_code(read_with(merged, &early, 1), CHATALOT_OK, "then the past opens too");
    is_code(chatalot_sender_key_merge(merged, late_key, late), CHATALOT_OK, "a later copy again");
    is_bytes(late, 310, merged, 310, "changes nothing");

    late_key[237] ^= 1;
    is_code(chatalot_sender_key_merge(merged, late_key, late), CHATALOT_E_AUTH,
            "a copy that is not on the chain");

    must(chatalot_sender_key_accept(key, record) == CHATALOT_OK, "accept");
    is_code(chatalot_sender_key_at(record, 1, late), CHATALOT_OK, "a record moved on");
    is_code(read_with(late, &early, 1), CHATALOT_E_REPLAY, "does not read before");
    is_code(read_with(late, &later, 1), CHATALOT_OK, "but from there on");
    is_code(chatalot_sender_key_at(late, 0, merged), CHATALOT_E_PARAMETERS, "and not back");
    is_code(chatalot_sender_key_at(late, CHATALOT_SENDER_CHAIN_MAX, merged),
            CHATALOT_E_PARAMETERS, "nor past the end");
    is_code(chatalot_sender_key_at(late, 40, merged), CHATALOT_OK, "far on");
    is_code(chatalot_sender_key_merge(record, merged, late), CHATALOT_OK,
            "and merged with the earlier one");
    is_code(read_with(late, &early, 1), CHATALOT_OK, "which still reads from its start");
}


static void
gaps_and_the_end_of_the_chain(void)
{
    int             i, rc;
    uint8_t         shared[238];
    static message  m, near, far, last;

    begin();
    for (i = 0; i < 2000; i++) {
        must(write_message(&m, i) == CHATALOT_OK, "seal");
    }
    must(write_message(&near, 2000) == CHATALOT_OK && write_message(&far, 2001) == CHATALOT_OK,
         "seal");

    is_code(read_with(record, &far, 0), CHATALOT_E_TOO_FAR, "2,001 ahead is too far");
    is_code(read_with(record, &far, 1), CHATALOT_OK, "but not for reading back");
    must(chatalot_sender_key_accept(key, record) == CHATALOT_OK, "accept");
    is_code(read_with(record, &near, 0), CHATALOT_OK, "2,000 ahead is not");
    is_code(read_with(record, &far, 0), CHATALOT_OK, "and the next follows");

    for (i = 2002; i < 5000; i++) {
        must(write_message(&last, i) == CHATALOT_OK, "seal");
    }
    rc = write_message(&m, 5000);
    is_code(rc, CHATALOT_E_EXHAUSTED, "a chain ends after 5,000 messages");
    is_code(chatalot_sender_chain_share(chain, shared), CHATALOT_E_EXHAUSTED,
            "and is not shared any more");
    must(chatalot_sender_key_accept(key, record) == CHATALOT_OK, "accept");
    is_code(read_with(record, &last, 1), CHATALOT_OK, "its last message opens");
}


static void
try_binding(const char *what, const message *m, const uint8_t *bound, size_t length)
{
    size_t   payload_length = 512;
    uint8_t  next[310], payload[512];

    is_code(chatalot_channel_message_open(record, bound, length, m->data, m->length, 1, next,
                                          payload, &payload_length),
            CHATALOT_E_AUTH, what);
}


static void
a_relay_moves_messages(void)
{
    size_t          length;
    uint8_t         bound[CHATALOT_BINDING_MAX], other[16];
    const char     *kind = "message";
    static message  m;

    begin();
    must(write_message(&m, 1) == CHATALOT_OK, "seal");
    randombytes_buf(other, 16);

    length = sizeof(bound);
    chatalot_binding_make(other, EPOCH, kind, 7, m.id, NULL, NULL, phone.party, phone.party + 16,
                          bound, &length);
    try_binding("to another channel", &m, bound, length);

    length = bind(bound, m.id, "message", EPOCH + 1);
    try_binding("to another epoch", &m, bound, length);
    length = bind(bound, m.id, "edit", EPOCH);
    try_binding("to another kind", &m, bound, length);
    length = bind(bound, other, "message", EPOCH);
    try_binding("to another id", &m, bound, length);

    length = sizeof(bound);
    chatalot_binding_make(channel, EPOCH, kind, 7, m.id, other, NULL, phone.party,
                          phone.party + 16, bound, &length);
    try_binding("to a thread", &m, bound, length);
    length = sizeof(bound);
    chatalot_binding_make(channel, EPOCH, kind, 7, m.id, NULL, other, phone.party,
                          phone.party + 16, bound, &length);
    try_binding("to a reply", &m, bound, length);
    length = sizeof(bound);
    chatalot_binding_make(channel, EPOCH, kind, 7, m.id, NULL, NULL, other, phone.party + 16,
                          bound, &length);
    try_binding("to another user", &m, bound, length);
    length = sizeof(bound);
    chatalot_binding_make(channel, EPOCH, kind, 7, m.id, NULL, NULL, phone.party, other,
                          bound, &length);
    try_binding("to another device", &m, bound, length);
}


/* Eve is a member: she has the chain key, and may try to speak as Alice. */
static void
a_member_forges(void)
{
    size_t          bound_length;
    device          eve_device;
    person          eve;
    uint8_t         forged_chain[270], forged_key[238], next[310], bound[CHATALOT_BINDING_MAX];
    uint8_t         forged_record[310];
    static message  m;

    begin();
    new_person(&eve);
    new_device(&eve_device, &eve);

    /* the shared key with a signing key of her own */
    memcpy(forged_chain, key, 238);
    randombytes_buf(forged_chain + 238, 32);
    randombytes_buf(m.id, 16);
    bound_length = bind(bound, m.id, "message", EPOCH);
    strcpy(m.text, "forged");
    m.length = sizeof(m.data);
    must(chatalot_channel_message_seal(forged_chain, bound, bound_length, (const uint8_t *) "forged",
                                       6, next, m.data, &m.length) == CHATALOT_OK, "seal");
    is_code(read_with(record, &m, 0), CHATALOT_E_AUTH, "a message signed by another key");

    /* a key of her own said to be Alice's */
    must(chatalot_sender_chain_create(channel, EPOCH, eve_device.party, eve_device.secret,
                                      forged_chain) == CHATALOT_OK
         && chatalot_sender_chain_share(forged_chain, forged_key) == CHATALOT_OK, "chain");
    memcpy(forged_key + 42, phone.party, 64);
    is_code(chatalot_sender_key_accept(forged_key, forged_record), CHATALOT_E_AUTH,
            "a sender key that its device did not attest");
    is_code(chatalot_sender_chain_create(channel, EPOCH, phone.party, eve_device.secret,
                                         forged_chain), CHATALOT_E_PARAMETERS,
            "one cannot attest for another device");

    must(write_message(&m, 1) == CHATALOT_OK, "seal");
    must(chatalot_sender_chain_create(channel, EPOCH, phone.party, phone.secret, forged_chain)
         == CHATALOT_OK && chatalot_sender_chain_share(forged_chain, forged_key) == CHATALOT_OK
         && chatalot_sender_key_accept(forged_key, forged_record) == CHATALOT_OK, "chain");
    is_code(read_with(forged_record, &m, 0), CHATALOT_E_NO_KEY, "a message of another sender key");
    is_code(chatalot_sender_key_merge(record, forged_key, next), CHATALOT_E_AUTH,
            "two sender keys do not merge");
}


static void
arguments(void)
{
    size_t          length, bound_length;
    uint8_t         bound[CHATALOT_BINDING_MAX], id[16] = { 1 }, next[310] = { 0 }, out[512], big[1];
    uint8_t         channel_read[16], key_id[16];
    uint32_t        counter;
    uint64_t        epoch;
    static uint8_t  long_payload[CHATALOT_PAYLOAD_MAX + 1], long_message[CHATALOT_PAYLOAD_MAX * 2];
    static uint8_t  long_read[CHATALOT_PAYLOAD_MAX * 2];
    static message  m;

    begin();
    length = sizeof(bound);
    is_code(chatalot_binding_make(channel, 1, "Message", 7, id, NULL, NULL, id, id, bound, &length),
            CHATALOT_E_PARAMETERS, "a kind in capitals");
    length = sizeof(bound);
    is_code(chatalot_binding_make(channel, 1, "", 0, id, NULL, NULL, id, id, bound, &length),
            CHATALOT_E_PARAMETERS, "an empty kind");
    length = 50;
    is_code(chatalot_binding_make(channel, 1, "edit", 4, id, NULL, NULL, id, id, bound, &length),
            CHATALOT_E_SPACE, "no room for the binding");
    is_number((long long) length, 111, "the room it needs");

    bound_length = bind(bound, id, "message", EPOCH);
    length = sizeof(out);
    is_code(chatalot_channel_message_seal(chain, bound, bound_length - 1, id, 16, next, out, &length),
            CHATALOT_E_FORMAT, "a binding cut short");
    length = sizeof(out);
    is_code(chatalot_channel_message_seal(chain, bound, bound_length, id, 0, next, out, &length),
            CHATALOT_E_PARAMETERS, "an empty payload");
    length = sizeof(out);
    is_code(chatalot_channel_message_seal(chain, bound, bound_length, long_payload,
                                          sizeof(long_payload), next, out, &length),
            CHATALOT_E_PARAMETERS, "a payload that is too long");
    length = 100;
    is_code(chatalot_channel_message_seal(chain, bound, bound_length, id, 16, next, out, &length),
            CHATALOT_E_SPACE, "no room for the message");
    is_number((long long) length, 102 + 20, "the room it needs");
    ok(next[0] == 0, "and the chain does not move on");
    is_code(chatalot_channel_message_seal(chain, bound, bound_length, id, 16, next, out, &length),
            CHATALOT_OK, "with that it is sealed");

    length = sizeof(long_message);
    is_code(chatalot_channel_message_seal(chain, bound, bound_length, long_payload,
                                          CHATALOT_PAYLOAD_MAX, next, long_message, &length),
            CHATALOT_OK, "the longest payload");
    bound_length = length;
    length = sizeof(long_read);
    memcpy(m.id, id, 16);
    {
        uint8_t  b2[CHATALOT_BINDING_MAX];
        size_t   b2_length = bind(b2, id, "message", EPOCH);

        is_code(chatalot_channel_message_open(record, b2, b2_length, long_message, bound_length, 0,
                                              next, long_read, &length),
                CHATALOT_OK, "opens");
        is_number((long long) length, CHATALOT_PAYLOAD_MAX, "whole");

        length = sizeof(big);
        is_code(chatalot_channel_message_open(record, b2, b2_length, long_message, bound_length, 0,
                                              next, big, &length),
                CHATALOT_E_SPACE, "no room for the payload");
        is_code(chatalot_channel_message_open(record, b2, b2_length, long_message, bound_length, 0,
                                              next, long_read, &length),
                CHATALOT_OK, "with the room it needs it opens");
    }

    is_code(chatalot_sender_chain_inspect(chain, channel_read, &epoch, key_id, &counter),
            CHATALOT_OK, "a chain says where it stands");
    ok(epoch == EPOCH && counter == 0 && memcmp(key_id, key + 26, 16) == 0, "and what it is");
    chain[1] = 2;
    is_code(chatalot_sender_chain_inspect(chain, channel_read, &epoch, key_id, &counter),
            CHATALOT_E_VERSION, "a chain of another suite");
    chain[1] = 1;
    chain[202] = 0x10;
    is_code(chatalot_sender_chain_inspect(chain, channel_read, &epoch, key_id, &counter),
            CHATALOT_E_FORMAT, "a chain past its end");
    record[238] = 0x10;
    is_code(chatalot_sender_key_at(record, 0, next), CHATALOT_E_FORMAT, "a record past its end");
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    in_any_order_and_again();
    history_page_by_page();
    later_reader();
    gaps_and_the_end_of_the_chain();
    a_relay_moves_messages();
    a_member_forges();
    arguments();

    return done();
}
