/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A session: its first frame, its token; then requests; then its end. What lies between token and "ready" is
 * ngx_chatalot_ws_start.c's.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_jwt.h"
#include "ngx_chatalot_params.h"
#include "ngx_chatalot_ws_dispatch.h"
#include "ngx_chatalot_ws_hub.h"
#include "ngx_chatalot_ws_request.h"
#include "ngx_chatalot_ws_session.h"
#include "ngx_chatalot_ws_start.h"


#define NGX_CHATALOT_WS_FIRST_MAX      4096     /* bytes of a message before authentication */
#define NGX_CHATALOT_WS_AGENT_MAX      256
#define NGX_CHATALOT_WS_LEAVE_TIMEOUT  3000     /* ms for pending answers when the worker exits */
#define NGX_CHATALOT_WS_SPREAD_MIN     500      /* ms over which the clients of an exiting worker come back, ... */
#define NGX_CHATALOT_WS_SPREAD_MAX     30000    /* ... with one more for each of them */


static void ngx_chatalot_ws_session_on_message(ngx_chatalot_ws_conn_t *conn, ngx_str_t *text);
static void ngx_chatalot_ws_session_too_early(ngx_chatalot_ws_session_t *session, ngx_str_t *text);
static void ngx_chatalot_ws_session_authenticate(ngx_chatalot_ws_session_t *session, ngx_str_t *text);
static ngx_int_t ngx_chatalot_ws_session_identify(ngx_chatalot_ws_request_t *request,
    ngx_chatalot_problem_t *problem);
static void ngx_chatalot_ws_session_join(ngx_chatalot_ws_session_t *session);
static void ngx_chatalot_ws_session_on_timeout(ngx_chatalot_ws_conn_t *conn);
static void ngx_chatalot_ws_session_on_leave(ngx_chatalot_ws_conn_t *conn);
static void ngx_chatalot_ws_session_on_closed(ngx_chatalot_ws_conn_t *conn);


static const ngx_chatalot_ws_conn_listener_t  ngx_chatalot_ws_session_listener = {
    ngx_chatalot_ws_session_on_message,
    ngx_chatalot_ws_session_on_timeout,
    ngx_chatalot_ws_session_on_leave,
    ngx_chatalot_ws_session_on_closed,
    ngx_chatalot_ws_session_discard
};


void
ngx_chatalot_ws_session_init(void)
{
    ngx_chatalot_ws_conn_listen(&ngx_chatalot_ws_session_listener);
}


ngx_chatalot_ws_conn_t *
ngx_chatalot_ws_session_create(ngx_chatalot_ws_loc_conf_t *conf, ngx_str_t *address, ngx_str_t *agent)
{
    u_char                     *p;
    size_t                      len;
    ngx_chatalot_ws_session_t  *session;

    session = ngx_alloc(sizeof(ngx_chatalot_ws_session_t) + address->len, ngx_cycle->log);
    if (session == NULL) {
        return NULL;
    }

    ngx_memzero(session, sizeof(ngx_chatalot_ws_session_t));

    if (agent) {
        len = ngx_min(agent->len, NGX_CHATALOT_WS_AGENT_MAX);

        session->agent = ngx_alloc(len + 1, ngx_cycle->log);
        if (session->agent == NULL) {
            ngx_free(session);
            return NULL;
        }

        p = ngx_cpymem(session->agent, agent->data, len);
        *p = '\0';
    }

    session->conn.conf = conf;
    session->conn.address.data = (u_char *) (session + 1);
    session->conn.address.len = address->len;
    ngx_memcpy(session->conn.address.data, address->data, address->len);

    ngx_chatalot_ws_frame_init(&session->conn.parser, ngx_min(NGX_CHATALOT_WS_FIRST_MAX, conf->max_message));

    return &session->conn;
}


void
ngx_chatalot_ws_session_discard(ngx_chatalot_ws_conn_t *conn)
{
    ngx_chatalot_ws_session_t  *session;

    session = (ngx_chatalot_ws_session_t *) conn;

    ngx_free(session->agent);
    ngx_free(session);
}


static void
ngx_chatalot_ws_session_on_message(ngx_chatalot_ws_conn_t *conn, ngx_str_t *text)
{
    ngx_chatalot_ws_session_t  *session;

    session = (ngx_chatalot_ws_session_t *) conn;

    if (session->leaving) {
        /* the client sends it again, by its id, after the reconnect it is being told of */
        return;
    }

    switch (session->state) {

    case NGX_CHATALOT_WS_NEW:
        ngx_chatalot_ws_session_authenticate(session, text);
        break;

    case NGX_CHATALOT_WS_READY:
        ngx_chatalot_ws_dispatch(session, text);
        break;

    default:
        ngx_chatalot_ws_session_too_early(session, text);
        break;
    }
}


static void
ngx_chatalot_ws_session_too_early(ngx_chatalot_ws_session_t *session, ngx_str_t *text)
{
    ngx_chatalot_problem_t      problem;
    ngx_chatalot_ws_request_t  *request;

    request = ngx_chatalot_ws_request_create(session, text);
    if (request == NULL) {
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_INTERNAL);
        return;
    }

    if (ngx_chatalot_ws_request_parse(request, &problem) == NGX_OK) {
        ngx_chatalot_problem_set(&problem, 409, "not_ready", "Wait for \"ready\".", NULL);
    }

    ngx_chatalot_ws_request_refuse(request, &problem);
    ngx_chatalot_ws_request_destroy(request);
}


