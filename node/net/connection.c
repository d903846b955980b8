// SPDX-License-Identifier: Apache-2.0
#include "node/net/connection.h"

#include "cluster/base/memory.h"
#include "cluster/wire/op_codec.h"
#include "node/net/session.h"
#include "node/net/socket.h"
#include "node/shard/execute.h"
#include "node/shard/warm.h"

#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

enum {
    OUTPUT_KEEP_BYTES = 64 * 1024,
    // Answers of one connection that wait for a commit or for another worker.
    UNDER_WAY_MAX = 16 * 1024,
};

// A socket on its way to this worker, with what was read from it already.
struct arrival {
    struct letter letter;
    struct connections *connections;
    int descriptor;
    struct buffer in; // empty, or a HELLO that was accepted by another worker and what follows it
};

static struct connection *connection_of(struct outlet *outlet)
{
    return LIST_ENTRY(outlet, struct connection, outlet);
}

// ---- Life ----

static void on_outlet_changed(struct outlet *outlet)
{
    struct connection *connection = connection_of(outlet);
    if (list_is_empty(&connection->dirty_link))
        list_append(&connection->connections->dirty, &connection->dirty_link);
}

static void connection_release(struct connection *connection)
{
    list_remove(&connection->all_link);
    list_remove(&connection->dirty_link);
    connection->connections->count--;
    buffer_deinit(&connection->outlet.out);
    buffer_deinit(&connection->in);
    free(connection->client_name);
    free(connection);
}

static void on_outlet_released(struct outlet *outlet)
{
    connection_release(connection_of(outlet));
}

// The socket is given up (not closed: the caller does, or another worker has it).
static void connection_detach(struct connection *connection)
{
    event_free(connection->readable);
    event_free(connection->writable);
    list_remove(&connection->paused_link);
    if (connection->reader)
        reader_free(connection->reader);
    connection->reader = NULL;
    if (connection->state == CONNECTION_PEER)
        shard_primary_gone(connection->connections->worker->shard, &connection->outlet);
    connection->state = CONNECTION_CLOSED;
    connection->connections->worker->counters.connections_closed++;
    connection->outlet.is_closed = true;
    if (connection->outlet.holders == 0)
        connection_release(connection);
}

// The one place where a connection ends. It must not be touched afterwards.
static void connection_close(struct connection *connection)
{
    close(connection->descriptor);
    atomic_fetch_sub(connection->connections->options.open_count, 1);
    connection_detach(connection);
}

// Input that nobody will read, taken off the socket: a close with unread input resets the
// connection, and the other side might lose the error text.
static void connection_discard_input(struct connection *connection)
{
    size_t count;
    socket_read(connection->descriptor, connection->connections->read_buffer, CONNECTION_READ_BYTES,
                &count);
}

void connection_refuse(struct connection *connection, uint32_t request_id, enum error error,
                       const char *text)
{
    error_encode(&connection->outlet.out, FRAME_ERROR, request_id, PARTITION_ANY, error, text, 0);
    outlet_changed(&connection->outlet);
    if (connection->state == CONNECTION_PEER)
        shard_primary_gone(connection->connections->worker->shard, &connection->outlet);
    connection->state = CONNECTION_ENDING;
    log_write(connection->connections->worker->options.log, LOG_WARN, "net",
              "connection refused: %s: %s", error_name(error), text);
    event_del(connection->readable);
}

static void connection_pause(struct connection *connection)
{
    if (connection->is_paused)
        return;
    connection->is_paused = true;
    event_del(connection->readable);
    list_append(&connection->connections->paused, &connection->paused_link);
}

static bool connection_must_wait(const struct connection *connection)
{
    return outlet_wants_pause(&connection->outlet) || connection->outlet.holders > UNDER_WAY_MAX ||
           (connection->state == CONNECTION_CLIENT &&
            worker_is_congested(connection->connections->worker));
}

// ---- To another worker ----

static void arrival_deliver(void *receiver, struct letter *letter);

void connection_hand_over(struct connection *connection, uint16_t worker_number, struct bytes rest)
{
    struct worker *worker = connection->connections->worker->options.siblings[worker_number];
    struct arrival *arrival = memory_new(sizeof *arrival);
    arrival->letter.deliver = arrival_deliver;
    arrival->connections = worker->connections;
    arrival->descriptor = connection->descriptor;
    buffer_append(&arrival->in, rest.data, rest.size);
    connection_detach(connection);
    worker_post(worker, &arrival->letter);
}

