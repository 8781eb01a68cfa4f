/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Null pointers where something is required: every function says so of each, and writes nothing.
 */

#include <string.h>

#include <sodium.h>

#include "people.h"
#include "tap.h"

#define AREAS       12
#define AREA        640

/* What a call is given, by number, and what each held before it. */
static void      *p[AREAS];
static uint64_t   areas[AREAS][AREA / 8];
static uint8_t    content[AREAS][AREA];


static void
fill(void)
{
    memset(content, 0x5a, sizeof(content));
}


/* All arguments but this one. */
static void
without(size_t number)
{
    size_t  i;

    memcpy(areas, content, sizeof(areas));
    for (i = 0; i < AREAS; i++) {
        p[i] = i == number ? NULL : areas[i];
    }
}


/* Whether nothing was written but zeros for lengths and `started`. */
static int
untouched(void)
{
    size_t          i, at;
    const uint8_t  *area;

    for (i = 0; i < AREAS; i++) {
        area = (const uint8_t *) areas[i];

        for (at = 0; at < sizeof(size_t) && area[at] == 0; at++) { /* void */ }

        if ((at != 0 && at != 1 && at != sizeof(size_t))
            || memcmp(area + at, content[i] + at, AREA - at) != 0)
        {
            return 0;
        }
    }

    return 1;
}


