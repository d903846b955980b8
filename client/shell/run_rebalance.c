// SPDX-License-Identifier: Apache-2.0
// cluster rebalance --simulate: what would move.
#include "client/shell/shell.h"

struct shares {
    struct shell_result *result;
    uint64_t fill_count;
    uint64_t take_over_count;
    uint64_t drop_count;
    uint64_t copy_count; // now
};

static const char *change_name(const struct grid_share *share)
{
    if (share->is_added)
        return "added";
    return share->is_removed ? "removed" : "";
}

static void share_show(void *context, const struct grid_share *share)
{
    struct shares *shares = context;
    struct shell_result *result = shares->result;
    shell_result_row(result);
    shell_result_text(result, "member", share->name);
    shell_result_text(result, "change", change_name(share));
    shell_result_uint(result, "weight", share->weight);
    shell_result_uint(result, "primaries", share->primary_count);
    shell_result_uint(result, "primaries_after", share->primary_count_after);
    shell_result_uint(result, "backups", share->backup_count);
    shell_result_uint(result, "backups_after", share->backup_count_after);
    shell_result_uint(result, "to_fill", share->fill_count);
    shell_result_uint(result, "to_take_over", share->take_over_count);
    shell_result_uint(result, "to_drop", share->drop_count);
    shell_result_row_end(result);
    shares->fill_count += share->fill_count;
    shares->take_over_count += share->take_over_count;
    shares->drop_count += share->drop_count;
    shares->copy_count += share->primary_count + share->backup_count;
}

bool shell_run_rebalance(struct shell *shell, const struct shell_cluster *cluster)
{
    struct grid_member_change changes[CLUSTER_CHANGES_MAX];
    struct shares shares = {.result = shell_result_new(&shell->output)};
    for (size_t i = 0; i < cluster->change_count; i++)
        changes[i] = (struct grid_member_change){.name = cluster->changes[i].name,
                                                 .weight = cluster->changes[i].weight};
    enum grid_error error =
        grid_rebalance_simulate(shell->grid, changes, cluster->change_count, share_show, &shares);
    shell_result_end(shares.result);
    shell_result_free(shares.result);
    if (error != GRID_OK)
        return shell_fail_grid(shell, error, grid_error_text(shell->grid));
    if (shell->output.format == SHELL_FORMAT_TABLE)
        fprintf(shell->output.file,
                "(of %llu copies, %llu would be filled elsewhere and %llu dropped; %llu partitions "
                "would get another primary)\n",
                (unsigned long long)shares.copy_count, (unsigned long long)shares.fill_count,
                (unsigned long long)shares.drop_count, (unsigned long long)shares.take_over_count);
    return true;
}
