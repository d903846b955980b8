// SPDX-License-Identifier: Apache-2.0
// The benchmark of continuous queries: standing queries, updates of which some match, and how long
// the matches take to arrive.
#pragma once

#include "bench/settings.h"

// Subscribes, loads, updates in an open loop, and reports. Needs the native protocol.
MUST_USE bool cq_run(const struct settings *settings, char reason[static REASON_BYTES]);
