// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/raft_internal.h"

uint32_t raft_configuration_place(const struct raft_configuration *configuration, uint64_t id)
{
    uint32_t place = 0;
    while (place < configuration->count && configuration->servers[place].id != id)
        place++;
    return place;
}

bool raft_configuration_has_voter(const struct raft_configuration *configuration, uint64_t id)
{
    uint32_t place = raft_configuration_place(configuration, id);
    return place < configuration->count && configuration->servers[place].is_voter;
}

static uint32_t voter_count(const struct raft_configuration *configuration)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < configuration->count; i++)
        count += configuration->servers[i].is_voter;
    return count;
}

bool raft_configuration_is_valid(const struct raft_configuration *configuration)
{
    if (configuration->count > RAFT_SERVERS_MAX)
        return false;
    for (uint32_t i = 0; i < configuration->count; i++) {
        uint64_t id = configuration->servers[i].id;
        if (id == 0 || raft_configuration_place(configuration, id) != i)
            return false;
    }
    uint32_t voters = voter_count(configuration);
    return voters >= 1 && voters <= VOTERS_MAX;
}

uint64_t raft_quorum_value(const struct raft_configuration *configuration, const uint64_t *values)
{
    uint64_t sorted[RAFT_SERVERS_MAX]; // descending
    uint32_t count = 0;
    for (uint32_t i = 0; i < configuration->count; i++) {
        if (!configuration->servers[i].is_voter)
            continue;
        uint32_t place = count++;
        for (; place > 0 && sorted[place - 1] < values[i]; place--)
            sorted[place] = sorted[place - 1];
        sorted[place] = values[i];
    }
    CHECK(count > 0);
    return sorted[count / 2];
}

// Section 4.2.2: a server that an uncommitted entry has removed may be the only one who has that
// entry, and nobody else could be elected before it is passed on.
bool raft_may_campaign(const struct raft *raft)
{
    const struct raft_log *log = &raft->log;
    if (raft_is_voter(raft))
        return true;
    if (log->configuration_index <= raft->commit_index)
        return false;
    uint64_t set_at;
    return raft_configuration_has_voter(
        raft_log_configuration_at(log, log->configuration_index - 1, &set_at), raft->options.id);
}

static bool server_is_heard(const struct raft *raft, uint64_t id)
{
    uint32_t place = raft_configuration_place(&raft->log.configuration, id);
    return id == raft->options.id ||
           (place < raft->log.configuration.count &&
            raft->peers[place].round + raft->options.election_ms > raft->now_ms);
}

// Caught up, so that the new majority does not wait for it (section 4.2.1).
static bool learner_is_ready(const struct raft *raft, uint64_t id)
{
    const struct raft_peer *peer =
        &raft->peers[raft_configuration_place(&raft->log.configuration, id)];
    return peer->state == RAFT_REPLICATE && server_is_heard(raft, id) &&
           peer->match_index + RAFT_LAG_ENTRIES_MAX >= raft_log_last_index(&raft->log);
}

// A change that its own servers could not commit would be the last thing that this group does:
// removing a living server while others are dead.
static bool change_has_quorum(const struct raft *raft, const struct raft_configuration *next)
{
    uint64_t heard[RAFT_SERVERS_MAX] = {0};
    for (uint32_t i = 0; i < next->count; i++)
        heard[i] = server_is_heard(raft, next->servers[i].id);
    return raft_quorum_value(next, heard) == 1;
}

// Section 4.1: with one server at a time any two majorities of old and new share a server.
static enum error change_judge(const struct raft *raft, const struct raft_configuration *next)
{
    const struct raft_configuration *now = &raft->log.configuration;
    uint32_t changes = 0;
    uint64_t promoted = 0;
    for (uint32_t i = 0; i < now->count; i++)
        changes += raft_configuration_place(next, now->servers[i].id) == next->count;
    for (uint32_t i = 0; i < next->count; i++) {
        const struct raft_server *server = &next->servers[i];
        uint32_t place = raft_configuration_place(now, server->id);
        bool is_new = place == now->count;
        if (!is_new && server->is_voter == now->servers[place].is_voter)
            continue;
        // Voters come out of learners, and do not become any again.
        if (is_new == server->is_voter)
            return ERROR_INVALID_ARGUMENT;
        changes++;
        if (!is_new)
            promoted = server->id;
    }
    if (changes != 1)
        return ERROR_INVALID_ARGUMENT;
    if (promoted != 0 && !learner_is_ready(raft, promoted))
        return ERROR_OVERLOADED;
    return change_has_quorum(raft, next) ? ERROR_NONE : ERROR_OVERLOADED;
}

enum error raft_configure(struct raft *raft, const struct raft_configuration *next, uint64_t now_ms)
{
    raft_set_clock(raft, now_ms);
    if (raft->role != RAFT_LEADER || raft->transfer_to != 0)
        return ERROR_NO_QUORUM;
    // An entry of the own term first: Ongaro, "bug in single-server membership changes", raft-dev,
    // 10 July 2015. And one change after the other (section 4.1).
    if (!raft_is_settled(raft) || raft->log.configuration_index > raft->commit_index)
        return ERROR_OVERLOADED;
    if (!raft_configuration_is_valid(next) || next->count - voter_count(next) > RAFT_LEARNERS_MAX)
        return ERROR_INVALID_ARGUMENT;
    enum error error = change_judge(raft, next);
    if (error != ERROR_NONE)
        return error;
    struct raft_entry entry = {.kind = RAFT_CONFIGURATION, .configuration = *next};
    if (!raft_leader_append(raft, &entry))
        return ERROR_NO_QUORUM;
    raft_peers_follow_configuration(raft);
    raft_send_heartbeats(raft);
    raft_leader_advance(raft);
    raft_check(raft);
    return ERROR_NONE;
}
