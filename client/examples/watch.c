// SPDX-License-Identifier: Apache-2.0
// A continuous query: the rows that match now, then every change of what matches. Then the watcher
// goes away, and later goes on exactly where it was, by its resume token.
//   watch [host:port,...]
#include <grid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUERY "SELECT degrees FROM rooms WHERE degrees > 25"

struct watch {
    int changes;
    bool is_ready;
    bool has_failed;
    void *token; // owned; NULL: none
    size_t token_size;
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
    ((struct watch *)context)->is_ready = true;
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

// Nothing has to be done about any of these: the client goes on by itself, and tells what it
// missed.
static void on_state(void *context, enum grid_subscription_state state, uint64_t behind)
{
    (void)context;
    printf("       %s, %llu behind\n", grid_subscription_state_name(state),
           (unsigned long long)behind);
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    ((struct watch *)context)->has_failed = true;
    fprintf(stderr, "%s: %s\n", grid_error_name(error), text);
}

static const struct grid_listener listener = {
    .row = on_row,
    .ready = on_ready,
    .enter = on_enter,
    .update = on_update,
    .leave = on_leave,
    .state = on_state,
    .error = on_error,
};

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

static void wait_for_changes(struct grid *grid, const struct watch *watch, int count)
{
    while (watch->changes < count && !watch->has_failed)
        grid_run(grid, -1);
}

// Keeps the token, as one would in a file: together with what was made of the changes so far, so
// that one is never newer than the other.
static void keep_token(struct watch *watch, struct grid_subscription *subscription)
{
    struct grid_bytes token;
    if (grid_subscription_token(subscription, &token) != GRID_OK)
        return;
    watch->token = malloc(token.size);
    watch->token_size = token.size;
    memcpy(watch->token, token.data, token.size);
}

static void watch_first(struct grid *grid, struct watch *watch)
{
    struct grid_subscription *subscription = grid_subscribe(grid, QUERY, NULL, &listener, watch);
    while (!watch->is_ready && !watch->has_failed)
        grid_run(grid, -1);
    if (put(grid, 26.5) && put(grid, 27.0)) { // ENTER, UPDATE
        wait_for_changes(grid, watch, 2);
        keep_token(watch, subscription);
    }
    grid_unsubscribe(subscription);
}

static void watch_again(struct grid *grid, struct watch *watch)
{
    struct grid_subscribe_options options = {.start = GRID_START_AFTER,
                                             .token = {watch->token, watch->token_size}};
    struct grid_subscription *subscription =
        grid_subscribe(grid, QUERY, &options, &listener, watch);
    wait_for_changes(grid, watch, 4);
    grid_unsubscribe(subscription);
}

int main(int argc, char **argv)
{
    struct grid_options options = {.seeds = argc > 1 ? argv[1] : NULL, .client_name = "watch"};
    struct watch watch = {0};
    struct grid *grid = grid_new(&options, NULL);
    if (!grid || !put(grid, 21.0))
        return 1;
    watch_first(grid, &watch);
    if (watch.token && put(grid, 22.0) && put(grid, 28.0)) { // LEAVE and ENTER, while it is away
        printf("       away, with a token of %zu bytes\n", watch.token_size);
        watch_again(grid, &watch);
    }
    free(watch.token);
    grid_free(grid);
    return watch.changes == 4 && !watch.has_failed ? 0 : 1;
}
