// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/migration.h"

#include "cluster/rules/placement.h"
#include "cluster/rules/ring.h"
#include "cluster/rules/view.h"

static_assert(VIEW_NO_MEMBER == RING_NO_MEMBER, "what placement says becomes the view's");

// ---- The target ----

static bool member_takes_data(const struct view *view, uint16_t member)
{
    const struct view_member *it = &view->members[member];
    return it->id != 0 && it->role == MEMBER_DATA && it->state == MEMBER_ACTIVE;
}

// The copies of a partition for placement: first the primary, or the one that is about to be.
static void held_copies(const struct view *view, const struct view_partition *partition,
                        uint16_t *held)
{
    uint32_t count = 0;
    uint16_t next = partition->handover;
    if (next != VIEW_NO_MEMBER && member_takes_data(view, next))
        held[count++] = next;
    else
        next = VIEW_NO_MEMBER;
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        if (partition->replicas[i] != next)
            held[count++] = partition->replicas[i];
    }
    while (count < VIEW_REPLICAS_MAX)
        held[count++] = VIEW_NO_MEMBER;
}

uint16_t *migration_target(const struct view *view)
{
    struct placement_member *members = memory_new_array(view->member_count, sizeof *members);
    bool has_any = false;
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *it = &view->members[i];
        bool takes_data = member_takes_data(view, (uint16_t)i);
        members[i] = (struct placement_member){
            .name = it->name, .zone = it->zone, .weight = takes_data ? it->weight : 0};
        has_any = has_any || takes_data;
    }
    uint16_t *target = NULL;
    if (has_any) {
        size_t held_size = (size_t)view->partition_count * VIEW_REPLICAS_MAX;
        uint16_t *held = memory_new_array(held_size, sizeof *held);
        for (uint32_t i = 0; i < view->partition_count; i++)
            held_copies(view, &view->partitions[i], held + (size_t)i * VIEW_REPLICAS_MAX);
        target =
            memory_new_array((size_t)view->partition_count * view->replica_count, sizeof *target);
        enum error error = placement_choose(members, view->member_count, view->partition_count,
                                            view->replica_count, held, VIEW_REPLICAS_MAX, target);
        CHECK(error == ERROR_NONE); // a valid view is a valid question
        free(held);
    }
    free(members);
    return target;
}

// ---- What is wanted, and what is there ----

// The wanted replicas of one partition.
struct wanted {
    const uint16_t *members; // of the target; the primary first
    uint32_t count;
};

static struct wanted wanted_of(const struct view *view, const uint16_t *target, uint32_t partition)
{
    struct wanted wanted = {.members = target + (size_t)partition * view->replica_count};
    while (wanted.count < view->replica_count && wanted.members[wanted.count] != VIEW_NO_MEMBER)
        wanted.count++;
    return wanted;
}

static bool wanted_has(const struct wanted *wanted, uint16_t member)
{
    for (uint32_t i = 0; i < wanted->count; i++) {
        if (wanted->members[i] == member)
            return true;
    }
    return false;
}

static bool is_in_sync(const struct view_partition *partition, uint16_t member)
{
    return view_replica_place(partition, member) < partition->in_sync_count;
}

// Copies in sync on members that are not suspected.
static uint32_t sound_count(const struct view_partition *partition, const bool *is_suspect)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < partition->in_sync_count; i++)
        count += !is_suspect[partition->replicas[i]];
    return count;
}

struct migration_progress migration_progress(const struct view *view, const uint16_t *target)
{
    struct migration_progress progress = {0};
    for (uint32_t p = 0; p < view->partition_count; p++) {
        const struct view_partition *partition = &view->partitions[p];
        if (partition->in_sync_count == 0)
            continue;
        struct wanted wanted = wanted_of(view, target, p);
        for (uint32_t i = 0; i < wanted.count; i++) {
            uint32_t place = view_replica_place(partition, wanted.members[i]);
            progress.to_fill += place >= partition->in_sync_count;
            progress.filling += place >= partition->in_sync_count && //
                                place < partition->replica_count;
        }
        progress.to_hand_over += partition->replicas[0] != wanted.members[0];
        for (uint32_t i = 0; i < partition->replica_count; i++)
            progress.to_drop += !wanted_has(&wanted, partition->replicas[i]);
    }
    return progress;
}

