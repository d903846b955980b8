// SPDX-License-Identifier: Apache-2.0
#include "node/shard/shard.h"

#include "cluster/base/memory.h"
#include "node/shard/core.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    EXPIRED_PER_TICK = 4096,
    TICKS_PER_REPLICA_TICK = 5,
    FILL_BURST_DIVISOR = 4, // what is not used is kept for a quarter of a second
};

struct shard *shard_new(const struct shard_options *options)
{
    struct shard *shard = memory_new(sizeof *shard);
    shard->options = *options;
    shard->self = VIEW_NO_MEMBER;
    list_init(&shard->touched);
    list_init(&shard->filling);
    list_init(&shard->links);
    return shard;
}

static void links_free(struct shard *shard)
{
    struct list *link;
    while ((link = list_pop(&shard->links)) != NULL)
        free(LIST_ENTRY(link, struct shard_link, all_link));
}

static uint32_t place_count(const struct shard *shard)
{
    uint32_t partition_count = shard->view ? shard->view->partition_count : 0;
    uint32_t worker_count = shard->options.worker_count;
    return (partition_count + worker_count - 1 - shard->options.number) / worker_count;
}

void shard_free(struct shard *shard)
{
    if (shard->view) {
        watches_free(shard->watches);
        for (uint32_t i = 0; i < place_count(shard); i++)
            replica_deinit(&shard->replicas[i]);
        store_free(shard->store);
    }
    links_free(shard);
    buffer_deinit(&shard->scratch);
    free(shard->replicas);
    free(shard->by_partition);
    free(shard->sources);
    free(shard);
}

void shard_set_time(struct shard *shard, struct shard_time time)
{
    CHECK(time.now_us >= shard->time.now_us);
    shard->time = time;
}

const struct view *shard_view(const struct shard *shard)
{
    return shard->view;
}

void shard_say(const struct shard *shard, bool is_warning, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    shard->options.host.say(shard->options.host.context, is_warning, text);
}

void shard_set_lease(struct shard *shard, uint64_t until_us)
{
    shard->lease_until_us = until_us;
}

bool shard_lease_holds(struct shard *shard, uint64_t now_us)
{
    bool may_leave = !shard->has_served || now_us < shard->lease_until_us;
    shard->has_served = false;
    return may_leave;
}

void shard_note_served(struct shard *shard)
{
    shard->has_served = true;
}

struct replica *shard_replica(const struct shard *shard, uint16_t partition)
{
    return shard->view && partition < shard->view->partition_count ? shard->by_partition[partition]
                                                                   : NULL;
}

// ---- Effects ----

static void shard_touch(struct shard *shard, struct replica *replica)
{
    if (list_is_empty(&replica->touched_link))
        list_append(&shard->touched, &replica->touched_link);
}

void shard_note_effects(struct shard *shard, struct replica *replica)
{
    uint64_t last_seq = partition_last_seq(replica->source.partition);
    if (last_seq == replica->noted_seq)
        return;
    if (watches_are_walking(shard->watches)) {
        for (uint64_t seq = replica->noted_seq + 1; seq <= last_seq; seq++)
            watches_appended(shard->watches, &replica->source, seq);
    }
    replica->noted_seq = last_seq;
    shard_touch(shard, replica);
}

void shard_advance(struct shard *shard)
{
    struct list *link;
    while ((link = list_pop(&shard->touched)) != NULL)
        replica_advance(LIST_ENTRY(link, struct replica, touched_link), shard);
}

// ---- The turn ----

// Fills share what may be sent in the time that has passed; a segment may overdraw it.
static bool fills_are_allowed(struct shard *shard)
{
    uint64_t per_s = shard->options.fill_bytes_per_s;
    if (per_s == 0)
        return true;
    double passed_s = (double)(shard->time.now_us - shard->allowance_us) / US_PER_S;
    double burst_bytes = (double)per_s / FILL_BURST_DIVISOR;
    shard->allowance_us = shard->time.now_us;
    shard->fill_allowance_bytes += passed_s * (double)per_s;
    if (shard->fill_allowance_bytes > burst_bytes)
        shard->fill_allowance_bytes = burst_bytes;
    return shard->fill_allowance_bytes > 0;
}

