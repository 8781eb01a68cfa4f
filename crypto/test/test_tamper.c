/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The property that all rests on: change any bit of anything that came over the wire, cut it
 * anywhere, or add to it, and it is refused; and nothing is given out, and the state that was
 * kept still opens the true one.
 */

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "people.h"
#include "tap.h"

static person   alice, bob;
static device   phone, laptop;
static uint8_t  channel[16], id[16];
static uint8_t  bound[CHATALOT_BINDING_MAX];
static size_t   bound_length;

/* 0 if refused without any output, else what to say of it. */
typedef int (*attempt)(const uint8_t *data, size_t length);


/*
 * Every byte with every bit flipped, every shorter length, one byte more; in memory of exactly
 * that size.
 */
static void
tampered(const char *what, const uint8_t *good, size_t length, int fixed_size, attempt try)
{
    size_t    i, bit, accepted;
    uint8_t  *copy;

    must(try(good, length) == CHATALOT_OK, what);

    for (i = 0, accepted = 0; i < length; i++) {
        for (bit = 0; bit < 8; bit++) {
            copy = malloc(length);
            must(copy != NULL, "memory");
            memcpy(copy, good, length);
            copy[i] ^= (uint8_t) (1 << bit);
            accepted += try(copy, length) == CHATALOT_OK;
            free(copy);
        }
    }

    is_number((long long) accepted, 0, what);

    if (fixed_size) {
        return;
    }

    for (i = 0, accepted = 0; i <= length + 1; i++) {
        if (i == length) {
            continue;
        }

        copy = calloc(1, i ? i : 1);
        must(copy != NULL, "memory");
        memcpy(copy, good, i < length ? i : length);
        accepted += try(copy, i) == CHATALOT_OK;
        free(copy);
    }

    is_number((long long) accepted, 0, "  and no other length of it");
    must(try(good, length) == CHATALOT_OK, "the true one still opens");
}


static uint8_t  certificate[66], wrap_key[32], keyring_sealed[106];


static int
try_certificate(const uint8_t *data, size_t length)
{
    (void) length;

    return chatalot_device_certificate_verify(data, alice.account_key, alice.user, phone.party + 16,
                                              phone.party + 32, 5);
}


static int
try_prekey(const uint8_t *data, size_t length)
{
    (void) length;

    return chatalot_signed_prekey_verify(data, phone.party + 16, phone.party + 32);
}


static int
try_keyring(const uint8_t *data, size_t length)
{
    int            rc;
    uint8_t        a[32] = { 0 }, b[32] = { 0 };
    const uint8_t  zero[32] = { 0 };

    (void) length;
    rc = chatalot_keyring_open(wrap_key, alice.user, CHATALOT_KEYRING_PASSWORD, data, a, b);
    must(rc == CHATALOT_OK || (memcmp(a, zero, 32) == 0 && memcmp(b, zero, 32) == 0),
         "no secret is given out");

    return rc;
}


static end  receiver;


static int
try_envelope(const uint8_t *data, size_t length)
{
    int             rc;
    size_t          record_length, letter_length;
    uint8_t         started;
    static uint8_t  record[CHATALOT_SESSION_RECORD_MAX], kept[CHATALOT_SESSION_RECORD_MAX];
    static uint8_t  letter[CHATALOT_LETTER_MAX];

    if (receiver.length > 0) {
        memcpy(kept, receiver.record, receiver.length);
    }

    record_length = sizeof(record);
    letter_length = sizeof(letter);
    memset(letter, 0xaa, 64);
    rc = chatalot_envelope_open(receiver.record, receiver.length, laptop.party, laptop.secret,
                                phone.party, laptop.signed_secret, laptop.one_time_secret,
                                data, length, record, &record_length, letter, &letter_length,
                                &started);

    must(receiver.length == 0 || memcmp(kept, receiver.record, receiver.length) == 0,
         "the record is what it was");
    must(rc == CHATALOT_OK || (record_length == 0 && letter_length == 0 && !started
                               && memcmp(letter, "secret letter", 13) != 0),
         "nothing is given out");

    return rc;
}


