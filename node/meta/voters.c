// SPDX-License-Identifier: Apache-2.0
#include "node/meta/voters.h"

#include "node/meta/leading.h"

// A learner that has not caught up by then makes room for another one.
enum { LEARNER_PATIENCE_MS = 10000 };

// ---- Choosing ----

uint32_t voters_wanted(uint32_t able, uint32_t voters_max)
{
    uint32_t count = able < voters_max ? able : voters_max;
    return count == 0 ? 1 : count - 1 + count % 2;
}

// Voters in the member's zone; members without a zone stand each for themselves.
static uint32_t zone_load(const struct view *view, const bool *is_voter, uint16_t number)
{
    const char *zone = view->members[number].zone;
    uint32_t load = 0;
    for (uint32_t i = 0; zone[0] != '\0' && i < view->member_count; i++)
        load += is_voter[i] && view->members[i].id != 0 && strcmp(view->members[i].zone, zone) == 0;
    return load;
}

uint16_t voters_best(const struct view *view, const bool *is_voter, const bool *is_barred)
{
    uint16_t best = VIEW_NO_MEMBER;
    uint32_t best_cost = UINT32_MAX;
    for (uint16_t i = 0; i < view->member_count; i++) {
        const struct view_member *member = &view->members[i];
        if (member->id == 0 || member->state != MEMBER_ACTIVE || is_voter[i] || is_barred[i])
            continue;
        uint32_t cost = 2 * zone_load(view, is_voter, i) + (member->role == MEMBER_WITNESS);
        if (cost < best_cost) {
            best = i;
            best_cost = cost;
        }
    }
    return best;
}

void voters_first(const struct view *view, uint32_t voters_max,
                  struct raft_configuration *configuration)
{
    bool is_voter[MEMBERS_MAX] = {false};
    bool is_barred[MEMBERS_MAX] = {false};
    uint32_t wanted = voters_wanted(view->member_count, voters_max);
    *configuration = (struct raft_configuration){0};
    while (configuration->count < wanted) {
        uint16_t best = voters_best(view, is_voter, is_barred);
        CHECK(best != VIEW_NO_MEMBER);
        is_voter[best] = true;
        configuration->servers[configuration->count++] =
            (struct raft_server){.id = view->members[best].id, .is_voter = true};
    }
}

// ---- The servers as they are ----

struct electorate {
    struct member *member;
    const struct view *view;
    struct raft_configuration now;
    uint32_t voter_count; // all of them
    uint32_t fit_count;   // voters that are to stay
    uint32_t wanted;
    bool is_voter[MEMBERS_MAX];  // by member number: fit voters
    bool is_barred[MEMBERS_MAX]; // by member number: must not become one now
};

static bool server_is_gone(const struct electorate *electorate, uint64_t id)
{
    uint16_t number = view_find_member(electorate->view, id);
    return number == VIEW_NO_MEMBER ||
           electorate->member->leading->followers[number].dead_since_ms != 0;
}

static bool server_is_leaving(const struct electorate *electorate, uint64_t id)
{
    uint16_t number = view_find_member(electorate->view, id);
    return number != VIEW_NO_MEMBER && electorate->view->members[number].state == MEMBER_LEAVING;
}

static void electorate_take(struct electorate *electorate, struct member *member)
{
    electorate->member = member;
    electorate->view = ledger_view(&member->ledger);
    electorate->now = *raft_configuration(member->raft);
    for (uint32_t i = 0; i < electorate->now.count; i++) {
        const struct raft_server *server = &electorate->now.servers[i];
        electorate->voter_count += server->is_voter;
        if (!server->is_voter || server_is_gone(electorate, server->id) ||
            server_is_leaving(electorate, server->id))
            continue;
        electorate->is_voter[view_find_member(electorate->view, server->id)] = true;
        electorate->fit_count++;
    }
    uint32_t able = 0;
    for (uint32_t i = 0; i < electorate->view->member_count; i++) {
        const struct view_member *it = &electorate->view->members[i];
        electorate->is_barred[i] = member->leading->is_suspect[i];
        able += it->id != 0 && it->state == MEMBER_ACTIVE &&
                (electorate->is_voter[i] || !electorate->is_barred[i]);
    }
    electorate->wanted = voters_wanted(able, member->options.voters_max);
}

// ---- Steps; each returns whether it was one ----

static bool electorate_configure(const struct electorate *electorate,
                                 const struct raft_configuration *next)
{
    struct member *member = electorate->member;
    return raft_configure(member->raft, next, member->now_ms) == ERROR_NONE;
}

static bool electorate_remove(const struct electorate *electorate, uint64_t id)
{
    struct raft_configuration next = {0};
    for (uint32_t i = 0; i < electorate->now.count; i++) {
        if (electorate->now.servers[i].id != id)
            next.servers[next.count++] = electorate->now.servers[i];
    }
    return next.count > 0 && electorate_configure(electorate, &next);
}

static bool step_bury(struct electorate *electorate)
{
    for (uint32_t i = 0; i < electorate->now.count; i++) {
        uint64_t id = electorate->now.servers[i].id;
        if (id != electorate->member->options.self.id && server_is_gone(electorate, id))
            return electorate_remove(electorate, id);
    }
    return false;
}