void connection_hand_to_control(struct connection *connection, struct bytes rest)
{
    const struct connections_options *options = &connection->connections->options;
    int descriptor = connection->descriptor;
    struct buffer in = {0};
    buffer_append(&in, rest.data, rest.size);
    connection_detach(connection);
    atomic_fetch_sub(options->open_count, 1); // those have a bound of their own
    options->control_arrived(options->context, descriptor, in);
}

// ---- Reading ----

static void refuse_operation(struct connection *connection, const struct frame *frame,
                             enum error error, const char *what)
{
    char text[128];
    snprintf(text, sizeof text, "%s: %s", what, error_name(error));
    error_encode(&connection->outlet.out, FRAME_ERROR, frame->header.request_id,
                 frame->header.partition, error, text, 0);
    outlet_changed(&connection->outlet);
}

// A batch of operations that follow each other in the input.
struct batch {
    struct request requests[BATCH_OPERATIONS_MAX];
    size_t ends[BATCH_OPERATIONS_MAX]; // where each one's frame ends in the input
    uint32_t count;
};

// Executes the batch. *consumed moves behind what was executed; false: the connection must wait
// before what follows.
static bool batch_execute(struct connection *connection, struct batch *batch, size_t *consumed)
{
    if (batch->count == 0)
        return !connection_must_wait(connection);
    struct worker *worker = connection->connections->worker;
    worker_refresh(worker);
    uint32_t executed = execute_batch(worker->shard, batch->requests, batch->count);
    bool complete = executed == batch->count;
    *consumed = batch->ends[executed - 1];
    batch->count = 0;
    return complete && !connection_must_wait(connection);
}

// Decodes the operation into the batch's next place, which it takes when it is well-formed.
static enum error batch_add(struct connection *connection, struct batch *batch,
                            const struct frame *frame, size_t end, const char **what)
{
    struct request *request = &batch->requests[batch->count];
    enum error error = op_decode(frame, &request->op, what);
    if (error != ERROR_NONE)
        return error;
    request->id = frame->header.request_id;
    request->outlet = &connection->outlet;
    request->op.client = connection->client_id;
    execute_prepare(connection->connections->worker->shard, request);
    batch->ends[batch->count++] = end;
    return ERROR_NONE;
}

static enum verdict input_refuse(struct connection *connection, enum error error)
{
    connection_refuse(connection, 0, error,
                      error == ERROR_TOO_LARGE ? "frame: its body is over the limit"
                                               : "frame: malformed header");
    return VERDICT_ENDING;
}

// One complete frame at `offset`: an operation joins the batch, which is executed when full or
// before anything else. *parsed: the frame was dealt with; false: the connection must wait before
// it.
static enum verdict input_frame(struct connection *connection, struct bytes input,
                                const struct frame *frame, size_t offset, size_t end,
                                struct batch *batch, size_t *consumed, bool *parsed)
{
    if (frame_is_operation(frame->header.kind) && connection->state == CONNECTION_CLIENT) {
        const char *what = "";
        enum error error = batch_add(connection, batch, frame, end, &what);
        if (error == ERROR_NONE) {
            *parsed =
                batch->count < BATCH_OPERATIONS_MAX || batch_execute(connection, batch, consumed);
            return VERDICT_NEXT;
        }
        *parsed = batch_execute(connection, batch, consumed);
        if (*parsed)
            refuse_operation(connection, frame, error, what);
    } else {
        *parsed = batch_execute(connection, batch, consumed);
        if (*parsed) {
            struct bytes rest = bytes_of(input.data + offset, input.size - offset);
            enum verdict verdict = session_frame(connection, frame, rest);
            if (verdict != VERDICT_NEXT)
                return verdict;
        }
    }
    if (*parsed)
        *consumed = end;
    return VERDICT_NEXT;
}

