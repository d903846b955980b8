// SPDX-License-Identifier: Apache-2.0
#include "node/net/peer.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/message_codec.h"
#include "node/net/address.h"
#include "node/net/socket.h"
#include "node/shard/warm.h"

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
    uint64_t member_id;
    uint16_t worker;        // of that member
    uint16_t worker_count;  // of that member, as HELLO said; 0: not known yet
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

// Where the member stands in the view; VIEW_NO_MEMBER: it is none any more.
static uint16_t peer_number(const struct peer *peer)
{
    const struct published_view *published = peer->peers->worker->published;
    return view_find_member(&published->view, peer->member_id);
}

static void peer_log(const struct peer *peer, enum log_level level, const char *reason)
{
    const struct worker *worker = peer->peers->worker;
    uint16_t number = peer_number(peer);
    if (number == VIEW_NO_MEMBER)
        return;
    const struct view_member *member = &worker->published->view.members[number];
    log_write(worker->options.log, level, "peer", "link to %s (%s:%u) worker %u: %s", member->name,
              member->host, member->port, peer->worker, reason);
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

static void peer_unlink(struct peer *peer)
{
    worker_refresh(peer->peers->worker);
    shard_link_down(peer->peers->worker->shard, &peer->outlet);
}

// The one place where a link goes down. Each outage is logged once.
static void peer_fail(struct peer *peer, const char *reason)
{
    bool was_up = peer->state == PEER_UP;
    if (was_up || !peer->was_reported)
        peer_log(peer, LOG_WARN, reason);
    peer->was_reported = true;
    peer->state = PEER_WAITING;
    if (was_up)
        peer_unlink(peer);
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
                          .grid = bytes_of_text(peer->peers->options.grid_name),
                          .grid_id = shard_view(peer->peers->worker->shard)->grid_id,
                          .secret = bytes_of_text(peer->peers->options.secret),
                          .id = peer->peers->options.member_id};
    hello_encode(&peer->outlet.out, 0, &hello);
    peer->state = PEER_GREETING;
    outlet_changed(&peer->outlet);
}

static void links_complete(struct peers *peers, uint64_t member_id, uint16_t worker_count);

// The answer to HELLO. NULL: the link is up; else what is wrong with it.
static const char *greeting_answered(struct peer *peer, const struct frame *frame)
{
    struct hello_reply reply;
    struct worker *worker = peer->peers->worker;
    if (frame->header.kind == FRAME_ERROR)
        return "it refuses us: another grid, another secret, or another version";
    if (frame->header.kind != FRAME_REPLY || hello_reply_decode(frame->body, &reply) != ERROR_NONE)
        return "its answer to HELLO is malformed";
    if (reply.incarnation != peer->member_id)
        return "another node, or another start of it, answers at this address";
    peer->state = PEER_UP;
    peer->was_reported = false;
    peer->worker_count = reply.worker_count;
    peer->back_off_ms = BACK_OFF_FIRST_MS;
    event_del(peer->timer);
    peer_log(peer, LOG_INFO, "up");
    worker_refresh(worker);
    shard_link_up(worker->shard, peer->member_id, reply.worker, reply.worker_count, &peer->outlet);
    links_complete(peer->peers, peer->member_id, reply.worker_count);
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
    if (shard_report(peer->peers->worker->shard, &peer->outlet, frame) != ERROR_NONE)
        return "it sent a frame that makes no sense";
    return NULL;
}

