/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Random numbers for masks, ids and what stands for ciphertext: quick, seeded by the system, nothing that keeps secrets.
 */

#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stddef.h>
#include <stdint.h>


int random_setup(void);
uint64_t random_next(void);

/* That many random bytes as base64url without padding, and a null byte. Returns the length of the text. */
size_t random_base64(char *to, size_t bytes);


#endif /* BENCH_RANDOM_H */
