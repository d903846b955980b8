// SPDX-License-Identifier: Apache-2.0
// A subscription on its way: where it stands in each partition, until it is joined in all of them.
#include "client/standing_core.h"
#include "cluster/base/memory.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"

enum standing_place standing_place_of(const struct grid_subscription *subscription,
                                      uint16_t partition)
{
    if (subscription->journey)
        return (enum standing_place)(subscription->journey->places[partition] & ~PLACE_ASKED);
    return subscription->is_joined ? PLACE_JOINED : PLACE_FRESH;
}

static void links_look(const struct grid_subscription *subscription)
{
    const struct client_standing *standing = subscription->standing;
    for (struct list *at = standing->links.next; at != &standing->links; at = at->next)
        standing_link_look(LIST_ENTRY(at, struct client_standing_link, all_link),
                           subscription->number);
    standing->host.want_turn(standing->host.context);
}

struct standing_journey *standing_journey_of(struct grid_subscription *subscription)
{
    const uint32_t count = subscription->standing->partition_count;
    if (subscription->journey)
        return subscription->journey;
    struct standing_journey *journey = memory_new(sizeof *journey + count);
    journey->subscription = subscription;
    list_init(&journey->due_link);
    list_append(&subscription->standing->journeys, &journey->link);
    if (!subscription->is_joined) {
        memset(journey->places, PLACE_FRESH, count);
        journey->open_count = journey->idle_count = count;
        links_look(subscription); // those that lead nothing have waited
    }
    subscription->journey = journey;
    return journey;
}

void standing_journey_free(struct standing_journey *journey)
{
    if (!journey)
        return;
    list_remove(&journey->link);
    list_remove(&journey->due_link);
    free(journey->own);
    free(journey);
}

// ---- Places ----

static bool is_idle(enum standing_place place)
{
    return place == PLACE_FRESH || place == PLACE_HELD || place == PLACE_VOID;
}

static void place_count(struct standing_journey *journey, unsigned value, uint32_t one)
{
    enum standing_place place = (enum standing_place)(value & ~(unsigned)PLACE_ASKED);
    journey->open_count += place != PLACE_JOINED ? one : 0;
    journey->idle_count += is_idle(place) ? one : 0;
    journey->asked_count += (value & PLACE_ASKED) != 0 ? one : 0;
    journey->resetting_count += place == PLACE_VOID || place == PLACE_RESETTING ? one : 0;
}

static void journey_end(struct grid_subscription *subscription)
{
    bool was_joined = subscription->is_joined;
    standing_journey_free(subscription->journey);
    subscription->journey = NULL;
    subscription->is_joined = true;
    standing_notice(subscription);
    if (!was_joined)
        standing_tell_ready(subscription);
}

void standing_place_set(struct grid_subscription *subscription, uint16_t partition, unsigned place)
{
    if (!subscription->journey && subscription->is_joined && place == PLACE_JOINED)
        return;
    struct standing_journey *journey = standing_journey_of(subscription);
    place_count(journey, journey->places[partition], UINT32_MAX); // one less
    place_count(journey, place, 1);
    journey->places[partition] = (uint8_t)place;
    if (place == PLACE_JOINED)
        subscription->standing->partitions[partition].is_promised = true;
    if (journey->open_count == 0)
        journey_end(subscription);
    else if (subscription->is_joined)
        standing_notice(subscription);
}

// Returns how many places of the link's partitions were of one kind, and are of the other now.
static uint32_t places_move(struct standing_journey *journey,
                            const struct client_standing_link *link, enum standing_place from,
                            enum standing_place to)
{
    const struct client_standing *standing = link->standing;
    uint32_t count = 0;
    for (uint32_t i = 0; i < standing->partition_count; i++) {
        if (journey->places[i] != from || standing->partitions[i].follower != link)
            continue;
        journey->places[i] = (uint8_t)to;
        if (to == PLACE_JOINED)
            standing->partitions[i].is_promised = true;
        count++;
    }
    return count;
}

void standing_journey_start(struct grid_subscription *subscription,
                            const struct client_standing_link *link)
{
    struct standing_journey *journey = standing_journey_of(subscription);
    journey->idle_count -= places_move(journey, link, PLACE_FRESH, PLACE_STARTING);
}

void standing_journey_join(struct grid_subscription *subscription,
                           const struct client_standing_link *link)
{
    struct standing_journey *journey = subscription->journey;
    journey->open_count -= places_move(journey, link, PLACE_STARTING, PLACE_JOINED);
    if (journey->open_count == 0)
        journey_end(subscription);
}

void standing_own_set(struct standing_journey *journey, uint16_t partition, uint64_t epoch,
                      uint64_t seq)
{
    if (!journey->own)
        journey->own = memory_new_array(journey->subscription->standing->partition_count,
                                        sizeof *journey->own);
    journey->own[partition] = (struct standing_mark){epoch, seq};
}

