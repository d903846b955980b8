// SPDX-License-Identifier: Apache-2.0
// What a member says of the agreement, and who leads: only the leader knows whom it suspects and
// what is still to be moved.
#pragma once

#include "client/grid.h"
#include "cluster/base/check.h"

enum {
    REPORT_IDS_MAX = 64,
    REPORT_TEXT_BYTES = 64,
};

struct report_ids {
    uint64_t ids[REPORT_IDS_MAX];
    size_t count;
};

struct cluster_report {
    char node[REPORT_TEXT_BYTES];
    char phase[REPORT_TEXT_BYTES];
    uint64_t id;
    uint64_t term;
    uint64_t leader; // 0: it knows none
    uint64_t commit_index;
    uint64_t view_version;
    uint64_t lease_ms; // it may serve for so long; above INT64_MAX: for ever, as the only voter
    struct report_ids voters; // empty when it is no server of the consensus
    struct report_ids learners;
    // Of the leader alone:
    struct report_ids suspects;
    uint64_t to_fill;
    uint64_t filling;
    uint64_t to_hand_over;
    uint64_t to_drop;
};

// Reads the answer to GRID_CLUSTER_STATUS; what it lacks is 0. False when it is no such answer.
MUST_USE bool cluster_report_read(struct cluster_report *report, struct grid_bytes answer);

// Whether the member leads now. One that has lost its majority may still name itself, as the last
// leader that it knows of; but it has no lease then.
static inline bool cluster_report_leads(const struct cluster_report *report)
{
    return report->leader != 0 && report->leader == report->id && report->lease_ms > 0;
}

bool report_ids_have(const struct report_ids *ids, uint64_t id);

// Asks one member, by its number.
enum grid_error cluster_report_ask(struct grid *grid, size_t member, struct cluster_report *report);

// Asks until the leader has answered. Where it cannot be found, the report is that of the member
// with the highest term: see cluster_report_leads. An error when nobody answers. When a report
// tells of a newer view, the client is given the time to learn it.
enum grid_error cluster_survey(struct grid *grid, struct cluster_report *report);

// The number of the member with this id, or GRID_NO_MEMBER.
size_t cluster_member_number(const struct grid *grid, uint64_t id);

// The number of the member of this name, or with this number as text; GRID_NO_MEMBER: none.
size_t cluster_member_find(const struct grid *grid, const char *word);
