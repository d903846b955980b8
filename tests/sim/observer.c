// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/observer.h"

#include "cluster/rules/view.h"
#include "cluster/wire/view_codec.h"
#include "node/meta/state.h"
#include "tests/sim/world.h"

#include <inttypes.h>
#include <xxhash.h>

enum { GROWTH_FIRST = 64 };

void observer_init(struct observer *observer, struct world *world)
{
    *observer = (struct observer){.world = world};
}

void observer_deinit(struct observer *observer)
{
    free(observer->terms);
    free(observer->views);
    view_deinit(&observer->latest);
    for (uint32_t p = 0; p < SIM_PARTITIONS_MAX; p++) {
        truth_deinit(&observer->partitions[p].truth);
        free(observer->partitions[p].primaries);
    }
}

struct machine *observer_machine(const struct observer *observer, uint64_t member_id)
{
    for (uint32_t i = 0; i < observer->world->plan.machine_count; i++) {
        struct machine *machine = &observer->world->machines[i];
        if (machine->is_up && machine->id == member_id)
            return machine;
    }
    return NULL;
}

// ---- Leaders ----

void observer_see_member(struct observer *observer, const struct machine *machine)
{
    const struct raft *raft = machine->member->raft;
    if (raft_role(raft) != RAFT_LEADER)
        return;
    uint64_t term = raft_term(raft);
    for (uint32_t i = observer->term_count; i-- > 0;) {
        if (observer->terms[i].term != term)
            continue;
        if (observer->terms[i].leader != machine->id)
            world_fail(observer->world,
                       "two leaders in term %" PRIu64 ": %016" PRIx64 " and m%u %016" PRIx64, term,
                       observer->terms[i].leader, machine->slot, machine->id);
        return;
    }
    if (observer->term_count == observer->term_capacity) {
        observer->term_capacity =
            observer->term_capacity ? 2 * observer->term_capacity : GROWTH_FIRST;
        observer->terms =
            memory_resize_array(observer->terms, observer->term_capacity, sizeof *observer->terms);
    }
    observer->terms[observer->term_count++] = (struct observed_term){term, machine->id};
    observer->world->tally.leaderships++;
    trace_write(&observer->world->trace, world_now_us(observer->world),
                "m%u leads in term %" PRIu64, machine->slot, term);
}

// ---- Views ----

static uint64_t view_hash(const struct view *view)
{
    struct buffer out = {0};
    view_write(&out, view);
    uint64_t hash = XXH3_64bits(out.data + out.start, buffer_size(&out));
    buffer_deinit(&out);
    return hash;
}

// True: this version was never seen before.
static bool version_see(struct observer *observer, const struct machine *machine,
                        const struct view *view)
{
    uint64_t hash = view_hash(view);
    for (uint32_t i = observer->view_count; i-- > 0;) {
        if (observer->views[i].version != view->version)
            continue;
        if (observer->views[i].hash != hash)
            world_fail(observer->world, "m%u has another view of version %" PRIu64, machine->slot,
                       view->version);
        return false;
    }
    if (observer->view_count == observer->view_capacity) {
        observer->view_capacity =
            observer->view_capacity ? 2 * observer->view_capacity : GROWTH_FIRST;
        observer->views =
            memory_resize_array(observer->views, observer->view_capacity, sizeof *observer->views);
    }
    observer->views[observer->view_count++] = (struct observed_view){view->version, hash};
    return true;
}

static void primary_see(struct observer *observer, const struct view *view, uint16_t partition)
{
    struct observed_partition *observed = &observer->partitions[partition];
    uint64_t epoch = view->partitions[partition].epoch;
    uint16_t number = view_primary(view, partition);
    if (number == VIEW_NO_MEMBER)
        return;
    if (epoch >= observed->primary_count) {
        observed->primaries =
            memory_resize_array(observed->primaries, epoch + 1, sizeof *observed->primaries);
        for (uint64_t e = observed->primary_count; e <= epoch; e++)
            observed->primaries[e] = 0;
        observed->primary_count = epoch + 1;
    }
    uint64_t id = view->members[number].id;
    if (observed->primaries[epoch] == 0 && epoch > 1) {
        observer->world->tally.failovers++;
        trace_write(&observer->world->trace, world_now_us(observer->world),
                    "partition %u: epoch %" PRIu64 ", primary %s", partition, epoch,
                    view->members[number].name);
    }
    if (observed->primaries[epoch] != 0 && observed->primaries[epoch] != id)
        world_fail(observer->world,
                   "partition %u has two primaries in epoch %" PRIu64 ": %016" PRIx64
                   " and %016" PRIx64,
                   partition, epoch, observed->primaries[epoch], id);
    observed->primaries[epoch] = id;
}

