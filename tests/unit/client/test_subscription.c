// SPDX-License-Identifier: Apache-2.0
#include "client/core.h"
#include "cluster/base/memory.h"
#include "cluster/wire/event_codec.h"
#include "tests/unit/client/fake_grid.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { NODES = 2, WORKERS = 2, LINKS = NODES * WORKERS };

static struct fake_grid fake;
static struct grid *grid;
static struct grid_subscription *subscription;
static char story[1000]; // what the listener was told, in order

// The SUBSCRIBEs and UNSUBSCRIBEs that came.
static struct {
    struct fake_peer *peer;
    uint32_t id;
} asked[64];
static uint32_t asked_count;
static uint32_t unasked_count;
static bool holds_unsubscribe;
static uint32_t pings;
static uint32_t view_count; // asked for

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
    va_list arguments;
    size_t size = strlen(story);
    va_start(arguments, format);
    vsnprintf(story + size, sizeof story - size, format, arguments);
    va_end(arguments);
}

static int first_byte(struct grid_bytes value)
{
    return value.data ? *(const uint8_t *)value.data : -1;
}

static void event_tell(const char *what, const struct grid_event *event)
{
    tell("%s %u/%lu key %d new %d old %d cause %d\n", what, event->partition, event->seq,
         first_byte(event->key), first_byte(event->new_value), first_byte(event->old_value),
         (int)event->cause);
}

static void on_row(void *context, const struct grid_event *event)
{
    (void)context;
    event_tell("ROW", event);
}

static void on_ready(void *context)
{
    (void)context;
    tell("READY\n");
}

static void on_enter(void *context, const struct grid_event *event)
{
    (void)context;
    event_tell("ENTER", event);
}

static void on_update(void *context, const struct grid_event *event)
{
    (void)context;
    event_tell("UPDATE", event);
}

static void on_leave(void *context, const struct grid_event *event)
{
    (void)context;
    event_tell("LEAVE", event);
}

static void on_progress(void *context, uint16_t partition, uint64_t seq)
{
    (void)context;
    tell("PROGRESS %u/%lu\n", partition, seq);
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    (void)context;
    tell("%s %s\n", grid_error_name(error), text);
}

static const struct grid_listener listener = {on_row,   on_ready,    on_enter, on_update,
                                              on_leave, on_progress, on_error};

static bool subscribe_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    (void)context;
    pings += frame->header.kind == FRAME_PING;
    view_count += frame->header.kind == FRAME_VIEW;
    if (frame->header.kind == FRAME_UNSUBSCRIBE) {
        unasked_count++;
        return holds_unsubscribe;
    }
    if (frame->header.kind != FRAME_SUBSCRIBE)
        return false;
    struct subscribe subscribe;
    cr_assert_eq(subscribe_decode(frame->body, &subscribe), ERROR_NONE);
    cr_assert_lt(asked_count, 64);
    asked[asked_count].peer = peer;
    asked[asked_count++].id = frame->header.request_id;
    return true;
}

static void start(struct grid_options options)
{
    fake_init(&fake, NODES, WORKERS);
    fake.hook = subscribe_hook;
    options.seeds = fake_seed(&fake, 0);
    grid = grid_new(&options, NULL);
    fake_start(&fake, grid->base);
}

static void setup(void)
{
    start((struct grid_options){0});
}

static void teardown(void)
{
    fake_deinit(&fake);
    grid_free(grid);
}

TestSuite(subscription, .init = setup, .fini = teardown);

static struct grid_subscription *subscribe(bool snapshot)
{
    struct grid_subscribe_options options = {.without_snapshot = !snapshot};
    uint32_t before = asked_count;
    subscription = grid_subscribe(grid, "SELECT * FROM m", &options, &listener, NULL);
    cr_assert_not_null(subscription);
    fake_wait_count(&fake, &asked_count, before + LINKS);
    return subscription;
}

// ---- What the nodes say ----

static bool partition_is_of(const struct fake_peer *peer, uint32_t partition)
{
    return partition % NODES == peer->node->number && partition % WORKERS == peer->worker;
}

