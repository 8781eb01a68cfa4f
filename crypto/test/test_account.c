/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What belongs to a person: account, keyring, password, recovery code, devices and their
 * prekeys, safety number.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "people.h"
#include "tap.h"


static void
account(void)
{
    person   p;
    uint8_t  account_key[32], backup_key[32];

    new_person(&p);
    is_code(chatalot_account_public(p.account_secret, p.backup_secret, account_key, backup_key),
            CHATALOT_OK, "public halves from the secrets");
    ok(memcmp(account_key, p.account_key, 32) == 0 && memcmp(backup_key, p.backup_key, 32) == 0,
       "are those made with them");
}


static void
password(void)
{
    uint8_t         salt[16] = { 0 }, root[32] = { 7 }, login[32], wrap[32], root2[32];
    static uint8_t  text[CHATALOT_PASSWORD_MAX + 1];

    memset(text, 'x', sizeof(text));
    is_code(chatalot_password_root(text, 8, salt, 2, 65536, root2), CHATALOT_E_PARAMETERS,
            "two passes are refused");
    is_code(chatalot_password_root(text, 8, salt, 17, 65536, root2), CHATALOT_E_PARAMETERS,
            "so are seventeen");
    is_code(chatalot_password_root(text, 8, salt, 3, 65535, root2), CHATALOT_E_PARAMETERS,
            "less than 64 MiB is refused");
    is_code(chatalot_password_root(text, 8, salt, 3, 1048577, root2), CHATALOT_E_PARAMETERS,
            "so is more than 1 GiB");
    is_code(chatalot_password_root(text, 0, salt, 3, 65536, root2), CHATALOT_E_PARAMETERS,
            "an empty password");
    is_code(chatalot_password_root(text, sizeof(text), salt, 3, 65536, root2),
            CHATALOT_E_PARAMETERS, "one that is too long");
    is_code(chatalot_password_root(text, sizeof(text) - 1, salt, 3, 65536, root2), CHATALOT_OK,
            "the longest");

    is_code(chatalot_password_keys(root, login, wrap), CHATALOT_OK, "two keys from the root");
    ok(memcmp(login, wrap, 32) != 0 && memcmp(login, root, 32) != 0, "neither is the other");
}


static void
typed(const char *text, const uint8_t code[15], const char *name)
{
    uint8_t  parsed[15];

    ok(chatalot_recovery_parse(text, strlen(text), parsed) == CHATALOT_OK
       && memcmp(parsed, code, 15) == 0, "%s", name);
}


static void
mistyped(const char *text, size_t length, const char *name)
{
    uint8_t        parsed[15] = { 0 };
    const uint8_t  zero[15] = { 0 };

    is_code(chatalot_recovery_parse(text, length, parsed), CHATALOT_E_FORMAT, name);
    must(memcmp(parsed, zero, 15) == 0, "output");
}


static void
recovery_code(void)
{
    int      i, round, same;
    char     text[30] = "", lower[30], page[257];
    uint8_t  code[15], parsed[15], auth[32], wrap[32];

    for (round = 0, same = 0; round < 1000; round++) {
        must(chatalot_recovery_create(code, text) == CHATALOT_OK, "code");
        same += chatalot_recovery_parse(text, 29, parsed) == CHATALOT_OK
                && memcmp(code, parsed, 15) == 0 && strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-")
                >= 29;
    }
    is_number(same, 1000, "a thousand codes are read as they were written");

    for (i = 0; i < 29; i++) {
        lower[i] = (char) tolower((unsigned char) text[i]);
    }
    lower[29] = '\0';
    typed(lower, code, "in lower case");

    hex("00443214c74254b635cf84653a56d7", code);
    typed("0123-4567-89AB-CDEF-GHJK-MNPQ", code, "the alphabet's beginning");
    typed("o i23-4567-89ab  cdefghjkmnpq", code, "o for 0, i for 1, spaces and dashes anywhere");
    typed("OL23456789ABCDEFGHJKMNPQ", code, "O for 0, L for 1");
    hex("c675be77dfc675be77dfc675be77df", code);
    typed("RSTVWXYZ-RSTVWXYZ-RSTVWXYZ", code, "the alphabet's end");

    mistyped("0123-4567-89AB-CDEF-GHJK-MNP", 28, "a digit is missing");
    mistyped("0123-4567-89AB-CDEF-GHJK-MNPQR", 30, "a digit too many");
    mistyped("0123-4567-89AB-CDEF-GHJK-MNPU", 29, "a U");
    mistyped("0123-4567-89AB-CDEF-GHJK-MNP\xc3\xa9", 30, "a letter from elsewhere");
    for (i = 0; i < 9; i++) {
        snprintf(lower, sizeof(lower), "0123-4567-89AB-CDEF-GHJK-MNP%c", "!/:@[`{~\x7f"[i]);
        mistyped(lower, 29, "a sign that is no digit");
    }
    memset(page, ' ', sizeof(page));
    memcpy(page, "0123-4567-89AB-CDEF-GHJK-MNPQ", 29);
    is_code(chatalot_recovery_parse(page, 256, parsed), CHATALOT_OK, "a code on a page of spaces");
    mistyped(page, 257, "which ends somewhere");
    memset(page, '0', sizeof(page));
    mistyped(page, 32, "32 digits");
    mistyped(page, 48, "two codes");
    mistyped(page, 256, "a page of digits");
    mistyped("", 0, "nothing");
    mistyped("                                                                                "
             "                                                                                "
             "                                                                                "
             "                    ", 257, "a page of spaces");

    is_code(chatalot_recovery_keys(code, auth, wrap), CHATALOT_OK, "two keys from the code");
    ok(memcmp(auth, wrap, 32) != 0, "which differ");
}


