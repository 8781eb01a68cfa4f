/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a good token to "ready", top to bottom: the session's own topics, api.session_start, its channels. The same road
 * is gone again when a session is renewed.
 */

#include "ngx_chatalot_ws_hub.h"
#include "ngx_chatalot_ws_renew.h"
#include "ngx_chatalot_ws_request.h"
#include "ngx_chatalot_ws_start.h"


static void ngx_chatalot_ws_start_session(ngx_chatalot_ws_session_t *session);
static void ngx_chatalot_ws_start_on_started(ngx_chatalot_call_t *call);
static void ngx_chatalot_ws_start_failed(ngx_chatalot_ws_session_t *session,
    ngx_chatalot_problem_t *problem);
static void ngx_chatalot_ws_start_ready(ngx_chatalot_ws_session_t *session);
static ngx_chatalot_ws_buffer_t *ngx_chatalot_ws_start_ready_frame(ngx_chatalot_ws_session_t *session);
static void ngx_chatalot_ws_start_notices(ngx_chatalot_ws_session_t *session);
static void ngx_chatalot_ws_start_on_renewed(ngx_chatalot_call_t *call);
static void ngx_chatalot_ws_start_renewed(ngx_chatalot_ws_session_t *session);
static void ngx_chatalot_ws_start_drop(ngx_chatalot_ws_session_t *session);


static const ngx_chatalot_group_column_t  ngx_chatalot_ws_starts_columns[] = { { NULL, 0 } };
static const char *const                  ngx_chatalot_ws_starts_beside[] = { NULL };

static ngx_chatalot_group_t     ngx_chatalot_ws_starts =
    NGX_CHATALOT_GROUP("session_start_group", ngx_chatalot_ws_starts_columns, ngx_chatalot_ws_starts_beside);
static ngx_chatalot_function_t  ngx_chatalot_ws_start_function =
    NGX_CHATALOT_FUNCTION_OF("session_start", &ngx_chatalot_ws_starts);


void
ngx_chatalot_ws_start_attached(ngx_chatalot_ws_session_t *session)
{
    switch (session->state) {

    case NGX_CHATALOT_WS_JOINING:
        ngx_chatalot_ws_start_session(session);
        break;

    case NGX_CHATALOT_WS_ENTERING:
        ngx_chatalot_ws_start_ready(session);
        break;

    case NGX_CHATALOT_WS_READY:
        ngx_chatalot_ws_start_notices(session);

        if (session->renewal == NGX_CHATALOT_WS_RENEW_ENTERING) {
            ngx_chatalot_ws_start_renewed(session);
        }

        break;

    default:
        break;
    }
}


static void
ngx_chatalot_ws_start_session(ngx_chatalot_ws_session_t *session)
{
    ngx_str_t                   args;
    ngx_chatalot_problem_t      problem;
    ngx_chatalot_ws_request_t  *request;

    session->state = NGX_CHATALOT_WS_STARTING;
    session->gained = 0;

    request = session->start;
    ngx_str_set(&args, "{}");

    if (ngx_chatalot_ws_request_call(request, &ngx_chatalot_ws_start_function, &args, NULL,
                                     ngx_chatalot_ws_start_on_started)
        == NGX_OK)
    {
        return;
    }

    if (request->call) {
        problem = request->call->problem;

    } else {
        ngx_chatalot_problem_set(&problem, 500, "internal", "Something went wrong here.", NULL);
    }

    ngx_chatalot_ws_start_failed(session, &problem);
}


static void
ngx_chatalot_ws_start_on_started(ngx_chatalot_call_t *call)
{
    ngx_chatalot_ws_request_t  *request;
    ngx_chatalot_ws_session_t  *session;

    request = call->data;
    session = request->session;

    if (call->problem.status) {
        ngx_chatalot_ws_start_failed(session, &call->problem);
        return;
    }

    session->state = NGX_CHATALOT_WS_ENTERING;

    if (ngx_chatalot_ws_hub_enter(session, &call->reply) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, call->log, 0, "chatalot: cannot enter the channels of api.session_start");
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_INTERNAL);
        return;
    }

    if (session->waiting == 0) {
        ngx_chatalot_ws_start_attached(session);
    }
}


static void
ngx_chatalot_ws_start_failed(ngx_chatalot_ws_session_t *session, ngx_chatalot_problem_t *problem)
{
    ngx_chatalot_ws_request_refuse(session->start, problem);

    ngx_chatalot_ws_conn_close(&session->conn,
                               problem->status < 500 ? NGX_CHATALOT_WS_ENDED : NGX_CHATALOT_WS_TRY_LATER);
}


