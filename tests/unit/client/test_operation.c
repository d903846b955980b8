// SPDX-License-Identifier: Apache-2.0
#include "client/core.h"
#include "tests/unit/client/fake_grid.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { REPLIES_MAX = 64 };

static struct fake_grid fake;
static struct grid *grid;

// What came back, in order.
static struct seen {
    uint32_t count;
    enum grid_error errors[REPLIES_MAX];
    int64_t values[REPLIES_MAX]; // -1: none
    char text[200];              // the last one
    intptr_t contexts[REPLIES_MAX];
} seen;

static void on_reply(void *context, const struct grid_reply *reply)
{
    cr_assert_lt(seen.count, REPLIES_MAX);
    seen.errors[seen.count] = reply->error;
    seen.values[seen.count] = -1;
    if (reply->value.data)
        cr_assert(grid_value_int(reply->value, &seen.values[seen.count]));
    seen.contexts[seen.count] = (intptr_t)context;
    snprintf(seen.text, sizeof seen.text, "%s", reply->text);
    seen.count++;
}

// Keys are the numbers 0 to 127 as fixint; so are values.
static uint8_t numbers[128];

static enum grid_error submit(enum grid_op op, int key, int value)
{
    for (int i = 0; i < 128; i++)
        numbers[i] = (uint8_t)i;
    struct grid_request request = {.op = op, .map = "m", .key = {&numbers[key], 1}};
    if (op == GRID_PUT || op == GRID_INCREMENT)
        request.value = (struct grid_bytes){&numbers[value], 1};
    return grid_submit(grid, &request, on_reply, (void *)(intptr_t)key);
}

static void start(uint32_t nodes, uint16_t workers, struct grid_options options)
{
    fake_init(&fake, nodes, workers);
    options.seeds = fake_seed(&fake, 0);
    grid = grid_new(&options, NULL);
    fake_start(&fake, grid->base);
}

static void teardown(void)
{
    fake_deinit(&fake); // in the client's base
    grid_free(grid);
}

TestSuite(operation, .fini = teardown);

Test(operation, goes_to_the_worker_of_the_partitions_owner)
{
    start(3, 2, (struct grid_options){0});
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    for (int key = 0; key < 30; key++)
        cr_assert_eq(submit(GRID_PUT, key, key), GRID_OK);
    fake_wait_count(&fake, &seen.count, 30); // the fake nodes assert where it came
    for (uint32_t node = 0; node < 3; node++)
        cr_assert_gt(fake.nodes[node].operation_count, 0);
    cr_assert_eq(grid_pending(grid), 0);
    cr_assert_eq(submit(GRID_GET, 7, 0), GRID_OK);
    fake_wait_count(&fake, &seen.count, 31);
    cr_assert_eq(seen.values[30], 7);
}

Test(operation, may_be_submitted_before_anything_is_connected)
{
    start(2, 2, (struct grid_options){0});
    for (int key = 0; key < 20; key++)
        cr_assert_eq(submit(GRID_PUT, key, 1), GRID_OK);
    cr_assert_eq(grid_pending(grid), 20);
    fake_wait_count(&fake, &seen.count, 20);
    for (uint32_t i = 0; i < 20; i++)
        cr_assert_eq(seen.errors[i], GRID_OK);
}

Test(operation, requests_for_one_key_keep_their_order)
{
    start(1, 1, (struct grid_options){0});
    for (int i = 1; i <= 10; i++)
        cr_assert_eq(submit(GRID_PUT, 5, i), GRID_OK);
    cr_assert_eq(submit(GRID_GET, 5, 0), GRID_OK);
    cr_assert_eq(submit(GRID_PUT, 5, 11), GRID_OK);
    fake_wait_count(&fake, &seen.count, 12);
    cr_assert_eq(seen.values[10], 10);
}

