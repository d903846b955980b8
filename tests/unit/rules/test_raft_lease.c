// SPDX-License-Identifier: Apache-2.0
#include "tests/support/raft_desk.h"

#include <criterion/criterion.h>

enum {
    // Of an answer to what was sent just now: the election time-out less the drift, and less one
    // millisecond that reading clocks may cost.
    LEASE_MS = (DESK_ELECTION_MS - 1) * 1000 / (1000 + DESK_DRIFT_PER_MILLE),
};

static const char *accepted(struct raft_desk *desk, uint64_t from, uint64_t index)
{
    return desk_reply(desk, RAFT_APPEND_REPLY, from, true, index);
}

// Leader of term 2 whose no-op, entry 2, is committed, and whom nobody but 2 has answered.
static struct raft_desk *desk_leading(const char *servers)
{
    struct raft_desk *desk = desk_new(1, servers, 100);
    desk_elect(desk);
    return desk;
}

Test(raft_lease, runs_from_when_what_a_majority_answered_was_sent)
{
    struct raft_desk *desk = desk_leading("1 2 3 4 5");
    uint64_t sent_ms = desk->now_ms;
    cr_assert_eq(raft_lease_until_ms(desk->raft), 0);
    desk->now_ms += 15;
    accepted(desk, 2, 2);
    cr_assert_eq(raft_lease_until_ms(desk->raft), 0);
    accepted(desk, 3, 2);
    cr_assert_eq(raft_lease_until_ms(desk->raft), sent_ms + LEASE_MS);
    desk_free(desk);
}

Test(raft_lease, old_answers_do_not_prolong_it)
{
    struct raft_desk *desk = desk_leading("1 2 3");
    uint64_t first_round = desk->round;
    accepted(desk, 2, 2);
    uint64_t until_ms = raft_lease_until_ms(desk->raft);
    desk_wait(desk, DESK_HEARTBEAT_MS);
    uint64_t second_round = desk->round;
    desk->round = first_round;
    accepted(desk, 2, 2);
    accepted(desk, 3, 2);
    cr_assert_eq(raft_lease_until_ms(desk->raft), until_ms);
    desk->round = second_round;
    accepted(desk, 3, 2);
    cr_assert_eq(raft_lease_until_ms(desk->raft), until_ms + DESK_HEARTBEAT_MS);
    // What comes out of order takes nothing back.
    desk->round = first_round;
    accepted(desk, 3, 2);
    cr_assert_eq(raft_lease_until_ms(desk->raft), until_ms + DESK_HEARTBEAT_MS);
    desk_free(desk);
}

Test(raft_lease, answer_to_what_was_never_sent_does_not_count)
{
    struct raft_desk *desk = desk_leading("1 2 3");
    desk->round += 1;
    accepted(desk, 2, 2);
    cr_assert_eq(raft_lease_until_ms(desk->raft), 0);
    desk_free(desk);
}

Test(raft_lease, refusal_counts_and_learner_does_not)
{
    struct raft_desk *desk = desk_leading("1 2 3 4L");
    accepted(desk, 4, 2);
    cr_assert_eq(raft_lease_until_ms(desk->raft), 0);
    desk_reply(desk, RAFT_APPEND_REPLY, 3, false, 0);
    cr_assert_gt(raft_lease_until_ms(desk->raft), desk->now_ms);
    desk_free(desk);
}

Test(raft_lease, is_the_leaders_alone)
{
    struct raft_desk *desk = desk_new(1, "1", 100);
    cr_assert_eq(raft_lease_until_ms(desk->raft), 0);
    desk_wait(desk, 0);
    cr_assert_eq(raft_lease_until_ms(desk->raft), UINT64_MAX);
    cr_assert_eq(desk_configure(desk, "1 2L"), ERROR_NONE);
    cr_assert_eq(raft_lease_until_ms(desk->raft), UINT64_MAX);
    desk_free(desk);
}

Test(raft_lease, leader_without_answers_steps_down)
{
    struct raft_desk *desk = desk_leading("1 2 3 4L");
    accepted(desk, 2, 2);
    uint64_t round = desk->round;
    for (uint32_t i = 0; i < DESK_ELECTION_MS / DESK_HEARTBEAT_MS - 1; i++) {
        desk_wait(desk, DESK_HEARTBEAT_MS);
        // Neither a learner nor an old answer makes a majority.
        accepted(desk, 4, 2);
        uint64_t newest = desk->round;
        desk->round = round;
        accepted(desk, 2, 2);
        desk->round = newest;
    }
    desk_wait(desk, DESK_HEARTBEAT_MS - 1);
    cr_assert_eq(raft_role(desk->raft), RAFT_LEADER);
    cr_assert_eq(raft_deadline_ms(desk->raft), desk->now_ms + 1);
    desk_wait(desk, 1);
    cr_assert_eq(raft_role(desk->raft), RAFT_FOLLOWER);
    cr_assert_eq(raft_leader(desk->raft), 0);
    cr_assert_eq(raft_lease_until_ms(desk->raft), 0);
    cr_assert_eq(desk_propose(desk), ERROR_NO_QUORUM);
    desk_free(desk);
}

