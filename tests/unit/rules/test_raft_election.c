// SPDX-License-Identifier: Apache-2.0
#include "tests/support/raft_desk.h"

#include <criterion/criterion.h>
#include <signal.h>

static void wait_for_deadline(struct raft_desk *desk)
{
    desk_wait(desk, raft_deadline_ms(desk->raft) - desk->now_ms);
}

Test(raft, asks_before_it_campaigns_and_begins_its_term_with_a_no_op)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    uint64_t deadline_ms = raft_deadline_ms(desk->raft);
    cr_assert_geq(deadline_ms, desk->now_ms + DESK_ELECTION_MS);
    cr_assert_lt(deadline_ms, desk->now_ms + 2 * DESK_ELECTION_MS);
    desk_wait(desk, deadline_ms - 1 - desk->now_ms);
    cr_assert_str_eq(desk_said(desk), "");
    desk_wait(desk, 1);
    cr_assert_str_eq(desk_said(desk), "pre-vote>2 term 2 last 1/1; pre-vote>3 term 2 last 1/1; ");
    cr_assert_eq(raft_term(desk->raft), 1);
    cr_assert_str_eq(desk_reply(desk, RAFT_PRE_VOTE_REPLY, 3, true, 0),
                     "vote>2 term 2 last 1/1; vote>3 term 2 last 1/1; ");
    cr_assert_str_eq(
        desk_reply(desk, RAFT_VOTE_REPLY, 2, true, 0),
        "append>2 term 2 prev 1/1 +1 commit 1; append>3 term 2 prev 1/1 +1 commit 1; ");
    cr_assert_eq(raft_role(desk->raft), RAFT_LEADER);
    cr_assert_not(raft_is_settled(desk->raft));
    cr_assert_str_eq(desk_reply(desk, RAFT_APPEND_REPLY, 2, true, 2),
                     "apply 2/2; append>2 term 2 prev 2/2 +0 commit 2; ");
    cr_assert(raft_is_settled(desk->raft));
    desk_free(desk);
}

Test(raft, lone_voter_leads_at_its_first_tick)
{
    struct raft_desk *desk = desk_new(1, "1", 100);
    desk_wait(desk, 0);
    cr_assert_str_eq(desk_said(desk), "apply 2/2; ");
    cr_assert(raft_is_settled(desk->raft));
    desk_free(desk);
}

Test(raft, whoever_heard_a_leader_helps_nobody_to_replace_it)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2", 1);
    desk_wait(desk, DESK_ELECTION_MS - 1);
    cr_assert_str_eq(desk_vote(desk, RAFT_PRE_VOTE, 3, 3, 9, 2), "pre-vote-reply>3 term 2 no; ");
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 3, 3, 9, 2), "");
    cr_assert_eq(raft_term(desk->raft), 2);
    desk->now_ms++;
    cr_assert_str_eq(desk_vote(desk, RAFT_PRE_VOTE, 3, 3, 9, 2), "pre-vote-reply>3 term 2 yes; ");
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 3, 3, 9, 2), "vote-reply>3 term 3 yes; ");
    desk_free(desk);
}

// A later term seen meanwhile does not end the lease of a leader that does not know of it.
Test(raft, having_heard_a_leader_outlasts_its_term)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2", 1);
    desk_begin(desk, RAFT_VOTE_REPLY, 3, 5);
    desk_receive(desk);
    cr_assert_eq(raft_term(desk->raft), 5);
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 3, 6, 9, 2), "");
    cr_assert_eq(raft_term(desk->raft), 5);
    desk_free(desk);
}

Test(raft, leader_is_not_disturbed_by_who_was_removed_and_not_told)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_elect(desk);
    cr_assert_str_eq(desk_vote(desk, RAFT_PRE_VOTE, 9, 7, 99, 6), "pre-vote-reply>9 term 2 no; ");
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 9, 7, 99, 6), "");
    cr_assert_eq(raft_role(desk->raft), RAFT_LEADER);
    desk_free(desk);
}

Test(raft, vote_of_a_transfer_is_granted_in_spite_of_the_leader)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2", 1);
    struct raft_message *vote = desk_begin(desk, RAFT_VOTE, 3, 3);
    vote->log_index = 2;
    vote->log_term = 2;
    vote->is_transfer = true;
    cr_assert_str_eq(desk_receive_said(desk), "vote-reply>3 term 3 yes; ");
    desk_free(desk);
}

