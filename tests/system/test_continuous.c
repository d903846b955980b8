// SPDX-License-Identifier: Apache-2.0
// Continuous queries against three real nodes with replication: subscriptions that start in the
// middle of a load must hold exactly what a fresh query returns once the load is over, and every
// event on the way must fit what was held.
#include "client/grid.h"
#include "tests/system/support/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEYS = 3000,
    OPERATIONS = 60000,
    PENDING_MAX = 256,
    VALUE_LIMIT = 100,
    ABSENT = -1,
    PARTITIONS_MAX = 16384,
};

static const char map[] = "live";
static const char query[] = "SELECT v FROM live WHERE v >= 50";

struct checker {
    int64_t held[KEYS];
    bool row_seen[KEYS];
    uint64_t seqs[PARTITIONS_MAX];
    uint64_t rows, enters, updates, leaves;
    bool is_ready;
    bool is_wrong;
    char wrong[256]; // the first thing that did not fit
    struct grid_subscription *subscription;
};

static void wrong(struct checker *checker, const char *what, int64_t key)
{
    if (!checker->is_wrong)
        snprintf(checker->wrong, sizeof checker->wrong, "%s: key %ld", what, (long)key);
    checker->is_wrong = true;
}

static int64_t number_in(struct grid_bytes value, const char *field)
{
    int64_t number = ABSENT;
    struct grid_bytes found = field ? grid_value_field(value, field) : value;
    if (!found.data || !grid_value_int(found, &number))
        return ABSENT;
    return number;
}

static int64_t key_of(struct checker *checker, const struct grid_event *event)
{
    int64_t key = number_in(event->key, NULL);
    if (key < 0 || key >= KEYS) {
        wrong(checker, "no such key", key);
        return 0;
    }
    return key;
}

static void on_row(void *context, const struct grid_event *event)
{
    struct checker *checker = context;
    int64_t key = key_of(checker, event);
    if (checker->row_seen[key] || checker->held[key] != ABSENT)
        wrong(checker, "row twice, or after its delta", key);
    checker->row_seen[key] = true;
    checker->held[key] = number_in(event->new_value, "v");
    checker->rows++;
}

static int64_t take_delta(struct checker *checker, const struct grid_event *event, bool was_held)
{
    int64_t key = key_of(checker, event);
    if (event->seq <= checker->seqs[event->partition])
        wrong(checker, "out of order", key);
    checker->seqs[event->partition] = event->seq;
    if ((checker->held[key] != ABSENT) != was_held)
        wrong(checker, was_held ? "change of what was not held" : "enter of what was held", key);
    if (was_held && number_in(event->old_value, "v") != checker->held[key])
        wrong(checker, "another old value than held", key);
    return key;
}

static void on_enter(void *context, const struct grid_event *event)
{
    struct checker *checker = context;
    checker->held[take_delta(checker, event, false)] = number_in(event->new_value, "v");
    checker->enters++;
}

static void on_update(void *context, const struct grid_event *event)
{
    struct checker *checker = context;
    checker->held[take_delta(checker, event, true)] = number_in(event->new_value, "v");
    checker->updates++;
}

static void on_leave(void *context, const struct grid_event *event)
{
    struct checker *checker = context;
    checker->held[take_delta(checker, event, true)] = ABSENT;
    checker->leaves++;
}

static void on_ready(void *context)
{
    ((struct checker *)context)->is_ready = true;
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    struct checker *checker = context;
    if (!checker->is_wrong)
        snprintf(checker->wrong, sizeof checker->wrong, "subscription ended: %s: %.200s",
                 grid_error_name(error), text);
    checker->is_wrong = true;
}

static struct checker *checker_new(struct grid *grid)
{
    static const struct grid_listener listener = {.row = on_row,
                                                  .ready = on_ready,
                                                  .enter = on_enter,
                                                  .update = on_update,
                                                  .leave = on_leave,
                                                  .error = on_error};
    struct checker *checker = calloc(1, sizeof *checker);
    for (int i = 0; i < KEYS; i++)
        checker->held[i] = ABSENT;
    checker->subscription = grid_subscribe(grid, query, NULL, &listener, checker);
    return checker;
}

// ---- The load ----

struct load {
    uint64_t failed;
    char failure[256];
    unsigned random;
};

static void on_reply(void *context, const struct grid_reply *reply)
{
    struct load *load = context;
    if (reply->error == GRID_OK)
        return;
    if (load->failed++ == 0)
        snprintf(load->failure, sizeof load->failure, "%s: %.200s", grid_error_name(reply->error),
                 reply->text);
}

