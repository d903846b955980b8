// SPDX-License-Identifier: Apache-2.0
// Stores an entry and reads it back, one synchronous call after the other.
//   put_get [host:port,...]
#include <grid.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(struct grid *grid, const char *what, enum grid_error error)
{
    fprintf(stderr, "%s: %s: %s\n", what, grid_error_name(error), grid_error_text(grid));
    grid_free(grid);
    return 1;
}

int main(int argc, char **argv)
{
    struct grid_options options = {.seeds = argc > 1 ? argv[1] : NULL, .client_name = "put_get"};
    struct grid *grid = grid_new(&options, NULL);
    if (!grid) {
        fprintf(stderr, "cannot read the seeds: %s\n", argv[1]);
        return 2;
    }
    enum grid_error error = grid_connect(grid, 5000);
    if (error != GRID_OK)
        return fail(grid, "connect", error);

    struct grid_builder *key = grid_builder_new();
    struct grid_builder *value = grid_builder_new();
    grid_build_str(key, "ada");
    grid_build_map(value, 2);
    grid_build_str(value, "name");
    grid_build_str(value, "Ada Lovelace");
    grid_build_str(value, "born");
    grid_build_int(value, 1815);
    error = grid_put(grid, "people", grid_builder_bytes(key), grid_builder_bytes(value), 0);
    if (error != GRID_OK)
        return fail(grid, "put", error);

    struct grid_bytes read;
    error = grid_get(grid, "people", grid_builder_bytes(key), &read);
    if (error != GRID_OK)
        return fail(grid, "get", error);
    char *json = grid_value_to_json(read);
    printf("people[\"ada\"] = %s\n", json);
    free(json);

    bool found;
    error = grid_remove(grid, "people", grid_builder_bytes(key), &found);
    if (error != GRID_OK)
        return fail(grid, "remove", error);
    error = grid_get(grid, "people", grid_builder_bytes(key), &read);
    printf("removed, and now a get says %s\n", grid_error_name(error));

    grid_builder_free(key);
    grid_builder_free(value);
    grid_free(grid);
    return found && error == GRID_NOT_FOUND ? 0 : 1;
}
