// SPDX-License-Identifier: Apache-2.0
// cluster status, members, partitions and voters: how the grid is, as its members agreed on it and
// as they say themselves.
#include "client/shell/card.h"
#include "client/shell/cluster_report.h"
#include "client/shell/member_text.h"
#include "client/shell/partition_census.h"
#include "client/shell/shell.h"

// ---- What is known before anything is shown ----

// The leader's report, or the best there is. False: nobody answers; the error has been shown.
static bool survey(struct shell *shell, struct cluster_report *report)
{
    enum grid_error error = cluster_survey(shell->grid, report);
    return error == GRID_OK || shell_fail_grid(shell, error, grid_error_text(shell->grid));
}

static bool leader_require(struct shell *shell, const struct cluster_report *report)
{
    return cluster_report_leads(report) ||
           shell_fail_grid(shell, GRID_NO_QUORUM,
                           "no leader answers: the grid neither reads nor writes, "
                           "and who is suspected and what moves is unknown");
}

// ---- Status ----

// A figure that only a leader knows.
static void card_leaders(struct card *card, const struct cluster_report *report, const char *name,
                         uint64_t number)
{
    if (cluster_report_leads(report))
        card_uint(card, name, number);
    else
        card_null(card, name);
}

struct roll {
    uint64_t members;
    uint64_t suspected;
    uint64_t leaving;
    uint64_t connected;
    uint64_t voters;
};

static struct roll roll_of(const struct grid *grid, const struct cluster_report *report)
{
    struct roll roll = {0};
    struct grid_member member;
    size_t count = grid_member_count(grid);
    for (size_t i = 0; i < count; i++) {
        if (!grid_member_get(grid, i, &member))
            continue;
        roll.members++;
        roll.suspected += report_ids_have(&report->suspects, member.id);
        roll.leaving += member.state == GRID_MEMBER_LEAVING;
        roll.connected += member.connected;
        roll.voters += member.is_voter;
    }
    return roll;
}

static void status_of_members(struct card *card, const struct shell *shell,
                              const struct cluster_report *report)
{
    struct roll roll = roll_of(shell->grid, report);
    if (cluster_report_leads(report))
        card_text(card, "leader", report->node);
    else
        card_null(card, "leader");
    card_uint(card, "term", report->term);
    card_uint(card, "voters", roll.voters);
    card_uint(card, "members", roll.members);
    card_leaders(card, report, "alive", roll.members - roll.suspected);
    card_leaders(card, report, "suspected", roll.suspected);
    card_uint(card, "leaving", roll.leaving);
    card_uint(card, "connected", roll.connected);
}

static void status_of_partitions(struct card *card, const struct shell *shell,
                                 const struct grid_view *view)
{
    struct partition_census census = partition_census_of(shell->grid, view);
    card_uint(card, "partitions", view->partition_count);
    card_uint(card, "copies_wanted", view->replica_count);
    card_uint(card, "min_in_sync", view->min_in_sync);
    card_uint(card, "with_too_few_copies", census.short_count);
    card_uint(card, "refusing_writes", census.refusing_count);
    card_uint(card, "without_any_copy", census.lost_count);
}

static void status_of_migration(struct card *card, const struct cluster_report *report)
{
    card_leaders(card, report, "to_fill", report->to_fill);
    card_leaders(card, report, "filling", report->filling);
    card_leaders(card, report, "to_hand_over", report->to_hand_over);
    card_leaders(card, report, "to_drop", report->to_drop);
}

static bool run_status(struct shell *shell)
{
    struct cluster_report report;
    struct grid_view view;
    char grid_id[24];
    if (!survey(shell, &report))
        return false;
    if (!grid_view_get(shell->grid, &view))
        return shell_fail(shell, "%s is in no grid yet (%s)", report.node, report.phase);
    struct card card;
    card_begin(&card, &shell->output);
    snprintf(grid_id, sizeof grid_id, "%016llx", (unsigned long long)view.grid_id);
    card_text(&card, "grid_id", grid_id);
    card_uint(&card, "view_version", view.version);
    status_of_members(&card, shell, &report);
    status_of_partitions(&card, shell, &view);
    status_of_migration(&card, &report);
    card_end(&card);
    return leader_require(shell, &report);
}

// ---- Members ----

static bool is_leader(const struct grid_member *member, const struct cluster_report *report)
{
    return cluster_report_leads(report) && report->id == member->id;
}

static const char *state_name(const struct grid_member *member, const struct cluster_report *report)
{
    if (report_ids_have(&report->suspects, member->id))
        return "suspected";
    return member->state == GRID_MEMBER_LEAVING ? "leaving" : "active";
}

static const char *role_name(const struct grid_member *member)
{
    return member->role == GRID_MEMBER_WITNESS ? "witness" : "data";
}

static void member_show(struct shell_result *result, const struct grid_member *member,
                        const struct cluster_report *report)
{
    char address[MEMBER_ADDRESS_BYTES];
    member_address_write(member, address, sizeof address);
    shell_result_row(result);
    shell_result_text(result, "member", member->name);
    shell_result_text(result, "address", address);
    shell_result_text(result, "state", state_name(member, report));
    shell_result_bool(result, "voter", member->is_voter);
    shell_result_bool(result, "leader", is_leader(member, report));
    shell_result_uint(result, "primaries", member->primary_count);
    shell_result_uint(result, "backups", member->backup_count);
    shell_result_uint(result, "weight", member->weight);
    shell_result_text(result, "role", role_name(member));
    shell_result_text(result, "zone", member->zone);
    shell_result_bool(result, "connected", member->connected);
    shell_result_uint(result, "workers", member->worker_count);
    shell_result_row_end(result);
}

