// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/raft_internal.h"

// Sections 4.2.3 and 6.4.1: who has heard a leader helps nobody to replace it, for as long as that
// leader may rely on it. Term changes do not matter: the leader may not know of them yet.
bool raft_is_sticky(const struct raft *raft)
{
    return raft->role == RAFT_LEADER || raft->now_ms < raft->sticky_until_ms;
}

static bool election_is_won(const struct raft *raft)
{
    const struct raft_configuration *configuration = &raft->log.configuration;
    uint64_t granted[RAFT_SERVERS_MAX] = {0};
    for (uint32_t i = 0; i < configuration->count; i++)
        granted[i] = raft->granted[i];
    return raft_quorum_value(configuration, granted) == 1;
}

static void election_count(struct raft *raft, uint64_t voter)
{
    uint32_t place = raft_configuration_place(&raft->log.configuration, voter);
    if (place < raft->log.configuration.count)
        raft->granted[place] = true;
}

static void election_begin(struct raft *raft, enum raft_role role)
{
    raft->role = role;
    raft->leader = 0;
    memset(raft->granted, 0, sizeof raft->granted);
    election_count(raft, raft->options.id);
    raft_reset_election_deadline(raft);
}

static void election_ask(struct raft *raft, enum raft_message_kind kind, uint64_t term,
                         bool is_transfer)
{
    const struct raft_configuration *configuration = &raft->log.configuration;
    for (uint32_t i = 0; i < configuration->count; i++) {
        const struct raft_server *server = &configuration->servers[i];
        if (!server->is_voter || server->id == raft->options.id)
            continue;
        struct raft_message *out = raft_compose(raft, kind, server->id);
        out->term = term;
        out->log_index = raft_log_last_index(&raft->log);
        out->log_term = raft_log_last_term(&raft->log);
        out->is_transfer = is_transfer;
        raft_send(raft);
    }
}

static void election_vote(struct raft *raft, bool is_transfer)
{
    CHECK(is_transfer || !raft_is_sticky(raft));
    if (!raft_save_term(raft, raft->term + 1, raft->options.id)) {
        raft_step_down(raft);
        raft_reset_election_deadline(raft);
        return;
    }
    election_begin(raft, RAFT_CANDIDATE);
    if (election_is_won(raft))
        raft_lead(raft);
    else
        election_ask(raft, RAFT_VOTE, raft->term, is_transfer);
}

// Section 9.6: asks first whether it could win, so that a server that cannot hear the others does
// not come back with a term that ends their leader's.
void raft_campaign(struct raft *raft, bool is_transfer)
{
    if (is_transfer) {
        election_vote(raft, true);
        return;
    }
    election_begin(raft, RAFT_PRE_CANDIDATE);
    if (election_is_won(raft))
        election_vote(raft, false);
    else
        election_ask(raft, RAFT_PRE_VOTE, raft->term + 1, false);
}

// Section 3.6.1: only who has at least what the voter has may become leader. The voter's own
// configuration is not asked (section 4.1): it may be older than the entry that makes it a voter.
static bool candidate_is_up_to_date(const struct raft *raft, const struct raft_message *message)
{
    uint64_t last_term = raft_log_last_term(&raft->log);
    if (message->log_term != last_term)
        return message->log_term > last_term;
    return message->log_index >= raft_log_last_index(&raft->log);
}

// The reply carries the real term, also when it refuses: a candidate with the longer log at a lower
// term would else ask for ever in vain.
static void election_reply(struct raft *raft, const struct raft_message *message,
                           enum raft_message_kind kind, bool granted)
{
    raft_compose(raft, kind, message->from)->granted = granted;
    raft_send(raft);
}

void raft_receive_pre_vote(struct raft *raft, const struct raft_message *message)
{
    bool granted = message->term > raft->term && !raft_is_sticky(raft) &&
                   candidate_is_up_to_date(raft, message);
    election_reply(raft, message, RAFT_PRE_VOTE_REPLY, granted);
}

void raft_receive_vote(struct raft *raft, const struct raft_message *message)
{
    bool is_free = raft->voted_for == 0 || raft->voted_for == message->from;
    bool granted = message->term == raft->term && is_free &&
                   (message->is_transfer || !raft_is_sticky(raft)) &&
                   candidate_is_up_to_date(raft, message);
    // Section 3.8: the vote must be on stable storage before it is given.
    if (granted && !raft_save_term(raft, raft->term, message->from))
        return;
    if (granted)
        raft_reset_election_deadline(raft);
    election_reply(raft, message, RAFT_VOTE_REPLY, granted);
}

void raft_receive_vote_reply(struct raft *raft, const struct raft_message *message)
{
    bool is_pre_vote = message->kind == RAFT_PRE_VOTE_REPLY;
    if (raft->role != (is_pre_vote ? RAFT_PRE_CANDIDATE : RAFT_CANDIDATE) || !message->granted)
        return;
    // A voter that grants a pre-vote may be in an earlier term.
    if (!is_pre_vote && message->term != raft->term)
        return;
    election_count(raft, message->from);
    if (!election_is_won(raft))
        return;
    if (is_pre_vote)
        election_vote(raft, false);
    else
        raft_lead(raft);
}

// Section 3.10. An order that comes late must not harm the lease of a leader that has given up the
// transfer meanwhile: that one has appended an entry since, and whoever has it disobeys.
void raft_receive_timeout_now(struct raft *raft, const struct raft_message *message)
{
    if (message->term != raft->term || raft->role == RAFT_LEADER || !raft_may_campaign(raft))
        return;
    if (message->log_index == raft_log_last_index(&raft->log) &&
        message->log_term == raft_log_last_term(&raft->log))
        raft_campaign(raft, true);
}