static void answer(uint32_t place)
{
    struct mark marks[FAKE_PARTITIONS];
    uint32_t count = 0;
    for (uint16_t partition = 0; partition < FAKE_PARTITIONS; partition++) {
        if (partition_is_of(asked[place].peer, partition))
            marks[count++] = (struct mark){partition, 1, 10};
    }
    struct buffer out = {0};
    marks_encode(&out, FRAME_REPLY, asked[place].id, marks, count);
    fake_send(asked[place].peer, &out);
    buffer_deinit(&out);
}

static void ready_send(uint32_t place, uint16_t partition)
{
    struct buffer out = {0};
    struct mark mark = {partition, 1, 10};
    ready_encode(&out, asked[place].id, &mark);
    fake_send(asked[place].peer, &out);
    buffer_deinit(&out);
}

static void all_ready_send(uint32_t place)
{
    for (uint16_t partition = 0; partition < FAKE_PARTITIONS; partition++) {
        if (partition_is_of(asked[place].peer, partition))
            ready_send(place, partition);
    }
}

static void event_send(uint32_t place, uint8_t kind, uint64_t seq, int new_value, int old_value)
{
    uint8_t bytes[] = {9, (uint8_t)new_value, (uint8_t)old_value};
    struct event event = {.kind = kind,
                          .partition = 3,
                          .subscription = asked[place].id,
                          .epoch = 1,
                          .seq = seq,
                          .time_us = 5,
                          .cause = CAUSE_PUT,
                          .key = bytes_of(bytes, 1),
                          .has_new = new_value >= 0,
                          .has_old = old_value >= 0,
                          .new_value = bytes_of(bytes + 1, 1),
                          .old_value = bytes_of(bytes + 2, 1)};
    struct buffer out = {0};
    event_encode(&out, &event);
    fake_send(asked[place].peer, &out);
    buffer_deinit(&out);
}

static void error_send(uint32_t place, uint8_t kind, enum error error, const char *text)
{
    struct buffer out = {0};
    error_encode(&out, kind, asked[place].id, PARTITION_ANY, error, text, 0);
    fake_send(asked[place].peer, &out);
    buffer_deinit(&out);
}

static bool story_is(void *context)
{
    return strcmp(story, context) == 0;
}

static void expect(const char *wanted)
{
    char copy[1000];
    snprintf(copy, sizeof copy, "%s", wanted);
    struct timeval longest = {.tv_sec = 5};
    event_base_loopexit(grid->base, &longest);
    while (!story_is(copy) && !event_base_got_exit(grid->base))
        event_base_loop(grid->base, EVLOOP_ONCE);
    cr_assert_str_eq(story, copy);
    story[0] = '\0';
}

static void become_live(bool snapshot)
{
    uint32_t first = asked_count;
    subscribe(snapshot);
    for (uint32_t place = first; place < asked_count; place++) {
        answer(place);
        if (snapshot)
            all_ready_send(place);
    }
    expect("READY\n");
}

// ---- Tests ----

Test(subscription, is_ready_when_every_partition_of_every_worker_is)
{
    subscribe(true);
    for (uint32_t place = 0; place < LINKS; place++)
        answer(place);
    for (uint32_t place = 1; place < LINKS; place++)
        all_ready_send(place);
    event_send(1, FRAME_ROW, 4, 1, -1);
    expect("ROW 3/4 key 9 new 1 old -1 cause 0\n");
    all_ready_send(0);
    expect("READY\n");
}

Test(subscription, without_snapshot_is_ready_when_all_have_answered)
{
    subscribe(false);
    for (uint32_t place = 1; place < LINKS; place++)
        answer(place);
    event_send(1, FRAME_ENTER, 11, 1, -1);
    expect("ENTER 3/11 key 9 new 1 old -1 cause 1\n");
    answer(0);
    expect("READY\n");
}

Test(subscription, changes_come_as_they_are)
{
    become_live(true);
    event_send(0, FRAME_ENTER, 11, 1, -1);
    event_send(0, FRAME_UPDATE, 12, 2, 1);
    event_send(0, FRAME_LEAVE, 13, 0, 2);
    event_send(0, FRAME_LEAVE, 14, -1, 2);
    expect("ENTER 3/11 key 9 new 1 old -1 cause 1\n"
           "UPDATE 3/12 key 9 new 2 old 1 cause 1\n"
           "LEAVE 3/13 key 9 new 0 old 2 cause 1\n"
           "LEAVE 3/14 key 9 new -1 old 2 cause 1\n");
}

