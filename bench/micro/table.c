// SPDX-License-Identifier: Apache-2.0
// The store of one worker, measured through its border: time per operation, stalls while a table
// grows, resident bytes per entry. Pin it: taskset -c 1 build/micro/table [speed|growth|memory]
#include "cluster/base/buffer.h"
#include "cluster/base/check.h"
#include "cluster/base/memory.h"
#include "cluster/base/random.h"
#include "cluster/base/units.h"
#include "cluster/model/key.h"
#include "cluster/model/limits.h"
#include "cluster/wire/writer.h"
#include "node/store/store.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    PARTITIONS = 1024,
    BATCH = 32,
    SPEED_ENTRIES = 1000 * 1000,
    SPEED_OPERATIONS = 4 * 1000 * 1000,
    GROWTH_ENTRIES = 10 * 1000 * 1000,
    LATENCY_BUCKETS = 100 * 1000, // of 100 ns
    LATENCY_BUCKET_NS = 100,
    KEY_BYTES = 17, // a str of 16
    CLIENTS = 64,
    CLIENT_WINDOW = 1024, // operations of all clients whose results are not known to them yet
};

static const uint64_t now_us = (uint64_t)(EXPIRY_ORIGIN_MS + INT64_C(86400000)) * US_PER_MS;

struct load {
    struct store *store;
    struct buffer value;
    uint8_t keys[BATCH][KEY_BYTES];
    struct op ops[BATCH];
    struct partition *partitions[BATCH];
    uint64_t found;
    bool is_remembered; // operations carry what it takes to apply them at most once
    uint64_t number;    // of the last operation
};

