// SPDX-License-Identifier: Apache-2.0
// The options of a node: one table that the configuration file, the command line and --help share.
#pragma once

#include "cluster/base/check.h"
#include "node/config.h"

#include <stdio.h>

enum option_type {
    OPTION_NAME,   // 1 to NODE_NAME_BYTES_MAX letters, digits, '.', '-' or '_'
    OPTION_TEXT,   // up to CONFIG_TEXT_BYTES_MAX bytes, may be empty
    OPTION_LABEL,  // as NAME, or empty
    OPTION_SEEDS,  // a list of seeds; checked with the whole configuration
    OPTION_SECRET, // up to SECRET_BYTES_MAX bytes, may be empty; never shown
    OPTION_ROLE,   // enum member_role
    OPTION_NUMBER, // uint32_t
    OPTION_PORT,   // uint16_t
    OPTION_BYTES,  // uint64_t; K, M, G and T multiply by powers of 1024
    OPTION_LEVEL,  // enum log_level
};

enum {
    OPTIONS_MAX = 64,       // capacity of arrays with a place for each option
    OPTION_WHY_BYTES = 512, // what option_parse says about an error
};

struct option {
    const char *name; // unique over all sections
    const char *section;
    enum option_type type;
    size_t offset; // of the field in struct config; unused by OPTION_SEEDS
    uint64_t min;  // of NUMBER, PORT and BYTES
    uint64_t max;
    const char *unit; // of what is counted; "" where the name says it
    const char *default_text;
    const char *help;
};

// In the order of the shipped file, sections together.
extern const struct option options[];
extern const size_t option_count;

// NULL: no option has this name.
const struct option *option_find(const char *name);

// The option whose name is nearest to a mistyped one; NULL: none is near.
const struct option *option_nearest(const char *name);

// Whether `section` is one that options live in.
bool option_section_is_known(const char *section);

// Sets the option's field. On an error the field keeps its value and `why` (OPTION_WHY_BYTES) says
// what is wrong. Not for OPTION_SEEDS.
MUST_USE bool option_parse(const struct option *option, const char *text, struct config *config,
                           char *why);

// "1 to 16384 partitions" and the like, into `text` (OPTION_WHY_BYTES).
void option_describe_range(const struct option *option, char *text);

// Every option with its help, range and default.
void options_print(FILE *out);
