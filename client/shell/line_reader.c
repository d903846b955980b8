// SPDX-License-Identifier: Apache-2.0
#include "client/shell/line_reader.h"

static enum line_verdict line_skip(struct line_reader *reader)
{
    int character;
    do {
        character = getc_unlocked(reader->file);
    } while (character != '\n' && character != EOF);
    return LINE_TOO_LONG;
}

enum line_verdict line_reader_next(struct line_reader *reader, struct bytes *line)
{
    buffer_clear(&reader->text);
    int character = getc_unlocked(reader->file);
    if (character == EOF)
        return LINE_END;
    reader->number++;
    for (; character != '\n' && character != EOF; character = getc_unlocked(reader->file)) {
        if (buffer_size(&reader->text) == LINE_BYTES_MAX)
            return line_skip(reader);
        *buffer_reserve(&reader->text, 1) = (uint8_t)character;
        buffer_advance(&reader->text, 1);
    }
    *line = buffer_bytes(&reader->text);
    if (line->size > 0 && line->data[line->size - 1] == '\r')
        line->size--;
    return LINE_ONE;
}

void line_reader_deinit(struct line_reader *reader)
{
    buffer_deinit(&reader->text);
}
