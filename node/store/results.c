// SPDX-License-Identifier: Apache-2.0
#include "node/store/results.h"

#include "cluster/base/memory.h"
#include "node/store/latest.h"

#include <assert.h>

enum {
    CAPACITY_FIRST = 64,
    INLINE_BYTES = 8,
};

#define NOT_KNOWN_US     UINT64_MAX
#define FLOOR_NOT_STATED UINT32_MAX

// With kind OP_NONE it is no result: what its client had said by an operation that was taken back.
struct item {
    uint64_t client;
    uint64_t number; // OP_NONE: the floor
    uint64_t seq;
    uint64_t time_us; // 0: not known yet
    union {
        uint8_t *bytes; // owned, when value_bytes > INLINE_BYTES
        uint8_t inline_bytes[INLINE_BYTES];
    } value;
    uint32_t above_floor; // number - floor, or FLOOR_NOT_STATED
    uint16_t value_bytes; // 0: none
    uint8_t kind;
    bool found;
};

static_assert(sizeof(struct item) == 48, "what each remembered operation pays");
static_assert(RESULT_VALUE_BYTES_MAX <= UINT16_MAX, "item.value_bytes");
static_assert(RESULT_VALUE_BYTES_MAX <= RESULTS_VALUE_BYTES_MAX / 4, "one value fits after a cut");

struct results {
    struct item *items; // owned
    uint32_t count;
    uint32_t capacity;
    uint64_t value_bytes;  // of the values that are not inline
    uint64_t forgotten_us; // newest effect whose result was given up; 0: none; NOT_KNOWN_US
    struct latest latest;
    bool has_untimed; // an item without a time, or NOT_KNOWN_US: the next push gives it its own
};

struct results *results_new(void)
{
    return memory_new(sizeof(struct results));
}

static uint8_t *item_owned(const struct item *item)
{
    return item->value_bytes > INLINE_BYTES ? item->value.bytes : NULL;
}

static void value_release(struct results *results, struct item *item)
{
    if (item_owned(item) == NULL)
        return;
    results->value_bytes -= item->value_bytes;
    // The analyzer does not see that compaction moves another item into the place of a freed one.
    free(item->value.bytes); // NOLINT(clang-analyzer-unix.Malloc)
}

void results_free(struct results *results)
{
    for (uint32_t i = 0; results != NULL && i < results->count; i++)
        free(item_owned(&results->items[i]));
    if (results != NULL) {
        free(results->items);
        latest_deinit(&results->latest);
    }
    free(results);
}

uint64_t results_bytes(const struct results *results)
{
    return sizeof *results + results->capacity * sizeof *results->items + results->value_bytes +
           latest_bytes(&results->latest);
}

uint64_t results_last_seq(const struct results *results)
{
    return results->count > 0 ? results->items[results->count - 1].seq : 0;
}

bool result_has_value(enum op_kind kind, bool found)
{
    return kind == OP_INCREMENT || kind == OP_MERGE || kind == OP_REMOVE ||
           (kind == OP_GET_AND_PUT && found);
}

static uint64_t item_floor(const struct item *item)
{
    return item->above_floor == FLOOR_NOT_STATED ? 0 : item->number - item->above_floor;
}

// ---- Forgetting ----

void results_note_forgotten(struct results *results, uint64_t time_us)
{
    if (results->forgotten_us == NOT_KNOWN_US || time_us > results->forgotten_us)
        results->forgotten_us = time_us;
}

void results_suspect(struct results *results)
{
    results->forgotten_us = NOT_KNOWN_US;
    results->has_untimed = true;
}

uint64_t results_forgotten_us(const struct results *results)
{
    return results->forgotten_us;
}

static void item_forget(struct results *results, struct item *item)
{
    if (item->time_us == 0)
        results_suspect(results);
    else if (results->forgotten_us != NOT_KNOWN_US)
        results_note_forgotten(results, item->time_us);
    value_release(results, item);
}

static void oldest_forget(struct results *results, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        item_forget(results, &results->items[i]);
    results->count -= count;
    memmove(results->items, results->items + count, results->count * sizeof *results->items);
}

// The highest floor of each client: a hash table that lives for one compaction.
struct floors {
    struct client_floor {
        uint64_t client; // 0: the slot is free
        uint64_t floor;
    } * slots;
    uint32_t mask;
};

