// SPDX-License-Identifier: Apache-2.0
//
//            LINK_UP, and the log reaches back to where both logs agree
//           +-------------------------------------------------------------+
//           |                                                             v
//        +------+ LINK_UP,  +---------+ FILLED  +--------+ ACK of S  +---------+
//   ---> | DOWN | --------> | FILLING | ------> | FILLED | --------> | TAILING |
//        +------+ is OUT    +---------+         +--------+           +---------+
//           | LINK_UP,           ^
//           v counts             | view: OUT
//        +------+                |
//        | LOST | ---------------+
//        +------+
//
// LINK_DOWN leads from every state to DOWN. LINK_UP does so first, as a session begins.
//
//                primary_wish, TAILING           view
//        +-----+ --------------------> +--------+ --> +----+
//   ---> | OUT |                       | WISHED |     | IN |
//        +-----+ <-------------------- +--------+     +----+
//           ^     view, of a later version              |
//           +-------------------------------------------+
//                              view
//
// Why a log is never cut below what is committed, although the primary does not know what a backup
// heard of that. An effect is committed when every backup that counts has it, and those that count
// are never fewer than the view lists as in sync: a wish makes them more before it is granted, and
// the view alone makes them fewer. So whoever the view makes primary has it, and every primary
// after that. A backup that takes it for committed has it too, and both copies were made under the
// same epoch by the same primary. Hence the epochs of both logs are the same at that seq, and the
// point of agreement does not lie below it. (An epoch has one primary, and a log is extended only
// where it agrees with that of the primary: two logs with the same epoch at a seq are equal up to
// it. Where a run is forgotten, no agreement is found, and nothing is cut.)
#include "cluster/rules/primary.h"

#include <string.h>

static const bool moves[BACKUP_STATE_COUNT][BACKUP_STATE_COUNT] = {
    [BACKUP_DOWN] = {[BACKUP_DOWN] = true,
                     [BACKUP_FILLING] = true,
                     [BACKUP_TAILING] = true,
                     [BACKUP_LOST] = true},
    [BACKUP_FILLING] = {[BACKUP_DOWN] = true, [BACKUP_FILLED] = true},
    [BACKUP_FILLED] = {[BACKUP_DOWN] = true, [BACKUP_TAILING] = true},
    [BACKUP_TAILING] = {[BACKUP_DOWN] = true},
    [BACKUP_LOST] = {[BACKUP_DOWN] = true, [BACKUP_FILLING] = true},
};

static bool backup_counts(const struct primary_backup *backup)
{
    return backup->standing != STANDING_OUT;
}

static void backup_check_seen(const struct primary *primary, const struct primary_backup *backup)
{
    CHECK(backup->sent_seq <= primary->last_seq);
    CHECK(backup->exact_seq <= primary->last_seq);
    CHECK(backup->matched_seq <= backup->sent_seq);
    switch (backup->state) {
    case BACKUP_LOST:
        CHECK(backup_counts(backup));
        __attribute__((fallthrough));
    case BACKUP_DOWN:
        CHECK(backup->sent_seq == 0 && backup->exact_seq == 0);
        break;
    case BACKUP_FILLING:
        CHECK(backup->exact_seq == 0);
        __attribute__((fallthrough));
    case BACKUP_FILLED:
        CHECK(!backup_counts(backup));
        CHECK(backup->matched_seq == 0);
        CHECK(backup->sent_seq + 1 >= primary->first_seq);
        break;
    case BACKUP_TAILING:
        CHECK(backup->sent_seq - backup->matched_seq <= PRIMARY_WINDOW_EFFECTS);
        CHECK(backup->matched_seq + 1 >= primary->first_seq);
        CHECK(!backup_counts(backup) || backup->exact_seq <= backup->matched_seq);
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
    epochs_check(&primary->epochs);
    CHECK(primary->epochs.count > 0);
    CHECK(primary->epochs.runs[primary->epochs.count - 1].epoch == primary->epoch);
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        const struct primary_backup *backup = &primary->backups[i];
        backup_check_seen(primary, backup);
        CHECK(!backup->is_drop_due || backup_counts(backup));
        for (uint32_t k = 0; k < i; k++)
            CHECK(primary->backups[k].member_id != backup->member_id);
    }
}

