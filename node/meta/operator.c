// SPDX-License-Identifier: Apache-2.0
// What an operator asks of a member: to leave, to go on without a majority, to tell what it knows.
#include "node/meta/admission.h"
#include "node/meta/leading.h"

#include "cluster/rules/view.h"
#include "cluster/wire/view_codec.h"

#include <stdio.h>

// ---- Leaving ----

static bool member_ask_to_leave(struct member *member, uint64_t subject, char *text)
{
    for (uint32_t i = 0; i < member->departure_count; i++) {
        if (member->departures[i].subject == subject)
            return true;
    }
    if (member->departure_count == DEPARTURES_MAX) {
        snprintf(text, MEETING_TEXT_BYTES_MAX,
                 "%d leaves are under way already: try again when they are done", DEPARTURES_MAX);
        return false;
    }
    member->departures[member->departure_count++] =
        (struct departure){.subject = subject,
                           .due_ms = member->now_ms,
                           .until_ms = member->now_ms + member->options.leave_ms};
    return true;
}

static bool view_has_others(const struct view *view, uint16_t number)
{
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (i != number && view->members[i].id != 0)
            return true;
    }
    return false;
}

bool member_leave(struct member *member, char *text, uint64_t now_ms)
{
    member_set_clock(member, now_ms);
    const struct view *view = ledger_view(&member->ledger);
    uint16_t number = member_number(member);
    text[0] = '\0';
    if (member->phase == MEMBER_GONE || member->phase == MEMBER_REFUSED)
        return true;
    if (member->phase == MEMBER_SEEKING) {
        member_end(member, MEMBER_GONE);
        return true;
    }
    if (!admission_may_leave(view, number, text))
        return false;
    if (!view_has_others(view, number)) {
        snprintf(text, MEETING_TEXT_BYTES_MAX, "the last member has left: the grid has ended");
        member_say(member, false, "%s", text);
        member_end(member, MEMBER_GONE);
        return true;
    }
    if (!member_ask_to_leave(member, member->options.self.id, text))
        return false;
    member->phase = MEMBER_DEPARTING;
    if (member->leave_until_ms == 0)
        member->leave_until_ms = member->now_ms + member->options.leave_ms;
    return true;
}

enum error member_leave_other(struct member *member, const char *name, char *text, uint64_t now_ms)
{
    member_set_clock(member, now_ms);
    const struct view *view = ledger_view(&member->ledger);
    text[0] = '\0';
    for (uint16_t number = 0; number < view->member_count; number++) {
        if (view->members[number].id == 0 || strcmp(view->members[number].name, name) != 0)
            continue;
        if (view->members[number].id == member->options.self.id)
            return member_leave(member, text, now_ms) ? ERROR_NONE : ERROR_INVALID_ARGUMENT;
        if (!admission_may_leave(view, number, text))
            return ERROR_INVALID_ARGUMENT;
        return member_ask_to_leave(member, view->members[number].id, text) ? ERROR_NONE
                                                                           : ERROR_OVERLOADED;
    }
    snprintf(text, MEETING_TEXT_BYTES_MAX, "no member is called %.*s", NODE_NAME_BYTES_MAX, name);
    return ERROR_NOT_FOUND;
}

// ---- Recovery ----

// The partition is this member's alone; what it has of it, it has. Returns whether it may lack
// what was acknowledged.
static bool partition_recover(struct view_partition *partition, uint16_t number, uint64_t version)
{
    bool is_stale = view_replica_place(partition, number) >= partition->in_sync_count;
    if (is_stale)
        partition->epoch++;
    partition->version = version;
    partition->replicas[0] = number;
    partition->replica_count = partition->in_sync_count = 1;
    partition->handover = VIEW_NO_MEMBER;
    return is_stale;
}

// The view without anybody else. Returns how many partitions may have lost something.
static uint32_t view_recover(struct view *view, uint64_t self, uint64_t version)
{
    uint32_t stale_count = 0;
    uint64_t step = view->version;
    for (uint32_t i = 0; i < view->member_count; i++) {
        struct command command = {.kind = COMMAND_REMOVE_MEMBER, .member_id = view->members[i].id};
        if (command.member_id != 0 && command.member_id != self)
            CHECK(view_apply(view, ++step, &command) == ERROR_NONE);
    }
    uint16_t number = view_find_member(view, self);
    for (uint32_t i = 0; i < view->partition_count; i++)
        stale_count += partition_recover(&view->partitions[i], number, version);
    view->members[number].state = MEMBER_ACTIVE;
    view->version = version;
    return stale_count;
}

static bool member_has_leader(const struct member *member)
{
    uint64_t silent_ms = member->now_ms - member->heartbeat.answered_ms;
    return raft_leader(member->raft) != 0 || member->heartbeat.lease_until_ms > member->now_ms ||
           (member->heartbeat.leader != 0 && silent_ms < member->options.suspect_ms);
}

