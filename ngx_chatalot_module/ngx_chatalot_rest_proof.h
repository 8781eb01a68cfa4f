/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Proving a secret of an account. SQL counts the attempt as failed when it begins, so that guesses sent at the same time
 * count too, and forgets it with what the proof was for. What could not be compared, or was right but led to nothing, is
 * taken back. Accounts that do not exist go the same steps in the same time.
 */

#ifndef NGX_CHATALOT_REST_PROOF_H
#define NGX_CHATALOT_REST_PROOF_H

#include "ngx_chatalot_rest.h"


typedef struct {
    ngx_chatalot_function_t   begin;        /* counts; gives {user, …} and the hash, or {} */
    const char               *key;          /* the member of the body that is proven */
    const char               *hash;         /* the member of begin's reply it is compared with */
    const char               *refusal;      /* for people */
} ngx_chatalot_rest_proof_kind_t;


struct ngx_chatalot_rest_proof_s {
    ngx_str_t                 username;     /* whose attempts count; empty: the caller's */
    ngx_str_t                 user;         /* empty: there is no such account */
    ngx_str_t                 hash;         /* what the secret was compared with: SQL asks whether it still holds */
    ngx_str_t                 key;
    ngx_chatalot_json_t      *said;         /* begin's reply */
    ngx_chatalot_problem_t    problem;      /* while the attempt is taken back */

    ngx_chatalot_rest_proof_kind_t  *kind;
    ngx_chatalot_call_pt      begun;
    ngx_chatalot_call_pt      proven;
};


/*
 * Begins an attempt of the account that the body names, or else of the caller's. In next request->proof is there, with what
 * SQL said; nothing is compared yet. When the attempt may not be made the request is answered.
 */
void ngx_chatalot_rest_proof_begin(ngx_chatalot_call_t *call, ngx_chatalot_rest_proof_kind_t *kind,
    ngx_chatalot_call_pt next);

/* The same, and compares with Argon2id: next is called when the secret is the account's. Else the request is answered. */
void ngx_chatalot_rest_prove(ngx_chatalot_call_t *call, ngx_chatalot_rest_proof_kind_t *kind,
    ngx_chatalot_call_pt next);

/* Calls a function with {user, verified}: the account that was proven, and the hash that must still be its own. */
void ngx_chatalot_rest_proof_end(ngx_chatalot_call_t *call, ngx_chatalot_function_t *end, ngx_chatalot_call_pt next);

/* Answers 401 bad_credentials: the attempt stays counted. */
void ngx_chatalot_rest_proof_refuse(ngx_chatalot_call_t *call);

/* Answers with call->problem, and takes the attempt back before, if there was one. */
void ngx_chatalot_rest_proof_fail(ngx_chatalot_call_t *call);


#endif /* NGX_CHATALOT_REST_PROOF_H */
