// SPDX-License-Identifier: Apache-2.0
// Standing queries that were set up, how long that took and how much memory.
#pragma once

#include "bench/audience.h"

#include <jansson.h>

struct standing {
    const struct settings *settings; // borrowed
    struct audience audience;
    double server_bytes; // by which the settings' servers grew; 0 where none are named, or for so
                         // few queries that something else would outweigh them
    double client_bytes; // by which this process grew; likewise
};

// Connects the clients and subscribes to all queries. standing_deinit must follow in any case.
// `limit_ns`: of the monotonic clock.
MUST_USE bool standing_init(struct standing *standing, const struct settings *settings,
                            const struct market *market, uint64_t limit_ns,
                            char reason[static REASON_BYTES]);
void standing_deinit(struct standing *standing);

double standing_subscribe_seconds(const struct standing *standing);

void standing_print(FILE *out, const struct standing *standing);
json_t *standing_json(const struct standing *standing); // the caller's reference
