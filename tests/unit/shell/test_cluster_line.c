// SPDX-License-Identifier: Apache-2.0
#include "client/shell/cluster_line.h"

#include <criterion/criterion.h>
#include <stdio.h>

static bool parse(struct shell_cluster *cluster, const char *line, struct shell_fault *fault)
{
    struct shell_words words = shell_words_of(bytes_of_text(line));
    return shell_cluster_parse(cluster, &words, fault);
}

static void parse_ok(struct shell_cluster *cluster, const char *line)
{
    struct shell_fault fault;
    cr_assert(parse(cluster, line, &fault), "%s: %s", line, fault.text);
}

Test(shell_cluster_line, actions_have_no_case)
{
    for (size_t i = 0; i <= CLUSTER_ACTION_VOTERS; i++) {
        struct shell_cluster cluster;
        parse_ok(&cluster, shell_cluster_actions()[i]);
        cr_assert_eq((size_t)cluster.action, i);
        shell_cluster_deinit(&cluster);
    }
    struct shell_cluster cluster;
    parse_ok(&cluster, "VoTers");
    cr_assert_eq(cluster.action, CLUSTER_ACTION_VOTERS);
    shell_cluster_deinit(&cluster);
}

Test(shell_cluster_line, members_may_be_named_in_quotes)
{
    struct shell_cluster cluster;
    parse_ok(&cluster, "partitions");
    cr_assert_null(cluster.member);
    shell_cluster_deinit(&cluster);
    parse_ok(&cluster, "partitions 'n 1'");
    cr_assert_str_eq(cluster.member, "n 1");
    shell_cluster_deinit(&cluster);
}

Test(shell_cluster_line, leave_is_asked_for_unless_agreed)
{
    struct shell_cluster cluster;
    parse_ok(&cluster, "leave n3");
    cr_assert_str_eq(cluster.member, "n3");
    cr_assert_not(cluster.is_agreed);
    shell_cluster_deinit(&cluster);
    parse_ok(&cluster, "leave --yes n3");
    cr_assert_str_eq(cluster.member, "n3");
    cr_assert(cluster.is_agreed);
    shell_cluster_deinit(&cluster);
}

Test(shell_cluster_line, recover_takes_member_and_consent)
{
    struct shell_cluster cluster;
    parse_ok(&cluster, "recover --force");
    cr_assert_null(cluster.member);
    cr_assert_null(cluster.grid_name);
    shell_cluster_deinit(&cluster);
    parse_ok(&cluster, "recover --force n1 --yes-i-know=first --yes-i-know=prod");
    cr_assert_str_eq(cluster.member, "n1");
    cr_assert_str_eq(cluster.grid_name, "prod");
    shell_cluster_deinit(&cluster);
}

Test(shell_cluster_line, rebalance_takes_members_to_add_and_remove)
{
    struct shell_cluster cluster;
    parse_ok(&cluster, "rebalance --add n4 --simulate --add n5:100 --remove n1");
    cr_assert_eq(cluster.change_count, 3);
    cr_assert_str_eq(cluster.changes[0].name, "n4");
    cr_assert_eq(cluster.changes[0].weight, 1);
    cr_assert_str_eq(cluster.changes[1].name, "n5");
    cr_assert_eq(cluster.changes[1].weight, 100);
    cr_assert_str_eq(cluster.changes[2].name, "n1");
    cr_assert_eq(cluster.changes[2].weight, 0);
    shell_cluster_deinit(&cluster);
}

Test(shell_cluster_line, changes_are_bounded)
{
    char line[2048] = "rebalance --simulate";
    size_t used = strlen(line);
    for (int i = 0; i <= CLUSTER_CHANGES_MAX; i++)
        used += (size_t)snprintf(line + used, sizeof line - used, " --add m%d", i);
    struct shell_cluster cluster;
    struct shell_fault fault;
    cr_assert_not(parse(&cluster, line, &fault));
    cr_assert_str_eq(fault.text, "more than 64 members at once");
    shell_cluster_deinit(&cluster);
}

Test(shell_cluster_line, faults_point_at_the_place)
{
    static const struct {
        const char *line;
        size_t offset;
        const char *text; // how it starts
    } rows[] = {
        {"", 0, "expected status, members, partitions"},
        {"statu", 0, "expected status, members, partitions"},
        {"'status'", 0, "expected status, members, partitions"},
        {"status all", 7, "this is too much for cluster status"},
        {"status --yes", 7, "no such option of cluster status"},
        {"partitions n1 n2", 14, "this is too much for cluster partitions"},
        {"partitions ''", 11, "expected a name here"},
        {"partitions 'n1", 11, "this quote is not closed"},
        {"leave", 5, "expected the name of a member here"},
        {"leave --yes", 11, "expected the name of a member here"},
        {"leave n1 --force", 9, "no such option of cluster leave"},
        {"recover", 7, "expected --force: acknowledged writes may be lost"},
        {"recover n1 --yes-i-know=g", 25, "expected --force"},
        {"recover --force --yes-i-know=", 29, "expected the name of the grid here"},
        {"recover --force --yes-i-know g", 16, "no such option; there are --force and"},
        {"rebalance", 9, "expected --simulate: a grid rebalances by itself"},
        {"rebalance --add n4", 18, "expected --simulate"},
        {"rebalance --simulate n4", 21, "this is too much for cluster rebalance"},
        {"rebalance --simulate --add", 26, "expected the name of a new member here"},
        {"rebalance --simulate --add :2", 27, "expected the name of a member here"},
        {"rebalance --simulate --add n4:", 30, "expected a weight from 1 to 100"},
        {"rebalance --simulate --add n4:0", 30, "expected a weight from 1 to 100"},
        {"rebalance --simulate --add n4:101", 30, "expected a weight from 1 to 100"},
        {"rebalance --simulate --add n4:1:2", 30, "expected a weight from 1 to 100"},
        {"rebalance --simulate --remove", 29, "expected the name of a member here"},
        {"rebalance --now", 10, "no such option; there are --simulate, --add and --remove"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct shell_cluster cluster;
        struct shell_fault fault;
        cr_assert_not(parse(&cluster, rows[i].line, &fault), "%s", rows[i].line);
        cr_assert_eq(fault.offset, rows[i].offset, "%s: %zu", rows[i].line, fault.offset);
        cr_assert_eq(strncmp(fault.text, rows[i].text, strlen(rows[i].text)), 0, "%s: %s",
                     rows[i].line, fault.text);
        shell_cluster_deinit(&cluster);
    }
}
