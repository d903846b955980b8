// SPDX-License-Identifier: Apache-2.0
#include "node/query/fields.h"

#include "cluster/base/random.h"
#include "cluster/wire/writer.h"
#include "node/query/code.h"
#include "tests/support/json.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

// The path name[.inner].
static bool hold(struct fields *fields, uint16_t *slot, const char *name, const char *inner)
{
    struct arena arena = {0};
    struct path path = {0};
    path_append_name(&arena, &path, bytes_of_text(name));
    if (inner != NULL)
        path_append_name(&arena, &path, bytes_of_text(inner));
    bool held = fields_hold(fields, &path, slot);
    cr_expect(!held || fields_slot(fields, &path) == *slot);
    arena_deinit(&arena);
    return held;
}

static uint16_t slot_of(struct fields *fields, const char *name, const char *inner)
{
    uint16_t slot = UINT16_MAX;
    cr_assert(hold(fields, &slot, name, inner));
    return slot;
}

Test(fields, the_same_path_has_one_slot)
{
    struct fields *fields = fields_new();
    uint16_t first = slot_of(fields, "a", NULL);
    uint16_t inner = slot_of(fields, "a", "b");
    uint16_t again = slot_of(fields, "a", NULL);
    cr_expect_eq(first, again);
    cr_expect_neq(first, inner);
    cr_expect_eq(fields_count(fields), 2);
    fields_release(fields, first);
    fields_release(fields, inner);
    cr_expect_eq(fields_count(fields), 1);
    fields_release(fields, again);
    fields_free(fields);
}

Test(fields, a_prefix_stays_as_long_as_a_path_goes_through_it)
{
    struct fields *fields = fields_new();
    uint16_t prefix = slot_of(fields, "a", NULL);
    uint16_t inner = slot_of(fields, "a", "b");
    fields_release(fields, prefix);
    cr_expect_eq(fields_count(fields), 2);
    fields_release(fields, inner);
    cr_expect_eq(fields_count(fields), 0);
    fields_free(fields);
}

Test(fields, a_slot_is_held_by_its_number_too)
{
    struct fields *fields = fields_new();
    uint16_t slot = slot_of(fields, "a", NULL);
    fields_retain(fields, slot);
    fields_release(fields, slot);
    cr_expect_eq(fields_count(fields), 1);
    fields_release(fields, slot);
    cr_expect_eq(fields_count(fields), 0);
    fields_free(fields);
    fields_free(NULL);
}

Test(fields, a_slot_is_named_as_a_query_names_it)
{
    static const char *const paths[] = {
        "a",       "a.b[3]",           "\"limit\"",       "a.limit",  "\"__key\"", "\"__x\".__x",
        "l[0][1]", "\"a b\".\"\"\"\"", "z\xc3\xbcrich$1", "\"9\".a9", "\"\"",
    };
    for (size_t at = 0; at < sizeof paths / sizeof *paths; at++) {
        char text[128];
        snprintf(text, sizeof text, "SELECT * FROM m WHERE EXISTS %s", paths[at]);
        struct query_error error;
        struct query *query = query_new(bytes_of_text(text), &error);
        cr_assert_not_null(query, "%s: %s", paths[at], error.text);
        struct fields *fields = fields_new();
        struct buffer code = {0};
        struct buffer name = {0};
        cr_assert(code_compile(query, fields, &code));
        fields_name(fields, (uint16_t)(fields_count(fields) - 1), &name);
        cr_expect(bytes_equal(buffer_bytes(&name), bytes_of_text(paths[at])), "%s: %.*s", paths[at],
                  (int)buffer_size(&name), (const char *)name.data);
        code_release(buffer_bytes(&code), fields);
        fields_free(fields);
        buffer_deinit(&code);
        buffer_deinit(&name);
        query_free(query);
    }
}

Test(fields, what_is_still_held_is_noticed, .signal = SIGABRT)
{
    struct fields *fields = fields_new();
    (void)slot_of(fields, "a", NULL);
    fields_free(fields);
}

Test(fields, beyond_the_most_a_path_is_refused_and_leaves_nothing)
{
    struct fields *fields = fields_new();
    uint16_t slots[FIELDS_MAX];
    char name[16];
    for (unsigned at = 0; at < FIELDS_MAX - 1; at++) {
        snprintf(name, sizeof name, "f%u", at);
        slots[at] = slot_of(fields, name, NULL);
    }
    uint16_t slot;
    cr_expect(!hold(fields, &slot, "new", "inner")); // one slot is left, it takes two
    cr_expect_eq(fields_count(fields), FIELDS_MAX - 1);
    slots[FIELDS_MAX - 1] = slot_of(fields, "new", NULL);
    cr_expect(!hold(fields, &slot, "newer", NULL));
    cr_expect_eq(fields_slot_count(fields), FIELDS_MAX);
    for (unsigned at = 0; at < FIELDS_MAX; at++)
        fields_release(fields, slots[at]);
    fields_free(fields);
}

Test(fields, finds_many_names_of_one_map)
{
    enum { NAMES = 500 };
    struct fields *fields = fields_new();
    uint16_t slots_of[NAMES];
    struct buffer document = {0};
    write_map(&document, NAMES + 1);
    write_uint(&document, 7); // a key that is no string
    write_nil(&document);
    for (unsigned at = 0; at < NAMES; at++) {
        char name[100];
        snprintf(name, sizeof name, "%0*u", (int)(at % 90 + 3), at);
        write_text(&document, name);
        write_uint(&document, at);
        slots_of[at] = slot_of(fields, name, NULL);
    }
    struct bytes slots[NAMES];
    fields_find(fields, buffer_bytes(&document), slots);
    for (unsigned at = 0; at < NAMES; at++) {
        struct value value = value_load(slots[slots_of[at]]);
        cr_expect_eq(value.kind, VALUE_INT);
        cr_expect_eq(value.integer, at);
        fields_release(fields, slots_of[at]);
    }
    buffer_deinit(&document);
    fields_free(fields);
}

