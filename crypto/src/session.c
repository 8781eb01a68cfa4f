/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Session records: which sessions there are with a peer and which is sent on
 * (chatalot_crypto.h, 7, has the rule). It must not know envelopes, and of a session's ratchet
 * only that it has one; session_wire.c has the bytes.
 */

#include <sodium.h>

#include "bytes.h"
#include "session.h"
#include "wire.h"
#include "x3dh.h"

#define LABEL_ID        "chatalot/v1/session-id"


void
record_init(session_record *record, const uint8_t own[64], const uint8_t peer[64])
{
    memset(record, 0, sizeof(*record));
    memcpy(record->own, own, 64);
    memcpy(record->peer, peer, 64);
}


int
record_read_or_init(session_record *record, const uint8_t *data, size_t length,
                    const uint8_t own[64], const uint8_t peer[64])
{
    int  rc;

    record_init(record, own, peer);

    if (length == 0) {
        return CHATALOT_OK;
    }

    rc = record_read(record, data, length);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    if (memcmp(record->own, own, 64) != 0 || memcmp(record->peer, peer, 64) != 0) {
        return CHATALOT_E_AUTH;
    }

    return CHATALOT_OK;
}


void
record_free(session_record *record)
{
    size_t  i;

    for (i = 0; i < record->count; i++) {
        skipped_free(&record->sessions[i].ratchet.skipped);
    }

    sodium_memzero(record, sizeof(*record));
}


/* Whether to send on a rather than on b. */
static int
is_better(const session *a, const session *b)
{
    if (a->generation != b->generation) {
        return a->generation > b->generation;
    }

    if (a->confirmed != b->confirmed) {
        return a->confirmed;
    }

    return memcmp(a->id, b->id, SESSION_ID_LENGTH) < 0;
}


session *
record_preferred(session_record *record)
{
    size_t    i;
    session  *best = NULL;

    for (i = 0; i < record->count; i++) {
        if (best == NULL || is_better(&record->sessions[i], best)) {
            best = &record->sessions[i];
        }
    }

    return best;
}


session *
record_find(session_record *record, const uint8_t id[SESSION_ID_LENGTH])
{
    size_t  i;

    for (i = 0; i < record->count; i++) {
        if (memcmp(record->sessions[i].id, id, SESSION_ID_LENGTH) == 0) {
            return &record->sessions[i];
        }
    }

    return NULL;
}


