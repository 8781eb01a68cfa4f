/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a message is tied to: built from an entry's fields, authenticated, never sent. It must
 * not know by which key.
 */

#include "binding.h"
#include "bytes.h"
#include "wire.h"


static int
kind_is_good(const uint8_t *kind, size_t length)
{
    size_t   i;
    uint8_t  c;

    if (length == 0 || length > CHATALOT_KIND_MAX) {
        return 0;
    }

    for (i = 0; i < length; i++) {
        c = kind[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')
            && c != '_' && c != '-' && c != '.')
        {
            return 0;
        }
    }

    return 1;
}


int
chatalot_binding_make(const uint8_t channel[16], uint64_t epoch,
                      const char *kind, size_t kind_length, const uint8_t message[16],
                      const uint8_t *thread, const uint8_t *ref,
                      const uint8_t user[16], const uint8_t device[16],
                      uint8_t *out, size_t *out_length)
{
    writer                w;
    static const uint8_t  none[16];

    if (!out_length) {
        return CHATALOT_E_PARAMETERS;
    }

    writer_init(&w, out, *out_length);
    *out_length = 0;

    if (!channel || !kind || !kind_is_good((const uint8_t *) kind, kind_length) || !message
        || !user || !device || !out)
    {
        return CHATALOT_E_PARAMETERS;
    }

    write_prefix(&w);
    write_bytes(&w, channel, 16);
    write_u64(&w, epoch);
    write_u8(&w, (uint8_t) kind_length);
    write_bytes(&w, (const uint8_t *) kind, kind_length);
    write_bytes(&w, message, 16);
    write_bytes(&w, thread ? thread : none, 16);
    write_bytes(&w, ref ? ref : none, 16);
    write_bytes(&w, user, 16);
    write_bytes(&w, device, 16);

    return writer_end(&w, out_length);
}


int
binding_read(binding *b, const uint8_t *data, size_t length)
{
    size_t          kind_length;
    reader          r;
    const uint8_t  *kind;

    reader_init(&r, data, length);

    if (read_prefix(&r) != CHATALOT_OK) {
        return CHATALOT_E_FORMAT;
    }

    read_bytes(&r, b->channel, 16);
    b->epoch = read_u64(&r);
    kind_length = read_u8(&r);
    kind = read_view(&r, kind_length);
    read_bytes(&r, b->message, 16);
    read_view(&r, 32);
    read_bytes(&r, b->user, 16);
    read_bytes(&r, b->device, 16);

    if (reader_end(&r) != CHATALOT_OK || !kind_is_good(kind, kind_length)) {
        return CHATALOT_E_FORMAT;
    }

    return CHATALOT_OK;
}