static void
ngx_chatalot_ws_start_ready(ngx_chatalot_ws_session_t *session)
{
    ngx_chatalot_ws_buffer_t  *frame;

    frame = ngx_chatalot_ws_start_ready_frame(session);

    if (frame == NULL) {
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_INTERNAL);
        return;
    }

    ngx_chatalot_ws_start_drop(session);

    ngx_free(session->agent);
    session->agent = NULL;

    session->state = NGX_CHATALOT_WS_READY;
    session->conn.parser.limit = session->conn.conf->max_message;

    ngx_chatalot_ws_conn_ping(&session->conn);
    ngx_chatalot_ws_conn_send(&session->conn, frame);
    ngx_chatalot_ws_out_release(frame);

    if (session->stale) {
        ngx_chatalot_ws_renew(session);
    }
}


/* The reply of api.session_start with our own members before its first. */

static ngx_chatalot_ws_buffer_t *
ngx_chatalot_ws_start_ready_frame(ngx_chatalot_ws_session_t *session)
{
    size_t                     len;
    u_char                    *p;
    ngx_str_t                 *reply, *ref, *limits;
    ngx_chatalot_ws_buffer_t  *frame;

    static const char  degraded[] = ",\"degraded\":true,";
    static const char  live[] = ",\"degraded\":false,";

    reply = &session->start->call->reply;
    ref = &session->start->ref;
    limits = &session->conn.conf->limits;

    if (reply->len < 3 || reply->data[0] != '{') {
        return NULL;
    }

    len = sizeof("{\"type\":\"ready\"") - 1
          + (ref->len ? sizeof(",\"ref\":") - 1 + ref->len : 0)
          + sizeof(",\"limits\":") - 1 + limits->len
          + (ngx_chatalot_ws_hub_up() ? sizeof(live) : sizeof(degraded)) - 1
          + reply->len - 1;

    frame = ngx_chatalot_ws_out_frame(NGX_CHATALOT_WS_TEXT, len);
    if (frame == NULL) {
        return NULL;
    }

    p = ngx_sprintf(ngx_chatalot_ws_out_payload(frame), "{\"type\":\"ready\"");

    if (ref->len) {
        p = ngx_sprintf(p, ",\"ref\":%V", ref);
    }

    p = ngx_sprintf(p, ",\"limits\":%V%s", limits, ngx_chatalot_ws_hub_up() ? live : degraded);
    ngx_memcpy(p, reply->data + 1, reply->len - 1);

    return frame;
}


static void
ngx_chatalot_ws_start_notices(ngx_chatalot_ws_session_t *session)
{
    ngx_chatalot_ws_out_item_t  *notice;

    while ((notice = session->notices) != NULL) {
        session->notices = notice->next;

        ngx_chatalot_ws_conn_send(&session->conn, notice->buffer);
        ngx_chatalot_ws_out_release(notice->buffer);
        ngx_free(notice);
    }
}


ngx_int_t
ngx_chatalot_ws_start_renewal(ngx_chatalot_ws_session_t *session)
{
    ngx_str_t  args;

    ngx_str_set(&args, "{}");

    session->start = ngx_chatalot_ws_request_create(session, &args);
    if (session->start == NULL) {
        return NGX_ERROR;
    }

    if (ngx_chatalot_ws_request_call(session->start, &ngx_chatalot_ws_start_function, &args, NULL,
                                     ngx_chatalot_ws_start_on_renewed)
        != NGX_OK)
    {
        ngx_chatalot_ws_start_drop(session);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_chatalot_ws_start_on_renewed(ngx_chatalot_call_t *call)
{
    ngx_int_t                   rc;
    ngx_uint_t                  status;
    ngx_chatalot_ws_request_t  *request;
    ngx_chatalot_ws_session_t  *session;

    request = call->data;
    session = request->session;
    status = call->problem.status;
    rc = NGX_OK;

    if (status == 0) {
        session->renewal = NGX_CHATALOT_WS_RENEW_ENTERING;
        rc = ngx_chatalot_ws_hub_enter(session, &call->reply);
    }

    ngx_chatalot_ws_start_drop(session);

    if (status >= 500) {
        ngx_chatalot_ws_renew_later(session);

    } else if (status) {
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_ENDED);

    } else if (rc != NGX_OK) {
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_INTERNAL);

    } else if (session->waiting == 0) {
        ngx_chatalot_ws_start_attached(session);
    }
}


static void
ngx_chatalot_ws_start_renewed(ngx_chatalot_ws_session_t *session)
{
    ngx_chatalot_ws_buffer_t  *frame;

    static const u_char  resync[] = "{\"type\":\"resync\"}";

    frame = ngx_chatalot_ws_out_text(resync, sizeof(resync) - 1);

    if (frame) {
        ngx_chatalot_ws_conn_send(&session->conn, frame);
        ngx_chatalot_ws_out_release(frame);

    } else {
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_TRY_LATER);
    }

    ngx_chatalot_ws_renew_done(session);
}


static void
ngx_chatalot_ws_start_drop(ngx_chatalot_ws_session_t *session)
{
    ngx_chatalot_ws_request_destroy(session->start);
    session->start = NULL;
}
