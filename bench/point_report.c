// SPDX-License-Identifier: Apache-2.0
// Points of a sweep as text and as JSON.
#include "bench/point.h"

void point_print_head(FILE *out)
{
    fprintf(
        out,
        "%7s %8s %8s | %8s %7s %7s %6s | %9s %9s %5s %11s | %7s %7s %5s | %8s %8s | %23s | %23s\n",
        "clients", "queries", "match", "subs/s", "server", "client", "text", "updates/s", "with",
        "ratio", "range", "CPU us", "with", "ratio", "events", "/update", "commit to event, us",
        "intended to event, us");
    fprintf(
        out,
        "%7s %8s %8s | %8s %7s %7s %6s | %9s %9s %5s %11s | %7s %7s %5s | %8s %8s | %7s %7s %7s | "
        "%7s %7s %7s\n",
        "", "", "rate", "", "B/query", "B/query", "B", "without", "queries", "", "", "without",
        "queries", "", "", "", "p50", "p99", "p99.9", "p50", "p99", "p99.9");
}

void point_print(FILE *out, const struct point *point)
{
    double subscriptions_per_s =
        point->subscribe_seconds > 0 ? (double)point->query_count / point->subscribe_seconds : 0;
    fprintf(out,
            "%7lu %8lu %8g | %8.0f %7.0f %7.0f %6.0f | %9.0f %9.0f %5.2f %5.2f-%-5.2f | %7.3f "
            "%7.3f %5.2f |",
            (unsigned long)point->subscribers, (unsigned long)point->query_count, point->match_rate,
            subscriptions_per_s, point->server_bytes, point->client_bytes, point->text_bytes,
            point->median.updates_per_s[0], point->median.updates_per_s[1], point->ratio,
            point->ratio_min, point->ratio_max, point->median.server_us[0],
            point->median.server_us[1], point->server_ratio);
    fprintf(out, " %8lu %8.2f | %7.0f %7.0f %7.0f | %7.0f %7.0f %7.0f",
            (unsigned long)point->event_count, point->matches, point->from_commit_us[0],
            point->from_commit_us[1], point->from_commit_us[2], point->from_intended_us[0],
            point->from_intended_us[1], point->from_intended_us[2]);
    fprintf(out, "%s%s\n", point->note[0] ? "  " : "", point->note);
    fflush(out);
}

static json_t *percentiles_json(const double us[static POINT_PERCENTILES])
{
    return json_pack("{s:f, s:f, s:f}", "p50", us[0], "p99", us[1], "p99.9", us[2]);
}

json_t *point_json(const struct point *point)
{
    json_t *json =
        json_pack("{s:I, s:f, s:I, s:f, s:f, s:f, s:f}", "queries", (json_int_t)point->query_count,
                  "match_rate", point->match_rate, "subscribers", (json_int_t)point->subscribers,
                  "subscribe_seconds", point->subscribe_seconds, "server_bytes_per_query",
                  point->server_bytes, "client_bytes_per_query", point->client_bytes,
                  "text_bytes_per_query", point->text_bytes);
    json_t *throughput =
        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "updates_per_second_without",
                  point->median.updates_per_s[0], "updates_per_second",
                  point->median.updates_per_s[1], "ratio", point->ratio, "ratio_min",
                  point->ratio_min, "ratio_max", point->ratio_max, "server_cpu_us_without",
                  point->median.server_us[0], "server_cpu_us", point->median.server_us[1],
                  "server_cpu_ratio", point->server_ratio, "pairs", (json_int_t)point->pair_count);
    json_t *latency = json_pack(
        "{s:f, s:f, s:I, s:I, s:I, s:I, s:o, s:o}", "updates_per_second_open", point->open_rate,
        "matches_per_update", point->matches, "events_measured", (json_int_t)point->event_count,
        "events_expected", (json_int_t)point->events_expected, "events_delivered",
        (json_int_t)point->events_delivered, "resets", (json_int_t)point->resets,
        "commit_to_event_us", percentiles_json(point->from_commit_us), "intended_to_event_us",
        percentiles_json(point->from_intended_us));
    json_object_update(json, throughput);
    json_object_update(json, latency);
    json_object_set_new(json, "note", json_string(point->note));
    json_decref(throughput);
    json_decref(latency);
    return json;
}
