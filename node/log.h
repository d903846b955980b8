// SPDX-License-Identifier: Apache-2.0
// The log of a node: one line per event, `2026-11-22T13:40:54.123Z INFO  net         text`.
// Every function may be called from any thread: a line is one write(2), so lines never mix.
// A log never stops a node: what cannot be written is counted, and said once writing works again.
#pragma once

#include "cluster/base/check.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    LOG_LINE_BYTES_MAX = 1024, // with its newline; what is longer is cut and ends in "..."
};

enum log_level { LOG_DEBUG = 0, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };

struct logger;

// "debug" and so on. Static storage.
const char *log_level_name(enum log_level level);

// Appends to the file at `path` (copied), which is created; "" stands for standard error. NULL:
// it cannot be opened, and errno says why.
MUST_USE struct logger *log_new(const char *path, enum log_level level);

// Call it when no other thread uses the logger.
void log_free(struct logger *logger);

// For log rotation: goes on in a file newly opened at the same path. False: that failed, errno
// says why, and the old file stays in use. Standard error needs no reopening.
bool log_reopen(struct logger *logger);

// Lines below the logger's level cost one comparison.
void log_write(struct logger *logger, enum log_level level, const char *component,
               const char *format, ...) PRINTF_LIKE(4, 5);

// Lines that could not be written and have not been reported in the log yet.
uint64_t log_lost_count(const struct logger *logger);
