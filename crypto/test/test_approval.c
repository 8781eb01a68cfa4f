/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Approval of a new device: both sides come to the same digits and the keyring's secrets
 * arrive; and whoever stands between the two is seen, by the library or by the person who
 * compares.
 */

#include <string.h>

#include <sodium.h>

#include "bytes.h"
#include "hkdf.h"
#include "people.h"
#include "tap.h"

/* Where things are in an approval. */
#define ID              0
#define COMMITMENT      16
#define NEWCOMER        48
#define NONCE           80
#define APPROVER        96
#define USER            128

static person   alice;
static uint8_t  approval[144], newcomer[32], approver[32];


/* The protocol up to the reveal, with an honest server between. */
static void
begin(void)
{
    new_person(&alice);
    randombytes_buf(approval + ID, 16);
    memcpy(approval + USER, alice.user, 16);
    must(chatalot_approval_begin(approval + ID, newcomer, approval + NEWCOMER, approval + NONCE,
                                 approval + COMMITMENT) == CHATALOT_OK
         && chatalot_approval_answer(approver, approval + APPROVER) == CHATALOT_OK, "begin");
}


static int
digits_of(uint8_t side, const uint8_t secret[32], const uint8_t about[144], char digits[7])
{
    int  rc;

    memset(digits, 0, 7);
    rc = chatalot_approval_digits(side, secret, about, digits);
    must(rc == CHATALOT_OK || digits[0] == 0, "digits of a refusal");

    return rc;
}


static int
opens(const uint8_t secret[32], const uint8_t about[144], const uint8_t sealed[98])
{
    int            rc;
    uint8_t        a[32] = { 0 }, b[32] = { 0 };
    const uint8_t  zero[32] = { 0 };

    rc = chatalot_approval_open(secret, about, sealed, a, b);
    must(rc == CHATALOT_OK
         ? memcmp(a, alice.account_secret, 32) == 0 && memcmp(b, alice.backup_secret, 32) == 0
         : memcmp(a, zero, 32) == 0 && memcmp(b, zero, 32) == 0, "secrets");

    return rc;
}


static void
approved_device_gets_the_keyring(void)
{
    char     left[7], right[7];
    uint8_t  sealed[98], other[98];

    begin();
    is_code(digits_of(CHATALOT_APPROVAL_NEWCOMER, newcomer, approval, left), CHATALOT_OK,
            "the new device shows digits");
    is_code(digits_of(CHATALOT_APPROVAL_APPROVER, approver, approval, right), CHATALOT_OK,
            "the signed-in device shows digits");
    ok(strcmp(left, right) == 0, "the same ones");
    ok(strspn(left, "0123456789") == 6, "six of them");

    is_code(chatalot_approval_seal(approver, approval, alice.account_secret, alice.backup_secret,
                                   sealed), CHATALOT_OK, "the keyring is sealed");
    is_code(opens(newcomer, approval, sealed), CHATALOT_OK, "and opened");
    is_code(opens(newcomer, approval, sealed), CHATALOT_OK, "as often as it arrives");

    is_code(opens(approver, approval, sealed), CHATALOT_E_PARAMETERS, "not with another secret");
    sealed[1] = 2;
    is_code(opens(newcomer, approval, sealed), CHATALOT_E_VERSION, "not as another suite's");
    sealed[1] = 1;

    /* what was sealed in another approval of the same two devices */
    randombytes_buf(approval + ID, 16);
    must(chatalot_approval_begin(approval + ID, newcomer, approval + NEWCOMER, approval + NONCE,
                                 approval + COMMITMENT) == CHATALOT_OK
         && chatalot_approval_seal(approver, approval, alice.account_secret, alice.backup_secret,
                                   other) == CHATALOT_OK, "another");
    is_code(opens(newcomer, approval, other), CHATALOT_OK, "another approval opens its own");
    is_code(opens(newcomer, approval, sealed), CHATALOT_E_AUTH, "and not that of the first");
}


/* The server answers the newcomer itself, and asks the approver as a newcomer of its own. */
static void
server_between_the_two(void)
{
    int      i, seen;
    char     left[7], right[7];
    uint8_t  server[32], to_newcomer[144], to_approver[144], sealed[98];

    for (i = 0, seen = 0; i < 20; i++) {
        begin();

        memcpy(to_newcomer, approval, sizeof(approval));
        must(chatalot_approval_answer(server, to_newcomer + APPROVER) == CHATALOT_OK, "answer");
        must(digits_of(CHATALOT_APPROVAL_NEWCOMER, newcomer, to_newcomer, left) == CHATALOT_OK,
             "digits");

        memcpy(to_approver, approval, sizeof(approval));
        must(chatalot_approval_begin(to_approver + ID, server, to_approver + NEWCOMER,
                                     to_approver + NONCE, to_approver + COMMITMENT)
             == CHATALOT_OK, "begin");
        must(digits_of(CHATALOT_APPROVAL_APPROVER, approver, to_approver, right) == CHATALOT_OK,
             "digits");
        seen += strcmp(left, right) != 0;
    }

    ok(seen >= 19, "one who stands between the two shows other digits to each");

    /* nor does what is sealed for the server's key open elsewhere */
    must(chatalot_approval_seal(approver, to_approver, alice.account_secret, alice.backup_secret,
                                sealed) == CHATALOT_OK, "seal");
    is_code(opens(newcomer, approval, sealed), CHATALOT_E_AUTH,
            "what was sealed for another key stays closed");
}


