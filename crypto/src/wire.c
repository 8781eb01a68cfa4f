/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bounded reading and writing of structures (wire.h). It knows no structure.
 */

#include "bytes.h"
#include "wire.h"


void
reader_init(reader *r, const uint8_t *data, size_t length)
{
    r->data = data;
    r->length = length;
    r->at = 0;
    r->failed = 0;
}


const uint8_t *
read_view(reader *r, size_t length)
{
    const uint8_t  *view;

    if (r->failed || length > r->length - r->at) {
        r->failed = 1;
        return NULL;
    }

    view = r->data + r->at;
    r->at += length;

    return view;
}


uint8_t
read_u8(reader *r)
{
    const uint8_t  *p = read_view(r, 1);

    return p ? *p : 0;
}


uint16_t
read_u16(reader *r)
{
    const uint8_t  *p = read_view(r, 2);

    return p ? load16(p) : 0;
}


uint32_t
read_u32(reader *r)
{
    const uint8_t  *p = read_view(r, 4);

    return p ? load32(p) : 0;
}


uint64_t
read_u64(reader *r)
{
    const uint8_t  *p = read_view(r, 8);

    return p ? load64(p) : 0;
}


void
read_bytes(reader *r, uint8_t *out, size_t length)
{
    const uint8_t  *p = read_view(r, length);

    if (p) {
        memcpy(out, p, length);
    } else {
        memset(out, 0, length);
    }
}


size_t
reader_rest(const reader *r)
{
    return r->failed ? 0 : r->length - r->at;
}


int
read_prefix(reader *r)
{
    const uint8_t  *p = read_view(r, CHATALOT_PREFIX);

    return p ? check_prefix(p) : CHATALOT_E_FORMAT;
}


int
reader_end(const reader *r)
{
    return r->failed || r->at != r->length ? CHATALOT_E_FORMAT : CHATALOT_OK;
}


void
writer_init(writer *w, uint8_t *data, size_t room)
{
    w->data = data;
    w->room = room;
    w->at = 0;
}


uint8_t *
write_room(writer *w, size_t length)
{
    uint8_t  *p = NULL;

    if (w->at <= w->room && length <= w->room - w->at) {
        p = w->data + w->at;
    }

    w->at += length;

    return p;
}


void
write_bytes(writer *w, const uint8_t *data, size_t length)
{
    uint8_t  *p = write_room(w, length);

    if (p && length > 0) {
        memcpy(p, data, length);
    }
}


void
write_u8(writer *w, uint8_t value)
{
    write_bytes(w, &value, 1);
}


void
write_u16(writer *w, uint16_t value)
{
    uint8_t  bytes[2];

    store16(bytes, value);
    write_bytes(w, bytes, sizeof(bytes));
}


void
write_u32(writer *w, uint32_t value)
{
    uint8_t  bytes[4];

    store32(bytes, value);
    write_bytes(w, bytes, sizeof(bytes));
}


void
write_u64(writer *w, uint64_t value)
{
    uint8_t  bytes[8];

    store64(bytes, value);
    write_bytes(w, bytes, sizeof(bytes));
}


void
write_prefix(writer *w)
{
    write_u8(w, CHATALOT_VERSION);
    write_u8(w, CHATALOT_SUITE);
}


int
writer_end(const writer *w, size_t *length)
{
    *length = w->at;

    return w->at > w->room ? CHATALOT_E_SPACE : CHATALOT_OK;
}
