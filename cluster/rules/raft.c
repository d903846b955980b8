// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/memory.h"
#include "cluster/rules/raft_internal.h"

struct raft *raft_new(const struct raft_options *options, uint64_t now_ms)
{
    CHECK(options->id != 0);
    CHECK(options->heartbeat_ms > 0);
    CHECK(options->election_ms > options->heartbeat_ms);
    CHECK(options->log_entries_max > 0);
    struct raft *raft = memory_new(sizeof *raft);
    raft->options = *options;
    raft->random.state = options->seed;
    raft->now_ms = now_ms;
    raft_reset_election_deadline(raft);
    return raft;
}

void raft_free(struct raft *raft)
{
    if (raft == NULL)
        return;
    raft_log_deinit(&raft->log);
    free(raft);
}

void raft_set_clock(struct raft *raft, uint64_t now_ms)
{
    if (now_ms > raft->now_ms)
        raft->now_ms = now_ms;
}

// Section 3.4: time-outs are spread, so that most elections have one candidate.
void raft_reset_election_deadline(struct raft *raft)
{
    raft->election_deadline_ms = raft->now_ms + raft->options.election_ms +
                                 random_below(&raft->random, raft->options.election_ms);
}

struct raft_message *raft_compose(struct raft *raft, enum raft_message_kind kind, uint64_t to)
{
    struct raft_message *out = &raft->out;
    out->kind = kind;
    out->from = raft->options.id;
    out->to = to;
    out->term = raft->term;
    out->log_index = 0;
    out->log_term = 0;
    out->is_transfer = false;
    out->granted = false;
    out->index = 0;
    out->round = 0;
    out->entry_count = 0;
    out->snapshot = (struct raft_snapshot){0};
    return out;
}

void raft_send(struct raft *raft)
{
    raft->options.host.send(raft->options.host.context, &raft->out);
}

bool raft_save_term(struct raft *raft, uint64_t term, uint64_t voted_for)
{
    const struct raft_store *store = &raft->options.host.store;
    if (store->save_term && !store->save_term(store->context, term, voted_for))
        return false;
    raft->term = term;
    raft->voted_for = voted_for;
    return true;
}

void raft_step_down(struct raft *raft)
{
    // A leader's own deadline has long passed.
    if (raft->role == RAFT_LEADER)
        raft_reset_election_deadline(raft);
    raft->role = RAFT_FOLLOWER;
    raft->leader = 0;
    raft->transfer_to = 0;
}

bool raft_advance_term(struct raft *raft, uint64_t term)
{
    raft_step_down(raft);
    return raft_save_term(raft, term, 0);
}

static void raft_compact(struct raft *raft)
{
    const struct raft_host *host = &raft->options.host;
    uint64_t entries_max = raft->options.log_entries_max;
    if (raft->applied_index - raft->log.prefix_index <= entries_max)
        return;
    struct buffer data = {0};
    host->save(host->context, &data);
    struct raft_snapshot snapshot = {.index = raft->applied_index, .data = buffer_bytes(&data)};
    snapshot.term = raft_log_term_at(&raft->log, snapshot.index);
    snapshot.configuration =
        *raft_log_configuration_at(&raft->log, snapshot.index, &snapshot.configuration_index);
    // A store that fails leaves the log as it is; the next commit tries again.
    if (!host->store.save_snapshot || host->store.save_snapshot(host->store.context, &snapshot))
        raft_log_compact(&raft->log, &snapshot, snapshot.index - entries_max / RAFT_TAIL_SHARE);
    else
        raft_step_down(raft);
    buffer_deinit(&data);
}

void raft_commit(struct raft *raft, uint64_t index)
{
    const struct raft_host *host = &raft->options.host;
    if (index <= raft->commit_index)
        return;
    CHECK(index <= raft_log_last_index(&raft->log));
    raft->commit_index = index;
    while (raft->applied_index < raft->commit_index) {
        raft->applied_index++;
        host->apply(host->context, raft_log_at(&raft->log, raft->applied_index));
    }
    raft_compact(raft);
}

void raft_bootstrap(struct raft *raft, const struct raft_snapshot *snapshot, uint64_t now_ms)
{
    const struct raft_host *host = &raft->options.host;
    CHECK(snapshot->index > 0);
    CHECK(snapshot->term > 0);
    CHECK(raft_configuration_is_valid(&snapshot->configuration));
    raft_set_clock(raft, now_ms);
    // Another first server was faster, and its leader has already told everything.
    if (raft_log_last_index(&raft->log) > 0)
        return;
    uint64_t term = raft->term > snapshot->term ? raft->term : snapshot->term;
    if (!raft_save_term(raft, term, raft->voted_for))
        return;
    if (host->store.save_snapshot && !host->store.save_snapshot(host->store.context, snapshot))
        return;
    raft_log_reset(&raft->log, snapshot);
    raft->commit_index = raft->applied_index = snapshot->index;
    raft_reset_election_deadline(raft);
    // Nobody to wait for.
    if (snapshot->configuration.count == 1 && raft_is_voter(raft))
        raft->election_deadline_ms = raft->now_ms;
    host->restore(host->context, &raft->log.snapshot);
    raft_check(raft);
}

