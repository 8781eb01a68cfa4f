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
#define HKDF_OUT_MAX        (255 * HKDF_HASH_LENGTH)
#define HKDF_INFO_MAX       128

/*
 * A null salt is one of 32 zeros (2.2). info_length is at most HKDF_INFO_MAX and out_length at
 * most HKDF_OUT_MAX: both are constants at every call, and a longer one is a mistake in this
 * library, which stops the program.
 */
void hkdf_sha256(const uint8_t *salt, size_t salt_length, const uint8_t *key, size_t key_length,
                 const uint8_t *info, size_t info_length, uint8_t *out, size_t out_length);

#endif /* CHATALOT_HKDF_H */
