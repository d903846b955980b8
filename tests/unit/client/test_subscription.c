// SPDX-License-Identifier: Apache-2.0
// Continuous queries over sockets: what sessions, views and the clock do for them. What becomes of
// frames is tested in test_standing.c.
#include "client/core.h"
#include "client/id.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/writer.h"
#include "tests/unit/client/fake_grid.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { NODES = 2, WORKERS = 2, LINKS = NODES * WORKERS };

static struct fake_grid fake;
static struct grid *grid;
static struct grid_subscription *subscription;

static struct { // what the listener was told
    uint32_t rows, readies, enters, ends;
    enum grid_error error;
    char text[200];
} heard;

static struct { // what nodes were asked
    uint32_t subscribes, follows, unsubscribes, explains;
    enum start start; // of the last SUBSCRIBE
    struct mark mark; // the first of the last FOLLOW 0
    uint32_t node_follows[NODES];
} asked;

static bool is_mute; // nodes do not answer SUBSCRIBE

static void on_row(void *context, const struct grid_event *event)
{
    (void)context;
    (void)event;
    heard.rows++;
}

static void on_enter(void *context, const struct grid_event *event)
{
    (void)context;
    (void)event;
    heard.enters++;
}

static void on_ready(void *context)
{
    (void)context;
    heard.readies++;
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    (void)context;
    heard.ends++;
    heard.error = error;
    snprintf(heard.text, sizeof heard.text, "%s", text);
}

static const struct grid_listener listener = {
    .row = on_row, .ready = on_ready, .enter = on_enter, .error = on_error};

// ---- Nodes that take every subscription and have no rows ----

static uint32_t marks_of(const struct fake_peer *peer, struct mark *marks)
{
    const struct fake_node *node = peer->node;
    uint32_t count = 0;
    for (uint16_t i = 0; i < FAKE_PARTITIONS; i++) {
        if (view_primary(&fake.view, i) == node->number && i % node->worker_count == peer->worker)
            marks[count++] = (struct mark){.partition = i, .epoch = 1, .seq = 100U + i};
    }
    return count;
}

static void subscribe_answer(struct fake_peer *peer, const struct frame *frame)
{
    struct mark marks[FAKE_PARTITIONS];
    struct subscribe subscribe;
    struct buffer out = {0};
    uint32_t count = marks_of(peer, marks);
    struct audience audience = {.subscription = frame->header.request_id};
    cr_assert_eq(subscribe_decode(frame->body, &subscribe), ERROR_NONE);
    asked.subscribes++;
    asked.start = subscribe.start;
    if (is_mute)
        return;
    if (subscribe.start != START_NONE)
        progress_encode(&out, 0, marks, count);
    subscribed_encode(&out, frame->header.request_id, count);
    if (subscribe.start == START_SNAPSHOT)
        milestone_encode(&out, FRAME_READY, &audience, NULL, 0);
    fake_send(peer, &out);
    buffer_deinit(&out);
}

static void follow_answer(struct fake_peer *peer, const struct frame *frame)
{
    struct follow follow;
    struct buffer out = {0};
    cr_assert_eq(follow_decode(frame->body, &follow), ERROR_NONE);
    asked.follows++;
    asked.node_follows[peer->node->number]++;
    if (follow.subscription == SUBSCRIPTIONS_JOINED)
        cr_assert(mark_next(&follow.marks, &asked.mark));
    marks_encode(&out, FRAME_REPLY, frame->header.request_id, NULL, 0);
    fake_send(peer, &out);
    buffer_deinit(&out);
}

static void explain_answer(struct fake_peer *peer, const struct frame *frame)
{
    struct buffer out = {0};
    struct buffer object = {0};
    asked.explains++;
    write_map(&object, 1);
    write_text(&object, "class");
    write_text(&object, "keyed");
    reply_encode_object(&out, frame->header.request_id, buffer_bytes(&object));
    fake_send(peer, &out);
    buffer_deinit(&object);
    buffer_deinit(&out);
}

