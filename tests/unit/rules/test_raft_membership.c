// SPDX-License-Identifier: Apache-2.0
#include "tests/support/raft_desk.h"

#include <criterion/criterion.h>

static const char *accepted(struct raft_desk *desk, uint64_t from, uint64_t index)
{
    return desk_reply(desk, RAFT_APPEND_REPLY, from, true, index);
}

// Leader of term 2 whose no-op, entry 2, is committed, and whom all follow.
static struct raft_desk *desk_settled(const char *servers)
{
    struct raft_desk *desk = desk_new(1, servers, 100);
    desk_elect(desk);
    const struct raft_configuration *configuration = raft_configuration(desk->raft);
    for (uint32_t i = 0; i < configuration->count; i++)
        accepted(desk, configuration->servers[i].id, 2);
    cr_assert(raft_is_settled(desk->raft));
    desk_said(desk);
    return desk;
}

Test(raft_membership, nothing_changes_before_the_own_no_op_is_committed)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    cr_assert_eq(desk_configure(desk, "1 2 3 4L"), ERROR_NO_QUORUM);
    desk_elect(desk);
    desk_reply(desk, RAFT_APPEND_REPLY, 2, false, 0); // all are alive
    desk_reply(desk, RAFT_APPEND_REPLY, 3, false, 0);
    cr_assert_eq(desk_configure(desk, "1 2 3 4L"), ERROR_OVERLOADED);
    accepted(desk, 2, 2);
    cr_assert_eq(desk_configure(desk, "1 2 3 4L"), ERROR_NONE);
    desk_free(desk);
}

