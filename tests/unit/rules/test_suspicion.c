// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/suspicion.h"

#include <criterion/criterion.h>
#include <signal.h>

enum { A = 11, B = 12 };

static struct suspicion *suspicion_begin(void)
{
    static const struct suspicion_options options = {
        .lease_ms = 800, .suspect_ms = 1000, .remove_ms = 2000, .drift_per_mille = 10};
    return suspicion_new(&options, 5000);
}

Test(suspicion, silence_makes_suspect_then_dead)
{
    struct suspicion *it = suspicion_begin();
    cr_assert(suspicion_heard(it, A, 0, 5000));
    cr_assert_eq(suspicion_verdict(it, A, 5999), SUSPICION_ALIVE);
    cr_assert_eq(suspicion_verdict(it, A, 6000), SUSPICION_SUSPECT);
    cr_assert_eq(suspicion_verdict(it, A, 6999), SUSPICION_SUSPECT);
    cr_assert_eq(suspicion_verdict(it, A, 7000), SUSPICION_DEAD);
    suspicion_free(it);
}

Test(suspicion, who_is_asked_about_first_counts_as_heard)
{
    struct suspicion *it = suspicion_begin();
    cr_assert_eq(suspicion_verdict(it, A, 9000), SUSPICION_ALIVE);
    cr_assert_eq(suspicion_verdict(it, A, 9999), SUSPICION_ALIVE);
    cr_assert_eq(suspicion_verdict(it, A, 10000), SUSPICION_SUSPECT);
    suspicion_free(it);
}

Test(suspicion, a_suspect_stays_one_until_it_is_forgiven)
{
    struct suspicion *it = suspicion_begin();
    cr_assert_eq(suspicion_verdict(it, A, 5000), SUSPICION_ALIVE);
    cr_assert_eq(suspicion_verdict(it, A, 6100), SUSPICION_SUSPECT);
    cr_assert(!suspicion_is_back(it, A, 6100));
    cr_assert(!suspicion_heard(it, A, 0, 6200));
    cr_assert(suspicion_is_back(it, A, 6200));
    cr_assert_eq(suspicion_verdict(it, A, 6200), SUSPICION_SUSPECT);
    cr_assert(!suspicion_is_back(it, A, 7200), "it was heard too long ago");
    cr_assert(!suspicion_heard(it, A, 0, 7300));
    suspicion_forgive(it, A, 7300);
    cr_assert(!suspicion_is_back(it, A, 7300));
    cr_assert_eq(suspicion_verdict(it, A, 7300), SUSPICION_ALIVE);
    cr_assert(suspicion_heard(it, A, 0, 7400));
    cr_assert_eq(suspicion_verdict(it, A, 8399), SUSPICION_ALIVE);
    cr_assert_eq(suspicion_verdict(it, A, 8400), SUSPICION_SUSPECT);
    suspicion_free(it);
}

Test(suspicion, a_suspect_that_speaks_does_not_die)
{
    struct suspicion *it = suspicion_begin();
    suspicion_verdict(it, A, 5000);
    for (uint64_t now_ms = 6000; now_ms < 20000; now_ms += 500) {
        cr_assert_eq(suspicion_verdict(it, A, now_ms), SUSPICION_SUSPECT);
        cr_assert(!suspicion_heard(it, A, 0, now_ms));
    }
    suspicion_free(it);
}

Test(suspicion, a_late_heartbeat_before_any_verdict_is_taken)
{
    struct suspicion *it = suspicion_begin();
    suspicion_verdict(it, A, 5000);
    cr_assert(suspicion_heard(it, A, 0, 6500));
    cr_assert_eq(suspicion_verdict(it, A, 6500), SUSPICION_ALIVE);
    suspicion_free(it);
}

Test(suspicion, a_worker_that_is_busy_for_a_while_is_no_reason)
{
    struct suspicion *it = suspicion_begin();
    for (uint32_t stalled_ms = 0; stalled_ms < 1000; stalled_ms += 200) {
        cr_assert(suspicion_heard(it, A, stalled_ms, 5000 + stalled_ms));
        cr_assert_eq(suspicion_verdict(it, A, 5000 + stalled_ms), SUSPICION_ALIVE);
    }
    cr_assert(suspicion_heard(it, A, 0, 6000));
    cr_assert_eq(suspicion_verdict(it, A, 6999), SUSPICION_ALIVE);
    suspicion_free(it);
}

