// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/meta/town.h"

#include "cluster/rules/view.h"
#include "cluster/wire/meeting_codec.h"
#include "cluster/wire/raft_codec.h"
#include "cluster/wire/view_codec.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { FIRST_PORT = 7000, WISH_MS = 20, WALL_MS = 1700000000 };

// ---- Clocks ----

static uint64_t node_now_ms(const struct town_node *node)
{
    return 1000 * ((uint64_t)node->number + 1) +
           node->town->now_ms * (uint64_t)(1000 + node->drift_per_mille) / 1000;
}

// The first moment of the town at which the node's clock shows this.
static uint64_t town_ms_of(const struct town_node *node, uint64_t node_ms)
{
    uint64_t start_ms = 1000 * ((uint64_t)node->number + 1);
    if (node_ms == UINT64_MAX)
        return UINT64_MAX;
    if (node_ms <= start_ms)
        return 0;
    uint64_t pace = UINT64_C(1000) + (uint64_t)node->drift_per_mille;
    return ((node_ms - start_ms) * 1000 + pace - 1) / pace;
}

// ---- The network ----

static void town_deliver_later(struct town *town, uint32_t to, struct bytes frame, uint64_t at_ms)
{
    if (town->packet_count == town->packet_capacity) {
        town->packet_capacity = 2 * town->packet_capacity + 64;
        town->packets =
            memory_resize_array(town->packets, town->packet_capacity, sizeof *town->packets);
    }
    struct town_packet *packet = &town->packets[town->packet_count++];
    *packet = (struct town_packet){.at_ms = at_ms, .order = town->order++, .to = to};
    buffer_append(&packet->frame, frame.data, frame.size);
}

static bool happens(struct town *town, uint32_t per_mille)
{
    return random_below(&town->random, 1000) < per_mille;
}

// Takes the frame.
static void node_send(struct town_node *node, const struct member_address *to, struct buffer *frame)
{
    struct town *town = node->town;
    uint32_t number = (uint32_t)to->port - FIRST_PORT;
    if (number < town->node_count && !town->cut[node->number][number] &&
        !happens(town, town->loss_per_mille)) {
        uint32_t copies = happens(town, town->repeat_per_mille) ? 2 : 1;
        for (uint32_t i = 0; i < copies; i++)
            town_deliver_later(town, number, buffer_bytes(frame),
                               town->now_ms + 1 + random_below(&town->random, town->delay_max_ms));
    }
    buffer_deinit(frame);
}

static void host_send_meeting(void *context, const struct member_address *to,
                              const struct meeting *message)
{
    struct town *town = ((struct town_node *)context)->town;
    struct buffer frame = {0};
    if (message->kind == MEETING_REFUSE)
        snprintf(town->last_refusal, sizeof town->last_refusal, "%.*s", (int)message->text.size,
                 (const char *)message->text.data);
    meeting_encode(&frame, message);
    node_send(context, to, &frame);
}

static void host_send_raft(void *context, const struct member_address *to,
                           const struct raft_message *message)
{
    struct buffer frame = {0};
    raft_message_encode(&frame, message);
    node_send(context, to, &frame);
}

static void node_hear(struct town_node *node, struct bytes bytes)
{
    static struct raft_message raft; // too large for a stack
    struct frame frame;
    enum error error;
    cr_assert(frame_parse(bytes, UINT32_MAX, &frame, &error) == FRAME_COMPLETE);
    if (frame.header.kind == FRAME_RAFT) {
        cr_assert(raft_message_decode(frame.body, &raft) == ERROR_NONE);
        member_receive_raft(node->member, &raft, node_now_ms(node));
        return;
    }
    struct meeting meeting;
    cr_assert(meeting_decode(frame.body, &meeting) == ERROR_NONE);
    member_receive_meeting(node->member, &meeting, node_now_ms(node));
    meeting_deinit(&meeting);
}

// ---- What a member tells its node ----

