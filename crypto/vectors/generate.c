/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Prints the library's test vectors as JSON: the same on every run and platform, for randomness
 * comes from a counter. It is what vectors/v1.json is made with, and checked against.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "chatalot_crypto.h"

#define NOW     1700000000000ULL

static uint64_t  draws;


static void
draw(void *const buffer, const size_t length)
{
    uint8_t        seed[randombytes_SEEDBYTES] = { 0 };
    unsigned char  hash[crypto_hash_sha256_BYTES];

    draws++;
    memcpy(seed, "chatalot vectors", 16);
    seed[24] = (uint8_t) (draws >> 8);
    seed[25] = (uint8_t) draws;
    crypto_hash_sha256(hash, seed, sizeof(seed));
    randombytes_buf_deterministic(buffer, length, hash);
}


static uint32_t
draw32(void)
{
    uint32_t  value;

    draw(&value, sizeof(value));

    return value;
}


static const char *
name(void)
{
    return "counter";
}


static struct randombytes_implementation  counter = {
    .implementation_name = name,
    .random = draw32,
    .buf = draw
};


static void
must(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "vectors: %s failed\n", what);
        exit(1);
    }
}


static int  first_field = 1;


static void
comma(void)
{
    printf(first_field ? "\n" : ",\n");
    first_field = 0;
}


static void
open_object(const char *field)
{
    comma();
    if (field) {
        printf("\"%s\": ", field);
    }
    printf("{");
    first_field = 1;
}


static void
close_object(void)
{
    printf("\n}");
    first_field = 0;
}


static void
bytes(const char *field, const uint8_t *data, size_t length)
{
    size_t  i;

    comma();
    printf("\"%s\": \"", field);
    for (i = 0; i < length; i++) {
        printf("%02x", data[i]);
    }
    printf("\"");
}


static void
text(const char *field, const char *value, size_t length)
{
    comma();
    printf("\"%s\": \"%.*s\"", field, (int) length, value);
}


static void
number(const char *field, unsigned long long value)
{
    comma();
    printf("\"%s\": %llu", field, value);
}


typedef struct {
    uint8_t  user[16], account_secret[32], account_key[32], backup_secret[32], backup_key[32];
} person;

typedef struct {
    uint8_t  party[64], secret[32], signed_secret[32], signed_prekey[110];
    uint8_t  one_time_secret[32], one_time[32], certificate[66];
} device;

static person   alice, bob;
static device   phone, laptop;
static uint8_t  channel[16], message_id[16];


static void
accounts(person *p, const char *field)
{
    randombytes_buf(p->user, 16);
    must(chatalot_account_create(p->account_secret, p->account_key, p->backup_secret,
                                 p->backup_key) == CHATALOT_OK, "account");
    open_object(field);
    bytes("user", p->user, 16);
    bytes("account_secret", p->account_secret, 32);
    bytes("account_key", p->account_key, 32);
    bytes("backup_secret", p->backup_secret, 32);
    bytes("backup_key", p->backup_key, 32);
    close_object();
}


static void
devices(device *d, const person *p, const char *field)
{
    memcpy(d->party, p->user, 16);
    randombytes_buf(d->party + 16, 16);
    must(chatalot_device_create(d->secret, d->party + 32) == CHATALOT_OK
         && chatalot_device_certificate_create(p->account_secret, p->user, d->party + 16,
                                               d->party + 32, NOW, d->certificate) == CHATALOT_OK
         && chatalot_signed_prekey_create(d->secret, d->party + 16, 7, NOW, d->signed_secret,
                                          d->signed_prekey) == CHATALOT_OK
         && chatalot_one_time_prekey_create(d->one_time_secret, d->one_time) == CHATALOT_OK,
         "device");

    open_object(field);
    bytes("device", d->party + 16, 16);
    bytes("device_secret", d->secret, 32);
    bytes("device_key", d->party + 32, 32);
    number("created_at_ms", NOW);
    bytes("certificate", d->certificate, 66);
    number("signed_prekey_id", 7);
    bytes("signed_prekey_secret", d->signed_secret, 32);
    bytes("signed_prekey", d->signed_prekey, 110);
    number("one_time_prekey_id", 12);
    bytes("one_time_prekey_secret", d->one_time_secret, 32);
    bytes("one_time_prekey", d->one_time, 32);
    close_object();
}


