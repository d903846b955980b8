// SPDX-License-Identifier: Apache-2.0
//
//   seq      1 ........ 40 | 41 ... 57 | 58 ........ last_seq
//   run      epoch 1       | epoch 3   | epoch 4
//
// Only the oldest runs are ever unknown: forgotten for want of room, or never told to a copy that
// was filled.
#include "cluster/rules/epochs.h"

#include <string.h>

void epochs_check(const struct epochs *epochs)
{
    CHECK(epochs->count <= EPOCH_RUNS_MAX);
    for (uint32_t i = 0; i < epochs->count; i++) {
        CHECK(epochs->runs[i].epoch > 0);
        CHECK(epochs->runs[i].first_seq > 0);
        CHECK(i == 0 || epochs->runs[i].epoch > epochs->runs[i - 1].epoch);
        CHECK(i == 0 || epochs->runs[i].first_seq >= epochs->runs[i - 1].first_seq);
    }
}

void epochs_begin(struct epochs *epochs, uint64_t epoch, uint64_t first_seq)
{
    if (epochs->count > 0 && epochs->runs[epochs->count - 1].epoch == epoch)
        return;
    if (epochs->count > 0 && epochs->runs[epochs->count - 1].first_seq == first_seq)
        epochs->count--;
    if (epochs->count == EPOCH_RUNS_MAX) {
        memmove(&epochs->runs[0], &epochs->runs[1], (EPOCH_RUNS_MAX - 1) * sizeof epochs->runs[0]);
        epochs->count--;
    }
    epochs->runs[epochs->count++] = (struct epoch_run){.epoch = epoch, .first_seq = first_seq};
    epochs_check(epochs);
}

void epochs_cut(struct epochs *epochs, uint64_t last_seq)
{
    while (epochs->count > 0 && epochs->runs[epochs->count - 1].first_seq > last_seq)
        epochs->count--;
}

uint64_t epochs_at(const struct epochs *epochs, uint64_t seq, uint64_t *last_seq)
{
    *last_seq = UINT64_MAX;
    for (uint32_t i = epochs->count; i-- > 0;) {
        if (epochs->runs[i].first_seq <= seq)
            return epochs->runs[i].epoch;
        *last_seq = epochs->runs[i].first_seq - 1;
    }
    return 0;
}

static uint64_t seq_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// Goes back from the end of the shorter log, run by run. Where the epochs differ, the log with the
// greater one parts from the other at the latest where that run begins: the other log would have to
// come back to it later, and epochs only grow.
uint64_t epochs_agree(const struct epochs *a, uint64_t a_last_seq, const struct epochs *b,
                      uint64_t b_last_seq)
{
    uint64_t seq = seq_min(a_last_seq, b_last_seq);
    while (seq > 0) {
        uint64_t run_last_seq;
        uint64_t a_epoch = epochs_at(a, seq, &run_last_seq);
        uint64_t b_epoch = epochs_at(b, seq, &run_last_seq);
        if (a_epoch == 0 || b_epoch == 0)
            return 0;
        if (a_epoch == b_epoch)
            return seq;
        const struct epochs *later = a_epoch > b_epoch ? a : b;
        uint32_t run = later->count;
        while (later->runs[run - 1].first_seq > seq)
            run--;
        seq = later->runs[run - 1].first_seq - 1;
    }
    return 0;
}
