// SPDX-License-Identifier: Apache-2.0
// Results as text and as JSON.
#pragma once

#include "bench/load.h"

#include <jansson.h>

// Prints latencies as one line of a table; report_latency_head is its head. Nothing for an empty
// histogram. `histogram` holds nanoseconds.
void report_latency_head(FILE *out);
void report_latency(FILE *out, const char *name, const struct histogram *histogram);

// {"count": ..., "mean": ..., "p50": ...} in microseconds; the caller's reference.
json_t *report_latency_json(const struct histogram *histogram);

// What the settings and the load phase were.
void report_load(FILE *out, const struct settings *settings, const struct load_result *result);

// What was measured.
void report_run(FILE *out, const struct settings *settings, const struct load_result *result);

// All of it; the caller's reference.
json_t *report_json(const struct settings *settings, const struct load_result *result);

// Writes `report` to the file that the settings name, if any.
MUST_USE bool report_write_json(const struct settings *settings, const json_t *report,
                                char reason[static REASON_BYTES]);
