/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages between members: when each is due, what became of it, and who got it. Each delivery is noted for its message
 * and its member, so that a doubled one never stands for a lost one. Times count from when a message was DUE: one that
 * the sender could not send in time is as late for its readers as one that the server kept.
 */

#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include "member.h"


/* Open loop: rate messages a second for so many seconds, over the rooms in turn, whatever comes back. Prints the result as
   one line of JSON. 0, or -1 when there is no memory. */
int traffic_send(double rate, double seconds);

/* Closed loop: the first members each keep "window" sendings unanswered. */
int traffic_ingest(uint32_t window, double seconds, uint32_t senders);

void traffic_on_text(member_t *member, const char *text, size_t len, uint64_t now);


#endif /* BENCH_TRAFFIC_H */
