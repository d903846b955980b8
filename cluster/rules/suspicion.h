// SPDX-License-Identifier: Apache-2.0
// Failure detection by the leader of the consensus: who has been silent for how long. Heartbeats
// come from control threads and carry how long the slowest worker has made no progress, so that a
// busy worker does not look dead and a dead worker does.
#pragma once

#include "cluster/base/error.h"
#include "cluster/model/limits.h"

struct suspicion_options {
    uint32_t lease_ms;        // what a heartbeat's answer grants, on the member's clock
    uint32_t suspect_ms;      // silence after which a member is suspected; > lease_ms with drift
    uint32_t remove_ms;       // silence after which it is removed; >= suspect_ms
    uint32_t drift_per_mille; // how much slower a member's clock may run than ours
};

enum suspicion_verdict {
    SUSPICION_ALIVE = 0,
    SUSPICION_SUSPECT, // its leases are over: its partitions may be given to others
    SUSPICION_DEAD,    // to be removed
};

struct suspicion; // of one leadership

// A new leader does not know what its predecessor granted: a member counts as heard when it is
// first asked about. `now_ms` here and below never goes back.
struct suspicion *suspicion_new(const struct suspicion_options *options, uint64_t now_ms);
void suspicion_free(struct suspicion *suspicion);

// A heartbeat of the member was received, and will be answered with a lease. `stalled_ms`: how long
// its slowest worker had made no progress. False: it must not be answered with a lease, because a
// worker is dead or because the member is suspected and its partitions are being given away.
bool suspicion_heard(struct suspicion *suspicion, uint64_t member_id, uint32_t stalled_ms,
                     uint64_t now_ms);

// A suspected member spoke again and its leases may be granted anew: the leader has nothing under
// way against it.
void suspicion_forgive(struct suspicion *suspicion, uint64_t member_id, uint64_t now_ms);

// Sticky: a member once SUSPECT stays so until suspicion_forgive.
enum suspicion_verdict suspicion_verdict(struct suspicion *suspicion, uint64_t member_id,
                                         uint64_t now_ms);

// It spoke at or after it became SUSPECT, within suspect_ms from now.
bool suspicion_is_back(const struct suspicion *suspicion, uint64_t member_id, uint64_t now_ms);

void suspicion_forget(struct suspicion *suspicion, uint64_t member_id); // it was removed

// When the next verdict may change; UINT64_MAX: never.
uint64_t suspicion_deadline_ms(const struct suspicion *suspicion);
