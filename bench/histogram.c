/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Times: see the header. Row 0 holds 0..127 ns in steps of one; row n holds 2^(n+6) to 2^(n+7) - 1 in steps of 2^(n-1).
 */

#include <string.h>

#include "histogram.h"


static unsigned
histogram_place(uint64_t value)
{
    unsigned  row;

    if (value < HISTOGRAM_STEPS) {
        return (unsigned) value;
    }

    row = 63 - (unsigned) __builtin_clzll(value) - HISTOGRAM_BITS + 1;

    if (row >= HISTOGRAM_ROWS) {
        return HISTOGRAM_ROWS * HISTOGRAM_STEPS - 1;
    }

    /* the leading bit is the row's, the seven behind it are the step */

    return row * HISTOGRAM_STEPS + (unsigned) ((value >> (row - 1)) - HISTOGRAM_STEPS);
}


/* The largest value that has this place. */

static uint64_t
histogram_value(unsigned place)
{
    unsigned  row, step;

    row = place / HISTOGRAM_STEPS;
    step = place % HISTOGRAM_STEPS;

    if (row == 0) {
        return step;
    }

    return (((uint64_t) step + HISTOGRAM_STEPS + 1) << (row - 1)) - 1;
}


void
histogram_clear(histogram_t *h)
{
    memset(h, 0, sizeof(histogram_t));
}


void
histogram_add(histogram_t *h, uint64_t nanoseconds)
{
    h->count[histogram_place(nanoseconds)]++;
    h->total++;

    if (nanoseconds > h->largest) {
        h->largest = nanoseconds;
    }
}


uint64_t
histogram_at(const histogram_t *h, double share)
{
    uint64_t  seen, wanted, value;
    unsigned  i;

    if (h->total == 0) {
        return 0;
    }

    wanted = (uint64_t) (share * (double) h->total);
    if ((double) wanted < share * (double) h->total) {
        wanted++;
    }

    seen = 0;

    for (i = 0; i < HISTOGRAM_ROWS * HISTOGRAM_STEPS; i++) {
        seen += h->count[i];

        if (seen >= wanted && h->count[i]) {
            value = histogram_value(i);
            return value < h->largest ? value : h->largest;
        }
    }

    return h->largest;
}


void
histogram_print(FILE *out, const char *name, const histogram_t *h)
{
    fprintf(out, "\"%s\":{\"count\":%llu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}", name,
            (unsigned long long) h->total, (double) histogram_at(h, 0.5) / 1e3, (double) histogram_at(h, 0.9) / 1e3,
            (double) histogram_at(h, 0.99) / 1e3, (double) histogram_at(h, 0.999) / 1e3, (double) h->largest / 1e3);
}
