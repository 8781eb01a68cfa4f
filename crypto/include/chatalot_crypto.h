/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The end-to-end encryption of Chatalot: everything that a client seals, opens, signs or
 * verifies. It does no I/O, keeps no state of its own and knows neither the network nor the
 * server: states are byte strings that the caller stores. docs/e2ee.md describes every
 * structure to the byte.
 */

#ifndef CHATALOT_CRYPTO_H
#define CHATALOT_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * CONTENTS
 *
 *   1  Conventions and error codes
 *   2  Account: account key, backup key, device key
 *   3  Password and recovery code
 *   4  Keyring
 *   5  Device certificate
 *   6  Prekeys
 *   7  Session: X3DH and Double Ratchet between two devices
 *   8  Envelope: what one device sends to another
 *   9  Letter: what an envelope contains
 *  10  Binding: what a message is tied to
 *  11  Sender key: channel messages
 *  12  Content key: DM messages
 *  13  Padding and franking
 *  14  Items and backup
 *  15  Safety number
 *  16  Approval of a new device
 *  17  Files
 *
 *
 * 1  CONVENTIONS
 *
 * - Every function returns CHATALOT_OK or one of the negative codes below. Each comment lists those
 *   that the function can return, besides CHATALOT_E_PARAMETERS for a null pointer that is
 *   required.
 * - Inputs are never changed. A state is an input; its successor is an output. On any error the
 *   caller keeps the state it has: nothing has happened. Output arrays of fixed size are then
 *   untouched, and no output ever holds anything that was not authenticated.
 * - An output of variable size comes as a pair (uint8_t *out, size_t *out_length): on entry
 *   *out_length is the room at `out`, on return the number of bytes written. With
 *   CHATALOT_E_SPACE it is the room needed (0 for an output that was not reached); with any other
 *   error it is 0. Outputs may not overlap inputs.
 * - Ids (user, device, channel, message) are the 16 raw bytes of a UUID. Integers inside structures
 *   are big-endian. Times are milliseconds since 1970.
 * - Every structure starts with a version byte and a suite byte, both 0x01.
 * - A "secret" argument of 32 bytes is an Ed25519 seed for account and device keys, and an X25519
 *   scalar for the backup key and for prekeys.
 * - A "party" is 64 bytes: user (16), device (16), public device key (32).
 * - Randomness comes from libsodium's randombytes.
 * - Call chatalot_init() once, before anything else and from one thread; after that every function
 *   may be called from any thread.
 */

enum chatalot_error {
    CHATALOT_OK           =   0,
    CHATALOT_E_FORMAT     =  -1, /* a structure is malformed: length, field or trailing bytes */
    CHATALOT_E_VERSION    =  -2, /* version, suite or kind is not known to this library */
    CHATALOT_E_AUTH       =  -3, /* a signature, tag, hash or identity does not match */
    CHATALOT_E_REPLAY     =  -4, /* already opened, or too old for its key to be still there */
    CHATALOT_E_TOO_FAR    =  -5, /* further ahead than may be skipped */
    CHATALOT_E_NO_KEY     =  -6, /* the key, prekey or session it needs is not there */
    CHATALOT_E_PARAMETERS =  -7, /* an argument is out of its documented range */
    CHATALOT_E_SPACE      =  -8, /* the output does not fit; its length argument says how much does */
    CHATALOT_E_MEMORY     =  -9, /* no memory */
    CHATALOT_E_EXHAUSTED  = -10  /* the key has reached the end of its life: make a new one */
};

#define CHATALOT_VERSION                  0x01
#define CHATALOT_SUITE                    0x01

#define CHATALOT_ID_LENGTH                16
#define CHATALOT_KEY_LENGTH               32
#define CHATALOT_PARTY_LENGTH             64

/* Prepares libsodium. Errors: MEMORY (libsodium cannot be prepared). */
int chatalot_init(void);

/* An English phrase for a code; never null. */
const char *chatalot_error(int code);


/*
 * 2  ACCOUNT
 *
 * The account key A (Ed25519) is the user's identity and certifies devices; the backup key B
 * (X25519) seals the history of keys. The device key D (Ed25519) never leaves its device.
 */

