// SPDX-License-Identifier: Apache-2.0
// What a backup of one partition does with what its primary sends. Sequence numbers only. What it
// expects of the link stands in cluster/rules/primary.h.
#pragma once

#include "cluster/base/error.h"
#include "cluster/model/limits.h"
#include "cluster/rules/epochs.h"

struct backup {
    uint64_t epoch;         // of the primary it obeys; messages of earlier ones are ignored
    uint64_t last_seq;      // everything up to here is in table and log; 0 while filling
    uint64_t committed_seq; // the primary said so; <= last_seq
    bool is_filling;        // between FILL_BEGIN and FILL_END
    uint64_t fill_seq;      // while filling: the entries will stand for the log up to here; else 0
    uint64_t exact_seq;     // of the last fill: the table may hold newer entries than last_seq says
                            // until this one is reached
    struct epochs epochs;   // of the log, from exact_seq on; while filling: at fill_seq
};

enum backup_event_kind {
    BACKUP_APPEND = 1, // effects first_seq ... first_seq + count - 1, commit_seq (count 0: only the
                       // commit point)
    BACKUP_ATTACH,     // a session of the primary of `epoch` begins: where does this backup stand?
    BACKUP_CUT,        // the primary's log parts from ours after seq
    BACKUP_FILL_BEGIN, // the primary starts to send all entries: forget everything
    BACKUP_FILL_ENTRY,
    BACKUP_FILL_END,   // all entries were sent; none is newer than seq
    BACKUP_RESET_LINK, // the link to the primary went down: a fill that is not exact yet is void
};

struct backup_event {
    enum backup_event_kind kind;
    uint64_t epoch;              // all but RESET_LINK
    uint64_t first_seq;          // APPEND; >= 1
    uint32_t count;              // APPEND
    uint64_t commit_seq;         // APPEND
    uint64_t made_epoch;         // APPEND: under which all its effects were made; <= epoch
    const struct epochs *epochs; // FILL_BEGIN: of the primary's log up to seq; borrowed
    uint64_t seq; // CUT; FILL_BEGIN: what the entries stand for; FILL_END: when they are exact
};

enum backup_verdict {
    BACKUP_IGNORE = 0, // an earlier epoch, or nothing new
    // APPEND: append the effects from `skip` on. CUT: take back all effects beyond last_seq.
    // FILL_BEGIN: drop all entries and the log, whose next effect will be seq + 1. FILL_ENTRY: load
    // it. FILL_END: the fill is done. RESET_LINK, ATTACH: drop all entries and the log, whose next
    // effect will be 1.
    BACKUP_ACCEPT,
    BACKUP_REPORT_GAP, // do nothing; answer GAP with last_seq
};

struct backup_output {
    enum backup_verdict verdict;
    bool report;      // ATTACH: answer POSITION with epoch, last_seq, epochs
    uint32_t skip;    // APPEND: leading effects that the backup has already
    bool acknowledge; // answer ACK with last_seq
    bool committed;   // committed_seq moved
};

// `epochs`: of its log; last_seq 0: an empty one.
void backup_init(struct backup *backup, uint64_t epoch, uint64_t last_seq, uint64_t committed_seq,
                 const struct epochs *epochs);

// ATTACH of a later epoch than ours is obeyed (a primary of that epoch exists only by a committed
// view), of an earlier one ignored; it voids a fill that is not exact. Other messages are accepted
// of our epoch alone. APPEND of the first effect with a new made_epoch begins a run. A CUT below
// committed_seq or exact_seq is ignored: no honest primary sends it.
void backup_step(struct backup *backup, const struct backup_event *event,
                 struct backup_output *output);
void backup_check(const struct backup *backup);