static void
ngx_chatalot_ws_session_authenticate(ngx_chatalot_ws_session_t *session, ngx_str_t *text)
{
    ngx_uint_t                  code;
    ngx_chatalot_problem_t      problem;
    ngx_chatalot_ws_request_t  *request;

    static const ngx_str_t  type = ngx_string("authenticate");

    request = ngx_chatalot_ws_request_create(session, text);
    if (request == NULL) {
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_INTERNAL);
        return;
    }

    code = NGX_CHATALOT_WS_POLICY;

    if (ngx_chatalot_ws_request_parse(request, &problem) != NGX_OK) {
        goto refused;
    }

    *text = ngx_chatalot_json_string(request->json, "type");

    if (text->len != type.len || ngx_memcmp(text->data, type.data, type.len) != 0) {
        ngx_chatalot_problem_set(&problem, 401, "unauthenticated", "The first frame must be \"authenticate\".", NULL);
        goto refused;
    }

    if (ngx_chatalot_params_check(request->pool, ngx_chatalot_ws_authenticate_params, NGX_CHATALOT_IN_BODY,
                                  request->json, &problem)
        != NGX_OK)
    {
        goto refused;
    }

    if (ngx_chatalot_ws_session_identify(request, &problem) != NGX_OK) {
        code = NGX_CHATALOT_WS_ENDED;
        goto refused;
    }

    session->start = request;
    session->state = NGX_CHATALOT_WS_JOINING;

    /* what follows is the server's to do */
    ngx_chatalot_ws_conn_timer(&session->conn,
                               session->conn.conf->auth_timeout + ngx_chatalot_conf()->database_timeout);

    ngx_chatalot_ws_session_join(session);

    return;

refused:

    ngx_chatalot_ws_request_refuse(request, &problem);
    ngx_chatalot_ws_request_destroy(request);
    ngx_chatalot_ws_conn_close(&session->conn, code);
}


/* Only a token of a signed-in device opens a session; one that merely admits a device has none. */

static ngx_int_t
ngx_chatalot_ws_session_identify(ngx_chatalot_ws_request_t *request, ngx_chatalot_problem_t *problem)
{
    ngx_int_t                   rc;
    ngx_str_t                   token;
    ngx_chatalot_claims_t       claims;
    ngx_chatalot_ws_session_t  *session;

    session = request->session;
    token = ngx_chatalot_json_string(request->json, "token");

    rc = ngx_chatalot_jwt_verify(request->pool, &token, &claims);

    if (rc == NGX_OK
        && claims.scope == NGX_CHATALOT_SCOPE_FULL
        && ngx_chatalot_uuid_decode(&claims.user, session->user) == NGX_OK
        && ngx_chatalot_uuid_decode(&claims.device, session->device) == NGX_OK
        && ngx_chatalot_uuid_decode(&claims.session, session->id) == NGX_OK)
    {
        return NGX_OK;
    }

    ngx_chatalot_problem_set(problem, 401, "invalid_token", "The token is not valid.", "token");

    return NGX_DECLINED;
}


static void
ngx_chatalot_ws_session_join(ngx_chatalot_ws_session_t *session)
{
    switch (ngx_chatalot_ws_hub_join(session)) {

    case NGX_OK:
        if (session->waiting == 0) {
            ngx_chatalot_ws_start_attached(session);
        }

        break;

    case NGX_BUSY:
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_TOO_MANY);
        break;

    default:
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_INTERNAL);
        break;
    }
}


static void
ngx_chatalot_ws_session_on_timeout(ngx_chatalot_ws_conn_t *conn)
{
    ngx_uint_t                  code;
    ngx_chatalot_ws_session_t  *session;

    session = (ngx_chatalot_ws_session_t *) conn;

    code = session->leaving ? NGX_CHATALOT_WS_RESTART
           : session->state == NGX_CHATALOT_WS_NEW ? NGX_CHATALOT_WS_AUTH_TIMEOUT
           : NGX_CHATALOT_WS_TRY_LATER;

    ngx_chatalot_ws_conn_close(conn, code);
}


static void
ngx_chatalot_ws_session_on_leave(ngx_chatalot_ws_conn_t *conn)
{
    ngx_uint_t                  spread;
    ngx_chatalot_ws_session_t  *session;

    session = (ngx_chatalot_ws_session_t *) conn;

    spread = ngx_chatalot_ws_hub_sessions() + NGX_CHATALOT_WS_SPREAD_MIN;
    spread = ngx_min(spread, NGX_CHATALOT_WS_SPREAD_MAX);

    conn->reconnect = ngx_random() % spread;
    session->leaving = 1;

    ngx_chatalot_ws_conn_timer(conn, NGX_CHATALOT_WS_LEAVE_TIMEOUT);
    ngx_chatalot_ws_session_answered(session);
}


void
ngx_chatalot_ws_session_answered(ngx_chatalot_ws_session_t *session)
{
    if (session->leaving && session->writes == NULL && session->reads == NULL) {
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_RESTART);
    }
}


static void
ngx_chatalot_ws_session_on_closed(ngx_chatalot_ws_conn_t *conn)
{
    ngx_chatalot_ws_session_t  *session;

    session = (ngx_chatalot_ws_session_t *) conn;
    session->state = NGX_CHATALOT_WS_OVER;

    ngx_chatalot_ws_hub_leave(session);
    ngx_chatalot_ws_request_abandon(session);
}
