// SPDX-License-Identifier: Apache-2.0
#include "client/core.h"
#include "tests/unit/client/fake_grid.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct fake_grid fake;
static struct grid *grid;

static void setup(void)
{
    fake_init(&fake, 3, 2);
    struct grid_options options = {.seeds = fake_seed(&fake, 0), .timeout_ms = 2000};
    grid = grid_new(&options, NULL);
    fake_start(&fake, grid->base);
}

static void teardown(void)
{
    fake_deinit(&fake);
    grid_free(grid);
}

TestSuite(sync, .init = setup, .fini = teardown);

static struct grid_bytes number(int value)
{
    static uint8_t numbers[128];
    numbers[value] = (uint8_t)value;
    return (struct grid_bytes){&numbers[value], 1};
}

Test(sync, put_get_remove)
{
    struct grid_bytes value;
    bool found;
    cr_assert_eq(grid_get(grid, "m", number(1), &value), GRID_NOT_FOUND);
    cr_assert_str_eq(grid_error_text(grid), "there is no such entry");
    cr_assert_eq(grid_put(grid, "m", number(1), number(7), 0), GRID_OK);
    cr_assert_str_eq(grid_error_text(grid), "");
    cr_assert_eq(grid_get(grid, "m", number(1), &value), GRID_OK);
    cr_assert_eq(value.size, 1);
    cr_assert_eq(*(const uint8_t *)value.data, 7);
    cr_assert_eq(grid_remove(grid, "m", number(1), &found), GRID_OK);
    cr_assert(found);
    cr_assert_eq(grid_remove(grid, "m", number(1), &found), GRID_OK);
    cr_assert_not(found);
    cr_assert_eq(grid_remove(grid, "m", number(1), NULL), GRID_OK);
}

Test(sync, increment_and_merge)
{
    int64_t sum;
    cr_assert_eq(grid_increment(grid, "m", number(1), 40, NULL), GRID_OK);
    cr_assert_eq(grid_increment(grid, "m", number(1), -82, &sum), GRID_OK);
    cr_assert_eq(sum, -42);
    cr_assert_eq(grid_merge(grid, "m", number(1), number(3)), GRID_OK);
}

Test(sync, errors_of_the_node_come_with_their_text)
{
    struct grid_request request = {
        .op = GRID_REPLACE, .map = "m", .key = number(1), .value = number(2)};
    struct grid_reply reply;
    cr_assert_eq(grid_execute(grid, &request, &reply), GRID_NOT_FOUND);
    cr_assert_eq(reply.error, GRID_NOT_FOUND);
    cr_assert_str_eq(reply.text, "there is no such entry");
    cr_assert_str_eq(grid_error_text(grid), "there is no such entry");
}

Test(sync, wrong_arguments_name_the_field)
{
    struct grid_request request = {.op = GRID_GET, .map = "m"};
    struct grid_reply reply;
    cr_assert_eq(grid_execute(grid, &request, &reply), GRID_MALFORMED_KEY);
    cr_assert_str_eq(grid_error_text(grid), "key");
    cr_assert_str_eq(reply.text, "key");
    uint64_t count;
    cr_assert_eq(grid_size(grid, "", &count), GRID_INVALID_ARGUMENT);
    cr_assert_eq(grid_clear(grid, NULL, NULL), GRID_INVALID_ARGUMENT);
}

static void many_put(const char *map, int count)
{
    struct grid_bytes keys[128];
    for (int i = 0; i < count; i++)
        keys[i] = number(i);
    cr_assert_eq(grid_put_all(grid, map, keys, keys, (size_t)count, 0, NULL), GRID_OK);
}

Test(sync, many_keys_at_once)
{
    struct grid_bytes keys[101];
    struct grid_reply replies[101];
    many_put("m", 100);
    for (int i = 0; i <= 100; i++)
        keys[i] = number(i);
    cr_assert_eq(grid_get_all(grid, "m", keys, 101, replies), GRID_OK);
    for (int i = 0; i < 100; i++) {
        cr_assert(replies[i].found);
        cr_assert_eq(*(const uint8_t *)replies[i].value.data, i);
    }
    cr_assert_not(replies[100].found);
    cr_assert_null(replies[100].value.data);
    cr_assert_eq(grid_get_all(grid, "m", keys, 0, replies), GRID_OK);
}

Test(sync, of_many_the_first_error_is_returned_and_the_others_are_done)
{
    struct grid_bytes keys[] = {number(1), {"\xc0", 1}, number(2)};
    struct grid_bytes values[] = {number(1), number(1), number(1)};
    struct grid_reply replies[3];
    cr_assert_eq(grid_put_all(grid, "m", keys, values, 3, 0, replies), GRID_MALFORMED_KEY);
    cr_assert_str_eq(grid_error_text(grid), "key");
    cr_assert_eq(replies[0].error, GRID_OK);
    cr_assert_eq(replies[1].error, GRID_MALFORMED_KEY);
    cr_assert_eq(replies[2].error, GRID_OK);
}

Test(sync, more_keys_than_may_be_under_way_wait_for_each_other)
{
    teardown();
    fake_init(&fake, 3, 2);
    struct grid_options options = {.seeds = fake_seed(&fake, 0), .pending_max = 4};
    grid = grid_new(&options, NULL);
    fake_start(&fake, grid->base);
    many_put("m", 100);
    cr_assert_eq(fake.entry_count, 100);
}

