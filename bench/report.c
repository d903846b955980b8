// SPDX-License-Identifier: Apache-2.0
#include "bench/report.h"

#include "cluster/base/units.h"

#include <errno.h>
#include <string.h>

enum { JSON_DIGITS = 9 };

static const struct {
    const char *name;
    double percent;
} percentiles[] = {{"p50", 50},     {"p90", 90},       {"p99", 99},
                   {"p99.9", 99.9}, {"p99.99", 99.99}, {"max", 100}};
enum { PERCENTILE_COUNT = sizeof percentiles / sizeof *percentiles };

static const char *workload_name(const struct settings *settings)
{
    static const char *const nexmark_names[] = {
        [NEXMARK_Q1] = "nexmark q1", [NEXMARK_Q2] = "nexmark q2", [NEXMARK_Q3] = "nexmark q3"};
    if (settings->command == COMMAND_NEXMARK)
        return nexmark_names[settings->query];
    return settings->command == COMMAND_CQ ? "cq" : settings->mix->name;
}

static double us_of_ns(double ns)
{
    return ns / NS_PER_US;
}

static double ratio(double dividend, uint64_t divisor)
{
    return divisor ? dividend / (double)divisor : 0;
}

static double seconds_between(const struct load_sample *from, const struct load_sample *to)
{
    return (double)(to->time_ns - from->time_ns) / NS_PER_S;
}

// CPU of all servers between two samples.
static uint64_t servers_cpu_ns(const struct settings *settings, const struct load_sample *from,
                               const struct load_sample *to)
{
    uint64_t sum_ns = 0;
    for (uint32_t i = 0; i < settings->server_count; i++)
        sum_ns += to->servers[i].cpu_ns - from->servers[i].cpu_ns;
    return sum_ns;
}

// ---- Text ----

void report_latency_head(FILE *out)
{
    fprintf(out, "latency, us        %10s %9s", "count", "mean");
    for (unsigned i = 0; i < PERCENTILE_COUNT; i++)
        fprintf(out, " %9s", percentiles[i].name);
    fputc('\n', out);
}

void report_latency(FILE *out, const char *name, const struct histogram *histogram)
{
    if (histogram->count == 0)
        return;
    fprintf(out, "%-18s %10lu %9.1f", name, (unsigned long)histogram->count,
            us_of_ns(histogram_mean(histogram)));
    for (unsigned i = 0; i < PERCENTILE_COUNT; i++)
        fprintf(out, " %9.1f",
                us_of_ns((double)histogram_percentile(histogram, percentiles[i].percent)));
    fputc('\n', out);
}

void report_load(FILE *out, const struct settings *settings, const struct load_result *result)
{
    fprintf(out, "%s %s:%u, %s, %lu connections, %lu threads, depth %lu\n",
            settings->protocol == PROTOCOL_RESP ? "resp" : "native", settings->host, settings->port,
            settings->rate > 0 ? "open loop" : "closed loop", (unsigned long)settings->connections,
            (unsigned long)settings->threads, (unsigned long)settings->depth);
    uint64_t loaded = result->loaded.operations - result->before.operations;
    if (loaded == 0)
        return;
    double seconds = seconds_between(&result->before, &result->loaded);
    fprintf(out, "loaded %lu records in %.2f s: %.0f/s\n", (unsigned long)loaded, seconds,
            (double)loaded / seconds);
    for (uint32_t i = 0; i < settings->server_count; i++) {
        double grown = (double)result->loaded.servers[i].resident_bytes -
                       (double)result->before.servers[i].resident_bytes;
        fprintf(out, "server %d: %.1f MiB resident, %.1f bytes grown per record\n",
                (int)settings->servers[i],
                (double)result->loaded.servers[i].resident_bytes / (double)MIB,
                ratio(grown, loaded));
    }
}

static void report_servers(FILE *out, const struct settings *settings,
                           const struct load_result *result)
{
    uint64_t operations = result->end.operations - result->begin.operations;
    double seconds = seconds_between(&result->begin, &result->end);
    for (uint32_t i = 0; i < settings->server_count; i++) {
        const struct server_usage *begin = &result->begin.servers[i];
        const struct server_usage *end = &result->end.servers[i];
        double cpu_ns = (double)(end->cpu_ns - begin->cpu_ns);
        fprintf(out,
                "server %d: %.2f CPU seconds (%.0f %%), %.3f us per operation, "
                "%.1f MiB resident\n",
                (int)settings->servers[i], cpu_ns / NS_PER_S, cpu_ns / NS_PER_S / seconds * 100,
                us_of_ns(ratio(cpu_ns, operations)), (double)end->resident_bytes / (double)MIB);
    }
}