Test(subscription, progress_is_told_for_each_partition)
{
    become_live(true);
    struct mark marks[] = {{1, 1, 20}, {3, 1, 30}};
    struct buffer out = {0};
    marks_encode(&out, FRAME_PROGRESS, PROGRESS_REQUEST_ID, marks, 2);
    fake_send(asked[0].peer, &out);
    buffer_deinit(&out);
    expect("PROGRESS 1/20\nPROGRESS 3/30\n");
}

Test(subscription, a_refusal_by_one_worker_ends_it_everywhere)
{
    subscribe(true);
    for (uint32_t place = 0; place < LINKS - 1; place++)
        answer(place);
    error_send(LINKS - 1, FRAME_ERROR, ERROR_QUERY, "line 1, column 2: no");
    expect("QUERY line 1, column 2: no\n");
    fake_wait_count(&fake, &unasked_count, LINKS - 1);
    grid_unsubscribe(subscription);
}

Test(subscription, the_node_may_end_it)
{
    become_live(true);
    error_send(1, FRAME_ENDED, ERROR_SLOW_CONSUMER, "too slow");
    expect("SLOW_CONSUMER too slow\n");
    event_send(0, FRAME_ENTER, 11, 1, -1); // before it has read the UNSUBSCRIBE
    fake_wait_count(&fake, &unasked_count, LINKS - 1);
    grid_unsubscribe(subscription);
    become_live(true);
}

Test(subscription, a_lost_connection_ends_it)
{
    become_live(true);
    fake_disconnect(&fake.nodes[1], false);
    char expected[100];
    snprintf(expected, sizeof expected,
             "DISCONNECTED 127.0.0.1:%u: the node closed the connection\n", fake.nodes[1].port);
    expect(expected);
    fake_wait_count(&fake, &unasked_count, WORKERS);
    grid_unsubscribe(subscription);
    become_live(true);
}

static bool has_no_subscriptions(void *context)
{
    (void)context;
    return grid->subscriptions.count == 0;
}

Test(subscription, after_unsubscribing_nothing_comes_and_the_id_waits_for_the_workers)
{
    become_live(true);
    uint32_t id = asked[0].id;
    holds_unsubscribe = true;
    grid_unsubscribe(subscription);
    event_send(0, FRAME_ENTER, 11, 1, -1);
    fake_wait_count(&fake, &unasked_count, LINKS);
    cr_assert_eq(grid->subscriptions.count, 1);
    uint32_t second = asked_count;
    become_live(true);
    cr_assert_neq(asked[second].id, id);
    for (uint32_t place = 0; place < LINKS; place++) {
        struct buffer out = {0};
        request_encode_empty(&out, FRAME_REPLY, asked[place].id + (1U << 19));
        fake_send(asked[place].peer, &out);
        buffer_deinit(&out);
    }
    grid_unsubscribe(subscription);
    fake_disconnect(&fake.nodes[0], false);
    fake_disconnect(&fake.nodes[1], false);
    fake_wait(&fake, has_no_subscriptions, NULL);
    cr_assert_str_eq(story, "");
    uint32_t third = asked_count;
    become_live(true);
    cr_assert_eq(asked[third].id, id);
}

static void on_enter_unsubscribe(void *context, const struct grid_event *event)
{
    (void)context;
    event_tell("ENTER", event);
    grid_unsubscribe(subscription);
}

static void on_error_unsubscribe(void *context, enum grid_error error, const char *text)
{
    on_error(context, error, text);
    grid_unsubscribe(subscription);
}

// ---- Views that change ----

static bool all_but_one_have_joined(void *context)
{
    (void)context;
    return subscription->joins.asked_count == 1;
}

static void view_fetch(void)
{
    uint64_t version = fake.view.version;
    client_view_want(grid, 0, NULL);
    while (grid->topology.view.version != version)
        event_base_loop(grid->base, EVLOOP_ONCE);
}

