// SPDX-License-Identifier: Apache-2.0
#include "bench/settings.h"

#include "bench/argument.h"
#include "cluster/model/limits.h"

#include <stddef.h>
#include <string.h>

enum { RUN = COMMAND_RUN, CQ = COMMAND_CQ, BOTH = COMMAND_RUN | COMMAND_CQ };

static const struct argument_choice protocols[] = {
    {"native", PROTOCOL_NATIVE}, {"resp", PROTOCOL_RESP}, {NULL, 0}};
static const struct argument_choice distributions[] = {{"zipfian", DISTRIBUTION_ZIPFIAN},
                                                       {"uniform", DISTRIBUTION_UNIFORM},
                                                       {"latest", DISTRIBUTION_LATEST},
                                                       {NULL, 0}};
static const struct argument_choice records[] = {
    {"ycsb", PAYLOAD_FIELDS}, {"small", PAYLOAD_WHOLE}, {NULL, 0}};
static const struct argument_choice refills[] = {
    {"slide", REFILL_SLIDE}, {"batch", REFILL_BATCH}, {NULL, 0}};
static const struct argument_choice schedules[] = {
    {"poisson", SCHEDULE_POISSON}, {"fixed", SCHEDULE_FIXED}, {NULL, 0}};

#define FIELD(member) offsetof(struct settings, member)

// The one way back from the table's untyped settings.
static struct settings *settings_of(void *settings)
{
    return settings;
}

static bool workload_apply(void *settings, const char *text)
{
    const struct mix *mix = mix_find(text);
    settings_of(settings)->mix = mix;
    return mix != NULL;
}

static bool target_apply(void *untyped, const char *text)
{
    struct settings *settings = settings_of(untyped);
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (!colon || colon == text || (size_t)(colon - text) >= sizeof settings->host ||
        !argument_number_parse(colon + 1, &port) || port < 1 || port > UINT16_MAX)
        return false;
    memcpy(settings->host, text, (size_t)(colon - text));
    settings->host[colon - text] = '\0';
    settings->port = (uint16_t)port;
    return true;
}

static bool server_pid_apply(void *untyped, const char *text)
{
    struct settings *settings = settings_of(untyped);
    uint64_t pids[SERVERS_MAX];
    uint32_t count = argument_list_parse(text, pids, SERVERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (pids[i] < 1 || pids[i] > INT32_MAX)
            return false;
        settings->servers[i] = (pid_t)pids[i];
    }
    settings->server_count = count;
    return count > 0;
}

static bool pin_apply(void *untyped, const char *text)
{
    struct settings *settings = settings_of(untyped);
    uint64_t cpus[THREADS_MAX];
    uint32_t count = argument_list_parse(text, cpus, THREADS_MAX);
    CPU_ZERO(&settings->cpus);
    for (uint32_t i = 0; i < count; i++) {
        if (cpus[i] >= CPU_SETSIZE)
            return false;
        CPU_SET(cpus[i], &settings->cpus);
    }
    settings->pinned = count > 0;
    return settings->pinned;
}

