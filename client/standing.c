// SPDX-License-Identifier: Apache-2.0
#include "client/standing.h"

#include "client/standing_core.h"
#include "cluster/base/memory.h"

// ---- Life ----

struct client_standing *client_standing_new(const struct client_standing_host *host,
                                            const struct client_standing_limits *limits)
{
    struct client_standing *standing = memory_new(sizeof *standing);
    CHECK(limits->subscriptions_max <= CLIENT_SUBSCRIPTIONS_MAX);
    standing->host = *host;
    standing->limits = *limits;
    standing->free_hint = 1;
    list_init(&standing->links);
    list_init(&standing->listeners);
    list_init(&standing->unheard);
    list_init(&standing->notices);
    list_init(&standing->graves);
    list_init(&standing->journeys);
    list_init(&standing->due_journeys);
    return standing;
}

static void subscription_free(struct grid_subscription *subscription)
{
    struct client_standing *standing = subscription->standing;
    struct standing_listener *listener = subscription->listener;
    standing->table[subscription->number] = NULL;
    if (subscription->number < standing->free_hint)
        standing->free_hint = subscription->number;
    list_remove(&subscription->queue);
    if (--listener->user_count == 0) {
        list_remove(&listener->link);
        free(listener);
    }
    standing_journey_free(subscription->journey);
    standing_rows_free(subscription->rows);
    free(subscription->token);
    free(subscription);
}

void client_standing_free(struct client_standing *standing)
{
    CHECK(standing->depth == 0);
    while (!list_is_empty(&standing->links))
        client_standing_link_down(
            standing, LIST_ENTRY(standing->links.next, struct client_standing_link, all_link));
    for (uint32_t number = 0; number < standing->table_size; number++) {
        if (standing->table[number])
            subscription_free(standing->table[number]);
    }
    free(standing->table);
    free(standing->partitions);
    free(standing->marks);
    buffer_deinit(&standing->token);
    free(standing);
}

void standing_want_turn(struct client_standing *standing)
{
    standing->host.want_turn(standing->host.context);
}

void standing_enter(struct client_standing *standing)
{
    standing->depth++;
}

void standing_leave(struct client_standing *standing)
{
    CHECK(standing->depth > 0);
    if (--standing->depth > 0)
        return;
    for (struct list *at; (at = list_pop(&standing->graves));)
        subscription_free(LIST_ENTRY(at, struct grid_subscription, queue));
}

// ---- Ending ----

// Nothing more is delivered, and nothing more is kept but where it stood.
static void subscription_stop(struct grid_subscription *subscription)
{
    struct client_standing *standing = subscription->standing;
    const struct grid_listener *calls = &subscription->listener->calls;
    subscription->is_ended = true;
    standing->live_count--;
    standing->keeper_count -= subscription->keep != GRID_KEEP_NOTHING;
    standing->progress_count -= calls->progress != NULL;
    standing->state_count -= calls->state != NULL;
    list_remove(&subscription->queue);
    standing_link_part(subscription);
    standing_want_turn(standing);
}

static void token_keep(struct grid_subscription *subscription)
{
    struct buffer token = {0};
    free(subscription->token);
    subscription->token = NULL;
    if (standing_token_encode(subscription, &token)) {
        struct bytes bytes = buffer_bytes(&token);
        subscription->token = memory_new(sizeof *subscription->token + bytes.size);
        subscription->token->size = bytes.size;
        memcpy(subscription->token->data, bytes.data, bytes.size);
    }
    buffer_deinit(&token);
}

void standing_end(struct grid_subscription *subscription, enum error error, struct bytes text)
{
    struct client_standing *standing = subscription->standing;
    CHECK(!subscription->is_ended);
    standing_enter(standing);
    if (subscription->is_joined || subscription->journey)
        token_keep(subscription);
    subscription_stop(subscription);
    standing_tell_error(subscription, error, text);
    standing_journey_free(subscription->journey);
    subscription->journey = NULL;
    standing_leave(standing);
}

static void subscription_bury(struct grid_subscription *subscription)
{
    if (!subscription->is_released || subscription->leaving_count > 0)
        return;
    list_remove(&subscription->queue);
    if (subscription->standing->depth > 0)
        list_append(&subscription->standing->graves, &subscription->queue);
    else
        subscription_free(subscription);
}

void standing_left(struct grid_subscription *subscription)
{
    CHECK(subscription->leaving_count > 0);
    subscription->leaving_count--;
    subscription_bury(subscription);
}

