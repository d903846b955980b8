// SPDX-License-Identifier: Apache-2.0
// What happened in a run, as lines of text: hashed always, so that two runs of one seed can be
// compared, and printed when somebody wants to read them.
#pragma once

#include "cluster/base/check.h"

#include <stdint.h>
#include <stdio.h>

struct trace {
    FILE *out; // borrowed; NULL: hashed only
    uint64_t hash;
    uint64_t line_count;
};

// One line, without its end.
void trace_write(struct trace *trace, uint64_t now_us, const char *format, ...) PRINTF_LIKE(3, 4);

// Events that are too many to be made text of each time: the line is made only when it is printed.
// `what` has static storage.
void trace_note(struct trace *trace, uint64_t now_us, const char *what, uint64_t from, uint64_t to,
                uint64_t detail);

// What was seen goes into the hash alone.
void trace_mix(struct trace *trace, const void *data, size_t size);
