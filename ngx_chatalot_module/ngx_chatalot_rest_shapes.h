/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shapes of replies.
 */

#ifndef NGX_CHATALOT_REST_SHAPES_H
#define NGX_CHATALOT_REST_SHAPES_H

#include "ngx_chatalot_params.h"


typedef struct {
    const char                   *name;         /* of the component; NULL ends the table */
    const ngx_chatalot_param_t   *fields;
} ngx_chatalot_rest_shape_t;


extern const ngx_chatalot_rest_shape_t  ngx_chatalot_rest_shapes[];

extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_health[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_config[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_prelogin[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_tokens[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_login[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_recovery[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_reset[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_refresh[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_me[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_devices[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_approval_code[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_approval_state[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_approval[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_user_devices[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_prekeys[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_prekeys_count[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_bundles[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_inbox[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_channel[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_community[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_communities[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_members[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_invite[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_invites[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_invite_info[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_dms[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_roster[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_entries[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_reports[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_backup[];
extern const ngx_chatalot_param_t  ngx_chatalot_rest_shape_stored[];


#endif /* NGX_CHATALOT_REST_SHAPES_H */
