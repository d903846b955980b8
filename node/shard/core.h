// SPDX-License-Identifier: Apache-2.0
// Inside node/shard: what a shard is made of, and what its parts need of each other.
//
//   shard.c    life, time, figures, the turn
//   roles.c    views: replicas are made, promoted, demoted, dropped
//   links.c    links to backups, connections of primaries, wishes
//   replica.c  one partition as primary and as backup
//   execute.c, whole.c, answer.c, pending.c   operations and their answers
#pragma once

#include "node/shard/shard.h"

// A link to a worker of another member, as node/net told.
struct shard_link {
    struct list all_link;
    uint64_t member_id;
    uint16_t remote_worker;
    uint16_t remote_worker_count;
    struct outlet *outlet; // borrowed
};

struct shard {
    struct shard_options options;
    struct shard_time time;
    uint64_t lease_until_us;
    bool has_served;         // operations were executed since the last shard_lease_holds
    const struct view *view; // borrowed; NULL: none yet
    uint16_t self;           // our number among its members; VIEW_NO_MEMBER: not a member
    uint32_t wanted_copies;  // of each partition: as many as the view wants, or as members can hold
    struct store *store;     // NULL before the first view
    struct replica *replicas;      // owned; one place for each partition of this worker
    struct replica **by_partition; // owned; by partition number; NULL: not held
    uint32_t replica_count;        // held
    struct source **sources;       // owned; of the primaries, in the order of partitions
    uint32_t source_count;
    struct watches *watches; // NULL before the first view
    struct list touched;     // replicas whose log has grown in this batch
    struct list filling;     // replicas with an active fill
    struct list links;       // struct shard_link
    struct shard_counters counters;
    struct buffer scratch;       // rows of a scan
    double fill_allowance_bytes; // what fills may send now; may be overdrawn
    uint64_t allowance_us;       // when it was last added to
    uint64_t tick_count;
};

static inline bool shard_has_lease(const struct shard *shard)
{
    return shard->time.now_us < shard->lease_until_us;
}

static inline uint8_t shard_view_byte(const struct shard *shard)
{
    return shard->view ? (uint8_t)shard->view->version : 0;
}

static inline uint64_t shard_now_ms(const struct shard *shard)
{
    return shard->time.now_us / US_PER_MS;
}

void shard_say(const struct shard *shard, bool is_warning, const char *format, ...)
    PRINTF_LIKE(3, 4);

// After whatever may have appended effects: tells walking watches of them before anything else
// happens to the partition, and has the replica advance at the end of the batch.
void shard_note_effects(struct shard *shard, struct replica *replica);

// The link by which the worker of `member_id` that owns `partition` is reached; NULL: none is up.
struct outlet *shard_link_to(const struct shard *shard, uint64_t member_id, uint16_t partition);
