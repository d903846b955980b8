// SPDX-License-Identifier: Apache-2.0
// Operations that came in together are executed together: index lines are prefetched for all, then
// records for all, then each is executed and answered (docs/architecture.md has the figures).
#pragma once

#include "node/shard/answer.h"

enum { BATCH_OPERATIONS_MAX = 32 };

// To be called when a request has been decoded: finds its replica, so that it is on its way to the
// cache while the others are decoded.
void execute_prepare(const struct shard *shard, struct request *request);

// Executes requests in order until one has filled its outlet. Returns how many were executed, at
// least 1 (of count >= 1); the others are untouched.
uint32_t execute_batch(struct shard *shard, struct request *requests, uint32_t count);
