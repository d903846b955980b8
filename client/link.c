// SPDX-License-Identifier: Apache-2.0
#include "client/link.h"

#include "client/clock.h"
#include "client/id.h"
#include "cluster/base/memory.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/op_codec.h"

#include <event2/event.h>
#include <stdio.h>

static void timer_start(struct client_link *link, uint32_t delay_ms)
{
    struct timeval delay = {.tv_sec = (time_t)(delay_ms / MS_PER_S),
                            .tv_usec = (suseconds_t)(delay_ms % MS_PER_S) * US_PER_MS};
    CHECK(evtimer_add(link->timer, &delay) == 0);
}

static const struct client_endpoint *link_endpoint(const struct client_link *link)
{
    return &link->endpoints[link->attempts % link->endpoint_count];
}

// Doubles with each round over all endpoints; half of it is random, so that the clients of a node
// that comes back do not all come at once.
static uint32_t pause_ms(const struct client_link *link)
{
    uint32_t round = link->attempts / link->endpoint_count;
    uint32_t longest = link->host->pause_max_ms;
    uint32_t pause = round < 16 ? (uint32_t)CLIENT_RECONNECT_FIRST_MS << round : longest;
    if (pause > longest)
        pause = longest;
    return pause - (uint32_t)random_below(link->host->random, pause / 2 + 1);
}

void client_link_fail(struct client_link *link, enum error error, const char *why)
{
    const struct client_endpoint *endpoint = link_endpoint(link);
    snprintf(link->failure, sizeof link->failure, "%s:%u: %s", endpoint->host, endpoint->port, why);
    link->failure_error = error;
    client_stream_close(&link->stream);
    link->state = LINK_PAUSED;
    link->has_settled = true;
    link->was_refused = false;
    link->pinged_ms = 0;
    link->owes_view = false;
    timer_start(link, pause_ms(link));
    link->attempts++;
    link->host->events->lost(link->host->owner, link);
}

// ---- Connecting ----

static void link_connect(struct client_link *link)
{
    struct client_address address;
    const char *why;
    uint32_t turn = link->attempts / link->endpoint_count;
    link->state = LINK_CONNECTING;
    link->failure_error = ERROR_DISCONNECTED;
    if (!client_endpoint_resolve(link_endpoint(link), turn, &address, &why)) {
        client_link_fail(link, ERROR_DISCONNECTED, why);
        return;
    }
    why = client_stream_open(&link->stream, &address);
    if (why)
        client_link_fail(link, ERROR_DISCONNECTED, why);
    else
        timer_start(link, link->host->timeout_ms);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct client_link *link = context;
    CHECK(link->state != LINK_READY);
    if (link->state == LINK_PAUSED) {
        link_connect(link);
        return;
    }
    client_link_fail(link, ERROR_DISCONNECTED,
                     link->state == LINK_CONNECTING ? "no connection in time"
                                                    : "no answer to HELLO in time");
}

static void on_connected(void *owner)
{
    struct client_link *link = owner;
    CHECK(link->state == LINK_CONNECTING);
    struct hello hello = {.version_min = PROTOCOL_VERSION,
                          .version_max = PROTOCOL_VERSION,
                          .role = HELLO_CLIENT,
                          .worker = link->worker,
                          .name = bytes_of_text(link->host->name),
                          .grid = bytes_of_text(link->host->grid),
                          // A client has one connection with its id per worker.
                          .id = link->member ? link->host->id : 0};
    hello_encode(&link->stream.out, CLIENT_ID_HELLO, &hello);
    link->state = LINK_GREETING;
    client_link_flush(link);
}

// ---- Frames ----

static const char *hello_check(const struct client_link *link, const struct hello_reply *reply)
{
    const char *expected = link->host->grid;
    if (reply->version != PROTOCOL_VERSION)
        return "the node chose a protocol version that was not offered";
    if (link->worker != HELLO_ANY_WORKER && reply->worker != link->worker)
        return "another worker of the node answered";
    if (expected[0] != '\0' && !bytes_equal(reply->grid, bytes_of_text(expected)))
        return "the node belongs to another grid";
    return NULL;
}

