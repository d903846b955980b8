// SPDX-License-Identifier: Apache-2.0
// Many keys in one call, a counter, a merge, and an entry that goes by itself.
//   batch [host:port,...]
#include <grid.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 1000 };

static bool check(struct grid *grid, const char *what, enum grid_error error)
{
    if (error != GRID_OK)
        fprintf(stderr, "%s: %s: %s\n", what, grid_error_name(error), grid_error_text(grid));
    return error == GRID_OK;
}

// Encodes 0 to COUNT - 1, one after the other; each is its own key and value.
static void numbers_build(struct grid_builder *builder, struct grid_bytes *numbers)
{
    size_t ends[COUNT];
    for (int i = 0; i < COUNT; i++) {
        grid_build_int(builder, i);
        ends[i] = grid_builder_bytes(builder).size;
    }
    const char *data = grid_builder_bytes(builder).data;
    for (int i = 0; i < COUNT; i++) {
        size_t start = i == 0 ? 0 : ends[i - 1];
        numbers[i] = (struct grid_bytes){data + start, ends[i] - start};
    }
}

static bool many(struct grid *grid)
{
    static struct grid_bytes numbers[COUNT];
    static struct grid_reply replies[COUNT];
    struct grid_builder *builder = grid_builder_new();
    uint64_t size = 0;
    int64_t sum = 0;
    numbers_build(builder, numbers);
    bool done =
        check(grid, "put_all", grid_put_all(grid, "numbers", numbers, numbers, COUNT, 0, NULL)) &&
        check(grid, "size", grid_size(grid, "numbers", &size)) &&
        check(grid, "get_all", grid_get_all(grid, "numbers", numbers, COUNT, replies));
    for (int i = 0; done && i < COUNT; i++) {
        int64_t number;
        done = grid_value_int(replies[i].value, &number);
        sum += done ? number : 0;
    }
    printf("%d numbers put, %lu there, their sum is %ld\n", COUNT, (unsigned long)size, (long)sum);
    grid_builder_free(builder);
    return done && sum == COUNT * (COUNT - 1) / 2;
}

static bool one(struct grid *grid)
{
    struct grid_builder *key = grid_builder_new();
    struct grid_builder *patch = grid_builder_new();
    struct grid_bytes value;
    int64_t count = 0;
    grid_build_str(key, "visits");
    static const char json_patch[] = "{\"page\": \"/\", \"seen\": {\"today\": true}}";
    if (grid_build_json(patch, json_patch, sizeof json_patch - 1, NULL, 0) != GRID_OK)
        return false;
    struct grid_bytes visits = grid_builder_bytes(key);
    bool done =
        check(grid, "increment", grid_increment(grid, "counts", visits, 5, &count)) &&
        check(grid, "merge", grid_merge(grid, "pages", visits, grid_builder_bytes(patch))) &&
        check(grid, "get", grid_get(grid, "pages", visits, &value));
    char *json = done ? grid_value_to_json(value) : NULL;
    printf("the counter is %ld, the page %s\n", (long)count, json ? json : "unknown");
    free(json);
    // Lives for a minute unless it is put again.
    struct grid_request touch = {.op = GRID_TOUCH, .map = "pages", .key = visits, .ttl_ms = 60000};
    struct grid_reply reply;
    done = done && check(grid, "touch", grid_execute(grid, &touch, &reply)) && reply.found;
    grid_builder_free(key);
    grid_builder_free(patch);
    return done;
}

int main(int argc, char **argv)
{
    struct grid_options options = {.seeds = argc > 1 ? argv[1] : NULL, .client_name = "batch"};
    struct grid *grid = grid_new(&options, NULL);
    bool done = grid && check(grid, "connect", grid_connect(grid, 5000)) && many(grid) && one(grid);
    grid_free(grid);
    return done ? 0 : 1;
}