static void
secrets(void)
{
    char         code_text[29], digits[60];
    uint8_t      salt[16], root[32], login[32], wrap[32], code[15], keyring[106];
    const char  *password = "correct horse battery staple";

    randombytes_buf(salt, 16);
    must(chatalot_password_root((const uint8_t *) password, strlen(password), salt, 3, 65536, root)
         == CHATALOT_OK && chatalot_password_keys(root, login, wrap) == CHATALOT_OK, "password");
    open_object("password");
    text("password", password, strlen(password));
    bytes("salt", salt, 16);
    number("passes", 3);
    number("memory_kib", 65536);
    bytes("root", root, 32);
    bytes("login_key", login, 32);
    bytes("wrap_key", wrap, 32);
    must(chatalot_keyring_seal(wrap, alice.user, CHATALOT_KEYRING_PASSWORD, alice.account_secret,
                               alice.backup_secret, keyring) == CHATALOT_OK, "keyring");
    bytes("keyring_of_alice", keyring, 106);
    close_object();

    must(chatalot_recovery_create(code, code_text) == CHATALOT_OK
         && chatalot_recovery_keys(code, login, wrap) == CHATALOT_OK, "recovery");
    open_object("recovery");
    bytes("code", code, 15);
    text("text", code_text, 29);
    bytes("recovery_key", login, 32);
    bytes("wrap_key", wrap, 32);
    must(chatalot_keyring_seal(wrap, alice.user, CHATALOT_KEYRING_RECOVERY, alice.account_secret,
                               alice.backup_secret, keyring) == CHATALOT_OK, "keyring");
    bytes("keyring_of_alice", keyring, 106);
    close_object();

    must(chatalot_safety_number(alice.user, alice.account_key, bob.user, bob.account_key, digits)
         == CHATALOT_OK, "safety number");
    text("safety_number", digits, 60);
}


typedef struct {
    uint8_t  record[4096];
    size_t   length;
} end;


static void
send_letter(end *from, end *to, const device *to_device, const device *from_device,
            const char *who, const char *letter)
{
    size_t   record_length = 4096, length = 256, letter_length = 256;
    uint8_t  record[4096], envelope[256], opened[256], started;

    must(chatalot_envelope_seal(from->record, from->length, (const uint8_t *) letter,
                                strlen(letter), record, &record_length, envelope, &length)
         == CHATALOT_OK, "seal");
    memcpy(from->record, record, record_length);
    from->length = record_length;

    record_length = 4096;
    must(chatalot_envelope_open(to->record, to->length, to_device->party, to_device->secret,
                                from_device->party, to_device->signed_secret,
                                to_device->one_time_secret, envelope, length, record,
                                &record_length, opened, &letter_length, &started) == CHATALOT_OK,
         "open");
    memcpy(to->record, record, record_length);
    to->length = record_length;

    open_object(NULL);
    text("from", who, strlen(who));
    bytes("letter", (const uint8_t *) letter, strlen(letter));
    bytes("envelope", envelope, length);
    close_object();
}


static void
session(void)
{
    static end  a, b;

    a.length = sizeof(a.record);
    must(chatalot_session_start(NULL, 0, phone.party, phone.secret, laptop.party,
                                laptop.signed_prekey, 12, laptop.one_time, NOW, a.record,
                                &a.length) == CHATALOT_OK, "start");

    open_object("session");
    bytes("record_of_phone", a.record, a.length);
    comma();
    printf("\"envelopes\": [");
    first_field = 1;
    send_letter(&a, &b, &laptop, &phone, "phone", "one");
    send_letter(&a, &b, &laptop, &phone, "phone", "two");
    send_letter(&b, &a, &phone, &laptop, "laptop", "three");
    send_letter(&a, &b, &laptop, &phone, "phone", "four");
    send_letter(&a, &b, &laptop, &phone, "phone", "five");
    send_letter(&b, &a, &phone, &laptop, "laptop", "six");
    printf("\n]");
    first_field = 0;
    bytes("record_of_laptop", b.record, b.length);
    close_object();
}


