/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sessions between two devices: what is lost, late, doubled or made up on the way.
 */

#include <stdio.h>
#include <string.h>

#include <sodium.h>

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
    must(start(&a) == CHATALOT_OK, "start");
}


static void
part(void)
{
    free_end(&a);
    free_end(&b);
}


static void
conversation(void)
{
    packet   p;
    uint8_t  id[16], other[16], confirmed, sessions;

    meet();
    p = say(&a, "first");
    ok(p.data[2] == CHATALOT_ENVELOPE_INITIAL, "the first envelope is initial");
    ok(hears(&b, &p, "first"), "it opens");
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_REPLAY, "and not twice");
    free_packet(&p);

    p = say(&a, "second");
    ok(p.data[2] == CHATALOT_ENVELOPE_INITIAL, "so are all until the peer is heard");
    ok(hears(&b, &p, "second"), "the second opens in the same session");
    free_packet(&p);

    chatalot_session_inspect(a.record, a.length, id, &confirmed, &sessions);
    ok(!confirmed && sessions == 1, "the one who began has not heard its peer");

    ok(talks(&b, &a, 1), "the answer opens");
    chatalot_session_inspect(a.record, a.length, id, &confirmed, &sessions);
    chatalot_session_inspect(b.record, b.length, other, &confirmed, &sessions);
    ok(confirmed && memcmp(id, other, 16) == 0, "both know the session by the same id");

    p = say(&a, "third");
    ok(p.data[2] == CHATALOT_ENVELOPE_NORMAL, "after that, envelopes are normal");
    ok(p.length == 5 + 75, "with 75 bytes more than the letter");
    ok(hears(&b, &p, "third"), "and open");
    free_packet(&p);

    ok(talks(&a, &b, 50) && talks(&b, &a, 50) && talks(&a, &b, 1), "they talk on");
    part();
}


static void
first_letters_arrive_in_any_order(void)
{
    packet  p[3];

    meet();
    p[0] = say(&a, "0");
    p[1] = say(&a, "1");
    p[2] = say(&a, "2");
    ok(hears(&b, &p[2], "2") && hears(&b, &p[0], "0") && hears(&b, &p[1], "1"),
       "the last of three first letters begins the session, the others follow");
    is_code(receive(&b, &p[0], letter, &length), CHATALOT_E_REPLAY, "each opens once: first");
    is_code(receive(&b, &p[2], letter, &length), CHATALOT_E_REPLAY, "each opens once: last");
    free_packet(&p[0]);
    free_packet(&p[1]);
    free_packet(&p[2]);
    part();
}


static void
loss_and_reorder(void)
{
    int     i, heard;
    char    text[16];
    packet  p[20];

    meet();
    ok(talks(&a, &b, 1) && talks(&b, &a, 1), "a session");

    for (i = 0; i < 20; i++) {
        snprintf(text, sizeof(text), "%d", i);
        p[i] = say(&a, text);

        if (i == 9) {
            ok(talks(&b, &a, 1), "the ratchet turns in between");
        }
    }

    /* from the last to the first, every third lost */
    for (i = 19, heard = 0; i >= 0; i--) {
        snprintf(text, sizeof(text), "%d", i);
        heard += i % 3 != 0 && hears(&b, &p[i], text);
    }

    is_number(heard, 13, "thirteen of twenty arrive backwards, over two chains");

    for (i = 0, heard = 0; i < 20; i++) {
        snprintf(text, sizeof(text), "%d", i);
        heard += i % 3 == 0 && hears(&b, &p[i], text);
    }

    is_number(heard, 7, "those thought lost open much later");

    for (i = 0, heard = 0; i < 20; i++) {
        heard += receive(&b, &p[i], letter, &length) == CHATALOT_OK;
        free_packet(&p[i]);
    }

    is_number(heard, 0, "and none opens again");
    ok(talks(&b, &a, 3) && talks(&a, &b, 3), "they talk on");
    part();
}


static void
skip_limits(void)
{
    int     i;
    packet  first, p, second;

    meet();
    ok(talks(&a, &b, 1) && talks(&b, &a, 1), "a session");

    first = say(&a, "first");
    for (i = 0; i < 999; i++) {
        p = say(&a, "lost");
        free_packet(&p);
    }
    second = say(&a, "after 1000");
    ok(hears(&b, &second, "after 1000"), "a thousand may be missing");
    ok(hears(&b, &first, "first"), "and the oldest of them opens");
    free_packet(&first);
    free_packet(&second);

    for (i = 0; i < 1001; i++) {
        p = say(&a, "lost");
        free_packet(&p);
    }
    p = say(&a, "after 1001");
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_TOO_FAR, "one more may not");
    free_packet(&p);
    part();
}


