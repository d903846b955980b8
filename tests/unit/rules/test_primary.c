// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/rules/primary_script.h"

#include <signal.h>

// ---- Transcripts ----

struct line {
    struct primary_event event;
    const char *expected;
};

static void transcript_play(struct primary *primary, const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct primary_output output;
        char text[256];
        primary_step(primary, &lines[i].event, &output);
        outcome_print(primary, &output, text, sizeof text);
        cr_assert_str_eq(text, lines[i].expected, "line %zu: %s, expected %s", i + 1, text,
                         lines[i].expected);
    }
}

#define PLAY(primary, ...)                                                                         \
    do {                                                                                           \
        const struct line lines[] = {__VA_ARGS__};                                                 \
        transcript_play(primary, lines, sizeof lines / sizeof lines[0]);                           \
    } while (0)

// ---- Commitment ----

Test(primary, without_backups_everything_commits_at_once)
{
    struct primary primary = primary_of("");
    PLAY(&primary, {appended(1, 1), "; commit 1; need 2"}, {appended(1, 1), "; need 2"},
         {appended(2, 9), "; commit 9; need 10"});
}

Test(primary, an_effect_commits_when_every_backup_in_sync_has_it)
{
    struct primary primary = primary_of("ii");
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0, down; need 1"},
         {up(1, 0, 1), "tailing 0/0, tailing 0/0; need 1"},
         {appended(1, 3), "tailing 0/3, tailing 0/3; send 0:1-3; send 1:1-3; need 1"},
         {says(PRIMARY_ACK, 0, 3), "tailing 3/3, tailing 0/3; need 1"},
         {says(PRIMARY_ACK, 1, 2), "tailing 3/3, tailing 2/3; commit 2; need 3"},
         {says(PRIMARY_ACK, 1, 3), "tailing 3/3, tailing 3/3; commit 3; need 4"});
}

Test(primary, nothing_commits_while_a_backup_in_sync_is_down)
{
    struct primary primary = primary_of("ii");
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0, down; need 1"},
         {appended(1, 2), "tailing 0/2, down; send 0:1-2; need 1"},
         {says(PRIMARY_ACK, 0, 2), "tailing 2/2, down; need 1"},
         {up(1, 0, 1), "tailing 2/2, tailing 0/2; send 1:1-2; need 1"},
         {says(PRIMARY_ACK, 1, 2), "tailing 2/2, tailing 2/2; commit 2; need 3"});
}

Test(primary, a_backup_that_is_out_is_sent_the_log_and_delays_nothing)
{
    struct primary primary = primary_of("o");
    PLAY(&primary, {appended(1, 2), "down; commit 2; need 3"},
         {up(0, 0, 1), "tailing 0/2; send 0:1-2; need 1"},
         {appended(1, 3), "tailing 0/3; send 0:3-3; commit 3; need 1"},
         {says(PRIMARY_ACK, 0, 1), "tailing 1/3; need 2"}, {down(0), "down; need 4"});
}

Test(primary, what_no_longer_waits_for_a_dropped_backup_commits)
{
    struct primary primary = primary_of("ii");
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0, down; need 1"},
         {appended(1, 2), "tailing 0/2, down; send 0:1-2; need 1"},
         {says(PRIMARY_ACK, 0, 2), "tailing 2/2, down; need 1"});
    configure(&primary, 2, "io", 1, "tailing 2/2, down; commit 2; need 3");
    configure(&primary, 3, "i", 1, "tailing 2/2; need 3");
}

Test(primary, backups_keep_their_state_by_member_when_the_view_reorders_them)
{
    struct primary primary = primary_of("ii");
    PLAY(&primary, {up(1, 0, 1), "down, tailing 0/0; need 1"});
    struct primary_output output;
    primary_configure(&primary, 2, (uint64_t[]){101, 102}, (bool[]){true, false}, 2, 1, &output);
    cr_assert_eq(primary.backups[0].member_id, 101);
    cr_assert_eq(primary.backups[0].state, BACKUP_TAILING);
    cr_assert_eq(primary.backups[1].state, BACKUP_DOWN);
}

// ---- Acknowledgements, gaps, the window ----