void client_standing_unsubscribe(struct grid_subscription *subscription)
{
    if (!subscription)
        return;
    CHECK(!subscription->is_released);
    subscription->is_released = true;
    subscription->standing->count--;
    if (!subscription->is_ended)
        subscription_stop(subscription);
    if (subscription->standing->depth == 0) {
        standing_journey_free(subscription->journey);
        subscription->journey = NULL;
    }
    subscription_bury(subscription);
}

// ---- Subscribing ----

static void table_add(struct client_standing *standing, struct grid_subscription *subscription)
{
    uint32_t number = standing->free_hint;
    while (number < standing->table_size && standing->table[number])
        number++;
    if (number >= standing->table_size) {
        uint32_t size = standing->table_size ? standing->table_size + standing->table_size / 2 : 16;
        standing->table =
            memory_resize_array(standing->table, size, sizeof(struct grid_subscription *));
        for (uint32_t i = standing->table_size; i < size; i++)
            standing->table[i] = NULL;
        standing->table_size = size;
    }
    standing->table[number] = subscription;
    standing->free_hint = number + 1;
    subscription->number = number;
}

static struct standing_listener *listener_share(struct client_standing *standing,
                                                const struct grid_listener *calls)
{
    struct standing_listener *listener;
    for (struct list *at = standing->listeners.next; at != &standing->listeners; at = at->next) {
        listener = LIST_ENTRY(at, struct standing_listener, link);
        if (memcmp(&listener->calls, calls, sizeof *calls) == 0) {
            listener->user_count++;
            return listener;
        }
    }
    listener = memory_new(sizeof *listener);
    listener->calls = *calls;
    listener->user_count = 1;
    list_append(&standing->listeners, &listener->link);
    return listener;
}

static bool is_filtered(const struct grid_subscribe_options *options)
{
    return (options->kinds != 0 && options->kinds != KINDS_ALL) ||
           (options->causes != 0 && options->causes >> 1 != CAUSES_ALL);
}

static bool options_agree(const struct grid_subscribe_options *options)
{
    bool is_whole = options->start == GRID_START_SNAPSHOT && !is_filtered(options);
    bool keeps = options->keep == GRID_KEEP_KEYS || options->keep == GRID_KEEP_VALUES;
    return options->start <= GRID_START_AFTER && options->content <= GRID_CONTENT_KEYS &&
           options->policy <= GRID_POLICY_DISCONNECT && options->keep <= GRID_KEEP_VALUES &&
           options->kinds <= KINDS_ALL && options->causes >> 1 <= CAUSES_ALL &&
           (options->start == GRID_START_AFTER) == (options->token.data != NULL) &&
           (options->causes == 0 || options->causes >> 1 != 0) && (!keeps || is_whole) &&
           !(options->keep == GRID_KEEP_VALUES && options->content == GRID_CONTENT_KEYS);
}

static void options_take(struct grid_subscription *subscription,
                         const struct grid_subscribe_options *options)
{
    subscription->start = (uint8_t)options->start;
    subscription->content = (uint8_t)options->content;
    subscription->policy = (uint8_t)options->policy;
    subscription->kinds = (uint8_t)(options->kinds ? options->kinds : (unsigned)KINDS_ALL);
    subscription->causes = (uint8_t)(options->causes ? options->causes >> 1 : (unsigned)CAUSES_ALL);
    subscription->only_changed = options->only_changed;
    if (options->start != GRID_START_AFTER)
        return;
    subscription->token = memory_new(sizeof *subscription->token + options->token.size);
    subscription->token->size = options->token.size;
    if (options->token.size > 0)
        memcpy(subscription->token->data, options->token.data, options->token.size);
}

static enum grid_keep keep_of(const struct grid_subscribe_options *options)
{
    if (options->keep != GRID_KEEP_DEFAULT)
        return options->keep;
    bool is_whole = options->start == GRID_START_SNAPSHOT && !is_filtered(options);
    return is_whole ? GRID_KEEP_KEYS : GRID_KEEP_NOTHING;
}

static void subscription_count(struct grid_subscription *subscription)
{
    struct client_standing *standing = subscription->standing;
    const struct grid_listener *calls = &subscription->listener->calls;
    standing->count++;
    standing->live_count++;
    standing->keeper_count += subscription->keep != GRID_KEEP_NOTHING;
    standing->progress_count += calls->progress != NULL;
    standing->state_count += calls->state != NULL;
}

