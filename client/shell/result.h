// SPDX-License-Identifier: Apache-2.0
// Rows on their way to the user, in the format that was chosen. Rows stream: a table and CSV hold
// back one page, to know their columns; JSON and raw hold back nothing.
#pragma once

#include "client/grid.h"
#include "cluster/base/buffer.h"

#include <stdio.h>

enum shell_format {
    SHELL_FORMAT_TABLE,
    SHELL_FORMAT_JSON, // an object per line
    SHELL_FORMAT_CSV,
    SHELL_FORMAT_RAW, // cells with tabs between them
};

// False when there is no format of this name.
bool shell_format_find(const char *name, enum shell_format *format);
const char *shell_format_name(enum shell_format format);

struct shell_output {
    FILE *file; // borrowed
    enum shell_format format;
    size_t width; // columns of the terminal; 0: not a terminal
    bool colour;
};

struct shell_result;

// `output` must outlive the result.
struct shell_result *shell_result_new(const struct shell_output *output);

// Prints what was held back; the columns are fixed from then on.
void shell_result_flush(struct shell_result *result);

// The same, and the notes that belong to the end. Returns the number of rows.
uint64_t shell_result_end(struct shell_result *result);

// Releases it; rows that were held back are dropped unless it was ended. NULL is allowed.
void shell_result_free(struct shell_result *result);

uint64_t shell_result_rows(const struct shell_result *result);

void shell_result_row(struct shell_result *result); // starts a row
void shell_result_row_end(struct shell_result *result);

// Cells of the row. All is copied.
void shell_result_json(struct shell_result *result, struct bytes name, struct bytes json);
void shell_result_text(struct shell_result *result, const char *name, const char *text);
void shell_result_uint(struct shell_result *result, const char *name, uint64_t number);
void shell_result_bool(struct shell_result *result, const char *name, bool flag);
void shell_result_decimal(struct shell_result *result, const char *name, double number, int digits);

// A MessagePack object as one cell; data NULL: null.
void shell_result_object(struct shell_result *result, const char *name, struct grid_bytes object);

// A key as one cell: bin as text x'...', which is how it is written in a command.
void shell_result_key(struct shell_result *result, const char *name, struct grid_bytes key);

// The fields of a document as cells; false, and nothing added, when it is no map.
bool shell_result_document(struct shell_result *result, struct grid_bytes document);
