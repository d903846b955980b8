// SPDX-License-Identifier: Apache-2.0
// Operations read from the input, run against a store and against a simple model of one; every
// answer must be the same, and the same again for a retry. A second store follows as a backup, by
// effects alone, some of which are taken back and applied again, and must end equal.
#include "cluster/base/check.h"
#include "cluster/base/units.h"
#include "cluster/model/key.h"
#include "cluster/model/limits.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"
#include "node/store/store.h"

#include <stdlib.h>

enum { MAPS = 2, KEYS = 1500, PARTITIONS = 2, CUT_EFFECTS_MAX = 256 };

static const char *const map_names[MAPS] = {"orders", "x"};

struct fact {
    bool is_present;
    uint64_t number; // the value
    uint64_t version;
    int64_t expiry_ms;
    int64_t max_idle_ms;
    int64_t access_ms;
};

struct world {
    struct store *store;
    struct store *backup;
    struct fact facts[MAPS][KEYS];
    uint64_t applied[PARTITIONS]; // last effect that the backup has
    uint64_t number;              // of the last increment
    int64_t now_us;
    const uint8_t *at;
    const uint8_t *end;
    struct buffer key;
    struct buffer value;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned take(struct world *world, unsigned bound)
{
    unsigned number = 0;
    for (unsigned reach = 1; reach < bound && world->at < world->end; reach *= 256)
        number = number * 256 + *world->at++;
    return number % bound;
}

// A key that is a short int, or a str.
static struct bytes key_of(struct world *world, unsigned number)
{
    buffer_clear(&world->key);
    if (number % 3 == 0) {
        write_uint(&world->key, number);
    } else {
        char text[40];
        memset(text, 'k', sizeof text);
        memcpy(text, &number, sizeof number);
        write_str(&world->key, bytes_of(text, 4 + number % 36));
    }
    return buffer_bytes(&world->key);
}

static struct bytes number_value(struct world *world, uint64_t number)
{
    buffer_clear(&world->value);
    write_uint(&world->value, number);
    return buffer_bytes(&world->value);
}

static struct op op_of(struct world *world, enum op_kind kind, unsigned map, unsigned number)
{
    struct bytes key = key_of(world, number);
    return (struct op){
        .kind = kind,
        .hash = key_hash(key),
        .map = bytes_of_text(map_names[map]),
        .key = key,
    };
}

static struct op_result execute(struct world *world, const struct op *op)
{
    struct op_result result;
    struct partition *partition =
        store_partition(world->store, key_partition(op->hash, PARTITIONS));
    if (op->hash & 1) {
        partition_prefetch_index(partition, op);
        partition_prefetch_record(partition, op);
    }
    partition_execute(partition, op, world->now_us, 0, &result);
    return result;
}

static bool fact_is_due(const struct world *world, const struct fact *fact)
{
    int64_t now_ms = world->now_us / US_PER_MS;
    return (fact->expiry_ms && fact->expiry_ms <= now_ms) ||
           (fact->max_idle_ms && fact->access_ms + fact->max_idle_ms <= now_ms);
}

// The fact as an operation sees it: one that is due is no more.
static struct fact *fact_of(struct world *world, unsigned map, unsigned number)
{
    struct fact *fact = &world->facts[map][number];
    if (fact->is_present && fact_is_due(world, fact))
        fact->is_present = false;
    return fact;
}

static void fact_write(struct world *world, struct fact *fact, uint64_t number, uint64_t version,
                       const struct op *op)
{
    int64_t now_ms = world->now_us / US_PER_MS;
    *fact = (struct fact){
        .is_present = true,
        .number = number,
        .version = version,
        .expiry_ms = op->ttl_ms ? now_ms + op->ttl_ms : 0,
        .max_idle_ms = op->max_idle_ms,
        .access_ms = now_ms,
    };
}

static void run_put(struct world *world, enum op_kind kind, unsigned map, unsigned number)
{
    static const int64_t times_ms[] = {0, 1, 50, 1000, 70000, TTL_MS_MAX};
    struct op op = op_of(world, kind, map, number);
    uint64_t content = take(world, 70000);
    op.value = number_value(world, content);
    op.ttl_ms = times_ms[take(world, 6)];
    op.max_idle_ms = times_ms[take(world, 5)];
    op.condition = kind == OP_GET_AND_PUT ? CONDITION_NONE : take(world, 3);
    struct fact *fact = fact_of(world, map, number);
    op.version = fact->version - take(world, 2);
    struct op_result result = execute(world, &op);
    uint64_t version = fact->is_present ? fact->version : 0;
    CHECK(result.found == fact->is_present);
    if (kind == OP_REPLACE && !fact->is_present) {
        CHECK(result.error == ERROR_NOT_FOUND);
    } else if (op.condition == CONDITION_IF_ABSENT && fact->is_present) {
        CHECK(result.error == ERROR_EXISTS && result.version == version);
    } else if (op.condition == CONDITION_IF_VERSION && version != op.version) {
        CHECK(result.error == ERROR_VERSION_MISMATCH && result.version == version);
    } else {
        CHECK(result.error == ERROR_NONE && result.seq == result.version);
        if (kind == OP_GET_AND_PUT && fact->is_present)
            CHECK(bytes_equal(result.value, number_value(world, fact->number)));
        fact_write(world, fact, content, result.version, &op);
    }
}

static void run_read(struct world *world, enum op_kind kind, unsigned map, unsigned number)
{
    struct op op = op_of(world, kind, map, number);
    struct fact *fact = fact_of(world, map, number);
    struct op_result result = execute(world, &op);
    CHECK(result.error == ERROR_NONE && result.found == fact->is_present);
    if (!fact->is_present)
        return;
    fact->access_ms = world->now_us / US_PER_MS;
    CHECK(result.version == fact->version);
    if (kind == OP_GET)
        CHECK(bytes_equal(result.value, number_value(world, fact->number)));
}

static void run_remove(struct world *world, unsigned map, unsigned number)
{
    struct op op = op_of(world, OP_REMOVE, map, number);
    struct fact *fact = fact_of(world, map, number);
    op.condition = take(world, 2) ? CONDITION_IF_VERSION : CONDITION_NONE;
    op.version = fact->version - take(world, 2);
    struct op_result result = execute(world, &op);
    CHECK(result.found == fact->is_present);
    if (op.condition == CONDITION_IF_VERSION && fact->is_present && op.version != fact->version)
        CHECK(result.error == ERROR_VERSION_MISMATCH);
    else
        fact->is_present = false;
}

static void run_increment(struct world *world, unsigned map, unsigned number)
{
    struct op op = op_of(world, OP_INCREMENT, map, number);
    unsigned delta = take(world, 70000);
    op.value = number_value(world, delta);
    op.client = 1 + number % 3;
    op.number = ++world->number;
    op.floor = op.number < 40 ? 0 : op.number - 40;
    struct fact *fact = fact_of(world, map, number);
    struct op_result result = execute(world, &op);
    uint64_t sum = delta + (fact->is_present ? fact->number : 0);
    CHECK(result.error == ERROR_NONE && result.found == fact->is_present);
    CHECK(bytes_equal(result.value, number_value(world, sum)));
    op.is_retry = true;
    struct op_result again = execute(world, &op);
    CHECK(again.error == ERROR_NONE && again.found == result.found && again.seq == result.seq);
    CHECK(bytes_equal(again.value, number_value(world, sum)));
    if (fact->is_present) {
        fact->number = sum;
        fact->version = result.version;
        fact->access_ms = world->now_us / US_PER_MS;
    } else {
        fact_write(world, fact, sum, result.version, &op);
    }
}

static void run_touch(struct world *world, unsigned map, unsigned number)
{
    struct op op = op_of(world, OP_TOUCH, map, number);
    op.ttl_ms = take(world, 3) * 40;
    op.max_idle_ms = take(world, 3) * 40;
    struct fact *fact = fact_of(world, map, number);
    struct op_result result = execute(world, &op);
    CHECK(result.error == ERROR_NONE && result.found == fact->is_present);
    if (fact->is_present)
        fact_write(world, fact, fact->number, result.version, &op);
}

static void run_clear(struct world *world, unsigned map)
{
    for (uint16_t number = 0; number < PARTITIONS; number++) {
        struct op op = {.kind = OP_CLEAR, .map = bytes_of_text(map_names[map])};
        struct op_result result;
        do {
            partition_execute(store_partition(world->store, number), &op, world->now_us, 0,
                              &result);
            CHECK(result.error == ERROR_NONE);
            op.position = result.position;
        } while (result.more);
    }
    for (unsigned number = 0; number < KEYS; number++)
        world->facts[map][number].is_present = false;
}

// Puts or removes many keys, so that tables grow and shrink.
static void run_range(struct world *world, unsigned map, bool puts)
{
    unsigned first = take(world, KEYS);
    unsigned count = take(world, KEYS) / 2;
    for (unsigned i = 0; i < count; i++) {
        unsigned number = (first + i * 7) % KEYS;
        struct op op = op_of(world, puts ? OP_PUT : OP_REMOVE, map, number);
        struct fact *fact = fact_of(world, map, number);
        op.value = number_value(world, i);
        op.ttl_ms = puts ? (i % 3) * 500 : 0;
        struct op_result result = execute(world, &op);
        CHECK(result.error == ERROR_NONE && result.found == fact->is_present);
        fact->is_present = false;
        if (puts)
            fact_write(world, fact, i, result.version, &op);
    }
}

static void count_visits(void *context, const struct entry *entry)
{
    CHECK(entry->seq > 0 && key_check(entry->key) == ERROR_NONE);
    ++*(uint64_t *)context;
}

static uint64_t count_walk(struct store *store, unsigned map)
{
    uint64_t count = 0;
    for (uint16_t number = 0; number < PARTITIONS; number++) {
        uint64_t position = 0;
        while (partition_walk(store_partition(store, number), bytes_of_text(map_names[map]),
                              &position, count_visits, &count))
            ;
    }
    return count;
}

static void ignore_partition(void *context, struct partition *partition)
{
    (void)context;
    CHECK(partition_is_primary(partition));
}

// After the sweep, the store holds just what the model does.
static void run_expire(struct world *world)
{
    // Deadlines are kept in ticks of 16 ms.
    world->now_us += (int64_t)take(world, 3) * take(world, 60000) * US_PER_MS;
    while (store_expire(world->store, world->now_us, 1 + take(world, 50), ignore_partition, NULL))
        ;
    for (unsigned map = 0; map < MAPS; map++) {
        uint64_t certain = 0;
        uint64_t possible = 0;
        int64_t now_us = world->now_us;
        for (unsigned number = 0; number < KEYS; number++) {
            const struct fact *fact = &world->facts[map][number];
            possible += fact->is_present &&
                        (world->now_us = now_us - 32 * US_PER_MS, !fact_is_due(world, fact));
            certain += fact->is_present && (world->now_us = now_us, !fact_is_due(world, fact));
        }
        world->now_us = now_us;
        uint64_t count = count_walk(world->store, map);
        CHECK(count >= certain && count <= possible);
    }
}

static void follow(struct world *world)
{
    for (uint16_t number = 0; number < PARTITIONS; number++) {
        struct partition *partition = store_partition(world->store, number);
        struct partition *backup = store_partition(world->backup, number);
        while (world->applied[number] < partition_last_seq(partition)) {
            struct effect effect;
            struct bytes old_value;
            uint64_t old_seq;
            partition_effect(partition, ++world->applied[number], &effect, &old_value, &old_seq);
            CHECK((old_seq == 0) == (old_value.size == 0));
            partition_append(backup, &effect);
        }
        uint64_t kept =
            world->applied[number] < CUT_EFFECTS_MAX ? world->applied[number] : CUT_EFFECTS_MAX;
        partition_retain_from(partition, world->applied[number] + 1 - kept);
        partition_retain_from(backup, world->applied[number] + 1 - kept);
    }
}

// The backup loses its last effects, to be followed again.
static void run_cut(struct world *world)
{
    follow(world);
    for (uint16_t number = 0; number < PARTITIONS; number++) {
        uint64_t back = take(world, CUT_EFFECTS_MAX + 1);
        if (back > world->applied[number])
            back = world->applied[number];
        world->applied[number] -= back;
        partition_cut(store_partition(world->backup, number), world->applied[number]);
    }
}

static void compare_visit(void *context, const struct entry *entry)
{
    struct op op = {.kind = OP_GET, .key = entry->key, .hash = key_hash(entry->key)};
    struct op_result result;
    struct world *world = context;
    bool found = false;
    for (unsigned map = 0; map < MAPS && !found; map++) {
        op.map = bytes_of_text(map_names[map]);
        uint16_t number = key_partition(op.hash, PARTITIONS);
        partition_execute(store_partition(world->backup, number), &op, 0, 0, &result);
        found =
            result.found && result.version == entry->seq && bytes_equal(result.value, entry->value);
    }
    CHECK(found);
}

static void compare_backup(struct world *world)
{
    follow(world);
    for (unsigned map = 0; map < MAPS; map++) {
        CHECK(count_walk(world->store, map) == count_walk(world->backup, map));
        for (uint16_t number = 0; number < PARTITIONS; number++) {
            uint64_t position = 0;
            while (partition_walk(store_partition(world->store, number),
                                  bytes_of_text(map_names[map]), &position, compare_visit, world))
                ;
        }
    }
}

static void step(struct world *world)
{
    unsigned choice = take(world, 64);
    unsigned map = take(world, MAPS);
    unsigned number = take(world, 2) ? take(world, 16) : take(world, KEYS);
    if (choice < 16)
        run_put(world, OP_PUT, map, number);
    else if (choice < 20)
        run_put(world, OP_REPLACE, map, number);
    else if (choice < 24)
        run_put(world, OP_GET_AND_PUT, map, number);
    else if (choice < 32)
        run_read(world, choice % 2 ? OP_GET : OP_CONTAINS, map, number);
    else if (choice < 40)
        run_remove(world, map, number);
    else if (choice < 44)
        run_increment(world, map, number);
    else if (choice < 48)
        run_touch(world, map, number);
    else if (choice < 49)
        run_clear(world, map);
    else if (choice < 54)
        run_range(world, map, choice % 2);
    else if (choice < 60)
        run_expire(world);
    else if (choice < 62)
        follow(world);
    else
        run_cut(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store_options options = {.partition_count = PARTITIONS, .log_bytes_per_partition = 8192};
    struct world *world = calloc(1, sizeof *world);
    CHECK(world != NULL);
    world->store = store_new(&options);
    world->backup = store_new(&options);
    world->now_us = (EXPIRY_ORIGIN_MS + INT64_C(86400000) * 1000) * US_PER_MS;
    world->at = data;
    world->end = data + size;
    for (uint16_t number = 0; number < PARTITIONS; number++)
        partition_set_primary(store_partition(world->store, number), true);
    while (world->at < world->end)
        step(world);
    compare_backup(world);
    CHECK(store_memory(world->store).entry_count ==
          count_walk(world->store, 0) + count_walk(world->store, 1));
    store_free(world->store);
    store_free(world->backup);
    buffer_deinit(&world->key);
    buffer_deinit(&world->value);
    free(world);
    return 0;
}
