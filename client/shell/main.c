// SPDX-License-Identifier: Apache-2.0
// grid-shell: commands and queries for a grid, typed or from a script.
#include "client/shell/options.h"
#include "client/shell/shell_session.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Names and values are UTF-8 whatever the locale says.
static void locale_choose(void)
{
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

static bool wants_colour(const struct shell_options *options, int fd)
{
    const char *no_colour = getenv("NO_COLOR");
    return !options->no_colour && (no_colour == NULL || no_colour[0] == '\0') && isatty(fd);
}

static struct shell shell_of(const struct shell_options *options)
{
    bool terminal = isatty(STDOUT_FILENO);
    struct shell shell = {
        .output = {.file = stdout,
                   .format = terminal ? SHELL_FORMAT_TABLE : SHELL_FORMAT_JSON,
                   .width = shell_session_width(),
                   .colour = wants_colour(options, STDOUT_FILENO)},
        .errors = stderr,
        .errors_colour = wants_colour(options, STDERR_FILENO),
        .interactive = options->command_count == 0 && terminal && isatty(STDIN_FILENO),
        .can_ask = terminal && isatty(STDIN_FILENO),
        .interrupt = shell_interrupt_none(),
    };
    if (options->format_given)
        shell.output.format = options->format;
    return shell;
}

// Places of members that have left stay empty.
static size_t members_count(const struct grid *grid)
{
    size_t place_count = grid_member_count(grid);
    size_t count = 0;
    struct grid_member member;
    for (size_t i = 0; i < place_count; i++)
        count += grid_member_get(grid, i, &member);
    return count;
}

static enum shell_exit session_run(struct shell *shell, const struct shell_options *options)
{
    if (options->command_count > 0)
        return shell_session_commands(shell, options->commands, options->command_count,
                                      options->keep_going);
    if (!shell->interactive)
        return shell_session_script(shell, stdin, options->keep_going);
    size_t member_count = members_count(shell->grid);
    printf("grid-shell %s, %zu member%s. 'help' lists the commands, Ctrl-D leaves.\n",
           grid_version(), member_count, member_count == 1 ? "" : "s");
    return shell_session_terminal(shell);
}

// Connects, runs, and sees that all that was shown has been written.
static enum shell_exit grid_use(const struct shell_options *options)
{
    const struct grid_options grid_options = {
        .seeds = options->seeds[0] != '\0' ? options->seeds : NULL,
        .grid_name = options->grid_name,
        .client_name = "grid-shell",
        .timeout_ms = options->timeout_ms,
        .connect_timeout_ms = options->timeout_ms,
    };
    struct shell shell = shell_of(options);
    shell.grid = grid_new(&grid_options, NULL);
    if (shell.grid == NULL) {
        fprintf(stderr, "grid-shell: '%s' names no nodes; expected host:port\n", options->seeds);
        return SHELL_EXIT_USAGE;
    }
    enum shell_exit outcome = SHELL_EXIT_UNREACHABLE;
    enum grid_error error = grid_connect(shell.grid, options->timeout_ms);
    if (error == GRID_OK)
        outcome = session_run(&shell, options);
    else
        fprintf(stderr, "grid-shell: cannot connect to %s: %s (%s)\n",
                options->seeds[0] != '\0' ? options->seeds : "127.0.0.1:7400",
                grid_error_text(shell.grid), grid_error_name(error));
    grid_free(shell.grid);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("grid-shell: standard output");
        return SHELL_EXIT_FAILED;
    }
    return outcome;
}

int main(int argc, char **argv)
{
    struct shell_options options;
    locale_choose();
    switch (shell_options_parse(&options, argc, argv, stderr)) {
    case SHELL_OPTIONS_RUN:
        return (int)grid_use(&options);
    case SHELL_OPTIONS_HELP:
        shell_options_help(stdout);
        return SHELL_EXIT_OK;
    case SHELL_OPTIONS_VERSION:
        printf("grid-shell %s\n", grid_version());
        return SHELL_EXIT_OK;
    case SHELL_OPTIONS_WRONG:
        break;
    }
    return SHELL_EXIT_USAGE;
}
