// SPDX-License-Identifier: Apache-2.0
// What nodes say: whom it concerns, whether it counts, and how far it brings a partition.
//
// Only frames of the link that feeds a partition count there. A frame moves the position when all
// its events were told, a BATCH as a whole: so a connection may break between any two frames.
#include "client/standing_core.h"
#include "cluster/wire/event_codec.h"

static const char unknown_text[] = "the node spoke of a subscription that was not made";

// ---- Audiences and batches ----

// A subscription that is still to be told something, or NULL; *why if it is none of ours.
static struct grid_subscription *listener_find(const struct client_standing *standing, uint32_t id,
                                               const char **why)
{
    bool is_ours = client_id_is_standing(id) && client_id_question(id) == CLIENT_SUBSCRIBE;
    struct grid_subscription *subscription =
        is_ours ? standing_find(standing, client_id_number(id)) : NULL;
    if (!subscription)
        *why = unknown_text;
    return subscription && !subscription->is_ended ? subscription : NULL;
}

bool standing_audience_step(struct audience *audience, uint32_t *id)
{
    if (audience->ids.size > 0)
        return audience_next(&audience->ids, id);
    *id = audience->subscription;
    audience->subscription = SUBSCRIPTIONS_JOINED;
    return *id != SUBSCRIPTIONS_JOINED;
}

bool standing_batch_step(struct bytes *frames, struct frame *frame)
{
    enum error error;
    if (frame_parse(*frames, EVENT_BODY_BYTES_MAX, frame, &error) != FRAME_COMPLETE)
        return false;
    size_t taken = FRAME_HEADER_BYTES + frame->body.size;
    *frames = bytes_of(frames->data + taken, frames->size - taken);
    return true;
}

// Where it stands for what is said now. Before its own FOLLOW is answered the node may still hold
// it for one of those that are joined: what it says then does not count.
static enum standing_place place_heard(const struct grid_subscription *subscription,
                                       uint16_t partition)
{
    const struct standing_journey *journey = subscription->journey;
    if (journey && (journey->places[partition] & PLACE_ASKED))
        return PLACE_HELD;
    return standing_place_of(subscription, partition);
}

// ---- Events ----

static void row_take(struct grid_subscription *subscription,
                     const struct standing_partition *partition, const struct event *event)
{
    enum standing_place place = place_heard(subscription, event->partition);
    if (place == PLACE_STARTING)
        standing_place_set(subscription, event->partition, PLACE_SNAPSHOT);
    if (place == PLACE_STARTING || place == PLACE_SNAPSHOT || place == PLACE_RESETTING ||
        (place == PLACE_JOINED && partition->is_resetting))
        standing_tell_row(subscription, event);
}

// Of a course of its own.
static void replay_take(struct grid_subscription *subscription, const struct event *event)
{
    uint16_t partition = event->partition;
    enum standing_place place = place_heard(subscription, partition);
    if (place == PLACE_STARTING) {
        standing_own_set(subscription->journey, partition, 0, 0);
        standing_place_set(subscription, partition, PLACE_REPLAYING);
    } else if (place == PLACE_REPLAYING) {
        if (event->seq <= subscription->journey->own[partition].seq)
            return; // told before: it was asked again from where it was
    } else if (place != PLACE_SNAPSHOT && place != PLACE_RESETTING) {
        return;
    }
    // Of merged changes only all together make sense: until READY there is no place to go on from.
    if (place != PLACE_RESETTING && subscription->policy == GRID_POLICY_CONFLATE &&
        subscription->standing->telling.is_batch)
        standing_place_set(subscription, partition, PLACE_SNAPSHOT);
    standing_tell_change(subscription, event);
    if (subscription->journey)
        standing_own_set(subscription->journey, partition, event->epoch, event->seq);
}

