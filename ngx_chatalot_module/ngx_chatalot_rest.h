/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the files of the REST module share: the route table's row, a request in progress, and how it ends.
 *
 * A request goes module.c (where) -> request.c (who) -> body.c -> args.c -> one SQL call, or the handler of its route ->
 * reply.c. From the moment its body is read it is a call (ngx_chatalot_call.h), whose data is the request.
 */

#ifndef NGX_CHATALOT_REST_H
#define NGX_CHATALOT_REST_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_chatalot_call.h"
#include "ngx_chatalot_core.h"
#include "ngx_chatalot_json.h"
#include "ngx_chatalot_jwt.h"
#include "ngx_chatalot_params.h"
#include "ngx_chatalot_rest_router.h"


#define NGX_CHATALOT_REST_BODY_MAX      (1024 * 1024)
#define NGX_CHATALOT_REST_BODY_BUFFER   (NGX_CHATALOT_REST_BODY_MAX + NGX_CHATALOT_REST_BODY_MAX / 8)
#define NGX_CHATALOT_REST_TOKEN_LEN     32          /* bytes of every token and key that is a secret of a client */
#define NGX_CHATALOT_REST_ENROL_TIME    600         /* seconds an enrol token lives */
#define NGX_CHATALOT_REST_RECOVER_TIME  600         /* a recover token; the same as lib.limit('recovery_minutes') */


typedef enum {
    NGX_CHATALOT_REST_NOBODY = 0,       /* need be signed in */
    NGX_CHATALOT_REST_ENROL,            /* a token of scope "enrol" */
    NGX_CHATALOT_REST_RECOVER,          /* a token of scope "recover" */
    NGX_CHATALOT_REST_USER,             /* a token of scope "full" */
    NGX_CHATALOT_REST_USER_OR_ENROL     /* either: SQL tells them apart by the device, which an enrol token has not */
} ngx_chatalot_rest_who_e;


typedef struct ngx_chatalot_rest_proof_s        ngx_chatalot_rest_proof_t;
typedef struct ngx_chatalot_rest_credentials_s  ngx_chatalot_rest_credentials_t;


typedef struct {
    ngx_chatalot_rest_method_e    method;
    ngx_str_t                     path;
    ngx_chatalot_rest_who_e       who;
    ngx_chatalot_function_t       function;     /* its name also names the operation in OpenAPI */
    ngx_chatalot_call_pt          handler;      /* NULL: the function is called with the arguments as they came */
    const ngx_chatalot_param_t   *params;       /* NULL: none; those in the path in its order */
    const ngx_chatalot_param_t   *reply;        /* NULL: an empty object */
    ngx_str_t                     summary;
} ngx_chatalot_rest_route_t;


typedef struct {
    ngx_http_request_t           *http;
    ngx_chatalot_rest_route_t    *route;        /* NULL until it is found */
    ngx_chatalot_rest_match_t     match;
    ngx_chatalot_caller_t         caller;
    ngx_chatalot_call_t          *call;         /* NULL until the body is read */
    ngx_str_t                     text;         /* the body's JSON object; empty: none */
    ngx_chatalot_json_t          *body;         /* the same, checked; NULL: none */
    ngx_str_t                     args;         /* path, query and body as one JSON object */
    void                         *state;        /* the handler's own */
    ngx_chatalot_rest_proof_t    *proof;        /* NULL: nothing is being proven */
    ngx_chatalot_rest_credentials_t  *credentials;  /* NULL: none are being made */
    unsigned                      parked:1;     /* it waited for something: what follows runs in the event loop */
    unsigned                      cacheable:1;  /* the reply may be kept, against its ETag */
} ngx_chatalot_rest_request_t;


typedef struct {
    ngx_chatalot_rest_router_t   *router;       /* NULL: no location uses the API */
    ngx_int_t                     request_id;   /* index of $request_id */
    ngx_str_t                     openapi;      /* the document */
    ngx_str_t                     openapi_etag;
} ngx_chatalot_rest_main_conf_t;


