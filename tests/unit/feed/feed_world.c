// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/feed/feed_world.h"

#include "cluster/base/memory.h"
#include "cluster/model/key.h"
#include "cluster/wire/writer.h"

#include <criterion/criterion.h>

static struct op key_op(enum op_kind kind, uint32_t key, struct buffer *buffer)
{
    write_uint(buffer, key);
    struct op op = {.kind = kind, .map = bytes_of_text("m"), .key = buffer_bytes(buffer)};
    op.hash = key_hash(op.key);
    op.partition = key_partition(op.hash, FEED_PARTITIONS);
    return op;
}

void feed_world_init(struct feed_world *world, uint64_t seed, uint64_t log_bytes)
{
    *world = (struct feed_world){.random = {.state = seed}};
    struct store_options options = {.partition_count = FEED_PARTITIONS,
                                    .log_bytes_per_partition = log_bytes,
                                    .value_bytes_max = 1 << 20};
    struct watches_options watches_options = {.place_count = FEED_PARTITIONS,
                                              .worker_count = 1,
                                              .output_bytes_max = UINT64_MAX,
                                              .always_max = 1000};
    world->store = store_new(&options);
    world->watches = watches_new(&watches_options);
    for (uint16_t i = 0; i < FEED_PARTITIONS; i++) {
        struct feed_partition *partition = &world->partitions[i];
        partition->effects = memory_new_array(FEED_EFFECTS_MAX, sizeof *partition->effects);
        partition->source = (struct source){.partition = store_partition(world->store, i),
                                            .number = i,
                                            .place = i,
                                            .epochs = &partition->epochs};
        partition_set_primary(partition->source.partition, true);
        feed_world_lead(world, i);
    }
    for (uint32_t key = 0; key < FEED_KEYS; key++) {
        struct buffer buffer = {0};
        world->partition_of[key] = key_op(OP_GET, key, &buffer).partition;
        buffer_deinit(&buffer);
    }
}

void feed_world_deinit(struct feed_world *world)
{
    watches_free(world->watches);
    store_free(world->store);
    for (uint16_t i = 0; i < FEED_PARTITIONS; i++)
        free(world->partitions[i].effects);
}

int feed_value_at(const struct feed_world *world, uint32_t key, uint64_t seq)
{
    const struct feed_partition *partition = &world->partitions[world->partition_of[key]];
    for (; seq > 0; seq--) {
        if (partition->effects[seq].key == key)
            return partition->effects[seq].new_value;
    }
    return FEED_NONE;
}

static void note(struct feed_world *world, struct feed_partition *partition, uint32_t key,
                 int value)
{
    uint64_t last_seq = partition_last_seq(partition->source.partition);
    if (last_seq == partition->noted_seq)
        return; // there was nothing to remove
    cr_assert_lt(last_seq, FEED_EFFECTS_MAX);
    uint64_t run_last_seq;
    partition->effects[last_seq] = (struct feed_effect){
        .epoch = epochs_at(&partition->epochs, last_seq, &run_last_seq),
        .key = (uint16_t)key,
        .old_value = (int16_t)feed_value_at(world, key, last_seq - 1),
        .new_value = (int16_t)value,
    };
    partition->noted_seq = last_seq;
    if (watches_are_walking(world->watches))
        watches_appended(world->watches, &partition->source, last_seq);
}

void feed_world_write(struct feed_world *world)
{
    struct buffer key_buffer = {0};
    struct buffer document = {0};
    uint32_t key = (uint32_t)random_below(&world->random, FEED_KEYS);
    int value = (int)random_below(&world->random, FEED_VALUES);
    bool removes = random_below(&world->random, 6) == 0;
    struct op op = key_op(removes ? OP_REMOVE : OP_PUT, key, &key_buffer);
    struct feed_partition *partition = &world->partitions[op.partition];
    write_map(&document, 2);
    write_text(&document, "v");
    write_uint(&document, (uint64_t)value);
    write_text(&document, "w");
    write_text(&document, "padding, so that outlets and logs are full now and then");
    op.value = buffer_bytes(&document);
    if (partition->is_led) {
        struct op_result result;
        partition_execute(partition->source.partition, &op, 1, UINT64_MAX, &result);
        cr_assert_eq(result.error, ERROR_NONE);
        note(world, partition, key, removes ? FEED_NONE : value);
    }
    buffer_deinit(&key_buffer);
    buffer_deinit(&document);
}

void feed_world_commit(struct feed_world *world, uint16_t number, bool all)
{
    struct source *source = &world->partitions[number].source;
    uint64_t open = partition_last_seq(source->partition) - source->committed_seq;
    uint64_t count = all ? open : random_below(&world->random, open + 1);
    uint64_t from_seq = source->committed_seq + 1;
    if (count == 0 || !world->partitions[number].is_led)
        return;
    source->committed_seq += count;
    watches_committed(world->watches, source, from_seq);
    partition_retain_from(source->partition, source->committed_seq + 1);
}

void feed_world_yield(struct feed_world *world, uint16_t number)
{
    struct feed_partition *partition = &world->partitions[number];
    if (!partition->is_led)
        return;
    partition->is_led = false;
    watches_yield(world->watches, &partition->source);
}

void feed_world_lead(struct feed_world *world, uint16_t number)
{
    struct feed_partition *partition = &world->partitions[number];
    if (partition->is_led)
        return;
    partition->is_led = true;
    partition->source.epoch++;
    epochs_begin(&partition->epochs, partition->source.epoch,
                 partition_last_seq(partition->source.partition) + 1);
    watches_lead(world->watches, &partition->source);
}