struct grid_subscription *client_standing_subscribe(struct client_standing *standing,
                                                    const char *query,
                                                    const struct grid_subscribe_options *options,
                                                    const struct grid_listener *listener,
                                                    void *context, uint64_t now_ms)
{
    static const struct grid_subscribe_options defaults = {0};
    if (!options)
        options = &defaults;
    size_t query_bytes = query ? strnlen(query, QUERY_TEXT_BYTES_MAX + 1) : 0;
    if (!listener || !query || query_bytes > QUERY_TEXT_BYTES_MAX || !options_agree(options) ||
        standing->count >= standing->limits.subscriptions_max)
        return NULL;
    struct grid_subscription *subscription = memory_new(sizeof *subscription + query_bytes + 1);
    subscription->standing = standing;
    subscription->listener = listener_share(standing, listener);
    subscription->context = context;
    subscription->query_bytes = (uint32_t)query_bytes;
    memcpy(subscription->query, query, query_bytes);
    options_take(subscription, options);
    subscription->keep = (uint8_t)keep_of(options);
    subscription->deadline_ms = (uint32_t)(now_ms + standing->limits.start_timeout_ms);
    table_add(standing, subscription);
    list_append(&standing->unheard, &subscription->queue);
    subscription_count(subscription);
    for (struct list *at = standing->links.next; at != &standing->links; at = at->next)
        standing_link_look(LIST_ENTRY(at, struct client_standing_link, all_link),
                           subscription->number);
    standing_want_turn(standing);
    return subscription;
}

uint32_t client_standing_count(const struct client_standing *standing)
{
    return standing->count;
}

// ---- The grid ----

static void subscriptions_end_all(struct client_standing *standing)
{
    static const char text[] = "the grid is another one now";
    standing_enter(standing);
    for (uint32_t number = 1; number < standing->table_size; number++) {
        struct grid_subscription *subscription = standing->table[number];
        if (subscription && !subscription->is_ended &&
            (subscription->is_joined || subscription->journey))
            standing_end(subscription, ERROR_WRONG_GRID, bytes_of_text(text));
    }
    standing_leave(standing);
}

bool client_standing_is_of(const struct client_standing *standing, uint64_t grid_id,
                           uint32_t partition_count)
{
    return standing->grid_id == grid_id && standing->partition_count == partition_count;
}

void client_standing_set_grid(struct client_standing *standing, uint64_t grid_id,
                              uint32_t partition_count)
{
    CHECK(partition_count > 0 && partition_count <= PARTITIONS_MAX);
    if (client_standing_is_of(standing, grid_id, partition_count))
        return;
    CHECK(list_is_empty(&standing->links));
    if (standing->partition_count > 0)
        subscriptions_end_all(standing);
    free(standing->partitions);
    free(standing->marks);
    standing->grid_id = grid_id;
    standing->partition_count = partition_count;
    standing->partitions = memory_new_array(partition_count, sizeof *standing->partitions);
    standing->marks = memory_new_array(partition_count, sizeof *standing->marks);
    standing->unfed_count = partition_count;
    standing->resetting_count = standing->lost_count = 0;
    for (uint32_t i = 0; i < partition_count; i++)
        standing->partitions[i].changed_ms = standing->now_ms;
}

// ---- The turn ----

static void unheard_end(struct grid_subscription *subscription)
{
    const struct client_standing *standing = subscription->standing;
    const struct client_standing_host *host = &standing->host;
    bool is_alone = list_is_empty(&standing->links) && host->failure;
    const char *failure = is_alone ? host->failure(host->context) : "";
    if (failure[0] != '\0')
        standing_end(subscription, ERROR_DISCONNECTED, bytes_of_text(failure));
    else
        standing_end(subscription, ERROR_TIMEOUT,
                     bytes_of_text("no node has registered the subscription in time"));
}

static void unheard_expire(struct client_standing *standing, uint64_t *wake_ms)
{
    while (!list_is_empty(&standing->unheard)) {
        struct grid_subscription *first =
            LIST_ENTRY(standing->unheard.next, struct grid_subscription, queue);
        // The difference is right as long as no time-out is longer than 24 days.
        int32_t left_ms = (int32_t)(first->deadline_ms - (uint32_t)standing->now_ms);
        if (left_ms > 0) {
            uint64_t at_ms = standing->now_ms + (uint64_t)left_ms;
            *wake_ms = at_ms < *wake_ms ? at_ms : *wake_ms;
            return;
        }
        unheard_end(first);
    }
}

uint64_t client_standing_turn(struct client_standing *standing, uint64_t now_ms)
{
    uint64_t wake_ms = UINT64_MAX;
    standing->now_ms = now_ms;
    standing_enter(standing);
    for (struct list *at = standing->links.next; at != &standing->links; at = at->next)
        standing_link_turn(LIST_ENTRY(at, struct client_standing_link, all_link), &wake_ms);
    standing_journeys_turn(standing, &wake_ms);
    unheard_expire(standing, &wake_ms);
    standing_states_turn(standing, &wake_ms);
    standing_leave(standing);
    return wake_ms;
}
