// SPDX-License-Identifier: Apache-2.0
// stats: the figures of workers. As a table a column per worker and a line per figure, elsewhere a
// record per worker.
#include "client/shell/duration.h"
#include "client/shell/json_text.h"
#include "client/shell/shell.h"
#include "cluster/base/memory.h"

enum { WORKERS_SHOWN_MAX = 256 };

struct worker_stats {
    char *member; // owned
    uint16_t worker;
    char *json; // owned
};

struct stats {
    struct worker_stats workers[WORKERS_SHOWN_MAX];
    size_t count;
};

static void stats_free(struct stats *stats)
{
    for (size_t i = 0; i < stats->count; i++) {
        free(stats->workers[i].member);
        free(stats->workers[i].json);
    }
    free(stats);
}

static enum grid_error member_fetch(struct shell *shell, struct stats *stats, size_t number,
                                    const struct grid_member *member)
{
    // The member's texts do not outlive the first call on the client.
    char *name = memory_copy_text(member->name, strlen(member->name));
    uint16_t worker_count = member->worker_count;
    enum grid_error error = worker_count > 0 ? GRID_OK : GRID_DISCONNECTED;
    for (uint16_t i = 0; i < worker_count && stats->count < WORKERS_SHOWN_MAX; i++) {
        struct grid_bytes figures;
        error = grid_stats(shell->grid, number, i, &figures);
        if (error != GRID_OK)
            break;
        stats->workers[stats->count++] = (struct worker_stats){
            .member = memory_copy_text(name, strlen(name)),
            .worker = i,
            .json = grid_value_to_json(figures),
        };
    }
    free(name);
    return error;
}

// Whether the member is the one asked for, by name or by number.
static bool is_asked(const char *word, size_t number, const char *name)
{
    uint64_t wanted;
    if (word == NULL || strcmp(word, name) == 0)
        return true;
    return shell_uint_parse(bytes_of_text(word), &wanted) && wanted == number;
}

static struct bytes figure_find(const struct worker_stats *worker, struct bytes name)
{
    struct json_members members;
    struct bytes other;
    struct bytes value;
    if (worker->json == NULL || !json_members_start(&members, bytes_of_text(worker->json)))
        return bytes_of_text("null");
    while (json_members_next(&members, &other, &value))
        if (bytes_equal(other, name))
            return value;
    return bytes_of_text("null");
}

// The worker's own word for what heads its column or record anyway.
static bool is_worker_number(struct bytes name)
{
    return bytes_equal(name, bytes_of_text("\"worker\""));
}

static void column_name(const struct worker_stats *worker, char *text, size_t size)
{
    snprintf(text, size, "%s/%u", worker->member, worker->worker);
}

static void table_show(struct shell *shell, const struct stats *stats)
{
    struct shell_result *result = shell_result_new(&shell->output);
    struct json_members members;
    struct bytes name;
    struct bytes value;
    const char *first = stats->count > 0 ? stats->workers[0].json : NULL;
    bool any = first != NULL && json_members_start(&members, bytes_of_text(first));
    while (any && json_members_next(&members, &name, &value)) {
        if (is_worker_number(name))
            continue;
        shell_result_row(result);
        shell_result_json(result, bytes_of_text("figure"), name);
        for (size_t i = 0; i < stats->count; i++) {
            char column[256];
            column_name(&stats->workers[i], column, sizeof column);
            shell_result_json(result, bytes_of_text(column), figure_find(&stats->workers[i], name));
        }
        shell_result_row_end(result);
    }
    shell_result_end(result);
    shell_result_free(result);
}

static void records_show(struct shell *shell, const struct stats *stats)
{
    struct shell_result *result = shell_result_new(&shell->output);
    for (size_t i = 0; i < stats->count; i++) {
        const struct worker_stats *worker = &stats->workers[i];
        struct json_members members;
        struct bytes name;
        struct bytes value;
        shell_result_row(result);
        shell_result_text(result, "member", worker->member);
        shell_result_uint(result, "worker", worker->worker);
        bool any =
            worker->json != NULL && json_members_start(&members, bytes_of_text(worker->json));
        while (any && json_members_next(&members, &name, &value)) {
            if (is_worker_number(name))
                continue;
            struct buffer plain = {0};
            json_text_unquote(&plain, name);
            shell_result_json(result, buffer_bytes(&plain), value);
            buffer_deinit(&plain);
        }
        shell_result_row_end(result);
    }
    shell_result_end(result);
    shell_result_free(result);
}

bool shell_run_stats(struct shell *shell, const struct shell_command *command)
{
    struct stats *stats = memory_new(sizeof *stats);
    struct grid_member member;
    bool found = false;
    bool ok = true;
    size_t count = grid_member_count(shell->grid);
    for (size_t i = 0; i < count; i++) {
        if (!grid_member_get(shell->grid, i, &member) || !is_asked(command->word, i, member.name))
            continue;
        found = true;
        enum grid_error error = member_fetch(shell, stats, i, &member);
        if (error == GRID_DISCONNECTED)
            ok = shell_fail(shell, "member %zu is not connected", i);
        else if (error != GRID_OK)
            ok = shell_fail_grid(shell, error, grid_error_text(shell->grid));
    }
    if (shell->output.format == SHELL_FORMAT_TABLE)
        table_show(shell, stats);
    else
        records_show(shell, stats);
    stats_free(stats);
    return found ? ok : shell_fail(shell, "no such member; 'members' lists them");
}
