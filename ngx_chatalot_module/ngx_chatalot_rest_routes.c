/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * THE table: every method and path of the HTTP interface, who may use it, what it takes and what it gives. The router,
 * the checks of input and the OpenAPI document are all made from it.
 */

#include "ngx_chatalot_rest.h"
#include "ngx_chatalot_rest_shapes.h"


#define NGX_CHATALOT_REST_INTEGER_MAX  9007199254740991     /* the largest that JavaScript tells from its neighbours */
#define NGX_CHATALOT_REST_KEY_ID_MAX   4294967295


/* Rows of parameter tables: in the body, needed or optional, and with parts of their own; in the path; in the query. */

#define needs(name, type, min, max)                                           \
    { ngx_string(name), NGX_CHATALOT_##type, NGX_CHATALOT_IN_BODY,            \
      NGX_CHATALOT_REQUIRED, min, max, NULL }

#define takes(name, type, min, max)                                           \
    { ngx_string(name), NGX_CHATALOT_##type, NGX_CHATALOT_IN_BODY,            \
      NGX_CHATALOT_OPTIONAL, min, max, NULL }

#define needs_of(name, type, min, max, fields)                                \
    { ngx_string(name), NGX_CHATALOT_##type, NGX_CHATALOT_IN_BODY,            \
      NGX_CHATALOT_REQUIRED, min, max, fields }

#define takes_of(name, type, min, max, fields)                                \
    { ngx_string(name), NGX_CHATALOT_##type, NGX_CHATALOT_IN_BODY,            \
      NGX_CHATALOT_OPTIONAL, min, max, fields }

#define path(name, type, min, max)                                            \
    { ngx_string(name), NGX_CHATALOT_##type, NGX_CHATALOT_IN_PATH,            \
      NGX_CHATALOT_REQUIRED, min, max, NULL }

#define query(name, type, min, max)                                           \
    { ngx_string(name), NGX_CHATALOT_##type, NGX_CHATALOT_IN_QUERY,           \
      NGX_CHATALOT_OPTIONAL, min, max, NULL }


static const char *ngx_chatalot_rest_routes_check(
    ngx_chatalot_rest_route_t *route);
static const char *ngx_chatalot_rest_routes_check_param(
    ngx_chatalot_rest_route_t *route, ngx_uint_t i, u_char **path);


/* Parts of bodies; the bounds are those of docs/api.md and sql/lib/limits.sql. */

