// SPDX-License-Identifier: Apache-2.0
#include "node/meta/leading.h"

#include "cluster/wire/command_codec.h"
#include "cluster/wire/view_codec.h"
#include "node/meta/voters.h"

// ---- Life ----

static struct suspicion *leading_suspicion_new(const struct member *member)
{
    const struct member_options *options = &member->options;
    struct suspicion_options suspicion = {.lease_ms = options->lease_ms,
                                          .suspect_ms = options->suspect_ms,
                                          .remove_ms = options->remove_ms,
                                          .drift_per_mille = options->drift_per_mille};
    return suspicion_new(&suspicion, member->now_ms);
}

struct leading *leading_new(struct member *member)
{
    struct leading *leading = memory_new(sizeof *leading);
    leading->term = raft_term(member->raft);
    leading->ran_ms = leading->beat_ms = member->now_ms;
    leading->suspicion = leading_suspicion_new(member);
    leading->followers = memory_new_array(MEMBERS_MAX, sizeof *leading->followers);
    leading->is_suspect = memory_new_array(MEMBERS_MAX, sizeof *leading->is_suspect);
    return leading;
}

void leading_free(struct leading *leading)
{
    if (leading == NULL)
        return;
    suspicion_free(leading->suspicion);
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        free(leading->followers[i].wishes);
    free(leading->followers);
    free(leading->is_suspect);
    free(leading->target);
    free(leading->placed);
    free(leading->changes);
    free(leading->is_touched);
    buffer_deinit(&leading->encoded_view);
    free(leading);
}

// ---- Followers ----

void follower_drop_wishes(struct leading *leading, struct follower *follower)
{
    leading->wishes_held -= follower->wish_count;
    free(follower->wishes);
    follower->wishes = NULL;
    follower->wish_count = 0;
}

// Servers learn of changes by the log. Other members ask with their heartbeats; those that a change
// concerns cannot wait so long, since they are to serve, or to stop.
static void leading_tell(struct member *member)
{
    const struct leading *leading = member->leading;
    const struct view *view = ledger_view(&member->ledger);
    bool is_concerned[MEMBERS_MAX] = {false};
    for (uint32_t p = 0; p < view->partition_count && leading->seen_version != 0; p++) {
        const struct view_partition *partition = &view->partitions[p];
        for (uint32_t i = 0; i < partition->replica_count; i++) {
            if (partition->version > leading->seen_version)
                is_concerned[partition->replicas[i]] = true;
        }
    }
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        uint64_t known = leading->followers[i].id;
        bool is_gone = known != 0 && view_find_member(view, known) == VIEW_NO_MEMBER;
        if ((is_gone || is_concerned[i]) && known != member->options.self.id &&
            !leading_has_server(member, known))
            leading_send_view(member, known);
    }
}

// The followers become those that the view lists.
static void leading_follow_view(struct member *member)
{
    struct leading *leading = member->leading;
    const struct view *view = ledger_view(&member->ledger);
    if (leading->seen_version == view->version)
        return;
    leading_tell(member);
    leading->seen_version = view->version;
    leading->plan_due = leading->roster_due = true;
    leading->judge_ms = 0;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        struct follower *follower = &leading->followers[i];
        uint64_t id = i < view->member_count ? view->members[i].id : 0;
        if (follower->id == id)
            continue;
        follower_drop_wishes(leading, follower);
        if (follower->id != 0)
            suspicion_forget(leading->suspicion, follower->id);
        // It may have been a member before, under the same id, and hold an old view of that time.
        *follower = (struct follower){.id = id, .floor_version = view->version};
    }
    if (leading->changes == NULL) {
        leading->changes = memory_new_array(view->partition_count, sizeof *leading->changes);
        leading->is_touched = memory_new_array(view->partition_count, sizeof(bool));
    }
    rebalance_aim(member);
}

// Looks at the clock: who is silent for too long.
static void leading_judge(struct member *member)
{
    struct leading *leading = member->leading;
    const struct view *view = ledger_view(&member->ledger);
    if (member->now_ms < leading->judge_ms)
        return;
    for (uint32_t i = 0; i < view->member_count; i++) {
        struct follower *follower = &leading->followers[i];
        enum suspicion_verdict verdict = SUSPICION_ALIVE;
        if (follower->id != 0)
            verdict = suspicion_verdict(leading->suspicion, follower->id, member->now_ms);
        bool is_suspect = verdict != SUSPICION_ALIVE;
        if (is_suspect && !follower->is_suspect)
            member_say(member, true, "%s does not answer: its partitions are given to others",
                       view->members[i].name);
        if (is_suspect != follower->is_suspect)
            leading->plan_due = leading->roster_due = true;
        follower->is_suspect = leading->is_suspect[i] = is_suspect;
        if (verdict != SUSPICION_DEAD)
            follower->dead_since_ms = 0;
        else if (follower->dead_since_ms == 0)
            follower->dead_since_ms = member->now_ms;
    }
    leading->judge_ms = suspicion_deadline_ms(leading->suspicion);
}

