// SPDX-License-Identifier: Apache-2.0
#include "client/core.h"
#include "cluster/wire/cluster_codec.h"
#include "cluster/wire/writer.h"
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

Test(sync, a_scan_returns_every_entry_once_while_partitions_move)
{
    uint32_t times_seen[100] = {0};
    many_put("m", 100);
    struct grid_scan *scan = grid_scan_new(grid, "m");
    struct grid_row row;
    uint32_t count = 0;
    for (; grid_scan_next(scan, &row) == GRID_OK; count++) {
        times_seen[*(const uint8_t *)row.key.data]++;
        // Those that were walked, the one that is being walked, those to come.
        if (count % 5 == 4)
            fake_move(&fake, count / 5 % FAKE_PARTITIONS, count % 3);
    }
    cr_assert_eq(count, 100, "%u: %s", count, grid_error_text(grid));
    for (int i = 0; i < 100; i++)
        cr_assert_eq(times_seen[i], 1, "key %d", i);
    cr_assert_eq(grid_scan_next(scan, &row), GRID_NOT_FOUND);
    grid_scan_free(scan);
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

// Partitions move when the first worker is asked.
static bool moving_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    uint32_t *moves = context;
    (void)peer;
    if (*moves > 0 && (frame->header.kind == FRAME_OPERATION + OP_SIZE ||
                       frame->header.kind == FRAME_OPERATION + OP_CLEAR)) {
        --*moves;
        for (uint32_t partition = 0; partition < FAKE_PARTITIONS; partition++)
            fake_move(&fake, partition, (partition + *moves) % 3);
    }
    return false;
}

Test(sync, whole_maps_count_each_partition_once_while_they_move)
{
    uint64_t count;
    uint32_t moves = 4;
    many_put("m", 100);
    fake.hook = moving_hook;
    fake.hook_context = &moves;
    cr_assert_eq(grid_size(grid, "m", &count), GRID_OK);
    cr_assert_eq(count, 100);
    cr_assert_eq(moves, 0);
    moves = 4;
    cr_assert_eq(grid_clear(grid, "m", &count), GRID_OK);
    cr_assert_eq(count, 100);
    cr_assert_eq(fake.entry_count, 0);
}

Test(sync, partitions_that_never_stand_still_are_told)
{
    teardown();
    fake_init(&fake, 3, 2);
    struct grid_options options = {.seeds = fake_seed(&fake, 0), .timeout_ms = 100};
    grid = grid_new(&options, NULL);
    fake_start(&fake, grid->base);
    uint64_t count;
    uint32_t moves = UINT32_MAX;
    fake.hook = moving_hook;
    fake.hook_context = &moves;
    cr_assert_eq(grid_size(grid, "m", &count), GRID_MOVED);
    cr_assert_str_eq(grid_error_text(grid), "partitions were moving all the time");
}

// ---- Commands of the operator ----

static void homeless_greet(struct fake_peer *peer, const struct frame *frame)
{
    struct hello_reply reply = {.version = 1,
                                .node = bytes_of_text("n1"),
                                .grid = bytes_of_text("test"),
                                .incarnation = 5,
                                .worker_count = 1};
    struct buffer out = {0};
    hello_reply_encode(&out, frame->header.request_id, &reply);
    fake_send(peer, &out);
    buffer_deinit(&out);
}

static bool cluster_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    static const char *const words[] = {"", "status", "leave", "recover"};
    struct cluster_request request;
    const char *kind = context;
    if (frame->header.kind == FRAME_VIEW && strcmp(kind, "homeless") == 0) {
        fake_send_error(peer, frame, ERROR_NO_QUORUM, "there is no grid yet");
        return true;
    }
    if (frame->header.kind == FRAME_HELLO && strcmp(kind, "homeless") == 0) {
        homeless_greet(peer, frame);
        return true;
    }
    if (frame->header.kind != FRAME_CLUSTER)
        return false;
    cr_assert_eq(cluster_request_decode(frame->body, &request), ERROR_NONE);
    if (strcmp(kind, "refuse") == 0) {
        fake_send_error(peer, frame, ERROR_INVALID_ARGUMENT, "the last copy would be lost");
        return true;
    }
    struct buffer body = {0};
    struct buffer out = {0};
    write_map(&body, 2);
    write_text(&body, "word");
    write_text(&body, words[request.kind]);
    write_text(&body, "argument");
    write_str(&body, request.argument);
    reply_encode_object(&out, frame->header.request_id, buffer_bytes(&body));
    fake_send(peer, &out);
    buffer_deinit(&body);
    buffer_deinit(&out);
    return true;
}

static bool field_is(struct grid_bytes map, const char *name, const char *text)
{
    struct grid_bytes value;
    return grid_value_str(grid_value_field(map, name), &value) && value.size == strlen(text) &&
           memcmp(value.data, text, value.size) == 0;
}

Test(sync, commands_reach_a_member_and_their_answer_comes_back)
{
    fake.hook = cluster_hook;
    fake.hook_context = (void *)(uintptr_t) "";
    struct grid_bytes answer;
    cr_assert_eq(grid_cluster(grid, GRID_ANY_MEMBER, GRID_CLUSTER_STATUS, NULL, &answer), GRID_OK);
    cr_assert(field_is(answer, "word", "status"));
    cr_assert(field_is(answer, "argument", ""));
    cr_assert_eq(grid_cluster(grid, 1, GRID_CLUSTER_LEAVE, "n2", &answer), GRID_OK);
    cr_assert(field_is(answer, "word", "leave"));
    cr_assert(field_is(answer, "argument", "n2"));
    cr_assert_eq(grid_cluster(grid, 0, GRID_CLUSTER_RECOVER, "test", &answer), GRID_OK);
    cr_assert(field_is(answer, "word", "recover"));
    fake.hook_context = (void *)(uintptr_t) "refuse";
    cr_assert_eq(grid_cluster(grid, 1, GRID_CLUSTER_LEAVE, "n2", &answer), GRID_INVALID_ARGUMENT);
    cr_assert_str_eq(grid_error_text(grid), "the last copy would be lost");
    cr_assert_null(answer.data);
}

Test(sync, commands_that_make_no_sense_are_not_sent)
{
    struct grid_bytes answer;
    char text[65];
    snprintf(text, sizeof text, "%064d", 0);
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    cr_assert_eq(grid_cluster(grid, 0, (enum grid_cluster_command)0, "x", &answer),
                 GRID_INVALID_ARGUMENT);
    cr_assert_eq(grid_cluster(grid, 0, GRID_CLUSTER_LEAVE, NULL, &answer), GRID_INVALID_ARGUMENT);
    cr_assert_eq(grid_cluster(grid, 0, GRID_CLUSTER_LEAVE, text, &answer), GRID_INVALID_ARGUMENT);
    cr_assert_eq(grid_cluster(grid, 3, GRID_CLUSTER_STATUS, NULL, &answer), GRID_INVALID_ARGUMENT);
    cr_assert_str_eq(grid_error_text(grid), "there is no such member");
}

Test(sync, a_node_without_a_grid_can_be_asked_for_its_status)
{
    fake.hook = cluster_hook;
    fake.hook_context = (void *)(uintptr_t) "homeless";
    struct grid_bytes answer;
    cr_assert_eq(grid_cluster(grid, GRID_ANY_MEMBER, GRID_CLUSTER_STATUS, NULL, &answer), GRID_OK);
    cr_assert(field_is(answer, "word", "status"));
    // When it has one, it is used.
    fake.hook = NULL;
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
}
