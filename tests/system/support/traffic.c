// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/traffic.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "tests/system/support/account.h"
#include "tests/system/support/audience.h"
#include "tests/system/support/nodes.h"

#include <event2/event.h>
#include <stdio.h>

enum {
    SLICE_US = 500,       // between two looks at what is due
    FAULTS_TOLD_MAX = 10, // on standard error
    BEHIND_MAX_US = 100 * 1000,
    STILL_MS = 500, // so long nothing moves, when all has moved
    // Of ten operations.
    READS = 4,
    INCREMENTS = 1,
    KINDS = 10,
};

const char traffic_values_map[] = "values";
static const char counters_map[] = "counters";
static const char values_query[] = "SELECT * FROM values";

// One of the keys of a map, with its chain of writes and its chain of reads.
struct chain {
    struct traffic *traffic;
    struct account account;
    uint8_t key[9];
    uint8_t key_bytes;
};

struct traffic {
    struct traffic_options options;
    struct event_base *base;
    struct grid *writer;
    struct grid *reader;
    struct grid *subscriber; // NULL: no audience
    struct audience audience;
    struct chain *values;   // owned; by key
    struct chain *counters; // owned; by key
    struct grid_builder *builder;
    uint8_t *padding;  // owned
    uint8_t *has_keys; // owned; by partition
    struct random random;
    struct traffic_tally tally;
    struct traffic_window window;
    uint64_t due_us; // the next operation
    uint64_t under_way;
};

// ---- Judging ----

static void fault(struct traffic *traffic, const struct chain *chain, const char *what,
                  int64_t number)
{
    const struct account *account = &chain->account;
    if (traffic->tally.faults++ < FAULTS_TOLD_MAX)
        fprintf(stderr,
                "%s of partition %u: %s: %lld; acknowledged %lld, submitted %lld, read %lld\n",
                account->is_counter ? "counter" : "value", account->partition, what,
                (long long)number, (long long)account->acknowledged, (long long)account->submitted,
                (long long)account->read_floor);
}

static int64_t number_in(const struct chain *chain, struct grid_bytes value)
{
    int64_t number = -1;
    if (!value.data)
        return 0; // nothing there: number 0
    if (!chain->account.is_counter)
        value = grid_value_field(value, "n");
    return value.data && grid_value_int(value, &number) ? number : -1;
}

static void answered(struct traffic *traffic, const struct account *account, uint64_t due_us,
                     enum grid_error error)
{
    struct traffic_window *window = &traffic->window;
    uint64_t now = now_us();
    traffic->under_way--;
    traffic->tally.operations++;
    traffic->tally.failed += error != GRID_OK;
    if (due_us >= window->begun_us)
        samples_add(window->is_touched[account->partition] ? &window->touched : &window->others,
                    now - due_us);
}

static void error_note(struct traffic *traffic, const struct grid_reply *reply)
{
    if (traffic->tally.failed <= FAULTS_TOLD_MAX)
        fprintf(stderr, "operation failed: %s: %s\n", grid_error_name(reply->error), reply->text);
}

static void write_resumed(struct traffic_window *window, const struct account *account)
{
    uint64_t *resumed_us = &window->resumed_us[account->partition];
    if (*resumed_us == 0 && account->write_us >= window->begun_us)
        *resumed_us = now_us();
}

static void on_written(void *context, const struct grid_reply *reply)
{
    struct chain *chain = context;
    struct traffic *traffic = chain->traffic;
    struct account *account = &chain->account;
    answered(traffic, account, account->write_us, reply->error);
    if (reply->error == GRID_OK) {
        traffic->tally.writes++;
        write_resumed(&traffic->window, account);
        if (!account->is_counter)
            account_written(account);
        else if (!account_counts(account, number_in(chain, reply->value)))
            fault(traffic, chain, "an increment gave", number_in(chain, reply->value));
        return;
    }
    error_note(traffic, reply);
    if (reply->error == GRID_INDETERMINATE) {
        traffic->tally.unknown++;
        account_doubt(account);
    } else {
        account_refuse(account);
    }
}

