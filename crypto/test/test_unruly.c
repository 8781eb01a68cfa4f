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


/*
 * A member whose key is of one place seals and signs a message for another with it: all is good but
 * that the key is not for that. Nor does the library seal so.
 */
static void
a_member_uses_a_key_elsewhere(void)
{
    size_t       i, at, length, sealed_length;
    uint8_t      chain[270], next[270], key[238], record[310], message[256];
    char         what[64];

    static const struct {
        const char  *what;
        size_t       at;
        int          code;
    } places[] = {
        { "version", 0, CHATALOT_E_FORMAT },
        { "suite", 1, CHATALOT_E_FORMAT },
        { "channel", 2, CHATALOT_E_AUTH },
        { "channel, in its last byte", 17, CHATALOT_E_AUTH },
        { "epoch", 18, CHATALOT_E_AUTH },
        { "epoch, in its last byte", 25, CHATALOT_E_AUTH },
        { "user", 82, CHATALOT_E_AUTH },
        { "user, in its last byte", 97, CHATALOT_E_AUTH },
        { "device", 98, CHATALOT_E_AUTH },
        { "device, in its last byte", 113, CHATALOT_E_AUTH },
    };

    begin();
    must(bound_length == 114, "binding");
    must(chatalot_sender_chain_create(channel, 3, phone.party, phone.secret, chain) == CHATALOT_OK
         && chatalot_sender_chain_share(chain, key) == CHATALOT_OK
         && chatalot_sender_key_accept(key, record) == CHATALOT_OK, "chain");

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        at = places[i].at;
        bound[at] ^= 4;

        length = channel_message(chain, (const uint8_t *) paddings[0].padded, 10, message);
        snprintf(what, sizeof(what), "signed for another %s", places[i].what);
        is_code(read_channel(record, message, length), places[i].code, what);

        sealed_length = sizeof(message);
        is_code(chatalot_channel_message_seal(chain, bound, bound_length, message, 5, next,
                                              message + 5, &sealed_length), places[i].code,
                "nor is it sealed");
        must(sealed_length == 0, "output");

        bound[at] ^= 4;
    }

    for (i = 0; i < 2; i++) {
        length = channel_message(chain, (const uint8_t *) paddings[0].padded, 10, message);
        message[i] = 2;
        sign_message(chain + 238, message, length - 64);
        is_code(read_channel(record, message, length), CHATALOT_E_VERSION,
                i == 0 ? "a message of another version" : "of another suite");
    }

    length = channel_message(chain, (const uint8_t *) paddings[0].padded, 10, message);
    is_code(read_channel(record, message, length), CHATALOT_OK, "in its place it opens");
}


/* Counters are told before anything is derived: at 18 of a message, 5,000 is 13 88. */
static void
counters_beyond_the_chain(void)
{
    size_t    length, read;
    uint8_t   chain[270], key[238], record[310], next[310], message[256], payload[64], key_id[16];
    uint32_t  counter;

    begin();
    must(chatalot_sender_chain_create(channel, 3, phone.party, phone.secret, chain) == CHATALOT_OK
         && chatalot_sender_chain_share(chain, key) == CHATALOT_OK
         && chatalot_sender_key_accept(key, record) == CHATALOT_OK, "chain");
    length = channel_message(chain, (const uint8_t *) paddings[0].padded, 10, message);
    message[20] = 0x13;
    message[21] = 0x88;
    sign_message(chain + 238, message, length - 64);
    read = sizeof(payload);
    is_code(chatalot_channel_message_open(record, bound, bound_length, message, length, 1, next,
                                          payload, &read), CHATALOT_E_TOO_FAR,
            "a message after the last of a chain, in history too");
    message[18] = 0xff;
    read = sizeof(payload);
    is_code(chatalot_channel_message_open(record, bound, bound_length, message, length, 1, next,
                                          payload, &read), CHATALOT_E_TOO_FAR, "and far after it");

    is_code(chatalot_channel_message_inspect(message, 102, key_id, &counter), CHATALOT_E_FORMAT,
            "a message that holds nothing");
    is_code(chatalot_channel_message_inspect(message, 103, key_id, &counter), CHATALOT_OK,
            "one that may hold something");
    message[0] = 2;
    is_code(chatalot_channel_message_inspect(message, 103, key_id, &counter), CHATALOT_E_VERSION,
            "in another version");
    message[0] = 1;
    message[1] = 2;
    is_code(chatalot_channel_message_inspect(message, 103, key_id, &counter), CHATALOT_E_VERSION,
            "in another suite");
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


/*
 * The first envelope of a session by the formulas, with this device key in its head, and this many
 * bytes of zeros for a letter. Of a session the sending chain key is at 189.
 */
static packet
first_envelope(const end *e, const uint8_t device_key[32], size_t length)
{
    packet          p;
    size_t          ad_length;
    uint8_t         ad[512], mk[32], key[56];
    const uint8_t   one = 1;
    static uint8_t  data[CHATALOT_LETTER_MAX + CHATALOT_ENVELOPE_OVERHEAD + 1];
    static uint8_t  letter[CHATALOT_LETTER_MAX + 1];
    const uint8_t  *s = e->record + 132;

    store_prefix(data);
    data[2] = CHATALOT_ENVELOPE_INITIAL;
    memcpy(data + 3, device_key, 32);
    memcpy(data + 35, s + 21, 32);
    memcpy(data + 67, s + 53, 4);
    data[71] = (s[0] & 0x04) != 0;
    memcpy(data + 72, s + 57, 4);
    memcpy(data + 76, s + 125, 32);
    memset(data + 108, 0, 8);

    crypto_auth_hmacsha256(mk, &one, 1, s + 189);
    hkdf_sha256(NULL, 0, mk, 32, LABEL("chatalot/v1/envelope"), key, sizeof(key));
    ad_length = labelled(ad, "chatalot/v1/session", data, 2);
    memcpy(ad + ad_length, e->own->party, 64);
    memcpy(ad + ad_length + 64, e->peer->party, 64);
    memcpy(ad + ad_length + 128, data, 116);
    crypto_aead_xchacha20poly1305_ietf_encrypt(data + 116, NULL, letter, length, ad,
                                               ad_length + 244, NULL, key + 32, key);
    p.data = data;
    p.length = 116 + length + 16;

    return p;
}


static void
a_peer_begins_a_session_otherwise(void)
{
    end             a, b;
    size_t          length;
    packet          p;
    static uint8_t  letter[CHATALOT_LETTER_MAX + 1];

    begin();
    new_end(&a, &phone, &laptop);
    new_end(&b, &laptop, &phone);
    must(start(&a) == CHATALOT_OK, "start");

    p = first_envelope(&a, laptop.party + 32, 5);
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_AUTH,
            "an envelope that names another device, and is authentic");
    p = first_envelope(&a, phone.party + 32, 0);
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_FORMAT, "an empty letter");
    p = first_envelope(&a, phone.party + 32, CHATALOT_LETTER_MAX + 1);
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_FORMAT, "one that is too long");
    p = first_envelope(&a, phone.party + 32, 5);
    is_code(receive(&b, &p, letter, &length), CHATALOT_OK, "one by the formulas alone");
    is_number((long long) length, 5, "opens");
    free_end(&a);
    free_end(&b);
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
    a_member_uses_a_key_elsewhere();
    counters_beyond_the_chain();
    a_peer_seals_what_is_no_payload();
    a_backup_of_what_are_no_items();
    a_peer_begins_a_session_otherwise();
    numbers_end();

    return done();
}
