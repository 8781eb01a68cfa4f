/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Connections on epoll: see the header.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"


#define CONN_SOURCES  8         /* 127.0.0.2 and on: each has ports of its own */
#define CONN_EVENTS   256
#define CONN_CHUNK    (256 * 1024)


static int                 conn_epoll = -1;
static struct sockaddr_in  conn_server;
static uint8_t             conn_buffer[CONN_READ_MAX + CONN_CHUNK];


static void conn_event(conn_t *c, uint32_t events);
static int conn_opened(conn_t *c);
static int conn_read(conn_t *c);
static int conn_flush(conn_t *c);
static int conn_watch(conn_t *c, int writing);


int
conn_setup(uint16_t port)
{
    conn_server.sin_family = AF_INET;
    conn_server.sin_port = htons(port);
    conn_server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    conn_epoll = epoll_create1(EPOLL_CLOEXEC);

    return conn_epoll == -1 ? -1 : 0;
}


uint64_t
conn_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


void
conn_init(conn_t *c, const conn_handler_t *handler)
{
    memset(c, 0, sizeof(conn_t));

    c->fd = -1;
    c->handler = handler;
}


int
conn_open(conn_t *c, unsigned nth)
{
    int                 one;
    struct linger       linger;
    struct epoll_event  event;
    struct sockaddr_in  source;

    c->fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    if (c->fd == -1) {
        return -1;
    }

    one = 1;
    linger.l_onoff = 1;
    linger.l_linger = 0;

    (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void) setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));

    /* the port is chosen at connect, when the other end is known: only then may ports be used twice */

    (void) setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));

    memset(&source, 0, sizeof(source));
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + nth % CONN_SOURCES);

    if (bind(c->fd, (struct sockaddr *) &source, sizeof(source)) == -1
        || (connect(c->fd, (struct sockaddr *) &conn_server, sizeof(conn_server)) == -1 && errno != EINPROGRESS))
    {
        close(c->fd);
        c->fd = -1;
        return -1;
    }

    c->connecting = 1;
    c->writing = 1;

    event.events = EPOLLIN|EPOLLOUT;
    event.data.ptr = c;

    if (epoll_ctl(conn_epoll, EPOLL_CTL_ADD, c->fd, &event) == -1) {
        close(c->fd);
        c->fd = -1;
        return -1;
    }

    return 0;
}


void
conn_wait(uint64_t until)
{
    int                        i, n;
    uint64_t                   now, left;
    struct timespec            timeout;
    static struct epoll_event  events[CONN_EVENTS];

    now = conn_now();
    left = until > now ? until - now : 0;

    timeout.tv_sec = (time_t) (left / 1000000000);
    timeout.tv_nsec = (long) (left % 1000000000);

    n = epoll_pwait2(conn_epoll, events, CONN_EVENTS, &timeout, NULL);

    for (i = 0; i < n; i++) {
        conn_event(events[i].data.ptr, events[i].events);
    }
}


static void
conn_event(conn_t *c, uint32_t events)
{
    if (c->fd == -1) {
        return;     /* closed by another one's handler, earlier among these events */
    }

    if (c->connecting && (events & (EPOLLOUT|EPOLLERR|EPOLLHUP)) && conn_opened(c) == -1) {
        conn_close(c);
        return;
    }

    if (c->fd != -1 && c->out_len > c->out_pos && (events & EPOLLOUT) && conn_flush(c) == -1) {
        conn_close(c);
        return;
    }

    if (c->fd != -1 && (events & (EPOLLIN|EPOLLERR|EPOLLHUP)) && conn_read(c) == -1) {
        conn_close(c);
    }
}


static int
conn_opened(conn_t *c)
{
    int        error;
    socklen_t  len;

    len = sizeof(error);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1 || error) {
        return -1;
    }

    c->connecting = 0;

    if (conn_watch(c, 0) == -1) {
        return -1;
    }

    c->handler->on_open(c);

    return 0;
}


/* One read an event: a busy connection must not hold up the others, whose messages would then count as late. */

static int
conn_read(conn_t *c)
{
    size_t   len, used;
    ssize_t  n;

    /* what is kept is never longer than CONN_READ_MAX, so there is room for a chunk behind it */

    len = c->in_len;

    if (len) {
        memcpy(conn_buffer, c->in, len);
    }

    n = recv(c->fd, conn_buffer + len, CONN_CHUNK, 0);

    if (n == 0) {
        return -1;
    }

    if (n == -1) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }

    len += (size_t) n;
    used = c->handler->on_data(c, conn_buffer, len, conn_now());

    if (c->fd == -1) {
        return 0;
    }

    free(c->in);
    c->in = NULL;
    c->in_len = 0;

    if (used == len) {
        return 0;
    }

    len -= used;

    if (len > CONN_READ_MAX) {
        return -1;
    }

    c->in = malloc(len);
    if (c->in == NULL) {
        return -1;
    }

    memcpy(c->in, conn_buffer + used, len);
    c->in_len = (uint32_t) len;

    return 0;
}


int
conn_write(conn_t *c, const void *data, size_t len)
{
    ssize_t   n;
    uint8_t  *out;

    if (c->fd == -1 || c->connecting) {
        return -1;
    }

    n = 0;

    if (c->out_len == c->out_pos) {

        n = send(c->fd, data, len, MSG_NOSIGNAL);

        if (n == (ssize_t) len) {
            return 0;
        }

        if (n == -1) {
            if (errno != EAGAIN && errno != EINTR) {
                return -1;
            }

            n = 0;
        }
    }

    len -= (size_t) n;

    if (c->out_len - c->out_pos + len > CONN_WRITE_MAX) {
        return -1;
    }

    if (c->out_pos) {
        memmove(c->out, c->out + c->out_pos, c->out_len - c->out_pos);
        c->out_len -= c->out_pos;
        c->out_pos = 0;
    }

    if (c->out_len + len > c->out_size) {
        out = realloc(c->out, 2 * (c->out_len + len));
        if (out == NULL) {
            return -1;
        }

        c->out = out;
        c->out_size = (uint32_t) (2 * (c->out_len + len));
    }

    memcpy(c->out + c->out_len, (const uint8_t *) data + n, len);
    c->out_len += (uint32_t) len;

    return conn_watch(c, 1);
}


static int
conn_flush(conn_t *c)
{
    ssize_t  n;

    n = send(c->fd, c->out + c->out_pos, c->out_len - c->out_pos, MSG_NOSIGNAL);

    if (n == -1) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }

    c->out_pos += (uint32_t) n;

    if (c->out_pos < c->out_len) {
        return 0;
    }

    free(c->out);
    c->out = NULL;
    c->out_pos = 0;
    c->out_len = 0;
    c->out_size = 0;

    return conn_watch(c, 0);
}


static int
conn_watch(conn_t *c, int writing)
{
    struct epoll_event  event;

    if (c->writing == (unsigned) writing) {
        return 0;
    }

    c->writing = writing ? 1 : 0;

    event.events = writing ? EPOLLIN|EPOLLOUT : EPOLLIN;
    event.data.ptr = c;

    return epoll_ctl(conn_epoll, EPOLL_CTL_MOD, c->fd, &event);
}


void
conn_close(conn_t *c)
{
    if (c->fd == -1) {
        return;
    }

    close(c->fd);

    free(c->in);
    free(c->out);

    conn_init(c, c->handler);

    c->handler->on_close(c);
}
