/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Envelopes: one letter from one device to another, through a session. It must not know what
 * letters say.
 */

#include <sodium.h>

#include "bytes.h"
#include "chain.h"
#include "session.h"
#include "wire.h"
#include "x3dh.h"

#define LABEL_KEY           "chatalot/v1/envelope"

#define INITIAL_LENGTH      (CHATALOT_PREFIX + 1 + 32 + 32 + 4 + 1 + 4)
#define NORMAL_LENGTH       (CHATALOT_PREFIX + 1 + SESSION_ID_LENGTH)
#define HEADER_MAX          (INITIAL_LENGTH + RATCHET_HEADER_LENGTH)

#define AD_MAX              (SESSION_AD_LENGTH + HEADER_MAX)

_Static_assert(HEADER_MAX + CHAIN_TAG_LENGTH == CHATALOT_ENVELOPE_OVERHEAD,
               "the overhead is not the one announced");

typedef struct {
    uint8_t         type;
    uint8_t         session_id[SESSION_ID_LENGTH];  /* normal */
    uint8_t         device_key[32];                 /* initial, from here on */
    uint8_t         ephemeral[32];
    uint32_t        signed_prekey;
    uint8_t         has_one_time;
    uint32_t        one_time;
    const uint8_t  *header;                         /* the whole of it, as authenticated */
    size_t          header_length;
    const uint8_t  *ratchet_header;
    const uint8_t  *sealed;
    size_t          sealed_length;
} envelope;


static size_t
associated_data(uint8_t out[AD_MAX], const session_record *record, const session *s,
                const uint8_t *header, size_t header_length)
{
    session_ad(out, record, s);
    memcpy(out + SESSION_AD_LENGTH, header, header_length);

    return SESSION_AD_LENGTH + header_length;
}


static size_t
write_header(uint8_t out[HEADER_MAX], const session_record *record, const session *s,
             const uint8_t ratchet_header[RATCHET_HEADER_LENGTH])
{
    size_t  length;
    writer  w;

    writer_init(&w, out, HEADER_MAX);
    write_prefix(&w);

    if (s->initiator && !s->confirmed) {
        write_u8(&w, CHATALOT_ENVELOPE_INITIAL);
        write_bytes(&w, record->own + 32, 32);
        write_bytes(&w, s->ephemeral, 32);
        write_u32(&w, s->signed_prekey);
        write_u8(&w, s->has_one_time);
        write_u32(&w, s->one_time);

    } else {
        write_u8(&w, CHATALOT_ENVELOPE_NORMAL);
        write_bytes(&w, s->id, SESSION_ID_LENGTH);
    }

    write_bytes(&w, ratchet_header, RATCHET_HEADER_LENGTH);
    writer_end(&w, &length);

    return length;
}


static int
parse(envelope *e, const uint8_t *data, size_t length)
{
    int     rc;
    reader  r;

    memset(e, 0, sizeof(*e));
    reader_init(&r, data, length);

    rc = read_prefix(&r);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    e->type = read_u8(&r);

    switch (e->type) {

    case CHATALOT_ENVELOPE_INITIAL:
        read_bytes(&r, e->device_key, 32);
        read_bytes(&r, e->ephemeral, 32);
        e->signed_prekey = read_u32(&r);
        e->has_one_time = read_u8(&r);
        e->one_time = read_u32(&r);
        break;

    case CHATALOT_ENVELOPE_NORMAL:
        read_bytes(&r, e->session_id, SESSION_ID_LENGTH);
        break;

    default:
        return r.failed ? CHATALOT_E_FORMAT : CHATALOT_E_VERSION;
    }

    e->ratchet_header = read_view(&r, RATCHET_HEADER_LENGTH);
    e->header = data;
    e->header_length = r.at;
    e->sealed_length = reader_rest(&r);
    e->sealed = read_view(&r, e->sealed_length);

    if (r.failed || e->has_one_time > 1 || (!e->has_one_time && e->one_time != 0)
        || e->sealed_length <= CHAIN_TAG_LENGTH
        || e->sealed_length > CHATALOT_LETTER_MAX + CHAIN_TAG_LENGTH)
    {
        return CHATALOT_E_FORMAT;
    }

    return CHATALOT_OK;
}


