// SPDX-License-Identifier: Apache-2.0
// Answers of one partition that wait for their effect to be committed: a queue in the order of
// arrival. Bound: the window of the replication rules refuses writes before this grows beyond it,
// and connections with many answers waiting are not read from.
#pragma once

#include "node/feed/outlet.h"

#include <stdint.h>

struct pending {
    struct buffer queue; // struct pending_answer and its frame, one after the other
};

// Where an answer starts being appended: hold the outlet, remember the place.
// Usage: mark = pending_begin(...); <encode exactly one frame into &pending->queue>;
// pending_end(pending, mark).
size_t pending_begin(struct pending *pending, struct outlet *outlet, uint64_t seq,
                     uint64_t deadline_us, bool is_write);
void pending_end(struct pending *pending, size_t mark, uint8_t view);

static inline bool pending_is_empty(const struct pending *pending)
{
    return buffer_size(&pending->queue) == 0;
}

// Sends all answers at the front whose seq is committed.
void pending_release(struct pending *pending, uint64_t committed_seq);

// Answers those at the front whose deadline has passed with an error instead: writes INDETERMINATE,
// reads TIMEOUT. Returns their number.
uint32_t pending_expire(struct pending *pending, uint64_t now_us, const char *text);

// Drops everything, unanswered.
void pending_deinit(struct pending *pending);