static void
channel_messages(void)
{
    int          i;
    size_t       bound_length, length;
    uint8_t      chain[270], next[270], key[238], bound[CHATALOT_BINDING_MAX], message[512];
    uint8_t      letter[300], thread[16];
    const char  *payloads[] = { "{\"type\":\"text\",\"text\":\"hello\"}", "{}", "x" };

    randombytes_buf(channel, 16);
    randombytes_buf(message_id, 16);
    randombytes_buf(thread, 16);
    must(chatalot_sender_chain_create(channel, 3, phone.party, phone.secret, chain) == CHATALOT_OK
         && chatalot_sender_chain_share(chain, key) == CHATALOT_OK, "chain");
    length = sizeof(letter);
    must(chatalot_letter_make(CHATALOT_LETTER_SENDER_KEY, key, 238, letter, &length)
         == CHATALOT_OK, "letter");

    open_object("channel");
    bytes("channel", channel, 16);
    number("epoch", 3);
    bytes("sender_chain", chain, 270);
    bytes("sender_key", key, 238);
    bytes("letter", letter, length);
    comma();
    printf("\"messages\": [");
    first_field = 1;

    for (i = 0; i < 3; i++) {
        bound_length = sizeof(bound);
        length = sizeof(message);
        must(chatalot_binding_make(channel, 3, "message", 7, message_id, i == 1 ? thread : NULL,
                                   i == 2 ? thread : NULL, phone.party, phone.party + 16, bound,
                                   &bound_length) == CHATALOT_OK
             && chatalot_channel_message_seal(chain, bound, bound_length,
                                              (const uint8_t *) payloads[i], strlen(payloads[i]),
                                              next, message, &length) == CHATALOT_OK, "message");
        memcpy(chain, next, sizeof(chain));

        open_object(NULL);
        bytes("id", message_id, 16);
        if (i > 0) {
            bytes(i == 1 ? "thread" : "ref", thread, 16);
        }
        bytes("binding", bound, bound_length);
        bytes("payload", (const uint8_t *) payloads[i], strlen(payloads[i]));
        bytes("message", message, length);
        close_object();
    }

    printf("\n]");
    first_field = 0;
    close_object();

    length = sizeof(letter);
    must(chatalot_item_make(CHATALOT_ITEM_SENDER_KEY, key, 238, letter, &length) == CHATALOT_OK,
         "item");
    bound_length = sizeof(message);
    must(chatalot_backup_seal(bob.backup_secret, bob.user, letter, length, message, &bound_length)
         == CHATALOT_OK, "backup");
    open_object("backup_of_bob");
    bytes("items", letter, length);
    bytes("backup", message, bound_length);
    close_object();
}


static void
dm_message(void)
{
    size_t       bound_length = CHATALOT_BINDING_MAX, length = 512;
    uint8_t      content_key[130], bound[CHATALOT_BINDING_MAX], message[512], key[32];
    uint8_t      commitment[32];
    const char  *payload = "{\"type\":\"text\",\"text\":\"just you\"}";

    must(chatalot_binding_make(channel, 0, "message", 7, message_id, NULL, NULL, phone.party,
                               phone.party + 16, bound, &bound_length) == CHATALOT_OK
         && chatalot_dm_message_seal(bound, bound_length, (const uint8_t *) payload,
                                     strlen(payload), content_key, message, &length)
            == CHATALOT_OK, "message");
    open_object("dm");
    bytes("binding", bound, bound_length);
    bytes("payload", (const uint8_t *) payload, strlen(payload));
    bytes("content_key", content_key, 130);
    bytes("message", message, length);
    close_object();

    randombytes_buf(key, 32);
    must(chatalot_franking_commit(key, (const uint8_t *) payload, strlen(payload), commitment)
         == CHATALOT_OK, "commitment");
    open_object("franking");
    bytes("franking_key", key, 32);
    bytes("payload", (const uint8_t *) payload, strlen(payload));
    bytes("commitment", commitment, 32);
    close_object();
}


