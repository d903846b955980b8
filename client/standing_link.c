// SPDX-License-Identifier: Apache-2.0
// What is asked on one link about subscriptions: SUBSCRIBE, UNSUBSCRIBE, and their answers.
#include "client/standing_core.h"
#include "cluster/base/memory.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"

enum { WORD_BITS = 64 };

// ---- Which subscriptions are registered ----

bool standing_is_registered(const struct client_standing_link *link, uint32_t number)
{
    uint32_t word = number / WORD_BITS;
    return word < link->word_count && (link->registered[word] >> (number % WORD_BITS) & 1);
}

static void registered_set(struct client_standing_link *link, uint32_t number, bool value)
{
    uint32_t word = number / WORD_BITS;
    if (word >= link->word_count) {
        uint32_t count = link->standing->table_size / WORD_BITS + 1;
        CHECK(word < count);
        link->registered = memory_resize_array(link->registered, count, sizeof *link->registered);
        memset(link->registered + link->word_count, 0,
               (count - link->word_count) * sizeof *link->registered);
        link->word_count = count;
    }
    uint64_t bit = UINT64_C(1) << (number % WORD_BITS);
    if (value)
        link->registered[word] |= bit;
    else
        link->registered[word] &= ~bit;
}

struct grid_subscription *standing_link_missing(const struct client_standing_link *link,
                                                uint32_t *number)
{
    const struct client_standing *standing = link->standing;
    while (*number < standing->table_size) {
        bool is_full = *number % WORD_BITS == 0 && *number / WORD_BITS < link->word_count &&
                       link->registered[*number / WORD_BITS] == UINT64_MAX;
        if (is_full) {
            *number += WORD_BITS;
            continue;
        }
        struct grid_subscription *subscription = standing->table[*number];
        if (subscription && !subscription->is_ended && !standing_is_registered(link, *number))
            return subscription;
        (*number)++;
    }
    return NULL;
}

void standing_link_look(struct client_standing_link *link, uint32_t number)
{
    if (number < link->cursor)
        link->cursor = number;
}

// ---- Links come and go ----

void client_standing_link_up(struct client_standing *standing, struct client_standing_link *link)
{
    CHECK(link->standing == NULL && standing->partition_count > 0);
    *link = (struct client_standing_link){
        .standing = standing, .heard_ms = standing->now_ms, .confirmed_ms = standing->now_ms};
    list_append(&standing->links, &link->all_link);
    standing_want_turn(standing);
}

static void goodbyes_drop(struct client_standing_link *link)
{
    struct client_standing *standing = link->standing;
    struct bytes numbers = buffer_bytes(&link->goodbyes);
    for (size_t at = 0; at < numbers.size; at += sizeof(uint32_t)) {
        uint32_t number;
        memcpy(&number, numbers.data + at, sizeof number);
        standing_left(standing->table[number]);
    }
}

void client_standing_link_down(struct client_standing *standing, struct client_standing_link *link)
{
    if (!link->standing)
        return;
    CHECK(link->standing == standing);
    standing_link_unfollow(link);
    goodbyes_drop(link);
    standing->behind -= link->behind;
    list_remove(&link->all_link);
    buffer_deinit(&link->goodbyes);
    buffer_deinit(&link->strays);
    free(link->registered);
    *link = (struct client_standing_link){0};
    standing_want_turn(standing);
}

// ---- UNSUBSCRIBE ----

void standing_link_part(struct grid_subscription *subscription)
{
    struct client_standing *standing = subscription->standing;
    uint32_t number = subscription->number;
    for (struct list *at = standing->links.next; at != &standing->links; at = at->next) {
        struct client_standing_link *link = LIST_ENTRY(at, struct client_standing_link, all_link);
        if (!standing_is_registered(link, number))
            continue;
        registered_set(link, number, false);
        buffer_append(&link->goodbyes, &number, sizeof number);
        subscription->leaving_count++;
    }
}

