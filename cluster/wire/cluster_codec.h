// SPDX-License-Identifier: Apache-2.0
// What an operator asks a node about the grid.
#pragma once

#include "cluster/model/cluster.h"
#include "cluster/wire/frame.h"

// FRAME_CLUSTER: ["status"], ["leave", name] or ["recover", grid name]. The answer is a REPLY whose
// body is one map, or an ERROR.
void cluster_request_encode(struct buffer *out, uint32_t request_id,
                            const struct cluster_request *request);

// ERROR_UNKNOWN_OPERATION: a word that we do not know. Bytes are borrowed from `body`.
MUST_USE enum error cluster_request_decode(struct bytes body, struct cluster_request *request);
