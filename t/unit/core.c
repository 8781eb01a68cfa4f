/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The pure parts of the core: JSON, declared parameters, encodings and tokens, on nginx's own pools. What nginx's
 * main program would provide (time, settings, log) stands here.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_json.h"
#include "ngx_chatalot_jwt.h"
#include "ngx_chatalot_params.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>


static unsigned                   tests;
static unsigned                   failures;
static ngx_pool_t                *pool;
static ngx_chatalot_main_conf_t   settings;
static ngx_time_t                 now;

volatile ngx_time_t              *ngx_cached_time = &now;
volatile ngx_str_t                ngx_cached_err_log_time;
volatile ngx_cycle_t             *ngx_cycle;
ngx_pid_t                         ngx_pid;


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


ngx_chatalot_main_conf_t *
ngx_chatalot_conf(void)
{
    return &settings;
}


static void
ok(int good, const char *name, ...)
{
    va_list  args;

    printf("%sok %u - ", good ? "" : "not ", ++tests);
    va_start(args, name);
    vprintf(name, args);
    va_end(args);
    printf("\n");

    failures += !good;
}


static ngx_str_t
str(const char *text)
{
    ngx_str_t  s;

    s.len = strlen(text);
    s.data = ngx_pnalloc(pool, s.len + 1);
    memcpy(s.data, text, s.len);

    return s;
}


static int
is(ngx_str_t *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}


static ngx_chatalot_json_t *
parse(const char *text)
{
    ngx_str_t    s;
    const char  *reason;

    s = str(text);

    return ngx_chatalot_json_parse(pool, &s, &reason);
}


static int
printable(const char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            return 0;
        }
    }

    return 1;
}


static void
test_json_values(void)
{
    yajl_gen              gen;
    ngx_str_t             text;
    ngx_chatalot_json_t  *json, *list;

    json = parse("{\"a\":-9223372036854775808,\"b\":9223372036854775807,"
                 "\"c\":9223372036854775808,\"d\":1.5,\"e\":\"x\\u00e9\\n\","
                 "\"f\":[true,false,null,{}],\"g\":\"\"}");

    ok(json && json->type == NGX_CHATALOT_JSON_OBJECT && json->count == 7,
       "an object has its members");
    ok(ngx_chatalot_json_member(json, "a")->integer == INT64_MIN,
       "the smallest integer");
    ok(ngx_chatalot_json_member(json, "b")->integer == INT64_MAX,
       "the largest integer");
    ok(ngx_chatalot_json_member(json, "c")->type == NGX_CHATALOT_JSON_NUMBER,
       "one more is no integer");
    ok(ngx_chatalot_json_member(json, "d")->type == NGX_CHATALOT_JSON_NUMBER,
       "a fraction is no integer");

    text = ngx_chatalot_json_string(json, "e");
    ok(is(&text, "x\xc3\xa9\n"), "escapes are decoded");

    list = parse("[\"\\ud83d\\ude00\",\"\\\\ud800\"]");
    ok(list && is(&list->first->string, "\xf0\x9f\x98\x80")
       && is(&list->first->next->string, "\\ud800"),
       "a surrogate pair is one character, and what only looks like half a pair is none");

    text = ngx_chatalot_json_string(json, "g");
    ok(text.len == 0, "an empty string");

    text = ngx_chatalot_json_string(json, "nothing");
    ok(text.len == 0, "what is not there is empty");

    list = ngx_chatalot_json_member(json, "f");
    ok(list->count == 4 && list->first->integer == 1
       && list->first->next->next->type == NGX_CHATALOT_JSON_NULL,
       "a list keeps its order");

    gen = ngx_chatalot_json_gen(pool);
    ngx_chatalot_json_put_tree(gen, NULL, json);
    ok(ngx_chatalot_json_finish(gen, &text) == NGX_OK
       && is(&text, "{\"a\":-9223372036854775808,\"b\":9223372036854775807,"
             "\"c\":9223372036854775808,\"d\":1.5,\"e\":\"x\xc3\xa9\\n\","
             "\"f\":[true,false,null,{}],\"g\":\"\"}"),
       "a tree is written as it was read");

    gen = ngx_chatalot_json_gen(pool);
    yajl_gen_map_open(gen);
    ok(ngx_chatalot_json_finish(gen, &text) == NGX_ERROR,
       "an unfinished text is an error");
}