void primary_init(struct primary *primary, uint64_t epoch, uint64_t first_seq, uint64_t last_seq,
                  uint64_t committed_seq, const struct epochs *epochs, uint32_t drop_ms)
{
    CHECK(first_seq >= 1);
    *primary = (struct primary){
        .epoch = epoch,
        .last_seq = last_seq,
        .first_seq = first_seq,
        .committed_seq = committed_seq < first_seq ? first_seq - 1 : committed_seq,
        .drop_ms = drop_ms,
        .epochs = *epochs,
    };
    epochs_begin(&primary->epochs, epoch, last_seq + 1);
    primary_check(primary);
}

// ---- Events ----

static void backup_move(struct primary_backup *backup, enum backup_state state)
{
    CHECK(moves[backup->state][state]);
    backup->state = state;
}

static void backup_down(struct primary_backup *backup)
{
    backup_move(backup, BACKUP_DOWN);
    backup->matched_seq = 0;
    backup->sent_seq = 0;
    backup->exact_seq = 0;
}

// The backup has more than before: if it still holds anything up, it does so anew.
static void backup_progress(struct primary_backup *backup, uint64_t seq)
{
    if (seq <= backup->matched_seq)
        return;
    backup->matched_seq = seq;
    backup->waits_since_ms = 0;
}

static void primary_fill(struct primary *primary, uint32_t index, struct primary_output *output)
{
    struct primary_backup *backup = &primary->backups[index];
    backup_move(backup, BACKUP_FILLING);
    backup->sent_seq = primary->last_seq;
    output->fill[index] = true;
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

// Whether the log can make a copy that ends at event->seq equal to itself, cutting it down to
// *agreed_seq first. What two logs have in common is not known where runs are forgotten, nor can
// effects of a forgotten run be sent.
static bool primary_reaches(const struct primary *primary, const struct primary_event *event,
                            uint64_t *agreed_seq)
{
    *agreed_seq = epochs_agree(&primary->epochs, primary->last_seq, event->epochs, event->seq);
    bool is_known = *agreed_seq > 0 || event->seq == 0 ||
                    (event->epochs->count > 0 && event->epochs->runs[0].first_seq == 1);
    return is_known && *agreed_seq + 1 >= primary->first_seq &&
           *agreed_seq + 1 >= primary->epochs.runs[0].first_seq;
}

static void primary_link_up(struct primary *primary, const struct primary_event *event,
                            struct primary_output *output)
{
    struct primary_backup *backup = primary_backup_of(primary, event);
    CHECK(event->epochs != NULL);
    CHECK(event->first_seq >= primary->first_seq);
    primary->first_seq = event->first_seq;
    backup_down(backup);
    if (event->epoch != primary->epoch)
        return;
    uint64_t agreed_seq;
    if (primary_reaches(primary, event, &agreed_seq)) {
        backup_move(backup, BACKUP_TAILING);
        backup->matched_seq = agreed_seq;
        backup->sent_seq = agreed_seq;
        // It may have been filled in an earlier session: then it is exact from some seq below on.
        backup->exact_seq = agreed_seq;
        output->cut[event->backup] = agreed_seq < event->seq;
    } else if (backup_counts(backup)) {
        backup_move(backup, BACKUP_LOST);
    } else {
        primary_fill(primary, event->backup, output);
    }
}

static void primary_acknowledged(struct primary *primary, const struct primary_event *event)
{
    struct primary_backup *backup = primary_backup_of(primary, event);
    if (event->epoch != primary->epoch)
        return;
    if (backup->state == BACKUP_FILLED && event->seq == backup->sent_seq) {
        backup_move(backup, BACKUP_TAILING);
        backup_progress(backup, event->seq);
    } else if (backup->state == BACKUP_TAILING && event->seq <= backup->sent_seq) {
        backup_progress(backup, event->seq);
    }
}

// Goes back to what the backup has. A report below matched_seq is old: an ACK overtook it.
static void primary_gap(struct primary *primary, const struct primary_event *event)
{
    struct primary_backup *backup = primary_backup_of(primary, event);
    if (event->epoch != primary->epoch || backup->state != BACKUP_TAILING ||
        event->seq < backup->matched_seq || event->seq > backup->sent_seq)
        return;
    backup_progress(backup, event->seq);
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
    case PRIMARY_TICK:
        break;
    }
}

