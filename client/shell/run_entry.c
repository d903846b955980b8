// SPDX-License-Identifier: Apache-2.0
// The commands about one entry.
#include "client/shell/json_text.h"
#include "client/shell/shell.h"

#include <stdlib.h>

static enum grid_op op_of(enum shell_verb_id verb)
{
    static const enum grid_op ops[] = {
        [VERB_PUT] = GRID_PUT,
        [VERB_GET] = GRID_GET,
        [VERB_REMOVE] = GRID_REMOVE,
        [VERB_REPLACE] = GRID_REPLACE,
        [VERB_GETPUT] = GRID_GET_AND_PUT,
        [VERB_CONTAINS] = GRID_CONTAINS,
        [VERB_TOUCH] = GRID_TOUCH,
        [VERB_MERGE] = GRID_MERGE,
        [VERB_INCR] = GRID_INCREMENT,
    };
    CHECK(verb < sizeof ops / sizeof ops[0]);
    return ops[verb];
}

// A document on a terminal: a line per field.
static void fields_show(struct shell *shell, struct json_members members)
{
    struct shell_result *result = shell_result_new(&shell->output);
    struct bytes name;
    struct bytes value;
    while (json_members_next(&members, &name, &value)) {
        shell_result_row(result);
        shell_result_json(result, bytes_of_text("field"), name);
        shell_result_json(result, bytes_of_text("value"), value);
        shell_result_row_end(result);
    }
    shell_result_end(result);
    shell_result_free(result);
}

static void row_show(struct shell *shell, struct grid_bytes value)
{
    struct shell_result *result = shell_result_new(&shell->output);
    shell_result_row(result);
    if (!shell_result_document(result, value))
        shell_result_object(result, "value", value);
    shell_result_row_end(result);
    shell_result_end(result);
    shell_result_free(result);
}

// Shows one value; data NULL: none.
static bool value_show(struct shell *shell, struct grid_bytes value)
{
    if (shell->output.format == SHELL_FORMAT_CSV) {
        row_show(shell, value);
        return true;
    }
    char *json = value.data != NULL ? grid_value_to_json(value) : NULL;
    if (value.data != NULL && json == NULL)
        return shell_fail(shell, "the value is not well-formed");
    struct bytes text = bytes_of_text(json != NULL ? json : "null");
    struct json_members members;
    struct buffer plain = {0};
    if (shell->output.format == SHELL_FORMAT_TABLE && json_members_start(&members, text))
        fields_show(shell, members);
    else if (shell->output.format == SHELL_FORMAT_RAW && value.data != NULL) {
        json_text_plain(&plain, text);
        fprintf(shell->output.file, "%.*s\n", (int)buffer_size(&plain), (char *)plain.data);
    } else
        fprintf(shell->output.file, "%s\n", json != NULL ? json : "null");
    buffer_deinit(&plain);
    free(json);
    return true;
}

// The outcome of a command without a value: a sentence in a table, cells elsewhere.
static bool outcome_show(struct shell *shell, const struct grid_reply *reply, const char *sentence)
{
    if (shell->output.format == SHELL_FORMAT_TABLE) {
        if (reply->version != 0)
            fprintf(shell->output.file, "%s, version %llu\n", sentence,
                    (unsigned long long)reply->version);
        else
            fprintf(shell->output.file, "%s\n", sentence);
        return true;
    }
    struct shell_result *result = shell_result_new(&shell->output);
    shell_result_row(result);
    shell_result_bool(result, "found", reply->found);
    shell_result_uint(result, "version", reply->version);
    shell_result_row_end(result);
    shell_result_end(result);
    shell_result_free(result);
    return true;
}

static bool reply_show(struct shell *shell, enum shell_verb_id verb, const struct grid_reply *reply)
{
    switch (op_of(verb)) {
    case GRID_GET:
    case GRID_TOUCH:
        if (!reply->found)
            return shell_fail_grid(shell, GRID_NOT_FOUND, "there is no such entry");
        return verb == VERB_GET ? value_show(shell, reply->value)
                                : outcome_show(shell, reply, "touched");
    case GRID_GET_AND_PUT:
    case GRID_MERGE:
    case GRID_INCREMENT:
        return value_show(shell, reply->value);
    case GRID_PUT:
        return outcome_show(shell, reply, reply->found ? "replaced" : "added");
    case GRID_REPLACE:
        return outcome_show(shell, reply, "replaced");
    case GRID_REMOVE:
        return outcome_show(shell, reply, reply->found ? "removed" : "there was no such entry");
    case GRID_CONTAINS:
        fprintf(shell->output.file, "%s\n", reply->found ? "true" : "false");
        return true;
    }
    CHECK(false);
}

bool shell_run_entry(struct shell *shell, const struct shell_command *command)
{
    struct grid_request request = {
        .op = op_of(command->verb->id),
        .condition = command->condition,
        .map = command->map,
        .key = grid_builder_bytes(command->key),
        .version = command->version,
        .ttl_ms = command->ttl_ms,
        .max_idle_ms = command->idle_ms,
    };
    if (request.op == GRID_INCREMENT)
        grid_build_int(command->value, command->delta);
    request.value = grid_builder_bytes(command->value);
    struct grid_reply reply = {0};
    enum grid_error error = grid_execute(shell->grid, &request, &reply);
    if (error != GRID_OK)
        return shell_fail_grid(shell, error, grid_error_text(shell->grid));
    return reply_show(shell, command->verb->id, &reply);
}
