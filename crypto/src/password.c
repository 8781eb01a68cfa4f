/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a password to the key that the server is shown and the key that opens the keyring. It
 * must not know either use.
 */

#include <sodium.h>

#include "bytes.h"
#include "hkdf.h"

#define LABEL_LOGIN     "chatalot/v1/login"
#define LABEL_WRAP      "chatalot/v1/wrap"


int
chatalot_password_root(const uint8_t *password, size_t password_length, const uint8_t salt[16],
                       uint32_t passes, uint32_t memory_kib, uint8_t root[32])
{
    if (!password || !salt || !root
        || password_length == 0 || password_length > CHATALOT_PASSWORD_MAX
        || passes < CHATALOT_PASSWORD_PASSES_MIN || passes > CHATALOT_PASSWORD_PASSES_MAX
        || memory_kib < CHATALOT_PASSWORD_MEMORY_MIN || memory_kib > CHATALOT_PASSWORD_MEMORY_MAX)
    {
        return CHATALOT_E_PARAMETERS;
    }

    if (crypto_pwhash(root, 32, (const char *) password, password_length, salt, passes,
                      (size_t) memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
    {
        return CHATALOT_E_MEMORY;
    }

    return CHATALOT_OK;
}


int
chatalot_password_keys(const uint8_t root[32], uint8_t login_key[32], uint8_t wrap_key[32])
{
    if (!root || !login_key || !wrap_key) {
        return CHATALOT_E_PARAMETERS;
    }

    hkdf_sha256(NULL, 0, root, 32, LABEL(LABEL_LOGIN), login_key, 32);
    hkdf_sha256(NULL, 0, root, 32, LABEL(LABEL_WRAP), wrap_key, 32);

    return CHATALOT_OK;
}
