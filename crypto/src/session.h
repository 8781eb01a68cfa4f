/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The session record of one peer device: its sessions, which of them is sent on, and which are
 * forgotten.
 */

#ifndef CHATALOT_SESSION_H
#define CHATALOT_SESSION_H

#include "ratchet.h"

#define SESSION_ID_LENGTH       16
#define SESSION_RETIRED_MAX     64

/* label, prefix, initiator, responder */
#define SESSION_AD_LABEL        "chatalot/v1/session"
#define SESSION_AD_LENGTH       (sizeof(SESSION_AD_LABEL) - 1 + 2 + 64 + 64)

typedef struct {
    uint8_t   id[SESSION_ID_LENGTH];
    uint32_t  generation;
    uint8_t   initiator;            /* begun by this device */
    uint8_t   confirmed;            /* the peer has been heard on it */
    uint8_t   ephemeral[32];        /* the X3DH header, which "initial" envelopes repeat */
    uint32_t  signed_prekey;
    uint8_t   has_one_time;
    uint32_t  one_time;
    ratchet   ratchet;
} session;

typedef struct {
    uint8_t  own[64];
    uint8_t  peer[64];
    uint8_t  retired[SESSION_RETIRED_MAX][SESSION_ID_LENGTH];    /* oldest first */
    size_t   retired_count;
    session  sessions[4];
    size_t   count;
} session_record;

/*
 * An empty record, or the one in `data`. CHATALOT_OK, CHATALOT_E_FORMAT, _VERSION or _AUTH
 * (other parties).
 */
void record_init(session_record *record, const uint8_t own[64], const uint8_t peer[64]);
int  record_read(session_record *record, const uint8_t *data, size_t length);
int  record_read_or_init(session_record *record, const uint8_t *data, size_t length,
                         const uint8_t own[64], const uint8_t peer[64]);

/* Writes nothing unless all of it fits. CHATALOT_OK or CHATALOT_E_SPACE; `length` in and out. */
int  record_write(const session_record *record, uint8_t *data, size_t *length);
void record_free(session_record *record);

/* The session to send on, or NULL; the one of this id, or NULL. */
session *record_preferred(session_record *record);
session *record_find(session_record *record, const uint8_t id[SESSION_ID_LENGTH]);
int      record_is_retired(const session_record *record, const uint8_t id[SESSION_ID_LENGTH]);

/*
 * Takes over `s` and gives it its generation; the least preferred is retired if there are too
 * many.
 */
void record_add(session_record *record, const session *s);

/*
 * What both sides compute alike: the id of a session and the data every envelope in it
 * authenticates.
 */
void session_id(uint8_t id[SESSION_ID_LENGTH], const uint8_t ephemeral[32],
                const uint8_t initiator[64], const uint8_t responder[64]);
void session_ad(uint8_t ad[SESSION_AD_LENGTH], const session_record *record, const session *s);

#endif /* CHATALOT_SESSION_H */
