// SPDX-License-Identifier: Apache-2.0
//
//                        LINK_UP, and the log reaches back to seq + 1
//           +-------------------------------------------------------------+
//           |                                                             v
//        +------+ LINK_UP   +---------+ FILLED  +--------+ ACK of S  +---------+
//   ---> | DOWN | --------> | FILLING | ------> | FILLED | --------> | TAILING |
//        +------+ log is    +---------+         +--------+           +---------+
//           |     too short
//           |   LINK_UP, seq > last_seq   +-------+
//           +---------------------------> | AHEAD |
//                                         +-------+
//
// LINK_DOWN leads from every state to DOWN. LINK_UP does so first, as a session begins.
#include "cluster/rules/primary.h"

static const bool moves[BACKUP_STATE_COUNT][BACKUP_STATE_COUNT] = {
    [BACKUP_DOWN] = {[BACKUP_DOWN] = true,
                     [BACKUP_FILLING] = true,
                     [BACKUP_TAILING] = true,
                     [BACKUP_AHEAD] = true},
    [BACKUP_FILLING] = {[BACKUP_DOWN] = true, [BACKUP_FILLED] = true},
    [BACKUP_FILLED] = {[BACKUP_DOWN] = true, [BACKUP_TAILING] = true},
    [BACKUP_TAILING] = {[BACKUP_DOWN] = true},
    [BACKUP_AHEAD] = {[BACKUP_DOWN] = true},
};

static void backup_check_seen(const struct primary *primary, const struct primary_backup *backup)
{
    CHECK(backup->sent_seq <= primary->last_seq);
    CHECK(backup->exact_seq <= primary->last_seq);
    CHECK(backup->matched_seq <= backup->sent_seq);
    switch (backup->state) {
    case BACKUP_DOWN:
    case BACKUP_AHEAD:
        CHECK(backup->sent_seq == 0 && backup->exact_seq == 0);
        break;
    case BACKUP_FILLING:
        CHECK(backup->exact_seq == 0);
        __attribute__((fallthrough));
    case BACKUP_FILLED:
        CHECK(backup->matched_seq == 0);
        CHECK(backup->sent_seq + 1 >= primary->first_seq);
        break;
    case BACKUP_TAILING:
        CHECK(backup->sent_seq - backup->matched_seq <= PRIMARY_WINDOW_EFFECTS);
        CHECK(backup->matched_seq + 1 >= primary->first_seq);
        break;
    case BACKUP_STATE_COUNT:
        CHECK(backup->state < BACKUP_STATE_COUNT);
    }
}

void primary_check(const struct primary *primary)
{
    CHECK(primary->backup_count <= PRIMARY_BACKUPS_MAX);
    CHECK(primary->committed_seq <= primary->last_seq);
    CHECK(primary->first_seq >= 1);
    CHECK(primary->first_seq <= primary->committed_seq + 1);
    for (uint32_t i = 0; i < primary->backup_count; i++)
        backup_check_seen(primary, &primary->backups[i]);
}

void primary_init(struct primary *primary, uint64_t epoch, uint32_t backup_count,
                  uint64_t first_seq, uint64_t last_seq, uint64_t committed_seq)
{
    *primary = (struct primary){
        .epoch = epoch,
        .last_seq = last_seq,
        .first_seq = first_seq,
        .committed_seq = backup_count ? committed_seq : last_seq,
        .backup_count = backup_count,
    };
    primary_check(primary);
}

static void backup_move(struct primary_backup *backup, enum backup_state state)
{
    CHECK(moves[backup->state][state]);
    backup->state = state;
}

static void backup_down(struct primary_backup *backup)
{
    backup_move(backup, BACKUP_DOWN);
    *backup = (struct primary_backup){.state = BACKUP_DOWN};
}

static void primary_appended(struct primary *primary, const struct primary_event *event)
{
    CHECK(event->last_seq >= primary->last_seq);
    CHECK(event->first_seq >= primary->first_seq);
    primary->last_seq = event->last_seq;
    primary->first_seq = event->first_seq;
}

// The backup that an event is about.
static struct primary_backup *primary_backup_of(struct primary *primary,
                                                const struct primary_event *event)
{
    CHECK(event->backup < primary->backup_count);
    return &primary->backups[event->backup];
}

static void primary_link_up(struct primary *primary, const struct primary_event *event,
                            struct primary_output *output)
{
    struct primary_backup *backup = primary_backup_of(primary, event);
    CHECK(event->first_seq >= primary->first_seq);
    primary->first_seq = event->first_seq;
    backup_down(backup);
    if (event->epoch != primary->epoch)
        return;
    if (event->seq > primary->last_seq) {
        backup_move(backup, BACKUP_AHEAD);
    } else if (event->seq + 1 >= primary->first_seq) {
        backup_move(backup, BACKUP_TAILING);
        backup->matched_seq = event->seq;
        backup->sent_seq = event->seq;
    } else {
        backup_move(backup, BACKUP_FILLING);
        backup->sent_seq = primary->last_seq;
        output->fill[event->backup] = true;
    }
}