static void on_read(void *context, const struct grid_reply *reply)
{
    struct chain *chain = context;
    struct account *account = &chain->account;
    bool is_answered = reply->error == GRID_OK || reply->error == GRID_NOT_FOUND;
    int64_t number = number_in(chain, reply->value);
    answered(chain->traffic, account, account->read_us, is_answered ? GRID_OK : reply->error);
    if (!is_answered) {
        account->is_reading = false;
        error_note(chain->traffic, reply);
    } else if (!account_allows(account, number)) {
        fault(chain->traffic, chain, "a read gave", number);
    }
}

// ---- Submitting ----

static struct grid_request request_of(const struct chain *chain, enum grid_op op)
{
    return (struct grid_request){.op = op,
                                 .map =
                                     chain->account.is_counter ? counters_map : traffic_values_map,
                                 .key = {chain->key, chain->key_bytes}};
}

static void submit(struct traffic *traffic, struct grid *grid, const struct grid_request *request,
                   grid_reply_fn *callback, struct chain *chain)
{
    CHECK(grid_submit(grid, request, callback, chain) == GRID_OK);
    traffic->under_way++;
}

static void submit_write(struct traffic *traffic, struct chain *chain, uint64_t due_us)
{
    struct grid_builder *builder = traffic->builder;
    struct grid_request request =
        request_of(chain, chain->account.is_counter ? GRID_INCREMENT : GRID_PUT);
    int64_t number = account_write(&chain->account, due_us);
    grid_builder_clear(builder);
    if (chain->account.is_counter) {
        grid_build_int(builder, 1);
    } else {
        grid_build_map(builder, 2);
        grid_build_str(builder, "n");
        grid_build_int(builder, number);
        grid_build_str(builder, "padding");
        grid_build_bin(builder, traffic->padding, traffic->options.value_bytes);
    }
    request.value = grid_builder_bytes(builder);
    submit(traffic, traffic->writer, &request, on_written, chain);
}

static void submit_read(struct traffic *traffic, struct chain *chain, uint64_t due_us)
{
    struct grid_request request = request_of(chain, GRID_GET);
    account_read(&chain->account, due_us);
    submit(traffic, traffic->reader, &request, on_read, chain);
}

static void submit_due(struct traffic *traffic, uint64_t due_us)
{
    uint64_t kind = random_below(&traffic->random, KINDS);
    uint64_t key = random_below(&traffic->random, traffic->options.key_count);
    bool is_read = kind < READS;
    bool is_counter = is_read ? key % KINDS < INCREMENTS : kind < READS + INCREMENTS;
    struct chain *chain = is_counter ? &traffic->counters[key % traffic->options.counter_count]
                                     : &traffic->values[key];
    if (is_read ? chain->account.is_reading : chain->account.is_writing)
        traffic->tally.skipped++;
    else if (is_read)
        submit_read(traffic, chain, due_us);
    else
        submit_write(traffic, chain, due_us);
}

// ---- Running ----

static void turn(struct traffic *traffic)
{
    const struct timeval slice = {.tv_usec = SLICE_US};
    CHECK(event_base_loopexit(traffic->base, &slice) == 0);
    CHECK(event_base_loop(traffic->base, 0) >= 0);
    if (traffic->subscriber)
        audience_tick(&traffic->audience);
}

bool traffic_run_until(struct traffic *traffic, bool (*is_met)(void *context), void *context,
                       uint32_t limit_ms)
{
    uint64_t now = now_us();
    uint64_t end_us = now + (uint64_t)limit_ms * 1000;
    // What was not due while nothing ran is not made up for.
    if (traffic->due_us + BEHIND_MAX_US < now)
        traffic->due_us = now;
    uint64_t step_ns = 1000000000 / traffic->options.rate;
    uint64_t next_ns = traffic->due_us * 1000;
    bool is_over = false;
    while (!is_over && now < end_us) {
        for (; next_ns <= now * 1000; next_ns += step_ns)
            submit_due(traffic, next_ns / 1000);
        turn(traffic);
        is_over = is_met && is_met(context);
        now = now_us();
    }
    traffic->due_us = next_ns / 1000;
    return is_over;
}

void traffic_run(struct traffic *traffic, uint32_t duration_ms)
{
    traffic_run_until(traffic, NULL, NULL, duration_ms);
}

