/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rows of PostgreSQL's results as JSON, with results made by hand. What nginx's main program would provide stands here.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_row.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


#define UUID  "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"


static unsigned      tests;
static unsigned      failures;
static ngx_pool_t   *pool;

volatile ngx_cycle_t  *ngx_cycle;
ngx_pid_t              ngx_pid;


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err, const char *fmt, ...)
{
}


static void
ok(int good, const char *name)
{
    printf("%sok %u - %s\n", good ? "" : "not ", ++tests, name);
    failures += !good;
}


static void
is(ngx_str_t *text, const char *expected, const char *name)
{
    ok(text->len == strlen(expected) && memcmp(text->data, expected, text->len) == 0, name);

    if (text->len != strlen(expected) || memcmp(text->data, expected, text->len) != 0) {
        printf("# got %.*s\n# not %s\n", (int) text->len, text->data, expected);
    }
}


/* Columns as "name type", with a NULL at the end. */

static PGresult *
result(const char *name, ...)
{
    va_list          args;
    PGresult        *r;
    unsigned         n;
    PGresAttDesc     columns[16];

    memset(columns, 0, sizeof(columns));
    va_start(args, name);

    for (n = 0; name; n++) {
        columns[n].name = (char *) name;
        columns[n].typid = va_arg(args, unsigned);
        columns[n].format = 1;
        name = va_arg(args, const char *);
    }

    va_end(args);

    r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PQsetResultAttrs(r, n, columns);

    return r;
}


/* len -1: null */

static void
set(PGresult *r, int row, int column, const char *value, int len)
{
    PQsetvalue(r, row, column, (char *) value, len);
}


static PGresult *
plain(void)
{
    return result("topic", 25, "control", 25, "payload", 114, NULL);
}


static PGresult *
with_members(void)
{
    return result("topic", 25, "control", 25, "payload", 25, "call", 20, "id", 2950, "seq", 20, "kind", 25, "bytes", 17,
                  "at", 1184, NULL);
}


static void
object(PGresult *r, int row, const char *bytes, int len)
{
    set(r, row, 4, UUID, 16);
    set(r, row, 5, "\x00\x00\x00\x00\x00\x00\x01\x02", 8);
    set(r, row, 6, "a\"b\n", 4);
    set(r, row, 7, bytes, len);
    set(r, row, 8, "\x00\x00\x00\x00\x00\x00\x07\xcf", 8);
}


static void
test_types(void)
{
    PGresult  *r;

    r = plain();
    ok(ngx_chatalot_row_good(r), "three columns");
    PQclear(r);

    r = with_members();
    ok(ngx_chatalot_row_good(r), "and members of all types that there are");
    PQclear(r);

    r = result("topic", 25, "control", 25, NULL);
    ok(!ngx_chatalot_row_good(r), "a column is missing");
    PQclear(r);

    r = result("topic", 25, "control", 25, "payload", 25, "call", 23, NULL);
    ok(!ngx_chatalot_row_good(r), "a call's number of another type");
    PQclear(r);

    r = result("topic", 25, "control", 25, "payload", 25, "call", 20, "price", 1700, NULL);
    ok(!ngx_chatalot_row_good(r), "a member of another type");
    PQclear(r);
}


static void
test_events(void)
{
    PGresult   *r;
    ngx_str_t   topic, control, payload;

    r = with_members();
    set(r, 0, 0, "ch:1", 4);
    set(r, 0, 1, "epoch 1", 7);
    set(r, 0, 2, "{\"type\":\"entry\"}", 16);
    set(r, 0, 3, "\x00\x00\x00\x00\x00\x00\x00\x07", 8);
    object(r, 0, "\xff\xfe\xfd\xfc", 4);

    ok(ngx_chatalot_row_call(r, 0) == 7, "whose row it is");
    ok(ngx_chatalot_row_event(pool, r, 0, &topic, &control, &payload) == NGX_OK, "an event with members");
    is(&topic, "ch:1", "its topic");
    is(&control, "epoch 1", "its control word");
    is(&payload, "{\"type\":\"entry\",\"id\":\"01234567-89ab-cdef-0123-456789abcdef\",\"seq\":258,\"kind\":\"a\\\"b\\n\","
       "\"bytes\":\"__79_A\",\"at\":946684800001}", "payload and members are one object");

    set(r, 1, 0, "u:1", 3);
    set(r, 1, 1, "", 0);
    set(r, 1, 2, "{\"type\":\"x\"}", 12);

    for (int i = 3; i < 9; i++) {
        set(r, 1, i, NULL, -1);
    }

    ok(ngx_chatalot_row_event(pool, r, 1, &topic, &control, &payload) == NGX_OK && ngx_chatalot_row_call(r, 1) == 0,
       "an event without, of no call");
    is(&payload, "{\"type\":\"x\"}", "is its payload");
    PQclear(r);
}


