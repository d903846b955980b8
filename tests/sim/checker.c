// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/checker.h"

#include "cluster/model/key.h"
#include "cluster/wire/frame.h"
#include "tests/sim/world.h"

#include <inttypes.h>

// It stands where it was told last: no reset is under way, of which it may be told nothing at all.
static bool is_certain(const struct checker *checker, const struct place *place)
{
    return place->state == PLACE_KNOWN &&
           !(place->may_be_reset && promise_keeps_rows(&checker->promise));
}

void checker_init(struct checker *checker, struct world *world, const char *name,
                  const struct promise *promise, const struct checker *from)
{
    *checker = (struct checker){.world = world, .promise = *promise};
    snprintf(checker->name, sizeof checker->name, "%s", name);
    for (uint32_t p = 0; p < SIM_PARTITIONS_MAX; p++) {
        struct place *place = &checker->places[p];
        if (promise->options.start == GRID_START_SNAPSHOT)
            *place = (struct place){.state = PLACE_ROWS, .has_rows = true};
        else if (promise->options.start == GRID_START_AFTER && is_certain(from, &from->places[p]))
            *place = from->places[p];
        place->may_be_reset = false;
    }
}

static const struct truth *truth_of(const struct checker *checker, uint16_t partition)
{
    return &checker->world->observer.partitions[partition].truth;
}

static bool is_merging(const struct checker *checker)
{
    return checker->promise.options.policy == GRID_POLICY_CONFLATE;
}

// Whether changes add up to the result.
static bool has_exact_rows(const struct checker *checker, const struct place *place)
{
    return place->has_rows && promise_adds_up(&checker->promise);
}

static bool keeps_rows(const struct checker *checker)
{
    return promise_keeps_rows(&checker->promise);
}

static void fail(const struct checker *checker, uint16_t partition, uint64_t seq, const char *what)
{
    const struct place *place = &checker->places[partition];
    static const char *const states[] = {"unknown", "rows", "difference", "known"};
    world_fail(checker->world,
               "%s (%s): partition %u, seq %" PRIu64 ": %s; it is %s at %" PRIu64
               ", the truth at %" PRIu64,
               checker->name, checker->promise.question->text, partition, seq, what,
               states[place->state], place->seq, truth_of(checker, partition)->last_seq);
}

// The place of a partition, and the key's number. NULL: it is not to be judged, or was judged.
static struct place *place_find(struct checker *checker, const struct grid_event *event,
                                uint32_t *key)
{
    struct bytes encoded = bytes_of(event->key.data, event->key.size);
    uint32_t partition_count = checker->world->plan.partition_count;
    if (encoded.size != 1 || encoded.data[0] >= KEYS_MAX ||
        event->partition != key_partition(key_hash(encoded), partition_count)) {
        world_fail(checker->world, "%s: an event of partition %u has a key of another",
                   checker->name, event->partition);
        return NULL;
    }
    *key = encoded.data[0];
    bool is_lost = checker->world->observer.partitions[event->partition].is_lost;
    return is_lost ? NULL : &checker->places[event->partition];
}

// ---- Whether it adds up ----

static void rows_check(const struct checker *checker, uint16_t partition, uint64_t seq)
{
    const struct truth *truth = truth_of(checker, partition);
    const struct place *place = &checker->places[partition];
    for (uint32_t key = 0; key < KEYS_MAX; key++) {
        uint64_t owed = promise_row(&checker->promise, truth, key, seq);
        if (place->rows[key] == owed)
            continue;
        char text[96];
        snprintf(text, sizeof text,
                 "key %u is in the result with version %" PRIu64 ", not %" PRIu64, key,
                 place->rows[key], owed);
        fail(checker, partition, seq, text);
    }
}

static bool rows_are_of(const struct checker *checker, uint16_t partition, uint64_t s0)
{
    const struct truth *truth = truth_of(checker, partition);
    for (uint32_t key = 0; key < KEYS_MAX; key++) {
        if (checker->places[partition].told[key] != promise_row(&checker->promise, truth, key, s0))
            return false;
    }
    return true;
}

// There is a point of the history at which the rows were the result, and between which and the
// first change, or else `up_to`, there was nothing to tell.
static bool snapshot_fits(const struct checker *checker, uint16_t partition, uint64_t up_to)
{
    const struct truth *truth = truth_of(checker, partition);
    const struct place *place = &checker->places[partition];
    uint64_t last = place->first_seq ? place->first_seq - 1 : up_to;
    for (uint64_t s0 = last + 1; s0-- > 0;) {
        if (promise_next(&checker->promise, truth, s0, last) != 0)
            return false;
        if (rows_are_of(checker, partition, s0))
            return true;
    }
    return false;
}

