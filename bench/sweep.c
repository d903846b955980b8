// SPDX-License-Identifier: Apache-2.0
#include "bench/sweep.h"

#include "bench/point.h"
#include "bench/report.h"

#include <string.h>

struct sweep {
    const struct settings *settings;
    bool prints;
    json_t *points;
};

static bool point_run(struct sweep *sweep, double subscribers, double queries, double match_rate,
                      char *reason)
{
    struct settings settings = *sweep->settings;
    struct point point;
    settings.subscribers = (uint64_t)subscribers;
    settings.query_count = (uint64_t)queries;
    settings.match_rate = match_rate;
    settings.quiet = true;
    if (!point_measure(&point, &settings, reason))
        return false;
    if (sweep->prints)
        point_print(stdout, &point);
    json_array_append_new(sweep->points, point_json(&point));
    return true;
}

// Without queries there is nothing to match: one rate does.
static bool queries_run(struct sweep *sweep, double subscribers, double queries, char *reason)
{
    const struct argument_list *rates = &sweep->settings->match_rates;
    uint32_t count = queries > 0 ? rates->count : 1;
    for (uint32_t i = 0; i < count; i++) {
        if (!point_run(sweep, subscribers, queries, rates->values[i], reason))
            return false;
    }
    return true;
}

static bool points_run(struct sweep *sweep, char *reason)
{
    const struct argument_list *subscribers = &sweep->settings->subscriber_counts;
    const struct argument_list *queries = &sweep->settings->query_counts;
    for (uint32_t i = 0; i < subscribers->count; i++) {
        for (uint32_t j = 0; j < queries->count; j++) {
            if (!queries_run(sweep, subscribers->values[i], queries->values[j], reason))
                return false;
        }
    }
    return true;
}

bool sweep_run(const struct settings *settings, char reason[static REASON_BYTES])
{
    struct sweep sweep = {.settings = settings,
                          .prints = !settings->json || strcmp(settings->json, "-") != 0,
                          .points = json_array()};
    if (sweep.prints)
        point_print_head(stdout);
    bool well = points_run(&sweep, reason);
    json_t *report = json_pack("{s:O}", "points", sweep.points);
    char write_reason[REASON_BYTES];
    bool written = report_write_json(settings, report, write_reason);
    if (well && !written)
        well = reason_set(reason, "%s", write_reason);
    json_decref(report);
    json_decref(sweep.points);
    return well;
}
