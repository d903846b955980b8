// SPDX-License-Identifier: Apache-2.0
// The promise of continuous queries, on one worker: the rows are exactly the state at S0, and every
// later change comes once and in order, whatever is written while the snapshot is walked and
// however late commits come.
#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "cluster/model/key.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/writer.h"
#include "node/feed/watch.h"

#include <criterion/criterion.h>
#include <signal.h>

enum {
    PARTITIONS = 2,
    KEYS = 24000, // enough for tables of several segments that split while they are walked
    VALUE_LIMIT = 100,
    MATCH_FROM = 50, // the predicate: v >= MATCH_FROM
};

static const char map_name[] = "m";

struct world {
    struct store *store;
    struct source sources[PARTITIONS];
    struct source *source_list[PARTITIONS];
    struct watches *watches;
    struct outlet outlet;
    struct list owner;
    struct random random;
    uint64_t noted_seq[PARTITIONS];
    // What the subscriber holds: value by key, -1 where there is none.
    int64_t held[KEYS];
    // What it must have been sent as rows: the state at S0.
    int64_t expected_rows[KEYS];
    bool row_seen[KEYS];
    uint64_t s0[PARTITIONS];
    uint64_t last_event_seq[PARTITIONS];
    uint32_t ready_count;
    uint64_t event_count;
};

static void outlet_note(struct outlet *outlet)
{
    (void)outlet;
}

static void world_init(struct world *world, uint64_t seed)
{
    *world = (struct world){.random = {.state = seed}};
    struct store_options options = {.partition_count = PARTITIONS,
                                    .log_bytes_per_partition = 8 << 20};
    world->store = store_new(&options);
    for (uint16_t i = 0; i < PARTITIONS; i++) {
        struct partition *partition = store_partition(world->store, i);
        partition_set_primary(partition, true);
        world->sources[i] =
            (struct source){.partition = partition, .number = i, .slot = i, .epoch = 1};
        world->source_list[i] = &world->sources[i];
    }
    world->watches = watches_new(world->source_list, PARTITIONS);
    world->outlet.limit_bytes = SIZE_MAX;
    world->outlet.changed = outlet_note;
    list_init(&world->owner);
    for (int i = 0; i < KEYS; i++)
        world->held[i] = world->expected_rows[i] = -1;
}

static void world_deinit(struct world *world)
{
    watches_free(world->watches);
    store_free(world->store);
    buffer_deinit(&world->outlet.out);
}

// ---- The writer ----

static void world_note(struct world *world, uint16_t number)
{
    struct source *source = &world->sources[number];
    uint64_t last_seq = partition_last_seq(source->partition);
    for (uint64_t seq = world->noted_seq[number] + 1; seq <= last_seq; seq++)
        watches_appended(world->watches, source, seq);
    world->noted_seq[number] = last_seq;
}

static void world_write(struct world *world)
{
    uint8_t key[16], value[32];
    struct buffer buffer = {.data = key, .capacity = sizeof key};
    write_uint(&buffer, random_below(&world->random, KEYS));
    struct op op = {.kind = random_below(&world->random, 6) == 0 ? OP_REMOVE : OP_PUT,
                    .map = bytes_of_text(map_name),
                    .key = buffer_bytes(&buffer)};
    struct buffer document = {.data = value, .capacity = sizeof value};
    write_map(&document, 1);
    write_text(&document, "v");
    write_uint(&document, random_below(&world->random, VALUE_LIMIT));
    op.value = buffer_bytes(&document);
    op.hash = key_hash(op.key);
    op.partition = key_partition(op.hash, PARTITIONS);
    struct op_result result;
    partition_execute(world->sources[op.partition].partition, &op, 1, UINT64_MAX, &result);
    cr_assert_eq(result.error, ERROR_NONE);
    world_note(world, op.partition);
}

static void world_commit(struct world *world, uint16_t number, uint64_t to_seq)
{
    struct source *source = &world->sources[number];
    uint64_t from_seq = source->committed_seq + 1;
    source->committed_seq = to_seq;
    if (to_seq >= from_seq)
        watches_committed(world->watches, source, from_seq);
}

static void world_commit_some(struct world *world)
{
    uint16_t number = (uint16_t)random_below(&world->random, PARTITIONS);
    const struct source *source = &world->sources[number];
    uint64_t open = partition_last_seq(source->partition) - source->committed_seq;
    world_commit(world, number, source->committed_seq + random_below(&world->random, open + 1));
}