static uint8_t  sender_record[310];


static int
try_channel_message(const uint8_t *data, size_t length)
{
    int      rc;
    size_t   payload_length = 512;
    uint8_t  next[310], payload[512] = { 0 };

    memset(next, 0xaa, sizeof(next));
    rc = chatalot_channel_message_open(sender_record, bound, bound_length, data, length, 1, next,
                                       payload, &payload_length);
    must(rc == CHATALOT_OK || (payload_length == 0 && next[0] == 0xaa), "nothing is given out");

    return rc;
}


static uint8_t  franking_key[32], commitment[32];


static int
try_payload(const uint8_t *data, size_t length)
{
    return chatalot_franking_verify(franking_key, data, length, commitment);
}


static int
try_commitment(const uint8_t *data, size_t length)
{
    (void) length;

    return chatalot_franking_verify(franking_key, bound, bound_length, data);
}


static int
try_franking_key(const uint8_t *data, size_t length)
{
    (void) length;

    return chatalot_franking_verify(data, bound, bound_length, commitment);
}


static int
try_sender_key(const uint8_t *data, size_t length)
{
    uint8_t  record[310];

    (void) length;

    return chatalot_sender_key_accept(data, record);
}


static int
try_merge(const uint8_t *data, size_t length)
{
    uint8_t  record[310];

    (void) length;

    return chatalot_sender_key_merge(sender_record, data, record);
}


static uint8_t  content_key[130], dm_message[512];
static size_t   dm_length;


static int
try_dm_message(const uint8_t *data, size_t length)
{
    int      rc;
    size_t   payload_length = 512;
    uint8_t  payload[512];

    rc = chatalot_dm_message_open(content_key, bound, bound_length, data, length, payload,
                                  &payload_length);
    must(rc == CHATALOT_OK || payload_length == 0, "nothing is given out");

    return rc;
}


static int
try_content_key(const uint8_t *data, size_t length)
{
    size_t   payload_length = 512;
    uint8_t  payload[512];

    (void) length;

    return chatalot_dm_message_open(data, bound, bound_length, dm_message, dm_length, payload,
                                    &payload_length);
}


static int
try_binding(const uint8_t *data, size_t length)
{
    size_t   payload_length = 512;
    uint8_t  payload[512];

    return chatalot_dm_message_open(content_key, data, length, dm_message, dm_length, payload,
                                    &payload_length);
}


static int
try_backup(const uint8_t *data, size_t length)
{
    int      rc;
    size_t   items_length = 512;
    uint8_t  items[512];

    rc = chatalot_backup_open(alice.backup_secret, alice.user, data, length, items, &items_length);
    must(rc == CHATALOT_OK || items_length == 0, "nothing is given out");

    return rc;
}


static uint8_t  approval[144], newcomer[32], approver[32], approval_sealed[98];
static char     approval_digits[6];


static int
try_approval_sealed(const uint8_t *data, size_t length)
{
    int            rc;
    uint8_t        a[32] = { 0 }, b[32] = { 0 };
    const uint8_t  zero[32] = { 0 };

    (void) length;
    rc = chatalot_approval_open(newcomer, approval, data, a, b);
    must(rc == CHATALOT_OK || (memcmp(a, zero, 32) == 0 && memcmp(b, zero, 32) == 0),
         "no secret is given out");

    return rc;
}


/* The newcomer's view: whatever the relay changes in it, what was sealed does not open. */
static int
try_approval(const uint8_t *data, size_t length)
{
    uint8_t  a[32], b[32];

    (void) length;

    return chatalot_approval_open(newcomer, data, approval_sealed, a, b);
}


/* The approver's view: refused, or the person sees other digits. */
static int
try_approval_digits(const uint8_t *data, size_t length)
{
    int   rc;
    char  digits[6];

    (void) length;
    rc = chatalot_approval_digits(CHATALOT_APPROVAL_APPROVER, approver, data, digits);

    return rc == CHATALOT_OK && memcmp(digits, approval_digits, 6) != 0 ? 1 : rc;
}


