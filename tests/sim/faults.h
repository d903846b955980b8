// SPDX-License-Identifier: Apache-2.0
// What goes wrong, and when: machines crash, sleep, leave and come; paths are cut, slow and lossy;
// clocks jump. Within what the design promises to survive: at each moment a majority of the voters
// lives, and a copy in sync of each partition.
#pragma once

#include "cluster/base/random.h"
#include "tests/sim/machine.h"

struct faults {
    struct world *world; // borrowed
    struct random random;
    uint32_t gap_us;      // between faults, on average
    uint32_t nap_per_10k; // of turns
    uint32_t weights[16]; // by kind
    bool is_over;
};

void faults_start(struct faults *faults, struct world *world);
// No more faults. True: nobody sleeps any more.
bool faults_stop(struct faults *faults);
// Everything heals: paths, and machines that are down come back.
void faults_heal(struct faults *faults);

// How long the machine sleeps in the middle of a turn; 0: it does not.
uint64_t faults_nap_us(struct faults *faults, const struct machine *machine);

// The member of this machine has found itself out of the grid, or was refused.
void faults_see_out(struct faults *faults, struct machine *machine, bool is_refused);
