// SPDX-License-Identifier: Apache-2.0
// What the primary of a partition asks the leader of the consensus for. Wishes are states, not
// events: each is repeated until the view has changed, so losing one does no harm.
#pragma once

#include <stdint.h>

enum wish_kind {
    // The member has all that is acknowledged: it shall be in sync. From the moment this is wished
    // the primary commits nothing that the member does not have.
    WISH_ADD = 1,
    // The member does not answer: it shall not be in sync. (Of a member that is not in sync it
    // settles what became of a WISH_ADD: the partition's version moves, so the ADD is void.)
    WISH_DROP = 2,
    // The primary has stopped serving, and all it has is on the member of the handover.
    WISH_YIELD = 3,
};

struct wish {
    enum wish_kind kind;
    uint16_t partition;
    uint64_t based_on;  // view_partition.version that the primary knows
    uint64_t member_id; // ADD, DROP: the backup; YIELD: the next primary
};
