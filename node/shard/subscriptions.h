// SPDX-License-Identifier: Apache-2.0
// SUBSCRIBE and UNSUBSCRIBE on one shard: a watch of all its primaries, in the list of the
// connection that asked.
#pragma once

#include "node/shard/shard.h"

// Compiles a query; NULL: it was answered with an error.
struct query *subscriptions_compile(struct shard *shard, struct bytes text, struct outlet *outlet,
                                    uint32_t request_id);

// Registers a SUBSCRIBE on all primaries of this shard and answers with their marks, or with an
// error.
void subscriptions_add(struct shard *shard, struct outlet *outlet, uint32_t request_id,
                       struct bytes body, struct list *owner);
void subscriptions_remove(struct shard *shard, struct outlet *outlet, uint32_t request_id,
                          struct bytes body, struct list *owner);
