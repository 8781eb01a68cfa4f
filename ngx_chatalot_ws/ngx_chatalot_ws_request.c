/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Requests of a session: see the header. Each has its own pool, gone with the answer.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_params.h"
#include "ngx_chatalot_ws_request.h"


#define NGX_CHATALOT_WS_REQUEST_POOL  2048


static ngx_int_t ngx_chatalot_ws_request_caller(ngx_chatalot_ws_request_t *request);
static ngx_int_t ngx_chatalot_ws_request_admit(ngx_chatalot_ws_request_t *request);
static void ngx_chatalot_ws_request_start(ngx_chatalot_ws_request_t *request);
static void ngx_chatalot_ws_request_on_result(ngx_chatalot_call_t *call);
static void ngx_chatalot_ws_request_finish(ngx_chatalot_ws_request_t *request);
static void ngx_chatalot_ws_request_unlink(ngx_chatalot_ws_request_t *request);
static void ngx_chatalot_ws_request_send(ngx_chatalot_ws_request_t *request, const char *type, const char *member,
    ngx_str_t *value);


static ngx_uint_t  ngx_chatalot_ws_request_count;


ngx_chatalot_ws_request_t *
ngx_chatalot_ws_request_create(ngx_chatalot_ws_session_t *session, ngx_str_t *text)
{
    ngx_pool_t                 *pool;
    ngx_chatalot_ws_request_t  *request;

    pool = ngx_create_pool(NGX_CHATALOT_WS_REQUEST_POOL, session->conn.connection->log);
    if (pool == NULL) {
        return NULL;
    }

    request = ngx_pcalloc(pool, sizeof(ngx_chatalot_ws_request_t));
    if (request == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    request->pool = pool;
    request->session = session;
    request->text.len = text->len;
    request->text.data = ngx_pstrdup(pool, text);

    if (request->text.data == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    return request;
}


void
ngx_chatalot_ws_request_destroy(ngx_chatalot_ws_request_t *request)
{
    ngx_destroy_pool(request->pool);
}


ngx_int_t
ngx_chatalot_ws_request_parse(ngx_chatalot_ws_request_t *request, ngx_chatalot_problem_t *problem)
{
    u_char               *p;
    size_t                len;
    const char           *reason;
    ngx_chatalot_json_t  *ref;

    request->json = ngx_chatalot_json_parse(request->pool, &request->text, &reason);

    if (request->json == NULL) {

        if (*reason == '\0') {
            ngx_chatalot_problem_set(problem, 500, "internal", "Something went wrong here.", NULL);

        } else {
            ngx_chatalot_problem_set(problem, 400, "invalid_json", reason, NULL);
        }

        return NGX_ERROR;
    }

    ref = ngx_chatalot_json_member(request->json, "ref");

    if (ref && ref->type == NGX_CHATALOT_JSON_STRING && ref->string.len <= NGX_CHATALOT_WS_REF_MAX * 4) {

        len = ref->string.len + ngx_escape_json(NULL, ref->string.data, ref->string.len);

        p = ngx_pnalloc(request->pool, len + 2);
        if (p == NULL) {
            ngx_chatalot_problem_set(problem, 500, "internal", "Something went wrong here.", NULL);
            return NGX_ERROR;
        }

        request->ref.data = p;
        *p++ = '"';
        p = (u_char *) ngx_escape_json(p, ref->string.data, ref->string.len);
        *p++ = '"';
        request->ref.len = p - request->ref.data;
    }

    return NGX_OK;
}


ngx_int_t
ngx_chatalot_ws_request_call(ngx_chatalot_ws_request_t *request, ngx_chatalot_function_t *function, ngx_str_t *args,
    ngx_chatalot_json_t *json, ngx_chatalot_call_pt handler)
{
    ngx_chatalot_call_t  *call;

    if (ngx_chatalot_ws_request_caller(request) != NGX_OK) {
        return NGX_ERROR;
    }

    call = ngx_chatalot_call_create(request->pool, request->session->conn.connection->log, &request->caller, request);
    if (call == NULL) {
        return NGX_ERROR;
    }

    request->call = call;
    call->handler = handler;

    return ngx_chatalot_call_sql(call, function, args, json);
}


static ngx_int_t
ngx_chatalot_ws_request_caller(ngx_chatalot_ws_request_t *request)
{
    u_char                     *p;
    ngx_chatalot_caller_t      *caller;
    ngx_chatalot_ws_session_t  *session;

    session = request->session;
    caller = &request->caller;

    p = ngx_pnalloc(request->pool, 3 * NGX_CHATALOT_UUID_LEN + sizeof("ws--") + 3 * NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    caller->user.data = p;
    caller->user.len = NGX_CHATALOT_UUID_LEN;
    p = ngx_chatalot_uuid_encode(p, session->user);

    caller->device.data = p;
    caller->device.len = NGX_CHATALOT_UUID_LEN;
    p = ngx_chatalot_uuid_encode(p, session->device);

    caller->session.data = p;
    caller->session.len = NGX_CHATALOT_UUID_LEN;
    p = ngx_chatalot_uuid_encode(p, session->id);

    caller->address = session->conn.address;

    if (session->agent) {
        caller->agent.data = session->agent;
        caller->agent.len = ngx_strlen(session->agent);
    }

    /* unique on this machine: the process, its socket, its request */

    caller->request_id.data = p;
    caller->request_id.len = ngx_sprintf(p, "ws-%P-%uA-%ui", ngx_pid, session->conn.connection->number,
                                         ++ngx_chatalot_ws_request_count)
                             - p;

    return NGX_OK;
}


void
ngx_chatalot_ws_request_submit(ngx_chatalot_ws_request_t *request)
{
    ngx_uint_t                   first;
    ngx_chatalot_ws_request_t  **last;
    ngx_chatalot_ws_session_t   *session;

    session = request->session;

    if (ngx_chatalot_ws_request_admit(request) != NGX_OK) {
        ngx_chatalot_ws_request_destroy(request);
        return;
    }

    session->pending += request->text.len;

    if (!request->writes) {
        session->nreads++;
        request->next = session->reads;
        session->reads = request;

        ngx_chatalot_ws_request_start(request);
        return;
    }

    session->nwrites++;
    first = (session->writes == NULL);

    for (last = &session->writes; *last; last = &(*last)->next) { /* void */ }

    *last = request;

    if (first) {
        ngx_chatalot_ws_request_start(request);
    }
}


static ngx_int_t
ngx_chatalot_ws_request_admit(ngx_chatalot_ws_request_t *request)
{
    size_t                      max;
    ngx_chatalot_problem_t      problem;
    ngx_chatalot_ws_session_t  *session;

    session = request->session;
    max = 2 * session->conn.conf->max_message;

    if ((request->writes ? session->nwrites < NGX_CHATALOT_WS_WRITES_MAX
                         : session->nreads < NGX_CHATALOT_WS_READS_MAX)
        && session->pending + request->text.len <= max)
    {
        return NGX_OK;
    }

    ngx_chatalot_problem_set(&problem, 429, "too_many_pending", "Wait for the answers to earlier requests.", NULL);
    ngx_chatalot_ws_request_refuse(request, &problem);

    return NGX_DECLINED;
}


/* One that cannot start is answered at once; then it is the next one's turn. */

static void
ngx_chatalot_ws_request_start(ngx_chatalot_ws_request_t *request)
{
    ngx_chatalot_problem_t  problem;

    if (ngx_chatalot_ws_request_call(request, request->function, &request->text, request->json,
                                     ngx_chatalot_ws_request_on_result)
        == NGX_OK)
    {
        return;
    }

    if (request->call) {
        problem = request->call->problem;

    } else {
        ngx_chatalot_problem_set(&problem, 500, "internal", "Something went wrong here.", NULL);
    }

    ngx_chatalot_ws_request_refuse(request, &problem);
    ngx_chatalot_ws_request_finish(request);
}


static void
ngx_chatalot_ws_request_on_result(ngx_chatalot_call_t *call)
{
    ngx_chatalot_ws_request_t  *request;
    ngx_chatalot_ws_session_t  *session;

    request = call->data;
    session = request->session;

    if (call->problem.status == 0) {
        ngx_chatalot_ws_request_answer(request, &call->reply);

    } else {
        ngx_chatalot_ws_request_refuse(request, &call->problem);
    }

    if (call->problem.status == 401) {
        /* the session has ended, and the event that says so was missed */
        ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_ENDED);
    }

    ngx_chatalot_ws_request_finish(request);
}


static void
ngx_chatalot_ws_request_finish(ngx_chatalot_ws_request_t *request)
{
    ngx_uint_t                  writes;
    ngx_chatalot_ws_session_t  *session;

    session = request->session;
    writes = request->writes;

    ngx_chatalot_ws_request_unlink(request);
    ngx_chatalot_ws_request_destroy(request);

    if (writes && session->writes) {
        ngx_chatalot_ws_request_start(session->writes);
        return;
    }

    ngx_chatalot_ws_session_answered(session);
}


static void
ngx_chatalot_ws_request_unlink(ngx_chatalot_ws_request_t *request)
{
    ngx_chatalot_ws_request_t  **p;
    ngx_chatalot_ws_session_t   *session;

    session = request->session;

    for (p = request->writes ? &session->writes : &session->reads; *p; p = &(*p)->next) {

        if (*p == request) {
            *p = request->next;
            break;
        }
    }

    session->pending -= request->text.len;

    if (request->writes) {
        session->nwrites--;

    } else {
        session->nreads--;
    }
}


void
ngx_chatalot_ws_request_abandon(ngx_chatalot_ws_session_t *session)
{
    ngx_chatalot_ws_request_t  *request;

    while (session->writes || session->reads) {
        request = session->writes ? session->writes : session->reads;

        ngx_chatalot_ws_request_unlink(request);
        ngx_chatalot_ws_request_destroy(request);
    }

    if (session->start) {
        ngx_chatalot_ws_request_destroy(session->start);
        session->start = NULL;
    }
}


void
ngx_chatalot_ws_request_answer(ngx_chatalot_ws_request_t *request, ngx_str_t *result)
{
    ngx_chatalot_ws_request_send(request, "ok", "result", result);
}


void
ngx_chatalot_ws_request_refuse(ngx_chatalot_ws_request_t *request, ngx_chatalot_problem_t *problem)
{
    ngx_str_t  json, id;

    /* the id is of use only with what the log has more to tell about */

    ngx_str_null(&id);

    if (problem->status == 500) {
        id = request->caller.request_id;
    }

    if (ngx_chatalot_problem_json(request->pool, problem, &id, &json) != NGX_OK) {
        ngx_chatalot_ws_conn_close(&request->session->conn, NGX_CHATALOT_WS_INTERNAL);
        return;
    }

    ngx_chatalot_ws_request_send(request, "error", "error", &json);
}


static void
ngx_chatalot_ws_request_send(ngx_chatalot_ws_request_t *request, const char *type, const char *member,
    ngx_str_t *value)
{
    size_t                      len;
    u_char                     *p;
    ngx_chatalot_ws_buffer_t   *buffer;

    len = sizeof("{\"type\":\"\",\"\":}") - 1 + ngx_strlen(type) + ngx_strlen(member) + value->len;

    if (request->ref.len) {
        len += sizeof(",\"ref\":") - 1 + request->ref.len;
    }

    buffer = ngx_chatalot_ws_out_frame(NGX_CHATALOT_WS_TEXT, len);
    if (buffer == NULL) {
        ngx_chatalot_ws_conn_close(&request->session->conn, NGX_CHATALOT_WS_INTERNAL);
        return;
    }

    p = ngx_sprintf(ngx_chatalot_ws_out_payload(buffer), "{\"type\":\"%s\"", type);

    if (request->ref.len) {
        p = ngx_sprintf(p, ",\"ref\":%V", &request->ref);
    }

    p = ngx_sprintf(p, ",\"%s\":", member);
    p = ngx_cpymem(p, value->data, value->len);
    *p = '}';

    ngx_chatalot_ws_conn_send(&request->session->conn, buffer);
    ngx_chatalot_ws_out_release(buffer);
}
