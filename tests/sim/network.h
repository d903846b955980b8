// SPDX-License-Identifier: Apache-2.0
// The simulated network: hosts, the directed paths between them, and datagrams, which get lost,
// late, twice and out of order. (Streams: tests/sim/stream.h.)
#pragma once

#include "cluster/base/bytes.h"
#include "cluster/base/list.h"
#include "cluster/base/random.h"
#include "tests/sim/timeline.h"
#include "tests/sim/trace.h"

enum { HOSTS_MAX = 24 };

// How all paths of a run are when nothing is wrong with them.
struct weather {
    uint32_t delay_min_us;
    uint32_t delay_spread_us;
    uint32_t late_per_mille; // of datagrams and segments: later by up to late_us
    uint32_t late_us;
    uint32_t loss_per_mille; // of datagrams
    uint32_t twice_per_mille;
};

struct path {
    bool is_cut;
    uint32_t slow_us; // added to each delay
    uint32_t loss_per_mille;
};

struct greeting; // tests/sim/stream.h
struct port;

struct host {
    bool is_up;
    uint64_t paused_until_us;                           // its process sleeps: what is for it waits
    void *context;                                      // of the functions below, borrowed
    void (*datagram)(void *context, struct bytes data); // borrowed until return
    // NULL: refused. The port is borrowed until it was closed.
    struct port *(*accept)(void *context, const struct greeting *greeting);
};

struct network {
    struct timeline *timeline; // borrowed
    struct trace *trace;       // borrowed
    struct random random;
    struct weather weather;
    struct host hosts[HOSTS_MAX];
    struct path paths[HOSTS_MAX][HOSTS_MAX]; // from, to
    struct list datagrams;                   // under way
    struct list streams;                     // all of the run
    uint64_t stream_count;
    uint64_t datagram_count;
    uint64_t lost_count;
};

void network_init(struct network *network, struct timeline *timeline, struct trace *trace,
                  uint64_t seed);
void network_deinit(struct network *network);

void network_send(struct network *network, uint32_t from, uint32_t to, struct bytes data);

bool network_passes(const struct network *network, uint32_t from, uint32_t to);
uint64_t network_delay_us(struct network *network, uint32_t from, uint32_t to);

// The host sleeps: plans the event again for when it wakes up. False: it is awake.
bool network_postpone(struct network *network, uint32_t host,
                      void (*run)(void *context, uint64_t argument), void *context,
                      uint64_t argument);

void network_heal(struct network *network); // all paths are as the weather says
