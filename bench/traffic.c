/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages and deliveries: see the header. A message's id carries the run's tag and the message's number, so that what
 * arrives is known at once, and what belongs to no message of this run is counted as strange.
 */

#define _GNU_SOURCE

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "random.h"
#include "traffic.h"
#include "usage.h"
#include "websocket.h"


#define TRAFFIC_MESSAGES_MAX   (16 * 1024 * 1024)
#define TRAFFIC_PATIENCE       10000000000ULL   /* without anything coming in: what is missing is lost */
#define TRAFFIC_END_MAX        60000000000ULL   /* after the last was due */
#define TRAFFIC_TEXT_MAX       (80 * 1024)
#define TRAFFIC_CODE_MAX       40


typedef enum {
    MESSAGE_SENT = 0,
    MESSAGE_ACCEPTED,
    MESSAGE_REFUSED,
    MESSAGE_UNSENT              /* no socket to send it by, or its queue is full */
} message_state_e;

typedef struct {
    uint64_t          due;
    uint32_t          room;
    uint32_t          nth;      /* of its room */
    message_state_e   state;
} message_t;

typedef struct {
    uint32_t      tag;
    message_t    *messages;
    uint32_t      n;
    uint32_t      size;
    uint64_t      begin;
    uint64_t      end;          /* nothing is sent any more */
    uint64_t      last;         /* when something came last */
    uint64_t      behind;       /* how late the generator itself was at most */
    uint64_t      pending;      /* sent and not answered */
    uint64_t      accepted;
    uint64_t      accepted_in_time;
    uint64_t      refused;
    uint64_t      unsent;
    uint64_t      expected;     /* deliveries of accepted messages */
    uint64_t      delivered;
    uint64_t      delivered_in_time;
    uint64_t      doubled;
    uint64_t      strange;
    unsigned      closed;       /* an answer calls for the next sending */
    char          code[TRAFFIC_CODE_MAX];
    histogram_t   delivery;
    histogram_t   answer;
} traffic_t;


static int traffic_begin(unsigned closed);
static int traffic_issue(uint32_t room, member_t *sender, uint64_t due);
static size_t traffic_text(char *to, uint32_t number, plan_room_t *room);
static void traffic_await(void);
static void traffic_on_entry(member_t *member, const char *text, size_t len, uint64_t now);
static void traffic_on_reply(member_t *member, const char *text, size_t len, uint64_t now, int good);
static message_t *traffic_message(const char *hex);
static uint64_t traffic_lost(uint64_t *unwanted);
static void traffic_print(const char *name, uint64_t cpu);


static traffic_t  traffic;


int
traffic_send(double rate, double seconds)
{
    uint32_t      total, room;
    uint64_t      cpu, due, now;
    plan_room_t  *r;

    if (traffic_begin(0) == -1 || plan.n_rooms == 0) {
        return -1;
    }

    cpu = usage_cpu();
    total = (uint32_t) (rate * seconds);
    traffic.begin = conn_now();
    traffic.end = traffic.begin + (uint64_t) (seconds * 1e9);

    while (traffic.n < total) {

        due = traffic.begin + (uint64_t) ((double) traffic.n / rate * 1e9);
        now = conn_now();

        if (now < due) {
            conn_wait(due);
            continue;
        }

        if (now - due > traffic.behind) {
            traffic.behind = now - due;
        }

        room = traffic.n % plan.n_rooms;
        r = &plan.rooms[room];

        if (r->size == 0 || traffic_issue(room, &members[r->members[r->messages % r->size]], due) == -1) {
            return -1;
        }

        /* a generator that cannot keep up must still read, or it would measure itself */

        if (traffic.n % 16 == 0) {
            conn_wait(0);
        }
    }

    traffic_await();
    traffic_print("send", cpu);

    return 0;
}


int
traffic_ingest(uint32_t window, double seconds, uint32_t senders)
{
    uint32_t  i, j, room;
    uint64_t  cpu;

    if (traffic_begin(1) == -1 || senders > plan.n_members) {
        return -1;
    }

    cpu = usage_cpu();
    traffic.begin = conn_now();
    traffic.end = traffic.begin + (uint64_t) (seconds * 1e9);

    for (i = 0; i < senders; i++) {
        for (j = 0; j < window; j++) {
            room = plan.members[i].room;

            if (room == PLAN_NONE || traffic_issue(room, &members[i], conn_now()) == -1) {
                return -1;
            }
        }
    }

    while (conn_now() < traffic.end) {
        conn_wait(traffic.end);
    }

    traffic_await();
    traffic_print("ingest", cpu);

    return 0;
}


