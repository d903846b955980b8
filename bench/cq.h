// SPDX-License-Identifier: Apache-2.0
// The commands `cq`, without --sweep, and `nexmark`: subscribes to standing queries, makes updates
// in an open or closed loop, and measures how long the matching ones take to arrive.
#pragma once

#include "bench/settings.h"

MUST_USE bool cq_run(const struct settings *settings, char reason[static REASON_BYTES]);
