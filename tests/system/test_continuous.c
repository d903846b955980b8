// SPDX-License-Identifier: Apache-2.0
// Continuous queries against three real nodes with replication: subscriptions that start in the
// middle of a load, in every way, must hold exactly what a fresh query returns once the load is
// over, and every event on the way must fit what was held.
//
// SECONDS=60 of load (default: 4), RATE=20000 writes a second (default: 8000).
#include "cluster/base/check.h"
#include "tests/system/support/checker.h"
#include "tests/system/support/churn.h"
#include "tests/system/support/nodes.h"

#include <stdio.h>

enum { KEYS = 3000, TIMEOUT_MS = 10000 };

#define HIGH "SELECT n FROM live WHERE v >= 50"

// Each starts with a quarter of the load; those of the first before there is a map.
static const struct {
    uint32_t quarter;
    struct checker_options options;
} rows[] = {
    {0, {.name = "from now on", .query = HIGH, .subscribe = {.start = GRID_START_LATEST}}},
    {0, {.name = "of an empty map", .query = "SELECT n FROM live"}},
    {1, {.name = "a snapshot", .query = HIGH}},
    {1,
     {.name = "all that the log has", .query = HIGH, .subscribe = {.start = GRID_START_EARLIEST}}},
    {2, {.name = "a copy", .query = HIGH, .subscribe = {.keep = GRID_KEEP_VALUES}}},
    {2, {.name = "new values", .query = HIGH, .subscribe = {.content = GRID_CONTENT_NEW}}},
    {2, {.name = "keys", .query = HIGH, .subscribe = {.content = GRID_CONTENT_KEYS}}},
    {2, {.name = "conflated", .query = HIGH, .subscribe = {.policy = GRID_POLICY_CONFLATE}}},
    {3, {.name = "few", .query = "SELECT n, v FROM live WHERE v IN (7, 77)"}},
    {3,
     {.name = "what is changed",
      .query = "SELECT v, n FROM live WHERE v < 10",
      .subscribe = {.only_changed = true}}},
    {3, {.name = "none", .query = "SELECT n FROM live WHERE v > 1000"}},
};

enum { QUARTERS = 4, CHECKERS = sizeof rows / sizeof rows[0] };

struct world {
    struct churn churn;
    struct grid *subscribers[2]; // every other checker has the same one
    struct grid *judge;
    struct checker *checkers[CHECKERS];
};

static bool all_are_live(void *context)
{
    struct world *world = context;
    for (uint32_t i = 0; i < CHECKERS; i++) {
        if (world->checkers[i] && checker_state(world->checkers[i]) != GRID_SUBSCRIPTION_LIVE)
            return false;
    }
    return true;
}

static void quarter_run(struct world *world, uint32_t quarter)
{
    for (uint32_t i = 0; i < CHECKERS; i++) {
        struct checker_options options = rows[i].options;
        options.field = "n";
        options.key_count = KEYS;
        if (rows[i].quarter == quarter)
            world->checkers[i] = checker_new(world->subscribers[i % 2], &options, NULL);
    }
    // What comes from now on is everything only if nothing came before.
    if (quarter == 0)
        case_report(pace_rest_until(&world->churn.pace, all_are_live, world, WAIT_MS),
                    "subscriptions to a map that is not there are live");
    churn_run(&world->churn, environment_number("SECONDS", 4) * 1000 / QUARTERS);
}

struct comparison {
    struct world *world;
    const struct checker *checker;
};

static bool is_equal(void *context)
{
    struct comparison *comparison = context;
    return checker_compare(comparison->checker, comparison->world->judge) == 0;
}

static void check(struct world *world, uint32_t number)
{
    const struct checker *checker = world->checkers[number];
    struct comparison comparison = {world, checker};
    char name[128];
    bool is_exact = pace_rest_until(&world->churn.pace, is_equal, &comparison, WAIT_MS);
    if (!is_exact)
        printf("# %u keys differ\n", checker_compare(checker, world->judge));
    checker_report(checker);
    snprintf(name, sizeof name, "a subscription is exact: %s", rows[number].options.name);
    case_report(is_exact && checker_tally(checker)->faults == 0 &&
                    checker_error(checker) == GRID_OK && checker_tally(checker)->resets == 0,
                name);
}

static struct grid *client_new(const char *seeds, struct event_base *base)
{
    struct grid_options options = {.seeds = seeds};
    struct grid *grid = grid_new(&options, base);
    CHECK(grid != NULL);
    return grid;
}

static void world_init(struct world *world, const char *seeds)
{
    const struct churn_options options = {.seeds = seeds,
                                          .map = "live",
                                          .key_count = KEYS,
                                          .value_bytes = 50,
                                          .rate = environment_number("RATE", 8000),
                                          .timeout_ms = TIMEOUT_MS};
    churn_init(&world->churn, &options);
    for (uint32_t i = 0; i < 2; i++)
        world->subscribers[i] = client_new(seeds, world->churn.pace.base);
    world->judge = client_new(seeds, NULL);
    case_report(grid_connect(world->judge, WAIT_MS) == GRID_OK, "a client connects to all nodes");
}

static void world_deinit(struct world *world)
{
    for (uint32_t i = 0; i < CHECKERS; i++)
        checker_free(world->checkers[i]);
    for (uint32_t i = 0; i < 2; i++)
        grid_free(world->subscribers[i]);
    grid_free(world->judge);
    churn_deinit(&world->churn);
}

int main(void)
{
    static const char *const options[] = {"--workers=2", NULL};
    static struct world world;
    struct nodes nodes;
    nodes_start(&nodes, 3, options);
    world_init(&world, nodes.seeds);
    for (uint32_t quarter = 0; quarter < QUARTERS; quarter++)
        quarter_run(&world, quarter);
    bool is_drained = churn_drain(&world.churn);
    printf("# %llu writes, %llu failed, p99 %u us\n", (unsigned long long)world.churn.answered,
           (unsigned long long)world.churn.failed,
           samples_percentile_us(&world.churn.latencies, 990));
    case_report(is_drained && world.churn.failed == 0, "no operation fails");
    for (uint32_t i = 0; i < CHECKERS; i++)
        check(&world, i);
    world_deinit(&world);
    case_report(nodes_stop(&nodes), "the nodes end cleanly");
    return case_status();
}