// ---- Changes ----

static void change_remove(struct partition_change *change, uint32_t place)
{
    if (place < change->in_sync_count)
        change->in_sync_count--;
    change->replica_count--;
    for (uint32_t i = place; i < change->replica_count; i++)
        change->replicas[i] = change->replicas[i + 1];
    change->replicas[change->replica_count] = 0;
}

// The replica at `from` goes to `to`; those between make room.
static void change_shift(struct partition_change *change, uint32_t from, uint32_t to)
{
    uint64_t id = change->replicas[from];
    for (; from > to; from--)
        change->replicas[from] = change->replicas[from - 1];
    for (; from < to; from++)
        change->replicas[from] = change->replicas[from + 1];
    change->replicas[to] = id;
}

// ---- The plan ----

struct plan {
    const struct view *view;
    const bool *is_suspect; // by member number
    uint32_t parallel;
    uint32_t *filling; // by member number: replicas that it is being filled with
};

static void plan_count_filling(struct plan *plan)
{
    for (uint32_t p = 0; p < plan->view->partition_count; p++) {
        const struct view_partition *partition = &plan->view->partitions[p];
        if (partition->in_sync_count == 0)
            continue; // there is nothing that it could be filled with
        for (uint32_t i = partition->in_sync_count; i < partition->replica_count; i++)
            plan->filling[partition->replicas[i]]++;
    }
}

// All places are taken and a wanted replica has none: drops the last one that is neither wanted nor
// needed. Copies out of sync protect nothing.
static bool plan_make_room(const struct plan *plan, const struct view_partition *partition,
                           const struct wanted *wanted, struct partition_change *change)
{
    bool has_spare = sound_count(partition, plan->is_suspect) > wanted->count;
    for (uint32_t i = partition->replica_count; i-- > 1;) {
        bool is_needed = i < partition->in_sync_count && !has_spare;
        if (is_needed || wanted_has(wanted, partition->replicas[i]))
            continue;
        change_remove(change, i);
        return true;
    }
    return false;
}

// Wanted replicas that are not there yet, as far as their members may receive more now.
static bool plan_add(struct plan *plan, const struct view_partition *partition,
                     const struct wanted *wanted, struct partition_change *change)
{
    bool has_changed = false;
    for (uint32_t i = 0; i < wanted->count; i++) {
        uint16_t member = wanted->members[i];
        if (view_replica_place(partition, member) < partition->replica_count ||
            plan->is_suspect[member] || plan->filling[member] >= plan->parallel)
            continue;
        if (change->replica_count == VIEW_REPLICAS_MAX)
            return has_changed || plan_make_room(plan, partition, wanted, change);
        plan->filling[member]++;
        change->replicas[change->replica_count++] = plan->view->members[member].id;
        has_changed = true;
    }
    return has_changed;
}

static bool plan_drop(const struct view_partition *partition, const struct wanted *wanted,
                      struct partition_change *change)
{
    for (uint32_t i = partition->replica_count; i-- > 1;) {
        if (!wanted_has(wanted, partition->replicas[i]))
            change_remove(change, i);
    }
    return change->replica_count < partition->replica_count;
}

// The next step of one partition, if there is one that may be taken now.
static bool plan_step(struct plan *plan, uint16_t p, const struct wanted *wanted,
                      struct partition_change *change)
{
    const struct view_partition *partition = &plan->view->partitions[p];
    uint16_t next = wanted->members[0];
    view_change_begin(plan->view, p, change);
    if (partition->handover != VIEW_NO_MEMBER) {
        // Else the primary is about to yield, and wishes so on the partition as it stands.
        change->handover = VIEW_NO_MEMBER;
        return plan->is_suspect[partition->handover] || partition->handover != next;
    }
    if (plan_add(plan, partition, wanted, change))
        return true;
    bool has_all = true;
    bool has_sound = true; // all that could be waited for
    for (uint32_t i = 0; i < wanted->count; i++) {
        uint16_t member = wanted->members[i];
        bool is_sound = is_in_sync(partition, member) && !plan->is_suspect[member];
        has_all = has_all && is_sound;
        has_sound = has_sound && (is_sound || plan->is_suspect[member]);
    }
    if (partition->replicas[0] == next)
        return has_all && plan_drop(partition, wanted, change);
    change->handover = next;
    return has_sound && is_in_sync(partition, next) && !plan->is_suspect[next];
}

