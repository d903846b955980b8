// SPDX-License-Identifier: Apache-2.0
#include "node/net/peer.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/message_codec.h"
#include "node/net/socket.h"
#include "node/worker/warm.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 * 1024,
    BACK_OFF_FIRST_MS = 10,
    BACK_OFF_MAX_MS = 1000,
    GREETING_MAX_MS = 2000, // to connect, and to answer HELLO
    OUTPUT_KEEP_BYTES = 256 * 1024,
};

enum peer_state {
    PEER_WAITING = 0,
    PEER_CONNECTING,
    PEER_GREETING,
    PEER_UP,
};

struct peer {
    struct outlet outlet;
    struct peers *peers;
    enum peer_state state;
    uint16_t member;
    uint16_t worker;        // of that member
    uint32_t back_off_ms;   // before the next attempt
    int descriptor;         // -1: none
    bool was_reported;      // its failure stands in the log already
    struct event *readable; // NULL while there is no socket
    struct event *writable;
    struct event *timer;
    struct buffer in;
    struct list all_link;
    struct list dirty_link;
};

struct peers {
    struct worker *worker;
    struct peers_options options;
    struct random random; // spreads the attempts to reconnect
    struct list all;
    struct list dirty;
};

static struct peer *peer_of(struct outlet *outlet)
{
    return LIST_ENTRY(outlet, struct peer, outlet);
}

static void on_outlet_changed(struct outlet *outlet)
{
    struct peer *peer = peer_of(outlet);
    list_append(&peer->peers->dirty, &peer->dirty_link);
}

static void on_outlet_released(struct outlet *outlet)
{
    (void)outlet; // nobody holds a link's outlet: answers never go there
}

static const struct view_member *peer_member(const struct peer *peer)
{
    return &peer->peers->worker->options.router->view->members[peer->member];
}

// ---- Failure and the next attempt ----

static void timer_set(struct peer *peer, uint32_t delay_ms)
{
    const struct timeval delay = {.tv_sec = delay_ms / MS_PER_S,
                                  .tv_usec = (delay_ms % MS_PER_S) * US_PER_MS};
    CHECK(event_add(peer->timer, &delay) == 0);
}

static void socket_drop(struct peer *peer)
{
    if (peer->readable)
        event_free(peer->readable);
    if (peer->writable)
        event_free(peer->writable);
    peer->readable = peer->writable = NULL;
    if (peer->descriptor >= 0)
        close(peer->descriptor);
    peer->descriptor = -1;
    list_remove(&peer->dirty_link);
    peer->outlet.is_dirty = false;
    buffer_deinit(&peer->outlet.out);
    buffer_deinit(&peer->in);
}

// The one place where a link goes down. Each outage is logged once.
static void peer_fail(struct peer *peer, const char *reason)
{
    bool was_up = peer->state == PEER_UP;
    const struct view_member *member = peer_member(peer);
    if (was_up || !peer->was_reported)
        log_write(peer->peers->worker->options.log, LOG_WARN, "peer",
                  "link to %s (%s:%u) worker %u: %s", member->name, member->host, member->port,
                  peer->worker, reason);
    peer->was_reported = true;
    peer->state = PEER_WAITING;
    if (was_up)
        worker_link_down(peer->peers->worker, &peer->outlet);
    socket_drop(peer);
    uint32_t jitter_ms = (uint32_t)random_below(&peer->peers->random, peer->back_off_ms + 1);
    timer_set(peer, peer->back_off_ms + jitter_ms);
    peer->back_off_ms =
        peer->back_off_ms * 2 > BACK_OFF_MAX_MS ? BACK_OFF_MAX_MS : peer->back_off_ms * 2;
}

// ---- Greeting ----

static void peer_greet(struct peer *peer)
{
    struct hello hello = {.version_min = PROTOCOL_VERSION,
                          .version_max = PROTOCOL_VERSION,
                          .role = HELLO_PEER,
                          .worker = peer->worker,
                          .name = bytes_of_text(peer->peers->options.node_name),
                          .grid = bytes_of_text(peer->peers->options.grid_name)};
    hello_encode(&peer->outlet.out, 0, &hello);
    peer->state = PEER_GREETING;
    outlet_changed(&peer->outlet);
}

static struct peer *peer_new(struct peers *peers, uint16_t member, uint16_t worker);

static bool is_our_primary(const struct router *router, uint32_t partition, uint16_t worker)
{
    return router_is_primary(router, (uint16_t)partition) &&
           router_worker(router, (uint16_t)partition) == worker;
}

// Whether one of the worker's primaries has a backup on this worker of that member.
static bool link_is_needed(const struct worker *worker, uint16_t member, uint16_t remote_worker,
                           uint16_t remote_worker_count)
{
    const struct router *router = worker->options.router;
    const struct view *view = router->view;
    for (uint32_t p = 0; p < view->partition_count; p++) {
        if (p % remote_worker_count != remote_worker ||
            !is_our_primary(router, p, worker->options.number))
            continue;
        for (uint32_t replica = 1; replica < view->replica_count; replica++) {
            if (view_owner(view, p, replica) == member)
                return true;
        }
    }
    return false;
}

