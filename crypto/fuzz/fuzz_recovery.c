/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a person types as a recovery code.
 */

#include "fuzz.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    uint8_t  code[15], auth[32], wrap[32];

    MUST(chatalot_init() == CHATALOT_OK);

    if (chatalot_recovery_parse((const char *) data, length, code) == CHATALOT_OK) {
        MUST(length >= 24 && length <= 256);
        MUST(chatalot_recovery_keys(code, auth, wrap) == CHATALOT_OK);
    }

    return 0;
}