static void subscriptions_answer(struct fake_peer *peer, const struct frame *frame)
{
    struct buffer out = {0};
    struct buffer object = {0};
    write_array(&object, 2);
    write_uint(&object, 1);
    write_array(&object, 1);
    write_map(&object, 1);
    write_text(&object, "worker");
    write_uint(&object, peer->worker);
    reply_encode_object(&out, frame->header.request_id, buffer_bytes(&object));
    fake_send(peer, &out);
    buffer_deinit(&object);
    buffer_deinit(&out);
}

static bool hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    (void)context;
    asked.unsubscribes += frame->header.kind == FRAME_UNSUBSCRIBE;
    switch (frame->header.kind) {
    case FRAME_SUBSCRIBE:
        subscribe_answer(peer, frame);
        return true;
    case FRAME_FOLLOW:
        follow_answer(peer, frame);
        return true;
    case FRAME_EXPLAIN:
        explain_answer(peer, frame);
        return true;
    case FRAME_SUBSCRIPTIONS:
        subscriptions_answer(peer, frame);
        return true;
    default:
        return false;
    }
}

// ---- Life ----

static void start(struct grid_options options)
{
    fake_init(&fake, NODES, WORKERS);
    fake.hook = hook;
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

static void subscribe_ready(void)
{
    subscription = grid_subscribe(grid, "SELECT * FROM m", NULL, &listener, NULL);
    cr_assert_not_null(subscription);
    fake_wait_count(&fake, &heard.readies, 1);
}

static void enter_say(uint32_t node, uint16_t partition, uint64_t seq)
{
    struct fake_peer *peer =
        fake_peer_of(&fake.nodes[node], partition % fake.nodes[node].worker_count);
    struct buffer out = {0};
    struct event event = {
        .kind = FRAME_ENTER,
        .partition = partition,
        .audience = {.subscription = client_id_of(CLIENT_SUBSCRIBE, 1)},
        .epoch = 1,
        .seq = seq,
        .time_us = 1,
        .cause = CAUSE_PUT,
        .key = bytes_of("\1", 1),
        .has_new = true,
        .new_value = bytes_of("\2", 1),
    };
    cr_assert_not_null(peer);
    event_encode(&out, &event);
    fake_send(peer, &out);
    buffer_deinit(&out);
}

// ---- What sessions do ----

Test(subscription, is_ready_when_every_worker_has_told_its_rows)
{
    subscribe_ready();
    cr_assert_eq(asked.subscribes, LINKS);
    cr_assert_eq(asked.start, START_SNAPSHOT);
    cr_assert_eq(grid_subscription_state(subscription), GRID_SUBSCRIPTION_LIVE);
    enter_say(1, 1, 102);
    fake_wait_count(&fake, &heard.enters, 1);
    grid_unsubscribe(subscription);
    fake_wait_count(&fake, &asked.unsubscribes, LINKS);
}

Test(subscription, goes_on_after_a_lost_connection)
{
    subscribe_ready();
    enter_say(1, 1, 123);
    fake_wait_count(&fake, &heard.enters, 1);
    fake_disconnect(&fake.nodes[1], false);
    fake_wait_count(&fake, &asked.follows, 1); // the other worker leads nothing
    fake_wait_count(&fake, &asked.subscribes, LINKS + WORKERS);
    cr_assert_eq(asked.start, START_NONE);
    cr_assert_eq(asked.mark.seq, asked.mark.partition == 1 ? 123 : 100U + asked.mark.partition);
    enter_say(1, 1, 124);
    fake_wait_count(&fake, &heard.enters, 2);
    cr_assert_eq(heard.ends, 0);
    cr_assert_eq(heard.readies, 1);
}

Test(subscription, follows_a_partition_to_its_new_primary)
{
    subscribe_ready();
    fake_move(&fake, 1, 0);
    struct fake_peer *peer = fake_peer_of(&fake.nodes[1], 1);
    struct buffer out = {0};
    marks_encode(&out, FRAME_MOVED, 0, (struct mark[]){{1, 1, 130}}, 1);
    fake_send(peer, &out);
    buffer_deinit(&out);
    fake_wait_count(&fake, &asked.node_follows[0], 1);
    cr_assert_eq(asked.mark.partition, 1);
    cr_assert_eq(asked.mark.seq, 130);
    enter_say(0, 1, 131);
    fake_wait_count(&fake, &heard.enters, 1);
}

Test(subscription, frames_that_break_the_rules_end_the_connection)
{
    subscribe_ready();
    struct fake_peer *peer = fake_peer_of(&fake.nodes[0], 0);
    struct buffer out = {0};
    struct frame_header header = {.kind = FRAME_READY, .request_id = 5};
    uint32_t before = fake.nodes[0].accept_count;
    frame_end(&out, frame_begin(&out, &header));
    fake_send(peer, &out);
    buffer_deinit(&out);
    fake_wait_count(&fake, &fake.nodes[0].accept_count, before + 1);
    fake_wait_count(&fake, &asked.follows, 1);
    cr_assert_eq(heard.ends, 0);
}

// ---- Time-outs ----

TestSuite(subscription_deadline, .fini = teardown);

Test(subscription_deadline, ends_it_when_members_cannot_be_reached)
{
    start((struct grid_options){.timeout_ms = 50});
    fake_disconnect(&fake.nodes[0], true);
    subscription = grid_subscribe(grid, "q", NULL, &listener, NULL);
    fake_wait_count(&fake, &heard.ends, 1);
    cr_assert_eq(heard.error, GRID_DISCONNECTED);
    cr_assert(strstr(heard.text, "127.0.0.1"), "it says who: %s", heard.text);
}

Test(subscription_deadline, ends_it_when_workers_do_not_answer)
{
    start((struct grid_options){.timeout_ms = 50});
    is_mute = true;
    subscription = grid_subscribe(grid, "q", NULL, &listener, NULL);
    fake_wait_count(&fake, &heard.ends, 1);
    cr_assert_eq(heard.error, GRID_TIMEOUT);
    grid_unsubscribe(subscription);
}

Test(subscription, a_node_that_does_not_say_how_far_it_is_is_given_up)
{
    subscribe_ready();
    uint32_t before = asked.subscribes;
    // As if the last PROGRESS had come long ago.
    for (uint32_t i = 0; i < grid->topology.link_count; i++) {
        struct client_link *link = client_topology_link(&grid->topology, i);
        link->standing.heard_ms = link->heard_ms = 1;
        link->silent_count = CLIENT_PROGRESS_MISSED_MAX - 1;
    }
    fake_wait_count(&fake, &asked.subscribes, before + LINKS);
    cr_assert_eq(heard.ends, 0);
}

Test(subscription, freeing_the_client_ends_it_without_a_callback)
{
    subscribe_ready();
    grid_free(grid);
    grid = NULL;
    cr_assert_eq(heard.ends, 0);
}

// ---- What nodes know ----

Test(subscription, a_query_is_explained_by_a_node_that_leads)
{
    struct grid_bytes explanation;
    cr_assert_eq(grid_explain(grid, "SELECT * FROM m", &explanation), GRID_OK);
    cr_assert_eq(asked.explains, 1);
    cr_assert_not_null(grid_value_field(explanation, "class").data);
}

static void subscription_count(void *context, struct grid_bytes map)
{
    uint32_t *count = context;
    cr_assert_not_null(grid_value_field(map, "worker").data);
    (*count)++;
}

Test(subscription, all_workers_list_their_subscriptions)
{
    uint32_t count = 0;
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    cr_assert_eq(grid_subscriptions(grid, 0, subscription_count, &count), GRID_OK);
    cr_assert_eq(count, LINKS);
}