static struct client_floor *floor_slot(const struct floors *floors, uint64_t client)
{
    uint32_t at = (uint32_t)((client * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & floors->mask;
    while (floors->slots[at].client != 0 && floors->slots[at].client != client)
        at = (at + 1) & floors->mask;
    return &floors->slots[at];
}

static struct floors floors_of(const struct results *results)
{
    uint32_t capacity = CAPACITY_FIRST;
    while (capacity < 2 * results->count)
        capacity *= 2;
    struct floors floors = {.slots = memory_new_array(capacity, sizeof *floors.slots),
                            .mask = capacity - 1};
    for (uint32_t i = 0; i < results->count; i++) {
        const struct item *item = &results->items[i];
        struct client_floor *slot = floor_slot(&floors, item->client);
        slot->client = item->client;
        if (item_floor(item) > slot->floor)
            slot->floor = item_floor(item);
    }
    return floors;
}

// Takes out what nobody will ask for again.
static void results_compact(struct results *results, uint64_t now_us)
{
    struct floors floors = floors_of(results);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < results->count; i++) {
        struct item *item = &results->items[i];
        if (item->number < floor_slot(&floors, item->client)->floor)
            value_release(results, item);
        else if (item->time_us != 0 && item->time_us + RESULT_IDLE_US < now_us)
            item_forget(results, item);
        else
            results->items[kept++] = *item;
    }
    results->count = kept;
    free(floors.slots);
}

static void results_resize(struct results *results, uint32_t capacity)
{
    results->items = memory_resize_array(results->items, capacity, sizeof *results->items);
    results->capacity = capacity;
}

// Afterwards a quarter of the places is free, or of the room for values if that was short: what
// this costs is shared by many pushes.
static void room_make(struct results *results, size_t value_bytes, uint64_t now_us)
{
    results_compact(results, now_us);
    if (results->capacity == 0)
        results_resize(results, CAPACITY_FIRST);
    else if (results->count > results->capacity / 2 && results->capacity < RESULTS_MAX)
        results_resize(results, results->capacity * 2);
    else if (results->count < results->capacity / 8 && results->capacity > CAPACITY_FIRST)
        results_resize(results, results->capacity / 2);
    if (results->count > RESULTS_MAX / 4 * 3)
        oldest_forget(results, results->count / 4);
    if (results->value_bytes + value_bytes <= RESULTS_VALUE_BYTES_MAX)
        return;
    while (results->value_bytes > RESULTS_VALUE_BYTES_MAX / 4 * 3)
        oldest_forget(results, (results->count + 3) / 4);
}

// ---- Remembering ----

// The first known time stands for those before: later than they were, so nothing is taken for
// forgotten earlier than it was.
static void untimed_settle(struct results *results, uint64_t time_us)
{
    if (results->forgotten_us == NOT_KNOWN_US)
        results->forgotten_us = time_us;
    for (uint32_t i = 0; i < results->count; i++) {
        if (results->items[i].time_us == 0)
            results->items[i].time_us = time_us;
    }
    results->has_untimed = false;
}

static void value_keep(struct results *results, struct item *item, struct bytes value)
{
    item->value_bytes = (uint16_t)value.size;
    if (value.size <= INLINE_BYTES) {
        if (value.size > 0)
            memcpy(item->value.inline_bytes, value.data, value.size);
        return;
    }
    item->value.bytes = memory_new(value.size);
    memcpy(item->value.bytes, value.data, value.size);
    results->value_bytes += value.size;
}

void results_push(struct results *results, const struct fill_result *result, uint64_t time_us)
{
    const struct origin *origin = &result->origin;
    CHECK(origin->client != 0 && origin->client != ORIGIN_FORGOTTEN && origin->kind != OP_NONE);
    CHECK(origin->floor <= origin->number && result->seq >= results_last_seq(results));
    struct bytes value = bytes_of(NULL, 0);
    if (result->has_value && result->value.size <= RESULT_VALUE_BYTES_MAX)
        value = result->value;
    if (results->count == results->capacity ||
        results->value_bytes + value.size > RESULTS_VALUE_BYTES_MAX)
        room_make(results, value.size, time_us);
    if (time_us == 0)
        results->has_untimed = true;
    else if (results->has_untimed)
        untimed_settle(results, time_us);
    uint64_t above_floor = origin->number - origin->floor;
    struct item *item = &results->items[results->count++];
    *item = (struct item){
        .client = origin->client,
        .number = origin->number,
        .seq = result->seq,
        .time_us = time_us,
        .above_floor = above_floor < FLOOR_NOT_STATED ? (uint32_t)above_floor : FLOOR_NOT_STATED,
        .kind = origin->kind,
        .found = result->found,
    };
    value_keep(results, item, value);
    latest_note(&results->latest, origin->client, origin->number);
}

void results_note_attempt(struct results *results, uint64_t client, uint64_t number)
{
    latest_note(&results->latest, client, number);
}

bool results_is_overtaken(const struct results *results, uint64_t client, uint64_t number)
{
    return latest_is_overtaken(&results->latest, client, number);
}

void results_prefetch(const struct results *results, uint64_t client)
{
    latest_prefetch(&results->latest, client);
    if (results->count < results->capacity) {
        __builtin_prefetch(&results->items[results->count], 1);
        __builtin_prefetch(&results->items[results->count].found, 1);
    }
}

// What the item says about its client stays, as an item that answers nothing.
static void item_take_back(struct results *results, struct item *item, uint64_t seq)
{
    value_release(results, item);
    *item = (struct item){
        .client = item->client,
        .number = item_floor(item),
        .seq = seq,
        .time_us = item->time_us,
        .kind = OP_NONE,
    };
}

void results_cut(struct results *results, uint64_t seq)
{
    uint32_t kept = results->count;
    while (kept > 0 && results->items[kept - 1].seq > seq)
        kept--;
    for (uint32_t i = kept; i < results->count; i++) {
        struct item *item = &results->items[i];
        item_take_back(results, item, seq);
        if (item->number > 0)
            results->items[kept++] = *item;
    }
    results->count = kept;
}

// ---- Asking ----

static struct fill_result item_result(const struct item *item)
{
    const uint8_t *owned = item_owned(item);
    return (struct fill_result){
        .origin = {.client = item->client,
                   .number = item->number,
                   .floor = item_floor(item),
                   .kind = item->kind},
        .seq = item->seq,
        .found = item->found,
        .has_value = item->value_bytes > 0,
        .value = bytes_of(owned ? owned : item->value.inline_bytes, item->value_bytes),
    };
}

void results_each(const struct results *results,
                  void (*visit)(void *context, const struct fill_result *result), void *context)
{
    for (uint32_t i = 0; i < results->count; i++) {
        struct fill_result result = item_result(&results->items[i]);
        if (result.origin.kind != OP_NONE)
            visit(context, &result);
    }
}

enum result_verdict results_find(const struct results *results, uint64_t client, uint64_t number,
                                 int64_t sent_us, struct fill_result *result)
{
    uint64_t floor = 0;
    for (uint32_t i = results->count; i-- > 0;) {
        const struct item *item = &results->items[i];
        if (item->client != client)
            continue;
        if (item->number == number && item->kind != OP_NONE) {
            *result = item_result(item);
            return RESULT_FOUND;
        }
        if (item_floor(item) > floor)
            floor = item_floor(item);
    }
    if (number < floor)
        return RESULT_SETTLED;
    if (results->forgotten_us == 0)
        return RESULT_NEW;
    bool was_later = results->forgotten_us < INT64_MAX - RESULT_CLOCK_SLACK_US &&
                     sent_us > (int64_t)results->forgotten_us + RESULT_CLOCK_SLACK_US;
    return was_later ? RESULT_NEW : RESULT_FORGOTTEN;
}

// The first item whose effect is not before `seq`. Who asks mostly follows the end of the log.
static uint32_t item_search(const struct results *results, uint64_t seq)
{
    uint32_t low = 0, high = results->count;
    for (uint32_t step = 1; high > 0 && high - low >= step; step *= 2) {
        if (results->items[high - step].seq < seq) {
            low = high - step + 1;
            break;
        }
        high -= step;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (results->items[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct origin results_origin(const struct results *results, uint64_t seq, uint64_t time_us)
{
    for (uint32_t i = item_search(results, seq); i < results->count; i++) {
        const struct item *item = &results->items[i];
        if (item->seq != seq)
            break;
        if (item->kind != OP_NONE)
            return item_result(item).origin;
    }
    if (results->forgotten_us == 0 || time_us > results->forgotten_us)
        return (struct origin){.client = 0};
    return (struct origin){.client = ORIGIN_FORGOTTEN, .number = 1, .floor = 1, .kind = OP_PUT};
}