Test(operation, what_is_wrong_with_it_is_said_at_once)
{
    static const struct {
        struct grid_request request;
        enum grid_error error;
    } rows[] = {
        {{.op = (enum grid_op)0, .map = "m", .key = {"\1", 1}}, GRID_INVALID_ARGUMENT},
        {{.op = (enum grid_op)10, .map = "m", .key = {"\1", 1}}, GRID_INVALID_ARGUMENT},
        {{.op = GRID_GET, .key = {"\1", 1}}, GRID_INVALID_ARGUMENT},
        {{.op = GRID_GET, .map = "", .key = {"\1", 1}}, GRID_INVALID_ARGUMENT},
        {{.op = GRID_GET, .map = "m"}, GRID_MALFORMED_KEY},
        {{.op = GRID_GET, .map = "m", .key = {"\xcc\1", 2}}, GRID_MALFORMED_KEY},
        {{.op = GRID_GET, .map = "m", .key = {"\1\1", 2}}, GRID_MALFORMED_KEY},
        {{.op = GRID_PUT, .map = "m", .key = {"\1", 1}}, GRID_MALFORMED_VALUE},
        {{.op = GRID_PUT, .map = "m", .key = {"\1", 1}, .value = {"\1\1", 2}},
         GRID_MALFORMED_VALUE},
        {{.op = GRID_PUT, .map = "m", .key = {"\1", 1}, .value = {"\xa2x", 2}},
         GRID_MALFORMED_VALUE},
        {{.op = GRID_GET, .map = "m", .key = {"\1", 1}, .condition = GRID_IF_ABSENT},
         GRID_INVALID_ARGUMENT},
        {{.op = GRID_MERGE,
          .map = "m",
          .key = {"\1", 1},
          .value = {"\1", 1},
          .condition = GRID_IF_VERSION},
         GRID_INVALID_ARGUMENT},
        {{.op = GRID_TOUCH, .map = "m", .key = {"\1", 1}, .ttl_ms = -1}, GRID_INVALID_ARGUMENT},
        {{.op = GRID_TOUCH, .map = "m", .key = {"\1", 1}, .max_idle_ms = INT64_MAX},
         GRID_INVALID_ARGUMENT},
    };
    start(1, 1, (struct grid_options){0});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(grid_submit(grid, &rows[i].request, on_reply, NULL), rows[i].error, "row %zu",
                     i);
    struct grid_request request = {.op = GRID_GET, .map = "m", .key = {"\1", 1}};
    cr_assert_eq(grid_submit(grid, &request, NULL, NULL), GRID_INVALID_ARGUMENT);
    cr_assert_eq(grid_pending(grid), 0);
}

Test(operation, more_than_the_limit_are_refused)
{
    start(1, 1, (struct grid_options){.pending_max = 3});
    for (int i = 0; i < 3; i++)
        cr_assert_eq(submit(GRID_GET, i, 0), GRID_OK);
    cr_assert_eq(submit(GRID_GET, 3, 0), GRID_OVERLOADED);
    fake_wait_count(&fake, &seen.count, 3);
    cr_assert_eq(submit(GRID_GET, 3, 0), GRID_OK);
}

// ---- Views that are out of date ----

Test(operation, after_not_owner_the_view_is_fetched_and_the_operation_repeated)
{
    start(2, 1, (struct grid_options){0});
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    uint32_t views = fake.nodes[0].view_count + fake.nodes[1].view_count;
    for (uint32_t partition = 0; partition < FAKE_PARTITIONS; partition++)
        fake_move(&fake, partition, 1 - partition % 2);
    for (int key = 0; key < 10; key++)
        cr_assert_eq(submit(GRID_PUT, key, 1), GRID_OK);
    fake_wait_count(&fake, &seen.count, 10);
    for (uint32_t i = 0; i < 10; i++)
        cr_assert_eq(seen.errors[i], GRID_OK);
    cr_assert_leq(fake.nodes[0].view_count + fake.nodes[1].view_count, views + 2);
}

static uint32_t disowned;

static bool disown_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    (void)context;
    if (!frame_is_operation(frame->header.kind))
        return false;
    disowned++;
    fake_send_error(peer, frame, ERROR_NOT_OWNER, "not mine either");
    return true;
}

