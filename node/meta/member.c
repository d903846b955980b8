// SPDX-License-Identifier: Apache-2.0
#include "node/meta/member.h"

#include "node/meta/admission.h"
#include "node/meta/leading.h"
#include "node/meta/seeking.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    RAFT_LOG_ENTRIES_MAX = 512,
    // A leader that keeps changing the view by itself goes on in the next tick.
    SETTLE_ROUNDS_MAX = 16,
    // So often at least the wall clock is to be told, for it may be set.
    TICK_MAX_MS = 1000,
};

// ---- What the parts share ----

uint64_t member_grid_id(const struct member *member)
{
    uint64_t grid_id = ledger_view(&member->ledger)->grid_id;
    if (grid_id == 0 && member->seeking != NULL)
        grid_id = member->seeking->grid_id;
    return grid_id;
}

uint16_t member_number(const struct member *member)
{
    return view_find_member(ledger_view(&member->ledger), member->options.self.id);
}

bool member_find(const struct member *member, uint64_t id, struct member_address *address)
{
    const struct view *view = ledger_view(&member->ledger);
    uint16_t number = view_find_member(view, id);
    const struct contact *contact = contacts_find(&member->contacts, id);
    if (number != VIEW_NO_MEMBER)
        *address = address_of(&view->members[number]);
    else if (contact != NULL)
        *address = contact->address;
    return number != VIEW_NO_MEMBER || contact != NULL;
}

struct meeting member_message(const struct member *member, enum meeting_kind kind)
{
    const struct view *view = ledger_view(&member->ledger);
    struct meeting message = {.kind = kind,
                              .from = member->options.self.id,
                              .grid_id = member_grid_id(member),
                              .term = member->heartbeat.leader_term,
                              .leader = member->heartbeat.leader,
                              .sender = member->options.self};
    if (member->leading != NULL) {
        message.term = raft_term(member->raft);
        message.leader = member->options.self.id;
    }
    uint16_t leader = view_find_member(view, message.leader);
    if (leader != VIEW_NO_MEMBER && message.leader != message.from)
        message.leader_member = view->members[leader];
    return message;
}

void member_send(struct member *member, const struct member_address *to,
                 const struct meeting *message)
{
    const struct member_host *host = &member->options.host;
    host->send_meeting(host->context, to, message);
}

void member_send_to(struct member *member, uint64_t id, const struct meeting *message)
{
    struct member_address to;
    if (member_find(member, id, &to))
        member_send(member, &to, message);
}

void member_refuse(struct member *member, const struct member_address *to, const char *text)
{
    struct meeting message = member_message(member, MEETING_REFUSE);
    message.text = bytes_of_text(text);
    member_send(member, to, &message);
}

