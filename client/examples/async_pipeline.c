// SPDX-License-Identifier: Apache-2.0
// Asynchronous use on an event base of the program's own: 10,000 increments, 100 of them under way
// at any time, none of which waits for another.
//   async_pipeline [host:port,...]
#include <event2/event.h>
#include <grid.h>
#include <stdio.h>

enum { INCREMENTS = 10000, UNDER_WAY = 100, COUNTERS = 10 };

struct pipeline {
    struct grid *grid;
    struct event_base *base;
    struct grid_builder *key;
    struct grid_builder *one;
    int submitted;
    int answered;
    int failed;
};

static void submit_next(struct pipeline *pipeline);

static void on_reply(void *context, const struct grid_reply *reply)
{
    struct pipeline *pipeline = context;
    pipeline->answered++;
    if (reply->error != GRID_OK) {
        pipeline->failed++;
        fprintf(stderr, "increment: %s: %s\n", grid_error_name(reply->error), reply->text);
    }
    if (pipeline->submitted < INCREMENTS)
        submit_next(pipeline);
    else if (pipeline->answered == pipeline->submitted)
        event_base_loopbreak(pipeline->base);
}

static void submit_next(struct pipeline *pipeline)
{
    grid_builder_clear(pipeline->key);
    grid_build_int(pipeline->key, pipeline->submitted++ % COUNTERS);
    struct grid_request request = {.op = GRID_INCREMENT,
                                   .map = "counters",
                                   .key = grid_builder_bytes(pipeline->key),
                                   .value = grid_builder_bytes(pipeline->one)};
    enum grid_error error = grid_submit(pipeline->grid, &request, on_reply, pipeline);
    if (error != GRID_OK) {
        struct grid_reply refused = {.error = error, .text = "not submitted"};
        on_reply(pipeline, &refused);
    }
}

int main(int argc, char **argv)
{
    struct grid_options options = {.seeds = argc > 1 ? argv[1] : NULL,
                                   .client_name = "async_pipeline"};
    struct pipeline pipeline = {
        .base = event_base_new(), .key = grid_builder_new(), .one = grid_builder_new()};
    pipeline.grid = grid_new(&options, pipeline.base);
    if (!pipeline.grid) {
        fprintf(stderr, "cannot read the seeds: %s\n", argv[1]);
        return 2;
    }
    grid_build_int(pipeline.one, 1);
    // The library connects in the background; what is submitted meanwhile waits for it.
    for (int i = 0; i < UNDER_WAY; i++)
        submit_next(&pipeline);
    event_base_dispatch(pipeline.base);
    printf("%d increments of %d counters answered, %d failed\n", pipeline.answered, COUNTERS,
           pipeline.failed);
    grid_free(pipeline.grid);
    grid_builder_free(pipeline.key);
    grid_builder_free(pipeline.one);
    event_base_free(pipeline.base);
    return pipeline.failed == 0 && pipeline.answered == INCREMENTS ? 0 : 1;
}
