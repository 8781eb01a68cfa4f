/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which session is sent on: both start at once, one starts anew, sessions pile up and are
 * forgotten. And five devices a side.
 */

#include <stdio.h>
#include <string.h>

#include "people.h"
#include "tap.h"

static person   alice, bob;
static device   phone, laptop;
static end      a, b;
static uint8_t  letter[CHATALOT_LETTER_MAX];
static size_t   length;


static void
meet(void)
{
    new_person(&alice);
    new_person(&bob);
    new_device(&phone, &alice);
    new_device(&laptop, &bob);
    new_end(&a, &phone, &laptop);
    new_end(&b, &laptop, &phone);
}


static void
part(void)
{
    free_end(&a);
    free_end(&b);
}


static int
sessions(const end *e)
{
    uint8_t  id[16], confirmed, count;

    must(chatalot_session_inspect(e->record, e->length, id, &confirmed, &count) == CHATALOT_OK,
         "inspect");

    return count;
}


/* Whether both would send on the same session. */
static int
agree(const end *x, const end *y)
{
    uint8_t  id[2][16], confirmed[2], count;

    must(chatalot_session_inspect(x->record, x->length, id[0], &confirmed[0], &count) == CHATALOT_OK
         && chatalot_session_inspect(y->record, y->length, id[1], &confirmed[1], &count)
            == CHATALOT_OK, "inspect");

    return memcmp(id[0], id[1], 16) == 0 && confirmed[0] && confirmed[1];
}


/* Whether it would send on a session on which it has heard the peer. */
static int
sends_where_heard(const end *e)
{
    uint8_t  id[16], confirmed, count;

    must(chatalot_session_inspect(e->record, e->length, id, &confirmed, &count) == CHATALOT_OK,
         "inspect");

    return confirmed;
}


static void
both_start_at_once(void)
{
    int     round, converged, heard, known;
    packet  pa, pb, qa, qb;

    for (round = 0, converged = 0, heard = 0, known = 0; round < 20; round++) {
        meet();
        must(start(&a) == CHATALOT_OK && start(&b) == CHATALOT_OK, "start");

        /* two each are under way before either sees anything */
        pa = say(&a, "from a");
        pb = say(&b, "from b");
        qa = say(&a, "again from a");
        qb = say(&b, "again from b");
        heard += hears(&b, &pa, "from a") + hears(&a, &pb, "from b");
        heard += hears(&b, &qa, "again from a") + hears(&a, &qb, "again from b");
        known += sends_where_heard(&a) + sends_where_heard(&b);
        free_packet(&pa);
        free_packet(&pb);
        free_packet(&qa);
        free_packet(&qb);

        /* and their answers cross as well */
        pa = say(&a, "answer a");
        pb = say(&b, "answer b");
        heard += hears(&b, &pa, "answer a") + hears(&a, &pb, "answer b");
        free_packet(&pa);
        free_packet(&pb);

        converged += agree(&a, &b) && sessions(&a) == 2 && sessions(&b) == 2;
        heard += talks(&a, &b, 3) + talks(&b, &a, 3) + talks(&a, &b, 3);
        part();
    }

    is_number(heard, 20 * 9, "all letters are read though both started at once, twenty times");
    is_number(known, 20 * 2, "each answers on the session that the other began, of which it knows");
    is_number(converged, 20, "after one crossing answer both send on the same session");
}


static void
one_starts_anew(void)
{
    packet  p;

    meet();
    must(start(&a) == CHATALOT_OK, "start");
    ok(talks(&a, &b, 2) && talks(&b, &a, 2), "a session");

    /* b loses its state */
    free_end(&b);
    p = say(&a, "into the void");
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_NO_KEY, "who lost its state cannot read");
    free_packet(&p);

    must(start(&b) == CHATALOT_OK, "start");
    ok(talks(&b, &a, 1), "it starts anew and is heard");
    is_number(sessions(&a), 2, "the other has two sessions now");
    ok(talks(&a, &b, 1) && agree(&a, &b), "and answers on the new one");
    ok(talks(&b, &a, 5) && talks(&a, &b, 5), "they talk on");

    /* both lose their patience at once, over a session that works */
    must(start(&a) == CHATALOT_OK && start(&b) == CHATALOT_OK, "start");
    p = say(&a, "anew");
    ok(talks(&b, &a, 1) && hears(&b, &p, "anew"), "both start anew at once");
    free_packet(&p);
    ok(talks(&a, &b, 1) && talks(&b, &a, 1) && agree(&a, &b), "and agree again");
    part();
}


