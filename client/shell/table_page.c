// SPDX-License-Identifier: Apache-2.0
#include "client/shell/table_page.h"

#include "cluster/base/memory.h"

struct cell {
    uint32_t column;
    size_t offset; // in text
    size_t size;
};

struct table_page {
    struct bytes names[TABLE_COLUMNS_MAX]; // owned
    size_t column_count;
    size_t expected; // column of the next cell, if rows are alike
    bool frozen;
    uint64_t hidden_count;
    struct buffer text;                     // the cells' bytes
    struct buffer cells;                    // of struct cell
    size_t row_starts[TABLE_PAGE_ROWS + 1]; // index of the first cell; one more: the end
    size_t row_count;
};

struct table_page *table_page_new(void)
{
    return memory_new(sizeof(struct table_page));
}

void table_page_free(struct table_page *page)
{
    for (size_t i = 0; i < page->column_count; i++)
        free((void *)(uintptr_t)page->names[i].data);
    buffer_deinit(&page->text);
    buffer_deinit(&page->cells);
    free(page);
}

static size_t cell_count(const struct table_page *page)
{
    return buffer_size(&page->cells) / sizeof(struct cell);
}

void table_page_row(struct table_page *page)
{
    CHECK(page->row_count < TABLE_PAGE_ROWS);
    page->row_count++;
    page->row_starts[page->row_count] = cell_count(page);
    page->row_starts[page->row_count - 1] = cell_count(page);
    page->expected = 0;
}

// TABLE_COLUMNS_MAX when there is no such column and there cannot be a new one.
static size_t column_find(struct table_page *page, struct bytes name)
{
    for (size_t i = 0; i < page->column_count; i++) {
        size_t column = (page->expected + i) % page->column_count;
        if (bytes_equal(page->names[column], name))
            return column;
    }
    if (page->frozen || page->column_count == TABLE_COLUMNS_MAX)
        return TABLE_COLUMNS_MAX;
    char *copy = memory_copy_text((const char *)name.data, name.size);
    page->names[page->column_count] = bytes_of(copy, name.size);
    return page->column_count++;
}

void table_page_cell(struct table_page *page, struct bytes name, struct bytes json)
{
    size_t column = column_find(page, name);
    if (column == TABLE_COLUMNS_MAX) {
        page->hidden_count++;
        return;
    }
    page->expected = column + 1;
    struct cell cell = {
        .column = (uint32_t)column, .offset = buffer_size(&page->text), .size = json.size};
    buffer_append(&page->text, json.data, json.size);
    buffer_append(&page->cells, &cell, sizeof cell);
    page->row_starts[page->row_count] = cell_count(page);
}

bool table_page_is_full(const struct table_page *page)
{
    return page->row_count == TABLE_PAGE_ROWS || buffer_size(&page->text) >= TABLE_PAGE_BYTES;
}

void table_page_clear(struct table_page *page)
{
    buffer_clear(&page->text);
    buffer_clear(&page->cells);
    buffer_trim(&page->text, TABLE_PAGE_BYTES);
    page->row_count = 0;
    page->frozen = true;
}

size_t table_page_rows(const struct table_page *page)
{
    return page->row_count;
}

size_t table_page_columns(const struct table_page *page)
{
    return page->column_count;
}

uint64_t table_page_hidden(const struct table_page *page)
{
    return page->hidden_count;
}

struct bytes table_page_name(const struct table_page *page, size_t column)
{
    CHECK(column < page->column_count);
    return page->names[column];
}

void table_page_cells(const struct table_page *page, size_t row, struct bytes *cells)
{
    CHECK(row < page->row_count);
    for (size_t i = 0; i < page->column_count; i++)
        cells[i] = bytes_of(NULL, 0);
    for (size_t i = page->row_starts[row]; i < page->row_starts[row + 1]; i++) {
        struct cell cell;
        memcpy(&cell, page->cells.data + i * sizeof cell, sizeof cell);
        cells[cell.column] = bytes_of(page->text.data + cell.offset, cell.size);
    }
}