Test(primary, what_is_old_or_of_another_epoch_or_beyond_belief_is_ignored)
{
    struct primary primary = primary_of("i");
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0; need 1"},
         {appended(1, 5), "tailing 0/5; send 0:1-5; need 1"},
         {says(PRIMARY_ACK, 0, 4), "tailing 4/5; commit 4; need 5"},
         {says(PRIMARY_ACK, 0, 3), "tailing 4/5; need 5"},
         {says(PRIMARY_ACK, 0, 6), "tailing 4/5; need 5"},
         {says(PRIMARY_GAP, 0, 3), "tailing 4/5; need 5"},
         {says(PRIMARY_GAP, 0, 6), "tailing 4/5; need 5"},
         {says(PRIMARY_FILLED, 0, 5), "tailing 4/5; need 5"},
         {of_epoch(EPOCH - 1, says(PRIMARY_ACK, 0, 5)), "tailing 4/5; need 5"},
         {of_epoch(EPOCH + 1, says(PRIMARY_GAP, 0, 4)), "tailing 4/5; need 5"});
}

Test(primary, a_backup_of_another_epoch_is_down)
{
    struct primary primary = primary_of("i");
    PLAY(&primary, {of_epoch(EPOCH + 1, up(0, 0, 1)), "down; need 1"},
         {up(0, 0, 1), "tailing 0/0; need 1"}, {of_epoch(EPOCH - 1, up(0, 0, 1)), "down; need 1"},
         {says(PRIMARY_ACK, 0, 0), "down; need 1"});
}

Test(primary, a_gap_is_sent_again_from_the_first_missing_effect)
{
    struct primary primary = primary_of("i");
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0; need 1"},
         {appended(1, 4), "tailing 0/4; send 0:1-4; need 1"},
         {appended(1, 6), "tailing 0/6; send 0:5-6; need 1"},
         {says(PRIMARY_GAP, 0, 2), "tailing 2/6; send 0:3-6; commit 2; need 3"},
         {says(PRIMARY_GAP, 0, 2), "tailing 2/6; send 0:3-6; need 3"});
}

Test(primary, the_window_bounds_what_is_under_way)
{
    struct primary primary = primary_of("i");
    struct primary_output output;
    step_once(&primary, up(0, 0, 1));
    struct primary_event event = appended(1, WINDOW + 10);
    primary_step(&primary, &event, &output);
    cr_assert_eq(output.send[0].to_seq, WINDOW);
    cr_assert_not(output.more);
    event = appended(1, WINDOW + 20);
    primary_step(&primary, &event, &output);
    cr_assert_eq(output.send[0].from_seq, 0);
    event = says(PRIMARY_ACK, 0, 15);
    primary_step(&primary, &event, &output);
    cr_assert_eq(output.send[0].from_seq, WINDOW + 1);
    cr_assert_eq(output.send[0].to_seq, WINDOW + 15);
}

// ---- A new primary ----

Test(primary, it_starts_with_what_is_known_to_be_committed)
{
    cr_assert_eq(successor(40, 55, "i").committed_seq, 55);
    cr_assert_eq(successor(40, 20, "i").committed_seq, 39);
    cr_assert_eq(successor(40, 55, "").committed_seq, 60);
}

Test(primary, effects_are_sent_by_the_epoch_they_were_made_under)
{
    struct primary primary = successor(1, 39, "i");
    const struct epochs same = {.count = 1, .runs = {{1, 1}}};
    PLAY(&primary, {appended(1, 62), "down; need 40"},
         {with(&same, up(0, 39, 1)), "tailing 39/40; send 0:40-40 e1; more; need 40"},
         {{.kind = PRIMARY_TICK}, "tailing 39/50; send 0:41-50 e4; more; need 40"},
         {{.kind = PRIMARY_TICK}, "tailing 39/60; send 0:51-60 e5; more; need 40"},
         {{.kind = PRIMARY_TICK}, "tailing 39/62; send 0:61-62; need 40"},
         {{.kind = PRIMARY_TICK}, "tailing 39/62; need 40"});
}

