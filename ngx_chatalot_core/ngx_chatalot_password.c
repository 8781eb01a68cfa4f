/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Argon2id (RFC 9106) in nginx's thread pool. Each computation holds 64 MiB, so a worker runs only as many at once as its
 * share of the processors, one at least; the rest wait here, in a bounded queue.
 */

#include "ngx_chatalot_password.h"
#include "ngx_chatalot_call.h"
#include "ngx_chatalot_core.h"

#include <argon2.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/resource.h>

#if (NGX_LINUX)
#include <sched.h>
#include <sys/syscall.h>
#endif


#define NGX_CHATALOT_PASSWORD_MEMORY    65536       /* KiB */
#define NGX_CHATALOT_PASSWORD_PASSES    3
#define NGX_CHATALOT_PASSWORD_LANES     4
#define NGX_CHATALOT_PASSWORD_SALT      16
#define NGX_CHATALOT_PASSWORD_HASH      32
#define NGX_CHATALOT_PASSWORD_ENCODED   128
#define NGX_CHATALOT_PASSWORD_SECRET    1024
#define NGX_CHATALOT_PASSWORD_RUNNING   4
#define NGX_CHATALOT_PASSWORD_WAIT      20000       /* ms in the queue */
#define NGX_CHATALOT_PASSWORD_NICE      10          /* beside the workers themselves */
#define NGX_CHATALOT_PASSWORD_SLICE     100000000   /* ns, the longest that Linux grants */
#define NGX_CHATALOT_PASSWORD_PAGE      (2 * 1024 * 1024)   /* a huge page */


typedef struct {
    ngx_chatalot_call_t   *call;        /* NULL: nobody waits; must stay first */
    ngx_queue_t            queue;
    ngx_pool_t            *pool;
    ngx_thread_task_t     *task;
    ngx_event_t            deadline;

    ngx_uint_t             memory;
    ngx_uint_t             passes;
    ngx_uint_t             lanes;
    u_char                 salt[NGX_CHATALOT_PASSWORD_SALT];
    u_char                 expected[NGX_CHATALOT_PASSWORD_HASH];
    u_char                 hash[NGX_CHATALOT_PASSWORD_HASH];
    int                    error;       /* of libargon2 */

    size_t                 secret_len;
    u_char                 secret[NGX_CHATALOT_PASSWORD_SECRET];

    unsigned               verify:1;
    unsigned               running:1;
} ngx_chatalot_password_operation_t;


#if (NGX_LINUX && defined(SYS_sched_setattr))

/* what sched_setattr(2) reads, in its first version; newer C libraries have a type of their own */

typedef struct {
    uint32_t               size;
    uint32_t               policy;
    uint64_t               flags;
    int32_t                nice;
    uint32_t               priority;
    uint64_t               runtime;     /* ns; of an ordinary thread its slice */
    uint64_t               deadline;
    uint64_t               period;
} ngx_chatalot_password_sched_t;

#endif


static ngx_int_t ngx_chatalot_password_start(ngx_chatalot_call_t *call,
    ngx_chatalot_password_operation_t *op);
static ngx_chatalot_password_operation_t *ngx_chatalot_password_operation(
    ngx_chatalot_call_t *call, ngx_str_t *secret);
static ngx_uint_t ngx_chatalot_password_limit(void);
static void ngx_chatalot_password_next(void);
static void ngx_chatalot_password_thread(void *data, ngx_log_t *log);
static void *ngx_chatalot_password_compute(void *data);
static int ngx_chatalot_password_allocate(uint8_t **memory, size_t size);
static void ngx_chatalot_password_release(uint8_t *memory, size_t size);
static void ngx_chatalot_password_yield(void);
static void ngx_chatalot_password_on_done(ngx_event_t *ev);
static void ngx_chatalot_password_on_deadline(ngx_event_t *ev);
static void ngx_chatalot_password_finish(ngx_chatalot_password_operation_t *op);
static void ngx_chatalot_password_free(ngx_chatalot_password_operation_t *op);
static ngx_int_t ngx_chatalot_password_encode(
    ngx_chatalot_password_operation_t *op, ngx_pool_t *pool, ngx_str_t *text);
