/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Channel messages, DM messages and backups from the relay, with the binding that its entry
 * would give.
 */

#include "fuzz.h"

static uint8_t  own[64], secret[32], record[310], content_key[130], bound[CHATALOT_BINDING_MAX];
static uint8_t  channel_message[256], dm_message[256], backup[300];
static size_t   channel_length = 256, dm_length = 256, backup_length = 300;
static size_t   bound_length = CHATALOT_BINDING_MAX;


static void
set_up(void)
{
    size_t   length = 256;
    uint8_t  chain[270], next[270], key[238], item[256], id[16] = { 5 };

    make_device(own, secret, 1);
    MUST(chatalot_sender_chain_create(id, 1, own, secret, chain) == CHATALOT_OK
         && chatalot_sender_chain_share(chain, key) == CHATALOT_OK
         && chatalot_sender_key_accept(key, record) == CHATALOT_OK);
    MUST(chatalot_binding_make(id, 1, "message", 7, id, NULL, NULL, own, own + 16, bound,
                               &bound_length) == CHATALOT_OK);
    MUST(chatalot_dm_message_seal(bound, bound_length, id, 16, content_key, dm_message,
                                  &dm_length) == CHATALOT_OK
         && chatalot_channel_message_seal(chain, bound, bound_length, id, 16, next,
                                          channel_message, &channel_length) == CHATALOT_OK
         && chatalot_item_make(CHATALOT_ITEM_CONTENT_KEY, content_key, 130, item, &length)
            == CHATALOT_OK
         && chatalot_backup_seal(secret, own, item, length, backup, &backup_length)
            == CHATALOT_OK);
}


typedef int (*opening)(const uint8_t *data, size_t length, uint8_t *payload, size_t *room);


static int
open_channel(const uint8_t *data, size_t length, uint8_t *payload, size_t *room)
{
    uint8_t  next[310];

    return chatalot_channel_message_open(record, bound, bound_length, data, length, 0, next,
                                         payload, room);
}


static int
open_dm(const uint8_t *data, size_t length, uint8_t *payload, size_t *room)
{
    return chatalot_dm_message_open(content_key, bound, bound_length, data, length, payload, room);
}


static int
open_backup(const uint8_t *data, size_t length, uint8_t *payload, size_t *room)
{
    return chatalot_backup_open(secret, own, data, length, payload, room);
}


/* A true one, changed by the input: only as it was does it open. */
static void
changed(const uint8_t *valid, size_t valid_length, const uint8_t *data, size_t length,
        opening open)
{
    int             same;
    size_t          laid_length, room;
    uint8_t        *laid;
    static uint8_t  payload[8192];

    laid = overlay(valid, valid_length, data, length, &laid_length);
    /* not memcmp: the fuzzer reads along there, and would learn the true one and try it */
    same = laid_length == valid_length && sodium_memcmp(laid, valid, valid_length) == 0;
    room = sizeof(payload);
    MUST((open(laid, laid_length, payload, &room) == CHATALOT_OK) == same && (same || room == 0));
    free(laid);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    size_t          payload_length;
    uint8_t         next[310], id[16];
    uint32_t        counter;
    static int      ready;
    static uint8_t  payload[CHATALOT_PAYLOAD_MAX + 8192], framed[CHATALOT_PAYLOAD_MAX];

    if (!ready) {
        set_up();
        ready = 1;
    }

    chatalot_channel_message_inspect(data, length, id, &counter);

    payload_length = sizeof(payload);
    MUST(chatalot_channel_message_open(record, bound, bound_length, data, length, 0, next, payload,
                                       &payload_length) != CHATALOT_OK && payload_length == 0);
    payload_length = sizeof(payload);
    MUST(chatalot_dm_message_open(content_key, bound, bound_length, data, length, payload,
                                  &payload_length) != CHATALOT_OK && payload_length == 0);
    payload_length = sizeof(payload);
    MUST(chatalot_backup_open(secret, own, data, length, payload, &payload_length) != CHATALOT_OK
         && payload_length == 0);

    changed(channel_message, channel_length, data, length, open_channel);
    changed(dm_message, dm_length, data, length, open_dm);
    changed(backup, backup_length, data, length, open_backup);

    /* past the key id, which chance would not find */
    if (length > 18 && length <= sizeof(framed)) {
        memcpy(framed, data, length);
        memcpy(framed, record, 2);
        memcpy(framed + 2, record + 26, 16);
        payload_length = sizeof(payload);
        MUST(chatalot_channel_message_open(record, bound, bound_length, framed, length, 1, next,
                                           payload, &payload_length) != CHATALOT_OK);
    }

    /* and the data as the binding */
    payload_length = sizeof(payload);
    MUST(chatalot_dm_message_open(content_key, data, length, framed, sizeof(framed), payload,
                                  &payload_length) != CHATALOT_OK);
    chatalot_unpad(data, length, &payload_length);

    return 0;
}
