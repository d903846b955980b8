// SPDX-License-Identifier: Apache-2.0
#include "bench/point.h"

#include "bench/load.h"
#include "bench/standing.h"
#include "bench/stopwatch.h"

#include <stdarg.h>
#include <string.h>

enum {
    CLOSED_DEPTH = 32,
    DRAIN_LIMIT_S = 10,         // for the events of one round
    OPEN_EVENTS_PER_S = 100000, // at most: beyond it the open loop is slower than asked for
};

#define ROUND_WARM_UP_S 0.2

// A point that is being measured.
struct measuring {
    struct point *point;
    struct settings settings; // of the point: a copy that phases change
    char base_map[MAP_NAME_BYTES_MAX + 1];
    struct market market;
    struct standing standing;
    bool is_behind; // not every event came after the last loop
    uint64_t limit_ns;
};

static void note(struct point *point, const char *format, ...) PRINTF_LIKE(2, 3);

static void note(struct point *point, const char *format, ...)
{
    va_list arguments;
    size_t size = strlen(point->note);
    if (size > 0 && size + 2 < sizeof point->note)
        size += (size_t)snprintf(point->note + size, sizeof point->note - size, "; ");
    va_start(arguments, format);
    vsnprintf(point->note + size, sizeof point->note - size, format, arguments);
    va_end(arguments);
}

// ---- Loads ----

static double server_us(const struct settings *settings, const struct load_result *result)
{
    double sum_ns = 0;
    for (uint32_t i = 0; i < settings->server_count; i++)
        sum_ns += (double)(result->end.servers[i].cpu_ns - result->begin.servers[i].cpu_ns);
    uint64_t operations = result->end.operations - result->begin.operations;
    return operations ? sum_ns / (double)operations / NS_PER_US : 0;
}

static double updates_per_s(const struct load_result *result)
{
    double seconds = (double)(result->end.time_ns - result->begin.time_ns) / NS_PER_S;
    return (double)(result->end.operations - result->begin.operations) / seconds;
}

// Loads or runs once as the settings say, on connections of its own; adds to *matches.
static bool load_once(const struct measuring *measuring, const struct settings *settings,
                      struct load_result *result, uint64_t *matches, char *reason)
{
    struct load load;
    bool well = load_init(&load, settings, &measuring->market, reason) &&
                load_records(&load, result, reason) &&
                (!settings->run || load_measure(&load, result, reason));
    *matches += load_matches(&load);
    load_deinit(&load);
    if (well && settings->run && result->end.errors > result->begin.errors)
        return reason_set(reason, "updates were refused: %s", result->first_error);
    return well;
}

static bool records_load(const struct measuring *measuring, const char *map, char *reason)
{
    struct settings settings = measuring->settings;
    struct load_result result;
    uint64_t matches = 0;
    settings.map = map;
    settings.run = false;
    settings.rate = 0;
    load_result_init(&result);
    bool well = load_once(measuring, &settings, &result, &matches, reason);
    load_result_deinit(&result);
    return well;
}

// ---- Throughput ----

static bool closed_loop(const struct measuring *measuring, bool with_queries,
                        struct point_pair *pair, uint64_t *matches, char *reason)
{
    struct settings settings = measuring->settings;
    struct load_result result;
    settings.map = with_queries ? settings.map : measuring->base_map;
    settings.load = false;
    settings.rate = 0;
    settings.depth = CLOSED_DEPTH;
    settings.warm_up_s = ROUND_WARM_UP_S;
    settings.seconds = settings.round_s;
    load_result_init(&result);
    bool well = load_once(measuring, &settings, &result, matches, reason);
    pair->updates_per_s[with_queries] = well ? updates_per_s(&result) : 0;
    pair->server_us[with_queries] = well ? server_us(&settings, &result) : 0;
    load_result_deinit(&result);
    return well;
}