static void change_take(struct grid_subscription *subscription, const struct event *event)
{
    enum standing_place place = place_heard(subscription, event->partition);
    if (place == PLACE_STARTING) {
        bool is_latest = subscription->start == GRID_START_LATEST;
        standing_place_set(subscription, event->partition,
                           is_latest ? PLACE_JOINED : PLACE_SNAPSHOT);
        if (subscription->is_ended)
            return; // by its `ready`
    } else if (place != PLACE_JOINED && place != PLACE_SNAPSHOT && place != PLACE_RESETTING) {
        return; // it is not with the others: its replay will tell
    }
    standing_tell_change(subscription, event);
}

static const char *event_take(struct client_standing_link *link, const struct event *event)
{
    struct client_standing *standing = link->standing;
    const struct standing_partition *partition = standing_fed(link, event->partition);
    struct standing_telling *telling = &standing->telling;
    const char *why = NULL;
    if (!partition)
        return NULL;
    telling->current = event;
    telling->left = event->audience;
    while (!why && standing_audience_step(&telling->left, &telling->id)) {
        struct grid_subscription *subscription = listener_find(standing, telling->id, &why);
        if (!subscription)
            continue;
        if (event->kind == FRAME_ROW)
            row_take(subscription, partition, event);
        else if (event->is_replay)
            replay_take(subscription, event);
        else
            change_take(subscription, event);
    }
    telling->current = NULL;
    return why;
}

static void event_position(struct client_standing_link *link, const struct event *event)
{
    struct standing_partition *partition = standing_fed(link, event->partition);
    if (partition && event->kind != FRAME_ROW && !event->is_replay)
        standing_position_set(partition, event->epoch, event->seq);
}

// ---- READY and RESET ----

// A reset may have brought nothing to light: that too is told.
static void progress_tell(struct client_standing *standing, uint16_t partition, uint64_t seq)
{
    for (uint32_t number = 1; standing->progress_count > 0 && number < standing->table_size;
         number++) {
        struct grid_subscription *subscription = standing->table[number];
        if (subscription && !subscription->is_ended &&
            standing_place_of(subscription, partition) == PLACE_JOINED)
            standing_tell_progress(subscription, partition, seq);
    }
}

static void subscription_ready(struct grid_subscription *subscription,
                               struct standing_partition *partition, const struct mark *mark)
{
    enum standing_place place = place_heard(subscription, mark->partition);
    if (place != PLACE_STARTING && place != PLACE_REPLAYING && place != PLACE_SNAPSHOT &&
        place != PLACE_RESETTING)
        return;
    standing_tell_reset_end(subscription, mark->partition);
    if (partition->knowledge == KNOWLEDGE_NONE && mark->epoch != 0)
        standing_position_set(partition, mark->epoch, mark->seq);
    if (!subscription->is_ended)
        standing_place_set(subscription, mark->partition, PLACE_JOINED);
    if (!subscription->is_ended && partition->knowledge == KNOWLEDGE_POSITION &&
        !partition->is_resetting)
        standing_tell_progress(subscription, mark->partition, partition->position.seq);
}

static void subscription_reset(struct grid_subscription *subscription, uint16_t partition)
{
    enum standing_place place = place_heard(subscription, partition);
    if (place == PLACE_FRESH || place == PLACE_HELD || place == PLACE_VOID)
        return;
    bool is_first = place == PLACE_STARTING;
    standing_place_set(subscription, partition, is_first ? PLACE_SNAPSHOT : PLACE_RESETTING);
    if (!is_first)
        standing_tell_reset(subscription, partition);
}

// All that are joined there.
static void joined_reset(struct client_standing *standing, struct standing_partition *partition,
                         const struct mark *mark)
{
    standing->resetting_count += !partition->is_resetting;
    partition->is_resetting = true;
    partition->knowledge = KNOWLEDGE_POSITION;
    partition->position = (struct standing_mark){mark->epoch, mark->seq};
    standing->is_notice_due = true;
    standing_want_turn(standing);
    for (uint32_t number = 1; number < standing->table_size; number++) {
        struct grid_subscription *subscription = standing->table[number];
        if (subscription && !subscription->is_ended &&
            standing_place_of(subscription, mark->partition) == PLACE_JOINED)
            standing_tell_reset(subscription, mark->partition);
    }
}

