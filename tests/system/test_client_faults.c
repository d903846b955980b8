// SPDX-License-Identifier: Apache-2.0
// The client library while nodes stop, go on and die: every increment is acknowledged in the end
// and counts once, and subscribers are told.
#include "client/grid.h"
#include "tests/system/support/nodes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTERS = 200, UNDER_WAY = 100, KILLED = 1, STOPPED = 2, TIMEOUT_MS = 20000 };

static const char map[] = "counters";

struct counter {
    int64_t acknowledged;
    int64_t unknown; // INDETERMINATE
};

struct world {
    struct nodes nodes;
    struct grid *grid;
    struct counter counters[COUNTERS];
    uint8_t keys[COUNTERS][3];
    uint64_t errors[32]; // by number
    uint32_t next;
    uint32_t under_way;
    uint32_t answered;
    bool is_feeding;
};

static struct world world;

static struct grid_bytes key_of(uint32_t number)
{
    uint8_t *key = world.keys[number]; // uint 16 from 256 on: canonical
    key[0] = 0xcd;
    key[1] = (uint8_t)((number + 256) >> 8);
    key[2] = (uint8_t)(number + 256);
    return (struct grid_bytes){key, 3};
}

static void submit_next(void);

static void on_increment(void *context, const struct grid_reply *reply)
{
    struct counter *counter = context;
    world.under_way--;
    world.answered++;
    world.errors[reply->error]++;
    counter->acknowledged += reply->error == GRID_OK;
    counter->unknown += reply->error == GRID_INDETERMINATE;
    if (world.is_feeding)
        submit_next();
}

static void submit_next(void)
{
    uint32_t number = world.next++ % COUNTERS;
    struct grid_request request = {
        .op = GRID_INCREMENT, .map = map, .key = key_of(number), .value = {"\1", 1}};
    if (grid_submit(world.grid, &request, on_increment, &world.counters[number]) != GRID_OK)
        abort();
    world.under_way++;
}

static void feed_start(void)
{
    world.is_feeding = true;
    for (int i = 0; i < UNDER_WAY; i++)
        submit_next();
}

static void feed_until(uint32_t answered)
{
    while (world.answered < answered)
        grid_run(world.grid, -1);
}

static void feed_stop(void)
{
    world.is_feeding = false;
    while (world.under_way > 0)
        grid_run(world.grid, -1);
}

// Every counter counts what was acknowledged, and of what is unknown some, none or all.
static bool counters_are_right(void)
{
    bool right = true;
    for (uint32_t i = 0; i < COUNTERS; i++) {
        const struct counter *counter = &world.counters[i];
        struct grid_bytes value;
        int64_t count = -1;
        enum grid_error error = grid_get(world.grid, map, key_of(i), &value);
        if (error == GRID_OK)
            grid_value_int(value, &count);
        if (count < counter->acknowledged || count > counter->acknowledged + counter->unknown) {
            printf("# counter %u: %ld, acknowledged %ld, unknown %ld (%s)\n", i, (long)count,
                   (long)counter->acknowledged, (long)counter->unknown, grid_error_name(error));
            right = false;
        }
    }
    return right;
}

static bool no_errors_but(enum grid_error allowed)
{
    bool none = true;
    for (size_t i = 1; i < sizeof world.errors / sizeof *world.errors; i++) {
        if (i != allowed && world.errors[i] > 0) {
            printf("# %lu x %s\n", (unsigned long)world.errors[i],
                   grid_error_name((enum grid_error)i));
            none = false;
        }
    }
    return none;
}

static bool all_reads_work(void *context)
{
    (void)context;
    for (uint32_t i = 0; i < COUNTERS; i++) {
        struct grid_bytes value;
        if (grid_get(world.grid, map, key_of(i), &value) != GRID_OK)
            return false;
    }
    return true;
}

static uint32_t primaries_of_stopped(void)
{
    struct grid_member member;
    for (size_t i = 0; i < grid_member_count(world.grid); i++) {
        if (grid_member_get(world.grid, i, &member) && member.port == world.nodes.ports[STOPPED])
            return member.primary_count;
    }
    return 0;
}

// A node that stands still until others have taken its partitions over, then goes on where it
// stopped.
static void test_pause(void)
{
    feed_start();
    feed_until(world.answered + 20000);
    kill(world.nodes.processes[STOPPED], SIGSTOP);
    while (primaries_of_stopped() > 0)
        grid_run(world.grid, 100);
    feed_until(world.answered + 20000);
    kill(world.nodes.processes[STOPPED], SIGCONT);
    feed_until(world.answered + 20000);
    feed_stop();
    case_report(no_errors_but(GRID_OK), "with a node that stands still as well");
    case_report(wait_until(all_reads_work, NULL), "all can be read afterwards");
    case_report(counters_are_right(), "each increment counts once");
}