void standing_unjoin(struct grid_subscription *subscription, uint16_t number)
{
    const struct standing_partition *partition = &subscription->standing->partitions[number];
    if (partition->knowledge != KNOWLEDGE_POSITION || partition->is_resetting) {
        standing_place_set(subscription, number, PLACE_VOID);
        return;
    }
    standing_own_set(standing_journey_of(subscription), number, partition->position.epoch,
                     partition->position.seq);
    standing_place_set(subscription, number, PLACE_HELD);
}

// ---- Losing the follower ----

static unsigned place_reverted(unsigned place)
{
    switch (place & ~(unsigned)PLACE_ASKED) {
    case PLACE_STARTING:
        return PLACE_FRESH;
    case PLACE_REPLAYING:
        return PLACE_HELD;
    case PLACE_SNAPSHOT:
    case PLACE_RESETTING:
        return PLACE_VOID;
    default:
        return place;
    }
}

static void journey_revert(struct standing_journey *journey, struct client_standing_link *follower,
                           uint16_t only)
{
    const struct client_standing *standing = journey->subscription->standing;
    uint32_t first = only == PARTITION_ANY ? 0 : only;
    uint32_t end = only == PARTITION_ANY ? standing->partition_count : only + 1U;
    for (uint32_t i = first; i < end; i++) {
        unsigned place = place_reverted(journey->places[i]);
        if (standing->partitions[i].follower != follower || place == journey->places[i])
            continue;
        standing_place_set(journey->subscription, (uint16_t)i, place);
        if (only != PARTITION_ANY) // the link stays
            standing_stray_add(follower, journey->subscription->number, (uint16_t)i);
    }
    standing_journey_wake(journey, 0);
}

void standing_journeys_revert(struct client_standing *standing,
                              struct client_standing_link *follower, uint16_t partition)
{
    for (struct list *at = standing->journeys.next; at != &standing->journeys; at = at->next)
        journey_revert(LIST_ENTRY(at, struct standing_journey, link), follower, partition);
}

// ---- Asking ----

void standing_journey_wake(struct standing_journey *journey, uint64_t due_ms)
{
    struct client_standing *standing = journey->subscription->standing;
    if (journey->idle_count == 0)
        return;
    if (list_is_empty(&journey->due_link))
        list_append(&standing->due_journeys, &journey->due_link);
    if (due_ms > standing->now_ms)
        journey->due_ms = due_ms;
    standing_want_turn(standing);
}

void standing_journeys_wake(struct client_standing *standing)
{
    for (struct list *at = standing->journeys.next; at != &standing->journeys; at = at->next)
        standing_journey_wake(LIST_ENTRY(at, struct standing_journey, link), 0);
}

// The link that can be asked about this partition, or NULL.
static struct client_standing_link *link_to_ask(const struct standing_journey *journey,
                                                uint32_t number)
{
    const struct grid_subscription *subscription = journey->subscription;
    struct client_standing_link *link = subscription->standing->partitions[number].follower;
    bool is_askable = link && is_idle((enum standing_place)journey->places[number]) &&
                      standing_is_registered(link, subscription->number);
    return is_askable ? link : NULL;
}

static struct standing_mark fresh_mark(enum grid_start start)
{
    if (start == GRID_START_LATEST)
        return (struct standing_mark){.epoch = 0, .seq = FOLLOW_LATEST_SEQ};
    if (start == GRID_START_EARLIEST)
        return (struct standing_mark){0};
    return STANDING_NOWHERE;
}

// Makes the idle place an asked one; what is to be said of it.
static struct mark place_ask(struct standing_journey *journey, uint16_t number)
{
    struct standing_mark from = STANDING_NOWHERE;
    unsigned place = PLACE_RESETTING;
    if (journey->places[number] == PLACE_FRESH) {
        from = fresh_mark((enum grid_start)journey->subscription->start);
        place = PLACE_STARTING;
    } else if (journey->places[number] == PLACE_HELD) {
        from = journey->own[number];
        place = PLACE_REPLAYING;
    }
    standing_place_set(journey->subscription, number, place | PLACE_ASKED);
    return (struct mark){.partition = number, .epoch = from.epoch, .seq = from.seq};
}

// The id of a FOLLOW tells those of a subscription from those of an earlier one with its number.
// Tag 0: a stray's.
enum { SUBSCRIPTION_BITS = 23, TAG_BITS = CLIENT_NUMBER_BITS - SUBSCRIPTION_BITS };

static_assert(CLIENT_SUBSCRIPTIONS_MAX < 1 << SUBSCRIPTION_BITS, "their numbers fit");