void report_run(FILE *out, const struct settings *settings, const struct load_result *result)
{
    const struct load_sample *begin = &result->begin;
    const struct load_sample *end = &result->end;
    uint64_t operations = end->operations - begin->operations;
    double seconds = seconds_between(begin, end);
    double client_ns = (double)(end->client_cpu_ns - begin->client_cpu_ns);
    fprintf(out, "workload %s: %lu operations in %.2f s: %.0f/s\n", workload_name(settings),
            (unsigned long)operations, seconds, (double)operations / seconds);
    fprintf(out, "%lu misses, %lu errors, %lu unfinished%s%s\n",
            (unsigned long)(end->misses - begin->misses),
            (unsigned long)(end->errors - begin->errors), (unsigned long)result->unfinished,
            result->first_error[0] ? "; first error: " : "", result->first_error);
    report_latency_head(out);
    for (unsigned class = 0; class < CLASS_COUNT; class ++)
        report_latency(out, class_name((enum op_class) class), &result->histograms[class]);
    report_latency(out, "all", &result->all);
    report_servers(out, settings, result);
    fprintf(out, "load generator: %.0f %% of a CPU, %.3f us per operation\n",
            client_ns / NS_PER_S / seconds * 100, us_of_ns(ratio(client_ns, operations)));
}

// ---- JSON ----

json_t *report_latency_json(const struct histogram *histogram)
{
    json_t *latency = json_pack("{s:I, s:f}", "count", (json_int_t)histogram->count, "mean",
                                us_of_ns(histogram_mean(histogram)));
    for (unsigned i = 0; i < PERCENTILE_COUNT; i++) {
        double ns = (double)histogram_percentile(histogram, percentiles[i].percent);
        json_object_set_new(latency, percentiles[i].name, json_real(us_of_ns(ns)));
    }
    return latency;
}

static json_t *servers_json(const struct settings *settings, const struct load_result *result)
{
    json_t *servers = json_array();
    for (uint32_t i = 0; i < settings->server_count; i++) {
        uint64_t cpu_ns = result->end.servers[i].cpu_ns - result->begin.servers[i].cpu_ns;
        json_array_append_new(
            servers,
            json_pack("{s:i, s:f, s:I, s:I, s:I}", "pid", (int)settings->servers[i], "cpu_seconds",
                      (double)cpu_ns / NS_PER_S, "resident_bytes_before",
                      (json_int_t)result->before.servers[i].resident_bytes, "resident_bytes_loaded",
                      (json_int_t)result->loaded.servers[i].resident_bytes, "resident_bytes_end",
                      (json_int_t)result->end.servers[i].resident_bytes));
    }
    return servers;
}

static json_t *settings_json(const struct settings *settings)
{
    char target[HOST_BYTES + 8];
    snprintf(target, sizeof target, "%s:%u", settings->host, settings->port);
    return json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:I}", "workload", workload_name(settings),
        "protocol", settings->protocol == PROTOCOL_RESP ? "resp" : "native", "target", target,
        "records", (json_int_t)settings->record_count, "value_bytes",
        (json_int_t)settings->value_bytes, "connections", (json_int_t)settings->connections,
        "threads", (json_int_t)settings->threads, "depth", (json_int_t)settings->depth, "rate",
        settings->rate, "seed", (json_int_t)settings->seed);
}

static json_t *latencies_json(const struct load_result *result)
{
    json_t *latencies = json_object();
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        if (result->histograms[class].count > 0)
            json_object_set_new(latencies, class_name((enum op_class) class),
                                report_latency_json(&result->histograms[class]));
    }
    json_object_set_new(latencies, "all", report_latency_json(&result->all));
    return latencies;
}

json_t *report_json(const struct settings *settings, const struct load_result *result)
{
    const struct load_sample *begin = &result->begin;
    const struct load_sample *end = &result->end;
    uint64_t operations = end->operations - begin->operations;
    double seconds = seconds_between(begin, end);
    double servers_ns = (double)servers_cpu_ns(settings, begin, end);
    double client_ns = (double)(end->client_cpu_ns - begin->client_cpu_ns);
    json_t *report = json_pack(
        "{s:o, s:f, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "settings", settings_json(settings),
        "load_seconds", seconds_between(&result->before, &result->loaded), "operations",
        (json_int_t)operations, "requests", (json_int_t)(end->requests - begin->requests), "misses",
        (json_int_t)(end->misses - begin->misses), "errors",
        (json_int_t)(end->errors - begin->errors), "unfinished", (json_int_t)result->unfinished,
        "seconds", seconds, "operations_per_second", seconds > 0 ? (double)operations / seconds : 0,
        "client_cpu_us_per_operation", us_of_ns(ratio(client_ns, operations)));
    json_object_set_new(report, "server_cpu_us_per_operation",
                        json_real(us_of_ns(ratio(servers_ns, operations))));
    json_object_set_new(report, "servers", servers_json(settings, result));
    json_object_set_new(report, "latency_us", latencies_json(result));
    return report;
}

bool report_write_json(const struct settings *settings, const json_t *report,
                       char reason[static REASON_BYTES])
{
    size_t flags = JSON_INDENT(2) | JSON_REAL_PRECISION(JSON_DIGITS);
    if (!settings->json)
        return true;
    if (strcmp(settings->json, "-") == 0) {
        if (json_dumpf(report, stdout, flags) == 0 && putchar('\n') != EOF && fflush(stdout) == 0)
            return true;
        return reason_set(reason, "standard output: %s", strerror(errno));
    }
    if (json_dump_file(report, settings->json, flags) == 0)
        return true;
    return reason_set(reason, "%s: %s", settings->json, strerror(errno));
}
