// SPDX-License-Identifier: Apache-2.0
// Load on a grid at a constant rate, and its checker: a client that writes, another one that reads
// what the first one writes, and a third one that subscribes to it. Operations are due at intended
// times whatever became of earlier ones (open loop), and latency counts from there. Half of them
// put, a tenth increments, the rest reads. One thread; all clients share an event loop.
#pragma once

#include "client/grid.h"
#include "tests/system/support/samples.h"

#include <stdbool.h>
#include <stdint.h>

struct traffic_options {
    const char *seeds;
    uint32_t key_count;     // of values
    uint32_t counter_count; // at most as many
    uint32_t value_bytes;
    uint32_t rate;       // operations per second
    uint32_t timeout_ms; // of an operation; 0: the client's default
    bool has_subscriber;
};

struct traffic_tally {
    uint64_t operations; // answered
    uint64_t writes;     // acknowledged
    uint64_t failed;     // answered with an error; of those:
    uint64_t unknown;    //   writes that may have been applied
    uint64_t skipped;    // due, but the key's last operation was not answered yet
    uint32_t faults;     // answers that cannot be right
};

// What happened since traffic_begin.
struct traffic_window {
    uint64_t begun_us;
    struct samples others;  // latencies of partitions of which the member is no replica
    struct samples touched; // of the other ones
    uint8_t *is_touched;    // by partition
    uint64_t *resumed_us;   // by partition: the first acknowledgement of a write that was submitted
                            // since; 0: none yet
};

struct traffic;

// Connects, and writes every key once. Ends the test where that fails.
struct traffic *traffic_new(const struct traffic_options *options);
void traffic_free(struct traffic *traffic);

// Under load until this time has passed, or the condition is met (false: it was not).
void traffic_run(struct traffic *traffic, uint32_t duration_ms);
bool traffic_run_until(struct traffic *traffic, bool (*is_met)(void *context), void *context,
                       uint32_t limit_ms);

// Begins a window about the partitions of a member (GRID_NO_MEMBER: of none).
void traffic_begin(struct traffic *traffic, uint16_t member);
struct traffic_window *traffic_window(struct traffic *traffic);

// One write for each partition of the member, due now: they tell when it takes writes again.
void traffic_probe(struct traffic *traffic);

// Partitions of the member that have acknowledged no write since traffic_begin, and have keys.
uint32_t traffic_stalled(const struct traffic *traffic);
// When the last of them did, after traffic_begin.
uint32_t traffic_resumed_ms(const struct traffic *traffic);

// Ends the load, awaits all answers, reads every key and looks whether the subscriber has seen
// it. False: something was lost, came twice, or is not there in time.
bool traffic_verify(struct traffic *traffic);

// Nothing that was answered so far cannot be right.
bool traffic_is_right(const struct traffic *traffic);
struct traffic_tally traffic_tally(const struct traffic *traffic);

// The client that writes; borrowed.
struct grid *traffic_grid(const struct traffic *traffic);

// What a value holds at least: the number of its last acknowledged write.
int64_t traffic_acknowledged(const struct traffic *traffic, uint32_t key);
uint16_t traffic_partition(const struct traffic *traffic, uint32_t key);
extern const char traffic_values_map[];

// ---- The grid as the writer sees it ----

// Its number by name, or GRID_NO_MEMBER.
uint16_t traffic_member(const struct traffic *traffic, const char *name);

// Under load until there are `members` members, each partition has all its copies in sync, and
// nothing moves for a while. False: not within the time.
bool traffic_settle(struct traffic *traffic, uint32_t members, uint32_t limit_ms);