static void
keyring(void)
{
    person   p, other;
    uint8_t  wrap[32], wrap2[32], sealed[106], again[106], a[32], b[32];

    new_person(&p);
    new_person(&other);
    randombytes_buf(wrap, 32);
    randombytes_buf(wrap2, 32);

    is_code(chatalot_keyring_seal(wrap, p.user, 3, p.account_secret, p.backup_secret, sealed),
            CHATALOT_E_PARAMETERS, "a wrap of no kind");
    is_code(chatalot_keyring_seal(wrap, p.user, CHATALOT_KEYRING_PASSWORD, p.account_secret,
                                  p.backup_secret, sealed), CHATALOT_OK, "a keyring is sealed");
    is_code(chatalot_keyring_open(wrap, p.user, CHATALOT_KEYRING_PASSWORD, sealed, a, b),
            CHATALOT_OK, "and opened");
    ok(memcmp(a, p.account_secret, 32) == 0 && memcmp(b, p.backup_secret, 32) == 0,
       "with both secrets");

    is_code(chatalot_keyring_open(wrap2, p.user, CHATALOT_KEYRING_PASSWORD, sealed, a, b),
            CHATALOT_E_AUTH, "not with another key");
    is_code(chatalot_keyring_open(wrap, other.user, CHATALOT_KEYRING_PASSWORD, sealed, a, b),
            CHATALOT_E_AUTH, "not as another user's");
    is_code(chatalot_keyring_open(wrap, p.user, CHATALOT_KEYRING_RECOVERY, sealed, a, b),
            CHATALOT_E_AUTH, "not as another kind");
    is_code(chatalot_keyring_open(wrap, p.user, 0, sealed, a, b), CHATALOT_E_PARAMETERS,
            "not as no kind");

    is_code(chatalot_keyring_rewrap(wrap, CHATALOT_KEYRING_PASSWORD, sealed, p.user, wrap2,
                                    CHATALOT_KEYRING_RECOVERY, again), CHATALOT_OK,
            "it is wrapped anew");
    is_code(chatalot_keyring_open(wrap2, p.user, CHATALOT_KEYRING_RECOVERY, again, a, b),
            CHATALOT_OK, "and opens with the new key");
    is_code(chatalot_keyring_rewrap(wrap2, CHATALOT_KEYRING_PASSWORD, sealed, p.user, wrap2,
                                    CHATALOT_KEYRING_RECOVERY, again), CHATALOT_E_AUTH,
            "not by who cannot open it");
}