/* Both outputs fit, or neither is written. */
static int
seal(session_record *record, const uint8_t *letter, size_t letter_length,
     uint8_t *new_data, size_t *new_data_length, uint8_t *data, size_t *data_length)
{
    int       rc;
    size_t    room, header_length, ad_length;
    uint8_t   ratchet_header[RATCHET_HEADER_LENGTH], message_key[CHAIN_KEY_LENGTH];
    uint8_t   header[HEADER_MAX], ad[AD_MAX];
    session  *s;

    s = record_preferred(record);

    rc = ratchet_send(&s->ratchet, ratchet_header, message_key);
    if (rc != CHATALOT_OK) {
        *new_data_length = 0;
        *data_length = 0;
        return rc;
    }

    header_length = write_header(header, record, s, ratchet_header);

    room = *data_length;
    *data_length = header_length + letter_length + CHAIN_TAG_LENGTH;

    if (*data_length > room) {
        sodium_memzero(message_key, sizeof(message_key));
        *new_data_length = 0;
        return CHATALOT_E_SPACE;
    }

    rc = record_write(record, new_data, new_data_length);

    if (rc == CHATALOT_OK) {
        ad_length = associated_data(ad, record, s, header, header_length);
        memcpy(data, header, header_length);
        chain_seal(message_key, LABEL(LABEL_KEY), ad, ad_length, letter, letter_length,
                   data + header_length);
    }

    sodium_memzero(message_key, sizeof(message_key));

    return rc;
}


int
chatalot_envelope_seal(const uint8_t *data, size_t data_length,
                       const uint8_t *letter, size_t letter_length,
                       uint8_t *new_data, size_t *new_data_length,
                       uint8_t *out, size_t *out_length)
{
    int             rc;
    size_t          record_room, room;
    session_record  record;

    if (!new_data_length || !out_length) {
        return CHATALOT_E_PARAMETERS;
    }

    record_room = *new_data_length;
    room = *out_length;
    *new_data_length = 0;
    *out_length = 0;

    if ((!data && data_length > 0) || !letter || !new_data || !out
        || letter_length == 0 || letter_length > CHATALOT_LETTER_MAX)
    {
        return CHATALOT_E_PARAMETERS;
    }

    if (data_length == 0) {
        return CHATALOT_E_NO_KEY;
    }

    memset(&record, 0, sizeof(record));
    rc = record_read(&record, data, data_length);

    if (rc == CHATALOT_OK) {
        *new_data_length = record_room;
        *out_length = room;
        rc = seal(&record, letter, letter_length, new_data, new_data_length, out, out_length);
    }

    record_free(&record);

    return rc;
}


int
chatalot_envelope_inspect(const uint8_t *data, size_t length,
                          uint8_t *type, uint8_t id[16], uint8_t device_key[32],
                          uint32_t *signed_prekey_id, uint8_t *has_one_time,
                          uint32_t *one_time_id)
{
    int       rc;
    envelope  e;

    if (!data || !type || !id || !device_key || !signed_prekey_id || !has_one_time
        || !one_time_id)
    {
        return CHATALOT_E_PARAMETERS;
    }

    rc = parse(&e, data, length);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    *type = e.type;
    memcpy(id, e.session_id, SESSION_ID_LENGTH);
    memcpy(device_key, e.device_key, 32);
    *signed_prekey_id = e.signed_prekey;
    *has_one_time = e.has_one_time;
    *one_time_id = e.one_time;

    return CHATALOT_OK;
}


/*
 * X3DH from the other side: a session that is not in the record yet, and joins it only if the
 * letter opens.
 */
static int
respond(session *s, const session_record *record, const uint8_t own_secret[32],
        const uint8_t *signed_prekey_secret, const uint8_t *one_time_secret, const envelope *e)
{
    int      rc;
    uint8_t  shared[32];

    if (signed_prekey_secret == NULL || (e->has_one_time && one_time_secret == NULL)) {
        return CHATALOT_E_NO_KEY;
    }

    rc = x3dh_respond(own_secret, signed_prekey_secret, e->has_one_time ? one_time_secret : NULL,
                      record->peer + 32, e->ephemeral, shared);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    session_id(s->id, e->ephemeral, record->peer, record->own);
    memcpy(s->ephemeral, e->ephemeral, 32);
    s->signed_prekey = e->signed_prekey;
    s->has_one_time = e->has_one_time;
    s->one_time = e->one_time;
    ratchet_respond(&s->ratchet, shared, signed_prekey_secret);

    sodium_memzero(shared, sizeof(shared));

    return CHATALOT_OK;
}


/* The session that the envelope belongs to: NULL with CHATALOT_OK means that it begins one. */
static int
find_session(session **found, session_record *record, const envelope *e)
{
    uint8_t  id[SESSION_ID_LENGTH];

    if (e->type == CHATALOT_ENVELOPE_NORMAL) {
        *found = record_find(record, e->session_id);
        return *found ? CHATALOT_OK : CHATALOT_E_NO_KEY;
    }

    if (memcmp(e->device_key, record->peer + 32, 32) != 0) {
        return CHATALOT_E_AUTH;
    }

    session_id(id, e->ephemeral, record->peer, record->own);

    if (record_is_retired(record, id)) {
        return CHATALOT_E_REPLAY;
    }

    *found = record_find(record, id);

    return CHATALOT_OK;
}


