// SPDX-License-Identifier: Apache-2.0
// grid-bench: load on a grid or a RESP server, and what it costs.
#include "bench/cq.h"
#include "bench/report.h"
#include "bench/sweep.h"

#include <errno.h>
#include <string.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

static bool servers_are_there(const struct settings *settings, char reason[static REASON_BYTES])
{
    for (uint32_t i = 0; i < settings->server_count; i++) {
        struct server_usage usage;
        if (!server_usage_read(settings->servers[i], &usage))
            return reason_set(reason, "--server-pid: cannot read /proc of process %d",
                              (int)settings->servers[i]);
    }
    return true;
}

static bool results_show(const struct settings *settings, const struct load_result *result,
                         char reason[static REASON_BYTES])
{
    bool text = !settings->json || strcmp(settings->json, "-") != 0;
    if (text) {
        report_load(stdout, settings, result);
        if (settings->run)
            report_run(stdout, settings, result);
    }
    json_t *report = report_json(settings, result);
    bool written = report_write_json(settings, report, reason);
    json_decref(report);
    uint64_t errors = result->end.errors - result->begin.errors;
    if (written && errors > 0)
        return reason_set(reason, "%lu operations were refused: %s", (unsigned long)errors,
                          result->first_error);
    return written;
}

static bool run(const struct settings *settings, char reason[static REASON_BYTES])
{
    struct load load;
    struct load_result result;
    load_result_init(&result);
    bool well = load_init(&load, settings, NULL, reason) && load_records(&load, &result, reason) &&
                (!settings->run || load_measure(&load, &result, reason)) &&
                results_show(settings, &result, reason);
    load_deinit(&load);
    load_result_deinit(&result);
    return well;
}

static bool command_run(const struct settings *settings, char reason[static REASON_BYTES])
{
    switch (settings->command) {
    case COMMAND_RUN:
        return run(settings, reason);
    case COMMAND_CQ:
        return settings->sweep ? sweep_run(settings, reason) : cq_run(settings, reason);
    case COMMAND_NEXMARK:
        return cq_run(settings, reason);
    default:
        CHECK(false);
    }
}

int main(int argc, char **argv)
{
    struct settings settings;
    char reason[REASON_BYTES];
    switch (settings_parse(argc, argv, &settings, stdout, reason)) {
    case SETTINGS_SHOWN:
        return 0;
    case SETTINGS_WRONG:
        fprintf(stderr, "grid-bench: %s\nTry grid-bench --help.\n", reason);
        return EXIT_USAGE;
    case SETTINGS_RUN:
        break;
    }
    bool well = servers_are_there(&settings, reason);
    if (well && settings.pinned && sched_setaffinity(0, sizeof settings.cpus, &settings.cpus) != 0)
        well = reason_set(reason, "--pin: %s", strerror(errno));
    if (well)
        well = command_run(&settings, reason);
    if (well)
        return 0;
    fprintf(stderr, "grid-bench: %s\n", reason);
    return EXIT_FAILED;
}
