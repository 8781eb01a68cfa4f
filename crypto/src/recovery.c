/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The recovery code: 120 random bits as people write them down, and the two keys it yields.
 */

#include <sodium.h>

#include "bytes.h"
#include "hkdf.h"

#define LABEL_RECOVERY_AUTH     "chatalot/v1/recovery/auth"
#define LABEL_RECOVERY_WRAP     "chatalot/v1/recovery/wrap"

#define DIGITS                  24
#define GROUP                   4

/* Far more than a code with every separator anyone would put; what is longer is not a code. */
#define TEXT_MAX                256


/*
 * Digit to text and back without a table lookup by secret: which cache line is read would say
 * something of the digit. Crockford's alphabet is 0-9 and A-Z without I, L, O, U.
 */
static char
encode_digit(unsigned digit)
{
    unsigned  c;

    c = '0' + digit;
    c += (digit > 9) * ('A' - '0' - 10);
    c += (digit > 17) + (digit > 19) + (digit > 21) + (digit > 26);

    return (char) c;
}


/* 0 to 31, or -1. */
static int
decode_digit(char typed)
{
    unsigned char  c = (unsigned char) typed;

    if (c >= 'a' && c <= 'z') {
        c = (unsigned char) (c - 'a' + 'A');
    }

    if (c == 'O') {
        c = '0';
    }

    if (c == 'I' || c == 'L') {
        c = '1';
    }

    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    if (c < 'A' || c > 'Z' || c == 'U') {
        return -1;
    }

    return c - 'A' + 10 - (c > 'I') - (c > 'L') - (c > 'O') - (c > 'U');
}


int
chatalot_recovery_create(uint8_t code[15], char text[29])
{
    size_t    i, at;
    uint64_t  bits;

    if (!code || !text) {
        return CHATALOT_E_PARAMETERS;
    }

    randombytes_buf(code, CHATALOT_RECOVERY_LENGTH);

    /* five bytes are eight digits */
    for (i = 0, at = 0; i < DIGITS; i++) {
        bits = ((uint64_t) code[i / 8 * 5] << 32) | load32(code + i / 8 * 5 + 1);

        if (i > 0 && i % GROUP == 0) {
            text[at++] = '-';
        }

        text[at++] = encode_digit((bits >> (35 - i % 8 * 5)) & 31);
    }

    sodium_memzero(&bits, sizeof(bits));

    return CHATALOT_OK;
}


int
chatalot_recovery_parse(const char *text, size_t text_length, uint8_t code[15])
{
    int       digit, rc;
    size_t    i, count;
    uint8_t   parsed[CHATALOT_RECOVERY_LENGTH];
    uint64_t  bits;

    if (!text || !code) {
        return CHATALOT_E_PARAMETERS;
    }

    if (text_length > TEXT_MAX) {
        return CHATALOT_E_FORMAT;
    }

    bits = 0;
    rc = CHATALOT_OK;

    for (i = 0, count = 0; i < text_length; i++) {

        if (text[i] == ' ' || text[i] == '-') {
            continue;
        }

        digit = decode_digit(text[i]);

        if (digit < 0 || count == DIGITS) {
            rc = CHATALOT_E_FORMAT;
            break;
        }

        bits = (bits << 5) | (uint64_t) digit;
        count++;

        if (count % 8 == 0) {
            parsed[count / 8 * 5 - 5] = (uint8_t) (bits >> 32);
            store32(parsed + count / 8 * 5 - 4, (uint32_t) bits);
            bits = 0;
        }
    }

    if (count != DIGITS) {
        rc = CHATALOT_E_FORMAT;
    }

    if (rc == CHATALOT_OK) {
        memcpy(code, parsed, sizeof(parsed));
    }

    sodium_memzero(parsed, sizeof(parsed));
    sodium_memzero(&bits, sizeof(bits));

    return rc;
}


int
chatalot_recovery_keys(const uint8_t code[15], uint8_t recovery_key[32], uint8_t wrap_key[32])
{
    if (!code || !recovery_key || !wrap_key) {
        return CHATALOT_E_PARAMETERS;
    }

    hkdf_sha256(NULL, 0, code, CHATALOT_RECOVERY_LENGTH, LABEL(LABEL_RECOVERY_AUTH),
                recovery_key, 32);
    hkdf_sha256(NULL, 0, code, CHATALOT_RECOVERY_LENGTH, LABEL(LABEL_RECOVERY_WRAP), wrap_key, 32);

    return CHATALOT_OK;
}
