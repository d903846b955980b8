// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/rules/replication_world.h"

static uint64_t node_committed_seq(const struct node *node)
{
    return node->is_primary ? node->primary.committed_seq : node->backup.committed_seq;
}

static bool node_has(const struct world *world, const struct node *node, uint64_t seq)
{
    return node->replica.last_seq >= seq &&
           memcmp(&node->replica.history[1], &world->truth[1], seq * sizeof world->truth[1]) == 0;
}

void world_commit(struct world *world, const struct node *node, uint64_t from_seq)
{
    for (uint64_t seq = from_seq; seq <= node->primary.committed_seq; seq++) {
        uint64_t value = node->replica.history[seq];
        if (seq <= world->truth_last_seq) {
            WORLD_CHECK(world, world->truth[seq] == value);
            continue;
        }
        WORLD_CHECK(world, seq == world->truth_last_seq + 1);
        WORLD_CHECK(world,
                    world->made_epochs[value] != node->primary.epoch || !world->is_fenced[value]);
        world->truth[seq] = value;
        world->truth_last_seq = seq;
        world->counts.commits++;
    }
}

// Every replica in sync has all that was ever acknowledged, and what anybody takes for committed
// is.
void world_check(const struct world *world)
{
    const struct view_state *view = world_view(world);
    for (uint32_t i = 0; i < view->in_sync_count; i++) {
        uint32_t index = world_find(world, view->ids[i]);
        if (index != NO_NODE)
            WORLD_CHECK(world, node_has(world, &world->nodes[index], world->truth_last_seq));
    }
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct node *node = &world->nodes[i];
        if (!node->is_listed)
            continue;
        WORLD_CHECK(world, node_committed_seq(node) <= world->truth_last_seq);
        WORLD_CHECK(world, node_has(world, node, node_committed_seq(node)));
    }
}

// The table is what the log makes of it, and the epochs are what the effects were made under.
void world_check_exact(const struct world *world, const struct node *node)
{
    const struct replica *replica = &node->replica;
    if (!node->is_primary &&
        (node->backup.is_filling || node->backup.last_seq < node->backup.exact_seq))
        return;
    uint64_t table[KEYS] = {0};
    for (uint64_t seq = 1; seq <= replica->last_seq; seq++)
        table[world->keys[replica->history[seq]]] = replica->history[seq];
    WORLD_CHECK(world, memcmp(table, replica->table, sizeof table) == 0);
    const struct epochs *epochs = node->is_primary ? &node->primary.epochs : &node->backup.epochs;
    for (uint64_t seq = 1; seq <= replica->last_seq; seq++) {
        uint64_t run_last_seq;
        uint64_t epoch = epochs_at(epochs, seq, &run_last_seq);
        WORLD_CHECK(world, epoch == 0 || epoch == world->made_epochs[replica->history[seq]]);
    }
}
