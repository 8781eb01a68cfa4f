/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Published vectors for each primitive as this library uses it, on this platform's libsodium.
 */

#include <string.h>

#include <sodium.h>

#include "chain.h"
#include "hkdf.h"
#include "people.h"
#include "tap.h"


static void
x25519(void)
{
    int      i;
    uint8_t  k[32], u[32], out[32], alice[32], bob[32], alice_public[32], bob_public[32];

    /* RFC 7748, 5.2 */
    hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", k);
    hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", u);
    must(crypto_scalarmult(out, k, u) == 0, "scalarmult");
    is_hex(out, 32, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
           "X25519, RFC 7748 5.2, first");

    hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", k);
    hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493", u);
    must(crypto_scalarmult(out, k, u) == 0, "scalarmult");
    is_hex(out, 32, "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
           "X25519, RFC 7748 5.2, second");

    memset(k, 0, 32);
    k[0] = 9;
    memcpy(u, k, 32);
    for (i = 0; i < 1000; i++) {
        must(crypto_scalarmult(out, k, u) == 0, "scalarmult");
        memcpy(u, k, 32);
        memcpy(k, out, 32);

        if (i == 0) {
            is_hex(k, 32, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
                   "X25519, RFC 7748 5.2, once");
        }
    }
    is_hex(k, 32, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
           "X25519, RFC 7748 5.2, a thousand times");

    /* 6.1 */
    hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", alice);
    hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", bob);
    crypto_scalarmult_base(alice_public, alice);
    crypto_scalarmult_base(bob_public, bob);
    is_hex(alice_public, 32, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
           "X25519, RFC 7748 6.1, Alice's public key");
    is_hex(bob_public, 32, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
           "X25519, RFC 7748 6.1, Bob's public key");
    must(crypto_scalarmult(out, alice, bob_public) == 0, "scalarmult");
    is_hex(out, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
           "X25519, RFC 7748 6.1, Alice's shared secret");
    must(crypto_scalarmult(out, bob, alice_public) == 0, "scalarmult");
    is_hex(out, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
           "X25519, RFC 7748 6.1, Bob's shared secret");

    memset(u, 0, 32);
    ok(crypto_scalarmult(out, alice, u) != 0, "X25519 refuses a point of small order");
}


static void
one_signature(const char *seed_hex, const char *public_hex, const char *message_hex,
              const char *signature_hex, const char *name)
{
    size_t   length;
    uint8_t  seed[32], pk[32], sk[64], message[64], signature[64];

    hex(seed_hex, seed);
    length = hex(message_hex, message);
    crypto_sign_seed_keypair(pk, sk, seed);
    is_hex(pk, 32, public_hex, name);
    crypto_sign_detached(signature, NULL, message, length, sk);
    is_hex(signature, 64, signature_hex, name);
    ok(crypto_sign_verify_detached(signature, message, length, pk) == 0, "%s", name);
    signature[63] ^= 0x10;
    ok(crypto_sign_verify_detached(signature, message, length, pk) != 0, "%s, changed", name);
}


static void
ed25519(void)
{
    one_signature("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
                  "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
                  "Ed25519, RFC 8032 7.1, test 1");
    one_signature("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
                  "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
                  "Ed25519, RFC 8032 7.1, test 2");
    one_signature("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
                  "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
                  "Ed25519, RFC 8032 7.1, test 3");
}


