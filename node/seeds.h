// SPDX-License-Identifier: Apache-2.0
// The list of seeds as an operator writes it: `10.0.0.1:7400, db.example, [::1]:7402`.
#pragma once

#include "cluster/base/bytes.h"
#include "cluster/base/check.h"

enum {
    SEEDS_MAX = 64,
    SEEDS_WHY_BYTES = 256,    // what seeds_parse says about an error
    SEED_PORT_DEFAULT = 7400, // where a seed names none
};

struct seed {
    char host[256]; // name or address
    uint16_t port;
};

// Letters, digits, '.', '-' and '_'; 1 to NODE_NAME_BYTES_MAX of them: names of nodes, grids,
// zones.
bool node_name_is_valid(struct bytes name);

// Splits `text` at commas and blanks. On success the array moves to the caller, who frees it. On
// an error nothing is held and `why` (SEEDS_WHY_BYTES) names the seed and what is wrong.
MUST_USE bool seeds_parse(struct bytes text, struct seed **seeds, uint32_t *count, char *why);