static void
lose(end *from, int count)
{
    packet  p;

    while (count-- > 0) {
        p = say(from, "lost");
        free_packet(&p);
    }
}


/* In the middle of a chain, and at the end of the one before. */
static void
skip_limits_in_other_places(void)
{
    int     extra;
    packet  p;

    for (extra = 0; extra < 2; extra++) {
        meet();
        must(talks(&a, &b, 1) && talks(&b, &a, 1) && talks(&a, &b, 1), "a session");
        lose(&a, 1000 + extra);
        p = say(&a, "next");
        is_code(receive(&b, &p, letter, &length), extra ? CHATALOT_E_TOO_FAR : CHATALOT_OK,
                extra ? "1,001 in a chain that has begun" : "1,000 in a chain that has begun");
        free_packet(&p);
        part();

        meet();
        must(talks(&a, &b, 1) && talks(&b, &a, 1) && talks(&a, &b, 1), "a session");
        lose(&a, 1000 + extra);
        must(talks(&b, &a, 1), "an answer");
        p = say(&a, "next");
        is_code(receive(&b, &p, letter, &length), extra ? CHATALOT_E_TOO_FAR : CHATALOT_OK,
                extra ? "1,001 at the end of the chain before" : "1,000 at the end of the chain before");
        free_packet(&p);
        part();
    }
}


static void
oldest_keys_are_dropped(void)
{
    int     i, round;
    packet  p, early[3], last;

    meet();
    ok(talks(&a, &b, 1) && talks(&b, &a, 1), "a session");

    /* three chains of which 900 keys each are skipped: 2,700, of which 2,000 stay */
    for (round = 0; round < 3; round++) {
        early[round] = say(&a, "early");
        for (i = 0; i < 899; i++) {
            p = say(&a, "lost");
            free_packet(&p);
        }
        last = say(&a, "last");
        ok(hears(&b, &last, "last"), "chain %d skips 900", round);
        free_packet(&last);
        ok(talks(&b, &a, 1), "and the ratchet turns");
    }

    ok(b.length < 1000 + 2000 * 68, "the record keeps 2,000");
    ok(receive(&b, &early[0], letter, &length) != CHATALOT_OK, "the oldest is gone");
    ok(hears(&b, &early[1], "early"), "the second chain's are there");
    ok(hears(&b, &early[2], "early"), "and the newest chain's");

    for (round = 0; round < 3; round++) {
        free_packet(&early[round]);
    }

    ok(talks(&a, &b, 2) && talks(&b, &a, 2), "they talk on");
    part();
}


static void
one_chain_keeps_a_thousand(void)
{
    int     i;
    packet  p, older, early, middle, last;

    meet();
    ok(talks(&a, &b, 1) && talks(&b, &a, 1), "a session");

    older = say(&a, "older");
    ok(talks(&a, &b, 1) && talks(&b, &a, 1), "one is missing, and the ratchet turns");

    early = say(&a, "early");
    for (i = 0; i < 600; i++) {
        p = say(&a, "lost");
        free_packet(&p);
    }
    middle = say(&a, "middle");
    ok(hears(&b, &middle, "middle"), "601 skipped");
    for (i = 0; i < 600; i++) {
        p = say(&a, "lost");
        free_packet(&p);
    }
    last = say(&a, "last");
    ok(hears(&b, &last, "last"), "and 600 more in the same chain");
    is_code(receive(&b, &early, letter, &length), CHATALOT_E_REPLAY, "the oldest is too old");
    ok(hears(&b, &older, "older"), "that of the chain before is not");
    free_packet(&older);
    free_packet(&early);
    free_packet(&middle);
    free_packet(&last);
    part();
}


static void
exhausted_one_time_prekeys(void)
{
    packet  p;

    new_person(&alice);
    new_person(&bob);
    new_device(&phone, &alice);
    new_device(&laptop, &bob);
    new_end(&a, &phone, &laptop);
    new_end(&b, &laptop, &phone);
    laptop.has_one_time = 0;

    must(start(&a) == CHATALOT_OK, "start");
    p = say(&a, "hello");
    ok(p.data[71] == 0, "the envelope names no one-time prekey");
    ok(hears(&b, &p, "hello"), "a session begins without one");
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_REPLAY, "its first letter opens once");
    ok(talks(&b, &a, 2) && talks(&a, &b, 2), "they talk on");
    free_packet(&p);
    part();
}


