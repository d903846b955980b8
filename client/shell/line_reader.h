// SPDX-License-Identifier: Apache-2.0
// Lines of a file, bounded: a line that is too long is passed over and reported, not stored.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/check.h"

#include <stdio.h>

enum { LINE_BYTES_MAX = 64 * 1024 * 1024 }; // a value of 16 MiB, escaped by JSON

struct line_reader {
    FILE *file;      // borrowed
    uint64_t number; // of the last line read, from 1
    struct buffer text;
};

enum line_verdict {
    LINE_ONE,
    LINE_END,
    LINE_TOO_LONG,
};

static inline struct line_reader line_reader_of(FILE *file)
{
    return (struct line_reader){.file = file};
}

// Reads the next line; `line` is without its end (LF or CRLF) and borrowed until the next call.
enum line_verdict line_reader_next(struct line_reader *reader, struct bytes *line);

void line_reader_deinit(struct line_reader *reader);
