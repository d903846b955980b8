// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/rules/replication_world.h"

static bool message_may_be_lost(const struct message *message)
{
    return message->kind <= APPEND;
}

void link_push(struct world *world, struct queue *queue, const struct message *message)
{
    bool is_full = !world->is_healed && queue->count >= LINK_MAX;
    if (message_may_be_lost(message) && (is_full || world_chance(world, LOSS_PERCENT)))
        return;
    WORLD_CHECK(world, queue->count < QUEUE_MAX);
    queue->messages[queue->count++] = *message;
}

// Any message, but nothing overtakes one that has to come in order.
static struct message queue_take(struct world *world, struct queue *queue)
{
    uint32_t at = world->is_healed ? 0 : (uint32_t)random_below(&world->random, queue->count);
    for (uint32_t i = 0; i < at; i++) {
        if (!message_may_be_lost(&queue->messages[i]))
            at = i;
    }
    struct message message = queue->messages[at];
    if (message_may_be_lost(&message) && world_chance(world, REPEAT_PERCENT))
        return message;
    queue->count--;
    memmove(&queue->messages[at], &queue->messages[at + 1],
            (queue->count - at) * sizeof queue->messages[0]);
    return message;
}

// The backup's number in the primary's list; backup_count: it is not there.
static uint32_t link_place(const struct world *world, uint32_t primary, uint32_t backup)
{
    const struct primary *rules = &world->nodes[primary].primary;
    uint32_t place = 0;
    while (place < rules->backup_count &&
           rules->backups[place].member_id != world->nodes[backup].id)
        place++;
    return place;
}

void link_connect(struct world *world, uint32_t primary, uint32_t backup)
{
    struct link *link = &world->links[primary][backup];
    const struct node *node = &world->nodes[primary];
    if (link->is_up_at_primary || !node_is_awake(node) || !node->is_primary ||
        !world->nodes[backup].is_alive ||
        link_place(world, primary, backup) == node->primary.backup_count)
        return;
    link->is_up_at_primary = true;
    link->is_up_at_backup = true;
    link->is_scanning = false;
    link->to_backup.count = 0;
    link->to_primary.count = 0;
    struct message attach = {.kind = ATTACH, .epoch = node->primary.epoch};
    link_push(world, &link->to_backup, &attach);
}

void link_down_at_primary(struct world *world, uint32_t primary, uint32_t backup)
{
    struct link *link = &world->links[primary][backup];
    if (!link->is_up_at_primary)
        return;
    link->is_up_at_primary = false;
    link->is_scanning = false;
    link->to_primary.count = 0;
    uint32_t place = link_place(world, primary, backup);
    if (world->nodes[primary].is_primary && place < world->nodes[primary].primary.backup_count)
        node_step(world, primary,
                  (struct primary_event){.kind = PRIMARY_LINK_DOWN, .backup = place});
}

void link_down_at_backup(struct world *world, uint32_t primary, uint32_t backup)
{
    struct link *link = &world->links[primary][backup];
    struct node *node = &world->nodes[backup];
    if (!link->is_up_at_backup)
        return;
    link->is_up_at_backup = false;
    link->to_backup.count = 0;
    if (node->attached_to != primary)
        return;
    node->attached_to = NO_NODE;
    struct backup_event event = {.kind = BACKUP_RESET_LINK};
    struct backup_output output;
    backup_step(&node->backup, &event, &output);
    if (output.verdict == BACKUP_ACCEPT)
        node->replica = (struct replica){.first_seq = 1};
}

static void link_take_answer(struct world *world, uint32_t primary, uint32_t backup)
{
    struct message message = queue_take(world, &world->links[primary][backup].to_primary);
    static const enum primary_event_kind kinds[] = {
        [ACK] = PRIMARY_ACK, [GAP] = PRIMARY_GAP, [POSITION] = PRIMARY_LINK_UP};
    node_step(world, primary,
              (struct primary_event){.kind = kinds[message.kind],
                                     .backup = link_place(world, primary, backup),
                                     .epoch = message.epoch,
                                     .seq = message.seq,
                                     .epochs = &message.epochs,
                                     .first_seq = world->nodes[primary].replica.first_seq});
}

bool link_deliver(struct world *world, uint32_t primary, uint32_t backup)
{
    struct link *link = &world->links[primary][backup];
    bool can_answer = link->is_up_at_primary && link->to_primary.count > 0 &&
                      node_is_awake(&world->nodes[primary]);
    bool can_send =
        link->is_up_at_backup && link->to_backup.count > 0 && node_is_awake(&world->nodes[backup]);
    if (!can_answer && !can_send)
        return false;
    if (can_answer && (!can_send || random_below(&world->random, 2) == 0)) {
        link_take_answer(world, primary, backup);
    } else {
        struct message message = queue_take(world, &link->to_backup);
        node_take(world, primary, backup, &message);
    }
    return true;
}

void link_scan(struct world *world, uint32_t primary, uint32_t backup)
{
    struct link *link = &world->links[primary][backup];
    struct node *node = &world->nodes[primary];
    // A full link keeps the scan waiting.
    if (!link->is_scanning || !node_is_awake(node) || link->to_backup.count >= LINK_MAX)
        return;
    struct message message = {.kind = FILL_END, .epoch = node->primary.epoch};
    if (link->scan_key < KEYS) {
        message.kind = FILL_ENTRY;
        message.entry.key = link->scan_key;
        message.entry.value = node->replica.table[link->scan_key++];
        link_push(world, &link->to_backup, &message);
        return;
    }
    link->is_scanning = false;
    uint32_t place = link_place(world, primary, backup);
    node_step(world, primary,
              (struct primary_event){.kind = PRIMARY_FILLED,
                                     .backup = place,
                                     .seq = node->primary.backups[place].sent_seq});
    message.seq = node->primary.backups[place].exact_seq;
    link_push(world, &link->to_backup, &message);
}
