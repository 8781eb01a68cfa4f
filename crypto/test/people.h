/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Users, devices, and what one device knows of another, as the scenarios need them. What should
 * not fail stops the program with "Bail out!", so that scenarios show only what they are about.
 */

#ifndef CHATALOT_TEST_PEOPLE_H
#define CHATALOT_TEST_PEOPLE_H

#include <stddef.h>
#include <stdint.h>

#include "chatalot_crypto.h"

typedef struct {
    uint8_t   user[16];
    uint8_t   account_secret[32], account_key[32];
    uint8_t   backup_secret[32], backup_key[32];
} person;

typedef struct {
    uint8_t   party[64];
    uint8_t   secret[32];
    uint8_t   signed_secret[32], signed_prekey[110];
    uint8_t   one_time_secret[32], one_time_public[32];
    int       has_one_time;             /* until someone takes it */
} device;

/* One side's session record with one peer. */
typedef struct {
    device   *own, *peer;
    uint8_t  *record;
    size_t    length;
} end;

typedef struct {
    uint8_t  *data;
    size_t    length;
} packet;

/* When the devices' signed prekeys were made, and sessions begin. */
#define NOW             1700000000000ULL

#define SIGNED_ID       7
#define ONE_TIME_ID     11

void   must(int condition, const char *what);
void   new_person(person *p);
void   new_device(device *d, const person *owner);

void   new_end(end *e, device *own, device *peer);
void   free_end(end *e);

/* Puts new bytes in the place of the record. */
void   set_record(end *e, const uint8_t *record, size_t length);

/* chatalot_session_start with the peer's bundle, the one-time prekey if it is still there. */
int    start(end *e);

/* A sealed envelope holding these bytes, or this text. */
packet seal(end *e, const void *letter, size_t length);
packet say(end *e, const char *text);
void   free_packet(packet *p);

/*
 * chatalot_envelope_open with the secrets that the envelope names. On success the letter is in
 * `letter` (of CHATALOT_LETTER_MAX bytes) and the record is the new one; on failure that
 * nothing was given out is checked.
 */
int    receive(end *e, const packet *p, uint8_t *letter, size_t *length);

/* Whether the packet opens to this text. */
int    hears(end *e, const packet *p, const char *text);

/* Several deliveries at once: whether b hears what a says, `count` times. */
int    talks(end *a, end *b, int count);

#endif /* CHATALOT_TEST_PEOPLE_H */
