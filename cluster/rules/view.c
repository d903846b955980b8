// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/view.h"

#include "cluster/rules/ring.h"

static_assert(VIEW_NO_MEMBER >= MEMBERS_MAX, "no number of a member means nobody");

// ---- What a valid view is ----

static bool text_ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static const char *member_fault(const struct view_member *member)
{
    if (!text_ends(member->name, sizeof member->name) || member->name[0] == '\0')
        return "a member's name is empty or too long";
    if (!text_ends(member->host, sizeof member->host) || member->host[0] == '\0' ||
        member->port == 0)
        return "a member's address is incomplete";
    if (!text_ends(member->zone, sizeof member->zone))
        return "the name of a member's zone is too long";
    if (member->weight < 1 || member->weight > RING_WEIGHT_MAX)
        return "a member's weight is out of range";
    if ((member->role != MEMBER_DATA && member->role != MEMBER_WITNESS) ||
        (member->state != MEMBER_ACTIVE && member->state != MEMBER_LEAVING))
        return "a member's role or state is unknown";
    return NULL;
}

// Two members that could not be told apart, by us or by who wants to reach them.
static bool members_clash(const struct view_member *a, const struct view_member *b)
{
    return a->id == b->id || strcmp(a->name, b->name) == 0 ||
           (a->port == b->port && strcmp(a->host, b->host) == 0);
}

static const char *members_fault(const struct view *view)
{
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (view->members[i].id == 0)
            continue;
        const char *fault = member_fault(&view->members[i]);
        if (fault != NULL)
            return fault;
        for (uint32_t j = 0; j < i; j++) {
            if (view->members[j].id != 0 && members_clash(&view->members[i], &view->members[j]))
                return "two members have the same id, name or address";
        }
    }
    return NULL;
}

static bool may_hold_data(const struct view *view, uint16_t member)
{
    return member < view->member_count && view->members[member].id != 0 &&
           view->members[member].role == MEMBER_DATA;
}

// Of the replicas by themselves: everything but the partition's epoch and version.
static const char *replicas_fault(const struct view *view, const struct view_partition *it)
{
    if (it->replica_count > VIEW_REPLICAS_MAX || it->in_sync_count > it->replica_count)
        return "a partition has too many replicas, or more in sync than there are";
    for (uint32_t i = 0; i < it->replica_count; i++) {
        if (!may_hold_data(view, it->replicas[i]))
            return "a replica is on no member, or on a witness";
        for (uint32_t j = 0; j < i; j++) {
            if (it->replicas[j] == it->replicas[i])
                return "a member holds a partition twice";
        }
    }
    if (it->handover == VIEW_NO_MEMBER)
        return NULL;
    uint32_t place = view_replica_place(it, it->handover);
    if (place == 0 || place >= it->in_sync_count)
        return "a handover is not to a backup in sync";
    return NULL;
}

static const char *partitions_fault(const struct view *view)
{
    for (uint32_t i = 0; i < view->partition_count; i++) {
        const struct view_partition *it = &view->partitions[i];
        if (it->epoch < 1)
            return "a partition has no epoch";
        if (it->version > view->version)
            return "a partition is newer than the view";
        const char *fault = replicas_fault(view, it);
        if (fault != NULL)
            return fault;
    }
    return NULL;
}

static const char *settings_fault(const struct view *view)
{
    if (view->member_count > MEMBERS_MAX)
        return "there are too many members";
    if (view->partition_count < 1 || view->partition_count > PARTITIONS_MAX)
        return "the number of partitions is out of range";
    if (view->replica_count < 1 || view->replica_count > REPLICAS_MAX)
        return "the number of backups is out of range";
    if (view->min_in_sync < 1 || view->min_in_sync > view->replica_count)
        return "min-in-sync is out of range";
    return NULL;
}

