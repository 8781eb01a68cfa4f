/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * People at their sockets: opening, authenticating, answering pings. What arrives as text is the traffic's.
 */

#ifndef BENCH_MEMBER_H
#define BENCH_MEMBER_H

#include "conn.h"
#include "histogram.h"
#include "plan.h"


typedef enum {
    MEMBER_CLOSED = 0,
    MEMBER_OPENING,                 /* TCP, then the handshake */
    MEMBER_AUTHENTICATING,
    MEMBER_READY
} member_state_e;

typedef struct {
    conn_t           conn;          /* first: a connection's handler gets its member by it */
    member_state_e   state;
    uint32_t         number;
    uint64_t         started;
    uint8_t         *seen;          /* a bit for each message of the room in the run in progress */
    uint32_t         seen_size;     /* bytes */
} member_t;

typedef struct {
    uint32_t      opening;
    uint32_t      ready;
    uint32_t      refused;          /* before they were ready */
    uint32_t      dropped;          /* after that, without our doing */
    uint32_t      pings;
    unsigned      close_code;       /* the last one a server gave */
    histogram_t   setup;
} member_totals_t;


extern plan_t            plan;
extern member_t         *members;
extern member_totals_t   member_totals;


int members_create(void);

/* Opens this many sockets (0: all), at most window at once; until all are ready or refused, or the time is over.
   Returns the seconds it took. */
double members_connect(uint32_t window, uint32_t count, unsigned seconds);

void members_drop(void);

/* -1: the socket is closed or full. */
int member_send(member_t *member, unsigned opcode, const char *text, size_t len);


#endif /* BENCH_MEMBER_H */