static int
traffic_begin(unsigned closed)
{
    uint32_t   i;
    message_t *messages;

    messages = traffic.messages;
    i = traffic.size;

    memset(&traffic, 0, sizeof(traffic));

    traffic.messages = messages;
    traffic.size = i;
    traffic.closed = closed;
    traffic.tag = (uint32_t) random_next() & 0x3fffffff;

    for (i = 0; i < plan.n_rooms; i++) {
        plan.rooms[i].messages = 0;
    }

    for (i = 0; i < plan.n_members; i++) {
        if (members[i].seen) {
            memset(members[i].seen, 0, members[i].seen_size);
        }
    }

    return 0;
}


static int
traffic_issue(uint32_t room, member_t *sender, uint64_t due)
{
    size_t         len;
    uint32_t       size;
    message_t     *message, *larger;

    static char    text[TRAFFIC_TEXT_MAX];

    if (traffic.n == traffic.size) {
        size = traffic.size ? 2 * traffic.size : 4096;

        if (size > TRAFFIC_MESSAGES_MAX) {
            return -1;
        }

        larger = realloc(traffic.messages, size * sizeof(message_t));
        if (larger == NULL) {
            return -1;
        }

        traffic.messages = larger;
        traffic.size = size;
    }

    message = &traffic.messages[traffic.n];

    message->due = due;
    message->room = room;
    message->nth = plan.rooms[room].messages++;
    message->state = MESSAGE_SENT;

    len = traffic_text(text, traffic.n++, &plan.rooms[room]);

    if (sender->state != MEMBER_READY || member_send(sender, WEBSOCKET_TEXT, text, len) == -1) {
        message->state = MESSAGE_UNSENT;
        traffic.unsent++;
        return 0;
    }

    if (plan.acknowledged) {
        traffic.pending++;
        return 0;
    }

    message->state = MESSAGE_ACCEPTED;
    traffic.accepted++;
    traffic.accepted_in_time++;
    traffic.expected += plan.rooms[room].size;

    return 0;
}


/* A sending of ours, or for nchan the very event that ours makes of it: both deliver the same bytes. The id is a
   UUIDv7: time, and in place of its random bits the run's tag and the number. */

