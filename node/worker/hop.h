// SPDX-License-Identifier: Apache-2.0
// An operation that arrived at the wrong worker of the right node: it hops to the owner by letter
// and its answer hops back, so that simple clients need no routing. The letter is freed by the
// worker that made it.
#pragma once

#include "node/shard/answer.h"
#include "node/worker/worker.h"

// The request is copied. Its outlet is held until the answer is back.
void hop_send(struct worker *worker, const struct request *request);
