/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading a plan: see the header. The runner writes it, so a line that is wrong ends the program.
 */

#define _GNU_SOURCE

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"


#define PLAN_CIPHERTEXT_MAX  49152


static int plan_line(plan_t *plan, char *line);
static int plan_room(plan_t *plan, const char *rest);
static int plan_member(plan_t *plan, char *rest);
static int plan_request(plan_t *plan, char *rest);
static void *plan_push(void **array, uint32_t *n, size_t size);


int
plan_read(plan_t *plan, const char *name)
{
    int      rc;
    FILE    *in;
    char    *line;
    size_t   size;
    ssize_t  len;
    unsigned number;

    memset(plan, 0, sizeof(plan_t));

    in = fopen(name, "r");
    if (in == NULL) {
        perror(name);
        return -1;
    }

    rc = 0;
    line = NULL;
    size = 0;
    number = 0;

    while (rc == 0 && (len = getline(&line, &size, in)) > 0) {
        number++;

        if (line[len - 1] == '\n') {
            line[len - 1] = '\0';
        }

        rc = plan_line(plan, line);
    }

    free(line);
    fclose(in);

    if (rc == -1) {
        fprintf(stderr, "%s: line %u is no plan\n", name, number);
        return -1;
    }

    if (plan->port == 0) {
        fprintf(stderr, "%s: no port\n", name);
        return -1;
    }

    return 0;
}


static int
plan_line(plan_t *plan, char *line)
{
    char  *rest;

    rest = strchr(line, ' ');
    if (rest == NULL) {
        return -1;
    }

    *rest++ = '\0';

    if (strcmp(line, "room") == 0) {
        return plan_room(plan, rest);
    }

    if (strcmp(line, "member") == 0) {
        return plan_member(plan, rest);
    }

    if (strcmp(line, "request") == 0) {
        return plan_request(plan, rest);
    }

    if (strcmp(line, "port") == 0) {
        plan->port = (uint16_t) atoi(rest);
        return plan->port ? 0 : -1;
    }

    if (strcmp(line, "ciphertext") == 0) {
        plan->ciphertext = (uint32_t) atoi(rest);
        return plan->ciphertext && plan->ciphertext <= PLAN_CIPHERTEXT_MAX ? 0 : -1;
    }

    if (strcmp(line, "dialect") == 0) {
        plan->acknowledged = strcmp(rest, "chatalot") == 0;
        return plan->acknowledged || strcmp(rest, "nchan") == 0 ? 0 : -1;
    }

    return -1;
}


static int
plan_room(plan_t *plan, const char *rest)
{
    plan_room_t  *room;

    room = plan_push((void **) &plan->rooms, &plan->n_rooms, sizeof(plan_room_t));

    return room && sscanf(rest, "%36s %" SCNu64 " %" SCNu64, room->channel, &room->roster, &room->epoch) == 3
           && strlen(room->channel) == PLAN_UUID ? 0 : -1;
}


static int
plan_member(plan_t *plan, char *rest)
{
    char           *credential;
    plan_room_t    *room;
    plan_member_t  *member;

    credential = strchr(rest, ' ');
    if (credential == NULL) {
        return -1;
    }

    *credential++ = '\0';

    member = plan_push((void **) &plan->members, &plan->n_members, sizeof(plan_member_t));
    if (member == NULL) {
        return -1;
    }

    member->room = PLAN_NONE;
    member->credential = strdup(credential);

    if (member->credential == NULL) {
        return -1;
    }

    if (strcmp(rest, "-") == 0) {
        return 0;
    }

    member->room = (uint32_t) atoi(rest);

    if (member->room >= plan->n_rooms) {
        return -1;
    }

    room = &plan->rooms[member->room];
    member->place = room->size;

    room->members = realloc(room->members, (room->size + 1) * sizeof(uint32_t));
    if (room->members == NULL) {
        return -1;
    }

    room->members[room->size++] = plan->n_members - 1;

    return 0;
}


static int
plan_request(plan_t *plan, char *rest)
{
    int              n;
    char            *method, *path, *token, *body, *header;
    plan_request_t  *request;

    method = strsep(&rest, " ");
    path = strsep(&rest, " ");
    token = strsep(&rest, " ");
    body = rest;

    if (path == NULL || token == NULL || body == NULL) {
        return -1;
    }

    header = NULL;

    if (strcmp(token, "-") != 0 && asprintf(&header, "Authorization: Bearer %s\r\n", token) == -1) {
        return -1;
    }

    request = plan_push((void **) &plan->requests, &plan->n_requests, sizeof(plan_request_t));
    if (request == NULL) {
        return -1;
    }

    if (strcmp(body, "-") == 0) {
        n = asprintf(&request->bytes, "%s %s HTTP/1.1\r\nHost: localhost:%u\r\n%s\r\n", method, path, plan->port,
                     header ? header : "");
    } else {
        n = asprintf(&request->bytes, "%s %s HTTP/1.1\r\nHost: localhost:%u\r\n%sContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s", method, path, plan->port, header ? header : "", strlen(body),
                     body);
    }

    free(header);
    request->len = (uint32_t) n;

    return n == -1 ? -1 : 0;
}


static void *
plan_push(void **array, uint32_t *n, size_t size)
{
    void  *larger;

    /* room for a power of two: full when the number is one */

    if ((*n & (*n - 1)) == 0) {
        larger = realloc(*array, (*n ? 2 * (size_t) *n : 1) * size);
        if (larger == NULL) {
            return NULL;
        }

        *array = larger;
    }

    memset((char *) *array + *n * size, 0, size);

    return (char *) *array + (*n)++ * size;
}