static void
identity(void)
{
    size_t   length = 128;
    uint8_t  body[58], item[128];

    must(chatalot_identity_make(bob.user, bob.account_key, CHATALOT_IDENTITY_VERIFIED, NOW, body)
         == CHATALOT_OK
         && chatalot_item_make(CHATALOT_ITEM_IDENTITY, body, sizeof(body), item, &length)
            == CHATALOT_OK, "identity");
    open_object("identity_of_bob");
    number("since_ms", NOW);
    bytes("item", item, length);
    close_object();
}


static void
approval(void)
{
    char     digits[6];
    uint8_t  about[144], newcomer[32], approver[32], sealed[98];

    randombytes_buf(about, 16);
    memcpy(about + 128, alice.user, 16);
    must(chatalot_approval_begin(about, newcomer, about + 48, about + 80, about + 16)
         == CHATALOT_OK
         && chatalot_approval_answer(approver, about + 96) == CHATALOT_OK
         && chatalot_approval_digits(CHATALOT_APPROVAL_NEWCOMER, newcomer, about, digits)
            == CHATALOT_OK
         && chatalot_approval_seal(approver, about, alice.account_secret, alice.backup_secret,
                                   sealed) == CHATALOT_OK, "approval");
    open_object("approval_by_alice");
    bytes("id", about, 16);
    bytes("commitment", about + 16, 32);
    bytes("newcomer_secret", newcomer, 32);
    bytes("newcomer_key", about + 48, 32);
    bytes("nonce", about + 80, 16);
    bytes("approver_secret", approver, 32);
    bytes("approver_key", about + 96, 32);
    text("digits", digits, sizeof(digits));
    bytes("sealed", sealed, sizeof(sealed));
    close_object();
}


/* A file of one full chunk and 100 bytes; byte i is i modulo 251. */
static void
file(void)
{
    int             i;
    size_t          length;
    uint8_t         key[32], header[26], state[47], next[47], last[117], hash[32];
    static uint8_t  plain[CHATALOT_FILE_CHUNK];
    static uint8_t  sealed[CHATALOT_FILE_CHUNK + CHATALOT_FILE_OVERHEAD];

    for (i = 0; i < CHATALOT_FILE_CHUNK; i++) {
        plain[i] = (uint8_t) (i % 251);
    }

    length = sizeof(sealed);
    must(chatalot_file_seal_begin(key, header, state) == CHATALOT_OK
         && chatalot_file_seal_chunk(state, plain, CHATALOT_FILE_CHUNK, 0, next, sealed, &length)
            == CHATALOT_OK, "first chunk");
    crypto_hash_sha256(hash, sealed, length);

    for (i = 0; i < 100; i++) {
        plain[i] = (uint8_t) ((CHATALOT_FILE_CHUNK + i) % 251);
    }

    length = sizeof(last);
    must(chatalot_file_seal_chunk(next, plain, 100, 1, state, last, &length) == CHATALOT_OK,
         "last chunk");
    open_object("file");
    bytes("key", key, 32);
    bytes("header", header, 26);
    number("length", CHATALOT_FILE_CHUNK + 100);
    bytes("sha256_of_first_chunk", hash, 32);
    bytes("last_chunk", last, length);
    close_object();
}


int
main(void)
{
    randombytes_set_implementation(&counter);
    must(chatalot_init() == CHATALOT_OK, "init");

    printf("{");
    number("version", CHATALOT_VERSION);
    number("suite", CHATALOT_SUITE);
    accounts(&alice, "alice");
    accounts(&bob, "bob");
    devices(&phone, &alice, "phone_of_alice");
    devices(&laptop, &bob, "laptop_of_bob");
    secrets();
    session();
    channel_messages();
    dm_message();
    identity();
    approval();
    file();
    printf("\n}\n");

    return 0;
}