static int
open_in_session(session *s, const session_record *record, const envelope *e, uint8_t *letter)
{
    int      rc;
    size_t   ad_length;
    uint8_t  ad[AD_MAX], message_key[CHAIN_KEY_LENGTH];

    rc = ratchet_receive(&s->ratchet, e->ratchet_header, message_key);

    if (rc == CHATALOT_OK) {
        ad_length = associated_data(ad, record, s, e->header, e->header_length);
        rc = chain_open(message_key, LABEL(LABEL_KEY), ad, ad_length, e->sealed, e->sealed_length,
                        letter);
    }

    if (rc == CHATALOT_OK) {
        s->confirmed = 1;
    }

    sodium_memzero(message_key, sizeof(message_key));

    return rc;
}


static int
open_envelope(session_record *record, const uint8_t own_secret[32],
              const uint8_t *signed_prekey_secret, const uint8_t *one_time_secret,
              const envelope *e, uint8_t *letter, uint8_t *started)
{
    int       rc;
    session   fresh, *s;

    rc = find_session(&s, record, e);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    if (s != NULL) {
        return open_in_session(s, record, e, letter);
    }

    memset(&fresh, 0, sizeof(fresh));
    rc = respond(&fresh, record, own_secret, signed_prekey_secret, one_time_secret, e);

    if (rc == CHATALOT_OK) {
        rc = open_in_session(&fresh, record, e, letter);
    }

    if (rc == CHATALOT_OK) {
        record_add(record, &fresh);
        *started = 1;
    } else {
        skipped_free(&fresh.ratchet.skipped);
    }

    sodium_memzero(&fresh, sizeof(fresh));

    return rc;
}


/*
 * Everything but the arguments has been left to this: parse, open, and write the record that
 * follows.
 */
static int
open_with_record(session_record *record, const uint8_t own_secret[32],
                 const uint8_t *signed_prekey_secret, const uint8_t *one_time_secret,
                 const uint8_t *data, size_t length, uint8_t *new_data, size_t *new_data_length,
                 uint8_t *letter, size_t *letter_length, uint8_t *started)
{
    int       rc;
    size_t    room, record_room;
    envelope  e;

    room = *letter_length;
    record_room = *new_data_length;
    *letter_length = 0;
    *new_data_length = 0;

    rc = parse(&e, data, length);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    if (e.sealed_length - CHAIN_TAG_LENGTH > room) {
        *letter_length = e.sealed_length - CHAIN_TAG_LENGTH;
        return CHATALOT_E_SPACE;
    }

    rc = open_envelope(record, own_secret, signed_prekey_secret, one_time_secret, &e, letter,
                       started);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    *new_data_length = record_room;
    rc = record_write(record, new_data, new_data_length);

    if (rc == CHATALOT_OK) {
        *letter_length = e.sealed_length - CHAIN_TAG_LENGTH;
    } else {
        sodium_memzero(letter, e.sealed_length - CHAIN_TAG_LENGTH);
        *started = 0;
    }

    return rc;
}


int
chatalot_envelope_open(const uint8_t *data, size_t data_length,
                       const uint8_t own[64], const uint8_t own_secret[32],
                       const uint8_t peer[64],
                       const uint8_t *signed_prekey_secret, const uint8_t *one_time_secret,
                       const uint8_t *in, size_t in_length,
                       uint8_t *new_data, size_t *new_data_length,
                       uint8_t *letter, size_t *letter_length, uint8_t *started)
{
    int             rc;
    size_t          room, record_room;
    session_record  record;

    if (!new_data_length || !letter_length || !started) {
        return CHATALOT_E_PARAMETERS;
    }

    room = *letter_length;
    record_room = *new_data_length;
    *letter_length = 0;
    *new_data_length = 0;
    *started = 0;

    if ((!data && data_length > 0) || !own || !own_secret || !peer || !in || !new_data || !letter
        || x3dh_check_own(own_secret, own + 32) != CHATALOT_OK)
    {
        return CHATALOT_E_PARAMETERS;
    }

    rc = record_read_or_init(&record, data, data_length, own, peer);

    if (rc == CHATALOT_OK) {
        *letter_length = room;
        *new_data_length = record_room;
        rc = open_with_record(&record, own_secret, signed_prekey_secret, one_time_secret,
                              in, in_length, new_data, new_data_length, letter, letter_length,
                              started);
    }

    record_free(&record);

    return rc;
}
