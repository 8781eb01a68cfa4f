/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a run is about, read once from a file of lines:
 *
 *     port 8080
 *     dialect chatalot | nchan
 *     ciphertext 310                           bytes of a sealed message
 *     room CHANNEL ROSTER EPOCH
 *     member ROOM TOKEN | PATH                 ROOM counts from 0, - is none; a token for chatalot, a path for nchan
 *     request METHOD PATH TOKEN|- BODY|-       BODY is the rest of the line
 */

#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stdint.h>


#define PLAN_UUID  36
#define PLAN_NONE  0xffffffff


typedef struct {
    char       channel[PLAN_UUID + 1];
    uint64_t   roster;
    uint64_t   epoch;
    uint32_t  *members;
    uint32_t   size;
    uint32_t   messages;            /* of the run in progress */
} plan_room_t;

typedef struct {
    uint32_t   room;
    uint32_t   place;               /* among the room's members */
    char      *credential;
} plan_member_t;

typedef struct {
    char      *bytes;               /* the whole HTTP request */
    uint32_t   len;
} plan_request_t;

typedef struct {
    uint16_t          port;
    unsigned          acknowledged; /* chatalot answers each sending; nchan does not */
    uint32_t          ciphertext;
    plan_room_t      *rooms;
    plan_member_t    *members;
    plan_request_t   *requests;
    uint32_t          n_rooms;
    uint32_t          n_members;
    uint32_t          n_requests;
} plan_t;


/* 0, or -1 with a message on stderr. */
int plan_read(plan_t *plan, const char *name);


#endif /* BENCH_PLAN_H */
