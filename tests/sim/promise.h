// SPDX-License-Identifier: Apache-2.0
// What a subscription is owed: computed from the truth, its question and its options alone.
#pragma once

#include "client/grid.h"
#include "tests/sim/question.h"
#include "tests/sim/truth.h"

struct promise {
    const struct question *question;       // borrowed for ever
    struct grid_subscribe_options options; // without the token
};

// Only changes of some kinds or causes are told.
bool promise_is_filtered(const struct promise *promise);

// What is told adds up to the versions of the result.
bool promise_adds_up(const struct promise *promise);

// It is told nothing of a reset but the difference.
bool promise_keeps_rows(const struct promise *promise);

// Whether it must be told of this effect, and with a frame of which kind (ENTER, UPDATE, LEAVE).
bool promise_covers(const struct promise *promise, const struct truth *truth, uint64_t seq,
                    uint8_t *kind);

// The first effect in (after, up_to] that it must be told of; 0: none.
uint64_t promise_next(const struct promise *promise, const struct truth *truth, uint64_t after,
                      uint64_t up_to);

// The version with which this key is in the result after effect `at_seq`; 0: it is not.
uint64_t promise_row(const struct promise *promise, const struct truth *truth, uint32_t key,
                     uint64_t at_seq);

// The entry with this version is selected.
bool promise_selects(const struct promise *promise, const struct truth *truth, uint64_t version);

// What was shown as the new or the old value is what is to be shown of the value of this version.
bool promise_shows(const struct promise *promise, const struct truth *truth, uint64_t version,
                   bool is_new, struct grid_bytes shown);
