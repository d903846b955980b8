// SPDX-License-Identifier: Apache-2.0
// The partition log, measured alone: time per append within and beyond the bound, time to read an
// effect as a feed does, the stalls of a growing log. Pin it: taskset -c 1 build/micro/log
#include "node/store/log.h"

#include <stdio.h>
#include <time.h>

enum {
    EFFECTS = 2 * 1000 * 1000,
    BOUND_BYTES = 1024 * 1024,
    VALUE_BYTES = 100,
};

struct run {
    struct slab slab;
    struct log log;
    uint64_t longest_ns;
    uint64_t checksum;
};

static uint64_t clock_ns(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static void run_init(struct run *run, uint64_t bound_bytes)
{
    *run = (struct run){.longest_ns = 0};
    slab_init(&run->slab, 4 * GIB);
    log_init(&run->log, bound_bytes);
}

static uint32_t record_make(struct run *run, uint64_t seq)
{
    static const uint8_t key = 1;
    static const uint8_t value[VALUE_BYTES] = {0};
    struct record_fields fields = {
        .key = bytes_of(&key, 1), .value = bytes_of(value, sizeof value), .seq = seq};
    uint32_t handle = record_new(&run->slab, &fields);
    CHECK(handle != 0);
    return handle;
}

// Overwrites of one entry: each effect hands its predecessor's record to the log.
static double appends_ns(struct run *run)
{
    uint32_t present = record_make(run, 0);
    uint64_t start_ns = clock_ns();
    for (uint64_t i = 0; i < EFFECTS; i++) {
        uint64_t before_ns = clock_ns();
        CHECK(log_reserve(&run->log, &run->slab));
        uint32_t next = record_make(run, run->log.last_seq + 1);
        struct log_slot effect = {.time_us = i, .new_record = next, .old_record = present};
        log_append(&run->log, &run->slab, &effect);
        present = next;
        uint64_t ns = clock_ns() - before_ns;
        if (ns > run->longest_ns)
            run->longest_ns = ns;
    }
    return (double)(clock_ns() - start_ns) / EFFECTS;
}

static double reads_ns(struct run *run)
{
    uint64_t start_ns = clock_ns();
    for (uint64_t seq = run->log.first_seq; seq <= run->log.last_seq; seq++) {
        const struct log_slot *slot = log_at(&run->log, &run->slab, seq);
        run->checksum += record_value(record_at(&run->slab, slot->new_record)).size;
        run->checksum += record_seq(record_at(&run->slab, slot->old_record));
    }
    return (double)(clock_ns() - start_ns) / (double)log_count(&run->log);
}

static void measure(const char *what, uint64_t bound_bytes)
{
    struct run run;
    run_init(&run, bound_bytes);
    run.log.retain_from = UINT64_MAX;
    double append_ns = appends_ns(&run);
    double read_ns = reads_ns(&run);
    printf("%-28s append %6.1f ns (longest %4.0f us), read %5.1f ns, %llu effects kept, ", what,
           append_ns, (double)run.longest_ns / NS_PER_US, read_ns,
           (unsigned long long)log_count(&run.log));
    printf("%.1f bytes per effect\n",
           (double)slab_live_bytes(&run.slab) / (double)log_count(&run.log));
    CHECK(run.checksum > 0);
    slab_deinit(&run.slab);
}

int main(void)
{
    printf("%d overwrites of %d bytes, the clock read twice per append\n", EFFECTS, VALUE_BYTES);
    measure("bound of 1 MiB", BOUND_BYTES);
    measure("growing to 2 M effects", 4 * GIB);
    return 0;
}
