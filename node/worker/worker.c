// SPDX-License-Identifier: Apache-2.0
#include "node/worker/worker.h"

#include "cluster/base/memory.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"

#include <event2/event.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum {
    TICK_MS = 20, // expiry, time-outs, memory accounts
    TICKS_PER_PROGRESS = MS_PER_S / TICK_MS,
    EXPIRED_PER_TICK = 4096,
    CONGESTED_LINK_BYTES = 64 * 1024 * 1024,
};

uint64_t worker_now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * US_PER_S + (uint64_t)time.tv_nsec / NS_PER_US;
}

// ---- Making ----

static bool is_held(const struct router *router, uint32_t partition)
{
    return router_is_primary(router, (uint16_t)partition) ||
           router_is_backup(router, (uint16_t)partition);
}

static uint32_t held_count(const struct worker_options *options)
{
    uint32_t count = 0;
    uint32_t partition_count = options->router->view->partition_count;
    for (uint32_t p = options->number; p < partition_count; p += options->router->worker_count)
        count += is_held(options->router, p);
    return count;
}

static void replicas_make(struct worker *worker)
{
    const struct router *router = worker->options.router;
    uint32_t partition_count = router->view->partition_count;
    worker->replicas = memory_new_aligned(worker->replica_count, sizeof *worker->replicas);
    worker->sources = memory_new_array(worker->replica_count, sizeof(struct source *));
    worker->by_partition = memory_new_array(partition_count, sizeof(struct replica *));
    uint32_t made = 0;
    for (uint32_t p = worker->options.number; p < partition_count; p += router->worker_count) {
        if (!is_held(router, p))
            continue;
        struct replica *replica = &worker->replicas[made++];
        replica_init(replica, router, (uint16_t)p, store_partition(worker->store, (uint16_t)p),
                     &worker->filling);
        worker->by_partition[p] = replica;
        if (replica->is_primary) {
            replica->source.slot = (uint16_t)worker->source_count;
            worker->sources[worker->source_count++] = &replica->source;
        }
    }
}

static void sync_count(struct worker *worker)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < worker->replica_count; i++)
        count += !replica_is_in_sync(&worker->replicas[i]);
    atomic_store_explicit(&worker->out_of_sync_count, count, memory_order_relaxed);
}

struct worker *worker_new(const struct worker_options *options)
{
    struct worker *worker = memory_new(sizeof *worker);
    worker->options = *options;
    list_init(&worker->touched);
    list_init(&worker->filling);
    worker->mailbox = mailbox_new();
    worker->replica_count = held_count(options);
    uint32_t sharers = worker->replica_count ? worker->replica_count : 1;
    struct store_options store_options = {.partition_count = options->router->view->partition_count,
                                          .log_bytes_per_partition =
                                              options->log_bytes_max / sharers,
                                          .value_bytes_max = options->max_value_bytes};
    worker->store = store_new(&store_options);
    replicas_make(worker);
    sync_count(worker);
    worker->watches = watches_new(worker->sources, worker->source_count);
    struct event_config *config = event_config_new();
    CHECK(config != NULL);
    CHECK(event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0);
    worker->base = event_base_new_with_config(config);
    CHECK(worker->base != NULL);
    event_config_free(config);
    return worker;
}

void worker_free(struct worker *worker)
{
    watches_free(worker->watches);
    for (uint32_t i = 0; i < worker->replica_count; i++)
        replica_deinit(&worker->replicas[i]);
    mailbox_free(worker->mailbox);
    event_base_free(worker->base);
    store_free(worker->store);
    buffer_deinit(&worker->scratch);
    free(worker->replicas);
    free(worker->by_partition);
    free(worker->sources);
    free(worker);
}

// ---- Partitions ----

static void worker_touch(struct worker *worker, struct replica *replica)
{
    if (list_is_empty(&replica->touched_link))
        list_append(&worker->touched, &replica->touched_link);
}

void worker_note_effects(struct worker *worker, struct replica *replica)
{
    uint64_t last_seq = partition_last_seq(replica->source.partition);
    if (last_seq == replica->noted_seq)
        return;
    if (watches_are_walking(worker->watches)) {
        for (uint64_t seq = replica->noted_seq + 1; seq <= last_seq; seq++)
            watches_appended(worker->watches, &replica->source, seq);
    }
    replica->noted_seq = last_seq;
    worker_touch(worker, replica);
}

void worker_advance_touched(struct worker *worker)
{
    struct list *link;
    while ((link = list_pop(&worker->touched)) != NULL)
        replica_advance(LIST_ENTRY(link, struct replica, touched_link), worker->watches);
}

bool worker_is_congested(const struct worker *worker)
{
    return worker->link_bytes > CONGESTED_LINK_BYTES;
}

// ---- Links ----

