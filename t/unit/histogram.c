/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The benchmark's histogram: percentiles of known values are within one per cent, whatever their size.
 */

#include <stdio.h>

#include "histogram.h"


static int  tests;
static int  failed;

static histogram_t  h;


static void
ok(int good, const char *name)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
    failed += !good;
}


static int
near(uint64_t value, uint64_t expected)
{
    uint64_t  off;

    off = value > expected ? value - expected : expected - value;

    return off * 100 <= expected;
}


int
main(void)
{
    int       good;
    uint64_t  i, unit;

    ok(histogram_at(&h, 0.99) == 0, "nothing has no percentile");

    histogram_add(&h, 12345);
    ok(histogram_at(&h, 0.5) == 12345 && histogram_at(&h, 1) == 12345, "a single value is itself");

    good = 1;

    for (unit = 1; unit < 1000000000; unit *= 10) {
        histogram_clear(&h);

        for (i = 1; i <= 1000; i++) {
            histogram_add(&h, i * unit);
        }

        good = good && near(histogram_at(&h, 0.5), 500 * unit) && near(histogram_at(&h, 0.9), 900 * unit)
               && near(histogram_at(&h, 0.99), 990 * unit) && histogram_at(&h, 1) == 1000 * unit && h.total == 1000;
    }

    ok(good, "percentiles from nanoseconds to minutes are within one per cent");

    histogram_clear(&h);

    for (i = 0; i < 128; i++) {
        histogram_add(&h, i);
    }

    good = 1;

    for (i = 1; i <= 128; i++) {
        good = good && histogram_at(&h, (double) i / 128) == i - 1;
    }

    ok(good, "small ones are exact");

    histogram_clear(&h);
    histogram_add(&h, UINT64_MAX);
    ok(h.largest == UINT64_MAX && histogram_at(&h, 0.5) > 0, "what is out of all bounds is kept in the last place");

    printf("1..%d\n", tests);

    return failed != 0;
}
