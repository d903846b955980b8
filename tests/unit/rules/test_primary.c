// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/primary.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

enum { EPOCH = 7, WINDOW = PRIMARY_WINDOW_EFFECTS };

// ---- Transcripts: events, and what the primary makes of each, as text ----

static struct primary_event appended(uint64_t first_seq, uint64_t last_seq)
{
    return (struct primary_event){
        .kind = PRIMARY_APPENDED, .first_seq = first_seq, .last_seq = last_seq};
}

static struct primary_event up(uint32_t backup, uint64_t seq, uint64_t first_seq)
{
    return (struct primary_event){.kind = PRIMARY_LINK_UP,
                                  .backup = backup,
                                  .epoch = EPOCH,
                                  .seq = seq,
                                  .first_seq = first_seq};
}

static struct primary_event down(uint32_t backup)
{
    return (struct primary_event){.kind = PRIMARY_LINK_DOWN, .backup = backup};
}

static struct primary_event says(enum primary_event_kind kind, uint32_t backup, uint64_t seq)
{
    return (struct primary_event){.kind = kind, .backup = backup, .epoch = EPOCH, .seq = seq};
}

static struct primary_event of_epoch(uint64_t epoch, struct primary_event event)
{
    event.epoch = epoch;
    return event;
}

static const char *const state_names[BACKUP_STATE_COUNT] = {
    [BACKUP_DOWN] = "down",       [BACKUP_FILLING] = "filling", [BACKUP_FILLED] = "filled",
    [BACKUP_TAILING] = "tailing", [BACKUP_AHEAD] = "ahead",
};

// "<state> <matched>/<sent> ...; send <backup>:<from>-<to>; fill <backup>; commit <seq>; need
// <seq>": what there is of it.
static void outcome_print(const struct primary *primary, const struct primary_output *output,
                          char *text, size_t capacity)
{
    FILE *file = fmemopen(text, capacity, "w");
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        const struct primary_backup *backup = &primary->backups[i];
        fprintf(file, "%s%s", i ? ", " : "", state_names[backup->state]);
        if (backup->state != BACKUP_DOWN && backup->state != BACKUP_AHEAD)
            fprintf(file, " %lu/%lu", backup->matched_seq, backup->sent_seq);
    }
    for (uint32_t i = 0; i < PRIMARY_BACKUPS_MAX; i++)
        if (output->send[i].from_seq)
            fprintf(file, "; send %u:%lu-%lu", i, output->send[i].from_seq, output->send[i].to_seq);
    for (uint32_t i = 0; i < PRIMARY_BACKUPS_MAX; i++)
        if (output->fill[i])
            fprintf(file, "; fill %u", i);
    if (output->committed)
        fprintf(file, "; commit %lu", primary->committed_seq);
    fprintf(file, "; need %lu", output->needed_seq);
    fclose(file);
}

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

static struct primary primary_of(uint32_t backup_count)
{
    struct primary primary;
    primary_init(&primary, EPOCH, backup_count, 1, 0, 0);
    return primary;
}

static void assert_refusal(const struct primary *primary, enum error expected, uint32_t blamed)
{
    uint32_t backup = 99;
    cr_assert_eq(primary_write_refusal(primary, &backup), expected);
    if (expected != ERROR_NONE)
        cr_assert_eq(backup, blamed);
}

// ---- Commitment ----

Test(primary, without_backups_everything_commits_at_once)
{
    struct primary primary = primary_of(0);
    PLAY(&primary, {appended(1, 1), "; commit 1; need 2"}, {appended(1, 1), "; need 2"},
         {appended(2, 9), "; commit 9; need 10"});
    assert_refusal(&primary, ERROR_NONE, 0);
}

Test(primary, an_effect_commits_when_every_backup_has_it)
{
    struct primary primary = primary_of(2);
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0, down; need 1"},
         {up(1, 0, 1), "tailing 0/0, tailing 0/0; need 1"},
         {appended(1, 3), "tailing 0/3, tailing 0/3; send 0:1-3; send 1:1-3; need 1"},
         {says(PRIMARY_ACK, 0, 3), "tailing 3/3, tailing 0/3; need 1"},
         {says(PRIMARY_ACK, 1, 2), "tailing 3/3, tailing 2/3; commit 2; need 3"},
         {says(PRIMARY_ACK, 1, 3), "tailing 3/3, tailing 3/3; commit 3; need 4"});
}