// ---- Subscriptions ----

struct watcher {
    uint32_t ready_count;
    uint32_t row_count;
    uint32_t lost_count;
    uint32_t error_count;
    enum grid_subscription_state state;
};

static void on_row(void *context, const struct grid_event *event)
{
    (void)event;
    ((struct watcher *)context)->row_count++;
}

static void on_ready(void *context)
{
    ((struct watcher *)context)->ready_count++;
}

static void on_state(void *context, enum grid_subscription_state state, uint64_t behind)
{
    (void)behind;
    struct watcher *watcher = context;
    watcher->lost_count += state == GRID_SUBSCRIPTION_LOST;
    watcher->state = state;
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    ((struct watcher *)context)->error_count++;
    printf("# %s: %s\n", grid_error_name(error), text);
}

static const struct grid_listener listener = {
    .row = on_row, .ready = on_ready, .state = on_state, .error = on_error};

static bool is_live(void *context)
{
    const struct watcher *watcher = context;
    grid_run(world.grid, 0);
    return watcher->ready_count > 0 && watcher->state == GRID_SUBSCRIPTION_LIVE;
}

static bool is_lost(void *context)
{
    grid_run(world.grid, 0);
    return ((const struct watcher *)context)->lost_count > 0;
}

// Every partition has two copies, and the reads keep the client's view current.
static bool is_whole(void *context)
{
    struct grid_partition partition;
    if (!all_reads_work(context))
        return false;
    for (uint32_t i = 0; i < grid_partition_count(world.grid); i++) {
        if (!grid_partition_get(world.grid, (uint16_t)i, &partition) || partition.in_sync_count < 2)
            return false;
    }
    return true;
}

// The killed node is a member again, under a new id, and holds copies.
static bool all_are_back(void *context)
{
    struct grid_member member;
    uint32_t holders = 0;
    if (!is_whole(context))
        return false;
    for (size_t i = 0; i < grid_member_count(world.grid); i++)
        holders += grid_member_get(world.grid, i, &member) &&
                   member.primary_count + member.backup_count > 0;
    return holders == world.nodes.count;
}

static void test_death(void)
{
    struct watcher watcher = {0};
    struct grid_subscription *subscription =
        grid_subscribe(world.grid, "SELECT * FROM counters", NULL, &listener, &watcher);
    case_report(wait_until(is_live, &watcher) && watcher.row_count == COUNTERS,
                "a subscription starts with all rows of all nodes");
    node_kill(&world.nodes, KILLED, SIGKILL);
    case_report(wait_until(is_lost, &watcher), "a subscription tells that a node is lost");
    case_report(all_reads_work(NULL), "its partitions are served by others within a time-out");
    uint64_t size = 0;
    enum grid_error error = grid_size(world.grid, map, &size);
    if (error != GRID_OK || size != COUNTERS)
        printf("# %s %s, size %lu\n", grid_error_name(error), grid_error_text(world.grid),
               (unsigned long)size);
    case_report(error == GRID_OK && size == COUNTERS, "the whole map is there");
    case_report(wait_until(is_live, &watcher), "the subscription goes on by itself");
    case_report(watcher.ready_count == 1 && watcher.row_count == COUNTERS &&
                    watcher.error_count == 0,
                "without rows that come again, or an error");
    grid_unsubscribe(subscription);
}

int main(void)
{
    nodes_start(&world.nodes, 3, NULL);
    struct grid_options options = {.seeds = world.nodes.seeds, .timeout_ms = TIMEOUT_MS};
    world.grid = grid_new(&options, NULL);
    if (!world.grid || grid_connect(world.grid, WAIT_MS) != GRID_OK) {
        printf("not ok - connect: %s\n", world.grid ? grid_error_text(world.grid) : "seeds");
        return EXIT_FAILURE;
    }
    feed_start();
    feed_until(20000);
    feed_stop();
    case_report(no_errors_but(GRID_OK), "without faults every increment is acknowledged");
    test_death();
    case_report(wait_until(is_whole, NULL), "the others make new copies");
    node_restart(&world.nodes, KILLED);
    // Not before: of three voters one may stop, and the dead one has to be replaced first.
    case_report(wait_until(all_are_back, NULL), "a killed node that is started again joins");
    test_pause();
    grid_free(world.grid);
    case_report(nodes_stop(&world.nodes), "the others end well");
    return case_status();
}
