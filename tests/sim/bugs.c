// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/bugs.h"

#include "cluster/wire/event_codec.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/raft_codec.h"
#include "tests/sim/session.h"
#include "tests/sim/world.h"

static const char *const names[BUG_COUNT] = {
    [BUG_NONE] = "none",
    [BUG_ACK_EARLY] = "ack-early",
    [BUG_LEASE_IGNORED] = "lease-ignored",
    [BUG_DROP_UNAGREED] = "drop-unagreed",
    [BUG_ADD_EARLY] = "add-early",
    [BUG_VOTE_TWICE] = "vote-twice",
    [BUG_DEDUPE_LOST] = "dedupe-lost",
    [BUG_CUT_LOST] = "cut-lost",
    [BUG_SCAN_RULE] = "scan-rule",
    [BUG_MISSED_LEAVE] = "missed-leave",
    [BUG_RESUME] = "resume-off-by-one",
};

const char *bug_name(enum bug bug)
{
    return names[bug];
}

enum bug bug_by_name(const char *name)
{
    enum bug bug = BUG_NONE;
    while (bug < BUG_COUNT && strcmp(names[bug], name) != 0)
        bug++;
    return bug;
}

static enum bug bug_of(const struct machine *machine)
{
    return machine->world->bug;
}

// ---- Links ----

static void append_strip(const struct frame *frame, struct buffer *out)
{
    struct append append;
    CHECK(append_decode(frame->body, &append) == ERROR_NONE);
    size_t mark = append_begin(out, frame->header.partition, append.epoch, append.first_seq,
                               append.commit_seq, append.made_epoch, append.count);
    for (uint32_t i = 0; i < append.count; i++) {
        struct effect effect;
        CHECK(effect_decode(&append.effects, &effect) == ERROR_NONE);
        effect.origin = (struct origin){0};
        effect_encode(out, &effect);
    }
    append_end(out, mark);
}

void bug_falsify_link(struct session *session, struct bytes frames, struct buffer *out)
{
    enum bug bug = bug_of(session->shard->machine);
    struct frame frame;
    enum error error;
    if (bug != BUG_DEDUPE_LOST && bug != BUG_CUT_LOST) {
        buffer_append(out, frames.data, frames.size);
        return;
    }
    while (frame_parse(frames, FRAME_BODY_BYTES_MAX, &frame, &error) == FRAME_COMPLETE) {
        size_t size = FRAME_HEADER_BYTES + frame.body.size;
        if (bug == BUG_DEDUPE_LOST && frame.header.kind == FRAME_APPEND)
            append_strip(&frame, out);
        else if (!(bug == BUG_DEDUPE_LOST && frame.header.kind == FRAME_FILL_RESULT) &&
                 !(bug == BUG_CUT_LOST && frame.header.kind == FRAME_CUT))
            buffer_append(out, frames.data, size);
        frames = bytes_of(frames.data + size, frames.size - size);
    }
}

// Its primary hears at once that the backup has everything.
static void append_acknowledge(struct session *session, const struct frame *frame)
{
    struct append append;
    CHECK(append_decode(frame->body, &append) == ERROR_NONE);
    if (append.count == 0)
        return;
    struct position position = {.epoch = append.epoch, .seq = append.first_seq + append.count - 1};
    struct buffer out = {0};
    struct frame forged;
    enum error error;
    position_encode(&out, FRAME_ACK, frame->header.partition, &position);
    CHECK(frame_parse(buffer_bytes(&out), FRAME_BODY_BYTES_MAX, &forged, &error) == FRAME_COMPLETE);
    CHECK(shard_report(session->shard->shard, &session->outlet, &forged) == ERROR_NONE);
    buffer_deinit(&out);
}

void bug_after_link(struct session *session, struct bytes frames)
{
    struct frame frame;
    enum error error;
    if (bug_of(session->shard->machine) != BUG_ACK_EARLY)
        return;
    while (frame_parse(frames, FRAME_BODY_BYTES_MAX, &frame, &error) == FRAME_COMPLETE) {
        size_t size = FRAME_HEADER_BYTES + frame.body.size;
        if (frame.header.kind == FRAME_APPEND)
            append_acknowledge(session, &frame);
        frames = bytes_of(frames.data + size, frames.size - size);
    }
    // What it takes for committed now is no surprise to the observer: the loss of it is.
    observer_see_shard(&session->shard->machine->world->observer, session->shard);
}