/* One that the relay kept back for too long is nobody's any more. */
static void
old_signed_prekey(void)
{
    size_t    size;
    uint64_t  last = NOW + CHATALOT_SIGNED_PREKEY_AGE_MAX;

    static uint8_t  record[4096];

    meet();
    size = sizeof(record);
    is_code(chatalot_session_start(NULL, 0, phone.party, phone.secret, laptop.party,
                                   laptop.signed_prekey, 0, NULL, last, record, &size),
            CHATALOT_OK, "a signed prekey of 97 days");
    size = sizeof(record);
    is_code(chatalot_session_start(NULL, 0, phone.party, phone.secret, laptop.party,
                                   laptop.signed_prekey, 0, NULL, last + 1, record, &size),
            CHATALOT_E_EXHAUSTED, "an older one");
    is_number((long long) size, 0, "begins nothing");
    size = sizeof(record);
    is_code(chatalot_session_start(NULL, 0, phone.party, phone.secret, laptop.party,
                                   laptop.signed_prekey, 0, NULL, NOW - 1, record, &size),
            CHATALOT_OK, "one of a device whose clock is ahead");
    part();
}


static void
old_sessions_are_forgotten(void)
{
    int     i;
    packet  first, old;

    meet();
    must(start(&a) == CHATALOT_OK, "start");
    first = say(&a, "first");
    ok(hears(&b, &first, "first"), "a first letter");
    ok(talks(&b, &a, 1), "its answer");
    old = say(&a, "old");

    for (i = 0; i < 4; i++) {
        must(start(&a) == CHATALOT_OK, "start");
        ok(talks(&a, &b, 1) && talks(&b, &a, 1) && agree(&a, &b), "new start %d is followed", i);
    }

    is_number(sessions(&a), CHATALOT_SESSIONS_MAX, "no more than four are kept");
    is_number(sessions(&b), CHATALOT_SESSIONS_MAX, "on either side");
    is_code(receive(&b, &old, letter, &length), CHATALOT_E_NO_KEY,
            "a letter of the forgotten session cannot be read");
    is_code(receive(&b, &first, letter, &length), CHATALOT_E_REPLAY,
            "and its beginning cannot be replayed, though the prekeys are still there");

    for (i = 0; i < 100; i++) {
        must(start(&a) == CHATALOT_OK, "start");
        must(talks(&a, &b, 1), "talk");
    }

    ok(a.length < CHATALOT_SESSION_RECORD_MAX && sessions(&b) == 4, "a hundred more starts");
    ok(talks(&b, &a, 1) && agree(&a, &b), "and they agree");
    free_packet(&first);
    free_packet(&old);
    part();
}


#define DEVICES     5

/* Each of ten devices writes to each other one, all first letters crossing; then all again. */
static void
five_devices_a_side(void)
{
    int            i, j, round, heard;
    char           text[64];
    static device  all[2 * DEVICES];
    static end     ends[2 * DEVICES][2 * DEVICES];
    static packet  sent[2 * DEVICES][2 * DEVICES];

    new_person(&alice);
    new_person(&bob);

    for (i = 0; i < 2 * DEVICES; i++) {
        new_device(&all[i], i < DEVICES ? &alice : &bob);
    }

    for (i = 0; i < 2 * DEVICES; i++) {
        for (j = 0; j < 2 * DEVICES; j++) {
            new_end(&ends[i][j], &all[i], &all[j]);
            must(i == j || start(&ends[i][j]) == CHATALOT_OK, "start");
        }
    }

    for (round = 0, heard = 0; round < 3; round++) {
        for (i = 0; i < 2 * DEVICES; i++) {
            for (j = 0; j < 2 * DEVICES; j++) {
                if (i != j) {
                    snprintf(text, sizeof(text), "%d from %d to %d", round, i, j);
                    sent[i][j] = say(&ends[i][j], text);
                }
            }
        }

        for (i = 0; i < 2 * DEVICES; i++) {
            for (j = 0; j < 2 * DEVICES; j++) {
                if (i != j) {
                    snprintf(text, sizeof(text), "%d from %d to %d", round, i, j);
                    heard += hears(&ends[j][i], &sent[i][j], text);
                    free_packet(&sent[i][j]);
                }
            }
        }
    }

    is_number(heard, 3 * 90, "ten devices, ninety sessions at once, three rounds: all is read");

    for (i = 0, heard = 0; i < 2 * DEVICES; i++) {
        for (j = 0; j < 2 * DEVICES; j++) {
            heard += i != j && agree(&ends[i][j], &ends[j][i]);
        }
    }

    is_number(heard, 90, "and every pair has settled on one session");

    for (i = 0; i < 2 * DEVICES; i++) {
        for (j = 0; j < 2 * DEVICES; j++) {
            free_end(&ends[i][j]);
        }
    }
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    both_start_at_once();
    one_starts_anew();
    old_signed_prekey();
    old_sessions_are_forgotten();
    five_devices_a_side();

    return done();
}
