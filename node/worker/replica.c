// SPDX-License-Identifier: Apache-2.0
#include "node/worker/replica.h"

#include "cluster/wire/message_codec.h"

#include <stdio.h>

// A fill pauses while this much waits on its link.
enum { FILL_LINK_BYTES = 1024 * 1024 };

void replica_init(struct replica *replica, const struct router *router, uint16_t number,
                  struct partition *partition, struct list *filling)
{
    const struct view *view = router->view;
    *replica = (struct replica){.is_primary = router_is_primary(router, number)};
    replica->source.partition = partition;
    replica->source.number = number;
    replica->source.epoch = view->epochs[number];
    list_init(&replica->touched_link);
    list_init(&replica->filling_link);
    replica->filling = filling;
    uint32_t backup_count = 0;
    for (uint32_t i = 1; i < view->replica_count; i++) {
        uint16_t member = view_owner(view, number, i);
        if (member != VIEW_NO_MEMBER)
            replica->backup_members[backup_count++] = member;
    }
    replica->readable_seq = backup_count == 0 ? UINT64_MAX : 0;
    primary_init(&replica->rules, replica->source.epoch, backup_count, 1, 0, 0);
    backup_init(&replica->copy, replica->source.epoch, 0, 0);
    partition_set_primary(partition, replica->is_primary);
}

void replica_deinit(struct replica *replica)
{
    for (uint32_t i = 0; i < PRIMARY_BACKUPS_MAX; i++)
        fill_stop(&replica->fills[i]);
    list_remove(&replica->touched_link);
    list_remove(&replica->filling_link);
    pending_deinit(&replica->pending);
}

enum error replica_write_refusal(const struct replica *replica, const struct router *router,
                                 char *text, size_t capacity)
{
    uint32_t backup = 0;
    enum error error = primary_write_refusal(&replica->rules, &backup);
    if (error == ERROR_NONE)
        return error;
    const struct view_member *member = &router->view->members[replica->backup_members[backup]];
    const char *reason = error == ERROR_PARTITION_LOST
                             ? "this primary restarted empty, its data is on backup"
                         : error == ERROR_OVERLOADED ? "too many writes wait for backup"
                                                     : "no answer from backup";
    snprintf(text, capacity, "partition %u: %s %s (%s:%u)", replica->source.number, reason,
             member->name, member->host, member->port);
    return error;
}

// ---- Primary ----

bool replica_is_in_sync(const struct replica *replica)
{
    if (!replica->is_primary)
        return true;
    for (uint32_t i = 0; i < replica->rules.backup_count; i++) {
        if (replica->rules.backups[i].state != BACKUP_TAILING)
            return false;
    }
    return true;
}

static void replica_deliver(struct replica *replica, struct watches *watches)
{
    uint64_t from_seq = replica->delivered_seq + 1;
    replica->delivered_seq = replica->source.committed_seq;
    watches_committed(watches, &replica->source, from_seq);
}

static void replica_start_fill(struct replica *replica, uint32_t backup)
{
    fill_start(&replica->fills[backup], replica->links[backup], &replica->source,
               replica->rules.backups[backup].sent_seq);
    if (list_is_empty(&replica->filling_link))
        list_append(replica->filling, &replica->filling_link);
}

static void replica_step(struct replica *replica, const struct primary_event *event,
                         struct watches *watches)
{
    struct primary_output output;
    primary_step(&replica->rules, event, &output);
    replica->source.committed_seq = replica->rules.committed_seq;
    if (replica->rules.backup_count > 0)
        replica->readable_seq = replica->source.committed_seq;
    for (uint32_t i = 0; i < replica->rules.backup_count; i++) {
        struct primary_send send = output.send[i];
        if (output.fill[i])
            replica_start_fill(replica, i);
        else if (send.from_seq != 0)
            feed_replica_append(replica->links[i], &replica->source, send.from_seq, send.to_seq);
    }
    if (output.committed) {
        replica_deliver(replica, watches);
        pending_release(&replica->pending, replica->source.committed_seq);
    }
    partition_retain_from(replica->source.partition, output.needed_seq);
}

// Without backups nothing is decided: what is written is committed.
static void advance_alone(struct replica *replica, struct watches *watches)
{
    replica->source.committed_seq = partition_last_seq(replica->source.partition);
    replica_deliver(replica, watches);
    partition_retain_from(replica->source.partition, replica->source.committed_seq + 1);
}

