// SPDX-License-Identifier: Apache-2.0
#include "tests/support/index_model.h"

#include "cluster/base/memory.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

#include <stdio.h>

// One standing query.
struct standing {
    struct index_entry entry;
    struct query *query;
    enum transition heard; // of the update at hand
    unsigned heard_count;
};

struct index_model {
    struct index *index;
    index_model_hears_fn *hears;
    struct standing **standing; // owned with what they point to
    uint32_t count;
};

struct index_model *index_model_new(uint32_t always_max, index_model_hears_fn *hears)
{
    struct index_model *model = memory_new(sizeof *model);
    model->index = index_new(&(struct index_options){.always_max = always_max});
    model->hears = hears;
    return model;
}

void index_model_free(struct index_model *model)
{
    while (model->count > 0)
        index_model_remove(model, model->count - 1);
    index_free(model->index);
    free(model->standing);
    free(model);
}

struct index *index_model_index(struct index_model *model)
{
    return model->index;
}

uint32_t index_model_count(const struct index_model *model)
{
    return model->count;
}

bool index_model_add(struct index_model *model, const char *map, struct bytes where)
{
    struct buffer text = {0};
    struct query_error error;
    char reason[QUERY_ERROR_TEXT_BYTES];
    buffer_append(&text, "SELECT * FROM ", 14);
    buffer_append(&text, map, strlen(map));
    buffer_append(&text, " WHERE ", 7);
    buffer_append(&text, where.data, where.size);
    struct query *query = query_new(buffer_bytes(&text), &error);
    buffer_deinit(&text);
    if (query == NULL)
        return false;
    struct standing *standing = memory_new(sizeof *standing);
    standing->query = query;
    if (index_add(model->index, query, &standing->entry, reason, sizeof reason) != ERROR_NONE) {
        query_free(query);
        free(standing);
        return false;
    }
    model->standing =
        memory_resize_array(model->standing, model->count + 1, sizeof(struct standing *));
    model->standing[model->count++] = standing;
    return true;
}

void index_model_remove(struct index_model *model, uint32_t number)
{
    struct standing *standing = model->standing[number];
    index_remove(model->index, &standing->entry);
    query_free(standing->query);
    free(standing);
    model->standing[number] = model->standing[--model->count];
}

// ---- Updates ----

static void hear(void *context, struct index_entry *entry, enum transition transition)
{
    struct index_model *model = context;
    struct standing *standing = LIST_ENTRY(entry, struct standing, entry);
    if (model->hears != NULL && !model->hears(transition))
        return;
    standing->heard = transition;
    standing->heard_count++;
}

static enum transition expected_of(const struct standing *standing, struct bytes key,
                                   struct bytes old_value, struct bytes new_value)
{
    bool is_of_map = bytes_equal(query_map(standing->query), bytes_of_text("m"));
    bool matched =
        is_of_map && old_value.size > 0 && query_matches(standing->query, key, old_value);
    bool matches =
        is_of_map && new_value.size > 0 && query_matches(standing->query, key, new_value);
    if (matches)
        return matched ? TRANSITION_UPDATE : TRANSITION_ENTER;
    return matched ? TRANSITION_LEAVE : TRANSITION_NONE;
}

static bool standing_agrees(struct index_model *model, const struct standing *standing,
                            struct bytes key, struct bytes old_value, struct bytes new_value)
{
    enum transition expected = expected_of(standing, key, old_value, new_value);
    bool agrees = standing->heard == expected &&
                  standing->heard_count == (expected != TRANSITION_NONE ? 1 : 0);
    if (bytes_equal(query_map(standing->query), bytes_of_text("m"))) {
        enum transition alone =
            index_entry_match(model->index, &standing->entry, key, old_value, new_value);
        agrees = agrees && alone == expected;
    }
    if (!agrees) {
        struct bytes where = query_where(standing->query);
        fprintf(stderr, "%.*s: told %d %u times, expected %d\n", (int)where.size,
                (const char *)where.data, (int)standing->heard, standing->heard_count,
                (int)expected);
    }
    return agrees;
}

bool index_model_update(struct index_model *model, struct bytes key, struct bytes old_value,
                        struct bytes new_value)
{
    for (uint32_t at = 0; at < model->count; at++) {
        model->standing[at]->heard = TRANSITION_NONE;
        model->standing[at]->heard_count = 0;
    }
    index_match(model->index, bytes_of_text("m"), key, old_value, new_value, hear, model);
    bool agrees = true;
    for (uint32_t at = 0; at < model->count; at++)
        agrees = standing_agrees(model, model->standing[at], key, old_value, new_value) && agrees;
    return agrees;
}

// ---- Random material ----

static const char *const fields[] = {"region", "symbol", "price", "note", "n"};

enum { FIELD_COUNT = sizeof fields / sizeof *fields };

static void say(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

#define CHOOSE(random, ...)                                                                        \
    ((const char *const[]){__VA_ARGS__})[random_below(                                             \
        random, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))]

static const char *number_of(struct random *random)
{
    return CHOOSE(random, "0", "1", "2", "5", "7.25", "-3", "-0.5", "1e300", "9007199254740993",
                  "9007199254740992", "9223372036854775807", "18446744073709551615", "100",
                  "100.0000001");
}