// Its last lease was granted at 5800: on a clock slower by 1 % it lasts until 6609.
Test(suspicion, a_dead_worker_makes_its_member_suspect_once_its_leases_are_over)
{
    struct suspicion *it = suspicion_begin();
    for (uint32_t stalled_ms = 0; stalled_ms < 1000; stalled_ms += 200)
        cr_assert(suspicion_heard(it, A, stalled_ms, 5000 + stalled_ms));
    cr_assert(!suspicion_heard(it, A, 1000, 6000));
    cr_assert_eq(suspicion_verdict(it, A, 6000), SUSPICION_ALIVE);
    cr_assert(!suspicion_heard(it, A, 1600, 6600));
    cr_assert_eq(suspicion_deadline_ms(it), 6609);
    cr_assert_eq(suspicion_verdict(it, A, 6608), SUSPICION_ALIVE);
    cr_assert_eq(suspicion_verdict(it, A, 6609), SUSPICION_SUSPECT);
    cr_assert(!suspicion_heard(it, A, 1800, 6800));
    cr_assert(!suspicion_is_back(it, A, 6800), "its worker still stands");
    cr_assert_eq(suspicion_verdict(it, A, 7000), SUSPICION_DEAD);
    suspicion_free(it);
}

Test(suspicion, the_deadline_is_that_of_the_next_verdict)
{
    struct suspicion *it = suspicion_begin();
    cr_assert_eq(suspicion_deadline_ms(it), UINT64_MAX);
    suspicion_heard(it, A, 0, 5000);
    suspicion_heard(it, B, 0, 5400);
    cr_assert_eq(suspicion_deadline_ms(it), 6000);
    suspicion_heard(it, A, 0, 5600);
    cr_assert_eq(suspicion_deadline_ms(it), 6400);
    suspicion_verdict(it, B, 6400);
    cr_assert_eq(suspicion_deadline_ms(it), 6600);
    suspicion_heard(it, A, 0, 6500);
    cr_assert_eq(suspicion_deadline_ms(it), 7400, "B is dead by then");
    suspicion_verdict(it, B, 7400);
    cr_assert_eq(suspicion_deadline_ms(it), 7500, "A is suspected by then");
    suspicion_forget(it, A);
    cr_assert_eq(suspicion_deadline_ms(it), UINT64_MAX);
    suspicion_free(it);
}

Test(suspicion, who_is_forgotten_starts_anew)
{
    struct suspicion *it = suspicion_begin();
    suspicion_verdict(it, A, 5000);
    suspicion_verdict(it, B, 5000);
    cr_assert_eq(suspicion_verdict(it, A, 7000), SUSPICION_DEAD);
    suspicion_forget(it, A);
    suspicion_forget(it, A);
    cr_assert(!suspicion_is_back(it, A, 7000));
    cr_assert_eq(suspicion_verdict(it, B, 7000), SUSPICION_DEAD);
    cr_assert_eq(suspicion_verdict(it, A, 7000), SUSPICION_ALIVE);
    suspicion_free(it);
}

Test(suspicion, as_many_as_there_may_be_members)
{
    struct suspicion *it = suspicion_begin();
    for (uint64_t i = 0; i < MEMBERS_MAX; i++)
        cr_assert(suspicion_heard(it, 1 + (i * 7919) % MEMBERS_MAX, 0, 5000 + i));
    for (uint64_t i = 0; i < MEMBERS_MAX; i++)
        cr_assert_eq(suspicion_verdict(it, 1 + (i * 7919) % MEMBERS_MAX, 6500),
                     i <= 500 ? SUSPICION_SUSPECT : SUSPICION_ALIVE, "%zu", (size_t)i);
    suspicion_free(it);
}

Test(suspicion, a_lease_that_outlives_suspicion_is_a_bug, .signal = SIGABRT)
{
    static const struct suspicion_options options = {
        .lease_ms = 990, .suspect_ms = 1000, .remove_ms = 2000, .drift_per_mille = 10};
    suspicion_free(suspicion_new(&options, 0));
}
