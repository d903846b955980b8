// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/document.h"

#include "cluster/base/random.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

enum { GROUPS = 3, SORTS = 3, FIELDS = 3 };

void document_write(struct buffer *out, uint32_t key, int64_t number)
{
    if (key_is_counter(key)) {
        write_int(out, number);
        return;
    }
    struct random random = {.state = (uint64_t)number};
    int64_t group = (int64_t)random_below(&random, GROUPS);
    char sort = (char)('a' + random_below(&random, SORTS));
    write_map(out, FIELDS);
    write_text(out, "v");
    write_int(out, number);
    write_text(out, "g");
    write_int(out, group);
    write_text(out, "s");
    write_str(out, bytes_of(&sort, 1));
}

static bool field_read(struct cursor *cursor, struct document *document)
{
    struct bytes name;
    struct bytes text;
    if (!cursor_read_str(cursor, &name) || name.size != 1)
        return false;
    switch (name.data[0]) {
    case 'v':
        return cursor_read_int(cursor, &document->number);
    case 'g':
        return cursor_read_int(cursor, &document->group);
    case 's':
        if (!cursor_read_str(cursor, &text) || text.size != 1)
            return false;
        document->sort = (char)text.data[0];
        return true;
    default:
        return false;
    }
}

bool document_read(struct bytes value, struct document *document)
{
    struct cursor cursor = cursor_of(value);
    uint32_t count;
    *document = (struct document){0};
    if (cursor_read_int(&cursor, &document->number)) {
        document->is_counter = true;
        return cursor_left(&cursor) == 0;
    }
    if (!cursor_read_map(&cursor, &count) || count != FIELDS)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!field_read(&cursor, document))
            return false;
    }
    return cursor_left(&cursor) == 0;
}
