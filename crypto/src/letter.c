/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Letters: what one device tells another inside an envelope, and who may say what. It must not
 * know how it came.
 */

#include "bytes.h"
#include "content_key.h"
#include "items.h"
#include "sender_key.h"
#include "wire.h"

#include <sodium.h>

#define REQUEST_CHANNEL_AT      1
#define REQUEST_EPOCH_AT        (REQUEST_CHANNEL_AT + 16)
#define REQUEST_ID_AT           (REQUEST_EPOCH_AT + 8)


static int
check_sender_key(const uint8_t *data, const uint8_t *peer)
{
    int         rc;
    sender_key  k;

    rc = sender_key_read(&k, data);

    if (rc == CHATALOT_OK) {
        rc = sender_key_attested(&k);
    }

    if (rc == CHATALOT_OK && peer != NULL && memcmp(k.party, peer, 64) != 0) {
        rc = CHATALOT_E_AUTH;
    }

    sodium_memzero(&k, sizeof(k));

    return rc;
}


/*
 * A content key's sender is not signed for, so it counts only from those who could know: for
 * one that the peer itself made, the very device; for one passed on, a device of the sender's
 * user or of one's own.
 */
static int
check_shared_content_key(const uint8_t *data, const uint8_t *peer, const uint8_t *own_user)
{
    const uint8_t  *user = data + CONTENT_USER_AT;

    if (peer == NULL || memcmp(user, peer, 16) == 0 || memcmp(own_user, peer, 16) == 0) {
        return CHATALOT_OK;
    }

    return CHATALOT_E_AUTH;
}


/* Whom to trust is for one's own devices alone to say. */
static int
check_shared_identity(const uint8_t *peer, const uint8_t *own_user)
{
    return peer == NULL || memcmp(own_user, peer, 16) == 0 ? CHATALOT_OK : CHATALOT_E_AUTH;
}


static int
check_items(const uint8_t *items, size_t length, const uint8_t *peer, const uint8_t *own_user)
{
    int             rc;
    size_t          offset, body_offset, body_length;
    uint8_t         kind;
    const uint8_t  *body;

    if (length == 0 || length > CHATALOT_ITEMS_MAX) {
        return CHATALOT_E_FORMAT;
    }

    rc = items_check(items, length);

    for (offset = 0; rc == CHATALOT_OK && offset < length; ) {
        chatalot_items_next(items, length, &offset, &kind, &body_offset, &body_length);
        body = items + body_offset;

        if (kind == CHATALOT_ITEM_SENDER_KEY) {
            rc = check_sender_key(body, NULL);
        } else if (kind == CHATALOT_ITEM_CONTENT_KEY) {
            rc = check_shared_content_key(body, peer, own_user);
        } else if (kind == CHATALOT_ITEM_IDENTITY) {
            rc = check_shared_identity(peer, own_user);
        }
    }

    return rc;
}


/* With a null peer the sender is not compared: the letter is being made. */
static int
check_body(uint8_t kind, const uint8_t *body, size_t length,
           const uint8_t *peer, const uint8_t *own_user)
{
    switch (kind) {

    case CHATALOT_LETTER_CONTENT_KEY:
        if (length != CHATALOT_CONTENT_KEY_LENGTH) {
            return CHATALOT_E_FORMAT;
        }

        if (check_prefix(body) != CHATALOT_OK) {
            return CHATALOT_E_VERSION;
        }

        return peer == NULL || memcmp(body + CONTENT_USER_AT, peer, 32) == 0
               ? CHATALOT_OK : CHATALOT_E_AUTH;

    case CHATALOT_LETTER_SENDER_KEY:
        return length == CHATALOT_SENDER_KEY_LENGTH
               ? check_sender_key(body, peer) : CHATALOT_E_FORMAT;

    case CHATALOT_LETTER_REQUEST:
        return length == CHATALOT_REQUEST_LENGTH
               && (body[0] == CHATALOT_REQUEST_SENDER_KEY
                   || body[0] == CHATALOT_REQUEST_CONTENT_KEY)
               ? CHATALOT_OK : CHATALOT_E_FORMAT;

    case CHATALOT_LETTER_ITEMS:
        return check_items(body, length, peer, own_user);

    default:
        return CHATALOT_E_VERSION;
    }
}


int
chatalot_letter_make(uint8_t kind, const uint8_t *body, size_t body_length,
                     uint8_t *letter, size_t *letter_length)
{
    int     rc;
    writer  w;

    if (!letter_length) {
        return CHATALOT_E_PARAMETERS;
    }

    writer_init(&w, letter, *letter_length);
    *letter_length = 0;

    if (!body || !letter) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = check_body(kind, body, body_length, NULL, NULL);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    write_prefix(&w);
    write_u8(&w, kind);
    write_bytes(&w, body, body_length);

    return writer_end(&w, letter_length);
}


int
chatalot_letter_open(const uint8_t *letter, size_t letter_length,
                     const uint8_t peer[64], const uint8_t own_user[16],
                     uint8_t *kind, size_t *body_offset, size_t *body_length)
{
    int     rc;
    reader  r;

    if (!letter || !peer || !own_user || !kind || !body_offset || !body_length) {
        return CHATALOT_E_PARAMETERS;
    }

    *body_length = 0;
    reader_init(&r, letter, letter_length);

    rc = read_prefix(&r);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    *kind = read_u8(&r);
    if (r.failed) {
        return CHATALOT_E_FORMAT;
    }

    rc = check_body(*kind, letter + r.at, reader_rest(&r), peer, own_user);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    *body_offset = r.at;
    *body_length = reader_rest(&r);

    return CHATALOT_OK;
}


int
chatalot_request_make(uint8_t what, const uint8_t channel[16], uint64_t epoch,
                      const uint8_t id[16], uint8_t request[41])
{
    if (!channel || !id || !request
        || (what != CHATALOT_REQUEST_SENDER_KEY && what != CHATALOT_REQUEST_CONTENT_KEY))
    {
        return CHATALOT_E_PARAMETERS;
    }

    request[0] = what;
    memcpy(request + REQUEST_CHANNEL_AT, channel, 16);
    store64(request + REQUEST_EPOCH_AT, epoch);
    memcpy(request + REQUEST_ID_AT, id, 16);

    return CHATALOT_OK;
}


int
chatalot_request_read(const uint8_t request[41], uint8_t *what, uint8_t channel[16],
                      uint64_t *epoch, uint8_t id[16])
{
    if (!request || !what || !channel || !epoch || !id) {
        return CHATALOT_E_PARAMETERS;
    }

    if (request[0] != CHATALOT_REQUEST_SENDER_KEY && request[0] != CHATALOT_REQUEST_CONTENT_KEY) {
        return CHATALOT_E_FORMAT;
    }

    *what = request[0];
    memcpy(channel, request + REQUEST_CHANNEL_AT, 16);
    *epoch = load64(request + REQUEST_EPOCH_AT);
    memcpy(id, request + REQUEST_ID_AT, 16);

    return CHATALOT_OK;
}
