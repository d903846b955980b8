// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/watcher.h"

#include "cluster/base/units.h"
#include "cluster/wire/frame.h"
#include "tests/sim/world.h"

#include <inttypes.h>

enum {
    STEP_MAX_US = 4 * US_PER_S, // between its decisions
    AGAIN_MAX_US = 1 * US_PER_S,
    IN_CALLBACK = 150, // of so many callbacks one does more than listen
};

static uint64_t draw(struct watcher *watcher, uint64_t bound)
{
    return random_below(&watcher->subscriber->random, bound);
}

static struct world *world_of(const struct watcher *watcher)
{
    return watcher->subscriber->world;
}

static bool are_faults(const struct watcher *watcher)
{
    return world_of(watcher)->phase == PHASE_FAULTS;
}

static void watcher_note(struct watcher *watcher, const char *what, uint64_t detail)
{
    struct world *world = world_of(watcher);
    trace_note(&world->trace, world_now_us(world), what, watcher->subscriber->number,
               watcher->number, detail);
}

// ---- Tokens ----

static void token_deposit(struct watcher *watcher)
{
    struct token *token = &world_of(watcher)->tokens[draw(watcher, TOKENS_MAX)];
    struct grid_bytes bytes;
    enum grid_error error = grid_subscription_token(watcher->subscription, &bytes);
    if (error == GRID_NOT_FOUND)
        return;
    if (error != GRID_OK || bytes.size == 0)
        world_fail(world_of(watcher), "%s has no token: error %d", watcher->checker.name, error);
    token->is_there = true;
    buffer_clear(&token->bytes);
    buffer_append(&token->bytes, bytes.data, bytes.size);
    token->checker = watcher->checker;
    watcher_note(watcher, "token of watcher", bytes.size);
}

void tokens_deinit(struct token *tokens)
{
    for (uint32_t i = 0; i < TOKENS_MAX; i++)
        buffer_deinit(&tokens[i].bytes);
}

// ---- Its subscription ----

static void watcher_leave(struct watcher *watcher)
{
    watcher_note(watcher, "watcher leaves", watcher->count);
    client_standing_unsubscribe(watcher->subscription);
    watcher->subscription = NULL;
    watcher->has_ended = false;
}

// Before the checker hears of what it is called for: a token within a callback is of before.
static void callback_begin(struct watcher *watcher)
{
    if (!watcher->subscription || watcher->has_ended)
        world_fail(world_of(watcher), "%s is told something though it is over",
                   watcher->checker.name);
    else if (are_faults(watcher) && draw(watcher, IN_CALLBACK) == 0)
        token_deposit(watcher);
}

static void callback_end(struct watcher *watcher)
{
    if (watcher->subscription && are_faults(watcher) && draw(watcher, IN_CALLBACK) == 0)
        watcher_leave(watcher);
}

static void on_row(void *context, const struct grid_event *event)
{
    struct watcher *watcher = context;
    callback_begin(watcher);
    world_of(watcher)->tally.subscribed_rows++;
    checker_row(&watcher->checker, event);
    callback_end(watcher);
}

static void on_ready(void *context)
{
    struct watcher *watcher = context;
    callback_begin(watcher);
    checker_ready(&watcher->checker);
    callback_end(watcher);
}

static void change_take(struct watcher *watcher, uint8_t kind, const struct grid_event *event)
{
    struct world *world = world_of(watcher);
    callback_begin(watcher);
    world->tally.subscribed_events++;
    uint64_t numbers[] = {kind, event->partition, event->seq, event->cause};
    trace_mix(&world->trace, numbers, sizeof numbers);
    if (world->trace.out)
        fprintf(world->trace.out, "            %s: 0x%02x partition %u seq %" PRIu64 " cause %d\n",
                watcher->checker.name, kind, event->partition, event->seq, event->cause);
    checker_change(&watcher->checker, kind, event);
    callback_end(watcher);
}

static void on_enter(void *context, const struct grid_event *event)
{
    change_take(context, FRAME_ENTER, event);
}

static void on_update(void *context, const struct grid_event *event)
{
    change_take(context, FRAME_UPDATE, event);
}

static void on_leave(void *context, const struct grid_event *event)
{
    change_take(context, FRAME_LEAVE, event);
}

// What the library keeps is what the checker knows.
static void result_check(struct watcher *watcher, uint16_t partition)
{
    struct checker *checker = &watcher->checker;
    const struct truth *truth = &world_of(watcher)->observer.partitions[partition].truth;
    const struct place *place = &checker->places[partition];
    for (uint32_t key = 0; key < KEYS_MAX; key++) {
        uint8_t byte;
        struct bytes encoded = key_encode(key, &byte);
        if (key_home(key, world_of(watcher)->plan.partition_count) != partition)
            continue;
        struct grid_row row = {.version = 0};
        enum grid_error error =
            grid_result_get(watcher->subscription,
                            (struct grid_bytes){.data = encoded.data, .size = encoded.size}, &row);
        bool is_right =
            place->rows[key] == 0
                ? error == GRID_NOT_FOUND
                : error == GRID_OK && row.version == place->rows[key] &&
                      promise_shows(&checker->promise, truth, row.version, true, row.value);
        if (!is_right)
            world_fail(world_of(watcher),
                       "%s keeps version %" PRIu64 " of key %u (error %d), not %" PRIu64,
                       checker->name, row.version, key, error, place->rows[key]);
    }
}

