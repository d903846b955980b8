// SPDX-License-Identifier: Apache-2.0
// What the command line asks for.
#pragma once

#include "bench/argument.h"
#include "bench/mix.h"
#include "bench/nexmark.h"
#include "bench/payload.h"

#include <sched.h>
#include <stdio.h>
#include <sys/types.h>

enum {
    SERVERS_MAX = 16,
    THREADS_MAX = 64,
    CONNECTIONS_MAX = 10000,
    DEPTH_MAX = 4096,
    HOST_BYTES = 256,
};

// Bits: an option names those it belongs to.
enum command { COMMAND_RUN = 1, COMMAND_CQ = 2, COMMAND_NEXMARK = 4 };

enum protocol { PROTOCOL_NATIVE, PROTOCOL_RESP };

enum refill {
    REFILL_SLIDE, // a new request for each reply
    REFILL_BATCH, // --depth new requests once all replies have come, as redis-benchmark does
};

enum schedule { SCHEDULE_POISSON, SCHEDULE_FIXED };

struct settings {
    enum command command;
    enum protocol protocol;
    char host[HOST_BYTES];
    uint16_t port;
    const char *map; // borrowed from argv, like all texts here
    const struct mix *mix;
    enum distribution keys;
    enum payload_kind payload;
    uint64_t value_bytes; // of a whole value, or of the data of a quote
    uint64_t record_count;
    uint64_t operation_count; // 0: for `seconds`
    double seconds;
    double warm_up_s;
    bool load;
    bool run;
    uint64_t connections;
    uint64_t threads;
    uint64_t depth;
    enum refill refill;
    double rate; // operations per second; 0: closed loop
    enum schedule schedule;
    uint64_t seed;
    const char *json; // file name, "-": standard output; NULL: none
    bool quiet;
    bool pinned;
    cpu_set_t cpus;
    pid_t servers[SERVERS_MAX];
    uint32_t server_count;
    // cq; without --sweep each list has one value, and that is the point to measure
    bool sweep;
    struct argument_list query_counts;
    struct argument_list match_rates;
    struct argument_list subscriber_counts;
    uint64_t query_count; // of the point, as the next two
    double match_rate;
    uint64_t subscribers;
    uint64_t rounds; // sweep: interleaved pairs of measurements of throughput
    double round_s;  // sweep: how long each of a pair takes
    double point_s;  // sweep: a point that takes longer is cut
    // nexmark
    enum nexmark_query query;
};

enum settings_verdict {
    SETTINGS_RUN,
    SETTINGS_SHOWN, // --help or --version was answered on `out`
    SETTINGS_WRONG, // `reason` says what
};

// Reads argv[1] ... argv[argc - 1].
enum settings_verdict settings_parse(int argc, char **argv, struct settings *settings, FILE *out,
                                     char reason[static REASON_BYTES]);
