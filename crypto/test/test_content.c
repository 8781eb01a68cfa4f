/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * DM messages, letters, items, backup, padding and franking: what is kept, passed on, and by whom.
 */

#include <string.h>

#include <sodium.h>

#include "people.h"
#include "tap.h"

static person   alice, bob, carol;
static device   phone, tablet, laptop, other;
static uint8_t  channel[16], message_id[16];

/* A DM message of the phone's, and a sender key of the laptop's. */
static uint8_t  content_key[130], sealed[512], bound[CHATALOT_BINDING_MAX], sender_key[238];
static size_t   sealed_length, bound_length;


static size_t
bind(const uint8_t *id, const device *sender, uint8_t out[CHATALOT_BINDING_MAX])
{
    size_t  length = CHATALOT_BINDING_MAX;

    must(chatalot_binding_make(channel, 0, "message", 7, id, NULL, NULL, sender->party,
                               sender->party + 16, out, &length) == CHATALOT_OK, "binding");

    return length;
}


static void
begin(void)
{
    uint8_t  chain[270];

    new_person(&alice);
    new_person(&bob);
    new_person(&carol);
    new_device(&phone, &alice);
    new_device(&tablet, &alice);
    new_device(&laptop, &bob);
    new_device(&other, &carol);
    randombytes_buf(channel, 16);
    randombytes_buf(message_id, 16);

    bound_length = bind(message_id, &phone, bound);
    sealed_length = sizeof(sealed);
    must(chatalot_dm_message_seal(bound, bound_length, (const uint8_t *) "hello", 5, content_key,
                                  sealed, &sealed_length) == CHATALOT_OK, "message");
    must(chatalot_sender_chain_create(channel, 1, laptop.party, laptop.secret, chain)
         == CHATALOT_OK && chatalot_sender_chain_share(chain, sender_key) == CHATALOT_OK, "chain");
}


static int
open_dm(const uint8_t key[130], const uint8_t *b, size_t b_length)
{
    int      rc;
    size_t   length = 64;
    uint8_t  payload[64];

    rc = chatalot_dm_message_open(key, b, b_length, sealed, sealed_length, payload, &length);
    must(rc != CHATALOT_OK || (length == 5 && memcmp(payload, "hello", 5) == 0), "payload");
    must(rc == CHATALOT_OK || length == 0, "output of a failed opening");

    return rc;
}