Test(subscription, a_partition_that_moves_ends_it)
{
    become_live(true);
    fake_move(&fake, 4, 1);
    view_fetch();
    expect("MOVED a partition has another primary now\n");
    fake_wait_count(&fake, &unasked_count, LINKS);
    grid_unsubscribe(subscription);
}

Test(subscription, the_node_may_say_that_a_partition_has_moved)
{
    become_live(true);
    uint32_t before = view_count;
    error_send(0, FRAME_ENDED, ERROR_MOVED, "partition 4 has moved");
    expect("MOVED partition 4 has moved\n");
    fake_wait_count(&fake, &view_count, before + 1); // to subscribe where it is now
}

// A third member, which holds no primaries: nobody subscribes there.
static void idle_member_join(void)
{
    struct view *view = &fake.view;
    view->members = memory_resize_array(view->members, 3, sizeof *view->members);
    view->members[2] = view->members[1];
    view->members[2].id = 999;
    view->members[2].port = 1; // nobody listens there
    snprintf(view->members[2].name, sizeof view->members[2].name, "idle");
    view->member_count = 3;
    view->version++;
}

Test(subscription, members_without_primaries_come_and_go_without_ending_it)
{
    become_live(true);
    uint32_t asked_before = asked_count;
    idle_member_join();
    view_fetch();
    event_send(0, FRAME_ENTER, 11, 1, -1);
    expect("ENTER 3/11 key 9 new 1 old -1 cause 1\n");
    fake.view.member_count = 2;
    fake.view.version++;
    view_fetch();
    event_send(3, FRAME_ENTER, 12, 1, -1);
    expect("ENTER 3/12 key 9 new 1 old -1 cause 1\n");
    cr_assert_eq(asked_count, asked_before);
    cr_assert_eq(unasked_count, 0);
}

Test(subscription, members_without_primaries_are_not_waited_for)
{
    idle_member_join();
    become_live(true);
    cr_assert_eq(asked_count, LINKS);
}

Test(subscription, a_refusal_that_may_pass_makes_another_attempt)
{
    static const enum error errors[] = {ERROR_MOVED, ERROR_NOT_OWNER, ERROR_NO_QUORUM};
    subscribe(true);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t place = i * LINKS; place < (i + 1) * LINKS - 1; place++)
            answer(place);
        error_send((i + 1) * LINKS - 1, FRAME_ERROR, errors[i], "not now");
        fake_wait_count(&fake, &asked_count, (i + 2) * LINKS);
    }
    cr_assert_str_eq(story, "");
    for (uint32_t place = 3 * LINKS; place < 4 * LINKS; place++) {
        answer(place);
        all_ready_send(place);
    }
    expect("READY\n");
}

Test(subscription, a_partition_that_moves_while_it_joins_makes_another_attempt)
{
    subscribe(true);
    for (uint32_t place = 0; place < LINKS - 1; place++)
        answer(place);
    fake_wait(&fake, all_but_one_have_joined, NULL);
    // Another epoch is enough for the client to look, but the feeder is the same.
    fake_move(&fake, 4, 0);
    view_fetch();
    cr_assert_eq(unasked_count, 0);
    fake_move(&fake, 4, 1);
    view_fetch();
    fake_wait_count(&fake, &asked_count, 2 * LINKS);
    cr_assert_eq(unasked_count, LINKS);
    cr_assert_str_eq(story, "");
}

Test(subscription, may_be_ended_in_its_own_callbacks)
{
    struct grid_listener ending = listener;
    ending.enter = on_enter_unsubscribe;
    ending.error = on_error_unsubscribe;
    subscription = grid_subscribe(grid, "SELECT * FROM m", NULL, &ending, NULL);
    fake_wait_count(&fake, &asked_count, LINKS);
    for (uint32_t place = 0; place < LINKS; place++)
        answer(place);
    event_send(0, FRAME_ENTER, 11, 1, -1);
    event_send(0, FRAME_ENTER, 12, 1, -1);
    fake_wait(&fake, has_no_subscriptions, NULL);
    expect("ENTER 3/11 key 9 new 1 old -1 cause 1\n");

    subscription = grid_subscribe(grid, "SELECT * FROM m", NULL, &ending, NULL);
    fake_wait_count(&fake, &asked_count, 2 * LINKS);
    error_send(LINKS, FRAME_ERROR, ERROR_QUERY, "no");
    fake_wait(&fake, has_no_subscriptions, NULL);
    expect("QUERY no\n");
}

