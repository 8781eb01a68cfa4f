/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What somebody can do who has the keys and does not keep to the rules: a member, a peer's
 * device, a program that got hold of an account. What they seal is made with libsodium and the
 * formulas of docs/e2ee.md alone, for the library refuses to make it.
 */

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "bytes.h"
#include "hkdf.h"
#include "people.h"
#include "tap.h"

static person   alice, bob;
static device   phone, laptop;
static uint8_t  channel[16], id[16], bound[CHATALOT_BINDING_MAX];
static size_t   bound_length;

/* Padded payloads, 18 bytes and less. */
static const struct {
    const char  *what;
    const char  *padded;
    size_t       length;
    int          code;
} paddings[] = {
    { "padded as it should be", "\0\0\0\5hello\0", 10, CHATALOT_OK },
    { "an empty payload", "\0\0\0\0", 4, CHATALOT_E_FORMAT },
    { "not padded", "\0\0\0\5hello", 9, CHATALOT_E_FORMAT },
    { "padded further", "\0\0\0\5hello\0\0\0", 12, CHATALOT_E_FORMAT },
    { "with something behind it", "\0\0\0\5hello!", 10, CHATALOT_E_FORMAT },
    { "longer than it is", "\0\0\0\7hello\0", 10, CHATALOT_E_FORMAT },
    { "no length", "\0\0\0", 3, CHATALOT_E_FORMAT },
};

#define PADDINGS    (sizeof(paddings) / sizeof(paddings[0]))


static void
begin(void)
{
    new_person(&alice);
    new_person(&bob);
    new_device(&phone, &alice);
    new_device(&laptop, &bob);
    randombytes_buf(channel, 16);
    randombytes_buf(id, 16);
    bound_length = sizeof(bound);
    must(chatalot_binding_make(channel, 3, "message", 7, id, NULL, NULL, phone.party,
                               phone.party + 16, bound, &bound_length) == CHATALOT_OK, "binding");
}


/* label || what follows it; the length. */
static size_t
labelled(uint8_t out[256], const char *label, const uint8_t *rest, size_t length)
{
    memcpy(out, label, strlen(label));
    memcpy(out + strlen(label), rest, length);

    return strlen(label) + length;
}


static void
sign_message(const uint8_t seed[32], uint8_t *message, size_t signed_length)
{
    size_t   length;
    uint8_t  text[256], pk[32], sk[64];

    length = labelled(text, "chatalot/v1/channel-message/signature", bound, bound_length);
    crypto_hash_sha256(text + length, message, signed_length);
    crypto_sign_seed_keypair(pk, sk, seed);
    crypto_sign_detached(message + signed_length, NULL, text, length + 32, sk);
}


/* The first message of a chain, with this in the place of the padded payload; its length. */
static size_t
channel_message(const uint8_t chain[270], const uint8_t *padded, size_t length, uint8_t *message)
{
    size_t         ad_length;
    uint8_t        ad[256], mk[32], key[56];
    const uint8_t  one = 1;

    store_prefix(message);
    memcpy(message + 2, chain + 26, 16);
    memcpy(message + 18, chain + 202, 4);
    crypto_auth_hmacsha256(mk, &one, 1, chain + 206);
    hkdf_sha256(NULL, 0, mk, 32, LABEL("chatalot/v1/channel-message/key"), key, sizeof(key));
    ad_length = labelled(ad, "chatalot/v1/channel-message", bound, bound_length);
    memcpy(ad + ad_length, message, 22);
    crypto_aead_xchacha20poly1305_ietf_encrypt(message + 22, NULL, padded, length, ad,
                                               ad_length + 22, NULL, key + 32, key);
    sign_message(chain + 238, message, 22 + length + 16);

    return 22 + length + 16 + 64;
}


/* That what is refused leaves nothing, is checked in passing. */
static int
read_channel(const uint8_t record[310], const uint8_t *message, size_t message_length)
{
    int            rc;
    size_t         i, length = 64, left;
    uint8_t        next[310] = { 0 }, payload[64] = { 0 };

    rc = chatalot_channel_message_open(record, bound, bound_length, message, message_length, 0,
                                       next, payload, &length);

    for (i = 0, left = 0; i < sizeof(payload); i++) {
        left += payload[i] != 0;
    }
    must(rc == CHATALOT_OK || (length == 0 && left == 0 && next[0] == 0), "output");

    return rc;
}