// ---- What follows from every event ----

static uint64_t seq_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void primary_send_log(struct primary *primary, struct primary_output *output)
{
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        struct primary_backup *backup = &primary->backups[i];
        uint64_t window_seq =
            seq_min(backup->matched_seq + PRIMARY_WINDOW_EFFECTS, primary->last_seq);
        if (backup->state != BACKUP_TAILING || window_seq <= backup->sent_seq)
            continue;
        uint64_t from_seq = backup->sent_seq + 1;
        uint64_t run_last_seq;
        uint64_t made_epoch = epochs_at(&primary->epochs, from_seq, &run_last_seq);
        CHECK(made_epoch > 0);
        backup->sent_seq = seq_min(window_seq, run_last_seq);
        output->send[i] = (struct primary_send){
            .from_seq = from_seq, .to_seq = backup->sent_seq, .made_epoch = made_epoch};
        output->more |= backup->sent_seq < window_seq;
    }
}

static void primary_commit(struct primary *primary, struct primary_output *output)
{
    uint64_t everywhere_seq = primary->last_seq;
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        const struct primary_backup *backup = &primary->backups[i];
        if (!backup_counts(backup))
            continue;
        if (backup->state != BACKUP_TAILING)
            return;
        everywhere_seq = seq_min(everywhere_seq, backup->matched_seq);
    }
    if (everywhere_seq <= primary->committed_seq)
        return;
    primary->committed_seq = everywhere_seq;
    output->committed = true;
}

static void primary_watch(struct primary *primary, uint64_t now_ms)
{
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        struct primary_backup *backup = &primary->backups[i];
        bool waits = backup->state == BACKUP_TAILING ? backup->matched_seq < primary->last_seq
                                                     : backup_counts(backup);
        if (!waits)
            backup->waits_since_ms = 0;
        else if (backup->waits_since_ms == 0)
            backup->waits_since_ms = now_ms > 0 ? now_ms : 1;
    }
}

// A backup that is DOWN or LOST may come back with any log. One that counts has what is committed,
// so what is kept for the sake of that suffices.
static uint64_t primary_needed_seq(const struct primary *primary)
{
    uint64_t needed_seq = primary->committed_seq + 1;
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        const struct primary_backup *backup = &primary->backups[i];
        if (backup->state == BACKUP_TAILING)
            needed_seq = seq_min(needed_seq, backup->matched_seq + 1);
        else if (backup->state == BACKUP_FILLING || backup->state == BACKUP_FILLED)
            needed_seq = seq_min(needed_seq, backup->sent_seq + 1);
    }
    return needed_seq;
}

static void primary_conclude(struct primary *primary, uint64_t now_ms,
                             struct primary_output *output)
{
    primary_send_log(primary, output);
    primary_commit(primary, output);
    primary_watch(primary, now_ms);
    output->needed_seq = primary_needed_seq(primary);
    primary_check(primary);
}

void primary_step(struct primary *primary, const struct primary_event *event,
                  struct primary_output *output)
{
    // Without knowing its backups it would commit everything.
    CHECK(primary->version > 0);
    *output = (struct primary_output){0};
    primary_handle(primary, event, output);
    primary_conclude(primary, event->now_ms, output);
}

// ---- The view ----

// The backup of this member as it was, or a new one.
static struct primary_backup primary_recall(const struct primary *primary, uint64_t member_id)
{
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        if (primary->backups[i].member_id == member_id)
            return primary->backups[i];
    }
    return (struct primary_backup){.member_id = member_id, .standing = STANDING_OUT};
}

static void backup_settle(struct primary_backup *backup, bool is_in_sync, bool has_moved)
{
    if (is_in_sync)
        backup->standing = STANDING_IN;
    else if (has_moved)
        backup->standing = STANDING_OUT;
    if (has_moved)
        backup->is_drop_due = false;
}

