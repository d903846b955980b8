// SPDX-License-Identifier: Apache-2.0
// Subscribers that read too slowly, and whose connections break while they catch up: one gets every
// change, one merged changes, one is ended and goes on with its token. All end exact.
//
// ROUNDS=100 (default: 8), RATE=20000 writes a second (default: 3000).
#include "cluster/base/check.h"
#include "tests/system/support/checker.h"
#include "tests/system/support/churn.h"
#include "tests/system/support/links.h"
#include "tests/system/support/nodes.h"

#include <stdio.h>

enum {
    KEYS = 200, // few, so that much can be merged
    VALUE_BYTES = 4096,
    TIMEOUT_MS = 20000,
    STILL_MS = 700, // without reading: more than sockets hold
    READ_MS = 15,   // at most, before a break
};

#define HIGH "SELECT * FROM live WHERE v >= 50"

static const struct checker_options all_options[] = {
    {.name = "catching up", .query = HIGH, .subscribe = {.policy = GRID_POLICY_CATCH_UP}},
    {.name = "conflating", .query = HIGH, .subscribe = {.policy = GRID_POLICY_CONFLATE}},
    {.name = "ending", .query = HIGH, .subscribe = {.policy = GRID_POLICY_DISCONNECT}},
};

enum { CATCHING_UP, CONFLATING, ENDING, POLICIES };

struct world {
    struct nodes nodes;
    struct churn churn;
    struct grid *judge;
    struct grid *clients[POLICIES]; // each has an event base of its own, which is run now and then
    struct checker *checkers[POLICIES];
    uint32_t ends; // of the one that ends
    bool is_well;  // so far
};

static struct checker_options options_of(uint32_t number)
{
    struct checker_options options = all_options[number];
    options.field = "n";
    options.key_count = KEYS;
    return options;
}

static struct grid *client_new(const struct world *world)
{
    struct grid_options options = {.seeds = world->nodes.seeds, .timeout_ms = TIMEOUT_MS};
    struct grid *grid = grid_new(&options, NULL);
    CHECK(grid != NULL && grid_connect(grid, WAIT_MS) == GRID_OK);
    return grid;
}

static void read_for(struct grid *client, uint64_t duration_ms)
{
    uint64_t end_ms = now_ms() + duration_ms;
    for (uint64_t now = now_ms(); now < end_ms; now = now_ms())
        grid_run(client, (int)(end_ms - now));
}

// Where it has ended, it goes on with its token.
static void token_use(struct world *world)
{
    struct checker *ended = world->checkers[ENDING];
    struct checker_options options = options_of(ENDING);
    struct grid_bytes token;
    if (checker_error(ended) == GRID_OK)
        return;
    world->ends++;
    world->is_well = world->is_well && checker_error(ended) == GRID_SLOW_CONSUMER &&
                     checker_tally(ended)->faults == 0;
    CHECK(grid_subscription_token(checker_subscription(ended), &token) == GRID_OK);
    options.subscribe.start = GRID_START_AFTER;
    options.subscribe.token = token;
    world->checkers[ENDING] = checker_new(world->clients[ENDING], &options, ended);
    checker_free(ended);
}

static bool has_ended(void *context)
{
    struct world *world = context;
    read_for(world->clients[ENDING], 20);
    return checker_error(world->checkers[ENDING]) != GRID_OK;
}

// Once without a break, which may take the word of the end along.
static void check_end(struct world *world)
{
    churn_run(&world->churn, STILL_MS);
    case_report(wait_until(has_ended, world), "who wants to end when it is slow does");
    token_use(world);
}

static void rounds_run(struct world *world)
{
    uint32_t rounds = environment_number("ROUNDS", 8);
    uint32_t broken = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        churn_run(&world->churn, STILL_MS);
        for (uint32_t k = 0; k < POLICIES; k++)
            read_for(world->clients[k], 1 + i * 5 % READ_MS);
        token_use(world);
        broken += links_break(&world->nodes);
    }
    printf("# %u connections were broken, one subscription ended %u times\n", broken, world->ends);
}

struct comparison {
    struct world *world;
    uint32_t number;
};

static bool is_equal(void *context)
{
    struct comparison *comparison = context;
    struct world *world = comparison->world;
    read_for(world->clients[comparison->number], 20);
    token_use(world);
    return checker_state(world->checkers[comparison->number]) == GRID_SUBSCRIPTION_LIVE &&
           checker_compare(world->checkers[comparison->number], world->judge) == 0;
}

static void check(struct world *world, uint32_t number)
{
    struct comparison comparison = {world, number};
    char name[128];
    bool is_exact = wait_until(is_equal, &comparison);
    checker_report(world->checkers[number]);
    snprintf(name, sizeof name, "who reads slowly is exact: %s", all_options[number].name);
    case_report(is_exact && world->is_well && checker_tally(world->checkers[number])->faults == 0 &&
                    checker_error(world->checkers[number]) == GRID_OK,
                name);
}

static uint64_t change_count(const struct checker *checker)
{
    const struct checker_tally *tally = checker_tally(checker);
    return tally->enters + tally->updates + tally->leaves;
}

static void world_start(struct world *world, const char *const *options)
{
    *world = (struct world){.is_well = true};
    nodes_start(&world->nodes, 1, options);
    const struct churn_options churn = {.seeds = world->nodes.seeds,
                                        .map = "live",
                                        .key_count = KEYS,
                                        .value_bytes = VALUE_BYTES,
                                        .rate = environment_number("RATE", 3000),
                                        .timeout_ms = TIMEOUT_MS};
    churn_init(&world->churn, &churn);
    world->judge = client_new(world);
    for (uint32_t i = 0; i < POLICIES; i++) {
        struct checker_options checker = options_of(i);
        world->clients[i] = client_new(world);
        world->checkers[i] = checker_new(world->clients[i], &checker, NULL);
        read_for(world->clients[i], READ_MS);
    }
}

static void world_stop(struct world *world)
{
    for (uint32_t i = 0; i < POLICIES; i++) {
        checker_free(world->checkers[i]);
        grid_free(world->clients[i]);
    }
    grid_free(world->judge);
    churn_deinit(&world->churn);
    case_report(nodes_stop(&world->nodes), "the node stops with status 0");
}

static void check_all(struct world *world)
{
    check_end(world);
    rounds_run(world);
    case_report(churn_drain(&world->churn) && world->churn.failed == 0, "no write fails");
    for (uint32_t i = 0; i < POLICIES; i++)
        check(world, i);
}

int main(void)
{
    static const char *const long_log[] = {"--workers=1", "--partitions=16", "--log-max-bytes=1G",
                                           "--connection-output-max-bytes=64K", NULL};
    static const char *const short_log[] = {"--workers=1", "--partitions=16", "--log-max-bytes=2M",
                                            "--connection-output-max-bytes=64K", NULL};
    static struct world world;
    printf("# a long log\n");
    world_start(&world, long_log);
    check_all(&world);
    case_report(change_count(world.checkers[CONFLATING]) <
                    change_count(world.checkers[CATCHING_UP]),
                "merged changes are fewer");
    world_stop(&world);
    printf("# a short log\n");
    world_start(&world, short_log);
    check_all(&world);
    case_report(checker_tally(world.checkers[CATCHING_UP])->told > 0,
                "what the log has dropped is told as changes");
    world_stop(&world);
    return case_status();
}
