// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/traffic.h"

#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "tests/system/support/account.h"
#include "tests/system/support/checker.h"
#include "tests/system/support/members.h"
#include "tests/system/support/nodes.h"
#include "tests/system/support/pace.h"

#include <stdio.h>

enum {
    FAULTS_TOLD_MAX = 10, // on standard error
    // Of ten operations.
    READS = 4,
    INCREMENTS = 1,
    KINDS = 10,
};

const char traffic_values_map[] = "values";
static const char counters_map[] = "counters";

// One of the keys of a map, with its chain of writes and its chain of reads.
struct chain {
    struct traffic *traffic;
    struct account account;
    uint8_t key[9];
    uint8_t key_bytes;
};

struct traffic {
    struct traffic_options options;
    struct pace pace;
    struct grid *writer;
    struct grid *reader;
    struct grid *subscriber; // NULL: none
    struct checker *checker; // of the subscriber
    struct chain *values;    // owned; by key
    struct chain *counters;  // owned; by key
    struct grid_builder *builder;
    uint8_t *padding;  // owned
    uint8_t *has_keys; // owned; by partition
    struct random random;
    struct traffic_tally tally;
    struct traffic_window window;
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

static void submit_due(void *context, uint64_t due_us)
{
    struct traffic *traffic = context;
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

bool traffic_run_until(struct traffic *traffic, bool (*is_met)(void *context), void *context,
                       uint32_t limit_ms)
{
    return pace_run_until(&traffic->pace, is_met, context, limit_ms);
}

void traffic_run(struct traffic *traffic, uint32_t duration_ms)
{
    traffic_run_until(traffic, NULL, NULL, duration_ms);
}

static bool is_drained(void *context)
{
    return ((const struct traffic *)context)->under_way == 0;
}

// Without new load until nothing is under way. False: not in time.
static bool drain(struct traffic *traffic)
{
    return pace_rest_until(&traffic->pace, is_drained, traffic, WAIT_MS);
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
    struct grid *grid = grid_new(&options, traffic->pace.base);
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

// Each key is there, so that what a failure finds is data and not its absence.
static void keys_write(struct traffic *traffic)
{
    enum { UNDER_WAY_MAX = 1000 };
    for (uint32_t i = 0; i < traffic->options.key_count; i++) {
        submit_write(traffic, &traffic->values[i], now_us());
        if (i < traffic->options.counter_count)
            submit_write(traffic, &traffic->counters[i], now_us());
        while (traffic->under_way > UNDER_WAY_MAX)
            pace_turn(&traffic->pace);
    }
    if (!drain(traffic) || traffic->tally.failed > 0)
        give_up("the first writes failed");
}

// It sees every key enter.
static void checker_make(struct traffic *traffic)
{
    const struct checker_options options = {.name = "subscriber",
                                            .query = "SELECT n FROM values",
                                            .field = "n",
                                            .key_count = traffic->options.key_count};
    traffic->subscriber = client_new(traffic, "subscriber");
    traffic->checker = checker_new(traffic->subscriber, &options, NULL);
}

struct traffic *traffic_new(const struct traffic_options *options)
{
    struct traffic *traffic = memory_new(sizeof *traffic);
    traffic->options = *options;
    pace_init(&traffic->pace, options->rate, submit_due, traffic);
    traffic->builder = grid_builder_new();
    traffic->padding = memory_new(options->value_bytes);
    traffic->values = memory_new_array(options->key_count, sizeof *traffic->values);
    traffic->counters = memory_new_array(options->counter_count, sizeof *traffic->counters);
    traffic->random.state = now_us();
    traffic->writer = client_new(traffic, "writer");
    traffic->reader = client_new(traffic, "reader");
    if (!pace_rest_until(&traffic->pace, is_connected, traffic, WAIT_MS))
        give_up("no view within the time");
    uint32_t partition_count = grid_partition_count(traffic->writer);
    traffic->has_keys = memory_new(partition_count);
    traffic->window.is_touched = memory_new(partition_count);
    traffic->window.resumed_us = memory_new_array(partition_count, sizeof(uint64_t));
    chains_make(traffic, traffic->values, options->key_count, false);
    chains_make(traffic, traffic->counters, options->counter_count, true);
    if (options->has_subscriber)
        checker_make(traffic);
    keys_write(traffic);
    traffic_begin(traffic, GRID_NO_MEMBER);
    return traffic;
}

void traffic_free(struct traffic *traffic)
{
    grid_free(traffic->writer);
    grid_free(traffic->reader);
    checker_free(traffic->checker);
    grid_free(traffic->subscriber);
    pace_deinit(&traffic->pace);
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
            pace_turn(&traffic->pace);
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

static bool subscriber_has_all(void *context)
{
    const struct traffic *traffic = context;
    for (uint32_t i = 0; i < traffic->options.key_count; i++) {
        if (checker_number(traffic->checker, i) != traffic->values[i].account.read_floor)
            return false;
    }
    return checker_is_ready(traffic->checker);
}

static bool subscriber_follows(struct traffic *traffic)
{
    bool follows = pace_rest_until(&traffic->pace, subscriber_has_all, traffic, WAIT_MS);
    checker_report(traffic->checker);
    return follows && checker_tally(traffic->checker)->faults == 0;
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
    bool follows = !traffic->checker || subscriber_follows(traffic);
    return follows && traffic_is_right(traffic);
}

bool traffic_is_right(const struct traffic *traffic)
{
    return traffic->tally.faults == 0 &&
           (!traffic->checker || (checker_tally(traffic->checker)->faults == 0 &&
                                  checker_error(traffic->checker) == GRID_OK));
}

struct traffic_tally traffic_tally(const struct traffic *traffic)
{
    return traffic->tally;
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
    return member_number(traffic->writer, name);
}

bool traffic_settle(struct traffic *traffic, uint32_t members, uint32_t limit_ms)
{
    return members_settle(traffic->writer, members, &traffic->pace, limit_ms);
}