static void
test_json_refusals(void)
{
    char        *deep, *many;
    size_t       i, n;
    ngx_str_t    s;
    const char  *reason;

    static const char  *bad[] = {
        "", " ", "{", "}", "[1,]", "{\"a\":}", "{\"a\" 1}", "{} {}", "nul",
        "01", "+1", ".5", "1.", "\"\\x\"", "\"\x01\"", "\"\xff\"",
        "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"a\\u0000b\"", "{\"\\u0000\":1}",
        "\"\\ud800\"", "\"\\ud83dx\"", "\"\\ud83d\\u0041\"", "\"\\ud83d\\ud83d\\ude00\"",
        "\"\\ude00\"", "\"\\ud83d\\ude00\\ude00\"", "{\"\\udfff\":1}", "\"\\\\\\uD800\"",
        "{'a':1}", "[1 2]", "// x\n1"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);
        ok(ngx_chatalot_json_parse(pool, &s, &reason) == NULL, "refused: %s",
           printable(bad[i]) ? bad[i] : "(bytes that do not print)");
    }

    deep = calloc(1, 64);
    memset(deep, '[', NGX_CHATALOT_JSON_DEPTH);
    memset(deep + NGX_CHATALOT_JSON_DEPTH, ']', NGX_CHATALOT_JSON_DEPTH);
    ok(parse(deep) != NULL, "as deep as allowed");

    memset(deep, '[', NGX_CHATALOT_JSON_DEPTH + 1);
    memset(deep + NGX_CHATALOT_JSON_DEPTH + 1, ']',
           NGX_CHATALOT_JSON_DEPTH + 1);
    ok(parse(deep) == NULL, "one level deeper");
    free(deep);

    n = NGX_CHATALOT_JSON_VALUES;
    many = calloc(2, n + 2);
    many[0] = '[';

    for (i = 0; i < n - 1; i++) {
        many[1 + 2 * i] = '1';
        many[2 + 2 * i] = ',';
    }

    many[2 * n - 2] = ']';
    ok(parse(many) != NULL, "as many values as allowed");

    many[2 * n - 2] = ',';
    many[2 * n - 1] = '1';
    many[2 * n] = ']';
    ok(parse(many) == NULL, "one value more");
    free(many);
}


static const ngx_chatalot_param_t  items[] = {
    { ngx_string("id"), NGX_CHATALOT_INTEGER, NGX_CHATALOT_IN_BODY,
      NGX_CHATALOT_REQUIRED, 0, 4294967295, NULL },
    ngx_chatalot_params_end
};

static const ngx_chatalot_param_t  fields[] = {
    { ngx_string("id"), NGX_CHATALOT_UUID, NGX_CHATALOT_IN_BODY,
      NGX_CHATALOT_REQUIRED, 0, 0, NULL },
    { ngx_string("name"), NGX_CHATALOT_STRING, NGX_CHATALOT_IN_BODY,
      NGX_CHATALOT_OPTIONAL, 1, 4, NULL },
    { ngx_string("user"), NGX_CHATALOT_USERNAME, NGX_CHATALOT_IN_BODY,
      NGX_CHATALOT_OPTIONAL, 0, 0, NULL },
    { ngx_string("key"), NGX_CHATALOT_BYTES, NGX_CHATALOT_IN_BODY,
      NGX_CHATALOT_OPTIONAL, 1, 4, NULL },
    { ngx_string("n"), NGX_CHATALOT_INTEGER, NGX_CHATALOT_IN_BODY,
      NGX_CHATALOT_OPTIONAL, -5, 5, NULL },
    { ngx_string("flag"), NGX_CHATALOT_BOOLEAN, NGX_CHATALOT_IN_BODY,
      NGX_CHATALOT_OPTIONAL, 0, 0, NULL },
    { ngx_string("sub"), NGX_CHATALOT_OBJECT, NGX_CHATALOT_IN_BODY,
      NGX_CHATALOT_OPTIONAL, 0, 0, items },
    { ngx_string("list"), NGX_CHATALOT_LIST, NGX_CHATALOT_IN_BODY,
      NGX_CHATALOT_OPTIONAL, 1, 2, items },
    { ngx_string("ids"), NGX_CHATALOT_LIST, NGX_CHATALOT_IN_BODY,
      NGX_CHATALOT_OPTIONAL, 0, 2, NULL },
    { ngx_string("map"), NGX_CHATALOT_MAP, NGX_CHATALOT_IN_BODY,
      NGX_CHATALOT_OPTIONAL, 0, 1, NULL },
    { ngx_string("limit"), NGX_CHATALOT_INTEGER, NGX_CHATALOT_IN_QUERY,
      NGX_CHATALOT_OPTIONAL, 1, 100, NULL },
    ngx_chatalot_params_end
};

