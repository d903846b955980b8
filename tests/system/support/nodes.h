// SPDX-License-Identifier: Apache-2.0
// A grid of real node processes on loopback, or in network namespaces of their own, for system
// tests, and the lines that tests/run.sh counts. Everything waits on conditions, WAIT_MS at most;
// nothing waits on time.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    NODES_MAX = 6,
    WAIT_MS = 30000,
};

struct network;

struct nodes {
    uint32_t count;
    char directory[64]; // what nodes log and say is here; nodes_stop removes it when all was well
    char seeds[256];    // of the option and of struct grid_options: the nodes that found the grid
    uint32_t expect;    // bootstrap-expect of the nodes that are started together
    uint16_t ports[NODES_MAX];
    pid_t processes[NODES_MAX];    // 0: not running
    const char *const *options;    // further options of every node, NULL at the end; borrowed
    uint32_t starts[NODES_MAX];    // of each node so far
    uint32_t crashes;              // ends that nobody asked for
    const struct network *network; // borrowed; NULL: loopback
};

// Starts `count` nodes named n1, n2 ... and waits until each says that it is ready: all
// partitions have their backups. Ends the test where that fails.
void nodes_start(struct nodes *nodes, uint32_t count, const char *const *options);
void nodes_start_in(struct nodes *nodes, uint32_t count, const char *const *options,
                    const struct network *network);

// SIGTERM to all that run; false when one did not exit with status 0, or had crashed before. Then,
// and when a case has failed, the logs stay and their place is printed.
bool nodes_stop(struct nodes *nodes);

// Starts one more node, which finds the grid by its seeds. Returns its number at once.
uint32_t node_add(struct nodes *nodes);

void node_kill(struct nodes *nodes, uint32_t number,
               int signal);                              // and waits for its end on SIGKILL
void node_begin(struct nodes *nodes, uint32_t number);   // starts it again, returns at once
void node_restart(struct nodes *nodes, uint32_t number); // after node_kill

// Whether the node, which was asked to stop, has done so; ends the test when it failed.
bool node_has_left(struct nodes *nodes, uint32_t number);

// False when a node has ended although nobody asked it to, now or before.
bool nodes_are_well(struct nodes *nodes);

// Lines of the node's log (of all its starts) that contain `text`.
uint32_t node_log_count(const struct nodes *nodes, uint32_t number, const char *text);

// The last start of the node has said that it is ready.
bool node_is_ready(const struct nodes *nodes, uint32_t number);

// ---- Cases ----

// Prints `ok - name` or `not ok - name`; remembers failures for case_status.
void case_report(bool passed, const char *name);
int case_status(void); // for main's return

// A number from the environment, for longer campaigns than those of every day.
uint32_t environment_number(const char *name, uint32_t otherwise);

// Whether times are judged (JUDGE=1): on a machine without other load.
bool times_count(void);

// Calls `is_met` again and again, with a pause in between, until it returns true or WAIT_MS have
// passed.
bool wait_until(bool (*is_met)(void *context), void *context);

uint64_t now_ms(void);
uint64_t now_us(void);