const char *view_fault(const struct view *view)
{
    if (view->grid_id == 0) {
        bool is_empty = view->member_count == 0 && view->partition_count == 0;
        return is_empty ? NULL : "there are members or partitions, but no grid";
    }
    const char *fault = settings_fault(view);
    if (fault == NULL)
        fault = members_fault(view);
    if (fault == NULL)
        fault = partitions_fault(view);
    return fault;
}

void view_check(const struct view *view)
{
    CHECK(view_fault(view) == NULL);
}

// ---- What commands do ----

static enum error apply_create(struct view *view, uint64_t index, struct command *command)
{
    struct view *created = command->created;
    if (view->grid_id != 0)
        return ERROR_EXISTS;
    if (created == NULL || created->grid_id == 0 || view->member_count != 0)
        return ERROR_INVALID_ARGUMENT;
    created->version = index;
    for (uint32_t i = 0; i < created->partition_count; i++)
        created->partitions[i].version = index;
    if (view_fault(created) != NULL)
        return ERROR_INVALID_ARGUMENT;
    view_deinit(view);
    *view = *created;
    *created = (struct view){0};
    return ERROR_NONE;
}

static enum error apply_add_member(struct view *view, const struct view_member *member)
{
    if (member->id == 0 || member_fault(member) != NULL)
        return ERROR_INVALID_ARGUMENT;
    uint32_t place = view->member_count;
    for (uint32_t i = view->member_count; i-- > 0;) {
        if (view->members[i].id == 0)
            place = i;
        else if (members_clash(&view->members[i], member))
            return ERROR_EXISTS;
    }
    if (place == MEMBERS_MAX)
        return ERROR_TOO_LARGE;
    if (place == view->member_count) {
        view->members =
            memory_resize_array(view->members, ++view->member_count, sizeof *view->members);
    }
    view->members[place] = *member;
    view->members[place].is_voter = false; // until a configuration says so
    return ERROR_NONE;
}

// The replica at `place` is gone. The next one in sync, if any, becomes what it was.
static void partition_lose(struct view_partition *partition, uint32_t place)
{
    bool is_in_sync = place < partition->in_sync_count;
    if (is_in_sync)
        partition->in_sync_count--;
    bool moves_primary = place == 0 && is_in_sync;
    // A handover that begins anew is cheap; one to nobody, or from nobody, would stay for ever.
    if (moves_primary || partition->handover == partition->replicas[place])
        partition->handover = VIEW_NO_MEMBER;
    if (moves_primary && partition->in_sync_count > 0)
        partition->epoch++;
    partition->replica_count--;
    for (uint32_t i = place; i < partition->replica_count; i++)
        partition->replicas[i] = partition->replicas[i + 1];
    partition->replicas[partition->replica_count] = 0;
}

static enum error apply_remove_member(struct view *view, uint64_t index, uint64_t member_id)
{
    uint16_t member = view_find_member(view, member_id);
    if (member == VIEW_NO_MEMBER)
        return ERROR_NOT_FOUND;
    for (uint32_t i = 0; i < view->partition_count; i++) {
        struct view_partition *partition = &view->partitions[i];
        uint32_t place = view_replica_place(partition, member);
        if (place == partition->replica_count)
            continue;
        partition_lose(partition, place);
        partition->version = index;
    }
    view->members[member] = (struct view_member){0};
    return ERROR_NONE;
}

static enum error apply_set_state(struct view *view, uint64_t member_id, enum member_state state)
{
    uint16_t member = view_find_member(view, member_id);
    if (member == VIEW_NO_MEMBER)
        return ERROR_NOT_FOUND;
    if (state != MEMBER_ACTIVE && state != MEMBER_LEAVING)
        return ERROR_INVALID_ARGUMENT;
    view->members[member].state = state;
    return ERROR_NONE;
}

