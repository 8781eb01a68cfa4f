/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HKDF with SHA-256 (RFC 5869).
 */

#ifndef CHATALOT_HKDF_H
#define CHATALOT_HKDF_H

#include <stddef.h>
#include <stdint.h>

#define HKDF_HASH_LENGTH    32

/*
 * A null salt is one of 32 zeros (2.2). At most 255 blocks can come out (2.3): out_length is a
 * constant at every call, of two blocks at most.
 */
void hkdf_sha256(const uint8_t *salt, size_t salt_length, const uint8_t *key, size_t key_length,
                 const uint8_t *info, size_t info_length, uint8_t *out, size_t out_length);

#endif /* CHATALOT_HKDF_H */
