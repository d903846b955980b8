// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/backup.h"

#include <criterion/criterion.h>
#include <signal.h>

enum { EPOCH = 3 };

static struct backup_event append(uint64_t first_seq, uint32_t count, uint64_t commit_seq)
{
    return (struct backup_event){.kind = BACKUP_APPEND,
                                 .epoch = EPOCH,
                                 .first_seq = first_seq,
                                 .count = count,
                                 .commit_seq = commit_seq,
                                 .made_epoch = EPOCH};
}

static const struct epochs of_primary = {.count = 2, .runs = {{1, 1}, {2, 6}}};

static struct backup_event says(enum backup_event_kind kind, uint64_t seq)
{
    return (struct backup_event){.kind = kind, .epoch = EPOCH, .seq = seq, .epochs = &of_primary};
}

static struct backup_event of_epoch(uint64_t epoch, struct backup_event event)
{
    event.epoch = epoch;
    return event;
}

struct row {
    struct backup before;
    struct backup_event event;
    struct backup_output output;
    struct backup after;
};

// A backup with everything up to `last`; one that was filled and is exact from `exact` on; one that
// is being filled up to `seq`. (Epochs have tests of their own.)
#define WHOLE(last, committed)                                                                     \
    {                                                                                              \
        .epoch = EPOCH, .last_seq = last, .committed_seq = committed                               \
    }
#define MIXED(last, exact)                                                                         \
    {                                                                                              \
        .epoch = EPOCH, .last_seq = last, .exact_seq = exact                                       \
    }
#define FILLING(seq)                                                                               \
    {                                                                                              \
        .epoch = EPOCH, .is_filling = true, .fill_seq = seq                                        \
    }

static void rows_check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct backup backup = rows[i].before;
        struct backup_output output;
        backup_step(&backup, &rows[i].event, &output);
        const struct backup_output *expected = &rows[i].output;
        cr_assert_eq(output.verdict, expected->verdict, "row %zu: verdict %d", i, output.verdict);
        cr_assert_eq(output.skip, expected->skip, "row %zu: skip %u", i, output.skip);
        cr_assert_eq(output.acknowledge, expected->acknowledge, "row %zu", i);
        cr_assert_eq(output.report, expected->report, "row %zu", i);
        cr_assert_eq(output.committed, expected->committed, "row %zu", i);
        cr_assert_eq(backup.epoch, rows[i].after.epoch, "row %zu", i);
        cr_assert_eq(backup.last_seq, rows[i].after.last_seq, "row %zu", i);
        cr_assert_eq(backup.committed_seq, rows[i].after.committed_seq, "row %zu", i);
        cr_assert_eq(backup.is_filling, rows[i].after.is_filling, "row %zu", i);
        cr_assert_eq(backup.fill_seq, rows[i].after.fill_seq, "row %zu", i);
        cr_assert_eq(backup.exact_seq, rows[i].after.exact_seq, "row %zu", i);
    }
}

#define ROWS(...)                                                                                  \
    do {                                                                                           \
        const struct row rows[] = {__VA_ARGS__};                                                   \
        rows_check(rows, sizeof rows / sizeof rows[0]);                                            \
    } while (0)

static const struct backup_output nothing = {0};
static const struct backup_output accept = {.verdict = BACKUP_ACCEPT};
static const struct backup_output take = {.verdict = BACKUP_ACCEPT, .acknowledge = true};
static const struct backup_output repeat = {.acknowledge = true};
static const struct backup_output gap = {.verdict = BACKUP_REPORT_GAP};
static const struct backup_output report = {.report = true};
static const struct backup_output start_over = {.verdict = BACKUP_ACCEPT, .report = true};

// ---- Effects ----

Test(backup, effects_are_taken_in_order_and_once)
{
    ROWS({WHOLE(0, 0), append(1, 3, 0), take, WHOLE(3, 0)},
         {WHOLE(3, 0), append(4, 1, 0), take, WHOLE(4, 0)},
         {WHOLE(3, 0), append(1, 3, 0), repeat, WHOLE(3, 0)},
         {WHOLE(3, 0), append(1, 2, 0), repeat, WHOLE(3, 0)},
         {WHOLE(3, 0),
          append(2, 5, 0),
          {.verdict = BACKUP_ACCEPT, .skip = 2, .acknowledge = true},
          WHOLE(6, 0)},
         {WHOLE(3, 0), append(5, 1, 0), gap, WHOLE(3, 0)},
         {WHOLE(0, 0), append(UINT64_MAX, UINT32_MAX, 0), gap, WHOLE(0, 0)},
         {WHOLE(3, 0), append(0, 2, 0), nothing, WHOLE(3, 0)});
}

