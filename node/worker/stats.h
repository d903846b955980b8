// SPDX-License-Identifier: Apache-2.0
// The figures of a worker as one MessagePack map: names and units as in docs/architecture.md.
#pragma once

#include "node/worker/worker.h"

void stats_write(const struct worker *worker, struct buffer *out);
