// SPDX-License-Identifier: Apache-2.0
// The commands about the grid itself: its members and who holds what.
#include "client/shell/clock.h"
#include "client/shell/duration.h"
#include "client/shell/member_text.h"
#include "client/shell/shell.h"

static bool partitions_show(struct shell *shell, uint64_t first, uint64_t last)
{
    struct shell_result *result = shell_result_new(&shell->output);
    struct member_names names = member_names_of(shell->grid);
    struct grid_partition partition;
    for (uint64_t i = first; i <= last && grid_partition_get(shell->grid, (uint16_t)i, &partition);
         i++) {
        shell_result_row(result);
        shell_result_uint(result, "partition", i);
        member_partition_show(result, &names, &partition);
        shell_result_row_end(result);
    }
    member_names_deinit(&names);
    shell_result_end(result);
    shell_result_free(result);
    return true;
}

static bool partitions_summarise(struct shell *shell, uint32_t partition_count)
{
    struct shell_result *result = shell_result_new(&shell->output);
    struct grid_member member;
    size_t count = grid_member_count(shell->grid);
    for (size_t i = 0; i < count; i++) {
        if (!grid_member_get(shell->grid, i, &member))
            continue;
        shell_result_row(result);
        shell_result_text(result, "member", member.name);
        shell_result_uint(result, "primaries", member.primary_count);
        shell_result_uint(result, "backups", member.backup_count);
        shell_result_decimal(result, "primaries_percent",
                             100.0 * member.primary_count / partition_count, 2);
        shell_result_row_end(result);
    }
    shell_result_end(result);
    shell_result_free(result);
    if (shell->output.format == SHELL_FORMAT_TABLE)
        fprintf(shell->output.file, "(%u partitions)\n", partition_count);
    return true;
}

// "N" or "N-M".
static bool range_parse(const char *text, uint64_t *first, uint64_t *last)
{
    const char *dash = strchr(text, '-');
    size_t size = dash != NULL ? (size_t)(dash - text) : strlen(text);
    return shell_uint_parse(bytes_of(text, size), first) &&
           shell_uint_parse(dash != NULL ? bytes_of_text(dash + 1) : bytes_of(text, size), last);
}

bool shell_run_partitions(struct shell *shell, const struct shell_command *command)
{
    uint32_t count = grid_partition_count(shell->grid);
    uint64_t first = 0;
    uint64_t last = count - 1;
    if (count == 0)
        return shell_fail(shell, "the grid's view is not known yet");
    if (command->word == NULL)
        return partitions_summarise(shell, count);
    if (strcmp(command->word, "all") != 0 && !range_parse(command->word, &first, &last))
        return shell_fail(shell, "expected 'all', a partition, or a range like 0-15");
    if (first > last || last >= count)
        return shell_fail(shell, "the partitions are 0 to %u", count - 1);
    return partitions_show(shell, first, last);
}

bool shell_run_locate(struct shell *shell, const struct shell_command *command)
{
    struct grid_location location;
    struct grid_partition partition;
    enum grid_error error =
        grid_locate_key(shell->grid, grid_builder_bytes(command->key), &location);
    if (error == GRID_OK && !grid_partition_get(shell->grid, location.partition, &partition))
        error = GRID_DISCONNECTED;
    if (error != GRID_OK)
        return shell_fail_grid(shell, error, "the place of the key is not known");
    struct member_names names = member_names_of(shell->grid);
    struct shell_result *result = shell_result_new(&shell->output);
    shell_result_row(result);
    shell_result_key(result, "key", grid_builder_bytes(command->key));
    shell_result_uint(result, "partition", location.partition);
    member_partition_show(result, &names, &partition);
    shell_result_row_end(result);
    member_names_deinit(&names);
    shell_result_end(result);
    shell_result_free(result);
    return true;
}

// A member's figures are the smallest request that every node answers.
static bool member_ping(struct shell *shell, struct shell_result *result, size_t number,
                        const struct grid_member *member)
{
    char address[MEMBER_ADDRESS_BYTES];
    struct grid_bytes stats;
    member_address_write(member, address, sizeof address);
    shell_result_row(result);
    shell_result_text(result, "member", member->name);
    shell_result_text(result, "address", address);
    int64_t start_us = shell_clock_us();
    enum grid_error error = grid_stats(shell->grid, number, 0, &stats);
    double taken_ms = (double)(shell_clock_us() - start_us) / US_PER_MS;
    shell_result_bool(result, "answers", error == GRID_OK);
    if (error == GRID_OK)
        shell_result_decimal(result, "round_trip_ms", taken_ms, 3);
    else
        shell_result_text(result, "error", grid_error_text(shell->grid));
    shell_result_row_end(result);
    return error == GRID_OK;
}

bool shell_run_ping(struct shell *shell)
{
    struct shell_result *result = shell_result_new(&shell->output);
    struct grid_member member;
    bool all_answer = true;
    size_t count = grid_member_count(shell->grid);
    for (size_t i = 0; i < count; i++)
        if (grid_member_get(shell->grid, i, &member))
            all_answer &= member_ping(shell, result, i, &member);
    shell_result_end(result);
    shell_result_free(result);
    return all_answer || shell_fail(shell, "not all members answer");
}