static const char *string_of(struct random *random)
{
    static const char long_string[] =
        "'a string that is longer than what a key keeps of it, so that it is known by its hash'";
    return CHOOSE(random, "'eu'", "'us'", "'asia'", "'a'", "''", "'abcdefgh'", "'abcdefghi'",
                  "'the quick brown fox'", long_string);
}

static void list_say(struct random *random, struct buffer *out)
{
    bool is_number = random_below(random, 2) == 0;
    say(out, " IN (");
    for (uint64_t left = random_below(random, 5); left > 0; left--) {
        say(out, is_number ? number_of(random) : string_of(random));
        say(out, ", ");
    }
    say(out, is_number ? number_of(random) : string_of(random));
    say(out, ")");
}

static void range_say(struct random *random, struct buffer *out)
{
    bool is_number = random_below(random, 3) > 0;
    if (random_below(random, 2) == 0) {
        say(out, " BETWEEN ");
        say(out, is_number ? number_of(random) : string_of(random));
        say(out, " AND ");
        say(out, is_number ? number_of(random) : string_of(random));
        return;
    }
    say(out, CHOOSE(random, " > ", " >= ", " < ", " <= "));
    say(out, is_number ? number_of(random) : string_of(random));
}

static void condition_say(struct random *random, struct buffer *out)
{
    const char *field = random_below(random, 12) == 0
                            ? "__key"
                            : CHOOSE(random, "region", "symbol", "price", "note", "n", "o.n");
    if (random_below(random, 16) == 0) {
        say(out, "EXISTS ");
        say(out, strcmp(field, "__key") == 0 ? "n" : field);
        return;
    }
    say(out, field);
    switch (random_below(random, 8)) {
    case 0:
    case 1:
        say(out, " = ");
        say(out, random_below(random, 2) == 0 ? number_of(random) : string_of(random));
        return;
    case 2:
        list_say(random, out);
        return;
    case 3:
        say(out, CHOOSE(random, " IS NULL", " IS NOT NULL", " = TRUE"));
        return;
    case 4:
        say(out, CHOOSE(random, " LIKE 'a%'", " LIKE 'abc%'", " LIKE '%gh'", " LIKE '%quick%'",
                        " LIKE 'the%fox'", " LIKE '%e%'", " LIKE '%qui_k%brown%'"));
        return;
    case 5:
        say(out, " <> ");
        say(out, number_of(random));
        return;
    default:
        range_say(random, out);
        return;
    }
}

void index_model_write_where(struct random *random, struct buffer *out)
{
    condition_say(random, out);
    for (uint64_t left = random_below(random, 4); left > 0; left--) {
        say(out, CHOOSE(random, " AND ", " AND ", " AND ", " OR "));
        if (random_below(random, 10) == 0)
            say(out, "NOT ");
        condition_say(random, out);
    }
}

static void string_write(struct random *random, struct buffer *out)
{
    const char *quoted = string_of(random);
    write_str(out, bytes_of(quoted + 1, strlen(quoted) - 2));
}

static void scalar_write(struct random *random, struct buffer *out)
{
    static const double reals[] = {0.0,         -0.0,   7.25,   -0.5,   1e300,     100.0,
                                   100.0000001, 0x1p63, 0x1p64, 0x1p53, 5.0000001, 2.0};
    static const int64_t integers[] = {
        0, 1, 2, 5, -3, 100, 9007199254740993, 9007199254740992, INT64_MAX, INT64_MIN};
    switch (random_below(random, 10)) {
    case 0:
        write_nil(out);
        return;
    case 1:
        write_bool(out, random_below(random, 2) == 0);
        return;
    case 2:
        write_uint(out, UINT64_MAX - random_below(random, 2));
        return;
    case 3:
        write_array(out, 0);
        return;
    case 4:
    case 5:
        write_float(out, reals[random_below(random, sizeof reals / sizeof *reals)]);
        return;
    case 6:
    case 7:
        write_int(out, integers[random_below(random, sizeof integers / sizeof *integers)]);
        return;
    default:
        string_write(random, out);
        return;
    }
}

void index_model_write_document(struct random *random, struct buffer *out)
{
    uint64_t missing = random_below(random, 2 * FIELD_COUNT);
    bool has_inner = random_below(random, 2) == 0;
    write_map(out, (uint32_t)(FIELD_COUNT - (missing < FIELD_COUNT) + has_inner));
    for (uint64_t at = 0; at < FIELD_COUNT; at++) {
        if (at == missing)
            continue;
        write_text(out, fields[at]);
        scalar_write(random, out);
    }
    if (!has_inner)
        return;
    write_text(out, "o");
    write_map(out, 1);
    write_text(out, "n");
    scalar_write(random, out);
}

void index_model_write_changed(struct random *random, struct bytes document, struct buffer *out)
{
    struct cursor cursor = cursor_of(document);
    uint32_t pairs;
    CHECK(cursor_read_map(&cursor, &pairs));
    write_map(out, pairs);
    for (uint32_t pair = 0; pair < pairs; pair++) {
        struct bytes name;
        struct bytes object;
        CHECK(cursor_read_object(&cursor, &name) && cursor_read_object(&cursor, &object));
        write_object(out, name);
        if (random_below(random, 4) == 0)
            scalar_write(random, out);
        else
            write_object(out, object);
    }
}

void index_model_write_key(struct random *random, struct buffer *out)
{
    if (random_below(random, 2) == 0)
        write_int(out, (int64_t)random_below(random, 8));
    else
        string_write(random, out);
}
