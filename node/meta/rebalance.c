// SPDX-License-Identifier: Apache-2.0
#include "node/meta/leading.h"

// ---- The target ----

// Whether placement would see a difference. Who votes is none.
static bool member_is_placed_alike(const struct view_member *a, const struct view_member *b)
{
    return a->id == b->id && a->role == b->role && a->state == b->state && a->weight == b->weight &&
           strcmp(a->zone, b->zone) == 0;
}

static bool is_placed(const struct leading *leading, const struct view *view)
{
    bool is_alike = leading->placed != NULL && leading->placed_count == view->member_count;
    for (uint32_t i = 0; is_alike && i < view->member_count; i++)
        is_alike = member_is_placed_alike(&leading->placed[i], &view->members[i]);
    return is_alike;
}

void rebalance_aim(struct member *member)
{
    struct leading *leading = member->leading;
    const struct view *view = ledger_view(&member->ledger);
    if (is_placed(leading, view))
        return;
    free(leading->target);
    leading->target = migration_target(view);
    leading->placed_count = view->member_count;
    leading->placed =
        memory_resize_array(leading->placed, view->member_count, sizeof *leading->placed);
    memcpy(leading->placed, view->members, view->member_count * sizeof *leading->placed);
}

// ---- One command for all that is due: the group commit ----

// A partition changes once in a command, since each change is based on what the view says now.
struct batch {
    struct leading *leading;
    const struct view *view;
    uint32_t count; // of leading->changes
};

// Keeps those of `count` changes behind the batch whose partitions it has not touched yet.
static void batch_keep(struct batch *batch, uint32_t count)
{
    struct partition_change *changes = batch->leading->changes;
    uint32_t end = batch->count + count;
    for (uint32_t i = batch->count; i < end; i++) {
        if (batch->leading->is_touched[changes[i].partition])
            continue;
        batch->leading->is_touched[changes[i].partition] = true;
        changes[batch->count++] = changes[i];
    }
}

static uint32_t batch_room(const struct batch *batch)
{
    return batch->view->partition_count - batch->count;
}

static void batch_fail_over(struct batch *batch)
{
    struct leading *leading = batch->leading;
    batch_keep(batch, migration_fail_over(batch->view, leading->is_suspect, leading->changes,
                                          batch_room(batch)));
    for (uint16_t i = 0; batch->count > 0 && i < batch->view->member_count; i++) {
        if (leading->is_suspect[i])
            leading_strike(leading, i);
    }
}

// A suspected member neither comes into sync nor takes over, whatever its primary hears of it.
static bool wish_is_sound(const struct batch *batch, const struct wish *wish)
{
    uint16_t member = view_find_member(batch->view, wish->member_id);
    return wish->kind == WISH_DROP ||
           (member != VIEW_NO_MEMBER && !batch->leading->is_suspect[member]);
}

// What cannot be granted now is wished again with the next heartbeat, if it still makes sense.
static void batch_grant_wishes(struct batch *batch, struct follower *follower)
{
    struct leading *leading = batch->leading;
    for (uint32_t i = 0; i < follower->wish_count && batch_room(batch) > 0; i++) {
        const struct wish *wish = &follower->wishes[i];
        if (wish_is_sound(batch, wish) &&
            migration_grant(batch->view, wish, follower->id, &leading->changes[batch->count]))
            batch_keep(batch, 1);
    }
    follower_drop_wishes(leading, follower);
}

static void batch_migrate(struct batch *batch, uint32_t parallel)
{
    struct leading *leading = batch->leading;
    struct migration_limits limits = {.parallel = parallel};
    if (leading->target != NULL)
        batch_keep(batch, migration_plan(batch->view, leading->target, leading->is_suspect, &limits,
                                         leading->changes + batch->count, batch_room(batch)));
}

bool rebalance_propose(struct member *member)
{
    struct leading *leading = member->leading;
    struct batch batch = {.leading = leading, .view = ledger_view(&member->ledger)};
    leading->plan_due = false;
    memset(leading->is_touched, 0, batch.view->partition_count * sizeof(bool));
    batch_fail_over(&batch);
    for (uint32_t i = 0; i < batch.view->member_count; i++)
        batch_grant_wishes(&batch, &leading->followers[i]);
    batch_migrate(&batch, member->options.migration_parallel);
    if (batch.count == 0)
        return false;
    struct command command = {.kind = COMMAND_PARTITIONS, .change_count = batch.count};
    command.changes = memory_new_array(batch.count, sizeof *command.changes);
    memcpy(command.changes, leading->changes, batch.count * sizeof *command.changes);
    leading->plan_due = !leading_propose(member, &command);
    return !leading->plan_due;
}
