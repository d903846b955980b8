// SPDX-License-Identifier: Apache-2.0
// See cluster/model/epochs.h. The idea is that of Kafka's leader epochs (KIP-101).
#pragma once

#include "cluster/base/check.h"
#include "cluster/model/epochs.h"

// Effects from first_seq on are made under `epoch`, which is greater than all before, or the same
// as the last. A run without effects is replaced.
void epochs_begin(struct epochs *epochs, uint64_t epoch, uint64_t first_seq);

// The log was cut: effects beyond `last_seq` are gone.
void epochs_cut(struct epochs *epochs, uint64_t last_seq);

// The epoch under which effect `seq` was made; 0: not known any more. *last_seq: of that run
// (UINT64_MAX: the last run).
uint64_t epochs_at(const struct epochs *epochs, uint64_t seq, uint64_t *last_seq);

// The last seq up to which both logs (ending at a_last_seq, b_last_seq) are known to be equal; 0:
// none.
uint64_t epochs_agree(const struct epochs *a, uint64_t a_last_seq, const struct epochs *b,
                      uint64_t b_last_seq);

void epochs_check(const struct epochs *epochs);
