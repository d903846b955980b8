// SPDX-License-Identifier: Apache-2.0
// Shards of several members side by side, their frames carried by hand: what views make of them.
#include "node/shard/shard.h"

#include "cluster/base/memory.h"
#include "cluster/model/key.h"
#include "cluster/wire/op_codec.h"
#include "node/shard/execute.h"

#include <criterion/criterion.h>

enum { MEMBERS = 3, PARTITIONS = 1 };

static void ignore_change(struct outlet *outlet)
{
    (void)outlet;
}

static void ignore_say(void *context, bool is_warning, const char *text)
{
    (void)context;
    (void)is_warning;
    (void)text;
}

static void no_hop(void *context, const struct request *request)
{
    (void)context;
    (void)request;
    cr_assert_fail("there is one worker");
}

static void no_stats(void *context, struct buffer *out)
{
    (void)context;
    (void)out;
}

// links[a][b]: from a's primaries to b; answers[a][b]: what b sends back by it.
struct world {
    struct shard *shards[MEMBERS];
    struct outlet links[MEMBERS][MEMBERS];
    struct outlet answers[MEMBERS][MEMBERS];
    bool is_up[MEMBERS][MEMBERS];
    struct outlet client;
    struct view views[8]; // shards keep the last one
    uint32_t view_count;
    uint64_t now_us;
};

static uint64_t id_of(uint32_t member)
{
    return 100 + member;
}

static void world_init(struct world *world)
{
    *world = (struct world){.now_us = 1000000};
    world->client.changed = ignore_change;
    world->client.limit_bytes = SIZE_MAX;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct shard_options options = {
            .worker_count = 1,
            .member_id = id_of(i),
            .log_bytes_max = 1 << 20,
            .value_bytes_max = 1 << 16,
            .answer_timeout_ms = 1000,
            .drop_ms = 100,
            .host = {.say = ignore_say, .hop = no_hop, .stats = no_stats}};
        world->shards[i] = shard_new(&options);
        for (uint32_t j = 0; j < MEMBERS; j++) {
            world->links[i][j] = (struct outlet){.changed = ignore_change};
            world->answers[i][j] = (struct outlet){.changed = ignore_change};
        }
    }
}

static void world_deinit(struct world *world)
{
    for (uint32_t i = 0; i < MEMBERS; i++) {
        if (world->shards[i])
            shard_drop_pending(world->shards[i]);
        if (world->shards[i])
            shard_free(world->shards[i]);
        for (uint32_t j = 0; j < MEMBERS; j++) {
            buffer_deinit(&world->links[i][j].out);
            buffer_deinit(&world->answers[i][j].out);
        }
    }
    buffer_deinit(&world->client.out);
    for (uint32_t i = 0; i < world->view_count; i++)
        view_deinit(&world->views[i]);
}

static void set_time(struct world *world)
{
    for (uint32_t i = 0; i < MEMBERS; i++) {
        if (!world->shards[i])
            continue;
        struct shard_time time = {.now_us = world->now_us,
                                  .unix_us = UINT64_C(1800000000000000) + world->now_us};
        shard_set_time(world->shards[i], time);
        shard_set_lease(world->shards[i], UINT64_MAX);
    }
}

// One partition: its replicas in order, the first `in_sync` of them in sync.
static void apply(struct world *world, uint64_t epoch, const uint16_t *replicas, uint8_t count,
                  uint8_t in_sync)
{
    struct view *view = &world->views[world->view_count++];
    *view = (struct view){.grid_id = 7,
                          .version = world->view_count,
                          .partition_count = PARTITIONS,
                          .replica_count = 2,
                          .min_in_sync = 1,
                          .member_count = MEMBERS};
    view->members = memory_new_array(MEMBERS, sizeof *view->members);
    for (uint32_t i = 0; i < MEMBERS; i++)
        view->members[i] = (struct view_member){.id = id_of(i), .weight = 1};
    view->partitions = memory_new_array(PARTITIONS, sizeof *view->partitions);
    view->partitions[0] = (struct view_partition){.epoch = epoch,
                                                  .version = view->version,
                                                  .replica_count = count,
                                                  .in_sync_count = in_sync,
                                                  .handover = VIEW_NO_MEMBER};
    memcpy(view->partitions[0].replicas, replicas, count * sizeof *replicas);
    set_time(world);
    for (uint32_t i = 0; i < MEMBERS; i++)
        if (world->shards[i])
            shard_apply_view(world->shards[i], view);
}

