// SPDX-License-Identifier: Apache-2.0
// What one partition remembers of operations that must not be applied twice (Lee et al.,
// "Implementing Linearizability at Large Scale and Low Latency" (RIFL), SOSP 2015): which operation
// of which client made which effect, and what it was answered. Writes only append here; a retry,
// which is rare, searches.
//
// A result is given up when its client says that it knows it (struct origin: floor), when it is
// older than RESULT_IDLE_US while others need its place, and beyond the bounds: the oldest first.
// What was given up though its client may not know it is remembered as a time: a retry of an
// operation that was first sent after that time, with some room for clocks, was never applied.
//
// Invariant: items are in the order of their effects; several have the same seq only after a cut.
#pragma once

#include "cluster/model/message.h"
#include "cluster/model/op.h"

struct results;

enum {
    RESULTS_MAX = 4096,
    RESULT_VALUE_BYTES_MAX = 4 * 1024, // a larger value is not kept: has_value is false
    RESULTS_VALUE_BYTES_MAX = 256 * 1024,
};

#define RESULT_IDLE_US        (INT64_C(600) * 1000 * 1000)
#define RESULT_CLOCK_SLACK_US (INT64_C(10) * 1000 * 1000)

struct results *results_new(void);
void results_free(struct results *results); // NULL is allowed

// Memory held.
uint64_t results_bytes(const struct results *results);

// Remembers. result->seq is at least that of the last one; `time_us`: of the effect, or 0: not
// known, it counts from the next push that has one. The value is copied.
void results_push(struct results *results, const struct fill_result *result, uint64_t time_us);

// An operation was executed, with an effect (results_push notes it too) or without.
void results_note_attempt(struct results *results, uint64_t client, uint64_t number);

// Whether an operation that comes for the first time, it says, comes late (node/store/latest.h).
bool results_is_overtaken(const struct results *results, uint64_t client, uint64_t number);

// Warms the cache for an operation of this client.
void results_prefetch(const struct results *results, uint64_t client);

// Results of effects up to this time may have been forgotten elsewhere. The first call after
// results_suspect says all that there is to say about that time.
void results_note_forgotten(struct results *results, uint64_t time_us);

// Results may have been forgotten elsewhere, it is not known until when.
void results_suspect(struct results *results);

// 0: nothing was forgotten. UINT64_MAX: not known.
uint64_t results_forgotten_us(const struct results *results);

// Calls `visit` for each, in the order of their effects. Bytes are borrowed until the next change.
void results_each(const struct results *results,
                  void (*visit)(void *context, const struct fill_result *result), void *context);

enum result_verdict {
    RESULT_NEW,       // was never applied
    RESULT_FOUND,     // was applied: *result
    RESULT_FORGOTTEN, // may have been applied
    RESULT_SETTLED,   // its client has said that it knows the answer: it does not wait for one
};

// Of a retry that was sent at `sent_us` for the first time.
enum result_verdict results_find(const struct results *results, uint64_t client, uint64_t number,
                                 int64_t sent_us, struct fill_result *result);

// Which operation made this effect. ORIGIN_FORGOTTEN when that may have been forgotten; client 0:
// none, or its client knows the answer.
struct origin results_origin(const struct results *results, uint64_t seq, uint64_t time_us);

// The effects beyond `seq` were taken back. What their clients had said about what they know stays.
void results_cut(struct results *results, uint64_t seq);

// Seq of the last one; 0: none.
uint64_t results_last_seq(const struct results *results);

// Whether answers to this kind of operation have a value beside `found`.
bool result_has_value(enum op_kind kind, bool found);
