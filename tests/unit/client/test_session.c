// SPDX-License-Identifier: Apache-2.0
#include "client/core.h"
#include "cluster/wire/view_codec.h"
#include "tests/unit/client/fake_grid.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

static struct fake_grid fake;
static struct grid *grid;

// A client of its own base, in which the fake nodes run as well.
static void grid_start(struct grid_options options, const char *seeds)
{
    options.seeds = seeds;
    grid = grid_new(&options, NULL);
    cr_assert_not_null(grid);
    fake_start(&fake, grid->base);
}

static void teardown(void)
{
    fake_deinit(&fake);
    grid_free(grid);
}

TestSuite(session, .fini = teardown);

Test(session, connects_to_every_worker_of_every_member)
{
    fake_init(&fake, 3, 2);
    grid_start((struct grid_options){0}, fake_seed(&fake, 1));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    cr_assert_str_eq(grid_error_text(grid), "");
    for (uint32_t node = 0; node < 3; node++) {
        for (uint16_t worker = 0; worker < 2; worker++)
            cr_assert_not_null(fake_peer_of(&fake.nodes[node], worker));
    }
    cr_assert_eq(grid_partition_count(grid), FAKE_PARTITIONS);
    cr_assert_eq(grid_member_count(grid), 3);
    struct grid_member member;
    cr_assert(grid_member_get(grid, 2, &member));
    cr_assert_str_eq(member.name, "n3");
    cr_assert_str_eq(member.host, "127.0.0.1");
    cr_assert_eq(member.port, fake.nodes[2].port);
    cr_assert(member.connected);
    cr_assert_eq(member.worker_count, 2);
    cr_assert_eq(member.primary_count, 2); // partitions 2 and 5
    cr_assert_eq(member.backup_count, 0);
    cr_assert_not(grid_member_get(grid, 3, &member));
}

Test(session, keys_and_partitions_are_located)
{
    fake_init(&fake, 3, 1);
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    struct grid_location location;
    struct grid_bytes key = {"\xa3us1", 4};
    cr_assert_eq(grid_locate_key(grid, key, &location), GRID_DISCONNECTED, "no view yet");
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    cr_assert_eq(grid_locate_key(grid, key, &location), GRID_OK);
    cr_assert_eq(location.partition, 0x36c % FAKE_PARTITIONS); // docs/protocol.md
    cr_assert_eq(location.replica_count, 1);
    cr_assert_eq(location.members[0], 0x36c % FAKE_PARTITIONS % 3);
    cr_assert_eq(grid_locate_partition(grid, FAKE_PARTITIONS, &location), GRID_INVALID_ARGUMENT);
    key.size = 3;
    cr_assert_eq(grid_locate_key(grid, key, &location), GRID_MALFORMED_KEY);
}

Test(session, a_dead_seed_is_passed_over)
{
    fake_init(&fake, 2, 1);
    fake_disconnect(&fake.nodes[0], true);
    char seeds[80];
    snprintf(seeds, sizeof seeds, "127.0.0.1:%u,127.0.0.1:%u", fake.nodes[0].port,
             fake.nodes[1].port);
    grid_start((struct grid_options){0}, seeds);
    // The dead member has had its chance; the other one answers.
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    struct grid_member member;
    cr_assert(grid_member_get(grid, 0, &member));
    cr_assert_not(member.connected);
    cr_assert(grid_member_get(grid, 1, &member));
    cr_assert(member.connected);
}

Test(session, nobody_there_is_said_with_the_reason)
{
    fake_init(&fake, 1, 1);
    fake_disconnect(&fake.nodes[0], true);
    fake.node_count = 0;
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    char expected[80];
    snprintf(expected, sizeof expected, "127.0.0.1:%u: Connection refused", fake.nodes[0].port);
    cr_assert_eq(grid_connect(grid, 50), GRID_DISCONNECTED);
    cr_assert_str_eq(grid_error_text(grid), expected);
}

Test(session, another_grid_is_refused_at_once)
{
    fake_init(&fake, 1, 1);
    grid_start((struct grid_options){.grid_name = "other"}, fake_seed(&fake, 0));
    cr_assert_eq(grid_connect(grid, 60000), GRID_WRONG_GRID);
    cr_assert_not_null(strstr(grid_error_text(grid), "this is another grid"));
}

Test(session, the_right_grid_is_accepted)
{
    fake_init(&fake, 1, 1);
    grid_start((struct grid_options){.grid_name = "test"}, fake_seed(&fake, 0));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
}

