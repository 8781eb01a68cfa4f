/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Random numbers: xorshift64*, seeded once.
 */

#include <sys/random.h>

#include "random.h"


static uint64_t  random_state = 1;


int
random_setup(void)
{
    if (getrandom(&random_state, sizeof(random_state), 0) != sizeof(random_state)) {
        return -1;
    }

    random_state |= 1;

    return 0;
}


uint64_t
random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;

    return random_state * 0x2545f4914f6cdd1dULL;
}


size_t
random_base64(char *to, size_t bytes)
{
    size_t     bits, n;
    uint64_t   pool;
    unsigned   left, sextet;

    static const char  alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    n = 0;
    pool = 0;
    left = 0;

    for (bits = 8 * bytes; bits; bits -= bits < 6 ? bits : 6) {

        if (left < 6) {
            pool = random_next();
            left = 64;
        }

        sextet = (unsigned) (pool & 63);
        pool >>= 6;
        left -= 6;

        if (bits < 6) {
            /* the bits behind the last byte are zero, or it is not base64 */
            sextet &= 63u << (6 - bits) & 63;
        }

        to[n++] = alphabet[sextet];
    }

    to[n] = '\0';

    return n;
}