static size_t
traffic_text(char *to, uint32_t number, plan_room_t *room)
{
    char             id[PLAN_UUID + 1], sealed[TRAFFIC_TEXT_MAX - 4096], commitment[44];
    uint64_t         ms;
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    ms = (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;

    snprintf(id, sizeof(id), "%08x-%04x-7000-%04x-%04x%08x", (unsigned) (ms >> 16) & 0xffffffff, (unsigned) ms & 0xffff,
             0x8000 | (traffic.tag >> 16), traffic.tag & 0xffff, number);

    (void) random_base64(sealed, plan.ciphertext);
    (void) random_base64(commitment, 32);

    if (plan.acknowledged) {
        return (size_t) snprintf(to, TRAFFIC_TEXT_MAX,
                                 "{\"type\":\"send\",\"ref\":\"%08x%08x\",\"channel\":\"%s\",\"id\":\"%s\",\"kind\":\"message\","
                                 "\"roster\":%" PRIu64 ",\"epoch\":%" PRIu64 ",\"ciphertext\":\"%s\",\"commitment\":\"%s\"}",
                                 traffic.tag, number, room->channel, id, room->roster, room->epoch, sealed, commitment);
    }

    return (size_t) snprintf(to, TRAFFIC_TEXT_MAX,
                             "{\"type\":\"entry\",\"channel\":\"%s\",\"seq\":%u,\"id\":\"%s\",\"kind\":\"message\","
                             "\"ref\":null,\"thread\":null,\"sender\":\"%s\",\"device\":\"%s\",\"epoch\":%" PRIu64
                             ",\"ciphertext\":\"%s\",\"commitment\":\"%s\",\"created_at\":%" PRIu64 "}",
                             room->channel, room->messages, id, id, id, room->epoch, sealed, commitment, ms);
}


/* Until all is answered and delivered, or nothing comes any more. */

static void
traffic_await(void)
{
    uint64_t  now, end;

    now = conn_now();
    end = now + TRAFFIC_END_MAX;

    if (traffic.last < now) {
        traffic.last = now;
    }

    while ((traffic.pending || traffic.delivered < traffic.expected)
           && now < end && now < traffic.last + TRAFFIC_PATIENCE)
    {
        conn_wait(now + 10000000);
        now = conn_now();
    }

    /* one look more: what comes twice comes late */

    end = now + 100000000;

    while (conn_now() < end) {
        conn_wait(end);
    }
}


void
traffic_on_text(member_t *member, const char *text, size_t len, uint64_t now)
{
    static const char  entry[] = "{\"type\":\"entry\",";
    static const char  good[] = "{\"type\":\"ok\",";
    static const char  bad[] = "{\"type\":\"error\",";

    if (len > sizeof(entry) && memcmp(text, entry, sizeof(entry) - 1) == 0) {
        traffic_on_entry(member, text, len, now);

    } else if (len > sizeof(good) && memcmp(text, good, sizeof(good) - 1) == 0) {
        traffic_on_reply(member, text, len, now, 1);

    } else if (len > sizeof(bad) && memcmp(text, bad, sizeof(bad) - 1) == 0) {
        traffic_on_reply(member, text, len, now, 0);
    }
}


static void
traffic_on_entry(member_t *member, const char *text, size_t len, uint64_t now)
{
    char          hex[17];
    uint8_t      *seen, bit;
    uint32_t      byte, size;
    message_t    *message;
    const char   *id;
    plan_room_t  *room;

    static const char  name[] = "\"id\":\"";

    traffic.last = now;

    id = memmem(text, len < 256 ? len : 256, name, sizeof(name) - 1);

    if (id == NULL || id + sizeof(name) - 1 + PLAN_UUID > text + len) {
        traffic.strange++;
        return;
    }

    /* the variant's two bits out of the tag; xxxxxxxx-xxxx-7xxx-TTTT-TTTTNNNNNNNN */

    id += sizeof(name) - 1;
    memcpy(hex, id + 19, 4);
    memcpy(hex + 4, id + 24, 12);
    hex[16] = '\0';
    hex[0] = (char) (hex[0] >= 'a' ? '2' + hex[0] - 'a' : hex[0] - '8' + '0');

    message = traffic_message(hex);

    if (message == NULL || message->room != plan.members[member->number].room) {
        traffic.strange++;
        return;
    }

    room = &plan.rooms[message->room];

    if (memmem(text, (size_t) (id - text), room->channel, PLAN_UUID) == NULL) {
        traffic.strange++;
        return;
    }

    byte = message->nth / 8;
    bit = (uint8_t) (1 << message->nth % 8);

    if (byte >= member->seen_size) {
        size = 2 * byte + 64;

        seen = realloc(member->seen, size);
        if (seen == NULL) {
            return;     /* counted as lost, which shows */
        }

        memset(seen + member->seen_size, 0, size - member->seen_size);
        member->seen = seen;
        member->seen_size = size;
    }

    if (member->seen[byte] & bit) {
        traffic.doubled++;
        return;
    }

    member->seen[byte] |= bit;

    traffic.delivered++;
    traffic.delivered_in_time += now <= traffic.end;

    histogram_add(&traffic.delivery, now > message->due ? now - message->due : 0);
}


static void
traffic_on_reply(member_t *member, const char *text, size_t len, uint64_t now, int good)
{
    size_t       n;
    message_t   *message;
    const char  *ref, *code;

    static const char  ref_name[] = "\"ref\":\"";
    static const char  code_name[] = "\"code\":\"";

    traffic.last = now;

    ref = memmem(text, len < 64 ? len : 64, ref_name, sizeof(ref_name) - 1);
    message = ref && ref + sizeof(ref_name) - 1 + 16 <= text + len ? traffic_message(ref + sizeof(ref_name) - 1) : NULL;

    if (message == NULL || message->state != MESSAGE_SENT) {
        traffic.strange++;
        return;
    }

    traffic.pending--;

    if (good) {
        message->state = MESSAGE_ACCEPTED;
        traffic.accepted++;
        traffic.accepted_in_time += now <= traffic.end;
        traffic.expected += plan.rooms[message->room].size;
        histogram_add(&traffic.answer, now > message->due ? now - message->due : 0);

    } else {
        message->state = MESSAGE_REFUSED;
        traffic.refused++;

        code = memmem(text, len, code_name, sizeof(code_name) - 1);

        if (code && traffic.code[0] == '\0') {
            code += sizeof(code_name) - 1;

            for (n = 0; n < TRAFFIC_CODE_MAX - 1 && code + n < text + len && code[n] != '"'; n++) {
                traffic.code[n] = code[n];
            }
        }
    }

    if (traffic.closed && now < traffic.end && message->room == plan.members[member->number].room) {
        (void) traffic_issue(message->room, member, now);
    }
}


/* By the sixteen digits of tag and number; NULL: not of this run. */

static message_t *
traffic_message(const char *hex)
{
    int       i;
    char      c;
    uint64_t  value;

    value = 0;

    for (i = 0; i < 16; i++) {
        c = hex[i];

        if (c >= '0' && c <= '9') {
            value = value << 4 | (uint64_t) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            value = value << 4 | (uint64_t) (c - 'a' + 10);

        } else {
            return NULL;
        }
    }

    if (value >> 32 != traffic.tag || (uint32_t) value >= traffic.n) {
        return NULL;
    }

    return &traffic.messages[(uint32_t) value];
}


/* Deliveries that are missing, for each message and each member; and those of messages that were refused. */

static uint64_t
traffic_lost(uint64_t *unwanted)
{
    int           seen;
    uint32_t      i, j;
    uint64_t      lost;
    member_t     *member;
    message_t    *message;
    plan_room_t  *room;

    lost = 0;
    *unwanted = 0;

    for (i = 0; i < traffic.n; i++) {
        message = &traffic.messages[i];
        room = &plan.rooms[message->room];

        for (j = 0; j < room->size; j++) {
            member = &members[room->members[j]];
            seen = message->nth / 8 < member->seen_size && (member->seen[message->nth / 8] >> message->nth % 8 & 1);

            lost += message->state == MESSAGE_ACCEPTED && !seen;
            *unwanted += (message->state == MESSAGE_REFUSED || message->state == MESSAGE_UNSENT) && seen;
        }
    }

    return lost;
}


static void
traffic_print(const char *name, uint64_t cpu)
{
    double    seconds;
    uint64_t  lost, unwanted, used;

    used = usage_cpu() - cpu;
    lost = traffic_lost(&unwanted);
    seconds = (double) (traffic.end - traffic.begin) / 1e9;

    printf("{\"command\":\"%s\",\"seconds\":%.6f,\"elapsed\":%.6f,\"cpu\":%.6f,\"behind\":%.1f,", name, seconds,
           (double) (traffic.last > traffic.end ? traffic.last - traffic.begin : traffic.end - traffic.begin) / 1e9,
           (double) used / 1e9, (double) traffic.behind / 1e3);

    printf("\"issued\":%" PRIu32 ",\"accepted\":%" PRIu64 ",\"accepted_in_time\":%" PRIu64 ",\"refused\":%" PRIu64
           ",\"unsent\":%" PRIu64 ",\"unanswered\":%" PRIu64 ",\"code\":\"%s\",", traffic.n, traffic.accepted,
           traffic.accepted_in_time, traffic.refused, traffic.unsent, traffic.pending, traffic.code);

    printf("\"expected\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"delivered_in_time\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"doubled\":%" PRIu64 ",\"strange\":%" PRIu64 ",\"unwanted\":%" PRIu64 ",\"dropped\":%" PRIu32
           ",\"close_code\":%u,", traffic.expected, traffic.delivered, traffic.delivered_in_time, lost, traffic.doubled,
           traffic.strange, unwanted, member_totals.dropped, member_totals.close_code);

    histogram_print(stdout, "delivery", &traffic.delivery);
    printf(",");
    histogram_print(stdout, "answer", &traffic.answer);
    printf("}\n");
}