void observer_see_crash(struct observer *observer)
{
    const struct view *view = &observer->latest;
    for (uint32_t p = 0; p < view->partition_count; p++) {
        const struct view_partition *partition = &view->partitions[p];
        bool survives = false;
        for (uint32_t i = 0; i < partition->in_sync_count; i++) {
            uint64_t id = view->members[partition->replicas[i]].id;
            survives = survives || observer_machine(observer, id) != NULL;
        }
        if (survives || observer->partitions[p].is_lost)
            continue;
        observer->partitions[p].is_lost = true;
        observer->world->tally.lost_partitions++;
        trace_write(&observer->world->trace, world_now_us(observer->world),
                    "partition %u: all copies in sync are dead", p);
    }
}

static void view_trace(struct observer *observer, const struct machine *machine,
                       const struct view *view)
{
    char line[512];
    int size =
        snprintf(line, sizeof line, "view %" PRIu64 " at m%u:", view->version, machine->slot);
    for (uint32_t p = 0; p < view->partition_count && (size_t)size < sizeof line; p++) {
        const struct view_partition *partition = &view->partitions[p];
        if (partition->version != view->version)
            continue;
        size += snprintf(line + size, sizeof line - (size_t)size, " %u/%" PRIu64 "=", p,
                         partition->epoch);
        for (uint32_t i = 0; i < partition->replica_count && (size_t)size < sizeof line; i++)
            size += snprintf(line + size, sizeof line - (size_t)size, "%s%s",
                             i == partition->in_sync_count ? "|" : "",
                             view->members[partition->replicas[i]].name);
    }
    trace_write(&observer->world->trace, world_now_us(observer->world), "%s", line);
}

void observer_see_view(struct observer *observer, const struct machine *machine,
                       const struct view *view)
{
    struct world *world = observer->world;
    const char *fault = view_fault(view);
    if (fault)
        world_fail(world, "m%u has a view that makes no sense: %s", machine->slot, fault);
    if (observer->grid_id != 0 && observer->grid_id != view->grid_id)
        world_fail(world, "m%u is in another grid", machine->slot);
    if (view->version <= machine->view_version)
        world_fail(world, "m%u goes back from view %" PRIu64 " to %" PRIu64, machine->slot,
                   machine->view_version, view->version);
    if (world->has_failed || !version_see(observer, machine, view))
        return;
    observer->grid_id = view->grid_id;
    world->tally.views++;
    view_trace(observer, machine, view);
    for (uint32_t p = 0; p < view->partition_count; p++)
        primary_see(observer, view, (uint16_t)p);
    if (view->version > observer->latest.version) {
        view_deinit(&observer->latest);
        view_copy(&observer->latest, view);
        observer_see_crash(observer);
    }
}

// ---- Serving ----

void observer_see_serving(struct observer *observer, const struct machine *machine)
{
    const struct world *world = observer->world;
    for (uint32_t p = 0; p < world->plan.partition_count; p++) {
        if (!machine_serves(machine, (uint16_t)p))
            continue;
        for (uint32_t i = 0; i < world->plan.machine_count; i++) {
            if (i != machine->slot && machine_serves(&world->machines[i], (uint16_t)p))
                world_fail(observer->world, "partition %u is served by m%u and m%u", p,
                           machine->slot, i);
        }
    }
}

// ---- Committed effects ----

// The epochs under which the effects of this copy were made.
static const struct epochs *epochs_of(const struct replica *replica)
{
    return replica->role == REPLICA_PRIMARY ? &replica->rules.epochs : &replica->copy.epochs;
}

