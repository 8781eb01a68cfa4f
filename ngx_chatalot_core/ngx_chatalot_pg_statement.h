/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an operation is to libpq: a statement that is prepared once a connection, its parameters, and a sync behind it.
 */

#ifndef NGX_CHATALOT_PG_STATEMENT_H
#define NGX_CHATALOT_PG_STATEMENT_H

#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chatalot_pg.h"


/*
 * Puts an operation into a connection's pipeline; nothing is written to the socket yet. prepared: by a function's index,
 * whether this connection has its statement. NGX_ERROR: the connection takes nothing more.
 */
ngx_int_t ngx_chatalot_pg_statement(PGconn *pg, ngx_chatalot_pg_operation_t *op, u_char *prepared);


#endif /* NGX_CHATALOT_PG_STATEMENT_H */