static bool link_exists(const struct peers *peers, uint16_t member, uint16_t worker)
{
    for (struct list *link = peers->all.next; link != &peers->all; link = link->next) {
        const struct peer *peer = LIST_ENTRY(link, struct peer, all_link);
        if (peer->member == member && peer->worker == worker)
            return true;
    }
    return false;
}

// The first link to a member tells how many workers it has; the others follow.
static void links_complete(struct peers *peers, uint16_t member, uint16_t remote_worker_count)
{
    for (uint16_t worker = 1; worker < remote_worker_count; worker++) {
        if (!link_exists(peers, member, worker) &&
            link_is_needed(peers->worker, member, worker, remote_worker_count))
            peer_new(peers, member, worker);
    }
}

// The answer to HELLO. NULL: the link is up; else what is wrong with it.
static const char *greeting_answered(struct peer *peer, const struct frame *frame)
{
    struct hello_reply reply;
    const struct worker *worker = peer->peers->worker;
    if (frame->header.kind == FRAME_ERROR)
        return "it refuses us: another grid, another list of members, or another version";
    if (frame->header.kind != FRAME_REPLY || hello_reply_decode(frame->body, &reply) != ERROR_NONE)
        return "its answer to HELLO is malformed";
    if (!bytes_equal(reply.node, bytes_of_text(peer_member(peer)->name)))
        return "another node answers at this address";
    if (reply.partition_count != worker->options.router->view->partition_count)
        return "it has another number of partitions";
    peer->state = PEER_UP;
    peer->was_reported = false;
    peer->back_off_ms = BACK_OFF_FIRST_MS;
    event_del(peer->timer);
    log_write(worker->options.log, LOG_INFO, "peer", "link to %s (%s:%u) worker %u: up",
              peer_member(peer)->name, peer_member(peer)->host, peer_member(peer)->port,
              peer->worker);
    worker_link_up(peer->peers->worker, peer->member, reply.worker, reply.worker_count,
                   &peer->outlet);
    links_complete(peer->peers, peer->member, reply.worker_count);
    return NULL;
}

// ---- Reading ----

// NULL: handled; else what is wrong.
static const char *peer_frame(struct peer *peer, const struct frame *frame)
{
    if (peer->state == PEER_GREETING)
        return greeting_answered(peer, frame);
    if (frame->header.kind == FRAME_ERROR)
        return "it refuses what we sent";
    struct worker *worker = peer->peers->worker;
    struct replica *replica = worker_replica(worker, frame->header.partition);
    if (!replica || replica_report(replica, &peer->outlet, frame, worker->watches) != ERROR_NONE)
        return "it sent a frame that makes no sense";
    return NULL;
}

// NULL: all complete frames were handled; else what is wrong.
static const char *peer_input(struct peer *peer)
{
    uint32_t warm_count = 0; // frames that were looked at ahead
    for (;;) {
        struct frame frame;
        enum error error;
        if (warm_count-- == 0)
            warm_count = warm_frames(peer->peers->worker, buffer_bytes(&peer->in));
        enum frame_verdict verdict = frame_parse(
            buffer_bytes(&peer->in), peer->peers->options.frame_body_bytes_max, &frame, &error);
        if (verdict == FRAME_INCOMPLETE)
            return NULL;
        if (verdict == FRAME_INVALID)
            return "it sent a malformed frame";
        const char *reason = peer_frame(peer, &frame);
        if (reason)
            return reason;
        buffer_consume(&peer->in, FRAME_HEADER_BYTES + frame.body.size);
    }
}

static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    (void)what;
    struct peer *peer = context;
    size_t count;
    enum socket_verdict verdict =
        socket_read(descriptor, buffer_reserve(&peer->in, READ_BYTES), READ_BYTES, &count);
    buffer_advance(&peer->in, count);
    const char *reason = verdict == SOCKET_CLOSED ? "closed by the other side"
                         : verdict == SOCKET_OK   ? peer_input(peer)
                                                  : NULL;
    if (reason)
        peer_fail(peer, reason);
}

// ---- Connecting and writing ----

// A backup that takes nothing for as long as writes may wait is down: what waits for it would
// otherwise hold up all clients (worker_is_congested), reads included.
static void stall_watch(struct peer *peer, bool is_blocked, bool has_moved)
{
    if (peer->state != PEER_UP)
        return; // the timer is the greeting's
    if (!is_blocked)
        event_del(peer->timer);
    else if (has_moved || !event_pending(peer->timer, EV_TIMEOUT, NULL))
        timer_set(peer, peer->peers->worker->options.replication_timeout_ms);
}

