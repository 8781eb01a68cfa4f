/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Skipped message keys (skipped.h). It must not know how keys are derived.
 */

#include <stdlib.h>

#include <sodium.h>

#include "bytes.h"
#include "skipped.h"

#define NUMBER_AT       32
#define KEY_AT          36


static const uint8_t *
entry(const skipped_keys *s, size_t index)
{
    return s->entries + index * SKIPPED_ENTRY_LENGTH;
}


int
skipped_reserve(skipped_keys *s, size_t more)
{
    size_t    capacity;
    uint8_t  *own;

    capacity = s->count + more;
    own = malloc(capacity ? capacity * SKIPPED_ENTRY_LENGTH : 1);

    if (own == NULL) {
        return CHATALOT_E_MEMORY;
    }

    if (s->count > 0) {
        memcpy(own, s->entries, s->count * SKIPPED_ENTRY_LENGTH);
    }

    skipped_free(s);
    s->own = own;
    s->entries = own;
    s->capacity = capacity;

    return CHATALOT_OK;
}


void
skipped_add(skipped_keys *s, const uint8_t ratchet_key[32], uint32_t number,
            const uint8_t message_key[32])
{
    uint8_t  *p = s->own + s->count * SKIPPED_ENTRY_LENGTH;

    memcpy(p, ratchet_key, 32);
    store32(p + NUMBER_AT, number);
    memcpy(p + KEY_AT, message_key, 32);
    s->count++;
}


int
skipped_find(const skipped_keys *s, const uint8_t ratchet_key[32], uint32_t number,
             size_t *index)
{
    size_t          i;
    const uint8_t  *p;

    for (i = 0; i < s->count; i++) {
        p = entry(s, i);

        if (load32(p + NUMBER_AT) == number && memcmp(p, ratchet_key, 32) == 0) {
            *index = i;
            return 1;
        }
    }

    return 0;
}


static void
remove_entry(skipped_keys *s, size_t index)
{
    uint8_t  *p = s->own + index * SKIPPED_ENTRY_LENGTH;

    s->count--;
    memmove(p, p + SKIPPED_ENTRY_LENGTH, (s->count - index) * SKIPPED_ENTRY_LENGTH);
    sodium_memzero(s->own + s->count * SKIPPED_ENTRY_LENGTH, SKIPPED_ENTRY_LENGTH);
}


void
skipped_take(skipped_keys *s, size_t index, uint8_t message_key[32])
{
    memcpy(message_key, entry(s, index) + KEY_AT, 32);
    remove_entry(s, index);
}


/* Drops the `excess` oldest entries of the chain, or of all if ratchet_key is NULL, in one pass. */
static void
drop_oldest(skipped_keys *s, const uint8_t *ratchet_key, size_t excess)
{
    size_t          i, kept;
    const uint8_t  *p;

    for (i = 0, kept = 0; i < s->count; i++) {
        p = entry(s, i);

        if (excess > 0 && (ratchet_key == NULL || memcmp(p, ratchet_key, 32) == 0)) {
            excess--;
            continue;
        }

        memmove(s->own + kept * SKIPPED_ENTRY_LENGTH, p, SKIPPED_ENTRY_LENGTH);
        kept++;
    }

    sodium_memzero(s->own + kept * SKIPPED_ENTRY_LENGTH, (s->count - kept) * SKIPPED_ENTRY_LENGTH);
    s->count = kept;
}


void
skipped_trim(skipped_keys *s, const uint8_t ratchet_key[32])
{
    size_t  i, of_chain;

    for (i = 0, of_chain = 0; i < s->count; i++) {
        of_chain += memcmp(entry(s, i), ratchet_key, 32) == 0;
    }

    if (of_chain > CHATALOT_SKIP_CHAIN_MAX) {
        drop_oldest(s, ratchet_key, of_chain - CHATALOT_SKIP_CHAIN_MAX);
    }

    if (s->count > CHATALOT_SKIP_SESSION_MAX) {
        drop_oldest(s, NULL, s->count - CHATALOT_SKIP_SESSION_MAX);
    }
}


void
skipped_free(skipped_keys *s)
{
    if (s->own != NULL) {
        sodium_memzero(s->own, s->capacity * SKIPPED_ENTRY_LENGTH);
        free(s->own);
        s->own = NULL;
    }
}
