// SPDX-License-Identifier: Apache-2.0
// Links to the workers that own our backups, and connections of the primaries that we back up.
#include "cluster/base/memory.h"
#include "node/shard/core.h"

struct outlet *shard_link_to(const struct shard *shard, uint64_t member_id, uint16_t partition)
{
    for (struct list *it = shard->links.next; it != &shard->links; it = it->next) {
        const struct shard_link *link = LIST_ENTRY(it, struct shard_link, all_link);
        if (link->member_id == member_id &&
            partition % link->remote_worker_count == link->remote_worker)
            return link->outlet;
    }
    return NULL;
}

static bool replica_has_backup(const struct replica *replica, uint64_t member_id)
{
    for (uint32_t i = 0; i < replica->rules.backup_count; i++) {
        if (replica->links[i].member_id == member_id)
            return true;
    }
    return false;
}

bool shard_wants_link(const struct shard *shard, uint64_t member_id, uint16_t remote_worker,
                      uint16_t remote_worker_count)
{
    for (uint32_t i = 0; i < shard->source_count; i++) {
        const struct replica *replica = LIST_ENTRY(shard->sources[i], struct replica, source);
        if (replica->source.number % remote_worker_count == remote_worker &&
            replica_has_backup(replica, member_id))
            return true;
    }
    return false;
}

void shard_link_up(struct shard *shard, uint64_t member_id, uint16_t remote_worker,
                   uint16_t remote_worker_count, struct outlet *outlet)
{
    struct shard_link *link = memory_new(sizeof *link);
    link->member_id = member_id;
    link->remote_worker = remote_worker;
    link->remote_worker_count = remote_worker_count;
    link->outlet = outlet;
    list_append(&shard->links, &link->all_link);
    for (uint32_t i = 0; i < shard->source_count; i++) {
        struct replica *replica = LIST_ENTRY(shard->sources[i], struct replica, source);
        if (replica->source.number % remote_worker_count == remote_worker)
            replica_link_up(replica, member_id, outlet, shard_now_ms(shard));
    }
}

void shard_link_down(struct shard *shard, const struct outlet *outlet)
{
    struct list *next;
    for (struct list *it = shard->links.next; it != &shard->links; it = next) {
        next = it->next;
        struct shard_link *link = LIST_ENTRY(it, struct shard_link, all_link);
        if (link->outlet != outlet)
            continue;
        list_remove(it);
        free(link);
    }
    for (uint32_t i = 0; i < shard->source_count; i++)
        replica_link_down(LIST_ENTRY(shard->sources[i], struct replica, source), shard, outlet);
}

enum error shard_report(struct shard *shard, const struct outlet *link, const struct frame *frame)
{
    struct replica *replica = shard_replica(shard, frame->header.partition);
    return replica ? replica_report(replica, shard, link, frame) : ERROR_NONE;
}

// The primary may know already that we are a backup.
enum error shard_receive(struct shard *shard, struct outlet *link, const struct frame *frame)
{
    uint16_t number = frame->header.partition;
    uint16_t worker_count = shard->options.worker_count;
    bool is_ours = shard->view && number < shard->view->partition_count &&
                   number % worker_count == shard->options.number;
    return is_ours ? replica_receive(&shard->replicas[number / worker_count], link, frame)
                   : ERROR_NONE;
}

void shard_primary_gone(struct shard *shard, const struct outlet *link)
{
    for (uint32_t p = shard->options.number; shard->view && p < shard->view->partition_count;
         p += shard->options.worker_count)
        replica_primary_gone(&shard->replicas[p / shard->options.worker_count], link);
}
