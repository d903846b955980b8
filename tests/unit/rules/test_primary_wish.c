// SPDX-License-Identifier: Apache-2.0
// What the primary asks the leader for.
#include "tests/unit/rules/primary_script.h"

static void assert_wish(struct primary *primary, uint32_t backup, uint64_t now_ms,
                        enum wish_kind kind, uint64_t based_on)
{
    struct wish wish = {0};
    cr_assert(primary_wish(primary, backup, now_ms, &wish), "nothing is wished");
    cr_assert_eq(wish.kind, kind);
    cr_assert_eq(wish.based_on, based_on);
    cr_assert_eq(wish.member_id, 100 + backup);
}

static void assert_no_wish(struct primary *primary, uint32_t backup, uint64_t now_ms)
{
    struct wish wish;
    cr_assert_not(primary_wish(primary, backup, now_ms, &wish));
}

Test(primary, a_wished_backup_counts_until_the_view_has_answered)
{
    struct primary primary = primary_of("o");
    step_once(&primary, up(0, 0, 1));
    assert_wish(&primary, 0, 1, WISH_ADD, 1);
    step_once(&primary, appended(1, 1));
    // The same version again is no answer.
    configure(&primary, 1, "o", 1, "tailing 0/1; need 1");
    assert_wish(&primary, 0, 1, WISH_ADD, 1);
    configure(&primary, 2, "o", 1, "tailing 0/1; commit 1; need 1");
    cr_assert_eq(primary.backups[0].standing, STANDING_OUT);
    step_once(&primary, says(PRIMARY_ACK, 0, 1));
    assert_wish(&primary, 0, 1, WISH_ADD, 2);
    configure(&primary, 3, "i", 1, "tailing 1/1; need 2");
    cr_assert_eq(primary.backups[0].standing, STANDING_IN);
    assert_no_wish(&primary, 0, 1);
}

Test(primary, a_backup_far_behind_is_not_wished)
{
    struct primary primary = primary_of("o");
    step_once(&primary, up(0, 0, 1));
    step_once(&primary, appended(1, PRIMARY_JOIN_LAG_EFFECTS + 1));
    assert_no_wish(&primary, 0, 1);
    cr_assert_eq(primary.backups[0].standing, STANDING_OUT);
    step_once(&primary, says(PRIMARY_ACK, 0, 1));
    assert_no_wish(&primary, 0, 1);
    cr_assert_eq(primary.backups[0].standing, STANDING_WISHED);
    step_once(&primary, says(PRIMARY_ACK, 0, PRIMARY_JOIN_LAG_EFFECTS));
    assert_no_wish(&primary, 0, 1);
    step_once(&primary, says(PRIMARY_ACK, 0, PRIMARY_JOIN_LAG_EFFECTS + 1));
    assert_wish(&primary, 0, 1, WISH_ADD, 1);
}

// What its predecessor committed it does not know: all that it found may be.
Test(primary, a_new_primary_wishes_none_that_has_not_all_that_it_found)
{
    struct primary primary = successor(1, 0, "io");
    const struct epochs first = {.count = 1, .runs = {{1, 1}}};
    step_once(&primary, with(&first, up(1, 40, 1)));
    assert_no_wish(&primary, 1, 1);
    for (uint32_t i = 0; i < 2; i++)
        step_once(&primary, (struct primary_event){.kind = PRIMARY_TICK});
    step_once(&primary, says(PRIMARY_ACK, 1, 59));
    assert_no_wish(&primary, 1, 1);
    step_once(&primary, says(PRIMARY_ACK, 1, 60));
    // It stood at 40 when the session began, which the other one may lack.
    assert_no_wish(&primary, 1, 1);
    step_once(&primary, with(&first, up(0, 40, 1)));
    assert_wish(&primary, 1, 1, WISH_ADD, 1);
}

Test(primary, a_filled_copy_is_wished_once_it_is_exact_and_that_is_committed)
{
    struct primary primary = primary_with(6, 8, 8, "io");
    const struct epochs first = {.count = 1, .runs = {{1, 1}}};
    struct primary_event events[] = {with(&first, up(0, 8, 6)), with(&none, up(1, 0, 6)),
                                     appended(6, 10), says(PRIMARY_FILLED, 1, 8),
                                     says(PRIMARY_ACK, 1, 8)};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        step_once(&primary, events[i]);
    step_once(&primary, says(PRIMARY_ACK, 0, 10));
    cr_assert_eq(primary.committed_seq, 10);
    assert_no_wish(&primary, 1, 1);
    step_once(&primary, says(PRIMARY_ACK, 1, 9));
    assert_no_wish(&primary, 1, 1);
    cr_assert_eq(primary.backups[1].standing, STANDING_OUT);
    step_once(&primary, says(PRIMARY_ACK, 1, 10));
    assert_wish(&primary, 1, 1, WISH_ADD, 1);
}

Test(primary, a_backup_that_makes_no_progress_is_dropped)
{
    struct primary primary = primary_of("i");
    step_once(&primary, at(10, up(0, 0, 1)));
    step_once(&primary, at(20, appended(1, 3)));
    assert_no_wish(&primary, 0, 20 + DROP_MS - 1);
    step_once(&primary, at(60, says(PRIMARY_ACK, 0, 1)));
    step_once(&primary, at(70, appended(1, 4)));
    step_once(&primary, at(80, says(PRIMARY_ACK, 0, 1)));
    assert_no_wish(&primary, 0, 60 + DROP_MS - 1);
    assert_wish(&primary, 0, 60 + DROP_MS, WISH_DROP, 1);
    // The wish stands, whatever the backup does, until the view has moved.
    step_once(&primary, at(200, says(PRIMARY_ACK, 0, 4)));
    assert_wish(&primary, 0, 200, WISH_DROP, 1);
    configure(&primary, 2, "i", 200, "tailing 4/4; need 5");
    assert_no_wish(&primary, 0, 200);
}

Test(primary, a_backup_in_sync_that_stays_down_is_dropped)
{
    struct primary primary = primary_of("i");
    assert_no_wish(&primary, 0, DROP_MS);
    assert_wish(&primary, 0, 1 + DROP_MS, WISH_DROP, 1);
}

// Else it would stop writes again and again.
Test(primary, a_dropped_backup_has_to_take_something_before_it_is_wished)
{
    struct primary primary = primary_of("i");
    step_once(&primary, at(10, up(0, 0, 1)));
    step_once(&primary, at(20, appended(1, 3)));
    assert_wish(&primary, 0, 20 + DROP_MS, WISH_DROP, 1);
    configure(&primary, 2, "o", 130, "tailing 0/3; commit 3; need 1");
    assert_no_wish(&primary, 0, 131);
    cr_assert_eq(primary.backups[0].standing, STANDING_OUT);
    step_once(&primary, at(140, says(PRIMARY_ACK, 0, 3)));
    assert_wish(&primary, 0, 141, WISH_ADD, 2);
}
