// SPDX-License-Identifier: Apache-2.0
// A live result: a local copy of what a query selects, which the grid keeps up to date. Reading
// from it costs no round trip, and it is never silently stale: it knows how far it is.
//   live_result [host:port,...]
#include <grid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STOCK_COUNT = 5,
    AGE_MS_MAX = 3000, // the grid confirms each second that nothing is missing
    LOOK_MS = 20,      // the copy changes without calling anybody back
};

static const char *const names[STOCK_COUNT] = {"ants", "bees", "cats", "dogs", "eels"};

struct cache {
    struct grid *grid;
    struct grid_subscription *stocks; // SELECT * FROM stocks WHERE price < 100, with its values
    bool is_ready;
    bool has_failed;
    unsigned hits;
    unsigned misses;
};

static void on_ready(void *context)
{
    ((struct cache *)context)->is_ready = true;
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    ((struct cache *)context)->has_failed = true;
    fprintf(stderr, "%s: %s\n", grid_error_name(error), text);
}

static void check(struct cache *cache, const char *what, enum grid_error error)
{
    if (error == GRID_OK)
        return;
    cache->has_failed = true;
    fprintf(stderr, "%s: %s: %s\n", what, grid_error_name(error), grid_error_text(cache->grid));
}

// ---- Writing goes to the grid ----

static void price_put(struct cache *cache, const char *name, int64_t price)
{
    struct grid_builder *key = grid_builder_new();
    struct grid_builder *value = grid_builder_new();
    grid_build_str(key, name);
    grid_build_map(value, 1);
    grid_build_str(value, "price");
    grid_build_int(value, price);
    check(cache, "put",
          grid_put(cache->grid, "stocks", grid_builder_bytes(key), grid_builder_bytes(value), 0));
    grid_builder_free(key);
    grid_builder_free(value);
}

// ---- Reading goes to the copy where it is fresh enough, and to the grid elsewhere ----

static bool is_fresh(const struct cache *cache, struct grid_bytes key)
{
    struct grid_result_position position;
    grid_result_position(cache->stocks, key, &position);
    return position.state == GRID_SUBSCRIPTION_LIVE && position.behind == 0 &&
           position.age_ms <= AGE_MS_MAX;
}

// The price, or -1 where there is no such stock.
static int64_t price_get(struct cache *cache, const char *name)
{
    int64_t price = -1;
    struct grid_builder *built = grid_builder_new();
    grid_build_str(built, name);
    struct grid_bytes key = grid_builder_bytes(built);
    struct grid_row row;
    struct grid_bytes value = {NULL, 0};
    if (is_fresh(cache, key) && grid_result_get(cache->stocks, key, &row) == GRID_OK) {
        cache->hits++;
        value = row.value;
    } else {
        // Not in the copy: not fresh, or it costs 100 or more, which only the grid can tell.
        cache->misses++;
        enum grid_error error = grid_get(cache->grid, "stocks", key, &value);
        if (error != GRID_NOT_FOUND)
            check(cache, "get", error);
        if (error != GRID_OK)
            value = (struct grid_bytes){NULL, 0};
    }
    if (value.data)
        grid_value_int(grid_value_field(value, "price"), &price);
    grid_builder_free(built);
    return price;
}

// ---- The story ----

// The first confirmation comes within a second.
static void freshness_await(struct cache *cache)
{
    while (!is_fresh(cache, (struct grid_bytes){NULL, 0}) && !cache->has_failed)
        grid_run(cache->grid, LOOK_MS);
}

static void all_show(struct cache *cache)
{
    uint64_t place = 0;
    struct grid_row row;
    printf("%zu stocks below 100:\n", grid_result_count(cache->stocks));
    while (grid_result_next(cache->stocks, &place, &row)) {
        char *key = grid_value_to_json(row.key);
        char *value = grid_value_to_json(row.value);
        printf("  %s %s\n", key, value);
        free(key);
        free(value);
    }
}

// A write is answered by the node, and comes to the copy a moment later.
static void count_await(struct cache *cache, size_t count)
{
    while (grid_result_count(cache->stocks) != count && !cache->has_failed)
        grid_run(cache->grid, LOOK_MS);
}

static bool story(struct cache *cache)
{
    all_show(cache);
    price_put(cache, "cats", 140); // leaves the result
    count_await(cache, STOCK_COUNT - 1);
    all_show(cache);
    freshness_await(cache);
    bool are_right = true;
    for (int i = 0; i < STOCK_COUNT; i++) {
        int64_t price = price_get(cache, names[i]);
        are_right &= price == (strcmp(names[i], "cats") == 0 ? 140 : 10 * (i + 1));
        printf("%s cost %lld\n", names[i], (long long)price);
    }
    printf("%u prices were read from the copy, %u from the grid\n", cache->hits, cache->misses);
    return are_right && cache->hits > 0 && !cache->has_failed;
}

int main(int argc, char **argv)
{
    struct grid_options options = {.seeds = argc > 1 ? argv[1] : NULL,
                                   .client_name = "live_result"};
    struct grid_subscribe_options keep = {.content = GRID_CONTENT_NEW, .keep = GRID_KEEP_VALUES};
    struct grid_listener listener = {.ready = on_ready, .error = on_error};
    struct cache cache = {.grid = grid_new(&options, NULL)};
    if (!cache.grid)
        return 1;
    for (int i = 0; i < STOCK_COUNT && !cache.has_failed; i++)
        price_put(&cache, names[i], 10 * (i + 1));
    cache.stocks = grid_subscribe(cache.grid, "SELECT * FROM stocks WHERE price < 100", &keep,
                                  &listener, &cache);
    while (!cache.is_ready && !cache.has_failed)
        grid_run(cache.grid, -1);
    bool done = !cache.has_failed && story(&cache);
    grid_unsubscribe(cache.stocks);
    grid_free(cache.grid);
    return done ? 0 : 1;
}
