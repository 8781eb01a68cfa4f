/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * RFC 6455 from the client's side: see the header.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <string.h>

#include "random.h"
#include "websocket.h"


#define MASKED     0x80
#define FIN        0x80
#define RESERVED   0x70
#define FRAME_MAX  (2 * 1024 * 1024)


size_t
websocket_request(char *to, size_t size, const char *path, uint16_t port)
{
    int    n;
    char  *p, key[25];

    (void) random_base64(key, 16);

    /* this one is base64 with the other two letters */

    for (p = key; *p; p++) {
        *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
    }

    n = snprintf(to, size, "GET %s HTTP/1.1\r\nHost: localhost:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Key: %s==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://localhost:%u\r\n\r\n", path,
                 port, key, port);

    return n > 0 && (size_t) n < size ? (size_t) n : 0;
}


/* Sec-WebSocket-Accept is not computed: the tests of the server do that, and here it would cost the generator's time. */

int
websocket_answer(const uint8_t *data, size_t len)
{
    const uint8_t  *end;

    end = memmem(data, len, "\r\n\r\n", 4);
    if (end == NULL) {
        return len > 16384 ? -1 : 0;
    }

    return len > 12 && memcmp(data, "HTTP/1.1 101", 12) == 0 ? (int) (end - data) + 4 : -1;
}


size_t
websocket_put(uint8_t *to, unsigned opcode, const void *payload, size_t len)
{
    size_t          i, at;
    uint32_t        mask;
    uint8_t         bytes[4];
    const uint8_t  *from;

    from = payload;

    to[0] = (uint8_t) (FIN | opcode);
    at = 2;

    if (len < 126) {
        to[1] = (uint8_t) (MASKED | len);

    } else if (len < 65536) {
        to[1] = MASKED | 126;
        to[at++] = (uint8_t) (len >> 8);
        to[at++] = (uint8_t) len;

    } else {
        to[1] = MASKED | 127;

        for (i = 0; i < 8; i++) {
            to[at++] = (uint8_t) ((uint64_t) len >> (56 - 8 * i));
        }
    }

    mask = (uint32_t) random_next();
    memcpy(bytes, &mask, sizeof(bytes));
    memcpy(to + at, bytes, sizeof(bytes));
    at += sizeof(bytes);

    for (i = 0; i < len; i++) {
        to[at + i] = from[i] ^ bytes[i % 4];
    }

    return at + len;
}


int
websocket_get(uint8_t *data, size_t len, websocket_frame_t *frame)
{
    size_t    at, i;
    uint64_t  size;

    if (len < 2) {
        return 0;
    }

    if ((data[0] & RESERVED) || (data[1] & MASKED)) {
        return -1;
    }

    size = data[1];
    at = 2;

    if (size >= 126) {
        at += size == 126 ? 2 : 8;

        if (len < at) {
            return 0;
        }

        size = 0;

        for (i = 2; i < at; i++) {
            size = size << 8 | data[i];
        }
    }

    if (size > FRAME_MAX) {
        return -1;
    }

    if (len < at + size) {
        return 0;
    }

    frame->opcode = data[0] & 0x0f;
    frame->fin = data[0] >> 7;
    frame->data = data + at;
    frame->len = size;

    return (int) (at + size);
}
