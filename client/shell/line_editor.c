// SPDX-License-Identifier: Apache-2.0
#include "client/shell/line_editor.h"

#include "cluster/base/memory.h"

#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include <wchar.h>

enum { IDLE_MS = 250 };

struct line_editor {
    EditLine *edit;     // owned
    History *history;   // owned
    char *history_path; // owned; NULL: none
    const char *prompt;
    struct line_editor_host host;
    struct shell_interrupt *interrupt;
    bool interrupted; // Ctrl-C ended the line
};

static struct line_editor *editor_of(EditLine *edit)
{
    void *data = NULL;
    CHECK(el_get(edit, EL_CLIENTDATA, &data) == 0 && data != NULL);
    return data;
}

static char *prompt_of(EditLine *edit)
{
    return (char *)(uintptr_t)editor_of(edit)->prompt;
}

// Waits until the terminal has something to read. False at Ctrl-C.
static bool input_wait(struct line_editor *editor)
{
    struct pollfd waits[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = editor->interrupt->fd, .events = POLLIN},
    };
    for (;;) {
        bool resized = false;
        if (shell_interrupt_take(editor->interrupt, &resized)) {
            editor->interrupted = true;
            return false;
        }
        if (resized) {
            el_resize(editor->edit);
            editor->host.resized(editor->host.context);
        }
        int ready = poll(waits, 2, IDLE_MS);
        if (ready > 0 && waits[0].revents != 0)
            return true;
        if (ready == 0)
            editor->host.idle(editor->host.context);
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

// Reads one character for libedit: -1 ends the line, 0 the input.
static int character_read(EditLine *edit, wchar_t *character)
{
    struct line_editor *editor = editor_of(edit);
    mbstate_t state = {0};
    for (;;) {
        char byte;
        if (!input_wait(editor))
            return -1;
        ssize_t count = read(STDIN_FILENO, &byte, 1);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return 0;
        size_t used = mbrtowc(character, &byte, 1, &state);
        if (used == (size_t)-2)
            continue; // more bytes are to come
        if (used != (size_t)-1)
            return 1;
        state = (mbstate_t){0}; // no character of this locale: passed over
    }
}

static void completions_list(const struct shell_completions *completions)
{
    fputs("\n", stdout);
    for (size_t i = 0; i < completions->count; i++)
        fprintf(stdout, "%s%s", completions->words[i],
                i + 1 == completions->count || i % 8 == 7 ? "\n" : "  ");
    fflush(stdout);
}

static unsigned char complete(EditLine *edit, int key)
{
    (void)key;
    struct line_editor *editor = editor_of(edit);
    struct shell_completions completions;
    const LineInfo *line = el_line(edit);
    struct bytes before = bytes_of(line->buffer, (size_t)(line->cursor - line->buffer));
    editor->host.complete(editor->host.context, before, &completions);
    if (completions.count == 0)
        return CC_ERROR;
    if (completions.count > 1 && completions.common == completions.typed) {
        completions_list(&completions);
        return CC_REDISPLAY;
    }
    // What was typed is replaced, as it may differ in case.
    char *word = memory_new(completions.common + 2);
    memcpy(word, completions.words[0], completions.common);
    if (completions.count == 1)
        word[completions.common] = ' ';
    el_deletestr(edit, (int)completions.typed);
    int inserted = el_insertstr(edit, word);
    free(word);
    return inserted == 0 ? CC_REFRESH : CC_ERROR;
}

static void history_start(struct line_editor *editor, const char *path)
{
    HistEvent event;
    editor->history = history_init();
    CHECK(editor->history != NULL);
    history(editor->history, &event, H_SETSIZE, LINE_HISTORY_MAX);
    history(editor->history, &event, H_SETUNIQUE, 1);
    if (path != NULL) {
        editor->history_path = memory_copy_text(path, strlen(path));
        history(editor->history, &event, H_LOAD, path);
    }
    el_set(editor->edit, EL_HIST, history, editor->history);
}

struct line_editor *line_editor_new(const struct line_editor_host *host,
                                    struct shell_interrupt *interrupt, const char *prompt,
                                    const char *history_path)
{
    struct line_editor *editor = memory_new(sizeof *editor);
    editor->host = *host;
    editor->interrupt = interrupt;
    editor->prompt = prompt;
    editor->edit = el_init("grid-shell", stdin, stdout, stderr);
    CHECK(editor->edit != NULL);
    el_set(editor->edit, EL_CLIENTDATA, editor);
    el_set(editor->edit, EL_PROMPT, prompt_of);
    el_set(editor->edit, EL_EDITOR, "emacs");
    el_set(editor->edit, EL_SIGNAL, 1);
    el_set(editor->edit, EL_GETCFN, character_read);
    history_start(editor, history_path);
    el_set(editor->edit, EL_ADDFN, "grid-complete", "complete the word", complete);
    el_set(editor->edit, EL_BIND, "^I", "grid-complete", NULL);
    el_set(editor->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(editor->edit, NULL); // the user's own bindings, ~/.editrc
    return editor;
}

void line_editor_free(struct line_editor *editor)
{
    HistEvent event;
    if (editor->history_path != NULL)
        history(editor->history, &event, H_SAVE, editor->history_path);
    history_end(editor->history);
    el_end(editor->edit);
    free(editor->history_path);
    free(editor);
}

enum line_editor_verdict line_editor_read(struct line_editor *editor, struct bytes *line)
{
    HistEvent event;
    int size = 0;
    editor->interrupted = false;
    const char *text = el_gets(editor->edit, &size);
    if (editor->interrupted) {
        fputs("^C\n", stdout);
        el_reset(editor->edit);
        return LINE_EDITOR_INTERRUPTED;
    }
    if (text == NULL || size <= 0)
        return LINE_EDITOR_END;
    size_t end = (size_t)size;
    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == '\r'))
        end--;
    if (end > 0)
        history(editor->history, &event, H_ENTER, text);
    *line = bytes_of(text, end);
    return LINE_EDITOR_LINE;
}
