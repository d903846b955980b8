// SPDX-License-Identifier: Apache-2.0
// The configuration of a node: defaults, then a file like grid.conf, then the command line.
#pragma once

#include "cluster/base/check.h"
#include "cluster/model/view.h"
#include "node/log.h"
#include "node/seeds.h"

#include <stdint.h>
#include <stdio.h>

enum {
    CONFIG_TEXT_BYTES_MAX = 255, // of addresses and paths
};

// What each option means stands with its name in node/option.c and in grid.conf.
struct config {
    char node_name[NODE_NAME_BYTES_MAX + 1];
    char grid_name[NODE_NAME_BYTES_MAX + 1];
    char bind[CONFIG_TEXT_BYTES_MAX + 1];
    char advertise[CONFIG_TEXT_BYTES_MAX + 1];
    char log_file[CONFIG_TEXT_BYTES_MAX + 1]; // empty: standard error
    enum log_level log_level;
    uint16_t port;    // to listen on; 0: any free one
    uint32_t workers; // 1 to WORKERS_MAX: 0 was replaced by the number of cores
    uint32_t partitions;
    uint32_t backups;
    uint32_t max_connections;
    uint32_t replication_timeout_ms;
    uint64_t connection_output_max_bytes;
    uint64_t subscribers_output_max_bytes;
    uint32_t always_evaluated_max;
    uint64_t max_memory_bytes; // never 0: that was replaced by a share of the machine's memory
    uint64_t log_max_bytes;
    uint64_t max_value_bytes;
    char zone[NODE_NAME_BYTES_MAX + 1]; // "": none
    char secret[SECRET_BYTES_MAX + 1];
    uint32_t weight;
    enum member_role role;
    struct seed *seeds; // owned
    uint32_t seed_count;
    uint32_t bootstrap_expect; // never 0 without seeds
    uint32_t min_in_sync;
    uint32_t voters;
    uint32_t heartbeat_ms;
    uint32_t lease_ms;
    uint32_t suspect_ms;
    uint32_t remove_ms;
    uint32_t election_ms;
    uint32_t backup_timeout_ms;
    uint32_t leave_timeout_ms;
    uint32_t clock_skew_max_ms;
    uint32_t migration_parallel;
    uint64_t migration_max_bytes_per_s; // 0: no limit
};

enum config_verdict {
    CONFIG_RUN,        // `config` is complete
    CONFIG_EXIT_OK,    // --help, --version or --check-config was answered on `out`
    CONFIG_EXIT_ERROR, // every mistake was reported on `errors`, one line each
};

// Reads `grid-node [--option=value ...] [FILE]`. Fills `config` in every case; config_deinit
// releases what it holds.
MUST_USE enum config_verdict config_load(int argc, char **argv, struct config *config, FILE *out,
                                         FILE *errors);

void config_deinit(struct config *config);