// Without new load until nothing is under way. False: not in time.
static bool drain(struct traffic *traffic)
{
    uint64_t deadline_ms = now_ms() + WAIT_MS;
    while (traffic->under_way > 0 && now_ms() < deadline_ms)
        turn(traffic);
    return traffic->under_way == 0;
}

// ---- Windows ----

void traffic_begin(struct traffic *traffic, uint16_t member)
{
    struct traffic_window *window = &traffic->window;
    uint32_t partition_count = grid_partition_count(traffic->writer);
    samples_clear(&window->others);
    samples_clear(&window->touched);
    memset(window->resumed_us, 0, partition_count * sizeof *window->resumed_us);
    memset(window->is_touched, 0, partition_count);
    for (uint32_t i = 0; i < partition_count; i++) {
        struct grid_partition partition;
        CHECK(grid_partition_get(traffic->writer, (uint16_t)i, &partition));
        for (uint32_t k = 0; traffic->has_keys[i] && k < partition.replica_count; k++)
            window->is_touched[i] |= partition.members[k] == member;
    }
    window->begun_us = now_us();
}

void traffic_probe(struct traffic *traffic)
{
    uint32_t partition_count = grid_partition_count(traffic->writer);
    uint8_t *is_asked = memory_new(partition_count);
    for (uint32_t i = 0; i < traffic->options.key_count; i++) {
        struct chain *chain = &traffic->values[i];
        uint16_t partition = chain->account.partition;
        if (!traffic->window.is_touched[partition] || is_asked[partition] ||
            chain->account.is_writing)
            continue;
        is_asked[partition] = 1;
        submit_write(traffic, chain, now_us());
    }
    free(is_asked);
}

struct traffic_window *traffic_window(struct traffic *traffic)
{
    return &traffic->window;
}

uint32_t traffic_stalled(const struct traffic *traffic)
{
    const struct traffic_window *window = &traffic->window;
    uint32_t count = 0;
    for (uint32_t i = 0; i < grid_partition_count(traffic->writer); i++)
        count += window->is_touched[i] && window->resumed_us[i] == 0;
    return count;
}

uint32_t traffic_resumed_ms(const struct traffic *traffic)
{
    const struct traffic_window *window = &traffic->window;
    uint64_t last_us = window->begun_us;
    for (uint32_t i = 0; i < grid_partition_count(traffic->writer); i++) {
        if (window->is_touched[i] && window->resumed_us[i] > last_us)
            last_us = window->resumed_us[i];
    }
    return (uint32_t)((last_us - window->begun_us) / 1000);
}

// ---- Life ----

static void chains_make(struct traffic *traffic, struct chain *chains, uint32_t count,
                        bool is_counter)
{
    for (uint32_t i = 0; i < count; i++) {
        struct chain *chain = &chains[i];
        struct grid_location location;
        grid_builder_clear(traffic->builder);
        grid_build_int(traffic->builder, i);
        struct grid_bytes key = grid_builder_bytes(traffic->builder);
        CHECK(key.size <= sizeof chain->key);
        memcpy(chain->key, key.data, key.size);
        chain->key_bytes = (uint8_t)key.size;
        chain->traffic = traffic;
        chain->account.is_counter = is_counter;
        CHECK(grid_locate_key(traffic->writer, key, &location) == GRID_OK);
        chain->account.partition = location.partition;
        traffic->has_keys[location.partition] = 1;
    }
}

static struct grid *client_new(const struct traffic *traffic, const char *name)
{
    struct grid_options options = {.seeds = traffic->options.seeds,
                                   .client_name = name,
                                   .timeout_ms = traffic->options.timeout_ms,
                                   // It stands for the grid, whatever single nodes say.
                                   .no_quorum_ms = (int32_t)traffic->options.timeout_ms};
    struct grid *grid = grid_new(&options, traffic->base);
    CHECK(grid != NULL);
    return grid;
}

static void give_up(const char *what)
{
    fprintf(stderr, "traffic: %s\n", what);
    exit(EXIT_FAILURE);
}

