// SPDX-License-Identifier: Apache-2.0
// A continuous query: the rows that match now, then every change of what matches.
//   watch [host:port,...]
#include <grid.h>
#include <stdio.h>
#include <stdlib.h>

struct watch {
    int changes;
    bool is_ready;
    bool has_failed;
};

static void print(const char *what, const struct grid_event *event)
{
    char *key = grid_value_to_json(event->key);
    char *value = grid_value_to_json(event->new_value);
    printf("%-6s %s %s\n", what, key, value ? value : "(gone)");
    free(key);
    free(value);
}

static void on_row(void *context, const struct grid_event *event)
{
    (void)context;
    print("ROW", event);
}

static void on_ready(void *context)
{
    struct watch *watch = context;
    watch->is_ready = true;
    printf("READY  the snapshot is complete\n");
}

static void on_enter(void *context, const struct grid_event *event)
{
    ((struct watch *)context)->changes++;
    print("ENTER", event);
}

static void on_update(void *context, const struct grid_event *event)
{
    ((struct watch *)context)->changes++;
    print("UPDATE", event);
}

static void on_leave(void *context, const struct grid_event *event)
{
    ((struct watch *)context)->changes++;
    print("LEAVE", event);
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    ((struct watch *)context)->has_failed = true;
    fprintf(stderr, "%s: %s\n", grid_error_name(error), text);
}

// Temperatures of one room; above 25 degrees is what the query watches.
static bool put(struct grid *grid, double degrees)
{
    struct grid_builder *built = grid_builder_new();
    grid_build_str(built, "kitchen");
    size_t key_bytes = grid_builder_bytes(built).size;
    grid_build_map(built, 1);
    grid_build_str(built, "degrees");
    grid_build_double(built, degrees);
    struct grid_bytes all = grid_builder_bytes(built);
    struct grid_bytes key = {all.data, key_bytes};
    struct grid_bytes value = {(const char *)all.data + key_bytes, all.size - key_bytes};
    enum grid_error error = grid_put(grid, "rooms", key, value, 0);
    if (error != GRID_OK)
        fprintf(stderr, "put: %s: %s\n", grid_error_name(error), grid_error_text(grid));
    grid_builder_free(built);
    return error == GRID_OK;
}

int main(int argc, char **argv)
{
    struct grid_options options = {.seeds = argc > 1 ? argv[1] : NULL, .client_name = "watch"};
    struct grid_listener listener = {on_row,   on_ready, on_enter, on_update,
                                     on_leave, NULL,     on_error};
    struct watch watch = {0};
    struct grid *grid = grid_new(&options, NULL);
    if (!grid || !put(grid, 21.0))
        return 1;
    struct grid_subscription *subscription = grid_subscribe(
        grid, "SELECT degrees FROM rooms WHERE degrees > 25", NULL, &listener, &watch);
    while (!watch.is_ready && !watch.has_failed)
        grid_run(grid, -1);
    bool done = put(grid, 26.5) && put(grid, 27.0) && put(grid, 22.0); // ENTER, UPDATE, LEAVE
    while (done && watch.changes < 3 && !watch.has_failed)
        grid_run(grid, -1);
    grid_unsubscribe(subscription);
    grid_free(grid);
    return done && watch.changes == 3 ? 0 : 1;
}
