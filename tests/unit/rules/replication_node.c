// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/rules/replication_world.h"

// ---- The replica ----

static void replica_reset(struct replica *replica, uint64_t seq)
{
    *replica = (struct replica){.first_seq = seq + 1, .last_seq = seq};
}

static void replica_append(struct world *world, struct replica *replica, uint64_t value)
{
    uint32_t key = world->keys[value];
    uint64_t seq = ++replica->last_seq;
    WORLD_CHECK(world, seq <= SEQ_MAX);
    replica->log[seq] = value;
    replica->history[seq] = value;
    replica->old_values[seq] = replica->table[key];
    replica->table[key] = value;
}

static void replica_cut(struct world *world, struct replica *replica, uint64_t last_seq)
{
    WORLD_CHECK(world, last_seq + 1 >= replica->first_seq);
    for (; replica->last_seq > last_seq; replica->last_seq--) {
        uint32_t key = world->keys[replica->log[replica->last_seq]];
        replica->table[key] = replica->old_values[replica->last_seq];
    }
}

// ---- The primary's side ----

static void node_send(struct world *world, uint32_t index, uint32_t backup,
                      struct primary_send send)
{
    struct node *node = &world->nodes[index];
    struct replica *replica = &node->replica;
    WORLD_CHECK(world, send.from_seq >= replica->first_seq && send.to_seq <= replica->last_seq);
    while (send.from_seq <= send.to_seq) {
        uint32_t count = FRAME_EFFECTS;
        if (!world->is_healed)
            count = 1 + (uint32_t)random_below(&world->random, FRAME_EFFECTS);
        if (count > send.to_seq - send.from_seq + 1)
            count = (uint32_t)(send.to_seq - send.from_seq + 1);
        struct message message = {.kind = APPEND,
                                  .epoch = node->primary.epoch,
                                  .seq = send.from_seq,
                                  .count = count,
                                  .commit_seq = node->primary.committed_seq,
                                  .made_epoch = send.made_epoch};
        memcpy(message.values, &replica->log[send.from_seq], count * sizeof message.values[0]);
        link_push(world, &world->links[index][backup].to_backup, &message);
        send.from_seq += count;
    }
}

static void node_fill(struct world *world, uint32_t index, uint32_t place, uint32_t backup)
{
    const struct primary *primary = &world->nodes[index].primary;
    struct link *link = &world->links[index][backup];
    struct message message = {.kind = FILL_BEGIN,
                              .epoch = primary->epoch,
                              .seq = primary->backups[place].sent_seq,
                              .epochs = primary->epochs};
    epochs_cut(&message.epochs, message.seq);
    link_push(world, &link->to_backup, &message);
    link->is_scanning = true;
    link->scan_key = 0;
    world->counts.fills++;
}

static void node_obey(struct world *world, uint32_t index, const struct primary_output *output)
{
    const struct primary *primary = &world->nodes[index].primary;
    for (uint32_t i = 0; i < primary->backup_count; i++) {
        if (!output->cut[i] && !output->fill[i] && output->send[i].from_seq == 0)
            continue;
        uint32_t backup = world_find(world, primary->backups[i].member_id);
        WORLD_CHECK(world, backup != NO_NODE && world->links[index][backup].is_up_at_primary);
        if (output->cut[i]) {
            struct message message = {
                .kind = CUT, .epoch = primary->epoch, .seq = primary->backups[i].matched_seq};
            link_push(world, &world->links[index][backup].to_backup, &message);
        }
        if (output->fill[i])
            node_fill(world, index, i, backup);
        if (output->send[i].from_seq > 0)
            node_send(world, index, backup, output->send[i]);
    }
    WORLD_CHECK(world, output->needed_seq >= primary->first_seq);
    world->nodes[index].needed_seq = output->needed_seq;
}