static bool take_frame(struct outlet *outlet, struct frame *frame)
{
    enum error error;
    return frame_parse(buffer_bytes(&outlet->out), UINT32_MAX, frame, &error) == FRAME_COMPLETE;
}

static bool carry(struct world *world, uint32_t a, uint32_t b)
{
    bool moved = false;
    struct frame frame;
    if (!world->is_up[a][b])
        return false;
    world->links[a][b].is_dirty = world->answers[a][b].is_dirty = false;
    while (take_frame(&world->links[a][b], &frame)) {
        cr_assert_eq(shard_receive(world->shards[b], &world->answers[a][b], &frame), ERROR_NONE);
        buffer_consume(&world->links[a][b].out, FRAME_HEADER_BYTES + frame.body.size);
        moved = true;
    }
    while (take_frame(&world->answers[a][b], &frame)) {
        cr_assert_eq(shard_report(world->shards[a], &world->links[a][b], &frame), ERROR_NONE);
        buffer_consume(&world->answers[a][b].out, FRAME_HEADER_BYTES + frame.body.size);
        moved = true;
    }
    return moved;
}

// Opens the links that are wanted and carries frames until nothing moves.
static void settle(struct world *world)
{
    bool moved = true;
    set_time(world);
    while (moved) {
        moved = false;
        for (uint32_t a = 0; a < MEMBERS; a++) {
            for (uint32_t b = 0; world->shards[a] && b < MEMBERS; b++) {
                if (a == b || !world->shards[b])
                    continue;
                if (!world->is_up[a][b] && shard_wants_link(world->shards[a], id_of(b), 0, 1)) {
                    world->is_up[a][b] = true;
                    shard_link_up(world->shards[a], id_of(b), 0, 1, &world->links[a][b]);
                }
                moved = carry(world, a, b) || moved;
            }
            if (world->shards[a]) {
                shard_advance(world->shards[a]);
                moved = shard_work(world->shards[a]) || moved;
            }
        }
    }
}

static void pass(struct world *world, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 20) {
        world->now_us += 20000;
        set_time(world);
        for (uint32_t m = 0; m < MEMBERS; m++)
            if (world->shards[m])
                shard_tick(world->shards[m]);
        settle(world);
    }
}

static void die(struct world *world, uint32_t member)
{
    shard_drop_pending(world->shards[member]);
    shard_free(world->shards[member]);
    world->shards[member] = NULL;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        if (world->is_up[i][member])
            shard_link_down(world->shards[i], &world->links[i][member]);
        if (world->is_up[member][i])
            shard_primary_gone(world->shards[i], &world->answers[member][i]);
        world->is_up[i][member] = world->is_up[member][i] = false;
    }
}

static const uint8_t key_a[] = {0xa1, 'a'};

static struct op op_of(enum op_kind kind, const uint8_t *value)
{
    struct op op = {.kind = kind, .map = bytes_of_text("m"), .key = bytes_of(key_a, 2)};
    op.hash = key_hash(op.key);
    op.partition = 0;
    if (value)
        op.value = bytes_of(value, 1);
    return op;
}

static void ask(struct world *world, uint32_t member, const struct op *op)
{
    struct request request = {.op = *op, .id = 1, .outlet = &world->client};
    buffer_clear(&world->client.out);
    world->client.is_dirty = false;
    set_time(world);
    execute_prepare(world->shards[member], &request);
    execute_batch(world->shards[member], &request, 1);
}

static struct op_reply answer(struct world *world, enum op_kind kind)
{
    struct frame frame;
    struct op_reply reply;
    cr_assert(take_frame(&world->client, &frame), "it was answered");
    cr_assert_eq(reply_decode(kind, &frame, &reply), ERROR_NONE);
    return reply;
}

static bool is_answered(struct world *world)
{
    struct frame frame;
    return take_frame(&world->client, &frame);
}

