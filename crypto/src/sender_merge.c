/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Moving the start of a sender key record: back, when an earlier copy of the key arrives, or
 * on, for a reader who may see only what comes later.
 */

#include <sodium.h>

#include "bytes.h"
#include "sender_key.h"


/* Whether both are on one chain: the earlier position, advanced, must be the later one. */
static int
same_chain(const sender_position *a, const sender_position *b)
{
    int              same;
    sender_position  walked;

    if (a->counter > b->counter) {
        return same_chain(b, a);
    }

    walked = *a;
    sender_position_advance(&walked, b->counter);
    same = sodium_memcmp(walked.key, b->key, 32) == 0;
    sodium_memzero(&walked, sizeof(walked));

    return same;
}


static int
same_identity(const sender_key *a, const sender_key *b)
{
    return memcmp(a->channel, b->channel, 16) == 0
           && a->epoch == b->epoch
           && memcmp(a->id, b->id, 16) == 0
           && memcmp(a->party, b->party, 64) == 0
           && memcmp(a->signing_public, b->signing_public, 32) == 0;
}


int
chatalot_sender_key_merge(const uint8_t record[310], const uint8_t data[238],
                          uint8_t new_record[310])
{
    int            rc;
    sender_key     other;
    sender_record  r;

    if (!record || !data || !new_record) {
        return CHATALOT_E_PARAMETERS;
    }

    sodium_memzero(&other, sizeof(other));
    rc = sender_record_read(&r, record);

    if (rc == CHATALOT_OK) {
        rc = sender_key_read(&other, data);
    }

    if (rc == CHATALOT_OK) {
        rc = sender_key_attested(&other);
    }

    if (rc == CHATALOT_OK
        && (!same_identity(&r.key, &other) || !same_chain(&r.key.start, &other.start)))
    {
        rc = CHATALOT_E_AUTH;
    }

    if (rc == CHATALOT_OK) {
        if (other.start.counter < r.key.start.counter) {
            r.key.start = other.start;
        }

        if (other.start.counter > r.head.counter) {
            r.head = other.start;
        }

        sender_record_write(&r, new_record);
    }

    sodium_memzero(&r, sizeof(r));
    sodium_memzero(&other, sizeof(other));

    return rc;
}


int
chatalot_sender_key_at(const uint8_t record[310], uint32_t counter, uint8_t new_record[310])
{
    int            rc;
    sender_record  r;

    if (!record || !new_record) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = sender_record_read(&r, record);

    if (rc == CHATALOT_OK
        && (counter < r.key.start.counter || counter >= CHATALOT_SENDER_CHAIN_MAX))
    {
        rc = CHATALOT_E_PARAMETERS;
    }

    if (rc == CHATALOT_OK) {
        r.key.start = *sender_record_nearest(&r, counter);
        sender_position_advance(&r.key.start, counter);

        if (r.mark.counter < counter) {
            r.mark = r.key.start;
        }

        if (r.head.counter < counter) {
            r.head = r.key.start;
        }

        sender_record_write(&r, new_record);
    }

    sodium_memzero(&r, sizeof(r));

    return rc;
}
