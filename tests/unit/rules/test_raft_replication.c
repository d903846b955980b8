// SPDX-License-Identifier: Apache-2.0
#include "tests/support/raft_desk.h"

#include <criterion/criterion.h>

static const char *accepted(struct raft_desk *desk, uint64_t from, uint64_t index)
{
    return desk_reply(desk, RAFT_APPEND_REPLY, from, true, index);
}

static const char *refused(struct raft_desk *desk, uint64_t from, uint64_t hint)
{
    return desk_reply(desk, RAFT_APPEND_REPLY, from, false, hint);
}

// Leader of term 2 whose no-op, entry 2, is committed, and whom all follow.
static struct raft_desk *desk_settled(const char *servers, uint32_t log_entries_max)
{
    struct raft_desk *desk = desk_new(1, servers, log_entries_max);
    desk_elect(desk);
    const struct raft_configuration *configuration = raft_configuration(desk->raft);
    for (uint32_t i = 0; i < configuration->count; i++)
        accepted(desk, configuration->servers[i].id, 2);
    cr_assert(raft_is_settled(desk->raft));
    return desk;
}

Test(raft_leader, commits_entries_of_older_terms_through_its_no_op_only)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2 2", 1);
    desk_elect(desk); // entry 4 is the no-op of term 3
    cr_assert_str_eq(accepted(desk, 2, 3), "append>2 term 3 prev 3/2 +1 commit 1; ");
    cr_assert_str_eq(accepted(desk, 3, 3), "append>3 term 3 prev 3/2 +1 commit 1; ");
    cr_assert_eq(raft_commit_index(desk->raft), 1);
    cr_assert_str_eq(accepted(desk, 3, 4),
                     "apply 2/2; apply 3/2; apply 4/3; append>2 term 3 prev 4/3 +0 commit 4; "
                     "append>3 term 3 prev 4/3 +0 commit 4; ");
    desk_free(desk);
}

Test(raft_leader, commits_what_a_majority_has)
{
    struct raft_desk *desk = desk_settled("1 2 3 4 5", 100);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(desk_propose(desk), ERROR_NONE); // 3 to 6
    accepted(desk, 2, 6);
    cr_assert_eq(raft_commit_index(desk->raft), 2);
    accepted(desk, 3, 4);
    cr_assert_eq(raft_commit_index(desk->raft), 4);
    accepted(desk, 4, 3);
    cr_assert_eq(raft_commit_index(desk->raft), 4);
    accepted(desk, 5, 5);
    cr_assert_eq(raft_commit_index(desk->raft), 5);
    desk_free(desk);
}

Test(raft_leader, learner_is_not_counted)
{
    struct raft_desk *desk = desk_settled("1 2 3 4L", 100);
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    accepted(desk, 4, 3);
    cr_assert_eq(raft_commit_index(desk->raft), 2);
    cr_assert_eq(raft_match_index(desk->raft, 4), 3);
    accepted(desk, 2, 3);
    cr_assert_eq(raft_commit_index(desk->raft), 3);
    desk_free(desk);
}

Test(raft_leader, sends_entries_as_they_come)
{
    struct raft_desk *desk = desk_settled("1 2 3", 100);
    desk_said(desk);
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    cr_assert_str_eq(
        desk_said(desk),
        "append>2 term 2 prev 2/2 +1 commit 2; append>3 term 2 prev 2/2 +1 commit 2; "
        "append>2 term 2 prev 3/2 +1 commit 2; append>3 term 2 prev 3/2 +1 commit 2; ");
    desk_free(desk);
}

Test(raft_leader, what_was_lost_shows_at_the_next_heartbeat)
{
    struct raft_desk *desk = desk_settled("1 2", 100);
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    desk_said(desk);
    desk_wait(desk, DESK_HEARTBEAT_MS);
    cr_assert_str_eq(desk_said(desk), "append>2 term 2 prev 4/2 +0 commit 2; ");
    cr_assert_str_eq(refused(desk, 2, 2), "append>2 term 2 prev 2/2 +2 commit 2; ");
    cr_assert_str_eq(refused(desk, 2, 2), "");
    // While it probes, it waits.
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    cr_assert_str_eq(desk_said(desk), "");
    cr_assert_str_eq(accepted(desk, 2, 4),
                     "apply 3/2; apply 4/2; append>2 term 2 prev 4/2 +1 commit 4; ");
    desk_free(desk);
}