// ---- Subscriptions ----

struct sought {
    struct bytes key;
    uint64_t seq;
    bool is_found;
};

static void sought_visit(void *context, const struct entry *entry)
{
    struct sought *sought = context;
    sought->is_found =
        sought->is_found || (bytes_equal(entry->key, sought->key) && entry->seq == sought->seq);
}

// The row was overtaken by a write, perhaps one that is not committed yet.
static bool row_is_replaced(const struct session *session, const struct event *event)
{
    struct replica *replica = shard_replica(session->shard->shard, event->partition);
    struct sought sought = {.key = event->key, .seq = event->seq};
    uint64_t position = 0;
    if (!replica || replica->role != REPLICA_PRIMARY)
        return false;
    while (partition_walk(replica->source.partition, bytes_of_text("m"), &position, sought_visit,
                          &sought))
        continue;
    return !sought.is_found;
}

static bool event_is_missed(const struct session *session, const struct frame *frame)
{
    struct event event;
    enum bug bug = bug_of(session->shard->machine);
    uint8_t kind = bug == BUG_SCAN_RULE ? FRAME_ROW : FRAME_LEAVE;
    if (frame->header.kind != kind)
        return false;
    CHECK(event_decode(frame, &event) == ERROR_NONE);
    return bug == BUG_SCAN_RULE ? row_is_replaced(session, &event) : event.cause == CAUSE_PUT;
}

static void events_falsify(const struct session *session, struct bytes frames, struct buffer *out)
{
    struct frame frame;
    struct bytes inner;
    enum error error;
    while (frame_parse(frames, EVENT_BODY_BYTES_MAX, &frame, &error) == FRAME_COMPLETE) {
        size_t size = FRAME_HEADER_BYTES + frame.body.size;
        if (frame.header.kind == FRAME_BATCH) {
            CHECK(batch_decode(frame.body, &inner) == ERROR_NONE);
            size_t mark = batch_begin(out);
            events_falsify(session, inner, out);
            batch_end(out, mark);
        } else if (!event_is_missed(session, &frame)) {
            buffer_append(out, frames.data, size);
        }
        frames = bytes_of(frames.data + size, frames.size - size);
    }
}

void bug_falsify_events(struct session *session)
{
    enum bug bug = bug_of(session->shard->machine);
    struct buffer *out = &session->outlet.out;
    struct bytes waiting = buffer_bytes(out);
    struct buffer falsified = {0};
    if (bug != BUG_SCAN_RULE && bug != BUG_MISSED_LEAVE)
        return;
    buffer_append(&falsified, waiting.data, session->falsified_bytes);
    events_falsify(
        session,
        bytes_of(waiting.data + session->falsified_bytes, waiting.size - session->falsified_bytes),
        &falsified);
    buffer_deinit(out);
    *out = falsified;
}

struct frame bug_falsify_question(const struct session *session, const struct frame *frame,
                                  struct buffer *forged)
{
    enum { MARKS_MAX = 64 };
    struct mark marks[MARKS_MAX];
    struct follow follow;
    struct frame told = *frame;
    enum error error;
    uint32_t count = 0;
    if (bug_of(session->shard->machine) != BUG_RESUME || frame->header.kind != FRAME_FOLLOW)
        return told;
    CHECK(follow_decode(frame->body, &follow) == ERROR_NONE);
    while (count < MARKS_MAX && mark_next(&follow.marks, &marks[count])) {
        bool is_place = marks[count].epoch != 0 && marks[count].seq != FOLLOW_LATEST_SEQ;
        marks[count++].seq += is_place ? 1 : 0;
    }
    follow_encode(forged, frame->header.request_id, follow.subscription, marks, count);
    CHECK(frame_parse(buffer_bytes(forged), FRAME_BODY_BYTES_MAX, &told, &error) == FRAME_COMPLETE);
    return told;
}