static uint32_t follow_id(const struct standing_journey *journey)
{
    return client_id_of(CLIENT_FOLLOW,
                        journey->tag << SUBSCRIPTION_BITS | journey->subscription->number);
}

// One FOLLOW for all that this link is to be asked. False: no room.
static bool link_ask(struct standing_journey *journey, struct client_standing_link *link,
                     uint32_t first)
{
    struct client_standing *standing = link->standing;
    uint32_t number = journey->subscription->number;
    struct buffer *out = standing->host.out(standing->host.context, link);
    uint32_t count = 0;
    if (!out)
        return false;
    for (uint32_t i = first; i < standing->partition_count; i++) {
        if (link_to_ask(journey, i) == link)
            standing->marks[count++] = place_ask(journey, (uint16_t)i);
    }
    follow_encode(out, follow_id(journey), client_id_of(CLIENT_SUBSCRIBE, number), standing->marks,
                  count);
    return true;
}

// False: some link had no room.
static bool journey_ask(struct standing_journey *journey)
{
    struct client_standing *standing = journey->subscription->standing;
    bool is_done = true;
    if (journey->asked_count > 0)
        return true; // when that is answered
    journey->tag = standing->follow_counter++ % ((1U << TAG_BITS) - 1) + 1;
    for (uint32_t i = 0; i < standing->partition_count && journey->idle_count > 0; i++) {
        struct client_standing_link *link = link_to_ask(journey, i);
        if (link)
            is_done &= link_ask(journey, link, i);
    }
    return is_done;
}

void standing_journeys_turn(struct client_standing *standing, uint64_t *wake_ms)
{
    struct list *due = &standing->due_journeys;
    for (struct list *at = due->next, *next; at != due; at = next) {
        struct standing_journey *journey = LIST_ENTRY(at, struct standing_journey, due_link);
        next = at->next;
        if (journey->due_ms > standing->now_ms)
            *wake_ms = journey->due_ms < *wake_ms ? journey->due_ms : *wake_ms;
        else if (journey_ask(journey))
            list_remove(at);
    }
}

// ---- Answers ----

// The node does not lead the partition, or does not know the subscription (yet).
static void place_refuse(struct standing_journey *journey, uint16_t number)
{
    struct client_standing *standing = journey->subscription->standing;
    standing_place_set(journey->subscription, number, place_reverted(journey->places[number]));
    standing_journey_wake(journey, standing->now_ms + CLIENT_REFUSED_MS);
}

static bool is_asked(const struct standing_journey *journey, uint32_t number,
                     const struct client_standing_link *link)
{
    const struct client_standing *standing = link->standing;
    return number < standing->partition_count && standing->partitions[number].follower == link &&
           (journey->places[number] & PLACE_ASKED) != 0;
}

static void marks_refuse(struct standing_journey *journey, struct client_standing_link *link,
                         struct bytes marks)
{
    struct client_standing *standing = link->standing;
    struct mark mark;
    while (mark_next(&marks, &mark)) {
        if (!is_asked(journey, mark.partition, link))
            continue;
        place_refuse(journey, mark.partition);
        standing->host.want_view(standing->host.context);
    }
}

static void place_granted(struct grid_subscription *subscription, uint16_t number)
{
    unsigned place = subscription->journey->places[number] & ~(unsigned)PLACE_ASKED;
    // From now on is where the others are, or will be.
    if (place == PLACE_STARTING && subscription->start == GRID_START_LATEST)
        place = PLACE_JOINED;
    standing_place_set(subscription, number, place);
}

const char *standing_journey_answer(struct client_standing_link *link, const struct frame *frame)
{
    struct client_standing *standing = link->standing;
    uint32_t number = client_id_number(frame->header.request_id) & ((1U << SUBSCRIPTION_BITS) - 1);
    struct grid_subscription *subscription = standing_find(standing, number);
    bool is_refused = frame->header.kind == FRAME_ERROR;
    struct bytes marks = {0};
    if (!is_refused && marks_decode(frame->body, &marks) != ERROR_NONE)
        return "the node's answer to FOLLOW is malformed";
    if (client_id_number(frame->header.request_id) >> SUBSCRIPTION_BITS == 0)
        return standing_stray_answer(link, frame);
    struct standing_journey *journey = subscription ? subscription->journey : NULL;
    if (!journey || follow_id(journey) != frame->header.request_id)
        return NULL; // it has ended since, or asks something else
    marks_refuse(journey, link, marks);
    for (uint32_t i = 0; journey && i < standing->partition_count; i++) {
        if (!is_asked(journey, i, link))
            continue;
        if (is_refused)
            place_refuse(journey, (uint16_t)i);
        else
            place_granted(subscription, (uint16_t)i);
        journey = subscription->journey;
    }
    if (journey && journey->asked_count == 0)
        standing_journey_wake(journey, 0);
    return NULL;
}