/* New A and B. No errors. */
int chatalot_account_create(uint8_t account_secret[32], uint8_t account_key[32],
                            uint8_t backup_secret[32], uint8_t backup_key[32]);

/* The public halves of A and B. No errors. */
int chatalot_account_public(const uint8_t account_secret[32], const uint8_t backup_secret[32],
                            uint8_t account_key[32], uint8_t backup_key[32]);

/* New D. No errors. */
int chatalot_device_create(uint8_t device_secret[32], uint8_t device_key[32]);


/*
 * 3  PASSWORD AND RECOVERY CODE
 */

#define CHATALOT_SALT_LENGTH              16
#define CHATALOT_PASSWORD_MAX             1024
#define CHATALOT_PASSWORD_PASSES_MIN      3
#define CHATALOT_PASSWORD_PASSES_MAX      16
#define CHATALOT_PASSWORD_MEMORY_MIN      65536     /* KiB */
#define CHATALOT_PASSWORD_MEMORY_MAX      1048576   /* KiB */

/*
 * root = Argon2id (RFC 9106, version 0x13, one lane: libsodium has no other) of the password's
 * bytes. The caller gives UTF-8 in Unicode normal form NFKC. The bounds on passes and memory
 * hold against a server that would have the password hashed cheaply, or a device brought down.
 * Errors: PARAMETERS (length 0 or above CHATALOT_PASSWORD_MAX, passes or memory out of bounds),
 * MEMORY.
 */
int chatalot_password_root(const uint8_t *password, size_t password_length, const uint8_t salt[16],
                           uint32_t passes, uint32_t memory_kib, uint8_t root[32]);

/*
 * login_key is what the server is given in place of the password; wrap_key opens the keyring.
 * No errors.
 */
int chatalot_password_keys(const uint8_t root[32], uint8_t login_key[32], uint8_t wrap_key[32]);

#define CHATALOT_RECOVERY_LENGTH          15        /* 120 bits */
#define CHATALOT_RECOVERY_TEXT_LENGTH     29        /* XXXX-XXXX-XXXX-XXXX-XXXX-XXXX */

/*
 * A new code, as bytes and as Crockford base32 in six groups of four, without a final NUL. No
 * errors.
 */
int chatalot_recovery_create(uint8_t code[15], char text[29]);

/*
 * Reads what a person typed: any case, O for 0, I and L for 1; spaces and dashes count for nothing.
 * Errors: FORMAT (other characters, or not 24 digits).
 */
int chatalot_recovery_parse(const char *text, size_t text_length, uint8_t code[15]);

/* recovery_key proves the code to the server; wrap_key opens the keyring. No errors. */
int chatalot_recovery_keys(const uint8_t code[15], uint8_t recovery_key[32], uint8_t wrap_key[32]);


/*
 * 4  KEYRING
 *
 * The secrets of A and B, sealed under a wrap key. The user and the kind of wrap are authenticated.
 */

#define CHATALOT_KEYRING_LENGTH           106
#define CHATALOT_KEYRING_PASSWORD         1
#define CHATALOT_KEYRING_RECOVERY         2

/* Errors: PARAMETERS (which). */
int chatalot_keyring_seal(const uint8_t wrap_key[32], const uint8_t user[16], uint8_t which,
                          const uint8_t account_secret[32], const uint8_t backup_secret[32],
                          uint8_t keyring[106]);

/* Errors: PARAMETERS (which), VERSION, AUTH (another key, user or kind; or changed). */
int chatalot_keyring_open(const uint8_t wrap_key[32], const uint8_t user[16], uint8_t which,
                          const uint8_t keyring[106],
                          uint8_t account_secret[32], uint8_t backup_secret[32]);

/* Opens with one wrap key and seals under another. Errors as chatalot_keyring_open. */
int chatalot_keyring_rewrap(const uint8_t wrap_key[32], uint8_t which, const uint8_t keyring[106],
                            const uint8_t user[16],
                            const uint8_t new_wrap_key[32], uint8_t new_which,
                            uint8_t new_keyring[106]);


/*
 * 5  DEVICE CERTIFICATE
 *
 * Signature by A over user, device, D and time. src/certificate.c needs libsodium alone.
 */

#define CHATALOT_CERTIFICATE_LENGTH       66

