/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Argon2id in the thread pool; only the core includes this, others use the two calls of ngx_chatalot_call.h.
 */

#ifndef NGX_CHATALOT_PASSWORD_H
#define NGX_CHATALOT_PASSWORD_H

#include <ngx_config.h>
#include <ngx_core.h>


/* Empties the queue of this worker; once at its start. */
void ngx_chatalot_password_init(void);


#endif /* NGX_CHATALOT_PASSWORD_H */
