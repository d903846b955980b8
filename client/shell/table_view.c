// SPDX-License-Identifier: Apache-2.0
#include "client/shell/table_view.h"

#include "client/shell/cell_text.h"
#include "client/shell/json_text.h"

enum {
    GAP = 2,       // blanks between columns
    NARROWEST = 8, // a column gives way down to this, if it is wider
    WIDEST = 200,  // of a column where the terminal sets no limit
};

// Appends the cell as it is shown: text without quotes, nil and missing fields as blanks.
static void cell_show(struct buffer *out, struct bytes json)
{
    struct buffer plain = {0};
    json_text_plain(&plain, json);
    cell_text_clean(out, buffer_bytes(&plain));
    buffer_deinit(&plain);
}

static size_t cell_width(struct buffer *scratch, struct bytes json)
{
    buffer_clear(scratch);
    cell_show(scratch, json);
    return cell_text_width(buffer_bytes(scratch));
}

static size_t name_width(struct buffer *scratch, struct bytes name)
{
    buffer_clear(scratch);
    cell_text_clean(scratch, name);
    return cell_text_width(buffer_bytes(scratch));
}

// The width that each column wants for this page, and whether it holds numbers only.
static void widths_measure(struct table_view *view, const struct table_page *page)
{
    struct bytes cells[TABLE_COLUMNS_MAX];
    bool other[TABLE_COLUMNS_MAX] = {false};
    bool number[TABLE_COLUMNS_MAX] = {false};
    struct buffer scratch = {0};
    size_t columns = table_page_columns(page);
    for (size_t i = 0; i < columns; i++) {
        size_t width = name_width(&scratch, table_page_name(page, i));
        view->widths[i] = width > view->widths[i] ? width : view->widths[i];
    }
    for (size_t row = 0; row < table_page_rows(page); row++) {
        table_page_cells(page, row, cells);
        for (size_t i = 0; i < columns; i++) {
            size_t width = cell_width(&scratch, cells[i]);
            view->widths[i] = width > view->widths[i] ? width : view->widths[i];
            enum json_kind kind = json_text_kind(cells[i]);
            number[i] |= kind == JSON_KIND_NUMBER;
            other[i] |= kind != JSON_KIND_NUMBER && kind != JSON_KIND_NULL;
        }
    }
    for (size_t i = 0; i < columns && !view->header_shown; i++)
        view->right[i] = number[i] && !other[i];
    buffer_deinit(&scratch);
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

// How many columns fit when each is as narrow as it may be; at least one.
static size_t columns_fitting(const struct table_view *view, size_t columns)
{
    size_t used = 0;
    for (size_t i = 0; i < columns; i++) {
        used += least_of(view->widths[i], NARROWEST) + (i > 0 ? GAP : 0);
        if (used > view->width_limit)
            return i > 0 ? i : 1;
    }
    return columns;
}

// What the columns take together when none is wider than `cap`.
static size_t width_capped(const struct table_view *view, size_t cap)
{
    size_t sum = GAP * (view->shown - 1);
    for (size_t i = 0; i < view->shown; i++)
        sum += least_of(view->widths[i], cap);
    return sum;
}

// The widest columns give way, all down to the same width, until the table fits.
static void widths_fit(struct table_view *view)
{
    size_t fits = 1;
    size_t too_wide = view->width_limit + 1;
    while (too_wide - fits > 1) {
        size_t middle = fits + (too_wide - fits) / 2;
        if (width_capped(view, middle) <= view->width_limit)
            fits = middle;
        else
            too_wide = middle;
    }
    for (size_t i = 0; i < view->shown; i++)
        view->widths[i] = least_of(view->widths[i], fits);
}

static void layout(struct table_view *view, const struct table_page *page)
{
    size_t columns = table_page_columns(page);
    if (view->width_limit != 0 && view->header_shown)
        return;
    widths_measure(view, page);
    view->shown = columns;
    if (view->width_limit != 0) {
        view->shown = columns_fitting(view, columns);
        widths_fit(view);
        return;
    }
    for (size_t i = 0; i < columns; i++)
        view->widths[i] = least_of(view->widths[i], WIDEST);
}

static void append_blanks(struct buffer *line, size_t count)
{
    if (count == 0)
        return;
    memset(buffer_reserve(line, count), ' ', count);
    buffer_advance(line, count);
}

// Appends one cell, padded; the last of a line is not.
static void append_cell(struct table_view *view, struct buffer *line, size_t column,
                        struct bytes clean)
{
    size_t width = view->widths[column];
    struct buffer cut = {0};
    // A terminal's line is limited; elsewhere nothing is lost, a long cell only breaks the line-up.
    size_t limit = view->width_limit != 0 ? width : SIZE_MAX;
    size_t used = cell_text_cut(&cut, clean, limit);
    size_t blanks = used < width ? width - used : 0;
    if (column > 0)
        append_blanks(line, GAP);
    if (view->right[column])
        append_blanks(line, blanks);
    buffer_append(line, cut.data, buffer_size(&cut));
    if (!view->right[column] && column + 1 < view->shown)
        append_blanks(line, blanks);
    buffer_deinit(&cut);
}

static void line_print(struct buffer *line, FILE *file)
{
    size_t size = buffer_size(line);
    while (size > 0 && line->data[size - 1] == ' ')
        size--;
    fwrite(line->data, 1, size, file);
    fputc('\n', file);
    buffer_clear(line);
}

static void header_print(struct table_view *view, const struct table_page *page, FILE *file)
{
    struct buffer line = {0};
    struct buffer clean = {0};
    for (size_t i = 0; i < view->shown; i++) {
        buffer_clear(&clean);
        cell_text_clean(&clean, table_page_name(page, i));
        append_cell(view, &line, i, buffer_bytes(&clean));
    }
    fputs(view->colour ? "\033[1m" : "", file);
    fwrite(line.data, 1, buffer_size(&line), file);
    fputs(view->colour ? "\033[0m\n" : "\n", file);
    buffer_clear(&line);
    for (size_t i = 0; i < view->shown; i++) {
        append_blanks(&line, i > 0 ? GAP : 0);
        for (size_t dash = 0; dash < view->widths[i]; dash++)
            buffer_append(&line, "-", 1);
    }
    line_print(&line, file);
    buffer_deinit(&line);
    buffer_deinit(&clean);
    view->header_shown = true;
}

void table_view_print(struct table_view *view, const struct table_page *page, FILE *file)
{
    if (table_page_columns(page) == 0)
        return;
    layout(view, page);
    if (!view->header_shown)
        header_print(view, page, file);
    struct bytes cells[TABLE_COLUMNS_MAX];
    struct buffer line = {0};
    struct buffer clean = {0};
    for (size_t row = 0; row < table_page_rows(page); row++) {
        table_page_cells(page, row, cells);
        for (size_t i = 0; i < view->shown; i++) {
            buffer_clear(&clean);
            cell_show(&clean, cells[i]);
            append_cell(view, &line, i, buffer_bytes(&clean));
        }
        line_print(&line, file);
    }
    buffer_deinit(&line);
    buffer_deinit(&clean);
}

void table_view_end(const struct table_view *view, const struct table_page *page, FILE *file)
{
    size_t columns = table_page_columns(page);
    if (!view->header_shown || view->shown == columns)
        return;
    struct buffer names = {0};
    for (size_t i = view->shown; i < columns; i++) {
        buffer_append(&names, ", ", i > view->shown ? 2 : 0);
        cell_text_clean(&names, table_page_name(page, i));
    }
    fprintf(file, "(no room for %zu more columns: %.*s)\n", columns - view->shown,
            (int)buffer_size(&names), (const char *)names.data);
    buffer_deinit(&names);
}