/* No errors. */
int chatalot_device_certificate_create(const uint8_t account_secret[32],
                                       const uint8_t user[16], const uint8_t device[16],
                                       const uint8_t device_key[32], uint64_t created_at_ms,
                                       uint8_t certificate[66]);

/* Errors: VERSION, AUTH. */
int chatalot_device_certificate_verify(const uint8_t certificate[66], const uint8_t account_key[32],
                                       const uint8_t user[16], const uint8_t device[16],
                                       const uint8_t device_key[32], uint64_t created_at_ms);


/*
 * 6  PREKEYS
 *
 * The signed prekey is a structure; a one-time prekey is a key id and a bare X25519 key.
 * src/prekey.c needs libsodium alone.
 */

#define CHATALOT_SIGNED_PREKEY_LENGTH     110

/* No errors. */
int chatalot_signed_prekey_create(const uint8_t device_secret[32], const uint8_t device[16],
                                  uint32_t key_id, uint64_t created_at_ms,
                                  uint8_t prekey_secret[32], uint8_t prekey[110]);

/* Errors: VERSION, AUTH. */
int chatalot_signed_prekey_verify(const uint8_t prekey[110], const uint8_t device[16],
                                  const uint8_t device_key[32]);

/* Reads the fields of a verified prekey. Errors: VERSION. */
int chatalot_signed_prekey_inspect(const uint8_t prekey[110], uint32_t *key_id,
                                   uint8_t prekey_public[32], uint64_t *created_at_ms);

/* No errors. */
int chatalot_one_time_prekey_create(uint8_t prekey_secret[32], uint8_t prekey_public[32]);


/*
 * 7  SESSION
 *
 * A session record holds everything one device knows of its sessions with one other device: up
 * to CHATALOT_SESSIONS_MAX Double Ratchet states (so that both may start at the same time, and
 * one may start anew after losing its state) and the ids of forgotten ones (so that their first
 * messages cannot be replayed). It is a secret. At most 1,000 message keys are skipped in one
 * chain and kept of one chain, 2,000 in one session; the oldest go first.
 *
 * Which session is sent on: each has a generation. One that the peer starts while this device's
 * newest are all its own and unanswered was started at the same time and shares their
 * generation; any other begins a new one. Of the newest generation, sessions on which the peer
 * has been heard come first, then the smallest id. So both sides settle on the same one within
 * a round trip, and a peer that lost its state is followed at once.
 */

#define CHATALOT_SIGNED_PREKEY_AGE_MAX    8380800000      /* ms: 97 days */

#define CHATALOT_SESSIONS_MAX             4
#define CHATALOT_SKIP_CHAIN_MAX           1000
#define CHATALOT_SKIP_SESSION_MAX         2000
#define CHATALOT_SESSION_RECORD_MAX       548000

/*
 * X3DH (Signal, revision 1) with the peer's bundle: begins a session, to be sent on from now.
 *   record, record_length    what there is with this peer; NULL and 0 if nothing
 *   own, own_secret          this device and its D
 *   peer                     the other device; the caller has verified its certificate
 *   signed_prekey            verified here against the peer's D
 *   one_time_id, one_time    the one-time prekey; one_time is NULL if the server had none left
 *   now_ms                   the time here. A signed prekey older than
 *                            CHATALOT_SIGNED_PREKEY_AGE_MAX is nobody's: a device replaces its own
 *                            every 7 days, and one that is not used for 90 is removed
 * Errors: FORMAT (record), VERSION, AUTH (prekey signature; a key is of small order; or the
 * record is of other parties), EXHAUSTED (the signed prekey is too old), PARAMETERS (own_secret is
 * not own's; the peer is this device), SPACE.
 */
int chatalot_session_start(const uint8_t *record, size_t record_length,
                           const uint8_t own[64], const uint8_t own_secret[32],
                           const uint8_t peer[64], const uint8_t signed_prekey[110],
                           uint32_t one_time_id, const uint8_t *one_time, uint64_t now_ms,
                           uint8_t *new_record, size_t *new_record_length);

/*
 * What a record says of the session that would be sent on: its id, whether the peer has been
 * heard on it (1) or not (0), and the number of sessions. Errors: FORMAT, VERSION.
 */
int chatalot_session_inspect(const uint8_t *record, size_t record_length,
                             uint8_t session_id[16], uint8_t *confirmed, uint8_t *sessions);