static bool hello_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    const char *answer = context;
    struct buffer out = {0};
    if (frame->header.kind != FRAME_HELLO)
        return false;
    struct hello_reply reply = {.version = 1,
                                .node = bytes_of_text("n1"),
                                .grid = bytes_of_text("test"),
                                .worker_count = 1,
                                .partition_count = FAKE_PARTITIONS};
    uint32_t id = frame->header.request_id;
    if (strcmp(answer, "version") == 0) {
        reply.version = 2;
        hello_reply_encode(&out, id, &reply);
    } else if (strcmp(answer, "id") == 0) {
        hello_reply_encode(&out, id + 1, &reply);
    } else if (strcmp(answer, "body") == 0) {
        request_encode_empty(&out, FRAME_REPLY, id);
    } else if (strcmp(answer, "kind") == 0) {
        request_encode_empty(&out, FRAME_PING, id);
    } else if (strcmp(answer, "reserved") == 0) {
        hello_reply_encode(&out, id, &reply);
        out.data[15] = 1;
    } else if (strcmp(answer, "size") == 0) {
        hello_reply_encode(&out, id, &reply);
        out.data[3] = 0x7f;
    } else if (strcmp(answer, "close") == 0) {
        fake_disconnect(peer->node, false);
    } else if (strcmp(answer, "refusal") == 0) {
        request_encode_empty(&out, FRAME_ERROR, id);
    }
    fake_send(peer, &out);
    buffer_deinit(&out);
    return true;
}

Test(session, a_bad_answer_to_hello_closes_the_connection_and_is_told)
{
    static const char *const rows[][2] = {
        {"version", "the node chose a protocol version that was not offered"},
        {"id", "the node answered something else before HELLO"},
        {"body", "the node's answer to HELLO is malformed"},
        {"kind", "the node's answer to HELLO is malformed"},
        {"reserved", "the node sent a malformed frame header"},
        {"size", "the node sent a frame over the size limit"},
        {"close", "the node closed the connection"},
        {"refusal", "the node refused HELLO with a malformed error"},
        {"silence", "no answer to HELLO in time"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fake_init(&fake, 1, 1);
        fake.hook = hello_hook;
        fake.hook_context = (void *)(uintptr_t)rows[i][0];
        grid_start((struct grid_options){.connect_timeout_ms = 20}, fake_seed(&fake, 0));
        cr_assert_eq(grid_connect(grid, 100), GRID_DISCONNECTED);
        cr_assert_not_null(strstr(grid_error_text(grid), rows[i][1]), "%s: %s", rows[i][0],
                           grid_error_text(grid));
        teardown();
        grid = NULL;
    }
    fake_init(&fake, 1, 1);
}

static bool view_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    uint32_t *count = context;
    if (frame->header.kind != FRAME_VIEW || ++*count > 1)
        return false;
    struct buffer out = {0};
    request_encode_empty(&out, FRAME_REPLY, frame->header.request_id);
    fake_send(peer, &out);
    buffer_deinit(&out);
    return true;
}

Test(session, a_malformed_view_is_asked_for_again)
{
    uint32_t count = 0;
    fake_init(&fake, 1, 1);
    fake.hook = view_hook;
    fake.hook_context = &count;
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    cr_assert_eq(count, 2);
}

static bool is_connected(void *context)
{
    (void)context;
    struct grid_member member;
    return grid_member_get(grid, 0, &member) && member.connected;
}

static bool is_disconnected(void *context)
{
    return !is_connected(context);
}

Test(session, a_lost_node_is_connected_again)
{
    fake_init(&fake, 1, 2);
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    fake_disconnect(&fake.nodes[0], true);
    fake_wait(&fake, is_disconnected, NULL);
    fake_restart(&fake.nodes[0]);
    fake_wait(&fake, is_connected, NULL);
}

Test(session, a_node_that_comes_back_with_other_workers_gets_as_many_links)
{
    static const uint16_t counts[] = {3, 1};
    fake_init(&fake, 1, 2);
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        fake_disconnect(&fake.nodes[0], true);
        fake_wait(&fake, is_disconnected, NULL);
        fake.nodes[0].worker_count = counts[i];
        fake_restart(&fake.nodes[0]);
        fake_wait(&fake, is_connected, NULL);
        struct grid_member member;
        while (grid_member_get(grid, 0, &member) && member.worker_count != counts[i])
            event_base_loop(grid->base, EVLOOP_ONCE);
    }
}

