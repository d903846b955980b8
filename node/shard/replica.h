// SPDX-License-Identifier: Apache-2.0
// One partition on its shard: the store's tables and log, the replication rules of its role, and
// who waits for a commit.
//
//   primary: executed --> touched --(end of batch)--> replica_advance: rules say send / commit
//                                                         |-> APPEND frames on the backups' links
//                                                         \-> committed: answers leave, watches get
//                                                         deltas
//   backup:  APPEND frame --> rules say accept / gap --> store --> ACK frame
//
//   roles (a view decides):  NONE <--> BACKUP <--> PRIMARY
#pragma once

#include "cluster/base/list.h"
#include "cluster/model/view.h"
#include "cluster/rules/backup.h"
#include "cluster/rules/primary.h"
#include "cluster/wire/frame.h"
#include "node/feed/feed_replica.h"
#include "node/feed/watches.h"
#include "node/shard/pending.h"

struct shard;

enum replica_role {
    REPLICA_NONE = 0, // not held
    REPLICA_BACKUP,
    REPLICA_PRIMARY,
};

// A backup from the primary's side: what the rules do not know.
struct replica_link {
    uint64_t member_id;
    struct outlet *outlet;      // to the backup's worker; NULL: down. Borrowed
    uint64_t asked_ms;          // ATTACH was sent then and not answered yet; 0: none is under way
    uint64_t asked_version;     // of the partition, in that ATTACH
    uint64_t confirmed_version; // it knew the partition at this version, when it answered last
    struct fill fill;
};

struct replica {
    // What every read needs comes first, then what every write needs: two cache lines.
    struct source source;  // partition, number, place, epoch, commit point
    uint64_t readable_seq; // reads of entries up to this version may be answered at once
    enum replica_role role;
    bool is_serving;       // primary that has not stopped for a handover
    uint64_t view_version; // of the partition, as last assumed; 0: not held

    // Backup.
    struct backup copy;
    struct outlet
        *primary_link; // the connection by which the primary attached; NULL: none. Borrowed
    // An ATTACH that came before the view that it speaks of: it is answered with that.
    struct outlet *early_link; // NULL: none. Borrowed
    uint64_t early_epoch;
    uint64_t early_version;

    // Primary.
    uint64_t noted_seq;     // effects up to here were told to walking watches, and touched
    uint64_t delivered_seq; // watches have seen the effects up to here
    struct primary rules;
    struct list touched_link; // in the shard's list of partitions with new effects
    struct pending pending;
    uint64_t told_seq;    // commit point at the last replica_tell_commit
    uint32_t min_in_sync; // as the view says
    uint32_t in_sync_count;
    uint64_t handover_id;                           // the member that shall take over; 0: none
    struct list filling_link;                       // in the shard's list while a fill is active
    struct replica_link links[PRIMARY_BACKUPS_MAX]; // as rules.backups
};

// A replica of role NONE.
void replica_init(struct replica *replica, uint16_t number, uint16_t place,
                  struct partition *partition);
void replica_deinit(struct replica *replica);

// ---- Roles ----

// What the view says of the partition, when this node is among its replicas; makes, promotes or
// demotes. Answers that wait for a commit that will not come here are answered with INDETERMINATE.
void replica_assume(struct replica *replica, struct shard *shard,
                    const struct view_partition *wanted);
// This node is no replica of the partition any more: all it has of it is dropped.
void replica_abandon(struct replica *replica, struct shard *shard);

// ---- Primary ----

// Why a write cannot be accepted now, or ERROR_NONE; `text` (of `capacity` bytes) says why.
enum error replica_write_refusal(const struct replica *replica, const struct view *view, char *text,
                                 size_t capacity);

// It serves, and as many copies are in sync as there can be.
bool replica_is_whole(const struct replica *replica, uint32_t wanted_copies);

// The backups that the view says it has, and its version.
void replica_configure(struct replica *replica, struct shard *shard, uint64_t version,
                       const uint64_t *member_ids, const bool *in_sync, uint32_t count);

// The log has new effects: sends them, and commits and delivers what needs nobody's
// acknowledgement.
void replica_advance(struct replica *replica, struct shard *shard);

// Sends more of the active fills to links with room, as far as the shard's allowance goes. False
// when none is active any more.
bool replica_fill(struct replica *replica, struct shard *shard);

// Tells the backups the commit point where no effect has carried it since the last call: for idle
// partitions, now and then.
void replica_tell_commit(struct replica *replica);

// Time has passed: answers that waited too long are given up, backups that did not say where they
// stand are asked again.
void replica_tick(struct replica *replica, struct shard *shard);

// What it wishes now; at most `capacity`. Returns the count.
uint32_t replica_wishes(struct replica *replica, uint64_t now_ms, struct wish *wishes,
                        uint32_t capacity);

// The link to this member is up: asks the backup where it stands (ATTACH).
void replica_link_up(struct replica *replica, uint64_t member_id, struct outlet *link,
                     uint64_t now_ms);
void replica_link_down(struct replica *replica, struct shard *shard, const struct outlet *link);

// POSITION, ACK or GAP from the backup at the other end of `link`.
MUST_USE enum error replica_report(struct replica *replica, struct shard *shard,
                                   const struct outlet *link, const struct frame *frame);

// ---- Backup ----

// ATTACH, CUT, APPEND or FILL_* from the primary at the other end of `link`; answers go there. The
// role may be NONE still, as views do not arrive everywhere at once.
MUST_USE enum error replica_receive(struct replica *replica, struct outlet *link,
                                    const struct frame *frame);

// The view has changed: answers the ATTACH that came too early, if there is one.
void replica_attach_early(struct replica *replica);

// The connection to the primary is gone.
void replica_primary_gone(struct replica *replica, const struct outlet *link);