Test(operation, what_nobody_owns_is_tried_with_growing_pauses_until_its_time)
{
    start(1, 1, (struct grid_options){.timeout_ms = 300});
    fake.hook = disown_hook;
    cr_assert_eq(submit(GRID_PUT, 1, 1), GRID_OK);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_NOT_OWNER);
    cr_assert_str_eq(seen.text, "no member took the partition in time");
    cr_assert_geq(disowned, 4);
    // Pauses of at least 1, 2, 4 ... 50 ms.
    cr_assert_leq(disowned, 12, "%u attempts", disowned);
}

Test(operation, a_member_that_joins_is_connected_and_used)
{
    start(2, 1, (struct grid_options){0});
    fake.view.member_count = 1;
    for (uint32_t partition = 0; partition < FAKE_PARTITIONS; partition++)
        fake_move(&fake, partition, 0);
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    cr_assert_eq(grid_member_count(grid), 1);
    fake.view.member_count = 2;
    for (uint32_t partition = 0; partition < FAKE_PARTITIONS; partition += 2)
        fake_move(&fake, partition, 1);
    for (int key = 0; key < 10; key++)
        cr_assert_eq(submit(GRID_PUT, key, 1), GRID_OK);
    fake_wait_count(&fake, &seen.count, 10);
    for (uint32_t i = 0; i < 10; i++)
        cr_assert_eq(seen.errors[i], GRID_OK);
    cr_assert_eq(grid_member_count(grid), 2);
    cr_assert_gt(fake.nodes[1].operation_count, 0);
}

// ---- Answers that do not come ----

static uint32_t swallowed;
static struct frame_header swallowed_header;
static struct fake_peer *swallowed_peer;

static bool swallow_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    (void)context;
    if (!frame_is_operation(frame->header.kind))
        return false;
    swallowed++;
    swallowed_header = frame->header;
    swallowed_peer = peer;
    return true;
}

Test(operation, a_read_that_is_not_answered_times_out)
{
    start(1, 1, (struct grid_options){.timeout_ms = 30});
    fake.hook = swallow_hook;
    cr_assert_eq(submit(GRID_GET, 1, 0), GRID_OK);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_TIMEOUT);
    cr_assert_eq(grid_pending(grid), 0);
}

Test(operation, a_write_that_is_not_answered_is_of_unknown_fate)
{
    start(1, 1, (struct grid_options){.timeout_ms = 30});
    fake.hook = swallow_hook;
    cr_assert_eq(submit(GRID_PUT, 1, 1), GRID_OK);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_INDETERMINATE);
}

// Something else that comes keeps the connection.
static bool late_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    struct op op;
    const char *what;
    if (!frame_is_operation(frame->header.kind))
        return false;
    cr_assert_eq(op_decode(frame, &op, &what), ERROR_NONE);
    return op.key.data[0] == 1 ? swallow_hook(context, peer, frame) : false;
}

Test(operation, a_late_answer_is_dropped_and_its_slot_used_again)
{
    start(1, 1, (struct grid_options){.timeout_ms = 40});
    fake.hook = late_hook;
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    cr_assert_eq(submit(GRID_GET, 1, 0), GRID_OK);
    fake_wait_count(&fake, &swallowed, 1);
    cr_assert_eq(submit(GRID_GET, 2, 0), GRID_OK);
    fake_wait_count(&fake, &seen.count, 2);
    cr_assert_eq(seen.contexts[0], 2);
    cr_assert_eq(seen.errors[1], GRID_TIMEOUT);
    cr_assert_not(list_is_empty(&grid->requests.late));
    struct buffer out = {0};
    reply_encode_entry(&out, swallowed_header.request_id, 0, false, 0, (struct bytes){0});
    fake_send(swallowed_peer, &out);
    buffer_deinit(&out);
    while (!list_is_empty(&grid->requests.late))
        event_base_loop(grid->base, EVLOOP_ONCE);
    cr_assert_eq(seen.count, 2);
    cr_assert_eq(fake.nodes[0].accept_count, 2, "the connection stood it: scout and worker 0");
}

