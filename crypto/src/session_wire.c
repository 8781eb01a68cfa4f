/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Session records as bytes (docs/e2ee.md, "Session record"). A record lies in the device's
 * store; it is read as carefully as anything else, because a store can be damaged.
 */

#include <sodium.h>

#include "bytes.h"
#include "session.h"
#include "wire.h"

#define FLAG_INITIATOR      0x01
#define FLAG_CONFIRMED      0x02
#define FLAG_ONE_TIME       0x04
#define FLAG_SENDING        0x08
#define FLAG_RECEIVING      0x10
#define FLAGS_ALL           0x1f

#define SESSION_FIXED       267

_Static_assert(2 + 64 + 64 + 1 + SESSION_RETIRED_MAX * SESSION_ID_LENGTH + 1
               + CHATALOT_SESSIONS_MAX
                 * (SESSION_FIXED + CHATALOT_SKIP_SESSION_MAX * SKIPPED_ENTRY_LENGTH)
               <= CHATALOT_SESSION_RECORD_MAX, "the longest record is longer than announced");


static void
read_ratchet(reader *in, ratchet *r, uint8_t flags)
{
    r->has_sending = (flags & FLAG_SENDING) != 0;
    r->has_receiving = (flags & FLAG_RECEIVING) != 0;

    read_bytes(in, r->root, 32);
    read_bytes(in, r->own_secret, 32);
    read_bytes(in, r->own_public, 32);
    read_bytes(in, r->peer_public, 32);
    read_bytes(in, r->sending, 32);
    read_bytes(in, r->receiving, 32);
    r->sent = read_u32(in);
    r->received = read_u32(in);
    r->previous = read_u32(in);
    r->skipped.count = read_u16(in);
    r->skipped.entries = read_view(in, r->skipped.count * SKIPPED_ENTRY_LENGTH);
    r->skipped.own = NULL;
}


static int
read_session(reader *in, session *s)
{
    uint8_t  flags;

    flags = read_u8(in);
    s->initiator = (flags & FLAG_INITIATOR) != 0;
    s->confirmed = (flags & FLAG_CONFIRMED) != 0;
    s->has_one_time = (flags & FLAG_ONE_TIME) != 0;

    s->generation = read_u32(in);
    read_bytes(in, s->id, SESSION_ID_LENGTH);
    read_bytes(in, s->ephemeral, 32);
    s->signed_prekey = read_u32(in);
    s->one_time = read_u32(in);
    read_ratchet(in, &s->ratchet, flags);

    if (in->failed || (flags & ~FLAGS_ALL) != 0
        || s->ratchet.skipped.count > CHATALOT_SKIP_SESSION_MAX)
    {
        s->ratchet.skipped.count = 0;
        return CHATALOT_E_FORMAT;
    }

    return CHATALOT_OK;
}


int
record_read(session_record *record, const uint8_t *data, size_t length)
{
    int      rc;
    size_t   i, count;
    reader   in;

    reader_init(&in, data, length);

    rc = read_prefix(&in);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    read_bytes(&in, record->own, 64);
    read_bytes(&in, record->peer, 64);

    record->count = 0;
    record->retired_count = read_u8(&in);

    if (record->retired_count > SESSION_RETIRED_MAX) {
        record->retired_count = 0;
        return CHATALOT_E_FORMAT;
    }

    read_bytes(&in, record->retired[0], record->retired_count * SESSION_ID_LENGTH);
    count = read_u8(&in);

    if (count == 0 || count > CHATALOT_SESSIONS_MAX) {
        return CHATALOT_E_FORMAT;
    }

    for (i = 0; i < count; i++) {
        rc = read_session(&in, &record->sessions[i]);
        if (rc != CHATALOT_OK) {
            return rc;
        }

        record->count++;
    }

    return reader_end(&in);
}


static void
write_ratchet(writer *out, const ratchet *r)
{
    write_bytes(out, r->root, 32);
    write_bytes(out, r->own_secret, 32);
    write_bytes(out, r->own_public, 32);
    write_bytes(out, r->peer_public, 32);
    write_bytes(out, r->sending, 32);
    write_bytes(out, r->receiving, 32);
    write_u32(out, r->sent);
    write_u32(out, r->received);
    write_u32(out, r->previous);
    write_u16(out, (uint16_t) r->skipped.count);
    write_bytes(out, r->skipped.entries, r->skipped.count * SKIPPED_ENTRY_LENGTH);
}


static void
write_session(writer *out, const session *s)
{
    write_u8(out, (uint8_t) ((s->initiator ? FLAG_INITIATOR : 0)
                             | (s->confirmed ? FLAG_CONFIRMED : 0)
                             | (s->has_one_time ? FLAG_ONE_TIME : 0)
                             | (s->ratchet.has_sending ? FLAG_SENDING : 0)
                             | (s->ratchet.has_receiving ? FLAG_RECEIVING : 0)));
    write_u32(out, s->generation);
    write_bytes(out, s->id, SESSION_ID_LENGTH);
    write_bytes(out, s->ephemeral, 32);
    write_u32(out, s->signed_prekey);
    write_u32(out, s->one_time);
    write_ratchet(out, &s->ratchet);
}


static size_t
record_length(const session_record *record)
{
    size_t  i, length;

    length = CHATALOT_PREFIX + 64 + 64 + 1 + record->retired_count * SESSION_ID_LENGTH + 1;

    for (i = 0; i < record->count; i++) {
        length += SESSION_FIXED
                  + record->sessions[i].ratchet.skipped.count * SKIPPED_ENTRY_LENGTH;
    }

    return length;
}


int
record_write(const session_record *record, uint8_t *data, size_t *length)
{
    size_t  i, room;
    writer  out;

    room = *length;
    *length = record_length(record);

    if (*length > room) {
        return CHATALOT_E_SPACE;
    }

    writer_init(&out, data, room);
    write_prefix(&out);
    write_bytes(&out, record->own, 64);
    write_bytes(&out, record->peer, 64);
    write_u8(&out, (uint8_t) record->retired_count);
    write_bytes(&out, record->retired[0], record->retired_count * SESSION_ID_LENGTH);
    write_u8(&out, (uint8_t) record->count);

    for (i = 0; i < record->count; i++) {
        write_session(&out, &record->sessions[i]);
    }

    return writer_end(&out, length);
}
