// SPDX-License-Identifier: Apache-2.0
// The primary's side of a replica: the rules decide, this carries out.
#include "cluster/wire/message_codec.h"
#include "node/shard/core.h"

#include <stdio.h>

enum {
    FILL_LINK_BYTES = 128 * 1024, // a fill pauses while this much waits on its link: clients wait
                                  // for a turn that sends as much
    ASK_AGAIN_MS = 100,           // a backup that did not say where it stands
};

enum error replica_write_refusal(const struct replica *replica, const struct view *view, char *text,
                                 size_t capacity)
{
    if (replica->in_sync_count < replica->min_in_sync) {
        snprintf(text, capacity, "partition %u: %u copies in sync, min-in-sync is %u",
                 replica->source.number, replica->in_sync_count, replica->min_in_sync);
        return ERROR_TOO_FEW_COPIES;
    }
    uint32_t backup = 0;
    enum error error = primary_write_refusal(&replica->rules, &backup);
    if (error == ERROR_NONE)
        return error;
    uint16_t number = view_find_member(view, replica->links[backup].member_id);
    snprintf(text, capacity, "partition %u: too many writes wait for backup %s",
             replica->source.number, number == VIEW_NO_MEMBER ? "?" : view->members[number].name);
    return error;
}

bool replica_is_whole(const struct replica *replica, uint32_t wanted_copies)
{
    return replica->role == REPLICA_PRIMARY && replica->is_serving &&
           replica->in_sync_count >= wanted_copies;
}

static void fill_note(struct shard *shard, size_t sent_bytes)
{
    shard->counters.filled_bytes += sent_bytes;
    shard->fill_allowance_bytes -= (double)sent_bytes;
}

// ---- What the rules say ----

static void replica_deliver(struct replica *replica, struct shard *shard)
{
    uint64_t from_seq = replica->delivered_seq + 1;
    replica->delivered_seq = replica->source.committed_seq;
    watches_committed(shard->watches, &replica->source, from_seq);
}

static void replica_start_fill(struct replica *replica, struct shard *shard, uint32_t backup)
{
    struct replica_link *link = &replica->links[backup];
    uint64_t start_seq = replica->rules.backups[backup].sent_seq;
    struct epochs epochs = replica->rules.epochs;
    epochs_cut(&epochs, start_seq);
    fill_start(&link->fill, link->outlet, &replica->source, start_seq, &epochs);
    if (list_is_empty(&replica->filling_link))
        list_append(&shard->filling, &replica->filling_link);
}

static void replica_cut(struct replica *replica, uint32_t backup)
{
    struct outlet *outlet = replica->links[backup].outlet;
    struct position position = {.epoch = replica->rules.epoch,
                                .seq = replica->rules.backups[backup].matched_seq};
    position_encode(&outlet->out, FRAME_CUT, replica->source.number, &position);
    outlet_changed(outlet);
}

// What a backup that catches up is sent counts as a fill, though the window bounds it, not the
// allowance.
static void log_send(struct replica *replica, struct shard *shard, uint32_t backup,
                     const struct primary_send *send)
{
    struct outlet *outlet = replica->links[backup].outlet;
    size_t before_bytes = buffer_size(&outlet->out);
    feed_replica_append(outlet, &replica->source, send->from_seq, send->to_seq, send->made_epoch);
    if (replica->rules.backups[backup].standing == STANDING_OUT)
        fill_note(shard, buffer_size(&outlet->out) - before_bytes);
}

static void output_carry_out(struct replica *replica, struct shard *shard,
                             const struct primary_output *output)
{
    replica->source.committed_seq = replica->rules.committed_seq;
    replica->readable_seq =
        replica->rules.backup_count > 0 ? replica->rules.committed_seq : UINT64_MAX;
    for (uint32_t i = 0; i < replica->rules.backup_count; i++) {
        const struct primary_send *send = &output->send[i];
        struct replica_link *link = &replica->links[i];
        if (replica->rules.backups[i].state != BACKUP_FILLING)
            fill_stop(&link->fill);
        if (output->cut[i])
            replica_cut(replica, i);
        if (output->fill[i])
            replica_start_fill(replica, shard, i);
        else if (send->from_seq != 0)
            log_send(replica, shard, i, send);
    }
    if (output->committed) {
        replica_deliver(replica, shard);
        pending_release(&replica->pending, replica->source.committed_seq);
    }
    partition_retain_from(replica->source.partition, output->needed_seq);
}

