// SPDX-License-Identifier: Apache-2.0
// Who answers for which key: the servers that a load speaks to.
#pragma once

#include "bench/settings.h"
#include "cluster/model/limits.h"

// One worker of one member; a RESP server is one group.
struct destination {
    char host[HOST_BYTES];
    uint16_t port;
    uint16_t worker;
};

struct destinations {
    uint32_t group_count;
    struct destination *groups; // owned
    uint32_t partition_count;
    uint16_t *group_of_partition; // owned; partition_count
};

// Asks the target, and for the native protocol the members that its view names. On an error
// nothing is held.
MUST_USE bool destinations_init(struct destinations *destinations, const struct settings *settings,
                                char reason[static REASON_BYTES]);
void destinations_deinit(struct destinations *destinations);