// All nodes that have a version of the grid's view have the same one.
static void town_check_view(struct town *town, const struct view *view)
{
    struct buffer encoded = {0};
    uint64_t sum = 14695981039346656037U; // FNV-1a
    if (town->grid_id == 0)
        town->grid_id = view->grid_id;
    if (town->grid_id != view->grid_id)
        return;
    view_write(&encoded, view);
    for (size_t i = 0; i < buffer_size(&encoded); i++)
        sum = (sum ^ encoded.data[encoded.start + i]) * 1099511628211U;
    buffer_deinit(&encoded);
    cr_assert(view->version < TOWN_VERSIONS_MAX);
    uint64_t *known = &town->sums[view->version];
    cr_assert(*known == 0 || *known == sum, "view %lu differs between nodes", view->version);
    *known = sum;
}

static void host_view_changed(void *context, const struct view *view)
{
    struct town_node *node = context;
    view_check(view);
    cr_assert(view->version > node->view.version);
    town_check_view(node->town, view);
    view_deinit(&node->view);
    view_copy(&node->view, view);
    node->wished_ms = 0;
}

static void host_lease_changed(void *context, uint64_t until_ms)
{
    struct town_node *node = context;
    node->lease_until_ms = until_ms;
}

static void host_say(void *context, bool is_warning, const char *text)
{
    struct town_node *node = context;
    if (getenv("META_TRACE"))
        fprintf(stderr, "%6lu %s%s: %s\n", node->town->now_ms, node->options.self.name,
                is_warning ? " !" : "", text);
    if (is_warning)
        snprintf(node->warning, sizeof node->warning, "%s", text);
}

// ---- Shards ----

static bool node_is_running(const struct town_node *node)
{
    return node->member != NULL;
}

static struct town_node *town_node_of(struct town *town, uint64_t id)
{
    for (uint32_t i = 0; i < town->node_count; i++) {
        if (town->nodes[i].member != NULL && town->nodes[i].options.self.id == id)
            return &town->nodes[i];
    }
    return NULL;
}

static bool nodes_hear(const struct town *town, uint32_t a, uint32_t b)
{
    return !town->cut[a][b] && !town->cut[b][a];
}

static bool node_is_reached(const struct town_node *node, uint64_t id)
{
    const struct town_node *other = town_node_of(node->town, id);
    return other != NULL && other->resumes_ms <= node->town->now_ms &&
           nodes_hear(node->town, node->number, other->number);
}

// A replica that can be reached has caught up by the next look; one that cannot is dropped. A
// handover is answered at once: what was served is everywhere.
static uint32_t partition_wishes(struct town_node *node, uint16_t p, struct wish *wishes)
{
    const struct view *view = &node->view;
    const struct view_partition *it = &view->partitions[p];
    uint32_t count = 0;
    for (uint32_t i = 1; i < it->replica_count; i++) {
        uint64_t id = view->members[it->replicas[i]].id;
        bool is_reached = node_is_reached(node, id);
        if (is_reached == (i < it->in_sync_count))
            continue;
        wishes[count++] = (struct wish){.kind = is_reached ? WISH_ADD : WISH_DROP,
                                        .partition = p,
                                        .based_on = it->version,
                                        .member_id = id};
    }
    if (it->handover != VIEW_NO_MEMBER) {
        node->yielded[p] = it->version;
        wishes[count++] = (struct wish){.kind = WISH_YIELD,
                                        .partition = p,
                                        .based_on = it->version,
                                        .member_id = view->members[it->handover].id};
    }
    return count;
}

static void node_wish(struct town_node *node)
{
    struct wish wishes[TOWN_PARTITIONS * VIEW_REPLICAS_MAX];
    uint16_t self = view_find_member(&node->view, node->options.self.id);
    uint32_t count = 0;
    for (uint16_t p = 0; p < node->view.partition_count && !node->is_mute; p++) {
        if (view_primary(&node->view, p) == self && self != VIEW_NO_MEMBER)
            count += partition_wishes(node, p, wishes + count);
    }
    node->wished_ms = node->town->now_ms + WISH_MS;
    member_set_wishes(node->member, wishes, count, node->stalled_ms, node_now_ms(node));
}

