// SPDX-License-Identifier: Apache-2.0
// The three ways in which commands come: from -e, from a script, from a terminal.
#pragma once

#include "client/shell/shell.h"

enum shell_exit {
    SHELL_EXIT_OK = 0,
    SHELL_EXIT_FAILED = 1,      // a command failed
    SHELL_EXIT_USAGE = 2,       // the command line is wrong
    SHELL_EXIT_UNREACHABLE = 3, // no connection to the grid
    SHELL_EXIT_INTERRUPTED = 130,
};

enum shell_exit shell_session_commands(struct shell *shell, const char *const *commands,
                                       size_t count, bool keep_going);
enum shell_exit shell_session_script(struct shell *shell, FILE *file, bool keep_going);

// Always SHELL_EXIT_OK: what failed, the user has seen.
enum shell_exit shell_session_terminal(struct shell *shell);

// Columns of the terminal behind standard output; 0 when there is none.
size_t shell_session_width(void);
