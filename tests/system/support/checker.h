// SPDX-License-Identifier: Apache-2.0
// A subscriber that holds its continuous query to its promise: it rebuilds the result from rows and
// changes, and judges each by what it has: no gap, no duplicate, no disorder within a partition, no
// wrong kind, no other old value than the one that it knows.
//
// Keys are ints below key_count. Values are maps; one int field of them, which the query selects,
// is another number with each write of a key: it stands for the value.
#pragma once

#include "client/grid.h"

#include <stdbool.h>
#include <stdint.h>

struct checker_options {
    const char *name;  // for people; borrowed, as are the next two
    const char *query; // without a column __key
    const char *field;
    uint32_t key_count;
    struct grid_subscribe_options subscribe; // no filters; the token is borrowed until the call
                                             // returns
};

enum { CHECKER_STATES = GRID_SUBSCRIPTION_ENDED + 1 };

struct checker_tally {
    uint64_t rows;
    uint64_t enters;
    uint64_t updates;
    uint64_t leaves;
    uint64_t told;                   // of these, changes that a reset has brought to light
    uint64_t resets;                 // of one partition, told by `reset`
    uint32_t states[CHECKER_STATES]; // how often each was told
    uint32_t faults;                 // what does not follow from what was before
};

struct checker;

// Subscribes. `before`: a checker with the same query and keys, at the point of which the token is;
// NULL: none. It is copied.
struct checker *checker_new(struct grid *grid, const struct checker_options *options,
                            const struct checker *before);
void checker_free(struct checker *checker); // unsubscribes

// What it holds now, without a subscription: for `before`.
struct checker *checker_copy(const struct checker *checker);

const struct checker_tally *checker_tally(const struct checker *checker);
struct grid_subscription *checker_subscription(const struct checker *checker);
enum grid_subscription_state checker_state(const struct checker *checker);
bool checker_is_ready(const struct checker *checker);

// The error that it ended with; GRID_OK: it goes on.
enum grid_error checker_error(const struct checker *checker);

// The number of the entry that it holds; -1: it holds none.
int64_t checker_number(const struct checker *checker, uint32_t key);

// Compares what it holds, and the copy that the client keeps, if it does, with what a fresh query
// finds; returns how many keys differ (UINT32_MAX: the query failed). `judge`: a client of an event
// base of its own.
uint32_t checker_compare(const struct checker *checker, struct grid *judge);

// One line of figures on standard output.
void checker_report(const struct checker *checker);