static void
approvals(void)
{
    randombytes_buf(approval, 16);
    memcpy(approval + 128, alice.user, 16);
    must(chatalot_approval_begin(approval, newcomer, approval + 48, approval + 80, approval + 16)
         == CHATALOT_OK
         && chatalot_approval_answer(approver, approval + 96) == CHATALOT_OK
         && chatalot_approval_digits(CHATALOT_APPROVAL_NEWCOMER, newcomer, approval,
                                     approval_digits) == CHATALOT_OK
         && chatalot_approval_seal(approver, approval, alice.account_secret, alice.backup_secret,
                                   approval_sealed) == CHATALOT_OK, "approval");

    tampered("a sealed approval", approval_sealed, sizeof(approval_sealed), 1,
             try_approval_sealed);
    tampered("an approval, as the newcomer knows it", approval, sizeof(approval), 1, try_approval);
    tampered("an approval, as the approver knows it", approval, sizeof(approval), 1,
             try_approval_digits);
}


static uint8_t  file_key[32], file_header[26], file_sealed[117];


static int
open_file(const uint8_t *header, const uint8_t *sealed, size_t length)
{
    int      rc;
    size_t   plain_length = 100;
    uint8_t  state[47], next[47], plain[100], last;

    rc = chatalot_file_open_begin(file_key, header, state);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    memset(next, 0xaa, sizeof(next));
    rc = chatalot_file_open_chunk(state, sealed, length, next, plain, &plain_length, &last);
    must(rc == CHATALOT_OK || next[0] == 0xaa, "the state is what it was");

    return rc;
}


static int
try_file_chunk(const uint8_t *data, size_t length)
{
    return open_file(file_header, data, length);
}


static int
try_file_header(const uint8_t *data, size_t length)
{
    (void) length;

    return open_file(data, file_sealed, sizeof(file_sealed));
}


static void
files(void)
{
    size_t   length = sizeof(file_sealed);
    uint8_t  state[47], next[47], plain[100];

    randombytes_buf(plain, sizeof(plain));
    must(chatalot_file_seal_begin(file_key, file_header, state) == CHATALOT_OK
         && chatalot_file_seal_chunk(state, plain, sizeof(plain), 1, next, file_sealed, &length)
            == CHATALOT_OK, "file");
    tampered("a file's header", file_header, sizeof(file_header), 1, try_file_header);
    tampered("a file's chunk", file_sealed, sizeof(file_sealed), 0, try_file_chunk);
}


static void
envelopes(void)
{
    end     a, b;
    packet  p, q;

    new_end(&a, &phone, &laptop);
    new_end(&b, &laptop, &phone);
    new_end(&receiver, &laptop, &phone);
    must(start(&a) == CHATALOT_OK, "start");

    p = say(&a, "secret letter");
    tampered("an envelope that begins a session", p.data, p.length, 0, try_envelope);

    /* one more of the same, for a side that has the session already */
    must(hears(&b, &p, "secret letter"), "hear");
    set_record(&receiver, b.record, b.length);
    q = say(&a, "secret letter two");
    tampered("an initial envelope in a session", q.data, q.length, 0, try_envelope);
    free_packet(&p);
    free_packet(&q);

    must(talks(&b, &a, 1), "talk");
    set_record(&receiver, b.record, b.length);
    p = say(&a, "secret letter three");
    q = say(&a, "secret letter four");
    tampered("a normal envelope that turns the ratchet", p.data, p.length, 0, try_envelope);
    tampered("a normal envelope that skips one", q.data, q.length, 0, try_envelope);

    must(hears(&b, &q, "secret letter four"), "hear");
    set_record(&receiver, b.record, b.length);
    tampered("a normal envelope that was skipped", p.data, p.length, 0, try_envelope);
    free_packet(&p);
    free_packet(&q);

    free_end(&a);
    free_end(&b);
    free_end(&receiver);
}


