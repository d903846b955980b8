// SPDX-License-Identifier: Apache-2.0
#include "tests/support/raft_desk.h"

#include <criterion/criterion.h>

Test(raft_follower, acknowledges_and_commits_no_more_than_the_request_vouches_for)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2 2 2 2", 1);
    // Another leader, who has not said yet what of this it shares.
    cr_assert_str_eq(desk_append(desk, 3, 3, 2, 2, "2", 5),
                     "append-reply>3 term 3 yes 3; apply 2/2; apply 3/2; ");
    cr_assert_eq(raft_last_index(desk->raft), 5);
    cr_assert_str_eq(desk_append(desk, 3, 3, 1, 1, "", 9), "append-reply>3 term 3 yes 1; ");
    desk_free(desk);
}

Test(raft_follower, commits_no_more_than_the_leader_says)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    cr_assert_str_eq(desk_append(desk, 2, 2, 1, 1, "2 2 2", 2),
                     "append-reply>2 term 2 yes 4; apply 2/2; ");
    desk_free(desk);
}

Test(raft_follower, says_where_its_log_ends)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    cr_assert_str_eq(desk_append(desk, 2, 2, 4, 2, "2", 1), "append-reply>2 term 2 no 1; ");
    desk_free(desk);
}

Test(raft_follower, goes_back_over_the_whole_term_that_differs)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 3, 1, 1, "2 3 3 3", 1);
    cr_assert_str_eq(desk_append(desk, 3, 4, 5, 4, "", 1), "append-reply>3 term 4 no 2; ");
    desk_free(desk);
}

Test(raft_follower, goes_back_no_further_than_what_is_committed)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 3, 1, 1, "3 3 3", 3);
    cr_assert_str_eq(desk_append(desk, 3, 4, 4, 4, "", 1), "append-reply>3 term 4 no 3; ");
    desk_free(desk);
}

Test(raft_follower, replaces_a_suffix_that_differs)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2 2 2 2", 1);
    cr_assert_str_eq(desk_append(desk, 3, 3, 2, 2, "3", 1), "append-reply>3 term 3 yes 3; ");
    cr_assert_eq(raft_last_index(desk->raft), 3);
    desk_free(desk);
}

Test(raft_follower, message_of_the_past_takes_nothing_away)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2 2 2", 3);
    cr_assert_str_eq(desk_append(desk, 2, 2, 1, 1, "2", 1), "append-reply>2 term 2 yes 2; ");
    cr_assert_str_eq(desk_append(desk, 2, 2, 2, 2, "2", 2), "append-reply>2 term 2 yes 3; ");
    cr_assert_eq(raft_last_index(desk->raft), 4);
    cr_assert_eq(raft_commit_index(desk->raft), 3);
    desk_free(desk);
}

Test(raft_follower, leader_of_an_old_term_learns_the_new_one)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 5, 1, 1, "5", 1);
    cr_assert_str_eq(desk_append(desk, 3, 4, 1, 1, "4 4", 3), "append-reply>3 term 5 no 0; ");
    cr_assert_eq(raft_last_index(desk->raft), 2);
    cr_assert_eq(raft_leader(desk->raft), 2);
    desk_free(desk);
}

Test(raft_follower, what_contradicts_the_committed_is_not_even_answered)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2 2", 3);
    cr_assert_str_eq(desk_append(desk, 3, 3, 1, 1, "2 3", 3), "");
    cr_assert_str_eq(desk_append(desk, 3, 3, 3, 3, "3", 3), "");
    cr_assert_eq(raft_last_index(desk->raft), 3);
    desk_free(desk);
}

// With four entries at most, a fifth one applied makes it keep the last only.
static struct raft_desk *desk_compacted(void)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 4);
    desk_append(desk, 2, 2, 1, 1, "2 2 2 2 2 2", 6);
    return desk; // applied 6, kept 6 and 7
}

Test(raft_follower, append_may_reach_below_the_compacted_prefix)
{
    static const struct {
        uint64_t previous, previous_term;
        const char *entries, *reply;
        uint64_t last_index;
    } rows[] = {
        {1, 1, "2 2", "append-reply>2 term 2 yes 3; ", 7},
        {1, 1, "2 2 2 2", "append-reply>2 term 2 yes 5; ", 7},
        {3, 2, "2 2 2 2 2", "append-reply>2 term 2 yes 8; ", 8},
        {4, 2, "", "append-reply>2 term 2 yes 4; ", 7},
        {5, 2, "2 2", "append-reply>2 term 2 yes 7; ", 7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raft_desk *desk = desk_compacted();
        cr_expect_str_eq(
            desk_append(desk, 2, 2, rows[i].previous, rows[i].previous_term, rows[i].entries, 1),
            rows[i].reply);
        cr_expect_eq(raft_last_index(desk->raft), rows[i].last_index);
        cr_expect_eq(raft_commit_index(desk->raft), 6);
        desk_free(desk);
    }
}

static const char *install(struct raft_desk *desk, uint64_t from, uint64_t term, uint64_t index,
                           uint64_t snapshot_term, const char *servers)
{
    desk_begin(desk, RAFT_INSTALL, from, term)->snapshot =
        (struct raft_snapshot){.index = index,
                               .term = snapshot_term,
                               .configuration = configuration_of(servers),
                               .data = bytes_of("state", 5)};
    return desk_receive_said(desk);
}

Test(raft_follower, compacted_past_the_leaders_snapshot_it_has_it_already)
{
    struct raft_desk *desk = desk_compacted();
    cr_assert_str_eq(install(desk, 2, 2, 3, 2, "1 2 3"), "install-reply>2 term 2 yes 3; ");
    cr_assert_str_eq(install(desk, 2, 2, 6, 2, "1 2 3"), "install-reply>2 term 2 yes 6; ");
    cr_assert_eq(raft_last_index(desk->raft), 7);
    desk_free(desk);
}

Test(raft_follower, snapshot_of_what_it_has_commits_and_keeps_what_follows)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2 2 2", 1);
    cr_assert_str_eq(install(desk, 2, 2, 3, 2, "1 2 3"),
                     "apply 2/2; apply 3/2; install-reply>2 term 2 yes 3; ");
    cr_assert_eq(raft_last_index(desk->raft), 4);
    desk_free(desk);
}

