// SPDX-License-Identifier: Apache-2.0
// What the primary of one partition does about its backups: what to send to whom, what is
// committed, and what it asks the leader of the consensus for. Sequence numbers only, never bytes;
// no clock, no socket: events in, outputs out.
//
//   APPENDED ----\                             /--> cut backup i's log, send effects [from, to]
//   ACK, GAP -----> primary_step -> outputs --+---> fill backup i by a scan, then send from the log
//   LINK_UP/DOWN-/                             \--> committed up to seq
//   TICK -------/                               \-> primary_wish: in sync, or not any more
//
// Rule of commitment: an effect is committed when every backup that COUNTS has it: those that the
// view lists as in sync, and those that the primary has wished to be (WISH_ADD) and whose fate it
// does not know. (PacificA, Lin et al. 2008; Kafka's "maximal ISR", KIP-497.)
//
// What the rules expect of a link. LINK_UP begins a session; no message of an earlier session is
// delivered after it, and LINK_DOWN or LINK_UP void the running scan. Inside a session APPEND, ACK
// and GAP may be lost, repeated or reordered (a hole shows as a GAP at the next APPEND; after a
// loss with nothing behind it somebody has to take the link down); CUT and FILL messages arrive in
// order and whole, as in a stream, and no APPEND that was sent after a CUT arrives before it.
//
// A new primary's log is the truth. What a backup has beyond the point where its log parts from the
// primary's (cluster/model/epochs.h) is cut off, never what is committed.
//
// How a backup is filled while writes go on. The fill stands for the log up to S, the last seq when
// it began. The scan takes its time, so it sends some entries that are newer than S; after it comes
// the log from S + 1, and effects (whole values or removals) simply overwrite. Up to E, the last
// seq when the scan ended, the copy is a mixture; it is exact from E on, and may be wished in sync
// from then on, once E is committed. A backup whose link goes down before that forgets the fill.
// A backup in sync is never filled, since it would lose what it alone may have: it is dropped
// first.
#pragma once

#include "cluster/model/limits.h"
#include "cluster/model/wish.h"
#include "cluster/rules/epochs.h"

#include "cluster/base/error.h"

enum {
    PRIMARY_BACKUPS_MAX = VIEW_REPLICAS_MAX - 1,
    // Effects sent to one backup and not yet acknowledged: beyond it the primary waits.
    PRIMARY_WINDOW_EFFECTS = 4096,
    // Effects that wait to be committed: beyond it writes are refused. A window in flight, and one
    // behind it.
    PRIMARY_UNCOMMITTED_EFFECTS_MAX = 2 * PRIMARY_WINDOW_EFFECTS,
    // A backup that is no more than this behind may be wished in sync.
    PRIMARY_JOIN_LAG_EFFECTS = 256,
};

// The state of one backup as the primary sees it. (Diagram and table of moves in primary.c.)
enum backup_state {
    BACKUP_DOWN = 0, // no link, or a link whose backup has not said where it stands
    BACKUP_FILLING,  // receives the entries by a scan
    BACKUP_FILLED,   // was sent all entries, has not acknowledged them yet
    BACKUP_TAILING,  // receives the log
    BACKUP_LOST,     // listed as in sync, but would have to be filled: to be dropped first
    BACKUP_STATE_COUNT
};

// What the view says, and what was wished.
enum backup_standing {
    STANDING_OUT = 0, // catches up; does not count
    STANDING_WISHED,  // WISH_ADD was made and its fate is not known: counts
    STANDING_IN,      // in sync: counts
};

struct primary_backup {
    uint64_t member_id;
    enum backup_state state;
    enum backup_standing standing;
    bool is_drop_due; // WISH_DROP stands until the view's version of the partition has moved
    // Since when without any progress: TAILING and matched_seq < last_seq, or it counts and is not
    // TAILING. 0: neither.
    uint64_t waits_since_ms;
    // TAILING: all effects up to this one are on the backup; <= sent_seq. Else 0.
    uint64_t matched_seq;
    // TAILING: all effects up to this one were sent. FILLING, FILLED: what the fill stands for (S).
    // Else 0.
    uint64_t sent_seq;
    // FILLED, TAILING: from this seq on the copy is exact: E, or where it stood when the session
    // began. Else 0.
    uint64_t exact_seq;
};

struct primary {
    uint64_t epoch;
    uint64_t version;   // of the partition in the view, as last set
    uint64_t last_seq;  // of the log; >= committed_seq
    uint64_t first_seq; // oldest effect that the log still has, as last heard; <= last_seq + 1
    uint64_t committed_seq;
    uint32_t drop_ms;      // how long a backup that counts may hold up commitment
    struct epochs epochs;  // of the log
    uint32_t backup_count; // 0 to PRIMARY_BACKUPS_MAX
    struct primary_backup backups[PRIMARY_BACKUPS_MAX];
};