// Handles all complete frames at the start of `input`. *consumed: bytes that are done with.
static enum verdict input_handle(struct connection *connection, struct bytes input,
                                 size_t *consumed)
{
    struct batch batch;
    batch.count = 0;
    size_t offset = 0;
    uint32_t warm_count = 0; // frames of a primary that were looked at ahead
    *consumed = 0;
    for (;;) {
        struct frame frame;
        enum error error;
        bool parsed = true;
        struct bytes rest = bytes_of(input.data + offset, input.size - offset);
        if (connection->state == CONNECTION_PEER && warm_count-- == 0)
            warm_count = warm_frames(connection->connections->worker->shard, rest);
        enum frame_verdict found = frame_parse(
            rest, connection->connections->options.frame_body_bytes_max, &frame, &error);
        if (found == FRAME_INCOMPLETE)
            break;
        if (found == FRAME_INVALID) {
            if (!batch_execute(connection, &batch, consumed))
                return VERDICT_NEXT; // comes here again
            return input_refuse(connection, error);
        }
        size_t end = offset + FRAME_HEADER_BYTES + frame.body.size;
        enum verdict verdict =
            input_frame(connection, input, &frame, offset, end, &batch, consumed, &parsed);
        if (verdict != VERDICT_NEXT || !parsed)
            return verdict;
        offset = end;
    }
    batch_execute(connection, &batch, consumed);
    return VERDICT_NEXT;
}

// Handles what stands in connection->in. VERDICT_GONE: the connection must not be touched.
static enum verdict stored_handle(struct connection *connection)
{
    size_t consumed;
    enum verdict verdict = input_handle(connection, buffer_bytes(&connection->in), &consumed);
    if (verdict == VERDICT_NEXT) {
        buffer_consume(&connection->in, consumed);
        buffer_trim(&connection->in, CONNECTION_READ_BYTES);
        if (connection_must_wait(connection))
            connection_pause(connection);
    }
    return verdict;
}

// The usual case: nothing was left over, so the thread's buffer is read into and parsed in place.
static void read_fresh(struct connection *connection)
{
    struct connections *connections = connection->connections;
    size_t count;
    enum socket_verdict read = socket_read(connection->descriptor, connections->read_buffer,
                                           CONNECTION_READ_BYTES, &count);
    if (read == SOCKET_CLOSED)
        connection_close(connection);
    if (read != SOCKET_OK)
        return;
    size_t consumed;
    struct bytes input = bytes_of(connections->read_buffer, count);
    if (input_handle(connection, input, &consumed) != VERDICT_NEXT)
        return;
    buffer_append(&connection->in, input.data + consumed, input.size - consumed);
    if (connection_must_wait(connection))
        connection_pause(connection);
}

static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct connection *connection = context;
    if (buffer_size(&connection->in) == 0) {
        read_fresh(connection);
        return;
    }
    size_t count;
    enum socket_verdict read =
        socket_read(connection->descriptor, buffer_reserve(&connection->in, CONNECTION_READ_BYTES),
                    CONNECTION_READ_BYTES, &count);
    buffer_advance(&connection->in, count);
    if (read == SOCKET_CLOSED)
        connection_close(connection);
    else if (read == SOCKET_OK)
        stored_handle(connection);
}

// ---- Writing ----

static void on_writable(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    on_outlet_changed(context); // the end of the turn writes
}

static void connection_flush(struct connection *connection)
{
    connection->outlet.is_dirty = false;
    if (connection->state == CONNECTION_CLOSED) {
        buffer_clear(&connection->outlet.out);
        return;
    }
    enum socket_verdict verdict = socket_write(connection->descriptor, &connection->outlet.out);
    if (verdict == SOCKET_CLOSED ||
        (verdict == SOCKET_OK && connection->state == CONNECTION_ENDING &&
         connection->outlet.holders == 0)) {
        connection_discard_input(connection);
        connection_close(connection);
        return;
    }
    if (verdict == SOCKET_BLOCKED)
        event_add(connection->writable, NULL);
    buffer_trim(&connection->outlet.out, OUTPUT_KEEP_BYTES);
}

// Reads again from those that may go on, first what they have already sent.
static void paused_resume(struct connections *connections)
{
    struct list *next;
    for (struct list *link = connections->paused.next; link != &connections->paused; link = next) {
        next = link->next;
        struct connection *connection = LIST_ENTRY(link, struct connection, paused_link);
        if (connection_must_wait(connection))
            continue;
        list_remove(link);
        connection->is_paused = false;
        event_add(connection->readable, NULL);
        if (buffer_size(&connection->in) > 0)
            stored_handle(connection);
    }
}

