// SPDX-License-Identifier: Apache-2.0
// One point of a sweep: so many queries at this match rate over so many clients.
#pragma once

#include "bench/settings.h"

#include <jansson.h>

enum { POINT_ROUNDS_MAX = 100, POINT_NOTE_BYTES = 160, POINT_PERCENTILES = 3 };

// Updates in a closed loop; [0] on a map without queries, [1] on that of the queries.
struct point_pair {
    double updates_per_s[2];
    double server_us[2]; // CPU per update of all servers; 0 where none are named
};

struct point {
    uint64_t query_count;
    double match_rate;
    uint64_t subscribers;

    double subscribe_seconds;
    double server_bytes; // grown while subscribing, per query
    double client_bytes;
    double text_bytes; // of a query
    struct point_pair pairs[POINT_ROUNDS_MAX];
    uint32_t pair_count;
    // Medians of the pairs, and the range of the ratio with / without.
    struct point_pair median;
    double ratio, ratio_min, ratio_max;
    double server_ratio; // of server_us

    double open_rate;          // updates per second of the open loop; 0: there was none
    double matches;            // per update in the open loop
    uint64_t events_expected;  // in all loops
    uint64_t events_delivered; //
    uint64_t resets;           // partitions of which subscribers could not be told every change
    uint64_t event_count;      // that were measured
    double from_commit_us[POINT_PERCENTILES]; // p50, p99, p99.9
    double from_intended_us[POINT_PERCENTILES];
    char note[POINT_NOTE_BYTES]; // what was cut, and why; "": nothing
};

// Measures a point; its three coordinates are those of `settings`. False when nothing can be
// measured at all.
MUST_USE bool point_measure(struct point *point, const struct settings *settings,
                            char reason[static REASON_BYTES]);

void point_print_head(FILE *out);
void point_print(FILE *out, const struct point *point);
json_t *point_json(const struct point *point); // the caller's reference
