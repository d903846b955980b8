// SPDX-License-Identifier: Apache-2.0
// A grid of real node processes on loopback for system tests, and the lines that tests/run.sh
// counts. Everything waits on conditions, WAIT_MS at most; nothing waits on time.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    NODES_MAX = 5,
    WAIT_MS = 30000,
};

struct nodes {
    uint32_t count;
    char directory[64]; // logs are here; removed by nodes_stop
    char seeds[256]; // of the option and of struct grid_options: all nodes
    uint32_t expect; // bootstrap-expect of the nodes that are started together
    uint16_t ports[NODES_MAX];
    pid_t processes[NODES_MAX]; // 0: not running
    const char *const *options; // further options of every node, NULL at the end; borrowed
    uint32_t starts[NODES_MAX];
};

// Starts `count` nodes named n1, n2 ... and waits until each says that it is ready: all
// partitions have their backups. Ends the test
// where that fails.
void nodes_start(struct nodes *nodes, uint32_t count, const char *const *options);

// SIGTERM to all that run; false when one did not exit with status 0.
bool nodes_stop(struct nodes *nodes);

void node_kill(struct nodes *nodes, uint32_t number,
               int signal);                              // and waits for its end on SIGKILL
void node_restart(struct nodes *nodes, uint32_t number); // after node_kill

// Lines of the node's log (of all its starts) that contain `text`.
uint32_t node_log_count(const struct nodes *nodes, uint32_t number, const char *text);

// ---- Cases ----

// Prints `ok - name` or `not ok - name`; remembers failures for case_status.
void case_report(bool passed, const char *name);
int case_status(void); // for main's return

// Calls `is_met` again and again, with a pause in between, until it returns true or WAIT_MS have
// passed.
bool wait_until(bool (*is_met)(void *context), void *context);

uint64_t now_ms(void);