bool town_serves(const struct town *town, uint32_t number, uint32_t partition)
{
    const struct town_node *node = &town->nodes[number];
    if (node->member == NULL || partition >= node->view.partition_count ||
        node_now_ms(node) >= node->lease_until_ms)
        return false;
    uint16_t self = view_find_member(&node->view, node->options.self.id);
    return self != VIEW_NO_MEMBER && view_primary(&node->view, partition) == self &&
           node->yielded[partition] != node->view.partitions[partition].version;
}

// ---- What must hold always ----

static void town_check_partition(const struct town *town, uint32_t p)
{
    for (uint32_t a = 0; a < town->node_count; a++) {
        for (uint32_t b = 0; town_serves(town, a, p) && b < a; b++) {
            bool is_same_grid = town->nodes[a].view.grid_id == town->nodes[b].view.grid_id;
            cr_assert(!is_same_grid || !town_serves(town, b, p),
                      "at %lu partition %u is served by n%u and n%u", town->now_ms, p, a, b);
        }
    }
}

static void town_check(const struct town *town)
{
    for (uint32_t p = 0; p < TOWN_PARTITIONS; p++)
        town_check_partition(town, p);
}

// ---- Running ----

static void node_step(struct town_node *node)
{
    if (node->wished_ms <= node->town->now_ms && node->view.grid_id != 0)
        node_wish(node);
    if (member_deadline_ms(node->member) <= node_now_ms(node))
        member_tick(node->member, node_now_ms(node),
                    WALL_MS + node->wall_ahead_ms + node->town->now_ms);
    member_check(node->member);
}

static bool node_is_awake(const struct town_node *node)
{
    return node_is_running(node) && node->resumes_ms <= node->town->now_ms;
}