enum primary_event_kind {
    PRIMARY_APPENDED = 1, // the log now ends at last_seq, and starts at first_seq
    PRIMARY_LINK_UP,      // backup `backup` says: seq = its last effect, epochs = of its log
    PRIMARY_LINK_DOWN,
    PRIMARY_ACK,    // the backup has everything up to seq
    PRIMARY_GAP,    // the backup refused what came: it has everything up to seq and wants seq + 1
    PRIMARY_FILLED, // the scan for the backup is all sent but for FILL_END; seq as its FILL_BEGIN.
                    // APPENDED came before for every effect that the scan may have seen
    PRIMARY_TICK,   // time has passed
};

struct primary_event {
    enum primary_event_kind kind;
    uint64_t now_ms; // all; monotonic
    uint32_t backup; // all but APPENDED, TICK
    uint64_t epoch;  // LINK_UP, ACK, GAP: another epoch is ignored, but LINK_UP takes the backup
                     // DOWN first
    uint64_t seq;    // LINK_UP, ACK, GAP, FILLED
    const struct epochs *epochs; // LINK_UP; borrowed
    uint64_t last_seq;           // APPENDED
    uint64_t first_seq;          // APPENDED, LINK_UP: of the log at this moment
};

struct primary_send {
    uint64_t from_seq; // 0: nothing to send
    uint64_t to_seq;
    uint64_t made_epoch; // under which all of them were made: a run at a time
};

struct primary_output {
    // First of all: tell this backup to cut its log; its last effect is to be
    // backups[i].matched_seq, which this step leaves at the point of agreement.
    bool cut[PRIMARY_BACKUPS_MAX];
    // Effects to take from the log, in one or more frames.
    struct primary_send send[PRIMARY_BACKUPS_MAX];
    // There is more to send than one run: step again with TICK.
    bool more;
    // Start a scan for this backup: FILL_BEGIN carries backups[i].sent_seq (S) and the epochs of
    // the log up to there. At its end comes the step of FILLED, then FILL_END with
    // backups[i].exact_seq (E).
    bool fill[PRIMARY_BACKUPS_MAX];
    // committed_seq moved: TAILING backups want to hear of it, by an APPEND, be it one without
    // effects (first_seq = sent_seq + 1).
    bool committed;
    // The log must keep effects from here on: uncommitted, unacknowledged, or due after a fill.
    uint64_t needed_seq;
};

// A primary without backups yet: primary_configure follows, before the first step. `first_seq`,
// `last_seq`: of the log as it stands; committed_seq: as far as it is known to be committed (a new
// primary: its committed_seq as a backup; first_seq - 1 where that is more). `epochs`: of the log;
// this epoch begins at last_seq + 1.
void primary_init(struct primary *primary, uint64_t epoch, uint64_t first_seq, uint64_t last_seq,
                  uint64_t committed_seq, const struct epochs *epochs, uint32_t drop_ms);

// What the view says of the partition, under the same epoch: its version, and the backups in the
// view's order. Backups that stay keep their state; backups[i] is member_ids[i] afterwards. A
// WISHED or drop-due backup is settled when the version has moved. Fills *output as primary_step
// does (what no longer waits for a dropped backup is committed).
void primary_configure(struct primary *primary, uint64_t version, const uint64_t *member_ids,
                       const bool *in_sync, uint32_t count, uint64_t now_ms,
                       struct primary_output *output);

// Deterministic. Fills *output completely.
void primary_step(struct primary *primary, const struct primary_event *event,
                  struct primary_output *output);

// What to ask the leader for about backup i now. False: nothing. (The caller fills
// wish->partition.) OUT, TAILING, exact with E committed, at most PRIMARY_JOIN_LAG_EFFECTS behind
// and not waiting for drop_ms: it is WISHED from now on, and ADD is returned while it is TAILING
// and has all that may be committed, until the view has answered. Counting, and waiting for
// drop_ms, or LOST: DROP.
bool primary_wish(struct primary *primary, uint32_t backup, uint64_t now_ms, struct wish *wish);

// Everything that was appended is on every backup that counts.
bool primary_is_quiet(const struct primary *primary);

// Why a write cannot be accepted now: ERROR_NONE, or ERROR_OVERLOADED
// (PRIMARY_UNCOMMITTED_EFFECTS_MAX wait): *backup gets the one that is farthest behind.
enum error primary_write_refusal(const struct primary *primary, uint32_t *backup);

// Asserts every invariant; called at the end of each step.
void primary_check(const struct primary *primary);
