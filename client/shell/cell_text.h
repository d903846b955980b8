// SPDX-License-Identifier: Apache-2.0
// Text as a terminal shows it: UTF-8 in columns. Whatever the text holds, what is appended to `out`
// is well-formed UTF-8 without control characters, so that data cannot steer the terminal.
// Widths are those of wcwidth() in the process's locale, 1 for characters that it does not know.
#pragma once

#include "cluster/base/buffer.h"

struct cell_step {
    uint32_t character; // U+FFFD for a byte that belongs to no character
    uint32_t bytes;     // 1 to 4
    uint32_t width;     // 0 to 2 columns; of a control character: 0
    bool control;
};

// The character at the start of `text`, which is not empty.
struct cell_step cell_text_step(struct bytes text);

// Columns that the text takes, control characters counted as one.
size_t cell_text_width(struct bytes text);

// Appends the text with control characters spelled out (\n, \t, \u001b).
void cell_text_clean(struct buffer *out, struct bytes text);

// Appends as much of the (clean) text as fits into `width` columns, an ellipsis at its end when
// something was cut. Returns the columns used.
size_t cell_text_cut(struct buffer *out, struct bytes text, size_t width);

// Appends as much of the text as fits into `width` columns, control characters as blanks. Returns
// the columns used.
size_t cell_text_blank(struct buffer *out, struct bytes text, size_t width);