Test(primary, nothing_commits_while_a_backup_is_down)
{
    struct primary primary = primary_of(2);
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0, down; need 1"},
         {appended(1, 2), "tailing 0/2, down; send 0:1-2; need 1"},
         {says(PRIMARY_ACK, 0, 2), "tailing 2/2, down; need 1"},
         {up(1, 0, 1), "tailing 2/2, tailing 0/2; send 1:1-2; need 1"},
         {says(PRIMARY_ACK, 1, 2), "tailing 2/2, tailing 2/2; commit 2; need 3"});
}

Test(primary, a_backup_that_comes_back_with_the_rest_commits_it)
{
    struct primary primary = primary_of(1);
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0; need 1"},
         {appended(1, 2), "tailing 0/2; send 0:1-2; need 1"}, {down(0), "down; need 1"},
         {up(0, 2, 1), "tailing 2/2; commit 2; need 3"});
}

Test(primary, a_new_primary_starts_with_what_is_known_to_be_committed)
{
    struct primary primary;
    primary_init(&primary, EPOCH, 1, 40, 100, 90);
    cr_assert_eq(primary.committed_seq, 90);
    PLAY(&primary, {up(0, 95, 40), "tailing 95/100; send 0:96-100; commit 95; need 96"},
         {says(PRIMARY_ACK, 0, 100), "tailing 100/100; commit 100; need 101"});
    primary_init(&primary, EPOCH, 0, 40, 100, 90);
    cr_assert_eq(primary.committed_seq, 100);
}

// ---- Acknowledgements, gaps, the window ----

Test(primary, what_is_old_or_of_another_epoch_or_beyond_belief_is_ignored)
{
    struct primary primary = primary_of(1);
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
    struct primary primary = primary_of(1);
    PLAY(&primary, {of_epoch(EPOCH + 1, up(0, 0, 1)), "down; need 1"},
         {up(0, 0, 1), "tailing 0/0; need 1"}, {of_epoch(EPOCH - 1, up(0, 0, 1)), "down; need 1"},
         {says(PRIMARY_ACK, 0, 0), "down; need 1"});
}

Test(primary, a_gap_is_sent_again_from_the_first_missing_effect)
{
    struct primary primary = primary_of(1);
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0; need 1"},
         {appended(1, 4), "tailing 0/4; send 0:1-4; need 1"},
         {appended(1, 6), "tailing 0/6; send 0:5-6; need 1"},
         {says(PRIMARY_GAP, 0, 2), "tailing 2/6; send 0:3-6; commit 2; need 3"},
         {says(PRIMARY_GAP, 0, 2), "tailing 2/6; send 0:3-6; need 3"});
}

Test(primary, the_window_bounds_what_is_under_way)
{
    struct primary primary = primary_of(1);
    struct primary_output output;
    struct primary_event event = up(0, 0, 1);
    primary_step(&primary, &event, &output);
    event = appended(1, WINDOW + 10);
    primary_step(&primary, &event, &output);
    cr_assert_eq(output.send[0].to_seq, WINDOW);
    event = appended(1, WINDOW + 20);
    primary_step(&primary, &event, &output);
    cr_assert_eq(output.send[0].from_seq, 0);
    event = says(PRIMARY_ACK, 0, 15);
    primary_step(&primary, &event, &output);
    cr_assert_eq(output.send[0].from_seq, WINDOW + 1);
    cr_assert_eq(output.send[0].to_seq, WINDOW + 15);
}

// ---- Catching up ----

Test(primary, a_restarted_backup_is_sent_the_log_if_it_reaches_back)
{
    struct primary primary = primary_of(1);
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0; need 1"},
         {appended(1, 8), "tailing 0/8; send 0:1-8; need 1"},
         {says(PRIMARY_ACK, 0, 8), "tailing 8/8; commit 8; need 9"}, {down(0), "down; need 9"},
         {up(0, 0, 1), "tailing 0/8; send 0:1-8; need 1"},
         {says(PRIMARY_ACK, 0, 8), "tailing 8/8; need 9"});
}