// In the order of the help.
static const struct argument_row rows[] = {
    {.name = "workload",
     .commands = RUN,
     .argument = "a|b|c|d|e|f|get|put|mixed",
     .help = "YCSB A to F; all reads; all writes; half of each (default a)",
     .kind = ARGUMENT_OTHER,
     .apply = workload_apply},
    {.name = "target",
     .commands = BOTH,
     .argument = "HOST:PORT",
     .help = "any node of the grid, or the RESP server (default 127.0.0.1:7400)",
     .kind = ARGUMENT_OTHER,
     .apply = target_apply},
    {.name = "protocol",
     .commands = RUN,
     .argument = "native|resp",
     .help = "what to speak (default native)",
     .kind = ARGUMENT_CHOICE,
     .choices = protocols,
     .offset = FIELD(protocol)},
    {.name = "map",
     .commands = BOTH,
     .argument = "NAME",
     .help = "map that holds the records, native only (default bench)",
     .kind = ARGUMENT_TEXT,
     .offset = FIELD(map)},
    {.name = "records",
     .commands = BOTH,
     .argument = "N",
     .help = "records to load and use; k, M are thousands, millions (default 100k)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(record_count),
     .minimum = 1,
     .maximum = 1000000000},
    {.name = "record",
     .commands = RUN,
     .argument = "ycsb|small",
     .help = "10 fields of 100 bytes, or one value of --value-bytes (default: ycsb for a to f)",
     .kind = ARGUMENT_CHOICE,
     .choices = records,
     .offset = FIELD(payload)},
    {.name = "value-bytes",
     .commands = BOTH,
     .argument = "N",
     .help = "size of a value, implies --record small (default 100)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(value_bytes),
     .minimum = 1,
     .maximum = VALUE_BYTES_MAX - 64}, // what MessagePack puts around it
    {.name = "keys",
     .commands = RUN,
     .argument = "zipfian|uniform|latest",
     .help = "which records are used (default: the workload's; get, put, mixed: uniform)",
     .kind = ARGUMENT_CHOICE,
     .choices = distributions,
     .offset = FIELD(keys)},
    {.name = "operations",
     .commands = RUN,
     .argument = "N",
     .help = "run until N operations are done (default: for --seconds)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(operation_count),
     .minimum = 1,
     .maximum = 1e15},
    {.name = "seconds",
     .commands = BOTH,
     .argument = "S",
     .help = "run for S seconds (default 10)",
     .kind = ARGUMENT_REAL,
     .offset = FIELD(seconds),
     .minimum = 0.1,
     .maximum = 1e6},
    {.name = "warm-up",
     .commands = BOTH,
     .argument = "S",
     .help = "seconds of the same load before anything is counted (default 1)",
     .kind = ARGUMENT_REAL,
     .offset = FIELD(warm_up_s),
     .minimum = 0,
     .maximum = 1e6},
    {.name = "no-load",
     .commands = BOTH,
     .help = "the records are there already",
     .kind = ARGUMENT_OFF,
     .offset = FIELD(load)},
    {.name = "load-only",
     .commands = RUN,
     .help = "load the records and stop",
     .kind = ARGUMENT_OFF,
     .offset = FIELD(run)},
    {.name = "connections",
     .commands = BOTH,
     .argument = "N",
     .help = "connections of all threads together (default 16)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(connections),
     .minimum = 1,
     .maximum = CONNECTIONS_MAX},
    {.name = "threads",
     .commands = BOTH,
     .argument = "N",
     .help = "threads that make load (default 1)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(threads),
     .minimum = 1,
     .maximum = THREADS_MAX},
    {.name = "depth",
     .commands = BOTH,
     .argument = "N",
     .help = "requests under way per connection at most (default 1; with --rate 128)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(depth),
     .minimum = 1,
     .maximum = DEPTH_MAX},
    {.name = "refill",
     .commands = RUN,
     .argument = "slide|batch",
     .help = "closed loop: a request for each reply, or --depth after all replies (default slide)",
     .kind = ARGUMENT_CHOICE,
     .choices = refills,
     .offset = FIELD(refill)},
    {.name = "rate",
     .commands = BOTH,
     .argument = "R",
     .help = "open loop: R operations per second, latency from the intended time (cq: 10000)",
     .kind = ARGUMENT_REAL,
     .offset = FIELD(rate),
     .minimum = 1,
     .maximum = 1e8},
    {.name = "schedule",
     .commands = BOTH,
     .argument = "poisson|fixed",
     .help = "intended times of the open loop (default poisson)",
     .kind = ARGUMENT_CHOICE,
     .choices = schedules,
     .offset = FIELD(schedule)},
    {.name = "queries",
     .commands = CQ,
     .argument = "N",
     .help = "standing queries, WHERE tag = ... (default 1)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(query_count),
     .minimum = 1,
     .maximum = 10000000},
    {.name = "match-rate",
     .commands = CQ,
     .argument = "F",
     .help = "share of the updates that match one of the queries (default 1)",
     .kind = ARGUMENT_REAL,
     .offset = FIELD(match_rate),
     .minimum = 0,
     .maximum = 1},
    {.name = "subscribers",
     .commands = CQ,
     .argument = "N",
     .help = "clients that the queries are spread over (default 1)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(subscribers),
     .minimum = 1,
     .maximum = 1000},
    {.name = "seed",
     .commands = BOTH,
     .argument = "N",
     .help = "of all random choices (default 1)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(seed),
     .maximum = 1e18},
    {.name = "server-pid",
     .commands = BOTH,
     .argument = "PID[,PID ...]",
     .help = "report CPU and memory of these processes of this machine",
     .kind = ARGUMENT_OTHER,
     .apply = server_pid_apply},
    {.name = "pin",
     .commands = BOTH,
     .argument = "CPUS",
     .help = "run on these CPUs only, as in 1 or 0,2-3",
     .kind = ARGUMENT_OTHER,
     .apply = pin_apply},
    {.name = "json",
     .commands = BOTH,
     .argument = "FILE",
     .help = "write the results as JSON; - is standard output instead of the text",
     .kind = ARGUMENT_TEXT,
     .offset = FIELD(json)},
    {.name = "quiet",
     .commands = BOTH,
     .help = "no progress line",
     .kind = ARGUMENT_ON,
     .offset = FIELD(quiet)},
    {.name = NULL},
};