/*
 * 8  ENVELOPE
 *
 * The only thing that one device sends to another. "initial" carries the X3DH header and is
 * used until the peer has been heard, "normal" names its session. Users, devices and device
 * keys of both sides and the whole header are authenticated.
 */

#define CHATALOT_ENVELOPE_INITIAL         1
#define CHATALOT_ENVELOPE_NORMAL          2
#define CHATALOT_ENVELOPE_OVERHEAD        132       /* at most, over the letter's length */
#define CHATALOT_LETTER_MAX               60003     /* CHATALOT_ITEMS_MAX bytes of items, and 3 */

/*
 * Store new_record before the envelope leaves. Errors: FORMAT, VERSION, NO_KEY (no session in
 * the record), PARAMETERS (letter empty or too long), EXHAUSTED (2^32 - 1 messages without an
 * answer: start a new session), SPACE.
 */
int chatalot_envelope_seal(const uint8_t *record, size_t record_length,
                           const uint8_t *letter, size_t letter_length,
                           uint8_t *new_record, size_t *new_record_length,
                           uint8_t *envelope, size_t *envelope_length);

/*
 * What is needed to open it. For "initial": the sender's D as claimed, the id of the signed
 * prekey, whether a one-time prekey is used (0, 1) and its id. For "normal" these are zero, and
 * session_id is set. Nothing of it is authenticated yet. Errors: FORMAT, VERSION.
 */
int chatalot_envelope_inspect(const uint8_t *envelope, size_t envelope_length,
                              uint8_t *type, uint8_t session_id[16], uint8_t device_key[32],
                              uint32_t *signed_prekey_id, uint8_t *has_one_time,
                              uint32_t *one_time_id);

/*
 * Opens an envelope from `peer`, whose certificate the caller has verified.
 *   record                   NULL and 0 if nothing is known of this peer
 *   signed_prekey_secret     of the id that "initial" names; NULL if not there or not needed
 *   one_time_secret          likewise
 *   started                  set to 1 if it began a new session: the one-time prekey must be
 *                            deleted in the transaction that stores new_record; else 0
 * Errors: FORMAT, VERSION, NO_KEY (a prekey or the session is not there), AUTH, REPLAY, TOO_FAR,
 * PARAMETERS (own_secret is not own's), SPACE, MEMORY.
 */
int chatalot_envelope_open(const uint8_t *record, size_t record_length,
                           const uint8_t own[64], const uint8_t own_secret[32],
                           const uint8_t peer[64],
                           const uint8_t *signed_prekey_secret, const uint8_t *one_time_secret,
                           const uint8_t *envelope, size_t envelope_length,
                           uint8_t *new_record, size_t *new_record_length,
                           uint8_t *letter, size_t *letter_length, uint8_t *started);


/*
 * 9  LETTER
 *
 * 01 01, kind, body. Kinds and their bodies:
 */

#define CHATALOT_LETTER_CONTENT_KEY       1   /* content key, 130 bytes (12) */
#define CHATALOT_LETTER_SENDER_KEY        2   /* sender key, 238 bytes (11) */
#define CHATALOT_LETTER_REQUEST           3   /* request, 41 bytes */
#define CHATALOT_LETTER_ITEMS             4   /* items (14): history, or the answer to a request */

#define CHATALOT_LETTER_HEADER            3
#define CHATALOT_REQUEST_LENGTH           41
#define CHATALOT_REQUEST_SENDER_KEY       1
#define CHATALOT_REQUEST_CONTENT_KEY      2

/*
 * A letter of `kind` with `body`. The body is checked as chatalot_letter_open does, its sender
 * excepted. Errors: VERSION, FORMAT, AUTH (a sender key's attestation), SPACE.
 */
int chatalot_letter_make(uint8_t kind, const uint8_t *body, size_t body_length,
                         uint8_t *letter, size_t *letter_length);

/*
 * Reads a letter that came from `peer` in an envelope opened by a device of `own_user`. The
 * body lies in the letter at body_offset. Refused with AUTH: a content key or sender key whose
 * sender is not exactly the peer; a sender key whose attestation is not good; among items, a
 * content key of a sender who is neither the peer's user nor `own_user` (only they can vouch
 * for it), a sender key whose attestation is not good, and an identity from another user than
 * `own_user`. For sender keys among items the
 * caller still has to verify that the device named in it was certified. Errors: FORMAT, VERSION
 * (unknown kind), AUTH.
 */
