// SPDX-License-Identifier: Apache-2.0
// The network parts one node from the other two: it says NO_QUORUM before they take over, they go
// on, and once the network is whole again so is the grid. Nodes live in network namespaces; where
// these are not permitted, nothing is tested.
//
// RUNS=9 cuts (default: 2), RATE=5000 operations a second meanwhile (default: 2000), JUDGE=1
// judges, else it only reports the times (a machine under other load).
#include "cluster/base/memory.h"
#include "cluster/model/key.h"
#include "cluster/wire/writer.h"
#include "tests/system/support/network.h"
#include "tests/system/support/nodes.h"
#include "tests/system/support/raw.h"
#include "tests/system/support/traffic.h"

#include <signal.h>
#include <stdio.h>

enum {
    NODES = 3,
    KEYS = 5000,
    WARM_MS = 500,
    APART_MS = 2000, // the majority goes on for so long
    TIMEOUT_MS = 20000,
    // The defaults of lease-ms and election-ms: a leader renews its own lease until it notices that
    // no majority hears it.
    LEASE_MS = 900 + 250,
    SLACK_MS = 100, // until a busy machine notices
    RESUMED_MS_MAX = 3000,
    AT_ONCE_MS = 100,
    KEYS_TRIED = 100000,
};

struct world {
    struct network network;
    struct nodes nodes;
    struct traffic *traffic;
    uint32_t victim;   // the node that is cut off
    struct raw raw;    // to the node that is cut off, over its side
    struct buffer key; // of an entry that it serves
    uint32_t refused_ms_worst;
    uint32_t resumed_ms_worst;
    bool all_at_once; // refusals of writes
};

// ---- The node that is cut off ----

// A key of a partition that the member serves, of the worker that the connection belongs to.
static void key_choose(struct world *world, uint16_t member)
{
    struct grid *grid = traffic_grid(world->traffic);
    for (uint32_t number = 0; number < KEYS_TRIED; number++) {
        struct grid_location location;
        buffer_clear(&world->key);
        write_uint(&world->key, number);
        struct bytes key = buffer_bytes(&world->key);
        CHECK(grid_locate_key(grid, (struct grid_bytes){key.data, key.size}, &location) == GRID_OK);
        if (location.members[0] == member &&
            location.partition % world->raw.worker_count == world->raw.worker)
            return;
    }
    check_failed("the member serves something", __FILE__, __LINE__);
}

// The error that an operation on the key is answered with.
static enum error ask(struct world *world, enum op_kind kind)
{
    struct buffer out = {0};
    struct frame frame;
    struct op_reply reply;
    struct bytes value = bytes_of_text(kind == OP_PUT ? "\x01" : "");
    raw_op(&world->raw, &out, kind, 1, buffer_bytes(&world->key), value);
    bool is_answered = raw_send_buffer(&world->raw, &out) && raw_next(&world->raw, &frame) &&
                       reply_decode(kind, &frame, &reply) == ERROR_NONE;
    buffer_deinit(&out);
    if (!is_answered)
        return ERROR_DISCONNECTED;
    return frame.header.kind == FRAME_ERROR ? reply.error : ERROR_NONE;
}

static void greet(struct world *world)
{
    raw_greet_at(&world->raw, network_side(&world->network, world->victim),
                 world->nodes.ports[world->victim], 0);
}

// A read that was executed just before the lease ended is not answered: the connection is closed.
static bool reads_are_refused(void *context)
{
    struct world *world = context;
    enum error error = ask(world, OP_GET);
    if (error == ERROR_DISCONNECTED) {
        raw_close(&world->raw);
        greet(world);
    }
    return error == ERROR_NO_QUORUM;
}

static bool write_is_refused_at_once(struct world *world)
{
    uint64_t start_ms = now_ms();
    return ask(world, OP_PUT) == ERROR_NO_QUORUM && now_ms() - start_ms <= AT_ONCE_MS;
}

// ---- The others ----