Test(raft_membership, changes_one_server_at_a_time)
{
    static const struct {
        const char *from, *to;
        enum error error;
    } rows[] = {
        {"1 2 3", "1 2 3 4L", ERROR_NONE},
        {"1 2 3", "4L 3 2 1", ERROR_NONE},
        {"1 2 3", "1 2", ERROR_NONE},
        {"1 2 3", "2 3", ERROR_NONE},
        {"1 2 3 4L", "1 2 3 4", ERROR_NONE},
        {"1 2 3 4L", "1 2 3", ERROR_NONE},
        {"1 2 3", "1 2 3", ERROR_INVALID_ARGUMENT},
        {"1 2 3", "3 2 1", ERROR_INVALID_ARGUMENT},
        {"1 2 3", "1 2 3 4", ERROR_INVALID_ARGUMENT},
        {"1 2 3", "1 2 3L", ERROR_INVALID_ARGUMENT},
        {"1 2 3", "1", ERROR_INVALID_ARGUMENT},
        {"1 2 3", "1 2 4L", ERROR_INVALID_ARGUMENT},
        {"1 2 3", "1 2 3 4L 5L", ERROR_INVALID_ARGUMENT},
        {"1 2 3 4L 5L", "1 2 3 4 5", ERROR_INVALID_ARGUMENT},
        {"1 2 3 4L 5L", "1 2 3 4L 5L 6L", ERROR_INVALID_ARGUMENT},
        {"1 2 3", "", ERROR_INVALID_ARGUMENT},
        {"1 2 3", "1 2 3 3L", ERROR_INVALID_ARGUMENT},
        {"1", "2L", ERROR_INVALID_ARGUMENT},
        {"1 2 3 4 5 6 7 8L", "1 2 3 4 5 6 7 8", ERROR_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raft_desk *desk = desk_settled(rows[i].from);
        cr_expect_eq(desk_configure(desk, rows[i].to), rows[i].error, "%s -> %s", rows[i].from,
                     rows[i].to);
        desk_free(desk);
    }
}

Test(raft_membership, waits_for_the_change_before)
{
    struct raft_desk *desk = desk_settled("1 2 3");
    cr_assert_eq(desk_configure(desk, "1 2 3 4L"), ERROR_NONE);
    cr_assert_eq(desk_configure(desk, "1 2 3"), ERROR_OVERLOADED);
    accepted(desk, 2, 3);
    cr_assert_eq(desk_configure(desk, "1 2 3"), ERROR_NONE);
    desk_free(desk);
}

Test(raft_membership, takes_effect_when_it_is_appended)
{
    struct raft_desk *desk = desk_settled("1 2 3 4L");
    cr_assert_eq(desk_configure(desk, "1 2 3 4"), ERROR_NONE);
    accepted(desk, 2, 3);
    cr_assert_eq(raft_commit_index(desk->raft), 2); // two of four
    accepted(desk, 4, 3);
    cr_assert_eq(raft_commit_index(desk->raft), 3);
    desk_free(desk);
}

Test(raft_membership, new_server_is_sent_what_there_is)
{
    struct raft_desk *desk = desk_settled("1 2 3");
    cr_assert_eq(desk_configure(desk, "1 2 3 4L"), ERROR_NONE);
    cr_assert(strstr(desk_said(desk), "append>4 term 2 prev 3/2 +0 commit 2; ") != NULL);
    cr_assert_str_eq(desk_reply(desk, RAFT_APPEND_REPLY, 4, false, 0), "install>4 term 2 of 1/1; ");
    cr_assert_eq(desk->install_configuration.count, 3);
    cr_assert_str_eq(desk_reply(desk, RAFT_INSTALL_REPLY, 4, true, 1),
                     "append>4 term 2 prev 1/1 +2 commit 2; ");
    desk_free(desk);
}

Test(raft_membership, learner_that_lags_is_not_promoted)
{
    enum { LAG_MAX = 64 };
    struct raft_desk *desk = desk_settled("1 2 3 4L");
    for (uint64_t index = 3; index <= 3 + LAG_MAX; index++) {
        cr_assert_eq(desk_propose(desk), ERROR_NONE);
        accepted(desk, 2, index);
    }
    cr_assert_eq(desk_configure(desk, "1 2 3 4"), ERROR_OVERLOADED);
    accepted(desk, 4, 3);
    cr_assert_eq(desk_configure(desk, "1 2 3 4"), ERROR_NONE);
    desk_free(desk);
}

Test(raft_membership, learner_that_is_silent_is_not_promoted)
{
    struct raft_desk *desk = desk_settled("1 2 3 4L");
    for (uint32_t i = 0; i < 5; i++) {
        desk_wait(desk, DESK_HEARTBEAT_MS);
        accepted(desk, 2, 2);
    }
    desk_wait(desk, 1);
    cr_assert_eq(desk_configure(desk, "1 2 3 4"), ERROR_OVERLOADED);
    accepted(desk, 4, 2);
    cr_assert_eq(desk_configure(desk, "1 2 3 4"), ERROR_NONE);
    desk_free(desk);
}

// Two living of three, one dead: without the second the first could not commit that.
Test(raft_membership, change_that_nobody_could_commit_is_refused)
{
    struct raft_desk *desk = desk_settled("1 2 3");
    for (uint32_t i = 0; i < 6; i++) {
        desk_wait(desk, DESK_HEARTBEAT_MS);
        accepted(desk, 2, 2);
    }
    cr_assert_eq(desk_configure(desk, "1 3"), ERROR_OVERLOADED);
    cr_assert_eq(desk_configure(desk, "1 2"), ERROR_NONE);
    desk_free(desk);
}

Test(raft_membership, leader_that_removed_itself_goes_when_that_is_committed)
{
    struct raft_desk *desk = desk_settled("1 2 3");
    cr_assert_eq(desk_configure(desk, "2 3"), ERROR_NONE);
    desk_said(desk);
    accepted(desk, 2, 3);
    cr_assert_eq(raft_role(desk->raft), RAFT_LEADER); // its own copy is not counted
    cr_assert_str_eq(accepted(desk, 3, 3),
                     "apply 3/2; append>2 term 2 prev 3/2 +0 commit 3; "
                     "append>3 term 2 prev 3/2 +0 commit 3; timeout-now>2 term 2 last 3/2; ");
    cr_assert_eq(raft_role(desk->raft), RAFT_FOLLOWER);
    desk_wait(desk, 10 * DESK_ELECTION_MS);
    cr_assert_str_eq(desk_said(desk), "");
    desk_free(desk);
}

// It may be the only one who has the entry, and nobody else would be elected.
Test(raft_membership, removed_but_not_yet_committed_it_still_campaigns)
{
    struct raft_desk *desk = desk_settled("1 2");
    cr_assert_eq(desk_configure(desk, "2"), ERROR_NONE);
    desk_wait(desk, DESK_ELECTION_MS);
    cr_assert_eq(raft_role(desk->raft), RAFT_FOLLOWER);
    desk_said(desk);
    desk_wait(desk, 2 * DESK_ELECTION_MS);
    cr_assert_str_eq(desk_said(desk), "pre-vote>2 term 3 last 3/2; ");
    desk_reply(desk, RAFT_PRE_VOTE_REPLY, 2, true, 0);
    desk_reply(desk, RAFT_VOTE_REPLY, 2, true, 0);
    cr_assert_eq(raft_role(desk->raft), RAFT_LEADER);
    cr_assert_str_eq(accepted(desk, 2, 4),
                     "apply 3/2; apply 4/3; append>2 term 3 prev 4/3 +0 commit 4; "
                     "timeout-now>2 term 3 last 4/3; ");
    desk_free(desk);
}

Test(raft_membership, removing_the_other_of_two_is_done_at_once)
{
    struct raft_desk *desk = desk_settled("1 2");
    cr_assert_eq(desk_configure(desk, "1"), ERROR_NONE);
    cr_assert_eq(raft_commit_index(desk->raft), 3);
    cr_assert_eq(raft_lease_until_ms(desk->raft), UINT64_MAX);
    desk_free(desk);
}

Test(raft_membership, truncated_configuration_goes_back_to_the_one_before)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append_configuration(desk, 2, 2, 1, 1, "1 2 3 4L");
    desk_append_configuration(desk, 2, 2, 2, 2, "1 2 3 4");
    cr_assert_eq(raft_configuration(desk->raft)->count, 4);
    desk_append(desk, 3, 3, 2, 2, "3", 1);
    cr_assert_eq(raft_configuration(desk->raft)->count, 4);
    cr_assert_not(raft_configuration(desk->raft)->servers[3].is_voter);
    desk_append(desk, 2, 4, 1, 1, "4", 1);
    cr_assert_eq(raft_configuration(desk->raft)->count, 3);
    desk_free(desk);
}

