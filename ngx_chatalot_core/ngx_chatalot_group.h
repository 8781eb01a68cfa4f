/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Group commit. Calls of a function that has a form for many, api.<name>_group, go out one by one while the database
 * keeps up. While NGX_CHATALOT_GROUP_FLIGHTS of a worker's are on their way, the next ones gather, and go together as one
 * statement in one transaction: what each costs besides its rows (statement, checks, commit) is paid once.
 *
 * The group's function takes an array of users, of devices, of sessions, and one for each of the group's columns: element by
 * element, in binary, what the calls alone would have in ctx and in args. It carries out what it can without waiting and
 * without refusing anything, and is silent about the rest. What it was silent about, or all of it when the transaction
 * failed, goes out one by one after all, as does at once what has members that are no columns: so every call ends as it
 * would have alone, with its own verdict. Only what has passed its deadline meanwhile is not begun any more.
 */

#ifndef NGX_CHATALOT_GROUP_H
#define NGX_CHATALOT_GROUP_H

#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chatalot_pg.h"


/* As ngx_chatalot_pg_send, of any function. json: args, parsed; NULL: {}, or a second try. */
ngx_int_t ngx_chatalot_group_send(ngx_chatalot_pg_operation_t *op, ngx_chatalot_json_t *json);

/* As ngx_chatalot_pg_cancel, of an operation that ngx_chatalot_group_send took. */
void ngx_chatalot_group_cancel(ngx_chatalot_pg_operation_t *op);

/* To be told of each operation's end, before its caller is. */
void ngx_chatalot_group_landed(ngx_chatalot_pg_operation_t *op);


#endif /* NGX_CHATALOT_GROUP_H */
