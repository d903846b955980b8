// SPDX-License-Identifier: Apache-2.0
//
//              FILL_BEGIN
//   +--------+ -------------------------------------> +---------+
//   | whole  |                                        | filling | FILL_ENTRY
//   +--------+ <------------------------------------- +---------+
//    APPEND     FILL_END: last_seq = fill_seq
//    CUT        RESET_LINK, ATTACH: last_seq = 0
//
//   event       whole                                   filling
//   APPEND      next or overlapping: ACCEPT, ACK        IGNORE
//               old: ACK; beyond the next: REPORT_GAP
//   ATTACH      last_seq < exact_seq: ACCEPT; report    ACCEPT, report
//   CUT         in [committed_seq, last_seq): ACCEPT    IGNORE
//   FILL_BEGIN  ACCEPT                                  IGNORE
//   FILL_ENTRY  IGNORE                                  ACCEPT
//   FILL_END    IGNORE                                  seq >= fill_seq: ACCEPT, ACK
//   RESET_LINK  last_seq < exact_seq: ACCEPT            ACCEPT
//
// ATTACH is ignored when it comes from an earlier epoch, and all but RESET_LINK when they come from
// another one.
//
// After a fill the epochs are known from exact_seq on only. Below it the log's old values are of
// the mixture, so it cannot be cut there; and since the primary does not find a point of agreement
// where it knows of no epoch, it does not ask for that but fills anew.
#include "cluster/rules/backup.h"

#include <stddef.h>

void backup_check(const struct backup *backup)
{
    CHECK(backup->committed_seq <= backup->last_seq);
    CHECK(backup->is_filling || backup->fill_seq == 0);
    CHECK(!backup->is_filling || (backup->last_seq == 0 && backup->exact_seq == 0));
    epochs_check(&backup->epochs);
    if (backup->epochs.count > 0 && !backup->is_filling) {
        const struct epochs *epochs = &backup->epochs;
        CHECK(epochs->runs[0].first_seq >= backup->exact_seq);
        CHECK(epochs->runs[epochs->count - 1].first_seq <= backup->last_seq);
        CHECK(epochs->runs[epochs->count - 1].epoch <= backup->epoch);
    }
}

void backup_init(struct backup *backup, uint64_t epoch, uint64_t last_seq, uint64_t committed_seq,
                 const struct epochs *epochs)
{
    *backup = (struct backup){
        .epoch = epoch,
        .last_seq = last_seq,
        .committed_seq = committed_seq,
        .epochs = *epochs,
    };
    // A primary that wrote nothing leaves a run without effects.
    epochs_cut(&backup->epochs, last_seq);
    backup_check(backup);
}

// The primary may have committed more than this backup has: what it has not, it cannot call
// committed.
static void backup_commit(struct backup *backup, uint64_t commit_seq, struct backup_output *output)
{
    if (commit_seq > backup->last_seq)
        commit_seq = backup->last_seq;
    if (commit_seq <= backup->committed_seq)
        return;
    backup->committed_seq = commit_seq;
    output->committed = true;
}

// The epochs of a log only grow, and none is later than its primary's.
static bool backup_may_be_made(const struct backup *backup, uint64_t made_epoch)
{
    const struct epochs *epochs = &backup->epochs;
    return made_epoch > 0 && made_epoch <= backup->epoch &&
           (epochs->count == 0 || made_epoch >= epochs->runs[epochs->count - 1].epoch);
}

