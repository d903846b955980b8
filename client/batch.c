// SPDX-License-Identifier: Apache-2.0
// Many keys in one synchronous call, pipelined to all owners.
#include "client/operation.h"
#include "client/sync.h"

#include <event2/event.h>

struct batch {
    struct grid *grid;
    size_t under_way;
    enum grid_error first_error;
    struct grid_reply *replies; // NULL: nobody wants them
};

// One element's context: which batch, which place.
struct batch_element {
    struct batch *batch;
    size_t place;
};

static void element_end(struct batch *batch, size_t place, const struct grid_reply *reply)
{
    if (batch->replies)
        batch->replies[place] = client_sync_keep(batch->grid, reply);
    if (reply->error == GRID_OK || batch->first_error != GRID_OK)
        return;
    batch->first_error = reply->error;
    client_sync_fail(batch->grid, reply->error,
                     reply->text[0] != '\0' ? reply->text : grid_error_name(reply->error));
}

static void on_reply(void *context, const struct grid_reply *reply)
{
    const struct batch_element *element = context;
    element->batch->under_way--;
    element_end(element->batch, element->place, reply);
}

// Submits; when too many are under way, lets some finish first.
static void element_submit(struct batch *batch, struct batch_element *element,
                           const struct grid_request *request)
{
    for (;;) {
        enum grid_error error = grid_submit(batch->grid, request, on_reply, element);
        if (error == GRID_OK) {
            batch->under_way++;
            return;
        }
        if (error != GRID_OVERLOADED || batch->under_way == 0) {
            const char *what = "";
            if (client_operation_check(request, &what) == ERROR_NONE)
                what = "too many operations are under way";
            struct grid_reply reply = {.error = error, .text = what};
            element_end(batch, element->place, &reply);
            return;
        }
        event_base_loop(batch->grid->base, EVLOOP_ONCE);
    }
}

// `values` NULL: the request has none.
static enum grid_error batch_run(struct grid *grid, struct grid_request *request,
                                 const struct grid_bytes *keys, const struct grid_bytes *values,
                                 size_t count, struct grid_reply *replies)
{
    enum grid_error error = client_sync_begin(grid);
    if (error != GRID_OK)
        return error;
    struct batch batch = {.grid = grid, .replies = replies};
    struct batch_element *elements = client_keep_take(&grid->keep, count * sizeof *elements);
    for (size_t i = 0; i < count; i++) {
        elements[i] = (struct batch_element){.batch = &batch, .place = i};
        request->key = keys[i];
        if (values)
            request->value = values[i];
        element_submit(&batch, &elements[i], request);
    }
    while (batch.under_way > 0)
        event_base_loop(grid->base, EVLOOP_ONCE);
    return batch.first_error;
}

enum grid_error grid_get_all(struct grid *grid, const char *map, const struct grid_bytes *keys,
                             size_t count, struct grid_reply *replies)
{
    struct grid_request request = {.op = GRID_GET, .map = map};
    return batch_run(grid, &request, keys, NULL, count, replies);
}

enum grid_error grid_put_all(struct grid *grid, const char *map, const struct grid_bytes *keys,
                             const struct grid_bytes *values, size_t count, int64_t ttl_ms,
                             struct grid_reply *replies)
{
    struct grid_request request = {.op = GRID_PUT, .map = map, .ttl_ms = ttl_ms};
    return batch_run(grid, &request, keys, values, count, replies);
}
