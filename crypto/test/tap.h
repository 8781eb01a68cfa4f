/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Test output in TAP, and helpers for bytes written as hex.
 */

#ifndef CHATALOT_TEST_TAP_H
#define CHATALOT_TEST_TAP_H

#include <stddef.h>
#include <stdint.h>

/* One fact; the name is a printf format. Returns whether it holds. */
int  ok(int condition, const char *name, ...) __attribute__((format(printf, 2, 3)));

/* A code of the library, shown by name when it is another. */
int  is_code(int got, int expected, const char *name);
int  is_number(long long got, long long expected, const char *name);
int  is_bytes(const uint8_t *got, size_t got_length, const uint8_t *expected,
              size_t expected_length, const char *name);

/* `expected` in hex. */
int  is_hex(const uint8_t *got, size_t got_length, const char *expected, const char *name);

/* Reads hex into `out`, which has room for it; returns the number of bytes. */
size_t hex(const char *text, uint8_t *out);

/* Prints the plan; what main() returns. */
int  done(void);

#endif /* CHATALOT_TEST_TAP_H */