static bool snapshot_is_possible(const struct checker *checker, uint16_t partition)
{
    const struct truth *truth = truth_of(checker, partition);
    if (checker->places[partition].first_seq != 0)
        return snapshot_fits(checker, partition, 0);
    for (uint64_t s0 = truth->last_seq + 1; s0-- > 0;) {
        if (rows_are_of(checker, partition, s0))
            return true;
    }
    return false;
}

// ---- Rows ----

// A reset was seen, and this is the first that is heard of it.
static void difference_begin(struct place *place)
{
    if (!place->may_be_reset)
        return;
    place->state = PLACE_DIFFERENCE;
    place->seq = 0;
    place->may_be_reset = false;
}

static const char *row_fault(const struct checker *checker, const struct place *place,
                             const struct grid_event *event, uint32_t key)
{
    const struct truth *truth = truth_of(checker, event->partition);
    const struct truth_effect *effect = truth_effect(truth, event->seq);
    if (!effect)
        return "a row that is not committed";
    if (effect->key != key || !promise_selects(&checker->promise, truth, event->seq) ||
        !promise_shows(&checker->promise, truth, event->seq, true, event->new_value))
        return "a row that this effect did not make";
    if (event->cause != GRID_CAUSE_NONE || event->time_us != 0 || event->old_value.data ||
        (event->epoch != 0 && effect->epoch != 0 && event->epoch != effect->epoch))
        return "a row with other circumstances";
    if (place->state == PLACE_DIFFERENCE)
        return place->rows[key] != 0 ? "a row that is in the result already" : NULL;
    if (place->state != PLACE_ROWS || place->is_complete)
        return "a row though there is no snapshot";
    if (place->told[key] != 0)
        return "a row for the second time";
    return place->changed_keys >> key & 1 ? "a row after a change of its key" : NULL;
}

void checker_row(struct checker *checker, const struct grid_event *event)
{
    uint32_t key;
    struct place *place = place_find(checker, event, &key);
    if (!place)
        return;
    if (keeps_rows(checker))
        difference_begin(place);
    // What the log does not have any more comes as rows.
    if (place->state == PLACE_UNKNOWN && checker->promise.options.start == GRID_START_EARLIEST)
        *place = (struct place){.state = PLACE_ROWS, .has_rows = true};
    const char *fault = row_fault(checker, place, event, key);
    if (fault) {
        fail(checker, event->partition, event->seq, fault);
        return;
    }
    place->rows[key] = place->told[key] = event->seq;
}

void checker_ready(struct checker *checker)
{
    if (checker->is_ready)
        world_fail(checker->world, "%s is ready twice", checker->name);
    checker->is_ready = true;
    for (uint32_t p = 0; p < checker->world->plan.partition_count; p++) {
        struct place *place = &checker->places[p];
        if (place->state != PLACE_ROWS || checker->world->observer.partitions[p].is_lost)
            continue;
        place->is_complete = true;
        if (!is_merging(checker) && !place->may_be_reset &&
            !snapshot_is_possible(checker, (uint16_t)p))
            fail(checker, (uint16_t)p, 0, "its snapshot was never the state");
    }
}

// ---- Changes ----

// Those by which a reset is told.
static const char *difference_fault(const struct checker *checker, const struct place *place,
                                    uint8_t kind, const struct grid_event *event, uint32_t key)
{
    const struct truth *truth = truth_of(checker, event->partition);
    const struct truth_effect *effect = truth_effect(truth, event->seq);
    if (!keeps_rows(checker) || (!place->may_be_reset && place->state != PLACE_DIFFERENCE))
        return "a change without a cause, and without a reset";
    if ((kind == FRAME_ENTER) != (place->rows[key] == 0))
        return "a difference of the wrong kind";
    if (kind == FRAME_LEAVE)
        return NULL;
    if (!effect || effect->key != key || !promise_selects(&checker->promise, truth, event->seq) ||
        !promise_shows(&checker->promise, truth, event->seq, true, event->new_value))
        return "a difference that this effect did not make";
    return event->seq == place->rows[key] ? "a difference where there is none" : NULL;
}