static void
dm_messages(void)
{
    size_t   length;
    uint8_t  b[CHATALOT_BINDING_MAX], id[16], key2[130], out[64], c[16], m[16], u[16], d[16];

    static uint8_t  payload[CHATALOT_PAYLOAD_MAX], longest[CHATALOT_PAYLOAD_MAX * 2];

    begin();
    is_number((long long) sealed_length, 42 + 10, "a DM message is 42 bytes and the padded payload");
    is_code(open_dm(content_key, bound, bound_length), CHATALOT_OK, "it opens");
    is_code(open_dm(content_key, bound, bound_length), CHATALOT_OK, "and again");

    must(chatalot_content_key_inspect(content_key, c, m, u, d) == CHATALOT_OK, "inspect");
    ok(memcmp(c, channel, 16) == 0 && memcmp(m, message_id, 16) == 0
       && memcmp(u, phone.party, 16) == 0 && memcmp(d, phone.party + 16, 16) == 0,
       "the content key says for which message it is, of whom");

    randombytes_buf(id, 16);
    length = bind(id, &phone, b);
    is_code(open_dm(content_key, b, length), CHATALOT_E_AUTH, "not as another message");
    length = bind(message_id, &tablet, b);
    is_code(open_dm(content_key, b, length), CHATALOT_E_AUTH, "nor from another device");

    length = sizeof(b);
    must(chatalot_binding_make(channel, 0, "edit", 4, message_id, NULL, NULL, phone.party,
                               phone.party + 16, b, &length) == CHATALOT_OK, "binding");
    is_code(open_dm(content_key, b, length), CHATALOT_E_AUTH, "nor as another kind");
    length = sizeof(b);
    must(chatalot_binding_make(channel, 0, "message", 7, message_id, id, NULL, phone.party,
                               phone.party + 16, b, &length) == CHATALOT_OK, "binding");
    is_code(open_dm(content_key, b, length), CHATALOT_E_AUTH, "nor in a thread");
    is_code(open_dm(content_key, bound, bound_length - 1), CHATALOT_E_FORMAT,
            "a binding cut short");

    /*
     * one who has the content key, as the receiver has, cannot put another payload in the place
     * of the sent one
     */
    length = sizeof(out);
    memcpy(key2, content_key, sizeof(key2));
    sealed[30] ^= 1;
    is_code(open_dm(key2, bound, bound_length), CHATALOT_E_AUTH, "a changed message");
    sealed[30] ^= 1;

    length = 4;
    is_code(chatalot_dm_message_open(content_key, bound, bound_length, sealed, sealed_length, out,
                                     &length), CHATALOT_E_SPACE, "no room for the payload");
    is_number((long long) length, 10, "the room it needs");
    is_code(chatalot_dm_message_open(content_key, bound, bound_length, sealed, sealed_length, out,
                                     &length), CHATALOT_OK, "which is enough");
    length = 20;
    is_code(chatalot_dm_message_seal(bound, bound_length, id, 16, key2, out, &length),
            CHATALOT_E_SPACE, "no room for the message");
    is_code(chatalot_dm_message_seal(bound, bound_length, id, 16, key2, out, &length),
            CHATALOT_OK, "with the room it needs there is");
    length = sizeof(longest);
    is_code(chatalot_dm_message_seal(bound, bound_length, payload, CHATALOT_PAYLOAD_MAX, key2,
                                     longest, &length), CHATALOT_OK, "the longest payload");
    length = sizeof(out);
    is_code(chatalot_dm_message_seal(bound, bound_length, id, 0, key2, out, &length),
            CHATALOT_E_PARAMETERS, "an empty payload");
    length = sizeof(out);
    is_code(chatalot_dm_message_seal(bound, bound_length, id, CHATALOT_PAYLOAD_MAX + 1, key2, out,
                                     &length), CHATALOT_E_PARAMETERS, "one that is too long");
    length = sizeof(out);
    is_code(chatalot_dm_message_seal(bound, 5, id, 16, key2, out, &length),
            CHATALOT_E_FORMAT, "no binding");
    is_code(chatalot_dm_message_open(content_key, bound, bound_length, sealed, 42, out, &length),
            CHATALOT_E_FORMAT, "a message cut short");
    key2[0] = 9;
    is_code(open_dm(key2, bound, bound_length), CHATALOT_E_VERSION, "a key of another version");
    is_code(chatalot_content_key_inspect(key2, c, m, u, d), CHATALOT_E_VERSION,
            "which says nothing");
    sealed[1] = 2;
    is_code(open_dm(content_key, bound, bound_length), CHATALOT_E_VERSION,
            "a message of another suite");
}


/* A letter from `peer`, read by a device of Bob's. */
static int
letter(uint8_t kind, const uint8_t *body, size_t length, const device *peer)
{
    int             rc;
    size_t          offset, body_length, letter_length;
    uint8_t         got;
    static uint8_t  data[CHATALOT_LETTER_MAX];

    letter_length = sizeof(data);
    rc = chatalot_letter_make(kind, body, length, data, &letter_length);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    rc = chatalot_letter_open(data, letter_length, peer->party, bob.user, &got, &offset,
                              &body_length);
    must(rc != CHATALOT_OK
         || (got == kind && body_length == length && memcmp(data + offset, body, length) == 0),
         "body");

    return rc;
}


