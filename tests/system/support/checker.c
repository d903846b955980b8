// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/checker.h"

#include "cluster/base/check.h"
#include "cluster/base/memory.h"
#include "cluster/model/limits.h"

#include <stdio.h>
#include <string.h>

enum { FAULTS_TOLD_MAX = 10, ABSENT = -1 };

struct row {
    int64_t number; // ABSENT: not held
    uint64_t seq;   // of the last row or change of this key
};

// How far a partition's changes have come.
struct place {
    uint64_t epoch;
    uint64_t seq;
    bool is_reset; // its rows may come again
};

struct checker {
    struct checker_options options;
    struct grid_subscription *subscription;
    struct row *rows; // owned; by key
    uint16_t *homes;  // owned; by key: its partition, once it was seen
    struct place places[PARTITIONS_MAX];
    struct checker_tally tally;
    bool is_ready;
    enum grid_error error;
};

// ---- Judging ----

static int64_t number_of(const struct checker *checker, struct grid_bytes value)
{
    int64_t number;
    if (!value.data)
        return ABSENT;
    struct grid_bytes field = grid_value_field(value, checker->options.field);
    return field.data && grid_value_int(field, &number) ? number : ABSENT;
}

static void fault(struct checker *checker, const struct grid_event *event, const char *what)
{
    int64_t key = -1;
    grid_value_int(event->key, &key);
    if (checker->tally.faults++ < FAULTS_TOLD_MAX)
        fprintf(stderr,
                "%s: key %lld, partition %u, epoch %llu, seq %llu, cause %d, old %lld, new %lld, "
                "held %lld: %s\n",
                checker->options.name, (long long)key, event->partition,
                (unsigned long long)event->epoch, (unsigned long long)event->seq, event->cause,
                (long long)number_of(checker, event->old_value),
                (long long)number_of(checker, event->new_value),
                (long long)(key >= 0 && key < (int64_t)checker->options.key_count
                                ? checker->rows[key].number
                                : ABSENT),
                what);
}

// NULL, and a fault: nobody writes such a key, or nothing may come any more.
static struct row *row_of(struct checker *checker, const struct grid_event *event)
{
    int64_t key;
    if (checker->error != GRID_OK) {
        fault(checker, event, "it comes after the end");
        return NULL;
    }
    if (!grid_value_int(event->key, &key) || key < 0 ||
        key >= (int64_t)checker->options.key_count || event->partition >= PARTITIONS_MAX) {
        fault(checker, event, "there is no such key");
        return NULL;
    }
    checker->homes[key] = event->partition;
    return &checker->rows[key];
}

// The value that an entry has now; without values, any.
static int64_t new_number(struct checker *checker, const struct grid_event *event)
{
    if (checker->options.subscribe.content == GRID_CONTENT_KEYS)
        return 0;
    int64_t number = number_of(checker, event->new_value);
    if (number == ABSENT)
        fault(checker, event, "it has no value");
    return number;
}

static void order_check(struct checker *checker, const struct grid_event *event,
                        const struct row *row)
{
    struct place *place = &checker->places[event->partition];
    if (event->cause == GRID_CAUSE_NONE) { // in the order of the keys, not of the partition
        checker->tally.told++;
        return;
    }
    if (event->seq <= place->seq || event->epoch < place->epoch)
        fault(checker, event, "it is out of order, or comes twice");
    if (event->seq <= row->seq)
        fault(checker, event, "it is older than what was told of its key");
    place->epoch = event->epoch;
    place->seq = event->seq;
}

// What a reset brings to light has an old value only where the client keeps values.
static void old_check(struct checker *checker, const struct grid_event *event,
                      const struct row *row)
{
    if (checker->options.subscribe.content != GRID_CONTENT_OLD_AND_NEW ||
        (event->cause == GRID_CAUSE_NONE && !event->old_value.data))
        return;
    if (number_of(checker, event->old_value) != row->number)
        fault(checker, event, "its old value is not the one that is held");
}

// ---- Listening ----

static void on_row(void *context, const struct grid_event *event)
{
    struct checker *checker = context;
    struct row *row = row_of(checker, event);
    if (!row)
        return;
    bool is_first = checker->options.subscribe.start == GRID_START_SNAPSHOT && !checker->is_ready;
    if (!is_first && !checker->places[event->partition].is_reset)
        fault(checker, event, "no row is due");
    if (row->number != ABSENT || event->seq <= row->seq)
        fault(checker, event, "a row comes twice, or after a change");
    row->number = new_number(checker, event);
    row->seq = event->seq;
    checker->tally.rows++;
}