static void town_deliver_due(struct town *town)
{
    for (;;) {
        uint32_t next = town->packet_count;
        for (uint32_t i = 0; i < town->packet_count; i++) {
            const struct town_packet *packet = &town->packets[i];
            const struct town_node *node = &town->nodes[packet->to];
            if (packet->at_ms > town->now_ms || (node_is_running(node) && !node_is_awake(node)))
                continue;
            if (next == town->packet_count || packet->at_ms < town->packets[next].at_ms ||
                (packet->at_ms == town->packets[next].at_ms &&
                 packet->order < town->packets[next].order))
                next = i;
        }
        if (next == town->packet_count)
            return;
        struct town_packet packet = town->packets[next];
        town->packets[next] = town->packets[--town->packet_count];
        struct town_node *node = &town->nodes[packet.to];
        if (node_is_running(node)) {
            node_hear(node, buffer_bytes(&packet.frame));
            member_check(node->member);
            town_check(town);
        }
        buffer_deinit(&packet.frame);
    }
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t town_next_ms(const struct town *town)
{
    uint64_t next_ms = UINT64_MAX;
    for (uint32_t i = 0; i < town->node_count; i++) {
        const struct town_node *node = &town->nodes[i];
        if (!node_is_running(node))
            continue;
        uint64_t due_ms = town_ms_of(node, member_deadline_ms(node->member));
        if (node->view.grid_id != 0)
            due_ms = min_of(due_ms, node->wished_ms);
        next_ms = min_of(next_ms, due_ms > node->resumes_ms ? due_ms : node->resumes_ms);
    }
    for (uint32_t i = 0; i < town->packet_count; i++) {
        const struct town_node *node = &town->nodes[town->packets[i].to];
        uint64_t at_ms = town->packets[i].at_ms;
        next_ms = min_of(next_ms, at_ms > node->resumes_ms ? at_ms : node->resumes_ms);
    }
    return next_ms > town->now_ms ? next_ms : town->now_ms + 1;
}

bool town_run_until(struct town *town, bool (*holds)(const struct town *town), uint64_t for_ms)
{
    uint64_t end_ms = town->now_ms + for_ms;
    while (holds == NULL || !holds(town)) {
        uint64_t next_ms = town_next_ms(town);
        if (next_ms > end_ms) {
            town->now_ms = end_ms;
            return false;
        }
        town->now_ms = next_ms;
        town_deliver_due(town);
        for (uint32_t i = 0; i < town->node_count; i++) {
            if (node_is_awake(&town->nodes[i]))
                node_step(&town->nodes[i]);
        }
        town_check(town);
    }
    return true;
}

void town_run(struct town *town, uint64_t for_ms)
{
    (void)town_run_until(town, NULL, for_ms);
}

// ---- Making and breaking ----

static void node_describe(struct town_node *node, uint32_t seed_count, uint32_t expect)
{
    struct member_options *options = &node->options;
    *options = (struct member_options){
        .self = {.port = (uint16_t)(FIRST_PORT + node->number), .weight = 1},
        .grid_name = "town",
        .settings = {.protocol_version = PROTOCOL_VERSION,
                     .partition_count = TOWN_PARTITIONS,
                     .backups = 1,
                     .min_in_sync = 1,
                     .bootstrap_expect = expect,
                     .wall_ms = WALL_MS},
        .seeds = node->town->seeds,
        .seed_count = seed_count,
        .voters_max = 5,
        .heartbeat_ms = 100,
        .lease_ms = 400,
        .suspect_ms = 500,
        .remove_ms = 1000,
        .election_ms = 300,
        .drift_per_mille = 20,
        .clock_skew_max_ms = 5000,
        .leave_ms = 20000,
        .migration_parallel = 2,
        .host = {.context = node,
                 .send_meeting = host_send_meeting,
                 .send_raft = host_send_raft,
                 .view_changed = host_view_changed,
                 .lease_changed = host_lease_changed,
                 .say = host_say},
    };
    snprintf(options->self.name, sizeof options->self.name, "n%u", node->number);
    snprintf(options->self.host, sizeof options->self.host, "host%u", node->number);
}

struct town *town_new(uint32_t node_count, uint32_t seed_count, uint32_t expect, uint64_t seed)
{
    struct town *town = memory_new(sizeof *town);
    town->random.state = seed;
    town->node_count = node_count;
    town->delay_max_ms = 3;
    for (uint32_t i = 0; i < node_count; i++) {
        struct town_node *node = &town->nodes[i];
        node->town = town;
        node->number = i;
        node_describe(node, seed_count, expect);
        town->seeds[i].port = node->options.self.port;
        snprintf(town->seeds[i].host, sizeof town->seeds[i].host, "%s", node->options.self.host);
    }
    return town;
}

void town_free(struct town *town)
{
    for (uint32_t i = 0; i < town->node_count; i++)
        town_kill(town, i);
    for (uint32_t i = 0; i < town->packet_count; i++)
        buffer_deinit(&town->packets[i].frame);
    free(town->packets);
    free(town);
}

void town_start(struct town *town, uint32_t number)
{
    struct town_node *node = &town->nodes[number];
    cr_assert(node->member == NULL);
    node->starts++;
    node->options.self.id = random_next(&town->random) | 1;
    node->options.seed = random_next(&town->random);
    node->options.settings.wall_ms = WALL_MS + node->wall_ahead_ms + town->now_ms;
    node->lease_until_ms = node->resumes_ms = node->wished_ms = 0;
    memset(node->yielded, 0, sizeof node->yielded);
    node->member = member_new(&node->options, node_now_ms(node));
}

void town_start_all(struct town *town)
{
    for (uint32_t i = 0; i < town->node_count; i++)
        town_start(town, i);
}

void town_kill(struct town *town, uint32_t number)
{
    struct town_node *node = &town->nodes[number];
    member_free(node->member);
    node->member = NULL;
    view_deinit(&node->view);
}

void town_pause(struct town *town, uint32_t number, uint64_t for_ms)
{
    town->nodes[number].resumes_ms = town->now_ms + for_ms;
}

void town_divide(struct town *town, uint32_t side)
{
    for (uint32_t a = 0; a < town->node_count; a++) {
        for (uint32_t b = 0; b < town->node_count; b++)
            town->cut[a][b] = ((side >> a) & 1) != ((side >> b) & 1);
    }
}

// ---- Questions ----

uint64_t town_id(const struct town *town, uint32_t number)
{
    return town->nodes[number].options.self.id;
}

enum member_phase town_phase(const struct town *town, uint32_t number)
{
    cr_assert(town->nodes[number].member != NULL);
    return member_phase(town->nodes[number].member);
}

// The leader of the latest term: an earlier one may not know yet.
uint32_t town_leader(const struct town *town)
{
    uint32_t leader = TOWN_NODES_MAX;
    uint64_t term = 0;
    for (uint32_t i = 0; i < town->node_count; i++) {
        struct member_status status;
        if (town->nodes[i].member == NULL)
            continue;
        member_status(town->nodes[i].member, &status);
        if (status.is_leader && status.term > term) {
            leader = i;
            term = status.term;
        }
    }
    return leader;
}

bool town_has_leader(const struct town *town)
{
    return town_leader(town) != TOWN_NODES_MAX;
}

static const struct view *town_view(const struct town *town)
{
    uint32_t leader = town_leader(town);
    cr_assert(leader != TOWN_NODES_MAX);
    return member_view(town->nodes[leader].member);
}

static const struct raft_configuration *town_servers(const struct town *town,
                                                     struct member_status *status)
{
    member_status(town->nodes[town_leader(town)].member, status);
    return &status->configuration;
}

uint32_t town_voter_count(const struct town *town)
{
    struct member_status status;
    const struct raft_configuration *servers = town_servers(town, &status);
    uint32_t count = 0;
    for (uint32_t i = 0; i < servers->count; i++)
        count += servers->servers[i].is_voter;
    return count;
}

bool town_votes(const struct town *town, uint32_t number)
{
    struct member_status status;
    const struct raft_configuration *servers = town_servers(town, &status);
    for (uint32_t i = 0; i < servers->count; i++) {
        if (servers->servers[i].id == town_id(town, number))
            return servers->servers[i].is_voter;
    }
    return false;
}

bool town_lists(const struct town *town, uint32_t number)
{
    return view_find_member(town_view(town), town_id(town, number)) != VIEW_NO_MEMBER;
}

uint32_t town_member_count(const struct town *town)
{
    const struct view *view = town_view(town);
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->member_count; i++)
        count += view->members[i].id != 0;
    return count;
}

