/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files: what was sealed comes back whole, in its order and in its own file, or not at all.
 */

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "bytes.h"
#include "people.h"
#include "tap.h"

#define CHUNK       CHATALOT_FILE_CHUNK
#define SEALED      (CHATALOT_FILE_CHUNK + CHATALOT_FILE_OVERHEAD)
#define CHUNKS      4

/* A sealed file of at most CHUNKS chunks. */
typedef struct {
    uint8_t   key[32], header[26];
    uint8_t  *plain;
    size_t    length, chunks;
    uint8_t   sealed[CHUNKS][SEALED];
    size_t    lengths[CHUNKS];
} file;

static file     one, two;
static uint8_t  plain[CHUNK + 1];


static void
seal_file(file *f, size_t length)
{
    size_t   at, take;
    uint8_t  state[47], next[47];

    free(f->plain);
    f->plain = malloc(length ? length : 1);
    must(f->plain != NULL, "memory");
    randombytes_buf(f->plain, length);
    f->length = length;
    f->chunks = 0;
    must(chatalot_file_seal_begin(f->key, f->header, state) == CHATALOT_OK, "begin");

    at = 0;
    do {
        take = length - at < CHUNK ? length - at : CHUNK;
        f->lengths[f->chunks] = SEALED;
        must(chatalot_file_seal_chunk(state, f->plain + at, take, at + take == length, next,
                                      f->sealed[f->chunks], &f->lengths[f->chunks])
             == CHATALOT_OK, "seal");
        memcpy(state, next, sizeof(state));
        f->chunks++;
        at += take;
    } while (at < length);

    must(chatalot_file_ended(state) == CHATALOT_OK, "ended");
}


/* One chunk; the state moves on only if it opens, and nothing is given out if not. */
static int
open_chunk(uint8_t state[47], const uint8_t *sealed, size_t sealed_length, size_t *length)
{
    int      rc;
    uint8_t  next[47], last = 9;

    *length = CHUNK;
    memset(next, 0xaa, sizeof(next));
    memset(plain, 0xaa, sizeof(plain));
    rc = chatalot_file_open_chunk(state, sealed, sealed_length, next, plain, length, &last);

    if (rc == CHATALOT_OK) {
        must(last == (chatalot_file_ended(next) == CHATALOT_OK), "last");
        memcpy(state, next, sizeof(next));
    } else {
        must(*length == 0 && next[0] == 0xaa && last == 9, "output of a refusal");
    }

    return rc;
}


/* Whether the first `chunks` open to what was sealed, and how the state is then. */
static int
opens(const file *f, size_t chunks, uint8_t state[47])
{
    int     same;
    size_t  i, at, length;

    must(chatalot_file_open_begin(f->key, f->header, state) == CHATALOT_OK, "begin");

    for (i = 0, at = 0, same = 1; i < chunks; i++) {
        if (open_chunk(state, f->sealed[i], f->lengths[i], &length) != CHATALOT_OK) {
            return 0;
        }
        same = same && memcmp(plain, f->plain + at, length) == 0;
        at += length;
    }

    return same && (i < f->chunks || at == f->length);
}


static void
whole_files(void)
{
    size_t        i;
    uint8_t       state[47];
    const size_t  lengths[] = { 0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 1000 };
    const size_t  chunks[] = { 1, 1, 1, 1, 2, 2, 4 };

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        seal_file(&one, lengths[i]);
        is_number((long long) one.chunks, (long long) chunks[i], "chunks of a file");
        ok(opens(&one, one.chunks, state) && chatalot_file_ended(state) == CHATALOT_OK,
           "a file of %zu bytes", lengths[i]);
    }
}


static void
truncated_file(void)
{
    size_t   length;
    uint8_t  state[47];

    seal_file(&one, 2 * CHUNK + 5);
    ok(opens(&one, 2, state), "the chunks before a cut open");
    is_code(chatalot_file_ended(state), CHATALOT_E_FORMAT, "and the file is known not to be whole");
    must(opens(&one, 0, state), "begin");
    is_code(chatalot_file_ended(state), CHATALOT_E_FORMAT, "nor is one without any chunk");

    must(opens(&one, 2, state), "two");
    is_code(open_chunk(state, one.sealed[2], one.lengths[2] - 1, &length), CHATALOT_E_AUTH,
            "a last chunk cut short");
    is_code(open_chunk(state, one.sealed[2], CHATALOT_FILE_OVERHEAD - 1, &length),
            CHATALOT_E_FORMAT, "or to nothing");
    is_code(open_chunk(state, one.sealed[2], one.lengths[2], &length), CHATALOT_OK,
            "does no harm to the whole one");

    must(opens(&one, 1, state), "one");
    is_code(open_chunk(state, one.sealed[1], SEALED - 1, &length), CHATALOT_E_AUTH,
            "a chunk in the middle cut short");
}


