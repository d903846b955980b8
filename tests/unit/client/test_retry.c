// SPDX-License-Identifier: Apache-2.0
// What becomes of operations that are refused, or whose fate is open: as it is seen on the wire.
#include "client/core.h"
#include "tests/unit/client/fake_grid.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { REPLIES_MAX = 64 };

static struct fake_grid fake;
static struct grid *grid;

static struct seen {
    uint32_t count;
    enum grid_error errors[REPLIES_MAX];
    char text[200]; // the last one
} seen;

static void on_reply(void *context, const struct grid_reply *reply)
{
    (void)context;
    cr_assert_lt(seen.count, REPLIES_MAX);
    seen.errors[seen.count++] = reply->error;
    snprintf(seen.text, sizeof seen.text, "%s", reply->text);
}

static void submit(enum grid_op op, int key)
{
    uint8_t bytes[] = {(uint8_t)key, 1};
    struct grid_request request = {.op = op, .map = "m", .key = {bytes, 1}};
    if (op == GRID_PUT || op == GRID_INCREMENT)
        request.value = (struct grid_bytes){bytes + 1, 1};
    cr_assert_eq(grid_submit(grid, &request, on_reply, NULL), GRID_OK);
}

// A key whose partition is this one.
static int key_in(uint16_t partition)
{
    for (int key = 0;; key++) {
        struct grid_location location;
        uint8_t byte = (uint8_t)key;
        cr_assert_lt(key, 128);
        cr_assert_eq(grid_locate_key(grid, (struct grid_bytes){&byte, 1}, &location), GRID_OK);
        if (location.partition == partition)
            return key;
    }
}

// What the hook does with operations, one letter each, in the order in which they come; after the
// last one, everything is let through. "." lets through, "x" drops the connection, "s" swallows.
static const char *plan;
static uint32_t planned; // operations that came
static struct {
    uint32_t id;
    struct fake_peer *peer;
} swallowed[8];
static uint32_t swallowed_count;

static enum error planned_error(char letter)
{
    switch (letter) {
    case 'o':
        return ERROR_NOT_OWNER;
    case 'q':
        return ERROR_NO_QUORUM;
    case 'i':
        return ERROR_INDETERMINATE;
    case 'c':
        return ERROR_TOO_FEW_COPIES;
    case 'l':
        return ERROR_OVERLOADED;
    case 't':
        return ERROR_TIMEOUT;
    default:
        return ERROR_NONE;
    }
}

static bool plan_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    (void)context;
    if (!frame_is_operation(frame->header.kind))
        return false;
    planned++;
    char letter = *plan;
    if (letter != '\0' && plan[1] != '*')
        plan++;
    if (letter == '\0' || letter == '.')
        return false;
    struct op op;
    const char *what;
    cr_assert_eq(op_decode(frame, &op, &what), ERROR_NONE);
    fake_note(peer, frame, &op);
    if (letter == 'x') {
        fake_disconnect(peer->node, false);
    } else if (letter == 's') {
        swallowed[swallowed_count].id = frame->header.request_id;
        swallowed[swallowed_count++].peer = peer;
    } else {
        fake_send_error(peer, frame, planned_error(letter), "as planned");
    }
    return true;
}

static void start(uint32_t nodes, struct grid_options options, const char *planned_letters)
{
    fake_init(&fake, nodes, 1);
    fake.hook = plan_hook;
    plan = planned_letters;
    options.seeds = fake_seed(&fake, 0);
    grid = grid_new(&options, NULL);
    fake_start(&fake, grid->base);
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
}

static void teardown(void)
{
    fake_deinit(&fake); // in the client's base
    grid_free(grid);
}

TestSuite(retry, .fini = teardown);

// ---- On the wire ----

Test(retry, writes_have_numbers_and_reads_have_none)
{
    start(1, (struct grid_options){0}, "");
    submit(GRID_PUT, 1);
    submit(GRID_GET, 1);
    submit(GRID_INCREMENT, 2);
    fake_wait_count(&fake, &seen.count, 3);
    submit(GRID_REMOVE, 1);
    fake_wait_count(&fake, &seen.count, 4);
    static const struct {
        uint64_t number, floor;
    } rows[] = {{1, 1}, {0, 0}, {2, 1}, {3, 3}};
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(fake.ops[i].number, rows[i].number, "operation %d", i);
        cr_assert_eq(fake.ops[i].floor, rows[i].floor, "operation %d", i);
        cr_assert_not(fake.ops[i].is_retry);
        cr_assert_eq(fake.ops[i].view, 1);
        cr_assert_neq(fake.ops[i].client, 0);
    }
}

