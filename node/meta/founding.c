// SPDX-License-Identifier: Apache-2.0
//
//   lowest id                                    the others
//      |  SEEK, SEEN: everybody has seen everybody   |
//      |-------------- PROMISE_ASK ----------------->|
//      |<--------------- PROMISE --------------------|  bound for PROMISE_MS
//      |  all have promised, within FOUNDING_MS      |
//      |----------------- CREATE ------------------->|  again and again, until it is heard
//    raft_bootstrap                            raft_bootstrap
#include "node/meta/seeking.h"

#include "cluster/rules/migration.h"
#include "cluster/rules/view.h"
#include "cluster/wire/raft_codec.h"
#include "cluster/wire/view_codec.h"
#include "node/meta/voters.h"

// ---- Who founds ----

static bool address_is_seed(const struct member *member, const struct view_member *node)
{
    struct member_address address = address_of(node);
    for (uint32_t i = 0; i < member->options.seed_count; i++) {
        if (address_equal(&member->options.seeds[i], &address))
            return true;
    }
    return false;
}

// Nodes that founded a grid with this one would do so with settings like its own, and have seen it.
static bool seeker_is_candidate(const struct member *member, const struct seeker *seeker)
{
    return seeker->is_alike && seeker_has_seen(seeker, member->options.self.id);
}

static bool founding_is_lowest(const struct member *member, uint64_t id)
{
    const struct seeking *seeking = member->seeking;
    for (uint32_t i = 0; i < seeking->seeker_count; i++) {
        const struct seeker *seeker = &seeking->seekers[i];
        if (seeker->member.id < id && seeker_is_candidate(member, seeker))
            return false;
    }
    return id <= member->options.self.id;
}

static const struct seeker *founding_seeker(const struct seeking *seeking, uint64_t id)
{
    for (uint32_t i = 0; i < seeking->seeker_count; i++) {
        if (seeking->seekers[i].member.id == id)
            return &seeking->seekers[i];
    }
    return NULL;
}

static bool founders_know(const struct seeking *seeking, const struct seeker *newcomer)
{
    for (uint32_t i = 1; i < seeking->founder_count; i++) {
        const struct seeker *founder = founding_seeker(seeking, seeking->founders[i].id);
        if (founder == NULL || !seeker_has_seen(founder, newcomer->member.id) ||
            !seeker_has_seen(newcomer, founder->member.id))
            return false;
    }
    return true;
}

// Whether all founders are still there: one may have become silent, or started again.
static bool founders_are_seen(const struct seeking *seeking)
{
    for (uint32_t i = 1; i < seeking->founder_count; i++) {
        if (founding_seeker(seeking, seeking->founders[i].id) == NULL)
            return false;
    }
    return true;
}

// Adds those that all chosen ones have seen and that have seen all of them.
static void founding_choose(struct member *member, bool seeds)
{
    struct seeking *seeking = member->seeking;
    for (uint32_t i = 0; i < seeking->seeker_count; i++) {
        const struct seeker *seeker = &seeking->seekers[i];
        if (seeking->founder_count == member->options.settings.bootstrap_expect)
            return;
        if (seeker_is_candidate(member, seeker) &&
            address_is_seed(member, &seeker->member) == seeds && founders_know(seeking, seeker))
            seeking->founders[seeking->founder_count++] = (struct founder){.id = seeker->member.id};
    }
}

// Most of the seeds are among the founders, so no others can have most of them. Seeds that are
// names for several nodes cannot be told from their addresses: where none can, the number of
// founders alone has to do, but for a lonely one, whose seeds may just not have answered yet.
static bool founding_has_seeds(struct member *member)
{
    struct seeking *seeking = member->seeking;
    if (member->options.seed_count == 0)
        return true;
    uint32_t known = address_is_seed(member, &member->options.self);
    uint32_t among = known;
    for (uint32_t i = 0; i < seeking->seeker_count; i++)
        known += address_is_seed(member, &seeking->seekers[i].member);
    for (uint32_t i = 1; i < seeking->founder_count; i++)
        among +=
            address_is_seed(member, &founding_seeker(seeking, seeking->founders[i].id)->member);
    bool is_nameless = known == 0 && seeking->founder_count > 1;
    if (is_nameless || 2 * among > member->options.seed_count)
        return true;
    if (!seeking->has_warned_seeds)
        member_say(member, true,
                   "only %u of %u seeds can be founders: most of the seeds must be running, and "
                   "named in `seeds` as they advertise themselves",
                   among, member->options.seed_count);
    seeking->has_warned_seeds = true;
    return false;
}