bool shell_run_members(struct shell *shell)
{
    struct cluster_report report;
    struct grid_member member;
    bool ok = survey(shell, &report);
    if (!ok)
        report = (struct cluster_report){0};
    struct shell_result *result = shell_result_new(&shell->output);
    size_t count = grid_member_count(shell->grid);
    for (size_t i = 0; i < count; i++)
        if (grid_member_get(shell->grid, i, &member))
            member_show(result, &member, &report);
    shell_result_end(result);
    shell_result_free(result);
    return ok;
}

// ---- Partitions ----

static bool partition_has(const struct grid_partition *partition, size_t member)
{
    for (uint32_t i = 0; i < partition->replica_count; i++)
        if (partition->members[i] == member)
            return true;
    return false;
}

// `member`: only those that it has a copy of; GRID_NO_MEMBER: all.
static void partitions_show(struct shell *shell, size_t member)
{
    struct shell_result *result = shell_result_new(&shell->output);
    struct member_names names = member_names_of(shell->grid);
    struct grid_partition partition;
    uint32_t count = grid_partition_count(shell->grid);
    for (uint32_t i = 0; i < count && grid_partition_get(shell->grid, (uint16_t)i, &partition);
         i++) {
        if (member != GRID_NO_MEMBER && !partition_has(&partition, member))
            continue;
        shell_result_row(result);
        shell_result_uint(result, "partition", i);
        shell_result_uint(result, "epoch", partition.epoch);
        member_partition_show(result, &names, &partition);
        shell_result_row_end(result);
    }
    member_names_deinit(&names);
    shell_result_end(result);
    shell_result_free(result);
}

static bool run_partitions(struct shell *shell, const char *word)
{
    struct cluster_report report;
    size_t member = GRID_NO_MEMBER;
    if (!survey(shell, &report)) // so that the view is as new as what members know
        return false;
    if (word != NULL)
        member = cluster_member_find(shell->grid, word);
    if (word != NULL && member == GRID_NO_MEMBER)
        return shell_fail(shell, "no such member; 'cluster members' lists them");
    partitions_show(shell, member);
    return true;
}

// ---- Voters ----

static void figure_show(struct shell_result *result, const char *name, uint64_t number, bool known)
{
    if (known)
        shell_result_uint(result, name, number);
    else
        shell_result_json(result, bytes_of_text(name), bytes_of_text("null"));
}

// What a server of the consensus says itself, beside what the leader has committed.
static void server_show(struct shell *shell, struct shell_result *result, size_t number,
                        const struct cluster_report *leader)
{
    struct cluster_report own = {0};
    struct grid_member member;
    char address[MEMBER_ADDRESS_BYTES];
    char name[MEMBER_NAME_BYTES];
    if (!grid_member_get(shell->grid, number, &member))
        return;
    bool is_voter = member.is_voter;
    bool leads = is_leader(&member, leader);
    member_address_write(&member, address, sizeof address);
    snprintf(name, sizeof name, "%s", member.name);
    bool answers = member.connected && cluster_report_ask(shell->grid, number, &own) == GRID_OK;
    shell_result_row(result);
    shell_result_text(result, "member", name);
    shell_result_text(result, "address", address);
    shell_result_bool(result, "voter", is_voter);
    shell_result_bool(result, "leader", leads);
    shell_result_bool(result, "answers", answers);
    figure_show(result, "term", own.term, answers);
    figure_show(result, "committed", own.commit_index, answers);
    figure_show(result, "lease_ms", own.lease_ms, answers && own.lease_ms <= INT64_MAX);
    shell_result_row_end(result);
}

static void majority_tell(struct shell *shell, size_t voter_count)
{
    size_t majority = voter_count / 2 + 1;
    fprintf(shell->output.file, "(%zu voter%s: %zu are a majority, %zu may fail)\n", voter_count,
            voter_count == 1 ? "" : "s", majority, voter_count - majority);
}

static bool run_voters(struct shell *shell)
{
    struct cluster_report report;
    struct grid_member member;
    size_t voter_count = 0;
    if (!survey(shell, &report))
        return false;
    struct shell_result *result = shell_result_new(&shell->output);
    size_t count = grid_member_count(shell->grid);
    for (size_t i = 0; i < count; i++) {
        if (!grid_member_get(shell->grid, i, &member) ||
            (!member.is_voter && !report_ids_have(&report.learners, member.id)))
            continue;
        voter_count += member.is_voter;
        server_show(shell, result, i, &report);
    }
    shell_result_end(result);
    shell_result_free(result);
    if (shell->output.format == SHELL_FORMAT_TABLE && voter_count > 0)
        majority_tell(shell, voter_count);
    return leader_require(shell, &report);
}

bool shell_run_cluster(struct shell *shell, const struct shell_command *command)
{
    const struct shell_cluster *cluster = &command->cluster;
    switch (cluster->action) {
    case CLUSTER_ACTION_STATUS:
        return run_status(shell);
    case CLUSTER_ACTION_MEMBERS:
        return shell_run_members(shell);
    case CLUSTER_ACTION_PARTITIONS:
        return run_partitions(shell, cluster->member);
    case CLUSTER_ACTION_MIGRATIONS:
        return shell_run_migrations(shell);
    case CLUSTER_ACTION_VOTERS:
        return run_voters(shell);
    case CLUSTER_ACTION_LEAVE:
        return shell_run_leave(shell, cluster);
    case CLUSTER_ACTION_RECOVER:
        return shell_run_recover(shell, cluster);
    case CLUSTER_ACTION_REBALANCE:
        return shell_run_rebalance(shell, cluster);
    }
    CHECK(false);
}
