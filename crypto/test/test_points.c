/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Keys and signatures that are none, or more than one: points of small order, and such a point
 * added to a true one; a second way to write a signature. None may come through where the curve
 * alone would let it.
 */

#include <string.h>

#include <sodium.h>

#include "people.h"
#include "tap.h"

static person   alice, bob;
static device   phone, laptop;
static uint8_t  channel[16];


static void
begin(void)
{
    new_person(&alice);
    new_person(&bob);
    new_device(&phone, &alice);
    new_device(&laptop, &bob);
    randombytes_buf(channel, 16);
}


/* The sender key signed anew by its device, as only that device can. */
static void
attest(uint8_t key[238], const uint8_t secret[32])
{
    uint8_t      pk[32], sk[64], statement[160];
    const char  *label = "chatalot/v1/sender-key";

    memcpy(statement, label, strlen(label));
    memcpy(statement + strlen(label), key, 138);
    crypto_sign_seed_keypair(pk, sk, secret);
    crypto_sign_detached(key + 138, NULL, statement, strlen(label) + 138, sk);
}


/* A peer whose device key is no point to agree with. */
static void
device_key_of_small_order(void)
{
    end             e;
    size_t          size, length;
    device          nobody;
    packet          p;
    uint8_t         record[4096], started;
    static uint8_t  letter[CHATALOT_LETTER_MAX];

    begin();
    new_end(&e, &phone, &laptop);
    must(start(&e) == CHATALOT_OK, "start");
    p = say(&e, "hello");
    nobody = phone;
    memset(nobody.party + 32, 0, 32);
    memset(p.data + 3, 0, 32);

    size = sizeof(record);
    length = sizeof(letter);
    is_code(chatalot_envelope_open(NULL, 0, laptop.party, laptop.secret, nobody.party,
                                   laptop.signed_secret, laptop.one_time_secret, p.data, p.length,
                                   record, &size, letter, &length, &started),
            CHATALOT_E_AUTH, "a device key of small order");
    ok(size == 0 && length == 0 && !started, "begins nothing");
    free_packet(&p);
    free_end(&e);
}


/* Every encoding of a point of small order on Curve25519, with which any secret agrees on nothing. */
static const char *const  small_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
};


/* A signed prekey with this public key, which its device has signed all the same. */
static void
sign_prekey(device *d, const uint8_t public[32])
{
    uint8_t      pk[32], sk[64], statement[128];
    const char  *label = "chatalot/v1/signed-prekey";

    memcpy(d->signed_prekey + 6, public, 32);
    memcpy(statement, label, strlen(label));
    memcpy(statement + strlen(label), d->party + 16, 16);
    memcpy(statement + strlen(label) + 16, d->signed_prekey, 46);
    crypto_sign_seed_keypair(pk, sk, d->secret);
    crypto_sign_detached(d->signed_prekey + 46, NULL, statement, strlen(label) + 62, sk);
}