/* Having seen the approver's key, the server would choose a newcomer's key that fits its digits. */
static void
key_chosen_after_the_answer(void)
{
    char     digits[7];
    uint8_t  other[32], swapped[144], sealed[98] = { 1, 1 };

    begin();
    memcpy(swapped, approval, sizeof(approval));
    must(chatalot_approval_answer(other, swapped + NEWCOMER) == CHATALOT_OK, "key");
    is_code(digits_of(CHATALOT_APPROVAL_APPROVER, approver, swapped, digits), CHATALOT_E_AUTH,
            "a key that was not committed to");
    is_code(chatalot_approval_seal(approver, swapped, alice.account_secret, alice.backup_secret,
                                   sealed), CHATALOT_E_AUTH, "gets nothing");

    memcpy(swapped, approval, sizeof(approval));
    swapped[NONCE] ^= 1;
    is_code(digits_of(CHATALOT_APPROVAL_APPROVER, approver, swapped, digits), CHATALOT_E_AUTH,
            "nor does another nonce");
    memcpy(swapped, approval, sizeof(approval));
    swapped[ID] ^= 1;
    is_code(digits_of(CHATALOT_APPROVAL_APPROVER, approver, swapped, digits), CHATALOT_E_AUTH,
            "nor another request's commitment");
    memcpy(swapped, approval, sizeof(approval));
    swapped[COMMITMENT] ^= 1;
    is_code(digits_of(CHATALOT_APPROVAL_NEWCOMER, newcomer, swapped, digits), CHATALOT_E_AUTH,
            "and a newcomer whose commitment was changed shows nothing");
}


/* Whoever gives it a user of zeros, the bytes of nothing opened are not taken for that user's. */
static void
nothing_is_nobodys(void)
{
    size_t   i, written;
    uint8_t  sealed[98], left[98] = { 0 }, about[144];

    begin();
    memset(alice.user, 0, 16);
    memset(approval + USER, 0, 16);
    must(chatalot_approval_seal(approver, approval, alice.account_secret, alice.backup_secret,
                                sealed) == CHATALOT_OK, "seal");
    is_code(opens(newcomer, approval, sealed), CHATALOT_OK, "a user of zeros");
    sealed[97] ^= 1;
    is_code(opens(newcomer, approval, sealed), CHATALOT_E_AUTH, "is not what a changed one opens to");

    memcpy(about, approval, sizeof(about));
    about[COMMITMENT] ^= 1;
    is_code(chatalot_approval_seal(approver, about, alice.account_secret, alice.backup_secret,
                                   left), CHATALOT_E_AUTH, "to a key that was not committed to");
    for (i = 0, written = 0; i < sizeof(left); i++) {
        written += left[i] != 0;
    }
    ok(written == 0, "nothing is sealed");
}


static void
hostile_keys(void)
{
    char     digits[7];
    uint8_t  about[144];

    /* the newcomer sends back the approver's own key, or one that yields no secret */
    begin();
    memcpy(about, approval, sizeof(approval));
    memcpy(about + APPROVER, about + NEWCOMER, 32);
    is_code(digits_of(CHATALOT_APPROVAL_NEWCOMER, newcomer, about, digits), CHATALOT_E_AUTH,
            "the own key sent back");
    memset(about + APPROVER, 0, 32);
    is_code(digits_of(CHATALOT_APPROVAL_NEWCOMER, newcomer, about, digits), CHATALOT_E_AUTH,
            "a key of small order");

    is_code(digits_of(CHATALOT_APPROVAL_NEWCOMER, approver, approval, digits),
            CHATALOT_E_PARAMETERS, "the secret of the other side");
    is_code(digits_of(3, newcomer, approval, digits), CHATALOT_E_PARAMETERS, "no known side");
    is_code(digits_of(0, newcomer, approval, digits), CHATALOT_E_PARAMETERS, "nor none");
    is_code(digits_of(3, approver, approval, digits), CHATALOT_E_PARAMETERS,
            "nor with the secret of one");
    is_code(digits_of(0, approver, approval, digits), CHATALOT_E_PARAMETERS, "whichever");
}


/* One user's secrets sealed in an approval for another, by an approver that does not keep to the rules. */
static void
another_users_secrets(void)
{
    uint8_t                   shared[32], transcript[32], info[64], key[56], plain[80];
    uint8_t                   sealed[98] = { 1, 1 };
    const char               *label = "chatalot/v1/approval/keyring";
    crypto_hash_sha256_state  hash;

    begin();
    crypto_hash_sha256_init(&hash);
    crypto_hash_sha256_update(&hash, LABEL("chatalot/v1/approval"));
    crypto_hash_sha256_update(&hash, sealed, 2);
    crypto_hash_sha256_update(&hash, approval, sizeof(approval));
    crypto_hash_sha256_final(&hash, transcript);
    must(crypto_scalarmult(shared, approver, approval + NEWCOMER) == 0, "DH");
    memcpy(info, label, strlen(label));
    memcpy(info + strlen(label), transcript, 32);
    hkdf_sha256(NULL, 0, shared, 32, info, strlen(label) + 32, key, sizeof(key));

    memcpy(plain, alice.user, 16);
    memcpy(plain + 16, alice.account_secret, 32);
    memcpy(plain + 48, alice.backup_secret, 32);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + 2, NULL, plain, sizeof(plain), transcript,
                                               32, NULL, key + 32, key);
    is_code(opens(newcomer, approval, sealed), CHATALOT_OK, "sealed by the formulas alone");

    plain[0] ^= 1;
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + 2, NULL, plain, sizeof(plain), transcript,
                                               32, NULL, key + 32, key);
    is_code(opens(newcomer, approval, sealed), CHATALOT_E_AUTH,
            "secrets that say they are another user's");
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    approved_device_gets_the_keyring();
    server_between_the_two();
    key_chosen_after_the_answer();
    nothing_is_nobodys();
    hostile_keys();
    another_users_secrets();

    return done();
}
