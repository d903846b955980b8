// SPDX-License-Identifier: Apache-2.0
#include "client/operation.h"

#include "client/clock.h"
#include "client/session.h"
#include "cluster/wire/cluster_codec.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/event_codec.h"

// ---- Ending ----

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

// Frees the slot before it calls back, so that the next request finds it warm.
void client_operation_end(struct grid *grid, struct client_request *request,
                          const struct op_reply *reply, uint8_t view, bool becomes_late)
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
        answer(context, reply, view);
}

void client_operation_fail(struct grid *grid, struct client_request *request, enum error error,
                           const char *text, bool becomes_late)
{
    struct op_reply reply = {.error = error, .text = bytes_of_text(text)};
    client_operation_end(grid, request, &reply, 0, becomes_late);
}

// ---- Sending ----

// Where frame.h puts them in a header.
enum { HEADER_PARTITION_OFFSET = 6, HEADER_ID_OFFSET = 8 };

static void partition_set(struct client_request *request, uint16_t partition)
{
    memcpy(request->frame.data + request->frame.start + HEADER_PARTITION_OFFSET, &partition,
           sizeof partition);
}

static void retry_encode(struct grid *grid, struct client_request *request, struct buffer *out)
{
    struct frame frame;
    struct op op;
    const char *what;
    enum error error;
    CHECK(frame_parse(buffer_bytes(&request->frame), FRAME_BODY_BYTES_MAX, &frame, &error) ==
          FRAME_COMPLETE);
    CHECK(op_decode(&frame, &op, &what) == ERROR_NONE);
    op.floor = client_requests_floor(&grid->requests);
    op.is_retry = true;
    op.age_ms = (uint64_t)(client_clock_ms() - request->first_sent_ms);
    op_encode(out, request->id, &op);
}

static void request_send(struct grid *grid, struct client_request *request,
                         struct client_link *link)
{
    struct buffer *out = &link->stream.out;
    size_t mark = buffer_size(out);
    request->state = REQUEST_SENT;
    request->link = link;
    request->out_position = client_stream_position(&link->stream);
    if (request->number != 0 && request->was_sent) {
        retry_encode(grid, request, out);
    } else {
        struct bytes frame = buffer_bytes(&request->frame);
        buffer_append(out, frame.data, frame.size);
        // One that was sent elsewhere before has another id now.
        memcpy(out->data + out->start + mark + HEADER_ID_OFFSET, &request->id, sizeof request->id);
    }
    if (!request->was_sent)
        request->first_sent_ms = client_clock_ms();
    client_session_stamp(grid, link, mark);
    client_session_dirty(grid, link);
}

void client_operation_route(struct grid *grid, struct client_request *request)
{
    struct client_link *link = request->link;
    if (!request->is_pinned) {
        if (!grid->topology.is_known)
            return;
        uint16_t partition = client_operation_partition(grid, request);
        if (client_holds_is_held(&grid->holds, partition)) {
            client_session_turn_at(grid, grid->holds.array[partition].until_ms);
            return;
        }
        link = client_topology_route(&grid->topology, partition);
        partition_set(request, partition);
    }
    if (link && client_link_can_take(link))
        request_send(grid, request, link);
}

void client_operations_route(struct grid *grid)
{
    grid->is_route_due = false;
    struct list *timed = &grid->requests.timed;
    for (struct list *at = timed->next, *next; at != timed; at = next) {
        next = at->next;
        struct client_request *request = LIST_ENTRY(at, struct client_request, order);
        if (request->state != REQUEST_QUEUED)
            continue;
        if (grid->holds.held_count > 0 && !request->is_pinned)
            (void)client_holds_expire(&grid->holds, client_operation_partition(grid, request),
                                      client_clock_ms());
        client_operation_route(grid, request);
    }
}

