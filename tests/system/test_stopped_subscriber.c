// SPDX-License-Identifier: Apache-2.0
// A subscriber, a process of its own, is stopped while writers go on: they do not notice, nodes
// stay within their memory, and when it goes on it gets what it has missed, or is told anew what
// the logs have dropped, and ends exact.
//
// SECONDS_STOPPED=30 (default: 3), RATE=50000 writes a second (default: 2000), VALUE_BYTES=100
// (default: 8192, so that sockets do not hold it all), NODES=1 (default: 3). JUDGE=1 holds latency
// against what is promised, else it reports it (a machine under other load).
#include "cluster/base/check.h"
#include "tests/system/support/checker.h"
#include "tests/system/support/churn.h"
#include "tests/system/support/nodes.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    KEYS = 5000,
    TIMEOUT_MS = 20000,
    SUBSCRIBER_WAIT_MS = 2 * WAIT_MS,
    P99_PERCENT_MAX = 120, // of that before
    P99_NOISE_US = 500,
    MARGIN_BYTES = 48 << 20, // of a node: what allocators keep, tables, results of writes
};

#define QUERY "SELECT * FROM live"

// ---- The subscriber's process ----

struct subscriber {
    struct grid *grid;
    struct grid *judge;
    struct checker *checker;
    int asks;    // the other side writes a byte when the load is over
    int answers; // and reads a struct verdict
};

struct verdict {
    bool is_exact;
    uint64_t resets;
    uint64_t events;
    uint64_t caught_up_ms; // after it was asked
};

static bool is_asked(const struct subscriber *subscriber)
{
    struct pollfd pollfd = {.fd = subscriber->asks, .events = POLLIN};
    return poll(&pollfd, 1, 0) > 0;
}

static bool is_live(void *context)
{
    const struct subscriber *subscriber = context;
    grid_run(subscriber->grid, 0);
    return checker_is_ready(subscriber->checker) &&
           checker_state(subscriber->checker) == GRID_SUBSCRIPTION_LIVE;
}

static bool is_exact(void *context)
{
    const struct subscriber *subscriber = context;
    uint64_t end_ms = now_ms() + 100;
    while (now_ms() < end_ms)
        grid_run(subscriber->grid, 10);
    return is_live(context) && checker_compare(subscriber->checker, subscriber->judge) == 0;
}

static struct grid *client_new(const char *seeds, const char *name)
{
    struct grid_options options = {.seeds = seeds, .client_name = name, .timeout_ms = TIMEOUT_MS};
    struct grid *grid = grid_new(&options, NULL);
    CHECK(grid != NULL && grid_connect(grid, WAIT_MS) == GRID_OK);
    return grid;
}

static void tell(const struct subscriber *subscriber, const void *data, size_t size)
{
    CHECK(write(subscriber->answers, data, size) == (ssize_t)size);
}

static struct verdict verdict_reach(struct subscriber *subscriber)
{
    uint64_t start_ms = now_ms();
    bool exact = false;
    while (!exact && now_ms() < start_ms + SUBSCRIBER_WAIT_MS)
        exact = is_exact(subscriber);
    const struct checker_tally *tally = checker_tally(subscriber->checker);
    if (!exact)
        printf("# %u keys differ\n", checker_compare(subscriber->checker, subscriber->judge));
    checker_report(subscriber->checker);
    return (struct verdict){.is_exact = exact && tally->faults == 0 &&
                                        checker_error(subscriber->checker) == GRID_OK,
                            .resets = tally->resets,
                            .events = tally->enters + tally->updates + tally->leaves,
                            .caught_up_ms = now_ms() - start_ms};
}

static _Noreturn void subscriber_run(const char *seeds, int asks, int answers)
{
    static const struct checker_options options = {.name = "stopped",
                                                   .query = QUERY,
                                                   .field = "n",
                                                   .key_count = KEYS,
                                                   .subscribe = {.keep = GRID_KEEP_NOTHING}};
    struct subscriber subscriber = {.grid = client_new(seeds, "stopped"),
                                    .judge = client_new(seeds, "judge"),
                                    .asks = asks,
                                    .answers = answers};
    subscriber.checker = checker_new(subscriber.grid, &options, NULL);
    if (!wait_until(is_live, &subscriber)) {
        fprintf(stderr, "the subscriber is %s\n",
                grid_subscription_state_name(checker_state(subscriber.checker)));
        _exit(EXIT_FAILURE);
    }
    tell(&subscriber, "", 1);
    while (!is_asked(&subscriber))
        grid_run(subscriber.grid, 10);
    struct verdict verdict = verdict_reach(&subscriber);
    tell(&subscriber, &verdict, sizeof verdict);
    checker_free(subscriber.checker);
    grid_free(subscriber.grid);
    grid_free(subscriber.judge);
    fflush(stdout);
    _exit(EXIT_SUCCESS);
}

// ---- The writer's ----

struct world {
    struct nodes nodes;
    struct churn churn;
    pid_t process;
    int asks;
    int answers;
};

// False: it is not live in time.
static bool subscriber_start(struct world *world)
{
    int asks[2], answers[2];
    char live;
    CHECK(pipe(asks) == 0 && pipe(answers) == 0);
    fflush(stdout);
    world->process = fork();
    CHECK(world->process >= 0);
    if (world->process == 0) {
        close(asks[1]);
        close(answers[0]);
        subscriber_run(world->nodes.seeds, asks[0], answers[1]);
    }
    close(asks[0]);
    close(answers[1]);
    world->asks = asks[1];
    world->answers = answers[0];
    return read(world->answers, &live, 1) == 1;
}

