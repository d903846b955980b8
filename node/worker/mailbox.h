// SPDX-License-Identifier: Apache-2.0
// Letters to a thread (a worker, or the control thread) from others: liburcu's wait-free queue
// (many producers, one consumer), and an eventfd that is written only when the receiver sleeps.
#pragma once

#include <stdbool.h>
#include <urcu/wfcqueue.h>

// Embedded in what is sent. `deliver` runs on the receiving thread and takes ownership of the
// letter; `receiver` is what the thread drains its mailbox with: a struct worker for workers.
struct letter {
    struct cds_wfcq_node node;
    void (*deliver)(void *receiver, struct letter *letter);
};

struct mailbox;

struct mailbox *mailbox_new(void);
void mailbox_free(struct mailbox *mailbox); // CHECKs that it is empty

// ---- Producers: any thread ----

// The letter moves.
void mailbox_post(struct mailbox *mailbox, struct letter *letter);

// ---- The consumer ----

// Becomes readable when a letter is posted to a sleeper.
int mailbox_descriptor(const struct mailbox *mailbox);

// Takes all letters that are there and delivers them in order. Returns their number.
unsigned mailbox_drain(struct mailbox *mailbox, void *receiver);

// Announces sleep. False: there are letters, so the consumer must not sleep.
bool mailbox_sleep(struct mailbox *mailbox);
void mailbox_wake(struct mailbox *mailbox); // awake again: posts need no eventfd

// To be called when the descriptor is readable: takes the wake-up off it. Not part of mailbox_wake,
// because the wake-up of a post may arrive after the consumer has woken for another reason.
void mailbox_quiet(struct mailbox *mailbox);
