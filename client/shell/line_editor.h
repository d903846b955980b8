// SPDX-License-Identifier: Apache-2.0
// Lines typed on a terminal: editing, history, completion. Ctrl-C drops the line, Ctrl-D ends.
#pragma once

#include "client/shell/completion.h"
#include "client/shell/interrupt.h"

enum { LINE_HISTORY_MAX = 1000 }; // lines kept in the file

struct line_editor;

struct line_editor_host {
    void *context;
    // Finds completions for the line up to the cursor; words are borrowed until the next call.
    void (*complete)(void *context, struct bytes before, struct shell_completions *completions);
    void (*idle)(void *context);    // called a few times a second while nothing is typed
    void (*resized)(void *context); // the terminal has another size
};

// `host` is copied; `interrupt`, which must have begun, and `prompt` outlive the editor.
// `history_path` is where the history is kept, NULL: nowhere.
struct line_editor *line_editor_new(const struct line_editor_host *host,
                                    struct shell_interrupt *interrupt, const char *prompt,
                                    const char *history_path);

// Saves the history.
void line_editor_free(struct line_editor *editor);

enum line_editor_verdict {
    LINE_EDITOR_LINE,
    LINE_EDITOR_INTERRUPTED,
    LINE_EDITOR_END,
};

// Waits for a line; it is borrowed until the next call.
enum line_editor_verdict line_editor_read(struct line_editor *editor, struct bytes *line);
