/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Devices and their prekeys, as far as a signature must be verified before SQL may keep them. That the keys are those of
 * the user and the device, SQL checks.
 */

#include "ngx_chatalot_rest.h"

#include <chatalot_crypto.h>


static void ngx_chatalot_rest_devices_on_added(ngx_chatalot_call_t *call);
static ngx_int_t ngx_chatalot_rest_devices_check_prekey(
    ngx_chatalot_call_t *call, ngx_str_t *prekey, ngx_str_t *device,
    ngx_str_t *device_key, const char *field);
static ngx_int_t ngx_chatalot_rest_devices_refuse(ngx_chatalot_call_t *call,
    const char *code, const char *message, const char *field);


void
ngx_chatalot_rest_devices_add(ngx_chatalot_call_t *call)
{
    yajl_gen                      gen;
    ngx_str_t                     account_key, hash, args, *token;
    const char                   *except[] = { NULL };
    ngx_chatalot_json_t          *device;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    account_key = ngx_chatalot_json_string(request->body, "account_key");
    device = ngx_chatalot_json_member(request->body, "device");

    if (ngx_chatalot_rest_devices_check(call, &request->caller.user,
                                        &account_key, device)
        != NGX_OK)
    {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    token = ngx_palloc(call->pool, sizeof(ngx_str_t));
    if (token == NULL
        || ngx_chatalot_rest_tokens_draw(request, token, &hash) != NGX_OK)
    {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    request->state = token;

    gen = ngx_chatalot_rest_args_begin(request, except);
    if (gen == NULL) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_json_put(gen, "refresh_hash", &hash);
    yajl_gen_map_close(gen);

    if (ngx_chatalot_json_finish(gen, &args) != NGX_OK) {
        ngx_chatalot_rest_reply_error(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &request->route->function, &args,
                          ngx_chatalot_rest_devices_on_added);
}


static void
ngx_chatalot_rest_devices_on_added(ngx_chatalot_call_t *call)
{
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    if (call->problem.status) {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    ngx_chatalot_rest_tokens_reply(call, request->state);
}


void
ngx_chatalot_rest_prekeys_upload(ngx_chatalot_call_t *call)
{
    ngx_str_t                     prekey, device_key;
    ngx_chatalot_rest_request_t  *request;

    request = call->data;

    prekey = ngx_chatalot_json_string(request->body, "signed_prekey");
    device_key = ngx_chatalot_json_string(request->body, "device_key");

    if (prekey.len && device_key.len == 0) {
        ngx_chatalot_problem_set(&call->problem, 422, "missing_field",
                                 "A signed prekey comes with the key that"
                                 " signed it.", "device_key");
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    if (prekey.len
        && ngx_chatalot_rest_devices_check_prekey(call, &prekey,
               &request->caller.device, &device_key, "signed_prekey")
           != NGX_OK)
    {
        ngx_chatalot_rest_reply_fail(call);
        return;
    }

    ngx_chatalot_rest_ask(call, &request->route->function, &request->args,
                          ngx_chatalot_rest_reply_on_sql);
}


ngx_int_t
ngx_chatalot_rest_devices_check(ngx_chatalot_call_t *call, ngx_str_t *user,
    ngx_str_t *account_key, ngx_chatalot_json_t *device)
{
    u_char                certificate[CHATALOT_CERTIFICATE_LENGTH];
    u_char                account[CHATALOT_KEY_LENGTH];
    u_char                key[CHATALOT_KEY_LENGTH];
    u_char                user_id[CHATALOT_ID_LENGTH];
    u_char                device_id[CHATALOT_ID_LENGTH];
    ngx_str_t             id, device_key, text, prekey;
    ngx_chatalot_json_t  *created;

    id = ngx_chatalot_json_string(device, "id");
    device_key = ngx_chatalot_json_string(device, "device_key");
    text = ngx_chatalot_json_string(device, "certificate");
    prekey = ngx_chatalot_json_string(device, "signed_prekey");
    created = ngx_chatalot_json_member(device, "created_at");

    if (created == NULL
        || ngx_chatalot_uuid_decode(user, user_id) != NGX_OK
        || ngx_chatalot_uuid_decode(&id, device_id) != NGX_OK
        || ngx_chatalot_bytes_decode(account_key, account, sizeof(account))
           != NGX_OK
        || ngx_chatalot_bytes_decode(&device_key, key, sizeof(key)) != NGX_OK
        || ngx_chatalot_bytes_decode(&text, certificate, sizeof(certificate))
           != NGX_OK
        || chatalot_device_certificate_verify(certificate, account, user_id,
                                              device_id, key,
                                              created->integer)
           != CHATALOT_OK)
    {
        return ngx_chatalot_rest_devices_refuse(call, "invalid_certificate",
                   "The account's key did not certify this device.",
                   "device.certificate");
    }

    return ngx_chatalot_rest_devices_check_prekey(call, &prekey, &id,
               &device_key, "device.signed_prekey");
}


static ngx_int_t
ngx_chatalot_rest_devices_check_prekey(ngx_chatalot_call_t *call,
    ngx_str_t *prekey, ngx_str_t *device, ngx_str_t *device_key,
    const char *field)
{
    u_char  bytes[CHATALOT_SIGNED_PREKEY_LENGTH];
    u_char  key[CHATALOT_KEY_LENGTH];
    u_char  id[CHATALOT_ID_LENGTH];

    if (ngx_chatalot_uuid_decode(device, id) != NGX_OK
        || ngx_chatalot_bytes_decode(device_key, key, sizeof(key)) != NGX_OK
        || ngx_chatalot_bytes_decode(prekey, bytes, sizeof(bytes)) != NGX_OK
        || chatalot_signed_prekey_verify(bytes, id, key) != CHATALOT_OK)
    {
        return ngx_chatalot_rest_devices_refuse(call, "invalid_signed_prekey",
                   "The device did not sign this prekey.", field);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chatalot_rest_devices_refuse(ngx_chatalot_call_t *call, const char *code,
    const char *message, const char *field)
{
    ngx_chatalot_problem_set(&call->problem, 422, code, message, field);

    return NGX_ERROR;
}
