// SPDX-License-Identifier: Apache-2.0
#include "client/shell/question.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { IDLE_MS = 250 };

// Reads what has come. The terminal hands out whole lines. False at the end of the input.
static bool input_take(struct buffer *line)
{
    char piece[256];
    ssize_t count = read(STDIN_FILENO, piece, sizeof piece);
    if (count > 0)
        buffer_append(line, piece, (size_t)count);
    return count > 0 || (count < 0 && errno == EINTR);
}

static bool line_await(struct shell *shell, struct buffer *line, size_t size)
{
    struct pollfd waits[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = shell->interrupt.fd, .events = POLLIN},
    };
    while (buffer_size(line) < size) {
        if (shell_interrupt_take(&shell->interrupt, NULL)) {
            shell->interrupted = true;
            return false;
        }
        int ready = poll(waits, 2, IDLE_MS);
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready == 0)
            grid_run(shell->grid, 0);
        if (ready <= 0 || waits[0].revents == 0)
            continue;
        if (!input_take(line))
            return false;
        if (memchr(line->data + line->start, '\n', buffer_size(line)) != NULL)
            return true;
    }
    return false;
}

bool question_ask(struct shell *shell, const char *prompt, char *answer, size_t size)
{
    struct buffer line = {0};
    fputs(prompt, shell->output.file);
    fflush(shell->output.file);
    shell_interrupt_begin(&shell->interrupt);
    bool ok = line_await(shell, &line, size);
    shell_interrupt_end(&shell->interrupt);
    if (!ok)
        fputs("\n", shell->output.file);
    answer[0] = '\0';
    if (ok) {
        struct bytes text = buffer_bytes(&line);
        const uint8_t *end = memchr(text.data, '\n', text.size);
        text = shell_line_trim(bytes_of(text.data, (size_t)(end - text.data)));
        memcpy(answer, text.data, text.size);
        answer[text.size] = '\0';
    }
    buffer_deinit(&line);
    return ok;
}