// What no server of this grid would send. It is refused here, so that the rules may rely on it.
static bool message_is_valid(const struct raft *raft, const struct raft_message *message)
{
    if (message->to != raft->options.id || message->from == raft->options.id || message->from == 0)
        return false;
    if (message->kind == RAFT_INSTALL) {
        const struct raft_snapshot *snapshot = &message->snapshot;
        return snapshot->index > 0 && snapshot->term <= message->term &&
               snapshot->configuration_index <= snapshot->index &&
               raft_configuration_is_valid(&snapshot->configuration);
    }
    if (message->kind != RAFT_APPEND)
        return true;
    uint64_t term = message->log_term;
    for (uint32_t i = 0; i < message->entry_count; i++) {
        const struct raft_entry *entry = &message->entries[i];
        if (entry->index != message->log_index + 1 + i || entry->term < term)
            return false;
        if (entry->kind == RAFT_CONFIGURATION &&
            !raft_configuration_is_valid(&entry->configuration))
            return false;
        term = entry->term;
    }
    return message->entry_count <= RAFT_APPEND_ENTRIES_MAX && term <= message->term;
}

// Section 3.3: a later term ends whatever this server is. A PRE_VOTE only asks (section 9.6), and
// a VOTE while a leader is heard is not even looked at (section 4.2.3).
static bool message_settles_term(struct raft *raft, const struct raft_message *message)
{
    if (message->term <= raft->term || message->kind == RAFT_PRE_VOTE)
        return true;
    if (message->kind == RAFT_VOTE && !message->is_transfer && raft_is_sticky(raft))
        return false;
    return raft_advance_term(raft, message->term);
}

static void raft_dispatch(struct raft *raft, const struct raft_message *message)
{
    switch (message->kind) {
    case RAFT_PRE_VOTE:
        raft_receive_pre_vote(raft, message);
        break;
    case RAFT_VOTE:
        raft_receive_vote(raft, message);
        break;
    case RAFT_PRE_VOTE_REPLY:
    case RAFT_VOTE_REPLY:
        raft_receive_vote_reply(raft, message);
        break;
    case RAFT_APPEND:
        raft_receive_append(raft, message);
        break;
    case RAFT_APPEND_REPLY:
        raft_receive_append_reply(raft, message);
        break;
    case RAFT_INSTALL:
        raft_receive_install(raft, message);
        break;
    case RAFT_INSTALL_REPLY:
        raft_receive_install_reply(raft, message);
        break;
    case RAFT_TIMEOUT_NOW:
        raft_receive_timeout_now(raft, message);
        break;
    default:
        break;
    }
}

void raft_receive(struct raft *raft, const struct raft_message *message, uint64_t now_ms)
{
    raft_set_clock(raft, now_ms);
    if (!message_is_valid(raft, message) || !message_settles_term(raft, message))
        return;
    raft_dispatch(raft, message);
    raft_check(raft);
}

void raft_tick(struct raft *raft, uint64_t now_ms)
{
    raft_set_clock(raft, now_ms);
    if (raft->role == RAFT_LEADER) {
        raft_leader_tick(raft);
    } else if (raft->now_ms >= raft->election_deadline_ms) {
        raft->leader = 0;
        if (raft_may_campaign(raft))
            raft_campaign(raft, false);
    }
    raft_check(raft);
}

uint64_t raft_deadline_ms(const struct raft *raft)
{
    if (raft->role == RAFT_LEADER)
        return raft_leader_deadline_ms(raft);
    bool is_waiting = raft->leader != 0 || raft_may_campaign(raft);
    return is_waiting ? raft->election_deadline_ms : UINT64_MAX;
}

enum raft_role raft_role(const struct raft *raft)
{
    return raft->role;
}

uint64_t raft_term(const struct raft *raft)
{
    return raft->term;
}

uint64_t raft_leader(const struct raft *raft)
{
    return raft->leader;
}

uint64_t raft_commit_index(const struct raft *raft)
{
    return raft->commit_index;
}

uint64_t raft_applied_index(const struct raft *raft)
{
    return raft->applied_index;
}

uint64_t raft_last_index(const struct raft *raft)
{
    return raft_log_last_index(&raft->log);
}

bool raft_is_settled(const struct raft *raft)
{
    return raft->role == RAFT_LEADER && raft->applied_index >= raft->term_start_index;
}

const struct raft_configuration *raft_configuration(const struct raft *raft)
{
    return &raft->log.configuration;
}

bool raft_is_voter(const struct raft *raft)
{
    return raft_configuration_has_voter(&raft->log.configuration, raft->options.id);
}

static void raft_check_leader(const struct raft *raft)
{
    uint64_t last_index = raft_log_last_index(&raft->log);
    CHECK(raft->leader == raft->options.id);
    CHECK(raft->term_start_index <= last_index);
    for (uint32_t i = 0; i < raft->log.configuration.count; i++) {
        const struct raft_peer *peer = &raft->peers[i];
        CHECK(peer->id == raft->log.configuration.servers[i].id);
        CHECK(peer->match_index < peer->next_index);
        CHECK(peer->next_index <= last_index + 1);
        CHECK(peer->round <= raft->now_ms + 1);
    }
}

void raft_check(const struct raft *raft)
{
    const struct raft_log *log = &raft->log;
    CHECK(log->prefix_index <= log->snapshot.index);
    CHECK(log->snapshot.index <= raft->applied_index);
    CHECK(raft->applied_index == raft->commit_index);
    CHECK(raft->commit_index <= raft_log_last_index(log));
    CHECK(raft_log_last_term(log) <= raft->term);
    CHECK(raft->role == RAFT_FOLLOWER || log->configuration.count > 0);
    CHECK(raft->role == RAFT_LEADER || raft->transfer_to == 0);
    if (raft->role == RAFT_LEADER)
        raft_check_leader(raft);
    else
        CHECK(raft->leader != raft->options.id);
}
