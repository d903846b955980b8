// SPDX-License-Identifier: Apache-2.0
// The backup's side of a replica: frames of the primary become events of the rules, and what these
// accept goes into the store.
#include "cluster/wire/message_codec.h"
#include "node/shard/replica.h"

static void position_answer(const struct replica *replica, struct outlet *link, uint8_t kind)
{
    struct position position = {.epoch = replica->copy.epoch, .seq = replica->copy.last_seq};
    if (kind == FRAME_POSITION)
        position.epochs = replica->copy.epochs;
    position_encode(&link->out, kind, replica->source.number, &position);
    outlet_changed(link);
}

static enum backup_verdict copy_step(struct replica *replica, struct outlet *link,
                                     const struct backup_event *event, struct backup_output *output)
{
    backup_step(&replica->copy, event, output);
    if (output->verdict == BACKUP_REPORT_GAP)
        position_answer(replica, link, FRAME_GAP);
    return output->verdict;
}

// ---- The log ----

// All effects are looked at before the rules take the frame as received.
static enum error effects_check(const struct append *append, struct effect *effect)
{
    struct bytes effects = append->effects;
    for (uint32_t i = 0; i < append->count; i++) {
        enum error error = effect_decode(&effects, effect);
        if (error != ERROR_NONE)
            return error;
    }
    return effects.size == 0 ? ERROR_NONE : ERROR_MALFORMED_FRAME;
}

static enum error receive_append(struct replica *replica, struct outlet *link,
                                 const struct frame *frame)
{
    struct append append;
    struct effect effect = {0};
    enum error error = append_decode(frame->body, &append);
    if (error == ERROR_NONE)
        error = effects_check(&append, &effect);
    if (error != ERROR_NONE)
        return error;
    struct backup_event event = {.kind = BACKUP_APPEND,
                                 .epoch = append.epoch,
                                 .first_seq = append.first_seq,
                                 .count = append.count,
                                 .commit_seq = append.commit_seq,
                                 .made_epoch = append.made_epoch};
    struct backup_output output;
    if (copy_step(replica, link, &event, &output) == BACKUP_ACCEPT) {
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

static void receive_cut(struct replica *replica, struct outlet *link,
                        const struct backup_event *cut)
{
    struct backup_output output;
    if (copy_step(replica, link, cut, &output) == BACKUP_ACCEPT)
        partition_cut(replica->source.partition, replica->copy.last_seq);
}

// ---- Fills ----

static enum error receive_fill_entry(struct replica *replica, struct outlet *link,
                                     const struct frame *frame)
{
    struct fill_entry filled;
    enum error error = fill_entry_decode(frame->body, &filled);
    if (error != ERROR_NONE)
        return error;
    struct backup_event event = {.kind = BACKUP_FILL_ENTRY, .epoch = filled.epoch};
    struct backup_output output;
    if (copy_step(replica, link, &event, &output) == BACKUP_ACCEPT) {
        struct entry entry = {.key = filled.key,
                              .value = filled.value,
                              .seq = filled.seq,
                              .expiry_ms = filled.expiry_ms,
                              .max_idle_ms = filled.max_idle_ms};
        partition_load(replica->source.partition, filled.map, &entry);
    }
    return ERROR_NONE;
}

static enum error receive_fill_result(struct replica *replica, struct outlet *link,
                                      const struct frame *frame)
{
    struct fill_result result;
    enum error error = fill_result_decode(frame->body, &result);
    if (error != ERROR_NONE)
        return error;
    struct backup_event event = {.kind = BACKUP_FILL_ENTRY, .epoch = result.epoch};
    struct backup_output output;
    if (copy_step(replica, link, &event, &output) == BACKUP_ACCEPT)
        partition_load_result(replica->source.partition, &result);
    return ERROR_NONE;
}

static void receive_fill_mark(struct replica *replica, struct outlet *link,
                              const struct backup_event *event)
{
    struct backup_output output;
    if (copy_step(replica, link, event, &output) == BACKUP_ACCEPT &&
        event->kind == BACKUP_FILL_BEGIN)
        partition_reset(replica->source.partition, event->seq);
    if (output.acknowledge)
        position_answer(replica, link, FRAME_ACK);
}

// ---- Sessions ----

// `version`: of the partition, that we have to know.
static void receive_attach(struct replica *replica, struct outlet *link, uint64_t epoch,
                           uint64_t version)
{
    struct backup_event event = {.kind = BACKUP_ATTACH, .epoch = epoch};
    struct backup_output output;
    bool is_early = replica->role != REPLICA_BACKUP || version > replica->view_version;
    replica->early_link = is_early ? link : NULL;
    replica->early_epoch = epoch;
    replica->early_version = version;
    if (is_early || epoch < replica->copy.epoch)
        return;
    replica_primary_gone(replica, replica->primary_link);
    replica->primary_link = link;
    if (copy_step(replica, link, &event, &output) == BACKUP_ACCEPT)
        partition_reset(replica->source.partition, 0);
    if (output.report)
        position_answer(replica, link, FRAME_POSITION);
}

static enum error receive_position(struct replica *replica, struct outlet *link,
                                   const struct frame *frame)
{
    static const enum backup_event_kind kinds[] = {
        [FRAME_FILL_BEGIN - FRAME_ATTACH] = BACKUP_FILL_BEGIN,
        [FRAME_FILL_END - FRAME_ATTACH] = BACKUP_FILL_END,
        [FRAME_CUT - FRAME_ATTACH] = BACKUP_CUT,
    };
    struct position position;
    enum error error = position_decode(frame->body, &position);
    if (error != ERROR_NONE)
        return error;
    struct backup_event event = {.kind = kinds[frame->header.kind - FRAME_ATTACH],
                                 .epoch = position.epoch,
                                 .seq = position.seq,
                                 .epochs = &position.epochs};
    if (frame->header.kind == FRAME_ATTACH)
        receive_attach(replica, link, position.epoch, position.seq);
    else if (frame->header.kind == FRAME_CUT)
        receive_cut(replica, link, &event);
    else
        receive_fill_mark(replica, link, &event);
    return ERROR_NONE;
}

// A frame that is not for what this replica is now comes from a primary that was: it will hear.
enum error replica_receive(struct replica *replica, struct outlet *link, const struct frame *frame)
{
    if (frame->header.kind != FRAME_ATTACH &&
        (replica->role != REPLICA_BACKUP || replica->primary_link != link))
        return ERROR_NONE;
    switch (frame->header.kind) {
    case FRAME_APPEND:
        return receive_append(replica, link, frame);
    case FRAME_FILL_ENTRY:
        return receive_fill_entry(replica, link, frame);
    case FRAME_FILL_RESULT:
        return receive_fill_result(replica, link, frame);
    case FRAME_ATTACH:
    case FRAME_CUT:
    case FRAME_FILL_BEGIN:
    case FRAME_FILL_END:
        return receive_position(replica, link, frame);
    default:
        return ERROR_UNKNOWN_OPERATION;
    }
}

void replica_attach_early(struct replica *replica)
{
    if (replica->early_link)
        receive_attach(replica, replica->early_link, replica->early_epoch, replica->early_version);
}

void replica_primary_gone(struct replica *replica, const struct outlet *link)
{
    if (replica->early_link == link)
        replica->early_link = NULL;
    if (link == NULL || replica->primary_link != link)
        return;
    replica->primary_link = NULL;
    struct backup_event event = {.kind = BACKUP_RESET_LINK};
    struct backup_output output;
    backup_step(&replica->copy, &event, &output);
    if (output.verdict == BACKUP_ACCEPT)
        partition_reset(replica->source.partition, 0);
}