#define ID  "\"id\":\"00000000-0000-7000-8000-00000000000a\""


static void
test_params(void)
{
    size_t                   i;
    char                     text[512];
    ngx_chatalot_problem_t   problem;

    /* what follows the id; the code and field of the refusal, or NULL */

    static const struct {
        const char  *text;
        const char  *code;
        const char  *field;
    } cases[] = {
        { "", NULL, NULL },
        { ",\"name\":\"a\"", NULL, NULL },
        { ",\"name\":null", NULL, NULL },
        { ",\"name\":\"\"", "invalid_field", "name" },
        { ",\"name\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"", NULL, NULL },
        { ",\"name\":\"abcde\"", "invalid_field", "name" },
        { ",\"name\":1", "invalid_field", "name" },
        { ",\"name\":\"a\",\"name\":\"b\"", "invalid_field", "name" },
        { ",\"other\":1", "unknown_field", "other" },
        { ",\"limit\":1", "unknown_field", "limit" },
        { ",\"user\":\"Ann.B-c_9\"", NULL, NULL },
        { ",\"user\":\"ab\"", "invalid_field", "user" },
        { ",\"user\":\"a b\"", "invalid_field", "user" },
        { ",\"user\":\"\xc3\xa9\xc3\xa9\"", "invalid_field", "user" },
        { ",\"key\":\"AA\"", NULL, NULL },
        { ",\"key\":\"AB\"", "invalid_field", "key" },
        { ",\"key\":\"AAA\"", NULL, NULL },
        { ",\"key\":\"AAB\"", "invalid_field", "key" },
        { ",\"key\":\"AA==\"", "invalid_field", "key" },
        { ",\"key\":\"AA+_\"", "invalid_field", "key" },
        { ",\"key\":\"A\"", "invalid_field", "key" },
        { ",\"key\":\"\"", "invalid_field", "key" },
        { ",\"key\":\"AAAAAAA\"", "invalid_field", "key" },
        { ",\"n\":-5", NULL, NULL },
        { ",\"n\":6", "invalid_field", "n" },
        { ",\"n\":1.0", "invalid_field", "n" },
        { ",\"n\":\"1\"", "invalid_field", "n" },
        { ",\"flag\":true", NULL, NULL },
        { ",\"flag\":1", "invalid_field", "flag" },
        { ",\"sub\":{\"id\":1}", NULL, NULL },
        { ",\"sub\":{}", "missing_field", "sub.id" },
        { ",\"sub\":[]", "invalid_field", "sub" },
        { ",\"list\":[{\"id\":1},{\"id\":2}]", NULL, NULL },
        { ",\"list\":[]", "invalid_field", "list" },
        { ",\"list\":[{\"id\":1},{\"id\":-1}]", "invalid_field", "list[1].id" },
        { ",\"list\":[{\"id\":1},3]", "invalid_field", "list" },
        { ",\"list\":[{\"id\":1},{\"id\":1},{\"id\":1}]", "invalid_field",
          "list" },
        { ",\"ids\":[\"00000000-0000-7000-8000-00000000000a\"]", NULL, NULL },
        { ",\"ids\":[\"x\"]", "invalid_field", "ids" },
        { ",\"map\":{\"00000000-0000-7000-8000-00000000000a\":0}", NULL, NULL },
        { ",\"map\":{\"x\":0}", "invalid_field", "map" },
        { ",\"map\":{\"00000000-0000-7000-8000-00000000000a\":-1}",
          "invalid_field", "map" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ngx_int_t  rc;

        snprintf(text, sizeof(text), "{" ID "%s}", cases[i].text);
        ngx_memzero(&problem, sizeof(problem));

        rc = ngx_chatalot_params_check(pool, fields, NGX_CHATALOT_IN_BODY,
                                       parse(text), &problem);

        ok(cases[i].code == NULL
               ? rc == NGX_OK
               : rc == NGX_ERROR && problem.status == 422
                 && is(&problem.code, cases[i].code)
                 && is(&problem.field, cases[i].field),
           "%s: %s", cases[i].code ? cases[i].code : "accepted",
           cases[i].text[0] == '\0' ? "(only what is required)"
               : printable(cases[i].text) ? cases[i].text + 1
               : "(bytes that do not print)");
    }

    ok(ngx_chatalot_params_check(pool, fields, NGX_CHATALOT_IN_BODY,
                                 parse("{}"), &problem) == NGX_ERROR
       && is(&problem.code, "missing_field") && is(&problem.field, "id"),
       "a required field is missing");

    ok(ngx_chatalot_params_check(pool, fields, NGX_CHATALOT_IN_BODY,
                                 parse("{\"id\":null}"), &problem) == NGX_ERROR
       && is(&problem.field, "id"), "a required field is null");

    ok(ngx_chatalot_params_check(pool, fields, NGX_CHATALOT_IN_BODY,
                                 parse("[]"), &problem) == NGX_ERROR
       && problem.status == 400, "no object at all");
}


static void
test_encodings(void)
{
    u_char      bytes[32], back[32], text[64], uuid[16];
    size_t      len, i;
    ngx_str_t   s;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u_char) (0xf8 + i * 7);
    }

    for (len = 0; len <= sizeof(bytes); len++) {
        s.data = text;
        s.len = ngx_chatalot_bytes_encode(text, bytes, len) - text;

        ok(s.len == ngx_chatalot_bytes_encoded_len(len)
           && ngx_chatalot_bytes_decode(&s, back, len) == NGX_OK
           && memcmp(back, bytes, len) == 0, "%zu bytes there and back", len);
    }

    s = str("-_8");
    ok(ngx_chatalot_bytes_decode(&s, back, 2) == NGX_OK && back[0] == 0xfb
       && back[1] == 0xff, "the URL alphabet");

    s = str("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    ok(ngx_chatalot_utf8_count(s.data, s.len) == 4, "four characters of UTF-8");

    for (len = 1; len < s.len; len++) {
        int  whole = (len == 1 || len == 3 || len == 6);

        ok((ngx_chatalot_utf8_count(s.data, len) != NGX_ERROR) == whole,
           "cut after %zu bytes", len);
    }

    static const char  *never[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3\x28", "\xe2\x82\x28"
    };

    for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        s = str(never[i]);
        ok(ngx_chatalot_utf8_count(s.data, s.len) == NGX_ERROR,
           "never UTF-8, %zu", i);
    }

    s = str("01234567-89ab-cdef-0123-456789abcdef");
    ok(ngx_chatalot_uuid_decode(&s, uuid) == NGX_OK && uuid[0] == 0x01
       && uuid[15] == 0xef, "a UUID");

    s = str("01234567-89AB-cdef-0123-456789abcdef");
    ok(ngx_chatalot_uuid_decode(&s, uuid) == NGX_DECLINED, "in upper case");

    s = str("01234567889ab-cdef-0123-456789abcdef");
    ok(ngx_chatalot_uuid_decode(&s, uuid) == NGX_DECLINED, "without a dash");
}