static void
messages(void)
{
    size_t   length = CHATALOT_BINDING_MAX, backup_length;
    uint8_t  chain[270], next[270], key[238], message[512], item[300], backup[400];

    randombytes_buf(channel, 16);
    randombytes_buf(id, 16);
    must(chatalot_binding_make(channel, 2, "message", 7, id, NULL, NULL, phone.party,
                               phone.party + 16, bound, &length) == CHATALOT_OK, "binding");
    bound_length = length;

    must(chatalot_sender_chain_create(channel, 2, phone.party, phone.secret, chain) == CHATALOT_OK
         && chatalot_sender_chain_share(chain, key) == CHATALOT_OK
         && chatalot_sender_key_accept(key, sender_record) == CHATALOT_OK, "chain");
    length = sizeof(message);
    must(chatalot_channel_message_seal(chain, bound, bound_length, (const uint8_t *) "hello", 5,
                                       next, message, &length) == CHATALOT_OK, "seal");
    tampered("a channel message", message, length, 0, try_channel_message);
    tampered("a sender key that merges", key, sizeof(key), 1, try_merge);
    /* all but the position, which nobody can attest for those who pass keys on */
    {
        size_t   i, accepted;
        uint8_t  copy[238];

        for (i = 0, accepted = 0; i < 202 * 8; i++) {
            memcpy(copy, key, sizeof(key));
            copy[i / 8] ^= (uint8_t) (1 << i % 8);
            accepted += try_sender_key(copy, sizeof(copy)) == CHATALOT_OK;
        }
        is_number((long long) accepted, 0, "a sender key as attested");
    }

    dm_length = sizeof(dm_message);
    must(chatalot_dm_message_seal(bound, bound_length, (const uint8_t *) "hello", 5, content_key,
                                  dm_message, &dm_length) == CHATALOT_OK, "seal");
    tampered("a DM message", dm_message, dm_length, 0, try_dm_message);
    tampered("a content key", content_key, sizeof(content_key), 1, try_content_key);
    tampered("a binding", bound, bound_length, 0, try_binding);

    /* any bytes are a payload */
    randombytes_buf(franking_key, 32);
    must(chatalot_franking_commit(franking_key, bound, bound_length, commitment) == CHATALOT_OK,
         "commitment");
    tampered("a reported payload", bound, bound_length, 0, try_payload);
    tampered("its commitment", commitment, sizeof(commitment), 1, try_commitment);
    tampered("its franking key", franking_key, sizeof(franking_key), 1, try_franking_key);

    length = sizeof(item);
    backup_length = sizeof(backup);
    must(chatalot_item_make(CHATALOT_ITEM_SENDER_KEY, key, sizeof(key), item, &length)
         == CHATALOT_OK
         && chatalot_backup_seal(alice.backup_secret, alice.user, item, length, backup,
                                 &backup_length) == CHATALOT_OK, "backup");
    tampered("a backup", backup, backup_length, 0, try_backup);
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    new_person(&alice);
    new_person(&bob);
    new_device(&phone, &alice);
    new_device(&laptop, &bob);
    randombytes_buf(wrap_key, 32);
    must(chatalot_device_certificate_create(alice.account_secret, alice.user, phone.party + 16,
                                            phone.party + 32, 5, certificate) == CHATALOT_OK
         && chatalot_keyring_seal(wrap_key, alice.user, CHATALOT_KEYRING_PASSWORD,
                                  alice.account_secret, alice.backup_secret, keyring_sealed)
            == CHATALOT_OK, "seal");

    tampered("a device certificate", certificate, sizeof(certificate), 1, try_certificate);
    tampered("a signed prekey", phone.signed_prekey, sizeof(phone.signed_prekey), 1, try_prekey);
    tampered("a keyring", keyring_sealed, sizeof(keyring_sealed), 1, try_keyring);
    approvals();
    files();
    envelopes();
    messages();

    return done();
}