static const ngx_chatalot_param_t  ngx_chatalot_rest_prekey[] = {
    needs("id", INTEGER, 0, NGX_CHATALOT_REST_KEY_ID_MAX),
    needs("key", BYTES, 32, 32),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_device[] = {
    needs("id", UUID, 0, 0),
    needs("name", STRING, 1, 100),
    needs("device_key", BYTES, 32, 32),
    needs("certificate", BYTES, 66, 66),
    needs("created_at", INTEGER, 0, NGX_CHATALOT_REST_INTEGER_MAX),
    needs("signed_prekey", BYTES, 110, 110),
    needs_of("one_time_prekeys", LIST, 0, 100, ngx_chatalot_rest_prekey),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_backup_item[] = {
    needs("id", UUID, 0, 0),
    needs("data", BYTES, 1, 65536),
    ngx_chatalot_params_end
};


/* What routes take. */

static const ngx_chatalot_param_t  ngx_chatalot_rest_prelogin_params[] = {
    needs("username", USERNAME, 0, 0),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_register_params[] = {
    takes("setup_token", BYTES, 32, 32),
    takes("invite", STRING, 1, 64),
    needs("user", UUID, 0, 0),
    needs("username", USERNAME, 0, 0),
    needs("display_name", STRING, 1, 64),
    needs("salt", BYTES, 16, 16),
    needs("ops", INTEGER, 3, 64),
    needs("mem", INTEGER, 67108864, 4294967296),
    needs("login_key", BYTES, 32, 32),
    needs("recovery_key", BYTES, 32, 32),
    needs("account_key", BYTES, 32, 32),
    needs("backup_key", BYTES, 32, 32),
    needs("keyring_password", BYTES, 1, 1024),
    needs("keyring_recovery", BYTES, 1, 1024),
    needs_of("device", OBJECT, 0, 0, ngx_chatalot_rest_device),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_login_params[] = {
    needs("username", USERNAME, 0, 0),
    needs("login_key", BYTES, 32, 32),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_recovery_params[] = {
    needs("username", USERNAME, 0, 0),
    needs("recovery_key", BYTES, 32, 32),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_recovered_params[] = {
    needs("salt", BYTES, 16, 16),
    needs("ops", INTEGER, 3, 64),
    needs("mem", INTEGER, 67108864, 4294967296),
    needs("login_key", BYTES, 32, 32),
    needs("recovery_key", BYTES, 32, 32),
    needs("keyring_password", BYTES, 1, 1024),
    needs("keyring_recovery", BYTES, 1, 1024),
    needs("account_key", BYTES, 32, 32),
    needs_of("device", OBJECT, 0, 0, ngx_chatalot_rest_device),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_new_password[] = {
    needs("salt", BYTES, 16, 16),
    needs("ops", INTEGER, 3, 64),
    needs("mem", INTEGER, 67108864, 4294967296),
    needs("login_key", BYTES, 32, 32),
    needs("keyring_password", BYTES, 1, 1024),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_password_params[] = {
    needs("login_key", BYTES, 32, 32),
    needs_of("new", OBJECT, 0, 0, ngx_chatalot_rest_new_password),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_recovery_code_params[] = {
    needs("login_key", BYTES, 32, 32),
    needs("recovery_key", BYTES, 32, 32),
    needs("keyring_recovery", BYTES, 1, 1024),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_identity_params[] = {
    needs("login_key", BYTES, 32, 32),
    needs("account_key", BYTES, 32, 32),
    needs("backup_key", BYTES, 32, 32),
    needs("keyring_password", BYTES, 1, 1024),
    needs("recovery_key", BYTES, 32, 32),
    needs("keyring_recovery", BYTES, 1, 1024),
    needs_of("device", OBJECT, 0, 0, ngx_chatalot_rest_device),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_reset_params[] = {
    needs("username", USERNAME, 0, 0),
    needs("reset_code", STRING, 16, 64),
    needs("salt", BYTES, 16, 16),
    needs("ops", INTEGER, 3, 64),
    needs("mem", INTEGER, 67108864, 4294967296),
    needs("login_key", BYTES, 32, 32),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_delete_params[] = {
    needs("login_key", BYTES, 32, 32),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_refresh_params[] = {
    needs("refresh_token", BYTES, 32, 32),
    needs("next_token", BYTES, 32, 32),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_device_params[] = {
    needs("account_key", BYTES, 32, 32),
    needs_of("device", OBJECT, 0, 0, ngx_chatalot_rest_device),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_prekeys_params[] = {
    takes("device_key", BYTES, 32, 32),
    takes("signed_prekey", BYTES, 110, 110),
    takes_of("one_time_prekeys", LIST, 0, 100, ngx_chatalot_rest_prekey),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_claim_params[] = {
    needs("devices", LIST, 1, 100),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_own_device_params[] = {
    path("device", UUID, 0, 0),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_rename_params[] = {
    path("device", UUID, 0, 0),
    needs("name", STRING, 1, 100),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_approval_params[] = {
    needs("id", UUID, 0, 0),
    needs("claim", BYTES, 32, 32),
    needs("commitment", BYTES, 32, 32),
    needs("name", STRING, 1, 100),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_poll_params[] = {
    needs("id", UUID, 0, 0),
    needs("claim", BYTES, 32, 32),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_reveal_params[] = {
    needs("id", UUID, 0, 0),
    needs("claim", BYTES, 32, 32),
    needs("key", BYTES, 32, 32),
    needs("nonce", BYTES, 16, 16),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_answer_params[] = {
    path("code", STRING, 1, 64),
    needs("key", BYTES, 32, 32),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_approve_params[] = {
    path("code", STRING, 1, 64),
    needs("sealed", BYTES, 1, 1024),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_user_params[] = {
    path("user", UUID, 0, 0),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_inbox_params[] = {
    query("after", INTEGER, 0, NGX_CHATALOT_REST_INTEGER_MAX),
    query("limit", INTEGER, 1, 200),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_ack_params[] = {
    needs("seq", INTEGER, 0, NGX_CHATALOT_REST_INTEGER_MAX),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_create_params[] = {
    needs("id", UUID, 0, 0),
    needs("name", STRING, 1, 100),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_community_params[] = {
    path("community", UUID, 0, 0),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_member_params[] = {
    path("community", UUID, 0, 0),
    path("user", UUID, 0, 0),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_invite_params[] = {
    path("community", UUID, 0, 0),
    takes("max_uses", INTEGER, 1, 100000),
    takes("expires_in_hours", INTEGER, 1, 8760),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_code_params[] = {
    path("code", STRING, 1, 64),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_dm_params[] = {
    needs("id", UUID, 0, 0),
    needs("user", UUID, 0, 0),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_channel_params[] = {
    path("channel", UUID, 0, 0),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_entries_params[] = {
    path("channel", UUID, 0, 0),
    query("before", INTEGER, 1, NGX_CHATALOT_REST_INTEGER_MAX),
    query("limit", INTEGER, 1, 100),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_policy_params[] = {
    path("channel", UUID, 0, 0),
    needs("history", STRING, 1, 32),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_report_params[] = {
    needs("id", UUID, 0, 0),
    needs("channel", UUID, 0, 0),
    needs("entry", UUID, 0, 0),
    needs("payload", BYTES, 1, 131072),
    needs("franking_key", BYTES, 32, 32),
    takes("reason", STRING, 0, 1000),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_reports_params[] = {
    query("community", UUID, 0, 0),
    query("before", UUID, 0, 0),
    query("limit", INTEGER, 1, 50),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_resolve_params[] = {
    path("report", UUID, 0, 0),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_store_params[] = {
    needs_of("items", LIST, 1, 100, ngx_chatalot_rest_backup_item),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_backup_params[] = {
    query("before", INTEGER, 1, NGX_CHATALOT_REST_INTEGER_MAX),
    query("limit", INTEGER, 1, 500),
    ngx_chatalot_params_end
};


ngx_chatalot_rest_route_t  ngx_chatalot_rest_routes[] = {

    { NGX_CHATALOT_REST_GET, ngx_string("/api/health"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("health"), ngx_chatalot_rest_health,
      NULL, ngx_chatalot_rest_shape_health,
      ngx_string("Whether this worker can serve") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/openapi.json"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("openapi"), ngx_chatalot_rest_openapi,
      NULL, NULL,
      ngx_string("This document") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/auth/config"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("auth_config"), NULL,
      NULL, ngx_chatalot_rest_shape_config,
      ngx_string("What a sign-in page needs to know") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/auth/prelogin"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("auth_prelogin"), ngx_chatalot_rest_auth_prelogin,
      ngx_chatalot_rest_prelogin_params, ngx_chatalot_rest_shape_prelogin,
      ngx_string("How a client derives its keys from the password") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/auth/register"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("auth_register"), ngx_chatalot_rest_register,
      ngx_chatalot_rest_register_params, ngx_chatalot_rest_shape_tokens,
      ngx_string("Make an account with its first device") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/auth/login"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("auth_login"), ngx_chatalot_rest_auth_login,
      ngx_chatalot_rest_login_params, ngx_chatalot_rest_shape_login,
      ngx_string("Prove the password, to admit a device") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/auth/recovery"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("auth_recovery"), ngx_chatalot_rest_recovery,
      ngx_chatalot_rest_recovery_params, ngx_chatalot_rest_shape_recovery,
      ngx_string("Prove the recovery code, to recover the account") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/auth/recovery/complete"),
      NGX_CHATALOT_REST_RECOVER, NGX_CHATALOT_FUNCTION("auth_recovery_complete"), ngx_chatalot_rest_recovery_complete,
      ngx_chatalot_rest_recovered_params, ngx_chatalot_rest_shape_tokens,
      ngx_string("New password, new recovery code, this device in place of all others") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/auth/password"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("auth_password"), ngx_chatalot_rest_account_password,
      ngx_chatalot_rest_password_params, NULL,
      ngx_string("Change the password") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/auth/recovery-code"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("auth_recovery_code"), ngx_chatalot_rest_account_recovery_code,
      ngx_chatalot_rest_recovery_code_params, NULL,
      ngx_string("A new recovery code in place of the old one") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/auth/identity"),
      NGX_CHATALOT_REST_USER_OR_ENROL, NGX_CHATALOT_FUNCTION("auth_identity"), ngx_chatalot_rest_account_identity,
      ngx_chatalot_rest_identity_params, ngx_chatalot_rest_shape_tokens,
      ngx_string("New keys of the account, with a new device in place of all others") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/auth/reset"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("auth_reset"), ngx_chatalot_rest_auth_reset,
      ngx_chatalot_rest_reset_params, NULL,
      ngx_string("Set a password with an admin's one-time code") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/users/{user}/reset"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("user_reset"), ngx_chatalot_rest_user_reset,
      ngx_chatalot_rest_user_params, ngx_chatalot_rest_shape_reset,
      ngx_string("A one-time code for somebody who has lost the password") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/auth/refresh"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("auth_refresh"), ngx_chatalot_rest_auth_refresh,
      ngx_chatalot_rest_refresh_params, ngx_chatalot_rest_shape_refresh,
      ngx_string("Exchange a refresh token for an access token") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/auth/logout"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("auth_logout"), NULL,
      NULL, NULL,
      ngx_string("End the session and remove its device") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/account/delete"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("account_delete"), ngx_chatalot_rest_account_delete,
      ngx_chatalot_rest_delete_params, NULL,
      ngx_string("Delete the account and its data") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/me"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("me"), NULL,
      NULL, ngx_chatalot_rest_shape_me,
      ngx_string("The account that is signed in") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/devices"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("devices_list"), NULL,
      NULL, ngx_chatalot_rest_shape_devices,
      ngx_string("The account's own devices") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/devices"),
      NGX_CHATALOT_REST_ENROL, NGX_CHATALOT_FUNCTION("device_add"), ngx_chatalot_rest_devices_add,
      ngx_chatalot_rest_device_params, ngx_chatalot_rest_shape_tokens,
      ngx_string("Admit a device after login") },

    { NGX_CHATALOT_REST_PATCH, ngx_string("/api/devices/{device}"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("device_rename"), NULL,
      ngx_chatalot_rest_rename_params, NULL,
      ngx_string("Give one of the own devices another name") },

    { NGX_CHATALOT_REST_DELETE, ngx_string("/api/devices/{device}"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("device_remove"), NULL,
      ngx_chatalot_rest_own_device_params, NULL,
      ngx_string("Remove one of the own devices") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/approvals"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("approval_begin"), ngx_chatalot_rest_approvals_claimed,
      ngx_chatalot_rest_approval_params, ngx_chatalot_rest_shape_approval_code,
      ngx_string("Ask for a new device to be approved by one that is signed in") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/approvals/poll"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("approval_poll"), ngx_chatalot_rest_approvals_poll,
      ngx_chatalot_rest_poll_params, ngx_chatalot_rest_shape_approval_state,
      ngx_string("What has become of the request") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/approvals/reveal"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("approval_reveal"), ngx_chatalot_rest_approvals_claimed,
      ngx_chatalot_rest_reveal_params, NULL,
      ngx_string("Show what the commitment was made of, after the answer") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/approvals/cancel"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("approval_cancel"), ngx_chatalot_rest_approvals_claimed,
      ngx_chatalot_rest_poll_params, NULL,
      ngx_string("Give the request up") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/approvals/{code}"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("approval_get"), NULL,
      ngx_chatalot_rest_code_params, ngx_chatalot_rest_shape_approval,
      ngx_string("The device that waits under a code") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/approvals/{code}/answer"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("approval_answer"), NULL,
      ngx_chatalot_rest_answer_params, NULL,
      ngx_string("Answer it with a key; the first answer counts") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/approvals/{code}/approve"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("approval_approve"), NULL,
      ngx_chatalot_rest_approve_params, NULL,
      ngx_string("Approve it, with the sealed keys of the account") },

    { NGX_CHATALOT_REST_DELETE, ngx_string("/api/approvals/{code}"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("approval_refuse"), NULL,
      ngx_chatalot_rest_code_params, NULL,
      ngx_string("Refuse it") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/users/{user}/devices"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("user_devices"), NULL,
      ngx_chatalot_rest_user_params, ngx_chatalot_rest_shape_user_devices,
      ngx_string("The certified devices of a person one shares a channel with") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/prekeys"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("prekeys_status"), NULL,
      NULL, ngx_chatalot_rest_shape_prekeys,
      ngx_string("What is left of the own device's prekeys") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/prekeys"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("prekeys_upload"), ngx_chatalot_rest_prekeys_upload,
      ngx_chatalot_rest_prekeys_params, ngx_chatalot_rest_shape_prekeys_count,
      ngx_string("Add prekeys to the own device") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/prekeys/claim"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("prekeys_claim"), NULL,
      ngx_chatalot_rest_claim_params, ngx_chatalot_rest_shape_bundles,
      ngx_string("Take prekeys of others' devices, each one-time prekey once") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/inbox"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("inbox_list"), NULL,
      ngx_chatalot_rest_inbox_params, ngx_chatalot_rest_shape_inbox,
      ngx_string("What waits for the own device") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/inbox/ack"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("inbox_ack"), NULL,
      ngx_chatalot_rest_ack_params, NULL,
      ngx_string("Remove what has been taken from the inbox") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/communities"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("communities_list"), NULL,
      NULL, ngx_chatalot_rest_shape_communities,
      ngx_string("The communities one is in") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/communities"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("community_create"), NULL,
      ngx_chatalot_rest_create_params, ngx_chatalot_rest_shape_community,
      ngx_string("Make a community") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/communities/{community}"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("community_get"), NULL,
      ngx_chatalot_rest_community_params, ngx_chatalot_rest_shape_community,
      ngx_string("One community") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/communities/{community}/members"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("community_members"), NULL,
      ngx_chatalot_rest_community_params, ngx_chatalot_rest_shape_members,
      ngx_string("Who is in a community") },

    { NGX_CHATALOT_REST_DELETE, ngx_string("/api/communities/{community}/members/{user}"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("community_member_remove"), NULL,
      ngx_chatalot_rest_member_params, NULL,
      ngx_string("Leave a community, or remove somebody of a lower role") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/communities/{community}/invites"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("invite_create"), NULL,
      ngx_chatalot_rest_invite_params, ngx_chatalot_rest_shape_invite,
      ngx_string("Make an invitation") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/communities/{community}/invites"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("invites_list"), NULL,
      ngx_chatalot_rest_community_params, ngx_chatalot_rest_shape_invites,
      ngx_string("The invitations that are still good") },

    { NGX_CHATALOT_REST_DELETE, ngx_string("/api/invites/{code}"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("invite_withdraw"), NULL,
      ngx_chatalot_rest_code_params, NULL,
      ngx_string("Withdraw an invitation") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/invites/{code}"),
      NGX_CHATALOT_REST_NOBODY, NGX_CHATALOT_FUNCTION("invite_get"), NULL,
      ngx_chatalot_rest_code_params, ngx_chatalot_rest_shape_invite_info,
      ngx_string("Who invites to what") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/invites/{code}/accept"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("invite_accept"), NULL,
      ngx_chatalot_rest_code_params, ngx_chatalot_rest_shape_community,
      ngx_string("Join by an invitation") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/dms"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("dms_list"), NULL,
      NULL, ngx_chatalot_rest_shape_dms,
      ngx_string("One's direct message channels") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/dms"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("dm_open"), NULL,
      ngx_chatalot_rest_dm_params, ngx_chatalot_rest_shape_channel,
      ngx_string("The direct message channel with a person") },

    { NGX_CHATALOT_REST_PATCH, ngx_string("/api/channels/{channel}"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("channel_update"), NULL,
      ngx_chatalot_rest_policy_params, ngx_chatalot_rest_shape_channel,
      ngx_string("Decide what new members may read of the past") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/channels/{channel}/roster"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("channel_roster"), NULL,
      ngx_chatalot_rest_channel_params, ngx_chatalot_rest_shape_roster,
      ngx_string("Members and their devices, as a send must name them") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/channels/{channel}/entries"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("channel_entries"), NULL,
      ngx_chatalot_rest_entries_params, ngx_chatalot_rest_shape_entries,
      ngx_string("A page of history, newest first") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/reports"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("report_add"), ngx_chatalot_rest_reports_add,
      ngx_chatalot_rest_report_params, NULL,
      ngx_string("Open a message for those who moderate, with proof of what it said") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/reports"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("reports_list"), NULL,
      ngx_chatalot_rest_reports_params, ngx_chatalot_rest_shape_reports,
      ngx_string("A page of the reports of a community, or of all, newest first") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/reports/{report}/resolve"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("report_resolve"), NULL,
      ngx_chatalot_rest_resolve_params, NULL,
      ngx_string("Mark a report as dealt with") },

    { NGX_CHATALOT_REST_GET, ngx_string("/api/backup"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("backup_list"), NULL,
      ngx_chatalot_rest_backup_params, ngx_chatalot_rest_shape_backup,
      ngx_string("A page of the sealed history keys, newest first") },

    { NGX_CHATALOT_REST_POST, ngx_string("/api/backup"),
      NGX_CHATALOT_REST_USER, NGX_CHATALOT_FUNCTION("backup_store"), NULL,
      ngx_chatalot_rest_store_params, ngx_chatalot_rest_shape_stored,
      ngx_string("Add sealed history keys") },

    { 0, ngx_null_string, 0, NGX_CHATALOT_FUNCTION(""), NULL, NULL, NULL,
      ngx_null_string }
};


const char *
ngx_chatalot_rest_routes_build(ngx_chatalot_rest_router_t *router,
    ngx_str_t *where)
{
    ngx_uint_t                  i;
    const char                 *reason;
    ngx_chatalot_rest_route_t  *route;

    ngx_chatalot_rest_router_init(router);

    for (i = 0; ngx_chatalot_rest_routes[i].path.len; i++) {

        route = &ngx_chatalot_rest_routes[i];
        *where = route->path;

        reason = ngx_chatalot_rest_routes_check(route);
        if (reason) {
            return reason;
        }

        reason = ngx_chatalot_rest_router_add(router, route->method,
                                              &route->path, i);
        if (reason) {
            return reason;
        }
    }

    return NULL;
}


/* What the code that reads a row takes for granted. */

static const char *
ngx_chatalot_rest_routes_check(ngx_chatalot_rest_route_t *route)
{
    u_char      *p, *end;
    ngx_uint_t   i;
    const char  *reason;

    p = route->path.data;
    end = p + route->path.len;

    for (i = 0; route->params && route->params[i].name.len; i++) {

        reason = ngx_chatalot_rest_routes_check_param(route, i, &p);
        if (reason) {
            return reason;
        }
    }

    if (i > 32) {
        return "it has more than 32 parameters";
    }

    return ngx_strlchr(p, end, '{') ? "it does not declare a parameter of its"
                                      " path"
                                    : NULL;
}


/* Names are unique, bodies stand where they are read, and the path's parameters are declared in its order. */

static const char *
ngx_chatalot_rest_routes_check_param(ngx_chatalot_rest_route_t *route,
    ngx_uint_t i, u_char **path)
{
    u_char                      *p, *end;
    ngx_uint_t                   j;
    const ngx_chatalot_param_t  *params;

    params = route->params;
    end = route->path.data + route->path.len;

    for (j = 0; j < i; j++) {
        if (params[j].name.len == params[i].name.len
            && ngx_strncmp(params[j].name.data, params[i].name.data,
                           params[i].name.len)
               == 0)
        {
            return "it declares a parameter twice";
        }
    }

    switch (params[i].in) {

    case NGX_CHATALOT_IN_BODY:

        if (route->method == NGX_CHATALOT_REST_GET
            || route->method == NGX_CHATALOT_REST_DELETE)
        {
            return "it declares a body that is never read";
        }

        return NULL;

    case NGX_CHATALOT_IN_PATH:

        p = ngx_strlchr(*path, end, '{');

        if (p == NULL
            || (size_t) (end - p) < params[i].name.len + 2
            || ngx_strncmp(p + 1, params[i].name.data, params[i].name.len)
               != 0
            || p[params[i].name.len + 1] != '}')
        {
            return "its path has not the parameters that it declares";
        }

        *path = p + params[i].name.len + 2;

        return NULL;

    default:
        return NULL;
    }
}