static void
certificate(void)
{
    person   p, other;
    device   d, e;
    uint8_t  c[66];

    new_person(&p);
    new_person(&other);
    new_device(&d, &p);
    new_device(&e, &p);
    must(chatalot_device_certificate_create(p.account_secret, p.user, d.party + 16, d.party + 32,
                                            1700000000000, c) == CHATALOT_OK, "certificate");

    is_code(chatalot_device_certificate_verify(c, p.account_key, p.user, d.party + 16,
                                               d.party + 32, 1700000000000),
            CHATALOT_OK, "a certificate is good");
    is_code(chatalot_device_certificate_verify(c, other.account_key, p.user, d.party + 16,
                                               d.party + 32, 1700000000000),
            CHATALOT_E_AUTH, "not under another account key");
    is_code(chatalot_device_certificate_verify(c, p.account_key, other.user, d.party + 16,
                                               d.party + 32, 1700000000000),
            CHATALOT_E_AUTH, "not for another user");
    is_code(chatalot_device_certificate_verify(c, p.account_key, p.user, e.party + 16,
                                               d.party + 32, 1700000000000),
            CHATALOT_E_AUTH, "not for another device");
    is_code(chatalot_device_certificate_verify(c, p.account_key, p.user, d.party + 16,
                                               e.party + 32, 1700000000000),
            CHATALOT_E_AUTH, "not for another key");
    is_code(chatalot_device_certificate_verify(c, p.account_key, p.user, d.party + 16,
                                               d.party + 32, 1700000000001),
            CHATALOT_E_AUTH, "not for another time");
    c[1] = 2;
    is_code(chatalot_device_certificate_verify(c, p.account_key, p.user, d.party + 16,
                                               d.party + 32, 1700000000000),
            CHATALOT_E_VERSION, "not as another suite's");
}


static void
prekey(void)
{
    person    p;
    device    d, e;
    uint8_t   key[32], public[32];
    uint32_t  id;
    uint64_t  created;

    new_person(&p);
    new_device(&d, &p);
    new_device(&e, &p);
    is_code(chatalot_signed_prekey_verify(d.signed_prekey, d.party + 16, d.party + 32),
            CHATALOT_OK, "a signed prekey is good");
    is_code(chatalot_signed_prekey_verify(d.signed_prekey, e.party + 16, d.party + 32),
            CHATALOT_E_AUTH, "not for another device");
    is_code(chatalot_signed_prekey_verify(d.signed_prekey, d.party + 16, e.party + 32),
            CHATALOT_E_AUTH, "not under another key");
    is_code(chatalot_signed_prekey_inspect(d.signed_prekey, &id, key, &created), CHATALOT_OK,
            "its fields");
    crypto_scalarmult_base(public, d.signed_secret);
    ok(id == SIGNED_ID && created == 1700000000000 && memcmp(key, public, 32) == 0,
       "are what was given");
    d.signed_prekey[0] = 2;
    is_code(chatalot_signed_prekey_inspect(d.signed_prekey, &id, key, &created),
            CHATALOT_E_VERSION, "another version");
    is_code(chatalot_signed_prekey_verify(d.signed_prekey, d.party + 16, d.party + 32),
            CHATALOT_E_VERSION, "is not good");
    crypto_scalarmult_base(public, d.one_time_secret);
    is_bytes(d.one_time_public, 32, public, 32, "a one-time prekey is a pair");
}


static void
safety_number(void)
{
    char    ab[61] = "", ba[60], other[60];
    person  a, b;

    new_person(&a);
    new_person(&b);
    must(chatalot_safety_number(a.user, a.account_key, b.user, b.account_key, ab) == CHATALOT_OK
         && chatalot_safety_number(b.user, b.account_key, a.user, a.account_key, ba) == CHATALOT_OK,
         "number");
    ok(memcmp(ab, ba, 60) == 0, "both see the same number");
    ok(strspn(ab, "0123456789") >= 60, "of sixty digits");

    b.account_key[31] ^= 1;
    must(chatalot_safety_number(a.user, a.account_key, b.user, b.account_key, other)
         == CHATALOT_OK, "number");
    ok(memcmp(ab, other, 60) != 0, "another account key shows");
    b.account_key[31] ^= 1;
    b.user[0] ^= 1;
    must(chatalot_safety_number(a.user, a.account_key, b.user, b.account_key, other)
         == CHATALOT_OK, "number");
    ok(memcmp(ab, other, 60) != 0, "and another user");
}


static void
errors(void)
{
    int  code, named;

    for (code = 0, named = 0; code >= -10; code--) {
        named += strcmp(chatalot_error(code), "unknown error") != 0;
    }
    is_number(named, 11, "every code has a phrase");
    ok(strcmp(chatalot_error(-99), "unknown error") == 0, "others have one as well");
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    account();
    password();
    recovery_code();
    keyring();
    certificate();
    prekey();
    safety_number();
    errors();

    return done();
}
