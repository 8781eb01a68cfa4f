/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The dispatch table: see the header. A new request is a row here, an SQL function, and a test.
 */

#include "ngx_chatalot_jwt.h"
#include "ngx_chatalot_ws_dispatch.h"
#include "ngx_chatalot_ws_rate.h"


#define NGX_CHATALOT_WS_TYPE_MAX        32
#define NGX_CHATALOT_WS_CIPHERTEXT_MAX  49152
#define NGX_CHATALOT_WS_COMMITMENT_LEN  32
#define NGX_CHATALOT_WS_ENVELOPE_MAX    4096
#define NGX_CHATALOT_WS_ENVELOPES_MAX   32      /* all devices of two people but one */
#define NGX_CHATALOT_WS_ITEMS_MAX       100
#define NGX_CHATALOT_WS_CHANNELS_MAX    1000
#define NGX_CHATALOT_WS_NUMBER_MAX      9007199254740991    /* 2^53 - 1: JavaScript's last exact integer */


/* How a request is carried out. */

typedef enum {
    NGX_CHATALOT_WS_LOCAL = 0,      /* answered here */
    NGX_CHATALOT_WS_READ,           /* beside others */
    NGX_CHATALOT_WS_WRITE,          /* in order with other writes */
    NGX_CHATALOT_WS_WRITE_LIMITED   /* and within chatalot_websocket_rate */
} ngx_chatalot_ws_manner_e;


typedef struct {
    ngx_str_t                      type;
    const ngx_chatalot_param_t    *params;
    ngx_chatalot_ws_manner_e       manner;
    ngx_chatalot_function_t        function;
} ngx_chatalot_ws_row_t;


#define required(name, type, min, max, fields)                                                      \
    { ngx_string(name), type, NGX_CHATALOT_IN_BODY, NGX_CHATALOT_REQUIRED, min, max, fields }

#define optional(name, type, min, max, fields)                                                      \
    { ngx_string(name), type, NGX_CHATALOT_IN_BODY, NGX_CHATALOT_OPTIONAL, min, max, fields }

#define common                                                                                      \
    required("type", NGX_CHATALOT_STRING, 1, NGX_CHATALOT_WS_TYPE_MAX, NULL),                       \
    optional("ref", NGX_CHATALOT_STRING, 0, NGX_CHATALOT_WS_REF_MAX, NULL)


const ngx_chatalot_param_t  ngx_chatalot_ws_authenticate_params[] = {
    common,
    required("token", NGX_CHATALOT_STRING, 1, NGX_CHATALOT_TOKEN_MAX, NULL),
    ngx_chatalot_params_end
};

static const ngx_chatalot_param_t  ngx_chatalot_ws_item_params[] = {
    required("device", NGX_CHATALOT_UUID, 0, 0, NULL),
    required("id", NGX_CHATALOT_UUID, 0, 0, NULL),
    required("payload", NGX_CHATALOT_BYTES, 1, NGX_CHATALOT_WS_ENVELOPE_MAX, NULL),
    ngx_chatalot_params_end
};

static const ngx_chatalot_param_t  ngx_chatalot_ws_send_params[] = {
    common,
    required("channel", NGX_CHATALOT_UUID, 0, 0, NULL),
    required("id", NGX_CHATALOT_UUID, 0, 0, NULL),
    required("kind", NGX_CHATALOT_STRING, 1, 32, NULL),
    optional("ref_id", NGX_CHATALOT_UUID, 0, 0, NULL),
    optional("thread", NGX_CHATALOT_UUID, 0, 0, NULL),
    required("roster", NGX_CHATALOT_INTEGER, 0, NGX_CHATALOT_WS_NUMBER_MAX, NULL),
    required("epoch", NGX_CHATALOT_INTEGER, 0, NGX_CHATALOT_WS_NUMBER_MAX, NULL),
    required("ciphertext", NGX_CHATALOT_BYTES, 1, NGX_CHATALOT_WS_CIPHERTEXT_MAX, NULL),
    required("commitment", NGX_CHATALOT_BYTES, NGX_CHATALOT_WS_COMMITMENT_LEN, NGX_CHATALOT_WS_COMMITMENT_LEN, NULL),
    optional("envelopes", NGX_CHATALOT_LIST, 0, NGX_CHATALOT_WS_ENVELOPES_MAX, ngx_chatalot_ws_item_params),
    ngx_chatalot_params_end
};

static const ngx_chatalot_param_t  ngx_chatalot_ws_deliver_params[] = {
    common,
    required("channel", NGX_CHATALOT_UUID, 0, 0, NULL),
    required("items", NGX_CHATALOT_LIST, 1, NGX_CHATALOT_WS_ITEMS_MAX, ngx_chatalot_ws_item_params),
    ngx_chatalot_params_end
};

static const ngx_chatalot_param_t  ngx_chatalot_ws_sync_params[] = {
    common,
    required("channels", NGX_CHATALOT_MAP, 0, NGX_CHATALOT_WS_CHANNELS_MAX, NULL),
    optional("wiped", NGX_CHATALOT_MAP, 0, NGX_CHATALOT_WS_CHANNELS_MAX, NULL),
    ngx_chatalot_params_end
};

static const ngx_chatalot_param_t  ngx_chatalot_ws_inbox_params[] = {
    common,
    required("after", NGX_CHATALOT_INTEGER, 0, NGX_CHATALOT_WS_NUMBER_MAX, NULL),
    ngx_chatalot_params_end
};

static const ngx_chatalot_param_t  ngx_chatalot_ws_ack_params[] = {
    common,
    required("seq", NGX_CHATALOT_INTEGER, 0, NGX_CHATALOT_WS_NUMBER_MAX, NULL),
    ngx_chatalot_params_end
};