Test(operation, a_connection_that_has_gone_silent_is_given_up)
{
    start(1, 1, (struct grid_options){.timeout_ms = 30});
    fake.hook = swallow_hook;
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    uint32_t accepted = fake.nodes[0].accept_count;
    // The answer to HELLO came in the same tick as the request otherwise.
    struct timespec tick = {.tv_nsec = 20 * 1000 * 1000};
    nanosleep(&tick, NULL);
    cr_assert_eq(submit(GRID_GET, 1, 0), GRID_OK);
    fake_wait_count(&fake, &fake.nodes[0].accept_count, accepted + 1);
    cr_assert_eq(seen.errors[0], GRID_TIMEOUT);
    cr_assert(list_is_empty(&grid->requests.late));
}

Test(operation, with_nobody_there_nothing_was_sent)
{
    start(1, 1, (struct grid_options){.timeout_ms = 30});
    fake_disconnect(&fake.nodes[0], true);
    cr_assert_eq(submit(GRID_PUT, 1, 1), GRID_OK);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_DISCONNECTED);
    cr_assert_not_null(strstr(seen.text, "Connection refused"), "%s", seen.text);
}

// ---- Lost connections ----

static bool drop_once_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    uint32_t *drops = context;
    if (!frame_is_operation(frame->header.kind) || *drops == 0)
        return false;
    --*drops;
    fake_disconnect(peer->node, false);
    return true;
}

Test(operation, a_read_is_repeated_after_a_lost_connection)
{
    uint32_t drops = 2;
    start(1, 1, (struct grid_options){0});
    fake.hook = drop_once_hook;
    fake.hook_context = &drops;
    cr_assert_eq(submit(GRID_GET, 1, 0), GRID_OK);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_OK);
    cr_assert_eq(drops, 0);
}

Test(operation, a_write_that_was_sent_is_repeated_as_a_retry)
{
    uint32_t drops = 1;
    start(1, 1, (struct grid_options){0});
    fake.hook = drop_once_hook;
    fake.hook_context = &drops;
    cr_assert_eq(submit(GRID_INCREMENT, 1, 1), GRID_OK);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_OK);
    cr_assert_eq(fake.op_count, 1);
    cr_assert(fake.ops[0].is_retry);
    cr_assert_eq(fake.ops[0].number, 1);
    cr_assert_eq(fake.ops[0].floor, 1);
    cr_assert_geq(fake.ops[0].age_ms, CLIENT_RECONNECT_FIRST_MS / 2 - 4);
    cr_assert_lt(fake.ops[0].age_ms, 5000);
    cr_assert_eq(fake.ops[0].client, grid->host.id);
}

Test(operation, a_write_that_was_not_sent_waits_for_the_node)
{
    start(1, 1, (struct grid_options){0});
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    fake_disconnect(&fake.nodes[0], true);
    struct grid_member member;
    while (grid_member_get(grid, 0, &member) && member.connected)
        event_base_loop(grid->base, EVLOOP_ONCE);
    cr_assert_eq(submit(GRID_PUT, 1, 1), GRID_OK);
    fake_restart(&fake.nodes[0]);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_OK);
}

static bool garbage_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    const char **kind = context;
    struct buffer out = {0};
    uint32_t id = frame->header.request_id;
    if (!frame_is_operation(frame->header.kind) || !*kind)
        return false;
    if (strcmp(*kind, "id") == 0)
        reply_encode_entry(&out, id + 1, 0, false, 0, (struct bytes){0});
    else if (strcmp(*kind, "body") == 0)
        reply_encode_count(&out, id, 3);
    else if (strcmp(*kind, "kind") == 0)
        request_encode_empty(&out, FRAME_ENTER, id);
    else if (strcmp(*kind, "subscription") == 0)
        request_encode_empty(&out, FRAME_ROW, 1);
    else if (strcmp(*kind, "unsubscribe") == 0)
        request_encode_empty(&out, FRAME_REPLY, (1U << 19) + 1);
    else
        buffer_append(&out, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16);
    *kind = NULL;
    fake_send(peer, &out);
    buffer_deinit(&out);
    return true;
}

