// SPDX-License-Identifier: Apache-2.0
#include "bench/settings.h"

#include "bench/argument.h"
#include "cluster/model/limits.h"

#include <stddef.h>
#include <string.h>

enum {
    RUN = COMMAND_RUN,
    CQ = COMMAND_CQ,
    NEXMARK = COMMAND_NEXMARK,
    BOTH = RUN | CQ,
    ALL = RUN | CQ | NEXMARK,
};

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

static const struct argument_choice nexmark_queries[] = {
    {"q1", NEXMARK_Q1}, {"q2", NEXMARK_Q2}, {"q3", NEXMARK_Q3}, {NULL, 0}};

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
     .commands = ALL,
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
     .commands = ALL,
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
     .commands = ALL,
     .argument = "S",
     .help = "run for S seconds (default 10; sweep: the open loop of each point, 3)",
     .kind = ARGUMENT_REAL,
     .offset = FIELD(seconds),
     .minimum = 0.1,
     .maximum = 1e6},
    {.name = "warm-up",
     .commands = ALL,
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
     .commands = ALL,
     .argument = "N",
     .help = "connections of all threads together (default 16)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(connections),
     .minimum = 1,
     .maximum = CONNECTIONS_MAX},
    {.name = "threads",
     .commands = ALL,
     .argument = "N",
     .help = "threads that make load (default 1)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(threads),
     .minimum = 1,
     .maximum = THREADS_MAX},
    {.name = "depth",
     .commands = ALL,
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
     .commands = ALL,
     .argument = "R",
     .help = "open loop: R operations per second, latency from the intended time (cq: 10000)",
     .kind = ARGUMENT_REAL,
     .offset = FIELD(rate),
     .minimum = 1,
     .maximum = 1e8},
    {.name = "schedule",
     .commands = ALL,
     .argument = "poisson|fixed",
     .help = "intended times of the open loop (default poisson)",
     .kind = ARGUMENT_CHOICE,
     .choices = schedules,
     .offset = FIELD(schedule)},
    {.name = "sweep",
     .commands = CQ,
     .help = "measure every combination of the lists below",
     .kind = ARGUMENT_ON,
     .offset = FIELD(sweep)},
    {.name = "queries",
     .commands = CQ,
     .argument = "N[,N ...]",
     .help = "standing queries (default 1; sweep: 0,1k,10k,100k,1M)",
     .kind = ARGUMENT_NUMBERS,
     .offset = FIELD(query_counts),
     .minimum = 0,
     .maximum = 10000000},
    {.name = "match-rate",
     .commands = CQ,
     .argument = "F[,F ...]",
     .help = "share of the queries that each update matches (default 1; sweep: 0,1e-5,0.01)",
     .kind = ARGUMENT_REALS,
     .offset = FIELD(match_rates),
     .minimum = 0,
     .maximum = 1},
    {.name = "subscribers",
     .commands = CQ,
     .argument = "N[,N ...]",
     .help = "clients that the queries are spread over (default 1; sweep: 1,100)",
     .kind = ARGUMENT_NUMBERS,
     .offset = FIELD(subscriber_counts),
     .minimum = 1,
     .maximum = 1000},
    {.name = "rounds",
     .commands = CQ,
     .argument = "N",
     .help = "sweep: pairs of measurements of throughput, with and without queries (default 5)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(rounds),
     .minimum = 1,
     .maximum = 100},
    {.name = "round-seconds",
     .commands = CQ,
     .argument = "S",
     .help = "sweep: how long each of a pair takes (default 1)",
     .kind = ARGUMENT_REAL,
     .offset = FIELD(round_s),
     .minimum = 0.1,
     .maximum = 3600},
    {.name = "point-seconds",
     .commands = CQ,
     .argument = "S",
     .help = "sweep: a point that takes longer is cut (default 120)",
     .kind = ARGUMENT_REAL,
     .offset = FIELD(point_s),
     .minimum = 1,
     .maximum = 86400},
    {.name = "query",
     .commands = NEXMARK,
     .argument = "q1|q2|q3",
     .help = "currency of bids; bids on some auctions; the filters of Q3 (default q1)",
     .kind = ARGUMENT_CHOICE,
     .choices = nexmark_queries,
     .offset = FIELD(query)},
    {.name = "seed",
     .commands = ALL,
     .argument = "N",
     .help = "of all random choices (default 1)",
     .kind = ARGUMENT_NUMBER,
     .offset = FIELD(seed),
     .maximum = 1e18},
    {.name = "server-pid",
     .commands = ALL,
     .argument = "PID[,PID ...]",
     .help = "report CPU and memory of these processes of this machine",
     .kind = ARGUMENT_OTHER,
     .apply = server_pid_apply},
    {.name = "pin",
     .commands = ALL,
     .argument = "CPUS",
     .help = "run on these CPUs only, as in 1 or 0,2-3",
     .kind = ARGUMENT_OTHER,
     .apply = pin_apply},
    {.name = "json",
     .commands = ALL,
     .argument = "FILE",
     .help = "write the results as JSON; - is standard output instead of the text",
     .kind = ARGUMENT_TEXT,
     .offset = FIELD(json)},
    {.name = "quiet",
     .commands = ALL,
     .help = "no progress line",
     .kind = ARGUMENT_ON,
     .offset = FIELD(quiet)},
    {.name = NULL},
};

