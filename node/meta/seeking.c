// SPDX-License-Identifier: Apache-2.0
#include "node/meta/seeking.h"

#include "node/meta/admission.h"
#include "node/meta/waiting.h"

struct seeking *seeking_new(const struct member *member)
{
    struct seeking *seeking = memory_new(sizeof *seeking);
    seeking->began_ms = seeking->due_ms = member->now_ms;
    seeking->tell_ms = member->now_ms + WAITING_FIRST_MS;
    return seeking;
}

void seeking_free(struct seeking *seeking)
{
    if (seeking == NULL)
        return;
    buffer_deinit(&seeking->creation);
    free(seeking);
}

bool seeking_is_bound(const struct seeking *seeking, uint64_t now_ms)
{
    return seeking->promised_to != 0 && now_ms < seeking->promised_until_ms;
}

bool seeker_has_seen(const struct seeker *seeker, uint64_t id)
{
    for (uint32_t i = 0; i < seeker->seen_count; i++) {
        if (seeker->seen[i] == id)
            return true;
    }
    return false;
}

// ---- Other nodes without a grid ----

static void seeking_forget_silent(struct member *member)
{
    struct seeking *seeking = member->seeking;
    uint64_t silent_ms = (uint64_t)SEEKER_SILENT_HEARTBEATS * member->options.heartbeat_ms;
    for (uint32_t i = seeking->seeker_count; i-- > 0;) {
        if (member->now_ms - seeking->seekers[i].heard_ms > silent_ms)
            seeking->seekers[i] = seeking->seekers[--seeking->seeker_count];
    }
}

// Its place: its own, that of a node which had its address before it, or a new one. NULL: none is
// free.
static struct seeker *seeking_place(struct seeking *seeking, const struct view_member *member)
{
    struct member_address address = address_of(member);
    for (uint32_t i = 0; i < seeking->seeker_count; i++) {
        struct seeker *seeker = &seeking->seekers[i];
        struct member_address known = address_of(&seeker->member);
        if (seeker->member.id == member->id || address_equal(&known, &address))
            return seeker;
    }
    return seeking->seeker_count < SEEKERS_MAX ? &seeking->seekers[seeking->seeker_count++] : NULL;
}

static void seeker_judge(struct member *member, struct seeker *seeker, bool is_new)
{
    char text[MEETING_TEXT_BYTES_MAX];
    const struct meeting_settings *own = &member->options.settings;
    seeker->is_alike =
        admission_settings_match(own, &seeker->settings, member->options.clock_skew_max_ms, text) &&
        admission_member_is_valid(&seeker->member, text);
    if (!seeker->is_alike && is_new)
        member_say(member, true, "%s cannot be in a grid with this node: %s", seeker->member.name,
                   text);
    seeker->is_alike =
        seeker->is_alike && seeker->settings.bootstrap_expect == own->bootstrap_expect;
}

static struct seeker *seeking_note(struct member *member, const struct meeting *message)
{
    if (message->from == member->options.self.id)
        return NULL;
    struct seeker *seeker = seeking_place(member->seeking, &message->sender);
    if (seeker == NULL)
        return NULL;
    bool is_new = seeker->member.id != message->from;
    if (is_new)
        seeker->seen_count = 0;
    seeker->member = message->sender;
    seeker->settings = message->settings;
    seeker->heard_ms = member->now_ms;
    seeker_judge(member, seeker, is_new);
    return seeker;
}

// ---- Messages ----

static struct meeting seeking_message(const struct member *member, enum meeting_kind kind)
{
    struct meeting message = member_message(member, kind);
    message.grid_id = 0;
    message.settings = member->options.settings;
    return message;
}

// Nodes that are no seeds hear of each other by those that are: any other one, so that sooner or
// later it is each of them.
static struct view_member seeking_introduction(struct member *member, uint64_t to)
{
    const struct seeking *seeking = member->seeking;
    struct view_member introduced = {0};
    if (seeking->seeker_count == 0)
        return introduced;
    const struct view_member *other =
        &seeking->seekers[random_below(&member->random, seeking->seeker_count)].member;
    if (other->id != to)
        introduced = *other;
    return introduced;
}

void seeking_seek(struct member *member, const struct meeting *message)
{
    const struct seeking *seeking = member->seeking;
    (void)seeking_note(member, message);
    struct meeting reply = seeking_message(member, MEETING_SEEN);
    reply.seen[reply.seen_count++] = member->options.self.id;
    for (uint32_t i = 0; i < seeking->seeker_count; i++) {
        if (seeking->seekers[i].is_alike)
            reply.seen[reply.seen_count++] = seeking->seekers[i].member.id;
    }
    reply.leader_member = seeking_introduction(member, message->from);
    struct member_address to = address_of(&message->sender);
    member_send(member, &to, &reply);
}