struct client_request *client_operation_take(struct grid *grid, enum op_kind kind)
{
    if (grid->requests.timed_bytes > CLIENT_PENDING_BYTES_MAX)
        return NULL;
    struct client_request *request = client_requests_take(&grid->requests);
    if (!request)
        return NULL;
    request->kind = kind;
    request->is_pinned = false;
    request->was_sent = false;
    request->is_uncertain = false;
    request->refusal = ERROR_NONE;
    request->no_quorum_ms = 0;
    request->link = NULL;
    client_operation_await(grid, request);
    return request;
}

// ---- The library's own ----

static struct client_request *pinned_take(struct grid *grid, struct client_link *link,
                                          enum op_kind kind, client_answer_fn *answer,
                                          void *context)
{
    struct client_request *request = client_operation_take(grid, kind);
    if (!request)
        return NULL;
    request->is_pinned = true;
    request->link = link;
    request->callback = NULL;
    request->answer = answer;
    request->context = context;
    return request;
}

enum error client_operation_send(struct grid *grid, struct client_link *link, const struct op *op,
                                 client_answer_fn *answer, void *context)
{
    struct client_request *request = pinned_take(grid, link, op->kind, answer, context);
    if (!request)
        return ERROR_OVERLOADED;
    struct op addressed = *op;
    addressed.partition = PARTITION_ANY;
    op_encode(&request->frame, request->id, &addressed);
    client_requests_weigh(&grid->requests, request);
    client_operation_route(grid, request);
    return ERROR_NONE;
}

enum error client_operation_send_cluster(struct grid *grid, struct client_link *link,
                                         const struct cluster_request *command,
                                         client_answer_fn *answer, void *context)
{
    struct client_request *request = pinned_take(grid, link, OP_NONE, answer, context);
    if (!request)
        return ERROR_OVERLOADED;
    cluster_request_encode(&request->frame, request->id, command);
    client_requests_weigh(&grid->requests, request);
    client_operation_route(grid, request);
    return ERROR_NONE;
}

enum error client_operation_send_explain(struct grid *grid, struct client_link *link,
                                         struct bytes query, client_answer_fn *answer,
                                         void *context)
{
    struct client_request *request = pinned_take(grid, link, OP_NONE, answer, context);
    if (!request)
        return ERROR_OVERLOADED;
    explain_encode(&request->frame, request->id, query);
    client_requests_weigh(&grid->requests, request);
    client_operation_route(grid, request);
    return ERROR_NONE;
}

enum error client_operation_send_subscriptions(struct grid *grid, struct client_link *link,
                                               uint32_t skip, uint32_t limit,
                                               client_answer_fn *answer, void *context)
{
    struct client_request *request = pinned_take(grid, link, OP_NONE, answer, context);
    if (!request)
        return ERROR_OVERLOADED;
    subscriptions_encode(&request->frame, request->id, skip, limit);
    client_requests_weigh(&grid->requests, request);
    client_operation_route(grid, request);
    return ERROR_NONE;
}

// ---- Answers ----

static enum error answer_decode(const struct client_request *request, const struct frame *frame,
                                struct op_reply *reply)
{
    if (request->kind == OP_NONE && frame->header.kind == FRAME_REPLY) {
        *reply = (struct op_reply){.value = frame->body};
        return value_check(frame->body);
    }
    if (frame->header.kind != FRAME_REPLY && frame->header.kind != FRAME_ERROR)
        return ERROR_MALFORMED_FRAME;
    return reply_decode(request->kind, frame, reply);
}

static bool no_quorum_is_retried(const struct grid *grid, struct client_request *request)
{
    int64_t now_ms = client_clock_ms();
    if (request->no_quorum_ms == 0)
        request->no_quorum_ms = now_ms;
    return now_ms - request->no_quorum_ms < grid->options.no_quorum_ms;
}

// Another attempt may go better, and cannot apply anything twice.
static bool error_is_retried(const struct grid *grid, struct client_request *request,
                             enum error error)
{
    if (request->is_pinned)
        return false;
    if (error == ERROR_NO_QUORUM)
        return no_quorum_is_retried(grid, request);
    // An earlier attempt may have been applied: "refused" would be a lie.
    if (error == ERROR_OVERLOADED)
        return request->is_uncertain;
    return error == ERROR_NOT_OWNER || error == ERROR_TOO_FEW_COPIES ||
           error == ERROR_BACKUP_UNAVAILABLE || error == ERROR_INDETERMINATE ||
           error == ERROR_TIMEOUT || error == ERROR_DISCONNECTED;
}

