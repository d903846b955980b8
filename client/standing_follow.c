// SPDX-License-Identifier: Apache-2.0
// Partitions: which link leads them, which link feeds them, and from where.
#include "client/standing_core.h"
#include "cluster/base/memory.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"

struct standing_partition *standing_fed(const struct client_standing_link *link, uint16_t partition)
{
    const struct client_standing *standing = link->standing;
    if (partition >= standing->partition_count)
        return NULL;
    struct standing_partition *fed = &standing->partitions[partition];
    return fed->follower == link && fed->stage != STAGE_ASKED ? fed : NULL;
}

void standing_position_set(struct standing_partition *partition, uint64_t epoch, uint64_t seq)
{
    // A partition that must begin with a RESET has no position before.
    if (partition->knowledge == KNOWLEDGE_VOID)
        return;
    partition->knowledge = KNOWLEDGE_POSITION;
    partition->position = (struct standing_mark){epoch, seq};
}

void client_standing_route(struct client_standing *standing, uint16_t number,
                           struct client_standing_link *link)
{
    CHECK(number < standing->partition_count && (!link || link->standing == standing));
    struct standing_partition *partition = &standing->partitions[number];
    if (partition->route == link)
        return;
    if (partition->route)
        partition->route->route_count--;
    partition->route = link;
    partition->retry_ms = 0;
    if (link) {
        link->route_count++;
        link->cursor = 0; // what has not begun may begin here
        link->is_follow_due = true;
    }
    standing_want_turn(standing);
}

// ---- Giving up ----

static void partition_clear(struct client_standing *standing, struct standing_partition *partition,
                            bool pause)
{
    if (partition->is_resetting) {
        partition->is_resetting = false;
        partition->knowledge = KNOWLEDGE_VOID;
        standing->resetting_count--;
    }
    // Somebody was promised every change after a position that was never told.
    if (partition->knowledge == KNOWLEDGE_NONE && partition->is_promised)
        partition->knowledge = KNOWLEDGE_VOID;
    if (partition->follower->confirmed_ms > partition->fed_ms)
        partition->confirmed_ms = partition->follower->confirmed_ms;
    partition->follower->feed_count--;
    partition->follower = NULL;
    partition->stage = STAGE_NONE;
    partition->changed_ms = standing->now_ms;
    partition->retry_ms = pause ? standing->now_ms + CLIENT_REFUSED_MS : 0;
    standing->unfed_count++;
    if (partition->route)
        partition->route->is_follow_due = true;
}

void standing_unfollow(struct client_standing *standing, uint16_t number, bool pause)
{
    struct standing_partition *partition = &standing->partitions[number];
    if (!partition->follower)
        return;
    standing_journeys_revert(standing, partition->follower, number);
    partition_clear(standing, partition, pause);
    standing_want_turn(standing);
}

void standing_link_unfollow(struct client_standing_link *link)
{
    struct client_standing *standing = link->standing;
    standing_journeys_revert(standing, link, PARTITION_ANY);
    for (uint32_t i = 0; i < standing->partition_count; i++) {
        struct standing_partition *partition = &standing->partitions[i];
        if (partition->route == link)
            partition->route = NULL;
        if (partition->follower == link)
            partition_clear(standing, partition, false);
    }
}

// ---- FOLLOW ----

static void partition_feed(struct client_standing_link *link, uint16_t number,
                           enum standing_stage stage)
{
    struct client_standing *standing = link->standing;
    struct standing_partition *partition = &standing->partitions[number];
    if (link->feed_count++ == 0)
        link->heard_ms = standing->now_ms;
    partition->follower = link;
    partition->stage = (uint8_t)stage;
    partition->fed_ms = standing->now_ms;
    standing->unfed_count--;
}

// Subscriptions that are not registered here go on by themselves in these partitions.
static void missing_unjoin(const struct client_standing_link *link, const struct mark *marks,
                           uint32_t count)
{
    struct grid_subscription *subscription;
    for (uint32_t number = 1; (subscription = standing_link_missing(link, &number)) != NULL;
         number++) {
        if (!subscription->is_joined && !subscription->journey)
            continue;
        for (uint32_t i = 0; i < count; i++) {
            if (standing_place_of(subscription, marks[i].partition) == PLACE_JOINED)
                standing_unjoin(subscription, marks[i].partition);
        }
    }
}

static struct mark partition_mark(const struct standing_partition *partition, uint16_t number)
{
    struct standing_mark from = {.epoch = 0, .seq = FOLLOW_LATEST_SEQ};
    if (partition->knowledge == KNOWLEDGE_POSITION)
        from = partition->position;
    else if (partition->knowledge == KNOWLEDGE_VOID)
        from = STANDING_NOWHERE;
    return (struct mark){.partition = number, .epoch = from.epoch, .seq = from.seq};
}