extern ngx_module_t  ngx_http_chatalot_rest_module;

/* routes.c: the table; its last row has an empty path. */
extern ngx_chatalot_rest_route_t  ngx_chatalot_rest_routes[];

/* Fills the router from the table. NULL, or what is wrong with the row that *path then names. */
const char *ngx_chatalot_rest_routes_build(ngx_chatalot_rest_router_t *router, ngx_str_t *path);


/* request.c */

/* A request without a route; NULL: no memory. */
ngx_chatalot_rest_request_t *ngx_chatalot_rest_request_create(ngx_http_request_t *r);

/* Finds who calls, as the route demands: NGX_OK, NGX_DECLINED with the problem (401, 403), NGX_ERROR: no memory. */
ngx_int_t ngx_chatalot_rest_request_authenticate(ngx_chatalot_rest_request_t *request,
    ngx_chatalot_problem_t *problem);

/* Sets 500 internal; returns NGX_ERROR. */
ngx_int_t ngx_chatalot_rest_request_error(ngx_chatalot_problem_t *problem);

/* Clears memory of the request's pool when the request ends, however it ends. NGX_ERROR: no memory; it is clear already. */
ngx_int_t ngx_chatalot_rest_request_wipe(ngx_chatalot_rest_request_t *request, u_char *secret, size_t len);

/*
 * The steps of a handler: start something, and go on in next. When it cannot be started the request is answered with
 * call->problem and next is not called; either way the caller just returns. But hash and verify tell next also that
 * problem: an attempt that was counted before has to be taken back.
 */
void ngx_chatalot_rest_ask(ngx_chatalot_call_t *call, ngx_chatalot_function_t *function, ngx_str_t *args,
    ngx_chatalot_call_pt next);
void ngx_chatalot_rest_hash(ngx_chatalot_call_t *call, ngx_str_t *secret, ngx_chatalot_call_pt next);
void ngx_chatalot_rest_verify(ngx_chatalot_call_t *call, ngx_str_t *secret, ngx_str_t *encoded,
    ngx_chatalot_call_pt next);


/*
 * body.c: takes the body that nginx has read, parses it and checks it against the route. NGX_OK, or NGX_ERROR with the
 * problem (400, 413, 415, 422, 500).
 */
ngx_int_t ngx_chatalot_rest_body_take(ngx_chatalot_rest_request_t *request, ngx_chatalot_problem_t *problem);

/* args.c: path, query and body into request->args. NGX_OK, or NGX_ERROR with the problem (422, 500). */
ngx_int_t ngx_chatalot_rest_args_build(ngx_chatalot_rest_request_t *request, ngx_chatalot_problem_t *problem);

/* Begins an object with the members of the body but those named; except ends with NULL. NULL: no memory. */
yajl_gen ngx_chatalot_rest_args_begin(ngx_chatalot_rest_request_t *request, const char **except);

/* The same for the members of another object, or of none, into an object that was begun. */
void ngx_chatalot_rest_args_members(yajl_gen gen, ngx_chatalot_json_t *object, const char **except);


/* reply.c: the ends of a call. After one of them the request may be gone. */

void ngx_chatalot_rest_reply(ngx_chatalot_call_t *call, ngx_str_t *json);       /* 200 */
void ngx_chatalot_rest_reply_on_sql(ngx_chatalot_call_t *call);                 /* with what SQL said, good or bad */
void ngx_chatalot_rest_reply_fail(ngx_chatalot_call_t *call);                   /* with call->problem */
void ngx_chatalot_rest_reply_error(ngx_chatalot_call_t *call);                  /* 500: no memory, or worse */

