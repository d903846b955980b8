// SPDX-License-Identifier: Apache-2.0
// What sessions and peers say to each other beside operations, as plain data. Bytes are borrowed.
#pragma once

#include "cluster/base/bytes.h"
#include "cluster/model/effect.h"
#include "cluster/model/epochs.h"

enum hello_role {
    HELLO_CLIENT = 1,
    HELLO_PEER = 2,    // the primary's side of a replication link
    HELLO_CONTROL = 3, // consensus and membership: to the control thread
};

#define HELLO_ANY_WORKER 0xFFFF

struct hello {
    uint32_t version_min; // protocol versions that the asker speaks
    uint32_t version_max;
    enum hello_role role;
    uint16_t worker;     // the worker it wants to speak to, or HELLO_ANY_WORKER
    struct bytes name;   // of the client program, or of the peer node
    struct bytes grid;   // name of the grid it expects; empty: any (a peer must name it)
    uint64_t grid_id;    // peers: of their grid; 0: they are in none yet
    struct bytes secret; // peers: the grid's; compared without an early exit
    uint64_t id;         // clients: random, for operations that are applied at most once (0: none);
                         // peers: of the member
};

struct hello_reply {
    uint32_t version;  // what both will speak
    struct bytes node; // name of the node that answers
    struct bytes grid;
    uint64_t incarnation;     // id of the member: another at each start
    uint16_t worker;          // the connection now belongs to this worker
    uint16_t worker_count;    // partition p belongs to worker p mod worker_count
    uint32_t partition_count; // 0: the node is in no grid yet
    uint64_t view_version;    // 0: none
};

// FRAME_POSITION, FRAME_ACK, FRAME_GAP, FRAME_ATTACH (seq: the version of the
// partition that must be known to answer), FRAME_CUT, FRAME_FILL_BEGIN,
// FRAME_FILL_END: one replica's place in the partition that the header names.
struct position {
    uint64_t epoch;
    uint64_t seq;
    struct epochs epochs; // POSITION, FILL_BEGIN: of the log up to seq; else empty
};

// FRAME_FILL_RESULT: what is remembered of one operation (see struct origin).
struct fill_result {
    uint64_t epoch;
    struct origin origin;
    uint64_t seq;   // of its effect
    bool found;     // as it was answered
    bool has_value; // as it was answered; false although the kind has one: too large to be kept
    struct bytes value;
};

// FRAME_APPEND: effects first_seq ... first_seq + count - 1.
struct append {
    uint64_t epoch;
    uint64_t first_seq;
    uint64_t commit_seq;
    uint64_t made_epoch; // under which its effects were made; <= epoch
    uint32_t count;
    struct bytes effects; // encoded
};

// FRAME_FILL_ENTRY: one entry as it stands.
struct fill_entry {
    uint64_t epoch;
    struct bytes map;
    struct bytes key;
    struct bytes value;
    uint64_t seq; // version
    int64_t expiry_ms;
    int64_t max_idle_ms;
};

// ---- Continuous queries ----

// Where a subscription begins.
enum start {
    START_NONE = 0,     // registered only: FOLLOW says where it begins in which partition
    START_LATEST = 1,   // changes from now on
    START_SNAPSHOT = 2, // what matches now, then every change
    START_EARLIEST = 3, // every change that the log still has, then on
};

// What its events carry beside the key.
enum content {
    CONTENT_KEYS = 0,
    CONTENT_NEW = 1,
    CONTENT_OLD_AND_NEW = 2,
};

// What happens when its client reads too slowly.
enum policy {
    POLICY_CATCH_UP = 0,   // it reads the log by itself, and gets every change
    POLICY_CONFLATE = 1,   // the same, with the changes of one key merged
    POLICY_DISCONNECT = 2, // it ends with ERROR_SLOW_CONSUMER
};

// Filters: bits of what is wanted.
enum {
    KIND_ENTER = 1,
    KIND_UPDATE = 2,
    KIND_LEAVE = 4,
    KINDS_ALL = KIND_ENTER | KIND_UPDATE | KIND_LEAVE,
    CAUSES_ALL = (1 << CAUSE_TOUCH) - 1, // 1 << (cause - 1) for each enum cause
};

// FRAME_SUBSCRIBE.
struct subscribe {
    struct bytes query;
    enum start start;
    enum content content;
    enum policy policy;
    uint8_t kinds;
    uint8_t causes;
    bool only_changed; // no UPDATE where what is selected stays the same
};

// A place in the history of one partition: after effect `seq`, which was made under `epoch`.
struct mark {
    uint16_t partition;
    uint64_t epoch;
    uint64_t seq;
};

// In FRAME_FOLLOW. (0, 0), before the first effect, is what a client says that knows nothing.
#define FOLLOW_LATEST_SEQ UINT64_MAX // from now on

// FRAME_FOLLOW.
struct follow {
    uint32_t subscription; // SUBSCRIPTIONS_JOINED: all that have no course of their own
    struct bytes marks;    // encoded: mark_next
};

// Which subscriptions of its connection a frame is about.
struct audience {
    uint32_t subscription; // the request id of its SUBSCRIBE; SUBSCRIPTIONS_JOINED: see there
    struct bytes ids;      // if not empty, instead: several, as little-endian u32
};

// No SUBSCRIBE has this request id. In FOLLOW, RESET and READY: all that are joined.
enum { SUBSCRIPTIONS_JOINED = 0 };

// FRAME_ENTER, FRAME_UPDATE, FRAME_LEAVE; FRAME_ROW (cause 0, time 0).
struct event {
    uint8_t kind; // enum frame_kind
    uint16_t partition;
    struct audience audience;
    bool is_replay; // of a course of its own: does not move the connection's position
    uint64_t epoch; // under which the effect was made
    uint64_t seq;
    uint64_t time_us; // Unix time at which the primary applied the change
    enum cause cause;
    struct bytes key;
    bool has_new; // there is an entry now, and it was asked for
    bool has_old; // there was one before, and it was asked for
    struct bytes new_value;
    struct bytes old_value;
};

// FRAME_READY, FRAME_RESET.
struct milestone {
    struct audience audience;
    struct bytes marks; // encoded; empty: every partition that the connection follows
};

// FRAME_PROGRESS.
struct progress {
    uint64_t behind_count; // effects that the connection has still to be sent; 0: it is live
    struct bytes marks;    // encoded
};