// NULL: all complete frames were handled; else what is wrong.
static const char *peer_input(struct peer *peer)
{
    uint32_t warm_count = 0; // frames that were looked at ahead
    worker_refresh(peer->peers->worker);
    for (;;) {
        struct frame frame;
        enum error error;
        if (warm_count-- == 0)
            warm_count = warm_frames(peer->peers->worker->shard, buffer_bytes(&peer->in));
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
        timer_set(peer, peer->peers->options.stall_ms);
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

static const struct peer_address *peer_address(const struct peer *peer)
{
    uint16_t number = peer_number(peer);
    if (number == VIEW_NO_MEMBER)
        return NULL;
    const struct peer_address *address = &peer->peers->worker->published->addresses[number];
    return address->size > 0 ? address : NULL;
}

static void peer_connect(struct peer *peer)
{
    const struct peer_address *address = peer_address(peer);
    struct event_base *base = peer->peers->worker->base;
    if (!address) {
        peer_fail(peer, "its address is not known (yet)");
        return;
    }
    peer->state = PEER_CONNECTING;
    peer->descriptor = socket(address_socket(address)->sa_family, SOCK_STREAM, 0);
    if (peer->descriptor < 0 || !socket_prepare(peer->descriptor)) {
        peer_fail(peer, strerror(errno));
        return;
    }
    if (connect(peer->descriptor, address_socket(address), address->size) < 0 &&
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

static void peer_new(struct peers *peers, uint64_t member_id, uint16_t worker)
{
    struct peer *peer = memory_new(sizeof *peer);
    peer->peers = peers;
    peer->member_id = member_id;
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
}

static void peer_free(struct peer *peer)
{
    list_remove(&peer->all_link);
    socket_drop(peer);
    event_free(peer->timer);
    free(peer);
}

struct peers *peers_new(struct worker *worker, const struct peers_options *options)
{
    struct peers *peers = memory_new(sizeof *peers);
    peers->worker = worker;
    peers->options = *options;
    peers->random.state = worker_clock_us() + worker->options.number;
    list_init(&peers->all);
    list_init(&peers->dirty);
    return peers;
}

void peers_free(struct peers *peers)
{
    struct list *link;
    while ((link = list_pop(&peers->all)) != NULL)
        peer_free(LIST_ENTRY(link, struct peer, all_link));
    free(peers);
}

static const struct peer *peer_find(const struct peers *peers, uint64_t member_id, uint16_t worker)
{
    for (struct list *link = peers->all.next; link != &peers->all; link = link->next) {
        const struct peer *peer = LIST_ENTRY(link, struct peer, all_link);
        // The analyzer takes a peer that was freed before for still linked.
        if (peer->member_id == member_id && // NOLINT(clang-analyzer-unix.Malloc)
            peer->worker == worker)
            return peer;
    }
    return NULL;
}

// The first link to a member tells how many workers it has; the others follow.
static void links_complete(struct peers *peers, uint64_t member_id, uint16_t worker_count)
{
    for (uint16_t worker = 1; worker < worker_count; worker++) {
        if (!peer_find(peers, member_id, worker) &&
            shard_wants_link(peers->worker->shard, member_id, worker, worker_count))
            peer_new(peers, member_id, worker);
    }
}

// With one worker assumed, any backup there makes the first link wanted.
static bool peer_is_wanted(const struct peer *peer)
{
    const struct shard *shard = peer->peers->worker->shard;
    if (peer->worker == 0)
        return shard_wants_link(shard, peer->member_id, 0, 1);
    return peer->worker_count == 0 ||
           shard_wants_link(shard, peer->member_id, peer->worker, peer->worker_count);
}

void peers_arrange(struct peers *peers)
{
    const struct view *view = &peers->worker->published->view;
    struct list *next;
    for (struct list *link = peers->all.next; link != &peers->all; link = next) {
        next = link->next;
        struct peer *peer = LIST_ENTRY(link, struct peer, all_link);
        if (peer_number(peer) != VIEW_NO_MEMBER && peer_is_wanted(peer))
            continue;
        if (peer->state == PEER_UP)
            peer_unlink(peer);
        peer_free(peer);
    }
    for (uint32_t i = 0; i < view->member_count; i++) {
        uint64_t id = view->members[i].id;
        if (id == 0 || id == peers->options.member_id ||
            !shard_wants_link(peers->worker->shard, id, 0, 1))
            continue;
        const struct peer *first = peer_find(peers, id, 0);
        if (!first)
            peer_new(peers, id, 0);
        else if (first->state == PEER_UP)
            links_complete(peers, id, first->worker_count);
    }
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