static uint32_t wishes_of(struct world *world, uint32_t member, struct wish *wish)
{
    return shard_wishes(world->shards[member], wish, 1);
}

Test(shard, a_write_is_answered_when_its_backup_has_it)
{
    struct world world;
    const uint8_t one = 1;
    world_init(&world);
    apply(&world, 1, (uint16_t[]){0, 1}, 2, 2);
    struct op put = op_of(OP_PUT, &one);
    ask(&world, 0, &put);
    cr_expect_not(is_answered(&world), "the backup is not even connected");
    settle(&world);
    cr_expect_eq(answer(&world, OP_PUT).error, ERROR_NONE);
    ask(&world, 1, &put);
    cr_expect_eq(answer(&world, OP_PUT).error, ERROR_NOT_OWNER);
    world_deinit(&world);
}

Test(shard, what_was_answered_survives_the_primary)
{
    struct world world;
    const uint8_t one = 1;
    world_init(&world);
    apply(&world, 1, (uint16_t[]){0, 1}, 2, 2);
    settle(&world);
    struct op put = op_of(OP_PUT, &one);
    ask(&world, 0, &put);
    settle(&world);
    cr_expect_eq(answer(&world, OP_PUT).error, ERROR_NONE);
    die(&world, 0);
    apply(&world, 2, (uint16_t[]){1}, 1, 1);
    settle(&world);
    struct op get = op_of(OP_GET, NULL);
    ask(&world, 1, &get);
    struct op_reply reply = answer(&world, OP_GET);
    cr_expect_eq(reply.error, ERROR_NONE);
    cr_expect(reply.found);
    world_deinit(&world);
}

Test(shard, a_replica_may_be_asked_before_it_knows_the_view)
{
    struct world world;
    struct wish wish;
    world_init(&world);
    apply(&world, 1, (uint16_t[]){0}, 1, 1);
    struct shard *late = world.shards[1];
    world.shards[1] = NULL;
    apply(&world, 1, (uint16_t[]){0, 1}, 2, 1);
    world.shards[1] = late;
    settle(&world);
    cr_expect_eq(wishes_of(&world, 0, &wish), 0);
    shard_apply_view(late, &world.views[1]);
    settle(&world); // no time passes: nobody asks again
    cr_assert_eq(wishes_of(&world, 0, &wish), 1);
    cr_expect_eq(wish.kind, WISH_ADD);
    cr_expect_eq(wish.member_id, id_of(1));
    world_deinit(&world);
}

Test(shard, an_early_question_is_forgotten_with_its_connection)
{
    struct world world;
    world_init(&world);
    apply(&world, 1, (uint16_t[]){0}, 1, 1);
    struct shard *late = world.shards[1];
    world.shards[1] = NULL;
    apply(&world, 1, (uint16_t[]){0, 1}, 2, 1);
    world.shards[1] = late;
    settle(&world);
    shard_primary_gone(late, &world.answers[0][1]);
    shard_apply_view(late, &world.views[1]);
    cr_expect_eq(buffer_size(&world.answers[0][1].out), 0);
    world_deinit(&world);
}

Test(shard, a_new_replica_is_filled_and_wished_in_sync)
{
    struct world world;
    const uint8_t one = 1;
    struct wish wish;
    world_init(&world);
    apply(&world, 1, (uint16_t[]){0}, 1, 1);
    struct op put = op_of(OP_PUT, &one);
    ask(&world, 0, &put);
    cr_expect_eq(answer(&world, OP_PUT).error, ERROR_NONE);
    apply(&world, 1, (uint16_t[]){0, 2}, 2, 1);
    settle(&world);
    pass(&world, 200);
    cr_assert_eq(wishes_of(&world, 0, &wish), 1);
    cr_expect_eq(wish.kind, WISH_ADD);
    cr_expect_eq(wish.member_id, id_of(2));
    apply(&world, 1, (uint16_t[]){0, 2}, 2, 2);
    cr_expect_eq(wishes_of(&world, 0, &wish), 0);
    apply(&world, 2, (uint16_t[]){2, 0}, 2, 2);
    settle(&world);
    struct op get = op_of(OP_GET, NULL);
    ask(&world, 2, &get);
    cr_expect(answer(&world, OP_GET).found);
    ask(&world, 2, &put);
    settle(&world);
    cr_expect_eq(answer(&world, OP_PUT).error, ERROR_NONE);
    world_deinit(&world);
}

