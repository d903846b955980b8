// SPDX-License-Identifier: Apache-2.0
#include "client/operation.h"

#include "client/clock.h"
#include "client/session.h"
#include "cluster/model/key.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/message_codec.h"

#include <event2/event.h>
#include <stdio.h>

// ---- Ending ----

static struct op_reply reply_of_failure(enum error error, const char *text)
{
    return (struct op_reply){.error = error, .text = bytes_of_text(text)};
}

static void caller_answer(struct grid *grid, grid_reply_fn *callback, void *context,
                          const struct op_reply *reply)
{
    struct grid_reply answer = {.error = (enum grid_error)reply->error,
                                .text = "",
                                .found = reply->found,
                                .version = reply->version,
                                .value = {reply->value.data, reply->value.size}};
    if (reply->error != ERROR_NONE) {
        size_t size = reply->text.size < sizeof grid->reply_text ? reply->text.size
                                                                 : sizeof grid->reply_text - 1;
        if (size > 0)
            memcpy(grid->reply_text, reply->text.data, size);
        grid->reply_text[size] = '\0';
        answer.text = grid->reply_text;
    }
    bool was_in_callback = client_callback_begin(grid);
    callback(context, &answer);
    client_callback_end(grid, was_in_callback);
}

// Frees the slot before it calls back, so that the next request finds it warm. A request that
// becomes late keeps it.
static void request_end(struct grid *grid, struct client_request *request,
                        const struct op_reply *reply, bool becomes_late)
{
    grid_reply_fn *callback = request->callback;
    client_answer_fn *answer = request->answer;
    void *context = request->context;
    if (becomes_late)
        client_requests_make_late(&grid->requests, request);
    else
        client_requests_release(&grid->requests, request);
    if (callback)
        caller_answer(grid, callback, context, reply);
    else
        answer(context, reply);
}

// ---- Deadlines ----

static void deadline_set(struct grid *grid, int64_t delay_ms)
{
    struct timeval delay = {.tv_sec = (time_t)(delay_ms / MS_PER_S),
                            .tv_usec = (suseconds_t)(delay_ms % MS_PER_S) * US_PER_MS};
    CHECK(evtimer_add(grid->deadline, &delay) == 0);
    grid->is_deadline_set = true;
}

static uint16_t request_partition(const struct grid *grid, const struct client_request *request)
{
    return key_partition(request->hash, grid->topology.view.partition_count);
}

static void queued_expire(struct grid *grid, struct client_request *request)
{
    const struct client_link *link = request->link;
    if (!link && grid->topology.is_known)
        link = client_topology_route(&grid->topology, request_partition(grid, request));
    const char *why =
        link && link->failure[0] != '\0' ? link->failure : client_session_failure(grid);
    struct op_reply reply = reply_of_failure(
        ERROR_DISCONNECTED, why[0] != '\0' ? why : "no connection to the partition's owner");
    request_end(grid, request, &reply, false);
}

static void sent_expire(struct grid *grid, struct client_request *request)
{
    struct client_link *link = request->link;
    int64_t submitted_ms = request->deadline_ms - grid->options.timeout_ms;
    bool is_silent = link->stream.received_ms < submitted_ms;
    struct op_reply reply =
        op_is_write(request->kind)
            ? reply_of_failure(ERROR_INDETERMINATE, "no answer in time; it may have been applied")
            : reply_of_failure(ERROR_TIMEOUT, "no answer in time");
    request_end(grid, request, &reply, true);
    // Nothing at all has come since: rather a dead connection than a slow answer.
    if (is_silent && link->state == LINK_READY)
        client_link_fail(link, ERROR_DISCONNECTED, "the node does not answer");
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct grid *grid = context;
    int64_t now_ms = client_clock_ms();
    grid->is_deadline_set = false;
    // Callbacks may submit and links may fail: look at the head afresh each time.
    while (!list_is_empty(&grid->requests.timed)) {
        struct client_request *request =
            LIST_ENTRY(grid->requests.timed.next, struct client_request, order);
        if (request->deadline_ms > now_ms) {
            // Also where a callback has set it: that was for a younger request.
            deadline_set(grid, request->deadline_ms - now_ms);
            return;
        }
        if (request->state == REQUEST_QUEUED)
            queued_expire(grid, request);
        else
            sent_expire(grid, request);
    }
}

