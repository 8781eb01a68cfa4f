/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The router: what matches, what does not, what cannot be added, and that no path, however odd, is read past its end
 * (each is looked up in a block of exactly its length, under the sanitizers).
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_chatalot_rest_router.h"


#define GET     NGX_CHATALOT_REST_GET
#define POST    NGX_CHATALOT_REST_POST
#define DELETE  NGX_CHATALOT_REST_DELETE


typedef struct {
    ngx_chatalot_rest_method_e   method;
    const char                  *path;
} row_t;


static int                         tests, failed;
static ngx_chatalot_rest_router_t  router;

static const row_t  table[] = {
    { GET,    "/api/health" },                              /* 0 */
    { GET,    "/api/things" },
    { POST,   "/api/things" },
    { GET,    "/api/things/{thing}" },
    { DELETE, "/api/things/{thing}" },
    { GET,    "/api/things/{thing}/parts" },                /* 5 */
    { DELETE, "/api/things/{thing}/parts/{part}" },
    { GET,    "/api/thing" },
    { POST,   "/api/a/b/c/d/e/f" },
    { GET,    "/api/codes/{code}" },
    { POST,   "/api/codes/{code}/use" },                    /* 10 */
    { POST,   "/api/codes/poll" },
    { DELETE, "/api/codes/{code}" }
};


static void
ok(int good, const char *name, const char *detail)
{
    printf("%s %d - %s%s%s\n", good ? "ok" : "not ok", ++tests, name,
           detail ? " " : "", detail ? detail : "");
    failed += !good;
}


static const char *
add(ngx_chatalot_rest_router_t *to, ngx_chatalot_rest_method_e method,
    const char *path, ngx_int_t route)
{
    ngx_str_t  text;

    text.data = (u_char *) path;
    text.len = strlen(path);

    return ngx_chatalot_rest_router_add(to, method, &text, route);
}


/* "route value value", "405" or "404" */

static void
find(ngx_chatalot_rest_method_e method, const char *bytes, size_t len,
    char *found, size_t size)
{
    char                       *copy;
    size_t                      used;
    ngx_str_t                   path;
    ngx_uint_t                  i;
    ngx_chatalot_rest_match_t   match;

    copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    path.data = (u_char *) copy;
    path.len = len;

    if (ngx_chatalot_rest_router_find(&router, &path, &match) != NGX_OK) {
        snprintf(found, size, "404");

    } else if (match.routes[method] == NGX_CHATALOT_REST_NO_ROUTE) {
        snprintf(found, size, "405");

    } else {
        used = snprintf(found, size, "%d", (int) match.routes[method]);

        for (i = 0; i < match.n; i++) {
            used += snprintf(found + used, size - used, " %.*s",
                             (int) match.values[i].len,
                             (char *) match.values[i].data);
        }
    }

    free(copy);
}


static void
is(ngx_chatalot_rest_method_e method, const char *path, const char *expected)
{
    char  found[512];

    find(method, path, strlen(path), found, sizeof(found));

    ok(strcmp(found, expected) == 0, path, expected);

    if (strcmp(found, expected)) {
        printf("# got: %s\n", found);
    }
}


static void
matching(void)
{
    is(GET, "/api/health", "0");
    is(GET, "/api/things", "1");
    is(POST, "/api/things", "2");
    is(GET, "/api/things/x", "3 x");
    is(DELETE, "/api/things/x", "4 x");
    is(GET, "/api/things/x/parts", "5 x");
    is(DELETE, "/api/things/x/parts/y", "6 x y");
    is(GET, "/api/thing", "7");
    is(POST, "/api/a/b/c/d/e/f", "8");

    is(POST, "/api/codes/poll", "11");
    is(GET, "/api/codes/x", "9 x");
    is(DELETE, "/api/codes/x", "12 x");
    is(POST, "/api/codes/x/use", "10 x");
    is(GET, "/api/codes/pol", "9 pol");
    is(GET, "/api/codes/polls", "9 polls");
    is(GET, "/api/codes/poll", "405");
    is(POST, "/api/codes/poll/use", "404");

    is(POST, "/api/health", "405");
    is(DELETE, "/api/things", "405");
    is(GET, "/api/things/x/parts/y", "405");

    is(GET, "", "404");
    is(GET, "/", "404");
    is(GET, "//", "404");
    is(GET, "/api", "404");
    is(GET, "/api/", "404");
    is(GET, "api/things", "404");
    is(GET, "/api/things/", "404");
    is(GET, "/api/things//parts", "404");
    is(GET, "/api/things/x/", "404");
    is(GET, "/api/things/x/parts/", "404");
    is(GET, "/api/things/x/parts/y/z", "404");
    is(GET, "/api/thingsx", "404");
    is(GET, "/api/thin", "404");
    is(GET, "/API/things", "404");
    is(GET, "/api/a/b/c/d/e", "404");
    is(GET, "/api/things/{thing}", "3 {thing}");
    is(GET, "/api/things/\xc3\xa9", "3 \xc3\xa9");
}