static const char  sunscreen[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    "sunscreen would be it.";


static void
aead(void)
{
    size_t              i, length = sizeof(sunscreen) - 1;
    uint8_t             key[32], nonce[24], ad[12], out[256], back[256];
    unsigned long long  out_length;

    for (i = 0; i < 32; i++) {
        key[i] = (uint8_t) (0x80 + i);
    }
    hex("50515253c0c1c2c3c4c5c6c7", ad);

    hex("070000004041424344454647", nonce);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, &out_length, (const uint8_t *) sunscreen, length,
                                              ad, sizeof(ad), NULL, nonce, key);
    is_hex(out, (size_t) out_length,
           "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69"
           "da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad67594"
           "5585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
           "ChaCha20-Poly1305, RFC 8439 2.8.2");

    for (i = 0; i < 24; i++) {
        nonce[i] = (uint8_t) (0x40 + i);
    }
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, &out_length, (const uint8_t *) sunscreen, length,
                                               ad, sizeof(ad), NULL, nonce, key);
    is_hex(out, (size_t) out_length,
           "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f"
           "4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f"
           "76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49",
           "XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03 A.3.1");

    ok(crypto_aead_xchacha20poly1305_ietf_decrypt(back, NULL, NULL, out, out_length, ad, sizeof(ad),
                                                  nonce, key) == 0
       && memcmp(back, sunscreen, length) == 0, "and back");

    /* as this library seals: in place */
    memcpy(back, sunscreen, length);
    crypto_aead_xchacha20poly1305_ietf_encrypt(back, &out_length, back, length, ad, sizeof(ad),
                                               NULL, nonce, key);
    is_bytes(back, (size_t) out_length, out, (size_t) out_length, "and in place");
}


/* FIPS 180-4, the examples that NIST gives. */
static void
sha2(void)
{
    uint8_t      hash[64];
    const char  *short_one = "abc";
    const char  *of_two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    const char  *of_two_long = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                               "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";

    crypto_hash_sha256(hash, (const uint8_t *) short_one, 3);
    is_hex(hash, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
           "SHA-256, one block");
    crypto_hash_sha256(hash, (const uint8_t *) of_two_blocks, strlen(of_two_blocks));
    is_hex(hash, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
           "SHA-256, two");
    crypto_hash_sha512(hash, (const uint8_t *) short_one, 3);
    is_hex(hash, 64, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
           "SHA-512, one block");
    crypto_hash_sha512(hash, (const uint8_t *) of_two_long, strlen(of_two_long));
    is_hex(hash, 64, "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
                     "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
           "SHA-512, two");
}


/* What secretstream, which seals files, is made of. */
static void
chacha20_and_poly1305(void)
{
    size_t       i;
    uint8_t      key[32], nonce[16], out[128];
    const char  *text = "Ladies and Gentlemen of the class of '99: If I could offer you only one "
                        "tip for the future, sunscreen would be it.";
    const char  *group = "Cryptographic Forum Research Group";

    for (i = 0; i < 32; i++) {
        key[i] = (uint8_t) i;
    }

    hex("000000000000004a00000000", nonce);
    crypto_stream_chacha20_ietf_xor_ic(out, (const uint8_t *) text, strlen(text), nonce, 1, key);
    is_hex(out, strlen(text), "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b"
                              "f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8"
                              "07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
                              "5af90bbf74a35be6b40b8eedf2785e42874d", "ChaCha20, RFC 8439 2.4.2");

    hex("000000090000004a0000000031415927", nonce);
    crypto_core_hchacha20(out, nonce, key, NULL);
    is_hex(out, 32, "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc",
           "HChaCha20, draft-irtf-cfrg-xchacha 2.2.1");

    hex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b", key);
    crypto_onetimeauth_poly1305(out, (const uint8_t *) group, strlen(group), key);
    is_hex(out, 16, "a8061dc1305136c6c22b8baf0c0127a9", "Poly1305, RFC 8439 2.5.2");
}


static void
hmac_sha256(void)
{
    uint8_t                       key[32], out[32];
    crypto_auth_hmacsha256_state  state;

    memset(key, 0x0b, 20);
    crypto_auth_hmacsha256_init(&state, key, 20);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *) "Hi There", 8);
    crypto_auth_hmacsha256_final(&state, out);
    is_hex(out, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
           "HMAC-SHA-256, RFC 4231 4.2");

    crypto_auth_hmacsha256_init(&state, (const uint8_t *) "Jefe", 4);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *) "what do ya want for nothing?", 28);
    crypto_auth_hmacsha256_final(&state, out);
    is_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
           "HMAC-SHA-256, RFC 4231 4.3");
}


