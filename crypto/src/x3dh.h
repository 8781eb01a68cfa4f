/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Extended Triple Diffie-Hellman (Signal, "The X3DH Key Agreement Protocol", revision 1): the
 * secret that begins a session.
 */

#ifndef CHATALOT_X3DH_H
#define CHATALOT_X3DH_H

#include <stdint.h>

/* CHATALOT_OK, or CHATALOT_E_PARAMETERS if the secret is not that of the key. */
int x3dh_check_own(const uint8_t own_secret[32], const uint8_t own_key[32]);

/*
 * The two sides. Secrets and keys of devices are Ed25519, all others X25519; one_time is NULL
 * where there is none. CHATALOT_OK, or CHATALOT_E_AUTH if a key is not a point, or of small
 * order.
 */
int x3dh_initiate(const uint8_t own_secret[32], const uint8_t ephemeral_secret[32],
                  const uint8_t peer_key[32], const uint8_t signed_prekey[32],
                  const uint8_t *one_time, uint8_t shared[32]);
int x3dh_respond(const uint8_t own_secret[32], const uint8_t signed_prekey_secret[32],
                 const uint8_t *one_time_secret, const uint8_t peer_key[32],
                 const uint8_t ephemeral[32], uint8_t shared[32]);

#endif /* CHATALOT_X3DH_H */
