/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The frame parser, fed every kind of frame in every split: each scenario is parsed whole, byte by byte, cut at every
 * place, and (short ones) cut at every pair of places, and must say the same each time. The families are those of the
 * Autobahn suite: framing, pings, reserved bits, opcodes, fragmentation, UTF-8, closing, limits.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_chatalot_ws_frame.h"


#define LIMIT       (256 * 1024)
#define PAIRS_MAX   80          /* bytes of a scenario up to which all pairs of cuts are tried */


typedef struct {
    uint8_t  *data;
    size_t    len;
    size_t    size;
} bytes_t;


static int  tests, failed;


static void
append(bytes_t *b, const void *data, size_t len)
{
    if (b->len + len > b->size) {
        b->size = 2 * (b->len + len) + 64;
        b->data = realloc(b->data, b->size);
    }

    if (len) {
        memcpy(b->data + b->len, data, len);
    }

    b->len += len;
}


static void
print(bytes_t *b, const char *format, ...)
{
    int      n;
    char     text[256];
    va_list  args;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    append(b, text, n);
}


/* A masked frame as a client sends it; first is its first byte. */

static void
frame(bytes_t *b, uint8_t first, const void *payload, size_t len)
{
    size_t         i, n;
    uint8_t        header[NGX_CHATALOT_WS_HEADER_MAX], c;
    const uint8_t  mask[4] = { 0xa1, 0x00, 0x3c, 0xff }, *p = payload;

    n = ngx_chatalot_ws_frame_header(header, first & 0x0f, len);
    header[0] = first;
    header[1] |= 0x80;

    append(b, header, n);
    append(b, mask, 4);

    for (i = 0; i < len; i++) {
        c = p[i] ^ mask[i % 4];
        append(b, &c, 1);
    }
}


static void
text(bytes_t *b, uint8_t first, const char *payload)
{
    frame(b, first, payload, strlen(payload));
}


/* What the parser says, with messages put together: T(…) B(…) ping(…) pong(…) close 1000(…) error 1002. */

typedef struct {
    ngx_chatalot_ws_parser_t  parser;
    bytes_t                   message, control, told;
    int                       stopped;
} reader_t;


static void
tell(bytes_t *told, const char *what, const void *payload, size_t len)
{
    size_t          i;
    uint32_t        sum;
    const uint8_t  *p = payload;

    if (len > 40) {

        for (sum = 0, i = 0; i < len; i++) {
            sum = sum * 31 + p[i];
        }

        print(told, "%s(%zu bytes, %08x) ", what, len, sum);
        return;
    }

    print(told, "%s(", what);
    append(told, payload, len);
    print(told, ") ");
}


static void
feed(reader_t *r, const uint8_t *data, size_t len)
{
    int                      first;
    char                     what[32];
    bytes_t                 *b;
    uint8_t                 *copy, *pos;
    ngx_chatalot_ws_piece_t  piece;
    ngx_chatalot_ws_frame_e  rc;

    if (r->stopped) {
        return;
    }

    /* a copy of exactly this size, so that the sanitizer sees each step outside */
    copy = malloc(len ? len : 1);
    memcpy(copy, data, len);
    pos = copy;

    while ((rc = ngx_chatalot_ws_frame_parse(&r->parser, &pos, copy + len, &piece)) == NGX_CHATALOT_WS_FRAME_PIECE) {

        b = (piece.opcode & 0x08) ? &r->control : &r->message;
        first = piece.first;

        if (first != (b->len == 0) && !(b == &r->message && !first)) {
            print(&r->told, "bad-first ");
        }

        append(b, piece.data, piece.len);

        if (!piece.last) {
            continue;
        }

        switch (piece.opcode) {
        case NGX_CHATALOT_WS_TEXT:
            tell(&r->told, "T", b->data, b->len);
            break;
        case NGX_CHATALOT_WS_BINARY:
            tell(&r->told, "B", b->data, b->len);
            break;
        case NGX_CHATALOT_WS_PING:
            tell(&r->told, "ping", b->data, b->len);
            break;
        case NGX_CHATALOT_WS_PONG:
            tell(&r->told, "pong", b->data, b->len);
            break;
        case NGX_CHATALOT_WS_CLOSE:
            snprintf(what, sizeof(what), "close %u", piece.code);
            if (b->len >= 2) {
                memmove(b->data, b->data + 2, b->len -= 2);
            }
            tell(&r->told, what, b->data, b->len);
            break;
        default:
            print(&r->told, "bad-opcode ");
        }

        b->len = 0;
    }

    if (rc == NGX_CHATALOT_WS_FRAME_ERROR) {
        print(&r->told, "error %u", r->parser.error);
        r->stopped = 1;
    }

    free(copy);
}