Test(primary, its_log_is_the_truth)
{
    static const struct {
        struct epochs epochs;
        uint64_t seq, matched_seq;
        bool cut;
    } rows[] = {
        {{.count = 3, .runs = {{1, 1}, {4, 41}, {5, 51}}}, 60, 60, false},
        {{.count = 3, .runs = {{1, 1}, {4, 41}, {5, 51}}}, 64, 60, true},
        {{.count = 2, .runs = {{1, 1}, {4, 41}}}, 55, 50, true},
        {{.count = 2, .runs = {{1, 1}, {4, 41}}}, 45, 45, false},
        {{.count = 3, .runs = {{1, 1}, {2, 39}, {3, 50}}}, 70, 38, true},
        {{.count = 1, .runs = {{2, 1}}}, 70, 0, true},
        {{.count = 0}, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct primary primary = successor(1, 0, "i");
        struct primary_output output;
        struct primary_event event = with(&rows[i].epochs, up(0, rows[i].seq, 1));
        primary_step(&primary, &event, &output);
        cr_assert_eq(primary.backups[0].state, BACKUP_TAILING, "row %zu", i);
        cr_assert_eq(primary.backups[0].matched_seq, rows[i].matched_seq, "row %zu", i);
        cr_assert_eq(output.cut[0], rows[i].cut, "row %zu", i);
    }
}

// ---- Catching up ----

Test(primary, a_copy_is_filled_where_the_log_cannot_make_it_equal)
{
    static const struct {
        const char *why;
        uint64_t first_seq, seq;
        struct epochs epochs;
        bool reaches;
    } rows[] = {
        {"the next effect is there", 11, 10, {.count = 1, .runs = {{1, 1}}}, true},
        {"the next effect is gone", 12, 10, {.count = 1, .runs = {{1, 1}}}, false},
        {"nothing, and the log is whole", 1, 0, {.count = 0}, true},
        {"nothing, and the log is not", 2, 0, {.count = 0}, false},
        {"the logs part below the log", 45, 70, {.count = 2, .runs = {{1, 1}, {2, 39}}}, false},
        {"where they part is not known", 1, 70, {.count = 1, .runs = {{2, 39}}}, false},
        {"no epoch is known", 1, 20, {.count = 0}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (uint32_t counts = 0; counts < 2; counts++) {
            struct primary primary = successor(1, 60, counts ? "i" : "o");
            struct primary_output output;
            struct primary_event event =
                with(&rows[i].epochs, up(0, rows[i].seq, rows[i].first_seq));
            primary_step(&primary, &event, &output);
            enum backup_state expected = rows[i].reaches ? BACKUP_TAILING
                                         : counts        ? BACKUP_LOST
                                                         : BACKUP_FILLING;
            cr_assert_eq(primary.backups[0].state, expected, "%s", rows[i].why);
            cr_assert_eq(output.fill[0], expected == BACKUP_FILLING, "%s", rows[i].why);
        }
    }
}

Test(primary, effects_of_a_forgotten_run_cannot_be_sent)
{
    struct epochs before = none;
    for (uint64_t epoch = 1; epoch <= EPOCH_RUNS_MAX; epoch++)
        epochs_begin(&before, epoch, 10 * epoch - 9);
    struct primary primary;
    primary_init(&primary, EPOCH_RUNS_MAX + 1, 1, 200, 200, &before, DROP_MS);
    configure(&primary, 1, "oo", 1, NULL);
    step_once(&primary, of_epoch(EPOCH_RUNS_MAX + 1, with(&none, up(0, 0, 1))));
    cr_assert_eq(primary.backups[0].state, BACKUP_FILLING);
    epochs_cut(&before, 12);
    step_once(&primary, of_epoch(EPOCH_RUNS_MAX + 1, with(&before, up(1, 12, 1))));
    cr_assert_eq(primary.backups[1].state, BACKUP_TAILING);
}

Test(primary, a_backup_behind_the_log_is_filled_and_then_sent_the_log)
{
    struct primary primary = primary_with(6, 8, 8, "o");
    PLAY(&primary, {with(&none, up(0, 0, 6)), "filling 0/8; fill 0; need 9"},
         {appended(6, 10), "filling 0/8; commit 10; need 9"},
         {says(PRIMARY_ACK, 0, 8), "filling 0/8; need 9"},
         {says(PRIMARY_GAP, 0, 0), "filling 0/8; need 9"},
         {says(PRIMARY_FILLED, 0, 7), "filling 0/8; need 9"},
         {says(PRIMARY_FILLED, 0, 8), "filled 0/8; need 9"},
         {says(PRIMARY_ACK, 0, 7), "filled 0/8; need 9"},
         {says(PRIMARY_ACK, 0, 8), "tailing 8/10; send 0:9-10; need 9"},
         {says(PRIMARY_ACK, 0, 10), "tailing 10/10; need 11"});
}

Test(primary, a_new_session_voids_the_old_one)
{
    struct primary primary = primary_with(6, 8, 8, "o");
    const struct epochs filled = {.count = 1, .runs = {{1, 8}}};
    PLAY(&primary, {with(&none, up(0, 0, 6)), "filling 0/8; fill 0; need 9"},
         {with(&none, up(0, 0, 6)), "filling 0/8; fill 0; need 9"}, {down(0), "down; need 9"},
         {says(PRIMARY_FILLED, 0, 8), "down; need 9"},
         {with(&none, up(0, 0, 6)), "filling 0/8; fill 0; need 9"},
         {says(PRIMARY_FILLED, 0, 8), "filled 0/8; need 9"}, {down(0), "down; need 9"},
         {down(0), "down; need 9"}, {says(PRIMARY_ACK, 0, 8), "down; need 9"},
         {with(&filled, up(0, 8, 6)), "tailing 8/8; need 9"});
}

// It may hold the only copy of what was acknowledged.
Test(primary, a_backup_in_sync_is_never_filled_but_dropped_first)
{
    struct primary primary = primary_with(6, 8, 8, "i");
    PLAY(&primary, {with(&none, up(0, 0, 6)), "lost; need 9"});
    struct wish wish;
    cr_assert(primary_wish(&primary, 0, 1, &wish));
    cr_assert_eq(wish.kind, WISH_DROP);
    configure(&primary, 2, "o", 1, "filling 0/8; fill 0; need 9");
}

// ---- Questions ----

Test(primary, it_is_quiet_when_all_is_on_every_backup_that_counts)
{
    struct primary primary = primary_of("io");
    cr_assert_not(primary_is_quiet(&primary));
    step_once(&primary, up(0, 0, 1));
    cr_assert(primary_is_quiet(&primary));
    step_once(&primary, appended(1, 2));
    cr_assert_not(primary_is_quiet(&primary));
    step_once(&primary, says(PRIMARY_ACK, 0, 2));
    cr_assert(primary_is_quiet(&primary));
}

static void assert_refusal(const struct primary *primary, enum error expected, uint32_t blamed)
{
    uint32_t backup = 99;
    cr_assert_eq(primary_write_refusal(primary, &backup), expected);
    if (expected != ERROR_NONE)
        cr_assert_eq(backup, blamed);
}

Test(primary, writes_are_refused_when_two_windows_wait_to_be_committed)
{
    struct primary primary = primary_of("iio");
    step_once(&primary, up(0, 0, 1));
    step_once(&primary, up(1, 0, 1));
    step_once(&primary, appended(1, 2 * WINDOW - 1));
    step_once(&primary, says(PRIMARY_ACK, 0, WINDOW));
    assert_refusal(&primary, ERROR_NONE, 0);
    step_once(&primary, appended(1, 2 * WINDOW));
    assert_refusal(&primary, ERROR_OVERLOADED, 1);
    step_once(&primary, says(PRIMARY_ACK, 1, 1));
    assert_refusal(&primary, ERROR_NONE, 0);
}

// ---- Bugs of the caller stop the process ----

Test(primary, a_step_before_the_view_is_known_is_a_bug, .signal = SIGABRT)
{
    struct primary primary;
    primary_init(&primary, EPOCH, 1, 0, 0, &none, DROP_MS);
    step_once(&primary, appended(1, 1));
}

Test(primary, a_view_that_goes_back_is_a_bug, .signal = SIGABRT)
{
    struct primary primary = primary_of("i");
    configure(&primary, 2, "i", 1, NULL);
    configure(&primary, 1, "i", 1, NULL);
}

Test(primary, an_event_of_a_backup_that_does_not_exist_is_a_bug, .signal = SIGABRT)
{
    struct primary primary = primary_of("i");
    step_once(&primary, down(1));
}

Test(primary, a_log_that_shrinks_is_a_bug, .signal = SIGABRT)
{
    struct primary primary = primary_of("i");
    step_once(&primary, appended(1, 5));
    step_once(&primary, appended(1, 4));
}

Test(primary, a_log_that_dropped_uncommitted_effects_is_a_bug, .signal = SIGABRT)
{
    struct primary primary = primary_of("i");
    step_once(&primary, appended(2, 5));
}

Test(primary, a_log_that_dropped_what_a_backup_needs_is_a_bug, .signal = SIGABRT)
{
    struct primary primary = successor(1, 60, "o");
    const struct epochs first = {.count = 1, .runs = {{1, 1}}};
    step_once(&primary, with(&first, up(0, 5, 1)));
    step_once(&primary, appended(7, 60));
}
