// SPDX-License-Identifier: Apache-2.0
// Continuous queries through all that happens to a grid: nodes that are killed, asked to stop, that
// join and leave, connections that break, clients that come later with a token, or fall behind. In
// the end every subscriber holds exactly what a fresh query finds, and no event on the way was one
// too many, missing, out of order or of the wrong kind.
//
// RUNS=50 kills (default: 2), MOVES=20 of a node in and out (default: 1), BREAKS=500 of all
// connections (default: 10), RATE=20000 writes a second (default: 3000).
#include "cluster/base/check.h"
#include "cluster/base/memory.h"
#include "tests/system/support/checker.h"
#include "tests/system/support/churn.h"
#include "tests/system/support/links.h"
#include "tests/system/support/members.h"
#include "tests/system/support/nodes.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    NODES = 3,
    KEYS = 5000,
    CLIENTS = 2,
    LATE_MAX = 4, // checkers that start in the middle of something
    TIMEOUT_MS = 20000,
    WARM_MS = 500,
    FAILOVER_MS = 1500, // after a kill, before the node is started again
    BREAK_MS = 60,      // at most, between two breaks
};

#define HIGH "SELECT n FROM live WHERE v >= 50"

static const struct checker_options lasting[] = {
    {.name = "keys kept", .query = HIGH},
    {.name = "values kept", .query = HIGH, .subscribe = {.keep = GRID_KEEP_VALUES}},
    {.name = "nothing kept", .query = HIGH, .subscribe = {.keep = GRID_KEEP_NOTHING}},
    {.name = "conflating", .query = HIGH, .subscribe = {.policy = GRID_POLICY_CONFLATE}},
    {.name = "new values", .query = HIGH, .subscribe = {.content = GRID_CONTENT_NEW}},
    {.name = "few", .query = "SELECT n FROM live WHERE v = 7"},
};

enum { LASTING = sizeof lasting / sizeof lasting[0] };

struct world {
    struct nodes nodes;
    struct churn churn;
    struct grid *clients[CLIENTS];
    struct grid *judge;
    struct checker *lasting[LASTING];
    struct checker *late[LATE_MAX];
    struct grid *late_clients[LATE_MAX];
    uint32_t late_count;
    uint64_t late_resets; // of partitions
};

static struct grid *client_new(const struct world *world, struct event_base *base)
{
    struct grid_options options = {.seeds = world->nodes.seeds, .timeout_ms = TIMEOUT_MS};
    struct grid *grid = grid_new(&options, base);
    CHECK(grid != NULL);
    return grid;
}

static struct checker_options options_fill(const struct checker_options *from)
{
    struct checker_options options = *from;
    options.field = "n";
    options.key_count = KEYS;
    return options;
}

// ---- Judging ----

struct comparison {
    struct world *world;
    const struct checker *checker;
};

static bool is_equal(void *context)
{
    struct comparison *comparison = context;
    return checker_compare(comparison->checker, comparison->world->judge) == 0;
}

// At a quiet point. A line of figures, and more where something is wrong.
static bool is_exact(struct world *world, const struct checker *checker)
{
    struct comparison comparison = {world, checker};
    bool equal = pace_rest_until(&world->churn.pace, is_equal, &comparison, WAIT_MS);
    if (!equal)
        printf("# %u keys differ, state %s\n", checker_compare(checker, world->judge),
               grid_subscription_state_name(checker_state(checker)));
    checker_report(checker);
    return equal && checker_tally(checker)->faults == 0 && checker_error(checker) == GRID_OK;
}

static bool all_are_exact(struct world *world)
{
    bool exact = churn_drain(&world->churn);
    if (!exact)
        printf("# writes are not answered\n");
    for (uint32_t i = 0; i < LASTING; i++)
        exact = is_exact(world, world->lasting[i]) && exact;
    for (uint32_t i = 0; i < world->late_count; i++) {
        exact = is_exact(world, world->late[i]) && exact;
        world->late_resets += checker_tally(world->late[i])->resets;
        checker_free(world->late[i]);
        grid_free(world->late_clients[i]);
    }
    world->late_count = 0;
    return exact && nodes_are_well(&world->nodes);
}

