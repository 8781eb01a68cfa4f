/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Items: keys in a row, as they go into a backup or to a device that asks. It must not know who
 * sends or seals them.
 */

#include "bytes.h"
#include "identity.h"
#include "items.h"
#include "wire.h"

#define ITEM_HEADER     3       /* kind, length of the body */


int
item_check(uint8_t kind, const uint8_t *body, size_t length)
{
    size_t  expected;

    switch (kind) {
    case CHATALOT_ITEM_SENDER_KEY:
        expected = CHATALOT_SENDER_KEY_LENGTH;
        break;
    case CHATALOT_ITEM_CONTENT_KEY:
        expected = CHATALOT_CONTENT_KEY_LENGTH;
        break;
    case CHATALOT_ITEM_IDENTITY:
        return length == CHATALOT_IDENTITY_LENGTH ? identity_check(body) : CHATALOT_E_FORMAT;
    default:
        return CHATALOT_OK;
    }

    return length == expected ? check_prefix(body) : CHATALOT_E_FORMAT;
}


int
chatalot_item_make(uint8_t kind, const uint8_t *body, size_t body_length,
                   uint8_t *item, size_t *item_length)
{
    int     rc;
    writer  w;

    if (!item_length) {
        return CHATALOT_E_PARAMETERS;
    }

    writer_init(&w, item, *item_length);
    *item_length = 0;

    if (!body || !item) {
        return CHATALOT_E_PARAMETERS;
    }

    if (kind != CHATALOT_ITEM_SENDER_KEY && kind != CHATALOT_ITEM_CONTENT_KEY
        && kind != CHATALOT_ITEM_IDENTITY)
    {
        return CHATALOT_E_VERSION;
    }

    rc = item_check(kind, body, body_length);
    if (rc != CHATALOT_OK) {
        return rc;
    }

    write_u8(&w, kind);
    write_u16(&w, (uint16_t) body_length);
    write_bytes(&w, body, body_length);

    return writer_end(&w, item_length);
}


int
chatalot_items_next(const uint8_t *items, size_t items_length, size_t *offset,
                    uint8_t *kind, size_t *body_offset, size_t *body_length)
{
    reader  r;

    if (!items || !offset || !kind || !body_offset || !body_length) {
        return CHATALOT_E_PARAMETERS;
    }

    if (*offset > items_length) {
        return CHATALOT_E_FORMAT;
    }

    reader_init(&r, items + *offset, items_length - *offset);
    *kind = read_u8(&r);
    *body_length = read_u16(&r);

    if (read_view(&r, *body_length) == NULL) {
        *body_length = 0;
        return CHATALOT_E_FORMAT;
    }

    *body_offset = *offset + ITEM_HEADER;
    *offset += r.at;

    return CHATALOT_OK;
}


int
items_check(const uint8_t *items, size_t length)
{
    int      rc;
    size_t   offset, body_offset, body_length;
    uint8_t  kind;

    for (offset = 0; offset < length; ) {
        rc = chatalot_items_next(items, length, &offset, &kind, &body_offset, &body_length);

        if (rc == CHATALOT_OK) {
            rc = item_check(kind, items + body_offset, body_length);
        }

        if (rc != CHATALOT_OK) {
            return rc;
        }
    }

    return CHATALOT_OK;
}
