// SPDX-License-Identifier: Apache-2.0
// Input: taken once as JSON text, once as MessagePack. JSON that is read is one well-formed value,
// and reading what is written from it gives the same value; whatever is well-formed is written as
// JSON of one line.
#include "client/grid.h"
#include "cluster/base/memory.h"
#include "cluster/wire/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool bytes_are_equal(struct grid_bytes a, struct grid_bytes b)
{
    return bytes_equal(bytes_of(a.data, a.size), bytes_of(b.data, b.size));
}

static void run_json(const char *text, size_t size)
{
    char error[64];
    struct grid_builder *first = grid_builder_new();
    struct grid_builder *second = grid_builder_new();
    if (grid_build_json(first, text, size, error, sizeof error) == GRID_OK) {
        struct grid_bytes value = grid_builder_bytes(first);
        CHECK(value_check(bytes_of(value.data, value.size)) == ERROR_NONE);
        char *json = grid_value_to_json(value);
        CHECK(json != NULL);
        CHECK(grid_build_json(second, json, strlen(json), error, sizeof error) == GRID_OK);
        CHECK(bytes_are_equal(value, grid_builder_bytes(second)));
        free(json);
    } else {
        CHECK(grid_builder_bytes(first).size == 0);
    }
    grid_builder_free(first);
    grid_builder_free(second);
}

static void run_value(struct grid_bytes value)
{
    int64_t number;
    double real;
    bool flag;
    struct grid_bytes text;
    (void)grid_value_int(value, &number);
    (void)grid_value_double(value, &real);
    (void)grid_value_bool(value, &flag);
    (void)grid_value_str(value, &text);
    (void)grid_value_field(grid_value_field(value, "a"), "b");
    struct cursor cursor = cursor_of(bytes_of(value.data, value.size));
    char *json = grid_value_to_json(value);
    CHECK((json != NULL) == cursor_skip(&cursor));
    CHECK(!json || !strchr(json, '\n'));
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_json((const char *)data, size);
    run_value((struct grid_bytes){data, size});
    return 0;
}
