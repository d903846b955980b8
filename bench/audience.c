// SPDX-License-Identifier: Apache-2.0
#include "bench/audience.h"

#include "bench/stopwatch.h"
#include "client/grid.h"
#include "cluster/base/memory.h"

#include <event2/event.h>

enum {
    ASKED_MAX = 4096,        // subscriptions that wait for their answer at most
    TICK_US = 5 * US_PER_MS, // how often flags of the other thread are looked at
    PAUSE_NS = 1000 * 1000,
    QUIET_NS = 500 * 1000 * 1000, // after a reset: nothing more comes
};

// ---- On the thread: events ----

static void fail(struct audience *audience, const char *what, const char *text)
{
    if (atomic_load(&audience->failed))
        return;
    reason_set(audience->reason, "%s: %s", what, text);
    atomic_store(&audience->failed, true);
}

static void error_take(void *context, enum grid_error error, const char *text)
{
    struct audience *audience = context;
    char what[64];
    snprintf(what, sizeof what, "subscription: %s", grid_error_name(error));
    fail(audience, what, text);
}

// Both clocks are this machine's; a step of one microsecond back is their granularity.
static uint64_t ns_since(uint64_t now_us, uint64_t then_us)
{
    return now_us > then_us ? (now_us - then_us) * NS_PER_US : 0;
}

static void quote_take(struct audience *audience, const struct grid_event *event, uint64_t now_us)
{
    int64_t sent_us;
    if (!grid_value_int(grid_value_field(event->new_value, "sent_us"), &sent_us)) {
        fail(audience, "subscription", "an event without its field sent_us");
        return;
    }
    if ((uint64_t)sent_us < atomic_load(&audience->measure_us))
        return;
    histogram_record(&audience->from_commit, ns_since(now_us, event->time_us));
    histogram_record(&audience->from_intended, ns_since(now_us, (uint64_t)sent_us));
}

static void event_take(void *context, const struct grid_event *event)
{
    struct audience *audience = context;
    uint64_t now_us = stopwatch_read_ns(CLOCK_REALTIME) / NS_PER_US;
    atomic_fetch_add_explicit(&audience->delivered, 1, memory_order_relaxed);
    if (audience->market)
        quote_take(audience, event, now_us);
    else if (event->time_us >= atomic_load(&audience->measure_us))
        histogram_record(&audience->from_commit, ns_since(now_us, event->time_us));
}

static void reset_take(void *context, uint16_t partition)
{
    struct audience *audience = context;
    (void)partition;
    atomic_fetch_add_explicit(&audience->resets, 1, memory_order_relaxed);
}

// ---- On the thread: subscribing ----

static void query_subscribe(struct audience *audience);

static void ready_take(void *context)
{
    struct audience *audience = context;
    audience->ready_count++;
    if (audience->asked_count < audience->query_count)
        query_subscribe(audience);
    if (audience->ready_count < audience->query_count)
        return;
    audience->subscribe_ns = stopwatch_now_ns() - audience->begin_ns;
    atomic_store(&audience->ready, true);
}

static void query_text(const struct audience *audience, uint64_t number,
                       char text[static MARKET_QUERY_BYTES])
{
    const struct settings *settings = audience->settings;
    if (audience->market)
        market_query_text(audience->market, number, settings->map, text);
    else
        snprintf(text, MARKET_QUERY_BYTES, "%s", nexmark_query_texts(settings->query)[number]);
}

static void query_subscribe(struct audience *audience)
{
    static const struct grid_listener listener = {.ready = ready_take,
                                                  .enter = event_take,
                                                  .update = event_take,
                                                  .reset = reset_take,
                                                  .error = error_take};
    struct grid_subscribe_options options = {.start = GRID_START_LATEST,
                                             .content = GRID_CONTENT_NEW,
                                             .kinds = GRID_KIND_ENTER | GRID_KIND_UPDATE};
    char text[MARKET_QUERY_BYTES];
    uint64_t number = audience->asked_count++;
    query_text(audience, number, text);
    audience->text_bytes += strlen(text);
    struct grid *client = audience->clients[number % audience->settings->subscribers];
    if (!grid_subscribe(client, text, &options, &listener, audience))
        fail(audience, "subscription", "refused by the client library");
}

static void queries_begin(struct audience *audience)
{
    audience->begin_ns = stopwatch_now_ns();
    for (uint64_t i = 0; i < audience->query_count && i < ASKED_MAX; i++)
        query_subscribe(audience);
    if (audience->query_count == 0)
        atomic_store(&audience->ready, true);
}

// ---- On the thread: its life ----

static bool client_is_connected(const struct grid *client)
{
    struct grid_view view;
    if (!grid_view_get(client, &view))
        return false;
    for (size_t number = 0; number < grid_member_count(client); number++) {
        struct grid_member member;
        if (grid_member_get(client, number, &member) && !member.connected)
            return false;
    }
    return true;
}

