// SPDX-License-Identifier: Apache-2.0
// What follows `cluster` in a line.
#pragma once

#include "client/shell/words.h"

enum shell_cluster_action {
    CLUSTER_ACTION_STATUS,
    CLUSTER_ACTION_MEMBERS,
    CLUSTER_ACTION_PARTITIONS,
    CLUSTER_ACTION_MIGRATIONS,
    CLUSTER_ACTION_VOTERS,
    CLUSTER_ACTION_LEAVE,
    CLUSTER_ACTION_RECOVER,
    CLUSTER_ACTION_REBALANCE,
};

enum { CLUSTER_CHANGES_MAX = 64 }; // of one simulation

struct shell_cluster_change {
    char *name;      // owned
    uint16_t weight; // 0: leaves
};

struct shell_cluster {
    enum shell_cluster_action action;
    char *member;      // owned; partitions, leave, recover; NULL: none
    char *grid_name;   // owned; recover: --yes-i-know; NULL: to be asked for
    bool is_agreed;    // leave: --yes
    bool is_forced;    // recover: --force
    bool is_simulated; // rebalance: --simulate
    struct shell_cluster_change changes[CLUSTER_CHANGES_MAX]; // rebalance
    size_t change_count;
};

// The words that may stand behind `cluster`; ends with NULL.
const char *const *shell_cluster_actions(void);

// The options of an action that may be completed, by its word; NULL: it has none.
const char *const *shell_cluster_options(const char *action);

// Whether the name of a member may follow the word of this action.
bool shell_cluster_takes_member(const char *action);

// Reads the line behind `cluster`. Either way `cluster` is to be released.
MUST_USE bool shell_cluster_parse(struct shell_cluster *cluster, struct shell_words *words,
                                  struct shell_fault *fault);
void shell_cluster_deinit(struct shell_cluster *cluster);