Test(backup, the_commit_point_moves_forward_as_far_as_the_log)
{
    static const struct backup_output committed = {.committed = true};
    ROWS({WHOLE(3, 1), append(4, 0, 2), committed, WHOLE(3, 2)},
         {WHOLE(3, 2), append(4, 0, 2), nothing, WHOLE(3, 2)},
         {WHOLE(3, 2), append(4, 0, 1), nothing, WHOLE(3, 2)},
         {WHOLE(3, 2), append(4, 0, 9), committed, WHOLE(3, 3)},
         {WHOLE(3, 2), append(2, 0, 3), committed, WHOLE(3, 3)},
         {WHOLE(3, 2), append(5, 0, 3), gap, WHOLE(3, 2)},
         {WHOLE(3, 2),
          append(4, 2, 9),
          {.verdict = BACKUP_ACCEPT, .acknowledge = true, .committed = true},
          WHOLE(5, 5)},
         {WHOLE(3, 2), append(3, 1, 3), {.acknowledge = true, .committed = true}, WHOLE(3, 3)});
}

static struct backup backup_of(uint64_t last_seq, uint64_t committed_seq, struct epochs epochs)
{
    struct backup backup;
    backup_init(&backup, EPOCH, last_seq, committed_seq, &epochs);
    return backup;
}

static enum backup_verdict step(struct backup *backup, struct backup_event event)
{
    struct backup_output output;
    backup_step(backup, &event, &output);
    return output.verdict;
}

static struct backup_event made(uint64_t made_epoch, struct backup_event event)
{
    event.made_epoch = made_epoch;
    return event;
}

Test(backup, the_first_effect_of_another_epoch_begins_a_run)
{
    struct backup backup = backup_of(0, 0, (struct epochs){0});
    cr_assert_eq(step(&backup, made(1, append(1, 3, 0))), BACKUP_ACCEPT);
    cr_assert_eq(step(&backup, made(1, append(4, 1, 0))), BACKUP_ACCEPT);
    cr_assert_eq(step(&backup, made(3, append(5, 2, 0))), BACKUP_ACCEPT);
    cr_assert_eq(backup.epochs.count, 2);
    cr_assert_eq(backup.epochs.runs[0].first_seq, 1);
    cr_assert_eq(backup.epochs.runs[1].epoch, 3);
    cr_assert_eq(backup.epochs.runs[1].first_seq, 5);
    // The part that is known already belongs to the run that it was in.
    cr_assert_eq(step(&backup, made(3, append(4, 4, 0))), BACKUP_ACCEPT);
    cr_assert_eq(backup.epochs.runs[1].first_seq, 5);
}

Test(backup, effects_of_an_impossible_epoch_are_ignored)
{
    static const uint64_t impossible[] = {0, 1, EPOCH + 1};
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        struct backup backup = backup_of(6, 0, of_primary);
        cr_assert_eq(step(&backup, made(impossible[i], append(7, 1, 0))), BACKUP_IGNORE);
        cr_assert_eq(backup.last_seq, 6);
    }
}

// ---- Fills ----

Test(backup, a_fill_replaces_everything)
{
    ROWS({WHOLE(3, 2), says(BACKUP_FILL_BEGIN, 9), accept, FILLING(9)},
         {WHOLE(12, 2), says(BACKUP_FILL_BEGIN, 9), accept, FILLING(9)},
         {WHOLE(12, 2), says(BACKUP_FILL_BEGIN, 0), accept, FILLING(0)},
         {FILLING(9), says(BACKUP_FILL_ENTRY, 0), accept, FILLING(9)},
         {FILLING(9), says(BACKUP_FILL_END, 9), take, MIXED(9, 9)},
         {FILLING(9), says(BACKUP_FILL_END, 12), take, MIXED(9, 12)},
         {FILLING(0), says(BACKUP_FILL_END, 0), take, MIXED(0, 0)},
         {FILLING(9), append(1, 1, 0), nothing, FILLING(9)},
         {FILLING(9), says(BACKUP_CUT, 0), nothing, FILLING(9)},
         {FILLING(9), says(BACKUP_FILL_END, 8), nothing, FILLING(9)},
         {FILLING(9), says(BACKUP_FILL_BEGIN, 10), nothing, FILLING(9)},
         {WHOLE(9, 2), says(BACKUP_FILL_ENTRY, 0), nothing, WHOLE(9, 2)},
         {WHOLE(9, 2), says(BACKUP_FILL_END, 10), nothing, WHOLE(9, 2)});
}

// The next session's primary would take it for an exact copy.
Test(backup, a_fill_that_is_not_exact_does_not_outlast_its_session)
{
    ROWS({FILLING(9), says(BACKUP_RESET_LINK, 0), accept, WHOLE(0, 0)},
         {MIXED(11, 12), says(BACKUP_RESET_LINK, 0), accept, WHOLE(0, 0)},
         {MIXED(12, 12), says(BACKUP_RESET_LINK, 0), nothing, MIXED(12, 12)},
         {WHOLE(9, 2), says(BACKUP_RESET_LINK, 0), nothing, WHOLE(9, 2)},
         {FILLING(9), says(BACKUP_ATTACH, 0), start_over, WHOLE(0, 0)},
         {MIXED(11, 12), says(BACKUP_ATTACH, 0), start_over, WHOLE(0, 0)},
         {MIXED(12, 12), says(BACKUP_ATTACH, 0), report, MIXED(12, 12)},
         {MIXED(11, 12), append(12, 1, 0), take, MIXED(12, 12)});
}