static void request_retry(struct grid *grid, struct client_request *request, enum error error,
                          uint8_t view)
{
    struct client_link *link = request->link;
    if (error == ERROR_INDETERMINATE)
        request->is_uncertain = op_is_write(request->kind);
    else
        request->refusal = error;
    request->was_sent = true;
    request->state = REQUEST_QUEUED;
    request->link = NULL;
    grid->is_route_due = true;
    client_session_want_turn(grid);
    uint16_t partition = client_operation_partition(grid, request);
    // A newer view has come since it was sent there.
    if (error == ERROR_NOT_OWNER && client_topology_route(&grid->topology, partition) != link)
        return;
    client_holds_extend(&grid->holds, partition, client_clock_ms(), &grid->random);
    bool is_other_view = view != (uint8_t)grid->topology.view.version;
    client_view_want(grid,
                     error == ERROR_NOT_OWNER ? CLIENT_VIEW_URGENT_MS : CLIENT_VIEW_INTERVAL_MS,
                     is_other_view ? link : NULL);
}

// The node looked the operation up before it said so: nothing was applied by an earlier attempt.
static bool error_is_definite(enum error error)
{
    return error == ERROR_NONE || error == ERROR_NOT_FOUND || error == ERROR_EXISTS ||
           error == ERROR_VERSION_MISMATCH || error == ERROR_WRONG_TYPE || error == ERROR_OVERFLOW;
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
    if (request->state == REQUEST_LATE) {
        client_requests_release(&grid->requests, request);
        return NULL;
    }
    if (__builtin_expect(reply.error != ERROR_NONE, 0) &&
        error_is_retried(grid, request, reply.error)) {
        request_retry(grid, request, reply.error, frame->header.view);
        return NULL;
    }
    if (grid->holds.held_count > 0 && !request->is_pinned)
        client_holds_release(&grid->holds, client_operation_partition(grid, request));
    if (request->is_uncertain && !error_is_definite(reply.error))
        client_operation_fail(grid, request, ERROR_INDETERMINATE,
                              "refused in the end; an earlier attempt may have been applied",
                              false);
    else
        client_operation_end(grid, request, &reply, frame->header.view, false);
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

static void request_detach(struct grid *grid, struct client_request *request, bool is_end)
{
    bool has_left = request->state == REQUEST_SENT &&
                    request->out_position < request->link->stream.written_bytes;
    bool is_read = !op_is_write(request->kind) && request->kind != OP_NONE;
    request->was_sent |= has_left;
    request->is_uncertain |= has_left && !is_read;
    request->state = REQUEST_QUEUED;
    if (request->is_pinned && (is_end || request->is_uncertain)) {
        list_remove(&request->order);
        list_append(&grid->doomed, &request->order);
    }
    if (!request->is_pinned || is_end)
        request->link = NULL;
}

void client_operations_detach(struct grid *grid, struct client_link *link, bool is_end)
{
    late_detach(grid, link);
    struct list *timed = &grid->requests.timed;
    for (struct list *at = timed->next, *next; at != timed; at = next) {
        next = at->next;
        struct client_request *request = LIST_ENTRY(at, struct client_request, order);
        if (request->link == link)
            request_detach(grid, request, is_end);
    }
}

void client_operations_settle(struct grid *grid)
{
    for (struct list *at; (at = list_pop(&grid->doomed));) {
        struct client_request *request = LIST_ENTRY(at, struct client_request, order);
        if (request->is_uncertain)
            client_operation_fail(grid, request, ERROR_INDETERMINATE,
                                  "the connection was lost; it may have been applied", false);
        else
            client_operation_fail(grid, request, ERROR_DISCONNECTED, "the connection was lost",
                                  false);
    }
}