Test(shard, a_silent_backup_is_wished_away_and_the_write_completes)
{
    struct world world;
    const uint8_t one = 1;
    struct wish wish;
    world_init(&world);
    apply(&world, 1, (uint16_t[]){0, 1}, 2, 2);
    settle(&world);
    die(&world, 1);
    struct op put = op_of(OP_PUT, &one);
    ask(&world, 0, &put);
    pass(&world, 200);
    cr_expect_not(is_answered(&world));
    cr_assert_eq(wishes_of(&world, 0, &wish), 1);
    cr_expect_eq(wish.kind, WISH_DROP);
    apply(&world, 1, (uint16_t[]){0, 1}, 2, 1);
    cr_expect_eq(answer(&world, OP_PUT).error, ERROR_NONE);
    world_deinit(&world);
}

Test(shard, a_retry_after_failover_is_not_applied_again)
{
    struct world world;
    const uint8_t one = 1;
    world_init(&world);
    apply(&world, 1, (uint16_t[]){0, 1}, 2, 2);
    settle(&world);
    struct op add = op_of(OP_INCREMENT, &one);
    add.client = 9;
    add.number = add.floor = 1;
    ask(&world, 0, &add);
    settle(&world);
    uint64_t version = answer(&world, OP_INCREMENT).version;
    die(&world, 0);
    apply(&world, 2, (uint16_t[]){1}, 1, 1);
    add.is_retry = true;
    ask(&world, 1, &add);
    struct op_reply reply = answer(&world, OP_INCREMENT);
    cr_expect_eq(reply.error, ERROR_NONE);
    cr_expect_eq(reply.version, version);
    cr_assert_eq(reply.value.size, 1);
    cr_expect_eq(reply.value.data[0], 1);
    world_deinit(&world);
}

Test(shard, effects_that_the_next_primary_does_not_have_are_taken_back)
{
    struct world world;
    const uint8_t one = 1, two = 2, three = 3;
    world_init(&world);
    apply(&world, 1, (uint16_t[]){0, 1, 2}, 3, 3);
    settle(&world);
    struct op put = op_of(OP_PUT, &one);
    ask(&world, 0, &put);
    settle(&world);
    // The second write reaches member 1, not member 2; then member 0 dies and member 2 leads.
    put = op_of(OP_PUT, &two);
    ask(&world, 0, &put);
    shard_advance(world.shards[0]);
    carry(&world, 0, 1);
    cr_expect_not(is_answered(&world));
    buffer_clear(&world.links[0][2].out);
    die(&world, 0);
    apply(&world, 2, (uint16_t[]){2, 1}, 2, 2);
    settle(&world);
    put = op_of(OP_PUT, &three);
    ask(&world, 2, &put);
    settle(&world);
    cr_expect_eq(answer(&world, OP_PUT).version, 2);
    die(&world, 2);
    apply(&world, 3, (uint16_t[]){1}, 1, 1);
    struct op get = op_of(OP_GET, NULL);
    ask(&world, 1, &get);
    cr_expect_eq(answer(&world, OP_GET).value.data[0], 3);
    world_deinit(&world);
}

Test(shard, without_a_lease_nothing_is_served)
{
    struct world world;
    world_init(&world);
    apply(&world, 1, (uint16_t[]){0}, 1, 1);
    struct op get = op_of(OP_GET, NULL);
    struct request request = {.op = get, .id = 1, .outlet = &world.client};
    shard_set_lease(world.shards[0], world.now_us);
    execute_prepare(world.shards[0], &request);
    execute_batch(world.shards[0], &request, 1);
    cr_expect_eq(answer(&world, OP_GET).error, ERROR_NO_QUORUM);
    cr_expect(shard_lease_holds(world.shards[0], world.now_us + 1), "a refusal may always leave");
    ask(&world, 0, &get);
    shard_set_lease(world.shards[0], world.now_us + 10);
    cr_expect_not(shard_lease_holds(world.shards[0], world.now_us + 10));
    world_deinit(&world);
}
