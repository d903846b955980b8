// SPDX-License-Identifier: Apache-2.0
// One partition on its worker: the store's tables and log, the replication rules of its role, and
// who waits for a commit.
//
//   primary: executed --> touched --(end of batch)--> replica_advance: rules say send / commit
//                                                         |-> APPEND frames on the backups' links
//                                                         \-> committed: answers leave, watches get
//                                                         deltas
//   backup:  APPEND frame --> rules say accept / gap --> store --> ACK frame
#pragma once

#include "cluster/base/list.h"
#include "cluster/rules/backup.h"
#include "cluster/rules/primary.h"
#include "cluster/wire/frame.h"
#include "node/feed/feed_replica.h"
#include "node/feed/watch.h"
#include "node/worker/pending.h"
#include "node/worker/router.h"

struct replica {
    // What every read needs comes first, then what every write needs: two cache lines.
    struct source source;  // partition, number, slot, epoch, commit point
    uint64_t readable_seq; // reads of entries up to this version may be answered at once
    bool is_primary;

    // Backup.
    struct backup copy;
    struct outlet
        *primary_link; // the connection by which the primary attached; NULL: none. Borrowed

    // Primary.
    uint64_t noted_seq;     // effects up to here were told to walking watches, and touched
    uint64_t delivered_seq; // watches have seen the effects up to here
    struct primary rules;
    struct list touched_link; // in the worker's list of partitions with new effects
    uint16_t backup_members[PRIMARY_BACKUPS_MAX]; // member numbers
    struct outlet *links[PRIMARY_BACKUPS_MAX];    // to the backup's worker; NULL: down. Borrowed
    struct pending pending;
    uint64_t progress_seq; // subscribers were told that they have seen the effects up to here
    uint64_t told_seq;     // commit point at the last replica_tell_commit
    struct fill fills[PRIMARY_BACKUPS_MAX];
    struct list filling_link; // in *filling while a fill is active
    struct list *filling;
};

// `filling`: the list that the replica joins while it fills a backup; borrowed.
void replica_init(struct replica *replica, const struct router *router, uint16_t number,
                  struct partition *partition, struct list *filling);
void replica_deinit(struct replica *replica);

// Why a write cannot be accepted now, or ERROR_NONE; `text` (of `capacity` bytes) says who is to
// blame.
enum error replica_write_refusal(const struct replica *replica, const struct router *router,
                                 char *text, size_t capacity);

// Every backup receives the log. (A backup has none to wait for.)
bool replica_is_in_sync(const struct replica *replica);

// The log has new effects: sends them, and commits and delivers what needs nobody's
// acknowledgement.
void replica_advance(struct replica *replica, struct watches *watches);

// Sends more of the active fills to links with room. False when none is active any more.
bool replica_fill(struct replica *replica, struct watches *watches);

// Tells the backups the commit point where no effect has carried it since the last call: for idle
// partitions, now and then.
void replica_tell_commit(struct replica *replica);

// ---- Primary: what its links report ----

// The link to backup `member` is up: asks the backup where it stands (ATTACH).
void replica_link_up(struct replica *replica, uint16_t member, struct outlet *link);
void replica_link_down(struct replica *replica, const struct outlet *link, struct watches *watches);

// POSITION, ACK or GAP from the backup at the other end of `link`.
MUST_USE enum error replica_report(struct replica *replica, const struct outlet *link,
                                   const struct frame *frame, struct watches *watches);

// ---- Backup: what the primary sends ----

// ATTACH, APPEND or FILL_* from the primary at the other end of `link`; answers go there. `text`
// gets the reason of an error.
MUST_USE enum error replica_receive(struct replica *replica, struct outlet *link,
                                    const struct frame *frame);

// The connection to the primary is gone.
void replica_primary_gone(struct replica *replica, const struct outlet *link);
