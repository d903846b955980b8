// SPDX-License-Identifier: Apache-2.0
// Nodes under load, of which one after the other is killed and started again: nothing that
// was acknowledged is lost, nothing is applied twice, no read goes back, writes flow again in time,
// and who has nothing to do with the dead node does not notice.
//
// NODES=5 (default: 3), RUNS=50 kills so many times for each of the two settings (default: 2),
// RATE=20000 operations a second meanwhile (default: 4000), SETTINGS=fast or default only with
// these, JUDGE=1 holds times against what is promised, else it reports the times (a machine under
// other load).
#include "tests/system/support/nodes.h"
#include "tests/system/support/traffic.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEYS = 20000,
    WARM_MS = 500,
    OTHERS_P99_MAX_US = 10000,
    TIMEOUT_MS = 15000,
};

static uint32_t node_count(void)
{
    return environment_number("NODES", 3);
}

struct settings {
    const char *name;
    const char *const *options;
    uint32_t resumed_max_ms; // writes flow again after a kill
};

static const char *const default_options[] = {"--workers=2", NULL};
static const char *const fast_options[] = {
    "--workers=2",      "--heartbeat-ms=50", "--election-ms=75",        "--lease-ms=200",
    "--suspect-ms=250", "--remove-ms=1000",  "--backup-timeout-ms=250", NULL};

static const struct settings all_settings[] = {
    {"default settings", default_options, 3000},
    {"fast settings", fast_options, 1000},
};

struct world {
    struct nodes nodes;
    struct traffic *traffic;
    const struct settings *settings;
    struct samples resumed;    // microseconds, one for each kill
    struct samples others_p99; // likewise
    uint32_t in_time;
    uint32_t kills;
};

static bool writes_flow(void *context)
{
    struct world *world = context;
    return traffic_stalled(world->traffic) == 0;
}

static bool kill_once(struct world *world, uint32_t victim)
{
    char name[16];
    snprintf(name, sizeof name, "n%u", victim + 1);
    traffic_run(world->traffic, WARM_MS);
    traffic_begin(world->traffic, traffic_member(world->traffic, name));
    node_kill(&world->nodes, victim, SIGKILL);
    traffic_probe(world->traffic);
    bool flows = traffic_run_until(world->traffic, writes_flow, world, WAIT_MS);
    uint32_t resumed_ms = traffic_resumed_ms(world->traffic);
    struct traffic_window *window = traffic_window(world->traffic);
    uint32_t p99_us = samples_percentile_us(&window->others, 990);
    samples_add(&world->resumed, resumed_ms * 1000);
    samples_add(&world->others_p99, p99_us);
    world->kills++;
    world->in_time += resumed_ms <= world->settings->resumed_max_ms;
    fprintf(stderr, "kill of %s: writes flow after %u ms, others' p99 %u us (of %zu)\n", name,
            resumed_ms, p99_us, window->others.count);
    return flows;
}

static bool come_back(struct world *world, uint32_t victim)
{
    uint64_t start_ms = now_ms();
    node_begin(&world->nodes, victim);
    bool whole = traffic_settle(world->traffic, node_count(), WAIT_MS);
    fprintf(stderr, "n%u is back, all copies in sync after %llu ms\n", victim + 1,
            (unsigned long long)(now_ms() - start_ms));
    return whole && nodes_are_well(&world->nodes);
}

static void report(struct world *world)
{
    struct traffic_tally tally = traffic_tally(world->traffic);
    printf("# %s: %u kills at %u operations/s; writes flow again after %u ms in the median, %u ms "
           "at worst; other partitions' p99 %u us in the median, %u us at worst\n",
           world->settings->name, world->kills, environment_number("RATE", 4000),
           samples_percentile_us(&world->resumed, 500) / 1000,
           samples_percentile_us(&world->resumed, 1000) / 1000,
           samples_percentile_us(&world->others_p99, 500),
           samples_percentile_us(&world->others_p99, 1000));
    printf("# %llu operations answered, %llu writes acknowledged, %llu failed (%llu of unknown "
           "fate), %llu not due\n",
           (unsigned long long)tally.operations, (unsigned long long)tally.writes,
           (unsigned long long)tally.failed, (unsigned long long)tally.unknown,
           (unsigned long long)tally.skipped);
}

static void judge(struct world *world, bool all_flow, bool all_return, bool is_verified)
{
    bool judges = times_count();
    case_report(all_flow, "after each kill all partitions take writes again");
    case_report(!judges || world->in_time == world->kills, "in time");
    case_report(!judges || samples_percentile_us(&world->others_p99, 500) <= OTHERS_P99_MAX_US,
                "partitions of living nodes do not notice");
    case_report(all_return, "a killed node that is started again gets its copies");
    case_report(traffic_tally(world->traffic).failed == 0, "no operation fails");
    case_report(is_verified,
                "nothing is lost, applied twice, read stale or missed by a subscriber");
}

static void check_settings(const struct settings *settings)
{
    struct world world = {.settings = settings};
    bool all_flow = true, all_return = true;
    nodes_start(&world.nodes, node_count(), settings->options);
    struct traffic_options options = {.seeds = world.nodes.seeds,
                                      .key_count = KEYS,
                                      .counter_count = KEYS,
                                      .value_bytes = 100,
                                      .rate = environment_number("RATE", 4000),
                                      .timeout_ms = TIMEOUT_MS,
                                      .has_subscriber = true};
    world.traffic = traffic_new(&options);
    uint32_t runs = environment_number("RUNS", 2);
    for (uint32_t i = 0; all_flow && all_return && i < runs; i++) {
        all_flow = kill_once(&world, i % node_count());
        all_return = come_back(&world, i % node_count());
    }
    bool is_verified = traffic_verify(world.traffic);
    printf("# %s\n", settings->name);
    judge(&world, all_flow, all_return, is_verified);
    report(&world);
    traffic_free(world.traffic);
    samples_deinit(&world.resumed);
    samples_deinit(&world.others_p99);
    case_report(nodes_stop(&world.nodes), "the nodes end cleanly");
}

int main(void)
{
    const char *only = getenv("SETTINGS");
    for (size_t i = 0; i < sizeof all_settings / sizeof all_settings[0]; i++) {
        if (!only || strstr(all_settings[i].name, only))
            check_settings(&all_settings[i]);
    }
    return case_status();
}
