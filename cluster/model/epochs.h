// SPDX-License-Identifier: Apache-2.0
// Under which epochs the effects of a log were made: what two replicas compare to find where their
// logs part. Two logs with the same epoch at a seq are equal up to that seq.
#pragma once

#include <stdint.h>

enum { EPOCH_RUNS_MAX = 16 };

struct epoch_run {
    uint64_t epoch; // grows from run to run
    uint64_t
        first_seq; // of the first effect made under it; grows or stays (an epoch without effects)
};

struct epochs {
    uint32_t count; // 0: an empty log. The oldest runs are forgotten beyond EPOCH_RUNS_MAX
    struct epoch_run runs[EPOCH_RUNS_MAX];
};
