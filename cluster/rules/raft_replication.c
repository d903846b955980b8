// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/raft_internal.h"

static struct raft_peer *peer_find(struct raft *raft, uint64_t id)
{
    uint32_t place = raft_configuration_place(&raft->log.configuration, id);
    return place < raft->log.configuration.count ? &raft->peers[place] : NULL;
}

uint64_t raft_match_index(const struct raft *raft, uint64_t id)
{
    if (raft->role != RAFT_LEADER)
        return 0;
    if (id == raft->options.id)
        return raft_log_last_index(&raft->log);
    uint32_t place = raft_configuration_place(&raft->log.configuration, id);
    return place < raft->log.configuration.count ? raft->peers[place].match_index : 0;
}

static struct raft_peer peer_begin(const struct raft *raft, uint64_t id)
{
    return (struct raft_peer){.id = id, .next_index = raft_log_last_index(&raft->log) + 1};
}

// Nothing of an earlier leadership stays: a server that was removed since, and is added again, may
// have lost what it had acknowledged then.
void raft_peers_begin(struct raft *raft)
{
    memset(raft->peers, 0, sizeof raft->peers);
    for (uint32_t i = 0; i < raft->log.configuration.count; i++)
        raft->peers[i] = peer_begin(raft, raft->log.configuration.servers[i].id);
}

void raft_peers_follow_configuration(struct raft *raft)
{
    struct raft_peer before[RAFT_SERVERS_MAX];
    memcpy(before, raft->peers, sizeof before);
    raft_peers_begin(raft);
    for (uint32_t i = 0; i < raft->log.configuration.count; i++)
        for (uint32_t j = 0; j < RAFT_SERVERS_MAX; j++)
            if (before[j].id == raft->peers[i].id)
                raft->peers[i] = before[j];
}

// Stamps are the leader's clock, in milliseconds from 1 on.
static uint64_t replication_round(const struct raft *raft)
{
    return raft->now_ms + 1;
}

static void peer_send_install(struct raft *raft, struct raft_peer *peer)
{
    struct raft_message *out = raft_compose(raft, RAFT_INSTALL, peer->id);
    out->round = replication_round(raft);
    out->snapshot = raft->log.snapshot;
    peer->state = RAFT_SNAPSHOT;
    peer->next_index = out->snapshot.index + 1;
    peer->sent_ms = raft->now_ms;
    raft_send(raft);
}

// Entries after `previous` that go into one message: bounded by number, window and bytes.
static uint32_t append_fill(struct raft *raft, const struct raft_peer *peer, uint64_t previous)
{
    struct raft_message *out = &raft->out;
    uint64_t last_index = raft_log_last_index(&raft->log);
    uint64_t window_end = peer->match_index + RAFT_WINDOW_ENTRIES;
    if (peer->state == RAFT_REPLICATE && last_index > window_end)
        last_index = window_end;
    size_t size = 0;
    uint32_t count = 0;
    for (; count < RAFT_APPEND_ENTRIES_MAX && previous + count < last_index; count++) {
        const struct raft_entry *entry = raft_log_at(&raft->log, previous + count + 1);
        size += entry->data.size;
        if (count > 0 && size > RAFT_APPEND_BYTES_MAX)
            break;
        out->entries[count] = *entry;
    }
    return count;
}

static struct raft_message *append_compose(struct raft *raft, uint64_t to, uint64_t previous)
{
    struct raft_message *out = raft_compose(raft, RAFT_APPEND, to);
    out->log_index = previous;
    out->log_term = raft_log_term_at(&raft->log, previous);
    out->index = raft->commit_index;
    out->round = replication_round(raft);
    return out;
}

static void peer_send_append(struct raft *raft, struct raft_peer *peer)
{
    if (peer->next_index <= raft->log.prefix_index) {
        peer_send_install(raft, peer);
        return;
    }
    struct raft_message *out = append_compose(raft, peer->id, peer->next_index - 1);
    out->entry_count = append_fill(raft, peer, peer->next_index - 1);
    if (peer->state == RAFT_REPLICATE)
        peer->next_index += out->entry_count;
    raft_send(raft);
}

