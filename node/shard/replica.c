// SPDX-License-Identifier: Apache-2.0
//
//             in the view              first in sync
//   +------+ ------------> +--------+ --------------> +---------+
//   | NONE |               | BACKUP |                 | PRIMARY |
//   +------+ <------------ +--------+ <-------------- +---------+
//             not any more             another is
//
// A primary of a later epoch (its handover was taken back by a failure) is demoted and promoted.
#include "node/shard/replica.h"

#include "node/shard/core.h"

void replica_init(struct replica *replica, uint16_t number, uint16_t place,
                  struct partition *partition)
{
    *replica = (struct replica){0};
    replica->source.partition = partition;
    replica->source.number = number;
    replica->source.place = place;
    replica->source.epochs = &replica->rules.epochs;
    list_init(&replica->touched_link);
    list_init(&replica->filling_link);
}

void replica_deinit(struct replica *replica)
{
    for (uint32_t i = 0; i < PRIMARY_BACKUPS_MAX; i++)
        fill_stop(&replica->links[i].fill);
    list_remove(&replica->touched_link);
    list_remove(&replica->filling_link);
    pending_deinit(&replica->pending);
}

// ---- Roles ----

// Effects that no primary was known to have committed may be committed still: the next primary
// decides. Whoever waits for one is told that its fate is unknown.
static void replica_demote(struct replica *replica, struct shard *shard)
{
    watches_yield(shard->watches, &replica->source);
    pending_expire(&replica->pending, UINT64_MAX, "the partition has another primary now");
    for (uint32_t i = 0; i < PRIMARY_BACKUPS_MAX; i++)
        fill_stop(&replica->links[i].fill);
    memset(replica->links, 0, sizeof replica->links); // nobody tells a backup that they went down
    list_remove(&replica->touched_link);
    list_remove(&replica->filling_link);
    backup_init(&replica->copy, replica->rules.epoch, replica->rules.last_seq,
                replica->rules.committed_seq, &replica->rules.epochs);
    replica->rules.backup_count = 0;
    replica->role = REPLICA_BACKUP;
    replica->is_serving = false;
    partition_set_primary(replica->source.partition, false);
}

static void replica_become_backup(struct replica *replica)
{
    const struct epochs nothing = {0};
    backup_init(&replica->copy, 0, 0, 0, &nothing);
    replica->role = REPLICA_BACKUP;
    replica->source.exact_seq = 0;
}

// Its log is the truth from now on, also where it is not committed yet.
static void replica_promote(struct replica *replica, struct shard *shard, uint64_t epoch)
{
    const struct backup *copy = &replica->copy;
    struct partition *partition = replica->source.partition;
    CHECK(!copy->is_filling && copy->last_seq >= copy->exact_seq);
    CHECK(copy->last_seq == partition_last_seq(partition));
    primary_init(&replica->rules, epoch, partition_first_seq(partition), copy->last_seq,
                 copy->committed_seq, &copy->epochs, shard->options.drop_ms);
    replica->role = REPLICA_PRIMARY;
    replica->primary_link = NULL;
    replica->source.epoch = epoch;
    replica->source.committed_seq = replica->rules.committed_seq;
    replica->readable_seq = replica->rules.committed_seq;
    replica->noted_seq = copy->last_seq;
    replica->delivered_seq = replica->rules.committed_seq;
    replica->told_seq = 0;
    if (replica->source.exact_seq < copy->exact_seq)
        replica->source.exact_seq = copy->exact_seq;
    partition_set_primary(partition, true);
    watches_lead(shard->watches, &replica->source);
}

// ---- What the view says of a primary's backups ----

struct wanted_backups {
    uint32_t count;
    uint64_t ids[PRIMARY_BACKUPS_MAX];
    bool in_sync[PRIMARY_BACKUPS_MAX];
};

static struct wanted_backups wanted_of(const struct view *view, const struct view_partition *wanted)
{
    struct wanted_backups backups = {.count = wanted->replica_count - 1u};
    for (uint32_t i = 0; i < backups.count; i++) {
        backups.ids[i] = view->members[wanted->replicas[i + 1]].id;
        backups.in_sync[i] = i + 1 < wanted->in_sync_count;
    }
    return backups;
}

// The links follow their backups to the places that the view gives them.
static void links_arrange(struct replica *replica, const struct wanted_backups *wanted)
{
    struct replica_link old[PRIMARY_BACKUPS_MAX];
    memcpy(old, replica->links, sizeof old);
    memset(replica->links, 0, sizeof replica->links);
    for (uint32_t i = 0; i < wanted->count; i++) {
        replica->links[i].member_id = wanted->ids[i];
        for (uint32_t j = 0; j < PRIMARY_BACKUPS_MAX; j++) {
            if (old[j].member_id != wanted->ids[i])
                continue;
            replica->links[i] = old[j];
            old[j] = (struct replica_link){0};
        }
    }
    for (uint32_t j = 0; j < PRIMARY_BACKUPS_MAX; j++)
        fill_stop(&old[j].fill);
}

static void replica_find_links(struct replica *replica, struct shard *shard)
{
    for (uint32_t i = 0; i < replica->rules.backup_count; i++) {
        struct replica_link *link = &replica->links[i];
        struct outlet *outlet = shard_link_to(shard, link->member_id, replica->source.number);
        if (outlet && !link->outlet)
            replica_link_up(replica, link->member_id, outlet, shard_now_ms(shard));
    }
}

static void replica_lead(struct replica *replica, struct shard *shard,
                         const struct view_partition *wanted)
{
    const struct view *view = shard->view;
    struct wanted_backups backups = wanted_of(view, wanted);
    replica->min_in_sync = view->min_in_sync;
    replica->in_sync_count = wanted->in_sync_count;
    replica->handover_id =
        wanted->handover == VIEW_NO_MEMBER ? 0 : view->members[wanted->handover].id;
    replica->is_serving = replica->handover_id == 0;
    // The rules hear of the whole log before they are told of its readers; new ones know it.
    if (replica->rules.version > 0)
        replica_advance(replica, shard);
    links_arrange(replica, &backups);
    replica_configure(replica, shard, wanted->version, backups.ids, backups.in_sync, backups.count);
    replica_find_links(replica, shard);
}

void replica_assume(struct replica *replica, struct shard *shard,
                    const struct view_partition *wanted)
{
    if (replica->view_version == wanted->version)
        return;
    replica->view_version = wanted->version;
    bool leads = wanted->in_sync_count > 0 && wanted->replicas[0] == shard->self;
    if (replica->role == REPLICA_PRIMARY && (!leads || replica->rules.epoch != wanted->epoch))
        replica_demote(replica, shard);
    if (replica->role == REPLICA_NONE)
        replica_become_backup(replica);
    // A copy that obeys a later primary has overtaken this view.
    if (!leads || (replica->role == REPLICA_BACKUP && wanted->epoch <= replica->copy.epoch)) {
        replica_attach_early(replica);
        return;
    }
    if (replica->role == REPLICA_BACKUP)
        replica_promote(replica, shard, wanted->epoch);
    replica_lead(replica, shard, wanted);
}

void replica_abandon(struct replica *replica, struct shard *shard)
{
    uint16_t number = replica->source.number;
    uint16_t place = replica->source.place;
    struct partition *partition = replica->source.partition;
    if (replica->role == REPLICA_PRIMARY)
        replica_demote(replica, shard);
    replica_deinit(replica);
    partition_reset(partition, 0);
    replica_init(replica, number, place, partition);
}