static void replica_step(struct replica *replica, struct shard *shard, struct primary_event *event)
{
    struct primary_output output;
    event->now_ms = shard_now_ms(shard);
    primary_step(&replica->rules, event, &output);
    output_carry_out(replica, shard, &output);
    struct primary_event tick = {.kind = PRIMARY_TICK, .now_ms = event->now_ms};
    while (output.more) {
        primary_step(&replica->rules, &tick, &output);
        output_carry_out(replica, shard, &output);
    }
}

void replica_configure(struct replica *replica, struct shard *shard, uint64_t version,
                       const uint64_t *member_ids, const bool *in_sync, uint32_t count)
{
    struct primary_output output;
    primary_configure(&replica->rules, version, member_ids, in_sync, count, shard_now_ms(shard),
                      &output);
    output_carry_out(replica, shard, &output);
    struct primary_event tick = {.kind = PRIMARY_TICK};
    replica_step(replica, shard, &tick);
}

// Without backups nothing is decided: what is written is committed.
void replica_advance(struct replica *replica, struct shard *shard)
{
    struct primary_event event = {.kind = PRIMARY_APPENDED,
                                  .last_seq = partition_last_seq(replica->source.partition),
                                  .first_seq = partition_first_seq(replica->source.partition)};
    replica_step(replica, shard, &event);
}

// ---- Fills ----

static void fill_finish(struct replica *replica, struct shard *shard, uint32_t backup,
                        uint64_t start_seq)
{
    struct outlet *outlet = replica->links[backup].outlet;
    struct primary_event filled = {.kind = PRIMARY_FILLED, .backup = backup, .seq = start_seq};
    replica_advance(replica, shard); // the scan may have seen what was not told yet
    replica_step(replica, shard, &filled);
    fill_end(outlet, &replica->source, replica->rules.backups[backup].exact_seq);
}

bool replica_fill(struct replica *replica, struct shard *shard)
{
    bool any_active = false;
    for (uint32_t i = 0; i < replica->rules.backup_count; i++) {
        struct replica_link *link = &replica->links[i];
        if (!link->fill.is_active)
            continue;
        uint64_t start_seq = link->fill.start_seq;
        size_t before_bytes = buffer_size(&link->outlet->out);
        bool is_over = fill_continue(&link->fill, link->outlet, &replica->source, FILL_LINK_BYTES);
        fill_note(shard, buffer_size(&link->outlet->out) - before_bytes);
        if (is_over)
            fill_finish(replica, shard, i, start_seq);
        any_active = any_active || link->fill.is_active;
    }
    return any_active;
}

void replica_tell_commit(struct replica *replica)
{
    if (replica->told_seq == replica->source.committed_seq)
        return;
    replica->told_seq = replica->source.committed_seq;
    for (uint32_t i = 0; i < replica->rules.backup_count; i++) {
        const struct primary_backup *backup = &replica->rules.backups[i];
        if (backup->state == BACKUP_TAILING)
            feed_replica_commit(replica->links[i].outlet, &replica->source, backup->sent_seq);
    }
}

// ---- Time ----

// A member that was dropped and added again must have heard of both before its copy counts for
// anything: else it might drop it when it hears. So one that is not in sync answers only when it
// knows the partition's present version; one that is in sync has done so when it was added.
static void replica_ask(struct replica *replica, uint32_t backup, uint64_t now_ms)
{
    struct replica_link *link = &replica->links[backup];
    bool is_out = replica->rules.backups[backup].standing == STANDING_OUT;
    struct position position = {.epoch = replica->rules.epoch,
                                .seq = is_out ? replica->rules.version : 0};
    link->asked_version = replica->rules.version;
    position_encode(&link->outlet->out, FRAME_ATTACH, replica->source.number, &position);
    outlet_changed(link->outlet);
    link->asked_ms = now_ms;
}

// A backup may not have known that it is one when it was asked, or was dropped for a fill.
static void backups_ask_again(struct replica *replica, uint64_t now_ms)
{
    for (uint32_t i = 0; i < replica->rules.backup_count; i++) {
        struct replica_link *link = &replica->links[i];
        if (link->outlet && replica->rules.backups[i].state == BACKUP_DOWN &&
            now_ms - link->asked_ms >= ASK_AGAIN_MS)
            replica_ask(replica, i, now_ms);
    }
}

