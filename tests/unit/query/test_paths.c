// SPDX-License-Identifier: Apache-2.0
#include "node/query/paths.h"

#include "cluster/wire/writer.h"
#include "tests/support/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void add(struct paths *paths, struct arena *arena, uint16_t *slot, const char *name,
                const char *inner)
{
    struct path path = {0};
    path_append_name(arena, &path, bytes_of_text(name));
    if (inner != NULL)
        path_append_name(arena, &path, bytes_of_text(inner));
    cr_assert(paths_add(paths, arena, &path, slot));
}

Test(paths, the_same_path_has_one_slot)
{
    struct arena arena = {0};
    struct paths paths = {0};
    uint16_t first;
    uint16_t again;
    uint16_t inner;
    add(&paths, &arena, &first, "a", NULL);
    add(&paths, &arena, &inner, "a", "b");
    add(&paths, &arena, &again, "a", NULL);
    cr_expect_eq(first, again);
    cr_expect_neq(first, inner);
    cr_expect_eq(paths.slot_count, 2);
    arena_deinit(&arena);
}

Test(paths, finds_many_names_of_one_map)
{
    enum { NAMES = 500 };
    struct arena arena = {0};
    struct paths paths = {0};
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
        add(&paths, &arena, &slots_of[at], name, NULL);
    }
    paths_finish(&paths, &arena);
    struct bytes slots[PATH_NODES_MAX];
    paths_find(&paths, buffer_bytes(&document), slots);
    for (unsigned at = 0; at < NAMES; at++) {
        struct value value = value_load(slots[slots_of[at]]);
        cr_expect_eq(value.kind, VALUE_INT);
        cr_expect_eq(value.integer, at);
    }
    buffer_deinit(&document);
    arena_deinit(&arena);
}

Test(paths, every_truncated_document_is_survived)
{
    struct arena arena = {0};
    struct paths paths = {0};
    uint16_t inner;
    uint16_t last;
    add(&paths, &arena, &inner, "outer", "inner");
    add(&paths, &arena, &last, "last", NULL);
    paths_finish(&paths, &arena);
    struct buffer document = {0};
    json_write_text("{\"x\": [1, {\"y\": 2.5}], \"outer\": {\"z\": \"text\", \"inner\": 5},"
                    " \"long\": \"0123456789012345678901234567890123456789\", \"last\": -70000}",
                    &document);
    for (size_t size = 0; size <= buffer_size(&document); size++) {
        struct bytes slots[3];
        uint8_t *copy = malloc(size > 0 ? size : 1); // so that a read past the end is seen
        memcpy(copy, document.data, size);
        paths_find(&paths, bytes_of(copy, size), slots);
        for (unsigned slot = 0; slot < 3; slot++)
            (void)value_load(slots[slot]);
        if (size == buffer_size(&document)) {
            cr_expect_eq(value_load(slots[inner]).integer, 5);
            cr_expect_eq(value_load(slots[last]).integer, -70000);
        }
        free(copy);
    }
    buffer_deinit(&document);
    arena_deinit(&arena);
}