Test(subscription, a_listener_without_callbacks_is_allowed)
{
    static const struct grid_listener nothing = {0};
    struct grid_subscription *quiet = grid_subscribe(grid, "q", NULL, &nothing, NULL);
    fake_wait_count(&fake, &asked_count, LINKS);
    for (uint32_t place = 0; place < LINKS; place++) {
        answer(place);
        all_ready_send(place);
        event_send(place, FRAME_UPDATE, 11, 1, 1);
    }
    error_send(0, FRAME_ENDED, ERROR_SLOW_CONSUMER, "too slow");
    fake_wait_count(&fake, &unasked_count, LINKS - 1);
    grid_unsubscribe(quiet);
    grid_unsubscribe(NULL);
}

Test(subscription, what_cannot_be_asked_is_refused)
{
    static char text[QUERY_TEXT_BYTES_MAX + 2];
    memset(text, 'x', QUERY_TEXT_BYTES_MAX + 1);
    cr_assert_null(grid_subscribe(grid, text, NULL, &listener, NULL));
    cr_assert_null(grid_subscribe(grid, "q", NULL, NULL, NULL));
    cr_assert_null(grid_subscribe(grid, NULL, NULL, &listener, NULL));
}

static void answer_nothing(uint32_t place)
{
    struct buffer out = {0};
    marks_encode(&out, FRAME_REPLY, asked[place].id, NULL, 0);
    fake_send(asked[place].peer, &out);
    buffer_deinit(&out);
}

Test(subscription, what_covers_the_grid_only_at_the_second_attempt_is_ready_then)
{
    subscribe(true);
    for (uint32_t place = 0; place < LINKS; place++)
        answer_nothing(place);
    fake_wait_count(&fake, &asked_count, 2 * LINKS);
    cr_assert_eq(unasked_count, LINKS);
    for (uint32_t place = LINKS; place < 2 * LINKS; place++) {
        answer(place);
        all_ready_send(place);
    }
    expect("READY\n");
}

Test(subscription, a_partition_that_two_workers_feed_makes_another_attempt)
{
    subscribe(true);
    struct buffer out = {0};
    marks_encode(&out, FRAME_REPLY, asked[0].id, &(struct mark){asked[0].peer->node->number, 1, 9},
                 1);
    fake_send(asked[0].peer, &out);
    buffer_clear(&out);
    marks_encode(&out, FRAME_REPLY, asked[1].id, &(struct mark){asked[0].peer->node->number, 1, 9},
                 1);
    fake_send(asked[1].peer, &out);
    buffer_deinit(&out);
    answer_nothing(2);
    answer_nothing(3);
    fake_wait_count(&fake, &asked_count, 2 * LINKS);
    cr_assert_str_eq(story, "");
}

Test(subscription, of_two_workers_that_feed_a_partition_one_is_heard)
{
    subscribe(true);
    struct buffer out = {0};
    for (uint32_t place = 0; place < 2; place++) {
        marks_encode(&out, FRAME_REPLY, asked[place].id, &(struct mark){3, 1, 9}, 1);
        fake_send(asked[place].peer, &out);
        buffer_clear(&out);
        event_send(place, FRAME_ROW, 4 + place, 1, -1);
        if (place == 0)
            expect("ROW 3/4 key 9 new 1 old -1 cause 0\n");
    }
    buffer_deinit(&out);
    answer_nothing(2);
    answer_nothing(3);
    expect("MOVED some partitions have no primary, or are moving\n");
}

Test(subscription, once_rows_were_told_there_is_no_other_attempt)
{
    subscribe(true);
    answer(0);
    event_send(0, FRAME_ROW, 4, 1, -1);
    expect("ROW 3/4 key 9 new 1 old -1 cause 0\n");
    for (uint32_t place = 1; place < LINKS; place++)
        answer_nothing(place);
    expect("MOVED some partitions have no primary, or are moving\n");
    cr_assert_eq(asked_count, LINKS);
}

