// SPDX-License-Identifier: Apache-2.0
// What nodes know of continuous queries: who has which (subscriptions), and how the changes that
// concern one are found (explain subscribe).
#include "client/shell/card.h"
#include "client/shell/duration.h"
#include "client/shell/json_text.h"
#include "client/shell/load_progress.h"
#include "client/shell/shell.h"
#include "cluster/base/memory.h"

enum { ROWS_PER_WORKER = 1000 }; // unless told otherwise

static const char *const columns[] = {
    "client", "member", "worker", "id",    "query",  "class",
    "key",    "behind", "policy", "state", "events",
};

enum { COLUMN_COUNT = sizeof columns / sizeof columns[0] };

struct listing {
    struct shell_result *result; // borrowed
    const char *member;          // borrowed; only those of this one; NULL: all
    uint64_t limit;              // rows of one worker
    uint64_t worker_rows;        // of the worker that is told of now; one comes after the other
    struct buffer worker;        // owned: its member and number, as MessagePack
    uint64_t cut_count;          // workers that have as many as were asked for, and maybe more
};

static bool is_asked(const struct listing *listing, struct grid_bytes subscription)
{
    struct grid_bytes name;
    return listing->member == NULL ||
           (grid_value_str(grid_value_field(subscription, "member"), &name) &&
            bytes_equal(bytes_of(name.data, name.size), bytes_of_text(listing->member)));
}

static void worker_count(struct listing *listing, struct grid_bytes subscription)
{
    struct grid_bytes member = grid_value_field(subscription, "member");
    struct grid_bytes number = grid_value_field(subscription, "worker");
    struct buffer worker = {0};
    buffer_append(&worker, member.data, member.size);
    buffer_append(&worker, number.data, number.size);
    if (!bytes_equal(buffer_bytes(&worker), buffer_bytes(&listing->worker)))
        listing->worker_rows = 0;
    listing->worker_rows++;
    listing->cut_count += listing->worker_rows == listing->limit;
    buffer_deinit(&listing->worker);
    listing->worker = worker;
}

static void subscription_show(void *context, struct grid_bytes subscription)
{
    struct listing *listing = context;
    if (!is_asked(listing, subscription))
        return;
    worker_count(listing, subscription);
    shell_result_row(listing->result);
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        shell_result_object(listing->result, columns[i],
                            grid_value_field(subscription, columns[i]));
    shell_result_row_end(listing->result);
}

bool shell_run_subscriptions(struct shell *shell, const struct shell_command *command)
{
    uint64_t limit = command->limit != 0 ? command->limit : ROWS_PER_WORKER;
    struct listing listing = {.result = shell_result_new(&shell->output),
                              .member = command->word,
                              .limit = limit < UINT32_MAX ? limit : UINT32_MAX};
    enum grid_error error =
        grid_subscriptions(shell->grid, (uint32_t)listing.limit, subscription_show, &listing);
    uint64_t row_count = shell_result_end(listing.result);
    shell_result_free(listing.result);
    buffer_deinit(&listing.worker);
    if (error != GRID_OK)
        return shell_fail_grid(shell, error, grid_error_text(shell->grid));
    if (shell->output.format == SHELL_FORMAT_TABLE)
        fprintf(shell->output.file, "(%llu row%s, one for each subscription at each worker)\n",
                (unsigned long long)row_count, row_count == 1 ? "" : "s");
    if (listing.cut_count > 0) {
        char count[32];
        load_count_write(count, listing.limit);
        fprintf(shell->errors,
                "note: no more than %s of one worker are shown; 'subscriptions limit N' says how "
                "many\n",
                count);
    }
    return true;
}

// ---- Explain ----

static const struct {
    const char *name;
    const char *meaning;
} classes[] = {
    {"all", "no condition: every change of the map is told, and none has to be tested"},
    {"never", "no value can match: costs nothing"},
    {"keyed", "found by its key: changes that do not have it cost nothing"},
    {"always", "nothing in it can be a key: tested against every change of the map; a node takes "
               "only so many of these"},
};

static void meaning_show(struct shell *shell, struct grid_bytes explanation)
{
    struct grid_bytes name;
    if (!grid_value_str(grid_value_field(explanation, "class"), &name))
        return;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (bytes_equal(bytes_of(name.data, name.size), bytes_of_text(classes[i].name)))
            fprintf(shell->output.file, "(%s)\n", classes[i].meaning);
}

static void explanation_show(struct shell *shell, struct grid_bytes explanation)
{
    struct card card;
    struct json_members members;
    struct bytes name;
    struct bytes value;
    char *json = grid_value_to_json(explanation);
    card_begin(&card, &shell->output);
    bool is_map = json != NULL && json_members_start(&members, bytes_of_text(json));
    while (is_map && json_members_next(&members, &name, &value)) {
        struct buffer plain = {0};
        json_text_unquote(&plain, name);
        buffer_append(&plain, "", 1);
        card_json(&card, (const char *)plain.data, value);
        buffer_deinit(&plain);
    }
    card_end(&card);
    free(json);
    if (shell->output.format == SHELL_FORMAT_TABLE)
        meaning_show(shell, explanation);
}

bool shell_run_explain(struct shell *shell, const struct shell_command *command)
{
    struct bytes statement = command->statement;
    char *query = memory_copy_text((const char *)statement.data, statement.size);
    struct grid_bytes explanation;
    enum grid_error error = grid_explain(shell->grid, query, &explanation);
    free(query);
    if (error != GRID_OK)
        return shell_fail_query(shell, statement, error, grid_error_text(shell->grid));
    explanation_show(shell, explanation);
    return true;
}
