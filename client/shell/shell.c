// SPDX-License-Identifier: Apache-2.0
#include "client/shell/shell.h"

#include "client/shell/cell_text.h"
#include "client/shell/clock.h"

#include <stdarg.h>

// Shows the text behind "error: ". It may come from the network: it cannot steer the terminal.
static void error_show(struct shell *shell, const char *text)
{
    struct buffer clean = {0};
    cell_text_clean(&clean, bytes_of_text(text));
    fflush(shell->output.file);
    fprintf(shell->errors, "%serror:%s %.*s\n", shell->errors_colour ? "\033[31m" : "",
            shell->errors_colour ? "\033[0m" : "", (int)buffer_size(&clean),
            clean.data != NULL ? (const char *)clean.data : "");
    buffer_deinit(&clean);
}

bool shell_fail(struct shell *shell, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error_show(shell, text);
    return false;
}

bool shell_fail_grid(struct shell *shell, enum grid_error error, const char *text)
{
    const char *advice = shell_fault_advice(error);
    if (text[0] == '\0')
        shell_fail(shell, "%s", grid_error_name(error));
    else
        shell_fail(shell, "%s (%s)", text, grid_error_name(error));
    if (advice != NULL)
        fprintf(shell->errors, "hint: %s\n", advice);
    return false;
}

bool shell_fail_query(struct shell *shell, struct bytes statement, enum grid_error error,
                      const char *text)
{
    unsigned line;
    unsigned column;
    shell_fail_grid(shell, error, text);
    if (error == GRID_QUERY && shell_fault_place(text, &line, &column))
        shell_fault_point(shell->errors, statement, line, column);
    return false;
}

static bool run_timing(struct shell *shell, const struct shell_command *command)
{
    if (command->word != NULL && strcmp(command->word, "on") != 0 &&
        strcmp(command->word, "off") != 0)
        return shell_fail(shell, "timing is 'on' or 'off'");
    if (command->word != NULL)
        shell->timing = strcmp(command->word, "on") == 0;
    else
        fprintf(shell->output.file, "timing is %s\n", shell->timing ? "on" : "off");
    return true;
}

static bool run_output(struct shell *shell, const struct shell_command *command)
{
    if (command->word == NULL)
        fprintf(shell->output.file, "output is %s\n", shell_format_name(shell->output.format));
    else if (!shell_format_find(command->word, &shell->output.format))
        return shell_fail(shell, "no such format; there are table, json, csv and raw");
    return true;
}

static bool run_help(struct shell *shell, const struct shell_command *command)
{
    const struct shell_verb *verb = NULL;
    if (command->word != NULL)
        verb = shell_verb_find(bytes_of_text(command->word));
    if (command->word != NULL && verb == NULL)
        return shell_fail(shell, "no such command; 'help' lists them");
    shell_verb_help(shell->output.file, verb);
    return true;
}

static bool command_run(struct shell *shell, const struct shell_command *command)
{
    switch (command->verb->id) {
    case VERB_PUT:
    case VERB_GET:
    case VERB_REMOVE:
    case VERB_REPLACE:
    case VERB_GETPUT:
    case VERB_CONTAINS:
    case VERB_TOUCH:
    case VERB_MERGE:
    case VERB_INCR:
        return shell_run_entry(shell, command);
    case VERB_SCAN:
    case VERB_SELECT:
        return shell_run_scan(shell, command);
    case VERB_SIZE:
        return shell_run_size(shell, command);
    case VERB_CLEAR:
        return shell_run_clear(shell, command);
    case VERB_MAPS:
        return shell_run_maps(shell);
    case VERB_WATCH:
        return shell_run_watch(shell, command);
    case VERB_EXPLAIN:
        return shell_run_explain(shell, command);
    case VERB_SUBSCRIPTIONS:
        return shell_run_subscriptions(shell, command);
    case VERB_LOAD:
        return shell_run_load(shell, command);
    case VERB_CLUSTER:
        return shell_run_cluster(shell, command);
    case VERB_MEMBERS:
        return shell_run_members(shell);
    case VERB_PARTITIONS:
        return shell_run_partitions(shell, command);
    case VERB_LOCATE:
        return shell_run_locate(shell, command);
    case VERB_STATS:
        return shell_run_stats(shell, command);
    case VERB_PING:
        return shell_run_ping(shell);
    case VERB_TIMING:
        return run_timing(shell, command);
    case VERB_OUTPUT:
        return run_output(shell, command);
    case VERB_HELP:
        return run_help(shell, command);
    case VERB_QUIT:
        shell->quit = true;
        return true;
    }
    CHECK(false);
}

static bool is_comment(struct bytes line)
{
    return line.size == 0 || line.data[0] == '#' ||
           (line.size >= 2 && memcmp(line.data, "--", 2) == 0);
}

bool shell_run_line(struct shell *shell, struct bytes line)
{
    struct shell_command command;
    struct shell_fault fault;
    shell->interrupted = false;
    line = shell_line_trim(line);
    if (is_comment(line))
        return true;
    int64_t start_us = shell_clock_us();
    bool ok = shell_command_parse(&command, line, &fault);
    if (ok) {
        ok = command_run(shell, &command);
        if (shell->timing)
            fprintf(shell->errors, "time: %.3f ms\n",
                    (double)(shell_clock_us() - start_us) / US_PER_MS);
    } else {
        shell_fail(shell, "%s", fault.text);
        shell_fault_point(shell->errors, line, 1, (unsigned)fault.offset + 1);
    }
    shell_command_deinit(&command);
    fflush(shell->output.file);
    return ok;
}
