/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The Double Ratchet (Signal, "The Double Ratchet Algorithm", revision 1, 3), with headers in
 * clear that the caller authenticates. It yields message keys; sealing with them is the
 * caller's.
 */

#ifndef CHATALOT_RATCHET_H
#define CHATALOT_RATCHET_H

#include "skipped.h"

/* ratchet key, length of the previous sending chain (u32), number in this one (u32) */
#define RATCHET_HEADER_LENGTH   40

typedef struct {
    uint8_t       root[32];
    uint8_t       own_secret[32];
    uint8_t       own_public[32];
    uint8_t       peer_public[32];
    uint8_t       sending[32];
    uint8_t       receiving[32];
    uint32_t      sent;             /* Ns */
    uint32_t      received;         /* Nr */
    uint32_t      previous;         /* PN */
    uint8_t       has_sending;
    uint8_t       has_receiving;
    skipped_keys  skipped;
} ratchet;

/*
 * RatchetInitAlice and RatchetInitBob (3.3). CHATALOT_OK or CHATALOT_E_AUTH (a key of small
 * order).
 */
int  ratchet_initiate(ratchet *r, const uint8_t shared[32], const uint8_t peer_public[32]);
void ratchet_respond(ratchet *r, const uint8_t shared[32], const uint8_t own_secret[32]);

/*
 * The header and key of the next message. CHATALOT_OK, CHATALOT_E_NO_KEY or
 * CHATALOT_E_EXHAUSTED.
 */
int  ratchet_send(ratchet *r, uint8_t header[RATCHET_HEADER_LENGTH], uint8_t message_key[32]);

/*
 * The key of the message with this header. `r` is changed even though nothing is authenticated
 * yet: if opening with the key fails, the caller throws `r` away. CHATALOT_OK,
 * CHATALOT_E_REPLAY, _TOO_FAR, _AUTH or _MEMORY.
 */
int  ratchet_receive(ratchet *r, const uint8_t header[RATCHET_HEADER_LENGTH],
                     uint8_t message_key[32]);

#endif /* CHATALOT_RATCHET_H */