static void goodbyes_send(struct client_standing_link *link, uint64_t *wake_ms)
{
    struct client_standing *standing = link->standing;
    uint32_t count = (uint32_t)(buffer_size(&link->goodbyes) / sizeof(uint32_t));
    if (link->goodbye_ms > standing->now_ms && link->goodbye_count < count) {
        *wake_ms = link->goodbye_ms < *wake_ms ? link->goodbye_ms : *wake_ms;
        return;
    }
    while (link->goodbye_count < count) {
        struct buffer *out = standing->host.out(standing->host.context, link);
        uint32_t number;
        if (!out)
            return;
        memcpy(&number,
               buffer_bytes(&link->goodbyes).data + (size_t)link->goodbye_count * sizeof number,
               sizeof number);
        unsubscribe_encode(out, client_id_of(CLIENT_UNSUBSCRIBE, number),
                           client_id_of(CLIENT_SUBSCRIBE, number));
        link->goodbye_count++;
    }
}

// Takes the number out of those that wait for an answer.
static bool goodbye_remove(struct client_standing_link *link, uint32_t wanted)
{
    if (link->goodbye_count == 0)
        return false;
    uint8_t *numbers = link->goodbyes.data + link->goodbyes.start;
    for (size_t at = 0; at < link->goodbye_count; at++) {
        uint32_t number;
        memcpy(&number, numbers + at * sizeof number, sizeof number);
        if (number != wanted)
            continue;
        // Mostly the first one: then nothing is moved.
        memmove(numbers + sizeof number, numbers, at * sizeof number);
        buffer_consume(&link->goodbyes, sizeof number);
        link->goodbye_count--;
        return true;
    }
    return false;
}

static const char *goodbye_answered(struct client_standing_link *link, const struct frame *frame)
{
    struct client_standing *standing = link->standing;
    uint32_t number = client_id_number(frame->header.request_id);
    struct op_reply reply = {0};
    if (frame->header.kind == FRAME_ERROR && reply_decode(OP_NONE, frame, &reply) != ERROR_NONE)
        return "the node's answer to UNSUBSCRIBE is malformed";
    if (!goodbye_remove(link, number))
        return "the node confirmed an UNSUBSCRIBE that was not sent";
    if (reply.error != ERROR_NONE && reply.error != ERROR_UNKNOWN_SUBSCRIPTION) {
        // It is still there: its events would be taken for another's.
        buffer_append(&link->goodbyes, &number, sizeof number);
        link->goodbye_ms = standing->now_ms + CLIENT_REFUSED_MS;
        standing_want_turn(standing);
        return NULL;
    }
    // A subscription that the node had refused or ended was not counted any more.
    if (reply.error == ERROR_NONE && link->watch_count > 0)
        link->watch_count--;
    standing_left(standing->table[number]);
    return NULL;
}

// ---- SUBSCRIBE ----

// Nothing was told of any partition that the link leads, so that one SUBSCRIBE says it all.
static bool is_fresh_for(const struct grid_subscription *subscription,
                         const struct client_standing_link *link)
{
    const struct client_standing *standing = subscription->standing;
    const struct standing_journey *journey = subscription->journey;
    if (link->route_count == 0)
        return false;
    if (!journey)
        return !subscription->is_joined;
    for (uint32_t i = 0; i < standing->partition_count; i++) {
        const struct standing_partition *partition = &standing->partitions[i];
        if (journey->places[i] != PLACE_FRESH &&
            (partition->route == link || partition->follower == link))
            return false;
    }
    return true;
}

static_assert(2 - (int)GRID_CONTENT_OLD_AND_NEW == (int)CONTENT_OLD_AND_NEW &&
                  2 - (int)GRID_CONTENT_NEW == (int)CONTENT_NEW &&
                  2 - (int)GRID_CONTENT_KEYS == (int)CONTENT_KEYS,
              "the public contents are those of the wire, backwards");
static_assert((int)GRID_POLICY_CATCH_UP == (int)POLICY_CATCH_UP &&
                  (int)GRID_POLICY_CONFLATE == (int)POLICY_CONFLATE &&
                  (int)GRID_POLICY_DISCONNECT == (int)POLICY_DISCONNECT,
              "the public policies are those of the wire");
static_assert((int)GRID_KIND_ENTER == (int)KIND_ENTER &&
                  (int)GRID_KIND_UPDATE == (int)KIND_UPDATE &&
                  (int)GRID_KIND_LEAVE == (int)KIND_LEAVE &&
                  (int)GRID_CAUSE_TOUCH == (int)CAUSE_TOUCH,
              "the public kinds and causes are those of the wire");

