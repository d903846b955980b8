// SPDX-License-Identifier: Apache-2.0
#include "client/shell/shell_session.h"

#include "client/shell/clock.h"
#include "client/shell/line_editor.h"
#include "client/shell/line_reader.h"
#include "cluster/base/memory.h"

#include <sys/ioctl.h>
#include <unistd.h>

enum {
    NAMES_CACHED_MAX = 1024,
    NAMES_CACHED_US = 5 * US_PER_S, // names are asked for again after this
    TERMINAL_WIDTH_DEFAULT = 80,
};

struct terminal {
    struct shell *shell; // borrowed
    char *names[NAMES_CACHED_MAX];
    size_t name_count;
    enum shell_names kind;
    int64_t names_us; // when they were asked for; 0: never
};

size_t shell_session_width(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return TERMINAL_WIDTH_DEFAULT;
    return size.ws_col;
}

// What the whole session comes to, after a command of it.
static bool session_goes_on(const struct shell *shell, bool ok, bool keep_going,
                            enum shell_exit *outcome)
{
    if (!ok)
        *outcome = SHELL_EXIT_FAILED;
    if (shell->interrupted)
        *outcome = SHELL_EXIT_INTERRUPTED;
    return !shell->interrupted && !shell->quit && (ok || keep_going);
}

enum shell_exit shell_session_commands(struct shell *shell, const char *const *commands,
                                       size_t count, bool keep_going)
{
    enum shell_exit outcome = SHELL_EXIT_OK;
    for (size_t i = 0; i < count; i++) {
        bool ok = shell_run_line(shell, bytes_of_text(commands[i]));
        if (!session_goes_on(shell, ok, keep_going, &outcome))
            break;
    }
    return outcome;
}

enum shell_exit shell_session_script(struct shell *shell, FILE *file, bool keep_going)
{
    enum shell_exit outcome = SHELL_EXIT_OK;
    struct line_reader reader = line_reader_of(file);
    struct bytes line;
    bool goes_on = true;
    while (goes_on) {
        enum line_verdict verdict = line_reader_next(&reader, &line);
        if (verdict == LINE_END)
            break;
        bool ok = verdict == LINE_ONE ? shell_run_line(shell, line)
                                      : shell_fail(shell, "the line is longer than 64 MiB");
        if (!ok)
            fprintf(shell->errors, "in line %llu of the script\n",
                    (unsigned long long)reader.number);
        goes_on = session_goes_on(shell, ok, keep_going, &outcome);
    }
    line_reader_deinit(&reader);
    return outcome;
}

static void names_forget(struct terminal *terminal)
{
    for (size_t i = 0; i < terminal->name_count; i++)
        free(terminal->names[i]);
    terminal->name_count = 0;
}

static void name_note(struct terminal *terminal, const char *name)
{
    if (terminal->name_count < NAMES_CACHED_MAX)
        terminal->names[terminal->name_count++] = memory_copy_text(name, strlen(name));
}

static void map_note(void *context, const char *name, uint64_t entry_count)
{
    (void)entry_count;
    name_note(context, name);
}

static void members_note(struct terminal *terminal)
{
    size_t count = grid_member_count(terminal->shell->grid);
    struct grid_member member;
    for (size_t i = 0; i < count; i++)
        if (grid_member_get(terminal->shell->grid, i, &member))
            name_note(terminal, member.name);
}

static void names_refresh(struct terminal *terminal, enum shell_names kind)
{
    int64_t now_us = shell_clock_us();
    if (terminal->kind == kind && terminal->names_us != 0 &&
        now_us - terminal->names_us < NAMES_CACHED_US)
        return;
    names_forget(terminal);
    if (kind == SHELL_NAMES_MEMBERS)
        members_note(terminal);
    // Without an answer there are no names to offer, and completing is no time to complain.
    else if (grid_maps(terminal->shell->grid, map_note, terminal) != GRID_OK)
        names_forget(terminal);
    terminal->kind = kind;
    terminal->names_us = now_us;
}

static void complete(void *context, struct bytes before, struct shell_completions *completions)
{
    struct terminal *terminal = context;
    enum shell_names kind = shell_completions_names(before);
    if (kind != SHELL_NAMES_NONE)
        names_refresh(terminal, kind);
    shell_completions_find(completions, before, terminal->names, terminal->name_count);
}

// Lets the client see connections close and open again while the user thinks.
static void idle(void *context)
{
    struct terminal *terminal = context;
    grid_run(terminal->shell->grid, 0);
}

static void resized(void *context)
{
    struct terminal *terminal = context;
    terminal->shell->output.width = shell_session_width();
}

static char *history_path(void)
{
    const char *home = getenv("HOME");
    char *path = NULL;
    if (home == NULL || home[0] == '\0' || asprintf(&path, "%s/.grid_history", home) < 0)
        return NULL;
    return path;
}

static void lines_run(struct shell *shell, struct line_editor *editor)
{
    while (!shell->quit) {
        struct bytes line;
        switch (line_editor_read(editor, &line)) {
        case LINE_EDITOR_LINE:
            grid_run(shell->grid, 0);
            shell_run_line(shell, line);
            // Ctrl-C during a command that could not be stopped was meant for that command.
            shell_interrupt_take(&shell->interrupt, NULL);
            break;
        case LINE_EDITOR_INTERRUPTED:
            break;
        case LINE_EDITOR_END:
            fputs("\n", shell->output.file);
            return;
        }
        shell->output.width = shell_session_width();
    }
}

enum shell_exit shell_session_terminal(struct shell *shell)
{
    struct terminal *terminal = memory_new(sizeof *terminal);
    terminal->shell = shell;
    const struct line_editor_host host = {
        .context = terminal, .complete = complete, .idle = idle, .resized = resized};
    char *path = history_path();
    shell_interrupt_begin(&shell->interrupt);
    struct line_editor *editor = line_editor_new(&host, &shell->interrupt, "grid> ", path);
    lines_run(shell, editor);
    line_editor_free(editor);
    shell_interrupt_end(&shell->interrupt);
    names_forget(terminal);
    free(terminal);
    free(path);
    return SHELL_EXIT_OK;
}
