// SPDX-License-Identifier: Apache-2.0
// On one thread; what happens between threads is tests/stress/mailbox.c.
#include "node/worker/mailbox.h"

#include "cluster/base/memory.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>

struct note {
    struct letter letter;
    uint32_t number;
    uint32_t *next; // the number expected next
    struct mailbox *reply_to;
};

static void note_deliver(void *receiver, struct letter *letter)
{
    struct note *note = (struct note *)letter;
    (void)receiver;
    cr_assert_eq(note->number, *note->next, "in order");
    ++*note->next;
    if (note->reply_to) {
        struct mailbox *mailbox = note->reply_to;
        note->reply_to = NULL;
        note->number = *note->next;
        mailbox_post(mailbox, letter);
    }
}

static bool is_readable(const struct mailbox *mailbox)
{
    struct pollfd descriptor = {.fd = mailbox_descriptor(mailbox), .events = POLLIN};
    return poll(&descriptor, 1, 0) == 1;
}

Test(mailbox, letters_arrive_in_order)
{
    struct mailbox *mailbox = mailbox_new();
    struct note notes[5];
    uint32_t next = 0;
    cr_assert_eq(mailbox_drain(mailbox, NULL), 0);
    for (uint32_t i = 0; i < 5; i++) {
        notes[i] = (struct note){.letter.deliver = note_deliver, .number = i, .next = &next};
        mailbox_post(mailbox, &notes[i].letter);
    }
    cr_assert_eq(mailbox_drain(mailbox, NULL), 5);
    cr_assert_eq(next, 5);
    mailbox_free(mailbox);
}

Test(mailbox, a_letter_posted_while_draining_is_for_the_next_time)
{
    struct mailbox *mailbox = mailbox_new();
    uint32_t next = 0;
    struct note note = {.letter.deliver = note_deliver, .next = &next, .reply_to = mailbox};
    mailbox_post(mailbox, &note.letter);
    cr_assert_eq(mailbox_drain(mailbox, NULL), 1);
    cr_assert_eq(mailbox_drain(mailbox, NULL), 1);
    cr_assert_eq(mailbox_drain(mailbox, NULL), 0);
    mailbox_free(mailbox);
}

Test(mailbox, only_a_sleeper_is_woken_and_once)
{
    struct mailbox *mailbox = mailbox_new();
    struct note notes[3];
    uint32_t next = 0;
    for (uint32_t i = 0; i < 3; i++)
        notes[i] = (struct note){.letter.deliver = note_deliver, .number = i, .next = &next};
    mailbox_post(mailbox, &notes[0].letter);
    cr_assert_not(is_readable(mailbox), "awake");
    cr_assert_not(mailbox_sleep(mailbox), "there is a letter");
    cr_assert_eq(mailbox_drain(mailbox, NULL), 1);
    cr_assert(mailbox_sleep(mailbox));
    mailbox_post(mailbox, &notes[1].letter);
    mailbox_post(mailbox, &notes[2].letter);
    cr_assert(is_readable(mailbox));
    mailbox_quiet(mailbox);
    cr_assert_not(is_readable(mailbox), "one wake-up for both");
    mailbox_wake(mailbox);
    cr_assert_eq(mailbox_drain(mailbox, NULL), 2);
    mailbox_free(mailbox);
}

Test(mailbox, quiet_does_no_harm_without_a_wake_up)
{
    struct mailbox *mailbox = mailbox_new();
    cr_assert(mailbox_sleep(mailbox));
    mailbox_quiet(mailbox);
    mailbox_wake(mailbox);
    cr_assert(mailbox_sleep(mailbox));
    mailbox_wake(mailbox);
    mailbox_free(mailbox);
}

Test(mailbox, is_not_freed_with_letters_in_it, .signal = SIGABRT)
{
    struct mailbox *mailbox = mailbox_new();
    struct note note = {0};
    mailbox_post(mailbox, &note.letter);
    mailbox_free(mailbox);
}
