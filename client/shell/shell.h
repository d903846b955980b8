// SPDX-License-Identifier: Apache-2.0
// What a session of the shell knows, and how a line becomes a command that runs.
#pragma once

#include "client/shell/command.h"
#include "client/shell/interrupt.h"
#include "client/shell/result.h"

struct shell {
    struct grid *grid; // borrowed
    struct shell_output output;
    FILE *errors; // borrowed
    bool errors_colour;
    bool interactive;
    bool can_ask; // somebody sits at a terminal, also with -e
    bool timing;
    bool quit;        // the user asked to leave
    bool interrupted; // Ctrl-C ended the last command
    struct shell_interrupt interrupt;
};

// Runs one line: a command, a comment (#, --) or nothing. False when it failed; why has been shown.
bool shell_run_line(struct shell *shell, struct bytes line);

// Shows "error: ...". Returns false, so that a command can return it.
bool shell_fail(struct shell *shell, const char *format, ...) PRINTF_LIKE(2, 3);

// Shows the error of the grid, and returns false.
bool shell_fail_grid(struct shell *shell, enum grid_error error, const char *text);

// Likewise, with a caret under the place of the statement that the text names.
bool shell_fail_query(struct shell *shell, struct bytes statement, enum grid_error error,
                      const char *text);

// The commands. Each shows its result or its error; false: it failed.
bool shell_run_entry(struct shell *shell, const struct shell_command *command);
bool shell_run_scan(struct shell *shell, const struct shell_command *command);
bool shell_run_size(struct shell *shell, const struct shell_command *command);
bool shell_run_clear(struct shell *shell, const struct shell_command *command);
bool shell_run_maps(struct shell *shell);
bool shell_run_watch(struct shell *shell, const struct shell_command *command);
bool shell_run_subscriptions(struct shell *shell, const struct shell_command *command);
bool shell_run_explain(struct shell *shell, const struct shell_command *command);
bool shell_run_load(struct shell *shell, const struct shell_command *command);
bool shell_run_cluster(struct shell *shell, const struct shell_command *command);
bool shell_run_members(struct shell *shell);
bool shell_run_migrations(struct shell *shell);
bool shell_run_leave(struct shell *shell, const struct shell_cluster *cluster);
bool shell_run_recover(struct shell *shell, const struct shell_cluster *cluster);
bool shell_run_rebalance(struct shell *shell, const struct shell_cluster *cluster);
bool shell_run_partitions(struct shell *shell, const struct shell_command *command);
bool shell_run_locate(struct shell *shell, const struct shell_command *command);
bool shell_run_stats(struct shell *shell, const struct shell_command *command);
bool shell_run_ping(struct shell *shell);
