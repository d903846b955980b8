// SPDX-License-Identifier: Apache-2.0
#include "node/net/control_net.h"

#include "cluster/base/list.h"
#include "cluster/base/memory.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/op_codec.h"
#include "node/net/address.h"
#include "node/net/resolver.h"
#include "node/net/socket.h"
#include "node/worker/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 * 1024,
    ROAD_IDLE_MS = 60000, // nothing was sent: closed
    ROAD_PAUSE_MS = 50,   // after a failure
    CONNECT_MAX_MS = 2000,
    OUT_KEEP_BYTES = 64 * 1024,
    REFUSAL_QUIET_MS = 30000, // the same again and again is told so often
};

struct road {
    struct control_net *net;
    struct list all_link;
    char host[256];
    uint16_t port;
    int descriptor; // -1: none
    bool is_connecting;
    uint32_t attempts;      // turns through the addresses of a name
    uint64_t refused_us;    // the last refusal that was told; 0: none
    struct event *readable; // NULL while there is no socket
    struct event *writable;
    struct event *timer; // no socket: when the next attempt may be made; connecting: its end; else:
                         // idle
    struct buffer in;
    struct buffer out;
};

struct visitor {
    struct control_net *net;
    struct list all_link;
    int descriptor;
    struct event *readable;
    struct buffer in;
};

struct control_net {
    struct event_base *base;
    struct control_net_options options;
    struct list roads;
    struct list visitors;
    uint32_t road_count;
    uint32_t visitor_count;
};

static void timer_set(struct event *timer, uint32_t delay_ms)
{
    const struct timeval delay = {.tv_sec = delay_ms / MS_PER_S,
                                  .tv_usec = (suseconds_t)(delay_ms % MS_PER_S) * US_PER_MS};
    CHECK(event_add(timer, &delay) == 0);
}

// ---- Roads ----

static void road_free(struct road *road)
{
    if (road->readable)
        event_free(road->readable);
    if (road->writable)
        event_free(road->writable);
    if (road->descriptor >= 0)
        close(road->descriptor);
    event_free(road->timer);
    list_remove(&road->all_link);
    road->net->road_count--;
    buffer_deinit(&road->in);
    buffer_deinit(&road->out);
    free(road);
}

// What waits is lost, as datagrams are; for a moment nothing more is tried.
static void road_break(struct road *road)
{
    if (road->readable)
        event_free(road->readable);
    if (road->writable)
        event_free(road->writable);
    road->readable = road->writable = NULL;
    if (road->descriptor >= 0)
        close(road->descriptor);
    road->descriptor = -1;
    road->is_connecting = false;
    buffer_deinit(&road->in);
    buffer_deinit(&road->out);
    timer_set(road->timer, ROAD_PAUSE_MS);
}

static void road_write(struct road *road)
{
    if (road->is_connecting)
        return;
    switch (socket_write(road->descriptor, &road->out)) {
    case SOCKET_OK:
        buffer_trim(&road->out, OUT_KEEP_BYTES);
        break;
    case SOCKET_BLOCKED:
        event_add(road->writable, NULL);
        break;
    case SOCKET_CLOSED:
        road_break(road);
        break;
    }
}

static void road_refused(struct road *road, const struct frame *frame)
{
    struct op_reply reply;
    char text[ERROR_TEXT_BYTES_MAX + 1];
    uint64_t now_us = worker_clock_us();
    if (reply_decode(OP_NONE, frame, &reply) != ERROR_NONE ||
        (road->refused_us != 0 && now_us - road->refused_us < REFUSAL_QUIET_MS * UINT64_C(1000)))
        return;
    road->refused_us = now_us;
    snprintf(text, sizeof text, "%.*s", (int)reply.text.size, (const char *)reply.text.data);
    road->net->options.refused(road->net->options.context, road->host, road->port, reply.error,
                               text);
}

