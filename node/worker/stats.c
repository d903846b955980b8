// SPDX-License-Identifier: Apache-2.0
#include "node/worker/stats.h"

#include "cluster/wire/writer.h"

#include <time.h>

struct figure {
    const char *name;
    uint64_t value;
};

static uint64_t thread_cpu_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * US_PER_S + (uint64_t)time.tv_nsec / NS_PER_US;
}

static uint64_t uncommitted_count(const struct worker *worker)
{
    uint64_t count = 0;
    for (uint32_t slot = 0; slot < worker->source_count; slot++)
        count += partition_last_seq(worker->sources[slot]->partition) -
                 worker->sources[slot]->committed_seq;
    return count;
}

void stats_write(const struct worker *worker, struct buffer *out)
{
    struct store_memory memory = store_memory(worker->store);
    const struct worker_counters *counters = &worker->counters;
    const struct figure figures[] = {
        {"worker", worker->options.number},
        {"primaries", worker->source_count},
        {"backups", worker->replica_count - worker->source_count},
        {"entries", memory.entry_count},
        {"record_bytes", memory.record_bytes},
        {"slab_bytes", memory.slab_bytes},
        {"table_bytes", memory.table_bytes},
        {"log_bytes", memory.log_bytes},
        {"expiry_bytes", memory.expiry_bytes},
        {"operations", counters->operations},
        {"reads", counters->reads},
        {"writes", counters->writes},
        {"errors", counters->errors},
        {"hops", counters->hops},
        {"uncommitted_effects", uncommitted_count(worker)},
        {"subscriptions", watches_count(worker->watches)},
        {"connections", counters->connections_opened - counters->connections_closed},
        {"loop_turns", counters->turns},
        {"cpu_us", thread_cpu_us()},
    };
    uint32_t count = sizeof figures / sizeof *figures;
    write_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        write_text(out, figures[i].name);
        write_uint(out, figures[i].value);
    }
}
