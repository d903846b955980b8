// SPDX-License-Identifier: Apache-2.0
// A view becomes roles: which partitions this shard holds, and as what.
#include "cluster/base/memory.h"
#include "node/shard/core.h"

static struct watches *watches_make(const struct shard *shard, uint32_t place_count)
{
    const struct shard_options *options = &shard->options;
    struct watches_options watches_options = {
        .place_count = place_count,
        .worker_count = options->worker_count,
        .output_bytes_max = options->subscribers_output_bytes_max > 0
                                ? options->subscribers_output_bytes_max
                                : UINT64_MAX,
        .always_max =
            options->always_evaluated_max > 0 ? options->always_evaluated_max : UINT32_MAX,
    };
    return watches_new(&watches_options);
}

// The first view says how many partitions there are: that never changes in a grid.
static void store_make(struct shard *shard, const struct view *view)
{
    uint32_t worker_count = shard->options.worker_count;
    uint32_t places =
        (view->partition_count + worker_count - 1 - shard->options.number) / worker_count;
    struct store_options options = {
        .partition_count = view->partition_count,
        .log_bytes_per_partition = shard->options.log_bytes_max / (places > 0 ? places : 1),
        .value_bytes_max = shard->options.value_bytes_max,
    };
    shard->store = store_new(&options);
    shard->replicas = memory_new_aligned(places, sizeof *shard->replicas);
    shard->by_partition = memory_new_array(view->partition_count, sizeof(struct replica *));
    shard->sources = memory_new_array(places, sizeof(struct source *));
    for (uint32_t i = 0; i < places; i++) {
        uint16_t number = (uint16_t)(i * worker_count + shard->options.number);
        replica_init(&shard->replicas[i], number, (uint16_t)i,
                     store_partition(shard->store, number));
    }
    shard->watches = watches_make(shard, places);
}

static void sources_collect(struct shard *shard)
{
    shard->source_count = 0;
    for (uint32_t p = shard->options.number; p < shard->view->partition_count;
         p += shard->options.worker_count) {
        struct replica *replica = shard->by_partition[p];
        if (replica && replica->role == REPLICA_PRIMARY)
            shard->sources[shard->source_count++] = &replica->source;
    }
}

// ---- The view ----

static uint32_t wanted_copies(const struct view *view)
{
    uint32_t holders = 0;
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *member = &view->members[i];
        holders += member->id != 0 && member->role == MEMBER_DATA && member->state == MEMBER_ACTIVE;
    }
    return holders < view->replica_count ? holders : view->replica_count;
}

static void partition_apply(struct shard *shard, uint16_t number)
{
    const struct view_partition *wanted = &shard->view->partitions[number];
    struct replica *replica = &shard->replicas[number / shard->options.worker_count];
    bool is_held = shard->self != VIEW_NO_MEMBER &&
                   view_replica_place(wanted, shard->self) < wanted->replica_count;
    if (is_held) {
        if (!shard->by_partition[number])
            shard->replica_count++;
        shard->by_partition[number] = replica;
        replica_assume(replica, shard, wanted);
    } else if (shard->by_partition[number]) {
        shard->by_partition[number] = NULL;
        shard->replica_count--;
        replica_abandon(replica, shard);
    }
}

void shard_apply_view(struct shard *shard, const struct view *view)
{
    CHECK(!shard->view || view->partition_count == shard->view->partition_count);
    if (!shard->view)
        store_make(shard, view);
    shard_advance(shard);
    shard->self = view_find_member(view, shard->options.member_id);
    shard->view = view;
    shard->wanted_copies = wanted_copies(view);
    for (uint32_t p = shard->options.number; p < view->partition_count;
         p += shard->options.worker_count)
        partition_apply(shard, (uint16_t)p);
    sources_collect(shard);
}

uint32_t shard_wishes(struct shard *shard, struct wish *wishes, uint32_t capacity)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < shard->source_count && count < capacity; i++) {
        struct replica *replica = LIST_ENTRY(shard->sources[i], struct replica, source);
        count += replica_wishes(replica, shard_now_ms(shard), wishes + count, capacity - count);
    }
    return count;
}
