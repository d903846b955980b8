// SPDX-License-Identifier: Apache-2.0
#include "node/net/session.h"

#include "cluster/wire/message_codec.h"
#include "cluster/wire/op_codec.h"

#include <stdio.h>

// ---- HELLO ----

static uint16_t member_named(const struct view *view, struct bytes name)
{
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (bytes_equal(bytes_of_text(view->members[i].name), name))
            return (uint16_t)i;
    }
    return VIEW_NO_MEMBER;
}

static void hello_answer(struct connection *connection, uint32_t request_id)
{
    const struct connections_options *options = &connection->connections->options;
    const struct worker_options *worker = &connection->connections->worker->options;
    struct hello_reply reply = {.version = PROTOCOL_VERSION,
                                .node = bytes_of_text(options->node_name),
                                .grid = bytes_of_text(options->grid_name),
                                .incarnation = options->incarnation,
                                .worker = worker->number,
                                .worker_count = worker->router->worker_count,
                                .partition_count = worker->router->view->partition_count};
    hello_reply_encode(&connection->outlet.out, request_id, &reply);
    outlet_changed(&connection->outlet);
}

static bool hello_is_acceptable(struct connection *connection, uint32_t request_id,
                                const struct hello *hello)
{
    const struct connections *connections = connection->connections;
    const struct router *router = connections->worker->options.router;
    char text[256];
    if (hello->version_min > PROTOCOL_VERSION || hello->version_max < PROTOCOL_VERSION) {
        snprintf(text, sizeof text, "this node speaks protocol version %d, asked for %u to %u",
                 PROTOCOL_VERSION, hello->version_min, hello->version_max);
        connection_refuse(connection, request_id, ERROR_UNSUPPORTED_VERSION, text);
        return false;
    }
    if ((hello->grid.size > 0 || hello->role == HELLO_PEER) &&
        !bytes_equal(hello->grid, bytes_of_text(connections->options.grid_name))) {
        snprintf(text, sizeof text, "this node belongs to grid '%s', asked for '%.*s'",
                 connections->options.grid_name, (int)hello->grid.size,
                 (const char *)hello->grid.data);
        connection_refuse(connection, request_id, ERROR_WRONG_GRID, text);
        return false;
    }
    if (hello->worker != HELLO_ANY_WORKER && hello->worker >= router->worker_count) {
        snprintf(text, sizeof text, "worker %u: this node has %u", hello->worker,
                 router->worker_count);
        connection_refuse(connection, request_id, ERROR_INVALID_ARGUMENT, text);
        return false;
    }
    if (hello->role == HELLO_PEER && member_named(router->view, hello->name) == VIEW_NO_MEMBER) {
        snprintf(text, sizeof text, "'%.*s' is no member of this grid", (int)hello->name.size,
                 (const char *)hello->name.data);
        connection_refuse(connection, request_id, ERROR_WRONG_GRID, text);
        return false;
    }
    return true;
}

// `rest`: the HELLO's frame and all that follows it.
static enum verdict session_hello(struct connection *connection, const struct frame *frame,
                                  struct bytes rest)
{
    struct hello hello;
    enum error error = hello_decode(frame->body, &hello);
    if (error != ERROR_NONE) {
        connection_refuse(connection, frame->header.request_id, error, "HELLO: malformed body");
        return VERDICT_ENDING;
    }
    if (!hello_is_acceptable(connection, frame->header.request_id, &hello))
        return VERDICT_ENDING;
    struct worker *worker = connection->connections->worker;
    if (hello.worker != HELLO_ANY_WORKER && hello.worker != worker->options.number) {
        connection_hand_over(connection, hello.worker, rest);
        return VERDICT_GONE;
    }
    if (hello.role == HELLO_PEER) {
        connection->state = CONNECTION_PEER;
        connection->member = member_named(worker->options.router->view, hello.name);
    } else {
        connection->state = CONNECTION_CLIENT;
    }
    hello_answer(connection, frame->header.request_id);
    return VERDICT_NEXT;
}

// ---- Other frames ----

static enum verdict peer_frame(struct connection *connection, const struct frame *frame)
{
    struct worker *worker = connection->connections->worker;
    const struct view *view = worker->options.router->view;
    uint16_t partition = frame->header.partition;
    struct replica *replica = worker_replica(worker, partition);
    enum error error = ERROR_NOT_OWNER;
    if (replica && view_owner(view, partition, 0) == connection->member)
        error = replica_receive(replica, &connection->outlet, frame);
    if (error == ERROR_NONE)
        return VERDICT_NEXT;
    char text[128];
    snprintf(text, sizeof text, "frame of kind 0x%02x for partition %u from a primary",
             frame->header.kind, partition);
    connection_refuse(connection, frame->header.request_id, error, text);
    return VERDICT_ENDING;
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
        view_encode(&outlet->out, request_id, worker->options.router->view);
        break;
    case FRAME_PING:
        reply_encode_object(&outlet->out, request_id, bytes_of("\x90", 1));
        break;
    case FRAME_SUBSCRIBE:
        worker_subscribe(worker, outlet, request_id, frame->body, &connection->watches);
        break;
    case FRAME_UNSUBSCRIBE:
        worker_unsubscribe(worker, outlet, request_id, frame->body, &connection->watches);
        break;
    default: {
        char text[64];
        if (connection->state == CONNECTION_PEER)
            return peer_frame(connection, frame);
        snprintf(text, sizeof text, "no operation has the kind 0x%02x", frame->header.kind);
        error_encode(&outlet->out, FRAME_ERROR, request_id, frame->header.partition,
                     ERROR_UNKNOWN_OPERATION, text, 0);
        break;
    }
    }
    outlet_changed(outlet);
    return VERDICT_NEXT;
}
