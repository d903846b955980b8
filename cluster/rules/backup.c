// SPDX-License-Identifier: Apache-2.0
//
//              FILL_BEGIN of a seq beyond last_seq
//   +--------+ -----------------------------------> +---------+
//   | whole  |                                      | filling | FILL_ENTRY
//   +--------+ <----------------------------------- +---------+
//    APPEND     FILL_END: last_seq = fill_seq
//               RESET_LINK: last_seq = 0
//
//   event       whole                                   filling
//   APPEND      next or overlapping: ACCEPT, ACK        IGNORE
//               old: ACK; beyond the next: REPORT_GAP
//   FILL_BEGIN  seq > last_seq: ACCEPT, else IGNORE     IGNORE
//   FILL_ENTRY  IGNORE                                  ACCEPT
//   FILL_END    IGNORE                                  seq >= fill_seq: ACCEPT, ACK
//   RESET_LINK  last_seq < exact_seq: ACCEPT            ACCEPT
//
// All but RESET_LINK are ignored when they come from another epoch.
#include "cluster/rules/backup.h"

void backup_check(const struct backup *backup)
{
    CHECK(backup->committed_seq <= backup->last_seq);
    CHECK(backup->is_filling == (backup->fill_seq > 0));
    CHECK(!backup->is_filling || (backup->last_seq == 0 && backup->exact_seq == 0));
}

void backup_init(struct backup *backup, uint64_t epoch, uint64_t last_seq, uint64_t committed_seq)
{
    *backup = (struct backup){
        .epoch = epoch,
        .last_seq = last_seq,
        .committed_seq = committed_seq,
    };
    backup_check(backup);
}

// The primary may have committed more than this backup has (it restarted since): what it has not,
// it cannot call committed.
static void backup_commit(struct backup *backup, uint64_t commit_seq, struct backup_output *output)
{
    if (commit_seq > backup->last_seq)
        commit_seq = backup->last_seq;
    if (commit_seq <= backup->committed_seq)
        return;
    backup->committed_seq = commit_seq;
    output->committed = true;
}

static void backup_append(struct backup *backup, const struct backup_event *event,
                          struct backup_output *output)
{
    if (backup->is_filling || event->first_seq == 0)
        return;
    uint64_t next_seq = backup->last_seq + 1;
    if (event->first_seq > next_seq) {
        output->verdict = BACKUP_REPORT_GAP;
        return;
    }
    // An old effect is acknowledged again, since its first acknowledgement may be lost.
    output->acknowledge = event->count > 0;
    uint64_t known_count = next_seq - event->first_seq;
    if (event->count > known_count) {
        output->verdict = BACKUP_ACCEPT;
        output->skip = (uint32_t)known_count;
        backup->last_seq += event->count - known_count;
    }
    backup_commit(backup, event->commit_seq, output);
}

// A fill is due only to a backup that is behind, so one that is not has been filled already, and
// must not forget what it has acknowledged.
static void backup_fill_begin(struct backup *backup, uint64_t seq, struct backup_output *output)
{
    if (backup->is_filling || seq <= backup->last_seq)
        return;
    *backup = (struct backup){.epoch = backup->epoch, .is_filling = true, .fill_seq = seq};
    output->verdict = BACKUP_ACCEPT;
}

static void backup_fill_end(struct backup *backup, uint64_t seq, struct backup_output *output)
{
    if (!backup->is_filling || seq < backup->fill_seq)
        return;
    *backup = (struct backup){
        .epoch = backup->epoch,
        .last_seq = backup->fill_seq,
        .exact_seq = seq,
    };
    output->verdict = BACKUP_ACCEPT;
    output->acknowledge = true;
}

// The next session's primary learns last_seq alone, so what is neither empty nor exact cannot stay.
static void backup_reset_link(struct backup *backup, struct backup_output *output)
{
    if (!backup->is_filling && backup->last_seq >= backup->exact_seq)
        return;
    *backup = (struct backup){.epoch = backup->epoch};
    output->verdict = BACKUP_ACCEPT;
}

void backup_step(struct backup *backup, const struct backup_event *event,
                 struct backup_output *output)
{
    *output = (struct backup_output){0};
    if (event->kind != BACKUP_RESET_LINK && event->epoch != backup->epoch)
        return;
    switch (event->kind) {
    case BACKUP_APPEND:
        backup_append(backup, event, output);
        break;
    case BACKUP_FILL_BEGIN:
        backup_fill_begin(backup, event->seq, output);
        break;
    case BACKUP_FILL_ENTRY:
        output->verdict = backup->is_filling ? BACKUP_ACCEPT : BACKUP_IGNORE;
        break;
    case BACKUP_FILL_END:
        backup_fill_end(backup, event->seq, output);
        break;
    case BACKUP_RESET_LINK:
        backup_reset_link(backup, output);
        break;
    }
    backup_check(backup);
}
