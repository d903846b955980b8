// SPDX-License-Identifier: Apache-2.0
// The commands about a whole map.
#include "client/shell/shell.h"
#include "cluster/base/memory.h"

enum { ROWS_PER_LOOK = 256 }; // rows between two looks for Ctrl-C

static struct grid_scan *scan_start(struct shell *shell, const struct shell_command *command)
{
    if (command->verb->id == VERB_SCAN)
        return grid_scan_new(shell->grid, command->map);
    char *statement =
        memory_copy_text((const char *)command->statement.data, command->statement.size);
    struct grid_scan *scan = grid_query_new(shell->grid, statement);
    free(statement);
    return scan;
}

// The key is shown with whole entries, and with values that have no fields to tell them apart.
static void row_show(struct shell_result *result, const struct grid_row *row, bool with_key)
{
    shell_result_row(result);
    if (with_key)
        shell_result_key(result, "__key", row->key);
    if (!shell_result_document(result, row->value)) {
        if (!with_key)
            shell_result_key(result, "__key", row->key);
        shell_result_object(result, "value", row->value);
    }
    shell_result_row_end(result);
}

// GRID_NOT_FOUND at the end of the rows.
static enum grid_error rows_show(struct shell *shell, const struct shell_command *command,
                                 struct grid_scan *scan, struct shell_result *result)
{
    uint64_t limit = command->limit != 0 ? command->limit : UINT64_MAX;
    while (shell_result_rows(result) < limit) {
        struct grid_row row;
        enum grid_error error = grid_scan_next(scan, &row);
        if (error != GRID_OK)
            return error;
        row_show(result, &row, command->verb->id == VERB_SCAN);
        if (shell_result_rows(result) % ROWS_PER_LOOK == 0 &&
            shell_interrupt_take(&shell->interrupt, NULL)) {
            shell->interrupted = true;
            return GRID_CANCELLED;
        }
    }
    return GRID_NOT_FOUND;
}

static bool rows_end(struct shell *shell, const struct shell_command *command,
                     enum grid_error error, uint64_t row_count)
{
    if (error == GRID_CANCELLED && shell->interrupted)
        return shell_fail(shell, "interrupted after %llu rows", (unsigned long long)row_count);
    if (error != GRID_NOT_FOUND)
        return shell_fail_query(shell, command->statement, error, grid_error_text(shell->grid));
    if (shell->output.format == SHELL_FORMAT_TABLE)
        fprintf(shell->output.file, "(%llu row%s)\n", (unsigned long long)row_count,
                row_count == 1 ? "" : "s");
    return true;
}

bool shell_run_scan(struct shell *shell, const struct shell_command *command)
{
    struct grid_scan *scan = scan_start(shell, command);
    if (scan == NULL)
        return shell_fail_query(shell, command->statement, GRID_INVALID_ARGUMENT,
                                grid_error_text(shell->grid));
    struct shell_result *result = shell_result_new(&shell->output);
    shell_interrupt_begin(&shell->interrupt);
    enum grid_error error = rows_show(shell, command, scan, result);
    uint64_t row_count = shell_result_end(result);
    bool ok = rows_end(shell, command, error, row_count);
    shell_interrupt_end(&shell->interrupt);
    shell_result_free(result);
    grid_scan_free(scan);
    return ok;
}

bool shell_run_size(struct shell *shell, const struct shell_command *command)
{
    uint64_t count = 0;
    enum grid_error error = grid_size(shell->grid, command->map, &count);
    if (error != GRID_OK)
        return shell_fail_grid(shell, error, grid_error_text(shell->grid));
    fprintf(shell->output.file, "%llu\n", (unsigned long long)count);
    return true;
}

bool shell_run_clear(struct shell *shell, const struct shell_command *command)
{
    uint64_t removed = 0;
    enum grid_error error = grid_clear(shell->grid, command->map, &removed);
    if (error != GRID_OK)
        return shell_fail_grid(shell, error, grid_error_text(shell->grid));
    if (shell->output.format == SHELL_FORMAT_TABLE)
        fprintf(shell->output.file, "%llu entries removed\n", (unsigned long long)removed);
    else
        fprintf(shell->output.file, "%llu\n", (unsigned long long)removed);
    return true;
}

static void map_show(void *context, const char *name, uint64_t entry_count)
{
    struct shell_result *result = context;
    shell_result_row(result);
    shell_result_text(result, "map", name);
    shell_result_uint(result, "entries", entry_count);
    shell_result_row_end(result);
}

bool shell_run_maps(struct shell *shell)
{
    struct shell_result *result = shell_result_new(&shell->output);
    enum grid_error error = grid_maps(shell->grid, map_show, result);
    uint64_t count = shell_result_end(result);
    shell_result_free(result);
    if (error != GRID_OK)
        return shell_fail_grid(shell, error, grid_error_text(shell->grid));
    if (count == 0 && shell->output.format == SHELL_FORMAT_TABLE)
        fputs("(no maps)\n", shell->output.file);
    return true;
}
