/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the relay says of an approval, and what comes sealed in it.
 */

#include "fuzz.h"

static uint8_t  approval[144], newcomer[32], approver[32], sealed[98], secret[32];


static void
set_up(void)
{
    MUST(chatalot_init() == CHATALOT_OK);
    fill(secret, sizeof(secret), 1);
    fill(approval, sizeof(approval), 2);
    MUST(chatalot_approval_begin(approval, newcomer, approval + 48, approval + 80, approval + 16)
         == CHATALOT_OK
         && chatalot_approval_answer(approver, approval + 96) == CHATALOT_OK
         && chatalot_approval_seal(approver, approval, secret, secret, sealed) == CHATALOT_OK);
}


static void
use(const uint8_t *data)
{
    int      same;
    char     left[6], right[6];
    uint8_t  a[32], b[32];

    same = memcmp(data, approval, 144) == 0;

    /* only the user and the other side's key may differ, and then the other side's digits do */
    if (chatalot_approval_digits(CHATALOT_APPROVAL_APPROVER, approver, data, left)
        == CHATALOT_OK)
    {
        MUST(memcmp(data, approval, 128) == 0);
    }

    if (chatalot_approval_digits(CHATALOT_APPROVAL_NEWCOMER, newcomer, data, right)
        == CHATALOT_OK)
    {
        MUST(memcmp(data, approval, 96) == 0);
    }

    MUST(!same || memcmp(left, right, 6) == 0);
    MUST((chatalot_approval_open(newcomer, data, data + 144, a, b) == CHATALOT_OK)
         == (same && memcmp(data + 144, sealed, 98) == 0));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    size_t      laid_length;
    uint8_t     valid[144 + 98], *laid;
    static int  ready;

    if (!ready) {
        set_up();
        ready = 1;
    }

    memcpy(valid, approval, 144);
    memcpy(valid + 144, sealed, 98);
    laid = overlay(valid, sizeof(valid), data, length, &laid_length);
    use(laid);
    free(laid);

    return 0;
}
