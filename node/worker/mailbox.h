// SPDX-License-Identifier: Apache-2.0
// Letters to a worker from other threads: liburcu's wait-free queue (many producers, one consumer),
// and an eventfd that is written only when the worker sleeps.
#pragma once

#include <stdbool.h>
#include <urcu/wfcqueue.h>

struct worker;

// Embedded in what is sent. `deliver` runs on the receiving worker's thread and takes ownership of
// the letter.
struct letter {
    struct cds_wfcq_node node;
    void (*deliver)(struct worker *worker, struct letter *letter);
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
unsigned mailbox_drain(struct mailbox *mailbox, struct worker *worker);

// Announces sleep. False: there are letters, so the consumer must not sleep.
bool mailbox_sleep(struct mailbox *mailbox);
void mailbox_wake(struct mailbox *mailbox); // awake again: posts need no eventfd

// To be called when the descriptor is readable: takes the wake-up off it. Not part of mailbox_wake,
// because the wake-up of a post may arrive after the consumer has woken for another reason.
void mailbox_quiet(struct mailbox *mailbox);