// Waits for what is expected.
static void drain(struct measuring *measuring)
{
    uint64_t limit_ns = stopwatch_now_ns() + (uint64_t)DRAIN_LIMIT_S * NS_PER_S;
    measuring->is_behind = !audience_await_events(&measuring->standing.audience,
                                                  measuring->point->events_expected, limit_ns);
}

// One pair; which of the two comes first alternates.
static bool pair_measure(struct measuring *measuring, bool queries_first, char *reason)
{
    struct point *point = measuring->point;
    struct point_pair *pair = &point->pairs[point->pair_count];
    for (int turn = 0; turn < 2; turn++) {
        bool with_queries = (turn == 0) == queries_first;
        uint64_t matches = 0;
        if (!closed_loop(measuring, with_queries, pair, &matches, reason))
            return false;
        if (with_queries) {
            point->events_expected += matches;
            drain(measuring);
        }
    }
    point->pair_count++;
    return true;
}

static int double_order(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

static double median_of(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, double_order);
    return count == 0 ? 0 : values[count / 2];
}

// Medians of the pairs, not ratios of medians: what else the machine does changes slowly.
static void pairs_summarise(struct point *point)
{
    double values[POINT_ROUNDS_MAX];
    uint32_t count = point->pair_count;
    for (int which = 0; which < 2; which++) {
        for (uint32_t i = 0; i < count; i++)
            values[i] = point->pairs[i].updates_per_s[which];
        point->median.updates_per_s[which] = median_of(values, count);
        for (uint32_t i = 0; i < count; i++)
            values[i] = point->pairs[i].server_us[which];
        point->median.server_us[which] = median_of(values, count);
    }
    for (uint32_t i = 0; i < count; i++)
        values[i] = point->pairs[i].updates_per_s[1] / point->pairs[i].updates_per_s[0];
    point->ratio = median_of(values, count);
    point->ratio_min = count ? values[0] : 0;
    point->ratio_max = count ? values[count - 1] : 0;
    for (uint32_t i = 0; i < count; i++) {
        const double *us = point->pairs[i].server_us;
        values[i] = us[0] > 0 ? us[1] / us[0] : 0;
    }
    point->server_ratio = median_of(values, count);
}

static bool throughput_measure(struct measuring *measuring, char *reason)
{
    const struct settings *settings = &measuring->settings;
    for (uint64_t round = 0; round < settings->rounds; round++) {
        if (round > 0 && stopwatch_now_ns() >= measuring->limit_ns) {
            note(measuring->point, "cut after %lu of %lu rounds", (unsigned long)round,
                 (unsigned long)settings->rounds);
            break;
        }
        if (!pair_measure(measuring, round % 2 == 1, reason))
            return false;
    }
    pairs_summarise(measuring->point);
    return true;
}

// ---- Latency ----

static void latency_take(double us[static POINT_PERCENTILES], const struct histogram *histogram)
{
    static const double percents[POINT_PERCENTILES] = {50, 99, 99.9};
    for (int i = 0; i < POINT_PERCENTILES; i++)
        us[i] = (double)histogram_percentile(histogram, percents[i]) / NS_PER_US;
}

// As fast as asked for, unless that were more events than can be told apart from an overload.
static double open_rate(const struct settings *settings)
{
    double matches = (double)settings->query_count * settings->match_rate;
    double most = OPEN_EVENTS_PER_S / (matches > 1 ? matches : 1);
    return settings->rate <= most ? settings->rate : most < 1 ? 1 : most;
}

