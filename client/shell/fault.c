// SPDX-License-Identifier: Apache-2.0
#include "client/shell/fault.h"

#include "client/shell/cell_text.h"

#include <stdarg.h>
#include <stdlib.h>

enum {
    POINT_INDENT = 2,
    POINT_WIDTH = 76,   // of the piece of a long line that is shown
    POINT_BEFORE = 50,  // columns of it before the caret at most
    NUMBER_MAX = 100000 // lines and columns beyond are not ours
};

bool shell_fault_set(struct shell_fault *fault, size_t offset, const char *format, ...)
{
    fault->offset = offset;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return false;
}

static bool number_after(const char *text, const char *word, unsigned *number)
{
    const char *found = strstr(text, word);
    if (found == NULL)
        return false;
    char *end;
    unsigned long value = strtoul(found + strlen(word), &end, 10);
    if (value == 0 || value > NUMBER_MAX)
        return false;
    *number = (unsigned)value;
    return true;
}

bool shell_fault_place(const char *text, unsigned *line, unsigned *column)
{
    if (!number_after(text, "column ", column))
        return false;
    if (!number_after(text, "line ", line))
        *line = 1;
    return true;
}

const char *shell_fault_reason(const char *text)
{
    const char *colon = strncmp(text, "line ", 5) == 0 ? strstr(text, ": ") : NULL;
    return colon != NULL ? colon + 2 : text;
}

static struct bytes line_of(struct bytes text, unsigned number)
{
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.size;
    for (;;) {
        const uint8_t *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        if (number == 1)
            return bytes_of(at, (size_t)((newline ? newline : end) - at));
        if (newline == NULL)
            return bytes_of(NULL, 0);
        at = newline + 1;
        number--;
    }
}

void shell_fault_point(FILE *file, struct bytes text, unsigned line, unsigned column)
{
    struct bytes whole = line_of(text, line);
    size_t before = column - 1;
    if (whole.data == NULL || before > whole.size)
        return;
    // Tabs and other control characters are shown as one blank, so that the caret stays true.
    struct buffer shown = {0};
    size_t start = 0;
    while (cell_text_width(bytes_of(whole.data + start, before - start)) > POINT_BEFORE)
        start += cell_text_step(bytes_of(whole.data + start, whole.size - start)).bytes;
    size_t width =
        cell_text_blank(&shown, bytes_of(whole.data + start, before - start), POINT_BEFORE);
    cell_text_blank(&shown, bytes_of(whole.data + before, whole.size - before),
                    POINT_WIDTH - width);
    fprintf(file, "%*s%.*s\n%*s^\n", POINT_INDENT, "", (int)buffer_size(&shown),
            shown.data != NULL ? (const char *)shown.data : "", POINT_INDENT + (int)width, "");
    buffer_deinit(&shown);
}

static const struct {
    enum grid_error error;
    const char *text;
} advices[] = {
    {GRID_NO_QUORUM,
     "a majority of the voters does not answer; 'cluster voters' shows which. It passes when they "
     "are back; if they are lost for good, see 'help cluster', recover"},
    {GRID_TOO_FEW_COPIES,
     "fewer copies are in sync than min-in-sync asks for; 'cluster status' counts them. It passes "
     "when missing members are back or others have caught up ('cluster migrations')"},
    {GRID_WRONG_SECRET, "the option 'secret' must be the same on every node"},
    {GRID_WRONG_SETTINGS,
     "start the node with the grid's own settings, or found another grid under another name"},
    {GRID_SLOW_CONSUMER,
     "'watch --after' goes on from here, if it kept its token; without --disconnect it catches up"},
    {GRID_MOVED, "partitions moved to other members meanwhile: run it again"},
    {GRID_INDETERMINATE,
     "the write may have been applied, or may still be: read the entry before writing it again"},
};

const char *shell_fault_advice(enum grid_error error)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
        if (advices[i].error == error)
            return advices[i].text;
    return NULL;
}