// ---- The subscriber ----

static int64_t value_of(struct bytes document)
{
    struct cursor cursor = cursor_of(document);
    uint32_t pairs;
    struct bytes name;
    int64_t value;
    cr_assert(cursor_read_map(&cursor, &pairs) && cursor_read_str(&cursor, &name) &&
              cursor_read_int(&cursor, &value));
    return value;
}

static uint64_t key_of(struct bytes key)
{
    struct cursor cursor = cursor_of(key);
    uint64_t number;
    cr_assert(cursor_read_uint(&cursor, &number));
    return number;
}

static void take_row(struct world *world, const struct event *event)
{
    uint64_t key = key_of(event->key);
    cr_assert_not(world->row_seen[key], "key %lu came as a row twice", key);
    world->row_seen[key] = true;
    cr_assert_eq(value_of(event->new_value), world->expected_rows[key], "row of key %lu", key);
    cr_assert_leq(event->seq, world->s0[event->partition]);
    cr_assert_leq(event->seq, world->sources[event->partition].committed_seq,
                  "row of key %lu left before it was committed", key);
    cr_assert_eq(world->held[key], -1, "row of key %lu after its delta", key);
    world->held[key] = world->expected_rows[key];
}

static void take_delta(struct world *world, const struct event *event)
{
    uint64_t key = key_of(event->key);
    cr_assert_gt(event->seq, world->last_event_seq[event->partition]);
    cr_assert_gt(event->seq, world->s0[event->partition]);
    cr_assert_leq(event->seq, world->sources[event->partition].committed_seq);
    world->last_event_seq[event->partition] = event->seq;
    world->event_count++;
    bool was_held = world->held[key] >= 0;
    cr_assert_eq(was_held, event->kind != FRAME_ENTER, "key %lu, kind %x", key, event->kind);
    if (was_held && event->has_old)
        cr_assert_eq(value_of(event->old_value), world->held[key]);
    bool matches = event->has_new && value_of(event->new_value) >= MATCH_FROM;
    cr_assert_eq(matches, event->kind != FRAME_LEAVE);
    world->held[key] = matches ? value_of(event->new_value) : -1;
}

static void world_read(struct world *world)
{
    for (;;) {
        struct frame frame;
        struct event event;
        enum error error;
        if (frame_parse(buffer_bytes(&world->outlet.out), UINT32_MAX, &frame, &error) !=
            FRAME_COMPLETE)
            return;
        switch (frame.header.kind) {
        case FRAME_READY:
            world->ready_count++;
            break;
        case FRAME_ROW:
            cr_assert_eq(event_decode(&frame, &event), ERROR_NONE);
            take_row(world, &event);
            break;
        case FRAME_ENTER:
        case FRAME_UPDATE:
        case FRAME_LEAVE:
            cr_assert_eq(event_decode(&frame, &event), ERROR_NONE);
            take_delta(world, &event);
            break;
        default:
            cr_assert(false, "frame of kind %x", frame.header.kind);
        }
        buffer_consume(&world->outlet.out, FRAME_HEADER_BYTES + frame.body.size);
    }
}

// ---- The truth ----

struct truth {
    int64_t *values;
};

static void truth_visit(void *context, const struct entry *entry)
{
    struct truth *truth = context;
    int64_t value = value_of(entry->value);
    truth->values[key_of(entry->key)] = value >= MATCH_FROM ? value : -1;
}

static void world_state(struct world *world, int64_t *values)
{
    struct truth truth = {.values = values};
    for (int i = 0; i < KEYS; i++)
        values[i] = -1;
    for (int i = 0; i < PARTITIONS; i++) {
        uint64_t position = 0;
        while (partition_walk(world->sources[i].partition, bytes_of_text(map_name), &position,
                              truth_visit, &truth))
            continue;
    }
}

static void world_subscribe(struct world *world)
{
    struct query_error error;
    struct query *query = query_new(bytes_of_text("SELECT * FROM m WHERE v >= 50"), &error);
    cr_assert_not_null(query);
    struct watch_options options = {.subscription = 7, .snapshot = true, .old = true};
    world_state(world, world->expected_rows);
    for (int i = 0; i < PARTITIONS; i++)
        world->s0[i] = partition_last_seq(world->sources[i].partition);
    watch_new(world->watches, query, &world->outlet, &options, &world->owner);
}

