/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TAP (tap.h). It knows nothing of what is tested but the library's codes.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "chatalot_crypto.h"
#include "tap.h"

static int  count, failures;


int
ok(int condition, const char *name, ...)
{
    va_list  args;

    printf("%sok %d - ", condition ? "" : "not ", ++count);
    va_start(args, name);
    vprintf(name, args);
    va_end(args);
    putchar('\n');

    failures += !condition;

    return condition;
}


int
is_code(int got, int expected, const char *name)
{
    ok(got == expected, "%s", name);

    if (got != expected) {
        printf("#      got: %d, %s\n# expected: %d, %s\n", got, chatalot_error(got),
               expected, chatalot_error(expected));
    }

    return got == expected;
}


int
is_number(long long got, long long expected, const char *name)
{
    ok(got == expected, "%s", name);

    if (got != expected) {
        printf("#      got: %lld\n# expected: %lld\n", got, expected);
    }

    return got == expected;
}


static void
show(const char *what, const uint8_t *bytes, size_t length)
{
    size_t  i;

    printf("# %s: (%zu) ", what, length);
    for (i = 0; i < length; i++) {
        printf("%02x", bytes[i]);
    }
    putchar('\n');
}


int
is_bytes(const uint8_t *got, size_t got_length, const uint8_t *expected, size_t expected_length,
         const char *name)
{
    int  same;

    same = got_length == expected_length && memcmp(got, expected, got_length) == 0;
    ok(same, "%s", name);

    if (!same) {
        show("     got", got, got_length);
        show("expected", expected, expected_length);
    }

    return same;
}


size_t
hex(const char *text, uint8_t *out)
{
    size_t  length;

    if (sodium_hex2bin(out, strlen(text) / 2, text, strlen(text), NULL, &length, NULL) != 0) {
        printf("Bail out! not hex: %s\n", text);
        return 0;
    }

    return length;
}


int
is_hex(const uint8_t *got, size_t got_length, const char *expected, const char *name)
{
    uint8_t  bytes[512];

    return is_bytes(got, got_length, bytes, hex(expected, bytes), name);
}


int
done(void)
{
    printf("1..%d\n", count);

    return failures ? 1 : 0;
}
