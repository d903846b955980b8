// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/client/fake_grid.h"

#include "cluster/base/memory.h"
#include "cluster/model/key.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/view_codec.h"
#include "cluster/wire/writer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

// ---- Life ----

static void node_listen(struct fake_node *node)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(node->port)};
    socklen_t size = sizeof address;
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    node->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert_geq(node->listener, 0);
    cr_assert_eq(setsockopt(node->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    cr_assert_eq(bind(node->listener, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(node->listener, 16), 0);
    cr_assert_eq(getsockname(node->listener, (struct sockaddr *)&address, &size), 0);
    node->port = ntohs(address.sin_port);
}

void fake_init(struct fake_grid *fake, uint32_t node_count, uint16_t worker_count)
{
    *fake = (struct fake_grid){.node_count = node_count, .grid_name = "test"};
    fake->view = (struct view){.grid_id = 77,
                               .version = 1,
                               .partition_count = FAKE_PARTITIONS,
                               .replica_count = 1,
                               .min_in_sync = 1,
                               .member_count = node_count};
    fake->view.members = memory_new_array(node_count, sizeof *fake->view.members);
    fake->view.partitions = memory_new_array(FAKE_PARTITIONS, sizeof *fake->view.partitions);
    for (uint32_t i = 0; i < node_count; i++) {
        struct fake_node *node = &fake->nodes[i];
        node->fake = fake;
        node->number = (uint16_t)i;
        node->worker_count = worker_count;
        for (size_t p = 0; p < FAKE_PEERS_MAX; p++)
            node->peers[p].fd = -1;
        node_listen(node);
        struct view_member *member = &fake->view.members[i];
        member->id = 100 + i;
        member->weight = 1;
        snprintf(member->name, sizeof member->name, "n%u", i + 1);
        snprintf(member->host, sizeof member->host, "127.0.0.1");
        member->port = node->port;
    }
    for (uint32_t partition = 0; partition < FAKE_PARTITIONS; partition++) {
        fake->view.partitions[partition] =
            (struct view_partition){.epoch = 1,
                                    .version = 1,
                                    .replicas = {(uint16_t)(partition % node_count)},
                                    .replica_count = 1,
                                    .in_sync_count = 1,
                                    .handover = VIEW_NO_MEMBER};
    }
}

uint64_t fake_id(const struct fake_node *node)
{
    return node->fake->view.members[node->number].id;
}

void fake_move(struct fake_grid *fake, uint32_t partition, uint32_t node)
{
    fake->view.partitions[partition].replicas[0] = (uint16_t)node;
    fake->view.partitions[partition].epoch++;
    fake->view.partitions[partition].version = ++fake->view.version;
}

void fake_reincarnate(struct fake_node *node)
{
    node->fake->view.members[node->number].id += 100;
    node->fake->view.version++;
}

void fake_remove(struct fake_node *node)
{
    struct view *view = &node->fake->view;
    memset(&view->members[node->number], 0, sizeof *view->members);
    view->version++;
}

static void peer_close(struct fake_peer *peer)
{
    if (peer->fd < 0)
        return;
    event_free(peer->readable);
    close(peer->fd);
    buffer_deinit(&peer->in);
    peer->fd = -1;
}

void fake_disconnect(struct fake_node *node, bool stop)
{
    for (size_t i = 0; i < FAKE_PEERS_MAX; i++)
        peer_close(&node->peers[i]);
    if (!stop || node->listener < 0)
        return;
    if (node->acceptable)
        event_free(node->acceptable);
    node->acceptable = NULL;
    close(node->listener);
    node->listener = -1;
}

void fake_deinit(struct fake_grid *fake)
{
    for (uint32_t i = 0; i < fake->node_count; i++)
        fake_disconnect(&fake->nodes[i], true);
    for (size_t i = 0; i < fake->entry_count; i++) {
        free((void *)(uintptr_t)fake->entries[i].map.data);
        free((void *)(uintptr_t)fake->entries[i].key.data);
        free((void *)(uintptr_t)fake->entries[i].value.data);
    }
    view_deinit(&fake->view);
}

const char *fake_seed(const struct fake_grid *fake, uint32_t node)
{
    static char seed[32];
    snprintf(seed, sizeof seed, "127.0.0.1:%u", fake->nodes[node].port);
    return seed;
}

struct fake_peer *fake_peer_of(struct fake_node *node, uint16_t worker)
{
    for (size_t i = 0; i < FAKE_PEERS_MAX; i++) {
        struct fake_peer *peer = &node->peers[i];
        if (peer->fd >= 0 && peer->was_greeted && peer->worker == worker)
            return peer;
    }
    return NULL;
}

// ---- Sending ----

void fake_send(struct fake_peer *peer, struct buffer *out)
{
    if (buffer_size(out) >= FRAME_HEADER_BYTES)
        frame_set_view(out, 0, (uint8_t)peer->node->fake->view.version);
    struct bytes left = buffer_bytes(out);
    while (left.size > 0 && peer->fd >= 0) {
        ssize_t count = send(peer->fd, left.data, left.size, MSG_NOSIGNAL);
        cr_assert_gt(count, 0, "the fake node's socket is full or broken");
        left = bytes_of(left.data + count, left.size - (size_t)count);
    }
}

static void send_and_free(struct fake_peer *peer, struct buffer *out)
{
    fake_send(peer, out);
    buffer_deinit(out);
}

void fake_send_error(struct fake_peer *peer, const struct frame *frame, enum error error,
                     const char *text)
{
    struct buffer out = {0};
    error_encode(&out, FRAME_ERROR, frame->header.request_id, frame->header.partition, error, text,
                 0);
    send_and_free(peer, &out);
}

// ---- Entries ----

static struct bytes bytes_copy(struct bytes bytes)
{
    return bytes_of(memory_copy_text((const char *)bytes.data, bytes.size), bytes.size);
}

static void bytes_free(struct bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static struct fake_entry *entry_find(struct fake_grid *fake, const struct op *op)
{
    for (size_t i = 0; i < fake->entry_count; i++) {
        struct fake_entry *entry = &fake->entries[i];
        if (bytes_equal(entry->map, op->map) && bytes_equal(entry->key, op->key))
            return entry;
    }
    return NULL;
}

static void entry_remove(struct fake_grid *fake, struct fake_entry *entry)
{
    bytes_free(entry->map);
    bytes_free(entry->key);
    bytes_free(entry->value);
    *entry = fake->entries[--fake->entry_count];
}

static struct fake_entry *entry_put(struct fake_grid *fake, struct fake_entry *entry,
                                    const struct op *op, struct bytes value)
{
    if (!entry) {
        cr_assert_lt(fake->entry_count, FAKE_ENTRIES_MAX);
        entry = &fake->entries[fake->entry_count++];
        *entry = (struct fake_entry){.map = bytes_copy(op->map), .key = bytes_copy(op->key)};
    } else {
        bytes_free(entry->value);
    }
    entry->value = bytes_copy(value);
    entry->version++;
    return entry;
}

// Adds the delta to an int.
static struct fake_entry *entry_increment(struct fake_grid *fake, struct fake_entry *entry,
                                          const struct op *op)
{
    struct cursor cursor = cursor_of(op->value);
    int64_t delta, sum = 0;
    cr_assert(cursor_read_int(&cursor, &delta));
    if (entry) {
        cursor = cursor_of(entry->value);
        cr_assert(cursor_read_int(&cursor, &sum));
    }
    struct buffer out = {0};
    write_int(&out, sum + delta);
    entry = entry_put(fake, entry, op, buffer_bytes(&out));
    buffer_deinit(&out);
    return entry;
}

void fake_note(const struct fake_peer *peer, const struct frame *frame, const struct op *op)
{
    struct fake_grid *fake = peer->node->fake;
    if (fake->op_count < FAKE_OPS_MAX)
        fake->ops[fake->op_count++] = (struct fake_op){.node = peer->node,
                                                       .client = peer->client,
                                                       .number = op->number,
                                                       .floor = op->floor,
                                                       .age_ms = op->age_ms,
                                                       .is_retry = op->is_retry,
                                                       .view = frame->header.view};
}

static void keyed_execute(struct fake_peer *peer, const struct frame *frame, const struct op *op)
{
    struct fake_grid *fake = peer->node->fake;
    struct fake_entry *entry = entry_find(fake, op);
    bool found = entry != NULL;
    uint64_t version = entry ? entry->version : 0;
    struct bytes value = {0};
    peer->node->operation_count++;
    fake_note(peer, frame, op);
    cr_assert_eq(op->partition, op->hash % fake->view.partition_count, "header and key agree");
    if (view_primary(&fake->view, op->partition) != peer->node->number) {
        fake_send_error(peer, frame, ERROR_NOT_OWNER, "not mine");
        return;
    }
    cr_assert_eq(peer->worker, op->partition % peer->node->worker_count, "sent to its worker");
    if (op->kind == OP_REPLACE && !entry) {
        fake_send_error(peer, frame, ERROR_NOT_FOUND, "there is no such entry");
        return;
    }
    if (op->kind == OP_PUT || op->kind == OP_REPLACE || op->kind == OP_MERGE) {
        version = entry_put(fake, entry, op, op->value)->version;
    } else if (op->kind == OP_INCREMENT) {
        entry = entry_increment(fake, entry, op);
        value = entry->value;
        version = entry->version;
    } else if (op->kind == OP_REMOVE && entry) {
        entry_remove(fake, entry);
    } else if (op->kind == OP_GET && entry) {
        value = entry->value;
    }
    struct buffer out = {0};
    reply_encode_entry(&out, frame->header.request_id, op->partition, found, version, value);
    send_and_free(peer, &out);
}

// ---- Whole maps ----

static bool entry_is_of(const struct fake_peer *peer, const struct fake_entry *entry)
{
    const struct fake_grid *fake = peer->node->fake;
    uint16_t partition = key_partition(key_hash(entry->key), fake->view.partition_count);
    return view_primary(&fake->view, partition) == peer->node->number &&
           partition % peer->node->worker_count == peer->worker;
}

static uint64_t entries_count(const struct fake_peer *peer, struct bytes map)
{
    const struct fake_grid *fake = peer->node->fake;
    uint64_t count = 0;
    for (size_t i = 0; i < fake->entry_count; i++)
        count += entry_is_of(peer, &fake->entries[i]) && bytes_equal(fake->entries[i].map, map);
    return count;
}

// Two rows a page; position.hash counts the entries of the partition that were looked at.
static void scan_execute(struct fake_peer *peer, uint32_t id, const struct op *op)
{
    const struct fake_grid *fake = peer->node->fake;
    struct buffer rows = {0};
    struct buffer out = {0};
    uint32_t count = 0;
    uint32_t partition = op->position.partition;
    size_t at = op->position.hash;
    while (partition < FAKE_PARTITIONS && count < 2) {
        if (at >= fake->entry_count) {
            partition++;
            at = 0;
            continue;
        }
        const struct fake_entry *entry = &fake->entries[at++];
        if (!entry_is_of(peer, entry) ||
            key_partition(key_hash(entry->key), FAKE_PARTITIONS) != partition ||
            (op->query.size == 0 && !bytes_equal(entry->map, op->map)))
            continue;
        write_object(&rows, entry->key);
        write_uint(&rows, entry->version);
        write_object(&rows, entry->value);
        count++;
    }
    // A query's text is its LIMIT here.
    uint64_t limit = 0;
    for (size_t i = 0; i < op->query.size; i++)
        limit = limit * 10 + op->query.data[i] - '0';
    reply_encode_scan(&out, id, partition < FAKE_PARTITIONS,
                      (struct scan_position){(uint16_t)partition, at}, count, buffer_bytes(&rows),
                      limit);
    buffer_deinit(&rows);
    send_and_free(peer, &out);
}

// One entry a call.
static void clear_execute(struct fake_peer *peer, uint32_t id, const struct op *op)
{
    struct fake_grid *fake = peer->node->fake;
    uint64_t removed = 0;
    for (size_t i = 0; i < fake->entry_count && removed == 0; i++) {
        if (!entry_is_of(peer, &fake->entries[i]) || !bytes_equal(fake->entries[i].map, op->map))
            continue;
        entry_remove(fake, &fake->entries[i]);
        removed = 1;
    }
    struct buffer out = {0};
    struct scan_position position = {.partition = 0, .hash = op->position.hash + 1};
    reply_encode_clear(&out, id, removed, entries_count(peer, op->map) > 0, position);
    send_and_free(peer, &out);
}

static void whole_execute(struct fake_peer *peer, const struct frame *frame, const struct op *op)
{
    struct buffer object = {0};
    struct buffer out = {0};
    uint32_t id = frame->header.request_id;
    if (op->kind == OP_SCAN) {
        scan_execute(peer, id, op);
        return;
    }
    if (op->kind == OP_CLEAR) {
        clear_execute(peer, id, op);
        return;
    }
    if (op->kind == OP_SIZE) {
        reply_encode_count(&out, id, entries_count(peer, op->map));
    } else if (op->kind == OP_MAPS) {
        write_array(&object, 2);
        for (int i = 0; i < 2; i++) {
            write_array(&object, 2);
            write_text(&object, i == 0 ? "zebras" : "apes");
            write_uint(&object, entries_count(peer, bytes_of_text(i == 0 ? "zebras" : "apes")));
        }
        reply_encode_object(&out, id, buffer_bytes(&object));
    } else {
        write_map(&object, 1);
        write_text(&object, "worker");
        write_uint(&object, peer->worker);
        reply_encode_object(&out, id, buffer_bytes(&object));
    }
    buffer_deinit(&object);
    send_and_free(peer, &out);
}

// ---- Frames ----

static void hello_answer(struct fake_peer *peer, const struct frame *frame)
{
    struct fake_node *node = peer->node;
    struct hello hello;
    cr_assert_eq(hello_decode(frame->body, &hello), ERROR_NONE);
    if (hello.grid.size > 0 && !bytes_equal(hello.grid, bytes_of_text(node->fake->grid_name))) {
        fake_send_error(peer, frame, ERROR_WRONG_GRID, "this is another grid");
        return;
    }
    peer->client = hello.id;
    peer->worker = hello.worker == HELLO_ANY_WORKER ? 0 : hello.worker;
    if (peer->worker >= node->worker_count) {
        fake_send_error(peer, frame, ERROR_INVALID_ARGUMENT, "there is no such worker");
        return;
    }
    uint32_t told = node->fake->partition_count_told;
    struct hello_reply reply = {.version = 1,
                                .node = bytes_of_text(node->fake->view.members[node->number].name),
                                .grid = bytes_of_text(node->fake->grid_name),
                                .incarnation = fake_id(node),
                                .view_version = node->fake->view.version,
                                .worker = peer->worker,
                                .worker_count = node->worker_count,
                                .partition_count = told ? told : node->fake->view.partition_count};
    struct buffer out = {0};
    peer->was_greeted = hello.worker != HELLO_ANY_WORKER;
    hello_reply_encode(&out, frame->header.request_id, &reply);
    send_and_free(peer, &out);
}

static void frame_answer(struct fake_peer *peer, const struct frame *frame)
{
    struct fake_grid *fake = peer->node->fake;
    struct buffer out = {0};
    struct op op;
    const char *what;
    if (fake->hook && fake->hook(fake->hook_context, peer, frame))
        return;
    if (frame->header.kind == FRAME_HELLO) {
        hello_answer(peer, frame);
    } else if (frame->header.kind == FRAME_VIEW) {
        peer->node->view_count++;
        view_encode(&out, frame->header.request_id, &fake->view);
    } else if (frame->header.kind == FRAME_PING || frame->header.kind == FRAME_UNSUBSCRIBE) {
        request_encode_empty(&out, FRAME_REPLY, frame->header.request_id);
    } else {
        cr_assert_eq(op_decode(frame, &op, &what), ERROR_NONE);
        if (op_has_key(op.kind))
            keyed_execute(peer, frame, &op);
        else
            whole_execute(peer, frame, &op);
    }
    send_and_free(peer, &out);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct fake_peer *peer = context;
    (void)what;
    ssize_t count = recv(fd, buffer_reserve(&peer->in, 65536), 65536, 0);
    if (count <= 0) {
        peer_close(peer);
        return;
    }
    buffer_advance(&peer->in, (size_t)count);
    struct frame frame;
    enum error error;
    while (peer->fd >= 0 && frame_parse(buffer_bytes(&peer->in), FRAME_BODY_BYTES_MAX, &frame,
                                        &error) == FRAME_COMPLETE) {
        size_t taken = FRAME_HEADER_BYTES + frame.body.size;
        frame_answer(peer, &frame);
        if (peer->fd >= 0)
            buffer_consume(&peer->in, taken);
    }
}

static void on_acceptable(evutil_socket_t fd, short what, void *context)
{
    struct fake_node *node = context;
    (void)what;
    int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    cr_assert_geq(accepted, 0);
    struct fake_peer *peer = NULL;
    for (size_t i = 0; i < FAKE_PEERS_MAX && !peer; i++)
        peer = node->peers[i].fd < 0 ? &node->peers[i] : NULL;
    cr_assert_not_null(peer);
    int room = 4 << 20;
    (void)setsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    *peer = (struct fake_peer){.node = node, .fd = accepted};
    peer->readable = event_new(node->fake->base, accepted, EV_READ | EV_PERSIST, on_readable, peer);
    event_add(peer->readable, NULL);
    node->accept_count++;
}

static void node_accept(struct fake_node *node)
{
    if (node->listener < 0)
        return;
    node->acceptable =
        event_new(node->fake->base, node->listener, EV_READ | EV_PERSIST, on_acceptable, node);
    event_add(node->acceptable, NULL);
}

void fake_restart(struct fake_node *node)
{
    node_listen(node);
    node_accept(node);
}

void fake_start(struct fake_grid *fake, struct event_base *base)
{
    fake->base = base;
    for (uint32_t i = 0; i < fake->node_count; i++)
        node_accept(&fake->nodes[i]);
}

// ---- Waiting ----

static void on_give_up(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    cr_assert_fail("what the test waits for did not come");
}

void fake_wait(struct fake_grid *fake, fake_condition *condition, void *context)
{
    struct timeval longest = {.tv_sec = 10};
    struct event *give_up = evtimer_new(fake->base, on_give_up, NULL);
    evtimer_add(give_up, &longest);
    while (!condition(context))
        event_base_loop(fake->base, EVLOOP_ONCE);
    event_free(give_up);
}

struct count_condition {
    const uint32_t *count;
    uint32_t wanted;
};

static bool count_is_reached(void *context)
{
    const struct count_condition *condition = context;
    return *condition->count >= condition->wanted;
}

void fake_wait_count(struct fake_grid *fake, const uint32_t *count, uint32_t wanted)
{
    struct count_condition condition = {count, wanted};
    fake_wait(fake, count_is_reached, &condition);
}