static void
reordered_file(void)
{
    size_t   length;
    uint8_t  state[47];

    seal_file(&one, 3 * CHUNK + 5);
    must(opens(&one, 1, state), "one");
    is_code(open_chunk(state, one.sealed[2], SEALED, &length), CHATALOT_E_AUTH,
            "a chunk before its turn");
    is_code(open_chunk(state, one.sealed[0], SEALED, &length), CHATALOT_E_AUTH, "one again");
    is_code(open_chunk(state, one.sealed[3], one.lengths[3], &length), CHATALOT_E_AUTH,
            "the end before its turn");
    is_code(open_chunk(state, one.sealed[1], SEALED, &length), CHATALOT_OK, "the one that is next");
}


static void
appended_file(void)
{
    size_t   length;
    uint8_t  state[47];

    seal_file(&one, CHUNK + 5);
    must(opens(&one, 2, state), "all");
    is_code(open_chunk(state, one.sealed[1], one.lengths[1], &length), CHATALOT_E_FORMAT,
            "nothing comes after the last chunk");
    is_code(open_chunk(state, one.sealed[0], SEALED, &length), CHATALOT_E_FORMAT,
            "whatever it is");
    is_code(chatalot_file_ended(state), CHATALOT_OK, "the file is whole all the same");

    must(opens(&one, 1, state), "one");
    memcpy(two.sealed[0], one.sealed[1], one.lengths[1]);
    is_code(open_chunk(state, two.sealed[0], one.lengths[1] + 1, &length), CHATALOT_E_AUTH,
            "nor after its end inside it");
    is_code(open_chunk(state, two.sealed[0], SEALED + 1, &length), CHATALOT_E_FORMAT,
            "no chunk is longer than a chunk");
}


static void
chunks_of_another_file(void)
{
    size_t   length;
    uint8_t  state[47], key[32], header[26];

    seal_file(&one, CHUNK + 5);
    seal_file(&two, CHUNK + 5);
    must(opens(&one, 1, state), "one");
    is_code(open_chunk(state, two.sealed[1], two.lengths[1], &length), CHATALOT_E_AUTH,
            "a chunk of another file");

    /* even under the same key, as a sender that reused one would have it */
    memcpy(key, one.key, 32);
    memcpy(header, one.header, 26);
    memcpy(one.key, two.key, 32);
    must(chatalot_file_open_begin(one.key, one.header, state) == CHATALOT_OK, "begin");
    is_code(open_chunk(state, two.sealed[0], SEALED, &length), CHATALOT_E_AUTH,
            "under another header");
    must(chatalot_file_open_begin(key, two.header, state) == CHATALOT_OK, "begin");
    is_code(open_chunk(state, two.sealed[0], SEALED, &length), CHATALOT_E_AUTH,
            "or with another key");
    header[1] = 2;
    is_code(chatalot_file_open_begin(key, header, state), CHATALOT_E_VERSION,
            "a header of another suite");
}


