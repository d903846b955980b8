// SPDX-License-Identifier: Apache-2.0
#include "node/worker/worker.h"

#include "cluster/base/memory.h"
#include "cluster/model/meeting.h"
#include "node/worker/hop.h"
#include "node/worker/stats.h"

#include <event2/event.h>
#include <time.h>

enum {
    TICK_MS = 20, // expiry, time-outs, memory accounts
    TICKS_PER_PROGRESS = MS_PER_S / TICK_MS,
    CONGESTED_LINK_BYTES = 64 * 1024 * 1024,
    // How often wishes are looked at: while some stand, and else.
    WISHES_BUSY_US = 1000,
    WISHES_IDLE_US = TICK_MS * US_PER_MS,
};

static uint64_t clock_us(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * US_PER_S + (uint64_t)time.tv_nsec / NS_PER_US;
}

uint64_t worker_clock_us(void)
{
    return clock_us(CLOCK_BOOTTIME);
}

uint64_t worker_unix_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

uint64_t worker_refresh(struct worker *worker)
{
    struct shard_time time = {.now_us = worker_clock_us(), .unix_us = worker_unix_us()};
    shard_set_time(worker->shard, time);
    return time.now_us;
}

// ---- Making ----

static void host_say(void *context, bool is_warning, const char *text)
{
    const struct worker *worker = context;
    log_write(worker->options.log, is_warning ? LOG_WARN : LOG_INFO, "shard", "%s", text);
}

static void host_hop(void *context, const struct request *request)
{
    hop_send(context, request);
}

static void host_stats(void *context, struct buffer *out)
{
    stats_write(context, out);
}

struct worker *worker_new(const struct worker_options *options)
{
    struct worker *worker = memory_new(sizeof *worker);
    worker->options = *options;
    worker->options.shard.host = (struct shard_host){
        .context = worker, .say = host_say, .hop = host_hop, .stats = host_stats};
    worker->mailbox = mailbox_new();
    worker->shard = shard_new(&worker->options.shard);
    worker->wishes = memory_new_array(MEETING_WISHES_MAX, sizeof *worker->wishes);
    worker->new_wishes = memory_new_array(MEETING_WISHES_MAX, sizeof *worker->new_wishes);
    atomic_init(&worker->turned_us, worker_clock_us());
    worker_refresh(worker);
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
    shard_free(worker->shard);
    published_view_release(worker->published);
    mailbox_free(worker->mailbox);
    event_base_free(worker->base);
    free(worker->wishes);
    free(worker->new_wishes);
    free(worker);
}

bool worker_is_congested(const struct worker *worker)
{
    return worker->link_bytes > CONGESTED_LINK_BYTES;
}

// ---- The view ----

struct view_letter {
    struct letter letter;
    struct published_view *published; // held
};

static void view_arrive(void *receiver, struct letter *letter)
{
    struct worker *worker = receiver;
    struct published_view *published = ((struct view_letter *)letter)->published;
    free(letter);
    if (worker->is_stopping) {
        published_view_release(published);
        return;
    }
    worker_refresh(worker);
    shard_apply_view(worker->shard, &published->view);
    published_view_release(worker->published);
    worker->published = published;
    worker->is_view_fresh = true;
    worker->view_changed(worker);
}

void worker_post_view(struct worker *worker, struct published_view *published)
{
    struct view_letter *letter = memory_new(sizeof *letter);
    letter->letter.deliver = view_arrive;
    letter->published = published_view_hold(published);
    worker_post(worker, &letter->letter);
}

struct lease_letter {
    struct letter letter;
    uint64_t until_us;
};

static void lease_arrive(void *receiver, struct letter *letter)
{
    struct worker *worker = receiver;
    shard_set_lease(worker->shard, ((struct lease_letter *)letter)->until_us);
    free(letter);
}

void worker_post_lease(struct worker *worker, uint64_t until_us)
{
    struct lease_letter *letter = memory_new(sizeof *letter);
    letter->letter.deliver = lease_arrive;
    letter->until_us = until_us;
    worker_post(worker, &letter->letter);
}

static bool wishes_are_due(const struct worker *worker, uint64_t now_us)
{
    uint64_t interval_us = worker->wish_count > 0 ? WISHES_BUSY_US : WISHES_IDLE_US;
    return worker->is_view_fresh || now_us - worker->wished_us >= interval_us;
}

// Told when they have changed; whoever hears them repeats them until the view answers.
static void worker_wish(struct worker *worker, uint64_t now_us)
{
    if (!wishes_are_due(worker, now_us))
        return;
    struct wish *wishes = worker->new_wishes;
    uint32_t count = shard_wishes(worker->shard, wishes, MEETING_WISHES_MAX);
    worker->wished_us = now_us;
    worker->is_view_fresh = false;
    if (count == worker->wish_count && memcmp(wishes, worker->wishes, count * sizeof *wishes) == 0)
        return;
    worker->new_wishes = worker->wishes;
    worker->wishes = wishes;
    worker->wish_count = count;
    worker->options.wished(worker->options.context, worker->options.number, wishes, count);
}

// ---- The tick ----

// The limit is the node's: each worker may grow by what all of them together leave.
static void tick_memory(struct worker *worker, const struct store_memory *memory)
{
    uint64_t used_bytes =
        memory->slab_bytes + memory->table_bytes + memory->log_bytes + memory->expiry_bytes;
    atomic_store_explicit(&worker->used_bytes, used_bytes, memory_order_relaxed);
    if (worker->options.memory_bytes_max == 0)
        return;
    uint64_t others_bytes = 0;
    for (uint16_t i = 0; i < worker->options.worker_count; i++) {
        if (i != worker->options.number)
            others_bytes += atomic_load_explicit(&worker->options.siblings[i]->used_bytes,
                                                 memory_order_relaxed);
    }
    uint64_t limit = worker->options.memory_bytes_max;
    shard_set_memory_limit(worker->shard, others_bytes < limit ? limit - others_bytes : 1);
}

static void on_tick(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct worker *worker = context;
    struct shard_figures figures;
    worker_refresh(worker);
    shard_tick(worker->shard);
    shard_figures(worker->shard, &figures);
    tick_memory(worker, &figures.memory);
    atomic_store_explicit(&worker->lacking_count, figures.lacking_count, memory_order_relaxed);
    if (++worker->tick_count % TICKS_PER_PROGRESS == 0)
        shard_tell_progress(worker->shard);
}

// ---- The loop ----

static void on_letters(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    struct worker *worker = context;
    mailbox_quiet(worker->mailbox); // the loop drains it in each turn: this only ends the sleep
}

// One turn; returns whether there is more to do at once.
static bool worker_turn(struct worker *worker, bool is_busy)
{
    bool may_sleep = !is_busy && mailbox_sleep(worker->mailbox);
    CHECK(event_base_loop(worker->base, EVLOOP_ONCE | (may_sleep ? 0 : EVLOOP_NONBLOCK)) >= 0);
    if (may_sleep)
        mailbox_wake(worker->mailbox);
    worker->counters.turns++;
    uint64_t now_us = worker_refresh(worker);
    atomic_store_explicit(&worker->turned_us, now_us, memory_order_relaxed);
    mailbox_drain(worker->mailbox, worker);
    shard_advance(worker->shard);
    bool more = shard_work(worker->shard);
    worker_wish(worker, now_us);
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

static void stop_arrive(void *receiver, struct letter *letter)
{
    struct worker *worker = receiver;
    worker->is_stopping = true;
    free(letter);
}

void worker_drop_pending(struct worker *worker)
{
    shard_drop_pending(worker->shard);
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
