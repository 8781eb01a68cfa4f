/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bounded reading and writing of structures. Neither ever passes its end: a reader that has
 * failed reads zeros, a writer that is full counts on, so that callers check once, at the end.
 */

#ifndef CHATALOT_WIRE_H
#define CHATALOT_WIRE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t  *data;
    size_t          length;     /* of data */
    size_t          at;
    int             failed;
} reader;

typedef struct {
    uint8_t        *data;
    size_t          room;
    size_t          at;         /* may pass room: what would be needed */
} writer;

void           reader_init(reader *r, const uint8_t *data, size_t length);
uint8_t        read_u8(reader *r);
uint16_t       read_u16(reader *r);
uint32_t       read_u32(reader *r);
uint64_t       read_u64(reader *r);
void           read_bytes(reader *r, uint8_t *out, size_t length);

/* The bytes in place, or NULL. */
const uint8_t *read_view(reader *r, size_t length);
size_t         reader_rest(const reader *r);

/* Reads version and suite. CHATALOT_OK, CHATALOT_E_FORMAT or CHATALOT_E_VERSION. */
int            read_prefix(reader *r);

/* CHATALOT_E_FORMAT if anything was missing or is left over. */
int            reader_end(const reader *r);

void           writer_init(writer *w, uint8_t *data, size_t room);
void           write_u8(writer *w, uint8_t value);
void           write_u16(writer *w, uint16_t value);
void           write_u32(writer *w, uint32_t value);
void           write_u64(writer *w, uint64_t value);
void           write_bytes(writer *w, const uint8_t *data, size_t length);
void           write_prefix(writer *w);

/* Room for `length` bytes that the caller fills, or NULL if there is none; counted either way. */
uint8_t       *write_room(writer *w, size_t length);

/* Gives the length written, or needed. CHATALOT_OK or CHATALOT_E_SPACE. */
int            writer_end(const writer *w, size_t *length);

#endif /* CHATALOT_WIRE_H */
