// SPDX-License-Identifier: Apache-2.0
#include "node/store/map.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct bytes name_numbered(char text[16], unsigned number)
{
    (void)snprintf(text, 16, "map-%u", number);
    return bytes_of_text(text);
}

Test(map, names_keep_their_numbers)
{
    struct map_list list = {.count = 0};
    struct slab slab;
    char text[16];
    slab_init(&slab, 4 * MIB);
    cr_assert_null(map_list_find(&list, bytes_of_text("a")));
    for (unsigned number = 0; number < 1000; number++)
        cr_assert_eq(map_list_add(&list, name_numbered(text, number), 1000)->number, number);
    for (unsigned number = 0; number < 1000; number++) {
        const struct map *map = map_list_find(&list, name_numbered(text, number));
        cr_assert_eq(map->number, number);
        cr_assert(bytes_equal(map_name(map), bytes_of_text(text)));
        cr_assert_eq(map_list_add(&list, bytes_of_text(text), 1000), map);
    }
    cr_assert_null(map_list_find(&list, bytes_of_text("map-1000")));
    cr_assert_null(map_list_add(&list, bytes_of_text("map-1000"), 1000), "the bound");
    cr_assert_not_null(map_list_add(&list, bytes_of_text("map-1000"), 1001));
    map_list_deinit(&list, &slab);
    slab_deinit(&slab);
}

Test(map, tables_come_as_they_are_needed)
{
    struct map_list list = {.count = 0};
    struct slab slab;
    slab_init(&slab, 4 * MIB);
    struct map *map = map_list_add(&list, bytes_of_text("a"), 10);
    cr_assert_null(map_table(map, 0));
    uint64_t before_bytes = list.heap_bytes;
    map_grow_tables(&list, map, 20);
    cr_assert_eq(map->table_count, 32);
    cr_assert_eq(list.heap_bytes, before_bytes + 32 * sizeof(struct table));
    cr_assert_eq(map_table(map, 20)->root, 0);
    cr_assert_null(map_table(map, 32));
    map_list_deinit(&list, &slab);
    slab_deinit(&slab);
}
