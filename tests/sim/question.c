// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/question.h"

#include "cluster/base/check.h"
#include "cluster/wire/writer.h"

enum { FIRST_KEYS = 6 };

static bool all(uint32_t key, const struct document *document)
{
    (void)key;
    (void)document;
    return true;
}

static bool none(uint32_t key, const struct document *document)
{
    (void)key;
    (void)document;
    return false;
}

static bool of_group_1(uint32_t key, const struct document *document)
{
    (void)key;
    return !document->is_counter && document->group == 1;
}

static bool outer_groups_but_b(uint32_t key, const struct document *document)
{
    (void)key;
    return !document->is_counter && document->group != 1 && document->sort != 'b';
}

static bool below_group_2(uint32_t key, const struct document *document)
{
    (void)key;
    return !document->is_counter && document->group < 2;
}

static bool first_keys(uint32_t key, const struct document *document)
{
    (void)document;
    return key < FIRST_KEYS;
}

static bool b_above_0(uint32_t key, const struct document *document)
{
    (void)key;
    return !document->is_counter && document->sort == 'b' && document->group > 0;
}

static bool group_0_or_c(uint32_t key, const struct document *document)
{
    (void)key;
    return !document->is_counter && (document->group == 0 || document->sort == 'c');
}

const struct question questions[QUESTION_COUNT] = {
    {"SELECT * FROM m", all, NULL},
    {"SELECT * FROM m WHERE g = 1", of_group_1, NULL},
    {"SELECT v FROM m WHERE g IN (0, 2) AND s <> 'b'", outer_groups_but_b, "v"},
    {"SELECT g FROM m WHERE g < 2", below_group_2, "g"},
    {"SELECT g, v FROM m WHERE __key < 6", first_keys, "gv"},
    {"SELECT * FROM m WHERE s = 'b' AND g > 0", b_above_0, NULL},
    {"SELECT s FROM m WHERE g = 0 OR s LIKE 'c%'", group_0_or_c, "s"},
    {"SELECT * FROM nowhere", none, NULL},
};

static struct document document_of(struct bytes value)
{
    struct document document;
    CHECK(document_read(value, &document));
    return document;
}

bool question_selects(const struct question *question, uint32_t key, struct bytes value)
{
    if (value.size == 0)
        return false;
    struct document document = document_of(value);
    return question->selects(key, &document);
}

static void column_write(const struct document *document, char column, struct buffer *out)
{
    write_str(out, bytes_of(&column, 1));
    if (document->is_counter)
        write_nil(out);
    else if (column == 'v')
        write_int(out, document->number);
    else if (column == 'g')
        write_int(out, document->group);
    else
        write_str(out, bytes_of(&document->sort, 1));
}

void question_project(const struct question *question, struct bytes value, struct buffer *out)
{
    if (!question->columns) {
        buffer_append(out, value.data, value.size);
        return;
    }
    struct document document = document_of(value);
    write_map(out, (uint32_t)strlen(question->columns));
    for (const char *column = question->columns; *column; column++)
        column_write(&document, *column, out);
}

bool question_shows_same(const struct question *question, struct bytes one, struct bytes other)
{
    struct buffer shown = {0};
    question_project(question, one, &shown);
    size_t size = buffer_size(&shown);
    question_project(question, other, &shown);
    bool is_same = buffer_size(&shown) == 2 * size &&
                   memcmp(shown.data + shown.start, shown.data + shown.start + size, size) == 0;
    buffer_deinit(&shown);
    return is_same;
}