Test(raft_lease, answers_in_time_keep_the_leader)
{
    struct raft_desk *desk = desk_leading("1 2 3");
    for (uint32_t i = 0; i < 50; i++) {
        accepted(desk, 2 + i % 2, 2);
        desk_wait(desk, DESK_HEARTBEAT_MS);
    }
    cr_assert_eq(raft_role(desk->raft), RAFT_LEADER);
    desk_free(desk);
}

// It sleeps longer than its lease and wakes up to answers that waited.
Test(raft_lease, sleeper_wakes_up_without_lease)
{
    struct raft_desk *desk = desk_leading("1 2 3");
    accepted(desk, 2, 2);
    desk->now_ms += 5 * DESK_ELECTION_MS;
    accepted(desk, 3, 2);
    cr_assert_lt(raft_lease_until_ms(desk->raft), desk->now_ms);
    desk_wait(desk, 0);
    cr_assert_eq(raft_role(desk->raft), RAFT_FOLLOWER);
    desk_free(desk);
}

// ---- Transfer ----

Test(raft_transfer, waits_until_the_target_has_everything)
{
    struct raft_desk *desk = desk_leading("1 2 3");
    accepted(desk, 2, 2);
    accepted(desk, 3, 2);
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    desk_said(desk);
    cr_assert_eq(raft_transfer(desk->raft, 3, desk->now_ms), ERROR_NONE);
    cr_assert_str_eq(desk_said(desk), "");
    cr_assert_eq(desk_propose(desk), ERROR_NO_QUORUM);
    cr_assert_eq(desk_configure(desk, "1 2"), ERROR_NO_QUORUM);
    cr_assert_eq(raft_transfer(desk->raft, 2, desk->now_ms), ERROR_NO_QUORUM);
    cr_assert_eq(raft_transfer(desk->raft, 3, desk->now_ms), ERROR_NONE);
    cr_assert_eq(raft_lease_until_ms(desk->raft), 0);
    accepted(desk, 2, 3);
    cr_assert_str_eq(accepted(desk, 3, 3), "timeout-now>3 term 2 last 3/2; ");
    desk_wait(desk, DESK_HEARTBEAT_MS);
    cr_assert(strstr(desk_said(desk), "timeout-now>3 term 2 last 3/2; ") != NULL);
    desk_free(desk);
}

Test(raft_transfer, goes_to_voters_only)
{
    struct raft_desk *desk = desk_leading("1 2 3 4L");
    cr_assert_eq(raft_transfer(desk->raft, 1, desk->now_ms), ERROR_INVALID_ARGUMENT);
    cr_assert_eq(raft_transfer(desk->raft, 4, desk->now_ms), ERROR_INVALID_ARGUMENT);
    cr_assert_eq(raft_transfer(desk->raft, 9, desk->now_ms), ERROR_INVALID_ARGUMENT);
    desk_free(desk);
    desk = desk_new(1, "1 2", 100);
    cr_assert_eq(raft_transfer(desk->raft, 2, desk->now_ms), ERROR_NO_QUORUM);
    desk_free(desk);
}

static void answered_wait(struct raft_desk *desk, uint32_t wait_ms, uint64_t from, uint64_t index)
{
    for (; wait_ms > 0; wait_ms -= DESK_HEARTBEAT_MS) {
        accepted(desk, from, index);
        desk_wait(desk, DESK_HEARTBEAT_MS);
    }
}

Test(raft_transfer, that_was_never_sent_is_given_up_without_trace)
{
    struct raft_desk *desk = desk_leading("1 2 3");
    cr_assert_eq(raft_transfer(desk->raft, 3, desk->now_ms), ERROR_NONE);
    answered_wait(desk, DESK_ELECTION_MS, 2, 2);
    cr_assert_eq(raft_last_index(desk->raft), 2);
    cr_assert_gt(raft_lease_until_ms(desk->raft), desk->now_ms);
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    desk_free(desk);
}

// The order to campaign may still be under way, and who lacks the entry appended since would vote
// for its target in spite of the lease.
Test(raft_transfer, given_up_it_takes_a_new_entry_to_have_a_lease)
{
    struct raft_desk *desk = desk_leading("1 2 3");
    accepted(desk, 3, 2);
    cr_assert_eq(raft_transfer(desk->raft, 3, desk->now_ms), ERROR_NONE);
    answered_wait(desk, DESK_ELECTION_MS, 2, 2);
    cr_assert_eq(raft_last_index(desk->raft), 3);
    accepted(desk, 2, 2);
    accepted(desk, 3, 2);
    cr_assert_eq(raft_lease_until_ms(desk->raft), 0);
    cr_assert_eq(raft_role(desk->raft), RAFT_LEADER);
    accepted(desk, 2, 3);
    cr_assert_gt(raft_lease_until_ms(desk->raft), desk->now_ms);
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    desk_free(desk);
}