static void joined_ready(struct client_standing *standing, struct standing_partition *partition,
                         const struct mark *mark)
{
    if (!partition->is_resetting)
        return;
    for (uint32_t number = 1; standing->keeper_count > 0 && number < standing->table_size;
         number++) {
        struct grid_subscription *subscription = standing->table[number];
        if (subscription && !subscription->is_ended &&
            standing_place_of(subscription, mark->partition) == PLACE_JOINED)
            standing_tell_reset_end(subscription, mark->partition);
    }
    partition->is_resetting = false;
    standing->resetting_count--;
    standing->is_notice_due = true;
    standing_want_turn(standing);
    progress_tell(standing, mark->partition, partition->position.seq);
}

static const char *milestone_at(struct client_standing_link *link, uint8_t kind,
                                struct audience audience, const struct mark *mark)
{
    struct client_standing *standing = link->standing;
    struct standing_partition *partition = standing_fed(link, mark->partition);
    bool is_reset = kind == FRAME_RESET;
    const char *why = NULL;
    uint32_t id;
    if (!partition)
        return NULL;
    if (audience.ids.size == 0 && audience.subscription == SUBSCRIPTIONS_JOINED) {
        if (is_reset)
            joined_reset(standing, partition, mark);
        else
            joined_ready(standing, partition, mark);
        return NULL;
    }
    while (!why && standing_audience_step(&audience, &id)) {
        struct grid_subscription *subscription = listener_find(standing, id, &why);
        if (subscription && is_reset)
            subscription_reset(subscription, mark->partition);
        else if (subscription)
            subscription_ready(subscription, partition, mark);
    }
    return why;
}

static const char *milestone_take(struct client_standing_link *link, const struct frame *frame)
{
    const struct client_standing *standing = link->standing;
    struct milestone milestone;
    struct mark mark;
    const char *why = NULL;
    if (milestone_decode(frame, &milestone) != ERROR_NONE)
        return "the node sent a malformed READY or RESET";
    if (milestone.marks.size > 0) {
        while (!why && mark_next(&milestone.marks, &mark))
            why = milestone_at(link, frame->header.kind, milestone.audience, &mark);
        return why;
    }
    for (uint32_t i = 0; !why && i < standing->partition_count; i++) {
        mark = (struct mark){.partition = (uint16_t)i};
        why = milestone_at(link, frame->header.kind, milestone.audience, &mark);
    }
    return why;
}

// ---- PROGRESS and MOVED ----

static const char *progress_take(struct client_standing_link *link, const struct frame *frame)
{
    struct client_standing *standing = link->standing;
    struct progress progress;
    struct mark mark;
    if (progress_decode(frame->body, &progress) != ERROR_NONE)
        return "the node sent a malformed PROGRESS";
    link->heard_ms = standing->now_ms;
    if (progress.behind_count == 0)
        link->confirmed_ms = standing->now_ms;
    if (progress.behind_count != link->behind) {
        standing->behind += progress.behind_count - link->behind;
        link->behind = progress.behind_count;
        standing->is_notice_due = true;
        standing_want_turn(standing);
    }
    while (mark_next(&progress.marks, &mark)) {
        if (mark.partition >= standing->partition_count)
            return "the node spoke of a partition that does not exist";
        struct standing_partition *partition = standing_fed(link, mark.partition);
        if (!partition)
            continue;
        standing_position_set(partition, mark.epoch, mark.seq);
        if (partition->stage == STAGE_IMPLIED)
            partition->stage = STAGE_FED;
        if (!partition->is_resetting)
            progress_tell(standing, mark.partition, mark.seq);
    }
    return NULL;
}

static const char *moved_take(struct client_standing_link *link, const struct frame *frame)
{
    struct client_standing *standing = link->standing;
    struct bytes marks;
    struct mark mark;
    if (marks_decode(frame->body, &marks) != ERROR_NONE)
        return "the node sent a malformed MOVED";
    while (mark_next(&marks, &mark)) {
        struct standing_partition *partition = standing_fed(link, mark.partition);
        if (!partition)
            continue;
        standing_position_set(partition, mark.epoch, mark.seq);
        standing_unfollow(standing, mark.partition, true);
    }
    standing->host.want_view(standing->host.context);
    return NULL;
}