static void
letters(void)
{
    size_t    length, offset, body_length;
    uint8_t   request[41], small[50], what, c[16], id[16], kind;
    uint64_t  epoch;

    begin();
    is_code(letter(CHATALOT_LETTER_CONTENT_KEY, content_key, 130, &phone), CHATALOT_OK,
            "a content key from the device that sealed the message");
    is_code(letter(CHATALOT_LETTER_CONTENT_KEY, content_key, 130, &tablet), CHATALOT_E_AUTH,
            "not from another device of the same user");
    is_code(letter(CHATALOT_LETTER_CONTENT_KEY, content_key, 130, &other), CHATALOT_E_AUTH,
            "nor from someone else");
    is_code(letter(CHATALOT_LETTER_CONTENT_KEY, content_key, 129, &phone), CHATALOT_E_FORMAT,
            "one cut short");

    is_code(letter(CHATALOT_LETTER_SENDER_KEY, sender_key, 238, &laptop), CHATALOT_OK,
            "a sender key from its device");
    is_code(letter(CHATALOT_LETTER_SENDER_KEY, sender_key, 238, &phone), CHATALOT_E_AUTH,
            "not from another");
    is_code(letter(CHATALOT_LETTER_SENDER_KEY, sender_key, 237, &laptop), CHATALOT_E_FORMAT,
            "one cut short");
    sender_key[150] ^= 1;
    is_code(letter(CHATALOT_LETTER_SENDER_KEY, sender_key, 238, &laptop), CHATALOT_E_AUTH,
            "one with a bad attestation is not even sent");
    sender_key[150] ^= 1;

    is_code(chatalot_request_make(3, channel, 4, message_id, request), CHATALOT_E_PARAMETERS,
            "a request for nothing known");
    must(chatalot_request_make(CHATALOT_REQUEST_CONTENT_KEY, channel, 4, message_id, request)
         == CHATALOT_OK, "request");
    is_code(letter(CHATALOT_LETTER_REQUEST, request, 41, &other), CHATALOT_OK,
            "a request from anyone");
    must(chatalot_request_read(request, &what, c, &epoch, id) == CHATALOT_OK, "request");
    ok(what == CHATALOT_REQUEST_CONTENT_KEY && epoch == 4 && memcmp(c, channel, 16) == 0
       && memcmp(id, message_id, 16) == 0, "says what is asked for");
    request[0] = CHATALOT_REQUEST_SENDER_KEY;
    is_code(chatalot_request_read(request, &what, c, &epoch, id), CHATALOT_OK, "another");
    ok(what == CHATALOT_REQUEST_SENDER_KEY, "says that");
    request[0] = 9;
    is_code(letter(CHATALOT_LETTER_REQUEST, request, 41, &other), CHATALOT_E_FORMAT,
            "a request for something else");
    is_code(chatalot_request_read(request, &what, c, &epoch, id), CHATALOT_E_FORMAT,
            "is not read");

    is_code(letter(9, request, 41, &other), CHATALOT_E_VERSION, "an unknown kind");
    length = sizeof(small);
    is_code(chatalot_letter_make(CHATALOT_LETTER_CONTENT_KEY, content_key, 130, small, &length),
            CHATALOT_E_SPACE, "no room for the letter");
    is_number((long long) length, 133, "the room it needs");
    memset(small, 1, sizeof(small));
    is_code(chatalot_letter_open(small, 2, phone.party, bob.user, &kind, &offset, &body_length),
            CHATALOT_E_FORMAT, "a letter without a kind");
    is_code(chatalot_letter_open(small, 1, phone.party, bob.user, &kind, &offset, &body_length),
            CHATALOT_E_FORMAT, "or less");
    small[1] = 2;
    is_code(chatalot_letter_open(small, 50, phone.party, bob.user, &kind, &offset, &body_length),
            CHATALOT_E_VERSION, "a letter of another suite");
}


/* Both keys in a row; the number of bytes. */
static size_t
both_items(uint8_t out[512])
{
    size_t  first = 512, second;

    must(chatalot_item_make(CHATALOT_ITEM_SENDER_KEY, sender_key, 238, out, &first)
         == CHATALOT_OK, "item");
    second = 512 - first;
    must(chatalot_item_make(CHATALOT_ITEM_CONTENT_KEY, content_key, 130, out + first, &second)
         == CHATALOT_OK, "item");

    return first + second;
}


