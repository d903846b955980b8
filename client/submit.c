// SPDX-License-Identifier: Apache-2.0
// What a caller asks for: checked, numbered, and put into the table of requests.
#include "client/operation.h"
#include "cluster/wire/cursor.h"

static bool op_takes_value(enum grid_op op)
{
    return op == GRID_PUT || op == GRID_GET_AND_PUT || op == GRID_REPLACE || op == GRID_INCREMENT ||
           op == GRID_MERGE;
}

static enum error condition_check(const struct grid_request *request)
{
    switch (request->condition) {
    case GRID_ALWAYS:
        return ERROR_NONE;
    case GRID_IF_ABSENT:
        return request->op == GRID_PUT ? ERROR_NONE : ERROR_INVALID_ARGUMENT;
    case GRID_IF_VERSION:
        return request->op == GRID_PUT || request->op == GRID_REPLACE || request->op == GRID_REMOVE
                   ? ERROR_NONE
                   : ERROR_INVALID_ARGUMENT;
    default:
        return ERROR_INVALID_ARGUMENT;
    }
}

static enum error refuse(const char **what, const char *field, enum error error)
{
    *what = field;
    return error;
}

enum error client_operation_check(const struct grid_request *request, const char **what)
{
    static_assert((int)GRID_GET == (int)OP_GET && (int)GRID_CONTAINS == (int)OP_CONTAINS,
                  "operations have the numbers of the protocol");
    if (request->op < GRID_GET || request->op > GRID_CONTAINS)
        return refuse(what, "op", ERROR_INVALID_ARGUMENT);
    size_t map_bytes = request->map ? strnlen(request->map, MAP_NAME_BYTES_MAX + 1) : 0;
    if (map_bytes == 0 || map_bytes > MAP_NAME_BYTES_MAX)
        return refuse(what, "map name", ERROR_INVALID_ARGUMENT);
    enum error error = key_check(bytes_of(request->key.data, request->key.size));
    if (error != ERROR_NONE)
        return refuse(what, "key", error);
    if (op_takes_value(request->op)) {
        if (request->value.size == 0)
            return refuse(what, "value", ERROR_MALFORMED_VALUE);
        error = value_check(bytes_of(request->value.data, request->value.size));
        if (error != ERROR_NONE)
            return refuse(what, "value", error);
    }
    if (condition_check(request) != ERROR_NONE)
        return refuse(what, "condition", ERROR_INVALID_ARGUMENT);
    if (request->ttl_ms < 0 || request->ttl_ms > TTL_MS_MAX)
        return refuse(what, "ttl_ms", ERROR_INVALID_ARGUMENT);
    if (request->max_idle_ms < 0 || request->max_idle_ms > MAX_IDLE_MS_MAX)
        return refuse(what, "max_idle_ms", ERROR_INVALID_ARGUMENT);
    return ERROR_NONE;
}

static struct op op_of_request(const struct grid_request *request)
{
    struct op op = {.kind = (enum op_kind)request->op,
                    .condition = (enum op_condition)request->condition,
                    .map = bytes_of_text(request->map),
                    .key = bytes_of(request->key.data, request->key.size),
                    .value = bytes_of(request->value.data, request->value.size),
                    .version = request->version};
    if (op_takes_value(request->op) || request->op == GRID_TOUCH) {
        op.ttl_ms = request->ttl_ms;
        op.max_idle_ms = request->max_idle_ms;
    }
    op.hash = key_hash(op.key);
    return op;
}

enum grid_error grid_submit(struct grid *grid, const struct grid_request *request,
                            grid_reply_fn *callback, void *context)
{
    const char *what;
    if (grid->is_closing)
        return GRID_CANCELLED;
    if (!callback)
        return GRID_INVALID_ARGUMENT;
    enum error error = client_operation_check(request, &what);
    if (error != ERROR_NONE)
        return (enum grid_error)error;
    if (grid->requests.timed_count >= grid->options.pending_max)
        return GRID_OVERLOADED;
    struct client_request *queued = client_operation_take(grid, (enum op_kind)request->op);
    if (!queued)
        return GRID_OVERLOADED;
    struct op op = op_of_request(request);
    if (op_is_write(op.kind)) {
        client_requests_number(&grid->requests, queued);
        op.number = queued->number;
        op.floor = client_requests_floor(&grid->requests);
    }
    queued->hash = op.hash;
    queued->callback = callback;
    queued->context = context;
    op_encode(&queued->frame, queued->id, &op);
    client_requests_weigh(&grid->requests, queued);
    client_operation_route(grid, queued);
    return GRID_OK;
}
