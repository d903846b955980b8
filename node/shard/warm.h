// SPDX-License-Identifier: Apache-2.0
// Frames of replication come as a stream of small steps on many partitions, each a handful of cold
// cache lines. This looks ahead and starts to load what the next frames will touch. It only warms
// the cache: leaving it out changes nothing.
#pragma once

#include "node/shard/shard.h"

// Looks at the complete frames at the start of `input`, as many as are worth it; returns their
// number. They are untrusted still: nothing is concluded from them.
uint32_t warm_frames(const struct shard *shard, struct bytes input);
