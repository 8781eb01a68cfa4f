/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Identities: what one device remembers of a person's account key, for its user's other
 * devices. It must not know whether the key is the right one.
 */

#include "bytes.h"
#include "identity.h"

#define KEY_AT          16
#define STATE_AT        (KEY_AT + 32)
#define SINCE_AT        (STATE_AT + 2)


int
identity_check(const uint8_t *identity)
{
    return load16(identity + STATE_AT) <= CHATALOT_IDENTITY_VERIFIED
           ? CHATALOT_OK : CHATALOT_E_FORMAT;
}


int
chatalot_identity_make(const uint8_t user[16], const uint8_t account_key[32], uint16_t state,
                       uint64_t since_ms, uint8_t identity[58])
{
    if (!user || !account_key || !identity || state > CHATALOT_IDENTITY_VERIFIED) {
        return CHATALOT_E_PARAMETERS;
    }

    memcpy(identity, user, 16);
    memcpy(identity + KEY_AT, account_key, 32);
    store16(identity + STATE_AT, state);
    store64(identity + SINCE_AT, since_ms);

    return CHATALOT_OK;
}


int
chatalot_identity_read(const uint8_t identity[58], uint8_t user[16], uint8_t account_key[32],
                       uint16_t *state, uint64_t *since_ms)
{
    int  rc;

    if (!identity || !user || !account_key || !state || !since_ms) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = identity_check(identity);

    if (rc == CHATALOT_OK) {
        memcpy(user, identity, 16);
        memcpy(account_key, identity + KEY_AT, 32);
        *state = load16(identity + STATE_AT);
        *since_ms = load64(identity + SINCE_AT);
    }

    return rc;
}
