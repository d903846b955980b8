// SPDX-License-Identifier: Apache-2.0
// A page of rows whose columns are found while they come: the union of the fields of the rows.
// Cells are JSON text. The set of columns is frozen after the first page, so that what was shown
// stays true; fields that come up later are counted.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/check.h"

enum {
    TABLE_COLUMNS_MAX = 256,
    TABLE_PAGE_ROWS = 1000,
    TABLE_PAGE_BYTES = 4 * 1024 * 1024, // a page ends after the row that reaches this
};

struct table_page;

struct table_page *table_page_new(void);
void table_page_free(struct table_page *page);

void table_page_row(struct table_page *page); // starts a row

// Adds a cell to the row: `name` is plain text, `json` its value. Both are copied.
void table_page_cell(struct table_page *page, struct bytes name, struct bytes json);

MUST_USE bool table_page_is_full(const struct table_page *page);

// Forgets the rows, and freezes the columns.
void table_page_clear(struct table_page *page);

size_t table_page_rows(const struct table_page *page);
size_t table_page_columns(const struct table_page *page);
uint64_t table_page_hidden(const struct table_page *page); // cells without a column, in all pages
struct bytes table_page_name(const struct table_page *page, size_t column); // borrowed

// Fills cells[column] of a row for all columns; data NULL where the row has no such field. Borrowed
// until the next change of the page.
void table_page_cells(const struct table_page *page, size_t row, struct bytes *cells);