/* That each of the first `count` is required: the call says so, writes nothing, and has no fault else. */
#define REQUIRED(count, call)                                                                      \
    do {                                                                                           \
        size_t  i_, refused_ = 0;                                                                  \
        for (i_ = 0; i_ < (count); i_++) {                                                         \
            without(i_);                                                                           \
            refused_ += (call) == CHATALOT_E_PARAMETERS && untouched();                            \
        }                                                                                          \
        without(AREAS);                                                                            \
        ok(refused_ == (count) && (call) != CHATALOT_E_PARAMETERS,                                 \
           "without one of its arguments: %s", #call);                                             \
    } while (0)


static void
account_and_keys(void)
{
    fill();
    REQUIRED(4, chatalot_account_create(p[0], p[1], p[2], p[3]));
    REQUIRED(4, chatalot_account_public(p[0], p[1], p[2], p[3]));
    REQUIRED(2, chatalot_device_create(p[0], p[1]));
    REQUIRED(3, chatalot_password_root(p[0], 8, p[1], 3, 65536, p[2]));
    REQUIRED(3, chatalot_password_keys(p[0], p[1], p[2]));
    REQUIRED(2, chatalot_recovery_create(p[0], p[1]));
    REQUIRED(2, chatalot_recovery_parse(p[0], 24, p[1]));
    REQUIRED(3, chatalot_recovery_keys(p[0], p[1], p[2]));
    REQUIRED(5, chatalot_keyring_seal(p[0], p[1], 1, p[2], p[3], p[4]));
    REQUIRED(5, chatalot_keyring_open(p[0], p[1], 1, p[2], p[3], p[4]));
    REQUIRED(5, chatalot_device_certificate_create(p[0], p[1], p[2], p[3], 1, p[4]));
    REQUIRED(5, chatalot_device_certificate_verify(p[0], p[1], p[2], p[3], p[4], 1));
    REQUIRED(4, chatalot_signed_prekey_create(p[0], p[1], 1, 1, p[2], p[3]));
    REQUIRED(3, chatalot_signed_prekey_verify(p[0], p[1], p[2]));
    memset(content[0], 1, 2);
    REQUIRED(4, chatalot_signed_prekey_inspect(p[0], p[1], p[2], p[3]));
    REQUIRED(2, chatalot_one_time_prekey_create(p[0], p[1]));
    REQUIRED(5, chatalot_safety_number(p[0], p[1], p[2], p[3], p[4]));

    must(chatalot_keyring_seal(content[0], content[1], 1, content[7], content[8], content[2])
         == CHATALOT_OK, "keyring");
    REQUIRED(5, chatalot_keyring_rewrap(p[0], 1, p[2], p[1], p[3], 1, p[4]));
}


/* Newcomer's key at 48 of an approval, approver's at 96. */
static void
approvals(void)
{
    fill();
    REQUIRED(5, chatalot_approval_begin(p[0], p[1], p[2], p[3], p[4]));
    REQUIRED(2, chatalot_approval_answer(p[0], p[1]));
    crypto_scalarmult_base(content[1] + 48, content[0]);
    REQUIRED(3, chatalot_approval_digits(CHATALOT_APPROVAL_NEWCOMER, p[0], p[1], p[2]));
    memset(content[2], 1, 2);
    REQUIRED(5, chatalot_approval_open(p[0], p[1], p[2], p[3], p[4]));
    crypto_scalarmult_base(content[1] + 96, content[0]);
    REQUIRED(3, chatalot_approval_digits(CHATALOT_APPROVAL_APPROVER, p[0], p[1], p[2]));
    REQUIRED(5, chatalot_approval_seal(p[0], p[1], p[2], p[3], p[4]));
}


static void
sessions_and_letters(void)
{
    fill();
    must(chatalot_device_create(content[2], content[1] + 32) == CHATALOT_OK, "device");
    REQUIRED(7, chatalot_session_start(p[0], 5, p[1], p[2], p[3], p[4], 0, NULL, 1, p[5], p[6]));
    REQUIRED(4, chatalot_session_inspect(p[0], 5, p[1], p[2], p[3]));
    REQUIRED(6, chatalot_envelope_seal(p[0], 5, p[1], 1, p[2], p[3], p[4], p[5]));
    REQUIRED(7, chatalot_envelope_inspect(p[0], 5, p[1], p[2], p[3], p[4], p[5], p[6]));
    REQUIRED(10, chatalot_envelope_open(p[0], 5, p[1], p[2], p[3], NULL, NULL, p[4], 1, p[5], p[6],
                                        p[7], p[8], p[9]));

    fill();
    REQUIRED(3, chatalot_letter_make(1, p[0], 130, p[1], p[2]));
    REQUIRED(6, chatalot_letter_open(p[0], 3, p[1], p[2], p[3], p[4], p[5]));
    REQUIRED(3, chatalot_request_make(1, p[0], 1, p[1], p[2]));
    REQUIRED(5, chatalot_request_read(p[0], p[1], p[2], p[3], p[4]));
}


static void
messages_and_backup(void)
{
    fill();
    memcpy(content[1], "edit", 4);
    REQUIRED(7, chatalot_binding_make(p[0], 1, p[1], 4, p[2], NULL, NULL, p[3], p[4], p[5], p[6]));
    must(chatalot_device_create(content[2], content[1] + 32) == CHATALOT_OK, "device");
    REQUIRED(4, chatalot_sender_chain_create(p[0], 1, p[1], p[2], p[3]));

    fill();
    REQUIRED(2, chatalot_sender_chain_share(p[0], p[1]));
    REQUIRED(5, chatalot_sender_chain_inspect(p[0], p[1], p[2], p[3], p[4]));
    REQUIRED(6, chatalot_sender_key_inspect(p[0], p[1], p[2], p[3], p[4], p[5]));
    REQUIRED(2, chatalot_sender_key_accept(p[0], p[1]));
    REQUIRED(3, chatalot_sender_key_merge(p[0], p[1], p[2]));
    REQUIRED(2, chatalot_sender_key_at(p[0], 1, p[1]));
    REQUIRED(6, chatalot_channel_message_seal(p[0], p[1], 1, p[2], 1, p[3], p[4], p[5]));
    REQUIRED(3, chatalot_channel_message_inspect(p[0], 1, p[1], p[2]));
    REQUIRED(6, chatalot_channel_message_open(p[0], p[1], 1, p[2], 1, 0, p[3], p[4], p[5]));
    REQUIRED(5, chatalot_dm_message_seal(p[0], 1, p[1], 1, p[2], p[3], p[4]));
    REQUIRED(5, chatalot_dm_message_open(p[0], p[1], 1, p[2], 1, p[3], p[4]));
    REQUIRED(5, chatalot_content_key_inspect(p[0], p[1], p[2], p[3], p[4]));
    REQUIRED(3, chatalot_pad(p[0], 1, p[1], p[2]));
    REQUIRED(2, chatalot_unpad(p[0], 4, p[1]));
    REQUIRED(3, chatalot_franking_commit(p[0], p[1], 1, p[2]));
    REQUIRED(3, chatalot_franking_verify(p[0], p[1], 1, p[2]));
    REQUIRED(3, chatalot_identity_make(p[0], p[1], 0, 1, p[2]));
    REQUIRED(5, chatalot_identity_read(p[0], p[1], p[2], p[3], p[4]));
    REQUIRED(3, chatalot_item_make(1, p[0], 238, p[1], p[2]));
    REQUIRED(5, chatalot_items_next(p[0], 1, p[1], p[2], p[3], p[4]));
    REQUIRED(5, chatalot_backup_seal(p[0], p[1], p[2], 1, p[3], p[4]));
    REQUIRED(5, chatalot_backup_open(p[0], p[1], p[2], 51, p[3], p[4]));
}


static void
files(void)
{
    fill();
    REQUIRED(3, chatalot_file_seal_begin(p[0], p[1], p[2]));
    REQUIRED(5, chatalot_file_seal_chunk(p[0], p[1], 5, 1, p[2], p[3], p[4]));
    REQUIRED(3, chatalot_file_open_begin(p[0], p[1], p[2]));
    REQUIRED(6, chatalot_file_open_chunk(p[0], p[1], 17, p[2], p[3], p[4], p[5]));
    REQUIRED(1, chatalot_file_ended(p[0]));
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    account_and_keys();
    approvals();
    sessions_and_letters();
    messages_and_backup();
    files();

    return done();
}
