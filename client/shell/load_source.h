// SPDX-License-Identifier: Apache-2.0
// Documents out of a file: the lines of JSON lines, or the records of CSV under a header line.
#pragma once

#include "client/grid.h"
#include "cluster/base/check.h"

#include <stdio.h>

enum load_format {
    LOAD_JSON_LINES,
    LOAD_CSV,
};

// By the end of the file's name (.jsonl, .ndjson, .json; .csv). False for any other.
bool load_format_of(const char *path, enum load_format *format);

struct load_source;

// `file` must outlive the source.
struct load_source *load_source_new(FILE *file, enum load_format format);
void load_source_free(struct load_source *source); // NULL is allowed

enum load_verdict {
    LOAD_DOCUMENT,
    LOAD_END,
    LOAD_BAD_LINE, // the next call goes on behind it
    LOAD_BAD_FILE, // nothing can be read from it
};

// Appends the next document to the builder. The texts say what is wrong otherwise.
enum load_verdict load_source_next(struct load_source *source, struct grid_builder *document);

uint64_t load_source_line(const struct load_source *source); // of what was read last, from 1
const char *load_source_fault(const struct load_source *source);

// The key in a document: the value at a path of names with dots between them. NULL when it is a
// key, else what is wrong.
const char *load_key_find(struct grid_bytes document, const char *path, struct grid_bytes *key);
