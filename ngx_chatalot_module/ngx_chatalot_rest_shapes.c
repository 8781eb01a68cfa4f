/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shapes of replies, for the OpenAPI document. The replies themselves are made by SQL (sql/lib/shapes.sql); an
 * optional member may be null or missing.
 */

#include "ngx_chatalot_rest_shapes.h"


#define has(name, type)                                                       \
    { ngx_string(name), NGX_CHATALOT_##type, NGX_CHATALOT_IN_BODY,            \
      NGX_CHATALOT_REQUIRED, 0, 0, NULL }

#define may_have(name, type)                                                  \
    { ngx_string(name), NGX_CHATALOT_##type, NGX_CHATALOT_IN_BODY,            \
      NGX_CHATALOT_OPTIONAL, 0, 0, NULL }

#define has_of(name, type, fields)                                            \
    { ngx_string(name), NGX_CHATALOT_##type, NGX_CHATALOT_IN_BODY,            \
      NGX_CHATALOT_REQUIRED, 0, 0, fields }

#define may_have_of(name, type, fields)                                       \
    { ngx_string(name), NGX_CHATALOT_##type, NGX_CHATALOT_IN_BODY,            \
      NGX_CHATALOT_OPTIONAL, 0, 0, fields }


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_person[] = {
    has("id", UUID),
    has("username", STRING),
    has("display_name", STRING),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_user[] = {
    has("id", UUID),
    has("username", STRING),
    has("display_name", STRING),
    has("role", STRING),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_health[] = {
    has("status", STRING),
    has("version", STRING),
    has("database", BOOLEAN),
    has("redis", BOOLEAN),
    has("uptime", INTEGER),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_instance[] = {
    has("name", STRING),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_kdf[] = {
    has("ops", INTEGER),
    has("mem", INTEGER),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_config[] = {
    has_of("instance", OBJECT, ngx_chatalot_rest_shape_instance),
    has("setup_required", BOOLEAN),
    has("registration_mode", STRING),
    has("community_creation", STRING),
    has_of("kdf", OBJECT, ngx_chatalot_rest_shape_kdf),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_prelogin[] = {
    has("salt", BYTES),
    has("ops", INTEGER),
    has("mem", INTEGER),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_tokens[] = {
    has("access_token", STRING),
    has("expires_in", INTEGER),
    has("refresh_token", BYTES),
    has("session", UUID),
    has("device", UUID),
    has_of("user", OBJECT, ngx_chatalot_rest_shape_user),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_login[] = {
    has("enrol_token", STRING),
    has("expires_in", INTEGER),
    has_of("user", OBJECT, ngx_chatalot_rest_shape_person),
    has("account_key", BYTES),
    has("backup_key", BYTES),
    may_have("keyring_password", BYTES),
    may_have("keyring_recovery", BYTES),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_recovery[] = {
    has("recover_token", STRING),
    has("expires_in", INTEGER),
    has_of("user", OBJECT, ngx_chatalot_rest_shape_person),
    has("account_key", BYTES),
    has("backup_key", BYTES),
    has("keyring_recovery", BYTES),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_reset[] = {
    has("reset_code", STRING),
    has("expires_at", INTEGER),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_refresh[] = {
    has("access_token", STRING),
    has("expires_in", INTEGER),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_me[] = {
    has("id", UUID),
    has("username", STRING),
    has("display_name", STRING),
    has("role", STRING),
    has("account_key", BYTES),
    has("device", UUID),
    has("session", UUID),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_device[] = {
    has("id", UUID),
    has("name", STRING),
    has("created_at", INTEGER),
    has("last_used_at", INTEGER),
    may_have("last_address", STRING),
    has("current", BOOLEAN),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_devices[] = {
    has_of("devices", LIST, ngx_chatalot_rest_shape_device),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_approval_code[] = {
    has("code", STRING),
    has("expires_at", INTEGER),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_approval_state[] = {
    has("state", STRING),
    may_have("answer_key", BYTES),
    may_have_of("user", OBJECT, ngx_chatalot_rest_shape_person),
    may_have("account_key", BYTES),
    may_have("backup_key", BYTES),
    may_have("sealed", BYTES),
    may_have("enrol_token", STRING),
    may_have("expires_in", INTEGER),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_approval[] = {
    has("id", UUID),
    has("commitment", BYTES),
    has("name", STRING),
    has("address", STRING),
    has("created_at", INTEGER),
    may_have("key", BYTES),
    may_have("nonce", BYTES),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_certified_device[] = {
    has("id", UUID),
    has("device_key", BYTES),
    has("certificate", BYTES),
    has("created_at", INTEGER),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_known_device[] = {
    has("id", UUID),
    has("device_key", BYTES),
    has("certificate", BYTES),
    has("created_at", INTEGER),
    has("removed", BOOLEAN),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_user_devices[] = {
    has("user", UUID),
    has("username", STRING),
    has("display_name", STRING),
    may_have("account_key", BYTES),
    has_of("devices", LIST, ngx_chatalot_rest_shape_known_device),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_signed[] = {
    has("key_id", INTEGER),
    has("created_at", INTEGER),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_prekeys[] = {
    has("one_time", INTEGER),
    may_have_of("signed", OBJECT, ngx_chatalot_rest_shape_signed),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_prekeys_count[] = {
    has("one_time", INTEGER),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_prekey[] = {
    has("id", INTEGER),
    has("key", BYTES),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_bundle[] = {
    has("device", UUID),
    has("user", UUID),
    has("device_key", BYTES),
    has("certificate", BYTES),
    has("created_at", INTEGER),
    has("signed_prekey", BYTES),
    may_have_of("one_time_prekey", OBJECT, ngx_chatalot_rest_shape_prekey),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_bundles[] = {
    has_of("bundles", LIST, ngx_chatalot_rest_shape_bundle),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_inbox_item[] = {
    has("seq", INTEGER),
    has("id", UUID),
    has("channel", UUID),
    may_have("ref", UUID),
    has("sender", UUID),
    has("device", UUID),
    has("payload", BYTES),
    has("created_at", INTEGER),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_inbox[] = {
    has_of("items", LIST, ngx_chatalot_rest_shape_inbox_item),
    has("more", BOOLEAN),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_channel[] = {
    has("id", UUID),
    has("kind", STRING),
    has("name", STRING),
    has("topic", STRING),
    has("head", INTEGER),
    has("display", INTEGER),
    has("roster", INTEGER),
    has("epoch", INTEGER),
    has("history", STRING),
    has("wiped", INTEGER),
    may_have_of("peer", OBJECT, ngx_chatalot_rest_shape_person),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_group[] = {
    has("id", UUID),
    has("name", STRING),
    has("position", INTEGER),
    has_of("channels", LIST, ngx_chatalot_rest_shape_channel),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_community[] = {
    has("id", UUID),
    has("name", STRING),
    has("role", STRING),
    has_of("groups", LIST, ngx_chatalot_rest_shape_group),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_communities[] = {
    has_of("communities", LIST, ngx_chatalot_rest_shape_community),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_member[] = {
    has("id", UUID),
    has("username", STRING),
    has("display_name", STRING),
    has("role", STRING),
    has("joined_at", INTEGER),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_members[] = {
    has_of("members", LIST, ngx_chatalot_rest_shape_member),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_invite[] = {
    has("code", STRING),
    may_have("expires_at", INTEGER),
    may_have("max_uses", INTEGER),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_open_invite[] = {
    has("code", STRING),
    has_of("invited_by", OBJECT, ngx_chatalot_rest_shape_person),
    has("uses", INTEGER),
    may_have("max_uses", INTEGER),
    has("created_at", INTEGER),
    has("expires_at", INTEGER),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_invites[] = {
    has_of("invites", LIST, ngx_chatalot_rest_shape_open_invite),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_community_name[] = {
    has("name", STRING),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_inviter[] = {
    has("display_name", STRING),
    has("username", STRING),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_invite_info[] = {
    has_of("community", OBJECT, ngx_chatalot_rest_shape_community_name),
    has_of("invited_by", OBJECT, ngx_chatalot_rest_shape_inviter),
    has("members", INTEGER),
    has("registration_open", BOOLEAN),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_dms[] = {
    has_of("channels", LIST, ngx_chatalot_rest_shape_channel),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_roster_member[] = {
    has("user", UUID),
    has("username", STRING),
    has("display_name", STRING),
    has("account_key", BYTES),
    has_of("devices", LIST, ngx_chatalot_rest_shape_certified_device),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_roster[] = {
    has("channel", UUID),
    has("roster", INTEGER),
    has("epoch", INTEGER),
    has("history", STRING),
    has_of("members", LIST, ngx_chatalot_rest_shape_roster_member),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_entry[] = {
    has("channel", UUID),
    has("seq", INTEGER),
    has("id", UUID),
    has("kind", STRING),
    may_have("ref", UUID),
    may_have("thread", UUID),
    has("sender", UUID),
    has("device", UUID),
    has("epoch", INTEGER),
    may_have("ciphertext", BYTES),
    may_have("commitment", BYTES),
    has("created_at", INTEGER),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_entries[] = {
    has_of("entries", LIST, ngx_chatalot_rest_shape_entry),
    has("more", BOOLEAN),
    has("wiped", INTEGER),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_report[] = {
    has("id", UUID),
    may_have("community", UUID),
    has("channel", UUID),
    has("kind", STRING),
    has("entry", UUID),
    has("seq", INTEGER),
    has_of("sender", OBJECT, ngx_chatalot_rest_shape_person),
    may_have_of("reporter", OBJECT, ngx_chatalot_rest_shape_person),
    has("payload", BYTES),
    has("reason", STRING),
    has("sent_at", INTEGER),
    has("created_at", INTEGER),
    may_have("resolved_at", INTEGER),
    may_have("resolved_by", UUID),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_reports[] = {
    has_of("reports", LIST, ngx_chatalot_rest_shape_report),
    has("more", BOOLEAN),
    ngx_chatalot_params_end
};


static const ngx_chatalot_param_t  ngx_chatalot_rest_shape_backup_item[] = {
    has("seq", INTEGER),
    has("data", BYTES),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_backup[] = {
    has_of("items", LIST, ngx_chatalot_rest_shape_backup_item),
    has("more", BOOLEAN),
    ngx_chatalot_params_end
};


const ngx_chatalot_param_t  ngx_chatalot_rest_shape_stored[] = {
    has("stored", INTEGER),
    ngx_chatalot_params_end
};


/* Those with a name of their own in the document. */

const ngx_chatalot_rest_shape_t  ngx_chatalot_rest_shapes[] = {
    { "Person", ngx_chatalot_rest_shape_person },
    { "User", ngx_chatalot_rest_shape_user },
    { "Tokens", ngx_chatalot_rest_shape_tokens },
    { "Device", ngx_chatalot_rest_shape_device },
    { "CertifiedDevice", ngx_chatalot_rest_shape_certified_device },
    { "PrekeyBundle", ngx_chatalot_rest_shape_bundle },
    { "InboxItem", ngx_chatalot_rest_shape_inbox_item },
    { "Channel", ngx_chatalot_rest_shape_channel },
    { "Group", ngx_chatalot_rest_shape_group },
    { "Community", ngx_chatalot_rest_shape_community },
    { "Member", ngx_chatalot_rest_shape_member },
    { "Entry", ngx_chatalot_rest_shape_entry },
    { "Report", ngx_chatalot_rest_shape_report },
    { NULL, NULL }
};
