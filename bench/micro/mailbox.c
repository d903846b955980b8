// SPDX-License-Identifier: Apache-2.0
// Letters between two threads: the cost of posting and delivering on one thread, and round trips
// between two that sleep when there is nothing to do. build/micro/mailbox
#include "node/worker/mailbox.h"
#include "bench/stopwatch.h"
#include "cluster/base/memory.h"

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

enum { SINGLE_LETTERS = 10 * 1000 * 1000, BATCH = 32, LETTERS_MAX = 128, TRIPS_MS = 700 };

// A letter that is posted back by whoever receives it, until the time is over.
struct ball {
    struct letter letter;
    struct court *court;
};

// One thread's side. `worker` of a delivery is not used: the ball knows its court.
struct side {
    struct mailbox *mailbox;
    uint64_t delivered;
    uint64_t sleeps;
};

struct court {
    struct side sides[2];
    struct ball balls[LETTERS_MAX];
    uint64_t end_ns;
    uint32_t count; // balls in play
};

// Delivery on the sides differs, so that a ball knows where it is without more fields.
static void deliver_home(void *receiver, struct letter *letter);

static void deliver_away(void *receiver, struct letter *letter)
{
    (void)receiver;
    struct court *court = ((struct ball *)letter)->court;
    court->sides[1].delivered++;
    letter->deliver = deliver_home;
    mailbox_post(court->sides[0].mailbox, letter);
}

static void deliver_home(void *receiver, struct letter *letter)
{
    (void)receiver;
    struct court *court = ((struct ball *)letter)->court;
    court->sides[0].delivered++;
    letter->deliver = deliver_away;
    mailbox_post(court->sides[1].mailbox, letter);
}

static void side_play(struct court *court, unsigned number)
{
    struct side *side = &court->sides[number];
    struct pollfd ready = {.fd = mailbox_descriptor(side->mailbox), .events = POLLIN};
    while (stopwatch_now_ns() < court->end_ns) {
        if (mailbox_drain(side->mailbox, NULL) > 0)
            continue;
        if (!mailbox_sleep(side->mailbox))
            continue;
        side->sleeps++;
        if (poll(&ready, 1, 10) > 0)
            mailbox_quiet(side->mailbox);
        mailbox_wake(side->mailbox);
    }
}

static void *away_main(void *context)
{
    side_play(context, 1);
    return NULL;
}

static void deliver_nothing(void *receiver, struct letter *letter)
{
    (void)receiver;
    letter->deliver = deliver_nothing;
}

static void single_measure(void)
{
    struct mailbox *mailbox = mailbox_new();
    struct letter letters[BATCH];
    uint64_t begin_ns = stopwatch_now_ns();
    for (uint32_t i = 0; i < SINGLE_LETTERS / BATCH; i++) {
        for (unsigned j = 0; j < BATCH; j++) {
            letters[j].deliver = deliver_nothing;
            mailbox_post(mailbox, &letters[j]);
        }
        CHECK(mailbox_drain(mailbox, NULL) == BATCH);
    }
    double ns = (double)(stopwatch_now_ns() - begin_ns);
    printf("one thread, batches of %d: %.1f ns per letter\n", BATCH, ns / SINGLE_LETTERS);
    mailbox_free(mailbox);
}

// What is still in a mailbox at the end is dropped: the balls belong to the court.
static void mailbox_empty(struct side *side, struct court *court)
{
    for (uint32_t i = 0; i < court->count; i++)
        court->balls[i].letter.deliver = deliver_nothing;
    mailbox_drain(side->mailbox, NULL);
    mailbox_free(side->mailbox);
}

static void trips_measure(uint32_t count)
{
    struct court *court = memory_new(sizeof *court);
    pthread_t away;
    court->count = count;
    court->sides[0].mailbox = mailbox_new();
    court->sides[1].mailbox = mailbox_new();
    uint64_t begin_ns = stopwatch_now_ns();
    court->end_ns = begin_ns + (uint64_t)TRIPS_MS * US_PER_MS * NS_PER_US;
    for (uint32_t i = 0; i < count; i++) {
        court->balls[i] = (struct ball){.letter.deliver = deliver_away, .court = court};
        mailbox_post(court->sides[1].mailbox, &court->balls[i].letter);
    }
    CHECK(pthread_create(&away, NULL, away_main, court) == 0);
    side_play(court, 0);
    CHECK(pthread_join(away, NULL) == 0);
    double ns = (double)(stopwatch_now_ns() - begin_ns);
    double trips = (double)court->sides[0].delivered;
    double sleeps = (double)(court->sides[0].sleeps + court->sides[1].sleeps);
    printf("two threads, %3u letters under way: %7.1f ns per round trip and letter, "
           "%.3f sleeps per round trip\n",
           count, ns / trips, sleeps / trips);
    mailbox_empty(&court->sides[0], court);
    mailbox_empty(&court->sides[1], court);
    free(court);
}

int main(void)
{
    single_measure();
    trips_measure(1);
    trips_measure(16);
    trips_measure(LETTERS_MAX);
    return 0;
}