static enum start start_of(const struct grid_subscription *subscription)
{
    switch ((enum grid_start)subscription->start) {
    case GRID_START_SNAPSHOT:
        return START_SNAPSHOT;
    case GRID_START_LATEST:
        return START_LATEST;
    case GRID_START_EARLIEST:
        return START_EARLIEST;
    case GRID_START_AFTER:
    default:
        return START_NONE;
    }
}

static void subscribe_send(struct client_standing_link *link,
                           struct grid_subscription *subscription, enum start start,
                           struct buffer *out)
{
    struct subscribe subscribe = {.query = bytes_of(subscription->query, subscription->query_bytes),
                                  .start = start,
                                  .content = (enum content)(2 - subscription->content),
                                  .policy = (enum policy)subscription->policy,
                                  .kinds = subscription->kinds,
                                  .causes = subscription->causes,
                                  .only_changed = subscription->only_changed};
    subscribe_encode(out, client_id_of(CLIENT_SUBSCRIBE, subscription->number), &subscribe);
    registered_set(link, subscription->number, true);
    link->watch_count++;
    link->unanswered_count += link->state == STANDING_LINK_REGISTERING;
}

// It starts in every partition that is followed here.
static void start_send(struct client_standing_link *link, struct grid_subscription *subscription,
                       struct buffer *out)
{
    if (link->watch_count == 0) {
        standing_follow_implied(link);
        link->opener = subscription->number;
    }
    subscribe_send(link, subscription, start_of(subscription), out);
    standing_journey_start(subscription, link);
}

// False: there is no room. It may end here, with a bad token.
static bool subscription_register(struct client_standing_link *link,
                                  struct grid_subscription *subscription, uint64_t *wake_ms)
{
    struct client_standing *standing = link->standing;
    bool is_new = !subscription->journey && !subscription->is_joined;
    const char *why;
    if (is_new && subscription->start == GRID_START_AFTER) {
        enum error error = standing_token_begin(subscription, &why);
        if (error != ERROR_NONE) {
            standing_end(subscription, error, bytes_of_text(why));
            return true;
        }
    }
    bool is_fresh = is_fresh_for(subscription, link);
    if (is_fresh && link->state == STANDING_LINK_REGISTERING)
        return true; // when something is followed
    is_new = !subscription->journey && !subscription->is_joined;
    if (is_new && link->route_count == 0)
        return true; // when it has begun elsewhere, or something is led here
    if (link->is_follow_due && link->watch_count > 0)
        standing_follow(link, wake_ms);
    struct buffer *out = standing->host.out(standing->host.context, link);
    if (!out)
        return false;
    if (is_fresh && (link->feed_count > 0 || link->watch_count == 0)) {
        start_send(link, subscription, out);
        return true;
    }
    subscribe_send(link, subscription, START_NONE, out);
    if (!subscription->is_joined)
        standing_journey_wake(standing_journey_of(subscription), 0);
    else if (subscription->journey)
        standing_journey_wake(subscription->journey, 0);
    return true;
}

// False: there is no room for more.
static bool subscriptions_register(struct client_standing_link *link, uint64_t *wake_ms)
{
    struct grid_subscription *subscription;
    while ((subscription = standing_link_missing(link, &link->cursor)) != NULL) {
        if (!subscription_register(link, subscription, wake_ms))
            return false;
        link->cursor++;
    }
    return true;
}

void standing_link_turn(struct client_standing_link *link, uint64_t *wake_ms)
{
    const struct client_standing *standing = link->standing;
    goodbyes_send(link, wake_ms);
    standing_strays_send(link, wake_ms);
    if (link->retry_ms != 0 && link->retry_ms <= standing->now_ms) {
        link->retry_ms = 0;
        link->is_blocked = false;
        link->cursor = 0;
    }
    if (link->retry_ms != 0 && link->retry_ms < *wake_ms)
        *wake_ms = link->retry_ms;
    if (!subscriptions_register(link, wake_ms))
        return;
    if (link->state == STANDING_LINK_REGISTERING && link->unanswered_count == 0 &&
        !link->is_blocked) {
        link->state = STANDING_LINK_FOLLOWING;
        link->is_follow_due = true;
        link->cursor = 0;
        if (!subscriptions_register(link, wake_ms))
            return;
    }
    if (link->is_follow_due)
        standing_follow(link, wake_ms);
}

