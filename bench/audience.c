// SPDX-License-Identifier: Apache-2.0
#include "bench/audience.h"

#include "bench/stopwatch.h"
#include "client/grid.h"
#include "cluster/base/memory.h"

#include <event2/event.h>

enum {
    ASKED_MAX = 256,          // subscriptions that wait for their answer at most
    TICK_US = 20 * US_PER_MS, // how often `stop` is looked at
    QUERY_BYTES = 512,
};

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

static void event_take(void *context, const struct grid_event *event)
{
    struct audience *audience = context;
    uint64_t now_us = stopwatch_read_ns(CLOCK_REALTIME) / NS_PER_US;
    int64_t sent_us;
    if (!grid_value_int(grid_value_field(event->new_value, "sent_us"), &sent_us)) {
        fail(audience, "subscription", "an event without its field sent_us");
        return;
    }
    atomic_fetch_add_explicit(&audience->delivered, 1, memory_order_relaxed);
    if ((uint64_t)sent_us < atomic_load(&audience->measure_us))
        return;
    // Both clocks are this machine's; a step of one microsecond back is their granularity.
    uint64_t commit_us = now_us > event->time_us ? now_us - event->time_us : 0;
    uint64_t intended_us = now_us > (uint64_t)sent_us ? now_us - (uint64_t)sent_us : 0;
    histogram_record(&audience->from_commit, commit_us * NS_PER_US);
    histogram_record(&audience->from_intended, intended_us * NS_PER_US);
}

static void query_subscribe(struct audience *audience);

static void ready_take(void *context)
{
    struct audience *audience = context;
    audience->ready_count++;
    if (audience->asked_count < audience->settings->query_count)
        query_subscribe(audience);
    if (audience->ready_count < audience->settings->query_count)
        return;
    audience->subscribe_ns = stopwatch_now_ns() - audience->begin_ns;
    atomic_store(&audience->ready, true);
}

static void query_subscribe(struct audience *audience)
{
    static const struct grid_listener listener = {
        .ready = ready_take, .enter = event_take, .update = event_take, .error = error_take};
    struct grid_subscribe_options options = {.start = GRID_START_LATEST,
                                             .content = GRID_CONTENT_NEW};
    char query[QUERY_BYTES];
    uint64_t tag = audience->asked_count++;
    snprintf(query, sizeof query, "SELECT sent_us FROM %s WHERE tag = %lu", audience->settings->map,
             (unsigned long)tag);
    struct grid *client = audience->clients[tag % audience->settings->subscribers];
    if (!grid_subscribe(client, query, &options, &listener, audience))
        fail(audience, "subscription", "refused by the client library");
}

static void tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct audience *audience = context;
    if (atomic_load(&audience->stop) || atomic_load(&audience->failed))
        event_base_loopbreak(audience->base);
}

static void queries_begin(struct audience *audience)
{
    uint64_t count = audience->settings->query_count;
    for (uint64_t i = 0; i < count && i < ASKED_MAX; i++)
        query_subscribe(audience);
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
    if (clients_make(audience)) {
        audience->begin_ns = stopwatch_now_ns();
        queries_begin(audience);
        event_base_dispatch(audience->base);
    }
    for (uint64_t i = 0; i < audience->settings->subscribers; i++)
        grid_free(audience->clients[i]);
    event_free(ticker);
    event_base_free(audience->base);
    return NULL;
}

void audience_start(struct audience *audience, const struct settings *settings)
{
    *audience = (struct audience){.settings = settings};
    atomic_store(&audience->measure_us, UINT64_MAX);
    histogram_init(&audience->from_commit);
    histogram_init(&audience->from_intended);
    CHECK(pthread_create(&audience->handle, NULL, audience_main, audience) == 0);
    audience->started = true;
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
