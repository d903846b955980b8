// SPDX-License-Identifier: Apache-2.0
// Command-line options described by a table: `--name value` or `--name=value`.
#pragma once

#include "bench/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum argument_kind {
    ARGUMENT_NUMBER,  // uint64_t; may end in k or M
    ARGUMENT_REAL,    // double; likewise
    ARGUMENT_NUMBERS, // struct argument_list of whole numbers: "0,1k,10k"
    ARGUMENT_REALS,   // struct argument_list
    ARGUMENT_TEXT,    // const char *, borrowed from argv
    ARGUMENT_CHOICE,  // an enum
    ARGUMENT_ON,      // bool, no argument
    ARGUMENT_OFF,
    ARGUMENT_OTHER, // `apply` reads it
};

enum { ARGUMENT_LIST_MAX = 16 };

struct argument_list {
    uint32_t count;
    double values[ARGUMENT_LIST_MAX];
};

struct argument_choice {
    const char *name; // NULL ends a list
    int value;
};

struct argument_row {
    const char *name;  // NULL ends a table
    unsigned commands; // bits: those that know the option
    enum argument_kind kind;
    size_t offset;  // of the field in the settings
    double minimum; // of a number, or of each
    double maximum;
    const struct argument_choice *choices;
    bool (*apply)(void *settings, const char *text); // false: cannot be read
    const char *argument;                            // as the help shows it
    const char *help;
};

// Applies the options in argv[0] ... argv[argc - 1] to `settings`. False with `reason` at the first
// that is wrong.
MUST_USE bool arguments_apply(const struct argument_row *rows, unsigned command, int argc,
                              char **argv, void *settings, char reason[static REASON_BYTES]);

// A line for each option that exactly these commands know.
void arguments_print(const struct argument_row *rows, unsigned commands, FILE *out);

// Decimal digits, with an optional k (1,000) or M (1,000,000).
MUST_USE bool argument_number_parse(const char *text, uint64_t *number);

// Numbers and ranges: "1,4-6". Returns how many; 0 when it cannot be read or holds more than
// `capacity`.
uint32_t argument_list_parse(const char *text, uint64_t *numbers, uint32_t capacity);