static void help_print(FILE *out)
{
    static const struct {
        unsigned commands;
        const char *title;
    } groups[] = {
        {ALL, "all"}, {BOTH, "run and cq"}, {RUN, "run"}, {CQ, "cq"}, {NEXMARK, "nexmark"}};
    fputs("usage: grid-bench [run] [options]     a load of reads and writes\n"
          "       grid-bench cq [options]        standing queries: matching and delivery\n"
          "       grid-bench nexmark [options]   a query of NEXMark on its stream of events\n",
          out);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        fprintf(out, "\nOptions of %s:\n", groups[i].title);
        arguments_print(rows, groups[i].commands, out);
    }
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
        .warm_up_s = 1,
        .load = true,
        .run = true,
        .connections = 16,
        .threads = 1,
        .seed = 1,
        .rounds = 5,
        .round_s = 1,
        .point_s = 120,
        .query = NEXMARK_Q1,
    };
}

static void list_complete(struct argument_list *list, bool sweep, const struct argument_list *all)
{
    if (list->count == 0 && sweep)
        *list = *all;
    else if (list->count == 0)
        *list = (struct argument_list){.count = 1, .values = {1}};
}

static void cq_complete(struct settings *settings)
{
    static const struct argument_list queries = {5, {0, 1e3, 1e4, 1e5, 1e6}};
    static const struct argument_list rates = {3, {0, 1e-5, 0.01}};
    static const struct argument_list subscribers = {2, {1, 100}};
    list_complete(&settings->query_counts, settings->sweep, &queries);
    list_complete(&settings->match_rates, settings->sweep, &rates);
    list_complete(&settings->subscriber_counts, settings->sweep, &subscribers);
    settings->query_count = (uint64_t)settings->query_counts.values[0];
    settings->match_rate = settings->match_rates.values[0];
    settings->subscribers = (uint64_t)settings->subscriber_counts.values[0];
    settings->payload = PAYLOAD_QUOTE;
    if (settings->rate <= 0)
        settings->rate = 10000;
}

static void nexmark_complete(struct settings *settings)
{
    settings->payload = PAYLOAD_NEXMARK;
    settings->load = false;
    settings->subscribers = 1;
    if (settings->record_count == 0)
        settings->record_count = 1000000;
}

// What was not asked for follows from the command and the workload.
static void settings_complete(struct settings *settings)
{
    if (settings->command != COMMAND_RUN)
        settings->mix = mix_find("put");
    if (settings->command == COMMAND_CQ)
        cq_complete(settings);
    if (settings->command == COMMAND_NEXMARK)
        nexmark_complete(settings);
    if (settings->record_count == 0)
        settings->record_count = 100000;
    if (settings->seconds <= 0)
        settings->seconds = settings->sweep ? 3 : 10;
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

static bool is_single(const struct settings *settings)
{
    return settings->query_counts.count == 1 && settings->match_rates.count == 1 &&
           settings->subscriber_counts.count == 1;
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
    if (settings->command == COMMAND_CQ && !settings->sweep &&
        (!is_single(settings) || settings->query_count == 0))
        return reason_set(reason, "--queries, --match-rate, --subscribers: lists, and 0 queries, "
                                  "are for --sweep");
    return true;
}

static bool command_find(const char *name, enum command *command)
{
    static const struct argument_choice commands[] = {
        {"run", COMMAND_RUN}, {"cq", COMMAND_CQ}, {"nexmark", COMMAND_NEXMARK}, {NULL, 0}};
    for (const struct argument_choice *choice = commands; choice->name; choice++) {
        if (strcmp(choice->name, name) == 0) {
            *command = (enum command)choice->value;
            return true;
        }
    }
    return false;
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
        if (!command_find(argv[1], &settings->command)) {
            reason_set(reason, "'%s' is not a command: run, cq or nexmark", argv[1]);
            return SETTINGS_WRONG;
        }
    }
    if (!arguments_apply(rows, settings->command, argc - first, argv + first, settings, reason))
        return SETTINGS_WRONG;
    settings_complete(settings);
    return settings_agree(settings, reason) ? SETTINGS_RUN : SETTINGS_WRONG;
}