Test(backup, the_epochs_of_a_filled_log_are_known_from_where_it_is_exact)
{
    struct backup backup = backup_of(0, 0, (struct epochs){0});
    step(&backup, says(BACKUP_FILL_BEGIN, 9));
    step(&backup, says(BACKUP_FILL_END, 9));
    cr_assert_eq(backup.epochs.count, 1);
    cr_assert_eq(backup.epochs.runs[0].epoch, 2);
    cr_assert_eq(backup.epochs.runs[0].first_seq, 9);

    step(&backup, says(BACKUP_FILL_BEGIN, 9));
    step(&backup, says(BACKUP_FILL_END, 12));
    cr_assert_eq(backup.epochs.count, 0);
    step(&backup, made(2, append(10, 2, 0)));
    cr_assert_eq(backup.epochs.count, 0);
    step(&backup, made(3, append(12, 3, 0)));
    cr_assert_eq(backup.epochs.count, 1);
    cr_assert_eq(backup.epochs.runs[0].first_seq, 12);
}

// ---- Cuts ----

Test(backup, a_cut_takes_back_what_is_neither_committed_nor_filled)
{
    ROWS({WHOLE(9, 4), says(BACKUP_CUT, 8), accept, WHOLE(8, 4)},
         {WHOLE(9, 4), says(BACKUP_CUT, 4), accept, WHOLE(4, 4)},
         {WHOLE(9, 4), says(BACKUP_CUT, 3), nothing, WHOLE(9, 4)},
         {WHOLE(9, 4), says(BACKUP_CUT, 9), nothing, WHOLE(9, 4)},
         {WHOLE(9, 4), says(BACKUP_CUT, 10), nothing, WHOLE(9, 4)},
         {MIXED(9, 6), says(BACKUP_CUT, 6), accept, MIXED(6, 6)},
         {MIXED(9, 6), says(BACKUP_CUT, 5), nothing, MIXED(9, 6)});
    struct backup backup = backup_of(9, 0, of_primary);
    step(&backup, says(BACKUP_CUT, 5));
    cr_assert_eq(backup.epochs.count, 1);
}

// ---- Epochs of primaries ----

Test(backup, a_later_primary_is_obeyed_from_its_attach_on)
{
    struct backup backup = backup_of(9, 4, of_primary);
    struct backup_output output;
    struct backup_event event = of_epoch(EPOCH + 2, says(BACKUP_ATTACH, 0));
    backup_step(&backup, &event, &output);
    cr_assert(output.report);
    cr_assert_eq(output.verdict, BACKUP_IGNORE);
    cr_assert_eq(backup.epoch, EPOCH + 2);
    cr_assert_eq(backup.last_seq, 9);
    cr_assert_eq(backup.committed_seq, 4);
    cr_assert_eq(step(&backup, append(10, 1, 4)), BACKUP_IGNORE);
    cr_assert_eq(step(&backup, of_epoch(EPOCH + 2, append(10, 1, 4))), BACKUP_ACCEPT);
}

Test(backup, another_epoch_is_ignored)
{
    const struct backup_event events[] = {append(4, 1, 3), append(9, 1, 3), says(BACKUP_CUT, 2),
                                          says(BACKUP_FILL_BEGIN, 9), says(BACKUP_FILL_END, 9)};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        for (uint64_t epoch = EPOCH - 1; epoch <= EPOCH + 1; epoch += 2) {
            ROWS({WHOLE(3, 2), of_epoch(epoch, events[i]), nothing, WHOLE(3, 2)});
            ROWS({FILLING(9), of_epoch(epoch, events[i]), nothing, FILLING(9)});
        }
    }
    ROWS({FILLING(9), of_epoch(EPOCH - 1, says(BACKUP_FILL_ENTRY, 0)), nothing, FILLING(9)});
    ROWS({WHOLE(3, 2), of_epoch(EPOCH - 1, says(BACKUP_ATTACH, 0)), nothing, WHOLE(3, 2)});
    ROWS({MIXED(3, 4), of_epoch(EPOCH - 1, says(BACKUP_ATTACH, 0)), nothing, MIXED(3, 4)});
}

// ---- Beginning ----

Test(backup, it_starts_where_it_is_told_without_a_run_that_has_no_effects)
{
    struct backup backup = backup_of(5, 4, of_primary);
    cr_assert_eq(backup.last_seq, 5);
    cr_assert_eq(backup.committed_seq, 4);
    cr_assert_eq(backup.epochs.count, 1);
    cr_assert_not(backup.is_filling);
}

Test(backup, a_commit_point_beyond_the_log_is_a_bug, .signal = SIGABRT)
{
    backup_of(12, 13, (struct epochs){0});
}

Test(backup, effects_made_after_the_primarys_epoch_are_a_bug, .signal = SIGABRT)
{
    backup_of(12, 0, (struct epochs){.count = 1, .runs = {{EPOCH + 1, 3}}});
}