static bool member_may_recover(const struct member *member, char *text)
{
    const char *objection = NULL;
    if (member->phase != MEMBER_JOINED && member->phase != MEMBER_DEPARTING)
        objection = "this node is in no grid: there is nothing to recover";
    else if (member_has_leader(member))
        objection = "the grid has a leader: there is nothing to recover from";
    else if (member->options.self.role == MEMBER_WITNESS)
        objection = "this node is a witness and holds no data: recover on a node that does";
    if (objection != NULL)
        snprintf(text, MEETING_TEXT_BYTES_MAX, "%s", objection);
    return objection == NULL;
}

// Raft starts anew, in a term and at an index that nobody has seen: what shards and clients know as
// a version keeps growing.
enum error member_recover(struct member *member, char *text, uint64_t now_ms)
{
    member_set_clock(member, now_ms);
    if (!member_may_recover(member, text))
        return ERROR_INVALID_ARGUMENT;
    uint64_t self = member->options.self.id;
    struct view view;
    struct buffer data = {0};
    view_copy(&view, ledger_view(&member->ledger));
    uint64_t last_index = raft_last_index(member->raft);
    // Each removal takes a version.
    uint64_t version = (view.version > last_index ? view.version : last_index) + MEMBERS_MAX;
    uint32_t stale_count = view_recover(&view, self, version);
    view.grid_id = random_next(&member->random) | 1;
    view_write(&data, &view);
    struct raft_snapshot snapshot = {.index = version,
                                     .term = raft_term(member->raft) + 1,
                                     .configuration = {.count = 1, .servers = {{self, true}}},
                                     .configuration_index = version,
                                     .data = buffer_bytes(&data)};
    member_restart(member, &snapshot);
    snprintf(text, MEETING_TEXT_BYTES_MAX,
             "this node is a grid of its own now; %u of %u partitions may have lost acknowledged "
             "writes. Restart all other nodes, so that they join it",
             stale_count, view.partition_count);
    member_say(member, true, "RECOVERED BY FORCE: %s", text);
    buffer_deinit(&data);
    view_deinit(&view);
    return ERROR_NONE;
}

// ---- Status ----

static void status_of_leader(const struct member *member, struct member_status *status)
{
    const struct leading *leading = member->leading;
    const struct view *view = ledger_view(&member->ledger);
    status->is_leader = true;
    status->leader = status->id;
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct follower *follower = &leading->followers[i];
        if (follower->id != 0 && follower->is_suspect && status->suspect_count < MEETING_SEEN_MAX)
            status->suspects[status->suspect_count++] = follower->id;
    }
    if (leading->target == NULL || leading->seen_version != view->version)
        return;
    struct migration_progress progress = migration_progress(view, leading->target);
    status->to_fill = progress.to_fill;
    status->filling = progress.filling;
    status->to_hand_over = progress.to_hand_over;
    status->to_drop = progress.to_drop;
}

void member_status(const struct member *member, struct member_status *status)
{
    uint64_t raft_now = raft_term(member->raft);
    bool raft_knows = raft_leader(member->raft) != 0;
    *status = (struct member_status){
        .phase = member->phase,
        .id = member->options.self.id,
        .term = raft_now > member->heartbeat.leader_term ? raft_now : member->heartbeat.leader_term,
        .leader = raft_knows ? raft_leader(member->raft) : member->heartbeat.leader,
        .commit_index = raft_commit_index(member->raft),
        .view_version = ledger_view(&member->ledger)->version,
        .lease_until_ms = member->heartbeat.lease_until_ms,
        .configuration = *raft_configuration(member->raft),
    };
    if (!leading_has_server(member, status->id))
        status->configuration.count = 0;
    if (member->leading != NULL)
        status_of_leader(member, status);
}

// ---- Check ----

static void leading_check(const struct member *member)
{
    const struct leading *leading = member->leading;
    uint32_t wishes_held = 0;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        const struct follower *follower = &leading->followers[i];
        wishes_held += follower->wish_count;
        CHECK(follower->id != 0 || follower->wish_count == 0);
        CHECK(follower->is_suspect || follower->dead_since_ms == 0);
        CHECK(!follower->is_struck || leading->proposal_index != 0);
    }
    CHECK(wishes_held == leading->wishes_held);
    CHECK(wishes_held <= WISHES_HELD_MAX);
    CHECK(leading->joiner_count <= JOINERS_MAX);
    CHECK(leading->term == raft_term(member->raft));
}

void member_check(const struct member *member)
{
    bool is_in_grid = member->phase == MEMBER_JOINED || member->phase == MEMBER_DEPARTING;
    const struct view *view = ledger_view(&member->ledger);
    view_check(view);
    CHECK(is_in_grid || member->heartbeat.lease_until_ms == 0);
    CHECK(!is_in_grid || member_number(member) != VIEW_NO_MEMBER);
    CHECK(is_in_grid || member->leading == NULL || member->phase == MEMBER_SEEKING);
    CHECK(member->phase != MEMBER_SEEKING || member->seeking != NULL);
    CHECK(member->heartbeat.lease_until_ms != UINT64_MAX || member->leading != NULL);
    CHECK(member->told_version <= view->version);
    CHECK(member->departure_count <= DEPARTURES_MAX);
    if (is_in_grid)
        CHECK((raft_role(member->raft) == RAFT_LEADER) == (member->leading != NULL));
    if (member->leading != NULL)
        leading_check(member);
}