static bool settle(struct world *world, uint32_t members)
{
    bool settled = members_settle(world->churn.writer, members, &world->churn.pace, 2 * WAIT_MS);
    if (!settled)
        printf("# not all copies are in sync\n");
    return settled;
}

// ---- Tokens ----

// What a subscriber had at one point, for one that comes later.
struct bookmark {
    struct checker *then; // owned
    uint8_t *token;       // owned
    size_t bytes;
};

static struct bookmark bookmark_take(const struct checker *checker)
{
    struct grid_bytes token;
    CHECK(grid_subscription_token(checker_subscription(checker), &token) == GRID_OK);
    struct bookmark bookmark = {checker_copy(checker), memory_new(token.size), token.size};
    memcpy(bookmark.token, token.data, token.size);
    return bookmark;
}

static void bookmark_free(struct bookmark *bookmark)
{
    checker_free(bookmark->then);
    free(bookmark->token);
}

// A checker in a client of its own; NULL options: after the bookmark.
static void late_start(struct world *world, const char *name, const struct bookmark *bookmark)
{
    const struct checker_options from = {.name = name, .query = HIGH};
    struct checker_options options = options_fill(&from);
    CHECK(world->late_count < LATE_MAX);
    if (bookmark) {
        options.subscribe.start = GRID_START_AFTER;
        options.subscribe.token = (struct grid_bytes){bookmark->token, bookmark->bytes};
    }
    struct grid *client = client_new(world, world->churn.pace.base);
    world->late_clients[world->late_count] = client;
    world->late[world->late_count++] =
        checker_new(client, &options, bookmark ? bookmark->then : NULL);
}

// ---- Nodes ----

static bool kill_once(struct world *world, uint32_t victim)
{
    churn_run(&world->churn, WARM_MS);
    struct bookmark bookmark = bookmark_take(world->lasting[0]);
    churn_run(&world->churn, WARM_MS);
    node_kill(&world->nodes, victim, SIGKILL);
    late_start(world, "starts in a failover", NULL);
    late_start(world, "goes on in a failover", &bookmark);
    churn_run(&world->churn, FAILOVER_MS);
    late_start(world, "goes on after a failover", &bookmark);
    bookmark_free(&bookmark);
    node_begin(&world->nodes, victim);
    bool settled = settle(world, NODES);
    return all_are_exact(world) && settled;
}

static void check_kills(struct world *world)
{
    uint32_t runs = environment_number("RUNS", 2);
    uint32_t exact = 0;
    for (uint32_t i = 0; i < runs; i++) {
        bool is_exact = kill_once(world, i % NODES);
        exact += is_exact;
        printf("# kill %u of %u: %s\n", i + 1, runs, is_exact ? "exact" : "not exact");
    }
    case_report(exact == runs, "subscriptions are exact when nodes are killed and come back");
}

struct leaving {
    struct world *world;
    uint32_t number;
};

static bool has_left(void *context)
{
    struct leaving *leaving = context;
    return node_has_left(&leaving->world->nodes, leaving->number);
}

static bool leave(struct world *world, uint32_t number)
{
    struct leaving leaving = {world, number};
    node_kill(&world->nodes, number, SIGTERM);
    return pace_run_until(&world->churn.pace, has_left, &leaving, 2 * WAIT_MS);
}

static void check_restart(struct world *world)
{
    churn_run(&world->churn, WARM_MS);
    bool has_left = leave(world, 0);
    node_begin(&world->nodes, 0);
    bool settled = settle(world, NODES);
    case_report(has_left && settled && all_are_exact(world),
                "when a node is stopped and started again");
}