static void
shared_items(void)
{
    size_t   length, size, offset, body_offset, body_length;
    uint8_t  items[512], item[200], kind;
    device   bobs_other;

    begin();
    new_device(&bobs_other, &bob);
    length = both_items(items);

    is_code(letter(CHATALOT_LETTER_ITEMS, items, length, &phone), CHATALOT_OK,
            "keys passed on by the one whose message it is");
    is_code(letter(CHATALOT_LETTER_ITEMS, items, length, &tablet), CHATALOT_OK,
            "by another device of that user");
    is_code(letter(CHATALOT_LETTER_ITEMS, items, length, &bobs_other), CHATALOT_OK,
            "by another device of one's own");
    is_code(letter(CHATALOT_LETTER_ITEMS, items, length, &other), CHATALOT_E_AUTH,
            "a content key passed on by someone else says nothing of who wrote");
    is_code(letter(CHATALOT_LETTER_ITEMS, items, 241, &other), CHATALOT_OK,
            "a sender key does, for its device has signed it");
    is_code(letter(CHATALOT_LETTER_ITEMS, items, length - 1, &phone), CHATALOT_E_FORMAT,
            "items cut short");
    is_code(letter(CHATALOT_LETTER_ITEMS, items, 0, &phone), CHATALOT_E_FORMAT, "none");

    items[100] ^= 1;
    is_code(letter(CHATALOT_LETTER_ITEMS, items, length, &phone), CHATALOT_E_AUTH,
            "a sender key changed on the way");
    items[100] ^= 1;

    items[241] = 77;
    is_code(letter(CHATALOT_LETTER_ITEMS, items, length, &other), CHATALOT_OK,
            "an item of a kind to come is let through");
    offset = 241;
    must(chatalot_items_next(items, length, &offset, &kind, &body_offset, &body_length)
         == CHATALOT_OK, "next");
    ok(kind == 77 && body_offset == 244 && body_length == 130 && offset == length,
       "and can be walked over");
    offset = length + 1;
    is_code(chatalot_items_next(items, length, &offset, &kind, &body_offset, &body_length),
            CHATALOT_E_FORMAT, "past the end there is nothing");

    size = sizeof(item);
    is_code(chatalot_item_make(4, content_key, 130, item, &size), CHATALOT_E_VERSION,
            "an item of no known kind");
    size = sizeof(item);
    is_code(chatalot_item_make(CHATALOT_ITEM_CONTENT_KEY, content_key, 131, item, &size),
            CHATALOT_E_FORMAT, "an item of another size");
    size = 100;
    is_code(chatalot_item_make(CHATALOT_ITEM_CONTENT_KEY, content_key, 130, item, &size),
            CHATALOT_E_SPACE, "no room for the item");
}


