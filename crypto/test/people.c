/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Users, devices and session ends for the scenarios (people.h).
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "people.h"

static uint8_t  new_record[CHATALOT_SESSION_RECORD_MAX];


void
must(int condition, const char *what)
{
    if (!condition) {
        printf("Bail out! %s\n", what);
        exit(2);
    }
}


void
new_person(person *p)
{
    randombytes_buf(p->user, 16);
    must(chatalot_account_create(p->account_secret, p->account_key, p->backup_secret,
                                 p->backup_key) == CHATALOT_OK, "account");
}


void
new_device(device *d, const person *owner)
{
    memcpy(d->party, owner->user, 16);
    randombytes_buf(d->party + 16, 16);
    must(chatalot_device_create(d->secret, d->party + 32) == CHATALOT_OK, "device");
    must(chatalot_signed_prekey_create(d->secret, d->party + 16, SIGNED_ID, NOW,
                                       d->signed_secret, d->signed_prekey) == CHATALOT_OK,
         "signed prekey");
    must(chatalot_one_time_prekey_create(d->one_time_secret, d->one_time_public) == CHATALOT_OK,
         "one-time prekey");
    d->has_one_time = 1;
}


void
new_end(end *e, device *own, device *peer)
{
    e->own = own;
    e->peer = peer;
    e->record = NULL;
    e->length = 0;
}


void
free_end(end *e)
{
    free(e->record);
    e->record = NULL;
    e->length = 0;
}


void
set_record(end *e, const uint8_t *record, size_t length)
{
    uint8_t  *copy = NULL;

    if (length > 0) {
        copy = malloc(length);
        must(copy != NULL, "memory");
        memcpy(copy, record, length);
    }

    free(e->record);
    e->record = copy;
    e->length = length;
}


int
start(end *e)
{
    int     rc;
    size_t  length = sizeof(new_record);

    rc = chatalot_session_start(e->record, e->length, e->own->party, e->own->secret,
                                e->peer->party, e->peer->signed_prekey, ONE_TIME_ID,
                                e->peer->has_one_time ? e->peer->one_time_public : NULL, NOW,
                                new_record, &length);
    if (rc == CHATALOT_OK) {
        e->peer->has_one_time = 0;
        set_record(e, new_record, length);
    }

    return rc;
}


packet
seal(end *e, const void *letter, size_t length)
{
    size_t  record_length = sizeof(new_record);
    packet  p;

    p.length = length + CHATALOT_ENVELOPE_OVERHEAD;
    p.data = malloc(p.length);
    must(p.data != NULL, "memory");
    must(chatalot_envelope_seal(e->record, e->length, letter, length, new_record, &record_length,
                                p.data, &p.length) == CHATALOT_OK, "envelope");
    set_record(e, new_record, record_length);

    return p;
}


packet
say(end *e, const char *text)
{
    return seal(e, text, strlen(text));
}


void
free_packet(packet *p)
{
    free(p->data);
    p->data = NULL;
}


int
receive(end *e, const packet *p, uint8_t *letter, size_t *length)
{
    int       rc;
    size_t    record_length = sizeof(new_record);
    uint8_t   type, id[16], key[32], has_one_time, started;
    uint32_t  signed_id, one_time_id;

    rc = chatalot_envelope_inspect(p->data, p->length, &type, id, key, &signed_id, &has_one_time,
                                   &one_time_id);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    *length = CHATALOT_LETTER_MAX;
    rc = chatalot_envelope_open(e->record, e->length, e->own->party, e->own->secret,
                                e->peer->party,
                                signed_id == SIGNED_ID ? e->own->signed_secret : NULL,
                                one_time_id == ONE_TIME_ID ? e->own->one_time_secret : NULL,
                                p->data, p->length, new_record, &record_length,
                                letter, length, &started);

    if (rc == CHATALOT_OK) {
        set_record(e, new_record, record_length);
    } else {
        must(record_length == 0 && *length == 0 && started == 0, "output of a failed opening");
    }

    return rc;
}


int
hears(end *e, const packet *p, const char *text)
{
    size_t          length;
    static uint8_t  letter[CHATALOT_LETTER_MAX];

    return receive(e, p, letter, &length) == CHATALOT_OK
           && length == strlen(text) && memcmp(letter, text, length) == 0;
}


int
talks(end *a, end *b, int count)
{
    int     i, heard;
    char    text[32];
    packet  p;

    for (i = 0, heard = 0; i < count; i++) {
        snprintf(text, sizeof(text), "number %d", i);
        p = say(a, text);
        heard += hears(b, &p, text);
        free_packet(&p);
    }

    return heard == count;
}