Test(raft, votes_once_per_term)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 2, 2, 1, 1), "vote-reply>2 term 2 yes; ");
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 3, 2, 1, 1), "vote-reply>3 term 2 no; ");
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 2, 2, 1, 1), "vote-reply>2 term 2 yes; ");
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 3, 1, 1, 1), "vote-reply>3 term 2 no; ");
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 3, 3, 1, 1), "vote-reply>3 term 3 yes; ");
    desk_free(desk);
}

Test(raft, only_who_has_as_much_gets_the_vote)
{
    static const struct {
        uint64_t last_index, last_term;
        const char *vote;
    } rows[] = {
        {3, 2, "vote-reply>3 term 9 yes; "}, {4, 2, "vote-reply>3 term 9 yes; "},
        {2, 2, "vote-reply>3 term 9 no; "},  {9, 1, "vote-reply>3 term 9 no; "},
        {2, 3, "vote-reply>3 term 9 yes; "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raft_desk *desk = desk_new(1, "1 2 3", 100);
        desk_append(desk, 2, 2, 1, 1, "2 2", 1);
        desk->now_ms += DESK_ELECTION_MS;
        cr_expect_str_eq(desk_vote(desk, RAFT_VOTE, 3, 9, rows[i].last_index, rows[i].last_term),
                         rows[i].vote);
        desk_free(desk);
    }
}

// A leader alone adds a second voter and is cut off before the entry arrives there: that one must
// vote although it does not know that it is a voter.
Test(raft, votes_whatever_its_own_configuration_says)
{
    static const char *const configurations[] = {"", "1", "1 2L", "1 3 4"};
    for (size_t i = 0; i < sizeof configurations / sizeof configurations[0]; i++) {
        struct raft_desk *desk = desk_new(2, configurations[i], 100);
        cr_expect_str_eq(desk_vote(desk, RAFT_PRE_VOTE, 1, 3, 2, 2),
                         *configurations[i] ? "pre-vote-reply>1 term 1 yes; "
                                            : "pre-vote-reply>1 term 0 yes; ");
        cr_expect_str_eq(desk_vote(desk, RAFT_VOTE, 1, 3, 2, 2), "vote-reply>1 term 3 yes; ");
        desk_free(desk);
    }
}

Test(raft, server_with_the_longer_log_catches_up_with_the_others_term)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2 2", 1);
    wait_for_deadline(desk);
    cr_assert_str_eq(desk_said(desk), "pre-vote>2 term 3 last 3/2; pre-vote>3 term 3 last 3/2; ");
    desk_begin(desk, RAFT_PRE_VOTE_REPLY, 3, 9);
    desk_receive(desk);
    cr_assert_eq(raft_term(desk->raft), 9);
    wait_for_deadline(desk);
    cr_assert_str_eq(desk_said(desk), "pre-vote>2 term 10 last 3/2; pre-vote>3 term 10 last 3/2; ");
    desk_free(desk);
}

Test(raft, refused_pre_vote_tells_the_real_term)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 9, 1, 1, "9", 1);
    desk->now_ms += DESK_ELECTION_MS;
    cr_assert_str_eq(desk_vote(desk, RAFT_PRE_VOTE, 3, 3, 1, 1), "pre-vote-reply>3 term 9 no; ");
    cr_assert_str_eq(desk_vote(desk, RAFT_PRE_VOTE, 3, 9, 5, 9), "pre-vote-reply>3 term 9 no; ");
    cr_assert_str_eq(desk_vote(desk, RAFT_PRE_VOTE, 3, 10, 5, 9), "pre-vote-reply>3 term 9 yes; ");
    cr_assert_eq(raft_term(desk->raft), 9);
    desk_free(desk);
}

Test(raft, who_is_no_voter_never_campaigns)
{
    static const char *const configurations[] = {"", "2 3", "1L 2 3"};
    for (size_t i = 0; i < sizeof configurations / sizeof configurations[0]; i++) {
        struct raft_desk *desk = desk_new(1, configurations[i], 100);
        cr_expect_eq(raft_deadline_ms(desk->raft), UINT64_MAX);
        desk_wait(desk, 10 * DESK_ELECTION_MS);
        cr_expect_str_eq(desk_said(desk), "");
        desk_begin(desk, RAFT_TIMEOUT_NOW, 2, 1);
        cr_expect_str_eq(desk_receive_said(desk), "");
        desk_free(desk);
    }
}