static void
test_replies(void)
{
    PGresult   *r;
    ngx_str_t   reply;

    r = plain();
    ok(ngx_chatalot_row_reply(pool, r, 0, &reply) == NGX_DECLINED, "no row, no reply");
    set(r, 0, 0, "ch:1", 4);
    set(r, 0, 1, "", 0);
    set(r, 0, 2, "{}", 2);
    ok(ngx_chatalot_row_reply(pool, r, 0, &reply) == NGX_DECLINED, "an event is none");
    set(r, 1, 0, NULL, -1);
    set(r, 1, 1, NULL, -1);
    set(r, 1, 2, "{\"a\":1}", 7);
    ok(ngx_chatalot_row_reply(pool, r, 0, &reply) == NGX_OK, "a row without a topic is one");
    is(&reply, "{\"a\":1}", "its payload");
    set(r, 1, 2, NULL, -1);
    ok(ngx_chatalot_row_reply(pool, r, 0, &reply) == NGX_ABORT, "one of nothing is told from none");
    PQclear(r);

    r = with_members();

    for (int row = 0; row < 5; row++) {
        for (int i = 0; i < 9; i++) {
            set(r, row, i, NULL, -1);
        }
    }

    set(r, 0, 2, "{\"list\":[", 9);
    object(r, 1, "", 0);
    object(r, 2, NULL, -1);
    set(r, 2, 5, "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
    set(r, 2, 6, "\x01", 1);
    set(r, 2, 8, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    set(r, 3, 2, "],\"more\":{}", 11);
    set(r, 4, 2, "}", 1);

    ok(ngx_chatalot_row_reply(pool, r, 0, &reply) == NGX_OK, "a reply of several rows");
    is(&reply, "{\"list\":[{\"id\":\"01234567-89ab-cdef-0123-456789abcdef\",\"seq\":258,\"kind\":\"a\\\"b\\n\",\"bytes\":\"\","
       "\"at\":946684800001},{\"id\":\"01234567-89ab-cdef-0123-456789abcdef\",\"seq\":-2,\"kind\":\"\\u0001\",\"bytes\":null,"
       "\"at\":946684799999}],\"more\":{}}", "has a comma between objects and nowhere else");

    for (int row = 0; row < 5; row++) {
        set(r, row, 3, row % 2 ? "\x00\x00\x00\x00\x00\x00\x00\x01" : "\x00\x00\x00\x00\x00\x00\x00\x02", 8);
    }

    set(r, 3, 2, "{\"b\":2}", 7);
    ok(ngx_chatalot_row_reply(pool, r, 1, &reply) == NGX_OK, "a reply to one of several calls");
    is(&reply, "{\"id\":\"01234567-89ab-cdef-0123-456789abcdef\",\"seq\":258,\"kind\":\"a\\\"b\\n\",\"bytes\":\"\","
       "\"at\":946684800001},{\"b\":2}", "is of its rows");
    ok(ngx_chatalot_row_reply(pool, r, 3, &reply) == NGX_DECLINED, "another call has none");
    PQclear(r);
}


int
main(void)
{
    static ngx_log_t  log;

    ngx_pagesize = 4096;
    ngx_cacheline_size = 64;
    pool = ngx_create_pool(16384, &log);

    test_types();
    test_events();
    test_replies();

    ngx_destroy_pool(pool);
    printf("1..%u\n", tests);

    return failures != 0;
}