// Long names that begin alike, of sizes that are equal modulo 64 and modulo 256.
Test(fields, tells_names_apart_that_begin_alike)
{
    enum { NAMES = 8, BYTES = 700 };
    struct fields *fields = fields_new();
    static char names[NAMES][BYTES];
    static const unsigned sizes[NAMES] = {9, 9, 73, 255, 256, 319, 575, 8};
    struct buffer document = {0};
    uint16_t slots_of[NAMES];
    write_map(&document, NAMES);
    for (unsigned at = 0; at < NAMES; at++) {
        memset(names[at], 'x', sizes[at]);
        names[at][sizes[at] - 1] = (char)('a' + at);
        slots_of[at] = slot_of(fields, names[at], NULL);
        write_text(&document, names[at]);
        write_uint(&document, at);
    }
    struct bytes slots[NAMES];
    for (unsigned gone = 0; gone <= NAMES; gone++) {
        fields_find(fields, buffer_bytes(&document), slots);
        for (unsigned at = gone; at < NAMES; at++)
            cr_expect_eq(value_load(slots[slots_of[at]]).integer, at, "%u of %u", at, gone);
        if (gone < NAMES)
            fields_release(fields, slots_of[gone]);
    }
    buffer_deinit(&document);
    fields_free(fields);
}

Test(fields, the_first_of_two_equal_keys_counts)
{
    struct fields *fields = fields_new();
    uint16_t outer = slot_of(fields, "a", NULL);
    uint16_t inner = slot_of(fields, "a", "b");
    struct buffer document = {0};
    struct bytes slots[2];

    write_map(&document, 2);
    write_text(&document, "a");
    write_uint(&document, 1);
    write_text(&document, "a");
    write_map(&document, 1);
    write_text(&document, "b");
    write_uint(&document, 2);
    fields_find(fields, buffer_bytes(&document), slots);
    cr_expect_eq(value_load(slots[outer]).integer, 1);
    cr_expect_eq(slots[inner].size, 0);
    buffer_deinit(&document);
    fields_release(fields, outer);
    fields_release(fields, inner);
    fields_free(fields);
}

// Against a table of who holds what.
Test(fields, slots_come_and_go)
{
    enum { NAMES = 40, ROUNDS = 20000 };
    struct fields *fields = fields_new();
    struct random random = {.state = 7};
    unsigned holds[NAMES][NAMES + 1] = {{0}}; // of name.inner, the last: of name
    uint16_t slots_of[NAMES][NAMES + 1];
    size_t empty_bytes = fields_bytes(fields);
    for (unsigned round = 0; round < 2 * ROUNDS; round++) {
        unsigned name = (unsigned)random_below(&random, NAMES);
        unsigned inner = (unsigned)random_below(&random, NAMES + 1);
        char name_text[8];
        char inner_text[8];
        snprintf(name_text, sizeof name_text, "n%u", name);
        snprintf(inner_text, sizeof inner_text, "i%u", inner);
        if (round < ROUNDS && random_below(&random, 2) == 0) {
            uint16_t slot = slot_of(fields, name_text, inner < NAMES ? inner_text : NULL);
            cr_assert(holds[name][inner] == 0 || slots_of[name][inner] == slot);
            slots_of[name][inner] = slot;
            holds[name][inner]++;
        } else if (holds[name][inner] > 0) {
            holds[name][inner]--;
            fields_release(fields, slots_of[name][inner]);
        }
    }
    unsigned expected = 0;
    for (unsigned name = 0; name < NAMES; name++) {
        bool is_used = holds[name][NAMES] > 0;
        for (unsigned inner = 0; inner < NAMES; inner++) {
            expected += holds[name][inner] > 0;
            is_used |= holds[name][inner] > 0;
        }
        expected += is_used;
    }
    cr_expect_eq(fields_count(fields), expected);
    for (unsigned name = 0; name < NAMES; name++)
        for (unsigned inner = 0; inner <= NAMES; inner++)
            for (; holds[name][inner] > 0; holds[name][inner]--)
                fields_release(fields, slots_of[name][inner]);
    cr_expect_eq(fields_count(fields), 0);
    cr_expect_geq(fields_bytes(fields), empty_bytes);
    fields_free(fields);
}

Test(fields, every_truncated_document_is_survived)
{
    struct fields *fields = fields_new();
    uint16_t held[] = {slot_of(fields, "outer", "inner"), slot_of(fields, "last", NULL)};
    struct buffer document = {0};
    json_write_text("{\"x\": [1, {\"y\": 2.5}], \"outer\": {\"z\": \"text\", \"inner\": 5},"
                    " \"long\": \"0123456789012345678901234567890123456789\", \"last\": -70000}",
                    &document);
    for (size_t size = 0; size <= buffer_size(&document); size++) {
        struct bytes slots[3];
        uint8_t *copy = malloc(size > 0 ? size : 1); // so that a read past the end is seen
        memcpy(copy, document.data, size);
        fields_find(fields, bytes_of(copy, size), slots);
        for (unsigned slot = 0; slot < 3; slot++)
            (void)value_load(slots[slot]);
        if (size == buffer_size(&document)) {
            cr_expect_eq(value_load(slots[held[0]]).integer, 5);
            cr_expect_eq(value_load(slots[held[1]]).integer, -70000);
        }
        free(copy);
    }
    buffer_deinit(&document);
    fields_release(fields, held[0]);
    fields_release(fields, held[1]);
    fields_free(fields);
}
