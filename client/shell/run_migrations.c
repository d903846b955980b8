// SPDX-License-Identifier: Apache-2.0
// cluster migrations: what is still to move, and from two looks how fast it goes.
#include "client/shell/clock.h"
#include "client/shell/cluster_report.h"
#include "client/shell/migration_pace.h"
#include "client/shell/shell.h"

enum {
    LOOKS_APART_US = 1 * US_PER_S,
    WAIT_MS = 100, // between two looks for Ctrl-C
};

// What all connected members have sent to fill copies; one that is silent counts nothing.
static uint64_t bytes_filled(struct shell *shell)
{
    uint64_t sum = 0;
    struct grid_member member;
    size_t count = grid_member_count(shell->grid);
    for (size_t i = 0; i < count; i++) {
        uint16_t workers = grid_member_get(shell->grid, i, &member) ? member.worker_count : 0;
        for (uint16_t worker = 0; worker < workers; worker++) {
            struct grid_bytes stats;
            uint64_t bytes;
            if (grid_stats(shell->grid, i, worker, &stats) != GRID_OK)
                break;
            if (grid_value_uint(grid_value_field(stats, "filled_bytes"), &bytes))
                sum += bytes;
        }
    }
    return sum;
}

static bool look_take(struct shell *shell, struct migration_look *look, uint64_t *filling)
{
    struct cluster_report report;
    enum grid_error error = cluster_survey(shell->grid, &report);
    if (error != GRID_OK)
        return shell_fail_grid(shell, error, grid_error_text(shell->grid));
    if (!cluster_report_leads(&report))
        return shell_fail_grid(shell, GRID_NO_QUORUM,
                               "no leader answers, and nothing moves without one");
    *look = (struct migration_look){
        .to_fill = report.to_fill, .hand_over = report.to_hand_over, .to_drop = report.to_drop};
    *filling = report.filling;
    if (migration_left(look) > 0)
        look->bytes = bytes_filled(shell);
    look->at_us = shell_clock_us();
    return true;
}

// False at Ctrl-C.
static bool looks_keep_apart(struct shell *shell)
{
    int64_t until_us = shell_clock_us() + LOOKS_APART_US;
    shell_interrupt_begin(&shell->interrupt);
    while (!shell->interrupted && shell_clock_us() < until_us) {
        grid_run(shell->grid, WAIT_MS);
        shell->interrupted = shell_interrupt_take(&shell->interrupt, NULL);
    }
    shell_interrupt_end(&shell->interrupt);
    return !shell->interrupted;
}

static void look_show(struct shell *shell, const struct migration_look *look, uint64_t filling,
                      const struct migration_pace *pace)
{
    struct shell_result *result = shell_result_new(&shell->output);
    shell_result_row(result);
    shell_result_uint(result, "to_fill", look->to_fill);
    shell_result_uint(result, "filling", filling);
    shell_result_uint(result, "to_hand_over", look->hand_over);
    shell_result_uint(result, "to_drop", look->to_drop);
    shell_result_decimal(result, "bytes_per_s", pace->bytes_per_s, 0);
    shell_result_decimal(result, "partitions_per_s", pace->partitions_per_s, 1);
    if (pace->left_s >= 0)
        shell_result_decimal(result, "seconds_left", pace->left_s, 1);
    else
        shell_result_json(result, bytes_of_text("seconds_left"), bytes_of_text("null"));
    shell_result_row_end(result);
    shell_result_end(result);
    shell_result_free(result);
}

bool shell_run_migrations(struct shell *shell)
{
    struct migration_look first;
    struct migration_look second;
    uint64_t filling;
    if (!look_take(shell, &first, &filling))
        return false;
    second = first;
    if (migration_left(&first) > 0 &&
        (!looks_keep_apart(shell) || !look_take(shell, &second, &filling)))
        return false;
    struct migration_pace pace = migration_pace_of(&first, &second);
    look_show(shell, &second, filling, &pace);
    return true;
}