// The follower's conflicting term began before what is known to be shared.
Test(raft_leader, hint_below_what_matches_is_no_reason_to_stop)
{
    struct raft_desk *desk = desk_settled("1 2 3", 100);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(desk_propose(desk), ERROR_NONE); // 3 to 5
    accepted(desk, 2, 3);
    desk_said(desk);
    cr_assert_str_eq(refused(desk, 2, 1), "append>2 term 2 prev 3/2 +2 commit 3; ");
    desk_free(desk);
}

Test(raft_leader, finds_where_a_longer_log_differs)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 4, 1, 1, "2 4 4", 1);
    desk_elect(desk); // entry 5, term 5
    cr_assert_str_eq(refused(desk, 2, 3), "append>2 term 5 prev 3/4 +2 commit 1; ");
    cr_assert_str_eq(refused(desk, 2, 1), "append>2 term 5 prev 1/1 +4 commit 1; ");
    cr_assert_str_eq(refused(desk, 2, 3), "");
    desk_free(desk);
}

Test(raft_leader, keeps_a_window_of_entries_under_way)
{
    enum { WINDOW = 256 };
    struct raft_desk *desk = desk_settled("1 2", 1000);
    for (uint32_t i = 0; i < WINDOW + 10; i++) {
        desk_said(desk);
        cr_assert_eq(desk_propose(desk), ERROR_NONE);
        cr_assert_eq(*desk_said(desk) != '\0', i < WINDOW);
    }
    cr_assert(strstr(accepted(desk, 2, 7), "; append>2 term 2 prev 258/2 +5 commit 7; ") != NULL);
    desk_free(desk);
}

Test(raft_leader, refuses_proposals_when_too_many_are_uncommitted)
{
    enum { UNCOMMITTED_MAX = 1024 };
    struct raft_desk *desk = desk_settled("1 2", 1000);
    for (uint32_t i = 0; i < UNCOMMITTED_MAX; i++) {
        cr_assert_eq(desk_propose(desk), ERROR_NONE);
        desk_said(desk);
    }
    cr_assert_eq(desk_propose(desk), ERROR_OVERLOADED);
    accepted(desk, 2, 3);
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    desk_free(desk);
}

Test(raft_leader, message_is_bounded_by_bytes)
{
    struct raft_desk *desk = desk_settled("1 2", 100);
    static const uint8_t data[600 * 1024];
    uint64_t index;
    refused(desk, 2, 2);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(raft_propose(desk->raft, bytes_of(data, sizeof data), desk->now_ms, &index),
                     ERROR_NONE);
    desk_said(desk);
    cr_assert_str_eq(refused(desk, 2, 2), "append>2 term 2 prev 2/2 +1 commit 2; ");
    desk_free(desk);
}

Test(raft_leader, store_that_fails_ends_its_leadership)
{
    struct raft_desk *desk = desk_settled("1 2", 100);
    desk_said(desk);
    desk->store_fails = true;
    cr_assert_eq(desk_propose(desk), ERROR_NO_QUORUM);
    cr_assert_eq(raft_role(desk->raft), RAFT_FOLLOWER);
    cr_assert_eq(raft_last_index(desk->raft), 2);
    cr_assert_str_eq(desk_said(desk), "");
    cr_assert_gt(raft_deadline_ms(desk->raft), desk->now_ms);
    cr_assert_eq(desk_propose(desk), ERROR_NO_QUORUM);
    desk_free(desk);
}

Test(raft_leader, candidate_that_cannot_store_its_no_op_does_not_lead)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_wait(desk, 2 * DESK_ELECTION_MS);
    desk_reply(desk, RAFT_PRE_VOTE_REPLY, 2, true, 0);
    desk->store_fails = true;
    cr_assert_str_eq(desk_reply(desk, RAFT_VOTE_REPLY, 2, true, 0), "");
    cr_assert_eq(raft_role(desk->raft), RAFT_FOLLOWER);
    desk_free(desk);
}