// The last copy of the partition died.
static bool town_has_lost(const struct town *town, uint32_t p)
{
    if (!town_has_leader(town))
        return false;
    const struct view *view = town_view(town);
    return view->partition_count > p && view->partitions[p].in_sync_count == 0;
}

bool town_is_served(const struct town *town)
{
    for (uint32_t p = 0; p < TOWN_PARTITIONS; p++) {
        bool is_served = town_has_lost(town, p);
        for (uint32_t i = 0; i < town->node_count && !is_served; i++)
            is_served = node_is_awake(&town->nodes[i]) && town_serves(town, i, p);
        if (!is_served)
            return false;
    }
    return true;
}

static bool view_is_complete(const struct view *view)
{
    uint32_t holders = 0;
    for (uint32_t i = 0; i < view->member_count; i++)
        holders += view->members[i].id != 0 && view->members[i].role == MEMBER_DATA &&
                   view->members[i].state == MEMBER_ACTIVE;
    for (uint32_t p = 0; p < view->partition_count; p++) {
        uint32_t wanted = view->replica_count < holders ? view->replica_count : holders;
        if (view->partitions[p].in_sync_count == 0)
            continue; // lost
        if (view->partitions[p].in_sync_count != wanted ||
            view->partitions[p].replica_count != wanted)
            return false;
    }
    return true;
}

bool town_is_settled(const struct town *town)
{
    struct member_status status;
    if (!town_has_leader(town) || !town_is_served(town))
        return false;
    member_status(town->nodes[town_leader(town)].member, &status);
    const struct view *view = town_view(town);
    for (uint32_t i = 0; i < town->node_count; i++) {
        const struct town_node *node = &town->nodes[i];
        if (node_is_awake(node) && member_phase(node->member) != MEMBER_GONE &&
            (member_phase(node->member) != MEMBER_JOINED || node->view.version != view->version ||
             node->lease_until_ms <= node_now_ms(node)))
            return false;
    }
    return view_is_complete(view) && status.to_fill + status.to_hand_over + status.to_drop == 0 &&
           status.suspect_count == 0;
}

bool town_has_three_voters(const struct town *town)
{
    return town_has_leader(town) && town_voter_count(town) == 3;
}
