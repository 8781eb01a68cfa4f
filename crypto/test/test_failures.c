/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What no input brings about: memory runs out, libsodium cannot be prepared, an agreement of keys
 * that are good fails. The linker puts the functions below in the place of the true ones (--wrap,
 * see the Makefile); each fails at the call it is told to.
 */

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "people.h"
#include "tap.h"

/* Calls until the one that fails; 0 if none does. */
static int  memory, agreement, preparation, hashing;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
int   __real_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p);
int   __wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p);
int   __real_sodium_init(void);
int   __wrap_sodium_init(void);
int   __wrap_crypto_pwhash(unsigned char *out, unsigned long long out_length,
                           const char *password, unsigned long long password_length,
                           const unsigned char *salt, unsigned long long passes, size_t memory_bytes,
                           int algorithm);


static int
fails(int *until)
{
    return *until > 0 && --*until == 0;
}


void *
__wrap_malloc(size_t size)
{
    return fails(&memory) ? NULL : __real_malloc(size);
}


int
__wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
    return fails(&agreement) ? -1 : __real_crypto_scalarmult(q, n, p);
}


int
__wrap_sodium_init(void)
{
    return fails(&preparation) ? -1 : __real_sodium_init();
}


int
__wrap_crypto_pwhash(unsigned char *out, unsigned long long out_length,
                     const char *password, unsigned long long password_length,
                     const unsigned char *salt, unsigned long long passes, size_t memory_bytes,
                     int algorithm)
{
    (void) password, (void) password_length, (void) salt, (void) passes, (void) memory_bytes;
    (void) algorithm;
    memset(out, 7, (size_t) out_length);

    return fails(&hashing) ? -1 : 0;
}


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


/* Whether the packet is refused for want of memory, leaves the record as it is, and opens after that. */
static int
opens_later(const packet *p, const char *text)
{
    int       rc, same;
    size_t    kept_length = b.length;
    uint8_t  *kept = NULL;

    if (kept_length > 0) {
        kept = malloc(kept_length);
        must(kept != NULL, "memory");
        memcpy(kept, b.record, kept_length);
    }

    memory = 1;
    rc = receive(&b, p, letter, &length);
    memory = 0;
    same = b.length == kept_length && (kept == NULL || memcmp(kept, b.record, kept_length) == 0);
    free(kept);

    return rc == CHATALOT_E_MEMORY && same && hears(&b, p, text);
}


static void
no_memory_for_skipped_keys(void)
{
    packet  first, second, third, late;

    meet();
    first = say(&a, "first");
    ok(opens_later(&first, "first"), "no memory for the first letter of a session");
    second = say(&a, "second");
    third = say(&a, "third");
    ok(opens_later(&third, "third"), "for the keys of those before in a chain");
    ok(opens_later(&second, "second"), "for taking one of them out");
    must(talks(&b, &a, 1), "an answer");
    late = say(&a, "late");
    ok(opens_later(&late, "late"), "for a new chain");
    free_packet(&first);
    free_packet(&second);
    free_packet(&third);
    free_packet(&late);
    part();
}


static void
no_agreement(void)
{
    int      i, refused;
    size_t   size;
    packet   p, late;
    uint8_t  identity[58], item[61], backup[200];

    meet();
    part();
    laptop.has_one_time = 1;
    for (i = 1, refused = 0; i <= 5; i++) {
        agreement = i;
        refused += start(&a) == CHATALOT_E_AUTH && a.length == 0;
    }
    is_number(refused, 5, "four agreements begin a session, and one its ratchet: each can fail");
    must(start(&a) == CHATALOT_OK, "start");
    must(agreement == 0, "no sixth");

    p = say(&a, "hello");
    for (i = 1, refused = 0; i <= 6; i++) {
        agreement = i;
        refused += receive(&b, &p, letter, &length) == CHATALOT_E_AUTH && b.length == 0;
    }
    is_number(refused, 6, "six answer it");
    agreement = 0;
    ok(hears(&b, &p, "hello"), "after that it opens");
    free_packet(&p);

    must(talks(&b, &a, 1), "an answer");
    late = say(&a, "late");
    for (i = 1, refused = 0; i <= 2; i++) {
        agreement = i;
        refused += receive(&b, &late, letter, &length) == CHATALOT_E_AUTH;
    }
    is_number(refused, 2, "two turn the ratchet");
    agreement = 0;
    ok(hears(&b, &late, "late"), "which turns after that");
    free_packet(&late);
    part();

    must(chatalot_identity_make(bob.user, bob.account_key, 0, 1, identity) == CHATALOT_OK,
         "identity");
    size = sizeof(item);
    must(chatalot_item_make(CHATALOT_ITEM_IDENTITY, identity, 58, item, &size) == CHATALOT_OK,
         "item");
    for (i = 1, refused = 0; i <= 2; i++) {
        agreement = i;
        size = sizeof(backup);
        refused += chatalot_backup_seal(alice.backup_secret, alice.user, item, 61, backup, &size)
                   == CHATALOT_E_AUTH && size == 0;
    }
    is_number(refused, 2, "two seal a backup");
    agreement = 0;
    size = sizeof(backup);
    is_code(chatalot_backup_seal(alice.backup_secret, alice.user, item, 61, backup, &size),
            CHATALOT_OK, "which is sealed after that");
}


static void
no_password_and_no_libsodium(void)
{
    uint8_t        root[32] = { 0 };
    const uint8_t  salt[16] = { 0 };

    hashing = 1;
    is_code(chatalot_password_root(salt, 8, salt, 3, 65536, root), CHATALOT_E_MEMORY,
            "no memory for Argon2id");
    preparation = 1;
    is_code(chatalot_init(), CHATALOT_E_MEMORY, "libsodium cannot be prepared");
    is_code(chatalot_init(), CHATALOT_OK, "and can the next time");
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    no_memory_for_skipped_keys();
    no_agreement();
    no_password_and_no_libsodium();

    return done();
}
