// SPDX-License-Identifier: Apache-2.0
#include "node/meta/heartbeat.h"

#include "node/meta/leading.h"

// A leader that has not answered for so many heartbeats may lead no more.
enum { HEARTBEATS_UNANSWERED_MAX = 3 };

void heartbeat_deinit(struct heartbeat *heartbeat)
{
    free(heartbeat->wishes);
    *heartbeat = (struct heartbeat){0};
}

// ---- Who leads ----

static void heartbeat_set_leader(struct member *member, uint64_t leader, uint64_t term)
{
    struct heartbeat *heartbeat = &member->heartbeat;
    if (term < heartbeat->leader_term)
        return;
    bool is_new = leader != heartbeat->leader || term != heartbeat->leader_term;
    heartbeat->leader = leader;
    heartbeat->leader_term = term;
    if (is_new && leader != 0) {
        heartbeat->answered_ms = member->now_ms;
        heartbeat_hurry(member);
    }
}

static void heartbeat_ask_raft(struct member *member)
{
    uint64_t leader = raft_leader(member->raft);
    if (leader != 0)
        heartbeat_set_leader(member, leader, raft_term(member->raft));
}

void heartbeat_note_leader(struct member *member, const struct meeting *message)
{
    struct heartbeat *heartbeat = &member->heartbeat;
    if (message->leader_member.id != 0 && message->leader_member.id == message->leader)
        contacts_note(&member->contacts, &message->leader_member, message->grid_id, member->now_ms);
    if (message->leader != 0)
        heartbeat_set_leader(member, message->leader, message->term);
    else if (message->from == heartbeat->leader && message->term >= heartbeat->leader_term)
        heartbeat_set_leader(member, 0, message->term);
}

// ---- Sending ----

static struct meeting heartbeat_message(const struct member *member)
{
    const struct heartbeat *heartbeat = &member->heartbeat;
    struct meeting message = member_message(member, MEETING_HEARTBEAT);
    message.sent_ms = member->now_ms;
    message.stalled_ms = heartbeat->stalled_ms;
    message.view_version = ledger_view(&member->ledger)->version;
    message.wishes = heartbeat->wishes;
    message.wish_count = heartbeat->wish_count;
    return message;
}

// One member after the other is asked who leads.
static void heartbeat_ask_around(struct member *member, const struct meeting *message)
{
    struct heartbeat *heartbeat = &member->heartbeat;
    const struct view *view = ledger_view(&member->ledger);
    for (uint32_t tries = 0; tries < view->member_count; tries++) {
        uint32_t number = heartbeat->ask_next++ % view->member_count;
        const struct view_member *asked = &view->members[number];
        if (asked->id == 0 || asked->id == member->options.self.id ||
            asked->id == heartbeat->leader)
            continue;
        member_send_to(member, asked->id, message);
        return;
    }
}

void heartbeat_tick(struct member *member)
{
    struct heartbeat *heartbeat = &member->heartbeat;
    heartbeat_ask_raft(member);
    if (member->now_ms < heartbeat->due_ms || member->leading != NULL)
        return;
    // No two in a millisecond: their order tells which wishes are the newer ones.
    if (heartbeat->sent_ms == member->now_ms) {
        heartbeat->due_ms = member->now_ms + 1;
        return;
    }
    heartbeat->sent_ms = member->now_ms;
    heartbeat->due_ms = member->now_ms + member->options.heartbeat_ms;
    struct meeting message = heartbeat_message(member);
    bool is_known = heartbeat->leader != 0 && heartbeat->leader != member->options.self.id;
    if (is_known)
        member_send_to(member, heartbeat->leader, &message);
    uint64_t silent_ms = member->now_ms - heartbeat->answered_ms;
    if (!is_known || silent_ms > (uint64_t)HEARTBEATS_UNANSWERED_MAX * member->options.heartbeat_ms)
        heartbeat_ask_around(member, &message);
}

uint64_t heartbeat_deadline_ms(const struct member *member)
{
    return member->leading != NULL ? UINT64_MAX : member->heartbeat.due_ms;
}

void heartbeat_hurry(struct member *member)
{
    member->heartbeat.due_ms = member->now_ms;
    if (member->leading != NULL)
        leading_hurry(member->leading);
}

// ---- Answers ----

// Only of the same or a later leadership: what an earlier one granted is not prolonged by it.
static void heartbeat_take_lease(struct member *member, const struct meeting *message)
{
    struct heartbeat *heartbeat = &member->heartbeat;
    if (message->term < heartbeat->lease_term || message->sent_ms > member->now_ms)
        return;
    heartbeat->lease_term = message->term;
    uint64_t until_ms = message->sent_ms + member->options.lease_ms;
    if (until_ms > heartbeat->lease_until_ms)
        member_set_lease(member, until_ms);
}

void heartbeat_answered(struct member *member, const struct meeting *message)
{
    struct heartbeat *heartbeat = &member->heartbeat;
    heartbeat_note_leader(member, message);
    if (message->from != message->leader || message->from != heartbeat->leader)
        return;
    heartbeat->answered_ms = member->now_ms;
    heartbeat->is_refused = !message->granted;
    if (message->granted && member_number(member) != VIEW_NO_MEMBER)
        heartbeat_take_lease(member, message);
}

// ---- Wishes ----

static bool wish_equal(const struct wish *a, const struct wish *b)
{
    return a->kind == b->kind && a->partition == b->partition && a->based_on == b->based_on &&
           a->member_id == b->member_id;
}

static bool wishes_equal(const struct heartbeat *heartbeat, const struct wish *wishes,
                         uint32_t count)
{
    bool is_equal = count == heartbeat->wish_count;
    for (uint32_t i = 0; is_equal && i < count; i++)
        is_equal = wish_equal(&heartbeat->wishes[i], &wishes[i]);
    return is_equal;
}

void heartbeat_set_wishes(struct member *member, const struct wish *wishes, uint32_t count,
                          uint32_t stalled_ms)
{
    struct heartbeat *heartbeat = &member->heartbeat;
    heartbeat->stalled_ms = stalled_ms;
    // What does not fit is wished again when some of these are fulfilled.
    if (count > MEETING_WISHES_MAX)
        count = MEETING_WISHES_MAX;
    if (wishes_equal(heartbeat, wishes, count))
        return;
    heartbeat->wishes = memory_resize_array(heartbeat->wishes, count, sizeof *wishes);
    if (count > 0)
        memcpy(heartbeat->wishes, wishes, count * sizeof *wishes);
    heartbeat->wish_count = count;
    if (count > 0)
        heartbeat_hurry(member);
}