// How many more voters in its zone the most crowded one has than the candidate would have.
static bool zone_is_crowded(const struct electorate *electorate, uint16_t candidate)
{
    uint32_t load = zone_load(electorate->view, electorate->is_voter, candidate);
    for (uint16_t i = 0; i < electorate->view->member_count; i++) {
        if (electorate->is_voter[i] &&
            zone_load(electorate->view, electorate->is_voter, i) >= load + 2)
            return true;
    }
    return false;
}

// The member that is to become a voter next: one is missing, or it would spread them better.
static uint16_t electorate_candidate(const struct electorate *electorate)
{
    uint16_t best = voters_best(electorate->view, electorate->is_voter, electorate->is_barred);
    if (best == VIEW_NO_MEMBER || electorate->voter_count >= VOTERS_MAX ||
        electorate->view->members[best].zone[0] == '\0')
        return electorate->fit_count < electorate->wanted && electorate->voter_count < VOTERS_MAX
                   ? best
                   : VIEW_NO_MEMBER;
    bool is_missing = electorate->fit_count < electorate->wanted;
    bool is_better =
        electorate->fit_count == electorate->wanted && zone_is_crowded(electorate, best);
    return is_missing || is_better ? best : VIEW_NO_MEMBER;
}

static bool step_promote(struct electorate *electorate, uint16_t candidate)
{
    struct leading *leading = electorate->member->leading;
    uint64_t now_ms = electorate->member->now_ms;
    uint64_t wanted = candidate == VIEW_NO_MEMBER ? 0 : electorate->view->members[candidate].id;
    for (uint32_t i = 0; i < electorate->now.count; i++) {
        const struct raft_server *server = &electorate->now.servers[i];
        if (server->is_voter)
            continue;
        bool is_late = now_ms - leading->learner_since_ms > LEARNER_PATIENCE_MS;
        leading->learner_was_late = is_late;
        if (server->id != wanted || is_late)
            return electorate_remove(electorate, server->id);
        struct raft_configuration next = electorate->now;
        next.servers[i].is_voter = true;
        (void)electorate_configure(electorate, &next); // else it lags behind: later
        return true;
    }
    return false;
}

static bool step_add_learner(struct electorate *electorate, uint16_t candidate)
{
    if (candidate == VIEW_NO_MEMBER)
        return false;
    struct raft_configuration next = electorate->now;
    next.servers[next.count++] =
        (struct raft_server){.id = electorate->view->members[candidate].id};
    if (!electorate_configure(electorate, &next))
        return false;
    electorate->member->leading->learner_since_ms = electorate->member->now_ms;
    return true;
}

// Leadership goes to a voter that stays and is heard.
static bool step_hand_over(struct electorate *electorate)
{
    struct member *member = electorate->member;
    for (uint16_t i = 0; i < electorate->view->member_count; i++) {
        uint64_t id = electorate->view->members[i].id;
        if (id != member->options.self.id && electorate->is_voter[i] && !electorate->is_barred[i])
            return raft_transfer(member->raft, id, member->now_ms) == ERROR_NONE;
    }
    return false;
}

// Those that leave go when enough others are there, the leader last: it lets another one lead.
static bool step_retire(struct electorate *electorate)
{
    uint64_t self = electorate->member->options.self.id;
    bool is_full = electorate->voter_count >= VOTERS_MAX;
    if (electorate->fit_count < electorate->wanted && !is_full)
        return false;
    for (uint32_t i = 0; i < electorate->now.count; i++) {
        uint64_t id = electorate->now.servers[i].id;
        if (id != self && server_is_leaving(electorate, id))
            return electorate_remove(electorate, id);
    }
    return (server_is_leaving(electorate, self) || server_is_gone(electorate, self)) &&
           step_hand_over(electorate);
}

// More than wanted: a suspected one goes first, then one of the most crowded zone, a witness before
// a data member, the youngest first. Never the leader.
static bool step_shrink(struct electorate *electorate)
{
    uint16_t surplus = VIEW_NO_MEMBER;
    uint32_t surplus_cost = 0;
    if (electorate->fit_count <= electorate->wanted)
        return false;
    for (uint16_t i = 0; i < electorate->view->member_count; i++) {
        const struct view_member *it = &electorate->view->members[i];
        if (!electorate->is_voter[i] || it->id == electorate->member->options.self.id)
            continue;
        uint32_t cost = 1U + (it->role == MEMBER_WITNESS) +
                        2 * zone_load(electorate->view, electorate->is_voter, i) +
                        (electorate->is_barred[i] ? 4U * VOTERS_MAX : 0);
        if (cost >= surplus_cost) {
            surplus = i;
            surplus_cost = cost;
        }
    }
    return surplus != VIEW_NO_MEMBER &&
           electorate_remove(electorate, electorate->view->members[surplus].id);
}

void voters_run(struct member *member)
{
    struct electorate electorate = {0};
    electorate_take(&electorate, member);
    uint16_t candidate = electorate_candidate(&electorate);
    // A new voter first: should one of the others die now, the one that was taken for dead may come
    // back and make a majority. Unless nobody manages to become one.
    bool has_stepped = (member->leading->learner_was_late && step_bury(&electorate)) ||
                       step_promote(&electorate, candidate) ||
                       step_add_learner(&electorate, candidate) || step_bury(&electorate) ||
                       step_retire(&electorate) || step_shrink(&electorate);
    (void)has_stepped; // the rest follows when this one is committed
}
