// SPDX-License-Identifier: Apache-2.0
// Who are the servers of the consensus: as many voters as are allowed, an odd number of them (an
// even one tolerates no more failures), spread over zones, witnesses where data members do not make
// the number full. Members change places one server at a time: a learner first, then a voter.
#pragma once

#include "cluster/model/raft_message.h"
#include "cluster/model/view.h"

struct member;

// How many of `able` members should vote.
uint32_t voters_wanted(uint32_t able, uint32_t voters_max);

// The member that should vote next, of those that neither vote nor are barred (both by member
// number); VIEW_NO_MEMBER: nobody.
uint16_t voters_best(const struct view *view, const bool *is_voter, const bool *is_barred);

// The voters of a new grid.
void voters_first(const struct view *view, uint32_t voters_max,
                  struct raft_configuration *configuration);

// The leader takes at most one step towards the wanted servers.
void voters_run(struct member *member);