int chatalot_letter_open(const uint8_t *letter, size_t letter_length,
                         const uint8_t peer[64], const uint8_t own_user[16],
                         uint8_t *kind, size_t *body_offset, size_t *body_length);

/*
 * A request for a key that could not be found: `what` is CHATALOT_REQUEST_...; id is that of
 * the sender key or of the DM message. Errors: PARAMETERS (what).
 */
int chatalot_request_make(uint8_t what, const uint8_t channel[16], uint64_t epoch,
                          const uint8_t id[16], uint8_t request[41]);

/* Errors: FORMAT. */
int chatalot_request_read(const uint8_t request[41], uint8_t *what, uint8_t channel[16],
                          uint64_t *epoch, uint8_t id[16]);


/*
 * 10  BINDING
 *
 * What the server could otherwise change: where, when, as what and by whom a message was sent.
 * It does not travel; both sides build it from the entry and it is authenticated.
 */

#define CHATALOT_BINDING_MAX              139
#define CHATALOT_KIND_MAX                 32

/*
 * kind: 1 to CHATALOT_KIND_MAX bytes of a-z, 0-9, '_', '-' and '.'. thread and ref are NULL if
 * the entry has none. Errors: PARAMETERS (kind), SPACE.
 */
int chatalot_binding_make(const uint8_t channel[16], uint64_t epoch,
                          const char *kind, size_t kind_length,
                          const uint8_t message[16], const uint8_t *thread, const uint8_t *ref,
                          const uint8_t user[16], const uint8_t device[16],
                          uint8_t *binding, size_t *binding_length);


/*
 * 11  SENDER KEY
 *
 * Each sending device has one for each channel and epoch.
 *   sender chain (own, secret)   what the device sends with
 *   sender key (travels)         what it gives to the others: chain key at a counter, public
 *                                signing key, and D's signature over whose it is ("attestation")
 *   sender key record (kept)     the sender key at its earliest known counter, the furthest
 *                                counter reached, and where history was last read; its first 238
 *                                bytes are the sender key again (for backup and sharing)
 *
 * A record reads anything from its earliest counter on, as often as asked: history is read
 * again. A replay is refused by what is authenticated: the message's id, channel and place; the
 * caller refuses a second entry with an id that it has.
 */

#define CHATALOT_SENDER_CHAIN_LENGTH      270
#define CHATALOT_SENDER_KEY_LENGTH        238
#define CHATALOT_SENDER_KEY_RECORD_LENGTH 310
#define CHATALOT_SENDER_SKIP_MAX          2000
#define CHATALOT_SENDER_CHAIN_MAX         5000      /* messages; then a new sender key is needed */
#define CHATALOT_PAYLOAD_MAX              131072
#define CHATALOT_CHANNEL_MESSAGE_OVERHEAD 102       /* over the padded payload (13) */

/* Errors: PARAMETERS (own_secret is not own's). */
int chatalot_sender_chain_create(const uint8_t channel[16], uint64_t epoch, const uint8_t own[64],
                                 const uint8_t own_secret[32], uint8_t chain[270]);

/*
 * The sender key at the chain's present counter, for those who may read from here on.
 * Errors: VERSION, FORMAT, EXHAUSTED (no message will follow on this chain).
 */
int chatalot_sender_chain_share(const uint8_t chain[270], uint8_t sender_key[238]);

/* The chain's place. Errors: VERSION, FORMAT. */
int chatalot_sender_chain_inspect(const uint8_t chain[270], uint8_t channel[16], uint64_t *epoch,
                                  uint8_t key_id[16], uint32_t *counter);

/*
 * What a sender key, or the head of a record, says. Errors: VERSION, FORMAT, AUTH (attestation).
 */
int chatalot_sender_key_inspect(const uint8_t sender_key[238], uint8_t channel[16], uint64_t *epoch,
                                uint8_t key_id[16], uint8_t sender[64], uint32_t *counter);

/*
 * Begins a record. Errors: VERSION, FORMAT, AUTH (attestation).
 */