Test(raft_leader, later_term_ends_its_leadership)
{
    struct raft_desk *desk = desk_settled("1 2 3", 100);
    desk_begin(desk, RAFT_APPEND_REPLY, 3, 7);
    desk_receive(desk);
    cr_assert_eq(raft_role(desk->raft), RAFT_FOLLOWER);
    cr_assert_eq(raft_term(desk->raft), 7);
    desk_free(desk);
}

Test(raft_leader, replies_that_are_old_strange_or_too_high_change_nothing)
{
    struct raft_desk *desk = desk_settled("1 2 3", 100);
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    desk_said(desk);
    cr_expect_str_eq(accepted(desk, 9, 3), "");
    cr_expect_str_eq(accepted(desk, 2, 4), "");
    struct raft_message *reply = desk_begin(desk, RAFT_APPEND_REPLY, 2, 1);
    reply->granted = true;
    reply->index = 3;
    cr_expect_str_eq(desk_receive_said(desk), "");
    accepted(desk, 2, 3);
    cr_assert_eq(raft_commit_index(desk->raft), 3);
    accepted(desk, 2, 2);
    cr_expect_eq(raft_match_index(desk->raft, 2), 3);
    desk_free(desk);
}

// Leader with entries up to 8, the last of them uncommitted, and a snapshot of those up to 6.
static struct raft_desk *desk_with_snapshot(void)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 4);
    desk_elect(desk);
    for (uint64_t index = 2; index <= 7; index++) {
        accepted(desk, 2, index);
        cr_assert_eq(desk_propose(desk), ERROR_NONE);
    }
    desk_said(desk);
    return desk;
}

Test(raft_leader, sends_a_snapshot_where_the_log_does_not_reach)
{
    struct raft_desk *desk = desk_with_snapshot();
    cr_assert_str_eq(refused(desk, 3, 0), "install>3 term 2 of 6/2; ");
    // Until it answers it gets heartbeats only, and its refusals mean no more than that it lives.
    cr_assert_str_eq(refused(desk, 3, 0), "");
    desk_wait(desk, DESK_HEARTBEAT_MS);
    cr_assert_str_eq(desk_said(desk), "append>2 term 2 prev 8/2 +0 commit 7; "
                                      "append>3 term 2 prev 6/2 +0 commit 7; ");
    cr_assert_str_eq(desk_reply(desk, RAFT_INSTALL_REPLY, 3, true, 6),
                     "append>3 term 2 prev 6/2 +2 commit 7; ");
    desk_free(desk);
}

Test(raft_leader, snapshot_that_was_lost_is_sent_again)
{
    struct raft_desk *desk = desk_with_snapshot();
    refused(desk, 3, 0);
    for (uint32_t waited_ms = DESK_HEARTBEAT_MS; waited_ms < DESK_ELECTION_MS;
         waited_ms += DESK_HEARTBEAT_MS) {
        desk_wait(desk, DESK_HEARTBEAT_MS);
        accepted(desk, 2, 8);
        cr_assert(strstr(desk_said(desk), "install") == NULL);
    }
    desk_wait(desk, DESK_HEARTBEAT_MS);
    cr_assert(strstr(desk_said(desk), "install>3 term 2 of 6/2; ") != NULL);
    desk_free(desk);
}

Test(raft_leader, snapshot_overtaken_by_compaction_is_followed_by_the_next)
{
    struct raft_desk *desk = desk_with_snapshot();
    refused(desk, 3, 0);
    for (uint64_t index = 8; index <= 12; index++) {
        accepted(desk, 2, index);
        cr_assert_eq(desk_propose(desk), ERROR_NONE);
    }
    desk_said(desk);
    cr_assert_str_eq(desk_reply(desk, RAFT_INSTALL_REPLY, 3, true, 6),
                     "install>3 term 2 of 10/2; ");
    desk_free(desk);
}

Test(raft_leader, lone_voter_commits_at_once)
{
    struct raft_desk *desk = desk_new(1, "1", 100);
    desk_wait(desk, 0);
    desk_said(desk);
    cr_assert_eq(desk_propose(desk), ERROR_NONE);
    cr_assert_str_eq(desk_said(desk), "apply 3/2; ");
    desk_free(desk);
}
