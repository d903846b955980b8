// SPDX-License-Identifier: Apache-2.0
#include "bench/cq.h"

#include "bench/report.h"
#include "bench/standing.h"
#include "bench/stopwatch.h"

#include <string.h>

enum {
    SUBSCRIBE_LIMIT_S = 600,
    DELIVERY_LIMIT_S = 5, // for the events of the last updates
};

static uint64_t limit_after_ns(uint64_t seconds)
{
    return stopwatch_now_ns() + seconds * NS_PER_S;
}

// What came of the subscriptions; expected and delivered count the warm-up too.
struct deliveries {
    uint64_t expected;
    uint64_t delivered;
    const struct standing *standing; // borrowed
};

static double matches_per_update(const struct deliveries *deliveries,
                                 const struct load_result *result)
{
    uint64_t measured = deliveries->standing->audience.from_commit.count;
    return result->all.count == 0 ? 0 : (double)measured / (double)result->all.count;
}

static void deliveries_print(const struct settings *settings, const struct load_result *result,
                             const struct deliveries *deliveries)
{
    const struct audience *audience = &deliveries->standing->audience;
    report_load(stdout, settings, result);
    standing_print(stdout, deliveries->standing);
    report_run(stdout, settings, result);
    report_latency(stdout, "commit to event", &audience->from_commit);
    report_latency(stdout, "intended to event", &audience->from_intended);
    printf("%.4f matches per update; of %lu expected events %lu were delivered\n",
           matches_per_update(deliveries, result), (unsigned long)deliveries->expected,
           (unsigned long)deliveries->delivered);
}

static json_t *deliveries_json(const struct settings *settings, const struct load_result *result,
                               const struct deliveries *deliveries)
{
    const struct audience *audience = &deliveries->standing->audience;
    json_t *report = report_json(settings, result);
    json_t *section = standing_json(deliveries->standing);
    json_t *events = json_pack(
        "{s:f, s:f, s:I, s:I, s:o, s:o}", "match_rate", settings->match_rate, "matches_per_update",
        matches_per_update(deliveries, result), "events_expected", (json_int_t)deliveries->expected,
        "events_delivered", (json_int_t)deliveries->delivered, "commit_to_event_us",
        report_latency_json(&audience->from_commit), "intended_to_event_us",
        report_latency_json(&audience->from_intended));
    json_object_update(section, events);
    json_decref(events);
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

static bool measure(const struct settings *settings, struct load *load, struct standing *standing,
                    struct load_result *result, char *reason)
{
    struct audience *audience = &standing->audience;
    uint64_t matched_before = load_matches(load);
    uint64_t warm_up_us = (uint64_t)(settings->warm_up_s * US_PER_S);
    atomic_store(&audience->measure_us, stopwatch_read_ns(CLOCK_REALTIME) / NS_PER_US + warm_up_us);
    if (!load_measure(load, result, reason))
        return false;
    struct deliveries deliveries = {.expected = load_matches(load) - matched_before,
                                    .standing = standing};
    audience_await_events(audience, deliveries.expected, limit_after_ns(DELIVERY_LIMIT_S));
    deliveries.delivered = atomic_load(&audience->delivered);
    audience_stop(audience);
    if (atomic_load(&audience->failed))
        return reason_set(reason, "%s", audience->reason);
    return results_show(settings, result, &deliveries, reason);
}

static bool standing_run(const struct settings *settings, const struct market *market, char *reason)
{
    struct load load;
    struct load_result result;
    load_result_init(&result);
    bool well = load_init(&load, settings, market, reason) && load_records(&load, &result, reason);
    if (well) {
        struct standing standing;
        well =
            standing_init(&standing, settings, market, limit_after_ns(SUBSCRIBE_LIMIT_S), reason) &&
            measure(settings, &load, &standing, &result, reason);
        standing_deinit(&standing);
    }
    load_deinit(&load);
    load_result_deinit(&result);
    return well;
}

bool cq_run(const struct settings *settings, char reason[static REASON_BYTES])
{
    if (settings->command == COMMAND_NEXMARK)
        return standing_run(settings, NULL, reason);
    struct market market;
    market_init(&market, settings->query_count, settings->match_rate, settings->seed);
    bool well = standing_run(settings, &market, reason);
    market_deinit(&market);
    return well;
}