static struct verdict subscriber_ask(struct world *world)
{
    struct verdict verdict = {0};
    int status;
    signal(SIGPIPE, SIG_IGN); // it may have ended
    if (write(world->asks, "", 1) != 1 ||
        read(world->answers, &verdict, sizeof verdict) != sizeof verdict)
        verdict = (struct verdict){0};
    close(world->asks);
    close(world->answers);
    CHECK(waitpid(world->process, &status, 0) == world->process);
    verdict.is_exact = verdict.is_exact && status == 0;
    return verdict;
}

// VmRSS of a process.
static uint64_t memory_bytes(pid_t process)
{
    char path[64], line[256];
    uint64_t kilobytes = 0;
    snprintf(path, sizeof path, "/proc/%d/status", process);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kilobytes = strtoull(line + 6, NULL, 10);
    }
    if (file)
        fclose(file);
    return kilobytes * 1024;
}

static uint64_t largest_node_bytes(const struct world *world)
{
    uint64_t largest = 0;
    for (uint32_t i = 0; i < world->nodes.count; i++) {
        uint64_t bytes = memory_bytes(world->nodes.processes[i]);
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

static uint32_t p99_us(struct world *world, const char *when)
{
    uint32_t p99 = samples_percentile_us(&world->churn.latencies, 990);
    printf("# %s: %zu writes, p50 %u us, p99 %u us, at worst %u us; largest node %llu MB\n", when,
           world->churn.latencies.count, samples_percentile_us(&world->churn.latencies, 500), p99,
           samples_percentile_us(&world->churn.latencies, 1000),
           (unsigned long long)(largest_node_bytes(world) >> 20));
    samples_clear(&world->churn.latencies);
    return p99;
}

static uint32_t stopped_ms(void)
{
    return environment_number("SECONDS_STOPPED", 3) * 1000;
}

// ---- Cases ----

struct settings {
    const char *name;
    uint64_t cap_bytes; // what the options below allow a node beside its entries
    bool wants_reset;
    const char *const *options;
};

static const char *const long_log[] = {"--workers=1",          "--partitions=64",
                                       "--log-max-bytes=256M", "--connection-output-max-bytes=1M",
                                       "--backups=1",          NULL};
static const char *const short_log[] = {"--workers=1",        "--partitions=64",
                                        "--log-max-bytes=4M", "--connection-output-max-bytes=1M",
                                        "--backups=1",        NULL};

static const struct settings all_settings[] = {
    {"a long log", UINT64_C(257) << 20, false, long_log},
    {"a short log", UINT64_C(5) << 20, true, short_log},
};

static void world_start(struct world *world, const struct settings *settings)
{
    uint32_t count = environment_number("NODES", 3);
    nodes_start(&world->nodes, count, settings->options);
    const struct churn_options churn = {.seeds = world->nodes.seeds,
                                        .map = "live",
                                        .key_count = KEYS,
                                        .value_bytes = environment_number("VALUE_BYTES", 8192),
                                        .rate = environment_number("RATE", 2000),
                                        .timeout_ms = TIMEOUT_MS};
    churn_init(&world->churn, &churn);
}

static void case_name(const struct settings *settings, bool passed, const char *claim)
{
    char name[128];
    snprintf(name, sizeof name, "%s: %s", settings->name, claim);
    case_report(passed, name);
}

static void check_stop(const struct settings *settings, struct world *world)
{
    churn_run(&world->churn, stopped_ms()); // all that takes memory has taken it
    samples_clear(&world->churn.latencies);
    churn_run(&world->churn, stopped_ms());
    uint32_t before_us = p99_us(world, "before");
    uint64_t before_bytes = largest_node_bytes(world);
    kill(world->process, SIGSTOP);
    churn_run(&world->churn, stopped_ms());
    uint32_t during_us = p99_us(world, "while it is stopped");
    uint64_t during_bytes = largest_node_bytes(world);
    kill(world->process, SIGCONT);
    churn_run(&world->churn, stopped_ms());
    p99_us(world, "afterwards");
    bool is_drained = churn_drain(&world->churn);
    case_name(settings, is_drained && world->churn.failed == 0, "no write fails");
    case_name(settings,
              !times_count() || during_us <= before_us * P99_PERCENT_MAX / 100 + P99_NOISE_US,
              "writers do not notice");
    case_name(settings, during_bytes <= before_bytes + settings->cap_bytes + MARGIN_BYTES,
              "nodes stay within their memory");
}

static void check(const struct settings *settings)
{
    struct world world = {0};
    world_start(&world, settings);
    bool is_live = subscriber_start(&world);
    case_name(settings, is_live, "a subscriber is live");
    if (is_live)
        check_stop(settings, &world);
    struct verdict verdict = subscriber_ask(&world);
    printf("# it had %llu events and %llu resets, and was exact %llu ms after the last write\n",
           (unsigned long long)verdict.events, (unsigned long long)verdict.resets,
           (unsigned long long)verdict.caught_up_ms);
    case_name(settings, verdict.is_exact, "it ends exact");
    case_name(settings, (verdict.resets > 0) == settings->wants_reset,
              settings->wants_reset ? "what the log has dropped was told anew"
                                    : "nothing had to be told anew");
    churn_deinit(&world.churn);
    case_report(nodes_stop(&world.nodes), "the nodes end cleanly");
}

int main(void)
{
    for (size_t i = 0; i < sizeof all_settings / sizeof all_settings[0]; i++)
        check(&all_settings[i]);
    return case_status();
}
