/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the machine itself gives while nothing else runs. Each processor adds up what lies all over its own memory, again
 * and again, as a server's work is as much waiting for memory as it is arithmetic, and looks at the clock in between: how
 * many pieces a second it manages, and where it is slow for a while. The host of a virtual machine may take a processor
 * away or slow it down; the machine's own counters need not show it.
 *
 *     machine SECONDS
 *
 * One line of JSON: work, pieces a second of all processors together; slow, the per cent of time in which a processor did
 * less than half of its median; longest, the longest such stretch in ms. Looked at are spans of 10 ms, or longer ones when the
 * processor was away. What a busy server is asked meanwhile waits, so from 1 % of slow time on it is in every p99.
 */

#define _GNU_SOURCE

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define MACHINE_PROCESSORS  64
#define MACHINE_SECONDS     60
#define MACHINE_SPAN        10000000           /* ns */
#define MACHINE_SPANS       (MACHINE_SECONDS * 100)
#define MACHINE_WORDS       (8 * 1024 * 1024)  /* 64 MiB for each processor */
#define MACHINE_PIECE       1000               /* additions, some 20 µs */


typedef struct {
    uint64_t  nanoseconds;
    double    speed;           /* pieces a second */
} machine_span_t;


typedef struct {
    pthread_t        thread;
    int              processor;
    uint64_t         nanoseconds;
    uint64_t         pieces;
    uint64_t        *words;
    machine_span_t  *spans;
    int              n;
} machine_t;


static void *machine_run(void *data);
static uint64_t machine_now(void);
static uint64_t machine_slow(const machine_t *machine, uint64_t *longest);
static int machine_compare(const void *one, const void *two);


int
main(int argc, char **argv)
{
    int        i, n;
    char      *end;
    double     seconds;
    uint64_t   pieces, slow, longest;
    cpu_set_t  set;
    machine_t  machines[MACHINE_PROCESSORS];

    seconds = argc == 2 ? strtod(argv[1], &end) : 0;

    if (argc != 2 || *end || !(seconds > 0 && seconds <= MACHINE_SECONDS)) {
        fprintf(stderr, "usage: machine SECONDS\n");
        return 2;
    }

    if (sched_getaffinity(0, sizeof(set), &set) == -1) {
        perror("sched_getaffinity");
        return 1;
    }

    n = 0;

    for (i = 0; i < CPU_SETSIZE && n < MACHINE_PROCESSORS; i++) {

        if (!CPU_ISSET(i, &set)) {
            continue;
        }

        machines[n] = (machine_t) {
            .processor = i,
            .nanoseconds = (uint64_t) (seconds * 1e9),
            .words = malloc(MACHINE_WORDS * sizeof(uint64_t)),
            .spans = malloc(MACHINE_SPANS * sizeof(machine_span_t)),
        };

        if (machines[n].words == NULL || machines[n].spans == NULL
            || pthread_create(&machines[n].thread, NULL, machine_run, &machines[n]) != 0)
        {
            fprintf(stderr, "machine: no memory or no thread\n");
            return 1;
        }

        n++;
    }

    pieces = 0;
    slow = 0;
    longest = 0;

    for (i = 0; i < n; i++) {
        (void) pthread_join(machines[i].thread, NULL);

        pieces += machines[i].pieces;
        slow += machine_slow(&machines[i], &longest);

        free(machines[i].words);
        free(machines[i].spans);
    }

    printf("{\"work\":%.1f,\"slow\":%.2f,\"longest\":%.0f}\n", (double) pieces / seconds,
           (double) slow / (seconds * 1e9 * n) * 100, (double) longest / 1e6);

    return 0;
}


static void *
machine_run(void *data)
{
    int         i;
    uint64_t    begin, now, until, at, pieces;
    cpu_set_t   set;
    machine_t  *machine = data;

    CPU_ZERO(&set);
    CPU_SET(machine->processor, &set);

    (void) pthread_setaffinity_np(pthread_self(), sizeof(set), &set);

    /* so that the kernel's search for memory is not measured */

    memset(machine->words, 1, MACHINE_WORDS * sizeof(uint64_t));

    at = 1;
    pieces = 0;
    begin = machine_now();
    until = begin + machine->nanoseconds;

    do {
        for (i = 0; i < MACHINE_PIECE; i++) {
            at = at * 6364136223846793005u + 1442695040888963407u;
            machine->words[(at >> 40) % MACHINE_WORDS] += at;
        }

        pieces++;
        machine->pieces++;

        now = machine_now();

        if (now - begin >= MACHINE_SPAN) {

            if (machine->n < MACHINE_SPANS) {
                machine->spans[machine->n].nanoseconds = now - begin;
                machine->spans[machine->n++].speed = (double) pieces * 1e9 / (double) (now - begin);
            }

            pieces = 0;
            begin = now;
        }

    } while (now < until);

    return NULL;
}


static uint64_t
machine_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* The time in slow spans, ns. Raises *longest to the most of them in a row. */

static uint64_t
machine_slow(const machine_t *machine, uint64_t *longest)
{
    int       i;
    double    median;
    uint64_t  slow, stretch;
    double   *sorted;

    sorted = malloc((size_t) (machine->n + 1) * sizeof(double));

    if (machine->n == 0 || sorted == NULL) {
        free(sorted);
        return 0;
    }

    for (i = 0; i < machine->n; i++) {
        sorted[i] = machine->spans[i].speed;
    }

    qsort(sorted, (size_t) machine->n, sizeof(double), machine_compare);
    median = sorted[machine->n / 2];
    free(sorted);

    slow = 0;
    stretch = 0;

    for (i = 0; i < machine->n; i++) {

        if (machine->spans[i].speed >= median / 2) {
            stretch = 0;
            continue;
        }

        slow += machine->spans[i].nanoseconds;
        stretch += machine->spans[i].nanoseconds;
        *longest = stretch > *longest ? stretch : *longest;
    }

    return slow;
}


static int
machine_compare(const void *one, const void *two)
{
    double  a = *(const double *) one, b = *(const double *) two;

    return (a > b) - (a < b);
}