static bool seeking_knows(const struct seeking *seeking, uint64_t id)
{
    for (uint32_t i = 0; i < seeking->seeker_count; i++) {
        if (seeking->seekers[i].member.id == id)
            return true;
    }
    return false;
}

void seeking_seen(struct member *member, const struct meeting *message)
{
    struct seeker *seeker = seeking_note(member, message);
    const struct view_member *other = &message->leader_member;
    if (other->id != 0 && other->id != member->options.self.id &&
        !seeking_knows(member->seeking, other->id)) {
        struct meeting seek = seeking_message(member, MEETING_SEEK);
        struct member_address to = address_of(other);
        member_send(member, &to, &seek);
    }
    if (seeker == NULL)
        return;
    seeker->seen_count = message->seen_count;
    memcpy(seeker->seen, message->seen, message->seen_count * sizeof *message->seen);
}

// One that promised waits for the grid that it promised to be in, or until the promise is void;
// unless the grid that it hears of has it as a member already.
void seeking_welcome(struct member *member, const struct meeting *message)
{
    struct seeking *seeking = member->seeking;
    // Those that it asked itself may be in that grid; it has not founded anything yet.
    if (seeking->promised_to == member->options.self.id)
        seeking->promised_to = 0;
    if (message->grid_id == 0 || (seeking_is_bound(seeking, member->now_ms) && !message->granted))
        return;
    if (seeking->grid_id != 0 && seeking->grid_id != message->grid_id)
        return;
    if (seeking->grid_id == 0) {
        seeking->due_ms = member->now_ms;
        member_say(member, false, "found the grid at %s: joining", message->sender.name);
    }
    seeking->grid_id = message->grid_id;
    seeking->door = message->from;
    seeking->welcomed_ms = member->now_ms;
    seeking->founder_count = 0;
}

// ---- What is sent again and again ----

static void seeking_send_seek(struct member *member)
{
    const struct seeking *seeking = member->seeking;
    struct meeting message = seeking_message(member, MEETING_SEEK);
    struct member_address self = address_of(&member->options.self);
    for (uint32_t i = 0; i < member->options.seed_count; i++) {
        if (!address_equal(&member->options.seeds[i], &self))
            member_send(member, &member->options.seeds[i], &message);
    }
    for (uint32_t i = 0; i < seeking->seeker_count; i++) {
        struct member_address to = address_of(&seeking->seekers[i].member);
        bool is_seed = false;
        for (uint32_t j = 0; j < member->options.seed_count && !is_seed; j++)
            is_seed = address_equal(&member->options.seeds[j], &to);
        if (!is_seed)
            member_send(member, &to, &message);
    }
}

static void seeking_send_join(struct member *member)
{
    struct seeking *seeking = member->seeking;
    uint64_t silent_ms = (uint64_t)GRID_SILENT_HEARTBEATS * member->options.heartbeat_ms;
    if (member->now_ms - seeking->welcomed_ms > silent_ms) {
        seeking->grid_id = 0;
        return;
    }
    struct meeting message = seeking_message(member, MEETING_JOIN);
    message.grid_id = member_grid_id(member);
    uint64_t leader = member->heartbeat.leader;
    if (leader != 0)
        member_send_to(member, leader, &message);
    if (seeking->door != leader)
        member_send_to(member, seeking->door, &message);
}

void seeking_tick(struct member *member)
{
    struct seeking *seeking = member->seeking;
    if (member->now_ms < seeking->due_ms)
        return;
    // Nodes that were started together shall not go on asking each other at the same moment.
    uint32_t beat_ms = member->options.heartbeat_ms;
    seeking->due_ms = member->now_ms + beat_ms / 2 + random_below(&member->random, beat_ms);
    if (member->phase != MEMBER_SEEKING) {
        founding_repeat(member);
        return;
    }
    seeking_forget_silent(member);
    if (seeking->grid_id != 0)
        seeking_send_join(member);
    seeking_send_seek(member);
    if (seeking->grid_id == 0)
        founding_tick(member);
    waiting_tell(member);
}

uint64_t seeking_deadline_ms(const struct member *member)
{
    return member->seeking == NULL ? UINT64_MAX : member->seeking->due_ms;
}