static char *
parse(bytes_t *in, size_t limit, size_t a, size_t b)
{
    size_t    i;
    reader_t  r;

    memset(&r, 0, sizeof(r));
    ngx_chatalot_ws_frame_init(&r.parser, limit);

    if (b == 0) {
        for (i = 0; i < in->len; i += a) {
            feed(&r, in->data + i, (in->len - i < a) ? in->len - i : a);
        }

    } else {
        feed(&r, in->data, a);
        feed(&r, in->data + a, b - a);
        feed(&r, in->data + b, in->len - b);
    }

    append(&r.told, "", 1);
    free(r.message.data);
    free(r.control.data);

    return (char *) r.told.data;
}


static void
expect(const char *name, bytes_t *in, size_t limit, const char *expected)
{
    char    *told;
    size_t   a, b, tried, wrong;

    told = parse(in, limit, in->len + 1, 0);
    tests++;

    if (strcmp(told, expected)) {
        failed++;
        printf("not ok %d - %s\n# got:      %s\n# expected: %s\n", tests, name, told, expected);
        free(told);
        in->len = 0;
        return;
    }

    free(told);

    tried = 1;
    wrong = 0;

#define compare(x, y)                                                                  \
    told = parse(in, limit, x, y);                                                     \
    if (strcmp(told, expected) && wrong++ == 0) {                                      \
        printf("# cut at %zu and %zu: %s\n", (size_t) (x), (size_t) (y), told);        \
    }                                                                                  \
    free(told);                                                                        \
    tried++

    for (a = 1; a <= 17 && a <= in->len; a++) {
        compare(a, 0);
    }

    for (a = 1; a <= in->len; a++) {

        if (in->len > 2000 && a > 40 && a % 997) {
            continue;
        }

        compare(a, a);

        for (b = a + 1; in->len <= PAIRS_MAX && b <= in->len; b++) {
            compare(a, b);
        }
    }

    failed += (wrong != 0);
    printf("%sok %d - %s (%zu splits)\n", wrong ? "not " : "", tests, name, tried);
    in->len = 0;
}


static void
lengths(bytes_t *in)
{
    char                *payload, name[64];
    size_t               i;
    bytes_t              told = { 0 };
    static const size_t  sizes[] = { 0, 1, 7, 8, 9, 124, 125, 126, 127, 128, 255, 256, 65535, 65536, 65537, LIMIT };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {

        payload = malloc(sizes[i] + 1);
        memset(payload, '*', sizes[i]);

        told.len = 0;
        tell(&told, "T", payload, sizes[i]);
        tell(&told, "B", payload, sizes[i]);
        append(&told, "", 1);

        frame(in, 0x81, payload, sizes[i]);
        frame(in, 0x82, payload, sizes[i]);
        snprintf(name, sizeof(name), "1: text and binary of %zu bytes", sizes[i]);
        expect(name, in, LIMIT, (char *) told.data);

        free(payload);
    }

    free(told.data);
}


