// SPDX-License-Identifier: Apache-2.0
#include "client/shell/watch_state.h"

#include "cluster/base/units.h"

#include <criterion/criterion.h>

// The line at this time; "": none is due.
static void check_line(struct watch_state *watch, int64_t now_ms, const char *expected)
{
    struct buffer out = {0};
    bool is_due = watch_state_line(watch, now_ms * US_PER_MS, &out);
    cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_text(expected)), "at %lld ms: %.*s",
              (long long)now_ms, (int)buffer_size(&out), (const char *)out.data);
    cr_assert_eq(is_due, expected[0] != '\0');
    buffer_deinit(&out);
}

static void note(struct watch_state *watch, int64_t now_ms, enum grid_subscription_state state,
                 uint64_t behind)
{
    watch_state_note(watch, state, behind, now_ms * US_PER_MS);
}

Test(shell_watch_state, a_good_start_is_no_news)
{
    struct watch_state watch;
    watch_state_init(&watch, 0);
    check_line(&watch, 1999, "");
    note(&watch, 1999, GRID_SUBSCRIPTION_LIVE, 0);
    check_line(&watch, 1999, "");
    check_line(&watch, 100000, "");
}

Test(shell_watch_state, a_long_start_is_told_once_and_so_is_its_end)
{
    struct watch_state watch;
    watch_state_init(&watch, 0);
    check_line(&watch, 2000, "starting: not every partition has answered yet");
    check_line(&watch, 4000, "");
    note(&watch, 5000, GRID_SUBSCRIPTION_LIVE, 0);
    check_line(&watch, 5000, "live");
    check_line(&watch, 5001, "");
}

Test(shell_watch_state, a_short_lag_is_no_news_and_a_long_one_is_told_each_second)
{
    struct watch_state watch;
    watch_state_init(&watch, 0);
    note(&watch, 0, GRID_SUBSCRIPTION_LIVE, 0);
    note(&watch, 1000, GRID_SUBSCRIPTION_CATCHING_UP, 7);
    check_line(&watch, 1499, "");
    note(&watch, 1499, GRID_SUBSCRIPTION_LIVE, 0);
    check_line(&watch, 1499, "");
    note(&watch, 2000, GRID_SUBSCRIPTION_CATCHING_UP, 1234567);
    check_line(&watch, 2500, "catching up, 1,234,567 changes behind");
    note(&watch, 2600, GRID_SUBSCRIPTION_CATCHING_UP, 1);
    check_line(&watch, 3499, "");
    check_line(&watch, 3500, "catching up, 1 change behind");
    check_line(&watch, 9000, "");
    note(&watch, 9000, GRID_SUBSCRIPTION_LIVE, 1);
    check_line(&watch, 9000, "live");
}

Test(shell_watch_state, what_was_lost_or_reset_is_told_at_once)
{
    struct watch_state watch;
    watch_state_init(&watch, 0);
    note(&watch, 0, GRID_SUBSCRIPTION_LIVE, 0);
    note(&watch, 10, GRID_SUBSCRIPTION_LOST, 0);
    check_line(&watch, 10, "lost: some partition is not heard; trying to go on");
    note(&watch, 11, GRID_SUBSCRIPTION_RESETTING, 0);
    check_line(&watch, 11,
               "reset: the log of some partition does not reach back so far; what differs "
               "follows");
    note(&watch, 12, GRID_SUBSCRIPTION_LIVE, 0);
    check_line(&watch, 12, "live");
}

Test(shell_watch_state, an_end_says_why_by_itself)
{
    struct watch_state watch;
    watch_state_init(&watch, 0);
    note(&watch, 0, GRID_SUBSCRIPTION_ENDED, 0);
    check_line(&watch, 100000, "");
}