static uint64_t clock_ns(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

// What this thread was given: what others on this processor take does not count.
static uint64_t thread_ns(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static uint64_t resident_bytes(void)
{
    unsigned long long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%llu %llu", &size, &resident) == 2);
    CHECK(fclose(file) == 0);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void load_init(struct load *load, uint32_t partition_count, uint64_t log_bytes,
                      size_t value_bytes)
{
    struct store_options options = {.partition_count = partition_count,
                                    .log_bytes_per_partition = log_bytes};
    *load = (struct load){.store = store_new(&options)};
    for (uint32_t number = 0; number < partition_count; number++) {
        struct partition *partition = store_partition(load->store, (uint16_t)number);
        partition_set_primary(partition, true);
        partition_retain_from(partition, UINT64_MAX);
    }
    uint8_t *bytes = memory_new(value_bytes);
    write_bin(&load->value, bytes_of(bytes, value_bytes));
    free(bytes);
}

static void load_deinit(struct load *load)
{
    store_free(load->store);
    buffer_deinit(&load->value);
}

static void op_make(struct load *load, unsigned slot, uint32_t partition_count, enum op_kind kind,
                    uint64_t number)
{
    struct op *op = &load->ops[slot];
    uint8_t *key = load->keys[slot];
    key[0] = 0xb0;
    for (unsigned digit = 0; digit < KEY_BYTES - 1; digit++, number /= 10)
        key[KEY_BYTES - 1 - digit] = (uint8_t)('0' + number % 10);
    *op = (struct op){
        .kind = kind,
        .map = bytes_of_text("bench"),
        .key = bytes_of(key, KEY_BYTES),
        .value = buffer_bytes(&load->value),
    };
    if (load->is_remembered) {
        op->client = 1 + load->number % CLIENTS;
        op->number = ++load->number;
        op->floor = op->number < CLIENT_WINDOW ? 0 : op->number - CLIENT_WINDOW;
    }
    op->hash = key_hash(op->key);
    load->partitions[slot] = store_partition(load->store, key_partition(op->hash, partition_count));
}

static void execute(struct load *load, unsigned slot)
{
    struct op_result result;
    partition_execute(load->partitions[slot], &load->ops[slot], (int64_t)now_us, 0, &result);
    CHECK(result.error == ERROR_NONE);
    load->found += result.found;
}

static void fill(struct load *load, uint64_t first, uint64_t count, int64_t ttl_ms)
{
    for (uint64_t number = first; number < first + count; number++) {
        op_make(load, 0, PARTITIONS, OP_PUT, number);
        load->ops[0].ttl_ms = ttl_ms;
        execute(load, 0);
    }
}

// ---- Speed ----

// Time of `execute` and of the prefetch stages alone: making keys and hashes is somebody else's.
static double batches_ns(struct load *load, enum op_kind kind, bool prefetches, uint64_t first,
                         uint64_t range)
{
    struct random random = {.state = 7};
    uint64_t spent_ns = 0;
    for (unsigned done = 0; done < SPEED_OPERATIONS; done += BATCH) {
        for (unsigned slot = 0; slot < BATCH; slot++)
            op_make(load, slot, PARTITIONS, kind, first + random_below(&random, range));
        uint64_t start_ns = clock_ns();
        for (unsigned slot = 0; prefetches && slot < BATCH; slot++)
            partition_prefetch_index(load->partitions[slot], &load->ops[slot]);
        for (unsigned slot = 0; prefetches && slot < BATCH; slot++)
            partition_prefetch_record(load->partitions[slot], &load->ops[slot]);
        for (unsigned slot = 0; slot < BATCH; slot++)
            execute(load, slot);
        spent_ns += clock_ns() - start_ns;
    }
    return (double)spent_ns / SPEED_OPERATIONS;
}

static void measure_speed(void)
{
    struct load load;
    load_init(&load, PARTITIONS, 64 * KIB, 100);
    fill(&load, 0, SPEED_ENTRIES, 0);
    printf("1 M entries of 100 bytes, batches of %d\n", BATCH);
    for (int prefetches = 0; prefetches <= 1; prefetches++) {
        const char *how = prefetches ? "prefetched" : "plain";
        printf("  get hit,        %-10s %6.1f ns\n", how,
               batches_ns(&load, OP_GET, prefetches, 0, SPEED_ENTRIES));
        printf("  get miss,       %-10s %6.1f ns\n", how,
               batches_ns(&load, OP_GET, prefetches, SPEED_ENTRIES, SPEED_ENTRIES));
        printf("  get hot (1000), %-10s %6.1f ns\n", how,
               batches_ns(&load, OP_GET, prefetches, 0, 1000));
        printf("  put overwrite,  %-10s %6.1f ns\n", how,
               batches_ns(&load, OP_PUT, prefetches, 0, SPEED_ENTRIES));
        load.is_remembered = true;
        printf("  put remembered, %-10s %6.1f ns\n", how,
               batches_ns(&load, OP_PUT, prefetches, 0, SPEED_ENTRIES));
        load.is_remembered = false;
    }
    uint64_t first = SPEED_ENTRIES;
    for (int prefetches = 0; prefetches <= 1; prefetches++, first += 4 * SPEED_ENTRIES)
        printf("  put insert,     %-10s %6.1f ns\n", prefetches ? "prefetched" : "plain",
               batches_ns(&load, OP_PUT, prefetches, first, 4 * SPEED_ENTRIES));
    load_deinit(&load);
}

// ---- Growth ----

struct histogram {
    uint32_t counts[LATENCY_BUCKETS];
    uint64_t total;
    uint64_t max_ns;
};

static void histogram_add(struct histogram *histogram, uint64_t ns)
{
    uint64_t bucket = ns / LATENCY_BUCKET_NS;
    histogram->counts[bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1]++;
    histogram->total++;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
}

static double percentile_us(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)((double)histogram->total * share);
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen > wanted)
            return (bucket + 1) * LATENCY_BUCKET_NS / 1000.0;
    }
    return (double)histogram->max_ns / 1000.0;
}

