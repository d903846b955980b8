// SPDX-License-Identifier: Apache-2.0
#include "node/query/handles.h"

#include <criterion/criterion.h>
#include <signal.h>

enum { COUNT = 3000 };

struct object {
    struct handle_item item;
    uint32_t number;
};

static uint32_t hash_of(uint32_t number)
{
    return number / 2 * UINT32_C(0x9E3779B1); // two of each
}

static unsigned find(const struct handles *handles, const struct slab *slab, uint32_t number)
{
    unsigned found = 0;
    for (uint32_t handle = handles_first(handles, hash_of(number)); handle != 0;) {
        const struct object *object = slab_at(slab, handle);
        found += object->number == number;
        handle = object->item.next;
    }
    return found;
}

static uint32_t object_new(struct slab *slab, uint32_t number)
{
    uint32_t handle = slab_alloc(slab, SLAB_TABLE, sizeof(struct object));
    *(struct object *)slab_at(slab, handle) =
        (struct object){.item.hash = hash_of(number), .number = number};
    return handle;
}

Test(handles, finds_each_object_while_it_grows_and_shrinks)
{
    static uint32_t objects[COUNT];
    struct slab slab;
    struct handles handles;
    slab_init(&slab, 4 * MIB);
    handles_init(&handles);
    size_t empty_bytes = handles_bytes(&handles);
    for (uint32_t number = 0; number < COUNT; number++) {
        cr_assert_eq(find(&handles, &slab, number), 0);
        objects[number] = object_new(&slab, number);
        handles_add(&handles, &slab, objects[number]);
        for (uint32_t at = number % 97; at <= number; at += 97)
            cr_assert_eq(find(&handles, &slab, at), 1, "%u of %u", at, number);
    }
    cr_expect_geq(handles.bucket_count, COUNT);
    for (uint32_t number = 0; number < COUNT; number++) {
        handles_remove(&handles, &slab, objects[number]);
        cr_assert_eq(find(&handles, &slab, number), 0);
        for (uint32_t at = number + 1; at < COUNT; at += 97)
            cr_assert_eq(find(&handles, &slab, at), 1, "%u after %u", at, number);
    }
    cr_expect_leq(handles_bytes(&handles), 2 * empty_bytes);
    handles_deinit(&handles);
    slab_deinit(&slab);
}

Test(handles, what_is_not_there_is_not_removed, .signal = SIGABRT)
{
    struct slab slab;
    struct handles handles;
    slab_init(&slab, 4 * MIB);
    handles_init(&handles);
    handles_remove(&handles, &slab, object_new(&slab, 1));
}
