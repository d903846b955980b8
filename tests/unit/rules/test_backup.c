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
                                 .commit_seq = commit_seq};
}

static struct backup_event fill(enum backup_event_kind kind, uint64_t seq)
{
    return (struct backup_event){.kind = kind, .epoch = EPOCH, .seq = seq};
}

struct row {
    struct backup before;
    struct backup_event event;
    struct backup_output output;
    struct backup after;
};

// A backup with everything up to `last`; one that was filled and is exact from `exact` on; one that
// is being filled up to `seq`.
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
        cr_assert_eq(output.committed, expected->committed, "row %zu", i);
        cr_assert_eq(backup.epoch, rows[i].after.epoch, "row %zu", i);
        cr_assert_eq(backup.last_seq, rows[i].after.last_seq, "row %zu", i);
        cr_assert_eq(backup.committed_seq, rows[i].after.committed_seq, "row %zu", i);
        cr_assert_eq(backup.is_filling, rows[i].after.is_filling, "row %zu", i);
        cr_assert_eq(backup.fill_seq, rows[i].after.fill_seq, "row %zu", i);
        cr_assert_eq(backup.exact_seq, rows[i].after.exact_seq, "row %zu", i);
    }
}

Test(backup, effects_are_taken_in_order_and_once)
{
    static const struct backup_output accept = {.verdict = BACKUP_ACCEPT, .acknowledge = true};
    static const struct backup_output repeat = {.acknowledge = true};
    static const struct backup_output gap = {.verdict = BACKUP_REPORT_GAP};
    const struct row rows[] = {
        {WHOLE(0, 0), append(1, 3, 0), accept, WHOLE(3, 0)},
        {WHOLE(3, 0), append(4, 1, 0), accept, WHOLE(4, 0)},
        {WHOLE(3, 0), append(1, 3, 0), repeat, WHOLE(3, 0)},
        {WHOLE(3, 0), append(1, 2, 0), repeat, WHOLE(3, 0)},
        {WHOLE(3, 0),
         append(2, 5, 0),
         {.verdict = BACKUP_ACCEPT, .skip = 2, .acknowledge = true},
         WHOLE(6, 0)},
        {WHOLE(3, 0), append(5, 1, 0), gap, WHOLE(3, 0)},
        {WHOLE(0, 0), append(UINT64_MAX, UINT32_MAX, 0), gap, WHOLE(0, 0)},
        {WHOLE(3, 0), append(0, 2, 0), {0}, WHOLE(3, 0)},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

Test(backup, the_commit_point_moves_forward_as_far_as_the_log)
{
    const struct row rows[] = {
        {WHOLE(3, 1), append(4, 0, 2), {.committed = true}, WHOLE(3, 2)},
        {WHOLE(3, 2), append(4, 0, 2), {0}, WHOLE(3, 2)},
        {WHOLE(3, 2), append(4, 0, 1), {0}, WHOLE(3, 2)},
        {WHOLE(3, 2), append(4, 0, 9), {.committed = true}, WHOLE(3, 3)},
        {WHOLE(3, 2), append(2, 0, 3), {.committed = true}, WHOLE(3, 3)},
        {WHOLE(3, 2), append(5, 0, 3), {.verdict = BACKUP_REPORT_GAP}, WHOLE(3, 2)},
        {WHOLE(3, 2),
         append(4, 2, 9),
         {.verdict = BACKUP_ACCEPT, .acknowledge = true, .committed = true},
         WHOLE(5, 5)},
        {WHOLE(3, 2), append(3, 1, 3), {.acknowledge = true, .committed = true}, WHOLE(3, 3)},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

Test(backup, a_fill_replaces_everything)
{
    static const struct backup_output accept = {.verdict = BACKUP_ACCEPT};
    const struct row rows[] = {
        {WHOLE(3, 2), fill(BACKUP_FILL_BEGIN, 9), accept, FILLING(9)},
        {FILLING(9), fill(BACKUP_FILL_ENTRY, 0), accept, FILLING(9)},
        {FILLING(9),
         fill(BACKUP_FILL_END, 9),
         {.verdict = BACKUP_ACCEPT, .acknowledge = true},
         MIXED(9, 9)},
        {FILLING(9),
         fill(BACKUP_FILL_END, 12),
         {.verdict = BACKUP_ACCEPT, .acknowledge = true},
         MIXED(9, 12)},
        {FILLING(9), {.kind = BACKUP_RESET_LINK}, accept, WHOLE(0, 0)},
        {FILLING(9), append(1, 1, 0), {0}, FILLING(9)},
        {FILLING(9), fill(BACKUP_FILL_END, 8), {0}, FILLING(9)},
        {FILLING(9), fill(BACKUP_FILL_BEGIN, 10), {0}, FILLING(9)},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

// The next session's primary would take it for an exact copy.
Test(backup, a_fill_is_void_if_the_link_goes_down_before_it_is_exact)
{
    const struct row rows[] = {
        {MIXED(11, 12), {.kind = BACKUP_RESET_LINK}, {.verdict = BACKUP_ACCEPT}, WHOLE(0, 0)},
        {MIXED(12, 12), {.kind = BACKUP_RESET_LINK}, {0}, MIXED(12, 12)},
        {MIXED(11, 12),
         append(12, 1, 0),
         {.verdict = BACKUP_ACCEPT, .acknowledge = true},
         MIXED(12, 12)},
        {MIXED(11, 12), fill(BACKUP_FILL_BEGIN, 14), {.verdict = BACKUP_ACCEPT}, FILLING(14)},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

// Else what it has acknowledged would be lost.
Test(backup, a_backup_that_is_not_behind_is_not_filled)
{
    const struct row rows[] = {
        {WHOLE(9, 2), fill(BACKUP_FILL_BEGIN, 9), {0}, WHOLE(9, 2)},
        {WHOLE(9, 2), fill(BACKUP_FILL_BEGIN, 0), {0}, WHOLE(9, 2)},
        {WHOLE(9, 2), fill(BACKUP_FILL_ENTRY, 0), {0}, WHOLE(9, 2)},
        {WHOLE(9, 2), fill(BACKUP_FILL_END, 10), {0}, WHOLE(9, 2)},
        {WHOLE(9, 2), {.kind = BACKUP_RESET_LINK}, {0}, WHOLE(9, 2)},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

Test(backup, another_epoch_is_ignored)
{
    const struct backup_event events[] = {append(4, 1, 3), append(9, 1, 3),
                                          fill(BACKUP_FILL_BEGIN, 9), fill(BACKUP_FILL_ENTRY, 0),
                                          fill(BACKUP_FILL_END, 9)};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        for (uint64_t epoch = EPOCH - 1; epoch <= EPOCH + 1; epoch += 2) {
            struct row row = {WHOLE(3, 2), events[i], {0}, WHOLE(3, 2)};
            row.event.epoch = epoch;
            rows_check(&row, 1);
        }
    }
}

Test(backup, it_starts_where_it_is_told)
{
    struct backup backup;
    backup_init(&backup, EPOCH, 12, 10);
    cr_assert_eq(backup.last_seq, 12);
    cr_assert_eq(backup.committed_seq, 10);
    cr_assert_not(backup.is_filling);
}

Test(backup, a_commit_point_beyond_the_log_is_a_bug, .signal = SIGABRT)
{
    struct backup backup;
    backup_init(&backup, EPOCH, 12, 13);
}
