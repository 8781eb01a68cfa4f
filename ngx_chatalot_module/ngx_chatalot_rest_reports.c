/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A report reveals what a message said. Before it is kept, it is compared with the commitment that the sender gave with
 * the message: so nothing can be pinned on anybody that they did not write.
 */

#include "ngx_chatalot_rest.h"

#include <chatalot_crypto.h>


static void ngx_chatalot_rest_reports_on_entry(ngx_chatalot_call_t *call);
static ngx_int_t ngx_chatalot_rest_reports_compare(ngx_chatalot_call_t *call,
    ngx_str_t *commitment);
static ngx_int_t ngx_chatalot_rest_reports_args(
    ngx_chatalot_rest_request_t *request, ngx_str_t *commitment,
    ngx_str_t *args);


static ngx_chatalot_function_t  ngx_chatalot_rest_reports_begin =
    NGX_CHATALOT_FUNCTION("report_begin");


void
ngx_chatalot_rest_reports_add(ngx_chatalot_call_t *call)
{
    yajl_gen                      gen;
    ngx_str_t                     channel, entry, args;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    channel = ngx_chatalot_json_string(request->body, "channel");
    entry = ngx_chatalot_json_string(request->body, "entry");

    gen = ngx_chatalot_json_gen(call->pool);
    if (gen == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    yajl_gen_map_open(gen);
    ngx_chatalot_json_put(gen, "channel", &channel);
    ngx_chatalot_json_put(gen, "entry", &entry);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &args) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &ngx_chatalot_rest_reports_begin, &args,
                          ngx_chatalot_rest_reports_on_entry);
}


static void
ngx_chatalot_rest_reports_on_entry(ngx_chatalot_call_t *call)
{
    ngx_int_t                     rc;
    ngx_str_t                     commitment, args;
    const char                   *reason;
    ngx_chatalot_json_t          *said;
    ngx_chatalot_rest_request_t  *request;

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    request = call->data;

    said = ngx_chatalot_json_parse(call->pool, &call->reply, &reason);
    commitment = ngx_chatalot_json_string(said, "commitment");

    rc = ngx_chatalot_rest_reports_compare(call, &commitment);

    if (rc == NGX_DECLINED) {
        ngx_chatalot_problem_set(&call->problem, 422, "report_forged",
                                 "This is not what was sent.", "payload");
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    if (rc != NGX_OK
        || ngx_chatalot_rest_reports_args(request, &commitment, &args)
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &request->route->function, &args,
                          ngx_chatalot_rest_reply_on_sql);
}


/* NGX_OK: payload and key are what the commitment was made of. NGX_DECLINED: not. NGX_ERROR: no memory, or worse. */

static ngx_int_t
ngx_chatalot_rest_reports_compare(ngx_chatalot_call_t *call,
    ngx_str_t *commitment)
{
    u_char                        expected[CHATALOT_KEY_LENGTH];
    ngx_str_t                     text, key, payload;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    text = ngx_chatalot_json_string(request->body, "payload");

    payload.len = ngx_chatalot_bytes_decoded_len(text.len);

    payload.data = ngx_pnalloc(call->pool, payload.len);

    if (payload.data == NULL
        || ngx_chatalot_rest_request_wipe(request, payload.data, payload.len)
           != NGX_OK
        || ngx_chatalot_bytes_decode(&text, payload.data, payload.len)
           != NGX_OK
        || ngx_chatalot_bytes_decode(commitment, expected, sizeof(expected))
           != NGX_OK
        || ngx_chatalot_rest_tokens_key(request, request->body, "franking_key",
                                        &key)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* in constant time */

    return chatalot_franking_verify(key.data, payload.data, payload.len,
                                    expected)
           == CHATALOT_OK ? NGX_OK : NGX_DECLINED;
}


/* The body, with what it was compared with in place of the key. */

static ngx_int_t
ngx_chatalot_rest_reports_args(ngx_chatalot_rest_request_t *request,
    ngx_str_t *commitment, ngx_str_t *args)
{
    yajl_gen     gen;
    const char  *secrets[] = { "franking_key", NULL };

    gen = ngx_chatalot_rest_args_begin(request, secrets);
    if (gen == NULL) {
        return NGX_ERROR;
    }

    ngx_chatalot_json_put(gen, "commitment", commitment);
    yajl_gen_map_close(gen);

    return ngx_chatalot_json_finish(gen, args);
}
