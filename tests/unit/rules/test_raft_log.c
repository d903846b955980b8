// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/raft_log.h"

#include <criterion/criterion.h>
#include <signal.h>

static void append(struct raft_log *log, uint64_t term, uint32_t servers)
{
    struct raft_entry entry = {.index = raft_log_last_index(log) + 1, .term = term};
    entry.kind = servers > 0 ? RAFT_CONFIGURATION : RAFT_COMMAND;
    entry.configuration.count = servers;
    entry.data = bytes_of("command", 7);
    raft_log_append(log, &entry);
}

// Entries 2 to 9 of terms 1 1 2 2 2 3 3 3; 4 sets two servers, 8 sets three.
static struct raft_log log_example(void)
{
    struct raft_log log = {0};
    struct raft_snapshot first = {.index = 1, .term = 1, .configuration.count = 1};
    raft_log_reset(&log, &first);
    static const uint64_t terms[] = {1, 1, 2, 2, 2, 3, 3, 3};
    for (uint32_t i = 0; i < 8; i++)
        append(&log, terms[i], i == 2 ? 2 : i == 6 ? 3 : 0);
    return log;
}

static uint32_t servers_at(const struct raft_log *log, uint64_t index)
{
    uint64_t set_at;
    return raft_log_configuration_at(log, index, &set_at)->count;
}

Test(raft_log, knows_terms_and_where_they_start)
{
    struct raft_log log = log_example();
    cr_assert_eq(raft_log_last_index(&log), 9);
    cr_assert_eq(raft_log_last_term(&log), 3);
    cr_assert_eq(raft_log_term_at(&log, 1), 1);
    cr_assert_eq(raft_log_term_at(&log, 4), 2);
    cr_assert_eq(raft_log_term_start(&log, 9), 7);
    cr_assert_eq(raft_log_term_start(&log, 5), 4);
    cr_assert_eq(raft_log_term_start(&log, 3), 2);
    cr_assert(bytes_equal(raft_log_at(&log, 5)->data, bytes_of("command", 7)));
    raft_log_deinit(&log);
}

Test(raft_log, empty_one_ends_at_nothing)
{
    struct raft_log log = {0};
    cr_assert_eq(raft_log_last_index(&log), 0);
    cr_assert_eq(raft_log_last_term(&log), 0);
    cr_assert_eq(servers_at(&log, 0), 0);
}

Test(raft_log, configuration_is_the_latest_up_to_an_entry)
{
    struct raft_log log = log_example();
    static const uint32_t expected[] = {1, 1, 1, 2, 2, 2, 2, 3, 3};
    for (uint64_t index = 1; index <= 9; index++)
        cr_expect_eq(servers_at(&log, index), expected[index - 1]);
    cr_assert_eq(log.configuration_index, 8);
    raft_log_deinit(&log);
}

Test(raft_log, truncation_takes_configurations_back)
{
    struct raft_log log = log_example();
    raft_log_truncate(&log, 9);
    cr_assert_eq(log.configuration.count, 3);
    raft_log_truncate(&log, 8);
    cr_assert_eq(log.configuration.count, 2);
    cr_assert_eq(log.configuration_index, 4);
    raft_log_truncate(&log, 2);
    cr_assert_eq(log.configuration.count, 1);
    cr_assert_eq(log.configuration_index, 0);
    raft_log_deinit(&log);
}

Test(raft_log, compaction_keeps_a_tail_and_the_history_of_configurations)
{
    struct raft_log log = log_example();
    struct raft_snapshot snapshot = {.index = 6,
                                     .term = 2,
                                     .configuration.count = 2,
                                     .configuration_index = 4,
                                     .data = bytes_of("state", 5)};
    raft_log_compact(&log, &snapshot, 5);
    cr_assert_eq(log.prefix_index, 5);
    cr_assert_eq(log.prefix_term, 2);
    cr_assert_eq(raft_log_term_at(&log, 6), 2);
    cr_assert_eq(raft_log_last_index(&log), 9);
    cr_assert_eq(log.configuration.count, 3);
    raft_log_truncate(&log, 7);
    cr_assert_eq(log.configuration.count, 2);
    cr_assert_eq(log.configuration_index, 4);
    cr_assert(bytes_equal(log.snapshot.data, bytes_of("state", 5)));
    raft_log_deinit(&log);
}

Test(raft_log, takes_no_entry_out_of_order, .signal = SIGABRT)
{
    struct raft_log log = log_example();
    struct raft_entry entry = {.index = 11, .term = 3};
    raft_log_append(&log, &entry);
}

Test(raft_log, takes_no_entry_of_an_earlier_term, .signal = SIGABRT)
{
    struct raft_log log = log_example();
    append(&log, 2, 0);
}

Test(raft_log, gives_up_nothing_that_a_snapshot_stands_for, .signal = SIGABRT)
{
    struct raft_log log = log_example();
    raft_log_truncate(&log, 1);
}
