/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The Double Ratchet (ratchet.h). It must not know devices, sessions or what is sent.
 */

#include <sodium.h>

#include "bytes.h"
#include "chain.h"
#include "hkdf.h"
#include "ratchet.h"

#define LABEL_ROOT      "chatalot/v1/ratchet/root"

#define PREVIOUS_AT     32
#define NUMBER_AT       36


/*
 * KDF_RK (3.1, 5.2): the next root key and a chain key from the agreement of the two ratchet
 * keys.
 */
static int
root_step(ratchet *r, uint8_t chain_key[32])
{
    uint8_t  shared[32], out[64];

    if (crypto_scalarmult(shared, r->own_secret, r->peer_public) != 0) {
        return CHATALOT_E_AUTH;
    }

    hkdf_sha256(r->root, 32, shared, 32, LABEL(LABEL_ROOT), out, sizeof(out));
    memcpy(r->root, out, 32);
    memcpy(chain_key, out + 32, 32);

    sodium_memzero(shared, sizeof(shared));
    sodium_memzero(out, sizeof(out));

    return CHATALOT_OK;
}


int
ratchet_initiate(ratchet *r, const uint8_t shared[32], const uint8_t peer_public[32])
{
    sodium_memzero(r, sizeof(*r));
    memcpy(r->root, shared, 32);
    memcpy(r->peer_public, peer_public, 32);
    crypto_box_keypair(r->own_public, r->own_secret);
    r->has_sending = 1;

    return root_step(r, r->sending);
}


void
ratchet_respond(ratchet *r, const uint8_t shared[32], const uint8_t own_secret[32])
{
    sodium_memzero(r, sizeof(*r));
    memcpy(r->root, shared, 32);
    memcpy(r->own_secret, own_secret, 32);
    crypto_scalarmult_base(r->own_public, own_secret);
}


int
ratchet_send(ratchet *r, uint8_t header[RATCHET_HEADER_LENGTH], uint8_t message_key[32])
{
    if (!r->has_sending) {
        return CHATALOT_E_NO_KEY;
    }

    if (r->sent == UINT32_MAX) {
        return CHATALOT_E_EXHAUSTED;
    }

    memcpy(header, r->own_public, 32);
    store32(header + PREVIOUS_AT, r->previous);
    store32(header + NUMBER_AT, r->sent);

    chain_step(r->sending, message_key);
    r->sent++;

    return CHATALOT_OK;
}


/* Keeps the keys of the receiving chain up to, not with, `until`. There is room for them. */
static void
skip(ratchet *r, uint32_t until)
{
    uint8_t  message_key[32];

    while (r->received < until) {
        chain_step(r->receiving, message_key);
        skipped_add(&r->skipped, r->peer_public, r->received, message_key);
        r->received++;
    }

    sodium_memzero(message_key, sizeof(message_key));
    skipped_trim(&r->skipped, r->peer_public);
}


/* DHRatchet (3.5): the peer has a new ratchet key. */
static int
turn(ratchet *r, const uint8_t peer_public[32])
{
    int  rc;

    r->previous = r->sent;
    r->sent = 0;
    r->received = 0;
    memcpy(r->peer_public, peer_public, 32);

    rc = root_step(r, r->receiving);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    crypto_box_keypair(r->own_public, r->own_secret);
    r->has_sending = 1;
    r->has_receiving = 1;

    return root_step(r, r->sending);
}


static int
receive_in_chain(ratchet *r, uint32_t number)
{
    int  rc;

    if (number < r->received) {
        return CHATALOT_E_REPLAY;
    }

    if (number - r->received > CHATALOT_SKIP_CHAIN_MAX) {
        return CHATALOT_E_TOO_FAR;
    }

    rc = skipped_reserve(&r->skipped, number - r->received);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    skip(r, number);

    return CHATALOT_OK;
}


static int
receive_in_new_chain(ratchet *r, const uint8_t peer_public[32], uint32_t previous, uint32_t number)
{
    int       rc;
    uint32_t  missed;

    missed = r->has_receiving && previous > r->received ? previous - r->received : 0;

    if (missed > CHATALOT_SKIP_CHAIN_MAX || number > CHATALOT_SKIP_CHAIN_MAX) {
        return CHATALOT_E_TOO_FAR;
    }

    rc = skipped_reserve(&r->skipped, (size_t) missed + number);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    if (missed > 0) {
        skip(r, previous);
    }

    rc = turn(r, peer_public);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    skip(r, number);

    return CHATALOT_OK;
}


int
ratchet_receive(ratchet *r, const uint8_t header[RATCHET_HEADER_LENGTH], uint8_t message_key[32])
{
    int       rc;
    size_t    index;
    uint32_t  previous, number;

    previous = load32(header + PREVIOUS_AT);
    number = load32(header + NUMBER_AT);

    /* nobody sends it (ratchet_send), and what is counted after it would begin at 0 again */
    if (number == UINT32_MAX) {
        return CHATALOT_E_TOO_FAR;
    }

    if (skipped_find(&r->skipped, header, number, &index)) {
        rc = skipped_reserve(&r->skipped, 0);

        if (rc == CHATALOT_OK) {
            skipped_take(&r->skipped, index, message_key);
        }

        return rc;
    }

    if (r->has_receiving && memcmp(header, r->peer_public, 32) == 0) {
        rc = receive_in_chain(r, number);
    } else {
        rc = receive_in_new_chain(r, header, previous, number);
    }

    if (rc != CHATALOT_OK) {
        return rc;
    }

    chain_step(r->receiving, message_key);
    r->received++;

    return CHATALOT_OK;
}