static bool founding_has_data(const struct member *member)
{
    bool has_data = member->options.self.role == MEMBER_DATA;
    for (uint32_t i = 1; i < member->seeking->founder_count; i++) {
        uint64_t id = member->seeking->founders[i].id;
        has_data = has_data || founding_seeker(member->seeking, id)->member.role == MEMBER_DATA;
    }
    return has_data;
}

static bool founding_gather(struct member *member)
{
    struct seeking *seeking = member->seeking;
    uint32_t expect = member->options.settings.bootstrap_expect;
    if (expect == 0 || expect > MEETING_SEEN_MAX ||
        !founding_is_lowest(member, member->options.self.id))
        return false;
    seeking->founders[0] =
        (struct founder){.id = member->options.self.id, .has_promised = true, .is_there = true};
    seeking->founder_count = 1;
    founding_choose(member, true);
    founding_choose(member, false);
    if (seeking->founder_count == expect && founding_has_data(member) && founding_has_seeds(member))
        return true;
    seeking->founder_count = 0;
    return false;
}

// ---- Promises ----

static void founding_ask(struct member *member)
{
    const struct seeking *seeking = member->seeking;
    struct meeting message = member_message(member, MEETING_PROMISE_ASK);
    message.sent_ms = member->now_ms;
    for (uint32_t i = 0; i < seeking->founder_count; i++)
        message.seen[message.seen_count++] = seeking->founders[i].id;
    for (uint32_t i = 1; i < seeking->founder_count; i++) {
        if (!seeking->founders[i].has_promised)
            member_send_to(member, seeking->founders[i].id, &message);
    }
}

static void founding_give_up(struct seeking *seeking)
{
    seeking->founder_count = 0;
    seeking->promised_to = 0;
}

static const char *founding_objection(const struct member *member, const struct meeting *message)
{
    const struct seeking *seeking = member->seeking;
    if (member->phase != MEMBER_SEEKING || seeking->grid_id != 0)
        return "it has found a grid";
    if (seeking_is_bound(seeking, member->now_ms) && seeking->promised_to != message->from)
        return "it has promised to be in another grid";
    const struct seeker *asker = founding_seeker(seeking, message->from);
    if (asker == NULL || !asker->is_alike)
        return "it has not seen the founder, or the settings differ";
    if (!founding_is_lowest(member, message->from))
        return "it has seen a lower id";
    return NULL;
}

void founding_asked(struct member *member, const struct meeting *message)
{
    struct seeking *seeking = member->seeking;
    struct meeting reply = member_message(member, MEETING_PROMISE);
    const char *objection = founding_objection(member, message);
    reply.sent_ms = message->sent_ms;
    reply.granted = objection == NULL;
    reply.text = bytes_of_text(objection == NULL ? "" : objection);
    if (objection == NULL) {
        seeking->promised_to = message->from;
        seeking->promised_until_ms = member->now_ms + PROMISE_MS;
    }
    struct member_address to = address_of(&message->sender);
    if (message->sender.id != 0)
        member_send(member, &to, &reply);
}

// ---- The first snapshot ----

static void founding_add_member(struct view *view, const struct view_member *member)
{
    struct view_member *added = &view->members[view->member_count++];
    *added = *member;
    added->state = MEMBER_ACTIVE;
    added->is_voter = false;
}

// All founders, and empty partitions with every wanted copy in sync.
static void founding_make_view(struct member *member, struct view *view)
{
    const struct seeking *seeking = member->seeking;
    const struct meeting_settings *settings = &member->options.settings;
    *view = (struct view){.grid_id = random_next(&member->random) | 1,
                          .version = 1,
                          .partition_count = settings->partition_count,
                          .replica_count = settings->backups + 1,
                          .min_in_sync = settings->min_in_sync};
    view->members = memory_new_array(seeking->founder_count, sizeof *view->members);
    view->partitions = memory_new_array(view->partition_count, sizeof *view->partitions);
    founding_add_member(view, &member->options.self);
    for (uint32_t i = 1; i < seeking->founder_count; i++)
        founding_add_member(view, &founding_seeker(seeking, seeking->founders[i].id)->member);
    for (uint32_t i = 0; i < view->partition_count; i++)
        view->partitions[i] =
            (struct view_partition){.epoch = 1, .version = 1, .handover = VIEW_NO_MEMBER};
    uint16_t *target = migration_target(view);
    for (uint32_t i = 0; i < view->partition_count; i++) {
        struct view_partition *partition = &view->partitions[i];
        const uint16_t *wanted = target + (size_t)i * view->replica_count;
        while (partition->replica_count < view->replica_count &&
               wanted[partition->replica_count] != VIEW_NO_MEMBER) {
            partition->replicas[partition->replica_count] = wanted[partition->replica_count];
            partition->replica_count++;
        }
        partition->in_sync_count = partition->replica_count;
    }
    free(target);
}