// ---- Answers ----

static bool may_pass(enum error error)
{
    return error == ERROR_NO_QUORUM || error == ERROR_NOT_OWNER || error == ERROR_MOVED ||
           error == ERROR_OVERLOADED;
}

// Partitions that the link feeds do without it.
static void refused_leave(struct client_standing_link *link, struct grid_subscription *subscription)
{
    const struct client_standing *standing = link->standing;
    for (uint32_t i = 0; i < standing->partition_count; i++) {
        if (standing->partitions[i].follower != link)
            continue;
        enum standing_place place = standing_place_of(subscription, (uint16_t)i);
        if (place == PLACE_JOINED)
            standing_unjoin(subscription, (uint16_t)i);
        else if (place == PLACE_STARTING)
            standing_place_set(subscription, (uint16_t)i, PLACE_FRESH);
    }
}

static void refused(struct client_standing_link *link, struct grid_subscription *subscription,
                    enum error error, struct bytes text)
{
    struct client_standing *standing = link->standing;
    int32_t left_ms = (int32_t)(subscription->deadline_ms - (uint32_t)standing->now_ms);
    bool is_late = left_ms <= 0 && !subscription->is_joined;
    registered_set(link, subscription->number, false);
    if (!may_pass(error) || is_late) {
        standing_end(subscription, error, text);
        return;
    }
    refused_leave(link, subscription);
    link->retry_ms = standing->now_ms + CLIENT_REFUSED_MS;
    // Where one is overloaded, the others go on.
    link->is_blocked |= link->state == STANDING_LINK_REGISTERING && error != ERROR_OVERLOADED;
    standing_want_turn(standing);
}

static void registered(struct client_standing_link *link, struct grid_subscription *subscription)
{
    if (!subscription->was_heard) {
        subscription->was_heard = true;
        list_remove(&subscription->queue);
    }
    if (subscription->start == GRID_START_LATEST && subscription->journey)
        standing_journey_join(subscription, link);
    if (subscription->journey)
        standing_journey_wake(subscription->journey, 0);
}

static const char *subscribe_answered(struct client_standing_link *link,
                                      struct grid_subscription *subscription,
                                      const struct frame *frame)
{
    uint32_t partition_count;
    struct op_reply reply = {0};
    bool is_reply = frame->header.kind == FRAME_REPLY;
    if (is_reply ? subscribed_decode(frame->body, &partition_count) != ERROR_NONE
                 : reply_decode(OP_NONE, frame, &reply) != ERROR_NONE)
        return "the node's answer to SUBSCRIBE is malformed";
    if (link->state == STANDING_LINK_REGISTERING && link->unanswered_count-- == 0)
        return "the node answered a SUBSCRIBE that was not sent";
    if (!is_reply && link->watch_count > 0)
        link->watch_count--;
    if (link->opener == subscription->number)
        standing_implied_end(link);
    standing_want_turn(link->standing);
    if (subscription->is_ended || !standing_is_registered(link, subscription->number))
        return NULL;
    if (is_reply)
        registered(link, subscription);
    else
        refused(link, subscription, reply.error, reply.text);
    return NULL;
}

static const char *subscription_ended(struct client_standing_link *link,
                                      struct grid_subscription *subscription,
                                      const struct frame *frame)
{
    struct op_reply reply;
    if (reply_decode(OP_NONE, frame, &reply) != ERROR_NONE)
        return "the node ended a subscription with a malformed error";
    if (link->watch_count > 0)
        link->watch_count--;
    if (subscription->is_ended || !standing_is_registered(link, subscription->number))
        return NULL;
    registered_set(link, subscription->number, false);
    standing_end(subscription, reply.error, reply.text);
    return NULL;
}

const char *standing_link_answer(struct client_standing_link *link, const struct frame *frame)
{
    uint32_t id = frame->header.request_id;
    struct grid_subscription *subscription = standing_find(link->standing, client_id_number(id));
    if (!subscription)
        return "the node spoke of a subscription that was not made";
    if (client_id_question(id) == CLIENT_UNSUBSCRIBE)
        return goodbye_answered(link, frame);
    if (frame->header.kind == FRAME_ENDED)
        return subscription_ended(link, subscription, frame);
    return subscribe_answered(link, subscription, frame);
}
