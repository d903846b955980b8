// SPDX-License-Identifier: Apache-2.0
// A node is stopped for longer than its lease and goes on: what was asked before it woke up is not
// answered from its memory, nothing is lost, and it becomes a member again by itself.
//
// RUNS=10 such sleeps (default: 1), SLEEP_MS=10000 long (default: 3000), RATE=5000 operations a
// second meanwhile (default: 3000).
#include "cluster/base/memory.h"
#include "cluster/model/key.h"
#include "cluster/wire/writer.h"
#include "tests/system/support/nodes.h"
#include "tests/system/support/raw.h"
#include "tests/system/support/traffic.h"

#include <signal.h>
#include <stdio.h>

enum {
    NODES = 3,
    WORKERS = 2,
    KEYS = 5000,
    ASKED_MAX = 500, // reads that wait for the node to wake up
    STALE_TOLD_MAX = 5,
    WARM_MS = 500,
    TIMEOUT_MS = 20000,
};

struct asked {
    uint32_t key;
    int64_t floor; // acknowledged when it was asked
};

struct world {
    struct nodes nodes;
    struct traffic *traffic;
    struct raw raws[WORKERS]; // to the sleeper
    struct asked asked[WORKERS][ASKED_MAX];
    uint32_t asked_count[WORKERS];
    uint32_t refused, closed, fresh, stale;
};

// ---- Reads that a sleeper finds when it wakes up ----

// Keys of partitions that the member serves now.
static void keys_choose(struct world *world, uint16_t sleeper)
{
    memset(world->asked_count, 0, sizeof world->asked_count);
    for (uint32_t key = 0; key < KEYS; key++) {
        struct grid_location location;
        uint16_t partition = traffic_partition(world->traffic, key);
        uint32_t worker = partition % WORKERS;
        if (world->asked_count[worker] < ASKED_MAX &&
            grid_locate_partition(traffic_grid(world->traffic), partition, &location) == GRID_OK &&
            location.members[0] == sleeper)
            world->asked[worker][world->asked_count[worker]++].key = key;
    }
}

// While the node sleeps: it finds them when it wakes up.
static void ask(struct world *world, uint32_t worker)
{
    struct buffer out = {0};
    for (uint32_t i = 0; i < world->asked_count[worker]; i++) {
        struct asked *asked = &world->asked[worker][i];
        struct buffer key = {0};
        write_uint(&key, asked->key);
        struct op op = {.kind = OP_GET,
                        .map = bytes_of_text(traffic_values_map),
                        .key = buffer_bytes(&key),
                        .partition = traffic_partition(world->traffic, asked->key)};
        op_encode(&out, i + 1, &op);
        asked->floor = traffic_acknowledged(world->traffic, asked->key);
        buffer_deinit(&key);
    }
    raw_send_buffer(&world->raws[worker], &out);
    buffer_deinit(&out);
}

static void judge(struct world *world, const struct asked *asked, const struct frame *frame)
{
    struct op_reply reply;
    int64_t number = -1;
    CHECK(reply_decode(OP_GET, frame, &reply) == ERROR_NONE);
    if (frame->header.kind == FRAME_ERROR) {
        world->refused++;
        return;
    }
    grid_value_int(grid_value_field((struct grid_bytes){reply.value.data, reply.value.size}, "n"),
                   &number);
    if (number >= asked->floor) {
        world->fresh++;
        return;
    }
    if (world->stale++ < STALE_TOLD_MAX)
        fprintf(stderr, "stale: key %u is %lld, acknowledged %lld\n", asked->key, (long long)number,
                (long long)asked->floor);
}

static void answers_judge(struct world *world)
{
    for (uint32_t worker = 0; worker < WORKERS; worker++) {
        struct raw *raw = &world->raws[worker];
        struct frame frame;
        uint32_t answered = 0;
        while (answered < world->asked_count[worker] && raw_next(raw, &frame)) {
            CHECK(frame.header.request_id >= 1 &&
                  frame.header.request_id <= world->asked_count[worker]);
            judge(world, &world->asked[worker][frame.header.request_id - 1], &frame);
            answered++;
        }
        world->closed += world->asked_count[worker] - answered;
        raw_close(raw);
    }
}

// ---- The sleep ----

static bool writes_flow(void *context)
{
    struct world *world = context;
    return traffic_stalled(world->traffic) == 0;
}

static void name_of(uint32_t number, char name[16])
{
    snprintf(name, 16, "n%u", number + 1);
}

// Returns whether the others took over its partitions meanwhile, and it came back.
static bool sleep_once(struct world *world, uint32_t sleeper)
{
    char name[16];
    name_of(sleeper, name);
    for (uint16_t worker = 0; worker < WORKERS; worker++)
        raw_greet(&world->raws[worker], world->nodes.ports[sleeper], worker);
    traffic_run(world->traffic, WARM_MS);
    uint16_t number = traffic_member(world->traffic, name);
    traffic_begin(world->traffic, number);
    keys_choose(world, number);
    node_kill(&world->nodes, sleeper, SIGSTOP);
    traffic_probe(world->traffic);
    bool flows = traffic_run_until(world->traffic, writes_flow, world, WAIT_MS);
    uint32_t resumed_ms = traffic_resumed_ms(world->traffic);
    traffic_run(world->traffic, environment_number("SLEEP_MS", 3000));
    for (uint32_t worker = 0; worker < WORKERS; worker++)
        ask(world, worker);
    node_kill(&world->nodes, sleeper, SIGCONT);
    answers_judge(world);
    uint64_t start_ms = now_ms();
    bool returns = traffic_settle(world->traffic, NODES, WAIT_MS);
    printf("# %s slept: writes flow after %u ms; it is back after %llu ms\n", name, resumed_ms,
           (unsigned long long)(now_ms() - start_ms));
    return flows && returns && nodes_are_well(&world->nodes);
}

int main(void)
{
    static const char *const options[] = {"--workers=2", NULL};
    static struct world world;
    bool all_well = true;
    nodes_start(&world.nodes, NODES, options);
    struct traffic_options traffic = {.seeds = world.nodes.seeds,
                                      .key_count = KEYS,
                                      .counter_count = KEYS,
                                      .value_bytes = 100,
                                      .rate = environment_number("RATE", 3000),
                                      .timeout_ms = TIMEOUT_MS,
                                      .has_subscriber = true};
    world.traffic = traffic_new(&traffic);
    uint32_t runs = environment_number("RUNS", 1);
    for (uint32_t i = 0; all_well && i < runs; i++)
        all_well = sleep_once(&world, i % NODES);
    bool is_verified = traffic_verify(world.traffic);
    printf("# reads of the sleeper: %u refused, %u not answered, %u fresh, %u stale\n",
           world.refused, world.closed, world.fresh, world.stale);
    case_report(all_well, "the others take over, and the sleeper comes back by itself");
    case_report(world.refused + world.closed + world.fresh > 0 && world.stale == 0,
                "what it is asked first is not answered from its memory");
    case_report(traffic_tally(world.traffic).failed == 0, "no operation fails");
    case_report(is_verified,
                "nothing is lost, applied twice, read stale or missed by a subscriber");
    traffic_free(world.traffic);
    case_report(nodes_stop(&world.nodes), "the nodes end cleanly");
    return case_status();
}
