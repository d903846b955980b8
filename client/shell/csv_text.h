// SPDX-License-Identifier: Apache-2.0
// CSV (RFC 4180), one record at a time, both ways.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/check.h"

#include <stdio.h>

enum {
    CSV_FIELDS_MAX = 1024,
    CSV_RECORD_BYTES_MAX = 32 * 1024 * 1024, // two values of the largest size
};

struct csv_field {
    size_t offset; // in the record's text
    size_t size;
    bool quoted;
};

struct csv_record {
    uint64_t line;      // of its first character, from 1
    struct buffer text; // owned: the fields, unquoted
    struct csv_field fields[CSV_FIELDS_MAX];
    size_t field_count;
    const char *fault; // what is wrong with it; static text
};

struct csv_reader {
    FILE *file;    // borrowed
    uint64_t line; // of the next character, from 1
};

enum csv_verdict {
    CSV_RECORD,
    CSV_END,
    CSV_FAULT, // the record is no CSV, and was skipped to the end of its line
};

static inline struct csv_reader csv_reader_of(FILE *file)
{
    return (struct csv_reader){.file = file, .line = 1};
}

// Reads the next record; lines may end in CRLF or LF, empty lines are passed over.
enum csv_verdict csv_reader_next(struct csv_reader *reader, struct csv_record *record);

static inline struct bytes csv_record_field(const struct csv_record *record, size_t number)
{
    const struct csv_field *field = &record->fields[number];
    return field->size > 0 ? bytes_of(record->text.data + field->offset, field->size)
                           : bytes_of("", 0);
}

void csv_record_deinit(struct csv_record *record);

// Appends a field, in quotes where it needs them. `empty_quoted` writes "" for empty text, so that
// it can be told from nil.
void csv_field_write(struct buffer *out, struct bytes text, bool empty_quoted);
