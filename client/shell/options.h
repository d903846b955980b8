// SPDX-License-Identifier: Apache-2.0
// The command line of grid-shell.
#pragma once

#include "client/shell/result.h"

enum {
    SHELL_COMMANDS_MAX = 256, // -e options
    SHELL_SEEDS_BYTES_MAX = 4096,
};

struct shell_options {
    const char *commands[SHELL_COMMANDS_MAX]; // of -e; borrowed from argv
    size_t command_count;
    char seeds[SHELL_SEEDS_BYTES_MAX]; // "host:port,..."; empty: the default
    const char *grid_name;             // borrowed from argv; NULL: any
    bool format_given;
    enum shell_format format;
    bool no_colour;
    bool keep_going;
    uint32_t timeout_ms;
};

enum shell_options_verdict {
    SHELL_OPTIONS_RUN,
    SHELL_OPTIONS_HELP,
    SHELL_OPTIONS_VERSION,
    SHELL_OPTIONS_WRONG, // what is wrong has been shown
};

enum shell_options_verdict shell_options_parse(struct shell_options *options, int argc,
                                               char *const *argv, FILE *errors);
void shell_options_help(FILE *file);