static void
missing_prekeys(void)
{
    size_t          record_length, letter_length;
    packet          p;
    uint8_t         started;
    static uint8_t  record[CHATALOT_SESSION_RECORD_MAX];

    meet();
    p = say(&a, "hello");

    record_length = sizeof(record);
    letter_length = sizeof(letter);
    is_code(chatalot_envelope_open(NULL, 0, laptop.party, laptop.secret, phone.party,
                                   NULL, laptop.one_time_secret, p.data, p.length,
                                   record, &record_length, letter, &letter_length, &started),
            CHATALOT_E_NO_KEY, "the signed prekey is gone");

    record_length = sizeof(record);
    letter_length = sizeof(letter);
    is_code(chatalot_envelope_open(NULL, 0, laptop.party, laptop.secret, phone.party,
                                   laptop.signed_secret, NULL, p.data, p.length,
                                   record, &record_length, letter, &letter_length, &started),
            CHATALOT_E_NO_KEY, "the one-time prekey is gone");

    record_length = sizeof(record);
    letter_length = sizeof(letter);
    is_code(chatalot_envelope_open(NULL, 0, laptop.party, laptop.secret, phone.party,
                                   laptop.one_time_secret, laptop.signed_secret, p.data, p.length,
                                   record, &record_length, letter, &letter_length, &started),
            CHATALOT_E_AUTH, "they are others");

    record_length = 100;
    letter_length = sizeof(letter);
    is_code(chatalot_envelope_open(NULL, 0, laptop.party, laptop.secret, phone.party,
                                   laptop.signed_secret, laptop.one_time_secret, p.data, p.length,
                                   record, &record_length, letter, &letter_length, &started),
            CHATALOT_E_SPACE, "no room for the record");
    ok(record_length > 100 && letter_length == 0 && !started, "nothing is given out");

    record_length = sizeof(record);
    letter_length = 4;
    is_code(chatalot_envelope_open(NULL, 0, laptop.party, laptop.secret, phone.party,
                                   laptop.signed_secret, laptop.one_time_secret, p.data, p.length,
                                   record, &record_length, letter, &letter_length, &started),
            CHATALOT_E_SPACE, "no room for the letter");
    is_number((long long) letter_length, 5, "the room needed is told");

    record_length = sizeof(record);
    letter_length = sizeof(letter);
    is_code(chatalot_envelope_open(NULL, 0, laptop.party, phone.secret, phone.party,
                                   laptop.signed_secret, laptop.one_time_secret, p.data, p.length,
                                   record, &record_length, letter, &letter_length, &started),
            CHATALOT_E_PARAMETERS, "a secret that is not one's own");

    record_length = sizeof(record);
    letter_length = 5;
    is_code(chatalot_envelope_open(NULL, 0, laptop.party, laptop.secret, phone.party,
                                   laptop.signed_secret, laptop.one_time_secret, p.data, p.length,
                                   record, &record_length, letter, &letter_length, &started),
            CHATALOT_OK, "with exactly that it opens");
    ok(started, "and says that a session has begun");

    free_packet(&p);
    part();
}


