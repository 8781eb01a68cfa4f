/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The generator's own cost: where it comes near one core, the generator is the limit and not the server.
 */

#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <stdint.h>


/* Processor time of this process so far, nanoseconds. */
uint64_t usage_cpu(void);


#endif /* BENCH_USAGE_H */