int chatalot_sender_key_accept(const uint8_t sender_key[238], uint8_t record[310]);

/*
 * Learns another copy of the same key: the record then starts at the earlier counter of both.
 * The attestation does not cover the chain key, so that whoever passes a key on could spoil it
 * (not forge with it): when a copy that came from its own sender is refused, it should replace
 * the record. Errors: VERSION, FORMAT, AUTH (not the same key, or not on the same chain).
 */
int chatalot_sender_key_merge(const uint8_t record[310], const uint8_t sender_key[238],
                              uint8_t new_record[310]);

/*
 * The record moved on to start at `counter`: what may be given to someone who may read only
 * from there, or a quicker start for reading many messages from there on. Errors: VERSION,
 * FORMAT, PARAMETERS (before its start, or at CHATALOT_SENDER_CHAIN_MAX or after).
 */
int chatalot_sender_key_at(const uint8_t record[310], uint32_t counter, uint8_t new_record[310]);

/*
 * Pads, seals and signs a payload. Store new_chain before the message leaves. Errors: VERSION,
 * FORMAT (chain, binding), PARAMETERS (payload length 0 or above CHATALOT_PAYLOAD_MAX), AUTH
 * (the binding names another channel, epoch, user or device than the chain), EXHAUSTED, SPACE.
 */
int chatalot_channel_message_seal(const uint8_t chain[270],
                                  const uint8_t *binding, size_t binding_length,
                                  const uint8_t *payload, size_t payload_length,
                                  uint8_t new_chain[270],
                                  uint8_t *message, size_t *message_length);

/* Which key and counter it needs; not authenticated yet. Errors: FORMAT, VERSION. */
int chatalot_channel_message_inspect(const uint8_t *message, size_t message_length,
                                     uint8_t key_id[16], uint32_t *counter);

/*
 * history: 0 for a message that arrives, which may be at most CHATALOT_SENDER_SKIP_MAX past the
 * furthest counter reached; 1 for reading back, where only CHATALOT_SENDER_CHAIN_MAX bounds it.
 * `payload` needs room for the padded payload. new_record remembers where it was read, which
 * makes the next ones quicker; a reader may keep it or not.
 * Errors: FORMAT, VERSION, NO_KEY (another key id), REPLAY (before the record's start: this
 * device was not given the key for messages this old), AUTH, TOO_FAR, SPACE.
 */
int chatalot_channel_message_open(const uint8_t record[310],
                                  const uint8_t *binding, size_t binding_length,
                                  const uint8_t *message, size_t message_length, uint8_t history,
                                  uint8_t new_record[310],
                                  uint8_t *payload, size_t *payload_length);


/*
 * 12  CONTENT KEY
 *
 * A DM's payload is sealed once, under a random key. The content key structure (a secret) names
 * the message and its sender and holds that key and the hash of the sealed payload, so that a
 * relay with the key can change neither. It goes in an envelope to each other device of both
 * users.
 */

#define CHATALOT_CONTENT_KEY_LENGTH       130
#define CHATALOT_DM_MESSAGE_OVERHEAD      42        /* over the padded payload (13) */

/* Errors: FORMAT (binding), PARAMETERS (payload length), SPACE. */
int chatalot_dm_message_seal(const uint8_t *binding, size_t binding_length,
                             const uint8_t *payload, size_t payload_length,
                             uint8_t content_key[130], uint8_t *message, size_t *message_length);

/*
 * `payload` needs room for the padded payload.
 * Errors: FORMAT, VERSION, AUTH (content key, binding and message do not belong together), SPACE.
 */
int chatalot_dm_message_open(const uint8_t content_key[130],
                             const uint8_t *binding, size_t binding_length,
                             const uint8_t *message, size_t message_length,
                             uint8_t *payload, size_t *payload_length);

/* Errors: VERSION. */
int chatalot_content_key_inspect(const uint8_t content_key[130], uint8_t channel[16],
                                 uint8_t message[16], uint8_t user[16], uint8_t device[16]);


/*
 * 13  PADDING AND FRANKING
 *
 * The messages above pad and unpad by themselves. Padded = length (u32) || payload || zeros, of
 * Padmé length.
 */

/*
 * The length a payload of this length is padded to, its 4-byte length included; 0 if it is empty
 * or too long.
 */