static bool is_connected(void *context)
{
    const struct traffic *traffic = context;
    return grid_partition_count(traffic->writer) > 0;
}

static void connect_all(struct traffic *traffic)
{
    uint64_t deadline_ms = now_ms() + WAIT_MS;
    while (!is_connected(traffic) && now_ms() < deadline_ms)
        turn(traffic);
    if (!is_connected(traffic))
        give_up("no view within the time");
}

// Each key is there, so that what a failure finds is data and not its absence.
static void keys_write(struct traffic *traffic)
{
    enum { UNDER_WAY_MAX = 1000 };
    for (uint32_t i = 0; i < traffic->options.key_count; i++) {
        submit_write(traffic, &traffic->values[i], now_us());
        if (i < traffic->options.counter_count)
            submit_write(traffic, &traffic->counters[i], now_us());
        while (traffic->under_way > UNDER_WAY_MAX)
            turn(traffic);
    }
    if (!drain(traffic) || traffic->tally.failed > 0)
        give_up("the first writes failed");
}

// Slices are shorter than the milliseconds of epoll.
static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    CHECK(config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0);
    struct event_base *base = event_base_new_with_config(config);
    CHECK(base != NULL);
    event_config_free(config);
    return base;
}

struct traffic *traffic_new(const struct traffic_options *options)
{
    struct traffic *traffic = memory_new(sizeof *traffic);
    traffic->options = *options;
    traffic->base = base_new();
    traffic->builder = grid_builder_new();
    traffic->padding = memory_new(options->value_bytes);
    traffic->values = memory_new_array(options->key_count, sizeof *traffic->values);
    traffic->counters = memory_new_array(options->counter_count, sizeof *traffic->counters);
    traffic->random.state = now_us();
    traffic->writer = client_new(traffic, "writer");
    traffic->reader = client_new(traffic, "reader");
    connect_all(traffic);
    uint32_t partition_count = grid_partition_count(traffic->writer);
    traffic->has_keys = memory_new(partition_count);
    traffic->window.is_touched = memory_new(partition_count);
    traffic->window.resumed_us = memory_new_array(partition_count, sizeof(uint64_t));
    chains_make(traffic, traffic->values, options->key_count, false);
    chains_make(traffic, traffic->counters, options->counter_count, true);
    if (options->has_audience) {
        traffic->subscriber = client_new(traffic, "subscriber");
        audience_init(&traffic->audience, traffic->subscriber, values_query, options->key_count);
    }
    keys_write(traffic);
    traffic_begin(traffic, GRID_NO_MEMBER);
    return traffic;
}

void traffic_free(struct traffic *traffic)
{
    grid_free(traffic->writer);
    grid_free(traffic->reader);
    if (traffic->subscriber) {
        audience_deinit(&traffic->audience);
        grid_free(traffic->subscriber);
    }
    event_base_free(traffic->base);
    grid_builder_free(traffic->builder);
    samples_deinit(&traffic->window.others);
    samples_deinit(&traffic->window.touched);
    free(traffic->window.is_touched);
    free(traffic->window.resumed_us);
    free(traffic->padding);
    free(traffic->has_keys);
    free(traffic->values);
    free(traffic->counters);
    free(traffic);
}

// ---- The end ----

static void read_all(struct traffic *traffic, struct chain *chains, uint32_t count)
{
    enum { UNDER_WAY_MAX = 1000 };
    for (uint32_t i = 0; i < count; i++) {
        submit_read(traffic, &chains[i], now_us());
        while (traffic->under_way > UNDER_WAY_MAX)
            turn(traffic);
    }
}

// With the reads of verification answered: read_floor is what was read.
static void judge_all(struct traffic *traffic, const struct chain *chains, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct account *account = &chains[i].account;
        if (!account_ends_with(account, account->read_floor))
            fault(traffic, &chains[i], "in the end it is", account->read_floor);
    }
}

static uint32_t audience_lacks(const struct traffic *traffic)
{
    const struct audience *audience = &traffic->audience;
    uint32_t lacking = 0;
    for (uint32_t i = 0; i < traffic->options.key_count; i++)
        lacking += audience->seen[i] != traffic->values[i].account.read_floor;
    return audience->is_ready ? lacking : traffic->options.key_count;
}