/* The same before there is a call: the status for nginx to finish the request with. */
ngx_int_t ngx_chatalot_rest_reply_problem(ngx_chatalot_rest_request_t *request, ngx_chatalot_problem_t *problem);
ngx_int_t ngx_chatalot_rest_reply_options(ngx_chatalot_rest_request_t *request);
ngx_int_t ngx_chatalot_rest_reply_method(ngx_chatalot_rest_request_t *request);

/* An answer that is not the usual one. json may be NULL: none. */
ngx_int_t ngx_chatalot_rest_reply_send(ngx_chatalot_rest_request_t *request, ngx_uint_t status, ngx_str_t *json);
void ngx_chatalot_rest_reply_finish(ngx_chatalot_rest_request_t *request, ngx_int_t rc);

/* One more response header; name is a literal, value must live as long as the request. */
ngx_table_elt_t *ngx_chatalot_rest_reply_header(ngx_http_request_t *r, const char *name, ngx_str_t *value);


/* tokens.c */

/* Draws a refresh token; both strings are base64url, hash is of its SHA-256. NGX_ERROR: no memory. */
ngx_int_t ngx_chatalot_rest_tokens_draw(ngx_chatalot_rest_request_t *request, ngx_str_t *token, ngx_str_t *hash);

/* The 32 bytes of a member of an object that was declared so, wiped at the end of the request. NGX_ERROR: no memory. */
ngx_int_t ngx_chatalot_rest_tokens_key(ngx_chatalot_rest_request_t *request, ngx_chatalot_json_t *object,
    const char *name, ngx_str_t *key);

/* SHA-256 of such a member of the body as base64url. NGX_ERROR: no memory. */
ngx_int_t ngx_chatalot_rest_tokens_member(ngx_chatalot_rest_request_t *request, const char *name, ngx_str_t *hash);

/* SHA-256 of bytes as base64url. NGX_ERROR: no memory. */
ngx_int_t ngx_chatalot_rest_tokens_hash(ngx_pool_t *pool, const u_char *bytes, size_t len, ngx_str_t *hash);

/* Replies with TOKENS (docs/api.md) for what SQL said ({user:{…},device,session}) and the refresh token drawn before. */
void ngx_chatalot_rest_tokens_reply(ngx_chatalot_call_t *call, ngx_str_t *refresh_token);

/*
 * Replies with a short-lived token of another scope, and with what SQL said: {<session>, user: {…}, …}, the named member
 * of which goes into the token and not into the reply.
 */
void ngx_chatalot_rest_tokens_reply_begun(ngx_chatalot_call_t *call, ngx_chatalot_scope_e scope, const char *session,
    const char *name, time_t lifetime);


/* health.c: remembers when this worker began. */
void ngx_chatalot_rest_health_start(void);


/* openapi.c: the document of the table, and its ETag, into mcf. NGX_ERROR: no memory. */
ngx_int_t ngx_chatalot_rest_openapi_build(ngx_conf_t *cf, ngx_chatalot_rest_main_conf_t *mcf);


/* The handlers of the route table. */

void ngx_chatalot_rest_health(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_openapi(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_auth_prelogin(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_register(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_auth_login(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_auth_refresh(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_recovery(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_recovery_complete(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_account_password(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_account_recovery_code(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_account_identity(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_account_delete(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_auth_reset(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_user_reset(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_devices_add(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_prekeys_upload(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_approvals_claimed(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_approvals_poll(ngx_chatalot_call_t *call);
void ngx_chatalot_rest_reports_add(ngx_chatalot_call_t *call);

/*
 * devices.c: DEVICE in body, with its certificate and signed prekey, under account_key. NGX_OK, or NGX_ERROR with
 * call->problem (422 invalid_certificate, invalid_signed_prekey).
 */
ngx_int_t ngx_chatalot_rest_devices_check(ngx_chatalot_call_t *call, ngx_str_t *user, ngx_str_t *account_key,
    ngx_chatalot_json_t *device);


#endif /* NGX_CHATALOT_REST_H */
