// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/raft_internal.h"

bool raft_leader_append(struct raft *raft, struct raft_entry *entry)
{
    const struct raft_store *store = &raft->options.host.store;
    entry->index = raft_log_last_index(&raft->log) + 1;
    entry->term = raft->term;
    if (store->append && !store->append(store->context, entry, 1)) {
        raft_step_down(raft);
        return false;
    }
    raft_log_append(&raft->log, entry);
    return true;
}

// Section 6.4: a new leader does not know what is committed before an entry of its own term is.
void raft_lead(struct raft *raft)
{
    raft->role = RAFT_LEADER;
    raft->leader = raft->options.id;
    raft->term_start_index = raft_log_last_index(&raft->log) + 1;
    raft->quorum_since_ms = raft->now_ms;
    raft->transfer_to = 0;
    raft->lease_floor_index = 0;
    raft_peers_begin(raft);
    struct raft_entry noop = {.kind = RAFT_NOOP};
    if (!raft_leader_append(raft, &noop))
        return;
    raft_send_heartbeats(raft);
    raft_leader_advance(raft);
}

// Section 3.6.2: entries of earlier terms are committed by an entry of the own term only.
static uint64_t leader_committable(const struct raft *raft)
{
    const struct raft_configuration *configuration = &raft->log.configuration;
    uint64_t matched[RAFT_SERVERS_MAX] = {0};
    for (uint32_t i = 0; i < configuration->count; i++)
        matched[i] = raft_match_index(raft, configuration->servers[i].id);
    uint64_t index = raft_quorum_value(configuration, matched);
    if (index <= raft->commit_index || raft_log_term_at(&raft->log, index) != raft->term)
        return raft->commit_index;
    return index;
}

static void leader_send_timeout_now(struct raft *raft, uint64_t to)
{
    struct raft_message *out = raft_compose(raft, RAFT_TIMEOUT_NOW, to);
    out->log_index = raft_log_last_index(&raft->log);
    out->log_term = raft_log_last_term(&raft->log);
    raft_send(raft);
}

// Section 4.2.2: a leader that is not in the configuration goes when that is committed; it names
// somebody who can take over at once.
static void leader_retire(struct raft *raft)
{
    const struct raft_configuration *configuration = &raft->log.configuration;
    for (uint32_t i = 0; i < configuration->count; i++) {
        if (configuration->servers[i].is_voter &&
            raft->peers[i].match_index == raft_log_last_index(&raft->log)) {
            leader_send_timeout_now(raft, raft->peers[i].id);
            break;
        }
    }
    raft_step_down(raft);
}

void raft_leader_advance(struct raft *raft)
{
    uint64_t before = raft->commit_index;
    raft_commit(raft, leader_committable(raft));
    if (raft->role != RAFT_LEADER)
        return;
    raft_send_news(raft, raft->commit_index > before);
    if (raft->log.configuration_index <= raft->commit_index && !raft_is_voter(raft) &&
        raft_is_settled(raft))
        leader_retire(raft);
}

enum error raft_propose(struct raft *raft, struct bytes data, uint64_t now_ms, uint64_t *index)
{
    raft_set_clock(raft, now_ms);
    if (raft->role != RAFT_LEADER || raft->transfer_to != 0)
        return ERROR_NO_QUORUM;
    if (raft_log_last_index(&raft->log) - raft->commit_index >= RAFT_UNCOMMITTED_ENTRIES_MAX)
        return ERROR_OVERLOADED;
    struct raft_entry entry = {.kind = RAFT_COMMAND, .data = data};
    if (!raft_leader_append(raft, &entry))
        return ERROR_NO_QUORUM;
    *index = entry.index;
    raft_leader_advance(raft);
    raft_check(raft);
    return ERROR_NONE;
}

