// SPDX-License-Identifier: Apache-2.0
// Nodes that speak the protocol on loopback, in the event base of the client under test: no threads
// and no time, a test runs the base until what it waits for is there. They keep entries in a list,
// and a hook may answer instead.
#pragma once

#include "client/grid.h"
#include "cluster/base/buffer.h"
#include "cluster/model/view.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/op_codec.h"

#include <event2/event.h>

enum {
    FAKE_NODES_MAX = 4,
    FAKE_PEERS_MAX = 64,
    FAKE_ENTRIES_MAX = 4096,
    FAKE_PARTITIONS = 8,
    FAKE_OPS_MAX = 1024,
};

struct fake_peer { // a connection from the client
    struct fake_node *node;
    int fd; // -1: closed
    struct event *readable;
    struct buffer in;
    bool was_greeted;
    uint16_t worker;
    uint64_t client; // its id
};

struct fake_node {
    struct fake_grid *fake;
    uint16_t number;
    uint16_t port;
    int listener; // -1: stopped
    struct event *acceptable;
    uint16_t worker_count;
    uint32_t accept_count;
    uint32_t operation_count; // with a key
    uint32_t view_count;
    struct fake_peer peers[FAKE_PEERS_MAX];
};

// True: the hook has dealt with the frame.
typedef bool fake_hook(void *context, struct fake_peer *peer, const struct frame *frame);

struct fake_op { // with a key, as it came
    const struct fake_node *node;
    uint64_t client, number, floor, age_ms;
    bool is_retry;
    uint8_t view; // of the header
};

struct fake_entry {
    struct bytes map, key, value; // owned
    uint64_t version;
};

struct fake_grid {
    struct event_base *base;
    struct view view;
    struct fake_node nodes[FAKE_NODES_MAX];
    uint32_t node_count;
    struct fake_entry entries[FAKE_ENTRIES_MAX];
    size_t entry_count;
    struct fake_op ops[FAKE_OPS_MAX]; // the first ones
    uint32_t op_count;
    fake_hook *hook; // NULL: none
    void *hook_context;
    const char *grid_name;
    uint32_t partition_count_told; // in HELLO; 0: the view's
};

// The id of the node as a member: another one after fake_reincarnate.
uint64_t fake_id(const struct fake_node *node);

// A newer view: the partition has its primary there.
void fake_move(struct fake_grid *fake, uint32_t partition, uint32_t node);

// A newer view in which the node is a new member at the same place, or (false) none at all.
void fake_reincarnate(struct fake_node *node);
void fake_remove(struct fake_node *node);

// Listens with `node_count` nodes of `worker_count` workers; partition p belongs to node p mod
// node_count. Nothing is accepted before fake_start.
void fake_init(struct fake_grid *fake, uint32_t node_count, uint16_t worker_count);
void fake_start(struct fake_grid *fake, struct event_base *base);

// Before the base is freed.
void fake_deinit(struct fake_grid *fake);

// "127.0.0.1:port" of the node, in a static buffer.
const char *fake_seed(const struct fake_grid *fake, uint32_t node);

// Closes the node's connections; with `stop` it listens no more, until fake_restart.
void fake_disconnect(struct fake_node *node, bool stop);
void fake_restart(struct fake_node *node);

// Says in the first frame which view the nodes have.
void fake_send(struct fake_peer *peer, struct buffer *out);
// Remembers the operation in fake->ops; what hooks take is not noted otherwise.
void fake_note(const struct fake_peer *peer, const struct frame *frame, const struct op *op);

void fake_send_error(struct fake_peer *peer, const struct frame *frame, enum error error,
                     const char *text);

// The open connection to this worker of the node, or NULL.
struct fake_peer *fake_peer_of(struct fake_node *node, uint16_t worker);

// Runs the base until the condition holds; fails the test after 10 s.
typedef bool fake_condition(void *context);
void fake_wait(struct fake_grid *fake, fake_condition *condition, void *context);
void fake_wait_count(struct fake_grid *fake, const uint32_t *count, uint32_t wanted);