static void
wrong_parties(void)
{
    end      stranger;
    packet   p;
    device   mallory;
    uint8_t  record[2048];
    size_t   record_length;

    meet();
    new_device(&mallory, &alice);

    p = say(&a, "hello");
    new_end(&stranger, &laptop, &mallory);
    is_code(receive(&stranger, &p, letter, &length), CHATALOT_E_AUTH,
            "an envelope given out as another device's");

    ok(hears(&b, &p, "hello"), "it opens as what it is");
    free_packet(&p);

    set_record(&stranger, b.record, b.length);
    p = say(&a, "more");
    is_code(receive(&stranger, &p, letter, &length), CHATALOT_E_AUTH,
            "a record of another peer");
    free_end(&stranger);

    new_end(&stranger, &mallory, &phone);
    is_code(receive(&stranger, &p, letter, &length), CHATALOT_E_AUTH,
            "another device cannot open it");
    free_end(&stranger);

    ok(hears(&b, &p, "more"), "the right one still can");
    is_code(receive(&a, &p, letter, &length), CHATALOT_E_AUTH, "nor can it be sent back");
    free_packet(&p);

    ok(talks(&b, &a, 1), "the session is confirmed");
    p = say(&a, "reflect me");
    is_code(receive(&a, &p, letter, &length), CHATALOT_E_AUTH, "nor a normal one");
    free_packet(&p);

    record_length = sizeof(record);
    is_code(chatalot_session_start(NULL, 0, phone.party, laptop.secret, laptop.party,
                                   laptop.signed_prekey, 0, NULL, NOW, record, &record_length),
            CHATALOT_E_PARAMETERS, "a secret that is not one's own");
    record_length = sizeof(record);
    is_code(chatalot_session_start(NULL, 0, phone.party, phone.secret, laptop.party,
                                   phone.signed_prekey, 0, NULL, NOW, record, &record_length),
            CHATALOT_E_AUTH, "a prekey signed by another device");
    record_length = sizeof(record);
    is_code(chatalot_session_start(NULL, 0, phone.party, phone.secret, phone.party,
                                   phone.signed_prekey, 0, NULL, NOW, record, &record_length),
            CHATALOT_E_PARAMETERS, "a session with oneself");
    record_length = 10;
    is_code(chatalot_session_start(NULL, 0, phone.party, phone.secret, laptop.party,
                                   laptop.signed_prekey, 0, NULL, NOW, record, &record_length),
            CHATALOT_E_SPACE, "no room for the record");
    memset(record, 0, 32);
    record_length = sizeof(record);
    is_code(chatalot_session_start(NULL, 0, phone.party, phone.secret, laptop.party,
                                   laptop.signed_prekey, 0, record, NOW, record + 64,
                                   &record_length),
            CHATALOT_E_AUTH, "a one-time prekey of small order");
    part();
}


static void
sealing_limits(void)
{
    size_t          record_length, envelope_length;
    static uint8_t  big[CHATALOT_LETTER_MAX + 1], record[CHATALOT_SESSION_RECORD_MAX];
    static uint8_t  envelope[CHATALOT_LETTER_MAX + CHATALOT_ENVELOPE_OVERHEAD];
    packet          p;

    meet();
    record_length = sizeof(record);
    envelope_length = sizeof(envelope);
    is_code(chatalot_envelope_seal(a.record, a.length, big, sizeof(big), record, &record_length,
                                   envelope, &envelope_length),
            CHATALOT_E_PARAMETERS, "a letter that is too long");
    record_length = sizeof(record);
    envelope_length = sizeof(envelope);
    is_code(chatalot_envelope_seal(a.record, a.length, big, 0, record, &record_length,
                                   envelope, &envelope_length),
            CHATALOT_E_PARAMETERS, "an empty one");
    is_code(chatalot_envelope_seal(NULL, 0, big, 1, record, &record_length,
                                   envelope, &envelope_length),
            CHATALOT_E_NO_KEY, "nothing to seal with");

    record_length = sizeof(record);
    envelope_length = 10;
    is_code(chatalot_envelope_seal(a.record, a.length, big, 1, record, &record_length,
                                   envelope, &envelope_length),
            CHATALOT_E_SPACE, "no room for the envelope");
    is_number((long long) envelope_length, 1 + CHATALOT_ENVELOPE_OVERHEAD, "the room it needs");
    is_number((long long) record_length, 0, "and no new record");

    record_length = 10;
    envelope_length = sizeof(envelope);
    memset(envelope, 0, 3);
    is_code(chatalot_envelope_seal(a.record, a.length, big, 1, record, &record_length,
                                   envelope, &envelope_length),
            CHATALOT_E_SPACE, "no room for the record");
    ok(envelope[0] == 0, "and nothing is sealed");
    is_number((long long) record_length, (long long) a.length, "the room that needs");
    envelope_length = 1 + CHATALOT_ENVELOPE_OVERHEAD;
    is_code(chatalot_envelope_seal(a.record, a.length, big, 1, record, &record_length,
                                   envelope, &envelope_length),
            CHATALOT_OK, "with exactly the room of both it is sealed");

    p = seal(&a, big, CHATALOT_LETTER_MAX);
    is_code(receive(&b, &p, letter, &length), CHATALOT_OK, "the longest letter opens");
    is_number((long long) length, CHATALOT_LETTER_MAX, "whole");
    free_packet(&p);
    part();
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    conversation();
    first_letters_arrive_in_any_order();
    loss_and_reorder();
    skip_limits();
    skip_limits_in_other_places();
    oldest_keys_are_dropped();
    one_chain_keeps_a_thousand();
    exhausted_one_time_prekeys();
    missing_prekeys();
    wrong_parties();
    sealing_limits();

    return done();
}