// This node slept, or starved: the silence it sees is its own. Everybody counts as heard now, which
// is what a new leader assumes.
static void leading_wake(struct member *member)
{
    struct leading *leading = member->leading;
    uint64_t gap_ms = member->now_ms - leading->ran_ms;
    leading->ran_ms = member->now_ms;
    if (gap_ms <= member->options.suspect_ms / 2)
        return;
    suspicion_free(leading->suspicion);
    leading->suspicion = leading_suspicion_new(member);
    leading->judge_ms = 0;
    leading->floor_version = ledger_view(&member->ledger)->version;
}

// ---- Commands ----

// The one command under way has been applied, or lost its place to another: what it took, the view
// does not show before its present version.
static void leading_settle(struct member *member)
{
    struct leading *leading = member->leading;
    uint64_t version = ledger_view(&member->ledger)->version;
    if (!leading->is_settled) {
        leading->is_settled = raft_is_settled(member->raft);
        leading->floor_version = version;
    }
    if (leading->proposal_index == 0 || raft_applied_index(member->raft) < leading->proposal_index)
        return;
    leading->proposal_index = 0;
    leading->plan_due = leading->roster_due = true;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        struct follower *follower = &leading->followers[i];
        if (!follower->is_struck)
            continue;
        follower->is_struck = false;
        follower->floor_version = version;
    }
}

void leading_strike(struct leading *leading, uint16_t number)
{
    leading->followers[number].is_struck = true;
}

bool leading_propose(struct member *member, struct command *command)
{
    struct leading *leading = member->leading;
    struct buffer encoded = {0};
    uint64_t index;
    command_encode(&encoded, command);
    command_deinit(command);
    enum error error = raft_propose(member->raft, buffer_bytes(&encoded), member->now_ms, &index);
    buffer_deinit(&encoded);
    if (error != ERROR_NONE) {
        for (uint32_t i = 0; i < MEMBERS_MAX; i++)
            leading->followers[i].is_struck = false;
        return false;
    }
    leading->proposal_index = index;
    return true;
}

// ---- Heartbeats ----

// Whether this leader may grant leases at all: no other one can have been elected.
static bool leading_may_grant(const struct member *member)
{
    return member->leading->is_settled && raft_lease_until_ms(member->raft) > member->now_ms;
}

static bool leading_may_forgive(const struct member *member, const struct follower *follower)
{
    const struct leading *leading = member->leading;
    return suspicion_is_back(leading->suspicion, follower->id, member->now_ms) &&
           !follower->is_struck && follower->view_version >= follower->floor_version &&
           follower->view_version >= leading->floor_version;
}

// Whether a heartbeat of this member, just received, is answered with a lease.
static bool leading_grant(struct member *member, uint16_t number, uint32_t stalled_ms)
{
    struct leading *leading = member->leading;
    struct follower *follower = &leading->followers[number];
    follower->heard_ms = member->now_ms;
    bool is_heard = suspicion_heard(leading->suspicion, follower->id, stalled_ms, member->now_ms);
    if (!is_heard && leading->is_settled && leading_may_forgive(member, follower)) {
        suspicion_forgive(leading->suspicion, follower->id, member->now_ms);
        is_heard = suspicion_heard(leading->suspicion, follower->id, stalled_ms, member->now_ms);
        leading->judge_ms = 0;
        if (is_heard)
            member_say(member, false, "%s answers again",
                       ledger_view(&member->ledger)->members[number].name);
    }
    return is_heard && leading_may_grant(member) && !follower->is_struck &&
           follower->view_version >= follower->floor_version &&
           follower->view_version >= leading->floor_version;
}

// Without wishes that were not granted yet a heartbeat would be waited for while a command is under
// way.
static void follower_take_wishes(struct leading *leading, struct follower *follower,
                                 const struct wish *wishes, uint32_t count)
{
    follower_drop_wishes(leading, follower);
    if (count == 0 || leading->wishes_held + count > WISHES_HELD_MAX)
        return;
    follower->wishes = memory_new_array(count, sizeof *wishes);
    memcpy(follower->wishes, wishes, count * sizeof *wishes);
    follower->wish_count = count;
    leading->wishes_held += count;
    leading->plan_due = true;
}

void leading_send_view(struct member *member, uint64_t id)
{
    struct leading *leading = member->leading;
    const struct view *view = ledger_view(&member->ledger);
    if (leading->encoded_version != view->version) {
        buffer_clear(&leading->encoded_view);
        view_write(&leading->encoded_view, view);
        leading->encoded_version = view->version;
    }
    struct meeting message = member_message(member, MEETING_VIEW);
    message.view_version = view->version;
    message.snapshot = buffer_bytes(&leading->encoded_view);
    member_send_to(member, id, &message);
}