static void
make_key(ngx_chatalot_jwt_key_t *key, u_char seed)
{
    u_char  bytes[32];

    memset(bytes, seed, sizeof(bytes));
    crypto_sign_seed_keypair(key->public_key, key->secret_key, bytes);
    memset(key->id, seed, sizeof(key->id));
}


/* A token of our own making, signed by key: what a cheat could send who somehow has it, or not. */

static ngx_str_t
forge(ngx_chatalot_jwt_key_t *key, const char *header, const char *payload)
{
    u_char     *p, signature[64];
    ngx_str_t   token;

    token.data = ngx_pnalloc(pool, 2048);
    p = ngx_chatalot_bytes_encode(token.data, (u_char *) header,
                                  strlen(header));
    *p++ = '.';
    p = ngx_chatalot_bytes_encode(p, (u_char *) payload, strlen(payload));
    crypto_sign_detached(signature, NULL, token.data, p - token.data,
                         key->secret_key);
    *p++ = '.';
    p = ngx_chatalot_bytes_encode(p, signature, sizeof(signature));
    token.len = p - token.data;

    return token;
}


#define USER     "00000000-0000-7000-8000-000000000001"
#define DEVICE   "00000000-0000-7000-8000-000000000002"
#define SESSION  "00000000-0000-7000-8000-000000000003"
#define HEADER   "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"0101010101010101\"}"
#define IDS      "\"sub\":\"" USER "\",\"dev\":\"" DEVICE "\",\"sid\":\"" SESSION "\""
#define BEGUN    "\"sub\":\"" USER "\",\"sid\":\"" SESSION "\""
#define ISS      "\"iss\":\"chatalot\""
#define AUD      "\"aud\":\"chatalot\""
#define TIMES    "\"iat\":1000,\"exp\":2000"
#define FULL     "\"scope\":\"full\""