static void
refusing(void)
{
    int                                  i;
    char                                *path;
    static char                          paths[NGX_CHATALOT_REST_ROUTER_NODES][16];
    static ngx_chatalot_rest_router_t    other;

    ngx_chatalot_rest_router_init(&other);

    ok(add(&other, GET, "/a/{b}/c", 0) == NULL, "a path is added", NULL);
    ok(add(&other, POST, "/a/{other}/c", 1) == NULL,
       "a parameter may have another name in another method", NULL);
    ok(add(&other, GET, "/a/{b}/c", 2) != NULL, "the same again is refused",
       NULL);
    ok(add(&other, GET, "", 5) != NULL, "an empty path is refused", NULL);
    ok(add(&other, GET, "/", 5) != NULL, "the root is refused", NULL);
    ok(add(&other, GET, "a/b", 5) != NULL, "no slash is refused", NULL);
    ok(add(&other, GET, "/x//y", 5) != NULL, "an empty segment is refused",
       NULL);
    ok(add(&other, GET, "/x/", 5) != NULL, "a slash at the end is refused",
       NULL);
    ok(add(&other, GET, "/x/{y", 5) != NULL,
       "a parameter without end is refused", NULL);
    ok(add(&other, GET, "/x/{}", 5) != NULL,
       "a parameter without name is refused", NULL);
    ok(add(&other, GET, "/p/{a}/{b}/{c}/{d}/{e}", 5) != NULL,
       "more parameters than there is room for are refused", NULL);

    ngx_chatalot_rest_router_init(&other);

    for (i = 0; i < NGX_CHATALOT_REST_ROUTER_NODES; i++) {
        path = paths[i];
        snprintf(path, sizeof(paths[i]), "/%d", i);

        if (add(&other, GET, path, i)) {
            break;
        }
    }

    ok(i == NGX_CHATALOT_REST_ROUTER_NODES - 1,
       "a table that is too large is refused, not written past its end", NULL);
}


/* All paths of up to 7 characters from a small alphabet, and long ones. */

static void
oddities(void)
{
    char                 path[4096], found[512];
    size_t               len, i;
    unsigned long        n, all, k;
    static const char    alphabet[] = "/a{}p\0";

    for (len = 0, all = 1; len <= 7; len++, all *= 6) {

        for (n = 0; n < all; n++) {

            for (i = 0, k = n; i < len; i++, k /= 6) {
                path[i] = alphabet[k % 6];
            }

            find(GET, path, len, found, sizeof(found));
        }
    }

    ok(1, "every path of up to 7 odd characters is survived", NULL);

    memset(path, '/', sizeof(path));
    find(GET, path, sizeof(path), found, sizeof(found));
    ok(strcmp(found, "404") == 0, "4096 slashes", NULL);

    for (i = 0; i < sizeof(path); i++) {
        path[i] = i % 2 ? 'a' : '/';
    }

    find(GET, path, sizeof(path), found, sizeof(found));
    ok(strcmp(found, "404") == 0, "2048 segments", NULL);

    memset(path, 'x', sizeof(path));
    memcpy(path, "/api/things/", 12);
    find(DELETE, path, 300, found, sizeof(found));
    ok(strncmp(found, "4 xxx", 5) == 0 && strlen(found) == 2 + 288,
       "a long value is given whole", NULL);
}


int
main(void)
{
    size_t       i;
    const char  *reason;

    ngx_chatalot_rest_router_init(&router);

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        reason = add(&router, table[i].method, table[i].path, i);
        ok(reason == NULL, table[i].path, reason);
    }

    matching();
    refusing();
    oddities();

    printf("1..%d\n", tests);

    return failed ? 1 : 0;
}