Test(primary, a_backup_behind_the_log_is_filled_and_then_sent_the_log)
{
    struct primary primary = primary_of(1);
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0; need 1"},
         {appended(1, 8), "tailing 0/8; send 0:1-8; need 1"},
         {says(PRIMARY_ACK, 0, 8), "tailing 8/8; commit 8; need 9"}, {down(0), "down; need 9"},
         {up(0, 0, 5), "filling 0/8; fill 0; need 9"}, {appended(6, 10), "filling 0/8; need 9"},
         {says(PRIMARY_ACK, 0, 8), "filling 0/8; need 9"},
         {says(PRIMARY_GAP, 0, 0), "filling 0/8; need 9"},
         {says(PRIMARY_FILLED, 0, 7), "filling 0/8; need 9"},
         {says(PRIMARY_FILLED, 0, 8), "filled 0/8; need 9"},
         {says(PRIMARY_ACK, 0, 7), "filled 0/8; need 9"},
         {says(PRIMARY_ACK, 0, 8), "tailing 8/10; send 0:9-10; need 9"},
         {says(PRIMARY_ACK, 0, 10), "tailing 10/10; commit 10; need 11"});
}

// Up to 10, the last effect when the scan ended, the copy may hold newer entries than its log says.
Test(primary, a_filled_copy_counts_once_it_is_exact)
{
    struct primary primary;
    primary_init(&primary, EPOCH, 1, 6, 8, 5);
    PLAY(&primary, {up(0, 0, 6), "filling 0/8; fill 0; need 6"},
         {appended(6, 10), "filling 0/8; need 6"},
         {says(PRIMARY_FILLED, 0, 8), "filled 0/8; need 6"},
         {appended(6, 11), "filled 0/8; need 6"},
         {says(PRIMARY_ACK, 0, 8), "tailing 8/11; send 0:9-11; need 6"},
         {says(PRIMARY_ACK, 0, 9), "tailing 9/11; need 6"},
         {says(PRIMARY_ACK, 0, 10), "tailing 10/11; commit 10; need 11"});
}