void worker_link_up(struct worker *worker, uint16_t member, uint16_t remote_worker,
                    uint16_t remote_worker_count, struct outlet *link)
{
    for (uint32_t i = 0; i < worker->replica_count; i++) {
        struct replica *replica = &worker->replicas[i];
        if (replica->is_primary && replica->source.number % remote_worker_count == remote_worker)
            replica_link_up(replica, member, link);
    }
}

void worker_link_down(struct worker *worker, const struct outlet *link)
{
    for (uint32_t i = 0; i < worker->replica_count; i++) {
        if (worker->replicas[i].is_primary)
            replica_link_down(&worker->replicas[i], link, worker->watches);
    }
}

void worker_primary_gone(struct worker *worker, const struct outlet *link)
{
    for (uint32_t i = 0; i < worker->replica_count; i++) {
        if (!worker->replicas[i].is_primary)
            replica_primary_gone(&worker->replicas[i], link);
    }
}

// ---- Continuous queries ----

struct query *worker_compile(struct worker *worker, struct bytes text, struct outlet *outlet,
                             uint32_t request_id)
{
    struct query_error error;
    struct query *query = query_new(text, &error);
    if (query)
        return query;
    char message[QUERY_ERROR_TEXT_BYTES + 64];
    snprintf(message, sizeof message, "line %u, column %u: %s", error.line, error.column,
             error.text);
    worker->counters.errors++;
    error_encode(&outlet->out, FRAME_ERROR, request_id, PARTITION_ANY, ERROR_QUERY, message, 0);
    outlet_changed(outlet);
    return NULL;
}

static void refuse(struct outlet *outlet, uint32_t request_id, enum error error, const char *text)
{
    error_encode(&outlet->out, FRAME_ERROR, request_id, PARTITION_ANY, error, text, 0);
    outlet_changed(outlet);
}

static void subscribed_answer(struct worker *worker, struct outlet *outlet, uint32_t request_id)
{
    struct mark *marks = memory_new_array(worker->source_count, sizeof *marks);
    for (uint32_t i = 0; i < worker->source_count; i++) {
        const struct source *source = worker->sources[i];
        marks[i] = (struct mark){.partition = source->number,
                                 .epoch = source->epoch,
                                 .seq = partition_last_seq(source->partition)};
    }
    marks_encode(&outlet->out, FRAME_REPLY, request_id, marks, worker->source_count);
    outlet_changed(outlet);
    free(marks);
}

void worker_subscribe(struct worker *worker, struct outlet *outlet, uint32_t request_id,
                      struct bytes body, struct list *owner)
{
    struct subscribe subscribe;
    enum error error = subscribe_decode(body, &subscribe);
    if (error == ERROR_NONE && (request_id == PROGRESS_REQUEST_ID || watch_find(owner, request_id)))
        error = ERROR_INVALID_ARGUMENT;
    if (error != ERROR_NONE) {
        refuse(outlet, request_id, error, "SUBSCRIBE: malformed, or its request id is 0 or taken");
        return;
    }
    struct query *query = worker_compile(worker, subscribe.query, outlet, request_id);
    if (!query)
        return;
    if (query_limit(query) != 0) {
        refuse(outlet, request_id, ERROR_QUERY, "a continuous query has no LIMIT");
        query_free(query);
        return;
    }
    struct watch_options options = {
        .subscription = request_id, .snapshot = subscribe.snapshot, .old = subscribe.old};
    watch_new(worker->watches, query, outlet, &options, owner);
    subscribed_answer(worker, outlet, request_id);
}

void worker_unsubscribe(struct worker *worker, struct outlet *outlet, uint32_t request_id,
                        struct bytes body, struct list *owner)
{
    (void)worker;
    uint32_t subscription;
    enum error error = unsubscribe_decode(body, &subscription);
    struct watch *watch = error == ERROR_NONE ? watch_find(owner, subscription) : NULL;
    if (!watch) {
        refuse(outlet, request_id, error != ERROR_NONE ? error : ERROR_UNKNOWN_SUBSCRIPTION,
               "UNSUBSCRIBE: no such subscription on this connection");
        return;
    }
    watch_free(watch);
    marks_encode(&outlet->out, FRAME_REPLY, request_id, NULL, 0);
    outlet_changed(outlet);
}

// ---- The tick ----

static void tick_expired(void *context, struct partition *partition)
{
    struct worker *worker = context;
    struct replica *replica = worker_replica(worker, partition_number(partition));
    worker_note_effects(worker, replica);
}

static void tick_expiry(struct worker *worker)
{
    store_expire(worker->store, (int64_t)worker_now_us(), EXPIRED_PER_TICK, tick_expired, worker);
    worker_advance_touched(worker);
}