uint32_t migration_plan(const struct view *view, const uint16_t *target, const bool *is_suspect,
                        const struct migration_limits *limits, struct partition_change *changes,
                        uint32_t capacity)
{
    CHECK(limits->parallel >= 1);
    struct plan plan = {.view = view, .is_suspect = is_suspect, .parallel = limits->parallel};
    plan.filling = memory_new_array(view->member_count, sizeof *plan.filling);
    plan_count_filling(&plan);
    uint32_t count = 0;
    for (uint32_t copies = 1; copies <= view->replica_count; copies++) {
        for (uint32_t p = 0; p < view->partition_count && count < capacity; p++) {
            const struct view_partition *partition = &view->partitions[p];
            uint32_t sound = sound_count(partition, is_suspect);
            bool is_turn = copies < view->replica_count ? sound == copies : sound >= copies;
            // A suspected primary is to be failed over first.
            if (!is_turn || is_suspect[partition->replicas[0]])
                continue;
            struct wanted wanted = wanted_of(view, target, p);
            count += plan_step(&plan, (uint16_t)p, &wanted, &changes[count]);
        }
    }
    free(plan.filling);
    return count;
}

// ---- Fail-over ----

static void change_fail_over(const struct view *view, uint16_t p, const bool *is_suspect,
                             struct partition_change *change)
{
    const struct view_partition *partition = &view->partitions[p];
    view_change_begin(view, p, change);
    // From the last one, so that places of those still to come stay what they were.
    for (uint32_t i = partition->in_sync_count; i-- > 0;) {
        if (is_suspect[partition->replicas[i]])
            change_shift(change, i, --change->in_sync_count);
    }
    change->moves_primary = is_suspect[partition->replicas[0]];
    bool has_handover = partition->handover != VIEW_NO_MEMBER;
    if (change->moves_primary || (has_handover && is_suspect[partition->handover]))
        change->handover = VIEW_NO_MEMBER;
}

uint32_t migration_fail_over(const struct view *view, const bool *is_suspect,
                             struct partition_change *changes, uint32_t capacity)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < view->partition_count && count < capacity; p++) {
        const struct view_partition *partition = &view->partitions[p];
        uint32_t sound = sound_count(partition, is_suspect);
        if (sound > 0 && sound < partition->in_sync_count)
            change_fail_over(view, (uint16_t)p, is_suspect, &changes[count++]);
    }
    return count;
}

// ---- Wishes ----

bool migration_grant(const struct view *view, const struct wish *wish, uint64_t from_member,
                     struct partition_change *change)
{
    if (wish->partition >= view->partition_count)
        return false;
    const struct view_partition *partition = &view->partitions[wish->partition];
    uint16_t member = view_find_member(view, wish->member_id);
    uint32_t place = view_replica_place(partition, member);
    if (wish->based_on != partition->version || partition->in_sync_count == 0 || place == 0 ||
        place == partition->replica_count ||
        view->members[partition->replicas[0]].id != from_member)
        return false;
    view_change_begin(view, wish->partition, change);
    bool is_in = place < partition->in_sync_count;
    switch (wish->kind) {
    case WISH_ADD:
        change_shift(change, place, partition->in_sync_count);
        change->in_sync_count++;
        return !is_in;
    case WISH_DROP:
        if (is_in)
            change_shift(change, place, --change->in_sync_count);
        if (member == partition->handover)
            change->handover = VIEW_NO_MEMBER;
        return true;
    case WISH_YIELD:
        change_shift(change, place, 0);
        change->moves_primary = true;
        change->handover = VIEW_NO_MEMBER;
        return member == partition->handover;
    }
    return false;
}
