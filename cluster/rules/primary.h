// SPDX-License-Identifier: Apache-2.0
// What the primary of one partition does about its backups: what to send to whom, and what is
// committed. Sequence numbers only, never bytes; no clock, no socket: events in, outputs out.
//
//   APPENDED ----\                             /--> send effects [from, to] to backup i
//   ACK, GAP -----> primary_step -> outputs --+---> fill backup i by a scan, then send from the log
//   LINK_UP/DOWN-/                             \--> committed up to seq
//
// Rule of commitment (design, replication): an effect is committed when every in-sync backup has
// it.
//
// What the rules expect of a link. LINK_UP begins a session; no message of an earlier session is
// delivered after it, and LINK_DOWN or LINK_UP void the running scan. Inside a session APPEND, ACK
// and GAP may be lost, repeated or reordered (a hole shows as a GAP at the next APPEND; after a
// loss with nothing behind it somebody has to take the link down); FILL messages arrive in order
// and whole, as in a stream.
//
// How a backup is filled while writes go on. The fill stands for the log up to S, the last seq when
// it began. The scan takes its time, so it sends some entries that are newer than S; after it comes
// the log from S + 1, and effects (whole values or removals) simply overwrite. Up to E, the last
// seq when the scan ended, the copy is a mixture; it is exact from E on, and counts for commitment
// from then on. A backup whose link goes down before that forgets the fill, so that no later
// session takes a mixture for a copy.
#pragma once

#include "cluster/base/error.h"
#include "cluster/model/limits.h"

enum {
    PRIMARY_BACKUPS_MAX = REPLICAS_MAX - 1,
    // Effects sent to one backup and not yet acknowledged: beyond it the primary waits.
    PRIMARY_WINDOW_EFFECTS = 4096,
    // Effects that wait to be committed: beyond it writes are refused. A window in flight, and one
    // behind it.
    PRIMARY_UNCOMMITTED_EFFECTS_MAX = 2 * PRIMARY_WINDOW_EFFECTS,
};

// The state of one backup as the primary sees it. (Diagram and table of moves in primary.c.)
enum backup_state {
    BACKUP_DOWN = 0, // no link, or a link whose backup has not said where it stands
    BACKUP_FILLING,  // receives the entries by a scan
    BACKUP_FILLED,   // was sent all entries, has not acknowledged them yet
    BACKUP_TAILING,  // receives the log
    BACKUP_AHEAD,    // holds effects that this primary does not have: the primary lost its memory
    BACKUP_STATE_COUNT
};

struct primary_backup {
    enum backup_state state;
    // TAILING: all effects up to this one are on the backup; <= sent_seq. Else 0.
    uint64_t matched_seq;
    // TAILING: all effects up to this one were sent. FILLING, FILLED: what the fill stands for (S).
    // Else 0.
    uint64_t sent_seq;
    // FILLED, TAILING: from this seq on the copy is exact (E); 0 if it was never filled. Else 0.
    uint64_t exact_seq;
};

struct primary {
    uint64_t epoch;
    uint64_t last_seq;  // of the log; >= committed_seq
    uint64_t first_seq; // oldest effect that the log still has, as last heard; <= last_seq + 1
    uint64_t committed_seq;
    uint32_t backup_count; // 0 to PRIMARY_BACKUPS_MAX
    struct primary_backup backups[PRIMARY_BACKUPS_MAX];
};

enum primary_event_kind {
    PRIMARY_APPENDED = 1, // the log now ends at last_seq, and starts at first_seq
    PRIMARY_LINK_UP,      // backup `backup` says: epoch, seq = its last effect
    PRIMARY_LINK_DOWN,
    PRIMARY_ACK,    // the backup has everything up to seq
    PRIMARY_GAP,    // the backup refused what came: it has everything up to seq and wants seq + 1
    PRIMARY_FILLED, // the scan for the backup is all sent but for FILL_END; seq as its FILL_BEGIN.
                    // APPENDED came before for every effect that the scan may have seen
};

struct primary_event {
    enum primary_event_kind kind;
    uint32_t backup;    // all but APPENDED
    uint64_t epoch;     // LINK_UP, ACK, GAP: another epoch is ignored, but LINK_UP takes the backup
                        // DOWN first
    uint64_t seq;       // LINK_UP, ACK, GAP, FILLED
    uint64_t last_seq;  // APPENDED
    uint64_t first_seq; // APPENDED, LINK_UP: of the log at this moment
};

struct primary_send {
    uint64_t from_seq; // 0: nothing to send
    uint64_t to_seq;
};

struct primary_output {
    // Effects to take from the log, in one or more frames.
    struct primary_send send[PRIMARY_BACKUPS_MAX];
    // Start a scan for this backup: FILL_BEGIN carries backups[i].sent_seq (S). At its end comes
    // the step of FILLED, then FILL_END with backups[i].exact_seq (E).
    bool fill[PRIMARY_BACKUPS_MAX];
    // committed_seq moved: TAILING backups want to hear of it, by an APPEND, be it one without
    // effects (first_seq = sent_seq + 1).
    bool committed;
    // The log must keep effects from here on: uncommitted, unacknowledged, or due after a fill.
    uint64_t needed_seq;
};

// `first_seq`, `last_seq`: of the log as it stands; committed_seq: as far as it is known to be
// committed (a new primary: its committed_seq as a backup). A new partition: 1, 0, 0.
void primary_init(struct primary *primary, uint64_t epoch, uint32_t backup_count,
                  uint64_t first_seq, uint64_t last_seq, uint64_t committed_seq);

// Deterministic. Fills *output completely.
void primary_step(struct primary *primary, const struct primary_event *event,
                  struct primary_output *output);

// Why a write cannot be accepted now: ERROR_NONE, ERROR_PARTITION_LOST (a backup is AHEAD),
// ERROR_BACKUP_UNAVAILABLE (a backup is DOWN), or ERROR_OVERLOADED
// (PRIMARY_UNCOMMITTED_EFFECTS_MAX wait). *backup gets the one to blame: when OVERLOADED the one
// that is farthest behind.
enum error primary_write_refusal(const struct primary *primary, uint32_t *backup);

// Asserts every invariant; called at the end of each step.
void primary_check(const struct primary *primary);