static void effect_see(struct observer *observer, const struct machine *machine,
                       const struct replica *replica, uint64_t seq)
{
    struct observed_partition *observed = &observer->partitions[replica->source.number];
    struct effect effect;
    struct bytes old_value;
    uint64_t old_seq;
    uint64_t run_last_seq;
    partition_effect(replica->source.partition, seq, &effect, &old_value, &old_seq);
    uint64_t epoch = epochs_at(epochs_of(replica), seq, &run_last_seq);
    const char *fault = truth_see(&observed->truth, epoch, &effect);
    if (fault)
        world_fail(observer->world, "partition %u: the committed effect %" PRIu64 " on m%u %s",
                   replica->source.number, seq, machine->slot, fault);
}

void observer_see_shard(struct observer *observer, const struct machine_shard *shard)
{
    const struct plan *plan = &observer->world->plan;
    for (uint32_t p = shard->number; p < plan->partition_count; p += plan->shard_count) {
        const struct replica *replica = shard_replica(shard->shard, (uint16_t)p);
        if (!replica || replica->role == REPLICA_NONE || observer->partitions[p].is_lost)
            continue;
        uint64_t committed_seq = replica->role == REPLICA_PRIMARY ? replica->source.committed_seq
                                                                  : replica->copy.committed_seq;
        uint64_t *compared_seq = &observer->compared_seqs[shard->machine->slot][p];
        if (*compared_seq > committed_seq)
            *compared_seq = 0;
        if (*compared_seq == committed_seq)
            continue;
        uint64_t seq = partition_first_seq(replica->source.partition);
        if (seq <= *compared_seq)
            seq = *compared_seq + 1;
        for (; seq <= committed_seq; seq++)
            effect_see(observer, shard->machine, replica, seq);
        *compared_seq = committed_seq;
    }
}

bool observer_key_is_lost(const struct observer *observer, uint32_t key)
{
    return observer->partitions[key_home(key, observer->world->plan.partition_count)].is_lost;
}

// ---- The end ----

static const char *machines_lack(const struct observer *observer, uint32_t *data_count)
{
    const struct world *world = observer->world;
    *data_count = 0;
    for (uint32_t i = 0; i < world->plan.machine_count; i++) {
        const struct machine *machine = &world->machines[i];
        if (!machine->is_up)
            continue;
        if (machine->is_leaving)
            return "a machine has not left";
        if (member_phase(machine->member) != MEMBER_JOINED)
            return "a machine has not joined";
        if (machine->view_version != observer->latest.version)
            return "a machine has an old view";
        ++*data_count;
    }
    for (uint32_t i = 0; i < observer->latest.member_count; i++) {
        uint64_t id = observer->latest.members[i].id;
        if (id != 0 && !observer_machine(observer, id))
            return "the view lists a dead member";
    }
    return NULL;
}

const char *observer_lack(const struct observer *observer)
{
    const struct view *view = &observer->latest;
    uint32_t data_count;
    const char *lack = machines_lack(observer, &data_count);
    if (lack || view->version == 0)
        return lack ? lack : "there is no grid";
    uint32_t wanted = view->replica_count < data_count ? view->replica_count : data_count;
    for (uint32_t p = 0; p < view->partition_count; p++) {
        const struct view_partition *partition = &view->partitions[p];
        if (observer->partitions[p].is_lost)
            continue;
        if (partition->in_sync_count != wanted || partition->replica_count != wanted)
            return "a partition has not the wanted copies";
        const struct machine *primary =
            observer_machine(observer, view->members[partition->replicas[0]].id);
        if (!primary || !machine_serves(primary, (uint16_t)p))
            return "a partition is not served";
    }
    return NULL;
}

