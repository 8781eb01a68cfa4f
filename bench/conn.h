/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TCP connections to one server on one epoll: connecting from several source addresses, reading into one shared buffer,
 * keeping what the kernel does not take yet. Knows nothing of HTTP or WebSocket: those are the handler's.
 */

#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>


#define CONN_READ_MAX   (4 * 1024 * 1024)   /* one unfinished frame or answer */
#define CONN_WRITE_MAX  (4 * 1024 * 1024)   /* what may wait for a server that does not read */


typedef struct conn_s  conn_t;

typedef struct {
    /* the connection stands: say something */
    void    (*on_open)(conn_t *c);

    /* Everything that was read and not consumed yet, and when. Returns the bytes consumed; the rest comes again with
       more behind it. */
    size_t  (*on_data)(conn_t *c, uint8_t *data, size_t len, uint64_t now);

    /* It is gone, for whatever reason; conn_t may be opened again. */
    void    (*on_close)(conn_t *c);
} conn_handler_t;

struct conn_s {
    int                     fd;             /* -1: closed */
    unsigned                connecting:1;
    unsigned                writing:1;      /* epoll tells when it may be written to */
    const conn_handler_t   *handler;
    uint8_t                *in;             /* unfinished input; NULL: none */
    uint8_t                *out;            /* unwritten output */
    uint32_t                in_len;
    uint32_t                out_pos;
    uint32_t                out_len;
    uint32_t                out_size;
};


int conn_setup(uint16_t port);
uint64_t conn_now(void);

void conn_init(conn_t *c, const conn_handler_t *handler);

/* From the nth of the source addresses. 0: on its way, -1: no. */
int conn_open(conn_t *c, unsigned nth);

/* -1: closed, or too much waits already. */
int conn_write(conn_t *c, const void *data, size_t len);

/* With a reset, so that no port lies in TIME_WAIT for the next round; calls on_close. */
void conn_close(conn_t *c);

/* Handles what happens until the time (conn_now's), or the first events before it. */
void conn_wait(uint64_t until);


#endif /* BENCH_CONN_H */