// ---- Sending ----

// Where frame.h puts the partition in a header.
enum { HEADER_PARTITION_OFFSET = 6 };

static void frame_send(struct grid *grid, struct client_request *request, struct client_link *link)
{
    request->state = REQUEST_SENT;
    request->link = link;
    request->out_position = client_stream_position(&link->stream);
    struct bytes frame = buffer_bytes(&request->frame);
    buffer_append(&link->stream.out, frame.data, frame.size);
    client_session_dirty(grid, link);
}

static void partition_set(struct client_request *request, uint16_t partition)
{
    memcpy(request->frame.data + request->frame.start + HEADER_PARTITION_OFFSET, &partition,
           sizeof partition);
}

static void request_route(struct grid *grid, struct client_request *request)
{
    struct client_link *link = request->link;
    if (!request->is_pinned) {
        if (!grid->topology.is_known || grid->view_count < request->view_needed)
            return;
        uint16_t partition = request_partition(grid, request);
        link = client_topology_route(&grid->topology, partition);
        partition_set(request, partition);
    }
    if (link && client_link_can_take(link))
        frame_send(grid, request, link);
}

void client_operations_route(struct grid *grid)
{
    grid->is_route_due = false;
    struct list *timed = &grid->requests.timed;
    for (struct list *at = timed->next, *next; at != timed; at = next) {
        next = at->next;
        struct client_request *request = LIST_ENTRY(at, struct client_request, order);
        if (request->state == REQUEST_QUEUED)
            request_route(grid, request);
    }
}

// A queued request of this client's time-out, or NULL when too many are under way.
static struct client_request *request_take(struct grid *grid, enum op_kind kind)
{
    if (grid->requests.timed_bytes > CLIENT_PENDING_BYTES_MAX)
        return NULL;
    struct client_request *request = client_requests_take(&grid->requests);
    if (!request)
        return NULL;
    request->kind = kind;
    request->was_rerouted = false;
    request->view_needed = 0;
    request->link = NULL;
    request->deadline_ms = client_clock_ms() + grid->options.timeout_ms;
    if (!grid->is_deadline_set)
        deadline_set(grid, grid->options.timeout_ms);
    return request;
}

enum error client_operation_send(struct grid *grid, struct client_link *link, const struct op *op,
                                 client_answer_fn *answer, void *context)
{
    struct client_request *request = request_take(grid, op->kind);
    if (!request)
        return ERROR_OVERLOADED;
    request->is_pinned = true;
    request->link = link;
    request->callback = NULL;
    request->answer = answer;
    request->context = context;
    struct op addressed = *op;
    addressed.partition = PARTITION_ANY;
    if (op->kind == OP_NONE)
        request_encode_empty(&request->frame, FRAME_VIEW, request->id);
    else
        op_encode(&request->frame, request->id, &addressed);
    client_requests_weigh(&grid->requests, request);
    if (client_link_can_take(link))
        frame_send(grid, request, link);
    return ERROR_NONE;
}

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
    struct client_request *queued = request_take(grid, (enum op_kind)request->op);
    if (!queued)
        return GRID_OVERLOADED;
    struct op op = op_of_request(request);
    queued->is_pinned = false;
    queued->hash = op.hash;
    queued->callback = callback;
    queued->context = context;
    op_encode(&queued->frame, queued->id, &op);
    client_requests_weigh(&grid->requests, queued);
    request_route(grid, queued);
    return GRID_OK;
}

// ---- Answers ----

// Nothing was done: fetch the view, then try once more.
static void request_reroute(struct grid *grid, struct client_request *request)
{
    request->was_rerouted = true;
    request->state = REQUEST_QUEUED;
    request->link = NULL;
    request->view_needed = grid->view_count + 1;
    client_session_want_view(grid);
}