static void machine_tell(const struct observer *observer, const struct machine *machine)
{
    static const char *const phases[] = {"seeking", "joined", "departing", "gone", "refused"};
    static const char *const roles[] = {"follower", "pre-candidate", "candidate", "leader"};
    const struct raft *raft = machine->member->raft;
    const struct raft_configuration *configuration = raft_configuration(raft);
    char line[512];
    size_t size = (size_t)snprintf(
        line, sizeof line,
        "m%u %016" PRIx64 ": %s, %s of term %" PRIu64 ", view %" PRIu64 ", log to %" PRIu64
        ", committed to %" PRIu64 ", servers",
        machine->slot, machine->id, phases[member_phase(machine->member)], roles[raft_role(raft)],
        raft_term(raft), machine->view_version, raft_last_index(raft), raft_commit_index(raft));
    for (uint32_t i = 0; i < configuration->count && size < sizeof line; i++) {
        const struct raft_server *server = &configuration->servers[i];
        const struct machine *known = observer_machine(observer, server->id);
        char name[16] = "dead";
        if (known)
            snprintf(name, sizeof name, "m%u", known->slot);
        size += (size_t)snprintf(line + size, sizeof line - size, " %s%s", name,
                                 server->is_voter ? "" : "(learns)");
    }
    trace_write(&observer->world->trace, world_now_us(observer->world), "%s", line);
}

void observer_tell(const struct observer *observer)
{
    for (uint32_t i = 0; i < observer->world->plan.machine_count; i++) {
        if (observer->world->machines[i].is_up)
            machine_tell(observer, &observer->world->machines[i]);
    }
}

struct table_sum {
    uint64_t sum;
    uint64_t count;
};

static void table_visit(void *context, const struct entry *entry)
{
    struct table_sum *sum = context;
    uint64_t hash = XXH3_64bits(entry->key.data, entry->key.size);
    hash = XXH3_64bits_withSeed(entry->value.data, entry->value.size, hash);
    uint64_t numbers[] = {entry->seq, (uint64_t)entry->expiry_ms, hash};
    sum->sum += XXH3_64bits(numbers, sizeof numbers);
    sum->count++;
}

static struct table_sum table_sum_of(struct partition *partition)
{
    struct table_sum sum = {0};
    uint64_t position = 0;
    while (partition_walk(partition, bytes_of_text("m"), &position, table_visit, &sum))
        continue;
    return sum;
}

static void expiring_visit(void *context, const struct entry *entry)
{
    bool *is_expiring = context;
    *is_expiring = *is_expiring || entry->expiry_ms != 0;
}

bool observer_is_expiring(const struct observer *observer)
{
    const struct world *world = observer->world;
    bool is_expiring = false;
    for (uint32_t i = 0; i < world->plan.machine_count * world->plan.partition_count; i++) {
        const struct machine *machine = &world->machines[i / world->plan.partition_count];
        uint16_t p = (uint16_t)(i % world->plan.partition_count);
        if (!machine_serves(machine, p))
            continue;
        uint64_t position = 0;
        struct partition *partition =
            shard_replica(machine->shards[p % world->plan.shard_count].shard, p)->source.partition;
        while (
            partition_walk(partition, bytes_of_text("m"), &position, expiring_visit, &is_expiring))
            continue;
    }
    return is_expiring;
}

static void partition_compare_copies(struct observer *observer, uint16_t number)
{
    const struct view *view = &observer->latest;
    const struct view_partition *partition = &view->partitions[number];
    struct table_sum first = {0};
    uint64_t first_seq = 0;
    for (uint32_t i = 0; i < partition->in_sync_count; i++) {
        uint64_t id = view->members[partition->replicas[i]].id;
        const struct machine *machine = observer_machine(observer, id);
        uint32_t worker = number % observer->world->plan.shard_count;
        const struct replica *replica =
            machine ? shard_replica(machine->shards[worker].shard, number) : NULL;
        if (!replica) {
            world_fail(observer->world, "partition %u: a copy in sync is nowhere", number);
            return;
        }
        struct table_sum sum = table_sum_of(replica->source.partition);
        uint64_t last_seq = partition_last_seq(replica->source.partition);
        if (i == 0) {
            first = sum;
            first_seq = last_seq;
        } else if (sum.sum != first.sum || sum.count != first.count || last_seq != first_seq) {
            world_fail(observer->world,
                       "partition %u: the copy on m%u differs from the primary's: %" PRIu64
                       " entries up to %" PRIu64 ", not %" PRIu64 " up to %" PRIu64,
                       number, machine->slot, sum.count, last_seq, first.count, first_seq);
        }
    }
}

void observer_compare_copies(struct observer *observer)
{
    for (uint32_t p = 0; p < observer->latest.partition_count; p++) {
        if (!observer->partitions[p].is_lost)
            partition_compare_copies(observer, (uint16_t)p);
    }
}