Test(retry, a_retry_has_its_first_number_and_the_floor_of_now)
{
    start(1, (struct grid_options){0}, ".oo");
    submit(GRID_PUT, 1);
    submit(GRID_PUT, 2);
    fake_wait_count(&fake, &seen.count, 2);
    cr_assert_eq(fake.op_count, 4);
    cr_assert_eq(fake.ops[1].number, 2);
    cr_assert_eq(fake.ops[1].floor, 1);
    cr_assert_not(fake.ops[1].is_retry);
    for (int i = 2; i < 4; i++) {
        cr_assert(fake.ops[i].is_retry);
        cr_assert_eq(fake.ops[i].number, 2);
        cr_assert_eq(fake.ops[i].floor, 2);
    }
    cr_assert_geq(fake.ops[3].age_ms, fake.ops[2].age_ms);
}

Test(retry, two_clients_have_two_ids)
{
    start(1, (struct grid_options){0}, "");
    struct grid *other = grid_new(NULL, NULL);
    cr_assert_neq(other->host.id, grid->host.id);
    grid_free(other);
}

// ---- What is tried again, and what is not ----

Test(retry, refusals_that_may_pass_are_not_told)
{
    start(1, (struct grid_options){0}, "oqcitx");
    submit(GRID_PUT, 1);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_OK);
    cr_assert_eq(planned, 7);
}

Test(retry, overload_is_told_at_once)
{
    start(1, (struct grid_options){0}, "l");
    submit(GRID_PUT, 1);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_OVERLOADED);
    cr_assert_str_eq(seen.text, "as planned");
}

Test(retry, overload_after_an_attempt_of_unknown_fate_is_tried_again)
{
    start(1, (struct grid_options){0}, "xl");
    submit(GRID_PUT, 1);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_OK);
    cr_assert_eq(planned, 3);
}

// Each letter of the plan was followed, and the answers have come.
static bool the_plan_is_through(void *context)
{
    const char *letters = context;
    const struct client_request *request =
        LIST_ENTRY(grid->requests.timed.next, struct client_request, order);
    if (seen.count > 0)
        return true;
    return planned >= strlen(letters) - 1 && !list_is_empty(&grid->requests.timed) &&
           (request->state == REQUEST_QUEUED || strchr(letters, 's'));
}

Test(retry, the_last_refusal_is_told_at_the_deadline)
{
    static const struct {
        const char *plan;
        enum grid_error error;
    } rows[] = {{"o*", GRID_NOT_OWNER},       {"c*", GRID_TOO_FEW_COPIES},
                {"oc*", GRID_TOO_FEW_COPIES}, {"i*", GRID_INDETERMINATE},
                {"xo*", GRID_INDETERMINATE},  {"io*", GRID_INDETERMINATE},
                {"s*", GRID_INDETERMINATE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        seen.count = swallowed_count = 0;
        planned = 0;
        start(1, (struct grid_options){.timeout_ms = 200}, rows[i].plan);
        submit(GRID_PUT, 1);
        // No attempt shall be under way at the deadline.
        fake_wait(&fake, the_plan_is_through, (void *)(uintptr_t)rows[i].plan);
        for (uint32_t partition = 0; partition < FAKE_PARTITIONS; partition++) {
            if (client_holds_is_held(&grid->holds, (uint16_t)partition))
                grid->holds.array[partition].until_ms = INT64_MAX;
        }
        fake_wait_count(&fake, &seen.count, 1);
        cr_assert_eq(seen.errors[0], rows[i].error, "%s: %s", rows[i].plan, seen.text);
        teardown();
    }
    start(1, (struct grid_options){0}, "");
}

Test(retry, a_read_of_unknown_fate_is_a_time_out)
{
    start(1, (struct grid_options){.timeout_ms = 60}, "s*");
    submit(GRID_GET, 1);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_TIMEOUT);
}

// ---- NO_QUORUM ----

Test(retry, no_quorum_is_told_when_a_failover_would_be_over)
{
    start(1, (struct grid_options){.timeout_ms = 60000, .no_quorum_ms = 50}, "q*");
    submit(GRID_PUT, 1);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_NO_QUORUM);
    cr_assert_str_eq(seen.text, "as planned");
    cr_assert_gt(planned, 1);
}

