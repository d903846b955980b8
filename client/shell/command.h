// SPDX-License-Identifier: Apache-2.0
// One line of the shell, understood: everything that can be wrong with it is found here, before
// anything is sent.
#pragma once

#include "client/grid.h"
#include "client/shell/cluster_line.h"
#include "client/shell/verb.h"
#include "client/shell/watch_line.h"
#include "client/shell/words.h"

enum {
    LOAD_WINDOW_DEFAULT = 1024, // documents on their way at once
    LOAD_WINDOW_MAX = 65536,
};

struct shell_command {
    const struct shell_verb *verb;
    struct bytes line;          // as it was given; borrowed from the caller
    char *map;                  // owned; NULL: none
    char *word;                 // owned; an optional argument; load: the file; NULL: none
    char *field;                // owned; load: the path of the key's field
    struct grid_builder *key;   // owned; empty: none
    struct grid_builder *value; // owned; empty: none
    enum grid_condition condition;
    uint64_t version;   // with GRID_IF_VERSION
    int64_t ttl_ms;     // 0: none
    int64_t idle_ms;    // 0: none
    int64_t delta;      // incr
    uint64_t limit;     // scan: rows at most; subscriptions: of each worker; 0: none given
    bool stop_on_error; // load
    uint64_t window;    // load
    struct shell_cluster cluster;
    struct shell_watch watch;
    struct bytes statement; // select, watch, explain: from "select" on; borrowed from the line
};

// Reads the line, which is trimmed, not empty, and outlives the command. On false the fault says
// why. Either way the command is to be released.
MUST_USE bool shell_command_parse(struct shell_command *command, struct bytes line,
                                  struct shell_fault *fault);
void shell_command_deinit(struct shell_command *command);