/* What one device remembers of Carol's account key. */
static void
identities(void)
{
    size_t    length, kept;
    device    bobs_other;
    uint8_t   identity[58], items[512], small[20], user[16], key[32];
    uint16_t  state;
    uint64_t  since;

    begin();
    new_device(&bobs_other, &bob);
    is_code(chatalot_identity_make(carol.user, carol.account_key, CHATALOT_IDENTITY_VERIFIED,
                                   1700000000000, identity), CHATALOT_OK, "an identity is noted");
    is_code(chatalot_identity_read(identity, user, key, &state, &since), CHATALOT_OK, "and read");
    ok(memcmp(user, carol.user, 16) == 0 && memcmp(key, carol.account_key, 32) == 0
       && state == CHATALOT_IDENTITY_VERIFIED && since == 1700000000000, "as it was");
    is_code(chatalot_identity_make(carol.user, carol.account_key, 2, 0, identity),
            CHATALOT_E_PARAMETERS, "there is no other state");

    length = sizeof(items);
    is_code(chatalot_item_make(CHATALOT_ITEM_IDENTITY, identity, 58, items, &length), CHATALOT_OK,
            "an item of it");
    is_number((long long) length, 61, "has 61 bytes");
    is_code(letter(CHATALOT_LETTER_ITEMS, items, length, &bobs_other), CHATALOT_OK,
            "whom to trust is heard from another device of one's own");
    is_code(letter(CHATALOT_LETTER_ITEMS, items, length, &phone), CHATALOT_E_AUTH,
            "and from nobody else");
    kept = 512 - length;
    must(chatalot_item_make(CHATALOT_ITEM_SENDER_KEY, sender_key, 238, items + length, &kept)
         == CHATALOT_OK, "item");
    is_code(letter(CHATALOT_LETTER_ITEMS, items, length + kept, &phone), CHATALOT_E_AUTH,
            "not with a good key behind it either");

    length = sizeof(small);
    is_code(chatalot_item_make(CHATALOT_ITEM_IDENTITY, identity, 58, small, &length),
            CHATALOT_E_SPACE, "no room for it");
    length = sizeof(items);
    is_code(chatalot_item_make(CHATALOT_ITEM_IDENTITY, identity, 57, items, &length),
            CHATALOT_E_FORMAT, "one cut short");
    memset(small, 0, sizeof(small));
    identity[49] = 2;
    length = sizeof(items);
    is_code(chatalot_item_make(CHATALOT_ITEM_IDENTITY, identity, 58, items, &length),
            CHATALOT_E_FORMAT, "one in no known state");
    memset(user, 0, 16);
    is_code(chatalot_identity_read(identity, user, key, &state, &since), CHATALOT_E_FORMAT,
            "is not read");
    ok(memcmp(user, small, 16) == 0 && state == CHATALOT_IDENTITY_VERIFIED, "nothing of it");
    identity[48] = 1;
    is_code(chatalot_identity_read(identity, user, key, &state, &since), CHATALOT_E_FORMAT,
            "whichever");
}


