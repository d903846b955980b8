// SPDX-License-Identifier: Apache-2.0
#include "client/shell/result.h"

#include "client/shell/csv_text.h"
#include "client/shell/json_text.h"
#include "client/shell/key_text.h"
#include "client/shell/table_view.h"
#include "cluster/base/memory.h"

struct shell_result {
    const struct shell_output *output; // borrowed
    uint64_t row_count;
    size_t cell_count;       // of the row
    struct buffer line;      // owned: the row, for the formats that stream
    struct buffer scratch;   // owned: a cell while it is built
    struct table_page *page; // owned; NULL for the formats that stream
    struct table_view view;
    bool header_shown; // CSV
};

static const char *const format_names[] = {
    [SHELL_FORMAT_TABLE] = "table",
    [SHELL_FORMAT_JSON] = "json",
    [SHELL_FORMAT_CSV] = "csv",
    [SHELL_FORMAT_RAW] = "raw",
};

bool shell_format_find(const char *name, enum shell_format *format)
{
    for (unsigned i = 0; i < sizeof format_names / sizeof format_names[0]; i++)
        if (strcmp(name, format_names[i]) == 0) {
            *format = (enum shell_format)i;
            return true;
        }
    return false;
}

const char *shell_format_name(enum shell_format format)
{
    return format_names[format];
}

struct shell_result *shell_result_new(const struct shell_output *output)
{
    struct shell_result *result = memory_new(sizeof *result);
    result->output = output;
    if (output->format == SHELL_FORMAT_TABLE || output->format == SHELL_FORMAT_CSV)
        result->page = table_page_new();
    result->view.width_limit = output->width;
    result->view.colour = output->colour;
    return result;
}

static void line_flush(struct shell_result *result)
{
    buffer_append(&result->line, "\n", 1);
    fwrite(result->line.data, 1, buffer_size(&result->line), result->output->file);
    buffer_clear(&result->line);
}

static void csv_cell(struct shell_result *result, size_t column, struct bytes text, bool is_text)
{
    buffer_append(&result->line, ",", column > 0);
    csv_field_write(&result->line, text, is_text);
}

static void csv_print(struct shell_result *result)
{
    struct bytes cells[TABLE_COLUMNS_MAX];
    size_t columns = table_page_columns(result->page);
    if (!result->header_shown && columns > 0) {
        for (size_t i = 0; i < columns; i++)
            csv_cell(result, i, table_page_name(result->page, i), false);
        line_flush(result);
        result->header_shown = true;
    }
    for (size_t row = 0; row < table_page_rows(result->page); row++) {
        table_page_cells(result->page, row, cells);
        for (size_t i = 0; i < columns; i++) {
            buffer_clear(&result->scratch);
            json_text_plain(&result->scratch, cells[i]);
            csv_cell(result, i, buffer_bytes(&result->scratch),
                     json_text_kind(cells[i]) == JSON_KIND_STRING);
        }
        line_flush(result);
    }
}

static void page_print(struct shell_result *result)
{
    if (table_page_rows(result->page) == 0)
        return;
    if (result->output->format == SHELL_FORMAT_CSV)
        csv_print(result);
    else
        table_view_print(&result->view, result->page, result->output->file);
    table_page_clear(result->page);
}

void shell_result_flush(struct shell_result *result)
{
    if (result->page != NULL)
        page_print(result);
}

uint64_t shell_result_end(struct shell_result *result)
{
    shell_result_flush(result);
    if (result->page == NULL)
        return result->row_count;
    if (result->output->format == SHELL_FORMAT_TABLE)
        table_view_end(&result->view, result->page, result->output->file);
    uint64_t hidden = table_page_hidden(result->page);
    if (hidden > 0)
        fprintf(stderr,
                "note: %llu fields that the first rows do not have were left out; JSON shows "
                "them\n",
                (unsigned long long)hidden);
    return result->row_count;
}

