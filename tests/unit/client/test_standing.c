// SPDX-License-Identifier: Apache-2.0
// The core of continuous queries against nodes that say what a test has them say.
#include "client/id.h"
#include "client/standing.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/writer.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { PARTITIONS = 4, LINKS = 2, GRID_ID = 77 };

struct node {
    struct client_standing_link link;
    struct buffer out;
};

static struct client_standing *standing;
static struct node nodes[LINKS];
static uint64_t now_ms;
static uint32_t view_count; // wanted
static char story[4000];    // what listeners were told
static char asked[4000];    // what nodes were asked

static void note(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void note(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    size_t used = strlen(text);
    va_start(arguments, format);
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

#define TELL(...) note(story, sizeof story, __VA_ARGS__)
#define ASK(...)  note(asked, sizeof asked, __VA_ARGS__)

// ---- The host ----

static struct buffer *host_out(void *context, struct client_standing_link *link)
{
    (void)context;
    return &LIST_ENTRY(link, struct node, link)->out;
}

static void host_view(void *context)
{
    (void)context;
    view_count++;
}

static void host_nothing(void *context)
{
    (void)context;
}

// ---- The listener: its context is the name of the subscription ----

static int first_byte(struct grid_bytes value)
{
    return value.data ? *(const uint8_t *)value.data : -1;
}

static void event_tell(const char *name, const char *what, const struct grid_event *event)
{
    TELL("%s %s %u/%" PRIu64 " key %d new %d old %d cause %d\n", name, what, event->partition,
         event->seq, first_byte(event->key), first_byte(event->new_value),
         first_byte(event->old_value), (int)event->cause);
}

static void on_row(void *context, const struct grid_event *event)
{
    event_tell(context, "ROW", event);
}

static void on_enter(void *context, const struct grid_event *event)
{
    event_tell(context, "ENTER", event);
}

static void on_update(void *context, const struct grid_event *event)
{
    event_tell(context, "UPDATE", event);
}

static void on_leave(void *context, const struct grid_event *event)
{
    event_tell(context, "LEAVE", event);
}

static void on_ready(void *context)
{
    TELL("%s READY\n", (const char *)context);
}

static void on_reset(void *context, uint16_t partition)
{
    TELL("%s RESET %u\n", (const char *)context, partition);
}

static void on_state(void *context, enum grid_subscription_state state, uint64_t behind)
{
    TELL("%s is %s, behind %" PRIu64 "\n", (const char *)context,
         grid_subscription_state_name(state), behind);
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    TELL("%s %s %s\n", (const char *)context, grid_error_name(error), text);
}

static const struct grid_listener listener = {.row = on_row,
                                              .ready = on_ready,
                                              .enter = on_enter,
                                              .update = on_update,
                                              .leave = on_leave,
                                              .reset = on_reset,
                                              .error = on_error};

// ---- Nodes ----

static const char *const start_names[] = {"NONE", "LATEST", "SNAPSHOT", "EARLIEST"};

static void frame_note(char node, const struct frame *frame)
{
    uint32_t number = client_id_number(frame->header.request_id);
    struct subscribe subscribe;
    struct follow follow;
    struct mark mark;
    if (frame->header.kind == FRAME_SUBSCRIBE) {
        cr_assert_eq(subscribe_decode(frame->body, &subscribe), ERROR_NONE);
        ASK("%c SUBSCRIBE %u %s\n", node, number, start_names[subscribe.start]);
    } else if (frame->header.kind == FRAME_UNSUBSCRIBE) {
        ASK("%c UNSUBSCRIBE %u\n", node, number);
    } else {
        cr_assert_eq(frame->header.kind, FRAME_FOLLOW);
        cr_assert_eq(follow_decode(frame->body, &follow), ERROR_NONE);
        ASK("%c FOLLOW %u:", node, client_id_number(follow.subscription));
        while (mark_next(&follow.marks, &mark)) {
            if (mark.seq >= UINT64_MAX - 1)
                ASK(" %u@%s", mark.partition, mark.seq == UINT64_MAX ? "now" : "nowhere");
            else
                ASK(" %u@%" PRIu64 ":%" PRIu64, mark.partition, mark.epoch, mark.seq);
        }
        ASK("\n");
    }
}

static uint32_t last_follow_id; // of the last FOLLOW 0
static uint32_t last_own_id;    // of the last FOLLOW of a subscription

static void asked_take(void)
{
    for (int i = 0; i < LINKS; i++) {
        struct frame frame;
        enum error error;
        while (frame_parse(buffer_bytes(&nodes[i].out), FRAME_BODY_BYTES_MAX, &frame, &error) ==
               FRAME_COMPLETE) {
            frame_note((char)('A' + i), &frame);
            if (frame.header.kind == FRAME_FOLLOW &&
                client_id_question(frame.header.request_id) == CLIENT_FOLLOW_JOINED)
                last_follow_id = frame.header.request_id;
            else if (frame.header.kind == FRAME_FOLLOW)
                last_own_id = frame.header.request_id;
            buffer_consume(&nodes[i].out, FRAME_HEADER_BYTES + frame.body.size);
        }
    }
}

// What nodes were asked since the last time, as text.
static const char *turn(void)
{
    asked[0] = '\0';
    (void)client_standing_turn(standing, now_ms);
    asked_take();
    return asked;
}

static const char *told(void)
{
    static char copy[sizeof story];
    memcpy(copy, story, sizeof copy);
    story[0] = '\0';
    return copy;
}

static const char *say_frame(int node, struct buffer *out)
{
    struct frame frame;
    enum error error;
    cr_assert_eq(frame_parse(buffer_bytes(out), EVENT_BODY_BYTES_MAX, &frame, &error),
                 FRAME_COMPLETE);
    const char *why = client_standing_take(standing, &nodes[node].link, &frame, now_ms);
    buffer_deinit(out);
    return why;
}

static void say(int node, struct buffer *out)
{
    const char *why = say_frame(node, out);
    cr_assert_null(why, "%s", why);
}

static void say_subscribed(int node, uint32_t number)
{
    struct buffer out = {0};
    subscribed_encode(&out, client_id_of(CLIENT_SUBSCRIBE, number), PARTITIONS);
    say(node, &out);
}

static void say_error(int node, uint32_t id, enum error error, const char *text)
{
    struct buffer out = {0};
    error_encode(&out, FRAME_ERROR, id, PARTITION_ANY, error, text, 0);
    say(node, &out);
}

static void say_marks(int node, uint8_t kind, uint32_t id, const struct mark *marks, uint32_t count)
{
    struct buffer out = {0};
    marks_encode(&out, kind, id, marks, count);
    say(node, &out);
}

static void say_progress(int node, uint64_t behind, const struct mark *marks, uint32_t count)
{
    struct buffer out = {0};
    progress_encode(&out, behind, marks, count);
    say(node, &out);
}

static void say_milestone(int node, uint8_t kind, uint32_t number, const struct mark *marks,
                          uint32_t count)
{
    struct buffer out = {0};
    struct audience audience = {.subscription = number ? client_id_of(CLIENT_SUBSCRIBE, number)
                                                       : SUBSCRIPTIONS_JOINED};
    milestone_encode(&out, kind, &audience, marks, count);
    say(node, &out);
}

static struct event event_of(uint8_t kind, uint32_t number, uint16_t partition, uint64_t seq,
                             const char *key, const char *value)
{
    return (struct event){.kind = kind,
                          .partition = partition,
                          .audience = {.subscription = client_id_of(CLIENT_SUBSCRIBE, number)},
                          .epoch = 1,
                          .seq = seq,
                          .time_us = kind == FRAME_ROW ? 0 : 9,
                          .cause = kind == FRAME_ROW ? (enum cause)0 : CAUSE_PUT,
                          .key = bytes_of(key, 1),
                          .has_new = kind != FRAME_LEAVE,
                          .new_value = bytes_of(value, 1)};
}

static void say_event(int node, uint8_t kind, uint32_t number, uint16_t partition, uint64_t seq,
                      const char *key, const char *value)
{
    struct buffer out = {0};
    struct event event = event_of(kind, number, partition, seq, key, value);
    event_encode(&out, &event);
    say(node, &out);
}

// ---- Life ----

static struct client_standing *standing_make(void)
{
    static const struct client_standing_host host = {.out = host_out,
                                                     .want_view = host_view,
                                                     .want_turn = host_nothing,
                                                     .callback_begin = host_nothing,
                                                     .callback_end = host_nothing};
    static const struct client_standing_limits limits = {.subscriptions_max = 100,
                                                         .start_timeout_ms = 5000};
    return client_standing_new(&host, &limits);
}

static void setup(void)
{
    now_ms = 1000;
    standing = standing_make();
    client_standing_set_grid(standing, GRID_ID, PARTITIONS);
}

static void teardown(void)
{
    client_standing_free(standing);
    for (int i = 0; i < LINKS; i++)
        buffer_deinit(&nodes[i].out);
}

TestSuite(standing, .init = setup, .fini = teardown);

static struct grid_subscription *subscribe_with(const struct grid_subscribe_options *options,
                                                char *name)
{
    return client_standing_subscribe(standing, "SELECT * FROM m", options, &listener, name, now_ms);
}

static char one[] = "one";
static char two[] = "two";

static void route_all(int node)
{
    for (uint16_t i = 0; i < PARTITIONS; i++)
        client_standing_route(standing, i, &nodes[node].link);
}

static const struct mark marks[PARTITIONS] = {{0, 1, 10}, {1, 1, 11}, {2, 1, 12}, {3, 1, 13}};

// Node A leads everything, "one" is subscription 1 and joined, with no rows.
static struct grid_subscription *joined_make(const struct grid_subscribe_options *options)
{
    client_standing_link_up(standing, &nodes[0].link);
    route_all(0);
    struct grid_subscription *subscription = subscribe_with(options, one);
    (void)turn();
    say_progress(0, 0, marks, PARTITIONS);
    say_subscribed(0, 1);
    if (!options || options->start != GRID_START_LATEST)
        say_milestone(0, FRAME_READY, 1, NULL, 0);
    cr_assert_str_eq(told(), "one READY\n");
    cr_assert_str_eq(turn(), "");
    return subscription;
}

// ---- Beginning ----

Test(standing, begins_with_the_rows_of_all_partitions)
{
    client_standing_link_up(standing, &nodes[0].link);
    route_all(0);
    (void)subscribe_with(NULL, one);
    cr_assert_str_eq(turn(), "A SUBSCRIBE 1 SNAPSHOT\n");
    say_progress(0, 0, marks, PARTITIONS);
    say_subscribed(0, 1);
    say_event(0, FRAME_ROW, 1, 2, 5, "\1", "\2");
    say_milestone(0, FRAME_READY, 1, NULL, 0);
    say_event(0, FRAME_UPDATE, 1, 2, 13, "\1", "\3");
    cr_assert_str_eq(told(), "one ROW 2/5 key 1 new 2 old -1 cause 0\n"
                             "one READY\n"
                             "one UPDATE 2/13 key 1 new 3 old -1 cause 1\n");
}

Test(standing, from_now_on_begins_with_the_answer)
{
    struct grid_subscribe_options options = {.start = GRID_START_LATEST};
    (void)joined_make(&options);
    say_event(0, FRAME_ENTER, 1, 0, 11, "\1", "\2");
    cr_assert_str_eq(told(), "one ENTER 0/11 key 1 new 2 old -1 cause 1\n");
}

Test(standing, a_second_node_takes_part_when_it_comes)
{
    client_standing_link_up(standing, &nodes[0].link);
    client_standing_route(standing, 0, &nodes[0].link);
    (void)subscribe_with(NULL, one);
    cr_assert_str_eq(turn(), "A SUBSCRIBE 1 SNAPSHOT\n");
    say_progress(0, 0, marks, 1);
    say_subscribed(0, 1);
    say_milestone(0, FRAME_READY, 1, NULL, 0);
    cr_assert_str_eq(told(), "");
    client_standing_link_up(standing, &nodes[1].link);
    for (uint16_t i = 1; i < PARTITIONS; i++)
        client_standing_route(standing, i, &nodes[1].link);
    cr_assert_str_eq(turn(), "B SUBSCRIBE 1 SNAPSHOT\n");
    say_progress(1, 0, &marks[1], PARTITIONS - 1);
    say_subscribed(1, 1);
    say_milestone(1, FRAME_READY, 1, NULL, 0);
    cr_assert_str_eq(told(), "one READY\n");
}

// ---- Going on ----

Test(standing, goes_on_from_its_position_after_a_lost_connection)
{
    (void)joined_make(NULL);
    say_event(0, FRAME_ENTER, 1, 2, 17, "\1", "\2");
    client_standing_link_down(standing, &nodes[0].link);
    client_standing_link_up(standing, &nodes[0].link);
    route_all(0);
    cr_assert_str_eq(turn(), "A SUBSCRIBE 1 NONE\n", "nothing flows before it is registered");
    say_subscribed(0, 1);
    cr_assert_str_eq(turn(), "A FOLLOW 0: 0@1:10 1@1:11 2@1:17 3@1:13\n");
    say_marks(0, FRAME_REPLY, last_follow_id, NULL, 0);
    (void)told();
    say_event(0, FRAME_LEAVE, 1, 2, 18, "\1", "");
    cr_assert_str_eq(told(), "one LEAVE 2/18 key 1 new -1 old -1 cause 1\n");
}

Test(standing, only_the_link_that_is_followed_counts)
{
    (void)joined_make(NULL);
    client_standing_link_up(standing, &nodes[1].link);
    cr_assert_str_eq(turn(), "B SUBSCRIBE 1 NONE\n", "ahead of time");
    say_subscribed(1, 1);
    client_standing_route(standing, 3, &nodes[1].link);
    cr_assert_str_eq(turn(), "B FOLLOW 0: 3@1:13\n");
    say_event(0, FRAME_ENTER, 1, 3, 14, "\1", "\2");
    say_event(1, FRAME_ENTER, 1, 3, 99, "\1", "\2"); // of an earlier FOLLOW, for all we know
    cr_assert_str_eq(told(), "");
    say_marks(1, FRAME_REPLY, last_follow_id, NULL, 0);
    say_event(1, FRAME_ENTER, 1, 3, 14, "\1", "\2");
    cr_assert_str_eq(told(), "one ENTER 3/14 key 1 new 2 old -1 cause 1\n");
}

Test(standing, a_refused_follow_waits_for_a_view_and_is_tried_again)
{
    (void)joined_make(NULL);
    say_marks(0, FRAME_MOVED, 0, (struct mark[]){{3, 1, 15}}, 1);
    cr_assert_eq(view_count, 1);
    cr_assert_str_eq(turn(), "", "not at once");
    now_ms += 100;
    cr_assert_str_eq(turn(), "A FOLLOW 0: 3@1:15\n");
    say_marks(0, FRAME_REPLY, last_follow_id, (struct mark[]){{3, 1, 15}}, 1);
    cr_assert_eq(view_count, 2);
    now_ms += 100;
    cr_assert_str_eq(turn(), "A FOLLOW 0: 3@1:15\n");
}

Test(standing, a_snapshot_that_breaks_begins_anew)
{
    client_standing_link_up(standing, &nodes[0].link);
    route_all(0);
    struct grid_subscribe_options options = {.keep = GRID_KEEP_NOTHING};
    (void)subscribe_with(&options, one);
    (void)turn();
    say_progress(0, 0, marks, PARTITIONS);
    say_subscribed(0, 1);
    say_milestone(0, FRAME_READY, 1, marks, 1);
    say_event(0, FRAME_ROW, 1, 2, 5, "\1", "\2");
    client_standing_link_down(standing, &nodes[0].link);
    client_standing_link_up(standing, &nodes[0].link);
    route_all(0);
    (void)turn();
    say_subscribed(0, 1);
    cr_assert_str_eq(turn(),
                     "A FOLLOW 1: 1@nowhere 2@nowhere 3@nowhere\n"
                     "A FOLLOW 0: 0@1:10 1@1:11 2@1:12 3@1:13\n",
                     "its own FOLLOW first");
    say_marks(0, FRAME_REPLY, last_own_id, NULL, 0);
    say_marks(0, FRAME_REPLY, last_follow_id, NULL, 0);
    (void)told();
    say_milestone(0, FRAME_RESET, 1, &marks[1], 3);
    say_event(0, FRAME_ROW, 1, 2, 6, "\1", "\3");
    say_milestone(0, FRAME_READY, 1, NULL, 0);
    cr_assert_str_eq(told(),
                     "one RESET 2\n"
                     "one ROW 2/6 key 1 new 3 old -1 cause 0\n"
                     "one READY\n",
                     "only where something was told there is something to forget");
}

Test(standing, a_batch_moves_the_position_as_a_whole)
{
    (void)joined_make(NULL);
    struct buffer out = {0};
    size_t mark = batch_begin(&out);
    struct event event = event_of(FRAME_ENTER, 1, 1, 20, "\1", "\2");
    event_encode(&out, &event);
    event = event_of(FRAME_ENTER, 1, 1, 21, "\2", "\2");
    event_encode(&out, &event);
    progress_encode(&out, 0, (struct mark[]){{1, 1, 30}}, 1);
    batch_end(&out, mark);
    say(0, &out);
    client_standing_link_down(standing, &nodes[0].link);
    client_standing_link_up(standing, &nodes[0].link);
    client_standing_route(standing, 1, &nodes[0].link);
    (void)turn();
    say_subscribed(0, 1);
    cr_assert_str_eq(turn(), "A FOLLOW 0: 1@1:30\n");
}

// ---- Resets ----

Test(standing, a_reset_is_told_as_a_difference_to_whom_keeps_rows)
{
    struct grid_subscribe_options options = {.keep = GRID_KEEP_VALUES};
    struct grid_subscription *subscription = joined_make(&options);
    say_event(0, FRAME_ENTER, 1, 0, 11, "\1", "\1"); // stays
    say_event(0, FRAME_ENTER, 1, 0, 12, "\2", "\2"); // will change
    say_event(0, FRAME_ENTER, 1, 0, 13, "\3", "\3"); // will leave
    say_event(0, FRAME_ENTER, 1, 0, 14, "\4", "\4"); // will leave, and come back meanwhile
    say_event(0, FRAME_ENTER, 1, 1, 15, "\5", "\5"); // of another partition
    (void)told();
    say_milestone(0, FRAME_RESET, 0, (struct mark[]){{0, 1, 50}}, 1);
    (void)turn();
    cr_assert_eq(grid_subscription_state(subscription), GRID_SUBSCRIPTION_RESETTING);
    say_event(0, FRAME_ROW, 1, 0, 11, "\1", "\1");
    say_event(0, FRAME_ROW, 1, 0, 40, "\2", "\7");
    say_event(0, FRAME_ENTER, 1, 0, 51, "\4", "\6");
    say_event(0, FRAME_ROW, 1, 0, 41, "\6", "\6");
    say_milestone(0, FRAME_READY, 0, (struct mark[]){{0, 1, 50}}, 1);
    cr_assert_str_eq(told(), "one UPDATE 0/40 key 2 new 7 old 2 cause 0\n"
                             "one UPDATE 0/51 key 4 new 6 old 4 cause 1\n"
                             "one ENTER 0/41 key 6 new 6 old -1 cause 0\n"
                             "one LEAVE 0/51 key 3 new -1 old 3 cause 0\n");
    cr_assert_eq(grid_result_count(subscription), 5);
    cr_assert_eq(grid_subscription_state(subscription), GRID_SUBSCRIPTION_LIVE);
}

Test(standing, a_reset_is_told_as_such_to_whom_keeps_nothing)
{
    struct grid_subscribe_options options = {.keep = GRID_KEEP_NOTHING};
    (void)joined_make(&options);
    say_milestone(0, FRAME_RESET, 0, (struct mark[]){{0, 1, 50}}, 1);
    say_event(0, FRAME_ROW, 1, 0, 11, "\1", "\1");
    say_milestone(0, FRAME_READY, 0, (struct mark[]){{0, 1, 50}}, 1);
    cr_assert_str_eq(told(), "one RESET 0\none ROW 0/11 key 1 new 1 old -1 cause 0\n");
}

Test(standing, a_reset_that_breaks_is_asked_for_again)
{
    (void)joined_make(NULL);
    say_milestone(0, FRAME_RESET, 0, (struct mark[]){{0, 1, 50}}, 1);
    client_standing_link_down(standing, &nodes[0].link);
    client_standing_link_up(standing, &nodes[0].link);
    client_standing_route(standing, 0, &nodes[0].link);
    (void)turn();
    say_subscribed(0, 1);
    cr_assert_str_eq(turn(), "A FOLLOW 0: 0@nowhere\n");
}

// ---- Refusals and ends ----

Test(standing, a_query_that_is_refused_ends_it)
{
    client_standing_link_up(standing, &nodes[0].link);
    route_all(0);
    struct grid_subscription *subscription = subscribe_with(NULL, one);
    (void)turn();
    say_error(0, client_id_of(CLIENT_SUBSCRIBE, 1), ERROR_QUERY, "line 1");
    cr_assert_str_eq(told(), "one QUERY line 1\n");
    cr_assert_eq(grid_subscription_state(subscription), GRID_SUBSCRIPTION_ENDED);
    client_standing_unsubscribe(subscription);
    cr_assert_eq(client_standing_count(standing), 0);
}

Test(standing, a_refusal_that_may_pass_is_tried_again)
{
    client_standing_link_up(standing, &nodes[0].link);
    route_all(0);
    (void)subscribe_with(NULL, one);
    (void)turn();
    say_error(0, client_id_of(CLIENT_SUBSCRIBE, 1), ERROR_NO_QUORUM, "later");
    cr_assert_str_eq(turn(), "");
    now_ms += 100;
    cr_assert_str_eq(turn(), "A SUBSCRIBE 1 SNAPSHOT\n");
    cr_assert_str_eq(told(), "");
}

Test(standing, who_is_refused_where_the_others_go_on_goes_on_by_itself)
{
    (void)joined_make(NULL);
    client_standing_link_up(standing, &nodes[1].link);
    (void)turn();
    say_error(1, client_id_of(CLIENT_SUBSCRIBE, 1), ERROR_OVERLOADED, "full");
    (void)subscribe_with(&(struct grid_subscribe_options){.start = GRID_START_LATEST}, two);
    cr_assert_str_eq(turn(), "A SUBSCRIBE 2 LATEST\nB SUBSCRIBE 2 NONE\n");
    say_subscribed(0, 2);
    say_subscribed(1, 2);
    client_standing_route(standing, 3, &nodes[1].link);
    cr_assert_str_eq(turn(), "B SUBSCRIBE 1 NONE\n", "once more, now that it matters");
    say_error(1, client_id_of(CLIENT_SUBSCRIBE, 1), ERROR_OVERLOADED, "full");
    cr_assert_str_eq(turn(), "B FOLLOW 0: 3@1:13\nB SUBSCRIBE 1 NONE\nB FOLLOW 1: 3@1:13\n");
}

Test(standing, what_is_registered_nowhere_in_time_ends)
{
    (void)subscribe_with(NULL, one);
    (void)turn();
    now_ms += 5000;
    (void)turn();
    cr_assert_str_eq(told(), "one TIMEOUT no node has registered the subscription in time\n");
}

Test(standing, a_number_is_used_again_when_no_event_of_it_may_come)
{
    struct grid_subscription *subscription = joined_make(NULL);
    client_standing_unsubscribe(subscription);
    (void)subscribe_with(NULL, two);
    cr_assert_str_eq(turn(), "A UNSUBSCRIBE 1\nA SUBSCRIBE 2 SNAPSHOT\n");
    say_event(0, FRAME_ENTER, 1, 0, 11, "\1", "\2");
    cr_assert_str_eq(told(), "");
    say_marks(0, FRAME_REPLY, client_id_of(CLIENT_UNSUBSCRIBE, 1), NULL, 0);
    (void)subscribe_with(NULL, one);
    cr_assert_str_eq(turn(), "A SUBSCRIBE 1 SNAPSHOT\n");
}

static struct grid_subscription *leaving; // ends in its own callback

static void on_enter_leave(void *context, const struct grid_event *event)
{
    on_enter(context, event);
    client_standing_unsubscribe(leaving);
}

Test(standing, may_be_released_in_its_own_callback)
{
    struct grid_listener leaver = listener;
    leaver.enter = on_enter_leave;
    client_standing_link_up(standing, &nodes[0].link);
    route_all(0);
    leaving = client_standing_subscribe(standing, "q", NULL, &leaver, one, now_ms);
    (void)turn();
    say_progress(0, 0, marks, PARTITIONS);
    say_subscribed(0, 1);
    say_event(0, FRAME_ENTER, 1, 0, 11, "\1", "\2");
    say_event(0, FRAME_ENTER, 1, 0, 12, "\1", "\2");
    cr_assert_str_eq(told(), "one ENTER 0/11 key 1 new 2 old -1 cause 1\n");
    cr_assert_str_eq(turn(), "A UNSUBSCRIBE 1\n");
}

Test(standing, a_subscription_that_is_not_ours_ends_the_connection)
{
    struct buffer out = {0};
    (void)joined_make(NULL);
    struct event event = event_of(FRAME_ENTER, 9, 0, 11, "\1", "\2");
    event_encode(&out, &event);
    cr_assert_str_eq(say_frame(0, &out), "the node spoke of a subscription that was not made");
}

// ---- States ----

Test(standing, a_partition_that_nobody_feeds_for_long_is_lost)
{
    struct grid_listener stateful = {.state = on_state};
    client_standing_link_up(standing, &nodes[0].link);
    route_all(0);
    (void)client_standing_subscribe(standing, "q", NULL, &stateful, one, now_ms);
    (void)turn();
    say_progress(0, 0, marks, PARTITIONS);
    say_subscribed(0, 1);
    say_milestone(0, FRAME_READY, 1, NULL, 0);
    (void)turn();
    say_progress(0, 7, NULL, 0);
    (void)turn();
    say_progress(0, 0, NULL, 0);
    say_marks(0, FRAME_MOVED, 0, (struct mark[]){{3, 1, 13}}, 1);
    client_standing_route(standing, 3, NULL);
    (void)turn();
    now_ms += 500;
    (void)turn();
    cr_assert_str_eq(told(), "one is LIVE, behind 0\none is CATCHING_UP, behind 7\n"
                             "one is LIVE, behind 0\none is LOST, behind 0\n");
}

// ---- Tokens ----

static struct grid_bytes token_of(struct grid_subscription *subscription)
{
    struct grid_bytes token;
    cr_assert_eq(grid_subscription_token(subscription, &token), GRID_OK);
    return token;
}

// What becomes of a token in another client.
static const char *resume(struct grid_bytes token, const char *query)
{
    struct grid_subscribe_options options = {.start = GRID_START_AFTER, .token = token};
    struct client_standing *first = standing;
    static char copy[sizeof asked];
    client_standing_link_down(first, &nodes[0].link);
    standing = standing_make();
    client_standing_set_grid(standing, GRID_ID, PARTITIONS);
    client_standing_link_up(standing, &nodes[0].link);
    route_all(0);
    cr_assert_not_null(
        client_standing_subscribe(standing, query, &options, &listener, two, now_ms));
    (void)turn();
    (void)turn();
    memcpy(copy, asked, sizeof copy);
    client_standing_free(standing);
    standing = first;
    return copy;
}

Test(standing, a_token_goes_on_where_the_subscription_stood)
{
    struct grid_subscription *subscription = joined_make(NULL);
    say_event(0, FRAME_ENTER, 1, 2, 17, "\1", "\2");
    (void)told();
    char copy[200];
    struct grid_bytes token = token_of(subscription);
    cr_assert_lt(token.size, sizeof copy);
    memcpy(copy, token.data, token.size);
    token.data = copy;
    struct grid_subscribe_options options = {.start = GRID_START_AFTER, .token = token};
    teardown();
    memset(nodes, 0, sizeof nodes);
    setup();
    client_standing_link_up(standing, &nodes[0].link);
    route_all(0);
    (void)subscribe_with(&options, one);
    cr_assert_str_eq(turn(), "A SUBSCRIBE 1 NONE\n");
    say_subscribed(0, 1);
    cr_assert_str_eq(turn(), "A FOLLOW 1: 0@1:10 1@1:11 2@1:17 3@1:13\n"
                             "A FOLLOW 0: 0@now 1@now 2@now 3@now\n");
}

Test(standing, a_bad_token_is_refused_with_its_reason)
{
    struct grid_subscription *subscription = joined_make(NULL);
    char token[200];
    struct grid_bytes good = token_of(subscription);
    const struct {
        size_t cut;
        size_t flip;
        const char *query;
        const char *expected;
    } rows[] = {
        {1, 0, "SELECT * FROM m",
         "two INVALID_ARGUMENT the token is cut off, damaged or forged: its checksum is wrong\n"},
        {good.size, 0, "SELECT * FROM m", "two INVALID_ARGUMENT the token is empty\n"},
        {good.size - 2, 0, "SELECT * FROM m", "two INVALID_ARGUMENT the token is cut off\n"},
        {0, 20, "SELECT * FROM m",
         "two INVALID_ARGUMENT the token is cut off, damaged or forged: its checksum is wrong\n"},
        {0, 0, "SELECT * FROM n", "two INVALID_ARGUMENT the token is of another query\n"},
    };
    size_t size = good.size;
    cr_assert_lt(size, sizeof token);
    memcpy(token, good.data, size);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        token[rows[i].flip] ^= rows[i].flip ? 1 : 0;
        (void)resume((struct grid_bytes){token, size - rows[i].cut}, rows[i].query);
        cr_assert_str_eq(told(), rows[i].expected);
        token[rows[i].flip] ^= rows[i].flip ? 1 : 0;
    }
    token[0] = 9;
    (void)resume((struct grid_bytes){token, size}, "SELECT * FROM m");
    cr_assert_str_eq(told(),
                     "two INVALID_ARGUMENT the token is of another version, or none at all\n");
}

Test(standing, options_that_contradict_each_other_are_refused)
{
    const struct grid_subscribe_options rows[] = {
        {.start = GRID_START_AFTER},
        {.token = {"x", 1}},
        {.start = GRID_START_LATEST, .keep = GRID_KEEP_KEYS},
        {.keep = GRID_KEEP_VALUES, .content = GRID_CONTENT_KEYS},
        {.keep = GRID_KEEP_KEYS, .kinds = GRID_KIND_ENTER},
        {.kinds = 8},
        {.causes = 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_null(subscribe_with(&rows[i], one), "row %zu", i);
}
