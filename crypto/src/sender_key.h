/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The three forms of a sender key, as structs: the chain a device sends with, the key it gives
 * away, the record that a reader keeps. channel_message.c uses them; docs/e2ee.md has their
 * bytes.
 */

#ifndef CHATALOT_SENDER_KEY_H
#define CHATALOT_SENDER_KEY_H

#include <stdint.h>

typedef struct {
    uint32_t  counter;
    uint8_t   key[32];
} sender_position;

typedef struct {
    uint8_t          channel[16];
    uint64_t         epoch;
    uint8_t          id[16];
    uint8_t          party[64];
    uint8_t          signing_public[32];
    uint8_t          attestation[64];
    sender_position  start;
} sender_key;

typedef struct {
    sender_key       key;
    sender_position  mark;      /* between the two, near where history was last read */
    sender_position  head;      /* at the furthest counter reached */
} sender_record;

typedef struct {
    sender_key       key;       /* start: where the next message stands */
    uint8_t          signing_seed[32];
} sender_chain;

/* CHATALOT_OK, CHATALOT_E_VERSION or CHATALOT_E_FORMAT. None of them checks the attestation. */
int  sender_key_read(sender_key *k, const uint8_t data[238]);
int  sender_record_read(sender_record *r, const uint8_t data[310]);
int  sender_chain_read(sender_chain *c, const uint8_t data[270]);

void sender_key_write(const sender_key *k, uint8_t data[238]);
void sender_record_write(const sender_record *r, uint8_t data[310]);
void sender_chain_write(const sender_chain *c, uint8_t data[270]);

/*
 * CHATALOT_OK or CHATALOT_E_AUTH: whether the device named in the key signed that the key is
 * its own.
 */
int  sender_key_attested(const sender_key *k);

/* The furthest known position that is not past the counter, which is not before the start. */
const sender_position *sender_record_nearest(const sender_record *r, uint32_t counter);

/* Advances to a counter that is not behind. */
void sender_position_advance(sender_position *p, uint32_t counter);

#endif /* CHATALOT_SENDER_KEY_H */