static bool audience_follows(struct traffic *traffic)
{
    uint64_t deadline_ms = now_ms() + WAIT_MS;
    while (audience_lacks(traffic) > 0 && now_ms() < deadline_ms)
        turn(traffic);
    uint32_t lacking = audience_lacks(traffic);
    if (lacking > 0)
        fprintf(stderr,
                "the subscriber lacks %u of %u values (ready: %d; %u subscriptions, %u MOVED, %u "
                "DISCONNECTED, %u NO_QUORUM)\n",
                lacking, traffic->options.key_count, traffic->audience.is_ready,
                traffic->audience.starts, traffic->audience.ends[GRID_MOVED],
                traffic->audience.ends[GRID_DISCONNECTED], traffic->audience.ends[GRID_NO_QUORUM]);
    return lacking == 0;
}

bool traffic_verify(struct traffic *traffic)
{
    if (!drain(traffic))
        return false;
    read_all(traffic, traffic->values, traffic->options.key_count);
    read_all(traffic, traffic->counters, traffic->options.counter_count);
    if (!drain(traffic))
        return false;
    judge_all(traffic, traffic->values, traffic->options.key_count);
    judge_all(traffic, traffic->counters, traffic->options.counter_count);
    bool follows = !traffic->subscriber || audience_follows(traffic);
    return follows && traffic_is_right(traffic);
}

bool traffic_is_right(const struct traffic *traffic)
{
    return traffic->tally.faults == 0 && traffic->audience.faults == 0 &&
           audience_unexpected_ends(&traffic->audience) == 0;
}

struct traffic_tally traffic_tally(const struct traffic *traffic)
{
    return traffic->tally;
}

uint32_t traffic_audience_starts(const struct traffic *traffic)
{
    return traffic->audience.starts;
}

struct grid *traffic_grid(const struct traffic *traffic)
{
    return traffic->writer;
}

int64_t traffic_acknowledged(const struct traffic *traffic, uint32_t key)
{
    return traffic->values[key].account.acknowledged;
}

uint16_t traffic_partition(const struct traffic *traffic, uint32_t key)
{
    return traffic->values[key].account.partition;
}

// ---- The grid as the writer sees it ----

uint16_t traffic_member(const struct traffic *traffic, const char *name)
{
    struct grid_member member;
    for (size_t i = 0; i < grid_member_count(traffic->writer); i++) {
        if (grid_member_get(traffic->writer, i, &member) && strcmp(member.name, name) == 0)
            return (uint16_t)i;
    }
    return GRID_NO_MEMBER;
}

bool traffic_grid_is_whole(const struct traffic *traffic, uint32_t members)
{
    struct grid_view view;
    struct grid_member member;
    uint32_t member_count = 0;
    if (!grid_view_get(traffic->writer, &view))
        return false;
    for (size_t i = 0; i < grid_member_count(traffic->writer); i++)
        member_count += grid_member_get(traffic->writer, i, &member);
    bool is_whole = member_count == members;
    for (uint32_t i = 0; is_whole && i < view.partition_count; i++) {
        struct grid_partition partition;
        CHECK(grid_partition_get(traffic->writer, (uint16_t)i, &partition));
        is_whole = partition.in_sync_count == partition.replica_count &&
                   partition.replica_count == view.replica_count &&
                   partition.handover == GRID_NO_MEMBER;
    }
    return is_whole;
}

struct settling {
    const struct traffic *traffic;
    uint32_t members;
    uint64_t still_since_ms; // 0: something moves
};

static bool is_settled(void *context)
{
    struct settling *settling = context;
    if (!traffic_grid_is_whole(settling->traffic, settling->members))
        settling->still_since_ms = 0;
    else if (settling->still_since_ms == 0)
        settling->still_since_ms = now_ms();
    return settling->still_since_ms != 0 && now_ms() - settling->still_since_ms >= STILL_MS;
}

bool traffic_settle(struct traffic *traffic, uint32_t members, uint32_t limit_ms)
{
    struct settling settling = {.traffic = traffic, .members = members};
    return traffic_run_until(traffic, is_settled, &settling, limit_ms);
}
