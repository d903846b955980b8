// SPDX-License-Identifier: Apache-2.0
#include "bench/lane.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SCRATCH_BYTES = 4096 };

// A RESP server's end of one connection, driven by the test itself.
struct fixture {
    struct settings settings;
    struct destinations destinations;
    struct destination destination;
    struct lane lane;
    int listener;
    int peer;
    unsigned replies;
    uint64_t indexes[8]; // of the operations that were answered
    enum reply_status statuses[8];
};

static void fixture_init(struct fixture *fixture)
{
    *fixture = (struct fixture){.settings = {.protocol = PROTOCOL_RESP, .map = "m", .depth = 1}};
    fixture->destinations =
        (struct destinations){.group_count = 1, .groups = &fixture->destination};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_bytes = sizeof address;
    char reason[REASON_BYTES] = "";
    fixture->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fixture->listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(fixture->listener, 1), 0);
    cr_assert_eq(getsockname(fixture->listener, (struct sockaddr *)&address, &address_bytes), 0);
    snprintf(fixture->destination.host, sizeof fixture->destination.host, "127.0.0.1");
    fixture->destination.port = ntohs(address.sin_port);
    cr_assert(lane_open(&fixture->lane, &fixture->settings, &fixture->destinations, 0, reason),
              "%s", reason);
    fixture->peer = accept(fixture->listener, NULL, NULL);
    cr_assert_geq(fixture->peer, 0);
}

static void fixture_deinit(struct fixture *fixture)
{
    lane_close(&fixture->lane);
    close(fixture->peer);
    close(fixture->listener);
}

static void submit(struct fixture *fixture, uint64_t index)
{
    struct operation operation = {.index = index};
    struct request request = {.kind = REQUEST_GET};
    key_of_index(index, request.key);
    lane_submit(&fixture->lane, &operation, &request);
}

static void note(void *context, struct lane *lane, const struct slot *slot,
                 const struct driver_reply *reply)
{
    struct fixture *fixture = context;
    cr_assert_eq(lane, &fixture->lane);
    fixture->indexes[fixture->replies] = slot->operation.index;
    fixture->statuses[fixture->replies++] = reply->status;
}

// The peer says `text`; the lane reads once.
static bool answer(struct fixture *fixture, const char *text, char *reason)
{
    uint8_t scratch[SCRATCH_BYTES];
    cr_assert_eq(write(fixture->peer, text, strlen(text)), (ssize_t)strlen(text));
    struct pollfd ready = {.fd = fixture->lane.fd, .events = POLLIN};
    cr_assert_eq(poll(&ready, 1, 5000), 1);
    return lane_read(&fixture->lane, scratch, sizeof scratch, note, fixture, reason);
}

Test(lane, requests_are_written_at_once_and_answered_in_order)
{
    struct fixture fixture;
    char reason[REASON_BYTES] = "";
    char wire[256];
    fixture_init(&fixture);
    for (uint64_t i = 0; i < 3; i++)
        submit(&fixture, i);
    cr_assert(lane_flush(&fixture.lane, reason));
    cr_assert_eq(recv(fixture.peer, wire, sizeof wire, 0), 3 * 36);
    cr_assert(answer(&fixture, "$1\r\nx\r\n$-1\r\n$1\r\ny\r\n", reason), "%s", reason);
    cr_assert_eq(fixture.replies, 3);
    cr_assert_eq(fixture.indexes[0], 0);
    cr_assert_eq(fixture.indexes[1], 1);
    cr_assert_eq(fixture.indexes[2], 2);
    cr_assert_eq(fixture.statuses[1], REPLY_MISSING);
    cr_assert_eq(fixture.lane.in_flight, 0);
    fixture_deinit(&fixture);
}

Test(lane, a_reply_may_come_in_pieces)
{
    struct fixture fixture;
    char reason[REASON_BYTES] = "";
    fixture_init(&fixture);
    submit(&fixture, 1);
    submit(&fixture, 2);
    cr_assert(lane_flush(&fixture.lane, reason));
    static const char *const pieces[] = {"$1", "0\r\n01234", "56789\r", "\n$-", "1\r\n"};
    static const unsigned replies[] = {0, 0, 0, 1, 2};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        cr_assert(answer(&fixture, pieces[i], reason), "%s", reason);
        cr_assert_eq(fixture.replies, replies[i], "after piece %zu", i);
    }
    fixture_deinit(&fixture);
}

Test(lane, slots_are_used_again_up_to_the_depth)
{
    struct fixture fixture;
    char reason[REASON_BYTES] = "";
    fixture_init(&fixture);
    for (uint64_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < fixture.lane.depth; i++)
            submit(&fixture, i);
        cr_assert_not(lane_has_room(&fixture.lane));
        cr_assert(lane_flush(&fixture.lane, reason));
        for (uint32_t i = 0; i < fixture.lane.depth; i++) {
            fixture.replies = 0;
            cr_assert(answer(&fixture, "$-1\r\n", reason), "%s", reason);
            cr_assert_eq(fixture.indexes[0], i);
        }
    }
    fixture_deinit(&fixture);
}

Test(lane, unasked_and_malformed_answers_and_a_closed_peer_are_errors)
{
    struct fixture fixture;
    char reason[REASON_BYTES] = "";
    uint8_t scratch[SCRATCH_BYTES];
    fixture_init(&fixture);
    cr_assert_not(answer(&fixture, "+OK\r\n", reason));
    cr_assert_str_eq(reason, "the server answered what was not asked");
    submit(&fixture, 1);
    cr_assert_not(answer(&fixture, "hello\r\n", reason));
    cr_assert_str_eq(reason, "the server's answer is malformed");
    cr_assert_eq(shutdown(fixture.peer, SHUT_WR), 0);
    struct pollfd ready = {.fd = fixture.lane.fd, .events = POLLIN};
    cr_assert_eq(poll(&ready, 1, 5000), 1);
    cr_assert_not(lane_read(&fixture.lane, scratch, sizeof scratch, note, &fixture, reason));
    cr_assert_str_eq(reason, "the server closed a connection");
    fixture_deinit(&fixture);
}