Test(operation, a_malformed_answer_ends_the_connection_alone)
{
    static const char *const kinds[] = {"id",           "body",        "kind",
                                        "subscription", "unsubscribe", "header"};
    const char *kind = NULL;
    start(1, 1, (struct grid_options){0});
    fake.hook = garbage_hook;
    fake.hook_context = &kind;
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        uint32_t accepted = fake.nodes[0].accept_count;
        kind = kinds[i];
        cr_assert_eq(submit(GRID_GET, 1, 0), GRID_OK);
        fake_wait_count(&fake, &seen.count, (uint32_t)i + 1);
        cr_assert_eq(seen.errors[i], GRID_OK, "repeated on the next connection");
        cr_assert_gt(fake.nodes[0].accept_count, accepted, "%s", kinds[i]);
    }
}

// ---- Answers in another order, in pieces ----

static struct frame_header kept_headers[2];
static uint32_t kept;

static bool reorder_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    (void)context;
    if (!frame_is_operation(frame->header.kind))
        return false;
    kept_headers[kept++] = frame->header;
    if (kept < 2)
        return true;
    struct buffer out = {0};
    for (int i = 1; i >= 0; i--)
        reply_encode_entry(&out, kept_headers[i].request_id, 0, true, 1,
                           bytes_of(&numbers[10 + i], 1));
    fake_send(peer, &out);
    buffer_deinit(&out);
    return true;
}

Test(operation, answers_find_their_requests_in_any_order)
{
    start(1, 1, (struct grid_options){0});
    fake.hook = reorder_hook;
    cr_assert_eq(submit(GRID_GET, 1, 0), GRID_OK);
    cr_assert_eq(submit(GRID_GET, 2, 0), GRID_OK);
    fake_wait_count(&fake, &seen.count, 2);
    cr_assert_eq(seen.contexts[0], 2);
    cr_assert_eq(seen.values[0], 11);
    cr_assert_eq(seen.contexts[1], 1);
    cr_assert_eq(seen.values[1], 10);
}

static size_t big_size;

static void on_big(void *context, const struct grid_reply *reply)
{
    (void)context;
    cr_assert_eq(reply->error, GRID_OK);
    big_size = reply->value.size;
    seen.count++;
}

Test(operation, values_beyond_any_buffer_pass)
{
    enum { BIG = 3 << 20 };
    start(1, 1, (struct grid_options){0});
    struct grid_builder *builder = grid_builder_new();
    char *data = calloc(1, BIG);
    grid_build_bin(builder, data, BIG);
    struct grid_request request = {
        .op = GRID_PUT, .map = "m", .key = {"\1", 1}, .value = grid_builder_bytes(builder)};
    cr_assert_eq(grid_submit(grid, &request, on_big, NULL), GRID_OK);
    request.op = GRID_GET;
    cr_assert_eq(grid_submit(grid, &request, on_big, NULL), GRID_OK);
    fake_wait_count(&fake, &seen.count, 2);
    cr_assert_eq(big_size, BIG + 5);
    free(data);
    grid_builder_free(builder);
}

static bool is_blocked(void *context)
{
    const struct client_link *link = context;
    return link->stream.is_blocked;
}