static void primary_acknowledged(struct primary *primary, const struct primary_event *event)
{
    struct primary_backup *backup = primary_backup_of(primary, event);
    if (event->epoch != primary->epoch)
        return;
    if (backup->state == BACKUP_FILLED && event->seq == backup->sent_seq) {
        backup_move(backup, BACKUP_TAILING);
        backup->matched_seq = event->seq;
    } else if (backup->state == BACKUP_TAILING && event->seq > backup->matched_seq &&
               event->seq <= backup->sent_seq) {
        backup->matched_seq = event->seq;
    }
}

// Goes back to what the backup has. A report below matched_seq is old: an ACK overtook it.
static void primary_gap(struct primary *primary, const struct primary_event *event)
{
    struct primary_backup *backup = primary_backup_of(primary, event);
    if (event->epoch != primary->epoch || backup->state != BACKUP_TAILING ||
        event->seq < backup->matched_seq || event->seq > backup->sent_seq)
        return;
    backup->matched_seq = event->seq;
    backup->sent_seq = event->seq;
}

static void primary_filled(struct primary *primary, const struct primary_event *event)
{
    struct primary_backup *backup = primary_backup_of(primary, event);
    if (backup->state != BACKUP_FILLING || event->seq != backup->sent_seq)
        return;
    backup_move(backup, BACKUP_FILLED);
    backup->exact_seq = primary->last_seq;
}

static void primary_handle(struct primary *primary, const struct primary_event *event,
                           struct primary_output *output)
{
    switch (event->kind) {
    case PRIMARY_APPENDED:
        primary_appended(primary, event);
        break;
    case PRIMARY_LINK_UP:
        primary_link_up(primary, event, output);
        break;
    case PRIMARY_LINK_DOWN:
        backup_down(primary_backup_of(primary, event));
        break;
    case PRIMARY_ACK:
        primary_acknowledged(primary, event);
        break;
    case PRIMARY_GAP:
        primary_gap(primary, event);
        break;
    case PRIMARY_FILLED:
        primary_filled(primary, event);
        break;
    }
}

static void primary_send_log(struct primary *primary, struct primary_output *output)
{
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        struct primary_backup *backup = &primary->backups[i];
        if (backup->state != BACKUP_TAILING)
            continue;
        uint64_t to_seq = backup->matched_seq + PRIMARY_WINDOW_EFFECTS;
        if (to_seq > primary->last_seq)
            to_seq = primary->last_seq;
        if (to_seq <= backup->sent_seq)
            continue;
        output->send[i] = (struct primary_send){.from_seq = backup->sent_seq + 1, .to_seq = to_seq};
        backup->sent_seq = to_seq;
    }
}

// In a static view all backups are in sync, also one that is down or restarted: nothing commits
// without it.
static void primary_commit(struct primary *primary, struct primary_output *output)
{
    uint64_t everywhere_seq = primary->last_seq;
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        const struct primary_backup *backup = &primary->backups[i];
        if (backup->state != BACKUP_TAILING || backup->matched_seq < backup->exact_seq)
            return;
        if (backup->matched_seq < everywhere_seq)
            everywhere_seq = backup->matched_seq;
    }
    if (everywhere_seq <= primary->committed_seq)
        return;
    primary->committed_seq = everywhere_seq;
    output->committed = true;
}

static uint64_t primary_needed_seq(const struct primary *primary)
{
    uint64_t needed_seq = primary->committed_seq + 1;
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        const struct primary_backup *backup = &primary->backups[i];
        if (backup->state == BACKUP_DOWN || backup->state == BACKUP_AHEAD)
            continue;
        uint64_t held_seq =
            backup->state == BACKUP_TAILING ? backup->matched_seq : backup->sent_seq;
        if (held_seq + 1 < needed_seq)
            needed_seq = held_seq + 1;
    }
    return needed_seq;
}

void primary_step(struct primary *primary, const struct primary_event *event,
                  struct primary_output *output)
{
    *output = (struct primary_output){0};
    primary_handle(primary, event, output);
    primary_send_log(primary, output);
    primary_commit(primary, output);
    output->needed_seq = primary_needed_seq(primary);
    primary_check(primary);
}

// The backup that holds up commitment most: filling before tailing, then by what it has.
static uint32_t primary_slowest(const struct primary *primary)
{
    uint32_t slowest = 0;
    for (uint32_t i = 1; i < primary->backup_count; i++)
        if (primary->backups[i].matched_seq < primary->backups[slowest].matched_seq)
            slowest = i;
    return slowest;
}

enum error primary_write_refusal(const struct primary *primary, uint32_t *backup)
{
    enum error refusal = ERROR_NONE;
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        enum backup_state state = primary->backups[i].state;
        if (state == BACKUP_AHEAD) {
            *backup = i;
            return ERROR_PARTITION_LOST;
        }
        if (state == BACKUP_DOWN && refusal == ERROR_NONE) {
            *backup = i;
            refusal = ERROR_BACKUP_UNAVAILABLE;
        }
    }
    if (refusal == ERROR_NONE &&
        primary->last_seq - primary->committed_seq >= PRIMARY_UNCOMMITTED_EFFECTS_MAX) {
        *backup = primary_slowest(primary);
        refusal = ERROR_OVERLOADED;
    }
    return refusal;
}