bool leading_has_server(const struct member *member, uint64_t id)
{
    const struct raft_configuration *configuration = raft_configuration(member->raft);
    for (uint32_t i = 0; i < configuration->count; i++) {
        if (configuration->servers[i].id == id)
            return true;
    }
    return false;
}

void leading_heard(struct member *member, const struct meeting *message)
{
    struct leading *leading = member->leading;
    const struct view *view = ledger_view(&member->ledger);
    struct meeting reply = member_message(member, MEETING_HEARTBEAT_REPLY);
    reply.sent_ms = message->sent_ms;
    reply.view_version = view->version;
    uint16_t number = view_find_member(view, message->from);
    bool is_behind = message->view_version < view->version;
    if (leading->is_settled && number != VIEW_NO_MEMBER) {
        struct follower *follower = &leading->followers[number];
        // One that was overtaken is answered too, but what it says is old.
        bool is_latest = message->sent_ms > follower->sent_ms;
        if (follower->view_version < message->view_version)
            follower->view_version = message->view_version;
        reply.granted = leading_grant(member, number, message->stalled_ms);
        if (is_latest)
            follower_take_wishes(leading, follower, message->wishes, message->wish_count);
        if (is_latest)
            follower->sent_ms = message->sent_ms;
        is_behind = is_behind && (!leading_has_server(member, message->from) || !reply.granted);
    }
    member_send_to(member, message->from, &reply);
    if (leading->is_settled && is_behind)
        leading_send_view(member, message->from);
}

// The leader hears and answers itself like any member. The only voter cannot be replaced by another
// leader, so its lease has no end while it leads.
static void leading_beat(struct member *member)
{
    struct leading *leading = member->leading;
    uint16_t number = member_number(member);
    if (number == VIEW_NO_MEMBER)
        return;
    bool is_alone = raft_lease_until_ms(member->raft) == UINT64_MAX;
    if (!is_alone && member->heartbeat.lease_until_ms == UINT64_MAX)
        member_set_lease(member, member->now_ms + member->options.lease_ms);
    if (member->now_ms < leading->beat_ms)
        return;
    struct follower *follower = &leading->followers[number];
    follower->view_version = ledger_view(&member->ledger)->version;
    follower_take_wishes(leading, follower, member->heartbeat.wishes, member->heartbeat.wish_count);
    bool granted = leading_grant(member, number, member->heartbeat.stalled_ms);
    uint64_t until_ms = is_alone ? UINT64_MAX : member->now_ms + member->options.lease_ms;
    if (granted && until_ms > member->heartbeat.lease_until_ms)
        member_set_lease(member, until_ms);
    member->heartbeat.lease_term = granted ? leading->term : member->heartbeat.lease_term;
}

// A server that does not know this leader's address cannot answer it: it introduces itself to those
// that it does not hear.
static void leading_introduce(struct member *member)
{
    const struct raft_configuration *configuration = raft_configuration(member->raft);
    struct meeting message = member_message(member, MEETING_WELCOME);
    message.granted = true;
    for (uint32_t i = 0; i < configuration->count; i++) {
        uint64_t id = configuration->servers[i].id;
        uint16_t number = view_find_member(ledger_view(&member->ledger), id);
        uint64_t heard_ms =
            number == VIEW_NO_MEMBER ? 0 : member->leading->followers[number].heard_ms;
        if (heard_ms + 3 * (uint64_t)member->options.heartbeat_ms < member->now_ms)
            member_send_to(member, id, &message);
    }
}

// ---- Running ----

// Members first: what a dead one held is then failed over by its removal, and all that follows
// knows who is there.
static void leading_decide(struct member *member)
{
    struct leading *leading = member->leading;
    if (leading->roster_due)
        voters_run(member);
    if (leading->proposal_index != 0 || raft_role(member->raft) != RAFT_LEADER)
        return;
    bool is_due = leading->roster_due;
    leading->roster_due = false;
    if (is_due && roster_propose(member))
        return;
    if (leading->plan_due)
        rebalance_propose(member);
}

void leading_run(struct member *member)
{
    struct leading *leading = member->leading;
    bool is_beat = member->now_ms >= leading->beat_ms;
    leading_wake(member);
    leading_settle(member);
    if (is_beat)
        leading_introduce(member);
    if (leading->is_settled) {
        leading->roster_due = leading->roster_due || is_beat;
        leading_follow_view(member);
        leading_beat(member);
        leading_judge(member);
        leading_decide(member);
    }
    if (is_beat)
        leading->beat_ms = member->now_ms + member->options.heartbeat_ms;
}

void leading_hurry(struct leading *leading)
{
    leading->beat_ms = leading->ran_ms;
}

uint64_t leading_deadline_ms(const struct member *member)
{
    const struct leading *leading = member->leading;
    if (leading == NULL)
        return UINT64_MAX;
    return leading->judge_ms > 0 && leading->judge_ms < leading->beat_ms ? leading->judge_ms
                                                                         : leading->beat_ms;
}
