/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Franking: a commitment to a payload that the server keeps and can check when a reader reports
 * the payload. The server may compile this file in; it needs libsodium alone.
 */

#include <sodium.h>

#include "chatalot_crypto.h"


int
chatalot_franking_commit(const uint8_t franking_key[32], const uint8_t *payload,
                         size_t payload_length, uint8_t commitment[32])
{
    if (!franking_key || !payload || !commitment) {
        return CHATALOT_E_PARAMETERS;
    }

    crypto_auth_hmacsha256(commitment, payload, payload_length, franking_key);

    return CHATALOT_OK;
}


int
chatalot_franking_verify(const uint8_t franking_key[32], const uint8_t *payload,
                         size_t payload_length, const uint8_t commitment[32])
{
    if (!franking_key || !payload || !commitment) {
        return CHATALOT_E_PARAMETERS;
    }

    if (crypto_auth_hmacsha256_verify(commitment, payload, payload_length, franking_key) != 0) {
        return CHATALOT_E_AUTH;
    }

    return CHATALOT_OK;
}
