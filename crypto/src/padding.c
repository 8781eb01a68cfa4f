/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Padding to Padmé lengths (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
 * Communication with PURBs", 4): a length of L bits below 2^E tells only its upper floor(log2
 * E) + 1 bits. It knows no content.
 */

#include "bytes.h"

#define LENGTH_BYTES    4


static unsigned
floor_log2(size_t value)
{
    unsigned  bits = 0;

    while (value > 1) {
        value >>= 1;
        bits++;
    }

    return bits;
}


/* Of 2 bytes and more: there is always the length in front. */
static size_t
padme(size_t length)
{
    size_t    mask;
    unsigned  exponent, kept;

    exponent = floor_log2(length);
    kept = floor_log2(exponent) + 1;
    mask = ((size_t) 1 << (exponent > kept ? exponent - kept : 0)) - 1;

    return (length + mask) & ~mask;
}


size_t
chatalot_padded_length(size_t payload_length)
{
    if (payload_length == 0 || payload_length > CHATALOT_PAYLOAD_MAX) {
        return 0;
    }

    return padme(LENGTH_BYTES + payload_length);
}


int
chatalot_pad(const uint8_t *payload, size_t payload_length,
             uint8_t *padded, size_t *padded_length)
{
    size_t  room, length;

    if (!payload || !padded || !padded_length) {
        return CHATALOT_E_PARAMETERS;
    }

    room = *padded_length;
    *padded_length = 0;
    length = chatalot_padded_length(payload_length);

    if (length == 0) {
        return CHATALOT_E_PARAMETERS;
    }

    *padded_length = length;

    if (length > room) {
        return CHATALOT_E_SPACE;
    }

    store32(padded, (uint32_t) payload_length);
    memcpy(padded + LENGTH_BYTES, payload, payload_length);
    memset(padded + LENGTH_BYTES + payload_length, 0, length - LENGTH_BYTES - payload_length);

    return CHATALOT_OK;
}


int
chatalot_unpad(const uint8_t *padded, size_t padded_length, size_t *payload_length)
{
    size_t   i, length;
    uint8_t  rest;

    if (!padded || !payload_length) {
        return CHATALOT_E_PARAMETERS;
    }

    *payload_length = 0;

    if (padded_length < LENGTH_BYTES) {
        return CHATALOT_E_FORMAT;
    }

    length = load32(padded);

    /*
     * Of all the ways to pad a payload only one is right, so that a sender cannot hide anything
     * behind it.
     */
    if (chatalot_padded_length(length) != padded_length) {
        return CHATALOT_E_FORMAT;
    }

    rest = 0;
    for (i = LENGTH_BYTES + length; i < padded_length; i++) {
        rest |= padded[i];
    }

    if (rest != 0) {
        return CHATALOT_E_FORMAT;
    }

    *payload_length = length;

    return CHATALOT_OK;
}