// The latest stamp that a majority has answered; its own counts as just now. 0: there is none.
static uint64_t leader_quorum_round(const struct raft *raft, uint64_t floor_index)
{
    const struct raft_configuration *configuration = &raft->log.configuration;
    uint64_t rounds[RAFT_SERVERS_MAX] = {0};
    for (uint32_t i = 0; i < configuration->count; i++) {
        if (configuration->servers[i].id == raft->options.id)
            rounds[i] = UINT64_MAX;
        else if (raft->peers[i].match_index >= floor_index)
            rounds[i] = raft->peers[i].round;
    }
    return raft_quorum_value(configuration, rounds);
}

// Section 6.2: a leader without a majority is none, and clients should look for another one.
static uint64_t leader_quorum_deadline_ms(const struct raft *raft)
{
    uint64_t round = leader_quorum_round(raft, 0);
    if (round == UINT64_MAX)
        return UINT64_MAX;
    uint64_t since_ms = round > raft->quorum_since_ms ? round - 1 : raft->quorum_since_ms;
    return since_ms + raft->options.election_ms;
}

uint64_t raft_lease_until_ms(const struct raft *raft)
{
    if (raft->role != RAFT_LEADER || raft->transfer_to != 0)
        return 0;
    uint64_t round = leader_quorum_round(raft, raft->lease_floor_index);
    if (round == 0 || round == UINT64_MAX)
        return round;
    // Clocks are read in whole milliseconds, which may shorten what the other one waits by one.
    uint64_t waited_ms = raft->options.election_ms - 1;
    uint64_t lease_ms = waited_ms * 1000 / (1000 + raft->options.drift_per_mille);
    return round - 1 + lease_ms;
}

void raft_leader_transfer(struct raft *raft)
{
    if (raft->transfer_to == 0 ||
        raft_match_index(raft, raft->transfer_to) != raft_log_last_index(&raft->log))
        return;
    raft->transfer_is_sent = true;
    leader_send_timeout_now(raft, raft->transfer_to);
}

enum error raft_transfer(struct raft *raft, uint64_t to, uint64_t now_ms)
{
    raft_set_clock(raft, now_ms);
    if (raft->role != RAFT_LEADER || (raft->transfer_to != 0 && raft->transfer_to != to))
        return ERROR_NO_QUORUM;
    if (to == raft->options.id || !raft_configuration_has_voter(&raft->log.configuration, to))
        return ERROR_INVALID_ARGUMENT;
    if (raft->transfer_to == to)
        return ERROR_NONE;
    raft->transfer_to = to;
    raft->transfer_is_sent = false;
    raft->transfer_deadline_ms = raft->now_ms + raft->options.election_ms;
    raft_leader_transfer(raft);
    raft_check(raft);
    return ERROR_NONE;
}

// Goes on as leader. A TIMEOUT_NOW that is still under way would make voters forget that they have
// heard a leader, so the lease counts only servers with the entry appended now: the target disobeys
// once it has it, and without it gets no vote of those who do.
static void leader_give_up_transfer(struct raft *raft)
{
    raft->transfer_to = 0;
    if (!raft->transfer_is_sent)
        return;
    struct raft_entry noop = {.kind = RAFT_NOOP};
    if (!raft_leader_append(raft, &noop))
        return;
    raft->lease_floor_index = noop.index;
    raft_leader_advance(raft);
}

void raft_leader_tick(struct raft *raft)
{
    if (raft->now_ms >= leader_quorum_deadline_ms(raft)) {
        raft_step_down(raft);
        return;
    }
    if (raft->transfer_to != 0 && raft->now_ms >= raft->transfer_deadline_ms)
        leader_give_up_transfer(raft);
    if (raft->role == RAFT_LEADER && raft->now_ms >= raft->heartbeat_deadline_ms) {
        raft_send_heartbeats(raft);
        raft_leader_transfer(raft);
    }
}

uint64_t raft_leader_deadline_ms(const struct raft *raft)
{
    uint64_t deadline_ms = leader_quorum_deadline_ms(raft);
    if (raft->heartbeat_deadline_ms < deadline_ms)
        deadline_ms = raft->heartbeat_deadline_ms;
    if (raft->transfer_to != 0 && raft->transfer_deadline_ms < deadline_ms)
        deadline_ms = raft->transfer_deadline_ms;
    return deadline_ms;
}