static ngx_int_t ngx_chatalot_password_decode(
    ngx_chatalot_password_operation_t *op, ngx_str_t *text);
static u_char *ngx_chatalot_password_number(u_char *p, u_char *last,
    const char *prefix, ngx_uint_t max, ngx_uint_t *value);


static ngx_queue_t  ngx_chatalot_password_waiting;
static ngx_uint_t   ngx_chatalot_password_count;        /* waiting and running */
static ngx_uint_t   ngx_chatalot_password_running;


void
ngx_chatalot_password_init(void)
{
    ngx_queue_init(&ngx_chatalot_password_waiting);
    ngx_chatalot_password_count = 0;
    ngx_chatalot_password_running = 0;
}


ngx_uint_t
ngx_chatalot_call_password_busy(ngx_chatalot_problem_t *problem)
{
    if (ngx_chatalot_password_count < ngx_chatalot_conf()->password_queue) {
        return 0;
    }

    ngx_chatalot_problem_set(problem, 503, "busy",
                     "Too many people sign in at once. Try again.", NULL);
    return 1;
}


ngx_int_t
ngx_chatalot_call_password_hash(ngx_chatalot_call_t *call, ngx_str_t *secret)
{
    ngx_chatalot_password_operation_t  *op;

    op = ngx_chatalot_password_operation(call, secret);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->memory = NGX_CHATALOT_PASSWORD_MEMORY;
    op->passes = NGX_CHATALOT_PASSWORD_PASSES;
    op->lanes = NGX_CHATALOT_PASSWORD_LANES;

    randombytes_buf(op->salt, sizeof(op->salt));

    return ngx_chatalot_password_start(call, op);
}


ngx_int_t
ngx_chatalot_call_password_verify(ngx_chatalot_call_t *call, ngx_str_t *secret,
    ngx_str_t *encoded)
{
    ngx_chatalot_password_operation_t  *op;

    op = ngx_chatalot_password_operation(call, secret);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->verify = 1;

    if (ngx_chatalot_password_decode(op, encoded) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, call->log, 0,
                      "chatalot: a stored password hash cannot be read");
        ngx_destroy_pool(op->pool);
        ngx_chatalot_problem_internal(&call->problem);
        return NGX_ERROR;
    }

    return ngx_chatalot_password_start(call, op);
}


static ngx_chatalot_password_operation_t *
ngx_chatalot_password_operation(ngx_chatalot_call_t *call, ngx_str_t *secret)
{
    ngx_pool_t                         *pool;
    ngx_thread_task_t                  *task;
    ngx_chatalot_password_operation_t  *op;

    ngx_memzero(&call->problem, sizeof(ngx_chatalot_problem_t));

    if (ngx_chatalot_call_password_busy(&call->problem)) {
        return NULL;
    }

    if (secret->len > NGX_CHATALOT_PASSWORD_SECRET) {
        goto failed;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        goto failed;
    }

    task = ngx_thread_task_alloc(pool,
                                 sizeof(ngx_chatalot_password_operation_t));
    if (task == NULL) {
        ngx_destroy_pool(pool);
        goto failed;
    }

    op = task->ctx;
    ngx_memzero(op, sizeof(ngx_chatalot_password_operation_t));

    op->pool = pool;
    op->task = task;
    op->secret_len = secret->len;
    ngx_memcpy(op->secret, secret->data, secret->len);

    return op;

failed:

    ngx_chatalot_problem_internal(&call->problem);
    return NULL;
}


