// SPDX-License-Identifier: Apache-2.0
// Partitions whose requests were refused wait before the next attempt, each longer and longer. The
// pause is of the partition, not of the request, so that requests for a key keep their order.
#pragma once

#include "cluster/base/random.h"

#include <stdbool.h>
#include <stdint.h>

struct client_hold {
    int64_t until_ms; // monotonic; 0: free
    uint32_t step;    // pauses since the last success; 0: none
};

struct client_holds {
    struct client_hold *array; // owned; by partition
    uint32_t count;
    uint32_t held_count; // with a step
};

void client_holds_deinit(struct client_holds *holds);

// Forgets everything when the number of partitions is another.
void client_holds_resize(struct client_holds *holds, uint32_t partition_count);

// A request for the partition was refused: the pause grows, unless one is going on.
void client_holds_extend(struct client_holds *holds, uint16_t partition, int64_t now_ms,
                         struct random *random);

// It may be tried at once, and pauses start small again.
void client_holds_release(struct client_holds *holds, uint16_t partition);

// The pause is over when client_holds_expire says so, not before: those that waited go first.
static inline bool client_holds_is_held(const struct client_holds *holds, uint16_t partition)
{
    return holds->held_count > 0 && holds->array[partition].until_ms != 0;
}

// Whoever waits longest looks whether the pause is over. True: it is, or there was none.
bool client_holds_expire(struct client_holds *holds, uint16_t partition, int64_t now_ms);