Test(raft_membership, configuration_before_the_truncated_one_may_be_compacted)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 4);
    desk_append_configuration(desk, 2, 2, 1, 1, "1 2 3 4L");
    desk_append(desk, 2, 2, 2, 2, "2 2 2 2 2 2", 2);
    desk_append_configuration(desk, 2, 2, 8, 2, "1 2 3 4");
    desk_append(desk, 2, 2, 9, 2, "", 8); // applies 8, drops 7 and before
    cr_assert_eq(raft_last_index(desk->raft), 9);
    cr_assert(raft_configuration(desk->raft)->servers[3].is_voter);
    desk_append(desk, 3, 3, 8, 2, "3", 8);
    cr_assert_eq(raft_configuration(desk->raft)->count, 4);
    cr_assert_not(raft_configuration(desk->raft)->servers[3].is_voter);
    desk_free(desk);
}

// What is appended but not committed is no part of a snapshot.
Test(raft_membership, snapshot_has_the_configuration_of_its_own_index)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 4);
    desk_elect(desk);
    accepted(desk, 2, 2);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(desk_propose(desk), ERROR_NONE); // 3 to 5
    accepted(desk, 2, 5);
    cr_assert_eq(desk_propose(desk), ERROR_NONE); // 6
    cr_assert_eq(desk_configure(desk, "1 2 3 4L"), ERROR_NONE);
    accepted(desk, 2, 6); // a snapshot as of 6
    desk_reply(desk, RAFT_APPEND_REPLY, 4, false, 0);
    cr_assert_eq(desk->install_index, 6);
    cr_assert_eq(desk->install_configuration.count, 3);
    desk_free(desk);
}

Test(raft_membership, change_that_cannot_be_stored_ends_the_leadership)
{
    struct raft_desk *desk = desk_settled("1 2 3");
    desk->store_fails = true;
    cr_assert_eq(desk_configure(desk, "1 2"), ERROR_NO_QUORUM);
    cr_assert_eq(raft_role(desk->raft), RAFT_FOLLOWER);
    cr_assert_eq(raft_configuration(desk->raft)->count, 3);
    desk_free(desk);
}

// Between the two leaderships another leader removed the learner, whose log may be another by now.
Test(raft_membership, what_an_earlier_leadership_knew_of_a_server_does_not_come_back_with_it)
{
    struct raft_desk *desk = desk_settled("1 2 3 4L");
    cr_assert_eq(raft_match_index(desk->raft, 4), 2);
    desk_append_configuration(desk, 2, 3, 2, 2, "1 2 3");
    desk_append(desk, 2, 3, 3, 3, "3", 4);
    desk_wait(desk, 10 * DESK_ELECTION_MS);
    desk_elect(desk);
    accepted(desk, 2, raft_last_index(desk->raft));
    accepted(desk, 3, raft_last_index(desk->raft));
    cr_assert(raft_is_settled(desk->raft));
    cr_assert_eq(desk_configure(desk, "1 2 3 4L"), ERROR_NONE);
    cr_assert_eq(raft_match_index(desk->raft, 4), 0);
    desk_free(desk);
}
