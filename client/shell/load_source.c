// SPDX-License-Identifier: Apache-2.0
#include "client/shell/load_source.h"

#include "client/shell/csv_text.h"
#include "client/shell/duration.h"
#include "client/shell/fault.h"
#include "client/shell/line_reader.h"
#include "cluster/base/memory.h"

#include <strings.h>

enum {
    FAULT_TEXT_BYTES = 512,
    FIELD_NAME_BYTES_MAX = 255,
};

struct load_source {
    enum load_format format;
    uint64_t line;
    char fault[FAULT_TEXT_BYTES];
    struct line_reader lines;  // JSON lines
    struct csv_reader records; // CSV
    bool header_read;
    struct csv_record header; // owned
    struct csv_record record; // owned
};

bool load_format_of(const char *path, enum load_format *format)
{
    const char *dot = strrchr(path, '.');
    if (dot == NULL)
        return false;
    *format = strcasecmp(dot, ".csv") == 0 ? LOAD_CSV : LOAD_JSON_LINES;
    return *format == LOAD_CSV || strcasecmp(dot, ".jsonl") == 0 ||
           strcasecmp(dot, ".ndjson") == 0 || strcasecmp(dot, ".json") == 0;
}

struct load_source *load_source_new(FILE *file, enum load_format format)
{
    struct load_source *source = memory_new(sizeof *source);
    source->format = format;
    source->lines = line_reader_of(file);
    source->records = csv_reader_of(file);
    return source;
}

void load_source_free(struct load_source *source)
{
    if (source == NULL)
        return;
    line_reader_deinit(&source->lines);
    csv_record_deinit(&source->header);
    csv_record_deinit(&source->record);
    free(source);
}

uint64_t load_source_line(const struct load_source *source)
{
    return source->line;
}

const char *load_source_fault(const struct load_source *source)
{
    return source->fault;
}

static bool is_blank(struct bytes line)
{
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] != ' ' && line.data[i] != '\t')
            return false;
    return true;
}

// The library counts lines within the text, which is one line here.
static void json_fault(struct load_source *source, const char *text)
{
    unsigned line;
    unsigned column;
    if (shell_fault_place(text, &line, &column))
        snprintf(source->fault, sizeof source->fault, "not JSON at column %u: %s", column,
                 shell_fault_reason(text));
    else
        snprintf(source->fault, sizeof source->fault, "not JSON: %s", text);
}

static enum load_verdict json_next(struct load_source *source, struct grid_builder *document)
{
    for (;;) {
        struct bytes line;
        enum line_verdict verdict = line_reader_next(&source->lines, &line);
        source->line = source->lines.number;
        if (verdict == LINE_END)
            return LOAD_END;
        if (verdict == LINE_TOO_LONG) {
            snprintf(source->fault, sizeof source->fault, "longer than 64 MiB");
            return LOAD_BAD_LINE;
        }
        if (is_blank(line))
            continue;
        char text[256];
        if (grid_build_json(document, (const char *)line.data, line.size, text, sizeof text) ==
            GRID_OK)
            return LOAD_DOCUMENT;
        json_fault(source, text);
        return LOAD_BAD_LINE;
    }
}

// Whether the text is a number that loses nothing as one: no leading zeros, no 70-bit integers.
static bool number_build(struct grid_builder *document, struct bytes text)
{
    if (text.size == 0 || !(text.data[0] == '-' || (text.data[0] >= '0' && text.data[0] <= '9')))
        return false;
    int64_t integer;
    bool fraction = memchr(text.data, '.', text.size) != NULL ||
                    memchr(text.data, 'e', text.size) != NULL ||
                    memchr(text.data, 'E', text.size) != NULL;
    if (!fraction && !shell_int_parse(text, &integer))
        return false;
    return grid_build_json(document, (const char *)text.data, text.size, NULL, 0) == GRID_OK;
}

static void field_build(struct grid_builder *document, const struct csv_record *record,
                        size_t number)
{
    struct bytes text = csv_record_field(record, number);
    if (record->fields[number].quoted) {
        grid_build_str_n(document, (const char *)text.data, text.size);
        return;
    }
    if (text.size == 0)
        grid_build_nil(document);
    else if (!number_build(document, text))
        grid_build_str_n(document, (const char *)text.data, text.size);
}

// Takes the names of the columns from the first record, behind a byte order mark.
static enum load_verdict header_read(struct load_source *source)
{
    enum csv_verdict verdict = csv_reader_next(&source->records, &source->header);
    source->line = source->header.line;
    source->header_read = true;
    if (verdict == CSV_END) {
        snprintf(source->fault, sizeof source->fault, "there is no header line");
        return LOAD_BAD_FILE;
    }
    if (verdict == CSV_FAULT) {
        snprintf(source->fault, sizeof source->fault, "header: %s", source->header.fault);
        return LOAD_BAD_FILE;
    }
    struct csv_field *first = &source->header.fields[0];
    if (first->size >= 3 &&
        memcmp(source->header.text.data + first->offset, "\xef\xbb\xbf", 3) == 0) {
        first->offset += 3;
        first->size -= 3;
    }
    return LOAD_DOCUMENT;
}

static enum load_verdict csv_next(struct load_source *source, struct grid_builder *document)
{
    if (!source->header_read && header_read(source) != LOAD_DOCUMENT)
        return LOAD_BAD_FILE;
    enum csv_verdict verdict = csv_reader_next(&source->records, &source->record);
    source->line = source->record.line;
    if (verdict == CSV_END)
        return LOAD_END;
    if (verdict == CSV_FAULT) {
        snprintf(source->fault, sizeof source->fault, "%s", source->record.fault);
        return LOAD_BAD_LINE;
    }
    size_t count = source->header.field_count;
    if (source->record.field_count != count) {
        snprintf(source->fault, sizeof source->fault, "%zu fields where the header has %zu",
                 source->record.field_count, count);
        return LOAD_BAD_LINE;
    }
    grid_build_map(document, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        struct bytes name = csv_record_field(&source->header, i);
        grid_build_str_n(document, (const char *)name.data, name.size);
        field_build(document, &source->record, i);
    }
    return LOAD_DOCUMENT;
}

enum load_verdict load_source_next(struct load_source *source, struct grid_builder *document)
{
    return source->format == LOAD_CSV ? csv_next(source, document) : json_next(source, document);
}

const char *load_key_find(struct grid_bytes document, const char *path, struct grid_bytes *key)
{
    struct grid_bytes found = grid_value_field(document, path);
    while (found.data == NULL && *path != '\0') {
        char name[FIELD_NAME_BYTES_MAX + 1];
        size_t size = strcspn(path, ".");
        if (size > FIELD_NAME_BYTES_MAX)
            return "the name of the key's field is too long";
        memcpy(name, path, size);
        name[size] = '\0';
        document = grid_value_field(document, name);
        if (document.data == NULL)
            return "it has no field of the key's name";
        path += size + (path[size] == '.');
        if (*path == '\0')
            found = document;
    }
    int64_t number;
    struct grid_bytes text;
    if (!grid_value_int(found, &number) && !grid_value_str(found, &text))
        return "its key is neither an integer nor text";
    *key = found;
    return NULL;
}