void member_say(const struct member *member, bool is_warning, const char *format, ...)
{
    char text[MEETING_TEXT_BYTES_MAX + 256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    member->options.host.say(member->options.host.context, is_warning, text);
}

void member_set_lease(struct member *member, uint64_t until_ms)
{
    if (member->heartbeat.lease_until_ms == until_ms)
        return;
    member->heartbeat.lease_until_ms = until_ms;
    member->options.host.lease_changed(member->options.host.context, until_ms);
}

void member_set_clock(struct member *member, uint64_t now_ms)
{
    if (now_ms <= member->now_ms)
        return;
    // Between two ticks both clocks move alike.
    member->options.settings.wall_ms += now_ms - member->now_ms;
    member->now_ms = now_ms;
}

// ---- For raft ----

static void host_send(void *context, const struct raft_message *message)
{
    struct member *member = context;
    struct member_address to;
    if (member_find(member, message->to, &to))
        member->options.host.send_raft(member->options.host.context, &to, message);
}

static void host_apply(void *context, const struct raft_entry *entry)
{
    struct member *member = context;
    ledger_apply(&member->ledger, entry);
}

static void host_restore(void *context, const struct raft_snapshot *snapshot)
{
    struct member *member = context;
    ledger_restore(&member->ledger, snapshot);
}

static void host_save(void *context, struct buffer *out)
{
    const struct member *member = context;
    ledger_save(&member->ledger, out);
}

static struct raft *member_new_raft(struct member *member)
{
    const struct member_options *options = &member->options;
    uint32_t heartbeat_ms = options->election_ms / 4;
    struct raft_options raft = {.id = options->self.id,
                                .heartbeat_ms = heartbeat_ms > 0 ? heartbeat_ms : 1,
                                .election_ms = options->election_ms,
                                .drift_per_mille = options->drift_per_mille,
                                .log_entries_max = RAFT_LOG_ENTRIES_MAX,
                                .seed = random_next(&member->random),
                                .host = {.context = member,
                                         .send = host_send,
                                         .apply = host_apply,
                                         .restore = host_restore,
                                         .save = host_save}};
    return raft_new(&raft, member->now_ms);
}

// ---- Life ----

struct member *member_new(const struct member_options *options, uint64_t now_ms)
{
    CHECK(options->self.id != 0);
    CHECK(options->voters_max >= 1 && options->voters_max <= VOTERS_MAX);
    // Silence is told from sleep by heartbeats that come much more often than suspicions.
    CHECK(options->heartbeat_ms > 0 && options->suspect_ms / 3 >= options->heartbeat_ms);
    struct member *member = memory_new(sizeof *member);
    member->options = *options;
    member->options.self.is_voter = false;
    member->options.settings.lease_ms = options->lease_ms;
    member->options.settings.suspect_ms = options->suspect_ms;
    member->now_ms = member->ticked_ms = now_ms;
    member->random.state = options->seed;
    member->raft = member_new_raft(member);
    member->seeking = seeking_new(member);
    if (options->seed_count == 0)
        member->options.settings.bootstrap_expect = 1;
    return member;
}

void member_free(struct member *member)
{
    if (member == NULL)
        return;
    leading_free(member->leading);
    seeking_free(member->seeking);
    heartbeat_deinit(&member->heartbeat);
    ledger_deinit(&member->ledger);
    raft_free(member->raft);
    free(member);
}

static bool member_is_in_grid(const struct member *member)
{
    return member->phase == MEMBER_JOINED || member->phase == MEMBER_DEPARTING;
}

// Takes part in nothing any more.
static bool member_is_over(const struct member *member)
{
    return member->phase == MEMBER_GONE || member->phase == MEMBER_REFUSED;
}

void member_end(struct member *member, enum member_phase phase)
{
    member->phase = phase;
    leading_free(member->leading);
    member->leading = NULL;
    member_set_lease(member, 0);
}

// ---- After everything that happens ----

static void member_follow_role(struct member *member)
{
    bool leads = raft_role(member->raft) == RAFT_LEADER;
    struct leading *leading = member->leading;
    if (leading != NULL && (!leads || leading->term != raft_term(member->raft))) {
        leading_free(leading);
        member->leading = NULL;
        // Only a leader's own lease has no end, and only while it leads.
        if (member->heartbeat.lease_until_ms == UINT64_MAX)
            member_set_lease(member, 0);
        heartbeat_hurry(member);
    }
    if (leads && member->leading == NULL)
        member->leading = leading_new(member);
}

static void member_follow_phase(struct member *member, const struct view *view)
{
    uint16_t number = member_number(member);
    if (number == VIEW_NO_MEMBER) {
        if (member_is_in_grid(member))
            member_end(member, MEMBER_GONE);
        return;
    }
    if (member->phase == MEMBER_SEEKING) {
        member->phase = MEMBER_JOINED;
        member_say(member, false, "is a member of the grid");
        heartbeat_hurry(member);
    }
    if (member->phase == MEMBER_JOINED && view->members[number].state == MEMBER_LEAVING)
        member->phase = MEMBER_DEPARTING;
}

static void member_follow_view(struct member *member)
{
    const struct view *view = ledger_view(&member->ledger);
    if (view->version == member->told_version)
        return;
    member_follow_phase(member, view);
    if (member->phase == MEMBER_SEEKING)
        return; // the log of a grid that does not list it yet
    member->told_version = view->version;
    member->options.host.view_changed(member->options.host.context, view);
    // The lease may have been refused because the view was too old.
    if (member->heartbeat.is_refused)
        heartbeat_hurry(member);
}

// Seeds that started again look for a grid among themselves, and found a second one unless those
// that still are members call them. The leader does; where there is none, everybody.
static void member_call_seeds(struct member *member)
{
    const struct member_options *options = &member->options;
    uint64_t silent_ms = member->now_ms - member->heartbeat.answered_ms;
    bool is_led = member->leading == NULL && silent_ms <= options->heartbeat_ms * UINT64_C(3) / 2;
    if (!member_is_in_grid(member) || is_led || member->now_ms < member->call_ms)
        return;
    member->call_ms = member->now_ms + options->heartbeat_ms;
    struct meeting message = member_message(member, MEETING_WELCOME);
    struct member_address self = address_of(&options->self);
    for (uint32_t i = 0; i < options->seed_count; i++) {
        if (!address_equal(&options->seeds[i], &self))
            member_send(member, &options->seeds[i], &message);
    }
}

static void member_settle(struct member *member)
{
    for (uint32_t round = 0; round < SETTLE_ROUNDS_MAX && !member_is_over(member); round++) {
        member_follow_role(member);
        member_follow_view(member);
        if (member->leading == NULL)
            break;
        leading_run(member);
        // Alone as voter what was proposed is committed at once, and more may be due.
        if (raft_role(member->raft) == RAFT_LEADER &&
            ledger_view(&member->ledger)->version == member->told_version)
            break;
    }
    if (!member_is_over(member) && member_is_in_grid(member))
        heartbeat_tick(member);
    member_call_seeds(member);
    bool is_found = member->seeking != NULL && member->phase != MEMBER_SEEKING;
    if (is_found && founding_is_over(member->seeking, member->now_ms)) {
        seeking_free(member->seeking);
        member->seeking = NULL;
    }
}

void member_restart(struct member *member, const struct raft_snapshot *snapshot)
{
    leading_free(member->leading);
    member->leading = NULL;
    raft_free(member->raft);
    member->raft = member_new_raft(member);
    ledger_clear(&member->ledger);
    member->contacts.count = 0;
    member->departure_count = 0;
    member->heartbeat.leader = member->heartbeat.leader_term = 0;
    member->phase = MEMBER_JOINED;
    raft_bootstrap(member->raft, snapshot, member->now_ms);
    member_settle(member);
}

// ---- Time ----

static void member_repeat_departures(struct member *member)
{
    const struct view *view = ledger_view(&member->ledger);
    for (uint32_t i = member->departure_count; i-- > 0;) {
        struct departure *departure = &member->departures[i];
        uint16_t number = view_find_member(view, departure->subject);
        if (number == VIEW_NO_MEMBER || view->members[number].state == MEMBER_LEAVING ||
            member->now_ms >= departure->until_ms) {
            *departure = member->departures[--member->departure_count];
            continue;
        }
        if (member->now_ms < departure->due_ms)
            continue;
        departure->due_ms = member->now_ms + member->options.heartbeat_ms;
        struct meeting message = member_message(member, MEETING_LEAVE);
        message.subject = departure->subject;
        if (member->leading != NULL)
            leading_leave(member, departure->subject);
        else if (member->heartbeat.leader != 0)
            member_send_to(member, member->heartbeat.leader, &message);
    }
}

static bool has_successor(const struct member *member)
{
    const struct view *view = ledger_view(&member->ledger);
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *other = &view->members[i];
        if (other->id != 0 && other->id != member->options.self.id && other->role == MEMBER_DATA &&
            other->state == MEMBER_ACTIVE)
            return true;
    }
    return false;
}