Test(raft_follower, snapshot_replaces_a_log_that_differs)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2 2 2", 2);
    cr_assert_str_eq(install(desk, 3, 4, 3, 3, "1 3"),
                     "restore 3/3; install-reply>3 term 4 yes 3; ");
    cr_assert_eq(raft_last_index(desk->raft), 3);
    cr_assert_eq(raft_commit_index(desk->raft), 3);
    cr_assert_eq(raft_configuration(desk->raft)->count, 2);
    cr_assert_str_eq(desk_append(desk, 3, 4, 3, 3, "4", 4),
                     "append-reply>3 term 4 yes 4; apply 4/4; ");
    desk_free(desk);
}

Test(raft_follower, server_that_knows_nothing_is_filled_by_a_leader)
{
    struct raft_desk *desk = desk_new(4, "", 100);
    cr_assert_str_eq(desk_append(desk, 2, 3, 7, 3, "", 7), "append-reply>2 term 3 no 0; ");
    cr_assert_str_eq(install(desk, 2, 3, 7, 3, "1 2 4L"),
                     "restore 7/3; install-reply>2 term 3 yes 7; ");
    cr_assert_str_eq(desk_append(desk, 2, 3, 7, 3, "3", 8),
                     "append-reply>2 term 3 yes 8; apply 8/3; ");
    cr_assert_not(raft_is_voter(desk->raft));
    desk_free(desk);
}

Test(raft_follower, acknowledges_nothing_that_it_could_not_store)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    desk_append(desk, 2, 2, 1, 1, "2 2", 1);
    desk->store_fails = true;
    cr_assert_str_eq(desk_append(desk, 2, 2, 3, 2, "2", 4), "");
    cr_assert_eq(raft_last_index(desk->raft), 3);
    cr_assert_str_eq(install(desk, 2, 2, 9, 2, "1 2 3"), "");
    cr_assert_eq(raft_commit_index(desk->raft), 1);
    cr_assert_str_eq(desk_append(desk, 3, 3, 1, 1, "3", 1), "");
    cr_assert_eq(raft_term(desk->raft), 2);
    desk->store_fails = false;
    cr_assert_str_eq(desk_append(desk, 2, 2, 3, 2, "2", 4),
                     "append-reply>2 term 2 yes 4; apply 2/2; apply 3/2; apply 4/2; ");
    desk_free(desk);
}

// A log that cannot be compacted because the store fails stays as it is, and is used on.
Test(raft_follower, keeps_its_log_when_the_snapshot_cannot_be_stored)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 4);
    desk_append(desk, 2, 2, 1, 1, "2 2 2 2 2 2", 1);
    desk->store_fails = true;
    cr_assert_str_eq(desk_append(desk, 2, 2, 7, 2, "", 7),
                     "append-reply>2 term 2 yes 7; apply 2/2; apply 3/2; apply 4/2; apply 5/2; "
                     "apply 6/2; apply 7/2; ");
    cr_assert_eq(raft_leader(desk->raft), 0);
    desk->store_fails = false;
    cr_assert_str_eq(desk_append(desk, 2, 2, 7, 2, "2", 8),
                     "append-reply>2 term 2 yes 8; apply 8/2; ");
    desk_free(desk);
}

Test(raft_follower, ignores_what_no_server_would_send)
{
    struct raft_desk *desk = desk_new(1, "1 2 3", 100);
    // Terms that fall, terms beyond the leader's, holes.
    cr_expect_str_eq(desk_append(desk, 2, 3, 1, 1, "3 2", 1), "");
    cr_expect_str_eq(desk_append(desk, 2, 3, 1, 1, "4", 1), "");
    cr_expect_str_eq(desk_append_configuration(desk, 2, 3, 1, 1, "2L 3L"), "");
    cr_expect_str_eq(desk_append_configuration(desk, 2, 3, 1, 1, "2 2"), "");
    cr_expect_str_eq(install(desk, 2, 3, 0, 0, "1 2"), "");
    cr_expect_str_eq(install(desk, 2, 3, 9, 4, "1 2"), "");
    cr_expect_str_eq(install(desk, 2, 3, 9, 3, ""), "");
    desk_begin(desk, RAFT_APPEND, 2, 3)->entry_count = 1;
    desk->message.entries[0] = (struct raft_entry){.index = 7, .term = 3};
    cr_expect_str_eq(desk_receive_said(desk), "");
    desk_begin(desk, RAFT_APPEND, 1, 3);
    cr_expect_str_eq(desk_receive_said(desk), "");
    desk_begin(desk, RAFT_APPEND, 2, 3);
    desk->message.to = 9;
    raft_receive(desk->raft, &desk->message, desk->now_ms);
    cr_expect_str_eq(desk_said(desk), "");
    cr_expect_eq(raft_term(desk->raft), 1);
    // A second leader in the same term is of another grid.
    desk_append(desk, 2, 3, 1, 1, "3", 1);
    cr_expect_str_eq(desk_append(desk, 3, 3, 1, 1, "3", 2), "");
    desk_free(desk);
}
