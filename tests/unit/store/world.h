// SPDX-License-Identifier: Apache-2.0
// One store with a clock of its own, and operations in one line each.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/units.h"
#include "cluster/model/key.h"
#include "cluster/model/limits.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"
#include "node/store/store.h"

#include <criterion/criterion.h>

#define WORLD_START_MS (EXPIRY_ORIGIN_MS + INT64_C(1000000000))

struct world {
    struct store *store;
    int64_t now_ms;
    uint64_t commit_seq;
    uint32_t partition_count;
    struct buffer key;
    struct buffer value;
};

static inline struct world world_new(uint32_t partition_count, uint64_t log_bytes)
{
    struct store_options options = {.partition_count = partition_count,
                                    .log_bytes_per_partition = log_bytes};
    struct world world = {
        .store = store_new(&options),
        .now_ms = WORLD_START_MS,
        .partition_count = partition_count,
    };
    for (uint32_t number = 0; number < partition_count; number++)
        partition_set_primary(store_partition(world.store, (uint16_t)number), true);
    return world;
}

static inline void world_free(struct world *world)
{
    store_free(world->store);
    buffer_deinit(&world->key);
    buffer_deinit(&world->value);
}

// Keys and values are ints; both are borrowed until the next one is made.
static inline struct bytes world_key(struct world *world, int64_t key)
{
    buffer_clear(&world->key);
    write_int(&world->key, key);
    return buffer_bytes(&world->key);
}

static inline struct bytes world_value(struct world *world, int64_t value)
{
    buffer_clear(&world->value);
    write_int(&world->value, value);
    return buffer_bytes(&world->value);
}

static inline struct op world_op(struct world *world, enum op_kind kind, int64_t key)
{
    struct bytes bytes = world_key(world, key);
    return (struct op){
        .kind = kind,
        .map = bytes_of_text("map"),
        .key = bytes,
        .hash = key_hash(bytes),
    };
}

static inline struct partition *world_partition(struct world *world, int64_t key)
{
    uint64_t hash = key_hash(world_key(world, key));
    return store_partition(world->store, key_partition(hash, world->partition_count));
}

static inline struct op_result world_execute(struct world *world, const struct op *op)
{
    struct op_result result;
    uint16_t number = key_partition(op->hash, world->partition_count);
    struct partition *partition = store_partition(world->store, number);
    partition_prefetch_index(partition, op);
    partition_prefetch_record(partition, op);
    partition_execute(partition, op, world->now_ms * US_PER_MS, world->commit_seq, &result);
    if (result.error != ERROR_NONE)
        cr_assert_neq(result.text[0], '\0', "errors say what and where");
    return result;
}

static inline struct op_result world_put(struct world *world, int64_t key, int64_t value,
                                         int64_t ttl_ms)
{
    struct op op = world_op(world, OP_PUT, key);
    op.value = world_value(world, value);
    op.ttl_ms = ttl_ms;
    return world_execute(world, &op);
}

static inline struct op_result world_do(struct world *world, enum op_kind kind, int64_t key)
{
    struct op op = world_op(world, kind, key);
    return world_execute(world, &op);
}

// The value as an int; INT64_MIN: there is no entry.
static inline int64_t world_get(struct world *world, int64_t key)
{
    struct op_result result = world_do(world, OP_GET, key);
    if (!result.found)
        return INT64_MIN;
    struct cursor cursor = cursor_of(result.value);
    int64_t value;
    cr_assert(cursor_read_int(&cursor, &value));
    return value;
}

static inline void world_ignore(void *context, struct partition *partition)
{
    (void)context;
    (void)partition;
}

// Sweeps until nothing is due.
static inline void world_expire(struct world *world)
{
    while (store_expire(world->store, world->now_ms * US_PER_MS, 100, world_ignore, NULL))
        ;
}