static void
control_frames(bytes_t *in)
{
    uint8_t  i;
    char     big[126], name[64];
    bytes_t  told = { 0 };

    text(in, 0x89, "");
    expect("2: ping without payload", in, LIMIT, "ping() ");

    text(in, 0x89, "Hello");
    text(in, 0x8a, "unasked");
    expect("2: ping and unasked pong", in, LIMIT, "ping(Hello) pong(unasked) ");

    text(in, 0x89, "\xff\xfe\x80");
    expect("2: ping payload is not checked as text", in, LIMIT, "ping(\xff\xfe\x80) ");

    memset(big, 'x', sizeof(big));

    tell(&told, "ping", big, 125);
    append(&told, "", 1);
    frame(in, 0x89, big, 125);
    expect("2: ping of 125 bytes", in, LIMIT, (char *) told.data);
    free(told.data);

    frame(in, 0x89, big, 126);
    expect("2: ping of 126 bytes", in, LIMIT, "error 1002");

    frame(in, 0x88, big, 126);
    expect("7: close of 126 bytes", in, LIMIT, "error 1002");

    for (i = 0x08; i <= 0x0a; i++) {
        text(in, i, "");
        snprintf(name, sizeof(name), "5: fragmented control frame, opcode %u", i);
        expect(name, in, LIMIT, "error 1002");
    }
}


