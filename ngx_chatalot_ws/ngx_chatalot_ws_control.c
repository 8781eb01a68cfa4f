/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Control words: see the header. They come from our own database through Redis; a word that makes no sense is a sign of
 * another version or of somebody else in Redis, and must do no harm.
 */

#include "ngx_chatalot_core.h"
#include "ngx_chatalot_params.h"
#include "ngx_chatalot_ws_control.h"


#define NGX_CHATALOT_WS_WORDS_MAX  4


typedef void (*ngx_chatalot_ws_control_pt)(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words);


typedef struct {
    ngx_str_t                     word;
    ngx_uint_t                    words;    /* with the first */
    ngx_chatalot_ws_control_pt    handler;
} ngx_chatalot_ws_control_t;


static ngx_uint_t ngx_chatalot_ws_control_split(ngx_str_t *text, ngx_str_t *words);
static void ngx_chatalot_ws_control_epoch(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words);
static void ngx_chatalot_ws_control_removed(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words);
static void ngx_chatalot_ws_control_removed_device(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words);
static void ngx_chatalot_ws_control_attach(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words);
static void ngx_chatalot_ws_control_end_session(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words);
static void ngx_chatalot_ws_control_end_device(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words);
static void ngx_chatalot_ws_control_remove(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words, size_t offset);
static void ngx_chatalot_ws_control_end(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words, size_t offset);
static ngx_int_t ngx_chatalot_ws_control_number(ngx_str_t *word, uint64_t *number);
static void ngx_chatalot_ws_control_strange(ngx_str_t *words);


static const ngx_chatalot_ws_control_t  ngx_chatalot_ws_controls[] = {
    { ngx_string("epoch"), 2, ngx_chatalot_ws_control_epoch },
    { ngx_string("removed"), 3, ngx_chatalot_ws_control_removed },
    { ngx_string("removed-device"), 3, ngx_chatalot_ws_control_removed_device },
    { ngx_string("attach"), 3, ngx_chatalot_ws_control_attach },
    { ngx_string("end-session"), 2, ngx_chatalot_ws_control_end_session },
    { ngx_string("end-device"), 2, ngx_chatalot_ws_control_end_device },
    { ngx_null_string, 0, NULL }
};


ngx_uint_t
ngx_chatalot_ws_control(ngx_chatalot_ws_topic_t *topic, ngx_str_t *control)
{
    u_char                           *p, *end, *stop;
    ngx_str_t                         part, words[NGX_CHATALOT_WS_WORDS_MAX];
    ngx_uint_t                        n, attached;
    const ngx_chatalot_ws_control_t  *c;

    attached = 0;
    end = control->data + control->len;

    for (p = control->data; p < end && topic->topic; p = stop + 1) {

        stop = ngx_strlchr(p, end, ';');

        if (stop == NULL) {
            stop = end;
        }

        part.data = p;
        part.len = stop - p;

        n = ngx_chatalot_ws_control_split(&part, words);

        if (n == 0) {
            continue;
        }

        for (c = ngx_chatalot_ws_controls; c->word.len; c++) {
            if (c->word.len == words[0].len && ngx_memcmp(c->word.data, words[0].data, words[0].len) == 0) {
                break;
            }
        }

        if (c->word.len == 0 || c->words != n) {
            ngx_chatalot_ws_control_strange(&part);
            continue;
        }

        c->handler(topic, words);
        attached |= (c->handler == ngx_chatalot_ws_control_attach);
    }

    return attached;
}


static ngx_uint_t
ngx_chatalot_ws_control_split(ngx_str_t *text, ngx_str_t *words)
{
    u_char      *p, *end;
    ngx_uint_t   n;

    p = text->data;
    end = p + text->len;

    for (n = 0; n < NGX_CHATALOT_WS_WORDS_MAX; n++) {

        while (p < end && *p == ' ') {
            p++;
        }

        if (p == end) {
            break;
        }

        words[n].data = p;

        while (p < end && *p != ' ') {
            p++;
        }

        words[n].len = p - words[n].data;
    }

    return n;
}


/* epoch N: something under epoch N follows. */

static void
ngx_chatalot_ws_control_epoch(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words)
{
    uint64_t  epoch;

    if (ngx_chatalot_ws_control_number(&words[1], &epoch) != NGX_OK) {
        ngx_chatalot_ws_control_strange(&words[1]);
        return;
    }

    ngx_chatalot_ws_hub_require(topic, epoch);
}


/* removed USER N */

static void
ngx_chatalot_ws_control_removed(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words)
{
    ngx_chatalot_ws_control_remove(topic, words, offsetof(ngx_chatalot_ws_session_t, user));
}


/* removed-device DEVICE N */

static void
ngx_chatalot_ws_control_removed_device(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words)
{
    ngx_chatalot_ws_control_remove(topic, words, offsetof(ngx_chatalot_ws_session_t, device));
}


