/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Statements: see the header. Knows the two ways in which functions are called (docs/architecture.md), not what they do.
 */

#include "ngx_chatalot_pg_statement.h"


static ngx_int_t ngx_chatalot_pg_statement_prepare(PGconn *pg, ngx_chatalot_pg_operation_t *op, const char *name);


ngx_int_t
ngx_chatalot_pg_statement(PGconn *pg, ngx_chatalot_pg_operation_t *op, u_char *prepared)
{
    int                       rc, i, n, binary[NGX_CHATALOT_PG_PARAMS];
    char                      name[sizeof("f") + NGX_INT_T_LEN];
    ngx_chatalot_function_t  *function;

    function = op->function;

    (void) ngx_sprintf((u_char *) name, "f%ui%Z", function->index);

    if (!prepared[function->index]) {

        /* in the same pipeline as its first use */

        if (ngx_chatalot_pg_statement_prepare(pg, op, name) != NGX_OK) {
            return NGX_ERROR;
        }

        op->preparing = 1;
        prepared[function->index] = 1;
    }

    n = (int) function->arrays;

    for (i = 0; i < n; i++) {
        binary[i] = 1;
    }

    rc = n ? PQsendQueryPrepared(pg, name, n, op->values, op->lengths, binary, 1)
           : PQsendQueryPrepared(pg, name, NGX_CHATALOT_PG_CALL, op->values, NULL, NULL, 1);

    return (rc == 1 && PQpipelineSync(pg) == 1) ? NGX_OK : NGX_ERROR;
}


/* The types of arrays are the function's, for there is one of its name. */

static ngx_int_t
ngx_chatalot_pg_statement_prepare(PGconn *pg, ngx_chatalot_pg_operation_t *op, const char *name)
{
    u_char      query[256], *p, *last;
    ngx_uint_t  i;

    last = query + sizeof(query);
    p = ngx_slprintf(query, last, "SELECT * FROM api.%V(", &op->function->name);

    if (op->function->arrays == 0) {
        p = ngx_slprintf(p, last, "ROW($1::uuid,$2::uuid,$3::uuid,$4::inet,$5::text,$6::text)::api.ctx,$7::jsonb");
    }

    for (i = 1; i <= op->function->arrays; i++) {
        p = ngx_slprintf(p, last, i == 1 ? "$%ui" : ",$%ui", i);
    }

    (void) ngx_slprintf(p, last, ")%Z");

    return PQsendPrepare(pg, name, (char *) query, 0, NULL) == 1 ? NGX_OK : NGX_ERROR;
}
