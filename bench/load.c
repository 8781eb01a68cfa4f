/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The load generator: reads a plan, then one command a line on standard input, and answers each with one line of JSON.
 * Between commands the sockets stay and pings are answered. Ends with its input.
 *
 *     load PLAN
 *
 *     connect WINDOW [COUNT]           opens sockets, so many at once
 *     idle SECONDS                     lets time pass
 *     send RATE SECONDS                open loop: messages a second over all rooms
 *     ingest WINDOW SECONDS SENDERS    closed loop
 *     fetch CONNECTIONS SECONDS RATE   HTTP requests; rate 0: closed loop
 *     drop                             closes all sockets
 */

#define _GNU_SOURCE

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fetch.h"
#include "member.h"
#include "random.h"
#include "traffic.h"
#include "usage.h"


#define LOAD_CONNECT_SECONDS  120
#define LOAD_SECONDS_MAX      7200
#define LOAD_LINE             256


plan_t  plan;


static int load_raise_files(void);
static int load_line(char *line, size_t size);
static int load_command(const char *line);
static int load_connect(const char *line);
static int load_idle(double seconds);


int
main(int argc, char **argv)
{
    char  line[LOAD_LINE];

    if (argc != 2) {
        fprintf(stderr, "usage: load PLAN\n");
        return 2;
    }

    if (random_setup() == -1 || plan_read(&plan, argv[1]) == -1 || load_raise_files() == -1
        || conn_setup(plan.port) == -1 || members_create() == -1)
    {
        fprintf(stderr, "load: cannot start\n");
        return 1;
    }

    while (load_line(line, sizeof(line)) > 0) {

        if (load_command(line) == -1) {
            fprintf(stderr, "load: \"%s\" failed\n", line);
            return 1;
        }

        fflush(stdout);
    }

    members_drop();

    return 0;
}


static int
load_raise_files(void)
{
    struct rlimit  files;

    if (getrlimit(RLIMIT_NOFILE, &files) == -1) {
        return -1;
    }

    files.rlim_cur = files.rlim_max;

    if (setrlimit(RLIMIT_NOFILE, &files) == -1) {
        return -1;
    }

    if (files.rlim_max < plan.n_members + 64) {
        fprintf(stderr, "load: %u sockets need more open files than the %lu allowed\n", plan.n_members,
                (unsigned long) files.rlim_max);
        return -1;
    }

    return 0;
}


/* The next command, while the sockets are looked after. Its length; 0: there is none any more. */

static int
load_line(char *line, size_t size)
{
    size_t         n;
    struct pollfd  in;

    in.fd = STDIN_FILENO;
    in.events = POLLIN;
    n = 0;

    while (n < size - 1) {

        while (poll(&in, 1, 0) == 0) {
            conn_wait(conn_now() + 10000000);
        }

        if (read(STDIN_FILENO, line + n, 1) != 1) {
            return 0;
        }

        if (line[n] == '\n') {
            line[n] = '\0';
            return (int) n;
        }

        n++;
    }

    return 0;
}


static int
load_command(const char *line)
{
    double    rate, seconds;
    unsigned  window, senders;

    if (sscanf(line, "send %lf %lf", &rate, &seconds) == 2 && rate > 0 && seconds > 0 && seconds <= LOAD_SECONDS_MAX) {
        return traffic_send(rate, seconds);
    }

    if (sscanf(line, "ingest %u %lf %u", &window, &seconds, &senders) == 3
        && seconds > 0 && seconds <= LOAD_SECONDS_MAX)
    {
        return traffic_ingest(window, seconds, senders);
    }

    if (sscanf(line, "fetch %u %lf %lf", &window, &seconds, &rate) == 3
        && seconds > 0 && seconds <= LOAD_SECONDS_MAX)
    {
        return fetch_run(window, seconds, rate);
    }

    if (sscanf(line, "idle %lf", &seconds) == 1 && seconds >= 0 && seconds <= LOAD_SECONDS_MAX) {
        return load_idle(seconds);
    }

    if (strcmp(line, "drop") == 0) {
        members_drop();
        printf("{\"command\":\"drop\"}\n");
        return 0;
    }

    return load_connect(line);
}


static int
load_connect(const char *line)
{
    double    seconds;
    uint64_t  cpu;
    unsigned  window, count;

    count = 0;

    if (sscanf(line, "connect %u %u", &window, &count) < 1 || window == 0) {
        return -1;
    }

    cpu = usage_cpu();
    seconds = members_connect(window, count, LOAD_CONNECT_SECONDS);
    cpu = usage_cpu() - cpu;

    printf("{\"command\":\"connect\",\"seconds\":%.6f,\"cpu\":%.6f,\"ready\":%u,\"refused\":%u,\"unfinished\":%u,"
           "\"close_code\":%u,", seconds, (double) cpu / 1e9, member_totals.ready, member_totals.refused,
           member_totals.opening, member_totals.close_code);
    histogram_print(stdout, "setup", &member_totals.setup);
    printf("}\n");

    return 0;
}


static int
load_idle(double seconds)
{
    uint32_t  pings;
    uint64_t  end;

    pings = member_totals.pings;
    end = conn_now() + (uint64_t) (seconds * 1e9);

    while (conn_now() < end) {
        conn_wait(end);
    }

    printf("{\"command\":\"idle\",\"seconds\":%.3f,\"ready\":%u,\"dropped\":%u,\"pings\":%u}\n", seconds,
           member_totals.ready, member_totals.dropped, member_totals.pings - pings);

    return 0;
}