void primary_configure(struct primary *primary, uint64_t version, const uint64_t *member_ids,
                       const bool *in_sync, uint32_t count, uint64_t now_ms,
                       struct primary_output *output)
{
    CHECK(version > 0 && version >= primary->version);
    CHECK(count <= PRIMARY_BACKUPS_MAX);
    *output = (struct primary_output){0};
    struct primary_backup backups[PRIMARY_BACKUPS_MAX] = {0};
    for (uint32_t i = 0; i < count; i++) {
        backups[i] = primary_recall(primary, member_ids[i]);
        backup_settle(&backups[i], in_sync[i], version != primary->version);
    }
    primary->version = version;
    primary->backup_count = count;
    memcpy(primary->backups, backups, sizeof backups);
    for (uint32_t i = 0; i < count; i++) {
        if (backups[i].state == BACKUP_LOST && !backup_counts(&backups[i]))
            primary_fill(primary, i, output);
    }
    primary_conclude(primary, now_ms, output);
}

static bool primary_is_overdue(const struct primary *primary, const struct primary_backup *backup,
                               uint64_t now_ms)
{
    return backup->waits_since_ms > 0 && now_ms >= backup->waits_since_ms &&
           now_ms - backup->waits_since_ms >= primary->drop_ms;
}

// What a fill stands for or may have shown early must be committed: as a primary the copy would
// take it for that, since its log does not reach below, and as a backup it cannot be cut there. One
// that was dropped because it took nothing has to take something before it counts again.
static bool primary_may_wish(const struct primary *primary, const struct primary_backup *backup,
                             uint64_t now_ms)
{
    return backup->standing == STANDING_OUT && backup->state == BACKUP_TAILING &&
           backup->exact_seq <= backup->matched_seq &&
           backup->exact_seq <= primary->committed_seq &&
           primary->last_seq - backup->matched_seq <= PRIMARY_JOIN_LAG_EFFECTS &&
           !primary_is_overdue(primary, backup, now_ms);
}

// Up to here the log may be acknowledged: what this primary committed, and what it found when it
// began, of which it does not know what its predecessors committed (as Kafka has a follower reach
// the leader epoch's start offset).
static uint64_t primary_promised_seq(const struct primary *primary)
{
    uint64_t found_seq = primary->epochs.runs[primary->epochs.count - 1].first_seq - 1;
    return found_seq > primary->committed_seq ? found_seq : primary->committed_seq;
}

// A backup counts first, and ADD is asked for when it has all that was committed without it: else
// one with a longer way than the others might never have it at any moment.
bool primary_wish(struct primary *primary, uint32_t backup, uint64_t now_ms, struct wish *wish)
{
    CHECK(backup < primary->backup_count);
    struct primary_backup *it = &primary->backups[backup];
    if (primary_may_wish(primary, it, now_ms))
        it->standing = STANDING_WISHED;
    if (backup_counts(it) && (it->state == BACKUP_LOST || primary_is_overdue(primary, it, now_ms)))
        it->is_drop_due = true;
    bool is_add_due = it->standing == STANDING_WISHED && it->state == BACKUP_TAILING &&
                      it->matched_seq >= primary_promised_seq(primary);
    if (!it->is_drop_due && !is_add_due)
        return false;
    *wish = (struct wish){.kind = it->is_drop_due ? WISH_DROP : WISH_ADD,
                          .based_on = primary->version,
                          .member_id = it->member_id};
    return true;
}

// ---- Questions ----

bool primary_is_quiet(const struct primary *primary)
{
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        const struct primary_backup *backup = &primary->backups[i];
        if (backup_counts(backup) &&
            (backup->state != BACKUP_TAILING || backup->matched_seq < primary->last_seq))
            return false;
    }
    return true;
}

enum error primary_write_refusal(const struct primary *primary, uint32_t *backup)
{
    if (primary->last_seq - primary->committed_seq < PRIMARY_UNCOMMITTED_EFFECTS_MAX)
        return ERROR_NONE;
    // Without a backup that counts all would be committed, so there is one.
    uint64_t slowest_seq = UINT64_MAX;
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        const struct primary_backup *it = &primary->backups[i];
        if (!backup_counts(it) || it->matched_seq >= slowest_seq)
            continue;
        slowest_seq = it->matched_seq;
        *backup = i;
    }
    return ERROR_OVERLOADED;
}
