// SPDX-License-Identifier: Apache-2.0
// What a client says about continuous queries on one shard: SUBSCRIBE, UNSUBSCRIBE, FOLLOW, EXPLAIN
// and SUBSCRIPTIONS.
#pragma once

#include "node/shard/shard.h"

// Compiles a query; NULL: it was answered with an error.
struct query *subscriptions_compile(struct shard *shard, struct bytes text, struct outlet *outlet,
                                    uint32_t request_id);

// A frame of these kinds?
bool subscriptions_take(uint8_t frame_kind);

// Executes it and answers. *reader is the connection's, made with its first SUBSCRIBE; NULL before.
// `client`: its name, for SUBSCRIPTIONS; borrowed until the reader is freed.
void subscriptions_frame(struct shard *shard, struct outlet *outlet, const struct frame *frame,
                         const char *client, struct reader **reader);