static unsigned dice(struct load *load, unsigned sides)
{
    load->random = load->random * 1103515245U + 12345U;
    return (load->random >> 16) % sides;
}

static void submit_one(struct grid *grid, struct load *load, struct grid_builder *keys,
                       struct grid_builder *values)
{
    grid_builder_clear(keys);
    grid_builder_clear(values);
    grid_build_int(keys, dice(load, KEYS));
    struct grid_request request = {.op = GRID_PUT, .map = map};
    grid_build_map(values, 2);
    grid_build_str(values, "v");
    grid_build_int(values, dice(load, VALUE_LIMIT));
    grid_build_str(values, "note");
    grid_build_str(values, "x");
    switch (dice(load, 10)) {
    case 0:
    case 1:
        request.op = GRID_REMOVE;
        break;
    case 2:
        request.ttl_ms = 1 + dice(load, 200);
        break;
    case 3:
        request.op = GRID_MERGE;
        break;
    default:
        break;
    }
    request.key = grid_builder_bytes(keys);
    if (request.op != GRID_REMOVE)
        request.value = grid_builder_bytes(values);
    if (grid_submit(grid, &request, on_reply, load) != GRID_OK)
        load->failed++;
    while (grid_pending(grid) >= PENDING_MAX)
        grid_run(grid, WAIT_MS);
}

static void run_load(struct grid *grid, struct load *load, struct checker *checkers[2])
{
    struct grid_builder *keys = grid_builder_new();
    struct grid_builder *values = grid_builder_new();
    for (int i = 0; i < OPERATIONS; i++) {
        if (i == OPERATIONS / 4)
            checkers[0] = checker_new(grid);
        if (i == OPERATIONS / 2)
            checkers[1] = checker_new(grid);
        submit_one(grid, load, keys, values);
    }
    while (grid_pending(grid) > 0)
        grid_run(grid, WAIT_MS);
    grid_builder_free(keys);
    grid_builder_free(values);
}

// ---- The comparison ----

struct comparison {
    struct grid *grid;
    struct checker *checker;
    uint32_t held, fresh, different;
};

static bool is_equal(void *context)
{
    struct comparison *comparison = context;
    int64_t fresh[KEYS];
    struct grid_row row;
    grid_run(comparison->grid, 0);
    for (int i = 0; i < KEYS; i++)
        fresh[i] = ABSENT;
    struct grid_scan *scan =
        grid_query_new(comparison->grid, "SELECT __key, v FROM live WHERE v >= 50");
    comparison->held = comparison->fresh = comparison->different = 0;
    while (grid_scan_next(scan, &row) == GRID_OK) {
        fresh[number_in(row.key, NULL)] = number_in(row.value, "v");
        comparison->fresh++;
    }
    grid_scan_free(scan);
    for (int i = 0; i < KEYS; i++) {
        comparison->held += comparison->checker->held[i] != ABSENT;
        comparison->different += comparison->checker->held[i] != fresh[i];
    }
    return comparison->different == 0 && comparison->checker->is_ready;
}

static void check(struct grid *grid, struct checker *checker, const char *name)
{
    struct comparison comparison = {.grid = grid, .checker = checker};
    bool equal = wait_until(is_equal, &comparison);
    printf("# %lu rows, %lu enter, %lu update, %lu leave; holds %u, a fresh query returns %u\n",
           checker->rows, checker->enters, checker->updates, checker->leaves, comparison.held,
           comparison.fresh);
    if (checker->is_wrong)
        printf("# %s\n", checker->wrong);
    case_report(equal && !checker->is_wrong && checker->enters > 0 && checker->leaves > 0, name);
    grid_unsubscribe(checker->subscription);
    free(checker);
}

int main(void)
{
    static const char *const options[] = {"--workers=2", NULL};
    struct nodes nodes;
    nodes_start(&nodes, 3, options);
    struct grid_options grid_options = {.seeds = nodes.seeds};
    struct grid *grid = grid_new(&grid_options, NULL);
    case_report(grid_connect(grid, WAIT_MS) == GRID_OK, "a client connects to all nodes");
    struct load load = {.random = 1};
    struct checker *checkers[2] = {NULL, NULL};
    run_load(grid, &load, checkers);
    if (load.failed)
        printf("# %lu failed: %s\n", load.failed, load.failure);
    case_report(load.failed == 0, "no operation fails");
    check(grid, checkers[0], "a subscription from the first quarter is exact");
    check(grid, checkers[1], "a subscription from the middle is exact");
    grid_free(grid);
    case_report(nodes_stop(&nodes), "the nodes end cleanly");
    return case_status();
}
