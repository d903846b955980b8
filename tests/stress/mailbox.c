// SPDX-License-Identifier: Apache-2.0
// One consumer that sleeps whenever it can, several producers: no letter is lost, none overtakes
// another of its producer, no wake-up is missed, and none stays behind.
#include "node/worker/mailbox.h"
#include "cluster/base/memory.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>

enum { PRODUCERS = 4, LETTERS_EACH = 50 * 1000, WAIT_MS = 10000, BURST = 7 };

struct parcel {
    struct letter letter;
    uint32_t producer;
    uint32_t number;
    struct post_office *office;
};

struct post_office {
    struct mailbox *mailbox;
    uint32_t next[PRODUCERS]; // of each producer, the number expected next
    uint32_t delivered;
    uint32_t out_of_order;
};

struct producer {
    struct post_office *office;
    uint32_t number;
};

static void parcel_deliver(void *receiver, struct letter *letter)
{
    struct parcel *parcel = (struct parcel *)letter;
    struct post_office *office = parcel->office;
    (void)receiver;
    office->out_of_order += parcel->number != office->next[parcel->producer]++;
    office->delivered++;
    free(parcel);
}

static void *producer_main(void *context)
{
    const struct producer *producer = context;
    for (uint32_t i = 0; i < LETTERS_EACH; i++) {
        struct parcel *parcel = memory_new(sizeof *parcel);
        *parcel = (struct parcel){.letter.deliver = parcel_deliver,
                                  .producer = producer->number,
                                  .number = i,
                                  .office = producer->office};
        mailbox_post(producer->office->mailbox, &parcel->letter);
        if (i % BURST == 0)
            sched_yield(); // lets the consumer go to sleep
    }
    return NULL;
}

// Until all have come. False: it slept while letters were under way, and nobody woke it.
static bool consume(struct post_office *office, uint32_t *sleeps)
{
    struct pollfd descriptor = {.fd = mailbox_descriptor(office->mailbox), .events = POLLIN};
    while (office->delivered < PRODUCERS * LETTERS_EACH) {
        if (mailbox_sleep(office->mailbox)) {
            ++*sleeps;
            if (poll(&descriptor, 1, WAIT_MS) != 1)
                return false;
            mailbox_quiet(office->mailbox);
            mailbox_wake(office->mailbox);
        }
        mailbox_drain(office->mailbox, NULL);
    }
    return true;
}

static int report(bool passed, const char *name)
{
    printf("%s - %s\n", passed ? "ok" : "not ok", name);
    return !passed;
}

int main(void)
{
    struct post_office office = {.mailbox = mailbox_new()};
    struct producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    uint32_t sleeps = 0;
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.office = &office, .number = i};
        CHECK(pthread_create(&threads[i], NULL, producer_main, &producers[i]) == 0);
    }
    bool all_came = consume(&office, &sleeps);
    for (uint32_t i = 0; i < PRODUCERS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    int failed = report(all_came, "no wake-up is missed");
    failed |= report(office.out_of_order == 0, "letters of one producer arrive in order");
    failed |= report(sleeps > 0, "the consumer slept now and then");
    // A wake-up that came late ends at most one more sleep.
    struct pollfd descriptor = {.fd = mailbox_descriptor(office.mailbox), .events = POLLIN};
    mailbox_drain(office.mailbox, NULL);
    mailbox_quiet(office.mailbox);
    failed |= report(mailbox_sleep(office.mailbox) && poll(&descriptor, 1, 0) == 0,
                     "a quiet mailbox stays quiet");
    mailbox_free(office.mailbox);
    return failed;
}