static void
hkdf(void)
{
    int      i;
    uint8_t  key[80], salt[80], info[80], out[82];

    memset(key, 0x0b, 22);
    for (i = 0; i < 13; i++) {
        salt[i] = (uint8_t) i;
    }
    for (i = 0; i < 10; i++) {
        info[i] = (uint8_t) (0xf0 + i);
    }
    hkdf_sha256(salt, 13, key, 22, info, 10, out, 42);
    is_hex(out, 42, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887"
           "185865", "HKDF-SHA-256, RFC 5869 A.1");

    hkdf_sha256(NULL, 0, key, 22, info, 0, out, 42);
    is_hex(out, 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b6"
           "1a96c8", "HKDF-SHA-256, RFC 5869 A.3");

    for (i = 0; i < 80; i++) {
        key[i] = (uint8_t) i;
        salt[i] = (uint8_t) (0x60 + i);
        info[i] = (uint8_t) (0xb0 + i);
    }
    hkdf_sha256(salt, 80, key, 80, info, 80, out, 82);
    is_hex(out, 82, "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac782"
           "7271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
           "HKDF-SHA-256, RFC 5869 A.2");
}


/*
 * RFC 9106's own vector has four lanes, a secret and associated data, none of which libsodium
 * offers. These were made with the algorithm's reference implementation, one lane.
 */
static void
argon2id(void)
{
    int          i;
    uint8_t      salt[16], root[32];
    const char  *password = "correct horse battery staple";

    is_code(chatalot_password_root((const uint8_t *) "password", 8,
                                   (const uint8_t *) "somesaltsomesalt", 3, 65536, root),
            CHATALOT_OK, "Argon2id");
    is_hex(root, 32, "7664ad4ba1a3c999fcdd0991ffc2270f78302d2383233db5e7befc85d1bb1819",
           "Argon2id, 64 MiB, 3 passes, 1 lane");

    for (i = 0; i < 16; i++) {
        salt[i] = (uint8_t) i;
    }
    is_code(chatalot_password_root((const uint8_t *) password, strlen(password), salt, 4, 131072,
                                   root), CHATALOT_OK, "Argon2id");
    is_hex(root, 32, "b47238a9c27d78cae18f96a65dd03d21bda52c2a4e8997c8ad32b99495965464",
           "Argon2id, 128 MiB, 4 passes, 1 lane");
}


/*
 * Lengths by hand from the definition: keep the upper floor(log2(floor(log2 L))) + 2 bits,
 * round up.
 */
static void
padme(void)
{
    size_t  i;

    static const struct { size_t payload, padded; }  lengths[] = {
        { 0, 0 }, { 1, 5 }, { 2, 6 }, { 3, 7 }, { 4, 8 }, { 5, 10 }, { 6, 10 }, { 7, 12 },
        { 11, 16 }, { 12, 16 }, { 13, 18 }, { 28, 32 }, { 29, 36 }, { 96, 104 }, { 100, 104 },
        { 124, 128 }, { 125, 144 }, { 252, 256 }, { 253, 272 }, { 996, 1024 }, { 1020, 1024 },
        { 1021, 1088 }, { 65532, 65536 }, { 65533, 67584 }, { 131072, 135168 }, { 131073, 0 }
    };

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        ok(chatalot_padded_length(lengths[i].payload) == lengths[i].padded,
           "Padmé: %zu with its length is padded to %zu (%zu)", lengths[i].payload,
           lengths[i].padded, chatalot_padded_length(lengths[i].payload));
    }
}


int
main(void)
{
    must(chatalot_init() == CHATALOT_OK, "init");

    x25519();
    ed25519();
    aead();
    sha2();
    chacha20_and_poly1305();
    hmac_sha256();
    hkdf();
    argon2id();
    padme();

    return done();
}