static ngx_int_t
ngx_chatalot_password_start(ngx_chatalot_call_t *call,
    ngx_chatalot_password_operation_t *op)
{
    if (ngx_chatalot_call_attach(call, op) != NGX_OK) {
        sodium_memzero(op->secret, sizeof(op->secret));
        ngx_destroy_pool(op->pool);
        return NGX_ERROR;
    }

    op->call = call;

    op->task->handler = ngx_chatalot_password_thread;
    op->task->event.handler = ngx_chatalot_password_on_done;
    op->task->event.data = op;

    /* the timer also keeps an exiting worker alive until the answer is given */

    op->deadline.handler = ngx_chatalot_password_on_deadline;
    op->deadline.data = op;
    op->deadline.log = ngx_cycle->log;
    ngx_add_timer(&op->deadline, NGX_CHATALOT_PASSWORD_WAIT);

    ngx_queue_insert_tail(&ngx_chatalot_password_waiting, &op->queue);
    ngx_chatalot_password_count++;

    ngx_chatalot_password_next();

    return NGX_OK;
}


/* This worker's share of the processors. */

static ngx_uint_t
ngx_chatalot_password_limit(void)
{
    ngx_int_t         limit;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx, ngx_core_module);

    limit = ngx_ncpu / ngx_max(ccf->worker_processes, 1);

    return ngx_max(ngx_min(limit, NGX_CHATALOT_PASSWORD_RUNNING), 1);
}


static void
ngx_chatalot_password_next(void)
{
    ngx_uint_t                          limit;
    ngx_queue_t                        *q;
    ngx_thread_pool_t                  *tp;
    ngx_chatalot_password_operation_t  *op;

    tp = ngx_chatalot_conf()->thread_pool;
    limit = ngx_chatalot_password_limit();

    while (ngx_chatalot_password_running < limit
           && !ngx_queue_empty(&ngx_chatalot_password_waiting))
    {
        q = ngx_queue_head(&ngx_chatalot_password_waiting);
        op = ngx_queue_data(q, ngx_chatalot_password_operation_t, queue);

        /* nothing is changed by a hash that nobody waits for any more */

        if (op->call == NULL) {
            ngx_queue_remove(q);
            ngx_chatalot_password_free(op);
            continue;
        }

        /* a full thread pool, of other users' tasks: the next end of ours or the deadline tries again */

        if (ngx_thread_task_post(tp, op->task) != NGX_OK) {
            return;
        }

        ngx_queue_remove(q);
        op->running = 1;
        ngx_chatalot_password_running++;
    }
}


/*
 * In one of the pool's threads, which waits for a thread of ours: that one is less urgent than the workers' event loops, so
 * that a crowd at the door takes the time that is left over. The pool's own threads serve other sites too, and a thread
 * cannot take back what it has given up.
 */

static void
ngx_chatalot_password_thread(void *data, ngx_log_t *log)
{
    int                                 rc;
    pthread_t                           thread;
    ngx_chatalot_password_operation_t  *op = data;

    rc = pthread_create(&thread, NULL, ngx_chatalot_password_compute, op);

    if (rc == 0) {
        (void) pthread_join(thread, NULL);

    } else {
        ngx_log_error(NGX_LOG_ALERT, log, rc, "chatalot: pthread_create() failed");
        op->error = ARGON2_THREAD_FAIL;
    }

    sodium_memzero(op->secret, sizeof(op->secret));
}


/* Touches nothing but op. */

static void *
ngx_chatalot_password_compute(void *data)
{
    argon2_context                      ctx;
    ngx_chatalot_password_operation_t  *op = data;

    ngx_chatalot_password_yield();

    ngx_memzero(&ctx, sizeof(argon2_context));

    ctx.out = op->hash;
    ctx.outlen = sizeof(op->hash);
    ctx.pwd = op->secret;
    ctx.pwdlen = op->secret_len;
    ctx.salt = op->salt;
    ctx.saltlen = sizeof(op->salt);
    ctx.t_cost = op->passes;
    ctx.m_cost = op->memory;
    ctx.lanes = op->lanes;
    ctx.threads = 1;
    ctx.version = ARGON2_VERSION_13;
    ctx.allocate_cbk = ngx_chatalot_password_allocate;
    ctx.free_cbk = ngx_chatalot_password_release;
    ctx.flags = ARGON2_DEFAULT_FLAGS;

    op->error = argon2id_ctx(&ctx);

    return NULL;
}