void replica_advance(struct replica *replica, struct watches *watches)
{
    if (replica->rules.backup_count == 0) {
        advance_alone(replica, watches);
        return;
    }
    struct primary_event event = {.kind = PRIMARY_APPENDED,
                                  .last_seq = partition_last_seq(replica->source.partition),
                                  .first_seq = partition_first_seq(replica->source.partition)};
    replica_step(replica, &event, watches);
}

// The number of the backup at the other end of the link; backup_count: none.
static uint32_t backup_at(const struct replica *replica, const struct outlet *link)
{
    uint32_t backup = 0;
    while (backup < replica->rules.backup_count && replica->links[backup] != link)
        backup++;
    return backup;
}

bool replica_fill(struct replica *replica, struct watches *watches)
{
    bool any_active = false;
    for (uint32_t i = 0; i < replica->rules.backup_count; i++) {
        struct fill *fill = &replica->fills[i];
        if (!fill->is_active)
            continue;
        struct primary_event filled = {.kind = PRIMARY_FILLED, .backup = i, .seq = fill->start_seq};
        if (fill_continue(fill, replica->links[i], &replica->source, FILL_LINK_BYTES)) {
            replica_advance(replica, watches); // the scan may have seen what was not told yet
            replica_step(replica, &filled, watches);
            fill_end(replica->links[i], &replica->source, replica->rules.backups[i].exact_seq);
        }
        any_active = any_active || fill->is_active;
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
            feed_replica_commit(replica->links[i], &replica->source, backup->sent_seq);
    }
}

void replica_link_up(struct replica *replica, uint16_t member, struct outlet *link)
{
    for (uint32_t i = 0; i < replica->rules.backup_count; i++) {
        if (replica->backup_members[i] != member)
            continue;
        replica->links[i] = link;
        struct position position = {.epoch = replica->source.epoch};
        position_encode(&link->out, FRAME_ATTACH, replica->source.number, &position);
        outlet_changed(link);
    }
}

void replica_link_down(struct replica *replica, const struct outlet *link, struct watches *watches)
{
    uint32_t backup = backup_at(replica, link);
    if (backup == replica->rules.backup_count)
        return;
    replica->links[backup] = NULL;
    fill_stop(&replica->fills[backup]);
    struct primary_event event = {.kind = PRIMARY_LINK_DOWN, .backup = backup};
    replica_step(replica, &event, watches);
}