// ---- Frames ----

static const char *single_take(struct client_standing_link *link, const struct frame *frame,
                               bool moves_position)
{
    struct event event;
    switch (frame->header.kind) {
    case FRAME_ROW:
    case FRAME_ENTER:
    case FRAME_UPDATE:
    case FRAME_LEAVE:
        if (event_decode(frame, &event) != ERROR_NONE)
            return "the node sent a malformed event";
        const char *why = event_take(link, &event);
        if (!why && moves_position)
            event_position(link, &event);
        return why;
    case FRAME_READY:
    case FRAME_RESET:
        return milestone_take(link, frame);
    case FRAME_PROGRESS:
        return progress_take(link, frame);
    case FRAME_MOVED:
        return moved_take(link, frame);
    case FRAME_ENDED:
        return standing_link_answer(link, frame);
    default:
        return "the node sent a frame that no subscription knows";
    }
}

static void batch_position(struct client_standing_link *link, const struct frame *frame)
{
    struct event event;
    struct progress progress;
    struct mark mark;
    if (frame->header.kind == FRAME_PROGRESS &&
        progress_decode(frame->body, &progress) == ERROR_NONE) {
        while (mark_next(&progress.marks, &mark)) {
            struct standing_partition *partition = standing_fed(link, mark.partition);
            if (partition)
                standing_position_set(partition, mark.epoch, mark.seq);
        }
    }
    bool is_event = frame->header.kind >= FRAME_ENTER && frame->header.kind <= FRAME_LEAVE;
    if (is_event && event_decode(frame, &event) == ERROR_NONE)
        event_position(link, &event);
}

static const char *batch_take(struct client_standing_link *link, const struct frame *frame)
{
    struct standing_telling *telling = &link->standing->telling;
    struct bytes frames;
    struct frame part;
    const char *why = NULL;
    if (batch_decode(frame->body, &frames) != ERROR_NONE)
        return "the node sent a malformed BATCH";
    struct bytes left = frames;
    telling->is_batch = true;
    telling->earlier = bytes_of(frames.data, 0);
    while (!why && standing_batch_step(&left, &part)) {
        why = single_take(link, &part, false);
        telling->earlier.size = frames.size - left.size;
    }
    telling->is_batch = false;
    while (!why && standing_batch_step(&frames, &part))
        batch_position(link, &part);
    return why;
}

static const char *answer_take(struct client_standing_link *link, const struct frame *frame)
{
    switch (client_id_question(frame->header.request_id)) {
    case CLIENT_SUBSCRIBE:
    case CLIENT_UNSUBSCRIBE:
        return standing_link_answer(link, frame);
    case CLIENT_FOLLOW:
        return standing_journey_answer(link, frame);
    case CLIENT_FOLLOW_JOINED:
        return standing_follow_answer(link, frame);
    default:
        return unknown_text;
    }
}

const char *client_standing_take(struct client_standing *standing,
                                 struct client_standing_link *link, const struct frame *frame,
                                 uint64_t now_ms)
{
    CHECK(link->standing == standing);
    const char *why;
    standing->now_ms = now_ms;
    standing_enter(standing);
    if (frame->header.kind == FRAME_REPLY || frame->header.kind == FRAME_ERROR)
        why = answer_take(link, frame);
    else if (frame->header.kind == FRAME_BATCH)
        why = batch_take(link, frame);
    else
        why = single_take(link, frame, true);
    standing_leave(standing);
    return why;
}

bool client_standing_owns_frame(const struct frame_header *header)
{
    if (header->kind == FRAME_REPLY || header->kind == FRAME_ERROR)
        return client_id_is_standing(header->request_id);
    return header->kind >= FRAME_ROW && header->kind <= FRAME_BATCH;
}