static void help_print(FILE *out)
{
    fputs("usage: grid-bench [run] [options]   a load of reads and writes\n"
          "       grid-bench cq [options]      standing queries: matching and delivery\n\n"
          "Options of both:\n",
          out);
    arguments_print(rows, BOTH, out);
    fputs("\nOptions of run:\n", out);
    arguments_print(rows, RUN, out);
    fputs("\nOptions of cq:\n", out);
    arguments_print(rows, CQ, out);
    fputs("\n  --help, --version\n\nExit status: 0 done, 1 the run failed, 2 wrong options.\n",
          out);
}

static void defaults_set(struct settings *settings)
{
    *settings = (struct settings){
        .command = COMMAND_RUN,
        .host = "127.0.0.1",
        .port = 7400,
        .map = "bench",
        .mix = mix_find("a"),
        .record_count = 100000,
        .seconds = 10,
        .warm_up_s = 1,
        .load = true,
        .run = true,
        .connections = 16,
        .threads = 1,
        .seed = 1,
        .query_count = 1,
        .match_rate = 1,
        .subscribers = 1,
    };
}

// What was not asked for follows from the command and the workload.
static void settings_complete(struct settings *settings)
{
    if (settings->command == COMMAND_CQ) {
        settings->mix = mix_find("put");
        settings->payload = PAYLOAD_TAGGED;
        if (settings->rate <= 0)
            settings->rate = 10000;
    }
    if (settings->keys == DISTRIBUTION_OF_WORKLOAD)
        settings->keys = settings->mix->keys;
    if (settings->payload == PAYLOAD_OF_WORKLOAD)
        settings->payload = settings->mix->whole_value || settings->value_bytes > 0
                                ? PAYLOAD_WHOLE
                                : PAYLOAD_FIELDS;
    if (settings->value_bytes == 0)
        settings->value_bytes = 100;
    if (settings->depth == 0)
        settings->depth = settings->rate > 0 ? 128 : 1;
}

// What no single option can know.
static bool settings_agree(const struct settings *settings, char reason[static REASON_BYTES])
{
    size_t map_bytes = strlen(settings->map);
    if (map_bytes < 1 || map_bytes > MAP_NAME_BYTES_MAX)
        return reason_set(reason, "--map: a name has 1 to %d bytes", MAP_NAME_BYTES_MAX);
    if (settings->connections < settings->threads)
        return reason_set(reason, "--connections: each of the %d threads needs one",
                          (int)settings->threads);
    if (settings->protocol == PROTOCOL_RESP && settings->mix->percent[CLASS_SCAN] > 0)
        return reason_set(reason,
                          "--workload %s: RESP has no scan over a range of keys; "
                          "use --protocol native",
                          settings->mix->name);
    if (!settings->load && !settings->run)
        return reason_set(reason, "--no-load and --load-only leave nothing to do");
    if (settings->rate > 0 && settings->refill == REFILL_BATCH)
        return reason_set(reason, "--refill batch is for the closed loop, without --rate");
    return true;
}

static bool asks_for(int argc, char **argv, const char *option)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], option) == 0)
            return true;
    }
    return false;
}

enum settings_verdict settings_parse(int argc, char **argv, struct settings *settings, FILE *out,
                                     char reason[static REASON_BYTES])
{
    if (asks_for(argc, argv, "--help")) {
        help_print(out);
        return SETTINGS_SHOWN;
    }
    if (asks_for(argc, argv, "--version")) {
        fputs("grid-bench " GRID_VERSION "\n", out);
        return SETTINGS_SHOWN;
    }
    defaults_set(settings);
    int first = 1;
    if (argc > 1 && strncmp(argv[1], "--", 2) != 0) {
        first = 2;
        if (strcmp(argv[1], "cq") == 0)
            settings->command = COMMAND_CQ;
        else if (strcmp(argv[1], "run") != 0) {
            reason_set(reason, "'%s' is not a command: run or cq", argv[1]);
            return SETTINGS_WRONG;
        }
    }
    if (!arguments_apply(rows, settings->command, argc - first, argv + first, settings, reason))
        return SETTINGS_WRONG;
    settings_complete(settings);
    return settings_agree(settings, reason) ? SETTINGS_RUN : SETTINGS_WRONG;
}