static void
framing(bytes_t *in)
{
    uint8_t  i;
    char     name[64];

    for (i = 0x10; i <= 0x70; i += 0x10) {
        text(in, 0x81, "before");
        text(in, 0x81 | i, "x");
        snprintf(name, sizeof(name), "3: reserved bits %02x", i);
        expect(name, in, LIMIT, "T(before) error 1002");
    }

    for (i = 0x3; i <= 0xf; i++) {
        if (i >= 0x8 && i <= 0xa) {
            continue;
        }

        text(in, 0x80 | i, "x");
        snprintf(name, sizeof(name), "4: reserved opcode %u", i);
        expect(name, in, LIMIT, "error 1002");
    }

    append(in, "\x81\x05hello", 7);
    expect("unmasked frame", in, LIMIT, "error 1002");

    append(in, "\x81\xfe\x00\x7d", 4);
    expect("length 125 in 16 bits", in, LIMIT, "error 1002");

    append(in, "\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff", 10);
    expect("length 65535 in 64 bits", in, LIMIT, "error 1002");

    append(in, "\x82\xff\x80\x00\x00\x00\x00\x01\x00\x00", 10);
    expect("length with its highest bit set", in, LIMIT, "error 1002");

    append(in, "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
    expect("9: length of 2^63-1", in, LIMIT, "error 1009");

    append(in, "\x82\xff\x00\x00\x00\x00\x00\x04\x00\x01", 10);
    expect("9: one byte past the limit, refused at its header", in, LIMIT, "error 1009");

    text(in, 0x01, "0123456789");
    text(in, 0x89, "a ping does not count");
    text(in, 0x80, "012345");
    expect("9: fragments to the limit", in, 16, "ping(a ping does not count) T(0123456789012345) ");

    text(in, 0x01, "0123456789");
    text(in, 0x80, "0123456");
    expect("9: fragments past the limit", in, 16, "error 1009");

    text(in, 0x81, "0123456789");
    text(in, 0x81, "0123456789");
    expect("9: the limit is for each message", in, 16, "T(0123456789) T(0123456789) ");
}


static void
fragmentation(bytes_t *in)
{
    text(in, 0x01, "frag");
    text(in, 0x80, "ment");
    expect("5: two fragments", in, LIMIT, "T(fragment) ");

    text(in, 0x02, "a");
    text(in, 0x00, "");
    text(in, 0x00, "b");
    text(in, 0x80, "");
    expect("5: empty fragments", in, LIMIT, "B(ab) ");

    text(in, 0x01, "");
    text(in, 0x00, "");
    text(in, 0x80, "");
    expect("6: message of three empty fragments", in, LIMIT, "T() ");

    text(in, 0x01, "fr");
    text(in, 0x89, "in between");
    text(in, 0x00, "ag");
    text(in, 0x8a, "");
    text(in, 0x80, "ment");
    text(in, 0x81, "next");
    expect("5: control frames in between", in, LIMIT, "ping(in between) pong() T(fragment) T(next) ");

    text(in, 0x01, "fr");
    text(in, 0x88, "");
    expect("5: close in between", in, LIMIT, "close 1005() ");

    text(in, 0x80, "lost");
    expect("5: continuation of nothing", in, LIMIT, "error 1002");

    text(in, 0x81, "done");
    text(in, 0x00, "lost");
    expect("5: continuation of a finished message", in, LIMIT, "T(done) error 1002");

    text(in, 0x01, "frag");
    text(in, 0x81, "new");
    expect("5: new message inside a fragmented one", in, LIMIT, "error 1002");
}


typedef struct {
    const char  *name;
    const char  *payload;
    int          good;
} utf8_t;

static const utf8_t  utf8_cases[] = {
    { "first of two bytes", "\xc2\x80", 1 },
    { "last of two bytes", "\xdf\xbf", 1 },
    { "first of three bytes", "\xe0\xa0\x80", 1 },
    { "before the surrogates", "\xed\x9f\xbf", 1 },
    { "after the surrogates", "\xee\x80\x80", 1 },
    { "noncharacters", "\xef\xbf\xbe\xef\xbf\xbf", 1 },
    { "first of four bytes", "\xf0\x90\x80\x80", 1 },
    { "U+10FFFF", "\xf4\x8f\xbf\xbf", 1 },
    { "mixed, with a long run of ASCII", "aaaaaaaaaaaaaaa\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 aaaaaaa\xf0\x9f\x98\x80", 1 },
    { "past U+10FFFF", "\xf4\x90\x80\x80", 0 },
    { "lead f5", "\xf5\x80\x80\x80", 0 },
    { "lead ff", "\xff", 0 },
    { "overlong two bytes", "\xc0\xaf", 0 },
    { "overlong c1", "\xc1\xbf", 0 },
    { "overlong three bytes", "\xe0\x9f\xbf", 0 },
    { "overlong four bytes", "\xf0\x8f\xbf\xbf", 0 },
    { "first surrogate", "\xed\xa0\x80", 0 },
    { "last surrogate", "\xed\xbf\xbf", 0 },
    { "surrogate pair", "\xed\xa0\x80\xed\xb0\x80", 0 },
    { "lone continuation", "a\x80", 0 },
    { "lone lead", "\xc3 a", 0 },
    { "cut off after one", "\xe2", 0 },
    { "cut off after two", "aaaaaaaa\xe2\x82", 0 },
    { "cut off after three", "\xf0\x9f\x98", 0 },
};


static void
utf8(bytes_t *in)
{
    char           name[80], told[160];
    size_t         i, j, len;
    const utf8_t  *c;

    for (i = 0; i < sizeof(utf8_cases) / sizeof(utf8_cases[0]); i++) {

        c = &utf8_cases[i];
        len = strlen(c->payload);

        /* in one frame, then in fragments of one byte */

        text(in, 0x81, c->payload);

        snprintf(told, sizeof(told), c->good ? "T(%s) " : "error 1007", c->payload);
        snprintf(name, sizeof(name), "6: %s", c->name);
        expect(name, in, LIMIT, told);

        for (j = 0; j < len; j++) {
            frame(in, (j ? 0x00 : 0x01) | (j + 1 == len ? 0x80 : 0), c->payload + j, 1);
        }

        snprintf(name, sizeof(name), "6: %s, in fragments", c->name);
        expect(name, in, LIMIT, told);

        frame(in, 0x82, c->payload, len);
        text(in, 0x89, c->payload);
        snprintf(told, sizeof(told), "B(%s) ping(%s) ", c->payload, c->payload);
        snprintf(name, sizeof(name), "6: %s, where it does not matter", c->name);
        expect(name, in, LIMIT, told);
    }

    /* fail fast: the frame is not complete, its first bytes already condemn it */

    append(in, "\x81\x85\0\0\0\0\xf4\x90", 8);
    expect("6: condemned before its end", in, LIMIT, "error 1007");
}


static void
closing(bytes_t *in)
{
    char             payload[130], name[64], told[64];
    size_t           i;
    bytes_t          reason = { 0 };
    static const struct {
        uint16_t  code;
        int       good;
    } codes[] = {
        { 0, 0 }, { 1, 0 }, { 999, 0 }, { 1000, 1 }, { 1001, 1 }, { 1002, 1 }, { 1003, 1 }, { 1004, 0 }, { 1005, 0 },
        { 1006, 0 }, { 1007, 1 }, { 1008, 1 }, { 1009, 1 }, { 1010, 1 }, { 1011, 1 }, { 1012, 1 }, { 1013, 1 },
        { 1014, 1 }, { 1015, 0 }, { 1016, 0 }, { 1100, 0 }, { 2000, 0 }, { 2999, 0 }, { 3000, 1 }, { 3999, 1 },
        { 4000, 1 }, { 4999, 1 }, { 5000, 0 }, { 65535, 0 }
    };

    text(in, 0x88, "");
    expect("7: close without payload", in, LIMIT, "close 1005() ");

    frame(in, 0x88, "\x03", 1);
    expect("7: close with one byte", in, LIMIT, "error 1002");

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        payload[0] = codes[i].code >> 8;
        payload[1] = codes[i].code & 0xff;
        memcpy(payload + 2, "bye", 3);

        frame(in, 0x88, payload, 5);
        snprintf(told, sizeof(told), codes[i].good ? "close %u(bye) " : "error 1002", codes[i].code);
        snprintf(name, sizeof(name), "7: close code %u", codes[i].code);
        expect(name, in, LIMIT, told);
    }

    frame(in, 0x88, "\x03\xe8", 2);
    expect("7: close code without reason", in, LIMIT, "close 1000() ");

    frame(in, 0x88, "\x03\xe8\xce\xba\xce", 5);
    expect("7: reason cut inside a character", in, LIMIT, "error 1007");

    frame(in, 0x88, "\x03\xe8\xed\xa0\x80", 5);
    expect("7: reason with a surrogate", in, LIMIT, "error 1007");

    memset(payload, 'r', sizeof(payload));
    payload[0] = 0x03;
    payload[1] = (char) 0xe8;
    tell(&reason, "close 1000", payload + 2, 123);
    append(&reason, "", 1);
    frame(in, 0x88, payload, 125);
    expect("7: reason of 123 bytes", in, LIMIT, (char *) reason.data);
    free(reason.data);

    text(in, 0x81, "\xc3");
    expect("7: text cut inside a character at its end", in, LIMIT, "error 1007");
}