static const char *order_fault(const struct checker *checker, struct place *place,
                               const struct grid_event *event)
{
    const struct truth *truth = truth_of(checker, event->partition);
    bool is_first = place->state == PLACE_UNKNOWN || (place->state != PLACE_KNOWN && !place->seq);
    if (is_first)
        return NULL;
    if (event->seq > place->seq &&
        promise_next(&checker->promise, truth, place->seq, event->seq - 1) == 0)
        return NULL;
    if (keeps_rows(checker) && place->may_be_reset) {
        difference_begin(place); // in which nothing differed
        return NULL;
    }
    return event->seq > place->seq ? "a change, and one before it is missing"
                                   : "a change for the second time, or too late";
}

static const char *kind_fault(const struct checker *checker, const struct place *place,
                              uint8_t kind, const struct grid_event *event, uint32_t key)
{
    const struct truth *truth = truth_of(checker, event->partition);
    uint8_t owed;
    if (!promise_covers(&checker->promise, truth, event->seq, &owed))
        return "a change that is not to be told";
    if (place->state == PLACE_DIFFERENCE)
        return (kind == FRAME_ENTER) == (place->rows[key] == 0) &&
                       (kind == FRAME_LEAVE) == (owed == FRAME_LEAVE)
                   ? NULL
                   : "a change of the wrong kind after a reset";
    if (kind != owed)
        return "a change of the wrong kind";
    if (place->state == PLACE_ROWS && has_exact_rows(checker, place) &&
        (kind == FRAME_ENTER) != (place->rows[key] == 0))
        return "a change before the row of its key";
    const struct truth_effect *effect = truth_effect(truth, event->seq);
    return promise_shows(&checker->promise, truth, effect->previous_seq, false, event->old_value)
               ? NULL
               : "a change with a wrong old value";
}

// Changes of one key may have been merged into one.
static const char *merged_fault(const struct checker *checker, const struct place *place,
                                uint8_t kind, const struct grid_event *event, uint32_t key)
{
    const struct truth *truth = truth_of(checker, event->partition);
    if (event->seq <= place->told[key])
        return "a merged change for the second time";
    if (promise_selects(&checker->promise, truth, event->seq) != (kind != FRAME_LEAVE))
        return "a merged change that is not to be told";
    if (!place->has_rows)
        return NULL;
    if ((kind == FRAME_ENTER) != (place->rows[key] == 0))
        return "a merged change of the wrong kind";
    return kind == FRAME_ENTER || place->state == PLACE_DIFFERENCE ||
                   promise_shows(&checker->promise, truth, place->rows[key], false,
                                 event->old_value)
               ? NULL
               : "a merged change with a wrong old value";
}

static const char *change_fault(const struct checker *checker, const struct grid_event *event,
                                uint32_t key)
{
    const struct truth *truth = truth_of(checker, event->partition);
    const struct truth_effect *effect = truth_effect(truth, event->seq);
    if (!effect)
        return "a change that is not committed";
    if (effect->key != key || (int)effect->cause != (int)event->cause ||
        effect->time_us != event->time_us ||
        (event->epoch != 0 && effect->epoch != 0 && event->epoch != effect->epoch))
        return "a change that was another one";
    return promise_shows(&checker->promise, truth, event->seq, true, event->new_value)
               ? NULL
               : "a change with a wrong new value";
}

static void change_take(struct checker *checker, struct place *place, uint8_t kind,
                        const struct grid_event *event, uint32_t key)
{
    const char *fault = change_fault(checker, event, key);
    if (!fault && is_merging(checker))
        fault = merged_fault(checker, place, kind, event, key);
    if (!fault && !is_merging(checker))
        fault = order_fault(checker, place, event);
    if (!fault && !is_merging(checker))
        fault = kind_fault(checker, place, kind, event, key);
    if (fault) {
        fail(checker, event->partition, event->seq, fault);
        return;
    }
    if (place->state == PLACE_UNKNOWN)
        place->state = PLACE_KNOWN;
    if (place->state == PLACE_ROWS && place->first_seq == 0)
        place->first_seq = event->seq;
    if (event->seq > place->seq)
        place->seq = event->seq;
    place->changed_keys |= 1U << key;
    if (is_merging(checker))
        place->told[key] = event->seq;
    place->rows[key] = kind == FRAME_LEAVE ? 0 : event->seq;
}

void checker_change(struct checker *checker, uint8_t kind, const struct grid_event *event)
{
    uint32_t key;
    struct place *place = place_find(checker, event, &key);
    if (!place)
        return;
    if (event->cause != GRID_CAUSE_NONE) {
        change_take(checker, place, kind, event, key);
        return;
    }
    const char *fault = difference_fault(checker, place, kind, event, key);
    if (fault) {
        fail(checker, event->partition, event->seq, fault);
        return;
    }
    difference_begin(place);
    place->rows[key] = kind == FRAME_LEAVE ? 0 : event->seq;
}