// The partition as the change would have it. False: the change is void.
static bool change_outcome(const struct view *view, const struct partition_change *change,
                           struct view_partition *outcome)
{
    const struct view_partition *now = &view->partitions[change->partition];
    if (change->based_on != now->version || change->replica_count > VIEW_REPLICAS_MAX ||
        change->in_sync_count < 1 || change->in_sync_count > change->replica_count)
        return false;
    *outcome = (struct view_partition){
        .epoch = now->epoch + (change->moves_primary ? 1 : 0),
        .replica_count = change->replica_count,
        .in_sync_count = change->in_sync_count,
        .handover = change->handover,
    };
    for (uint32_t i = 0; i < change->replica_count; i++)
        outcome->replicas[i] = view_find_member(view, change->replicas[i]);
    if (replicas_fault(view, outcome) != NULL)
        return false;
    if (change->moves_primary)
        return view_replica_place(now, outcome->replicas[0]) < now->in_sync_count;
    return outcome->replicas[0] == view_primary(view, change->partition);
}

static enum error apply_partitions(struct view *view, uint64_t index, const struct command *command)
{
    bool has_changed = false;
    for (uint32_t i = 0; i < command->change_count; i++) {
        const struct partition_change *change = &command->changes[i];
        struct view_partition outcome;
        if (change->partition >= view->partition_count || !change_outcome(view, change, &outcome))
            continue;
        outcome.version = index;
        view->partitions[change->partition] = outcome;
        has_changed = true;
    }
    return has_changed ? ERROR_NONE : ERROR_VERSION_MISMATCH;
}

static enum error apply(struct view *view, uint64_t index, struct command *command)
{
    if (command->kind != COMMAND_CREATE && view->grid_id == 0)
        return ERROR_INVALID_ARGUMENT;
    switch (command->kind) {
    case COMMAND_CREATE:
        return apply_create(view, index, command);
    case COMMAND_ADD_MEMBER:
        return apply_add_member(view, &command->member);
    case COMMAND_REMOVE_MEMBER:
        return apply_remove_member(view, index, command->member_id);
    case COMMAND_SET_STATE:
        return apply_set_state(view, command->member_id, command->state);
    case COMMAND_PARTITIONS:
        return apply_partitions(view, index, command);
    }
    return ERROR_UNKNOWN_OPERATION;
}

enum error view_apply(struct view *view, uint64_t index, struct command *command)
{
    CHECK(index > view->version);
    enum error error = apply(view, index, command);
    if (error == ERROR_NONE)
        view->version = index;
    // Comparing all members with each other is for when they have changed.
    if (error == ERROR_NONE && command->kind == COMMAND_PARTITIONS)
        CHECK(partitions_fault(view) == NULL);
    else if (error == ERROR_NONE)
        view_check(view);
    return error;
}

void view_apply_configuration(struct view *view, uint64_t index,
                              const struct raft_configuration *configuration)
{
    bool has_changed = false;
    for (uint32_t i = 0; i < view->member_count; i++) {
        struct view_member *member = &view->members[i];
        bool is_voter = false;
        for (uint32_t j = 0; member->id != 0 && j < configuration->count; j++) {
            if (configuration->servers[j].id == member->id)
                is_voter = configuration->servers[j].is_voter;
        }
        has_changed = has_changed || is_voter != member->is_voter;
        member->is_voter = is_voter;
    }
    // A snapshot may bring a configuration older than the view that stands in it.
    if (has_changed && index > view->version)
        view->version = index;
}

void view_change_begin(const struct view *view, uint16_t partition, struct partition_change *change)
{
    CHECK(partition < view->partition_count);
    const struct view_partition *it = &view->partitions[partition];
    *change = (struct partition_change){
        .partition = partition,
        .based_on = it->version,
        .replica_count = it->replica_count,
        .in_sync_count = it->in_sync_count,
        .handover = it->handover,
    };
    for (uint32_t i = 0; i < it->replica_count; i++)
        change->replicas[i] = view->members[it->replicas[i]].id;
}
