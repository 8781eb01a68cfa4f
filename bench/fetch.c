/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP requests: see the header.
 */

#define _GNU_SOURCE

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conn.h"
#include "fetch.h"
#include "histogram.h"
#include "plan.h"
#include "usage.h"


#define FETCH_END_MAX    30000000000ULL     /* for the answers that are due at the end */
#define FETCH_RETRY      10000000ULL        /* before a connection that was closed is opened again */


typedef struct {
    conn_t     conn;            /* first, as in member_t */
    uint64_t   due;             /* of the request that is out; 0: none is */
    uint64_t   opened;
} fetch_conn_t;

typedef struct {
    uint64_t      issued;
    uint64_t      good;         /* 2xx */
    uint64_t      good_in_time;
    uint64_t      refused;      /* any other status */
    uint64_t      failed;       /* no answer */
    uint64_t      bytes;
    uint64_t      end;
    unsigned      status;       /* the first that was not good */
    unsigned      closed;
    histogram_t   time;
} fetch_t;


extern plan_t  plan;

static void fetch_on_open(conn_t *c);
static size_t fetch_on_data(conn_t *c, uint8_t *data, size_t len, uint64_t now);
static long fetch_body(const char *head, size_t len);
static void fetch_on_close(conn_t *c);
static void fetch_issue(fetch_conn_t *f, uint64_t due);
static void fetch_reopen(fetch_conn_t *conns, uint32_t n);


static const conn_handler_t  fetch_handler = { fetch_on_open, fetch_on_data, fetch_on_close };

static fetch_t  fetch;


int
fetch_run(uint32_t connections, double seconds, double rate)
{
    uint32_t        i, at;
    uint64_t        begin, now, due, n, total, cpu, busy;
    fetch_conn_t   *conns;

    if (plan.n_requests == 0 || connections == 0) {
        return -1;
    }

    conns = calloc(connections, sizeof(fetch_conn_t));
    if (conns == NULL) {
        return -1;
    }

    memset(&fetch, 0, sizeof(fetch));

    for (i = 0; i < connections; i++) {
        conn_init(&conns[i].conn, &fetch_handler);
    }

    cpu = usage_cpu();

    begin = conn_now();
    fetch.end = begin + (uint64_t) (seconds * 1e9);
    fetch.closed = rate == 0;
    total = (uint64_t) (rate * seconds);
    n = 0;
    at = 0;

    /* what was due is sent, however late */

    while ((now = conn_now()) < fetch.end || (n < total && now < fetch.end + FETCH_END_MAX)) {

        fetch_reopen(conns, connections);

        if (fetch.closed) {
            conn_wait(now + FETCH_RETRY < fetch.end ? now + FETCH_RETRY : fetch.end);
            continue;
        }

        if (n == total) {
            conn_wait(fetch.end);
            continue;
        }

        due = begin + (uint64_t) ((double) n / rate * 1e9);

        if (now < due) {
            conn_wait(due);
            continue;
        }

        for (i = 0; i < connections && (conns[at].conn.fd == -1 || conns[at].conn.connecting || conns[at].due); i++) {
            at = (at + 1) % connections;
        }

        if (i == connections) {
            conn_wait(now + 1000000);
            continue;
        }

        fetch_issue(&conns[at], due);
        n++;
    }

    /* and what found no connection even then has failed */

    if (n < total) {
        fetch.failed += total - n;
        fetch.issued += total - n;
    }

    fetch.closed = 0;

    do {
        busy = 0;

        for (i = 0; i < connections; i++) {
            busy += conns[i].due != 0;
        }

        if (busy) {
            conn_wait(conn_now() + 10000000);
        }

    } while (busy && conn_now() < fetch.end + FETCH_END_MAX);

    for (i = 0; i < connections; i++) {
        conn_close(&conns[i].conn);
    }

    free(conns);

    cpu = usage_cpu() - cpu;

    printf("{\"command\":\"fetch\",\"seconds\":%.6f,\"cpu\":%.6f,\"issued\":%" PRIu64 ",\"good\":%" PRIu64
           ",\"good_in_time\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"status\":%u,\"bytes\":%" PRIu64
           ",", seconds, (double) cpu / 1e9, fetch.issued, fetch.good, fetch.good_in_time, fetch.refused, fetch.failed,
           fetch.status, fetch.bytes);
    histogram_print(stdout, "time", &fetch.time);
    printf("}\n");

    return 0;
}


static void
fetch_reopen(fetch_conn_t *conns, uint32_t n)
{
    uint32_t  i;
    uint64_t  now;

    now = conn_now();

    for (i = 0; i < n; i++) {
        if (conns[i].conn.fd == -1 && now - conns[i].opened > FETCH_RETRY) {
            conns[i].opened = now;
            (void) conn_open(&conns[i].conn, i);
        }
    }
}


static void
fetch_on_open(conn_t *c)
{
    if (fetch.closed) {
        fetch_issue((fetch_conn_t *) c, conn_now());
    }
}


static void
fetch_issue(fetch_conn_t *f, uint64_t due)
{
    plan_request_t  *request;

    request = &plan.requests[fetch.issued++ % plan.n_requests];

    f->due = due;

    if (conn_write(&f->conn, request->bytes, request->len) == -1) {
        conn_close(&f->conn);
    }
}


static size_t
fetch_on_data(conn_t *c, uint8_t *data, size_t len, uint64_t now)
{
    long           body;
    char          *end;
    size_t         size;
    unsigned       status;
    fetch_conn_t  *f;

    f = (fetch_conn_t *) c;

    end = memmem(data, len, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }

    size = (size_t) (end - (char *) data) + 4;
    body = fetch_body((char *) data, size);

    if (f->due == 0 || body < 0 || size < 16) {
        conn_close(c);
        return len;
    }

    size += (size_t) body;

    if (len < size) {
        return 0;
    }

    status = (unsigned) atoi((char *) data + 9);
    fetch.bytes += size;

    if (status / 100 == 2) {
        fetch.good++;
        fetch.good_in_time += now <= fetch.end;
        histogram_add(&fetch.time, now > f->due ? now - f->due : 0);

    } else {
        fetch.refused++;
        fetch.status = fetch.status ? fetch.status : status;
    }

    f->due = 0;

    if (fetch.closed && now < fetch.end) {
        fetch_issue(f, now);
    }

    return size;
}


/* Both servers say how long their answers are; -1: this one does not. */

static long
fetch_body(const char *head, size_t len)
{
    const char  *line, *next;

    static const char  name[] = "Content-Length: ";

    for (line = head; line; line = next) {

        if (strncasecmp(line, name, sizeof(name) - 1) == 0) {
            return atol(line + sizeof(name) - 1);
        }

        next = memmem(line, len - (size_t) (line - head), "\r\n", 2);

        if (next) {
            next += 2;

            if (len - (size_t) (next - head) < sizeof(name)) {
                break;
            }
        }
    }

    return -1;
}


/* A server may close a kept connection between requests; one that waits for an answer has failed. */

static void
fetch_on_close(conn_t *c)
{
    fetch_conn_t  *f;

    f = (fetch_conn_t *) c;

    fetch.failed += f->due != 0;
    f->due = 0;
}
