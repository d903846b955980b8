// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/epochs.h"

#include <criterion/criterion.h>
#include <signal.h>

#define EPOCHS(...)                                                                                \
    {                                                                                              \
        .count = sizeof((struct epoch_run[]){__VA_ARGS__}) / sizeof(struct epoch_run),             \
        .runs = {__VA_ARGS__},                                                                     \
    }

static const struct epochs none;
static const struct epochs three = EPOCHS({1, 1}, {3, 41}, {4, 58});

static void assert_runs(const struct epochs *epochs, const struct epochs *expected)
{
    cr_assert_eq(epochs->count, expected->count);
    for (uint32_t i = 0; i < expected->count; i++) {
        cr_assert_eq(epochs->runs[i].epoch, expected->runs[i].epoch, "run %u", i);
        cr_assert_eq(epochs->runs[i].first_seq, expected->runs[i].first_seq, "run %u", i);
    }
}

Test(epochs, a_run_begins_where_the_epoch_is_new)
{
    struct epochs epochs = none;
    epochs_begin(&epochs, 1, 1);
    epochs_begin(&epochs, 1, 20);
    epochs_begin(&epochs, 3, 41);
    epochs_begin(&epochs, 4, 58);
    assert_runs(&epochs, &three);
}

Test(epochs, a_run_without_effects_is_replaced)
{
    struct epochs epochs = EPOCHS({1, 1}, {2, 41});
    epochs_begin(&epochs, 3, 41);
    epochs_begin(&epochs, 4, 58);
    assert_runs(&epochs, &three);
}

Test(epochs, the_oldest_runs_are_forgotten)
{
    struct epochs epochs = none;
    for (uint64_t epoch = 1; epoch <= EPOCH_RUNS_MAX + 2; epoch++)
        epochs_begin(&epochs, epoch, 10 * epoch);
    uint64_t last_seq;
    cr_assert_eq(epochs.count, EPOCH_RUNS_MAX);
    cr_assert_eq(epochs_at(&epochs, 29, &last_seq), 0);
    cr_assert_eq(last_seq, 29);
    cr_assert_eq(epochs_at(&epochs, 30, &last_seq), 3);
    cr_assert_eq(last_seq, 39);
    cr_assert_eq(epochs_at(&epochs, 1000, &last_seq), EPOCH_RUNS_MAX + 2);
}

Test(epochs, a_seq_has_the_epoch_of_its_run)
{
    static const struct {
        uint64_t seq, epoch, last_seq;
    } rows[] = {{0, 0, 0},   {1, 1, 40},          {40, 1, 40},         {41, 3, 57},
                {57, 3, 57}, {58, 4, UINT64_MAX}, {999, 4, UINT64_MAX}};
    uint64_t last_seq;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(epochs_at(&three, rows[i].seq, &last_seq), rows[i].epoch, "row %zu", i);
        cr_assert_eq(last_seq, rows[i].last_seq, "row %zu", i);
    }
    cr_assert_eq(epochs_at(&none, 7, &last_seq), 0);
    cr_assert_eq(last_seq, UINT64_MAX);
}

Test(epochs, a_cut_takes_the_runs_beyond_it)
{
    static const struct {
        uint64_t last_seq;
        uint32_t count;
    } rows[] = {{100, 3}, {58, 3}, {57, 2}, {41, 2}, {40, 1}, {1, 1}, {0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct epochs epochs = three;
        epochs_cut(&epochs, rows[i].last_seq);
        cr_assert_eq(epochs.count, rows[i].count, "row %zu", i);
    }
}

Test(epochs, two_logs_agree_up_to_where_their_epochs_part)
{
    static const struct {
        const char *why;
        struct epochs a;
        uint64_t a_last_seq;
        struct epochs b;
        uint64_t b_last_seq;
        uint64_t agreed_seq;
    } rows[] = {
        {"both empty", EPOCHS(), 0, EPOCHS(), 0, 0},
        {"one empty", EPOCHS({1, 1}), 9, EPOCHS(), 0, 0},
        {"equal", EPOCHS({1, 1}, {3, 5}), 9, EPOCHS({1, 1}, {3, 5}), 9, 9},
        {"one shorter", EPOCHS({1, 1}, {3, 5}), 9, EPOCHS({1, 1}), 3, 3},
        {"one shorter, in the same run", EPOCHS({1, 1}, {3, 5}), 9, EPOCHS({1, 1}, {3, 5}), 7, 7},
        {"another suffix", EPOCHS({1, 1}, {3, 5}), 9, EPOCHS({1, 1}), 7, 4},
        {"other suffixes", EPOCHS({1, 1}, {3, 5}), 9, EPOCHS({1, 1}, {2, 4}), 12, 3},
        {"other suffixes of some runs", EPOCHS({1, 1}, {5, 5}, {6, 8}), 9,
         EPOCHS({1, 1}, {2, 4}, {3, 6}, {4, 7}), 12, 3},
        {"a run in common, then other ones", EPOCHS({1, 1}, {2, 4}, {4, 6}), 9,
         EPOCHS({1, 1}, {2, 4}, {3, 8}), 12, 5},
        {"nothing in common", EPOCHS({2, 1}), 9, EPOCHS({1, 1}), 9, 0},
        {"a run without effects", EPOCHS({1, 1}, {3, 10}), 9, EPOCHS({1, 1}), 9, 9},
        {"forgotten runs, the last in common", EPOCHS({7, 50}, {8, 60}), 70,
         EPOCHS({6, 40}, {7, 50}), 65, 59},
        {"nothing known in common", EPOCHS({7, 50}), 70, EPOCHS({1, 1}), 45, 0},
        {"known of one too late", EPOCHS({1, 1}, {3, 8}), 20, EPOCHS({1, 9}), 12, 0},
        {"no epochs known", EPOCHS({1, 1}), 20, EPOCHS(), 12, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t there =
            epochs_agree(&rows[i].a, rows[i].a_last_seq, &rows[i].b, rows[i].b_last_seq);
        uint64_t back =
            epochs_agree(&rows[i].b, rows[i].b_last_seq, &rows[i].a, rows[i].a_last_seq);
        cr_assert_eq(there, rows[i].agreed_seq, "%s: %lu", rows[i].why, there);
        cr_assert_eq(back, rows[i].agreed_seq, "%s, the other way: %lu", rows[i].why, back);
    }
}

Test(epochs, an_epoch_that_goes_back_is_a_bug, .signal = SIGABRT)
{
    struct epochs epochs = three;
    epochs_begin(&epochs, 2, 70);
}

Test(epochs, a_run_that_begins_before_the_last_one_is_a_bug, .signal = SIGABRT)
{
    struct epochs epochs = three;
    epochs_begin(&epochs, 5, 57);
}
