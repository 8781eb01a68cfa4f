/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files: libsodium's secretstream in chunks of 64 KiB under a key of their own, one chunk at a
 * time. Every chunk but the last is full, so that there is one way to cut a file and its length
 * says how many there are. It must not know where the bytes come from or go to.
 */

#include <sodium.h>

#include "bytes.h"

#define LABEL_FILE          "chatalot/v1/file"

/* The state as its bytes: prefix, phase, secretstream's key and nonce. */
#define PHASE_AT            CHATALOT_PREFIX
#define KEY_AT              (PHASE_AT + 1)
#define NONCE_AT            (KEY_AT + crypto_stream_chacha20_ietf_KEYBYTES)

#define AD_LENGTH           (sizeof(LABEL_FILE) - 1 + CHATALOT_PREFIX)

/* The first of each pair is at the file's begin, where an empty last chunk is allowed. */
enum {
    SEAL_FIRST = 1,
    SEAL_NEXT = 2,
    OPEN_FIRST = 3,
    OPEN_NEXT = 4,
    ENDED = 5
};

typedef crypto_secretstream_xchacha20poly1305_state  stream;


static void
associated_data(uint8_t out[AD_LENGTH])
{
    memcpy(out, LABEL_FILE, sizeof(LABEL_FILE) - 1);
    store_prefix(out + sizeof(LABEL_FILE) - 1);
}


static void
store_state(uint8_t out[47], uint8_t phase, const stream *s)
{
    store_prefix(out);
    out[PHASE_AT] = phase;
    memcpy(out + KEY_AT, s->k, sizeof(s->k));
    memcpy(out + NONCE_AT, s->nonce, sizeof(s->nonce));
}