static bool paused_may_resume(const struct connections *connections)
{
    for (struct list *link = connections->paused.next; link != &connections->paused;
         link = link->next) {
        if (!connection_must_wait(LIST_ENTRY(link, struct connection, paused_link)))
            return true;
    }
    return false;
}

static void dirty_flush(struct connections *connections)
{
    struct list *link;
    struct list turn; // those dirty now; who becomes dirty meanwhile is flushed in the next turn
    list_init(&turn);
    while ((link = list_pop(&connections->dirty)) != NULL)
        list_append(&turn, link);
    while ((link = list_pop(&turn)) != NULL)
        connection_flush(LIST_ENTRY(link, struct connection, dirty_link));
}

// What was answered under a lease that has ended meanwhile may be stale: it must not leave. The
// clients ask again, elsewhere.
static void stale_drop(struct connections *connections)
{
    struct list *link;
    while ((link = list_pop(&connections->dirty)) != NULL) {
        struct connection *connection = LIST_ENTRY(link, struct connection, dirty_link);
        if (connection->state == CONNECTION_PEER)
            connection_flush(connection);
        else if (connection->state != CONNECTION_CLOSED)
            connection_close(connection);
    }
}

static void lease_flush(struct connections *connections)
{
    if (!shard_lease_holds(connections->worker->shard, worker_clock_us()))
        stale_drop(connections);
    dirty_flush(connections);
}

bool connections_flush(struct connections *connections)
{
    lease_flush(connections); // first, since it makes room
    paused_resume(connections);
    lease_flush(connections);
    return paused_may_resume(connections);
}

// ---- Arrival ----

static struct connection *connection_new(struct connections *connections, int descriptor)
{
    struct connection *connection = memory_new(sizeof *connection);
    struct event_base *base = connections->worker->base;
    connection->connections = connections;
    connection->descriptor = descriptor;
    connection->outlet.limit_bytes = connections->options.output_bytes_max;
    connection->outlet.changed = on_outlet_changed;
    connection->outlet.released = on_outlet_released;
    connection->readable =
        event_new(base, descriptor, EV_READ | EV_PERSIST, on_readable, connection);
    connection->writable = event_new(base, descriptor, EV_WRITE, on_writable, connection);
    CHECK(connection->readable && connection->writable);
    list_init(&connection->dirty_link);
    list_init(&connection->paused_link);
    list_append(&connections->all, &connection->all_link);
    connections->count++;
    connections->worker->counters.connections_opened++;
    event_add(connection->readable, NULL);
    return connection;
}

static void arrival_drop(struct arrival *arrival)
{
    close(arrival->descriptor);
    atomic_fetch_sub(arrival->connections->options.open_count, 1);
    buffer_deinit(&arrival->in);
    free(arrival);
}

static void arrival_deliver(void *receiver, struct letter *letter)
{
    const struct worker *worker = receiver;
    struct arrival *arrival = (struct arrival *)letter;
    if (worker->is_stopping) {
        arrival_drop(arrival);
        return;
    }
    struct connection *connection = connection_new(arrival->connections, arrival->descriptor);
    connection->in = arrival->in;
    free(arrival);
    if (buffer_size(&connection->in) > 0)
        stored_handle(connection);
}

void connections_post(struct connections *connections, int descriptor)
{
    struct arrival *arrival = memory_new(sizeof *arrival);
    arrival->letter.deliver = arrival_deliver;
    arrival->connections = connections;
    arrival->descriptor = descriptor;
    worker_post(connections->worker, &arrival->letter);
}

struct connections *connections_new(struct worker *worker,
                                    const struct connections_options *options)
{
    struct connections *connections = memory_new(sizeof *connections);
    connections->worker = worker;
    connections->options = *options;
    list_init(&connections->all);
    list_init(&connections->dirty);
    list_init(&connections->paused);
    return connections;
}

void connections_free(struct connections *connections)
{
    struct list *next;
    for (struct list *link = connections->all.next; link != &connections->all; link = next) {
        next = link->next;
        struct connection *connection = LIST_ENTRY(link, struct connection, all_link);
        if (connection->state != CONNECTION_CLOSED)
            connection_close(connection);
    }
    CHECK(connections->count == 0); // none is held by an answer under way
    free(connections);
}