Test(retry, no_quorum_is_told_at_once_to_who_wants_that)
{
    start(1, (struct grid_options){.no_quorum_ms = -1}, "q");
    submit(GRID_PUT, 1);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_NO_QUORUM);
    cr_assert_eq(planned, 1);
}

Test(retry, no_quorum_after_an_attempt_of_unknown_fate_leaves_it_unknown)
{
    start(1, (struct grid_options){.no_quorum_ms = -1}, "xq");
    submit(GRID_PUT, 1);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_INDETERMINATE);
}

// ---- Members that do not answer ----

static bool mute_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    const struct fake_node **mute = context;
    if (*mute != peer->node)
        return false;
    if (frame_is_operation(frame->header.kind)) {
        swallowed[swallowed_count].id = frame->header.request_id;
        swallowed[swallowed_count++].peer = peer;
    }
    return true;
}

Test(retry, what_a_silent_member_does_not_answer_goes_to_the_next_owner)
{
    const struct fake_node *mute = NULL;
    start(2, (struct grid_options){.timeout_ms = 30000}, "");
    fake.hook = mute_hook;
    fake.hook_context = &mute;
    int key = key_in(0);
    mute = &fake.nodes[0];
    submit(GRID_PUT, key);
    submit(GRID_GET, key);
    fake_wait_count(&fake, &swallowed_count, 2);
    fake_move(&fake, 0, 1);
    fake_wait_count(&fake, &seen.count, 2);
    cr_assert_eq(seen.errors[0], GRID_OK);
    cr_assert_eq(seen.errors[1], GRID_OK);
    cr_assert_eq(fake.ops[0].node, &fake.nodes[1]);
    cr_assert(fake.ops[0].is_retry);
    cr_assert_eq(fake.ops[0].number, 1);
    // What the old owner says in the end is dropped, and its connection stands.
    uint32_t accepted = fake.nodes[0].accept_count;
    mute = NULL;
    for (uint32_t i = 0; i < 2; i++) {
        struct buffer out = {0};
        reply_encode_entry(&out, swallowed[i].id, 0, false, 1, (struct bytes){0});
        fake_send(swallowed[i].peer, &out);
        buffer_deinit(&out);
    }
    while (!list_is_empty(&grid->requests.late))
        event_base_loop(grid->base, EVLOOP_ONCE);
    cr_assert_eq(seen.count, 2);
    cr_assert_eq(fake.nodes[0].accept_count, accepted);
}

Test(retry, what_waits_for_a_dead_member_goes_to_the_next_owner)
{
    start(2, (struct grid_options){.timeout_ms = 30000}, "");
    int key = key_in(0);
    fake_disconnect(&fake.nodes[0], true);
    submit(GRID_PUT, key);
    uint32_t views = fake.nodes[1].view_count;
    fake_wait_count(&fake, &fake.nodes[1].view_count, views + 2); // asks the other one
    cr_assert_eq(seen.count, 0);
    fake_move(&fake, 0, 1);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_OK);
    cr_assert_eq(fake.ops[0].node, &fake.nodes[1]);
}

Test(retry, a_new_owner_is_asked_without_a_pause)
{
    start(2, (struct grid_options){.timeout_ms = 30000}, "q");
    int key = key_in(0);
    submit(GRID_PUT, key);
    fake_wait_count(&fake, &planned, 1);
    for (int i = 0; i < 30; i++) // a pause of 50 ms or more
        client_holds_extend(&grid->holds, 0, i * 1000, &grid->random);
    grid->holds.array[0].until_ms = INT64_MAX;
    fake_move(&fake, 0, 1);
    fake_wait_count(&fake, &seen.count, 1);
    cr_assert_eq(seen.errors[0], GRID_OK);
    cr_assert_eq(grid->holds.held_count, 0);
}

static bool all_are_refused(void *context)
{
    (void)context;
    for (struct list *at = grid->requests.timed.next; at != &grid->requests.timed; at = at->next) {
        if (LIST_ENTRY(at, struct client_request, order)->refusal == ERROR_NONE)
            return false;
    }
    return true;
}

Test(retry, requests_of_a_refused_partition_keep_their_order)
{
    start(1, (struct grid_options){0}, "oooo");
    for (int i = 0; i < 4; i++)
        submit(GRID_INCREMENT, 1);
    fake_wait(&fake, all_are_refused, NULL);
    submit(GRID_INCREMENT, 1); // behind those that wait
    fake_wait_count(&fake, &seen.count, 5);
    for (uint32_t i = 0; i < 5; i++)
        cr_assert_eq(fake.ops[4 + i].number, i + 1, "place %u", i);
}