static void
a_member_seals_what_is_no_payload(void)
{
    char     what[64];
    size_t   i, length;
    uint8_t  chain[270], key[238], record[310], message[256];

    begin();
    must(chatalot_sender_chain_create(channel, 3, phone.party, phone.secret, chain) == CHATALOT_OK
         && chatalot_sender_chain_share(chain, key) == CHATALOT_OK
         && chatalot_sender_key_accept(key, record) == CHATALOT_OK, "chain");

    for (i = 0; i < PADDINGS; i++) {
        length = channel_message(chain, (const uint8_t *) paddings[i].padded, paddings[i].length,
                                 message);
        snprintf(what, sizeof(what), "in a channel, %s", paddings[i].what);
        is_code(read_channel(record, message, length), paddings[i].code, what);
    }

    length = channel_message(chain, (const uint8_t *) paddings[0].padded, 10, message);
    message[25] ^= 1;
    is_code(read_channel(record, message, length), CHATALOT_E_AUTH,
            "a changed ciphertext, not signed");
    sign_message(chain + 238, message, length - 64);
    is_code(read_channel(record, message, length), CHATALOT_E_AUTH,
            "and one that its sender has signed");
}


/* A DM message under this content key, which ends with the hash of it; its length. */
static size_t
dm_message(uint8_t content_key[130], const uint8_t *padded, size_t length, uint8_t *message)
{
    size_t   ad_length;
    uint8_t  ad[256];

    store_prefix(message);
    randombytes_buf(message + 2, 24);
    ad_length = labelled(ad, "chatalot/v1/dm-message", bound, bound_length);
    memcpy(ad + ad_length, message, 2);
    crypto_aead_xchacha20poly1305_ietf_encrypt(message + 26, NULL, padded, length, ad,
                                               ad_length + 2, NULL, message + 2, content_key + 66);
    crypto_hash_sha256(content_key + 98, message, 26 + length + 16);

    return 26 + length + 16;
}


static int
read_dm(const uint8_t content_key[130], const uint8_t *message, size_t message_length)
{
    int      rc;
    size_t   i, length = 64, left;
    uint8_t  payload[64] = { 0 };

    rc = chatalot_dm_message_open(content_key, bound, bound_length, message, message_length,
                                  payload, &length);

    for (i = 0, left = 0; i < sizeof(payload); i++) {
        left += payload[i] != 0;
    }
    must(rc == CHATALOT_OK || (length == 0 && left == 0), "output");

    return rc;
}


static void
a_peer_seals_what_is_no_payload(void)
{
    char     what[64];
    size_t   i, length;
    uint8_t  content_key[130] = { 1, 1 }, message[256];

    begin();
    memcpy(content_key + 2, channel, 16);
    memcpy(content_key + 18, id, 16);
    memcpy(content_key + 34, phone.party, 32);
    randombytes_buf(content_key + 66, 32);

    for (i = 0; i < PADDINGS; i++) {
        length = dm_message(content_key, (const uint8_t *) paddings[i].padded, paddings[i].length,
                            message);
        snprintf(what, sizeof(what), "in a DM, %s", paddings[i].what);
        is_code(read_dm(content_key, message, length), paddings[i].code, what);
    }

    length = dm_message(content_key, (const uint8_t *) paddings[0].padded, 10, message);
    message[30] ^= 1;
    is_code(read_dm(content_key, message, length), CHATALOT_E_AUTH,
            "a ciphertext that is not the one of the hash");
    crypto_hash_sha256(content_key + 98, message, length);
    is_code(read_dm(content_key, message, length), CHATALOT_E_AUTH,
            "and one that is, and that no key has sealed");
}


/* A backup of these bytes by who has the backup secret; its length. */
static size_t
backup_of(const uint8_t *items, size_t length, uint8_t *backup)
{
    size_t   ad_length;
    uint8_t  ad[256], e[32], shared[64], key[56];

    store_prefix(backup);
    crypto_box_keypair(backup + 2, e);
    must(crypto_scalarmult(shared, e, alice.backup_key) == 0
         && crypto_scalarmult(shared + 32, alice.backup_secret, alice.backup_key) == 0, "DH");
    hkdf_sha256(NULL, 0, shared, 64, LABEL("chatalot/v1/backup"), key, sizeof(key));
    ad_length = labelled(ad, "chatalot/v1/backup", backup, 2);
    memcpy(ad + ad_length, alice.user, 16);
    memcpy(ad + ad_length + 16, alice.backup_key, 32);
    memcpy(ad + ad_length + 48, backup + 2, 32);
    crypto_aead_xchacha20poly1305_ietf_encrypt(backup + 34, NULL, items, length, ad,
                                               ad_length + 80, NULL, key + 32, key);

    return length + 50;
}