Test(session, a_node_of_another_number_of_partitions_is_not_spoken_to)
{
    fake_init(&fake, 1, 1);
    fake.partition_count_told = FAKE_PARTITIONS + 1;
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    cr_assert_eq(grid_connect(grid, 100), GRID_DISCONNECTED);
    cr_assert_not_null(strstr(grid_error_text(grid), "number of partitions"), "%s",
                       grid_error_text(grid));
}

// ---- Views ----

static uint64_t view_version(void)
{
    struct grid_view view;
    return grid_view_get(grid, &view) ? view.version : 0;
}

static bool version_is(void *context)
{
    return view_version() == *(uint64_t *)context;
}

static void wait_version(uint64_t version)
{
    fake_wait(&fake, version_is, &version);
}

static void on_get(void *context, const struct grid_reply *reply)
{
    uint32_t *count = context;
    cr_assert_eq(reply->error, GRID_OK);
    ++*count;
}

// Reads something of which the partition does not matter.
static void get(void)
{
    uint32_t count = 0;
    struct grid_request request = {.op = GRID_GET, .map = "m", .key = {"\1", 1}};
    cr_assert_eq(grid_submit(grid, &request, on_get, &count), GRID_OK);
    fake_wait_count(&fake, &count, 1);
}

Test(session, an_answer_under_another_view_brings_it)
{
    fake_init(&fake, 2, 1);
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    cr_assert_eq(view_version(), 1);
    fake.view.version = 2;
    get();
    wait_version(2);
}

Test(session, a_node_that_has_a_newer_view_says_so_with_hello)
{
    fake_init(&fake, 2, 1);
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    fake.view.version = 2;
    fake_disconnect(&fake.nodes[0], false);
    wait_version(2);
}

// The first node has fallen behind: its own view, of another version.
static bool behind_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    struct view old = peer->node->fake->view;
    old.version = *(uint64_t *)context;
    if (frame->header.kind != FRAME_VIEW || peer->node->number != 0)
        return false;
    peer->node->view_count++;
    struct buffer out = {0};
    view_encode(&out, frame->header.request_id, &old);
    fake_send(peer, &out);
    buffer_deinit(&out);
    return true;
}

Test(session, an_older_view_never_replaces_a_newer_one)
{
    uint64_t old_version = 5;
    fake_init(&fake, 2, 1);
    fake.view.version = 9;
    grid_start((struct grid_options){0}, fake_seed(&fake, 1));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    fake.hook = behind_hook;
    fake.hook_context = &old_version;
    uint32_t views = fake.nodes[0].view_count;
    while (fake.nodes[0].view_count == views) {
        client_view_want(grid, 0, client_topology_link(&grid->topology, 0));
        get();
        cr_assert_eq(view_version(), 9);
    }
    get();
    cr_assert_eq(view_version(), 9);
    fake.view.version = 10;
    get();
    wait_version(10);
}

Test(session, for_a_mere_difference_the_view_is_not_asked_for_all_the_time)
{
    uint64_t old_version = 1;
    fake_init(&fake, 1, 1);
    fake.hook = behind_hook;
    fake.hook_context = &old_version;
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    fake.view.version = 2; // as its answers say, but it never has it to give
    uint32_t views = fake.nodes[0].view_count;
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < 500; i++)
        get();
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint32_t elapsed_ms =
        (uint32_t)((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000);
    cr_assert_leq(fake.nodes[0].view_count - views, 2 + elapsed_ms / 90);
    cr_assert_eq(view_version(), 1);
}

static bool id_is(void *context)
{
    struct grid_member member;
    return grid_member_get(grid, 0, &member) && member.connected &&
           member.id == *(uint64_t *)context;
}

Test(session, a_node_that_was_started_again_is_another_member)
{
    fake_init(&fake, 2, 1);
    grid_start((struct grid_options){0}, fake_seed(&fake, 1));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    uint64_t old = fake_id(&fake.nodes[0]);
    fake_disconnect(&fake.nodes[0], true);
    fake_wait(&fake, is_disconnected, NULL);
    fake_reincarnate(&fake.nodes[0]);
    fake_restart(&fake.nodes[0]);
    uint64_t id = fake_id(&fake.nodes[0]);
    cr_assert_neq(id, old);
    fake_wait(&fake, id_is, &id); // HELLO tells, and brings the view
}

static bool second_is_left(void *context)
{
    (void)context;
    return fake_peer_of(&fake.nodes[1], 0) == NULL;
}