void replica_tick(struct replica *replica, struct shard *shard)
{
    if (!pending_is_empty(&replica->pending))
        pending_expire(&replica->pending, shard->time.now_us,
                       "the backups did not confirm within replication-timeout-ms");
    if (replica->rules.backup_count == 0)
        return;
    struct primary_event tick = {.kind = PRIMARY_TICK};
    replica_step(replica, shard, &tick);
    backups_ask_again(replica, shard_now_ms(shard));
}

// Before a copy is wished in sync it answers once more where it stands, under the version of the
// partition that the wish is based on.
static bool copy_is_confirmed(struct replica *replica, uint32_t backup, uint64_t now_ms)
{
    const struct primary_backup *state = &replica->rules.backups[backup];
    struct replica_link *link = &replica->links[backup];
    if (state->standing != STANDING_OUT || state->state != BACKUP_TAILING ||
        link->confirmed_version == replica->rules.version)
        return true;
    if (link->outlet && now_ms - link->asked_ms >= ASK_AGAIN_MS)
        replica_ask(replica, backup, now_ms);
    return false;
}

uint32_t replica_wishes(struct replica *replica, uint64_t now_ms, struct wish *wishes,
                        uint32_t capacity)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < replica->rules.backup_count && count < capacity; i++) {
        if (copy_is_confirmed(replica, i, now_ms) &&
            primary_wish(&replica->rules, i, now_ms, &wishes[count]))
            wishes[count++].partition = replica->source.number;
    }
    if (replica->handover_id != 0 && count < capacity && primary_is_quiet(&replica->rules))
        wishes[count++] = (struct wish){.kind = WISH_YIELD,
                                        .partition = replica->source.number,
                                        .based_on = replica->rules.version,
                                        .member_id = replica->handover_id};
    return count;
}

// ---- Links ----

// The number of the backup at the other end of the link; backup_count: none.
static uint32_t backup_at(const struct replica *replica, const struct outlet *link)
{
    uint32_t backup = 0;
    while (backup < replica->rules.backup_count && replica->links[backup].outlet != link)
        backup++;
    return backup;
}

void replica_link_up(struct replica *replica, uint64_t member_id, struct outlet *link,
                     uint64_t now_ms)
{
    for (uint32_t i = 0; i < replica->rules.backup_count; i++) {
        if (replica->links[i].member_id != member_id)
            continue;
        replica->links[i].outlet = link;
        replica_ask(replica, i, now_ms);
    }
}

void replica_link_down(struct replica *replica, struct shard *shard, const struct outlet *link)
{
    uint32_t backup = backup_at(replica, link);
    if (backup == replica->rules.backup_count)
        return;
    struct primary_event event = {.kind = PRIMARY_LINK_DOWN, .backup = backup};
    fill_stop(&replica->links[backup].fill);
    replica->links[backup].outlet = NULL;
    replica->links[backup].asked_ms = 0;
    replica_step(replica, shard, &event);
}

// A second answer to a question that was asked twice would start a session anew.
static bool position_is_awaited(struct replica *replica, uint32_t backup)
{
    struct replica_link *link = &replica->links[backup];
    bool is_awaited = link->asked_ms != 0;
    link->asked_ms = 0;
    link->confirmed_version = link->asked_version;
    return is_awaited;
}

enum error replica_report(struct replica *replica, struct shard *shard, const struct outlet *link,
                          const struct frame *frame)
{
    struct position position;
    enum error error = position_decode(frame->body, &position);
    if (error != ERROR_NONE)
        return error;
    uint32_t backup = backup_at(replica, link);
    if (replica->role != REPLICA_PRIMARY || backup == replica->rules.backup_count)
        return ERROR_NONE; // an answer to what this replica was before
    struct primary_event event = {.backup = backup, .epoch = position.epoch, .seq = position.seq};
    switch (frame->header.kind) {
    case FRAME_POSITION:
        if (position.epoch != replica->rules.epoch || !position_is_awaited(replica, backup))
            return ERROR_NONE;
        event.kind = PRIMARY_LINK_UP;
        event.epochs = &position.epochs;
        replica_advance(replica, shard); // LINK_UP speaks of a log that the rules know
        event.first_seq = partition_first_seq(replica->source.partition);
        break;
    case FRAME_ACK:
        event.kind = PRIMARY_ACK;
        break;
    case FRAME_GAP:
        event.kind = PRIMARY_GAP;
        break;
    default:
        return ERROR_UNKNOWN_OPERATION;
    }
    replica_step(replica, shard, &event);
    return ERROR_NONE;
}
