/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base64url (RFC 4648, section 5, without padding), UUIDs (RFC 9562) and UTF-8 (RFC 3629). nginx's own UTF-8 decoder lets
 * surrogates pass, and yajl's over-long forms too; PostgreSQL takes neither.
 */

#include "ngx_chatalot_params.h"

#include <sodium.h>


/* libsodium's decoder is strict about stray bits and does not leak the value through its timing. */

ngx_int_t
ngx_chatalot_bytes_decode(ngx_str_t *text, u_char *bytes, size_t len)
{
    size_t  n;

    if (text->len != ngx_chatalot_bytes_encoded_len(len)) {
        return NGX_DECLINED;
    }

    if (sodium_base642bin(bytes, len, (const char *) text->data, text->len,
                          NULL, &n, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING)
        != 0 || n != len)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


u_char *
ngx_chatalot_bytes_encode(u_char *dst, const u_char *bytes, size_t len)
{
    size_t  i;
    u_int   n;

    static const u_char  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    for (i = 0; i + 2 < len; i += 3) {
        n = (u_int) bytes[i] << 16 | (u_int) bytes[i + 1] << 8 | bytes[i + 2];

        *dst++ = alphabet[n >> 18];
        *dst++ = alphabet[(n >> 12) & 0x3f];
        *dst++ = alphabet[(n >> 6) & 0x3f];
        *dst++ = alphabet[n & 0x3f];
    }

    if (i + 1 == len) {
        *dst++ = alphabet[bytes[i] >> 2];
        *dst++ = alphabet[(bytes[i] & 0x03) << 4];

    } else if (i + 2 == len) {
        *dst++ = alphabet[bytes[i] >> 2];
        *dst++ = alphabet[(bytes[i] & 0x03) << 4 | bytes[i + 1] >> 4];
        *dst++ = alphabet[(bytes[i + 1] & 0x0f) << 2];
    }

    return dst;
}


ngx_int_t
ngx_chatalot_uuid_decode(ngx_str_t *text, u_char *uuid)
{
    u_char   c, digit;
    size_t   i, nibble;

    if (text->len != 36) {
        return NGX_DECLINED;
    }

    nibble = 0;

    for (i = 0; i < 36; i++) {
        c = text->data[i];

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') {
                return NGX_DECLINED;
            }

            continue;
        }

        if (c >= '0' && c <= '9') {
            digit = c - '0';

        } else if (c >= 'a' && c <= 'f') {
            digit = c - 'a' + 10;

        } else {
            return NGX_DECLINED;
        }

        if (nibble & 1) {
            uuid[nibble / 2] |= digit;

        } else {
            uuid[nibble / 2] = (u_char) (digit << 4);
        }

        nibble++;
    }

    return NGX_OK;
}


u_char *
ngx_chatalot_uuid_encode(u_char *dst, const u_char *uuid)
{
    size_t  i;

    static const u_char  digits[] = "0123456789abcdef";

    for (i = 0; i < 16; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *dst++ = '-';
        }

        *dst++ = digits[uuid[i] >> 4];
        *dst++ = digits[uuid[i] & 0x0f];
    }

    return dst;
}


ngx_int_t
ngx_chatalot_utf8_count(const u_char *text, size_t len)
{
    u_char         low, high;
    size_t         i, rest;
    ngx_int_t      count;
    const u_char  *p, *last;

    p = text;
    last = text + len;

    for (count = 0; p < last; count++) {

        if (*p < 0x80) {
            p++;
            continue;
        }

        /* the first byte tells the length, and the bounds of the second where the whole range would be too much */

        low = (*p == 0xe0) ? 0xa0 : (*p == 0xf0) ? 0x90 : 0x80;
        high = (*p == 0xed) ? 0x9f : (*p == 0xf4) ? 0x8f : 0xbf;
        rest = (*p >= 0xf0) ? 3 : (*p >= 0xe0) ? 2 : 1;

        if (*p < 0xc2 || *p > 0xf4 || (size_t) (last - p) <= rest) {
            return NGX_ERROR;
        }

        p++;

        for (i = 0; i < rest; i++, p++) {
            if (*p < low || *p > high) {
                return NGX_ERROR;
            }

            low = 0x80;
            high = 0xbf;
        }
    }

    return count;
}
