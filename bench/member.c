/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * People at their sockets: see the header.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "member.h"
#include "traffic.h"
#include "websocket.h"


#define MEMBER_TEXT_MAX  (128 * 1024)


static void member_on_open(conn_t *c);
static size_t member_on_data(conn_t *c, uint8_t *data, size_t len, uint64_t now);
static int member_on_answer(member_t *member);
static int member_on_frame(member_t *member, websocket_frame_t *frame, uint64_t now);
static void member_is_ready(member_t *member, uint64_t now);
static void member_on_close(conn_t *c);


static const conn_handler_t  member_handler = { member_on_open, member_on_data, member_on_close };

static unsigned  members_dropping;

member_t         *members;
member_totals_t   member_totals;


int
members_create(void)
{
    uint32_t  i;

    members = calloc(plan.n_members ? plan.n_members : 1, sizeof(member_t));
    if (members == NULL) {
        return -1;
    }

    for (i = 0; i < plan.n_members; i++) {
        conn_init(&members[i].conn, &member_handler);
        members[i].number = i;
    }

    return 0;
}


double
members_connect(uint32_t window, uint32_t count, unsigned seconds)
{
    uint32_t   next, ready;
    uint64_t   begin, end, now;
    member_t  *member;

    ready = member_totals.ready;
    memset(&member_totals, 0, sizeof(member_totals));
    member_totals.ready = ready;

    if (count == 0 || count > plan.n_members) {
        count = plan.n_members;
    }

    begin = conn_now();
    end = begin + seconds * 1000000000ULL;
    next = 0;

    while ((now = conn_now()) < end) {

        while (next < count && member_totals.opening < window) {
            member = &members[next++];

            if (member->state != MEMBER_CLOSED) {
                continue;
            }

            member->started = conn_now();

            if (conn_open(&member->conn, member->number) == -1) {
                member_totals.refused++;
                continue;
            }

            member->state = MEMBER_OPENING;
            member_totals.opening++;
        }

        if (next == count && member_totals.opening == 0) {
            break;
        }

        conn_wait(end);
    }

    return (double) (conn_now() - begin) / 1e9;
}


void
members_drop(void)
{
    uint32_t  i;

    members_dropping = 1;

    for (i = 0; i < plan.n_members; i++) {
        conn_close(&members[i].conn);
    }

    members_dropping = 0;
}


static void
member_on_open(conn_t *c)
{
    char       request[2048];
    size_t     len;
    member_t  *member;

    member = (member_t *) c;

    len = websocket_request(request, sizeof(request),
                            plan.acknowledged ? "/ws" : plan.members[member->number].credential, plan.port);

    if (len == 0 || conn_write(c, request, len) == -1) {
        conn_close(c);
    }
}


static size_t
member_on_data(conn_t *c, uint8_t *data, size_t len, uint64_t now)
{
    int                 n;
    size_t              used;
    member_t           *member;
    websocket_frame_t   frame;

    member = (member_t *) c;
    used = 0;

    if (member->state == MEMBER_OPENING) {

        n = websocket_answer(data, len);

        if (n == 0) {
            return 0;
        }

        if (n == -1 || member_on_answer(member) == -1) {
            conn_close(c);
            return len;
        }

        used = (size_t) n;
    }

    while ((n = websocket_get(data + used, len - used, &frame)) > 0) {
        used += (size_t) n;

        if (member_on_frame(member, &frame, now) == -1) {
            conn_close(c);
        }

        if (member->state == MEMBER_CLOSED) {
            return len;
        }
    }

    if (n == -1) {
        conn_close(c);
        return len;
    }

    return used;
}


static int
member_on_answer(member_t *member)
{
    int   n;
    char  text[2048];

    if (!plan.acknowledged) {
        member_is_ready(member, conn_now());
        return 0;
    }

    member->state = MEMBER_AUTHENTICATING;

    n = snprintf(text, sizeof(text), "{\"type\":\"authenticate\",\"token\":\"%s\"}",
                 plan.members[member->number].credential);

    return n > 0 && (size_t) n < sizeof(text) ? member_send(member, WEBSOCKET_TEXT, text, (size_t) n) : -1;
}


static int
member_on_frame(member_t *member, websocket_frame_t *frame, uint64_t now)
{
    static const char  ready[] = "{\"type\":\"ready\"";

    switch (frame->opcode) {

    case WEBSOCKET_PING:
        member_totals.pings++;
        return member_send(member, WEBSOCKET_PONG, (char *) frame->data, frame->len);

    case WEBSOCKET_CLOSE:
        member_totals.close_code = frame->len >= 2 ? (unsigned) frame->data[0] << 8 | frame->data[1] : 1005;
        return -1;

    case WEBSOCKET_TEXT:
        break;

    default:
        return 0;
    }

    if (!frame->fin) {
        return -1;      /* neither server has a reason to cut a text into pieces, and here none would be counted */
    }

    if (member->state == MEMBER_READY) {
        traffic_on_text(member, (const char *) frame->data, frame->len, now);
        return 0;
    }

    if (frame->len < sizeof(ready) - 1 || memcmp(frame->data, ready, sizeof(ready) - 1) != 0) {
        return -1;
    }

    member_is_ready(member, now);

    return 0;
}


static void
member_is_ready(member_t *member, uint64_t now)
{
    member->state = MEMBER_READY;

    member_totals.opening--;
    member_totals.ready++;

    histogram_add(&member_totals.setup, now - member->started);
}


int
member_send(member_t *member, unsigned opcode, const char *text, size_t len)
{
    static uint8_t  frame[WEBSOCKET_HEAD_MAX + MEMBER_TEXT_MAX];

    return len <= MEMBER_TEXT_MAX ? conn_write(&member->conn, frame, websocket_put(frame, opcode, text, len)) : -1;
}


static void
member_on_close(conn_t *c)
{
    member_t  *member;

    member = (member_t *) c;

    if (member->state == MEMBER_READY) {
        member_totals.ready--;
        member_totals.dropped += !members_dropping;

    } else if (member->state != MEMBER_CLOSED) {
        member_totals.opening--;
        member_totals.refused++;
    }

    member->state = MEMBER_CLOSED;
}