/* Ephemeral key at 35 of an initial envelope, ratchet key at 76; ephemeral key at 2 of a backup. */
static void
keys_of_small_order(void)
{
    end             a, b;
    size_t          i, length, refused[5] = { 0 };
    packet          p, changed;
    uint8_t         key[32], item[140], backup[200], opened[200], content_key[130] = { 1, 1 };
    static uint8_t  letter[CHATALOT_LETTER_MAX];

    begin();
    length = sizeof(item);
    must(chatalot_item_make(CHATALOT_ITEM_CONTENT_KEY, content_key, 130, item, &length)
         == CHATALOT_OK, "item");

    for (i = 0; i < sizeof(small_order) / sizeof(small_order[0]); i++) {
        hex(small_order[i], key);
        new_device(&laptop, &bob);
        new_end(&a, &phone, &laptop);
        new_end(&b, &laptop, &phone);

        memcpy(laptop.one_time_public, key, 32);
        refused[0] += start(&a) == CHATALOT_E_AUTH;

        new_device(&laptop, &bob);
        sign_prekey(&laptop, key);
        must(chatalot_signed_prekey_verify(laptop.signed_prekey, laptop.party + 16,
                                           laptop.party + 32) == CHATALOT_OK, "prekey");
        refused[1] += start(&a) == CHATALOT_E_AUTH;

        new_device(&laptop, &bob);
        must(start(&a) == CHATALOT_OK, "start");
        p = say(&a, "hello");
        changed = say(&a, "hello");
        memcpy(changed.data, p.data, p.length);
        memcpy(changed.data + 35, key, 32);
        refused[2] += receive(&b, &changed, letter, &length) == CHATALOT_E_AUTH;
        memcpy(changed.data, p.data, p.length);
        memcpy(changed.data + 76, key, 32);
        refused[3] += receive(&b, &changed, letter, &length) == CHATALOT_E_AUTH;
        must(hears(&b, &p, "hello"), "the true one");
        free_packet(&p);
        free_packet(&changed);
        free_end(&a);
        free_end(&b);

        length = sizeof(backup);
        must(chatalot_backup_seal(bob.backup_secret, bob.user, item, 133, backup, &length)
             == CHATALOT_OK, "backup");
        memcpy(backup + 2, key, 32);
        length = sizeof(opened);
        refused[4] += chatalot_backup_open(bob.backup_secret, bob.user, backup, 183, opened,
                                           &length) == CHATALOT_E_AUTH && length == 0;
    }

    is_number((long long) refused[0], 7, "of small order: a one-time prekey");
    is_number((long long) refused[1], 7, "a signed prekey, with a good signature");
    is_number((long long) refused[2], 7, "the ephemeral key of an envelope");
    is_number((long long) refused[3], 7, "its ratchet key");
    is_number((long long) refused[4], 7, "the ephemeral key of a backup");
}


/*
 * A key that is the sum of a device's true key and a point of order two. Signatures can be made
 * that are good under it; agreements with it would yield the same secret as with the true key.
 */
static void
add_small_order(uint8_t key[32])
{
    uint8_t  minus_one[32], sum[32];

    hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", minus_one);
    must(crypto_core_ed25519_add(sum, key, minus_one) == 0, "sum");
    memcpy(key, sum, 32);
}


/* By the definition of RFC 8032: the hash must be even for the point of order two to go. */
static void
sign_with_sum(uint8_t signature[64], const uint8_t *message, size_t length,
              const uint8_t seed[32], const uint8_t key[32])
{
    uint8_t                   hash[64], secret[32], r[32], h[32];
    crypto_hash_sha512_state  state;

    crypto_hash_sha512(hash, seed, 32);
    hash[0] &= 248;
    hash[31] = (uint8_t) ((hash[31] & 127) | 64);
    memset(hash + 32, 0, 32);
    crypto_core_ed25519_scalar_reduce(secret, hash);

    do {
        crypto_core_ed25519_scalar_random(r);
        must(crypto_scalarmult_ed25519_base_noclamp(signature, r) == 0, "R");
        crypto_hash_sha512_init(&state);
        crypto_hash_sha512_update(&state, signature, 32);
        crypto_hash_sha512_update(&state, key, 32);
        crypto_hash_sha512_update(&state, message, length);
        crypto_hash_sha512_final(&state, hash);
        crypto_core_ed25519_scalar_reduce(h, hash);
    } while (h[0] & 1);

    crypto_core_ed25519_scalar_mul(signature + 32, h, secret);
    crypto_core_ed25519_scalar_add(signature + 32, signature + 32, r);
}


static void
device_key_with_a_part_of_small_order(void)
{
    end             a, b;
    size_t          length;
    packet          p;
    uint8_t         statement[128];
    const char     *label = "chatalot/v1/signed-prekey";
    static uint8_t  letter[CHATALOT_LETTER_MAX];

    begin();
    new_end(&a, &phone, &laptop);
    new_end(&b, &laptop, &phone);

    add_small_order(laptop.party + 32);
    memcpy(statement, label, strlen(label));
    memcpy(statement + strlen(label), laptop.party + 16, 16);
    memcpy(statement + strlen(label) + 16, laptop.signed_prekey, 46);
    sign_with_sum(laptop.signed_prekey + 46, statement, strlen(label) + 62, laptop.secret,
                  laptop.party + 32);
    is_code(chatalot_signed_prekey_verify(laptop.signed_prekey, laptop.party + 16,
                                          laptop.party + 32), CHATALOT_OK,
            "a device key with a part of small order, whose signature is good");
    is_code(start(&a), CHATALOT_E_AUTH, "no session is begun with it");

    new_device(&laptop, &bob);
    must(start(&a) == CHATALOT_OK, "start");
    p = say(&a, "hello");
    add_small_order(phone.party + 32);
    memcpy(p.data + 3, phone.party + 32, 32);
    is_code(receive(&b, &p, letter, &length), CHATALOT_E_AUTH, "nor by it");
    free_packet(&p);
    free_end(&a);
    free_end(&b);
}


