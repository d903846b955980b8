// SPDX-License-Identifier: Apache-2.0
#include "node/meta/leading.h"

#include "node/meta/admission.h"

// A dead member that alone holds a partition is waited for so many times longer.
enum { LAST_COPY_PATIENCE = 10, JOINER_SILENT_HEARTBEATS = 25 };

// ---- Removals ----

// Partitions of which the member holds the only copy in sync.
static uint32_t lone_count(const struct view *view, uint16_t number)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->partition_count; i++) {
        const struct view_partition *partition = &view->partitions[i];
        count += partition->in_sync_count == 1 && partition->replicas[0] == number;
    }
    return count;
}

static bool has_replicas(const struct view *view, uint16_t number)
{
    for (uint32_t i = 0; i < view->partition_count; i++) {
        const struct view_partition *partition = &view->partitions[i];
        if (partition->in_sync_count > 0 &&
            view_replica_place(partition, number) < partition->replica_count)
            return true;
    }
    return false;
}

static bool same_address(const struct view_member *a, const struct view_member *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

// The joiner that wants this member's place: the same node, started again.
static const struct joiner *roster_heir(const struct leading *leading,
                                        const struct view_member *member)
{
    for (uint32_t i = 0; i < leading->joiner_count; i++) {
        const struct view_member *joiner = &leading->joiners[i].member;
        if (strcmp(joiner->name, member->name) == 0 || same_address(joiner, member))
            return &leading->joiners[i];
    }
    return NULL;
}

static bool roster_remove(struct member *member, uint16_t number)
{
    const struct view_member *gone = &ledger_view(&member->ledger)->members[number];
    struct command command = {.kind = COMMAND_REMOVE_MEMBER, .member_id = gone->id};
    leading_strike(member->leading, number);
    return leading_propose(member, &command);
}

// Suspected at least, so all its leases are over. No server of the consensus any more: who learns
// that it was removed starts over, and a voter's log with it would be lost while it still counts. A
// member that alone holds a partition may still come back with it, unless the same node has started
// again without its memory.
static bool roster_may_remove(const struct member *member, uint16_t number, uint32_t lone)
{
    const struct leading *leading = member->leading;
    const struct follower *follower = &leading->followers[number];
    const struct view_member *subject = &ledger_view(&member->ledger)->members[number];
    const struct joiner *heir = roster_heir(leading, subject);
    if (!follower->is_suspect || leading_has_server(member, subject->id))
        return false;
    if (lone == 0)
        return heir != NULL || follower->dead_since_ms != 0;
    if (heir != NULL && same_address(&heir->member, subject))
        return true;
    uint64_t patience_ms = (uint64_t)LAST_COPY_PATIENCE * member->options.remove_ms;
    return follower->dead_since_ms != 0 && member->now_ms - follower->dead_since_ms >= patience_ms;
}

static bool roster_remove_silent(struct member *member)
{
    const struct view *view = ledger_view(&member->ledger);
    for (uint16_t number = 0; number < view->member_count; number++) {
        if (!member->leading->followers[number].is_suspect)
            continue;
        uint32_t lone = lone_count(view, number);
        if (!roster_may_remove(member, number, lone))
            continue;
        if (lone > 0)
            member_say(member, true,
                       "DATA LOSS: %s is removed as dead, and it alone held %u partitions",
                       view->members[number].name, lone);
        else
            member_say(member, true, "%s is removed as dead", view->members[number].name);
        return roster_remove(member, number);
    }
    return false;
}

// ---- Leaves ----

static bool roster_let_go(struct member *member)
{
    struct leading *leading = member->leading;
    const struct view *view = ledger_view(&member->ledger);
    for (uint16_t number = 0; number < view->member_count; number++) {
        const struct view_member *subject = &view->members[number];
        if (subject->id == 0)
            continue;
        if (subject->state == MEMBER_LEAVING && !leading_has_server(member, subject->id) &&
            !has_replicas(view, number)) {
            member_say(member, false, "%s has left", subject->name);
            return roster_remove(member, number);
        }
        if (!leading->followers[number].leave_due)
            continue;
        leading->followers[number].leave_due = false;
        if (subject->state == MEMBER_LEAVING)
            continue;
        member_say(member, false, "%s is leaving", subject->name);
        struct command command = {
            .kind = COMMAND_SET_STATE, .member_id = subject->id, .state = MEMBER_LEAVING};
        return leading_propose(member, &command);
    }
    return false;
}

// ---- Joins ----

static void roster_drop_joiner(struct leading *leading, uint32_t place)
{
    leading->joiners[place] = leading->joiners[--leading->joiner_count];
}

static void roster_refuse(struct member *member, uint32_t place, const char *text)
{
    struct member_address to = address_of(&member->leading->joiners[place].member);
    member_say(member, true, "%s may not join: %s", member->leading->joiners[place].member.name,
               text);
    member_refuse(member, &to, text);
    roster_drop_joiner(member->leading, place);
}

static void roster_welcome(struct member *member, uint64_t id)
{
    struct meeting message = member_message(member, MEETING_WELCOME);
    message.granted = true;
    member_send_to(member, id, &message);
    leading_send_view(member, id);
}

// Those that are in the view by now, and those that are silent, are no joiners any more.
static void roster_sift_joiners(struct member *member)
{
    struct leading *leading = member->leading;
    const struct view *view = ledger_view(&member->ledger);
    uint64_t silent_ms = (uint64_t)JOINER_SILENT_HEARTBEATS * member->options.heartbeat_ms;
    for (uint32_t i = leading->joiner_count; i-- > 0;) {
        const struct joiner *joiner = &leading->joiners[i];
        bool is_in = view_find_member(view, joiner->member.id) != VIEW_NO_MEMBER;
        if (is_in)
            roster_welcome(member, joiner->member.id);
        if (is_in || member->now_ms - joiner->heard_ms > silent_ms)
            roster_drop_joiner(leading, i);
    }
}

// A node that starts again comes sooner than its old self is suspected: until then nobody can tell
// it from one that took a name by mistake.
static bool joiner_has_waited(const struct member *member, const struct joiner *joiner)
{
    return member->now_ms - joiner->since_ms > 2 * (uint64_t)member->options.suspect_ms;
}

static bool roster_add(struct member *member)
{
    struct leading *leading = member->leading;
    const struct view *view = ledger_view(&member->ledger);
    for (uint32_t i = leading->joiner_count; i-- > 0;) {
        const struct joiner *joiner = &leading->joiners[i];
        char text[MEETING_TEXT_BYTES_MAX];
        uint16_t holder = admission_holder(view, &joiner->member, text);
        if (holder != VIEW_NO_MEMBER) {
            if (joiner_has_waited(member, joiner) && !leading->followers[holder].is_suspect)
                roster_refuse(member, i, text);
            continue;
        }
        if (!admission_has_room(view, text)) {
            roster_refuse(member, i, text);
            continue;
        }
        struct command command = {.kind = COMMAND_ADD_MEMBER, .member = joiner->member};
        command.member.state = MEMBER_ACTIVE;
        command.member.is_voter = false;
        member_say(member, false, "%s joins", joiner->member.name);
        return leading_propose(member, &command);
    }
    return false;
}

void leading_join(struct member *member, const struct meeting *message)
{
    struct leading *leading = member->leading;
    if (view_find_member(ledger_view(&member->ledger), message->from) != VIEW_NO_MEMBER) {
        roster_welcome(member, message->from);
        return;
    }
    struct joiner *joiner = NULL;
    for (uint32_t i = 0; i < leading->joiner_count; i++) {
        if (leading->joiners[i].member.id == message->from)
            joiner = &leading->joiners[i];
    }
    if (joiner == NULL && leading->joiner_count < JOINERS_MAX) {
        joiner = &leading->joiners[leading->joiner_count++];
        *joiner = (struct joiner){.member = message->sender, .since_ms = member->now_ms};
        leading->roster_due = true;
    }
    if (joiner != NULL)
        joiner->heard_ms = member->now_ms;
}

void leading_leave(struct member *member, uint64_t subject)
{
    struct leading *leading = member->leading;
    const struct view *view = ledger_view(&member->ledger);
    uint16_t number = view_find_member(view, subject);
    char text[MEETING_TEXT_BYTES_MAX];
    if (!leading->is_settled || number == VIEW_NO_MEMBER ||
        !admission_may_leave(view, number, text))
        return;
    leading->followers[number].leave_due = true;
    leading->roster_due = true;
}

bool roster_propose(struct member *member)
{
    roster_sift_joiners(member);
    return roster_remove_silent(member) || roster_let_go(member) || roster_add(member);
}