Test(operation, what_a_connection_does_not_take_waits_in_order)
{
    enum { BIG = 1 << 20, COUNT = 40 }; // beyond CLIENT_OUT_BYTES_MAX
    start(1, 1, (struct grid_options){.timeout_ms = 60000});
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    struct client_link *link = client_topology_link(&grid->topology, 0);
    struct fake_peer *peer = fake_peer_of(&fake.nodes[0], 0);
    event_del(peer->readable);
    struct grid_builder *builder = grid_builder_new();
    uint8_t *data = calloc(1, BIG);
    for (int i = 0; i < COUNT; i++) {
        data[0] = (uint8_t)i;
        grid_builder_clear(builder);
        grid_build_bin(builder, data, BIG);
        struct grid_request request = {
            .op = GRID_PUT, .map = "m", .key = {"\1", 1}, .value = grid_builder_bytes(builder)};
        cr_assert_eq(grid_submit(grid, &request, on_reply, NULL), GRID_OK);
    }
    cr_assert(link->was_refused);
    cr_assert_lt(buffer_size(&link->stream.out), CLIENT_OUT_BYTES_MAX + 2 * BIG);
    fake_wait(&fake, is_blocked, link);
    event_add(peer->readable, NULL);
    fake_wait_count(&fake, &seen.count, COUNT);
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(seen.errors[i], GRID_OK);
    cr_assert_eq(fake.entries[0].value.data[5], COUNT - 1, "the last one submitted is there");
    free(data);
    grid_builder_free(builder);
}

// ---- Callbacks ----

static void on_reply_submit(void *context, const struct grid_reply *reply)
{
    struct grid_request *request = context;
    cr_assert_eq(reply->error, GRID_OK);
    if (++seen.count < 10)
        cr_assert_eq(grid_submit(grid, request, on_reply_submit, request), GRID_OK);
    struct grid_bytes value;
    cr_assert_eq(grid_get(grid, "m", request->key, &value), GRID_INVALID_ARGUMENT);
    cr_assert_eq(grid_run(grid, -1), 0);
}

Test(operation, callbacks_may_submit_but_not_wait)
{
    start(1, 1, (struct grid_options){0});
    struct grid_request request = {.op = GRID_GET, .map = "m", .key = {"\1", 1}};
    cr_assert_eq(grid_submit(grid, &request, on_reply_submit, &request), GRID_OK);
    fake_wait_count(&fake, &seen.count, 10);
}

static void on_cancelled(void *context, const struct grid_reply *reply)
{
    struct grid_request *request = context;
    cr_assert_eq(reply->error, GRID_CANCELLED);
    cr_assert_eq(grid_submit(grid, request, on_cancelled, request), GRID_CANCELLED);
    seen.count++;
}

Test(operation, freeing_the_client_calls_everything_back)
{
    start(1, 1, (struct grid_options){0});
    fake.hook = swallow_hook;
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    struct grid_request request = {.op = GRID_GET, .map = "m", .key = {"\1", 1}};
    cr_assert_eq(grid_submit(grid, &request, on_cancelled, &request), GRID_OK);
    fake_wait_count(&fake, &swallowed, 1);
    cr_assert_eq(grid_submit(grid, &request, on_cancelled, &request), GRID_OK);
    struct event_base *base = event_base_new(); // outlives the client's own
    fake_deinit(&fake);
    grid_free(grid);
    grid = NULL;
    cr_assert_eq(seen.count, 2);
    event_base_free(base);
    fake_init(&fake, 1, 1);
}

Test(operation, a_client_of_the_callers_base_is_run_by_the_caller)
{
    struct event_base *base = event_base_new();
    fake_init(&fake, 1, 2);
    fake_start(&fake, base);
    struct grid_options options = {.seeds = fake_seed(&fake, 0)};
    grid = grid_new(&options, base);
    cr_assert_eq(submit(GRID_PUT, 1, 5), GRID_OK);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_OK);
    struct grid_bytes value;
    cr_assert_eq(grid_get(grid, "m", (struct grid_bytes){"\1", 1}, &value), GRID_INVALID_ARGUMENT);
    cr_assert_str_eq(grid_error_text(grid),
                     "synchronous calls need a client of its own event base");
    cr_assert_eq(grid_connect(grid, 10), GRID_INVALID_ARGUMENT);
    cr_assert_eq(grid_run(grid, 10), 0);
    grid_free(grid);
    grid = NULL;
    fake_deinit(&fake);
    event_base_free(base);
    fake_init(&fake, 1, 1);
}