// ---- Leases ----

uint64_t bug_falsify_lease(const struct machine *machine, uint64_t until_us)
{
    bool had_one = until_us != 0 || machine->lease_until_us != 0;
    return bug_of(machine) == BUG_LEASE_IGNORED && had_one ? UINT64_MAX : until_us;
}

// ---- Wishes ----

void bug_falsify_view(const struct machine_shard *shard, struct view *view)
{
    if (bug_of(shard->machine) != BUG_DROP_UNAGREED || !shard->view)
        return;
    for (uint32_t p = 0; p < view->partition_count; p++) {
        if (shard->view->partitions[p].version > view->partitions[p].version)
            view->partitions[p] = shard->view->partitions[p];
    }
}

static void backup_leave_out(struct view *view, const struct wish *wish)
{
    struct view_partition *partition = &view->partitions[wish->partition];
    uint16_t number = view_find_member(view, wish->member_id);
    uint32_t place = view_replica_place(partition, number);
    if (place == 0 || place >= partition->in_sync_count)
        return;
    uint32_t last = --partition->in_sync_count;
    partition->replicas[place] = partition->replicas[last];
    partition->replicas[last] = number;
    partition->version++; // else the shard would not look at it
}

static void drops_grant(struct machine_shard *shard, const struct wish *wishes, uint32_t count)
{
    struct view *edited = memory_new(sizeof *edited);
    struct view *old = shard->view;
    view_copy(edited, old);
    for (uint32_t i = 0; i < count; i++) {
        if (wishes[i].kind == WISH_DROP)
            backup_leave_out(edited, &wishes[i]);
    }
    shard->view = edited;
    shard_apply_view(shard->shard, edited);
    view_deinit(old);
    free(old);
    machine_turn(shard);
}

static uint32_t adds_forge(const struct machine_shard *shard, struct wish *wishes, uint32_t count,
                           uint32_t capacity)
{
    const struct view *view = shard->view;
    const struct plan *plan = &shard->machine->world->plan;
    uint16_t self = view_find_member(view, shard->machine->id);
    for (uint32_t p = shard->number; p < view->partition_count; p += plan->shard_count) {
        const struct view_partition *partition = &view->partitions[p];
        if (view_primary(view, (uint16_t)p) != self)
            continue;
        for (uint32_t i = partition->in_sync_count; i < partition->replica_count; i++) {
            if (count < capacity)
                wishes[count++] =
                    (struct wish){.kind = WISH_ADD,
                                  .partition = (uint16_t)p,
                                  .based_on = partition->version,
                                  .member_id = view->members[partition->replicas[i]].id};
        }
    }
    return count;
}

uint32_t bug_falsify_wishes(struct machine_shard *shard, struct wish *wishes, uint32_t count,
                            uint32_t capacity)
{
    enum bug bug = bug_of(shard->machine);
    bool any_drop = false;
    for (uint32_t i = 0; i < count; i++)
        any_drop = any_drop || wishes[i].kind == WISH_DROP;
    if (bug == BUG_DROP_UNAGREED && any_drop)
        drops_grant(shard, wishes, count);
    if (bug == BUG_ADD_EARLY && shard->view)
        return adds_forge(shard, wishes, count, capacity);
    return count;
}

// ---- Votes ----

void bug_after_raft(struct machine *machine, const struct raft_message *message)
{
    if (bug_of(machine) != BUG_VOTE_TWICE || message->kind != RAFT_VOTE)
        return;
    const struct machine *candidate = observer_machine(&machine->world->observer, message->from);
    if (!candidate)
        return;
    struct raft_message *reply = memory_new(sizeof *reply);
    struct buffer out = {0};
    reply->kind = RAFT_VOTE_REPLY;
    reply->from = machine->id;
    reply->to = message->from;
    reply->term = message->term;
    reply->granted = true;
    raft_message_encode(&out, reply);
    network_send(&machine->world->network, machine->slot, candidate->slot, buffer_bytes(&out));
    buffer_deinit(&out);
    free(reply);
}