Test(sync, sizes_of_all_workers_add_up)
{
    uint64_t count;
    many_put("m", 100);
    many_put("n", 10);
    cr_assert_eq(grid_size(grid, "m", &count), GRID_OK);
    cr_assert_eq(count, 100);
    cr_assert_eq(grid_size(grid, "none", &count), GRID_OK);
    cr_assert_eq(count, 0);
}

Test(sync, clearing_goes_on_until_every_worker_is_through)
{
    uint64_t count;
    many_put("m", 100);
    many_put("n", 10);
    cr_assert_eq(grid_clear(grid, "m", &count), GRID_OK);
    cr_assert_eq(count, 100);
    cr_assert_eq(fake.entry_count, 10);
}

struct maps {
    char text[100];
};

static void on_map(void *context, const char *name, uint64_t entry_count)
{
    struct maps *maps = context;
    size_t size = strlen(maps->text);
    snprintf(maps->text + size, sizeof maps->text - size, "%s=%lu;", name, entry_count);
}

Test(sync, maps_are_united_and_sorted)
{
    struct maps maps = {""};
    many_put("zebras", 50);
    many_put("apes", 7);
    cr_assert_eq(grid_maps(grid, on_map, &maps), GRID_OK);
    cr_assert_str_eq(maps.text, "apes=7;zebras=50;");
}

Test(sync, figures_are_of_one_worker)
{
    struct grid_bytes stats;
    int64_t worker;
    cr_assert_eq(grid_stats(grid, 1, 1, &stats), GRID_OK);
    cr_assert(grid_value_int(grid_value_field(stats, "worker"), &worker));
    cr_assert_eq(worker, 1);
    cr_assert_eq(grid_stats(grid, 3, 0, &stats), GRID_INVALID_ARGUMENT);
    cr_assert_eq(grid_stats(grid, 0, 2, &stats), GRID_INVALID_ARGUMENT);
}

Test(sync, a_scan_returns_every_entry_once)
{
    bool was_seen[100] = {false};
    many_put("m", 100);
    many_put("n", 10);
    struct grid_scan *scan = grid_scan_new(grid, "m");
    struct grid_row row;
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(grid_scan_next(scan, &row), GRID_OK);
        uint8_t key = *(const uint8_t *)row.key.data;
        cr_assert_not(was_seen[key]);
        was_seen[key] = true;
        cr_assert_eq(*(const uint8_t *)row.value.data, key);
        cr_assert_eq(row.version, 1);
    }
    cr_assert_eq(grid_scan_next(scan, &row), GRID_NOT_FOUND);
    cr_assert_eq(grid_scan_next(scan, &row), GRID_NOT_FOUND);
    grid_scan_free(scan);
    grid_scan_free(NULL);
}

Test(sync, the_limit_of_a_query_counts_over_all_workers)
{
    static const char *const limits[] = {"1", "7", "99", "100", "101"};
    many_put("m", 100);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct grid_scan *scan = grid_query_new(grid, limits[i]);
        struct grid_row row;
        int count = 0;
        while (grid_scan_next(scan, &row) == GRID_OK)
            count++;
        int limit = atoi(limits[i]);
        cr_assert_eq(count, limit < 100 ? limit : 100);
        grid_scan_free(scan);
    }
}

static bool query_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    (void)context;
    if (frame->header.kind != FRAME_OPERATION + OP_SCAN)
        return false;
    fake_send_error(peer, frame, ERROR_QUERY, "line 1, column 8: unexpected FROM");
    return true;
}

Test(sync, what_is_wrong_with_a_query_is_told_and_stays)
{
    fake.hook = query_hook;
    struct grid_scan *scan = grid_query_new(grid, "SELECT FROM m");
    struct grid_row row;
    cr_assert_eq(grid_scan_next(scan, &row), GRID_QUERY);
    cr_assert_str_eq(grid_error_text(grid), "line 1, column 8: unexpected FROM");
    cr_assert_eq(grid_scan_next(scan, &row), GRID_QUERY);
    grid_scan_free(scan);
    scan = grid_query_new(grid, "");
    cr_assert_eq(grid_scan_next(scan, &row), GRID_QUERY);
    grid_scan_free(scan);
    scan = grid_scan_new(grid, NULL);
    cr_assert_eq(grid_scan_next(scan, &row), GRID_INVALID_ARGUMENT);
    grid_scan_free(scan);
}

Test(sync, a_member_that_is_away_makes_whole_maps_fail)
{
    teardown();
    fake_init(&fake, 3, 2);
    struct grid_options options = {.seeds = fake_seed(&fake, 0), .timeout_ms = 50};
    fake_disconnect(&fake.nodes[2], true);
    grid = grid_new(&options, NULL);
    fake_start(&fake, grid->base);
    uint64_t count;
    cr_assert_eq(grid_size(grid, "m", &count), GRID_DISCONNECTED);
    cr_assert_not_null(strstr(grid_error_text(grid), "Connection refused"));
    struct grid_scan *scan = grid_scan_new(grid, "m");
    struct grid_row row;
    cr_assert_eq(grid_scan_next(scan, &row), GRID_DISCONNECTED);
    grid_scan_free(scan);
}
