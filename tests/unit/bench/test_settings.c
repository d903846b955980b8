// SPDX-License-Identifier: Apache-2.0
#include "bench/settings.h"

#include <criterion/criterion.h>
#include <string.h>

enum { ARGUMENTS_MAX = 16 };

// Parses a command line of words with single spaces between.
static enum settings_verdict parse(const char *line, struct settings *settings, char *reason)
{
    static char words[1024]; // settings point into it
    char *argv[ARGUMENTS_MAX] = {words};
    int argc = 1;
    snprintf(words, sizeof words, "grid-bench %s", line);
    for (char *at = words; *at; at++) {
        if (*at != ' ')
            continue;
        *at = '\0';
        if (at[1])
            argv[argc++] = at + 1;
    }
    return settings_parse(argc, argv, settings, stdout, reason);
}

static struct settings parsed(const char *line)
{
    struct settings settings;
    char reason[REASON_BYTES] = "";
    cr_assert_eq(parse(line, &settings, reason), SETTINGS_RUN, "%s: %s", line, reason);
    return settings;
}

Test(settings, an_empty_command_line_is_ycsb_a_on_a_local_node)
{
    struct settings settings = parsed("");
    cr_assert_eq(settings.command, COMMAND_RUN);
    cr_assert_str_eq(settings.mix->name, "a");
    cr_assert_str_eq(settings.host, "127.0.0.1");
    cr_assert_eq(settings.port, 7400);
    cr_assert_eq(settings.keys, DISTRIBUTION_ZIPFIAN);
    cr_assert_eq(settings.payload, PAYLOAD_FIELDS);
    cr_assert_eq(settings.depth, 1);
    cr_assert(settings.load && settings.run);
}

Test(settings, options_take_their_argument_either_way)
{
    struct settings settings = parsed("run --records=20k --depth 16 --target localhost:6379 "
                                      "--protocol=resp --workload get");
    cr_assert_eq(settings.record_count, 20000);
    cr_assert_eq(settings.depth, 16);
    cr_assert_str_eq(settings.host, "localhost");
    cr_assert_eq(settings.port, 6379);
    cr_assert_eq(settings.protocol, PROTOCOL_RESP);
    cr_assert_str_eq(settings.mix->name, "get");
}

Test(settings, the_workload_decides_only_what_was_not_asked_for)
{
    struct settings settings = parsed("--workload get");
    cr_assert_eq(settings.keys, DISTRIBUTION_UNIFORM);
    cr_assert_eq(settings.payload, PAYLOAD_WHOLE);
    settings = parsed("--keys zipfian --record ycsb --workload get");
    cr_assert_eq(settings.keys, DISTRIBUTION_ZIPFIAN);
    cr_assert_eq(settings.payload, PAYLOAD_FIELDS);
    settings = parsed("--workload a --value-bytes 512");
    cr_assert_eq(settings.payload, PAYLOAD_WHOLE);
    cr_assert_eq(settings.value_bytes, 512);
    settings = parsed("--workload a --rate 1.5k");
    cr_assert_float_eq(settings.rate, 1500, 1e-9);
    cr_assert_eq(settings.depth, 128);
}

Test(settings, cq_updates_quotes_in_an_open_loop)
{
    struct settings settings = parsed("cq --queries 1M --match-rate 0.01 --subscribers 4");
    cr_assert_eq(settings.command, COMMAND_CQ);
    cr_assert_eq(settings.payload, PAYLOAD_QUOTE);
    cr_assert_eq(settings.query_count, 1000000);
    cr_assert_eq(settings.subscribers, 4);
    cr_assert_float_eq(settings.match_rate, 0.01, 1e-12);
    cr_assert_float_eq(settings.rate, 10000, 1e-9);
    cr_assert_float_eq(settings.seconds, 10, 1e-9);
}

Test(settings, a_sweep_goes_through_lists)
{
    struct settings settings = parsed("cq --sweep");
    cr_assert_eq(settings.query_counts.count, 5);
    cr_assert_float_eq(settings.query_counts.values[4], 1e6, 0);
    cr_assert_eq(settings.match_rates.count, 3);
    cr_assert_eq(settings.subscriber_counts.count, 2);
    settings = parsed("cq --sweep --queries 0,20k --match-rate=0.5 --seconds 2");
    cr_assert_eq(settings.query_counts.count, 2);
    cr_assert_float_eq(settings.query_counts.values[1], 20000, 0);
    cr_assert_eq(settings.match_rates.count, 1);
    cr_assert_float_eq(settings.match_rates.values[0], 0.5, 0);
    cr_assert_float_eq(settings.seconds, 2, 0);
}