Test(primary, a_backup_is_filled_just_when_the_next_effect_is_gone)
{
    static const struct {
        uint64_t first_seq, backup_seq;
        enum backup_state state;
    } rows[] = {
        {1, 0, BACKUP_TAILING},        {2, 0, BACKUP_FILLING}, {2, 1, BACKUP_TAILING},
        {9, 7, BACKUP_FILLING},        {9, 8, BACKUP_TAILING}, {11, 9, BACKUP_FILLING},
        {11, 10, BACKUP_TAILING},      {11, 11, BACKUP_AHEAD}, {1, 11, BACKUP_AHEAD},
        {1, UINT64_MAX, BACKUP_AHEAD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct primary primary;
        struct primary_output output;
        primary_init(&primary, EPOCH, 1, 1, 10, 10);
        struct primary_event event = up(0, rows[i].backup_seq, rows[i].first_seq);
        primary_step(&primary, &event, &output);
        cr_assert_eq(primary.backups[0].state, rows[i].state, "row %zu", i);
        cr_assert_eq(output.fill[0], rows[i].state == BACKUP_FILLING, "row %zu", i);
    }
}

Test(primary, a_new_session_voids_the_old_one)
{
    struct primary primary;
    primary_init(&primary, EPOCH, 1, 6, 8, 8);
    PLAY(&primary, {up(0, 2, 6), "filling 0/8; fill 0; need 9"},
         {up(0, 0, 6), "filling 0/8; fill 0; need 9"}, {down(0), "down; need 9"},
         {says(PRIMARY_FILLED, 0, 8), "down; need 9"}, {up(0, 0, 6), "filling 0/8; fill 0; need 9"},
         {says(PRIMARY_FILLED, 0, 8), "filled 0/8; need 9"}, {down(0), "down; need 9"},
         {down(0), "down; need 9"}, {says(PRIMARY_ACK, 0, 8), "down; need 9"},
         {up(0, 8, 6), "tailing 8/8; need 9"});
}

// ---- Refusals ----

Test(primary, a_primary_that_lost_its_memory_does_not_overwrite_its_backup)
{
    struct primary primary = primary_of(2);
    PLAY(&primary, {up(0, 100, 1), "ahead, down; need 1"},
         {up(1, 0, 1), "ahead, tailing 0/0; need 1"},
         {says(PRIMARY_ACK, 0, 0), "ahead, tailing 0/0; need 1"},
         {says(PRIMARY_GAP, 0, 0), "ahead, tailing 0/0; need 1"});
    assert_refusal(&primary, ERROR_PARTITION_LOST, 0);
    PLAY(&primary, {down(0), "down, tailing 0/0; need 1"});
    assert_refusal(&primary, ERROR_BACKUP_UNAVAILABLE, 0);
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0, tailing 0/0; need 1"});
    assert_refusal(&primary, ERROR_NONE, 0);
}

Test(primary, the_gravest_refusal_is_named)
{
    struct primary primary = primary_of(3);
    assert_refusal(&primary, ERROR_BACKUP_UNAVAILABLE, 0);
    PLAY(&primary, {up(0, 0, 1), "tailing 0/0, down, down; need 1"});
    assert_refusal(&primary, ERROR_BACKUP_UNAVAILABLE, 1);
    PLAY(&primary, {up(2, 1, 1), "tailing 0/0, down, ahead; need 1"});
    assert_refusal(&primary, ERROR_PARTITION_LOST, 2);
}

Test(primary, writes_are_refused_when_two_windows_wait_to_be_committed)
{
    struct primary primary = primary_of(2);
    struct primary_output output;
    struct primary_event events[] = {up(0, 0, 1), up(1, 0, 1), appended(1, 2 * WINDOW - 1),
                                     says(PRIMARY_ACK, 0, WINDOW)};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        primary_step(&primary, &events[i], &output);
    assert_refusal(&primary, ERROR_NONE, 0);
    struct primary_event event = appended(1, 2 * WINDOW);
    primary_step(&primary, &event, &output);
    assert_refusal(&primary, ERROR_OVERLOADED, 1);
    event = says(PRIMARY_ACK, 1, 1);
    primary_step(&primary, &event, &output);
    assert_refusal(&primary, ERROR_NONE, 0);
}

Test(primary, a_filling_backup_takes_writes_up_to_two_windows)
{
    struct primary primary;
    struct primary_output output;
    primary_init(&primary, EPOCH, 1, 101, 100, 100);
    struct primary_event event = up(0, 0, 101);
    primary_step(&primary, &event, &output);
    assert_refusal(&primary, ERROR_NONE, 0);
    event = appended(101, 100 + 2 * WINDOW);
    primary_step(&primary, &event, &output);
    assert_refusal(&primary, ERROR_OVERLOADED, 0);
}

// ---- Bugs of the caller stop the process ----

static void step_once(struct primary *primary, struct primary_event event)
{
    struct primary_output output;
    primary_step(primary, &event, &output);
}

Test(primary, an_event_of_a_backup_that_does_not_exist_is_a_bug, .signal = SIGABRT)
{
    struct primary primary = primary_of(1);
    step_once(&primary, down(1));
}

Test(primary, a_log_that_shrinks_is_a_bug, .signal = SIGABRT)
{
    struct primary primary = primary_of(1);
    step_once(&primary, appended(1, 5));
    step_once(&primary, appended(1, 4));
}

Test(primary, a_log_that_dropped_uncommitted_effects_is_a_bug, .signal = SIGABRT)
{
    struct primary primary = primary_of(1);
    step_once(&primary, appended(2, 5));
}

Test(primary, a_log_that_dropped_what_a_backup_needs_is_a_bug, .signal = SIGABRT)
{
    struct primary primary;
    primary_init(&primary, EPOCH, 1, 1, 10, 10);
    step_once(&primary, up(0, 5, 1));
    step_once(&primary, appended(7, 10));
}
