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

void stats_write(const struct worker *worker, struct buffer *out)
{
    struct shard_figures shard;
    struct watches_figures watches;
    shard_figures(worker->shard, &shard);
    shard_watches_figures(worker->shard, &watches);
    const struct store_memory *memory = &shard.memory;
    const struct worker_counters *counters = &worker->counters;
    const struct figure figures[] = {
        {"worker", worker->options.number},
        {"primaries", shard.primary_count},
        {"backups", shard.backup_count},
        {"lacking_copies", shard.lacking_count},
        {"entries", memory->entry_count},
        {"record_bytes", memory->record_bytes},
        {"slab_bytes", memory->slab_bytes},
        {"table_bytes", memory->table_bytes},
        {"log_bytes", memory->log_bytes},
        {"expiry_bytes", memory->expiry_bytes},
        {"operations", shard.counters.operations},
        {"reads", shard.counters.reads},
        {"writes", shard.counters.writes},
        {"retries", shard.counters.retries},
        {"errors", shard.counters.errors},
        {"hops", counters->hops},
        {"filled_bytes", shard.counters.filled_bytes},
        {"uncommitted_effects", shard.uncommitted_count},
        {"subscriptions", watches.watch_count},
        {"subscribers", watches.reader_count},
        {"subscribers_behind", watches.lagging_count},
        {"subscribers_behind_effects", watches.behind_count},
        {"subscription_resets", watches.reset_count},
        {"subscription_events", watches.event_count},
        {"subscription_frames", watches.frame_count},
        {"predicates", watches.index.predicate_count},
        {"predicates_always", watches.index.always_count},
        {"predicate_updates", watches.index.update_count},
        {"predicate_candidates", watches.index.candidate_count},
        {"predicate_verified", watches.index.verified_count},
        {"predicate_matches", watches.index.match_count},
        {"predicate_repicks", watches.index.repick_count},
        {"predicate_bytes", watches.index.bytes},
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