static int
load_state(const uint8_t state[47], uint8_t *phase, stream *s)
{
    if (check_prefix(state) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    *phase = state[PHASE_AT];

    if (*phase < SEAL_FIRST || *phase > ENDED) {
        return CHATALOT_E_FORMAT;
    }

    memset(s, 0, sizeof(*s));
    memcpy(s->k, state + KEY_AT, sizeof(s->k));
    memcpy(s->nonce, state + NONCE_AT, sizeof(s->nonce));

    return CHATALOT_OK;
}


int
chatalot_file_seal_begin(uint8_t key[32], uint8_t header[26], uint8_t state[47])
{
    stream  s;

    if (!key || !header || !state) {
        return CHATALOT_E_PARAMETERS;
    }

    crypto_secretstream_xchacha20poly1305_keygen(key);
    store_prefix(header);
    crypto_secretstream_xchacha20poly1305_init_push(&s, header + CHATALOT_PREFIX, key);
    store_state(state, SEAL_FIRST, &s);
    sodium_memzero(&s, sizeof(s));

    return CHATALOT_OK;
}


int
chatalot_file_seal_chunk(const uint8_t state[47], const uint8_t *plain, size_t plain_length,
                         uint8_t last, uint8_t new_state[47],
                         uint8_t *sealed, size_t *sealed_length)
{
    int      rc;
    size_t   room;
    uint8_t  phase, tag, ad[AD_LENGTH];
    stream   s;

    if (!sealed_length) {
        return CHATALOT_E_PARAMETERS;
    }

    room = *sealed_length;
    *sealed_length = 0;

    if (!state || !plain || !new_state || !sealed || plain_length > CHATALOT_FILE_CHUNK) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = load_state(state, &phase, &s);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    if (phase != SEAL_FIRST && phase != SEAL_NEXT) {
        rc = phase == ENDED ? CHATALOT_E_EXHAUSTED : CHATALOT_E_FORMAT;
        goto done;
    }

    if (last ? plain_length == 0 && phase != SEAL_FIRST : plain_length != CHATALOT_FILE_CHUNK) {
        rc = CHATALOT_E_PARAMETERS;
        goto done;
    }

    if (plain_length + CHATALOT_FILE_OVERHEAD > room) {
        *sealed_length = plain_length + CHATALOT_FILE_OVERHEAD;
        rc = CHATALOT_E_SPACE;
        goto done;
    }

    associated_data(ad);
    tag = last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
               : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
    crypto_secretstream_xchacha20poly1305_push(&s, sealed, NULL, plain, plain_length,
                                               ad, sizeof(ad), tag);
    *sealed_length = plain_length + CHATALOT_FILE_OVERHEAD;
    store_state(new_state, last ? ENDED : SEAL_NEXT, &s);

done:

    sodium_memzero(&s, sizeof(s));

    return rc;
}


int
chatalot_file_open_begin(const uint8_t key[32], const uint8_t header[26], uint8_t state[47])
{
    stream  s;

    if (!key || !header || !state) {
        return CHATALOT_E_PARAMETERS;
    }

    if (check_prefix(header) != CHATALOT_OK) {
        return CHATALOT_E_VERSION;
    }

    crypto_secretstream_xchacha20poly1305_init_pull(&s, header + CHATALOT_PREFIX, key);
    store_state(state, OPEN_FIRST, &s);
    sodium_memzero(&s, sizeof(s));

    return CHATALOT_OK;
}


/* What its tag says of a chunk that is authentic, and whether its length may be so there. */
static int
place(uint8_t tag, size_t length, uint8_t phase, uint8_t *last)
{
    switch (tag) {

    case crypto_secretstream_xchacha20poly1305_TAG_MESSAGE:
        *last = 0;
        return length == CHATALOT_FILE_CHUNK ? CHATALOT_OK : CHATALOT_E_FORMAT;

    case crypto_secretstream_xchacha20poly1305_TAG_FINAL:
        *last = 1;
        return length > 0 || phase == OPEN_FIRST ? CHATALOT_OK : CHATALOT_E_FORMAT;

    default:
        return CHATALOT_E_FORMAT;
    }
}


int
chatalot_file_open_chunk(const uint8_t state[47], const uint8_t *sealed, size_t sealed_length,
                         uint8_t new_state[47], uint8_t *plain, size_t *plain_length,
                         uint8_t *last)
{
    int      rc;
    size_t   room, length;
    uint8_t  phase, tag, ends, ad[AD_LENGTH];
    stream   s;

    if (!plain_length) {
        return CHATALOT_E_PARAMETERS;
    }

    room = *plain_length;
    *plain_length = 0;

    if (!state || !sealed || !new_state || !plain || !last) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = load_state(state, &phase, &s);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    if ((phase != OPEN_FIRST && phase != OPEN_NEXT) || sealed_length < CHATALOT_FILE_OVERHEAD
        || sealed_length > CHATALOT_FILE_CHUNK + CHATALOT_FILE_OVERHEAD)
    {
        rc = CHATALOT_E_FORMAT;
        goto done;
    }

    length = sealed_length - CHATALOT_FILE_OVERHEAD;

    if (length > room) {
        *plain_length = length;
        rc = CHATALOT_E_SPACE;
        goto done;
    }

    associated_data(ad);

    if (crypto_secretstream_xchacha20poly1305_pull(&s, plain, NULL, &tag, sealed, sealed_length,
                                                   ad, sizeof(ad)) != 0)
    {
        rc = CHATALOT_E_AUTH;
        goto done;
    }

    rc = place(tag, length, phase, &ends);
    if (rc != CHATALOT_OK) {
        sodium_memzero(plain, length);
        goto done;
    }

    *last = ends;
    *plain_length = length;
    store_state(new_state, ends ? ENDED : OPEN_NEXT, &s);

done:

    sodium_memzero(&s, sizeof(s));

    return rc;
}


int
chatalot_file_ended(const uint8_t state[47])
{
    int      rc;
    uint8_t  phase;
    stream   s;

    if (!state) {
        return CHATALOT_E_PARAMETERS;
    }

    rc = load_state(state, &phase, &s);
    sodium_memzero(&s, sizeof(s));

    if (rc != CHATALOT_OK) {
        return rc;
    }

    return phase == ENDED ? CHATALOT_OK : CHATALOT_E_FORMAT;
}