/*
 * Detaches the sessions whose id at offset is words[1]. The others belong to the new epoch, if they did to the one before:
 * each removal counts it one up, so a jump hides another removal, and the next entry will bring that to light.
 */

static void
ngx_chatalot_ws_control_remove(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words, size_t offset)
{
    u_char                   id[NGX_CHATALOT_WS_UUID_LEN];
    uint64_t                 epoch;
    ngx_queue_t             *q, *next;
    ngx_chatalot_ws_link_t  *link;

    if (ngx_chatalot_uuid_decode(&words[1], id) != NGX_OK
        || ngx_chatalot_ws_control_number(&words[2], &epoch) != NGX_OK)
    {
        ngx_chatalot_ws_control_strange(&words[1]);
        return;
    }

    for (q = ngx_queue_head(&topic->links); q != ngx_queue_sentinel(&topic->links); q = next) {
        next = ngx_queue_next(q);
        link = ngx_queue_data(q, ngx_chatalot_ws_link_t, queue);

        if (ngx_memcmp((u_char *) link->session + offset, id, sizeof(id)) == 0) {
            ngx_chatalot_ws_hub_detach(link);

        } else if (link->epoch + 1 == epoch) {
            link->epoch = epoch;
        }
    }
}


/* attach ch:ID N */

static void
ngx_chatalot_ws_control_attach(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words)
{
    u_char                      id[NGX_CHATALOT_WS_UUID_LEN];
    uint64_t                    epoch;
    ngx_str_t                   uuid;
    ngx_queue_t                *q, *next;
    ngx_chatalot_ws_link_t     *link;
    ngx_chatalot_ws_session_t  *session;

    if (words[1].len != sizeof("ch:") - 1 + NGX_CHATALOT_UUID_LEN || ngx_strncmp(words[1].data, "ch:", 3) != 0) {
        ngx_chatalot_ws_control_strange(&words[1]);
        return;
    }

    uuid.data = words[1].data + 3;
    uuid.len = NGX_CHATALOT_UUID_LEN;

    if (ngx_chatalot_uuid_decode(&uuid, id) != NGX_OK
        || ngx_chatalot_ws_control_number(&words[2], &epoch) != NGX_OK)
    {
        ngx_chatalot_ws_control_strange(&words[1]);
        return;
    }

    /* a new link may move the session's block, this one included: hence next first */

    for (q = ngx_queue_head(&topic->links); q != ngx_queue_sentinel(&topic->links); q = next) {
        next = ngx_queue_next(q);
        link = ngx_queue_data(q, ngx_chatalot_ws_link_t, queue);
        session = link->session;

        if (ngx_chatalot_ws_hub_attach(session, &words[1], epoch) == NGX_ERROR) {
            ngx_chatalot_ws_conn_close(&session->conn, NGX_CHATALOT_WS_TRY_LATER);
        }

        /* a reply of api.session_start that is under way may not know of it yet */
        session->gained = 1;
    }
}


static void
ngx_chatalot_ws_control_end_session(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words)
{
    ngx_chatalot_ws_control_end(topic, words, offsetof(ngx_chatalot_ws_session_t, id));
}


static void
ngx_chatalot_ws_control_end_device(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words)
{
    ngx_chatalot_ws_control_end(topic, words, offsetof(ngx_chatalot_ws_session_t, device));
}


static void
ngx_chatalot_ws_control_end(ngx_chatalot_ws_topic_t *topic, ngx_str_t *words, size_t offset)
{
    u_char                   id[NGX_CHATALOT_WS_UUID_LEN];
    ngx_queue_t             *q;
    ngx_chatalot_ws_link_t  *link;

    if (ngx_chatalot_uuid_decode(&words[1], id) != NGX_OK) {
        ngx_chatalot_ws_control_strange(&words[1]);
        return;
    }

    for (q = ngx_queue_head(&topic->links);
         q != ngx_queue_sentinel(&topic->links);
         q = ngx_queue_next(q))
    {
        link = ngx_queue_data(q, ngx_chatalot_ws_link_t, queue);

        if (ngx_memcmp((u_char *) link->session + offset, id, sizeof(id)) == 0) {
            ngx_chatalot_ws_conn_close(&link->session->conn, NGX_CHATALOT_WS_ENDED);
        }
    }
}


static ngx_int_t
ngx_chatalot_ws_control_number(ngx_str_t *word, uint64_t *number)
{
    off_t  n;

    n = ngx_atoof(word->data, word->len);

    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    *number = n;

    return NGX_OK;
}


static void
ngx_chatalot_ws_control_strange(ngx_str_t *words)
{
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "chatalot: an event has a control that makes no sense: \"%*s\"",
                  ngx_min(words->len, 100), words->data);
}