static void world_finish(struct world *world)
{
    for (uint16_t i = 0; i < PARTITIONS; i++)
        world_commit(world, i, partition_last_seq(world->sources[i].partition));
    while (watches_are_walking(world->watches)) {
        watches_walk(world->watches);
        world_read(world);
    }
    world_read(world);
}

static void world_check(struct world *world)
{
    int64_t state[KEYS];
    world_state(world, state);
    for (int i = 0; i < KEYS; i++) {
        cr_assert_eq(world->held[i], state[i], "key %d: held %ld, is %ld", i, world->held[i],
                     state[i]);
        cr_assert(world->row_seen[i] == (world->expected_rows[i] >= 0), "row of key %d", i);
    }
    cr_assert_eq(world->ready_count, PARTITIONS);
}

static void world_run(uint64_t seed)
{
    struct world world;
    world_init(&world, seed);
    uint64_t written = random_below(&world.random, 80000);
    for (uint64_t i = 0; i < written; i++) {
        world_write(&world);
        if (random_below(&world.random, 2) == 0)
            world_commit_some(&world);
    }
    world_subscribe(&world);
    for (int step = 0; step < 6000; step++) {
        switch (random_below(&world.random, 8)) {
        case 0:
            watches_walk(world.watches);
            break;
        case 1:
            world_read(&world);
            break;
        case 2:
            world_commit_some(&world);
            break;
        default:
            world_write(&world);
        }
    }
    world_finish(&world);
    world_check(&world);
    world_deinit(&world);
}

Test(watch, snapshot_and_deltas_meet_exactly)
{
    for (uint64_t seed = 1; seed <= 40; seed++)
        world_run(seed);
}

Test(watch, effects_up_to_s0_are_not_told_again)
{
    struct world world;
    world_init(&world, 1);
    for (int i = 0; i < 50; i++)
        world_write(&world);
    world_subscribe(&world); // all 50 still uncommitted
    world_read(&world);
    cr_assert(list_is_empty(&world.owner) == false);
    world_finish(&world);
    world_check(&world);
    cr_assert_eq(world.event_count, 0);
    world_deinit(&world);
}

Test(watch, a_slow_subscriber_is_ended_and_told_so)
{
    struct world world;
    world_init(&world, 2);
    world_subscribe(&world);
    world_finish(&world);
    world.outlet.limit_bytes = 1000;
    for (int i = 0; i < 200; i++)
        world_write(&world);
    for (uint16_t i = 0; i < PARTITIONS; i++)
        world_commit(&world, i, partition_last_seq(world.sources[i].partition));
    cr_assert_leq(buffer_size(&world.outlet.out), 1200);
    watches_reap(world.watches);
    cr_assert_eq(watches_count(world.watches), 0);
    cr_assert(list_is_empty(&world.owner));
    world_deinit(&world);
}

Test(watch, progress_is_told_when_nothing_matches)
{
    struct world world;
    world_init(&world, 3);
    world_subscribe(&world);
    world_finish(&world);
    struct mark mark = {.partition = 1, .epoch = 1, .seq = 9};
    watches_progress(world.watches, &mark, 1);
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(&world.outlet.out), UINT32_MAX, &frame, &error),
                 FRAME_COMPLETE);
    cr_assert_eq(frame.header.kind, FRAME_PROGRESS);
    cr_assert_eq(frame.header.request_id, PROGRESS_REQUEST_ID);
    struct bytes marks;
    struct mark told;
    cr_assert_eq(marks_decode(frame.body, &marks), ERROR_NONE);
    cr_assert(mark_next(&marks, &told) && told.partition == 1 && told.seq == 9);
    cr_assert_not(mark_next(&marks, &told));
    world_deinit(&world);
}

// ---- Ends ----

static void check_ended(struct outlet *outlet, uint32_t subscription, enum error expected)
{
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(&outlet->out), UINT32_MAX, &frame, &error),
                 FRAME_COMPLETE);
    cr_assert(frame.header.kind == FRAME_ENDED && frame.header.request_id == subscription);
    struct op_reply reply;
    cr_assert_eq(reply_decode(OP_NONE, &frame, &reply), ERROR_NONE);
    cr_assert(reply.error == expected && reply.text.size > 0);
    buffer_consume(&outlet->out, FRAME_HEADER_BYTES + frame.body.size);
}

