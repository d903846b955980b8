// SPDX-License-Identifier: Apache-2.0
#include "node/net/session.h"

#include "cluster/base/memory.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/view_codec.h"
#include "node/shard/subscriptions.h"

#include <inttypes.h>
#include <stdio.h>

// ---- HELLO ----

static void hello_answer(struct connection *connection, uint32_t request_id)
{
    const struct connections_options *options = &connection->connections->options;
    const struct worker *worker = connection->connections->worker;
    const struct view *view = shard_view(worker->shard);
    struct hello_reply reply = {.version = PROTOCOL_VERSION,
                                .node = bytes_of_text(options->node_name),
                                .grid = bytes_of_text(options->grid_name),
                                .incarnation = options->member_id,
                                .worker = worker->options.number,
                                .worker_count = worker->options.worker_count,
                                .partition_count = view ? view->partition_count : 0,
                                .view_version = view ? view->version : 0};
    hello_reply_encode(&connection->outlet.out, request_id, &reply);
    outlet_changed(&connection->outlet);
}

// Takes as long whatever is wrong with it, so that nobody can find it byte by byte.
static bool secret_is_right(const char *ours, struct bytes theirs)
{
    size_t size = strlen(ours);
    uint8_t differs = size != theirs.size;
    for (size_t i = 0; i < theirs.size; i++)
        differs |= (uint8_t)(theirs.data[i] ^ (uint8_t)ours[i < size ? i : 0]);
    return differs == 0;
}

// ERROR_NONE, or why `hello` is turned away; `text` says what to do.
static enum error peer_refusal(const struct connections *connections, const struct hello *hello,
                               char *text, size_t capacity)
{
    const struct view *view = shard_view(connections->worker->shard);
    if (!secret_is_right(connections->options.secret, hello->secret)) {
        snprintf(
            text, capacity,
            "the secret of '%.*s' is not this grid's: set the option secret to the same on all "
            "nodes",
            (int)hello->name.size, (const char *)hello->name.data);
        return ERROR_WRONG_SECRET;
    }
    if (view && hello->grid_id != 0 && hello->grid_id != view->grid_id) {
        snprintf(text, capacity,
                 "'%.*s' is of another grid of the same name (id %016" PRIx64 ", here %016" PRIx64
                 "): grids are never merged; restart it to join this one, empty",
                 (int)hello->name.size, (const char *)hello->name.data, hello->grid_id,
                 view->grid_id);
        return ERROR_WRONG_GRID;
    }
    return ERROR_NONE;
}

static enum error hello_refusal(const struct connections *connections, const struct hello *hello,
                                char *text, size_t capacity)
{
    uint16_t worker_count = connections->worker->options.worker_count;
    if (hello->version_min > PROTOCOL_VERSION || hello->version_max < PROTOCOL_VERSION) {
        snprintf(text, capacity, "this node speaks protocol version %d, asked for %u to %u",
                 PROTOCOL_VERSION, hello->version_min, hello->version_max);
        return ERROR_UNSUPPORTED_VERSION;
    }
    if ((hello->grid.size > 0 || hello->role != HELLO_CLIENT) &&
        !bytes_equal(hello->grid, bytes_of_text(connections->options.grid_name))) {
        snprintf(text, capacity,
                 "%s is a node of grid '%s', not of '%.*s': check the grid's name and the address",
                 connections->options.node_name, connections->options.grid_name,
                 (int)hello->grid.size, (const char *)hello->grid.data);
        return ERROR_WRONG_GRID;
    }
    if (hello->worker != HELLO_ANY_WORKER && hello->worker >= worker_count) {
        snprintf(text, capacity, "worker %u: this node has %u", hello->worker, worker_count);
        return ERROR_INVALID_ARGUMENT;
    }
    return hello->role == HELLO_CLIENT ? ERROR_NONE
                                       : peer_refusal(connections, hello, text, capacity);
}

