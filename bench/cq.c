// SPDX-License-Identifier: Apache-2.0
#include "bench/cq.h"

#include "bench/audience.h"
#include "bench/report.h"
#include "bench/stopwatch.h"

#include <string.h>

enum {
    SUBSCRIBE_LIMIT_S = 600,
    DELIVERY_LIMIT_S = 5, // for the events of the last updates
    PAUSE_NS = 1000 * 1000,
};

static void pause_briefly(void)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS};
    nanosleep(&pause, NULL);
}

static bool audience_await(const struct audience *audience, char *reason)
{
    uint64_t limit_ns = stopwatch_now_ns() + (uint64_t)SUBSCRIBE_LIMIT_S * NS_PER_S;
    while (!atomic_load(&audience->ready)) {
        if (atomic_load(&audience->failed))
            return reason_set(reason, "%s", audience->reason);
        if (stopwatch_now_ns() >= limit_ns)
            return reason_set(reason, "the queries do not stand after %d s", SUBSCRIBE_LIMIT_S);
        pause_briefly();
    }
    return true;
}

static uint64_t matches_sum(const struct load *load)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < load->thread_count; i++)
        sum += atomic_load(&load->threads[i].counters.matches);
    return sum;
}

// Every update that matches one of the queries gives one event.
static void deliveries_await(const struct audience *audience, uint64_t expected)
{
    uint64_t limit_ns = stopwatch_now_ns() + (uint64_t)DELIVERY_LIMIT_S * NS_PER_S;
    while (atomic_load(&audience->delivered) < expected && !atomic_load(&audience->failed) &&
           stopwatch_now_ns() < limit_ns)
        pause_briefly();
}

// What came of the subscriptions; expected and delivered count the warm-up too.
struct deliveries {
    uint64_t expected;
    uint64_t delivered;
    double subscribe_seconds;
    const struct audience *audience; // borrowed
};

static double matches_per_update(const struct deliveries *deliveries,
                                 const struct load_result *result)
{
    return result->all.count == 0
               ? 0
               : (double)deliveries->audience->from_commit.count / (double)result->all.count;
}

static void deliveries_print(const struct settings *settings, const struct load_result *result,
                             const struct deliveries *deliveries)
{
    report_load(stdout, settings, result);
    printf("%lu queries stand after %.3f s: %.0f subscriptions/s\n",
           (unsigned long)settings->query_count, deliveries->subscribe_seconds,
           (double)settings->query_count / deliveries->subscribe_seconds);
    report_run(stdout, settings, result);
    report_latency(stdout, "commit to event", &deliveries->audience->from_commit);
    report_latency(stdout, "intended to event", &deliveries->audience->from_intended);
    printf("%.4f matches per update; of %lu expected events %lu were delivered\n",
           matches_per_update(deliveries, result), (unsigned long)deliveries->expected,
           (unsigned long)deliveries->delivered);
}

static json_t *deliveries_json(const struct settings *settings, const struct load_result *result,
                               const struct deliveries *deliveries)
{
    json_t *report = report_json(settings, result);
    json_t *section = json_pack(
        "{s:I, s:I, s:f, s:f, s:f, s:I, s:I, s:o, s:o}", "queries",
        (json_int_t)settings->query_count, "subscribers", (json_int_t)settings->subscribers,
        "match_rate", settings->match_rate, "subscribe_seconds", deliveries->subscribe_seconds,
        "matches_per_update", matches_per_update(deliveries, result), "events_expected",
        (json_int_t)deliveries->expected, "events_delivered", (json_int_t)deliveries->delivered,
        "commit_to_event_us", report_latency_json(&deliveries->audience->from_commit),
        "intended_to_event_us", report_latency_json(&deliveries->audience->from_intended));
    json_object_set_new(report, "cq", section);
    return report;
}

static bool results_show(const struct settings *settings, const struct load_result *result,
                         const struct deliveries *deliveries, char *reason)
{
    if (!settings->json || strcmp(settings->json, "-") != 0)
        deliveries_print(settings, result, deliveries);
    json_t *report = deliveries_json(settings, result, deliveries);
    bool well = report_write_json(settings, report, reason);
    json_decref(report);
    if (well && result->end.errors > result->begin.errors)
        return reason_set(reason, "updates were refused: %s", result->first_error);
    if (well && deliveries->delivered < deliveries->expected)
        return reason_set(reason, "%lu events were expected, %lu were delivered",
                          (unsigned long)deliveries->expected,
                          (unsigned long)deliveries->delivered);
    return well;
}

static bool measure(const struct settings *settings, struct load *load, struct audience *audience,
                    struct load_result *result, char *reason)
{
    uint64_t matched_before = matches_sum(load);
    uint64_t warm_up_us = (uint64_t)(settings->warm_up_s * US_PER_S);
    atomic_store(&audience->measure_us, stopwatch_read_ns(CLOCK_REALTIME) / NS_PER_US + warm_up_us);
    if (!load_measure(load, result, reason))
        return false;
    struct deliveries deliveries = {.expected = matches_sum(load) - matched_before,
                                    .subscribe_seconds = (double)audience->subscribe_ns / NS_PER_S,
                                    .audience = audience};
    deliveries_await(audience, deliveries.expected);
    deliveries.delivered = atomic_load(&audience->delivered);
    audience_stop(audience);
    if (atomic_load(&audience->failed))
        return reason_set(reason, "%s", audience->reason);
    return results_show(settings, result, &deliveries, reason);
}

bool cq_run(const struct settings *settings, char reason[static REASON_BYTES])
{
    struct load load;
    struct load_result result;
    load_result_init(&result);
    bool well = load_init(&load, settings, reason) && load_records(&load, &result, reason);
    if (well) {
        struct audience audience;
        audience_start(&audience, settings);
        well = audience_await(&audience, reason) &&
               measure(settings, &load, &audience, &result, reason);
        audience_deinit(&audience);
    }
    load_deinit(&load);
    load_result_deinit(&result);
    return well;
}
