/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The message keys of messages that have not come yet. A list is a view into the record it was
 * read from until skipped_reserve() gives it memory of its own; the others but find and free
 * need that first.
 */

#ifndef CHATALOT_SKIPPED_H
#define CHATALOT_SKIPPED_H

#include <stddef.h>
#include <stdint.h>

/* ratchet key, number in its chain (u32), message key; oldest first */
#define SKIPPED_ENTRY_LENGTH    68

typedef struct {
    const uint8_t  *entries;
    size_t          count;
    uint8_t        *own;        /* NULL while `entries` is a view */
    size_t          capacity;   /* entries that fit in `own` */
} skipped_keys;

/* Makes room for `more` entries. CHATALOT_OK or CHATALOT_E_MEMORY. */
int  skipped_reserve(skipped_keys *s, size_t more);
void skipped_add(skipped_keys *s, const uint8_t ratchet_key[32], uint32_t number,
                 const uint8_t message_key[32]);

/* 1 and the index, or 0. */
int  skipped_find(const skipped_keys *s, const uint8_t ratchet_key[32], uint32_t number,
                  size_t *index);

/* Gives the message key of an entry and forgets it. */
void skipped_take(skipped_keys *s, size_t index, uint8_t message_key[32]);

/* Drops the oldest: of this chain, then of all, until the limits hold. */
void skipped_trim(skipped_keys *s, const uint8_t ratchet_key[32]);
void skipped_free(skipped_keys *s);

#endif /* CHATALOT_SKIPPED_H */