// A member that leaves waits for others to take its partitions: not for ever, not when all of them
// are leaving too, and not without a majority, which alone could give them away.
static void member_stop_waiting(struct member *member)
{
    const char *reason = NULL;
    if (member->phase != MEMBER_DEPARTING || member->leave_until_ms == 0)
        return;
    if (member->now_ms >= member->leave_until_ms)
        reason = "it took too long";
    else if (!has_successor(member))
        reason = "all others are leaving too";
    else if (member_lease_until_ms(member) != UINT64_MAX &&
             member->now_ms > member_lease_until_ms(member) + member->options.remove_ms &&
             member->now_ms >
                 member->leave_until_ms - member->options.leave_ms + member->options.remove_ms)
        reason = "there is no majority that could give them to others";
    if (!reason)
        return;
    member_say(member, true, "leaves before its partitions have moved: %s", reason);
    member_end(member, MEMBER_GONE);
}

void member_tick(struct member *member, uint64_t now_ms, uint64_t wall_ms)
{
    member_set_clock(member, now_ms);
    member->options.settings.wall_ms = wall_ms;
    member->ticked_ms = member->now_ms;
    if (member_is_over(member))
        return;
    raft_tick(member->raft, member->now_ms);
    if (member->seeking != NULL)
        seeking_tick(member);
    member_repeat_departures(member);
    member_settle(member);
    member_stop_waiting(member);
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t member_deadline_ms(const struct member *member)
{
    if (member_is_over(member))
        return UINT64_MAX;
    uint64_t deadline_ms = member->ticked_ms + TICK_MAX_MS;
    deadline_ms = min_of(deadline_ms, raft_deadline_ms(member->raft));
    deadline_ms = min_of(deadline_ms, seeking_deadline_ms(member));
    deadline_ms = min_of(deadline_ms, leading_deadline_ms(member));
    if (member_is_in_grid(member))
        deadline_ms = min_of(deadline_ms, heartbeat_deadline_ms(member));
    for (uint32_t i = 0; i < member->departure_count; i++)
        deadline_ms = min_of(deadline_ms, member->departures[i].due_ms);
    if (member->phase == MEMBER_DEPARTING && member->leave_until_ms != 0)
        deadline_ms = min_of(deadline_ms, member->leave_until_ms);
    return deadline_ms;
}

// ---- Meetings ----

// A node at the door of the grid: whether it fits, and if so who leads.
static bool member_open(struct member *member, const struct meeting *message)
{
    struct member_address to = address_of(&message->sender);
    char text[MEETING_TEXT_BYTES_MAX];
    if (!admission_settings_match(&member->options.settings, &message->settings,
                                  member->options.clock_skew_max_ms, text) ||
        !admission_member_is_valid(&message->sender, text)) {
        member_say(member, true, "refused %s: %s", message->sender.name, text);
        member_refuse(member, &to, text);
        return false;
    }
    struct meeting reply = member_message(member, MEETING_WELCOME);
    reply.granted = view_find_member(ledger_view(&member->ledger), message->from) != VIEW_NO_MEMBER;
    member_send(member, &to, &reply);
    return true;
}

static void member_hear_heartbeat(struct member *member, const struct meeting *message)
{
    if (member->leading != NULL) {
        leading_heard(member, message);
        return;
    }
    struct meeting reply = member_message(member, MEETING_HEARTBEAT_REPLY);
    reply.sent_ms = message->sent_ms;
    reply.view_version = ledger_view(&member->ledger)->version;
    member_send_to(member, message->from, &reply);
}

static void member_hear_as_seeker(struct member *member, const struct meeting *message)
{
    switch (message->kind) {
    case MEETING_SEEK:
        seeking_seek(member, message);
        break;
    case MEETING_SEEN:
        seeking_seen(member, message);
        break;
    case MEETING_PROMISE_ASK:
        founding_asked(member, message);
        break;
    case MEETING_PROMISE:
        founding_promised(member, message);
        break;
    case MEETING_CREATE:
        founding_created(member, message);
        break;
    case MEETING_WELCOME:
        seeking_welcome(member, message);
        if (message->grid_id != 0 && message->grid_id == member_grid_id(member))
            heartbeat_note_leader(member, message);
        break;
    case MEETING_REFUSE:
        member_say(member, true, "%s at %s:%u refuses this node: %.*s", message->sender.name,
                   message->sender.host, message->sender.port, (int)message->text.size,
                   (const char *)message->text.data);
        member_end(member, MEMBER_REFUSED);
        break;
    case MEETING_VIEW:
        if (message->grid_id == member_grid_id(member))
            (void)ledger_accept(&member->ledger, message->snapshot, message->grid_id);
        break;
    case MEETING_HEARTBEAT:
        // To who had this address before: there is a grid, and its member may open the door.
        if (message->sender.id == message->from)
            seeking_welcome(member, message);
        break;
    case MEETING_JOIN:
    case MEETING_HEARTBEAT_REPLY:
    case MEETING_LEAVE:
        break; // for members
    }
}

static void member_hear_as_member(struct member *member, const struct meeting *message)
{
    switch (message->kind) {
    case MEETING_SEEK:
        (void)member_open(member, message);
        break;
    case MEETING_JOIN:
        if (member_open(member, message) && member->leading != NULL)
            leading_join(member, message);
        break;
    case MEETING_WELCOME:
        heartbeat_note_leader(member, message);
        break;
    case MEETING_HEARTBEAT:
        member_hear_heartbeat(member, message);
        break;
    case MEETING_HEARTBEAT_REPLY:
        heartbeat_answered(member, message);
        break;
    case MEETING_VIEW:
        (void)ledger_accept(&member->ledger, message->snapshot, message->grid_id);
        break;
    case MEETING_LEAVE:
        if (member->leading != NULL)
            leading_leave(member, message->subject);
        break;
    case MEETING_PROMISE_ASK:
    case MEETING_SEEN:
    case MEETING_PROMISE:
    case MEETING_CREATE:
    case MEETING_REFUSE:
        break; // for nodes without a grid
    }
}

// Two grids never merge. Whoever wants something here is told so.
static void member_turn_away(struct member *member, const struct meeting *message)
{
    bool asks = message->kind == MEETING_JOIN || message->kind == MEETING_HEARTBEAT ||
                message->kind == MEETING_LEAVE;
    struct member_address to = address_of(&message->sender);
    char text[MEETING_TEXT_BYTES_MAX];
    if (!asks || message->sender.id == 0)
        return;
    snprintf(text, sizeof text,
             "this is the grid %s with id %016llx, not the one with id %016llx: two grids do not "
             "merge; restart the node to join this one",
             member->options.grid_name, (unsigned long long)member_grid_id(member),
             (unsigned long long)message->grid_id);
    member_refuse(member, &to, text);
}

void member_receive_meeting(struct member *member, const struct meeting *message, uint64_t now_ms)
{
    member_set_clock(member, now_ms);
    uint64_t grid_id = member_grid_id(member);
    if (member_is_over(member) || message->from == member->options.self.id || message->from == 0)
        return;
    bool is_stranger = message->grid_id != grid_id;
    if (message->sender.id == message->from)
        contacts_note(&member->contacts, &message->sender, message->grid_id, member->now_ms);
    if (member->phase == MEMBER_SEEKING)
        member_hear_as_seeker(member, message);
    else if (!is_stranger || message->kind == MEETING_SEEK)
        member_hear_as_member(member, message);
    else if (message->grid_id != 0)
        member_turn_away(member, message);
    if (!is_stranger && grid_id != 0 && member->seeking != NULL)
        founding_heard(member, message->from);
    if (!member_is_over(member))
        member_settle(member);
}

// ---- Raft ----

// Messages of raft do not name their grid: only who is known to be in this one is listened to.
static bool member_knows_server(const struct member *member, uint64_t id)
{
    uint64_t grid_id = member_grid_id(member);
    const struct contact *contact = contacts_find(&member->contacts, id);
    const struct raft_configuration *configuration = raft_configuration(member->raft);
    for (uint32_t i = 0; i < configuration->count; i++) {
        if (configuration->servers[i].id == id)
            return true;
    }
    return view_find_member(ledger_view(&member->ledger), id) != VIEW_NO_MEMBER ||
           (contact != NULL && contact->grid_id == grid_id && grid_id != 0);
}

void member_receive_raft(struct member *member, const struct raft_message *message, uint64_t now_ms)
{
    member_set_clock(member, now_ms);
    if (member_is_over(member) || !member_knows_server(member, message->from))
        return;
    raft_receive(member->raft, message, member->now_ms);
    member_settle(member);
}

void member_set_wishes(struct member *member, const struct wish *wishes, uint32_t count,
                       uint32_t stalled_ms, uint64_t now_ms)
{
    member_set_clock(member, now_ms);
    heartbeat_set_wishes(member, wishes, count, stalled_ms);
    if (!member_is_over(member))
        member_settle(member);
}

// ---- What is asked of it ----

enum member_phase member_phase(const struct member *member)
{
    return member->phase;
}

const struct view *member_view(const struct member *member)
{
    return ledger_view(&member->ledger);
}

uint64_t member_lease_until_ms(const struct member *member)
{
    return member->heartbeat.lease_until_ms;
}