// ---- Progress ----

static const char *progress_fault(const struct checker *checker, const struct place *place,
                                  uint16_t partition, uint64_t seq)
{
    const struct truth *truth = truth_of(checker, partition);
    if (seq > truth->last_seq)
        return "progress beyond what is committed";
    if (place->state != PLACE_UNKNOWN && seq < place->seq)
        return "progress goes back";
    if (is_merging(checker) || place->state == PLACE_UNKNOWN || place->state == PLACE_DIFFERENCE ||
        (keeps_rows(checker) && place->may_be_reset))
        return NULL; // the rows say it all, if anything does
    if (place->state == PLACE_ROWS && !snapshot_fits(checker, partition, seq))
        return "the rows were never the state";
    if (place->state == PLACE_ROWS && place->first_seq == 0)
        return NULL;
    return promise_next(&checker->promise, truth, place->seq, seq) != 0
               ? "progress beyond a change that was not told"
               : NULL;
}

void checker_progress(struct checker *checker, uint16_t partition, uint64_t seq)
{
    struct place *place = &checker->places[partition];
    if (checker->world->observer.partitions[partition].is_lost)
        return;
    const char *fault = progress_fault(checker, place, partition, seq);
    if (fault) {
        fail(checker, partition, seq, fault);
        return;
    }
    if (has_exact_rows(checker, place))
        rows_check(checker, partition, seq);
    place->state = PLACE_KNOWN;
    place->seq = seq;
    place->first_seq = 0;
    place->changed_keys = 0;
    place->may_be_reset = false;
    if (!is_merging(checker))
        memset(place->told, 0, sizeof place->told);
}

// ---- Resets ----

void checker_reset(struct checker *checker, uint16_t partition)
{
    if (keeps_rows(checker))
        fail(checker, partition, 0, "a reset though it keeps its rows");
    checker->places[partition] = (struct place){.state = PLACE_ROWS, .has_rows = true};
}

void checker_see_reset(struct checker *checker, uint16_t partition)
{
    checker->places[partition].may_be_reset = true;
}

void checker_see_loss(struct checker *checker)
{
    for (uint32_t p = 0; p < SIM_PARTITIONS_MAX; p++) {
        struct place *place = &checker->places[p];
        if (place->state == PLACE_ROWS)
            place->may_be_reset = true;
    }
}

// ---- Quiet ----

static bool rows_are_exact(const struct checker *checker, uint16_t partition, uint64_t seq)
{
    const struct truth *truth = truth_of(checker, partition);
    for (uint32_t key = 0; key < KEYS_MAX; key++) {
        if (checker->places[partition].rows[key] != promise_row(&checker->promise, truth, key, seq))
            return false;
    }
    return true;
}

// Of partitions where nothing happens no progress is told.
static bool is_owed_nothing(const struct checker *checker, uint16_t partition)
{
    const struct truth *truth = truth_of(checker, partition);
    const struct place *place = &checker->places[partition];
    if (has_exact_rows(checker, place) && !rows_are_exact(checker, partition, truth->last_seq))
        return false;
    if (place->state == PLACE_UNKNOWN || place->state == PLACE_DIFFERENCE || is_merging(checker))
        return true;
    if (place->state == PLACE_ROWS && !place->may_be_reset &&
        !snapshot_fits(checker, partition, truth->last_seq))
        return false;
    return (place->state == PLACE_ROWS && place->first_seq == 0) ||
           promise_next(&checker->promise, truth, place->seq, truth->last_seq) == 0;
}

const char *checker_lack(const struct checker *checker)
{
    const struct observer *observer = &checker->world->observer;
    for (uint32_t p = 0; p < checker->world->plan.partition_count; p++) {
        if (!observer->partitions[p].is_lost && !is_owed_nothing(checker, (uint16_t)p))
            return "a subscription was not told everything";
    }
    return NULL;
}

void checker_check_quiet(const struct checker *checker)
{
    for (uint32_t p = 0; p < checker->world->plan.partition_count; p++) {
        if (!checker->world->observer.partitions[p].is_lost &&
            has_exact_rows(checker, &checker->places[p]))
            rows_check(checker, (uint16_t)p, truth_of(checker, (uint16_t)p)->last_seq);
    }
}