static void founding_create(struct member *member)
{
    struct seeking *seeking = member->seeking;
    struct view view;
    struct buffer data = {0};
    struct raft_snapshot snapshot = {.index = 1, .term = 1};
    founding_make_view(member, &view);
    voters_first(&view, member->options.voters_max, &snapshot.configuration);
    view_apply_configuration(&view, 1, &snapshot.configuration);
    view_check(&view);
    view_write(&data, &view);
    snapshot.data = buffer_bytes(&data);
    buffer_clear(&seeking->creation);
    raft_snapshot_write(&seeking->creation, &snapshot);
    seeking->created_ms = member->now_ms;
    member_say(member, false, "founds the grid with %u members", view.member_count);
    raft_bootstrap(member->raft, &snapshot, member->now_ms);
    buffer_deinit(&data);
    view_deinit(&view);
    founding_repeat(member);
}

static void founding_try(struct member *member)
{
    const struct seeking *seeking = member->seeking;
    for (uint32_t i = 0; i < seeking->founder_count; i++) {
        if (!seeking->founders[i].has_promised)
            return;
    }
    founding_create(member);
}

void founding_promised(struct member *member, const struct meeting *message)
{
    struct seeking *seeking = member->seeking;
    if (member->phase != MEMBER_SEEKING || seeking->founder_count == 0 ||
        message->sent_ms < seeking->asked_ms || message->sent_ms > member->now_ms ||
        member->now_ms - seeking->asked_ms > FOUNDING_MS)
        return;
    if (!message->granted || !founders_are_seen(seeking)) {
        founding_give_up(seeking);
        return;
    }
    for (uint32_t i = 0; i < seeking->founder_count; i++) {
        if (seeking->founders[i].id == message->from)
            seeking->founders[i].has_promised = true;
    }
    founding_try(member);
}

void founding_created(struct member *member, const struct meeting *message)
{
    const struct seeking *seeking = member->seeking;
    struct raft_snapshot snapshot;
    struct cursor cursor = cursor_of(message->snapshot);
    if (member->phase != MEMBER_SEEKING || seeking->promised_to != message->from ||
        !seeking_is_bound(seeking, member->now_ms) || !raft_snapshot_read(&cursor, &snapshot) ||
        cursor_left(&cursor) != 0 || !ledger_is_readable(snapshot.data))
        return;
    raft_bootstrap(member->raft, &snapshot, member->now_ms);
}

void founding_heard(struct member *member, uint64_t id)
{
    struct seeking *seeking = member->seeking;
    for (uint32_t i = 0; i < seeking->founder_count; i++) {
        if (seeking->founders[i].id == id)
            seeking->founders[i].is_there = true;
    }
}

void founding_repeat(struct member *member)
{
    const struct seeking *seeking = member->seeking;
    if (buffer_size(&seeking->creation) == 0)
        return;
    struct meeting message = member_message(member, MEETING_CREATE);
    message.snapshot = buffer_bytes(&seeking->creation);
    for (uint32_t i = 0; i < seeking->founder_count; i++) {
        if (!seeking->founders[i].is_there)
            member_send_to(member, seeking->founders[i].id, &message);
    }
}

// After the promises have ended nobody accepts a CREATE: who missed it joins.
bool founding_is_over(const struct seeking *seeking, uint64_t now_ms)
{
    bool is_over = true;
    for (uint32_t i = 0; i < seeking->founder_count; i++)
        is_over = is_over && seeking->founders[i].is_there;
    return is_over || buffer_size(&seeking->creation) == 0 ||
           now_ms - seeking->created_ms > PROMISE_MS;
}

void founding_tick(struct member *member)
{
    struct seeking *seeking = member->seeking;
    if (seeking->founder_count > 0 &&
        (member->now_ms - seeking->asked_ms > FOUNDING_MS || !founders_are_seen(seeking)))
        founding_give_up(seeking);
    uint64_t listen_ms = (uint64_t)LISTEN_HEARTBEATS * member->options.heartbeat_ms;
    if (member->options.seed_count > 0 && member->now_ms - seeking->began_ms < listen_ms)
        return;
    if (seeking->founder_count == 0) {
        if (seeking_is_bound(seeking, member->now_ms) || !founding_gather(member))
            return;
        seeking->asked_ms = member->now_ms;
        seeking->promised_to = member->options.self.id;
        seeking->promised_until_ms = member->now_ms + FOUNDING_MS;
    }
    founding_ask(member);
    founding_try(member);
}
