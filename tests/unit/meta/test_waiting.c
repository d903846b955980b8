// SPDX-License-Identifier: Apache-2.0
#include "node/meta/waiting.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    STEP_MS = 50,
};

// One node that seeks, and what it said last.
struct waiter {
    struct member *member;
    uint64_t now_ms;
    uint32_t said_count;
    bool is_warning;
    char said[MEETING_TEXT_BYTES_MAX + 256];
};

static const struct member_address seeds[] = {{.host = "seed.example", .port = 7400},
                                              {.host = "10.0.0.2", .port = 7401}};

static void host_send_meeting(void *context, const struct member_address *to,
                              const struct meeting *message)
{
    (void)context;
    (void)to;
    (void)message;
}

static void host_say(void *context, bool is_warning, const char *text)
{
    struct waiter *waiter = context;
    waiter->said_count++;
    waiter->is_warning = is_warning;
    snprintf(waiter->said, sizeof waiter->said, "%s", text);
}

static void waiter_init(struct waiter *waiter, uint32_t bootstrap_expect)
{
    *waiter = (struct waiter){0};
    struct member_options options = {
        .self = {.id = 9, .name = "n9", .host = "h9", .port = 7409, .weight = 1},
        .grid_name = "g",
        .settings = {.partition_count = 8, .bootstrap_expect = bootstrap_expect},
        .seeds = seeds,
        .seed_count = 2,
        .voters_max = 5,
        .heartbeat_ms = 200,
        .lease_ms = 900,
        .suspect_ms = 1000,
        .remove_ms = 2000,
        .election_ms = 250,
        .drift_per_mille = 50,
        .clock_skew_max_ms = 1000,
        .seed = 1,
        .host = {.context = waiter, .send_meeting = host_send_meeting, .say = host_say}};
    waiter->member = member_new(&options, 0);
}

static void waiter_run(struct waiter *waiter, uint64_t until_ms)
{
    for (; waiter->now_ms <= until_ms; waiter->now_ms += STEP_MS)
        member_tick(waiter->member, waiter->now_ms, waiter->now_ms);
}

static void waiter_hear(struct waiter *waiter, uint64_t id, uint32_t bootstrap_expect)
{
    struct meeting message = {.kind = MEETING_SEEK,
                              .from = id,
                              .sender = {.id = id, .port = (uint16_t)(7400 + id), .weight = 1},
                              .settings = {.partition_count = 8,
                                           .bootstrap_expect = bootstrap_expect,
                                           .lease_ms = 900,
                                           .suspect_ms = 1000,
                                           .wall_ms = waiter->now_ms}};
    snprintf(message.sender.name, sizeof message.sender.name, "n%lu", id);
    snprintf(message.sender.host, sizeof message.sender.host, "h%lu", id);
    member_receive_meeting(waiter->member, &message, waiter->now_ms);
}

Test(waiting, a_node_that_nobody_answers_says_so_after_a_while_and_now_and_then)
{
    struct waiter waiter;
    waiter_init(&waiter, 3);
    waiter_run(&waiter, WAITING_FIRST_MS - STEP_MS);
    cr_expect_eq(waiter.said_count, 0);
    waiter_run(&waiter, WAITING_FIRST_MS + 500);
    cr_expect_eq(waiter.said_count, 1);
    cr_expect(waiter.is_warning);
    cr_expect_str_eq(waiter.said, "in no grid: no other node answers at the 2 seeds "
                                  "(seed.example:7400 ...); goes on trying");
    waiter_run(&waiter, WAITING_FIRST_MS + WAITING_AGAIN_MS - STEP_MS);
    cr_expect_eq(waiter.said_count, 1);
    waiter_run(&waiter, WAITING_FIRST_MS + WAITING_AGAIN_MS + 1000);
    cr_expect_eq(waiter.said_count, 2);
    member_free(waiter.member);
}

Test(waiting, too_few_founders_are_counted_and_named)
{
    struct waiter waiter;
    waiter_init(&waiter, 5);
    waiter_run(&waiter, WAITING_FIRST_MS - STEP_MS);
    waiter_hear(&waiter, 1, 5);
    waiter_hear(&waiter, 2, 3);
    waiter_hear(&waiter, 3, 5);
    waiter_run(&waiter, WAITING_FIRST_MS + 500);
    cr_expect_not(waiter.is_warning);
    cr_expect_str_eq(waiter.said,
                     "in no grid: 3 of bootstrap-expect = 5 nodes are there: this one, n1, n3; "
                     "with another bootstrap-expect or other settings: n2");
    member_free(waiter.member);
}

Test(waiting, a_node_that_is_not_to_found_names_those_that_wait_like_it)
{
    struct waiter waiter;
    waiter_init(&waiter, 0);
    waiter_run(&waiter, WAITING_FIRST_MS - STEP_MS);
    waiter_hear(&waiter, 1, 0);
    waiter_hear(&waiter, 2, 3);
    waiter_run(&waiter, WAITING_FIRST_MS + 500);
    cr_expect_str_eq(waiter.said, "in no grid: waits for one to join, and founds none, for "
                                  "bootstrap-expect is 0. In no grid either: n1, n2");
    member_free(waiter.member);
}

Test(waiting, a_grid_that_does_not_let_the_node_in_is_told)
{
    struct waiter waiter;
    waiter_init(&waiter, 0);
    waiter_run(&waiter, WAITING_FIRST_MS - STEP_MS);
    struct meeting welcome = {.kind = MEETING_WELCOME,
                              .from = 1,
                              .grid_id = 77,
                              .sender = {.id = 1, .name = "n1", .host = "h1", .port = 7401}};
    member_receive_meeting(waiter.member, &welcome, waiter.now_ms);
    waiter_run(&waiter, WAITING_FIRST_MS + 500);
    cr_expect(waiter.is_warning);
    cr_expect_str_eq(waiter.said,
                     "found a grid, and is not let in yet: most of its voters have to be running");
    member_free(waiter.member);
}

Test(waiting, as_many_names_are_shown_as_fit)
{
    struct waiter waiter;
    waiter_init(&waiter, 64);
    waiter_run(&waiter, WAITING_FIRST_MS - STEP_MS);
    for (uint64_t id = 1000000000000; id < 1000000000040; id++)
        waiter_hear(&waiter, id, 64);
    waiter_run(&waiter, WAITING_FIRST_MS + 500);
    cr_expect_not_null(strstr(waiter.said, "41 of bootstrap-expect = 64 nodes are there: this one, "
                                           "n1000000000000, "));
    cr_expect_lt(strlen(waiter.said), 400);
    member_free(waiter.member);
}