static bool answer_nothing_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    if (!subscribe_hook(context, peer, frame))
        return false;
    if (frame->header.kind == FRAME_SUBSCRIBE)
        answer_nothing(asked_count - 1);
    return true;
}

Test(subscription, a_partition_that_nobody_feeds_ends_it_in_time)
{
    teardown();
    start((struct grid_options){.timeout_ms = 120});
    fake.hook = answer_nothing_hook;
    subscription = grid_subscribe(grid, "q", NULL, &listener, NULL);
    expect("MOVED some partitions had no primary, or were moving, all the time\n");
    cr_assert_leq(asked_count, 4 * LINKS, "pauses between attempts");
}

Test(subscription, frames_that_break_the_rules_end_the_connection)
{
    static const char *const reasons[] = {
        "the node sent an event before it answered SUBSCRIBE",
        "the node's answer to SUBSCRIBE is malformed",
        "the node subscribed to a partition twice",
        "the node said READY for a partition that owes nothing",
        "the node sent a malformed event",
        "the node sent a frame that no subscription knows",
        "the node sent a malformed PROGRESS",
    };
    for (uint32_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        uint32_t place = asked_count;
        struct mark twice[] = {{3, 1, 1}, {3, 1, 1}};
        struct buffer out = {0};
        subscribe(true);
        uint32_t id = asked[place].id;
        if (i >= 3)
            answer(place);
        if (i == 0)
            event_send(place, FRAME_ENTER, 11, 1, -1);
        else if (i == 1)
            request_encode_empty(&out, FRAME_REPLY, id);
        else if (i == 2)
            marks_encode(&out, FRAME_REPLY, id, twice, 2);
        else if (i == 3)
            ready_send(place, (uint16_t)(asked[place].peer->node->number + 1) % NODES);
        else
            request_encode_empty(&out, (uint8_t[]){FRAME_UPDATE, FRAME_VIEW, FRAME_PROGRESS}[i - 4],
                                 id);
        if (i == 1) // two objects are no marks
            out.data[FRAME_HEADER_BYTES] = 0x92;
        if (i == 6)
            out.data[FRAME_HEADER_BYTES] = 0x91;
        if (i == 1 || i == 6)
            buffer_append(&out, "\1\1", i == 1 ? 2 : 1);
        if (buffer_size(&out) > 0)
            out.data[0] = (uint8_t)(buffer_size(&out) - FRAME_HEADER_BYTES);
        fake_send(asked[place].peer, &out);
        buffer_deinit(&out);
        char expected[200];
        snprintf(expected, sizeof expected, "DISCONNECTED 127.0.0.1:%u: %s\n",
                 asked[place].peer->node->port, reasons[i]);
        expect(expected);
        grid_unsubscribe(subscription);
        cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    }
}

Test(subscription, members_that_cannot_be_reached_end_it_in_time)
{
    teardown();
    start((struct grid_options){.timeout_ms = 40});
    fake_disconnect(&fake.nodes[1], true);
    subscription = grid_subscribe(grid, "q", NULL, &listener, NULL);
    char expected[100];
    snprintf(expected, sizeof expected, "DISCONNECTED 127.0.0.1:%u: Connection refused\n",
             fake.nodes[1].port);
    expect(expected);
    cr_assert_eq(asked_count, 0);
}

Test(subscription, workers_that_do_not_answer_end_it_in_time)
{
    teardown();
    start((struct grid_options){.timeout_ms = 40});
    subscribe(true);
    expect("TIMEOUT not all workers answered SUBSCRIBE in time\n");
}

Test(subscription, silent_connections_are_asked_for_a_sign_of_life)
{
    become_live(true);
    fake_wait_count(&fake, &pings, LINKS);
    cr_assert_str_eq(story, "");
}

Test(subscription, freeing_the_client_ends_it_without_a_callback)
{
    become_live(true);
    struct grid_subscription *waiting = grid_subscribe(grid, "q", NULL, &listener, NULL);
    cr_assert_not_null(waiting);
    teardown();
    cr_assert_str_eq(story, "");
    start((struct grid_options){0});
}