void node_step(struct world *world, uint32_t index, struct primary_event event)
{
    struct node *node = &world->nodes[index];
    struct primary_output output = {.more = true};
    uint64_t committed_seq = node->primary.committed_seq;
    event.now_ms = world->now_ms;
    while (output.more) {
        primary_step(&node->primary, &event, &output);
        node_obey(world, index, &output);
        event = (struct primary_event){.kind = PRIMARY_TICK, .now_ms = world->now_ms};
    }
    world_commit(world, node, committed_seq + 1);
}

void node_write(struct world *world, uint32_t index)
{
    struct node *node = &world->nodes[index];
    uint32_t blamed;
    if (!node_is_awake(node) || !node->is_primary || node->is_stopped ||
        node->replica.last_seq == SEQ_MAX || world->value_count + 1 == VALUES_MAX ||
        primary_write_refusal(&node->primary, &blamed) != ERROR_NONE)
        return;
    uint64_t value = ++world->value_count;
    world->made_epochs[value] = node->primary.epoch;
    world->keys[value] = (uint32_t)random_below(&world->random, KEYS);
    const struct view_state *view = world_view(world);
    for (uint32_t i = 0; i < view->in_sync_count; i++) {
        uint32_t other = world_find(world, view->ids[i]);
        if (other == NO_NODE)
            continue;
        const struct node *copy = &world->nodes[other];
        uint64_t epoch = copy->is_primary ? copy->primary.epoch : copy->backup.epoch;
        world->is_fenced[value] |= epoch > node->primary.epoch;
    }
    world->counts.stale_writes += view->epoch > node->primary.epoch;
    replica_append(world, &node->replica, value);
    node_step(world, index,
              (struct primary_event){.kind = PRIMARY_APPENDED,
                                     .last_seq = node->replica.last_seq,
                                     .first_seq = node->replica.first_seq});
}

void node_trim(struct world *world, uint32_t index)
{
    struct node *node = &world->nodes[index];
    struct replica *replica = &node->replica;
    uint64_t to_seq = node->is_primary ? node->needed_seq : node->backup.committed_seq + 1;
    if (node->is_listed && to_seq > replica->first_seq)
        replica->first_seq += random_below(&world->random, to_seq - replica->first_seq + 1);
}

void node_announce(struct world *world, uint32_t index, uint32_t backup)
{
    const struct node *node = &world->nodes[index];
    for (uint32_t i = 0; node->is_primary && i < node->primary.backup_count; i++) {
        const struct primary_backup *it = &node->primary.backups[i];
        if (it->member_id != world->nodes[backup].id || it->state != BACKUP_TAILING)
            continue;
        struct message message = {.kind = APPEND,
                                  .epoch = node->primary.epoch,
                                  .seq = it->sent_seq + 1,
                                  .commit_seq = node->primary.committed_seq};
        link_push(world, &world->links[index][backup].to_backup, &message);
    }
}

static void wish_post(struct world *world, const struct node *node, const struct wish *wish)
{
    uint64_t place = random_below(&world->random, WISHES_MAX);
    world->wishes[place] = (struct pending_wish){.from_id = node->id, .wish = *wish};
}

void node_wish(struct world *world, uint32_t index)
{
    struct node *node = &world->nodes[index];
    if (!node_is_awake(node) || !node->is_primary)
        return;
    struct wish wish;
    for (uint32_t i = 0; i < node->primary.backup_count; i++) {
        world->counts.losses += node->primary.backups[i].state == BACKUP_LOST;
        if (primary_wish(&node->primary, i, world->now_ms, &wish))
            wish_post(world, node, &wish);
    }
    if (node->is_stopped && primary_is_quiet(&node->primary)) {
        wish = (struct wish){.kind = WISH_YIELD,
                             .based_on = node->primary.version,
                             .member_id = world->views[node->known - 1].handover};
        wish_post(world, node, &wish);
    }
    primary_check(&node->primary);
}

// ---- The view ----

void replica_start(struct world *world, uint32_t index)
{
    struct node *node = &world->nodes[index];
    *node = (struct node){.id = ++world->next_id, .is_alive = true, .attached_to = NO_NODE};
    replica_reset(&node->replica, 0);
}