/*
 * Argon2 reads all over its memory: with pages of 4 KiB that is a fault for each and misses in the TLB all the time, on a
 * virtual machine 370 ms instead of 190. Where there are no huge pages, it is the same as malloc().
 */

static int
ngx_chatalot_password_allocate(uint8_t **memory, size_t size)
{
    void  *p;

    if (posix_memalign(&p, NGX_CHATALOT_PASSWORD_PAGE, size) != 0) {
        return ARGON2_MEMORY_ALLOCATION_ERROR;
    }

#if defined(MADV_HUGEPAGE)
    (void) madvise(p, size, MADV_HUGEPAGE);
#endif

    *memory = p;

    return ARGON2_OK;
}


/* libargon2 has wiped it. */

static void
ngx_chatalot_password_release(uint8_t *memory, size_t size)
{
    free(memory);
}


/*
 * Makes the calling thread less urgent. Where the kernel heeds slices (Linux 6.12), it also asks for a long one: who wakes
 * with a shorter slice, as the event loops and the database do, takes the processor at once and not at the end of a slice.
 * The policy stays an ordinary one: SCHED_IDLE would never finish on a machine that has other things to do.
 */

static void
ngx_chatalot_password_yield(void)
{
#if (NGX_LINUX)

    int                            nice;
#if defined(SYS_sched_setattr)
    ngx_chatalot_password_sched_t  sched;
#endif

    /* where both are the thread's own, against POSIX */

    nice = ngx_min(getpriority(PRIO_PROCESS, 0) + NGX_CHATALOT_PASSWORD_NICE, 19);

#if defined(SYS_sched_setattr)

    ngx_memzero(&sched, sizeof(ngx_chatalot_password_sched_t));

    sched.size = sizeof(ngx_chatalot_password_sched_t);
    sched.policy = SCHED_BATCH;
    sched.nice = nice;
    sched.runtime = NGX_CHATALOT_PASSWORD_SLICE;

    if (syscall(SYS_sched_setattr, 0, &sched, 0) == 0) {
        return;
    }

#endif

    (void) setpriority(PRIO_PROCESS, 0, nice);

#endif
}


static void
ngx_chatalot_password_on_done(ngx_event_t *ev)
{
    ngx_chatalot_password_operation_t  *op = ev->data;

    ngx_chatalot_password_running--;
    ngx_chatalot_password_finish(op);
}


static void
ngx_chatalot_password_on_deadline(ngx_event_t *ev)
{
    ngx_chatalot_call_t                *call;
    ngx_chatalot_password_operation_t  *op = ev->data;

    if (op->running) {
        ngx_add_timer(&op->deadline, NGX_CHATALOT_PASSWORD_WAIT);
        return;
    }

    ngx_queue_remove(&op->queue);

    call = op->call;

    if (call) {
        ngx_chatalot_problem_set(&call->problem, 503, "busy",
                     "Too many people sign in at once. Try again.", NULL);
    }

    ngx_chatalot_password_finish(op);
}


static void
ngx_chatalot_password_finish(ngx_chatalot_password_operation_t *op)
{
    ngx_chatalot_call_t  *call;

    call = op->call;

    if (call) {
        call->operation = NULL;

        if (call->problem.status == 0 && op->error != ARGON2_OK) {
            ngx_log_error(NGX_LOG_ERR, call->log, 0, "chatalot: Argon2: %s",
                          argon2_error_message(op->error));
            ngx_chatalot_problem_internal(&call->problem);
        }

        if (call->problem.status == 0 && op->verify
            && sodium_memcmp(op->hash, op->expected, sizeof(op->hash)) != 0)
        {
            ngx_chatalot_problem_set(&call->problem, 401, "bad_credentials",
                                "The name or the password is wrong.", NULL);
        }

        if (call->problem.status == 0 && !op->verify
            && ngx_chatalot_password_encode(op, call->pool, &call->reply)
               != NGX_OK)
        {
            ngx_chatalot_problem_internal(&call->problem);
        }
    }

    ngx_chatalot_password_free(op);

    ngx_chatalot_password_next();

    if (call) {
        call->handler(call);
    }
}