void shell_result_free(struct shell_result *result)
{
    if (result == NULL)
        return;
    if (result->page != NULL)
        table_page_free(result->page);
    buffer_deinit(&result->line);
    buffer_deinit(&result->scratch);
    free(result);
}

uint64_t shell_result_rows(const struct shell_result *result)
{
    return result->row_count;
}

void shell_result_row(struct shell_result *result)
{
    result->cell_count = 0;
    if (result->page != NULL)
        table_page_row(result->page);
    else if (result->output->format == SHELL_FORMAT_JSON)
        buffer_append(&result->line, "{", 1);
}

void shell_result_row_end(struct shell_result *result)
{
    result->row_count++;
    if (result->page != NULL) {
        if (table_page_is_full(result->page))
            page_print(result);
        return;
    }
    if (result->output->format == SHELL_FORMAT_JSON)
        buffer_append(&result->line, "}", 1);
    line_flush(result);
}

// A raw cell must stay one cell: tabs and line ends within text become blanks.
static void raw_cell(struct shell_result *result, struct bytes json)
{
    size_t start = buffer_size(&result->line);
    json_text_plain(&result->line, json);
    for (size_t i = start; i < buffer_size(&result->line); i++) {
        uint8_t *byte = &result->line.data[result->line.start + i];
        if (*byte == '\t' || *byte == '\n' || *byte == '\r')
            *byte = ' ';
    }
}

void shell_result_json(struct shell_result *result, struct bytes name, struct bytes json)
{
    struct buffer *line = &result->line;
    bool first = result->cell_count++ == 0;
    if (result->page != NULL) {
        table_page_cell(result->page, name, json);
    } else if (result->output->format == SHELL_FORMAT_JSON) {
        buffer_append(line, ",", !first);
        json_text_quote(line, name);
        buffer_append(line, ":", 1);
        buffer_append(line, json.data, json.size);
    } else {
        buffer_append(line, "\t", !first);
        raw_cell(result, json);
    }
}

void shell_result_text(struct shell_result *result, const char *name, const char *text)
{
    buffer_clear(&result->scratch);
    json_text_quote(&result->scratch, bytes_of_text(text));
    shell_result_json(result, bytes_of_text(name), buffer_bytes(&result->scratch));
}

void shell_result_uint(struct shell_result *result, const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    shell_result_json(result, bytes_of_text(name), bytes_of_text(text));
}

void shell_result_bool(struct shell_result *result, const char *name, bool flag)
{
    shell_result_json(result, bytes_of_text(name), bytes_of_text(flag ? "true" : "false"));
}

void shell_result_decimal(struct shell_result *result, const char *name, double number, int digits)
{
    char text[64];
    snprintf(text, sizeof text, "%.*f", digits, number);
    shell_result_json(result, bytes_of_text(name), bytes_of_text(text));
}

void shell_result_object(struct shell_result *result, const char *name, struct grid_bytes object)
{
    char *json = object.data != NULL ? grid_value_to_json(object) : NULL;
    shell_result_json(result, bytes_of_text(name), bytes_of_text(json != NULL ? json : "null"));
    free(json);
}

void shell_result_key(struct shell_result *result, const char *name, struct grid_bytes key)
{
    buffer_clear(&result->scratch);
    key_text_write(&result->scratch, key);
    shell_result_json(result, bytes_of_text(name), buffer_bytes(&result->scratch));
}

bool shell_result_document(struct shell_result *result, struct grid_bytes document)
{
    char *json = grid_value_to_json(document);
    struct json_members members;
    bool is_map = json != NULL && json_members_start(&members, bytes_of_text(json));
    struct bytes name;
    struct bytes value;
    struct buffer plain = {0};
    while (is_map && json_members_next(&members, &name, &value)) {
        buffer_clear(&plain);
        json_text_unquote(&plain, name);
        shell_result_json(result, buffer_bytes(&plain), value);
    }
    buffer_deinit(&plain);
    free(json);
    return is_map;
}