static void tick_time_outs(struct worker *worker)
{
    uint64_t now_us = worker_now_us();
    for (uint32_t i = 0; i < worker->replica_count; i++) {
        if (!pending_is_empty(&worker->replicas[i].pending))
            pending_expire(&worker->replicas[i].pending, now_us,
                           "the backup did not confirm within replication-timeout-ms");
    }
}

// The limit is the node's: each worker may grow by what all of them together leave.
static void tick_memory(struct worker *worker)
{
    struct store_memory memory = store_memory(worker->store);
    uint64_t used_bytes =
        memory.slab_bytes + memory.table_bytes + memory.log_bytes + memory.expiry_bytes;
    atomic_store_explicit(&worker->used_bytes, used_bytes, memory_order_relaxed);
    if (worker->options.memory_bytes_max == 0)
        return;
    uint64_t others_bytes = 0;
    for (uint16_t i = 0; i < worker->options.router->worker_count; i++) {
        if (i != worker->options.number)
            others_bytes += atomic_load_explicit(&worker->options.siblings[i]->used_bytes,
                                                 memory_order_relaxed);
    }
    uint64_t limit = worker->options.memory_bytes_max;
    store_set_memory_limit(worker->store, others_bytes < limit ? limit - others_bytes : 1);
}

static void tick_commits(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->replica_count; i++) {
        if (worker->replicas[i].is_primary)
            replica_tell_commit(&worker->replicas[i]);
    }
}

static void tick_progress(struct worker *worker)
{
    if (watches_count(worker->watches) == 0)
        return;
    struct mark *marks = memory_new_array(worker->source_count, sizeof *marks);
    uint32_t count = 0;
    for (uint32_t i = 0; i < worker->replica_count; i++) {
        struct replica *replica = &worker->replicas[i];
        if (!replica->is_primary || replica->progress_seq == replica->delivered_seq)
            continue;
        replica->progress_seq = replica->delivered_seq;
        marks[count++] = (struct mark){.partition = replica->source.number,
                                       .epoch = replica->source.epoch,
                                       .seq = replica->delivered_seq};
    }
    watches_progress(worker->watches, marks, count);
    free(marks);
}

static void on_tick(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct worker *worker = context;
    tick_expiry(worker);
    tick_time_outs(worker);
    tick_memory(worker);
    sync_count(worker);
    if (++worker->tick_count % TICKS_PER_PROGRESS == 0) {
        tick_progress(worker);
        tick_commits(worker);
    }
}

// ---- The loop ----

static void on_letters(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct worker *worker = context;
    mailbox_quiet(worker->mailbox); // the loop drains it in each turn: this only ends the sleep
}

static bool worker_fill(struct worker *worker)
{
    struct list *next;
    for (struct list *link = worker->filling.next; link != &worker->filling; link = next) {
        next = link->next;
        struct replica *replica = LIST_ENTRY(link, struct replica, filling_link);
        if (!replica_fill(replica, worker->watches))
            list_remove(link);
    }
    return !list_is_empty(&worker->filling);
}

// One turn; returns whether there is more to do at once.
static bool worker_turn(struct worker *worker, bool is_busy)
{
    bool may_sleep = !is_busy && mailbox_sleep(worker->mailbox);
    CHECK(event_base_loop(worker->base, EVLOOP_ONCE | (may_sleep ? 0 : EVLOOP_NONBLOCK)) >= 0);
    if (may_sleep)
        mailbox_wake(worker->mailbox);
    worker->counters.turns++;
    mailbox_drain(worker->mailbox, worker);
    worker_advance_touched(worker);
    bool more = watches_walk(worker->watches);
    more = worker_fill(worker) || more;
    watches_reap(worker->watches);
    more = worker->flush(worker) || more;
    worker->link_bytes = worker->backlog(worker);
    return more;
}

void worker_run(struct worker *worker)
{
    struct event *letters = event_new(worker->base, mailbox_descriptor(worker->mailbox),
                                      EV_READ | EV_PERSIST, on_letters, worker);
    struct event *tick = event_new(worker->base, -1, EV_PERSIST, on_tick, worker);
    const struct timeval period = {.tv_usec = TICK_MS * US_PER_MS};
    CHECK(letters && tick && event_add(letters, NULL) == 0 && event_add(tick, &period) == 0);
    bool is_busy = false;
    while (!worker->is_stopping)
        is_busy = worker_turn(worker, is_busy);
    event_free(letters);
    event_free(tick);
}

static void stop_arrive(struct worker *worker, struct letter *letter)
{
    worker->is_stopping = true;
    free(letter);
}

void worker_drop_pending(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->replica_count; i++)
        pending_deinit(&worker->replicas[i].pending);
}

void worker_stop(struct worker *worker)
{
    struct letter *letter = memory_new(sizeof *letter);
    letter->deliver = stop_arrive;
    worker_post(worker, letter);
}

void worker_post(struct worker *worker, struct letter *letter)
{
    mailbox_post(worker->mailbox, letter);
}
