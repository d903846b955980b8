// SPDX-License-Identifier: Apache-2.0
#include "node/query/source.h"

#include <stdarg.h>
#include <stdio.h>

static void error_locate(struct query_error *error, struct bytes text, size_t offset)
{
    error->line = 1;
    error->column = 1;
    for (size_t at = 0; at < offset && at < text.size; at++) {
        error->column++;
        if (text.data[at] == '\n') {
            error->line++;
            error->column = 1;
        }
    }
}

void source_complain(struct source *source, size_t offset, const char *format, ...)
{
    if (source->failed)
        return;
    source->failed = true;
    error_locate(source->error, source->text, offset);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(source->error->text, sizeof source->error->text, format, arguments);
    va_end(arguments);
}

// Bytes of a UTF-8 sequence by its first byte; 1 for what starts none.
static size_t sequence_bytes(uint8_t first)
{
    if (first >= 0xf0)
        return 4;
    if (first >= 0xe0)
        return 3;
    return first >= 0xc0 ? 2 : 1;
}

struct quote quote_of(struct bytes bytes)
{
    enum { ELLIPSIS_BYTES = 4 }; // "..." and the terminator
    struct quote quote = {{0}};
    size_t used = 0;
    size_t at = 0;
    while (at < bytes.size) {
        size_t sequence = sequence_bytes(bytes.data[at]);
        if (sequence > bytes.size - at)
            sequence = 1;
        if (used + sequence + ELLIPSIS_BYTES > QUOTE_BYTES - ELLIPSIS_BYTES) {
            memcpy(quote.text + used, "...", ELLIPSIS_BYTES);
            return quote;
        }
        if (bytes.data[at] < ' ' || bytes.data[at] == 0x7f) {
            (void)snprintf(quote.text + used, QUOTE_BYTES - used, "\\x%02x", bytes.data[at]);
            used += 4;
        } else {
            memcpy(quote.text + used, bytes.data + at, sequence);
            used += sequence;
        }
        at += sequence;
    }
    return quote;
}
