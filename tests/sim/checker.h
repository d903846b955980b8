// SPDX-License-Identifier: Apache-2.0
// Holds what one subscription is told against what it is owed. It is fed with what the listener is
// called with, and knows nothing of the protocol: for each partition the exact state at one point
// of its history, then every change that the promise covers, in order, once, with the right kind,
// cause and values; where that was not possible, it was said.
//
//                reset                      row, change
//   KNOWN ---------------------> ROWS ------------------------+
//     |  \---------------------> DIFFERENCE -- change --------+--- progress: it adds up ---> KNOWN
//     |    a change without a cause, or a gap after a reset
//     +--- change, progress: nothing is left out
#pragma once

#include "tests/sim/observer.h"
#include "tests/sim/promise.h"

struct world;

enum place_state {
    PLACE_UNKNOWN = 0, // begins somewhere: the first that is heard says where
    PLACE_ROWS,        // a snapshot: rows, and changes after it
    PLACE_DIFFERENCE,  // a reset that is told as changes, and changes after it
    PLACE_KNOWN,       // everything up to seq was told
};

struct place {
    enum place_state state;
    uint64_t seq;            // KNOWN: see there. ROWS, DIFFERENCE: of the last change told; 0: none
    uint32_t changed_keys;   // ROWS: bits
    uint64_t first_seq;      // ROWS: of the first change told; 0: none
    bool has_rows;           // `rows` is the whole result
    bool is_complete;        // ROWS: `ready` was called
    bool may_be_reset;       // what keeps rows may be told a difference next
    uint64_t rows[KEYS_MAX]; // versions in the result; 0: not in it
    uint64_t told[KEYS_MAX]; // ROWS: versions of the rows. Merged changes: last seq of the key
};

struct checker {
    struct world *world; // borrowed
    struct promise promise;
    char name[16]; // for messages
    bool is_ready;
    struct place places[SIM_PARTITIONS_MAX];
};

// `start` is that of the options; with GRID_START_AFTER it goes on where `from` stands.
void checker_init(struct checker *checker, struct world *world, const char *name,
                  const struct promise *promise, const struct checker *from);

// ---- What the listener is told ----

void checker_row(struct checker *checker, const struct grid_event *event);
void checker_change(struct checker *checker, uint8_t kind, const struct grid_event *event);
void checker_ready(struct checker *checker);
void checker_progress(struct checker *checker, uint16_t partition, uint64_t seq);
void checker_reset(struct checker *checker, uint16_t partition);

// ---- What else is known of its connections ----

// A node has reset the partition, for some subscription of the connection.
void checker_see_reset(struct checker *checker, uint16_t partition);
// A connection was lost: what is not complete may begin anew.
void checker_see_loss(struct checker *checker);

// ---- At quiet points ----

// NULL, or what it is still owed (static storage).
const char *checker_lack(const struct checker *checker);
// When nothing is: its result is that of a full evaluation.
void checker_check_quiet(const struct checker *checker);