int
record_is_retired(const session_record *record, const uint8_t id[SESSION_ID_LENGTH])
{
    size_t  i;

    for (i = 0; i < record->retired_count; i++) {
        if (memcmp(record->retired[i], id, SESSION_ID_LENGTH) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
retire_worst(session_record *record)
{
    size_t    i;
    session  *worst = &record->sessions[0];

    for (i = 1; i < record->count; i++) {
        if (is_better(worst, &record->sessions[i])) {
            worst = &record->sessions[i];
        }
    }

    if (record->retired_count == SESSION_RETIRED_MAX) {
        memmove(record->retired[0], record->retired[1],
                (SESSION_RETIRED_MAX - 1) * SESSION_ID_LENGTH);
        record->retired_count--;
    }

    memcpy(record->retired[record->retired_count++], worst->id, SESSION_ID_LENGTH);

    skipped_free(&worst->ratchet.skipped);
    *worst = record->sessions[--record->count];
    sodium_memzero(&record->sessions[record->count], sizeof(session));
}


/*
 * A session that the peer starts while the newest ones here are this device's own and
 * unanswered was started at the same time: it shares their generation, so that both sides end
 * up choosing by id. Any other begins a new generation.
 */
static uint32_t
next_generation(const session_record *record, const session *s)
{
    int       simultaneous;
    size_t    i;
    uint32_t  newest;

    newest = 0;
    for (i = 0; i < record->count; i++) {
        if (record->sessions[i].generation > newest) {
            newest = record->sessions[i].generation;
        }
    }

    simultaneous = newest > 0 && !s->initiator;
    for (i = 0; i < record->count; i++) {
        if (record->sessions[i].generation == newest
            && (!record->sessions[i].initiator || record->sessions[i].confirmed))
        {
            simultaneous = 0;
        }
    }

    return simultaneous ? newest : newest + 1;
}


void
record_add(session_record *record, const session *s)
{
    uint32_t  generation;

    generation = next_generation(record, s);

    if (record->count == CHATALOT_SESSIONS_MAX) {
        retire_worst(record);
    }

    record->sessions[record->count] = *s;
    record->sessions[record->count].generation = generation;
    record->count++;
}


void
session_id(uint8_t id[SESSION_ID_LENGTH], const uint8_t ephemeral[32],
           const uint8_t initiator[64], const uint8_t responder[64])
{
    uint8_t                   hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state  state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, LABEL(LABEL_ID));
    crypto_hash_sha256_update(&state, ephemeral, 32);
    crypto_hash_sha256_update(&state, initiator, 64);
    crypto_hash_sha256_update(&state, responder, 64);
    crypto_hash_sha256_final(&state, hash);

    memcpy(id, hash, SESSION_ID_LENGTH);
}


void
session_ad(uint8_t ad[SESSION_AD_LENGTH], const session_record *record, const session *s)
{
    writer  w;

    writer_init(&w, ad, SESSION_AD_LENGTH);
    write_bytes(&w, LABEL(SESSION_AD_LABEL));
    write_prefix(&w);
    write_bytes(&w, s->initiator ? record->own : record->peer, 64);
    write_bytes(&w, s->initiator ? record->peer : record->own, 64);
}


/*
 * X3DH with a prekey that has been verified, and the first half of the ratchet; the session is
 * complete but for its generation.
 */
static int
begin(session *s, const uint8_t own[64], const uint8_t own_secret[32], const uint8_t peer[64],
      const uint8_t signed_prekey[110], uint32_t one_time_id, const uint8_t *one_time,
      uint64_t now_ms)
{
    int       rc;
    uint8_t   ephemeral_secret[32], shared[32], prekey_public[32];
    uint64_t  created_at_ms;

    memset(s, 0, sizeof(*s));

    /* which cannot fail of one whose signature is good */
    chatalot_signed_prekey_inspect(signed_prekey, &s->signed_prekey, prekey_public,
                                   &created_at_ms);

    /* one from the future is of a device whose clock is wrong: it will be too old later */
    if (now_ms > created_at_ms && now_ms - created_at_ms > CHATALOT_SIGNED_PREKEY_AGE_MAX) {
        return CHATALOT_E_EXHAUSTED;
    }

    s->initiator = 1;
    s->has_one_time = one_time != NULL;
    s->one_time = one_time != NULL ? one_time_id : 0;

    crypto_box_keypair(s->ephemeral, ephemeral_secret);
    session_id(s->id, s->ephemeral, own, peer);

    rc = x3dh_initiate(own_secret, ephemeral_secret, peer + 32, prekey_public, one_time, shared);

    if (rc == CHATALOT_OK) {
        rc = ratchet_initiate(&s->ratchet, shared, prekey_public);
    }

    sodium_memzero(ephemeral_secret, sizeof(ephemeral_secret));
    sodium_memzero(shared, sizeof(shared));

    return rc;
}


static int
start(session_record *record, const uint8_t own[64], const uint8_t own_secret[32],
      const uint8_t peer[64], const uint8_t signed_prekey[110],
      uint32_t one_time_id, const uint8_t *one_time, uint64_t now_ms)
{
    int      rc;
    session  s;

    rc = chatalot_signed_prekey_verify(signed_prekey, peer + 16, peer + 32);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    rc = begin(&s, own, own_secret, peer, signed_prekey, one_time_id, one_time, now_ms);

    if (rc == CHATALOT_OK) {
        record_add(record, &s);
    }

    sodium_memzero(&s, sizeof(s));

    return rc;
}


int
chatalot_session_start(const uint8_t *data, size_t data_length,
                       const uint8_t own[64], const uint8_t own_secret[32],
                       const uint8_t peer[64], const uint8_t signed_prekey[110],
                       uint32_t one_time_id, const uint8_t *one_time, uint64_t now_ms,
                       uint8_t *new_data, size_t *new_data_length)
{
    int             rc;
    size_t          room;
    session_record  record;

    if (!new_data_length) {
        return CHATALOT_E_PARAMETERS;
    }

    room = *new_data_length;
    *new_data_length = 0;

    if ((!data && data_length > 0) || !own || !own_secret || !peer || !signed_prekey || !new_data
        || memcmp(own, peer, 64) == 0
        || x3dh_check_own(own_secret, own + 32) != CHATALOT_OK)
    {
        return CHATALOT_E_PARAMETERS;
    }

    rc = record_read_or_init(&record, data, data_length, own, peer);

    if (rc == CHATALOT_OK) {
        rc = start(&record, own, own_secret, peer, signed_prekey, one_time_id, one_time, now_ms);
    }

    if (rc == CHATALOT_OK) {
        *new_data_length = room;
        rc = record_write(&record, new_data, new_data_length);
    }

    record_free(&record);

    return rc;
}


int
chatalot_session_inspect(const uint8_t *data, size_t data_length,
                         uint8_t id[16], uint8_t *confirmed, uint8_t *sessions)
{
    int             rc;
    session        *s;
    session_record  record;

    if (!data || !id || !confirmed || !sessions) {
        return CHATALOT_E_PARAMETERS;
    }

    memset(&record, 0, sizeof(record));
    rc = record_read(&record, data, data_length);

    if (rc == CHATALOT_OK) {
        s = record_preferred(&record);
        memcpy(id, s->id, SESSION_ID_LENGTH);
        *confirmed = s->confirmed;
        *sessions = (uint8_t) record.count;
    }

    record_free(&record);

    return rc;
}
