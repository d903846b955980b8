// SPDX-License-Identifier: Apache-2.0
#include "client/shell/csv_text.h"

// A field is in one of these states; every character moves it on.
enum csv_state {
    CSV_AT_START,  // of a field
    CSV_PLAIN,     // in a field without quotes
    CSV_QUOTED,    // between quotes
    CSV_QUOTE_SEEN // a quote within quotes: its end, or half of a doubled one
};

static int character_read(struct csv_reader *reader)
{
    int character = getc_unlocked(reader->file);
    if (character == '\n')
        reader->line++;
    return character;
}

static int character_peek(struct csv_reader *reader)
{
    int character = getc_unlocked(reader->file);
    if (character != EOF)
        ungetc(character, reader->file);
    return character;
}

static void line_skip(struct csv_reader *reader, int character)
{
    while (character != '\n' && character != EOF)
        character = character_read(reader);
}

static struct csv_field *field_start(struct csv_record *record)
{
    struct csv_field *field = &record->fields[record->field_count++];
    *field = (struct csv_field){.offset = buffer_size(&record->text)};
    return field;
}

static enum csv_verdict record_fail(struct csv_reader *reader, struct csv_record *record,
                                    int character, const char *fault)
{
    record->fault = fault;
    line_skip(reader, character);
    return CSV_FAULT;
}

// The state after `character`, which ends neither the field nor the record; a character that
// belongs to the field is appended. False: it must not stand here.
static bool state_step(enum csv_state *state, struct csv_record *record, struct csv_field *field,
                       int character)
{
    bool quote = character == '"';
    if (*state == CSV_AT_START && quote) {
        field->quoted = true;
        *state = CSV_QUOTED;
        return true;
    }
    if (*state == CSV_QUOTED && quote) {
        *state = CSV_QUOTE_SEEN;
        return true;
    }
    if (*state == CSV_QUOTE_SEEN && !quote)
        return false;
    if (*state == CSV_PLAIN && quote)
        return false;
    *state = *state == CSV_AT_START || *state == CSV_PLAIN ? CSV_PLAIN : CSV_QUOTED;
    buffer_append(&record->text, &(uint8_t){(uint8_t)character}, 1);
    return true;
}

static bool ends_record(struct csv_reader *reader, enum csv_state state, int character)
{
    if (state == CSV_QUOTED)
        return false;
    return character == '\n' || character == EOF ||
           (character == '\r' && character_peek(reader) == '\n');
}

static enum csv_verdict record_read(struct csv_reader *reader, struct csv_record *record,
                                    int character)
{
    enum csv_state state = CSV_AT_START;
    struct csv_field *field = field_start(record);
    for (;; character = character_read(reader)) {
        if (character == EOF && state == CSV_QUOTED)
            return record_fail(reader, record, character, "a quote is not closed");
        bool record_ends = ends_record(reader, state, character);
        if (record_ends || (character == ',' && state != CSV_QUOTED)) {
            field->size = buffer_size(&record->text) - field->offset;
            if (record_ends) {
                line_skip(reader, character);
                return CSV_RECORD;
            }
            if (record->field_count == CSV_FIELDS_MAX)
                return record_fail(reader, record, character, "more than 1,024 fields");
            field = field_start(record);
            state = CSV_AT_START;
        } else if (buffer_size(&record->text) >= CSV_RECORD_BYTES_MAX) {
            return record_fail(reader, record, character, "longer than 32 MiB");
        } else if (!state_step(&state, record, field, character)) {
            return record_fail(reader, record, character,
                               state == CSV_PLAIN ? "a quote within a field without quotes"
                                                  : "text behind the closing quote");
        }
    }
}

enum csv_verdict csv_reader_next(struct csv_reader *reader, struct csv_record *record)
{
    int character;
    do {
        record->line = reader->line;
        character = character_read(reader);
    } while (character == '\n' || character == '\r');
    buffer_clear(&record->text);
    record->field_count = 0;
    record->fault = NULL;
    if (character == EOF)
        return CSV_END;
    return record_read(reader, record, character);
}

void csv_record_deinit(struct csv_record *record)
{
    buffer_deinit(&record->text);
}

void csv_field_write(struct buffer *out, struct bytes text, bool empty_quoted)
{
    bool quotes = text.size == 0 && empty_quoted;
    for (size_t i = 0; i < text.size && !quotes; i++)
        quotes = strchr("\",\r\n", text.data[i]) != NULL && text.data[i] != '\0';
    if (!quotes) {
        buffer_append(out, text.data, text.size);
        return;
    }
    buffer_append(out, "\"", 1);
    for (size_t i = 0; i < text.size; i++)
        buffer_append(out, text.data[i] == '"' ? "\"\"" : (const char *)&text.data[i],
                      text.data[i] == '"' ? 2 : 1);
    buffer_append(out, "\"", 1);
}
