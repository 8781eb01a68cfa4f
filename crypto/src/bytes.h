/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Big-endian integers and the two bytes that open every structure. Header only, so that the
 * files that the server compiles in (certificate, prekey, franking) need nothing else of this
 * library.
 */

#ifndef CHATALOT_BYTES_H
#define CHATALOT_BYTES_H

#include <stdint.h>
#include <string.h>

#include "chatalot_crypto.h"

/* A label as an argument pair: its bytes without the final NUL, and their number. */
#define LABEL(text)         ((const uint8_t *) (text)), (sizeof(text) - 1)

#define CHATALOT_PREFIX     2       /* version and suite */


static inline void
store16(uint8_t out[2], uint16_t value)
{
    out[0] = (uint8_t) (value >> 8);
    out[1] = (uint8_t) value;
}


static inline void
store32(uint8_t out[4], uint32_t value)
{
    store16(out, (uint16_t) (value >> 16));
    store16(out + 2, (uint16_t) value);
}


static inline void
store64(uint8_t out[8], uint64_t value)
{
    store32(out, (uint32_t) (value >> 32));
    store32(out + 4, (uint32_t) value);
}


static inline uint16_t
load16(const uint8_t in[2])
{
    return (uint16_t) ((in[0] << 8) | in[1]);
}


static inline uint32_t
load32(const uint8_t in[4])
{
    return ((uint32_t) load16(in) << 16) | load16(in + 2);
}


static inline uint64_t
load64(const uint8_t in[8])
{
    return ((uint64_t) load32(in) << 32) | load32(in + 4);
}


static inline void
store_prefix(uint8_t out[CHATALOT_PREFIX])
{
    out[0] = CHATALOT_VERSION;
    out[1] = CHATALOT_SUITE;
}


/* CHATALOT_OK or CHATALOT_E_VERSION. */
static inline int
check_prefix(const uint8_t in[CHATALOT_PREFIX])
{
    if (in[0] != CHATALOT_VERSION || in[1] != CHATALOT_SUITE) {
        return CHATALOT_E_VERSION;
    }

    return CHATALOT_OK;
}

#endif /* CHATALOT_BYTES_H */
