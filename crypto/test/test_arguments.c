/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Null pointers where something is required: every function says so and writes nothing; and what a damaged store or a
 * key of small order can do.
 */

#include <string.h>

#include <sodium.h>

#include "people.h"
#include "tap.h"

/* Not known to the compiler, which would warn of what is done on purpose. */
static uint8_t *volatile  none;
static size_t  *volatile  no_length;

static uint8_t            a[600], b[600], out[600];
static size_t             length;
static uint8_t            small;
static uint32_t           number;
static uint64_t           time_ms;
static uint16_t           state;

#define REFUSED(call)       is_code((call), CHATALOT_E_PARAMETERS, #call)

/* The length is 0 afterwards, for nothing was written. */
#define REFUSED_EMPTY(call)                                                                        \
    do {                                                                                           \
        length = sizeof(out);                                                                      \
        is_code((call), CHATALOT_E_PARAMETERS, #call);                                             \
        must(length == 0, "length");                                                               \
    } while (0)


static void
account_and_keys(void)
{
    REFUSED(chatalot_account_create(none, a, a, a));
    REFUSED(chatalot_account_public(none, a, b, b));
    REFUSED(chatalot_device_create(none, a));
    REFUSED(chatalot_password_root(none, 8, a, 3, 65536, out));
    REFUSED(chatalot_password_keys(a, none, out));
    REFUSED(chatalot_recovery_create(none, (char *) a));
    REFUSED(chatalot_recovery_parse((char *) none, 0, out));
    REFUSED(chatalot_recovery_keys(none, out, out));
    REFUSED(chatalot_keyring_seal(none, a, 1, a, a, out));
    REFUSED(chatalot_keyring_open(none, a, 1, a, out, out));
    REFUSED(chatalot_keyring_rewrap(none, 1, a, a, a, 1, out));
    REFUSED(chatalot_device_certificate_create(none, a, a, a, 1, out));
    REFUSED(chatalot_device_certificate_verify(none, a, a, a, a, 1));
    REFUSED(chatalot_signed_prekey_create(none, a, 1, 1, out, out));
    REFUSED(chatalot_signed_prekey_verify(none, a, a));
    REFUSED(chatalot_signed_prekey_inspect(none, &number, out, &time_ms));
    REFUSED(chatalot_one_time_prekey_create(none, out));
    REFUSED(chatalot_safety_number(none, a, a, a, (char *) out));
    REFUSED(chatalot_approval_begin(none, out, out, out, out));
    REFUSED(chatalot_approval_answer(none, out));
    REFUSED(chatalot_approval_digits(1, none, a, (char *) out));
    REFUSED(chatalot_approval_seal(none, a, a, a, out));
    REFUSED(chatalot_approval_open(none, a, a, out, out));
}


static void
sessions_and_letters(void)
{
    size_t  second = sizeof(out), offset;

    REFUSED(chatalot_session_start(none, 0, a, a, b, a, 0, none, 1, out, no_length));
    REFUSED_EMPTY(chatalot_session_start(none, 5, a, a, b, a, 0, none, 1, out, &length));
    REFUSED_EMPTY(chatalot_session_start(none, 0, none, a, b, a, 0, none, 1, out, &length));
    REFUSED(chatalot_session_inspect(none, 0, out, &small, &small));
    REFUSED(chatalot_envelope_seal(a, 1, a, 1, out, no_length, out, &second));
    REFUSED_EMPTY(chatalot_envelope_seal(a, 1, none, 1, out, &length, out, &second));
    REFUSED(chatalot_envelope_inspect(none, 0, &small, out, out, &number, &small, &number));
    REFUSED(chatalot_envelope_open(a, 1, a, a, a, a, a, a, 1, out, no_length, out, &second,
                                   &small));
    REFUSED_EMPTY(chatalot_envelope_open(a, 1, none, a, a, a, a, a, 1, out, &length, out, &second,
                                         &small));
    REFUSED_EMPTY(chatalot_envelope_open(none, 0, a, a, a, a, a, a, 1, out, &length, out, &second,
                                         &small));
    REFUSED(chatalot_letter_make(1, a, 130, out, no_length));
    REFUSED_EMPTY(chatalot_letter_make(1, none, 130, out, &length));
    REFUSED(chatalot_letter_open(none, 3, a, a, &small, &offset, &second));
    REFUSED(chatalot_request_make(1, none, 1, a, out));
    REFUSED(chatalot_request_read(none, &small, out, &time_ms, out));
}


static void
messages_and_backup(void)
{
    size_t  offset = 0;

    REFUSED(chatalot_binding_make(a, 1, "edit", 4, a, none, none, a, a, out, no_length));
    REFUSED_EMPTY(chatalot_binding_make(none, 1, "edit", 4, a, none, none, a, a, out, &length));
    REFUSED(chatalot_sender_chain_create(none, 1, a, a, out));
    REFUSED(chatalot_sender_chain_share(none, out));
    REFUSED(chatalot_sender_chain_inspect(none, out, &time_ms, out, &number));
    REFUSED(chatalot_sender_key_inspect(none, out, &time_ms, out, out, &number));
    REFUSED(chatalot_sender_key_accept(none, out));
    REFUSED(chatalot_sender_key_merge(none, a, out));
    REFUSED(chatalot_sender_key_at(none, 1, out));
    REFUSED(chatalot_channel_message_seal(a, a, 1, a, 1, out, out, no_length));
    REFUSED_EMPTY(chatalot_channel_message_seal(none, a, 1, a, 1, out, out, &length));
    REFUSED(chatalot_channel_message_inspect(none, 1, out, &number));
    REFUSED(chatalot_channel_message_open(a, a, 1, a, 1, 0, out, out, no_length));
    REFUSED_EMPTY(chatalot_channel_message_open(none, a, 1, a, 1, 0, out, out, &length));
    REFUSED(chatalot_dm_message_seal(a, 1, a, 1, out, out, no_length));
    REFUSED_EMPTY(chatalot_dm_message_seal(none, 1, a, 1, out, out, &length));
    REFUSED(chatalot_dm_message_open(a, a, 1, a, 1, out, no_length));
    REFUSED_EMPTY(chatalot_dm_message_open(none, a, 1, a, 1, out, &length));
    REFUSED(chatalot_content_key_inspect(none, out, out, out, out));
    REFUSED(chatalot_pad(none, 1, out, &length));
    REFUSED(chatalot_unpad(none, 1, &length));
    REFUSED(chatalot_franking_commit(none, a, 1, out));
    REFUSED(chatalot_franking_verify(none, a, 1, a));
    REFUSED(chatalot_identity_make(none, a, 0, 1, out));
    REFUSED(chatalot_identity_read(none, out, out, &state, &time_ms));
    REFUSED(chatalot_item_make(1, a, 238, out, no_length));
    REFUSED_EMPTY(chatalot_item_make(1, none, 238, out, &length));
    REFUSED(chatalot_items_next(none, 1, &offset, &small, &offset, &length));
    REFUSED(chatalot_backup_seal(a, a, a, 1, out, no_length));
    REFUSED_EMPTY(chatalot_backup_seal(none, a, a, 1, out, &length));
    REFUSED(chatalot_backup_open(a, a, a, 1, out, no_length));
    REFUSED_EMPTY(chatalot_backup_open(none, a, a, 1, out, &length));
}


static void
files(void)
{
    REFUSED(chatalot_file_seal_begin(none, out, out));
    REFUSED(chatalot_file_seal_chunk(a, a, 5, 1, b, out, no_length));
    REFUSED_EMPTY(chatalot_file_seal_chunk(none, a, 5, 1, b, out, &length));
    REFUSED(chatalot_file_open_begin(none, a, out));
    REFUSED(chatalot_file_open_chunk(a, a, 17, b, out, no_length, &small));
    REFUSED_EMPTY(chatalot_file_open_chunk(none, a, 17, b, out, &length, &small));
    REFUSED(chatalot_file_ended(none));
}


static int
inspect(const end *e)
{
    uint8_t  id[16], confirmed, sessions;

    return chatalot_session_inspect(e->record, e->length, id, &confirmed, &sessions);
}


/* Offsets as docs/e2ee.md gives them. */
static void
damaged_records(void)
{
    end      e;
    size_t   at;
    person   alice, bob;
    device   phone, laptop;
    uint8_t  id[16], copy[1024];

    new_person(&alice);
    new_person(&bob);
    new_device(&phone, &alice);
    new_device(&laptop, &bob);
    new_end(&e, &phone, &laptop);
    must(start(&e) == CHATALOT_OK, "start");
    must(e.length <= sizeof(copy), "size");
    memcpy(copy, e.record, e.length);

    e.record[0] = 2;
    is_code(inspect(&e), CHATALOT_E_VERSION, "a record of another version");
    e.record[0] = 1;
    e.record[130] = 65;
    is_code(inspect(&e), CHATALOT_E_FORMAT, "too many forgotten sessions");
    e.record[130] = 0;
    e.record[131] = 0;
    is_code(inspect(&e), CHATALOT_E_FORMAT, "no session");
    e.record[131] = 5;
    is_code(inspect(&e), CHATALOT_E_FORMAT, "too many sessions");
    e.record[131] = 2;
    is_code(inspect(&e), CHATALOT_E_FORMAT, "more than there are");
    e.record[131] = 1;
    e.record[132] |= 0x20;
    is_code(inspect(&e), CHATALOT_E_FORMAT, "an unknown flag");
    e.record[132] &= 0x1f;
    e.record[e.length - 2] = 0xff;
    is_code(inspect(&e), CHATALOT_E_FORMAT, "more skipped keys than there are");
    e.record[e.length - 2] = 0;
    is_code(inspect(&e), CHATALOT_OK, "repaired");

    for (at = 0; at < e.length; at++) {
        must(chatalot_session_inspect(copy, at, id, &small, &small) != CHATALOT_OK, "cut");
    }
    ok(1, "no record that is cut short is read");

    free_end(&e);
}


static int
seal_one(const end *e)
{
    size_t          record_length, envelope_length = sizeof(out);
    static uint8_t  record[1024];

    record_length = sizeof(record);

    return chatalot_envelope_seal(e->record, e->length, a, 1, record, &record_length, out,
                                  &envelope_length);
}


/* A session is 267 bytes from 132 on: its flags first, what was sent at 253. */
static void
ends_of_sending(void)
{
    end     e;
    person  alice, bob;
    device  phone, laptop;

    new_person(&alice);
    new_person(&bob);
    new_device(&phone, &alice);
    new_device(&laptop, &bob);
    new_end(&e, &phone, &laptop);
    must(start(&e) == CHATALOT_OK, "start");

    memset(e.record + 132 + 253, 0xff, 4);
    is_code(seal_one(&e), CHATALOT_E_EXHAUSTED, "2^32 - 1 messages without an answer");
    memset(e.record + 132 + 253, 0, 4);
    is_code(seal_one(&e), CHATALOT_OK, "the first");
    e.record[132] &= (uint8_t) ~0x08;
    is_code(seal_one(&e), CHATALOT_E_NO_KEY, "a session without a sending chain");
    free_end(&e);
}


/* What the relay could write over an initial header: ephemeral key at 35, ratchet key at 76. */
static void
hostile_headers(void)
{
    end      e, r;
    person   alice, bob;
    device   phone, laptop;
    packet   p;

    static uint8_t  letter[CHATALOT_LETTER_MAX];

    new_person(&alice);
    new_person(&bob);
    new_device(&phone, &alice);
    new_device(&laptop, &bob);
    new_end(&e, &phone, &laptop);
    new_end(&r, &laptop, &phone);
    must(start(&e) == CHATALOT_OK, "start");
    p = say(&e, "hello");

    memset(p.data + 112, 0xff, 4);
    is_code(receive(&r, &p, letter, &length), CHATALOT_E_TOO_FAR, "a number beyond all bounds");
    memset(p.data + 112, 0, 4);
    memset(p.data + 76, 0, 32);
    is_code(receive(&r, &p, letter, &length), CHATALOT_E_AUTH, "a ratchet key of small order");
    memset(p.data + 35, 0, 32);
    is_code(receive(&r, &p, letter, &length), CHATALOT_E_AUTH, "an ephemeral key of small order");

    free_packet(&p);
    free_end(&e);
    free_end(&r);
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    account_and_keys();
    sessions_and_letters();
    messages_and_backup();
    files();
    damaged_records();
    ends_of_sending();
    hostile_headers();

    return done();
}
