/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The turns of a topic: when what goes to many sockets is written.
 */

#include "ngx_chatalot_ws_pace.h"

#include <stdio.h>


static unsigned  tests;
static unsigned  failures;


static void
is(ngx_msec_t wait, ngx_msec_t expected, const char *name)
{
    printf("%sok %u - %s\n", wait == expected ? "" : "not ", ++tests, name);

    if (wait != expected) {
        printf("# %lu, not %lu\n", (unsigned long) wait, (unsigned long) expected);
        failures++;
    }
}


int
main(void)
{
    ngx_msec_t              now;
    ngx_chatalot_ws_pace_t  pace;

    ngx_memzero(&pace, sizeof(pace));
    is(ngx_chatalot_ws_pace(&pace, 0, 5), 0, "nobody");
    is(ngx_chatalot_ws_pace(&pace, 59, 5), 0, "few");
    is(ngx_chatalot_ws_pace(&pace, 59, 5), 0, "are written to at once, always");

    is(ngx_chatalot_ws_pace(&pace, 480, 5), 0, "many: the first goes at once, in the first milliseconds of the clock too");
    is(ngx_chatalot_ws_pace(&pace, 480, 5), 40, "what follows waits");
    is(ngx_chatalot_ws_pace(&pace, 480, 30), 15, "for the same turn");
    is(ngx_chatalot_ws_pace(&pace, 480, 45), 40, "in the moment of the turn it is late for it");
    is(ngx_chatalot_ws_pace(&pace, 480, 84), 1, "and early for the next");
    is(ngx_chatalot_ws_pace(&pace, 480, 125), 0, "after a turn without anything there is no wait");
    is(ngx_chatalot_ws_pace(&pace, 480, 164), 1, "but for what follows that");
    is(ngx_chatalot_ws_pace(&pace, 480, 900), 0, "nor after a pause with something held before it");
    is(ngx_chatalot_ws_pace(&pace, 100000, 901), 49, "however many: a bounded time");
    is(ngx_chatalot_ws_pace(&pace, 60, 902), 3, "fewer than before: a shorter one");

    now = (ngx_msec_t) -3;
    ngx_memzero(&pace, sizeof(pace));
    is(ngx_chatalot_ws_pace(&pace, 480, now), 0, "where the clock begins anew");
    is(ngx_chatalot_ws_pace(&pace, 480, now + 10), 30, "nothing is different");

    printf("1..%u\n", tests);

    return failures != 0;
}
