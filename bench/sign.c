/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Access tokens in bulk, because Perl's Ed25519 takes a millisecond for each. Reads the instance's signing key (base64)
 * as the first line of standard input and "user device session" from each further one; prints a token for each.
 */

#define _GNU_SOURCE

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>


#define SIGN_LIFETIME  86400
#define SIGN_MAX       1024
#define SIGN_VARIANT   sodium_base64_VARIANT_URLSAFE_NO_PADDING


static int sign_key(const char *line, unsigned char *secret, char *header, size_t size);
static int sign_token(const char *line, const unsigned char *secret, const char *header);


int
main(void)
{
    char           line[SIGN_MAX], header[SIGN_MAX];
    unsigned char  secret[crypto_sign_SECRETKEYBYTES];

    if (sodium_init() == -1 || fgets(line, sizeof(line), stdin) == NULL
        || sign_key(line, secret, header, sizeof(header)) == -1)
    {
        fprintf(stderr, "sign: no key\n");
        return 1;
    }

    while (fgets(line, sizeof(line), stdin)) {

        if (sign_token(line, secret, header) == -1) {
            fprintf(stderr, "sign: not a person: %s", line);
            return 1;
        }
    }

    sodium_memzero(secret, sizeof(secret));

    return 0;
}


/* The token's first part names the key as the server does: by the first eight bytes of its SHA-256. */

static int
sign_key(const char *line, unsigned char *secret, char *header, size_t size)
{
    char           text[SIGN_MAX], kid[17];
    unsigned char  seed[crypto_sign_SEEDBYTES], public[crypto_sign_PUBLICKEYBYTES], hash[crypto_hash_sha256_BYTES];

    if (sodium_base642bin(seed, sizeof(seed), line, strcspn(line, "\r\n"), NULL, NULL, NULL, sodium_base64_VARIANT_ORIGINAL)
        == -1
        || crypto_sign_seed_keypair(public, secret, seed) == -1 || crypto_hash_sha256(hash, public, sizeof(public)) == -1)
    {
        return -1;
    }

    (void) sodium_bin2hex(kid, sizeof(kid), hash, 8);
    (void) snprintf(text, sizeof(text), "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}", kid);
    (void) sodium_bin2base64(header, size, (unsigned char *) text, strlen(text), SIGN_VARIANT);

    return 0;
}


static int
sign_token(const char *line, const unsigned char *secret, const char *header)
{
    int            n;
    char           user[37], device[37], session[37], claims[SIGN_MAX], text[2 * SIGN_MAX], part[2 * SIGN_MAX];
    long long      now;
    unsigned char  signature[crypto_sign_BYTES];

    if (sscanf(line, "%36s %36s %36s", user, device, session) != 3) {
        return -1;
    }

    now = (long long) time(NULL);

    n = snprintf(claims, sizeof(claims), "{\"iss\":\"chatalot\",\"aud\":\"chatalot\",\"scope\":\"full\",\"sub\":\"%s\","
                 "\"dev\":\"%s\",\"sid\":\"%s\",\"iat\":%lld,\"exp\":%lld}", user, device, session, now, now + SIGN_LIFETIME);

    (void) sodium_bin2base64(part, sizeof(part), (unsigned char *) claims, (size_t) n, SIGN_VARIANT);

    n = snprintf(text, sizeof(text), "%s.%s", header, part);

    if (n >= (int) sizeof(text)
        || crypto_sign_detached(signature, NULL, (unsigned char *) text, (unsigned long long) n, secret) == -1)
    {
        return -1;
    }

    (void) sodium_bin2base64(part, sizeof(part), signature, sizeof(signature), SIGN_VARIANT);

    return printf("%s.%s\n", text, part) > 0 ? 0 : -1;
}