enum error replica_report(struct replica *replica, const struct outlet *link,
                          const struct frame *frame, struct watches *watches)
{
    struct position position;
    enum error error = position_decode(frame->body, &position);
    if (error != ERROR_NONE)
        return error;
    uint32_t backup = backup_at(replica, link);
    if (!replica->is_primary || backup == replica->rules.backup_count)
        return ERROR_NOT_OWNER;
    struct primary_event event = {.backup = backup, .epoch = position.epoch, .seq = position.seq};
    switch (frame->header.kind) {
    case FRAME_POSITION:
        event.kind = PRIMARY_LINK_UP;
        event.last_seq = partition_last_seq(replica->source.partition);
        event.first_seq = partition_first_seq(replica->source.partition);
        replica_advance(replica, watches); // LINK_UP speaks of a log that the rules know
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
    replica_step(replica, &event, watches);
    return ERROR_NONE;
}

// ---- Backup ----

static void position_answer(const struct replica *replica, struct outlet *link, uint8_t kind)
{
    struct position position = {.epoch = replica->copy.epoch, .seq = replica->copy.last_seq};
    position_encode(&link->out, kind, replica->source.number, &position);
    outlet_changed(link);
}

static enum backup_verdict replica_copy_step(struct replica *replica, struct outlet *link,
                                             const struct backup_event *event,
                                             struct backup_output *output)
{
    backup_step(&replica->copy, event, output);
    if (output->verdict == BACKUP_REPORT_GAP)
        position_answer(replica, link, FRAME_GAP);
    return output->verdict;
}

static enum error receive_append(struct replica *replica, struct outlet *link,
                                 const struct frame *frame)
{
    struct append append;
    enum error error = append_decode(frame->body, &append);
    if (error != ERROR_NONE)
        return error;
    // All effects are looked at before the rules take the frame as received.
    struct bytes effects = append.effects;
    struct effect effect = {0};
    for (uint32_t i = 0; i < append.count; i++) {
        if ((error = effect_decode(&effects, &effect)) != ERROR_NONE)
            return error;
    }
    if (effects.size != 0)
        return ERROR_MALFORMED_FRAME;
    struct backup_event event = {.kind = BACKUP_APPEND,
                                 .epoch = append.epoch,
                                 .first_seq = append.first_seq,
                                 .count = append.count,
                                 .commit_seq = append.commit_seq};
    struct backup_output output;
    if (replica_copy_step(replica, link, &event, &output) == BACKUP_ACCEPT) {
        for (uint32_t i = 0; i < append.count; i++) {
            if (append.count > 1) // else it was decoded above
                CHECK(effect_decode(&append.effects, &effect) == ERROR_NONE);
            effect.seq = append.first_seq + i;
            if (i >= output.skip)
                partition_append(replica->source.partition, &effect);
        }
    }
    partition_retain_from(replica->source.partition, replica->copy.committed_seq + 1);
    if (output.acknowledge)
        position_answer(replica, link, FRAME_ACK);
    return ERROR_NONE;
}

static enum error receive_fill_entry(struct replica *replica, struct outlet *link,
                                     const struct frame *frame)
{
    struct fill_entry filled;
    enum error error = fill_entry_decode(frame->body, &filled);
    if (error != ERROR_NONE)
        return error;
    struct backup_event event = {.kind = BACKUP_FILL_ENTRY, .epoch = filled.epoch};
    struct backup_output output;
    if (replica_copy_step(replica, link, &event, &output) == BACKUP_ACCEPT) {
        struct entry entry = {.key = filled.key,
                              .value = filled.value,
                              .seq = filled.seq,
                              .expiry_ms = filled.expiry_ms,
                              .max_idle_ms = filled.max_idle_ms};
        partition_load(replica->source.partition, filled.map, &entry);
    }
    return ERROR_NONE;
}

static enum error receive_position(struct replica *replica, struct outlet *link,
                                   const struct frame *frame)
{
    struct position position;
    enum error error = position_decode(frame->body, &position);
    if (error != ERROR_NONE)
        return error;
    if (frame->header.kind == FRAME_ATTACH) {
        replica_primary_gone(replica, replica->primary_link);
        replica->primary_link = link;
        position_answer(replica, link, FRAME_POSITION);
        return ERROR_NONE;
    }
    bool begins = frame->header.kind == FRAME_FILL_BEGIN;
    struct backup_event event = {.kind = begins ? BACKUP_FILL_BEGIN : BACKUP_FILL_END,
                                 .epoch = position.epoch,
                                 .seq = position.seq};
    struct backup_output output;
    if (replica_copy_step(replica, link, &event, &output) == BACKUP_ACCEPT && begins)
        partition_reset(replica->source.partition, position.seq);
    if (output.acknowledge)
        position_answer(replica, link, FRAME_ACK);
    return ERROR_NONE;
}

enum error replica_receive(struct replica *replica, struct outlet *link, const struct frame *frame)
{
    if (replica->is_primary)
        return ERROR_NOT_OWNER;
    if (frame->header.kind != FRAME_ATTACH && replica->primary_link != link)
        return ERROR_NOT_OWNER;
    switch (frame->header.kind) {
    case FRAME_APPEND:
        return receive_append(replica, link, frame);
    case FRAME_FILL_ENTRY:
        return receive_fill_entry(replica, link, frame);
    case FRAME_ATTACH:
    case FRAME_FILL_BEGIN:
    case FRAME_FILL_END:
        return receive_position(replica, link, frame);
    default:
        return ERROR_UNKNOWN_OPERATION;
    }
}

void replica_primary_gone(struct replica *replica, const struct outlet *link)
{
    if (link == NULL || replica->primary_link != link)
        return;
    replica->primary_link = NULL;
    struct backup_event event = {.kind = BACKUP_RESET_LINK};
    struct backup_output output;
    backup_step(&replica->copy, &event, &output);
    if (output.verdict == BACKUP_ACCEPT)
        partition_reset(replica->source.partition, 0);
}