// Appends effects up to last_seq, all made under one epoch.
static void backup_extend(struct backup *backup, uint64_t last_seq, uint64_t made_epoch)
{
    uint64_t first_seq = backup->last_seq + 1;
    if (first_seq < backup->exact_seq)
        first_seq = backup->exact_seq;
    backup->last_seq = last_seq;
    if (first_seq <= last_seq)
        epochs_begin(&backup->epochs, made_epoch, first_seq);
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
    uint64_t known_count = next_seq - event->first_seq;
    if (event->count > known_count) {
        if (!backup_may_be_made(backup, event->made_epoch))
            return;
        output->verdict = BACKUP_ACCEPT;
        output->skip = (uint32_t)known_count;
        backup_extend(backup, event->first_seq + event->count - 1, event->made_epoch);
    }
    // An old effect is acknowledged again, since its first acknowledgement may be lost.
    output->acknowledge = event->count > 0;
    backup_commit(backup, event->commit_seq, output);
}

// A primary takes what a backup names for exact up to last_seq, so what is not cannot outlast the
// session.
static void backup_void_fill(struct backup *backup, struct backup_output *output)
{
    if (!backup->is_filling && backup->last_seq >= backup->exact_seq)
        return;
    *backup = (struct backup){.epoch = backup->epoch};
    output->verdict = BACKUP_ACCEPT;
}

static void backup_attach(struct backup *backup, uint64_t epoch, struct backup_output *output)
{
    if (epoch < backup->epoch)
        return;
    backup->epoch = epoch;
    backup_void_fill(backup, output);
    output->report = true;
}

static void backup_cut(struct backup *backup, uint64_t seq, struct backup_output *output)
{
    if (backup->is_filling || seq >= backup->last_seq || seq < backup->committed_seq ||
        seq < backup->exact_seq)
        return;
    backup->last_seq = seq;
    epochs_cut(&backup->epochs, seq);
    output->verdict = BACKUP_ACCEPT;
}

static void backup_fill_begin(struct backup *backup, const struct backup_event *event,
                              struct backup_output *output)
{
    CHECK(event->epochs != NULL);
    if (backup->is_filling)
        return;
    uint64_t run_last_seq;
    uint64_t made_epoch = epochs_at(event->epochs, event->seq, &run_last_seq);
    *backup = (struct backup){.epoch = backup->epoch, .is_filling = true, .fill_seq = event->seq};
    if (made_epoch > 0 && made_epoch <= backup->epoch)
        epochs_begin(&backup->epochs, made_epoch, event->seq);
    output->verdict = BACKUP_ACCEPT;
}

static void backup_fill_end(struct backup *backup, uint64_t seq, struct backup_output *output)
{
    if (!backup->is_filling || seq < backup->fill_seq)
        return;
    backup->last_seq = backup->fill_seq;
    backup->exact_seq = seq;
    backup->is_filling = false;
    backup->fill_seq = 0;
    if (backup->last_seq < backup->exact_seq)
        backup->epochs = (struct epochs){0};
    output->verdict = BACKUP_ACCEPT;
    output->acknowledge = true;
}

static void backup_handle(struct backup *backup, const struct backup_event *event,
                          struct backup_output *output)
{
    switch (event->kind) {
    case BACKUP_APPEND:
        backup_append(backup, event, output);
        break;
    case BACKUP_ATTACH:
        backup_attach(backup, event->epoch, output);
        break;
    case BACKUP_CUT:
        backup_cut(backup, event->seq, output);
        break;
    case BACKUP_FILL_BEGIN:
        backup_fill_begin(backup, event, output);
        break;
    case BACKUP_FILL_ENTRY:
        output->verdict = backup->is_filling ? BACKUP_ACCEPT : BACKUP_IGNORE;
        break;
    case BACKUP_FILL_END:
        backup_fill_end(backup, event->seq, output);
        break;
    case BACKUP_RESET_LINK:
        backup_void_fill(backup, output);
        break;
    }
}

void backup_step(struct backup *backup, const struct backup_event *event,
                 struct backup_output *output)
{
    *output = (struct backup_output){0};
    bool is_of_any_epoch = event->kind == BACKUP_RESET_LINK || event->kind == BACKUP_ATTACH;
    if (is_of_any_epoch || event->epoch == backup->epoch)
        backup_handle(backup, event, output);
    backup_check(backup);
}
