// SPDX-License-Identifier: Apache-2.0
// Pages of rows as an aligned table: a header once, columns as wide as their cells, numbers to the
// right. Where the width is limited, the widest columns give way and long cells end in an ellipsis;
// columns that do not fit at all are left out, and named at the end.
#pragma once

#include "client/shell/table_page.h"

#include <stdio.h>

struct table_view {
    size_t width_limit; // columns of the terminal; 0: none
    bool colour;
    bool header_shown;
    size_t shown;                     // columns that fit
    size_t widths[TABLE_COLUMNS_MAX]; // of the columns that are shown
    bool right[TABLE_COLUMNS_MAX];    // aligned to the right: numbers
};

// Prints the rows of the page, after the header if it is the first.
void table_view_print(struct table_view *view, const struct table_page *page, FILE *file);

// Names the columns that were left out, if any.
void table_view_end(const struct table_view *view, const struct table_page *page, FILE *file);