static void on_progress(void *context, uint16_t partition, uint64_t seq)
{
    struct watcher *watcher = context;
    const struct world *world = world_of(watcher);
    callback_begin(watcher);
    if (partition >= world->plan.partition_count) {
        world_fail(world_of(watcher), "progress of partition %u", partition);
        return;
    }
    checker_progress(&watcher->checker, partition, seq);
    if (watcher->checker.promise.options.keep == GRID_KEEP_VALUES &&
        !world->observer.partitions[partition].is_lost)
        result_check(watcher, partition);
    callback_end(watcher);
}

static void on_reset(void *context, uint16_t partition)
{
    struct watcher *watcher = context;
    callback_begin(watcher);
    watcher_note(watcher, "reset of watcher", partition);
    checker_reset(&watcher->checker, partition);
    callback_end(watcher);
}

static void on_state(void *context, enum grid_subscription_state state, uint64_t behind)
{
    struct watcher *watcher = context;
    callback_begin(watcher);
    watcher_note(watcher, grid_subscription_state_name(state), behind);
    if (state == GRID_SUBSCRIPTION_CATCHING_UP)
        world_of(watcher)->tally.catch_ups++;
    callback_end(watcher);
}

static void watcher_run(void *context, uint64_t argument);

static void watcher_plan(struct watcher *watcher, uint64_t most_us, uint64_t argument)
{
    struct world *world = world_of(watcher);
    timeline_plan(&world->timeline, world_now_us(world) + 1 + draw(watcher, most_us), watcher_run,
                  watcher, argument);
}

// For being slow, or because nobody would have it in time.
static bool may_end_with(const struct watcher *watcher, enum grid_error error)
{
    uint64_t for_us = world_now_us(world_of(watcher)) - watcher->began_us;
    return (error == GRID_SLOW_CONSUMER &&
            watcher->checker.promise.options.policy == GRID_POLICY_DISCONNECT) ||
           ((error == GRID_NO_QUORUM || error == GRID_TIMEOUT) && !watcher->checker.is_ready &&
            for_us + US_PER_MS >= SUBSCRIBER_START_MS * US_PER_MS);
}

static void on_error(void *context, enum grid_error error, const char *text)
{
    struct watcher *watcher = context;
    if (!watcher->subscription || watcher->has_ended || !may_end_with(watcher, error))
        world_fail(world_of(watcher), "%s ends with error %d: %s", watcher->checker.name, error,
                   text);
    watcher->has_ended = true;
    world_of(watcher)->tally.slow_ends += error == GRID_SLOW_CONSUMER;
    watcher_note(watcher, "end of watcher", (uint64_t)error);
    watcher_plan(watcher, AGAIN_MAX_US, watcher->count);
}

// ---- What it wants ----

static const struct grid_listener listener = {
    .row = on_row,
    .ready = on_ready,
    .enter = on_enter,
    .update = on_update,
    .leave = on_leave,
    .progress = on_progress,
    .reset = on_reset,
    .state = on_state,
    .error = on_error,
};

static void filters_choose(struct watcher *watcher, struct grid_subscribe_options *options)
{
    options->only_changed = draw(watcher, 5) == 0;
    if (draw(watcher, 6) == 0)
        options->kinds = 1 + (unsigned)draw(watcher, KINDS_ALL);
    if (draw(watcher, 6) == 0)
        options->causes = (1 + (unsigned)draw(watcher, CAUSES_ALL)) << 1;
}

static void promise_choose(struct watcher *watcher, struct promise *promise)
{
    static const enum grid_start starts[] = {GRID_START_SNAPSHOT, GRID_START_SNAPSHOT,
                                             GRID_START_SNAPSHOT, GRID_START_LATEST,
                                             GRID_START_EARLIEST};
    struct grid_subscribe_options *options = &promise->options;
    *promise = (struct promise){.question = &questions[draw(watcher, QUESTION_COUNT)]};
    options->start = starts[draw(watcher, sizeof starts / sizeof *starts)];
    options->content = (enum grid_content)draw(watcher, 3);
    options->policy = (enum grid_policy)draw(watcher, 3);
    if (options->policy != GRID_POLICY_CONFLATE)
        filters_choose(watcher, options);
    if (options->policy == GRID_POLICY_CONFLATE)
        options->start = GRID_START_SNAPSHOT; // what is merged is judged by its result
    bool may_keep = options->start == GRID_START_SNAPSHOT && !promise_is_filtered(promise);
    options->keep = (enum grid_keep)draw(watcher, may_keep ? 4 : 2);
    if (options->keep == GRID_KEEP_VALUES && options->content == GRID_CONTENT_KEYS)
        options->keep = GRID_KEEP_KEYS;
}

