// SPDX-License-Identifier: Apache-2.0
// What an operator asks a node about the grid, as plain data.
#pragma once

#include "cluster/base/bytes.h"

enum cluster_request_kind {
    CLUSTER_STATUS = 1, // what the node knows
    CLUSTER_LEAVE,      // a member shall leave
    CLUSTER_RECOVER,    // go on without the majority, which is lost for good
};

struct cluster_request {
    enum cluster_request_kind kind;
    struct bytes argument; // LEAVE: name of the member; RECOVER: of the grid, so that nobody does
                           // it by accident; STATUS: empty. Borrowed
};
