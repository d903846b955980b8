// SPDX-License-Identifier: Apache-2.0
// What operators ask of a member (FRAME_CLUSTER), answered as a MessagePack map.
#pragma once

#include "cluster/base/buffer.h"
#include "node/meta/member.h"

struct cluster_asked {
    struct member *member;
    const char *grid_name; // borrowed
    const char *node_name;
    uint64_t now_ms;
    uint32_t request_id;
};

// Does what the request says and appends one frame, a REPLY or an ERROR, to `out`.
void cluster_answer(const struct cluster_asked *asked, struct bytes body, struct buffer *out);