size_t chatalot_padded_length(size_t payload_length);

/* Errors: PARAMETERS (empty, or longer than CHATALOT_PAYLOAD_MAX), SPACE. */
int chatalot_pad(const uint8_t *payload, size_t payload_length,
                 uint8_t *padded, size_t *padded_length);

/* The payload lies in `padded` at offset 4. Errors: FORMAT (not padded exactly so). */
int chatalot_unpad(const uint8_t *padded, size_t padded_length, size_t *payload_length);

/*
 * commitment = HMAC-SHA256(franking_key, payload). src/franking.c needs libsodium alone. No
 * errors.
 */
int chatalot_franking_commit(const uint8_t franking_key[32],
                             const uint8_t *payload, size_t payload_length, uint8_t commitment[32]);

/* Errors: AUTH. */
int chatalot_franking_verify(const uint8_t franking_key[32],
                             const uint8_t *payload, size_t payload_length,
                             const uint8_t commitment[32]);


/*
 * 14  ITEMS AND BACKUP
 *
 * Items are keys in a row: kind, length (u16), body. A backup blob is items sealed to B in such
 * a way that only who has B's secret can make or open it: the server can neither read a backup
 * nor slip a key into one.
 */

#define CHATALOT_ITEM_SENDER_KEY          1   /* 238 bytes */
#define CHATALOT_ITEM_CONTENT_KEY         2   /* 130 bytes */
#define CHATALOT_ITEM_IDENTITY            3   /* 58 bytes */
#define CHATALOT_ITEMS_MAX                60000
#define CHATALOT_BACKUP_OVERHEAD          50

#define CHATALOT_IDENTITY_LENGTH          58
#define CHATALOT_IDENTITY_MET             0
#define CHATALOT_IDENTITY_VERIFIED        1

/*
 * What one device remembers of a person, for its user's others: the account key, whether the
 * numbers have been compared (CHATALOT_IDENTITY_...), and since when. Errors: PARAMETERS
 * (state).
 */
int chatalot_identity_make(const uint8_t user[16], const uint8_t account_key[32], uint16_t state,
                           uint64_t since_ms, uint8_t identity[58]);

/* Errors: FORMAT (state). */
int chatalot_identity_read(const uint8_t identity[58], uint8_t user[16], uint8_t account_key[32],
                           uint16_t *state, uint64_t *since_ms);

/*
 * One item as bytes; items are joined by putting them one after another. Errors: VERSION,
 * FORMAT, SPACE.
 */
int chatalot_item_make(uint8_t kind, const uint8_t *body, size_t body_length,
                       uint8_t *item, size_t *item_length);

/*
 * Walks through items: start with *offset = 0, go on until it is items_length. Of kinds that
 * are unknown the body is given all the same, to be ignored. Errors: FORMAT.
 */
int chatalot_items_next(const uint8_t *items, size_t items_length, size_t *offset,
                        uint8_t *kind, size_t *body_offset, size_t *body_length);

/* Errors: FORMAT (items), PARAMETERS (none, or more than CHATALOT_ITEMS_MAX bytes), SPACE. */
int chatalot_backup_seal(const uint8_t backup_secret[32], const uint8_t user[16],
                         const uint8_t *items, size_t items_length,
                         uint8_t *backup, size_t *backup_length);

/* Errors: FORMAT (its length, or the items in it), VERSION, AUTH, SPACE. */
int chatalot_backup_open(const uint8_t backup_secret[32], const uint8_t user[16],
                         const uint8_t *backup, size_t backup_length,
                         uint8_t *items, size_t *items_length);


/*
 * 15  SAFETY NUMBER
 *
 * 60 decimal digits, without a final NUL, the same on both sides. No errors.
 */

#define CHATALOT_SAFETY_LENGTH            60

int chatalot_safety_number(const uint8_t user_a[16], const uint8_t account_key_a[32],
                           const uint8_t user_b[16], const uint8_t account_key_b[32],
                           char digits[60]);