static void node_hang_up(struct world *world, uint32_t index)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        world->links[index][i].is_up_at_primary = false;
        world->links[index][i].is_scanning = false;
        world->links[index][i].to_primary.count = 0;
    }
}

void node_step_down(struct world *world, uint32_t index, uint64_t epoch)
{
    struct node *node = &world->nodes[index];
    node_hang_up(world, index);
    node->is_primary = false;
    node->is_stopped = false;
    node->attached_to = NO_NODE;
    backup_init(&node->backup, epoch, node->replica.last_seq, node->primary.committed_seq,
                &node->primary.epochs);
}

static void node_forget(struct world *world, uint32_t index)
{
    struct node *node = &world->nodes[index];
    if (node->is_primary)
        node_hang_up(world, index);
    else if (node->attached_to != NO_NODE)
        link_down_at_backup(world, node->attached_to, index);
    node->is_primary = false;
    node->is_stopped = false;
    node->is_listed = false;
    replica_reset(&node->replica, 0);
}

static void node_take_over(struct world *world, uint32_t index, uint64_t epoch)
{
    struct node *node = &world->nodes[index];
    WORLD_CHECK(world, !node->backup.is_filling && node->backup.last_seq >= node->backup.exact_seq);
    if (node->attached_to != NO_NODE)
        link_down_at_backup(world, node->attached_to, index);
    world_check_exact(world, node);
    primary_init(&node->primary, epoch, node->replica.first_seq, node->replica.last_seq,
                 node->backup.committed_seq, &node->backup.epochs, DROP_MS);
    node->is_primary = true;
    node->needed_seq = node->replica.first_seq;
}

static void node_configure(struct world *world, uint32_t index, const struct view_state *view)
{
    struct node *node = &world->nodes[index];
    uint64_t ids[NODES_MAX];
    bool in_sync[NODES_MAX];
    for (uint32_t i = 1; i < view->count; i++) {
        ids[i - 1] = view->ids[i];
        in_sync[i - 1] = i < view->in_sync_count;
    }
    struct primary_output output;
    uint64_t committed_seq = node->primary.committed_seq;
    primary_configure(&node->primary, view->version, ids, in_sync, view->count - 1, world->now_ms,
                      &output);
    for (uint32_t i = 0; i < world->node_count; i++) {
        bool is_listed = false;
        for (uint32_t k = 1; k < view->count; k++)
            is_listed |= view->ids[k] == world->nodes[i].id;
        if (!is_listed)
            link_down_at_primary(world, index, i);
    }
    node_obey(world, index, &output);
    world_commit(world, node, committed_seq + 1);
    node->is_stopped = view->handover != 0;
}

static bool view_lists(const struct view_state *view, uint64_t id)
{
    bool is_listed = false;
    for (uint32_t i = 0; i < view->count; i++)
        is_listed |= view->ids[i] == id;
    return is_listed;
}

void node_learn(struct world *world, uint32_t index, uint64_t version)
{
    struct node *node = &world->nodes[index];
    const struct view_state *view = &world->views[version - 1];
    node->known = version;
    if (!view_lists(view, node->id)) {
        node_forget(world, index);
        return;
    }
    if (!node->is_listed) {
        node->is_listed = true;
        backup_init(&node->backup, 0, 0, 0, &(struct epochs){0});
    }
    if (node->is_primary && node->primary.epoch < view->epoch)
        node_step_down(world, index, node->primary.epoch);
    if (view->ids[0] == node->id && !node->is_primary && view->epoch > node->backup.epoch)
        node_take_over(world, index, view->epoch);
    if (view->ids[0] == node->id && node->is_primary)
        node_configure(world, index, view);
}

// ---- The backup's side ----