// Where somebody was, or anew.
static void watcher_begin(struct watcher *watcher)
{
    struct subscriber *subscriber = watcher->subscriber;
    struct world *world = world_of(watcher);
    struct token *token = &world->tokens[draw(watcher, TOKENS_MAX)];
    struct promise promise;
    char name[24];
    promise_choose(watcher, &promise);
    bool is_resumed = token->is_there && draw(watcher, 3) != 0;
    if (is_resumed) {
        promise = token->checker.promise;
        promise.options.start = GRID_START_AFTER;
        promise.options.keep = GRID_KEEP_NOTHING;
        world->tally.resumes++;
    }
    snprintf(name, sizeof name, "s%u.%u.%u%s", subscriber->number, watcher->number,
             ++watcher->count, is_resumed ? "r" : "");
    trace_write(&world->trace, world_now_us(world),
                "%s: %s, start %d, content %d, policy %d, keep %d, kinds %u, causes %u%s%s%s", name,
                promise.question->text, promise.options.start, promise.options.content,
                promise.options.policy, promise.options.keep, promise.options.kinds,
                promise.options.causes, promise.options.only_changed ? ", only changed" : "",
                is_resumed ? ", after " : "", is_resumed ? token->checker.name : "");
    watcher->began_us = world_now_us(world);
    checker_init(&watcher->checker, world, name, &promise, is_resumed ? &token->checker : NULL);
    struct grid_subscribe_options options = promise.options;
    struct bytes bytes = buffer_bytes(&token->bytes);
    if (is_resumed)
        options.token = (struct grid_bytes){.data = bytes.data, .size = bytes.size};
    watcher->subscription =
        client_standing_subscribe(subscriber->standing, promise.question->text, &options, &listener,
                                  watcher, subscriber_now_ms(subscriber));
    if (!watcher->subscription)
        world_fail(world, "%s is refused", name);
}

// ---- What it does ----

static void watcher_act(struct watcher *watcher)
{
    if (!watcher->subscription) {
        watcher_begin(watcher);
        return;
    }
    uint64_t choice = draw(watcher, 8);
    if (watcher->has_ended || (are_faults(watcher) && choice < 3)) {
        token_deposit(watcher);
        watcher_leave(watcher);
        if (draw(watcher, 2) == 0)
            watcher_begin(watcher);
    } else if (are_faults(watcher) && choice == 3) {
        watcher_leave(watcher);
    } else if (are_faults(watcher) && choice == 4) {
        token_deposit(watcher);
    }
}

// `argument` is the number of the subscription that has ended, or 0.
static void watcher_run(void *context, uint64_t argument)
{
    struct watcher *watcher = context;
    struct world *world = world_of(watcher);
    if (network_postpone(&world->network, watcher->subscriber->host, watcher_run, context,
                         argument))
        return;
    if (argument == 0)
        watcher_plan(watcher, STEP_MAX_US, 0);
    bool is_meant = argument == 0 || (argument == watcher->count && watcher->has_ended);
    if (is_meant && world->phase <= PHASE_WHOLE && watcher->subscriber->view.version > 0)
        watcher_act(watcher);
}

void watcher_start(struct watcher *watcher, struct subscriber *subscriber, uint32_t number)
{
    *watcher = (struct watcher){.subscriber = subscriber, .number = number};
    watcher_plan(watcher, STEP_MAX_US, 0);
}

// ---- The end ----

static bool is_anything_lost(const struct watcher *watcher)
{
    const struct world *world = world_of(watcher);
    bool is_lost = false;
    for (uint32_t p = 0; p < world->plan.partition_count; p++)
        is_lost = is_lost || world->observer.partitions[p].is_lost;
    return is_lost;
}

const char *watcher_lack(const struct watcher *watcher)
{
    if (!watcher->subscription || watcher->has_ended)
        return NULL;
    const char *lack = checker_lack(&watcher->checker);
    if (lack)
        return lack;
    return is_anything_lost(watcher) ||
                   grid_subscription_state(watcher->subscription) == GRID_SUBSCRIPTION_LIVE
               ? NULL
               : "a subscription is not live";
}

void watcher_check_quiet(struct watcher *watcher)
{
    const struct world *world = world_of(watcher);
    if (!watcher->subscription || watcher->has_ended)
        return;
    checker_check_quiet(&watcher->checker);
    if (watcher->checker.promise.options.keep != GRID_KEEP_VALUES || is_anything_lost(watcher))
        return;
    size_t count = 0;
    for (uint32_t p = 0; p < world->plan.partition_count; p++) {
        for (uint32_t key = 0; key < KEYS_MAX; key++)
            count += watcher->checker.places[p].rows[key] != 0;
        result_check(watcher, (uint16_t)p);
    }
    if (grid_result_count(watcher->subscription) != count)
        world_fail(world_of(watcher), "%s keeps %zu rows, not %zu", watcher->checker.name,
                   grid_result_count(watcher->subscription), count);
}