static bool clients_are_connected(const struct audience *audience)
{
    for (uint64_t i = 0; i < audience->settings->subscribers; i++) {
        if (!client_is_connected(audience->clients[i]))
            return false;
    }
    return true;
}

static void tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct audience *audience = context;
    if (!atomic_load(&audience->connected) && clients_are_connected(audience))
        atomic_store(&audience->connected, true);
    if (audience->begin_ns == 0 && atomic_load(&audience->go))
        queries_begin(audience);
    if (atomic_load(&audience->stop) || atomic_load(&audience->failed))
        event_base_loopbreak(audience->base);
}

static bool clients_make(struct audience *audience)
{
    const struct settings *settings = audience->settings;
    char seeds[HOST_BYTES + 8];
    snprintf(seeds, sizeof seeds, "%s:%u", settings->host, settings->port);
    struct grid_options options = {.seeds = seeds, .client_name = "grid-bench"};
    audience->clients = memory_new_array(settings->subscribers, sizeof(struct grid *));
    for (uint64_t i = 0; i < settings->subscribers; i++) {
        audience->clients[i] = grid_new(&options, audience->base);
        if (!audience->clients[i]) {
            fail(audience, "subscribers", "the client library cannot read the target");
            return false;
        }
    }
    return true;
}

static void *audience_main(void *context)
{
    struct audience *audience = context;
    audience->base = event_base_new();
    CHECK(audience->base);
    struct event *ticker = event_new(audience->base, -1, EV_PERSIST, tick, audience);
    struct timeval interval = {.tv_usec = TICK_US};
    CHECK(ticker && event_add(ticker, &interval) == 0);
    if (clients_make(audience))
        event_base_dispatch(audience->base);
    for (uint64_t i = 0; i < audience->settings->subscribers; i++)
        grid_free(audience->clients[i]);
    event_free(ticker);
    event_base_free(audience->base);
    return NULL;
}

// ---- For the other thread ----

static uint64_t query_count(const struct settings *settings, const struct market *market)
{
    if (market)
        return market->query_count;
    uint64_t count = 0;
    while (nexmark_query_texts(settings->query)[count])
        count++;
    return count;
}

void audience_start(struct audience *audience, const struct settings *settings,
                    const struct market *market)
{
    *audience = (struct audience){.settings = settings, .market = market};
    audience->query_count = query_count(settings, market);
    atomic_store(&audience->measure_us, UINT64_MAX);
    histogram_init(&audience->from_commit);
    histogram_init(&audience->from_intended);
    CHECK(pthread_create(&audience->handle, NULL, audience_main, audience) == 0);
    audience->started = true;
}

static void pause_briefly(void)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS};
    nanosleep(&pause, NULL);
}

static bool flag_await(const struct audience *audience, const _Atomic bool *flag, uint64_t limit_ns,
                       const char *otherwise, char *reason)
{
    while (!atomic_load(flag)) {
        if (atomic_load(&audience->failed))
            return reason_set(reason, "%s", audience->reason);
        if (stopwatch_now_ns() >= limit_ns)
            return reason_set(reason, "%s", otherwise);
        pause_briefly();
    }
    return true;
}

bool audience_await_connected(const struct audience *audience, uint64_t limit_ns,
                              char reason[static REASON_BYTES])
{
    return flag_await(audience, &audience->connected, limit_ns,
                      "the subscribers are not connected in time", reason);
}

bool audience_subscribe(struct audience *audience, uint64_t limit_ns,
                        char reason[static REASON_BYTES])
{
    atomic_store(&audience->go, true);
    return flag_await(audience, &audience->ready, limit_ns, "the queries do not stand in time",
                      reason);
}

bool audience_await_events(const struct audience *audience, uint64_t expected, uint64_t limit_ns)
{
    uint64_t seen = 0, seen_ns = stopwatch_now_ns();
    while (true) {
        uint64_t delivered = atomic_load(&audience->delivered);
        uint64_t now_ns = stopwatch_now_ns();
        if (delivered >= expected)
            return true;
        if (delivered != seen)
            seen_ns = now_ns;
        seen = delivered;
        bool is_quiet = atomic_load(&audience->resets) > 0 && now_ns - seen_ns > QUIET_NS;
        if (is_quiet || now_ns >= limit_ns || atomic_load(&audience->failed))
            return false;
        pause_briefly();
    }
}

void audience_stop(struct audience *audience)
{
    atomic_store(&audience->stop, true);
    if (audience->started)
        CHECK(pthread_join(audience->handle, NULL) == 0);
    audience->started = false;
}

void audience_deinit(struct audience *audience)
{
    audience_stop(audience);
    histogram_deinit(&audience->from_commit);
    histogram_deinit(&audience->from_intended);
    free(audience->clients);
}
