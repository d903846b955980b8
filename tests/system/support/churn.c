// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/churn.h"

#include "cluster/base/check.h"
#include "cluster/base/memory.h"
#include "tests/system/support/nodes.h"

#include <stdio.h>

enum {
    FAILURES_TOLD_MAX = 5,
    VALUE_LIMIT = 100,
    TTL_MAX_MS = 300,
    // Of a hundred operations; the rest puts.
    REMOVES = 20,
    SHORT_LIVES = 10,
    MERGES = 10,
};

struct write {
    struct churn *churn;
    uint64_t due_us;
};

static void on_written(void *context, const struct grid_reply *reply)
{
    struct write *write = context;
    struct churn *churn = write->churn;
    samples_add(&churn->latencies, now_us() - write->due_us);
    churn->under_way--;
    churn->answered++;
    if (reply->error != GRID_OK && churn->failed++ < FAILURES_TOLD_MAX)
        fprintf(stderr, "write failed: %s: %s\n", grid_error_name(reply->error), reply->text);
    free(write);
}

static uint32_t dice(struct churn *churn, uint32_t sides)
{
    return (uint32_t)random_below(&churn->random, sides);
}

static void value_build(struct churn *churn, bool is_patch)
{
    struct grid_builder *builder = churn->builder;
    grid_builder_clear(builder);
    grid_build_map(builder, is_patch ? 2 : 3);
    grid_build_str(builder, "n");
    grid_build_uint(builder, ++churn->number);
    grid_build_str(builder, "v");
    grid_build_uint(builder, dice(churn, VALUE_LIMIT));
    if (is_patch)
        return;
    grid_build_str(builder, "padding");
    grid_build_bin(builder, churn->padding, churn->options.value_bytes);
}

static void kind_choose(struct churn *churn, struct grid_request *request)
{
    uint32_t drawn = churn->options.only_puts ? UINT32_MAX : dice(churn, 100);
    if (drawn < REMOVES)
        request->op = GRID_REMOVE;
    else if (drawn < REMOVES + SHORT_LIVES)
        request->ttl_ms = 1 + dice(churn, TTL_MAX_MS);
    else if (drawn < REMOVES + SHORT_LIVES + MERGES)
        request->op = GRID_MERGE;
}

static void write_submit(void *context, uint64_t due_us)
{
    struct churn *churn = context;
    uint8_t key[16];
    struct grid_request request = {.op = GRID_PUT, .map = churn->options.map};
    kind_choose(churn, &request);
    grid_builder_clear(churn->builder);
    grid_build_uint(churn->builder, dice(churn, churn->options.key_count));
    struct grid_bytes built = grid_builder_bytes(churn->builder);
    memcpy(key, built.data, built.size);
    request.key = (struct grid_bytes){key, built.size};
    if (request.op != GRID_REMOVE) {
        value_build(churn, request.op == GRID_MERGE);
        request.value = grid_builder_bytes(churn->builder);
    }
    struct write *write = memory_new(sizeof *write);
    *write = (struct write){.churn = churn, .due_us = due_us};
    uint64_t late_us = now_us() - due_us;
    if (late_us > churn->late_max_us)
        churn->late_max_us = late_us;
    churn->under_way++;
    CHECK(grid_submit(churn->writer, &request, on_written, write) == GRID_OK);
}

// ---- Running ----

void churn_run(struct churn *churn, uint32_t duration_ms)
{
    pace_run_until(&churn->pace, NULL, NULL, duration_ms);
}

static bool is_answered(void *context)
{
    return ((const struct churn *)context)->under_way == 0;
}

bool churn_drain(struct churn *churn)
{
    return pace_rest_until(&churn->pace, is_answered, churn, WAIT_MS);
}

// ---- Life ----

static bool is_connected(void *context)
{
    return grid_partition_count(((const struct churn *)context)->writer) > 0;
}

void churn_init(struct churn *churn, const struct churn_options *options)
{
    struct grid_options writer = {.seeds = options->seeds,
                                  .client_name = "churn",
                                  .timeout_ms = options->timeout_ms,
                                  .pending_max = UINT32_MAX,
                                  .no_quorum_ms = (int32_t)options->timeout_ms};
    *churn = (struct churn){.options = *options,
                            .builder = grid_builder_new(),
                            .padding = memory_new((size_t)options->value_bytes + 1),
                            .random = {.state = now_us()}};
    pace_init(&churn->pace, options->rate, write_submit, churn);
    churn->writer = grid_new(&writer, churn->pace.base);
    CHECK(churn->writer != NULL);
    if (!pace_rest_until(&churn->pace, is_connected, churn, WAIT_MS)) {
        fprintf(stderr, "churn: no view within the time\n");
        exit(EXIT_FAILURE);
    }
}

void churn_deinit(struct churn *churn)
{
    grid_free(churn->writer);
    pace_deinit(&churn->pace);
    grid_builder_free(churn->builder);
    samples_deinit(&churn->latencies);
    free(churn->padding);
}
