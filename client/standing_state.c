// SPDX-License-Identifier: Apache-2.0
// How a subscription is: for its listener, and for whoever asks.
#include "client/standing_core.h"
#include "cluster/model/key.h"

enum grid_subscription_state standing_state(const struct grid_subscription *subscription)
{
    const struct client_standing *standing = subscription->standing;
    const struct standing_journey *journey = subscription->journey;
    if (subscription->is_ended)
        return GRID_SUBSCRIPTION_ENDED;
    if (!subscription->is_joined)
        return GRID_SUBSCRIPTION_STARTING;
    if (standing->lost_count > 0)
        return GRID_SUBSCRIPTION_LOST;
    if (standing->resetting_count > 0 || (journey && journey->resetting_count > 0))
        return GRID_SUBSCRIPTION_RESETTING;
    return standing->behind > 0 || journey ? GRID_SUBSCRIPTION_CATCHING_UP : GRID_SUBSCRIPTION_LIVE;
}

enum grid_subscription_state grid_subscription_state(const struct grid_subscription *subscription)
{
    return standing_state(subscription);
}

const char *grid_subscription_state_name(enum grid_subscription_state state)
{
    static const char *const names[] = {"STARTING",  "LIVE", "CATCHING_UP",
                                        "RESETTING", "LOST", "ENDED"};
    return state <= GRID_SUBSCRIPTION_ENDED ? names[state] : "UNKNOWN";
}

// ---- Telling ----

void standing_notice(struct grid_subscription *subscription)
{
    struct client_standing *standing = subscription->standing;
    // Before some node has registered it, it is in another list, and STARTING.
    if (!subscription->listener->calls.state || !subscription->was_heard ||
        subscription->is_ended || !list_is_empty(&subscription->queue))
        return;
    list_append(&standing->notices, &subscription->queue);
    standing_want_turn(standing);
}

// A change of `behind` is told as well, while it is what keeps the subscription from being live.
static void state_tell(struct grid_subscription *subscription, bool is_behind_new)
{
    enum grid_subscription_state state = standing_state(subscription);
    bool is_behind = state == GRID_SUBSCRIPTION_CATCHING_UP && is_behind_new;
    if (state == subscription->told_state && !is_behind)
        return;
    subscription->told_state = (uint8_t)state;
    standing_tell_state(subscription, state);
}

static uint32_t lost_count(const struct client_standing *standing, uint64_t *wake_ms)
{
    uint32_t count = 0;
    for (uint32_t i = 0; standing->unfed_count > 0 && i < standing->partition_count; i++) {
        const struct standing_partition *partition = &standing->partitions[i];
        uint64_t lost_ms = partition->changed_ms + CLIENT_LOST_MS;
        if (partition->follower)
            continue;
        if (lost_ms <= standing->now_ms)
            count++;
        else if (lost_ms < *wake_ms)
            *wake_ms = lost_ms;
    }
    return count;
}

void standing_states_turn(struct client_standing *standing, uint64_t *wake_ms)
{
    uint32_t lost = lost_count(standing, wake_ms);
    if ((lost > 0) != (standing->lost_count > 0))
        standing->is_notice_due = true;
    standing->lost_count = lost;
    for (uint32_t number = 1;
         standing->is_notice_due && standing->state_count > 0 && number < standing->table_size;
         number++) {
        struct grid_subscription *subscription = standing->table[number];
        if (subscription && !subscription->is_ended && subscription->listener->calls.state)
            state_tell(subscription, true);
    }
    standing->is_notice_due = false;
    for (struct list *at; (at = list_pop(&standing->notices));) {
        struct grid_subscription *subscription = LIST_ENTRY(at, struct grid_subscription, queue);
        state_tell(subscription, false);
    }
}

// ---- How far a result is ----

static uint64_t confirmed_ms(const struct grid_subscription *subscription, uint16_t number)
{
    const struct standing_partition *partition = &subscription->standing->partitions[number];
    uint64_t confirmed = partition->confirmed_ms;
    bool is_with_others = standing_place_of(subscription, number) == PLACE_JOINED &&
                          partition->follower && partition->stage == STAGE_FED &&
                          !partition->is_resetting;
    if (is_with_others && partition->follower->confirmed_ms > partition->fed_ms)
        confirmed = partition->follower->confirmed_ms;
    return confirmed;
}

void client_standing_position(const struct grid_subscription *subscription, struct grid_bytes key,
                              uint64_t now_ms, struct grid_result_position *position)
{
    const struct client_standing *standing = subscription->standing;
    uint32_t first = 0;
    uint32_t end = standing->partition_count;
    uint64_t oldest_ms = end > 0 ? now_ms : 0;
    *position = (struct grid_result_position){.state = standing_state(subscription),
                                              .behind = standing->behind};
    if (key.data && end > 0) {
        first = key_partition(key_hash(bytes_of(key.data, key.size)), end);
        end = first + 1;
    }
    for (uint32_t i = first; i < end; i++) {
        uint64_t one_ms = confirmed_ms(subscription, (uint16_t)i);
        oldest_ms = one_ms < oldest_ms ? one_ms : oldest_ms;
    }
    uint64_t age_ms = now_ms - oldest_ms;
    position->age_ms = age_ms < UINT32_MAX ? (uint32_t)age_ms : UINT32_MAX;
}

// ---- Rows ----

static void row_show(const struct standing_row *kept, struct grid_row *row)
{
    *row = (struct grid_row){.key = {standing_row_key(kept).data, kept->key_bytes},
                             .value = {standing_row_value(kept).data, kept->value_bytes},
                             .version = kept->seq};
}

size_t grid_result_count(const struct grid_subscription *subscription)
{
    return subscription->rows ? standing_rows_count(subscription->rows) : 0;
}

enum grid_error grid_result_get(const struct grid_subscription *subscription, struct grid_bytes key,
                                struct grid_row *row)
{
    struct bytes wanted = bytes_of(key.data, key.size);
    *row = (struct grid_row){0};
    if (subscription->keep != GRID_KEEP_VALUES || key_check(wanted) != ERROR_NONE)
        return GRID_INVALID_ARGUMENT;
    if (!subscription->rows)
        return GRID_NOT_FOUND;
    uint16_t partition = key_partition(key_hash(wanted), subscription->standing->partition_count);
    const struct standing_row *kept = standing_rows_find(subscription->rows, partition, wanted);
    if (!kept)
        return GRID_NOT_FOUND;
    row_show(kept, row);
    return GRID_OK;
}

bool grid_result_next(const struct grid_subscription *subscription, uint64_t *place,
                      struct grid_row *row)
{
    const struct standing_row *kept =
        subscription->rows ? standing_rows_next(subscription->rows, place) : NULL;
    *row = (struct grid_row){0};
    if (!kept)
        return false;
    row_show(kept, row);
    if (!kept->has_value)
        row->value = (struct grid_bytes){0};
    return true;
}