/* The same signature with the group's order added to its second half. */
static void
add_order(uint8_t signature[64])
{
    size_t    i;
    uint8_t   order[32];
    unsigned  sum;

    hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order);

    for (i = 0, sum = 0; i < 32; i++) {
        sum += signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t) sum;
        sum >>= 8;
    }
}


/* What a signature of zeros under the neutral element verifies, where keys are not looked at. */
static void
sign_with_nothing(uint8_t signature[64], uint8_t key[32])
{
    memset(signature, 0, 64);
    memset(key, 0, 32);
    signature[0] = key[0] = 1;
}


static void
signatures_of_other_forms(void)
{
    size_t   length;
    uint8_t  certificate[66], nobody[32], chain[270], key[238], record[310], next[310];
    uint8_t  bound[CHATALOT_BINDING_MAX], message[200], payload[100];
    size_t   bound_length = sizeof(bound), message_length = sizeof(message);
    device   d;

    begin();
    must(chatalot_device_certificate_create(alice.account_secret, alice.user, phone.party + 16,
                                            phone.party + 32, 5, certificate) == CHATALOT_OK
         && chatalot_sender_chain_create(channel, 3, phone.party, phone.secret, chain)
            == CHATALOT_OK
         && chatalot_sender_chain_share(chain, key) == CHATALOT_OK
         && chatalot_sender_key_accept(key, record) == CHATALOT_OK
         && chatalot_binding_make(channel, 3, "message", 7, channel, NULL, NULL, phone.party,
                                  phone.party + 16, bound, &bound_length) == CHATALOT_OK
         && chatalot_channel_message_seal(chain, bound, bound_length, bound, 5, next, message,
                                          &message_length) == CHATALOT_OK, "make");

    add_order(certificate + 2);
    is_code(chatalot_device_certificate_verify(certificate, alice.account_key, alice.user,
                                               phone.party + 16, phone.party + 32, 5),
            CHATALOT_E_AUTH, "a signature written in another way: of a certificate");
    d = phone;
    add_order(d.signed_prekey + 46);
    is_code(chatalot_signed_prekey_verify(d.signed_prekey, d.party + 16, d.party + 32),
            CHATALOT_E_AUTH, "of a prekey");
    add_order(key + 138);
    is_code(chatalot_sender_key_accept(key, next), CHATALOT_E_AUTH, "of a sender key");
    add_order(message + message_length - 64);
    length = sizeof(payload);
    is_code(chatalot_channel_message_open(record, bound, bound_length, message, message_length, 0,
                                          next, payload, &length),
            CHATALOT_E_AUTH, "of a message");

    sign_with_nothing(certificate + 2, nobody);
    is_code(chatalot_device_certificate_verify(certificate, nobody, alice.user, phone.party + 16,
                                               phone.party + 32, 5),
            CHATALOT_E_AUTH, "one that is good for everything, under a key of small order: a certificate");
    sign_with_nothing(d.signed_prekey + 46, nobody);
    is_code(chatalot_signed_prekey_verify(d.signed_prekey, d.party + 16, nobody),
            CHATALOT_E_AUTH, "a prekey");
    memcpy(key + 42, phone.party, 64);
    sign_with_nothing(key + 138, key + 42 + 32);
    is_code(chatalot_sender_key_accept(key, next), CHATALOT_E_AUTH, "a sender key");

    must(chatalot_sender_chain_share(chain, key) == CHATALOT_OK, "share");
    sign_with_nothing(message + message_length - 64, key + 106);
    attest(key, phone.secret);
    must(chatalot_sender_key_accept(key, record) == CHATALOT_OK, "accept");
    length = sizeof(payload);
    is_code(chatalot_channel_message_open(record, bound, bound_length, message, message_length, 0,
                                          next, payload, &length),
            CHATALOT_E_AUTH, "a message, whose sender's device has signed for that key");
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    device_key_of_small_order();
    keys_of_small_order();
    device_key_with_a_part_of_small_order();
    signatures_of_other_forms();

    return done();
}