/* What only a sender can do wrong. */
static void
sealing_in_order(void)
{
    size_t   length;
    uint8_t  key[32], header[26], state[47], next[47], sealed[SEALED];

    must(chatalot_file_seal_begin(key, header, state) == CHATALOT_OK, "begin");
    is_code(chatalot_file_ended(state), CHATALOT_E_FORMAT, "a file that is begun is not whole");
    length = SEALED;
    is_code(chatalot_file_seal_chunk(state, plain, 5, 0, next, sealed, &length),
            CHATALOT_E_PARAMETERS, "a short chunk that is not the last");
    length = SEALED;
    is_code(chatalot_file_seal_chunk(state, plain, CHUNK + 1, 1, next, sealed, &length),
            CHATALOT_E_PARAMETERS, "one that is too long");
    length = SEALED - 1;
    is_code(chatalot_file_seal_chunk(state, plain, CHUNK, 0, next, sealed, &length),
            CHATALOT_E_SPACE, "no room");
    is_number((long long) length, SEALED, "the room it needs");
    is_code(chatalot_file_seal_chunk(state, plain, CHUNK, 0, next, sealed, &length), CHATALOT_OK,
            "a full one");

    length = SEALED;
    is_code(chatalot_file_seal_chunk(next, plain, 0, 1, state, sealed, &length),
            CHATALOT_E_PARAMETERS, "an empty last one after it");
    length = SEALED;
    must(chatalot_file_seal_chunk(next, plain, 7, 1, state, sealed, &length) == CHATALOT_OK,
         "seal");
    length = SEALED;
    is_code(chatalot_file_seal_chunk(state, plain, 7, 1, next, sealed, &length),
            CHATALOT_E_EXHAUSTED, "anything after the last");

    must(chatalot_file_open_begin(key, header, state) == CHATALOT_OK, "begin");
    length = SEALED;
    is_code(chatalot_file_seal_chunk(state, plain, 7, 1, next, sealed, &length),
            CHATALOT_E_FORMAT, "sealing with a reader's state");
    must(chatalot_file_seal_begin(key, header, state) == CHATALOT_OK, "begin");
    is_code(open_chunk(state, sealed, 24, &length), CHATALOT_E_FORMAT,
            "reading with a writer's state");
    state[2] = 6;
    is_code(open_chunk(state, sealed, 24, &length), CHATALOT_E_FORMAT, "a state of no phase");
    is_code(chatalot_file_ended(state), CHATALOT_E_FORMAT, "which is at no end");
    state[2] = 0;
    is_code(chatalot_file_ended(state), CHATALOT_E_FORMAT, "nor one below");
    state[0] = 2;
    length = SEALED;
    is_code(chatalot_file_seal_chunk(state, plain, 7, 1, next, sealed, &length),
            CHATALOT_E_VERSION, "a state of another version");
    is_code(open_chunk(state, sealed, 24, &length), CHATALOT_E_VERSION, "in either direction");
    is_code(chatalot_file_ended(state), CHATALOT_E_VERSION, "or at its end");
}


/* A chunk made with libsodium alone, as a sender that does not keep to the rules could. */
static int
foreign(size_t length, uint8_t tag, int after_one)
{
    size_t                                       opened;
    uint8_t                                      state[47], ad[18] = "chatalot/v1/file";
    uint8_t                                      sealed[SEALED], own_header[26] = { 1, 1 };
    crypto_secretstream_xchacha20poly1305_state  stream;

    store_prefix(ad + 16);
    crypto_secretstream_xchacha20poly1305_init_push(&stream, own_header + 2, one.key);
    must(chatalot_file_open_begin(one.key, own_header, state) == CHATALOT_OK, "begin");

    if (after_one) {
        crypto_secretstream_xchacha20poly1305_push(&stream, sealed, NULL, one.plain, CHUNK, ad,
                                                   sizeof(ad), 0);
        must(open_chunk(state, sealed, SEALED, &opened) == CHATALOT_OK, "first");
    }

    crypto_secretstream_xchacha20poly1305_push(&stream, sealed, NULL, one.plain, length, ad,
                                               sizeof(ad), tag);

    return open_chunk(state, sealed, length + CHATALOT_FILE_OVERHEAD, &opened);
}


static void
unruly_sender(void)
{
    size_t   length = 4;
    uint8_t  state[47], next[47], last;

    seal_file(&one, CHUNK + 5);
    is_code(foreign(CHUNK, 0, 0), CHATALOT_OK, "a chunk by the formulas alone");
    is_code(foreign(5, 3, 0), CHATALOT_OK, "and a last one");
    is_code(foreign(0, 3, 0), CHATALOT_OK, "or the one of an empty file");
    is_code(foreign(5, 0, 0), CHATALOT_E_FORMAT, "a short chunk that is not the last");
    is_code(foreign(0, 3, 1), CHATALOT_E_FORMAT, "an empty last one after another");
    is_code(foreign(5, 1, 0), CHATALOT_E_FORMAT, "an unknown mark");
    is_code(foreign(CHUNK, 2, 0), CHATALOT_E_FORMAT, "or one that changes the key");

    must(chatalot_file_open_begin(one.key, one.header, state) == CHATALOT_OK, "begin");
    is_code(chatalot_file_open_chunk(state, one.sealed[0], SEALED, next, plain, &length, &last),
            CHATALOT_E_SPACE, "no room");
    is_number((long long) length, CHUNK, "the room it needs");
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    whole_files();
    truncated_file();
    reordered_file();
    appended_file();
    chunks_of_another_file();
    sealing_in_order();
    unruly_sender();

    free(one.plain);
    free(two.plain);

    return done();
}