// All that comes back is the answer to HELLO.
static void on_road_readable(evutil_socket_t descriptor, short what, void *context)
{
    (void)what;
    struct road *road = context;
    size_t count;
    struct frame frame;
    enum error error;
    enum socket_verdict verdict =
        socket_read(descriptor, buffer_reserve(&road->in, READ_BYTES), READ_BYTES, &count);
    buffer_advance(&road->in, count);
    while (frame_parse(buffer_bytes(&road->in), FRAME_OVERHEAD_BYTES, &frame, &error) ==
           FRAME_COMPLETE) {
        if (frame.header.kind == FRAME_ERROR)
            road_refused(road, &frame);
        buffer_consume(&road->in, FRAME_HEADER_BYTES + frame.body.size);
    }
    if (verdict == SOCKET_CLOSED)
        road_break(road);
}

static void on_road_writable(evutil_socket_t descriptor, short what, void *context)
{
    (void)what;
    struct road *road = context;
    if (road->is_connecting) {
        int failure = 0;
        socklen_t size = sizeof failure;
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size);
        if (failure != 0) {
            road_break(road);
            return;
        }
        road->is_connecting = false;
        event_add(road->readable, NULL);
        timer_set(road->timer, ROAD_IDLE_MS);
    }
    road_write(road);
}

static void on_road_timer(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct road *road = context;
    if (road->is_connecting)
        road_break(road);
    else if (road->descriptor >= 0)
        road_free(road);
    else
        road->attempts++;
}

static void road_greet(struct road *road, uint64_t grid_id)
{
    const struct control_net_options *options = &road->net->options;
    struct hello hello = {.version_min = PROTOCOL_VERSION,
                          .version_max = PROTOCOL_VERSION,
                          .role = HELLO_CONTROL,
                          .worker = HELLO_ANY_WORKER,
                          .name = bytes_of_text(options->node_name),
                          .grid = bytes_of_text(options->grid_name),
                          .grid_id = grid_id,
                          .secret = bytes_of_text(options->secret),
                          .id = options->member_id};
    hello_encode(&road->out, 0, &hello);
}

// False: no address yet, or no socket.
static bool road_connect(struct road *road)
{
    struct peer_address addresses[RESOLVER_ADDRESSES_MAX];
    uint32_t count = resolver_find(road->net->options.resolver, road->host, road->port, addresses,
                                   RESOLVER_ADDRESSES_MAX);
    if (count == 0)
        return false;
    const struct peer_address *address = &addresses[road->attempts % count];
    road->descriptor = socket(address_socket(address)->sa_family, SOCK_STREAM, 0);
    if (road->descriptor < 0)
        return false;
    if (!socket_prepare(road->descriptor) ||
        (connect(road->descriptor, address_socket(address), address->size) < 0 &&
         errno != EINPROGRESS)) {
        close(road->descriptor);
        road->descriptor = -1;
        return false;
    }
    road->readable =
        event_new(road->net->base, road->descriptor, EV_READ | EV_PERSIST, on_road_readable, road);
    road->writable = event_new(road->net->base, road->descriptor, EV_WRITE, on_road_writable, road);
    CHECK(road->readable && road->writable && event_add(road->writable, NULL) == 0);
    road->is_connecting = true;
    timer_set(road->timer, CONNECT_MAX_MS);
    return true;
}

static struct road *road_new(struct control_net *net, const char *host, uint16_t port)
{
    struct road *road = memory_new(sizeof *road);
    road->net = net;
    snprintf(road->host, sizeof road->host, "%s", host);
    road->port = port;
    road->descriptor = -1;
    road->timer = evtimer_new(net->base, on_road_timer, road);
    CHECK(road->timer != NULL);
    list_append(&net->roads, &road->all_link);
    net->road_count++;
    return road;
}

static struct road *road_find(struct control_net *net, const char *host, uint16_t port)
{
    for (struct list *link = net->roads.next; link != &net->roads; link = link->next) {
        struct road *road = LIST_ENTRY(link, struct road, all_link);
        if (road->port == port && strcmp(road->host, host) == 0)
            return road;
    }
    if (net->road_count >= CONTROL_ROADS_MAX)
        road_free(LIST_ENTRY(net->roads.next, struct road, all_link));
    return road_new(net, host, port);
}

