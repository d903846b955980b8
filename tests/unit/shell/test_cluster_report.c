// SPDX-License-Identifier: Apache-2.0
#include "client/shell/cluster_report.h"

#include <criterion/criterion.h>
#include <string.h>

static bool read_json(struct cluster_report *report, const char *json)
{
    struct grid_builder *builder = grid_builder_new();
    cr_assert_eq(grid_build_json(builder, json, strlen(json), NULL, 0), GRID_OK);
    bool is_report = cluster_report_read(report, grid_builder_bytes(builder));
    grid_builder_free(builder);
    return is_report;
}

Test(shell_cluster_report, holds_what_a_member_says)
{
    struct cluster_report report;
    cr_assert(read_json(&report,
                        "{\"node\": \"n1\", \"phase\": \"member\", \"id\": 5, \"term\": 7,"
                        "\"leader\": 5, \"commit_index\": 40, \"view_version\": 39,"
                        "\"lease_ms\": 800, \"voters\": [5, 6], \"learners\": [8],"
                        "\"suspects\": [6], \"to_fill\": 4, \"filling\": 3, \"to_hand_over\": 2,"
                        "\"to_drop\": 1, \"something_new\": true}"));
    cr_assert_str_eq(report.node, "n1");
    cr_assert_str_eq(report.phase, "member");
    cr_assert_eq(report.term, 7);
    cr_assert_eq(report.commit_index, 40);
    cr_assert_eq(report.view_version, 39);
    cr_assert_eq(report.lease_ms, 800);
    cr_assert_eq(report.voters.count, 2);
    cr_assert(report_ids_have(&report.voters, 6));
    cr_assert_not(report_ids_have(&report.voters, 8));
    cr_assert(report_ids_have(&report.learners, 8));
    cr_assert(report_ids_have(&report.suspects, 6));
    cr_assert_eq(report.to_fill, 4);
    cr_assert_eq(report.filling, 3);
    cr_assert_eq(report.to_hand_over, 2);
    cr_assert_eq(report.to_drop, 1);
    cr_assert(cluster_report_leads(&report));
}

Test(shell_cluster_report, without_a_lease_a_leader_was_one)
{
    struct cluster_report report;
    cr_assert(read_json(&report, "{\"id\": 5, \"leader\": 5, \"lease_ms\": 1}"));
    cr_assert(cluster_report_leads(&report));
    cr_assert(read_json(&report, "{\"id\": 5, \"leader\": 5, \"lease_ms\": 0}"));
    cr_assert_not(cluster_report_leads(&report));
}

Test(shell_cluster_report, ids_have_64_bits)
{
    static const uint8_t answer[] = {0x81, 0xa2, 'i',  'd',  0xcf, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    struct cluster_report report;
    cr_assert(cluster_report_read(&report, (struct grid_bytes){answer, sizeof answer}));
    cr_assert_eq(report.id, UINT64_MAX - 1);
}

Test(shell_cluster_report, what_is_missing_is_nothing)
{
    struct cluster_report report;
    cr_assert(read_json(&report, "{\"id\": 5}"));
    cr_assert_str_eq(report.node, "");
    cr_assert_eq(report.suspects.count, 0);
    cr_assert_not(cluster_report_leads(&report));
    cr_assert(read_json(&report, "{\"id\": 5, \"leader\": 6, \"voters\": 7, \"term\": \"x\"}"));
    cr_assert_eq(report.voters.count, 0);
    cr_assert_eq(report.term, 0);
    cr_assert_not(cluster_report_leads(&report));
}

Test(shell_cluster_report, other_answers_are_none)
{
    struct cluster_report report;
    cr_assert_not(read_json(&report, "{}"));
    cr_assert_not(read_json(&report, "[1]"));
    cr_assert_not(cluster_report_read(&report, (struct grid_bytes){0}));
}

Test(shell_cluster_report, long_texts_and_lists_are_cut)
{
    char json[1024] = "{\"id\": 1, \"node\": \"";
    memset(json + strlen(json), 'n', 100);
    strcat(json, "\", \"suspects\": [1");
    for (int i = 0; i < REPORT_IDS_MAX; i++)
        strcat(json, ",1");
    strcat(json, "]}");
    struct cluster_report report;
    cr_assert(read_json(&report, json));
    cr_assert_eq(strlen(report.node), REPORT_TEXT_BYTES - 1);
    cr_assert_eq(report.suspects.count, REPORT_IDS_MAX);
}