Test(session, a_member_that_is_gone_leaves_an_empty_place)
{
    fake_init(&fake, 3, 1);
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    for (uint32_t partition = 1; partition < FAKE_PARTITIONS; partition += 3)
        fake_move(&fake, partition, 2);
    fake_remove(&fake.nodes[1]);
    get();
    wait_version(fake.view.version);
    struct grid_member member;
    cr_assert_eq(grid_member_count(grid), 3);
    cr_assert(grid_member_get(grid, 0, &member));
    cr_assert_not(grid_member_get(grid, 1, &member));
    cr_assert(grid_member_get(grid, 2, &member));
    cr_assert_eq(member.primary_count, 5);
    fake_wait(&fake, second_is_left, NULL);
}

Test(session, all_that_the_view_says_can_be_read)
{
    fake_init(&fake, 3, 1);
    struct view_partition *second = &fake.view.partitions[1];
    *second = (struct view_partition){.epoch = 4,
                                      .version = 1,
                                      .replicas = {1, 2, 0},
                                      .replica_count = 3,
                                      .in_sync_count = 2,
                                      .handover = 2};
    struct view_member *last = &fake.view.members[2];
    snprintf(last->zone, sizeof last->zone, "east");
    last->weight = 7;
    last->is_voter = true;
    last->state = MEMBER_LEAVING;
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    struct grid_view view;
    struct grid_partition partition;
    cr_assert_not(grid_view_get(grid, &view));
    cr_assert_not(grid_partition_get(grid, 1, &partition));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    cr_assert(grid_view_get(grid, &view));
    cr_assert_eq(view.grid_id, 77);
    cr_assert_eq(view.version, 1);
    cr_assert_eq(view.partition_count, FAKE_PARTITIONS);
    cr_assert_eq(view.replica_count, 1);
    cr_assert_eq(view.min_in_sync, 1);
    cr_assert(grid_partition_get(grid, 1, &partition));
    cr_assert_eq(partition.epoch, 4);
    cr_assert_eq(partition.version, 1);
    cr_assert_eq(partition.replica_count, 3);
    cr_assert_eq(partition.in_sync_count, 2);
    cr_assert_eq(partition.handover, 2);
    cr_assert_eq(partition.members[0], 1);
    cr_assert_eq(partition.members[2], 0);
    cr_assert_not(grid_partition_get(grid, FAKE_PARTITIONS, &partition));
    struct grid_member member;
    cr_assert(grid_member_get(grid, 2, &member));
    cr_assert_eq(member.id, 102);
    cr_assert_str_eq(member.zone, "east");
    cr_assert_eq(member.weight, 7);
    cr_assert_eq(member.state, GRID_MEMBER_LEAVING);
    cr_assert_eq(member.role, GRID_MEMBER_DATA);
    cr_assert(member.is_voter);
    cr_assert_eq(member.backup_count, 1);
}

// Both members are there, and neither gets a newer view any more; the seed does.
static bool minority_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    uint64_t old_version = FAKE_PARTITIONS + 1;
    (void)context;
    if (frame_is_operation(frame->header.kind)) {
        fake_send_error(peer, frame, ERROR_NO_QUORUM, "no majority");
        return true;
    }
    return behind_hook(&old_version, peer, frame);
}

Test(session, when_members_know_nothing_newer_for_long_the_seeds_are_asked)
{
    fake_init(&fake, 2, 1);
    grid_start((struct grid_options){.timeout_ms = 30000, .no_quorum_ms = 30000},
               fake_seed(&fake, 1));
    // The second one is not a member yet.
    fake.view.member_count = 1;
    for (uint32_t partition = 0; partition < FAKE_PARTITIONS; partition++)
        fake_move(&fake, partition, 0);
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    fake.hook = minority_hook;
    fake.view.member_count = 2;
    fake.view.version++;
    struct grid_request request = {.op = GRID_GET, .map = "m", .key = {"\1", 1}};
    uint32_t count = 0;
    cr_assert_eq(grid_submit(grid, &request, on_get, &count), GRID_OK);
    wait_version(fake.view.version);
    fake.hook = NULL;
    fake_wait_count(&fake, &count, 1);
}

// ---- Other grids, and none ----

static bool stranger_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    struct view other = peer->node->fake->view;
    if (frame->header.kind != FRAME_VIEW || peer->node->number != 0)
        return false;
    ++*(uint32_t *)context;
    other.grid_id++;
    other.version += 100;
    struct buffer out = {0};
    view_encode(&out, frame->header.request_id, &other);
    fake_send(peer, &out);
    buffer_deinit(&out);
    return true;
}

