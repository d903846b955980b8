// SPDX-License-Identifier: Apache-2.0
#include "cluster/rules/raft_internal.h"

static void follower_reply(struct raft *raft, const struct raft_message *message, bool granted,
                           uint64_t index)
{
    enum raft_message_kind kind =
        message->kind == RAFT_APPEND ? RAFT_APPEND_REPLY : RAFT_INSTALL_REPLY;
    struct raft_message *out = raft_compose(raft, kind, message->from);
    out->granted = granted;
    out->index = index;
    out->round = message->round;
    raft_send(raft);
}

// False: the sender is not the leader of this term.
static bool follower_obey(struct raft *raft, const struct raft_message *message)
{
    if (message->term < raft->term) {
        // The sender learns that its time is over.
        follower_reply(raft, message, false, 0);
        return false;
    }
    // There is one leader in a term: another one is of another grid.
    if (raft->role == RAFT_LEADER || (raft->leader != 0 && raft->leader != message->from))
        return false;
    raft->role = RAFT_FOLLOWER;
    raft->leader = message->from;
    raft->sticky_until_ms = raft->now_ms + raft->options.election_ms;
    raft_reset_election_deadline(raft);
    return true;
}

enum append_verdict { APPEND_FITS, APPEND_REFUSED, APPEND_FOREIGN };

// Section 3.5, the consistency check. What is committed is shared with every later leader (section
// 3.6.3), so an APPEND that begins below the compacted prefix fits.
static enum append_verdict append_judge(const struct raft *raft, const struct raft_message *message,
                                        uint64_t *hint)
{
    const struct raft_log *log = &raft->log;
    uint64_t previous = message->log_index;
    *hint = raft_log_last_index(log);
    if (previous > *hint)
        return APPEND_REFUSED;
    if (previous < log->prefix_index || raft_log_term_at(log, previous) == message->log_term)
        return APPEND_FITS;
    if (previous <= raft->commit_index)
        return APPEND_FOREIGN;
    // Section 3.5, end: the leader skips the whole term in question.
    *hint = raft_log_term_start(log, previous) - 1;
    if (*hint < raft->commit_index)
        *hint = raft->commit_index;
    return APPEND_REFUSED;
}

// How many of the message's entries are in the log already. The others replace what stands there.
static uint32_t append_known_count(const struct raft_log *log, const struct raft_message *message)
{
    uint32_t known = 0;
    for (; known < message->entry_count; known++) {
        const struct raft_entry *entry = &message->entries[known];
        if (entry->index <= log->prefix_index)
            continue;
        if (entry->index > raft_log_last_index(log) ||
            raft_log_term_at(log, entry->index) != entry->term)
            break;
    }
    return known;
}

// False: the store failed, or the entries contradict what is committed.
static bool append_take(struct raft *raft, const struct raft_message *message)
{
    const struct raft_store *store = &raft->options.host.store;
    uint32_t known = append_known_count(&raft->log, message);
    if (known == message->entry_count)
        return true;
    const struct raft_entry *fresh = &message->entries[known];
    if (fresh->index <= raft->commit_index)
        return false;
    if (fresh->index <= raft_log_last_index(&raft->log)) {
        if (store->truncate && !store->truncate(store->context, fresh->index))
            return false;
        raft_log_truncate(&raft->log, fresh->index);
    }
    uint32_t fresh_count = message->entry_count - known;
    if (store->append && !store->append(store->context, fresh, fresh_count))
        return false;
    for (uint32_t i = 0; i < fresh_count; i++)
        raft_log_append(&raft->log, &fresh[i]);
    return true;
}

void raft_receive_append(struct raft *raft, const struct raft_message *message)
{
    if (!follower_obey(raft, message))
        return;
    uint64_t hint;
    enum append_verdict verdict = append_judge(raft, message, &hint);
    if (verdict == APPEND_REFUSED)
        follower_reply(raft, message, false, hint);
    if (verdict != APPEND_FITS || !append_take(raft, message))
        return;
    // No more than this request vouches for: what is stored beyond may be of another leader.
    uint64_t shared_index = message->log_index + message->entry_count;
    follower_reply(raft, message, true, shared_index);
    raft_commit(raft, message->index < shared_index ? message->index : shared_index);
}

// The whole log gives way to the snapshot. False: the store failed.
static bool install_take(struct raft *raft, const struct raft_snapshot *snapshot)
{
    const struct raft_host *host = &raft->options.host;
    const struct raft_store *store = &host->store;
    // In this order: entries that were acknowledged must not be gone before the snapshot is safe.
    if (store->save_snapshot && !store->save_snapshot(store->context, snapshot))
        return false;
    if (raft_log_last_index(&raft->log) > snapshot->index && store->truncate &&
        !store->truncate(store->context, snapshot->index + 1))
        return false;
    raft_log_reset(&raft->log, snapshot);
    raft->commit_index = raft->applied_index = snapshot->index;
    host->restore(host->context, &raft->log.snapshot);
    return true;
}

// Section 5.1. A snapshot of what this server has anyway only says that it is committed.
void raft_receive_install(struct raft *raft, const struct raft_message *message)
{
    const struct raft_snapshot *snapshot = &message->snapshot;
    if (!follower_obey(raft, message))
        return;
    if (snapshot->index > raft->commit_index) {
        bool is_known = snapshot->index <= raft_log_last_index(&raft->log) &&
                        raft_log_term_at(&raft->log, snapshot->index) == snapshot->term;
        if (is_known)
            raft_commit(raft, snapshot->index);
        else if (!install_take(raft, snapshot))
            return;
    }
    follower_reply(raft, message, true, snapshot->index);
}