static bool shard_fill(struct shard *shard)
{
    struct list *next;
    if (list_is_empty(&shard->filling))
        return false;
    for (struct list *link = shard->filling.next; link != &shard->filling; link = next) {
        next = link->next;
        if (!fills_are_allowed(shard))
            return false; // a tick comes here again
        struct replica *replica = LIST_ENTRY(link, struct replica, filling_link);
        if (!replica_fill(replica, shard))
            list_remove(link);
    }
    return !list_is_empty(&shard->filling);
}

bool shard_work(struct shard *shard)
{
    if (!shard->view)
        return false;
    bool more = watches_work(shard->watches);
    return shard_fill(shard) || more;
}

static void tick_expired(void *context, struct partition *partition)
{
    struct shard *shard = context;
    shard_note_effects(shard, shard_replica(shard, partition_number(partition)));
}

void shard_tick(struct shard *shard)
{
    if (!shard->view)
        return;
    // Without a lease another node may decide what expires.
    if (shard_has_lease(shard))
        store_expire(shard->store, (int64_t)shard->time.unix_us, EXPIRED_PER_TICK, tick_expired,
                     shard);
    shard_advance(shard);
    watches_tick(shard->watches);
    if (++shard->tick_count % TICKS_PER_REPLICA_TICK != 0)
        return;
    for (uint32_t i = 0; i < shard->source_count; i++)
        replica_tick(LIST_ENTRY(shard->sources[i], struct replica, source), shard);
}

void shard_tell_progress(struct shard *shard)
{
    for (uint32_t i = 0; i < shard->source_count; i++)
        replica_tell_commit(LIST_ENTRY(shard->sources[i], struct replica, source));
    if (shard->view)
        watches_progress(shard->watches);
}

void shard_drop_pending(struct shard *shard)
{
    for (uint32_t i = 0; i < place_count(shard); i++)
        pending_deinit(&shard->replicas[i].pending);
}

// ---- Figures ----

void shard_figures(const struct shard *shard, struct shard_figures *figures)
{
    *figures = (struct shard_figures){.counters = shard->counters};
    if (!shard->view)
        return;
    figures->memory = store_memory(shard->store);
    figures->primary_count = shard->source_count;
    figures->backup_count = shard->replica_count - shard->source_count;
    for (uint32_t i = 0; i < shard->source_count; i++) {
        const struct replica *replica = LIST_ENTRY(shard->sources[i], struct replica, source);
        figures->uncommitted_count +=
            partition_last_seq(replica->source.partition) - replica->source.committed_seq;
        figures->lacking_count += !replica_is_whole(replica, shard->wanted_copies);
    }
}

void shard_watches_figures(const struct shard *shard, struct watches_figures *figures)
{
    *figures = (struct watches_figures){0};
    if (shard->view)
        watches_figures(shard->watches, figures);
}

void shard_set_memory_limit(struct shard *shard, uint64_t bytes)
{
    if (shard->store)
        store_set_memory_limit(shard->store, bytes);
}

void shard_check(const struct shard *shard)
{
    for (uint32_t i = 0; i < place_count(shard); i++) {
        const struct replica *replica = &shard->replicas[i];
        uint64_t last_seq = partition_last_seq(replica->source.partition);
        if (replica->role == REPLICA_PRIMARY) {
            primary_check(&replica->rules);
            CHECK(replica->rules.last_seq <= last_seq);
        } else if (replica->role == REPLICA_BACKUP) {
            backup_check(&replica->copy);
            CHECK(replica->copy.is_filling || replica->copy.last_seq == last_seq);
        }
    }
}
