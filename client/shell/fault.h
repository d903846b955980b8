// SPDX-License-Identifier: Apache-2.0
// What is wrong with a line that the user wrote, and where.
#pragma once

#include "client/grid.h"
#include "cluster/base/bytes.h"
#include "cluster/base/check.h"

#include <stdio.h>

enum { SHELL_FAULT_TEXT_BYTES = 512 };

struct shell_fault {
    size_t offset; // of the place, in bytes from the start of the line
    char text[SHELL_FAULT_TEXT_BYTES];
};

// Notes the fault; returns false, so that a parser can return it.
bool shell_fault_set(struct shell_fault *fault, size_t offset, const char *format, ...)
    PRINTF_LIKE(3, 4);

// Reads "line N" and "column N" out of an error text of the grid. False when it names no column.
bool shell_fault_place(const char *text, unsigned *line, unsigned *column);

// The text behind its place ("line 1 column 5: "), or all of it when it does not start with one.
const char *shell_fault_reason(const char *text);

// Shows line number `line` (from 1) of the text, with a caret under its byte `column` (from 1).
// Shows nothing when there is no such place.
void shell_fault_point(FILE *file, struct bytes text, unsigned line, unsigned column);

// What to do about an error of the grid, in a sentence; NULL: the error says it all. Static
// storage.
const char *shell_fault_advice(enum grid_error error);