void control_net_send(struct control_net *net, const char *host, uint16_t port, uint64_t grid_id,
                      struct bytes frame)
{
    struct road *road = road_find(net, host, port);
    if (road->descriptor < 0) {
        if (event_pending(road->timer, EV_TIMEOUT, NULL))
            return; // it failed a moment ago
        if (!road_connect(road)) {
            timer_set(road->timer, ROAD_PAUSE_MS);
            return;
        }
        road_greet(road, grid_id);
    }
    if (buffer_size(&road->out) + frame.size > CONTROL_ROAD_BYTES_MAX)
        return;
    buffer_append(&road->out, frame.data, frame.size);
    if (!road->is_connecting)
        timer_set(road->timer, ROAD_IDLE_MS);
    road_write(road);
}

// ---- Visitors ----

static void visitor_free(struct visitor *visitor)
{
    event_free(visitor->readable);
    close(visitor->descriptor);
    list_remove(&visitor->all_link);
    visitor->net->visitor_count--;
    buffer_deinit(&visitor->in);
    free(visitor);
}

// Best effort: it fits into the buffer of a socket that nothing was written to before.
static void visitor_answer_hello(const struct visitor *visitor, const struct frame *frame)
{
    const struct control_net_options *options = &visitor->net->options;
    struct hello_reply reply = {.version = PROTOCOL_VERSION,
                                .node = bytes_of_text(options->node_name),
                                .grid = bytes_of_text(options->grid_name),
                                .incarnation = options->member_id,
                                .worker_count = 1};
    struct buffer out = {0};
    hello_reply_encode(&out, frame->header.request_id, &reply);
    (void)socket_write(visitor->descriptor, &out);
    buffer_deinit(&out);
}

// False: it sends what is no frame.
static bool visitor_input(struct visitor *visitor)
{
    struct frame frame;
    enum error error;
    for (;;) {
        enum frame_verdict verdict =
            frame_parse(buffer_bytes(&visitor->in), FRAME_BODY_BYTES_MAX, &frame, &error);
        if (verdict != FRAME_COMPLETE) {
            buffer_trim(&visitor->in, READ_BYTES);
            return verdict == FRAME_INCOMPLETE;
        }
        if (frame.header.kind == FRAME_HELLO)
            visitor_answer_hello(visitor, &frame);
        else
            visitor->net->options.received(visitor->net->options.context, &frame);
        buffer_consume(&visitor->in, FRAME_HEADER_BYTES + frame.body.size);
    }
}

static void on_visitor_readable(evutil_socket_t descriptor, short what, void *context)
{
    (void)what;
    struct visitor *visitor = context;
    size_t count;
    enum socket_verdict verdict =
        socket_read(descriptor, buffer_reserve(&visitor->in, READ_BYTES), READ_BYTES, &count);
    buffer_advance(&visitor->in, count);
    if (verdict == SOCKET_CLOSED || (verdict == SOCKET_OK && !visitor_input(visitor)))
        visitor_free(visitor);
}

void control_net_visit(struct control_net *net, int descriptor, struct buffer in)
{
    struct visitor *visitor = memory_new(sizeof *visitor);
    visitor->net = net;
    visitor->descriptor = descriptor;
    visitor->in = in;
    visitor->readable =
        event_new(net->base, descriptor, EV_READ | EV_PERSIST, on_visitor_readable, visitor);
    CHECK(visitor->readable && event_add(visitor->readable, NULL) == 0);
    list_append(&net->visitors, &visitor->all_link);
    net->visitor_count++;
    if (net->visitor_count > CONTROL_VISITORS_MAX || !visitor_input(visitor))
        visitor_free(visitor);
}

// ---- Life ----

struct control_net *control_net_new(struct event_base *base,
                                    const struct control_net_options *options)
{
    struct control_net *net = memory_new(sizeof *net);
    net->base = base;
    net->options = *options;
    list_init(&net->roads);
    list_init(&net->visitors);
    return net;
}

void control_net_free(struct control_net *net)
{
    struct list *link;
    while ((link = list_pop(&net->roads)) != NULL)
        road_free(LIST_ENTRY(link, struct road, all_link));
    while ((link = list_pop(&net->visitors)) != NULL)
        visitor_free(LIST_ENTRY(link, struct visitor, all_link));
    free(net);
}