static void
test_tokens(void)
{
    size_t                    i;
    ngx_str_t                 token, copy;
    ngx_array_t              *keys;
    ngx_chatalot_claims_t     claims, read;
    ngx_chatalot_jwt_key_t   *key, stranger;

    static const struct {
        const char  *name;
        const char  *header;
        const char  *payload;
        int          good;
    } cases[] = {
        { "a whole token", HEADER, "{" ISS "," AUD "," IDS "," FULL "," TIMES "}", 1 },
        { "of our second key", "{\"alg\":\"EdDSA\",\"kid\":\"0202020202020202\"}",
          "{" ISS "," AUD "," IDS "," FULL "," TIMES "}", 0 },
        { "algorithm none", "{\"alg\":\"none\",\"kid\":\"0101010101010101\"}",
          "{" ISS "," AUD "," IDS "," FULL "," TIMES "}", 0 },
        { "algorithm HS256", "{\"alg\":\"HS256\",\"kid\":\"0101010101010101\"}",
          "{" ISS "," AUD "," IDS "," FULL "," TIMES "}", 0 },
        { "no kid", "{\"alg\":\"EdDSA\"}", "{" ISS "," AUD "," IDS "," FULL "," TIMES "}", 0 },
        { "a critical extension", "{\"alg\":\"EdDSA\",\"kid\":\"0101010101010101\",\"crit\":[\"x\"]}",
          "{" ISS "," AUD "," IDS "," FULL "," TIMES "}", 0 },
        { "another issuer", HEADER, "{\"iss\":\"x\"," AUD "," IDS "," FULL "," TIMES "}", 0 },
        { "another audience", HEADER, "{" ISS ",\"aud\":\"x\"," IDS "," FULL "," TIMES "}", 0 },
        { "no audience", HEADER, "{" ISS "," IDS "," FULL "," TIMES "}", 0 },
        { "expired", HEADER, "{" ISS "," AUD "," IDS "," FULL ",\"iat\":1,\"exp\":1500}", 0 },
        { "no expiry", HEADER, "{" ISS "," AUD "," IDS "," FULL ",\"iat\":1}", 0 },
        { "expiry as text", HEADER, "{" ISS "," AUD "," IDS "," FULL ",\"iat\":1,\"exp\":\"2000\"}", 0 },
        { "no scope", HEADER, "{" ISS "," AUD "," IDS "," TIMES "}", 0 },
        { "an unknown scope", HEADER, "{" ISS "," AUD "," IDS ",\"scope\":\"root\"," TIMES "}", 0 },
        { "no device", HEADER, "{" ISS "," AUD ",\"sub\":\"" USER "\"," FULL "," TIMES "}", 0 },
        { "enrolment without device", HEADER, "{" ISS "," AUD "," BEGUN ",\"scope\":\"enrol\"," TIMES "}", 1 },
        { "recovery without device", HEADER, "{" ISS "," AUD "," BEGUN ",\"scope\":\"recover\"," TIMES "}", 1 },
        { "enrolment for what is not said", HEADER,
          "{" ISS "," AUD ",\"sub\":\"" USER "\",\"scope\":\"enrol\"," TIMES "}", 0 },
        { "recovery of what is not said", HEADER,
          "{" ISS "," AUD ",\"sub\":\"" USER "\",\"scope\":\"recover\"," TIMES "}", 0 },
        { "an empty scope", HEADER, "{" ISS "," AUD "," IDS ",\"scope\":\"\"," TIMES "}", 0 },
        { "a user who is no UUID", HEADER,
          "{" ISS "," AUD ",\"sub\":\"1\",\"sid\":\"" SESSION "\",\"scope\":\"enrol\"," TIMES "}", 0 },
        { "a payload that is a list", HEADER, "[]", 0 },
        { "a payload that is nothing", HEADER, "", 0 },
        { "a header that is no JSON", "x", "{}", 0 }
    };

    ngx_str_set(&settings.jwt_issuer, "chatalot");
    ngx_str_set(&settings.jwt_audience, "chatalot");

    keys = ngx_array_create(pool, 2, sizeof(ngx_chatalot_jwt_key_t));
    settings.jwt_keys = keys;
    make_key(ngx_array_push(keys), 1);
    make_key(ngx_array_push(keys), 2);
    make_key(&stranger, 1);
    randombytes_buf(stranger.secret_key, 32);
    key = keys->elts;
    now.sec = 1500;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        token = forge(key, cases[i].header, cases[i].payload);
        ok(ngx_chatalot_jwt_verify(pool, &token, &read)
           == (cases[i].good ? NGX_OK : NGX_DECLINED), "%s", cases[i].name);
    }

    token = forge(&key[1], "{\"alg\":\"EdDSA\",\"kid\":\"0202020202020202\"}",
                  cases[0].payload);
    ok(ngx_chatalot_jwt_verify(pool, &token, &read) == NGX_OK,
       "a token of the second key, signed by it");

    token = forge(&stranger, HEADER, cases[0].payload);
    ok(ngx_chatalot_jwt_verify(pool, &token, &read) == NGX_DECLINED,
       "signed by a stranger");

    ngx_memzero(&claims, sizeof(claims));
    claims.user = str(USER);
    claims.device = str(DEVICE);
    claims.session = str(SESSION);
    claims.scope = NGX_CHATALOT_SCOPE_FULL;

    ok(ngx_chatalot_jwt_sign(pool, &claims, 900, &token) == NGX_OK
       && ngx_chatalot_jwt_verify(pool, &token, &read) == NGX_OK
       && is(&read.user, USER) && is(&read.device, DEVICE)
       && is(&read.session, SESSION) && read.expires == 2400
       && read.scope == NGX_CHATALOT_SCOPE_FULL, "sign and verify");

    copy = token;
    claims.scope = NGX_CHATALOT_SCOPE_RECOVER;

    ok(ngx_chatalot_jwt_sign(pool, &claims, 900, &token) == NGX_OK
       && ngx_chatalot_jwt_verify(pool, &token, &read) == NGX_OK
       && is(&read.session, SESSION) && read.device.len == 0
       && read.scope == NGX_CHATALOT_SCOPE_RECOVER, "to recover");

    token = copy;

    for (i = 0; i < token.len; i++) {
        copy = token;
        copy.data = ngx_pnalloc(pool, token.len);
        memcpy(copy.data, token.data, token.len);
        copy.data[i] = (copy.data[i] == 'A') ? 'B' : 'A';

        if (ngx_chatalot_jwt_verify(pool, &copy, &read) == NGX_OK) {
            break;
        }

        copy.len = i;

        if (ngx_chatalot_jwt_verify(pool, &copy, &read) == NGX_OK) {
            break;
        }
    }

    ok(i == token.len, "any other character, and any end, is refused");

    now.sec = 2400;
    ok(ngx_chatalot_jwt_verify(pool, &token, &read) == NGX_DECLINED,
       "in the second of its expiry it is over");
}


int
main(void)
{
    static ngx_log_t  log;

    ngx_pagesize = 4096;
    ngx_cacheline_size = 64;

    if (sodium_init() < 0) {
        return 1;
    }

    pool = ngx_create_pool(16384, &log);

    test_json_values();
    test_json_refusals();
    test_params();
    test_encodings();
    test_tokens();

    ngx_destroy_pool(pool);
    printf("1..%u\n", tests);

    return failures != 0;
}