static void peer_flush(struct peer *peer)
{
    peer->outlet.is_dirty = false;
    if (peer->descriptor < 0 || peer->state == PEER_CONNECTING)
        return;
    size_t before_bytes = buffer_size(&peer->outlet.out);
    switch (socket_write(peer->descriptor, &peer->outlet.out)) {
    case SOCKET_OK:
        stall_watch(peer, false, true);
        buffer_trim(&peer->outlet.out, OUTPUT_KEEP_BYTES);
        break;
    case SOCKET_BLOCKED:
        stall_watch(peer, true, buffer_size(&peer->outlet.out) < before_bytes);
        event_add(peer->writable, NULL);
        break;
    case SOCKET_CLOSED:
        peer_fail(peer, "closed by the other side");
        break;
    }
}

static void on_writable(evutil_socket_t descriptor, short what, void *context)
{
    (void)what;
    struct peer *peer = context;
    if (peer->state == PEER_CONNECTING) {
        int failure = 0;
        socklen_t size = sizeof failure;
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size);
        if (failure != 0) {
            peer_fail(peer, strerror(failure));
            return;
        }
        peer_greet(peer);
        event_add(peer->readable, NULL);
    } else {
        outlet_changed(&peer->outlet);
    }
}

static void peer_connect(struct peer *peer)
{
    const struct peer_address *address = &peer->peers->options.addresses[peer->member];
    struct event_base *base = peer->peers->worker->base;
    peer->state = PEER_CONNECTING;
    peer->descriptor = socket(address->address.ss_family, SOCK_STREAM, 0);
    if (peer->descriptor < 0 || !socket_prepare(peer->descriptor)) {
        peer_fail(peer, strerror(errno));
        return;
    }
    if (connect(peer->descriptor, (const struct sockaddr *)&address->address, address->size) < 0 &&
        errno != EINPROGRESS) {
        peer_fail(peer, strerror(errno));
        return;
    }
    peer->readable = event_new(base, peer->descriptor, EV_READ | EV_PERSIST, on_readable, peer);
    peer->writable = event_new(base, peer->descriptor, EV_WRITE, on_writable, peer);
    CHECK(peer->readable && peer->writable && event_add(peer->writable, NULL) == 0);
    timer_set(peer, GREETING_MAX_MS);
}

static void on_timer(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct peer *peer = context;
    if (peer->state == PEER_WAITING)
        peer_connect(peer);
    else
        peer_fail(peer, peer->state == PEER_UP ? "takes nothing any more" : "no answer in time");
}

// ---- All links ----

static struct peer *peer_new(struct peers *peers, uint16_t member, uint16_t worker)
{
    struct peer *peer = memory_new(sizeof *peer);
    peer->peers = peers;
    peer->member = member;
    peer->worker = worker;
    peer->descriptor = -1;
    peer->back_off_ms = BACK_OFF_FIRST_MS;
    peer->outlet.limit_bytes = SIZE_MAX;
    peer->outlet.changed = on_outlet_changed;
    peer->outlet.released = on_outlet_released;
    peer->timer = evtimer_new(peers->worker->base, on_timer, peer);
    CHECK(peer->timer != NULL);
    list_init(&peer->dirty_link);
    list_append(&peers->all, &peer->all_link);
    timer_set(peer, 0);
    return peer;
}

struct peers *peers_new(struct worker *worker, const struct peers_options *options)
{
    struct peers *peers = memory_new(sizeof *peers);
    peers->worker = worker;
    peers->options = *options;
    peers->random.state = worker_now_us() + worker->options.number;
    list_init(&peers->all);
    list_init(&peers->dirty);
    for (uint32_t member = 0; member < worker->options.router->view->member_count; member++) {
        // With one worker assumed, any backup there makes the link needed.
        if (member != worker->options.router->self &&
            link_is_needed(worker, (uint16_t)member, 0, 1))
            peer_new(peers, (uint16_t)member, 0);
    }
    return peers;
}

void peers_free(struct peers *peers)
{
    struct list *link;
    while ((link = list_pop(&peers->all)) != NULL) {
        struct peer *peer = LIST_ENTRY(link, struct peer, all_link);
        socket_drop(peer);
        event_free(peer->timer);
        free(peer);
    }
    free(peers);
}

void peers_flush(struct peers *peers)
{
    struct list *link;
    struct list turn;
    list_init(&turn);
    while ((link = list_pop(&peers->dirty)) != NULL)
        list_append(&turn, link);
    while ((link = list_pop(&turn)) != NULL)
        peer_flush(LIST_ENTRY(link, struct peer, dirty_link));
}

size_t peers_backlog(const struct peers *peers)
{
    size_t bytes = 0;
    for (struct list *link = peers->all.next; link != &peers->all; link = link->next)
        bytes += buffer_size(&LIST_ENTRY(link, struct peer, all_link)->outlet.out);
    return bytes;
}