Test(settings, nexmark_loads_nothing_beforehand)
{
    struct settings settings = parsed("nexmark --query q2 --rate 20k");
    cr_assert_eq(settings.command, COMMAND_NEXMARK);
    cr_assert_eq(settings.query, NEXMARK_Q2);
    cr_assert_eq(settings.payload, PAYLOAD_NEXMARK);
    cr_assert_not(settings.load);
    cr_assert_eq(settings.record_count, 1000000);
}

Test(settings, lists_of_cpus_and_processes_are_read)
{
    struct settings settings = parsed("--pin 1,3-5 --server-pid 17,18");
    cr_assert(settings.pinned);
    cr_assert_eq(CPU_COUNT(&settings.cpus), 4);
    cr_assert(CPU_ISSET(1, &settings.cpus) && CPU_ISSET(3, &settings.cpus));
    cr_assert_eq(settings.server_count, 2);
    cr_assert_eq(settings.servers[1], 18);
}

Test(settings, what_is_wrong_is_named)
{
    static const struct {
        const char *line;
        const char *reason; // a part of it
    } rows[] = {
        {"--records 0", "--records: 0 is not within 1 and"},
        {"--records many", "--records: 'many' is not a whole number"},
        {"--records -5", "--records: '-5' is not a whole number"},
        {"--records 99999999999999999999", "--records: "},
        {"--seconds soon", "--seconds: 'soon' is not a number"},
        {"--seconds k", "--seconds: 'k' is not a number"},
        {"--seconds nan", "--seconds: 'nan' is not a number"},
        {"--seconds", "--seconds needs S"},
        {"--workload z", "--workload: 'z' is not a|b|c"},
        {"--keys random", "--keys: 'random' is not one of zipfian|uniform|latest"},
        {"--target nowhere", "--target: 'nowhere' is not HOST:PORT"},
        {"--target :80", "--target"},
        {"--target host:0", "--target"},
        {"--target host:65536", "--target"},
        {"--pin 3-1", "--pin"},
        {"--pin 1,", "--pin"},
        {"--pin 0-9999999", "--pin"},
        {"--server-pid 0", "--server-pid"},
        {"--no-load=1", "--no-load takes no argument"},
        {"--no-such 1", "--no-such: there is no such option"},
        {"--queries 5", "--queries: there is no such option"},
        {"cq --workload a", "--workload: there is no such option"},
        {"cq --match-rate 2", "--match-rate: 2 is not within 0 and 1"},
        {"cq --queries 1,2", "are for --sweep"},
        {"cq --queries 0", "are for --sweep"},
        {"cq --sweep --queries 1,,2", "--queries: '1,,2' is not a list of numbers"},
        {"cq --sweep --queries 1,2,", "--queries: '1,2,' is not a list of numbers"},
        {"cq --sweep --queries 1.5", "whole numbers are wanted"},
        {"cq --sweep --subscribers 1,0", "--subscribers: 1,0 is not within 1 and 1000"},
        {"cq --sweep --queries 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "more than 16 values"},
        {"nexmark --query q5", "--query: 'q5' is not one of q1|q2|q3"},
        {"nexmark --map m", "--map: there is no such option"},
        {"walk", "'walk' is not a command"},
        {"run fast", "'fast' is not an option"},
        {"--threads 4 --connections 2", "--connections: each of the 4 threads needs one"},
        {"--workload e --protocol resp", "RESP has no scan"},
        {"--no-load --load-only", "leave nothing to do"},
        {"--rate 10 --refill batch", "--refill batch is for the closed loop"},
        {"--map=", "--map: a name has 1 to 255 bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct settings settings;
        char reason[REASON_BYTES] = "";
        cr_assert_eq(parse(rows[i].line, &settings, reason), SETTINGS_WRONG, "%s", rows[i].line);
        cr_assert_not_null(strstr(reason, rows[i].reason), "%s: %s", rows[i].line, reason);
    }
}

Test(settings, help_names_every_option)
{
    static const char *const names[] = {
        "workload",      "target",      "protocol",   "map",     "records", "record",
        "value-bytes",   "keys",        "seconds",    "warm-up", "no-load", "operations",
        "connections",   "load-only",   "threads",    "depth",   "refill",  "rate",
        "schedule",      "queries",     "match-rate", "sweep",   "rounds",  "round-seconds",
        "point-seconds", "query",       "server-pid", "pin",     "json",    "quiet",
        "seed",          "subscribers", "help",
    };
    char *argv[] = {(char[]){"grid-bench"}, (char[]){"--help"}, NULL};
    char *help = NULL;
    size_t help_bytes;
    struct settings settings;
    char reason[REASON_BYTES];
    FILE *out = open_memstream(&help, &help_bytes);
    cr_assert_eq(settings_parse(2, argv, &settings, out, reason), SETTINGS_SHOWN);
    fclose(out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "  --%s", names[i]);
        cr_assert_not_null(strstr(help, wanted), "%s", names[i]);
    }
    free(help);
}
