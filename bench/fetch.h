/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP requests over kept connections, the plan's in turn. Closed loop (how much there is room for), or open at a given
 * rate: then a request that finds all connections busy waits, and its time counts from when it was due.
 */

#ifndef BENCH_FETCH_H
#define BENCH_FETCH_H

#include <stdint.h>


/* rate 0: closed loop. Prints one line of JSON. 0, or -1 when there is no memory or no request. */
int fetch_run(uint32_t connections, double seconds, double rate);


#endif /* BENCH_FETCH_H */