static struct backup_event node_event(const struct message *message)
{
    static const enum backup_event_kind kinds[] = {[APPEND] = BACKUP_APPEND,
                                                   [ATTACH] = BACKUP_ATTACH,
                                                   [CUT] = BACKUP_CUT,
                                                   [FILL_BEGIN] = BACKUP_FILL_BEGIN,
                                                   [FILL_ENTRY] = BACKUP_FILL_ENTRY,
                                                   [FILL_END] = BACKUP_FILL_END};
    return (struct backup_event){.kind = kinds[message->kind],
                                 .epoch = message->epoch,
                                 .first_seq = message->seq,
                                 .count = message->count,
                                 .commit_seq = message->commit_seq,
                                 .made_epoch = message->made_epoch,
                                 .epochs = &message->epochs,
                                 .seq = message->seq};
}

// What the rules accepted happens to the replica. A session lives no longer than its primary, so
// what the primary has in its log now is what the fill stands for.
static void node_accept(struct world *world, uint32_t primary, uint32_t index,
                        const struct message *message, uint32_t skip)
{
    struct replica *replica = &world->nodes[index].replica;
    switch (message->kind) {
    case APPEND:
        WORLD_CHECK(world, message->seq + skip == replica->last_seq + 1);
        for (uint32_t i = skip; i < message->count; i++)
            replica_append(world, replica, message->values[i]);
        break;
    case ATTACH:
        replica_reset(replica, 0);
        break;
    case CUT:
        replica_cut(world, replica, message->seq);
        world->counts.cuts++;
        world_check_exact(world, &world->nodes[index]);
        break;
    case FILL_BEGIN:
        replica_reset(replica, message->seq);
        memcpy(replica->history, world->nodes[primary].replica.history, sizeof replica->history);
        break;
    case FILL_ENTRY:
        replica->table[message->entry.key] = message->entry.value;
        break;
    case FILL_END:
    case ACK:
    case GAP:
    case POSITION:
        break;
    }
}

static void node_answer(struct world *world, uint32_t primary, uint32_t index,
                        enum message_kind kind)
{
    const struct node *node = &world->nodes[index];
    struct link *link = &world->links[primary][index];
    struct message message = {
        .kind = kind, .epoch = node->backup.epoch, .seq = node->backup.last_seq};
    if (kind == POSITION)
        message.epochs = node->backup.epochs;
    if (link->is_up_at_primary)
        link_push(world, &link->to_primary, &message);
}

// Whether the message is for a backup, and from the primary that it follows.
static bool node_listens(struct world *world, uint32_t primary, uint32_t index,
                         const struct message *message)
{
    struct node *node = &world->nodes[index];
    if (!node->is_listed || message->kind != ATTACH)
        return node->is_listed && !node->is_primary && node->attached_to == primary;
    if (node->is_primary && message->epoch > node->primary.epoch)
        node_step_down(world, index, node->primary.epoch);
    return !node->is_primary;
}

void node_take(struct world *world, uint32_t primary, uint32_t index, const struct message *message)
{
    struct node *node = &world->nodes[index];
    if (!node_listens(world, primary, index, message)) {
        // Refused: to be tried again, for the node may just not know the view yet.
        if (message->kind == ATTACH)
            link_down_at_primary(world, primary, index);
        return;
    }
    struct backup_event event = node_event(message);
    struct backup_output output;
    backup_step(&node->backup, &event, &output);
    WORLD_CHECK(world, message->kind != CUT || event.epoch != node->backup.epoch ||
                           output.verdict == BACKUP_ACCEPT);
    if (output.verdict == BACKUP_ACCEPT)
        node_accept(world, primary, index, message, output.skip);
    if (!node->backup.is_filling)
        WORLD_CHECK(world, node->backup.last_seq == node->replica.last_seq);
    if (output.report) {
        node->attached_to = primary;
        node_answer(world, primary, index, POSITION);
    }
    if (output.acknowledge || output.verdict == BACKUP_REPORT_GAP)
        node_answer(world, primary, index, output.acknowledge ? ACK : GAP);
}
