// SPDX-License-Identifier: Apache-2.0
// Input: a byte that chooses what the rest is: a line of the shell, a CSV file, JSON text that is
// taken apart, or the text of a cell. What is written must be read back the same.
#include "client/shell/cell_text.h"
#include "client/shell/command.h"
#include "client/shell/csv_text.h"
#include "client/shell/json_text.h"
#include "cluster/base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void line_parse(struct bytes input)
{
    struct shell_command command;
    struct shell_fault fault = {0};
    struct bytes line = shell_line_trim(input);
    if (line.size == 0)
        return;
    if (!shell_command_parse(&command, line, &fault))
        CHECK(fault.offset <= line.size && fault.text[0] != '\0');
    shell_command_deinit(&command);
}

// Writes the record and reads it back.
static void record_repeat(const struct csv_record *record)
{
    struct buffer text = {0};
    struct csv_record *again = memory_new(sizeof *again);
    for (size_t i = 0; i < record->field_count; i++) {
        buffer_append(&text, ",", i > 0);
        csv_field_write(&text, csv_record_field(record, i), true);
    }
    FILE *file = fmemopen(text.data, buffer_size(&text), "r");
    CHECK(file != NULL);
    struct csv_reader reader = csv_reader_of(file);
    CHECK(csv_reader_next(&reader, again) == CSV_RECORD);
    CHECK(again->field_count == record->field_count);
    for (size_t i = 0; i < record->field_count; i++)
        CHECK(bytes_equal(csv_record_field(again, i), csv_record_field(record, i)));
    fclose(file);
    csv_record_deinit(again);
    free(again);
    buffer_deinit(&text);
}

static void csv_read(struct bytes input)
{
    FILE *file = fmemopen((void *)(uintptr_t)input.data, input.size, "r");
    struct csv_record *record = memory_new(sizeof *record);
    CHECK(file != NULL);
    struct csv_reader reader = csv_reader_of(file);
    for (;;) {
        enum csv_verdict verdict = csv_reader_next(&reader, record);
        if (verdict == CSV_END)
            break;
        if (verdict == CSV_RECORD)
            record_repeat(record);
        else
            CHECK(record->fault != NULL);
    }
    fclose(file);
    csv_record_deinit(record);
    free(record);
}

static void json_take_apart(struct bytes input)
{
    struct json_members members;
    struct bytes name;
    struct bytes value;
    struct buffer plain = {0};
    if (json_members_start(&members, input))
        while (json_members_next(&members, &name, &value)) {
            json_text_unquote(&plain, name);
            json_text_plain(&plain, value);
        }
    buffer_deinit(&plain);
}

// Cleaning makes text that is clean, fits where it is cut, and survives quoting.
static void cell_show(struct bytes input)
{
    struct buffer clean = {0};
    struct buffer other = {0};
    cell_text_clean(&clean, input);
    cell_text_clean(&other, buffer_bytes(&clean));
    CHECK(bytes_equal(buffer_bytes(&clean), buffer_bytes(&other)));
    size_t width = cell_text_width(buffer_bytes(&clean));
    for (size_t limit = 0; limit <= width && limit < 100; limit++) {
        buffer_clear(&other);
        CHECK(cell_text_cut(&other, buffer_bytes(&clean), limit) <= limit);
        CHECK(cell_text_width(buffer_bytes(&other)) <= limit);
    }
    struct buffer quoted = {0};
    json_text_quote(&quoted, buffer_bytes(&clean));
    buffer_clear(&other);
    json_text_unquote(&other, buffer_bytes(&quoted));
    CHECK(bytes_equal(buffer_bytes(&clean), buffer_bytes(&other)));
    buffer_deinit(&quoted);
    buffer_deinit(&clean);
    buffer_deinit(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct bytes input = bytes_of(data + 1, size - 1);
    switch (data[0]) {
    case 'l':
        line_parse(input);
        break;
    case 'c':
        csv_read(input);
        break;
    case 'j':
        json_take_apart(input);
        break;
    default:
        cell_show(input);
    }
    return 0;
}
