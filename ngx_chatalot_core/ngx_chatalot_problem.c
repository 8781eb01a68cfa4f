/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Problems and their JSON form.
 */

#include "ngx_chatalot_problem.h"
#include "ngx_chatalot_json.h"


void
ngx_chatalot_problem_set(ngx_chatalot_problem_t *problem, ngx_uint_t status,
    const char *code, const char *message, const char *field)
{
    ngx_memzero(problem, sizeof(ngx_chatalot_problem_t));

    problem->status = status;

    problem->code.data = (u_char *) code;
    problem->code.len = ngx_strlen(code);

    problem->message.data = (u_char *) message;
    problem->message.len = ngx_strlen(message);

    if (field) {
        problem->field.data = (u_char *) field;
        problem->field.len = ngx_strlen(field);
    }
}


void
ngx_chatalot_problem_internal(ngx_chatalot_problem_t *problem)
{
    ngx_chatalot_problem_set(problem, 500, "internal",
                             "Something went wrong here.", NULL);
}


ngx_int_t
ngx_chatalot_problem_json(ngx_pool_t *pool, ngx_chatalot_problem_t *problem,
    ngx_str_t *request_id, ngx_str_t *json)
{
    yajl_gen  gen;

    gen = ngx_chatalot_json_gen(pool);
    if (gen == NULL) {
        return NGX_ERROR;
    }

    yajl_gen_map_open(gen);

    ngx_chatalot_json_put(gen, "code", &problem->code);
    ngx_chatalot_json_put(gen, "message", &problem->message);

    if (problem->field.len) {
        ngx_chatalot_json_put(gen, "field", &problem->field);
    }

    if (problem->details.len) {
        ngx_chatalot_json_put_raw(gen, "details", &problem->details);
    }

    if (request_id->len) {
        ngx_chatalot_json_put(gen, "request_id", request_id);
    }

    yajl_gen_map_close(gen);

    return ngx_chatalot_json_finish(gen, json);
}