static void
backup(void)
{
    size_t          length, size, back;
    uint8_t         items[512], sealed_items[600], opened[600], forged[600];
    static uint8_t  many[CHATALOT_ITEMS_MAX + 1];
    static uint8_t  all[CHATALOT_ITEMS_MAX + CHATALOT_BACKUP_OVERHEAD];

    begin();
    length = both_items(items);

    size = sizeof(sealed_items);
    is_code(chatalot_backup_seal(bob.backup_secret, bob.user, items, length, sealed_items, &size),
            CHATALOT_OK, "keys are sealed for the backup");
    is_number((long long) size, (long long) length + 50, "with 50 bytes more");
    back = sizeof(opened);
    is_code(chatalot_backup_open(bob.backup_secret, bob.user, sealed_items, size, opened, &back),
            CHATALOT_OK, "and restored");
    is_bytes(opened, back, items, length, "as they were");

    back = length;
    is_code(chatalot_backup_open(bob.backup_secret, bob.user, sealed_items, size, opened, &back),
            CHATALOT_OK, "in exactly their room");
    back = length - 1;
    is_code(chatalot_backup_open(bob.backup_secret, bob.user, sealed_items, size, opened, &back),
            CHATALOT_E_SPACE, "no room for them");
    is_number((long long) back, (long long) length, "the room they need");
    back = sizeof(opened);
    is_code(chatalot_backup_open(alice.backup_secret, bob.user, sealed_items, size, opened, &back),
            CHATALOT_E_AUTH, "not with another backup key");
    back = sizeof(opened);
    is_code(chatalot_backup_open(bob.backup_secret, alice.user, sealed_items, size, opened, &back),
            CHATALOT_E_AUTH, "not as another user's");

    /*
     * the server knows B's public half and could do a plain sealed box; whoever seals with
     * another secret fails
     */
    back = sizeof(forged);
    must(chatalot_backup_seal(carol.backup_secret, bob.user, items, length, forged, &back)
         == CHATALOT_OK, "seal");
    size = sizeof(opened);
    is_code(chatalot_backup_open(bob.backup_secret, bob.user, forged, back, opened, &size),
            CHATALOT_E_AUTH, "not sealed by someone else");

    memset(forged + 2, 0, 32);
    size = sizeof(opened);
    is_code(chatalot_backup_open(bob.backup_secret, bob.user, forged, back, opened, &size),
            CHATALOT_E_AUTH, "nor with an ephemeral key of small order");

    size = 100;
    is_code(chatalot_backup_seal(bob.backup_secret, bob.user, items, length, forged, &size),
            CHATALOT_E_SPACE, "no room for the backup");
    size = sizeof(forged);
    is_code(chatalot_backup_seal(bob.backup_secret, bob.user, items, length - 1, forged, &size),
            CHATALOT_E_FORMAT, "items cut short are not sealed");
    size = sizeof(forged);
    is_code(chatalot_backup_seal(bob.backup_secret, bob.user, items, 0, forged, &size),
            CHATALOT_E_PARAMETERS, "nor none");
    size = sizeof(forged);
    is_code(chatalot_backup_seal(bob.backup_secret, bob.user, many, CHATALOT_ITEMS_MAX + 1, forged,
                                 &size), CHATALOT_E_PARAMETERS, "nor too many");
    memset(many, 77, 3);
    many[1] = 0xea;
    many[2] = 0x5d;
    size = sizeof(all) - 1;
    is_code(chatalot_backup_seal(bob.backup_secret, bob.user, many, CHATALOT_ITEMS_MAX, all, &size),
            CHATALOT_E_SPACE, "as many as there may be, without the room");
    is_code(chatalot_backup_seal(bob.backup_secret, bob.user, many, CHATALOT_ITEMS_MAX, all, &size),
            CHATALOT_OK, "with exactly that");
    size = sizeof(opened);
    is_code(chatalot_backup_open(bob.backup_secret, bob.user, sealed_items, 50, opened, &size),
            CHATALOT_E_FORMAT, "a backup cut short");
    sealed_items[0] = 2;
    size = sizeof(opened);
    is_code(chatalot_backup_open(bob.backup_secret, bob.user, sealed_items, length + 50, opened,
                                 &size), CHATALOT_E_VERSION, "a backup of another version");
}


/*
 * Bob's second device knows nothing but B; what his first device backed up lets it read
 * everything.
 */
static void
restored_from_backup(void)
{
    size_t          length, size, back, offset, body_offset, body_length, payload_length;
    uint8_t         chain[270], next[270], key[238], record[310], next_record[310];
    uint8_t         items[512], sealed_items[600], opened[600], payload[64], kind;
    uint8_t         early[256], late[256], b1[CHATALOT_BINDING_MAX], b2[CHATALOT_BINDING_MAX];
    uint8_t         id[16];
    size_t          early_length = sizeof(early), late_length = sizeof(late), b1_length, b2_length;

    begin();
    must(chatalot_sender_chain_create(channel, 0, phone.party, phone.secret, chain) == CHATALOT_OK
         && chatalot_sender_chain_share(chain, key) == CHATALOT_OK
         && chatalot_sender_key_accept(key, record) == CHATALOT_OK, "chain");
    b1_length = bind(message_id, &phone, b1);
    randombytes_buf(id, 16);
    b2_length = bind(id, &phone, b2);
    must(chatalot_channel_message_seal(chain, b1, b1_length, (const uint8_t *) "early", 5, next,
                                       early, &early_length) == CHATALOT_OK
         && chatalot_channel_message_seal(next, b2, b2_length, (const uint8_t *) "late", 4, chain,
                                          late, &late_length) == CHATALOT_OK, "seal");

    /* the first device reads on, then backs up what it holds */
    payload_length = sizeof(payload);
    must(chatalot_channel_message_open(record, b2, b2_length, late, late_length, 0, next_record,
                                       payload, &payload_length) == CHATALOT_OK, "open");
    memcpy(sender_key, next_record, 238);
    length = both_items(items);
    size = sizeof(sealed_items);
    must(chatalot_backup_seal(bob.backup_secret, bob.user, items, length, sealed_items, &size)
         == CHATALOT_OK, "seal");

    /* the second restores and reads backwards */
    back = sizeof(opened);
    must(chatalot_backup_open(bob.backup_secret, bob.user, sealed_items, size, opened, &back)
         == CHATALOT_OK, "open");
    offset = 0;
    must(chatalot_items_next(opened, back, &offset, &kind, &body_offset, &body_length)
         == CHATALOT_OK && kind == CHATALOT_ITEM_SENDER_KEY, "item");
    is_code(chatalot_sender_key_accept(opened + body_offset, record), CHATALOT_OK,
            "a new device restores a sender key");
    payload_length = sizeof(payload);
    is_code(chatalot_channel_message_open(record, b2, b2_length, late, late_length, 1, next_record,
                                          payload, &payload_length), CHATALOT_OK,
            "reads the newest message");
    payload_length = sizeof(payload);
    is_code(chatalot_channel_message_open(next_record, b1, b1_length, early, early_length, 1,
                                          record, payload, &payload_length), CHATALOT_OK,
            "and then the oldest");
    must(chatalot_items_next(opened, back, &offset, &kind, &body_offset, &body_length)
         == CHATALOT_OK && kind == CHATALOT_ITEM_CONTENT_KEY && offset == back, "item");
    is_code(open_dm(opened + body_offset, bound, bound_length), CHATALOT_OK,
            "and a DM message");
}


