// SPDX-License-Identifier: Apache-2.0
// `cq --sweep`: many standing queries at many match rates, point by point. For each point the
// throughput of updates in a closed loop, on the map of the queries and, in turn, on a map that has
// none; then in an open loop the time from commit to event.
#pragma once

#include "bench/settings.h"

// Prints a line as each point is done. A point that takes too long is cut, and says so.
MUST_USE bool sweep_run(const struct settings *settings, char reason[static REASON_BYTES]);