// In processor time, which includes about 0.3 us for reading that clock. Puts during which the
// tables took more memory are those that grew a segment.
static void measure_growth(uint32_t partition_count)
{
    struct load load;
    struct histogram *puts = memory_new(sizeof *puts);
    struct histogram *growths = memory_new(sizeof *growths);
    load_init(&load, partition_count, 4 * KIB, 8);
    uint64_t table_bytes = 0;
    for (uint64_t number = 0; number < GROWTH_ENTRIES; number++) {
        op_make(&load, 0, partition_count, OP_PUT, number);
        uint64_t start_ns = thread_ns();
        execute(&load, 0);
        uint64_t ns = thread_ns() - start_ns;
        histogram_add(puts, ns);
        // Asking costs a walk over all partitions: only after a put that took its time.
        if (ns < 2000)
            continue;
        uint64_t bytes = store_memory(load.store).table_bytes;
        if (bytes != table_bytes)
            histogram_add(growths, ns);
        table_bytes = bytes;
    }
    printf("0 to 10 M entries in %u partition(s): put p50 %.1f p99 %.1f p99.9 %.1f max %.0f us; ",
           partition_count, percentile_us(puts, 0.5), percentile_us(puts, 0.99),
           percentile_us(puts, 0.999), (double)puts->max_ns / 1000.0);
    printf("bytes of tables per entry %.1f; ", (double)table_bytes / GROWTH_ENTRIES);
    printf("%llu growths p50 %.1f p99 %.1f max %.0f us\n", (unsigned long long)growths->total,
           percentile_us(growths, 0.5), percentile_us(growths, 0.99),
           (double)growths->max_ns / 1000.0);
    free(puts);
    free(growths);
    load_deinit(&load);
}

// ---- Memory ----

static void measure_memory(const char *what, uint64_t entries, size_t value_bytes, int64_t ttl_ms,
                           bool removes)
{
    struct load load;
    uint64_t before = resident_bytes();
    load_init(&load, PARTITIONS, 0, value_bytes);
    fill(&load, 0, entries, ttl_ms);
    for (uint64_t number = 0; removes && number < entries; number++) {
        op_make(&load, 0, PARTITIONS, OP_REMOVE, number);
        execute(&load, 0);
    }
    struct store_memory memory = store_memory(load.store);
    uint64_t held = resident_bytes() - before - memory.log_bytes;
    printf("  %-44s %10llu bytes resident without log", what, (unsigned long long)held);
    if (!removes)
        printf(", %5.1f per entry beyond key and value",
               (double)held / (double)entries - 16 - (double)value_bytes);
    printf(" (records %llu, tables %llu, log %llu, expiry %llu)\n",
           (unsigned long long)memory.record_bytes, (unsigned long long)memory.table_bytes,
           (unsigned long long)memory.log_bytes, (unsigned long long)memory.expiry_bytes);
    load_deinit(&load);
}

static void measure_memories(void)
{
    printf("16-byte str keys, %d partitions\n", PARTITIONS);
    measure_memory("1 M of 100 bytes", 1000 * 1000, 100, 0, false);
    measure_memory("1 M of 100 bytes with TTL", 1000 * 1000, 100, 3600 * 1000, false);
    measure_memory("1 M of 512 bytes", 1000 * 1000, 512, 0, false);
    measure_memory("2 M of 100 bytes", 2 * 1000 * 1000, 100, 0, false);
    measure_memory("10 k of 100 bytes", 10 * 1000, 100, 0, false);
    measure_memory("10 k of 100 bytes, all removed", 10 * 1000, 100, 0, true);
    measure_memory("1 M of 100 bytes, all removed", 1000 * 1000, 100, 0, true);
}

int main(int argument_count, char **arguments)
{
    const char *part = argument_count > 1 ? arguments[1] : "";
    bool all = part[0] == '\0';
    if (all || strcmp(part, "memory") == 0)
        measure_memories();
    if (all || strcmp(part, "speed") == 0)
        measure_speed();
    if (all || strcmp(part, "growth") == 0) {
        measure_growth(PARTITIONS);
        measure_growth(1);
    }
    return 0;
}