static void on_enter(void *context, const struct grid_event *event)
{
    struct checker *checker = context;
    struct row *row = row_of(checker, event);
    if (!row)
        return;
    order_check(checker, event, row);
    if (row->number != ABSENT)
        fault(checker, event, "what is held enters");
    row->number = new_number(checker, event);
    row->seq = event->seq;
    checker->tally.enters++;
}

static void on_update(void *context, const struct grid_event *event)
{
    struct checker *checker = context;
    struct row *row = row_of(checker, event);
    if (!row)
        return;
    order_check(checker, event, row);
    if (row->number == ABSENT)
        fault(checker, event, "what is not held is updated");
    else
        old_check(checker, event, row);
    row->number = new_number(checker, event);
    row->seq = event->seq;
    checker->tally.updates++;
}

static void on_leave(void *context, const struct grid_event *event)
{
    struct checker *checker = context;
    struct row *row = row_of(checker, event);
    if (!row)
        return;
    order_check(checker, event, row);
    if (row->number == ABSENT)
        fault(checker, event, "what is not held leaves");
    else
        old_check(checker, event, row);
    row->number = ABSENT;
    row->seq = event->seq;
    checker->tally.leaves++;
}

static void on_reset(void *context, uint16_t partition)
{
    struct checker *checker = context;
    for (uint32_t key = 0; key < checker->options.key_count; key++) {
        if (checker->homes[key] == partition)
            checker->rows[key] = (struct row){.number = ABSENT};
    }
    checker->places[partition].is_reset = true;
    checker->tally.resets++;
}

static void plain_fault(struct checker *checker, const char *what)
{
    checker->tally.faults++;
    fprintf(stderr, "%s: %s\n", checker->options.name, what);
}

static void on_ready(void *context)
{
    struct checker *checker = context;
    if (checker->is_ready)
        plain_fault(checker, "it is ready twice");
    checker->is_ready = true;
}

static void on_progress(void *context, uint16_t partition, uint64_t seq)
{
    struct checker *checker = context;
    struct place *place = &checker->places[partition];
    if (seq < place->seq)
        plain_fault(checker, "progress goes back");
    place->seq = seq;
}

static void on_state(void *context, enum grid_subscription_state state, uint64_t behind)
{
    (void)behind;
    ((struct checker *)context)->tally.states[state]++;
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    struct checker *checker = context;
    if (checker->error != GRID_OK || error == GRID_OK || text[0] == '\0')
        plain_fault(checker, "an end without a reason, or a second one");
    checker->error = error;
    fprintf(stderr, "%s ended: %s: %s\n", checker->options.name, grid_error_name(error), text);
}

// ---- Life ----

static struct checker *checker_make(const struct checker_options *options,
                                    const struct checker *before)
{
    struct checker *checker = memory_new(sizeof *checker);
    checker->options = *options;
    checker->rows = memory_new_array(options->key_count, sizeof *checker->rows);
    checker->homes = memory_new_array(options->key_count, sizeof *checker->homes);
    for (uint32_t key = 0; key < options->key_count; key++)
        checker->rows[key] = before ? before->rows[key] : (struct row){.number = ABSENT};
    if (before) {
        CHECK(before->options.key_count == options->key_count);
        memcpy(checker->homes, before->homes, options->key_count * sizeof *checker->homes);
        memcpy(checker->places, before->places, sizeof checker->places);
    }
    return checker;
}

struct checker *checker_new(struct grid *grid, const struct checker_options *options,
                            const struct checker *before)
{
    static const struct grid_listener listener = {.row = on_row,
                                                  .ready = on_ready,
                                                  .enter = on_enter,
                                                  .update = on_update,
                                                  .leave = on_leave,
                                                  .progress = on_progress,
                                                  .reset = on_reset,
                                                  .state = on_state,
                                                  .error = on_error};
    struct checker *checker = checker_make(options, before);
    checker->subscription =
        grid_subscribe(grid, options->query, &options->subscribe, &listener, checker);
    CHECK(checker->subscription != NULL);
    return checker;
}

