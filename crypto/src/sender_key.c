/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sender keys: making, giving away, accepting and merging them. What is sealed with them is
 * channel_message.c's.
 *
 * The attestation, D's signature over whose key it is, is what lets anyone pass a key on (the
 * backup, another member sharing history) without being able to speak in the owner's name.
 */

#include <sodium.h>

#include "bytes.h"
#include "chain.h"
#include "sender_key.h"
#include "wire.h"

#define LABEL_ATTESTATION       "chatalot/v1/sender-key"

/* label, then the sender key's bytes up to the attestation */
#define ATTESTED_LENGTH         (CHATALOT_PREFIX + 16 + 8 + 16 + 64 + 32)
#define STATEMENT_LENGTH        (sizeof(LABEL_ATTESTATION) - 1 + ATTESTED_LENGTH)


static void
write_identity(writer *w, const sender_key *k)
{
    write_prefix(w);
    write_bytes(w, k->channel, 16);
    write_u64(w, k->epoch);
    write_bytes(w, k->id, 16);
    write_bytes(w, k->party, 64);
    write_bytes(w, k->signing_public, 32);
}


static void
write_position(writer *w, const sender_position *p)
{
    write_u32(w, p->counter);
    write_bytes(w, p->key, 32);
}


static void
read_position(reader *r, sender_position *p)
{
    p->counter = read_u32(r);
    read_bytes(r, p->key, 32);
}


static void
statement(uint8_t out[STATEMENT_LENGTH], const sender_key *k)
{
    writer  w;

    writer_init(&w, out, STATEMENT_LENGTH);
    write_bytes(&w, LABEL(LABEL_ATTESTATION));
    write_identity(&w, k);
}


int
sender_key_attested(const sender_key *k)
{
    uint8_t  message[STATEMENT_LENGTH];

    statement(message, k);

    if (crypto_sign_verify_detached(k->attestation, message, sizeof(message),
                                    k->party + 32) != 0)
    {
        return CHATALOT_E_AUTH;
    }

    return CHATALOT_OK;
}


void
sender_position_advance(sender_position *p, uint32_t counter)
{
    while (p->counter < counter) {
        chain_step(p->key, NULL);
        p->counter++;
    }
}


const sender_position *
sender_record_nearest(const sender_record *r, uint32_t counter)
{
    if (counter >= r->head.counter) {
        return &r->head;
    }

    return counter >= r->mark.counter ? &r->mark : &r->key.start;
}


/* Everything of a key but version and suite, which the caller has checked. */
static void
read_key(reader *r, sender_key *k)
{
    read_bytes(r, k->channel, 16);
    k->epoch = read_u64(r);
    read_bytes(r, k->id, 16);
    read_bytes(r, k->party, 64);
    read_bytes(r, k->signing_public, 32);
    read_bytes(r, k->attestation, 64);
    read_position(r, &k->start);
}


