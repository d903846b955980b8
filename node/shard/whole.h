// SPDX-License-Identifier: Apache-2.0
// Operations about all partitions of a worker: SIZE, CLEAR, SCAN, MAPS, STATS.
#pragma once

#include "node/shard/answer.h"

void whole_execute(struct shard *shard, const struct request *request);
