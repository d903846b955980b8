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
#pragma once

#include "cluster/base/error.h"
#include "cluster/model/limits.h"

enum {
    PRIMARY_BACKUPS_MAX = REPLICAS_MAX - 1,
    // Effects sent to one backup and not yet acknowledged: beyond it the primary waits.
    PRIMARY_WINDOW_EFFECTS = 4096,
};

// The state of one backup as the primary sees it. (Diagram and table of moves in primary.c.)
enum backup_state {
    BACKUP_DOWN = 0, // no link, or a link whose backup has not said where it stands
    BACKUP_FILLING,  // receives the entries by a scan
    BACKUP_TAILING,  // receives the log
    BACKUP_AHEAD,    // holds effects that this primary does not have: the primary lost its memory
};

struct primary_backup {
    enum backup_state state;
    uint64_t matched_seq; // all effects up to this one are on the backup; <= sent_seq
    uint64_t sent_seq;    // all effects up to this one were sent
};

struct primary {
    uint64_t epoch;
    uint64_t last_seq;  // of the log; >= committed_seq
    uint64_t first_seq; // oldest effect that the log still has
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
    PRIMARY_FILLED, // the scan for the backup is all sent and stands for the log up to seq
};

struct primary_event {
    enum primary_event_kind kind;
    uint32_t backup;    // all but APPENDED
    uint64_t epoch;     // LINK_UP, ACK, GAP: events of another epoch are ignored
    uint64_t seq;       // LINK_UP, ACK, GAP, FILLED
    uint64_t last_seq;  // APPENDED
    uint64_t first_seq; // APPENDED
};

struct primary_send {
    uint64_t from_seq; // 0: nothing to send
    uint64_t to_seq;
};

struct primary_output {
    struct primary_send
        send[PRIMARY_BACKUPS_MAX];  // effects to take from the log, in one or more frames
    bool fill[PRIMARY_BACKUPS_MAX]; // start a scan for this backup
    bool committed;                 // committed_seq moved
    uint64_t needed_seq; // the log must keep effects from here on (min of unacknowledged and
                         // uncommitted)
};

void primary_init(struct primary *primary, uint64_t epoch, uint32_t backup_count,
                  uint64_t last_seq);

// Deterministic. Fills *output completely.
void primary_step(struct primary *primary, const struct primary_event *event,
                  struct primary_output *output);

// Why a write cannot be accepted now: ERROR_NONE, ERROR_BACKUP_UNAVAILABLE (a backup is DOWN), or
// ERROR_PARTITION_LOST (a backup is AHEAD), or ERROR_OVERLOADED (the window to a backup is full
// twice over). *backup gets the one to blame.
enum error primary_write_refusal(const struct primary *primary, uint32_t *backup);

// Asserts every invariant; called at the end of each step.
void primary_check(const struct primary *primary);