static void
padding_and_franking(void)
{
    size_t   length, payload_length;
    uint8_t  payload[100], padded[128], key[32], commitment[32];

    randombytes_buf(payload, sizeof(payload));
    length = sizeof(padded);
    is_code(chatalot_pad(payload, 100, padded, &length), CHATALOT_OK, "a payload is padded");
    is_number((long long) length, 104, "to its Padmé length");
    is_code(chatalot_unpad(padded, length, &payload_length), CHATALOT_OK, "and unpadded");
    is_bytes(padded + 4, payload_length, payload, 100, "whole");

    length = sizeof(padded);
    must(chatalot_pad(payload, 93, padded, &length) == CHATALOT_OK && length == 104, "pad");
    padded[103] = 1;
    is_code(chatalot_unpad(padded, length, &payload_length), CHATALOT_E_FORMAT,
            "padding that is not zero");
    padded[103] = 0;
    is_code(chatalot_unpad(padded, 103, &payload_length), CHATALOT_E_FORMAT, "too little");
    padded[3] = 80;
    is_code(chatalot_unpad(padded, length, &payload_length), CHATALOT_E_FORMAT, "too much");
    padded[0] = 0xff;
    is_code(chatalot_unpad(padded, length, &payload_length), CHATALOT_E_FORMAT,
            "a length beyond all bounds");
    is_code(chatalot_unpad(padded, 3, &payload_length), CHATALOT_E_FORMAT, "no length");
    length = 100;
    is_code(chatalot_pad(payload, 100, padded, &length), CHATALOT_E_SPACE, "no room");
    is_code(chatalot_pad(payload, CHATALOT_PAYLOAD_MAX + 1, padded, &length),
            CHATALOT_E_PARAMETERS, "too long");

    randombytes_buf(key, 32);
    is_code(chatalot_franking_commit(key, payload, 100, commitment), CHATALOT_OK, "a commitment");
    is_code(chatalot_franking_verify(key, payload, 100, commitment), CHATALOT_OK,
            "holds for its payload");
    is_code(chatalot_franking_verify(key, payload, 99, commitment), CHATALOT_E_AUTH,
            "and for no other");
    key[0] ^= 1;
    is_code(chatalot_franking_verify(key, payload, 100, commitment), CHATALOT_E_AUTH,
            "nor for another key");
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    dm_messages();
    letters();
    shared_items();
    identities();
    backup();
    restored_from_backup();
    padding_and_franking();

    return done();
}
