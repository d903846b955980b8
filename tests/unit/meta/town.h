// SPDX-License-Identifier: Apache-2.0
// Members on a virtual clock, with a network that loses, delays and repeats what they say to each
// other, and with shards that wish what real ones would. What must hold always is checked after
// each event.
#pragma once

#include "node/meta/member.h"

#include "cluster/base/buffer.h"
#include "cluster/base/random.h"

enum { TOWN_NODES_MAX = 12, TOWN_PARTITIONS = 8, TOWN_VERSIONS_MAX = 8192 };

struct town_node {
    struct town *town;
    uint32_t number;
    struct member_options options;
    struct member *member;             // NULL: not running
    uint32_t starts;                   // how often it was started; its id is made of it
    uint64_t resumes_ms;               // paused until then
    int drift_per_mille;               // of its clock
    uint64_t lease_until_ms;           // on its clock
    struct view view;                  // as its member told it
    uint64_t yielded[TOWN_PARTITIONS]; // version at which its shard stopped serving
    uint64_t wished_ms;
    bool is_mute; // its shards make no wishes
    uint32_t stalled_ms;
    uint64_t wall_ahead_ms; // of the others' wall clocks
    char warning[1024];     // the last one it said
};

struct town_packet {
    uint64_t at_ms;
    uint64_t order;
    uint32_t to;
    struct buffer frame;
};

struct town {
    uint64_t now_ms;
    struct random random;
    uint32_t node_count;
    struct town_node nodes[TOWN_NODES_MAX];
    struct member_address seeds[TOWN_NODES_MAX];
    struct town_packet *packets;
    uint32_t packet_count;
    uint32_t packet_capacity;
    uint64_t order;
    uint32_t loss_per_mille;
    uint32_t repeat_per_mille;
    uint32_t delay_max_ms;                     // 1 and up
    bool cut[TOWN_NODES_MAX][TOWN_NODES_MAX];  // from, to
    uint64_t grid_id;                          // of the views in `sums`
    uint64_t sums[TOWN_VERSIONS_MAX];          // of the views by version; 0: not seen yet
    char last_refusal[MEETING_TEXT_BYTES_MAX]; // sent by anybody
};

// `expect` nodes found the grid; the first `seed_count` nodes are the seeds. Nothing runs yet.
struct town *town_new(uint32_t node_count, uint32_t seed_count, uint32_t expect, uint64_t seed);
void town_free(struct town *town);

// Again under the same name and address, with another id.
void town_start(struct town *town, uint32_t number);
void town_start_all(struct town *town);
void town_kill(struct town *town, uint32_t number);
void town_pause(struct town *town, uint32_t number, uint64_t for_ms);
// Nodes with and without their bit in `side` do not hear each other; 0: the network is whole.
void town_divide(struct town *town, uint32_t side);

void town_run(struct town *town, uint64_t for_ms);
// Runs until the condition holds, for at most `for_ms`; whether it does.
bool town_run_until(struct town *town, bool (*holds)(const struct town *town), uint64_t for_ms);

uint64_t town_id(const struct town *town, uint32_t number);
enum member_phase town_phase(const struct town *town, uint32_t number);
// The node that leads and is known to lead by most; TOWN_NODES_MAX: nobody.
uint32_t town_leader(const struct town *town);
uint32_t town_voter_count(const struct town *town);
bool town_votes(const struct town *town, uint32_t number);
bool town_serves(const struct town *town, uint32_t number, uint32_t partition);
bool town_lists(const struct town *town, uint32_t number); // in the leader's view
uint32_t town_member_count(const struct town *town);       // in the leader's view

// Running nodes that are members, and have a lease and the leader's view; every partition is served
// and has all the copies that its members can hold, in sync, and nothing is left to be moved.
bool town_is_settled(const struct town *town);
bool town_has_leader(const struct town *town);
bool town_has_three_voters(const struct town *town);
// Every partition that has a copy left is served by somebody.
bool town_is_served(const struct town *town);