static uint32_t partitions_due(const struct client_standing_link *link, struct mark *marks,
                               uint64_t *wake_ms, bool *is_later)
{
    struct client_standing *standing = link->standing;
    uint32_t count = 0;
    for (uint32_t i = 0; i < standing->partition_count; i++) {
        const struct standing_partition *partition = &standing->partitions[i];
        if (partition->route != link || partition->follower == link)
            continue;
        if (partition->retry_ms > standing->now_ms) {
            *is_later = true;
            *wake_ms = partition->retry_ms < *wake_ms ? partition->retry_ms : *wake_ms;
            continue;
        }
        marks[count++] = (struct mark){.partition = (uint16_t)i};
    }
    return count;
}

// A mark says where the partition stands once it has no other follower.
static void marks_follow(struct client_standing_link *link, struct mark *marks, uint32_t count,
                         uint32_t id)
{
    struct client_standing *standing = link->standing;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t number = marks[i].partition;
        standing_unfollow(standing, number, false);
        marks[i] = partition_mark(&standing->partitions[number], number);
        partition_feed(link, number, STAGE_ASKED);
        standing->partitions[number].follow_id = id;
    }
}

void standing_follow(struct client_standing_link *link, uint64_t *wake_ms)
{
    struct client_standing *standing = link->standing;
    if (link->watch_count == 0 || link->state != STANDING_LINK_FOLLOWING ||
        buffer_size(&link->strays) > 0)
        return; // it stays due
    struct buffer *out = standing->host.out(standing->host.context, link);
    if (!out)
        return;
    struct mark *marks = memory_new_array(standing->partition_count, sizeof *marks);
    link->is_follow_due = false;
    bool is_later = false;
    uint32_t count = partitions_due(link, marks, wake_ms, &is_later);
    if (count > 0) {
        uint32_t id = client_id_of(CLIENT_FOLLOW_JOINED, ++standing->follow_counter);
        marks_follow(link, marks, count, id);
        missing_unjoin(link, marks, count);
        // Those with a course of their own say so first.
        standing_journeys_wake(standing);
        standing_journeys_turn(standing, wake_ms);
        follow_encode(out, id, SUBSCRIPTIONS_JOINED, marks, count);
    }
    link->is_follow_due = is_later;
    free(marks);
}

static bool is_of(const struct standing_partition *partition,
                  const struct client_standing_link *link, uint32_t follow_id)
{
    return partition->follower == link && partition->follow_id == follow_id &&
           partition->stage == STAGE_ASKED;
}

static void refuse(struct client_standing_link *link, uint16_t number)
{
    standing_unfollow(link->standing, number, true);
    link->standing->host.want_view(link->standing->host.context);
}

const char *standing_follow_answer(struct client_standing_link *link, const struct frame *frame)
{
    struct client_standing *standing = link->standing;
    uint32_t id = frame->header.request_id;
    bool is_refused = frame->header.kind == FRAME_ERROR;
    struct bytes marks = {0};
    struct mark mark;
    if (!is_refused && marks_decode(frame->body, &marks) != ERROR_NONE)
        return "the node's answer to FOLLOW is malformed";
    while (mark_next(&marks, &mark)) {
        if (mark.partition < standing->partition_count &&
            is_of(&standing->partitions[mark.partition], link, id))
            refuse(link, mark.partition);
    }
    for (uint32_t i = 0; i < standing->partition_count; i++) {
        struct standing_partition *partition = &standing->partitions[i];
        if (!is_of(partition, link, id))
            continue;
        if (is_refused)
            refuse(link, (uint16_t)i);
        else
            partition->stage = STAGE_FED;
    }
    return NULL;
}

// ---- What the first SUBSCRIBE of a link follows ----

void standing_follow_implied(struct client_standing_link *link)
{
    struct client_standing *standing = link->standing;
    struct mark *marks = memory_new_array(standing->partition_count, sizeof *marks);
    uint32_t count = 0;
    for (uint32_t i = 0; i < standing->partition_count; i++) {
        if (standing->partitions[i].route == link)
            marks[count++] = (struct mark){.partition = (uint16_t)i};
    }
    missing_unjoin(link, marks, count);
    for (uint32_t i = 0; i < count; i++) {
        struct standing_partition *partition = &standing->partitions[marks[i].partition];
        standing_unfollow(standing, marks[i].partition, false);
        partition_feed(link, marks[i].partition, STAGE_IMPLIED);
        // Nobody is joined: it begins anywhere.
        partition->knowledge = KNOWLEDGE_NONE;
        partition->is_promised = false;
    }
    link->is_follow_due = false;
    free(marks);
}

void standing_implied_end(struct client_standing_link *link)
{
    const struct client_standing *standing = link->standing;
    link->opener = 0;
    for (uint32_t i = 0; i < standing->partition_count; i++) {
        const struct standing_partition *partition = &standing->partitions[i];
        if (partition->follower == link && partition->stage == STAGE_IMPLIED)
            refuse(link, (uint16_t)i);
    }
}