int
sender_key_read(sender_key *k, const uint8_t data[238])
{
    reader  r;

    reader_init(&r, data, CHATALOT_SENDER_KEY_LENGTH);

    if (read_prefix(&r) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    read_key(&r, k);

    return k->start.counter >= CHATALOT_SENDER_CHAIN_MAX ? CHATALOT_E_FORMAT : CHATALOT_OK;
}


int
sender_record_read(sender_record *record, const uint8_t data[310])
{
    int     rc;
    reader  r;

    rc = sender_key_read(&record->key, data);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    reader_init(&r, data + CHATALOT_SENDER_KEY_LENGTH,
                CHATALOT_SENDER_KEY_RECORD_LENGTH - CHATALOT_SENDER_KEY_LENGTH);
    read_position(&r, &record->mark);
    read_position(&r, &record->head);

    if (record->mark.counter < record->key.start.counter
        || record->head.counter < record->mark.counter
        || record->head.counter >= CHATALOT_SENDER_CHAIN_MAX)
    {
        return CHATALOT_E_FORMAT;
    }

    return CHATALOT_OK;
}


int
sender_chain_read(sender_chain *c, const uint8_t data[270])
{
    reader  r;

    reader_init(&r, data, CHATALOT_SENDER_CHAIN_LENGTH);

    if (read_prefix(&r) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    read_key(&r, &c->key);
    read_bytes(&r, c->signing_seed, 32);

    /* an exhausted chain stands exactly at the end */
    return c->key.start.counter > CHATALOT_SENDER_CHAIN_MAX ? CHATALOT_E_FORMAT : CHATALOT_OK;
}


void
sender_key_write(const sender_key *k, uint8_t data[238])
{
    writer  w;

    writer_init(&w, data, CHATALOT_SENDER_KEY_LENGTH);
    write_identity(&w, k);
    write_bytes(&w, k->attestation, 64);
    write_position(&w, &k->start);
}


void
sender_record_write(const sender_record *record, uint8_t data[310])
{
    writer  w;

    sender_key_write(&record->key, data);
    writer_init(&w, data + CHATALOT_SENDER_KEY_LENGTH,
                CHATALOT_SENDER_KEY_RECORD_LENGTH - CHATALOT_SENDER_KEY_LENGTH);
    write_position(&w, &record->mark);
    write_position(&w, &record->head);
}


void
sender_chain_write(const sender_chain *c, uint8_t data[270])
{
    sender_key_write(&c->key, data);
    memcpy(data + CHATALOT_SENDER_KEY_LENGTH, c->signing_seed, 32);
}


int
chatalot_sender_chain_create(const uint8_t channel[16], uint64_t epoch, const uint8_t own[64],
                             const uint8_t own_secret[32], uint8_t chain[270])
{
    uint8_t       pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];
    uint8_t       message[STATEMENT_LENGTH];
    sender_chain  c;

    if (!channel || !own || !own_secret || !chain) {
        return CHATALOT_E_PARAMETERS;
    }

    memcpy(c.key.channel, channel, 16);
    c.key.epoch = epoch;
    randombytes_buf(c.key.id, 16);
    memcpy(c.key.party, own, 64);
    randombytes_buf(c.key.start.key, 32);
    c.key.start.counter = 0;

    randombytes_buf(c.signing_seed, 32);
    crypto_sign_seed_keypair(c.key.signing_public, sk, c.signing_seed);

    crypto_sign_seed_keypair(pk, sk, own_secret);

    if (sodium_memcmp(pk, own + 32, 32) != 0) {
        sodium_memzero(sk, sizeof(sk));
        sodium_memzero(&c, sizeof(c));
        return CHATALOT_E_PARAMETERS;
    }

    statement(message, &c.key);
    crypto_sign_detached(c.key.attestation, NULL, message, sizeof(message), sk);
    sender_chain_write(&c, chain);

    sodium_memzero(sk, sizeof(sk));
    sodium_memzero(&c, sizeof(c));

    return CHATALOT_OK;
}


int
chatalot_sender_chain_share(const uint8_t chain[270], uint8_t data[238])
{
    int           rc;
    sender_chain  c;

    if (!chain || !data) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = sender_chain_read(&c, chain);

    if (rc == CHATALOT_OK && c.key.start.counter >= CHATALOT_SENDER_CHAIN_MAX) {
        rc = CHATALOT_E_EXHAUSTED;
    }

    if (rc == CHATALOT_OK) {
        sender_key_write(&c.key, data);
    }

    sodium_memzero(&c, sizeof(c));

    return rc;
}


int
chatalot_sender_chain_inspect(const uint8_t chain[270], uint8_t channel[16], uint64_t *epoch,
                              uint8_t key_id[16], uint32_t *counter)
{
    int           rc;
    sender_chain  c;

    if (!chain || !channel || !epoch || !key_id || !counter) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = sender_chain_read(&c, chain);

    if (rc == CHATALOT_OK) {
        memcpy(channel, c.key.channel, 16);
        *epoch = c.key.epoch;
        memcpy(key_id, c.key.id, 16);
        *counter = c.key.start.counter;
    }

    sodium_memzero(&c, sizeof(c));

    return rc;
}


int
chatalot_sender_key_inspect(const uint8_t data[238], uint8_t channel[16], uint64_t *epoch,
                            uint8_t key_id[16], uint8_t sender[64], uint32_t *counter)
{
    int         rc;
    sender_key  k;

    if (!data || !channel || !epoch || !key_id || !sender || !counter) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = sender_key_read(&k, data);

    if (rc == CHATALOT_OK) {
        rc = sender_key_attested(&k);
    }

    if (rc == CHATALOT_OK) {
        memcpy(channel, k.channel, 16);
        *epoch = k.epoch;
        memcpy(key_id, k.id, 16);
        memcpy(sender, k.party, 64);
        *counter = k.start.counter;
    }

    sodium_memzero(&k, sizeof(k));

    return rc;
}


int
chatalot_sender_key_accept(const uint8_t data[238], uint8_t record[310])
{
    int            rc;
    sender_record  r;

    if (!data || !record) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = sender_key_read(&r.key, data);

    if (rc == CHATALOT_OK) {
        rc = sender_key_attested(&r.key);
    }

    if (rc == CHATALOT_OK) {
        r.mark = r.key.start;
        r.head = r.key.start;
        sender_record_write(&r, record);
    }

    sodium_memzero(&r, sizeof(r));

    return rc;
}