static bool open_loop(struct measuring *measuring, char *reason)
{
    struct settings settings = measuring->settings;
    struct point *point = measuring->point;
    struct load_result result;
    uint64_t matches = 0;
    settings.load = false;
    settings.rate = point->open_rate = open_rate(&settings);
    if (settings.rate < measuring->settings.rate)
        note(point, "open loop at %.0f/s", settings.rate);
    uint64_t begin_us = stopwatch_read_ns(CLOCK_REALTIME) / NS_PER_US;
    atomic_store(&measuring->standing.audience.measure_us,
                 begin_us + (uint64_t)(settings.warm_up_s * US_PER_S));
    load_result_init(&result);
    bool well = load_once(measuring, &settings, &result, &matches, reason);
    point->events_expected += matches;
    drain(measuring);
    audience_stop(&measuring->standing.audience);
    point->event_count = measuring->standing.audience.from_commit.count;
    point->matches = result.all.count ? (double)point->event_count / (double)result.all.count : 0;
    latency_take(point->from_commit_us, &measuring->standing.audience.from_commit);
    latency_take(point->from_intended_us, &measuring->standing.audience.from_intended);
    load_result_deinit(&result);
    return well;
}

static bool latency_measure(struct measuring *measuring, char *reason)
{
    const struct settings *settings = &measuring->settings;
    if (settings->query_count == 0 || settings->match_rate <= 0)
        return true;
    // What is still to come would be measured with what the open loop causes.
    if (measuring->is_behind && atomic_load(&measuring->standing.audience.resets) == 0)
        note(measuring->point, "no open loop: events are missing %d s after the closed one",
             DRAIN_LIMIT_S);
    else if (stopwatch_now_ns() >= measuring->limit_ns)
        note(measuring->point, "cut before the open loop");
    else
        return open_loop(measuring, reason);
    return true;
}

// ---- A whole point ----

static void footprint_take(struct measuring *measuring)
{
    const struct standing *standing = &measuring->standing;
    struct point *point = measuring->point;
    double count = point->query_count ? (double)point->query_count : 1;
    point->subscribe_seconds = standing_subscribe_seconds(standing);
    point->server_bytes = standing->server_bytes / count;
    point->client_bytes = standing->client_bytes / count;
    point->text_bytes = (double)standing->audience.text_bytes / count;
}

static void deliveries_take(struct measuring *measuring)
{
    const struct audience *audience = &measuring->standing.audience;
    struct point *point = measuring->point;
    point->events_delivered = atomic_load(&audience->delivered);
    point->resets = atomic_load(&audience->resets);
    if (point->resets > 0)
        note(point, "%lu resets", (unsigned long)point->resets);
    else if (point->events_delivered < point->events_expected)
        note(point, "%lu events are missing",
             (unsigned long)(point->events_expected - point->events_delivered));
    if (atomic_load(&audience->failed))
        note(point, "%s", audience->reason);
}

static bool with_queries_measure(struct measuring *measuring, char *reason)
{
    bool stand = standing_init(&measuring->standing, &measuring->settings, &measuring->market,
                               measuring->limit_ns, reason);
    footprint_take(measuring);
    bool well = true;
    if (stand)
        well = throughput_measure(measuring, reason) && latency_measure(measuring, reason);
    else
        note(measuring->point, "cut: %s", reason);
    deliveries_take(measuring);
    standing_deinit(&measuring->standing);
    return well;
}

bool point_measure(struct point *point, const struct settings *settings,
                   char reason[static REASON_BYTES])
{
    *point = (struct point){.query_count = settings->query_count,
                            .match_rate = settings->match_rate,
                            .subscribers = settings->subscribers};
    struct measuring measuring = {.point = point, .settings = *settings};
    measuring.limit_ns = stopwatch_now_ns() + (uint64_t)(settings->point_s * NS_PER_S);
    snprintf(measuring.base_map, sizeof measuring.base_map, "%.*s_base",
             (int)(sizeof measuring.base_map - sizeof "_base"), settings->map);
    market_init(&measuring.market, settings->query_count, settings->match_rate, settings->seed);
    bool well = records_load(&measuring, settings->map, reason) &&
                records_load(&measuring, measuring.base_map, reason) &&
                with_queries_measure(&measuring, reason);
    market_deinit(&measuring.market);
    return well;
}