Test(raft, leader_that_falls_silent_is_unknown_also_to_a_learner)
{
    struct raft_desk *desk = desk_new(1, "1L 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2", 1);
    cr_assert_eq(raft_leader(desk->raft), 2);
    wait_for_deadline(desk);
    cr_assert_eq(raft_leader(desk->raft), 0);
    cr_assert_eq(raft_deadline_ms(desk->raft), UINT64_MAX);
    desk_free(desk);
}

Test(raft, counts_each_voter_once_and_nobody_else)
{
    struct raft_desk *desk = desk_new(1, "1 2 3 4 5 6L", 100);
    wait_for_deadline(desk);
    for (uint32_t i = 0; i < 3; i++)
        desk_reply(desk, RAFT_PRE_VOTE_REPLY, 2, true, 0);
    desk_reply(desk, RAFT_PRE_VOTE_REPLY, 6, true, 0);
    desk_reply(desk, RAFT_PRE_VOTE_REPLY, 9, true, 0);
    desk_reply(desk, RAFT_PRE_VOTE_REPLY, 3, false, 0);
    cr_assert_eq(raft_role(desk->raft), RAFT_PRE_CANDIDATE);
    desk_reply(desk, RAFT_PRE_VOTE_REPLY, 4, true, 0);
    cr_assert_eq(raft_role(desk->raft), RAFT_CANDIDATE);
    // Pre-votes are no votes, and votes of the last term are none of this one.
    desk_reply(desk, RAFT_PRE_VOTE_REPLY, 3, true, 0);
    desk_begin(desk, RAFT_VOTE_REPLY, 3, 1)->granted = true;
    desk_receive(desk);
    desk_reply(desk, RAFT_VOTE_REPLY, 2, true, 0);
    cr_assert_eq(raft_role(desk->raft), RAFT_CANDIDATE);
    desk_reply(desk, RAFT_VOTE_REPLY, 5, true, 0);
    cr_assert_eq(raft_role(desk->raft), RAFT_LEADER);
    desk_free(desk);
}

Test(raft, ordered_to_take_over_it_campaigns_at_once)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2 2", 1);
    struct raft_message *order = desk_begin(desk, RAFT_TIMEOUT_NOW, 2, 2);
    order->log_index = 3;
    order->log_term = 2;
    cr_assert_str_eq(desk_receive_said(desk),
                     "vote>2 term 3 last 3/2 transfer; vote>3 term 3 last 3/2 transfer; ");
    desk_free(desk);
}

// The leader has given up and relies on its lease again.
Test(raft, order_to_take_over_that_comes_late_is_disobeyed)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2 2", 1);
    struct raft_message *order = desk_begin(desk, RAFT_TIMEOUT_NOW, 2, 2);
    order->log_index = 2;
    order->log_term = 2;
    cr_assert_str_eq(desk_receive_said(desk), "");
    order->log_index = 3;
    order->term = 1;
    cr_assert_str_eq(desk_receive_said(desk), "");
    desk_free(desk);
}

Test(raft, does_not_vote_when_the_vote_cannot_be_stored)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_begin(desk, RAFT_VOTE_REPLY, 3, 2);
    desk_receive(desk);
    desk->store_fails = true;
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 3, 2, 1, 1), "");
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 3, 3, 1, 1), "");
    cr_assert_eq(raft_term(desk->raft), 2);
    wait_for_deadline(desk);
    desk_said(desk);
    cr_assert_str_eq(desk_reply(desk, RAFT_PRE_VOTE_REPLY, 2, true, 0), "");
    cr_assert_eq(raft_role(desk->raft), RAFT_FOLLOWER);
    desk->store_fails = false;
    cr_assert_str_eq(desk_vote(desk, RAFT_VOTE, 2, 2, 1, 1), "vote-reply>2 term 2 yes; ");
    desk_free(desk);
}

Test(raft, is_bootstrapped_once)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    struct raft_snapshot other = {.index = 1, .term = 1, .configuration = configuration_of("1")};
    raft_bootstrap(desk->raft, &other, desk->now_ms);
    cr_assert_str_eq(desk_said(desk), "");
    cr_assert_eq(raft_configuration(desk->raft)->count, 3);
    desk_free(desk);
}

Test(raft, needs_an_id, .signal = SIGABRT)
{
    desk_new(0, "", 100);
}