static bool move_once(struct world *world)
{
    churn_run(&world->churn, WARM_MS);
    struct bookmark bookmark = bookmark_take(world->lasting[0]);
    if (world->nodes.count == NODES)
        node_add(&world->nodes);
    else
        node_begin(&world->nodes, NODES);
    late_start(world, "starts in a migration", NULL);
    bool settled = settle(world, NODES + 1);
    late_start(world, "goes on after a migration", &bookmark);
    bool joins = settled && all_are_exact(world);
    bool has_left = leave(world, NODES);
    late_start(world, "goes on where a node has left", &bookmark);
    bookmark_free(&bookmark);
    settled = settle(world, NODES);
    bool leaves = has_left && settled && all_are_exact(world);
    printf("# join: %s, leave: %s\n", joins ? "exact" : "not exact",
           leaves ? "exact" : "not exact");
    return joins && leaves;
}

static void check_moves(struct world *world)
{
    uint32_t moves = environment_number("MOVES", 1);
    uint32_t exact = 0;
    for (uint32_t i = 0; i < moves; i++)
        exact += move_once(world);
    case_report(exact == moves, "when a node joins and leaves");
}

// ---- Connections ----

static void check_breaks(struct world *world)
{
    uint32_t breaks = environment_number("BREAKS", 10);
    uint32_t broken = 0;
    for (uint32_t i = 0; i < breaks; i++) {
        churn_run(&world->churn, 1 + i * 7 % BREAK_MS);
        broken += links_break(&world->nodes);
    }
    churn_run(&world->churn, WARM_MS);
    printf("# %u connections were broken\n", broken);
    case_report(broken >= breaks && all_are_exact(world), "when connections break");
}

// ---- Settings ----

static const char *const long_log[] = {"--workers=2", "--partitions=256",
                                       "--leave-timeout-ms=60000",
                                       "--connection-output-max-bytes=256K", NULL};
// Of each partition no more than a few dozen changes: who comes later is reset.
static const char *const short_log[] = {"--workers=2",
                                        "--partitions=256",
                                        "--leave-timeout-ms=60000",
                                        "--connection-output-max-bytes=256K",
                                        "--log-max-bytes=1M",
                                        NULL};

static void world_start(struct world *world, const char *const *options)
{
    *world = (struct world){0};
    nodes_start(&world->nodes, NODES, options);
    const struct churn_options churn = {.seeds = world->nodes.seeds,
                                        .map = "live",
                                        .key_count = KEYS,
                                        .value_bytes = 50,
                                        .rate = environment_number("RATE", 3000),
                                        .timeout_ms = TIMEOUT_MS};
    churn_init(&world->churn, &churn);
    world->judge = client_new(world, NULL);
    case_report(grid_connect(world->judge, WAIT_MS) == GRID_OK, "a client connects to all nodes");
    for (uint32_t i = 0; i < CLIENTS; i++)
        world->clients[i] = client_new(world, world->churn.pace.base);
    for (uint32_t i = 0; i < LASTING; i++) {
        struct checker_options checker = options_fill(&lasting[i]);
        world->lasting[i] = checker_new(world->clients[i % CLIENTS], &checker, NULL);
    }
    churn_run(&world->churn, WARM_MS);
    case_report(all_are_exact(world), "subscriptions are exact when nothing happens");
}

static void world_stop(struct world *world)
{
    printf("# %llu writes, %llu failed; late subscriptions were reset in %llu partitions\n",
           (unsigned long long)world->churn.answered, (unsigned long long)world->churn.failed,
           (unsigned long long)world->late_resets);
    for (uint32_t i = 0; i < LASTING; i++)
        checker_free(world->lasting[i]);
    for (uint32_t i = 0; i < CLIENTS; i++)
        grid_free(world->clients[i]);
    grid_free(world->judge);
    churn_deinit(&world->churn);
    case_report(nodes_stop(&world->nodes), "the nodes end cleanly");
}

int main(void)
{
    static struct world world;
    printf("# a long log\n");
    world_start(&world, long_log);
    check_kills(&world);
    check_restart(&world);
    check_moves(&world);
    check_breaks(&world);
    world_stop(&world);
    printf("# a short log\n");
    world_start(&world, short_log);
    check_kills(&world);
    check_moves(&world);
    case_report(world.late_resets > 0, "where the log was too short partitions were reset");
    world_stop(&world);
    return case_status();
}