// A refusal is kept in `failure` by the caller: its text is copied to where it stays meanwhile.
static const char *refusal_read(struct client_link *link, const struct frame *frame)
{
    struct op_reply reply;
    if (reply_decode(OP_NONE, frame, &reply) != ERROR_NONE)
        return "the node refused HELLO with a malformed error";
    link->failure_error = reply.error;
    int size = reply.text.size < sizeof link->failure ? (int)reply.text.size
                                                      : (int)sizeof link->failure - 1;
    snprintf(link->failure, sizeof link->failure, "%.*s", size, (const char *)reply.text.data);
    return link->failure;
}

static const char *greeting_take(struct client_link *link, const struct frame *frame)
{
    struct hello_reply reply;
    if (frame->header.request_id != CLIENT_ID_HELLO)
        return "the node answered something else before HELLO";
    if (frame->header.kind == FRAME_ERROR)
        return refusal_read(link, frame);
    if (frame->header.kind != FRAME_REPLY || hello_reply_decode(frame->body, &reply) != ERROR_NONE)
        return "the node's answer to HELLO is malformed";
    const char *why = hello_check(link, &reply);
    if (why)
        return why;
    CHECK(evtimer_del(link->timer) == 0);
    link->state = LINK_READY;
    link->attempts %= link->endpoint_count; // pauses start over, the endpoint stays
    link->has_settled = true;
    return link->host->events->ready(link->host->owner, link, &reply);
}

static const char *on_frame(void *owner, const struct frame *frame)
{
    struct client_link *link = owner;
    link->failure_error = ERROR_DISCONNECTED;
    if (link->state == LINK_GREETING)
        return greeting_take(link, frame);
    return link->host->events->frame(link->host->owner, link, frame);
}

static void on_drained(void *owner)
{
    struct client_link *link = owner;
    if (link->state != LINK_READY || !link->was_refused)
        return;
    link->was_refused = false;
    link->host->events->drained(link->host->owner, link);
}

static void on_failed(void *owner, const char *why)
{
    struct client_link *link = owner;
    char text[CLIENT_FAILURE_BYTES];
    snprintf(text, sizeof text, "%s", why);
    client_link_fail(link, link->failure_error, text);
}

void client_link_flush(struct client_link *link)
{
    if (link->stream.fd < 0)
        return;
    const char *why = client_stream_flush(&link->stream);
    if (why)
        client_link_fail(link, ERROR_DISCONNECTED, why);
    else if (!link->stream.is_blocked)
        on_drained(link);
}

// ---- Life ----

static const struct client_stream_events stream_events = {
    .connected = on_connected,
    .frame = on_frame,
    .drained = on_drained,
    .failed = on_failed,
};

struct client_link *client_link_new(const struct client_link_host *host,
                                    struct client_member *member, uint16_t worker,
                                    const struct client_endpoint *endpoints,
                                    uint32_t endpoint_count)
{
    CHECK(endpoint_count > 0);
    struct client_link *link = memory_new(sizeof *link);
    link->host = host;
    link->member = member;
    link->worker = worker;
    link->failure_error = ERROR_DISCONNECTED;
    list_init(&link->dirty);
    link->endpoints = memory_new_array(endpoint_count, sizeof *endpoints);
    memcpy(link->endpoints, endpoints, endpoint_count * sizeof *endpoints);
    link->endpoint_count = endpoint_count;
    client_stream_init(&link->stream, host->base, host->scratch, &stream_events, link);
    link->timer = evtimer_new(host->base, on_timer, link);
    CHECK(link->timer != NULL);
    timer_start(link, 0);
    return link;
}

void client_link_free(struct client_link *link)
{
    if (!link)
        return;
    list_remove(&link->dirty);
    event_free(link->timer);
    client_stream_close(&link->stream);
    free(link->endpoints);
    free(link);
}