static enum error answer_decode(const struct client_request *request, const struct frame *frame,
                                struct op_reply *reply)
{
    if (request->kind == OP_NONE && frame->header.kind == FRAME_REPLY) {
        *reply = (struct op_reply){.value = frame->body};
        return ERROR_NONE;
    }
    if (frame->header.kind != FRAME_REPLY && frame->header.kind != FRAME_ERROR)
        return ERROR_MALFORMED_FRAME;
    return reply_decode(request->kind, frame, reply);
}

const char *client_operations_answer(struct grid *grid, struct client_link *link,
                                     const struct frame *frame)
{
    struct client_request *request =
        client_requests_find(&grid->requests, frame->header.request_id);
    if (!request || request->link != link || request->state == REQUEST_QUEUED)
        return "the node answered a request that was not made";
    struct op_reply reply;
    if (answer_decode(request, frame, &reply) != ERROR_NONE)
        return "the node sent a malformed answer";
    if (request->state == REQUEST_LATE)
        client_requests_release(&grid->requests, request);
    else if (reply.error == ERROR_NOT_OWNER && !request->is_pinned && !request->was_rerouted)
        request_reroute(grid, request);
    else
        request_end(grid, request, &reply, false);
    return NULL;
}

// ---- Lost connections ----

static void late_detach(struct grid *grid, const struct client_link *link)
{
    struct list *late = &grid->requests.late;
    for (struct list *at = late->next, *next; at != late; at = next) {
        next = at->next;
        struct client_request *request = LIST_ENTRY(at, struct client_request, order);
        if (request->link == link)
            client_requests_release(&grid->requests, request);
    }
}

void client_operations_detach(struct grid *grid, struct client_link *link, bool is_end)
{
    late_detach(grid, link);
    struct list *timed = &grid->requests.timed;
    for (struct list *at = timed->next, *next; at != timed; at = next) {
        next = at->next;
        struct client_request *request = LIST_ENTRY(at, struct client_request, order);
        if (request->link != link)
            continue;
        bool was_written =
            request->state == REQUEST_SENT && request->out_position < link->stream.written_bytes;
        request->was_written = was_written;
        // A view can be had from another member at once.
        if ((was_written && op_is_write(request->kind)) || request->kind == OP_NONE ||
            (is_end && request->is_pinned)) {
            list_remove(&request->order);
            list_append(&grid->doomed, &request->order);
        }
        request->state = REQUEST_QUEUED;
        if (!request->is_pinned || is_end)
            request->link = NULL;
    }
}

void client_operations_settle(struct grid *grid)
{
    for (struct list *at; (at = list_pop(&grid->doomed));) {
        struct client_request *request = LIST_ENTRY(at, struct client_request, order);
        struct op_reply reply =
            request->was_written && op_is_write(request->kind)
                ? reply_of_failure(ERROR_INDETERMINATE,
                                   "the connection was lost; it may have been applied")
                : reply_of_failure(ERROR_DISCONNECTED, "the connection was lost");
        request_end(grid, request, &reply, false);
    }
}

// ---- Life ----

void client_operations_start(struct grid *grid)
{
    client_requests_init(&grid->requests);
    list_init(&grid->doomed);
    grid->deadline = evtimer_new(grid->base, on_deadline, grid);
    CHECK(grid->deadline != NULL);
}

static void cancel_all(struct grid *grid, struct list *list)
{
    struct op_reply reply = reply_of_failure(ERROR_CANCELLED, "the client was freed");
    while (!list_is_empty(list)) {
        struct client_request *request = LIST_ENTRY(list->next, struct client_request, order);
        request_end(grid, request, &reply, false);
    }
}

void client_operations_cancel(struct grid *grid)
{
    client_operations_settle(grid);
    cancel_all(grid, &grid->requests.timed);
}

void client_operations_stop(struct grid *grid)
{
    client_requests_deinit(&grid->requests);
    if (grid->deadline)
        event_free(grid->deadline);
    grid->deadline = NULL;
}
