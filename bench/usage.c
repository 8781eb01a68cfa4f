/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The generator's own cost: see the header.
 */

#include <sys/resource.h>

#include "usage.h"


uint64_t
usage_cpu(void)
{
    struct rusage  usage;

    getrusage(RUSAGE_SELF, &usage);

    return ((uint64_t) usage.ru_utime.tv_sec + (uint64_t) usage.ru_stime.tv_sec) * 1000000000
           + ((uint64_t) usage.ru_utime.tv_usec + (uint64_t) usage.ru_stime.tv_usec) * 1000;
}