static void
ngx_chatalot_password_free(ngx_chatalot_password_operation_t *op)
{
    if (op->deadline.timer_set) {
        ngx_del_timer(&op->deadline);
    }

    ngx_chatalot_password_count--;

    sodium_memzero(op->secret, sizeof(op->secret));
    ngx_destroy_pool(op->pool);
}


/* $argon2id$v=19$m=65536,t=3,p=4$SALT$HASH, base64 without padding: the form of the reference implementation */

static ngx_int_t
ngx_chatalot_password_encode(ngx_chatalot_password_operation_t *op,
    ngx_pool_t *pool, ngx_str_t *text)
{
    char     salt[sodium_base64_ENCODED_LEN(NGX_CHATALOT_PASSWORD_SALT,
                              sodium_base64_VARIANT_ORIGINAL_NO_PADDING)];
    char     hash[sodium_base64_ENCODED_LEN(NGX_CHATALOT_PASSWORD_HASH,
                              sodium_base64_VARIANT_ORIGINAL_NO_PADDING)];

    text->data = ngx_pnalloc(pool, NGX_CHATALOT_PASSWORD_ENCODED);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    sodium_bin2base64(salt, sizeof(salt), op->salt, sizeof(op->salt),
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    sodium_bin2base64(hash, sizeof(hash), op->hash, sizeof(op->hash),
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);

    text->len = ngx_snprintf(text->data, NGX_CHATALOT_PASSWORD_ENCODED,
                             "$argon2id$v=19$m=%ui,t=%ui,p=%ui$%s$%s",
                             op->memory, op->passes, op->lanes, salt, hash)
                - text->data;

    return NGX_OK;
}


static ngx_int_t
ngx_chatalot_password_decode(ngx_chatalot_password_operation_t *op,
    ngx_str_t *text)
{
    u_char      *p, *last, *mark;
    size_t       len;
    ngx_uint_t   version;

    p = text->data;
    last = p + text->len;

    p = ngx_chatalot_password_number(p, last, "$argon2id$v=", 19, &version);
    p = ngx_chatalot_password_number(p, last, "$m=", 1048576, &op->memory);
    p = ngx_chatalot_password_number(p, last, ",t=", 16, &op->passes);
    p = ngx_chatalot_password_number(p, last, ",p=", 16, &op->lanes);

    if (p == NULL || version != ARGON2_VERSION_13 || p == last || *p++ != '$') {
        return NGX_ERROR;
    }

    mark = ngx_strlchr(p, last, '$');

    if (mark == NULL
        || sodium_base642bin(op->salt, sizeof(op->salt), (char *) p, mark - p,
                             NULL, &len, NULL,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING)
           != 0
        || len != sizeof(op->salt))
    {
        return NGX_ERROR;
    }

    mark++;

    if (sodium_base642bin(op->expected, sizeof(op->expected), (char *) mark,
                          last - mark, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING)
        != 0
        || len != sizeof(op->expected))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* prefix, then a number of 1 to max; NULL: it does not stand there (or p was NULL already) */

static u_char *
ngx_chatalot_password_number(u_char *p, u_char *last, const char *prefix,
    ngx_uint_t max, ngx_uint_t *value)
{
    size_t      len;
    u_char     *start;
    ngx_int_t   n;

    len = ngx_strlen(prefix);

    if (p == NULL || (size_t) (last - p) < len
        || ngx_strncmp(p, prefix, len) != 0)
    {
        return NULL;
    }

    p += len;
    start = p;

    while (p < last && *p >= '0' && *p <= '9') {
        p++;
    }

    n = ngx_atoi(start, p - start);

    if (n < 1 || (ngx_uint_t) n > max) {
        return NULL;
    }

    *value = n;

    return p;
}