struct checker *checker_copy(const struct checker *checker)
{
    return checker_make(&checker->options, checker);
}

void checker_free(struct checker *checker)
{
    if (!checker)
        return;
    if (checker->subscription)
        grid_unsubscribe(checker->subscription);
    free(checker->rows);
    free(checker->homes);
    free(checker);
}

const struct checker_tally *checker_tally(const struct checker *checker)
{
    return &checker->tally;
}

struct grid_subscription *checker_subscription(const struct checker *checker)
{
    return checker->subscription;
}

enum grid_subscription_state checker_state(const struct checker *checker)
{
    return grid_subscription_state(checker->subscription);
}

bool checker_is_ready(const struct checker *checker)
{
    return checker->is_ready;
}

enum grid_error checker_error(const struct checker *checker)
{
    return checker->error;
}

int64_t checker_number(const struct checker *checker, uint32_t key)
{
    return checker->rows[key].number;
}

// ---- Comparing ----

// What a fresh query finds, by key. False: it failed.
static bool rows_find(const struct checker *checker, struct grid *judge, struct row *found)
{
    struct grid_row row;
    enum grid_error error;
    int64_t key;
    for (uint32_t i = 0; i < checker->options.key_count; i++)
        found[i].number = ABSENT;
    struct grid_scan *scan = grid_query_new(judge, checker->options.query);
    while ((error = grid_scan_next(scan, &row)) == GRID_OK) {
        CHECK(grid_value_int(row.key, &key) && key >= 0 &&
              key < (int64_t)checker->options.key_count);
        found[key] = (struct row){.number = number_of(checker, row.value), .seq = row.version};
    }
    if (error != GRID_NOT_FOUND)
        fprintf(stderr, "scan: %s: %s\n", grid_error_name(error), grid_error_text(judge));
    grid_scan_free(scan);
    return error == GRID_NOT_FOUND;
}

// Without values a key's number is 0; without changes that change nothing, its version is an older
// one.
static bool rows_differ(const struct checker *checker, const struct row *held,
                        const struct row *found)
{
    const struct grid_subscribe_options *subscribe = &checker->options.subscribe;
    bool is_held = held->number != ABSENT;
    if (is_held != (found->number != ABSENT))
        return true;
    if (!is_held)
        return false;
    return (subscribe->content != GRID_CONTENT_KEYS && held->number != found->number) ||
           (!subscribe->only_changed && held->seq != found->seq);
}

// The client's copy against what was called back.
static uint32_t copy_differences(const struct checker *checker)
{
    uint32_t count = 0;
    uint32_t held_count = 0;
    uint64_t place = 0;
    struct grid_row row;
    int64_t key;
    while (grid_result_next(checker->subscription, &place, &row)) {
        CHECK(grid_value_int(row.key, &key));
        count += key < 0 || key >= (int64_t)checker->options.key_count ||
                 checker->rows[key].number != number_of(checker, row.value);
    }
    for (uint32_t i = 0; i < checker->options.key_count; i++)
        held_count += checker->rows[i].number != ABSENT;
    return count + (held_count != grid_result_count(checker->subscription));
}

uint32_t checker_compare(const struct checker *checker, struct grid *judge)
{
    struct row *found = memory_new_array(checker->options.key_count, sizeof *found);
    uint32_t count = UINT32_MAX;
    if (rows_find(checker, judge, found)) {
        count = 0;
        for (uint32_t key = 0; key < checker->options.key_count; key++)
            count += rows_differ(checker, &checker->rows[key], &found[key]);
        if (checker->options.subscribe.keep == GRID_KEEP_VALUES)
            count += copy_differences(checker);
    }
    free(found);
    return count;
}

void checker_report(const struct checker *checker)
{
    const struct checker_tally *tally = &checker->tally;
    printf("# %s: %llu rows, %llu enter, %llu update, %llu leave (%llu of resets), %llu resets; "
           "lost %u times, catching up %u times; %u faults\n",
           checker->options.name, (unsigned long long)tally->rows,
           (unsigned long long)tally->enters, (unsigned long long)tally->updates,
           (unsigned long long)tally->leaves, (unsigned long long)tally->told,
           (unsigned long long)tally->resets, tally->states[GRID_SUBSCRIPTION_LOST],
           tally->states[GRID_SUBSCRIPTION_CATCHING_UP], tally->faults);
}
