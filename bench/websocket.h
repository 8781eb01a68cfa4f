/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The client's side of RFC 6455: the handshake's texts and frames in both directions. Does no I/O.
 */

#ifndef BENCH_WEBSOCKET_H
#define BENCH_WEBSOCKET_H

#include <stddef.h>
#include <stdint.h>


#define WEBSOCKET_TEXT   1
#define WEBSOCKET_CLOSE  8
#define WEBSOCKET_PING   9
#define WEBSOCKET_PONG   10

#define WEBSOCKET_HEAD_MAX  14


typedef struct {
    unsigned   opcode;
    unsigned   fin;
    uint8_t   *data;
    size_t     len;
} websocket_frame_t;


/* The request, with an origin as a browser sends it. Returns its length, or 0 if it does not fit. */
size_t websocket_request(char *to, size_t size, const char *path, uint16_t port);

/* Bytes of the answer's head when it is a complete 101; 0: not complete yet; -1: a refusal. */
int websocket_answer(const uint8_t *data, size_t len);

/* A masked frame; "to" has room for WEBSOCKET_HEAD_MAX + len. Returns its length. */
size_t websocket_put(uint8_t *to, unsigned opcode, const void *payload, size_t len);

/* The next frame's length in bytes; 0: not complete yet; -1: a frame that a server must not send. */
int websocket_get(uint8_t *data, size_t len, websocket_frame_t *frame);


#endif /* BENCH_WEBSOCKET_H */