static bool writes_flow(void *context)
{
    struct world *world = context;
    return traffic_stalled(world->traffic) == 0;
}

static void worst(uint32_t *worst_ms, uint64_t ms)
{
    if (ms > *worst_ms)
        *worst_ms = (uint32_t)ms;
}

static bool cut_once(struct world *world, uint32_t victim)
{
    char name[16];
    snprintf(name, sizeof name, "n%u", victim + 1);
    traffic_run(world->traffic, WARM_MS);
    uint16_t member = traffic_member(world->traffic, name);
    world->victim = victim;
    greet(world);
    key_choose(world, member);
    CHECK(ask(world, OP_PUT) == ERROR_NONE);
    traffic_begin(world->traffic, member);
    network_pull(&world->network, victim);
    traffic_probe(world->traffic);
    uint64_t start_ms = now_ms();
    bool refuses = traffic_run_until(world->traffic, reads_are_refused, world, WAIT_MS);
    uint64_t refused_ms = now_ms() - start_ms;
    world->all_at_once = world->all_at_once && write_is_refused_at_once(world);
    bool flows = traffic_run_until(world->traffic, writes_flow, world, WAIT_MS);
    uint32_t resumed_ms = traffic_resumed_ms(world->traffic);
    traffic_run(world->traffic, APART_MS);
    network_plug(&world->network, victim);
    start_ms = now_ms();
    bool heals = traffic_settle(world->traffic, NODES, WAIT_MS);
    fprintf(stderr,
            "%s cut off: NO_QUORUM after %llu ms, writes flow after %u ms, whole %llu ms "
            "after it was plugged in\n",
            name, (unsigned long long)refused_ms, resumed_ms,
            (unsigned long long)(now_ms() - start_ms));
    raw_close(&world->raw);
    worst(&world->refused_ms_worst, refused_ms);
    worst(&world->resumed_ms_worst, resumed_ms);
    return refuses && flows && heals && nodes_are_well(&world->nodes);
}

static void check(struct world *world)
{
    bool judges = times_count();
    bool all_well = true;
    uint32_t runs = environment_number("RUNS", 2);
    world->all_at_once = true;
    for (uint32_t i = 0; all_well && i < runs; i++)
        all_well = cut_once(world, i % NODES);
    bool is_verified = traffic_verify(world->traffic);
    printf("# %u cuts: NO_QUORUM after %u ms at worst, writes flow after %u ms at worst\n", runs,
           world->refused_ms_worst, world->resumed_ms_worst);
    case_report(all_well, "a node that is cut off is replaced, and comes back by itself");
    case_report(!judges || world->refused_ms_worst <= LEASE_MS + SLACK_MS,
                "it refuses reads within its lease");
    case_report(world->all_at_once, "and writes at once");
    case_report(!judges || world->resumed_ms_worst <= RESUMED_MS_MAX,
                "the majority takes writes again in time");
    case_report(traffic_tally(world->traffic).failed == 0, "no operation fails");
    case_report(is_verified,
                "nothing is lost, applied twice, read stale or missed by a subscriber");
}

int main(void)
{
    static const char *const options[] = {"--workers=2", NULL};
    static struct world world;
    if (!network_make(&world.network, NODES)) {
        case_report(true, "skipped: network namespaces are not permitted here");
        return case_status();
    }
    nodes_start_in(&world.nodes, NODES, options, &world.network);
    struct traffic_options traffic = {.seeds = world.nodes.seeds,
                                      .key_count = KEYS,
                                      .counter_count = KEYS,
                                      .value_bytes = 100,
                                      .rate = environment_number("RATE", 2000),
                                      .timeout_ms = TIMEOUT_MS,
                                      .has_subscriber = true};
    world.traffic = traffic_new(&traffic);
    check(&world);
    traffic_free(world.traffic);
    buffer_deinit(&world.key);
    case_report(nodes_stop(&world.nodes), "the nodes end cleanly");
    return case_status();
}