static void
encoder(void)
{
    size_t   i, n;
    uint8_t  header[NGX_CHATALOT_WS_HEADER_MAX];

    static const struct {
        uint64_t     len;
        size_t       size;
        const char  *bytes;
    } cases[] = {
        { 0, 2, "\x81\x00" },
        { 125, 2, "\x81\x7d" },
        { 126, 4, "\x81\x7e\x00\x7e" },
        { 65535, 4, "\x81\x7e\xff\xff" },
        { 65536, 10, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00" },
        { 0x0102030405060708, 10, "\x81\x7f\x01\x02\x03\x04\x05\x06\x07\x08" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = ngx_chatalot_ws_frame_header(header, NGX_CHATALOT_WS_TEXT, cases[i].len);
        tests++;

        if (n == cases[i].size && memcmp(header, cases[i].bytes, n) == 0) {
            printf("ok %d - header for %llu bytes\n", tests, (unsigned long long) cases[i].len);

        } else {
            failed++;
            printf("not ok %d - header for %llu bytes\n", tests, (unsigned long long) cases[i].len);
        }
    }
}


int
main(void)
{
    bytes_t  in = { 0 };

    lengths(&in);
    control_frames(&in);
    framing(&in);
    fragmentation(&in);
    utf8(&in);
    closing(&in);
    encoder();

    printf("1..%d\n", tests);
    free(in.data);

    return failed != 0;
}
