/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A histogram of times in nanoseconds with a relative error below one per cent, of fixed size: each power of two is cut
 * into 128 equal steps. So a percentile costs no memory for each value and the tail is as exact as the middle.
 */

#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>


#define HISTOGRAM_BITS   7
#define HISTOGRAM_STEPS  (1 << HISTOGRAM_BITS)
#define HISTOGRAM_ROWS   34         /* up to 2^40 ns, a quarter of an hour; what is longer counts as that */


typedef struct {
    uint64_t  count[HISTOGRAM_ROWS * HISTOGRAM_STEPS];
    uint64_t  total;
    uint64_t  largest;
} histogram_t;


void histogram_clear(histogram_t *h);
void histogram_add(histogram_t *h, uint64_t nanoseconds);

/* The time that this share (0..1) of the values does not exceed; 0 without values. */
uint64_t histogram_at(const histogram_t *h, double share);

/* "name":{"count":…,"p50":…,"p90":…,"p99":…,"p999":…,"max":…} in microseconds. */
void histogram_print(FILE *out, const char *name, const histogram_t *h);


#endif /* BENCH_HISTOGRAM_H */