Test(session, a_view_of_another_grid_is_refused_while_members_of_ours_are_there)
{
    uint32_t asked = 0;
    fake_init(&fake, 2, 1);
    grid_start((struct grid_options){0}, fake_seed(&fake, 1));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    fake.hook = stranger_hook;
    fake.hook_context = &asked;
    client_view_want(grid, 0, client_topology_link(&grid->topology, 0));
    fake_wait_count(&fake, &asked, 1);
    fake_wait(&fake, is_disconnected, NULL);
    struct client_link *link = client_topology_link(&grid->topology, 0);
    cr_assert_eq(link->failure_error, ERROR_WRONG_GRID);
    cr_assert_not_null(strstr(link->failure, "another grid"));
    struct grid_view view;
    cr_assert(grid_view_get(grid, &view));
    cr_assert_eq(view.grid_id, 77);
}

Test(session, another_grid_in_the_place_of_a_dead_one_is_accepted)
{
    fake_init(&fake, 2, 1);
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    for (int i = 0; i < 2; i++)
        fake_disconnect(&fake.nodes[i], true);
    fake_wait(&fake, is_disconnected, NULL);
    for (int i = 0; i < 2; i++) {
        fake_reincarnate(&fake.nodes[i]);
        fake_restart(&fake.nodes[i]);
    }
    fake.view.grid_id = 78;
    fake.view.version = 1;
    uint64_t id = fake_id(&fake.nodes[0]);
    fake_wait(&fake, id_is, &id);
    struct grid_view view;
    cr_assert(grid_view_get(grid, &view));
    cr_assert_eq(view.grid_id, 78);
    get();
}

static bool homeless_hook(void *context, struct fake_peer *peer, const struct frame *frame)
{
    if (frame->header.kind != FRAME_HELLO || peer->node->number != 0)
        return false;
    ++*(uint32_t *)context;
    struct hello_reply reply = {.version = 1,
                                .node = bytes_of_text("n1"),
                                .grid = bytes_of_text("test"),
                                .incarnation = 100,
                                .worker_count = 1};
    struct buffer out = {0};
    hello_reply_encode(&out, frame->header.request_id, &reply);
    fake_send(peer, &out);
    buffer_deinit(&out);
    return true;
}

Test(session, a_seed_that_is_in_no_grid_yet_is_passed_over)
{
    uint32_t greeted = 0;
    fake_init(&fake, 2, 1);
    for (uint32_t partition = 0; partition < FAKE_PARTITIONS; partition++)
        fake_move(&fake, partition, 1);
    fake_remove(&fake.nodes[0]);
    fake.hook = homeless_hook;
    fake.hook_context = &greeted;
    char seeds[80];
    snprintf(seeds, sizeof seeds, "127.0.0.1:%u,127.0.0.1:%u", fake.nodes[0].port,
             fake.nodes[1].port);
    grid_start((struct grid_options){0}, seeds);
    cr_assert_eq(grid_connect(grid, 5000), GRID_OK);
    cr_assert_eq(greeted, 1);
}

Test(session, seeds_and_names_that_cannot_be_read_are_refused)
{
    struct grid_options options = {.seeds = "a:b"};
    fake_init(&fake, 1, 1);
    errno = 0;
    cr_assert_null(grid_new(&options, NULL));
    cr_assert_eq(errno, EINVAL);
    char name[65];
    snprintf(name, sizeof name, "%064d", 0);
    options = (struct grid_options){.client_name = name};
    cr_assert_null(grid_new(&options, NULL));
    options = (struct grid_options){.grid_name = name};
    cr_assert_null(grid_new(&options, NULL));
    grid_free(NULL);
}

Test(session, nothing_known_before_the_view)
{
    fake_init(&fake, 1, 1);
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    struct grid_member member;
    cr_assert_eq(grid_partition_count(grid), 0);
    cr_assert_eq(grid_member_count(grid), 0);
    cr_assert_not(grid_member_get(grid, 0, &member));
}

Test(session, running_ends_with_its_time)
{
    fake_init(&fake, 1, 1);
    grid_start((struct grid_options){0}, fake_seed(&fake, 0));
    cr_assert_eq(grid_run(grid, 0), 0);
    cr_assert_eq(grid_run(grid, 5), 0);
}