static const ngx_chatalot_param_t  ngx_chatalot_ws_ping_params[] = {
    common,
    ngx_chatalot_params_end
};


static const ngx_chatalot_group_column_t  ngx_chatalot_ws_sends_columns[] = {
    { "channel", NGX_CHATALOT_UUID },
    { "id", NGX_CHATALOT_UUID },
    { "kind", NGX_CHATALOT_STRING },
    { "roster", NGX_CHATALOT_INTEGER },
    { "epoch", NGX_CHATALOT_INTEGER },
    { "commitment", NGX_CHATALOT_BYTES },
    { "ciphertext", NGX_CHATALOT_BYTES },
    { NULL, 0 }
};

static const char *const  ngx_chatalot_ws_sends_beside[] = { "type", "ref", NULL };

static ngx_chatalot_group_t  ngx_chatalot_ws_sends =
    NGX_CHATALOT_GROUP("entry_send_group", ngx_chatalot_ws_sends_columns, ngx_chatalot_ws_sends_beside);

static ngx_chatalot_ws_row_t  ngx_chatalot_ws_rows[] = {

    { ngx_string("send"), ngx_chatalot_ws_send_params, NGX_CHATALOT_WS_WRITE_LIMITED,
      NGX_CHATALOT_FUNCTION_OF("entry_send", &ngx_chatalot_ws_sends) },

    { ngx_string("deliver"), ngx_chatalot_ws_deliver_params, NGX_CHATALOT_WS_WRITE_LIMITED,
      NGX_CHATALOT_FUNCTION("inbox_deliver") },

    { ngx_string("ack"), ngx_chatalot_ws_ack_params, NGX_CHATALOT_WS_WRITE,
      NGX_CHATALOT_FUNCTION("inbox_ack") },

    { ngx_string("sync"), ngx_chatalot_ws_sync_params, NGX_CHATALOT_WS_READ,
      NGX_CHATALOT_FUNCTION("sync") },

    { ngx_string("inbox"), ngx_chatalot_ws_inbox_params, NGX_CHATALOT_WS_READ,
      NGX_CHATALOT_FUNCTION("inbox_list") },

    { ngx_string("ping"), ngx_chatalot_ws_ping_params, NGX_CHATALOT_WS_LOCAL,
      NGX_CHATALOT_FUNCTION("") },

    { ngx_null_string, NULL, 0, NGX_CHATALOT_FUNCTION("") }
};


static ngx_chatalot_ws_row_t *ngx_chatalot_ws_dispatch_row(ngx_chatalot_ws_request_t *request);
static ngx_int_t ngx_chatalot_ws_dispatch_rate(ngx_chatalot_ws_request_t *request, ngx_chatalot_problem_t *problem);


void
ngx_chatalot_ws_dispatch(ngx_chatalot_ws_session_t *session, ngx_str_t *text)
{
    ngx_str_t                   empty;
    ngx_chatalot_problem_t      problem;
    ngx_chatalot_ws_row_t      *row;
    ngx_chatalot_ws_request_t  *request;

    request = ngx_chatalot_ws_request_create(session, text);
    if (request == NULL) {
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_INTERNAL);
        return;
    }

    if (ngx_chatalot_ws_request_parse(request, &problem) != NGX_OK) {
        goto refused;
    }

    row = ngx_chatalot_ws_dispatch_row(request);

    if (row == NULL) {
        ngx_chatalot_problem_set(&problem, 400, "unknown_type", "There is no such request.", "type");
        goto refused;
    }

    if (ngx_chatalot_params_check(request->pool, row->params, NGX_CHATALOT_IN_BODY, request->json, &problem)
        != NGX_OK)
    {
        goto refused;
    }

    if (row->manner == NGX_CHATALOT_WS_LOCAL) {
        ngx_str_set(&empty, "{}");
        ngx_chatalot_ws_request_answer(request, &empty);
        ngx_chatalot_ws_request_destroy(request);
        return;
    }

    if (row->manner == NGX_CHATALOT_WS_WRITE_LIMITED
        && ngx_chatalot_ws_dispatch_rate(request, &problem) != NGX_OK)
    {
        goto refused;
    }

    request->writes = (row->manner != NGX_CHATALOT_WS_READ);
    request->function = &row->function;

    ngx_chatalot_ws_request_submit(request);

    return;

refused:

    ngx_chatalot_ws_request_refuse(request, &problem);
    ngx_chatalot_ws_request_destroy(request);
}


static ngx_chatalot_ws_row_t *
ngx_chatalot_ws_dispatch_row(ngx_chatalot_ws_request_t *request)
{
    ngx_str_t               type;
    ngx_chatalot_ws_row_t  *row;

    type = ngx_chatalot_json_string(request->json, "type");

    for (row = ngx_chatalot_ws_rows; row->type.len; row++) {
        if (row->type.len == type.len && ngx_memcmp(row->type.data, type.data, type.len) == 0) {
            return row;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_chatalot_ws_dispatch_rate(ngx_chatalot_ws_request_t *request, ngx_chatalot_problem_t *problem)
{
    u_char                      *p;
    ngx_msec_t                   wait;
    ngx_chatalot_ws_loc_conf_t  *conf;

    static const char            format[] = "{\"retry_after_ms\":%M}";

    conf = request->session->conn.conf;
    wait = ngx_chatalot_ws_rate_take(request->session->user, conf->rate, conf->burst);

    if (wait == 0) {
        return NGX_OK;
    }

    ngx_chatalot_problem_set(problem, 429, "rate_limited", "You are sending too fast.", NULL);

    p = ngx_pnalloc(request->pool, sizeof(format) + NGX_TIME_T_LEN);
    if (p) {
        problem->details.data = p;
        problem->details.len = ngx_sprintf(p, format, wait) - p;
    }

    return NGX_DECLINED;
}