// A snapshot takes its time. Meanwhile the server hears that there is a leader; it cannot have the
// entry before, and its refusal is a sign of life.
static void peer_send_snapshot_heartbeat(struct raft *raft, struct raft_peer *peer)
{
    if (raft->now_ms >= peer->sent_ms + raft->options.election_ms) {
        peer_send_install(raft, peer);
        return;
    }
    append_compose(raft, peer->id, raft->log.snapshot.index);
    raft_send(raft);
}

// Section 3.4. A heartbeat is an APPEND like any other: what was lost shows by its refusal.
void raft_send_heartbeats(struct raft *raft)
{
    raft->heartbeat_deadline_ms = raft->now_ms + raft->options.heartbeat_ms;
    for (uint32_t i = 0; i < raft->log.configuration.count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        if (peer->id == raft->options.id)
            continue;
        if (peer->state == RAFT_SNAPSHOT)
            peer_send_snapshot_heartbeat(raft, peer);
        else
            peer_send_append(raft, peer);
    }
}

// Whether an APPEND would carry an entry.
static bool peer_has_work(const struct raft *raft, const struct raft_peer *peer)
{
    return peer->next_index <= raft_log_last_index(&raft->log) &&
           peer->next_index - 1 - peer->match_index < RAFT_WINDOW_ENTRIES;
}

void raft_send_news(struct raft *raft, bool is_committed)
{
    for (uint32_t i = 0; i < raft->log.configuration.count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        bool is_due = is_committed;
        while (peer->state == RAFT_REPLICATE && (is_due || peer_has_work(raft, peer))) {
            peer_send_append(raft, peer);
            is_due = false;
        }
    }
}

// The sender of a reply of this term, which is thereby known to have heard this leader when the
// stamp was made or later (sections 6.2 and 6.4.1); NULL: it is of no concern.
static struct raft_peer *reply_accept(struct raft *raft, const struct raft_message *message)
{
    if (raft->role != RAFT_LEADER || message->term != raft->term ||
        message->round > replication_round(raft) ||
        message->index > raft_log_last_index(&raft->log))
        return NULL;
    struct raft_peer *peer = peer_find(raft, message->from);
    if (peer && message->round > peer->round)
        peer->round = message->round;
    return peer;
}

static void peer_match(struct raft *raft, struct raft_peer *peer, uint64_t index)
{
    if (index > peer->match_index)
        peer->match_index = index;
    if (peer->state != RAFT_REPLICATE && peer->match_index >= raft->log.prefix_index) {
        peer->state = RAFT_REPLICATE;
        peer->next_index = peer->match_index + 1;
    }
    if (peer->next_index <= peer->match_index)
        peer->next_index = peer->match_index + 1;
}

// A follower refuses with a hint below what it was asked for; any other hint is old news. It may
// lie below what is known to match: a term that the follower goes back over can be shared in part.
static void peer_refuse(struct raft *raft, struct raft_peer *peer, uint64_t hint)
{
    if (hint < peer->match_index)
        hint = peer->match_index;
    if (peer->state == RAFT_SNAPSHOT || hint + 1 >= peer->next_index)
        return;
    peer->state = RAFT_PROBE;
    peer->next_index = hint + 1;
    peer_send_append(raft, peer);
}

void raft_receive_append_reply(struct raft *raft, const struct raft_message *message)
{
    struct raft_peer *peer = reply_accept(raft, message);
    if (peer == NULL)
        return;
    if (!message->granted) {
        peer_refuse(raft, peer, message->index);
        return;
    }
    peer_match(raft, peer, message->index);
    raft_leader_advance(raft);
    if (raft->role == RAFT_LEADER && !raft->transfer_is_sent)
        raft_leader_transfer(raft);
}

void raft_receive_install_reply(struct raft *raft, const struct raft_message *message)
{
    struct raft_peer *peer = reply_accept(raft, message);
    if (peer == NULL || !message->granted)
        return;
    peer_match(raft, peer, message->index);
    // Compacted meanwhile beyond what was installed.
    if (peer->state == RAFT_SNAPSHOT)
        peer_send_install(raft, peer);
    raft_leader_advance(raft);
}