static int
restore(const uint8_t *items, size_t length)
{
    int             rc;
    size_t          i, room, left;
    static uint8_t  backup[CHATALOT_ITEMS_MAX + 200], opened[CHATALOT_ITEMS_MAX + 200];

    memset(opened, 0, sizeof(opened));
    room = sizeof(opened);
    rc = chatalot_backup_open(alice.backup_secret, alice.user, backup,
                              backup_of(items, length, backup), opened, &room);

    for (i = 0, left = 0; i < sizeof(opened); i++) {
        left += opened[i] != 0;
    }
    must(rc == CHATALOT_OK ? room == length && memcmp(opened, items, length) == 0
                           : room == 0 && left == 0, "output");

    return rc;
}


static void
a_backup_of_what_are_no_items(void)
{
    static uint8_t  items[CHATALOT_ITEMS_MAX + 1];

    begin();
    memset(items, 0, sizeof(items));
    items[0] = 77;
    items[2] = 10;
    items[3] = 5;
    is_code(restore(items, 13), CHATALOT_OK, "an item of a kind to come");
    is_code(restore(items, 12), CHATALOT_E_FORMAT, "one cut short");
    is_code(restore(items, 2), CHATALOT_E_FORMAT, "not even the head of one");
    is_code(restore(items, 0), CHATALOT_E_FORMAT, "nothing");

    items[0] = CHATALOT_ITEM_CONTENT_KEY;
    items[2] = 130;
    items[3] = items[4] = 1;
    is_code(restore(items, 133), CHATALOT_OK, "a content key");
    items[4] = 2;
    is_code(restore(items, 133), CHATALOT_E_VERSION, "one of another suite");
    items[3] = 2;
    items[4] = 1;
    is_code(restore(items, 133), CHATALOT_E_VERSION, "one of another version");
    items[0] = CHATALOT_ITEM_SENDER_KEY;
    is_code(restore(items, 133), CHATALOT_E_FORMAT, "a sender key of another size");

    items[0] = 77;
    items[1] = 0xea;
    items[2] = 0x5d;
    is_code(restore(items, CHATALOT_ITEMS_MAX), CHATALOT_OK, "as many bytes as there may be");
    items[2] = 0x5e;
    is_code(restore(items, CHATALOT_ITEMS_MAX + 1), CHATALOT_E_FORMAT, "one more");
}


/* The number stands at 112 of an initial envelope, and at 55 of a normal one. */
static void
numbers_end(void)
{
    end             a, b;
    size_t          length;
    packet          p;
    static uint8_t  letter[CHATALOT_LETTER_MAX];

    begin();
    new_end(&a, &phone, &laptop);
    new_end(&b, &laptop, &phone);
    must(start(&a) == CHATALOT_OK && talks(&a, &b, 1) && talks(&b, &a, 1) && talks(&a, &b, 1),
         "a session");

    /* both sides at the last number: sent at 253 of a session, received at 257 */
    memset(a.record + 132 + 253, 0xff, 4);
    a.record[132 + 256] = 0xfe;
    memset(b.record + 132 + 257, 0xff, 4);
    b.record[132 + 260] = 0xfe;
    p = say(&a, "last");
    ok(memcmp(p.data + 55, "\xff\xff\xff\xfe", 4) == 0, "the last number of a chain");
    p.data[58] = 0xff;
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_TOO_FAR, "there is none after it");
    p.data[58] = 0xfe;
    ok(hears(&b, &p, "last"), "it opens");
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_REPLAY, "once");
    p.data[58] = 0xff;
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_TOO_FAR, "there is still none after it");
    free_packet(&p);
    free_end(&a);
    free_end(&b);
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    a_member_seals_what_is_no_payload();
    a_peer_seals_what_is_no_payload();
    a_backup_of_what_are_no_items();
    numbers_end();

    return done();
}
