/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A symmetric-key chain (Signal, "The Double Ratchet Algorithm", 2.2 and 5.2): chain key to
 * message key to next chain key. Both the Double Ratchet and sender keys stand on it.
 */

#ifndef CHATALOT_CHAIN_H
#define CHATALOT_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#define CHAIN_KEY_LENGTH    32
#define CHAIN_TAG_LENGTH    16

/* The message key of this step, if wanted (else NULL), and the next chain key in place. */
void chain_step(uint8_t chain_key[32], uint8_t *message_key);

/*
 * Seals and opens with a message key, which serves once: key and nonce are derived from it
 * under `label`. `out` has CHAIN_TAG_LENGTH bytes more, or less, than the input. chain_open:
 * CHATALOT_OK or CHATALOT_E_AUTH.
 */
void chain_seal(const uint8_t message_key[32], const uint8_t *label, size_t label_length,
                const uint8_t *ad, size_t ad_length,
                const uint8_t *plain, size_t plain_length, uint8_t *out);
int  chain_open(const uint8_t message_key[32], const uint8_t *label, size_t label_length,
                const uint8_t *ad, size_t ad_length,
                const uint8_t *sealed, size_t sealed_length, uint8_t *out);

#endif /* CHATALOT_CHAIN_H */