// `rest`: the HELLO's frame and all that follows it.
static enum verdict session_hello(struct connection *connection, const struct frame *frame,
                                  struct bytes rest)
{
    struct hello hello;
    char text[384] = "HELLO: malformed body";
    enum error error = hello_decode(frame->body, &hello);
    if (error == ERROR_NONE)
        error = hello_refusal(connection->connections, &hello, text, sizeof text);
    if (error != ERROR_NONE) {
        connection_refuse(connection, frame->header.request_id, error, text);
        return VERDICT_ENDING;
    }
    if (hello.role == HELLO_CONTROL) {
        connection_hand_to_control(connection, rest);
        return VERDICT_GONE;
    }
    const struct worker *worker = connection->connections->worker;
    if (hello.worker != HELLO_ANY_WORKER && hello.worker != worker->options.number) {
        connection_hand_over(connection, hello.worker, rest);
        return VERDICT_GONE;
    }
    connection->state = hello.role == HELLO_PEER ? CONNECTION_PEER : CONNECTION_CLIENT;
    connection->client_id = hello.role == HELLO_CLIENT ? hello.id : 0;
    connection->client_name = memory_copy_text((const char *)hello.name.data, hello.name.size);
    hello_answer(connection, frame->header.request_id);
    return VERDICT_NEXT;
}

// ---- Other frames ----

static void session_view(struct connection *connection, uint32_t request_id)
{
    const struct view *view = shard_view(connection->connections->worker->shard);
    struct buffer *out = &connection->outlet.out;
    size_t mark = buffer_size(out);
    if (!view) {
        error_encode(out, FRAME_ERROR, request_id, PARTITION_ANY, ERROR_NO_QUORUM,
                     "this node is in no grid yet", 0);
        return;
    }
    view_encode(out, request_id, view);
    frame_set_view(out, mark, (uint8_t)view->version);
}

static enum verdict peer_frame(struct connection *connection, const struct frame *frame)
{
    enum error error =
        shard_receive(connection->connections->worker->shard, &connection->outlet, frame);
    if (error == ERROR_NONE)
        return VERDICT_NEXT;
    char text[128];
    snprintf(text, sizeof text, "frame of kind 0x%02x for partition %u from a primary",
             frame->header.kind, frame->header.partition);
    connection_refuse(connection, frame->header.request_id, error, text);
    return VERDICT_ENDING;
}

static void session_unknown(struct connection *connection, const struct frame *frame)
{
    char text[64];
    snprintf(text, sizeof text, "no operation has the kind 0x%02x", frame->header.kind);
    error_encode(&connection->outlet.out, FRAME_ERROR, frame->header.request_id,
                 frame->header.partition, ERROR_UNKNOWN_OPERATION, text, 0);
}

enum verdict session_frame(struct connection *connection, const struct frame *frame,
                           struct bytes rest)
{
    struct worker *worker = connection->connections->worker;
    struct outlet *outlet = &connection->outlet;
    uint32_t request_id = frame->header.request_id;
    if (connection->state == CONNECTION_NEW) {
        if (frame->header.kind == FRAME_HELLO)
            return session_hello(connection, frame, rest);
        connection_refuse(connection, request_id, ERROR_MALFORMED_FRAME,
                          "the first frame must be a HELLO");
        return VERDICT_ENDING;
    }
    switch (frame->header.kind) {
    case FRAME_VIEW:
        session_view(connection, request_id);
        break;
    case FRAME_CLUSTER:
        connection->connections->options.cluster_asked(connection->connections->options.context,
                                                       worker, outlet, frame);
        break;
    case FRAME_PING:
        reply_encode_object(&outlet->out, request_id, bytes_of("\x90", 1));
        break;
    default:
        if (connection->state == CONNECTION_CLIENT && subscriptions_take(frame->header.kind)) {
            worker_refresh(worker);
            subscriptions_frame(worker->shard, outlet, frame, connection->client_name,
                                &connection->reader);
            break;
        }
        if (connection->state == CONNECTION_PEER)
            return peer_frame(connection, frame);
        session_unknown(connection, frame);
        break;
    }
    outlet_changed(outlet);
    return VERDICT_NEXT;
}