/*
 * 16  APPROVAL
 *
 * A signed-in device ("approver") admits a new one ("newcomer") and hands over the secrets of A
 * and B, with the server between them. In this order: the newcomer begins and shows the server
 * id and commitment; the approver, who has read these, answers with its key; the newcomer, who
 * has read that, reveals key and nonce; both show the digits, and a person compares them; the
 * approver seals. A server that takes the place of one of the two has to settle its own key
 * before it can know what digits come out, so its chance is one in a million, once.
 *
 * An "approval" is what both sides know of it, 144 bytes: id (16), commitment (32), newcomer's
 * key (32), nonce (16), approver's key (32), user (16). All of it is authenticated.
 */

#define CHATALOT_APPROVAL_LENGTH          144
#define CHATALOT_APPROVAL_SEALED_LENGTH   98
#define CHATALOT_APPROVAL_DIGITS          6
#define CHATALOT_APPROVAL_NEWCOMER        1
#define CHATALOT_APPROVAL_APPROVER        2

/* The newcomer's key and nonce, both kept back until there is an answer. No errors. */
int chatalot_approval_begin(const uint8_t id[16], uint8_t secret[32], uint8_t key[32],
                            uint8_t nonce[16], uint8_t commitment[32]);

/* The approver's key, made once the commitment is known. No errors. */
int chatalot_approval_answer(uint8_t secret[32], uint8_t key[32]);

/*
 * The six digits, without a final NUL. side: CHATALOT_APPROVAL_..., whose secret it is. Errors:
 * PARAMETERS (side; the secret is not that of the side's key), AUTH (the commitment is not to
 * this key and nonce; both keys are the same; a key of small order).
 */
int chatalot_approval_digits(uint8_t side, const uint8_t secret[32], const uint8_t approval[144],
                             char digits[6]);

/* By the approver, after a person has compared the digits. Errors: PARAMETERS, AUTH, as above. */
int chatalot_approval_seal(const uint8_t secret[32], const uint8_t approval[144],
                           const uint8_t account_secret[32], const uint8_t backup_secret[32],
                           uint8_t sealed[98]);

/* By the newcomer. Errors: VERSION, PARAMETERS, AUTH (as above, or not sealed in this approval). */
int chatalot_approval_open(const uint8_t secret[32], const uint8_t approval[144],
                           const uint8_t sealed[98],
                           uint8_t account_secret[32], uint8_t backup_secret[32]);


/*
 * 17  FILES
 *
 * A sealed file is a header, and the file in chunks of CHATALOT_FILE_CHUNK bytes, each sealed
 * with CHATALOT_FILE_OVERHEAD bytes more. The last one is marked and may be shorter; it is empty
 * only if the file is. Chunks open in their order and in their own file alone. The state of both
 * directions is a secret, and goes from chunk to chunk.
 */

#define CHATALOT_FILE_HEADER_LENGTH       26
#define CHATALOT_FILE_STATE_LENGTH        47
#define CHATALOT_FILE_CHUNK               65536
#define CHATALOT_FILE_OVERHEAD            17

/* A new key, for this file only, and what the sealed file begins with. No errors. */
int chatalot_file_seal_begin(uint8_t key[32], uint8_t header[26], uint8_t state[47]);

/*
 * `last`: 1 for the last chunk, 0 before. Errors: VERSION, FORMAT (state), PARAMETERS (a chunk
 * that is not the last and not full; an empty last one after others; too long), EXHAUSTED (after
 * the last), SPACE.
 */
int chatalot_file_seal_chunk(const uint8_t state[47], const uint8_t *plain, size_t plain_length,
                             uint8_t last, uint8_t new_state[47],
                             uint8_t *sealed, size_t *sealed_length);

/* Errors: VERSION. */
int chatalot_file_open_begin(const uint8_t key[32], const uint8_t header[26], uint8_t state[47]);

/*
 * What opened is true as far as it goes; that the file is whole is known once *last is 1.
 * Errors: VERSION, FORMAT (state; after the last; a length or mark that cannot be there), AUTH
 * (changed, of another file, or not the next one), SPACE.
 */
int chatalot_file_open_chunk(const uint8_t state[47], const uint8_t *sealed, size_t sealed_length,
                             uint8_t new_state[47], uint8_t *plain, size_t *plain_length,
                             uint8_t *last);

/* Whether the last chunk has been sealed or opened. Errors: VERSION, FORMAT (it has not). */
int chatalot_file_ended(const uint8_t state[47]);

#ifdef __cplusplus
}
#endif

#endif /* CHATALOT_CRYPTO_H */