static void world_add_watch(struct world *world, struct outlet *outlet, struct list *owner,
                            uint32_t subscription, bool snapshot)
{
    struct query_error error;
    struct query *query = query_new(bytes_of_text("SELECT * FROM m WHERE v >= 50"), &error);
    struct watch_options options = {.subscription = subscription, .snapshot = snapshot};
    watch_new(world->watches, query, outlet, &options, owner);
}

// In all states: before its snapshot, in it with rows held back, after it; and a slow one.
Test(watch, all_are_ended_and_told_why)
{
    struct world world;
    world_init(&world, 4);
    for (int i = 0; i < 5000; i++)
        world_write(&world);
    struct outlet slow = {.limit_bytes = 0, .changed = outlet_note};
    struct list slow_owner;
    list_init(&slow_owner);
    world_subscribe(&world);
    world_finish(&world);
    world_add_watch(&world, &slow, &slow_owner, 9, false);
    for (int i = 0; i < 100; i++) {
        world_write(&world);
        world_commit_some(&world);
    }
    world_read(&world);
    world_add_watch(&world, &world.outlet, &world.owner, 8, true);
    for (int i = 0; i < 5000; i++)
        world_write(&world);
    buffer_consume(&world.outlet.out, buffer_size(&world.outlet.out));
    buffer_consume(&slow.out, buffer_size(&slow.out));
    watches_end_all(world.watches, ERROR_MOVED, "a partition has moved");
    check_ended(&world.outlet, 7, ERROR_MOVED);
    check_ended(&world.outlet, 8, ERROR_MOVED);
    check_ended(&slow, 9, ERROR_MOVED);
    cr_assert(buffer_size(&world.outlet.out) == 0 && buffer_size(&slow.out) == 0);
    cr_assert_eq(watches_count(world.watches), 0);
    cr_assert(list_is_empty(&world.owner) && list_is_empty(&slow_owner));
    cr_assert_not(watches_are_walking(world.watches));
    watches_reap(world.watches);
    cr_assert_eq(buffer_size(&slow.out), 0);
    buffer_deinit(&slow.out);
    world_deinit(&world);
}

// Primaries move: the sources become others, and more or fewer.
Test(watch, after_a_move_a_snapshot_is_of_the_new_sources)
{
    struct world world;
    world_init(&world, 5);
    for (int i = 0; i < 3000; i++)
        world_write(&world);
    for (uint16_t i = 0; i < PARTITIONS; i++)
        world_commit(&world, i, partition_last_seq(world.sources[i].partition));
    struct source *one[] = {&world.sources[1]};
    world.sources[1].slot = 0;
    watches_set_sources(world.watches, one, 1);
    world_subscribe(&world);
    world_finish(&world);
    cr_assert_eq(world.ready_count, 1);
    for (int i = 0; i < KEYS; i++) {
        uint8_t bytes[16];
        struct buffer key = {.data = bytes, .capacity = sizeof bytes};
        write_uint(&key, (uint64_t)i);
        bool is_there = key_partition(key_hash(buffer_bytes(&key)), PARTITIONS) == 1;
        cr_assert_eq(world.row_seen[i], is_there && world.expected_rows[i] >= 0);
    }
    watches_end_all(world.watches, ERROR_MOVED, "a partition has moved");
    buffer_consume(&world.outlet.out, buffer_size(&world.outlet.out));
    memset(world.row_seen, 0, sizeof world.row_seen);
    for (int i = 0; i < KEYS; i++)
        world.held[i] = -1;
    world.ready_count = 0;
    world.sources[1].slot = 1;
    watches_set_sources(world.watches, world.source_list, PARTITIONS);
    world_subscribe(&world);
    for (int i = 0; i < 1000; i++)
        world_write(&world);
    world_finish(&world);
    world_check(&world);
    world_deinit(&world);
}

Test(watch, none_may_be_left_when_sources_change, .signal = SIGABRT)
{
    struct world world;
    world_init(&world, 6);
    world_subscribe(&world);
    watches_set_sources(world.watches, world.source_list, 1);
}
