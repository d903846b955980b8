// SPDX-License-Identifier: Apache-2.0
// The client library of Nowgrid: the only public header.
//
// Threads: a `struct grid` and everything made from it (subscriptions, scans) belong to one thread
// at a time; there are no locks inside. Use one client per thread. Functions on values, builders
// and JSON work on their arguments alone and may be called from any thread.
//
// Keys and values are MessagePack objects (https://msgpack.org). A key is an int, a str or a bin in
// its shortest encoding, at most 64 KiB; a value is any object, at most 16 MiB, nested at most 32
// deep. Build them with a grid_builder or from JSON.
//
// Errors: functions return a grid_error. After a synchronous call has failed, grid_error_text tells
// what and where.
//
// Faults: the client follows the grid's view: which members there are, and who serves which
// partition. It asks any member, and its seeds when none is left. An operation that is refused for
// a reason that may pass, or whose connection is lost, is tried again until its time-out, with
// growing pauses, at the owner that the newest view names. Writes carry a number by which the grid
// recognises a retry and answers it as the first time, so that none is applied twice. At its
// time-out an operation ends with
//   GRID_INDETERMINATE  a write, and an attempt may have been applied, now or a little later
//   GRID_TIMEOUT        a read that was not answered
//   the last refusal    GRID_NO_QUORUM, GRID_TOO_FEW_COPIES, GRID_NOT_OWNER ...: not applied
//   GRID_DISCONNECTED   nothing was sent
// Operations that are under way at the same time on one key take effect in the order in which they
// were submitted, unless some of them had to be tried again.
#ifndef GRID_H
#define GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GRID_API __attribute__((visibility("default")))
#else
#define GRID_API
#endif

struct event_base; // libevent's

// ---- Errors ----

// The numbers are those of the protocol.
enum grid_error {
    GRID_OK = 0,
    GRID_INVALID_ARGUMENT = 1,
    GRID_MALFORMED_FRAME = 2,
    GRID_UNSUPPORTED_VERSION = 3,
    GRID_UNKNOWN_OPERATION = 4,
    GRID_TOO_LARGE = 5,
    GRID_MALFORMED_VALUE = 6,
    GRID_MALFORMED_KEY = 7,
    GRID_NOT_FOUND = 8,
    GRID_EXISTS = 9,
    GRID_VERSION_MISMATCH = 10,
    GRID_WRONG_TYPE = 11,
    GRID_OUT_OF_MEMORY = 12,
    GRID_NOT_OWNER = 13,
    GRID_BACKUP_UNAVAILABLE = 14,
    GRID_PARTITION_LOST = 15,
    GRID_QUERY = 16,
    GRID_TIMEOUT = 17,       // a read was not answered: nothing was changed
    GRID_INDETERMINATE = 18, // a write may or may not have been applied
    GRID_DISCONNECTED = 19,  // nothing was sent
    GRID_OVERLOADED = 20,
    GRID_SLOW_CONSUMER = 21,
    GRID_UNKNOWN_SUBSCRIPTION = 22,
    GRID_WRONG_GRID = 23,
    GRID_OVERFLOW = 24,
    GRID_CANCELLED = 25,
    GRID_NO_QUORUM = 26,      // the owner has no contact to a majority; nothing was changed
    GRID_TOO_FEW_COPIES = 27, // fewer replicas in sync than min-in-sync; nothing was changed
    GRID_WRONG_SECRET = 28,
    GRID_WRONG_SETTINGS = 29,
    GRID_MOVED = 30, // a partition has another primary now: a subscription or scan is over
};

// "NOT_FOUND" and so on. Static storage.
GRID_API const char *grid_error_name(enum grid_error error);

// ---- Client ----

// A borrowed run of bytes; in this header always one or more encoded MessagePack objects, or text.
struct grid_bytes {
    const void *data;
    size_t size;
};

struct grid_options {
    const char *seeds; // "host:port[,host:port ...]": any nodes of the grid; NULL:
                       // "127.0.0.1:7400". A name, other than an address, is looked up when it is
                       // connected to, from the event loop, which waits for the resolver
    const char *grid_name;       // refuse to speak to another grid; NULL: any
    const char *client_name;     // shown by the nodes; at most 63 bytes; NULL: "libgrid"
    uint32_t timeout_ms;         // of an operation with all its attempts, 0: 5000
    uint32_t connect_timeout_ms; // of one connection attempt, 0: 2000
    uint32_t
        pending_max; // operations under way at most, 0: 65536; more are refused: GRID_OVERLOADED
    uint32_t
        reconnect_max_ms; // longest pause between attempts to reconnect, 0: 1000 (the first is 10)
    int32_t no_quorum_ms; // for how long NO_QUORUM is retried, within the time-out, as a failover
                          // may be under way; 0: 3000; negative: told at once
};

struct grid; // a client

// A client of its own event base (`base` NULL), run by the synchronous calls and grid_run; or of
// the caller's base, which must outlive it, run by the caller. Connects in the background.
// `options` and its texts are copied; NULL: defaults. NULL with errno EINVAL when the seeds cannot
// be read.
GRID_API struct grid *grid_new(const struct grid_options *options, struct event_base *base);

// Calls back every operation under way with GRID_CANCELLED, ends subscriptions without further
// callbacks, closes connections. Not to be called from a callback. NULL is allowed.
GRID_API void grid_free(struct grid *grid);

// Waits until the view is known and all members that answer are connected, `timeout_ms` at most.
// Synchronous (see below).
GRID_API enum grid_error grid_connect(struct grid *grid, uint32_t timeout_ms);

// Text of the last synchronous call that failed; valid until the next call. Never NULL.
GRID_API const char *grid_error_text(const struct grid *grid);

// Runs the client's base until something was called back or `timeout_ms` have passed (0: only what
// is ready now; -1: no time-out). For clients of their own base. Returns the number of callbacks.
GRID_API int grid_run(struct grid *grid, int timeout_ms);

// Operations under way.
GRID_API size_t grid_pending(const struct grid *grid);

// ---- Operations, asynchronous ----

enum grid_op {
    GRID_GET = 1,
    GRID_PUT,
    GRID_GET_AND_PUT,
    GRID_REPLACE,
    GRID_REMOVE,
    GRID_INCREMENT, // value: the delta
    GRID_MERGE,     // value: a JSON Merge Patch (RFC 7396) as MessagePack
    GRID_TOUCH,
    GRID_CONTAINS,
};

enum grid_condition {
    GRID_ALWAYS = 0,
    GRID_IF_ABSENT = 1,  // put; otherwise GRID_EXISTS
    GRID_IF_VERSION = 2, // put, replace, remove; otherwise GRID_VERSION_MISMATCH
};

struct grid_request {
    enum grid_op op;
    enum grid_condition condition;
    const char *map; // 1 to 255 bytes
    struct grid_bytes key;
    struct grid_bytes value; // put, get-and-put, replace, increment, merge
    uint64_t version;        // with GRID_IF_VERSION
    int64_t ttl_ms;          // put, get-and-put, replace, increment, merge, touch; 0: none
    int64_t max_idle_ms;     // likewise
};

struct grid_reply {
    enum grid_error error;
    const char *text; // with an error: what and where; else ""
    bool found;       // there was an entry
    uint64_t version; // of the entry read or written; 0: none
    struct grid_bytes
        value; // get; get-and-put: the old one; increment, merge: the new one. data NULL: none
};

// `reply` and what it points to are borrowed until return. It may submit, and must not free the
// client.
typedef void grid_reply_fn(void *context, const struct grid_reply *reply);

// Sends the operation, pipelined behind earlier ones to the same worker; `callback` is called
// exactly once, later, from the event loop, unless this returns an error, in which case it is never
// called. The request is copied.
GRID_API enum grid_error grid_submit(struct grid *grid, const struct grid_request *request,
                                     grid_reply_fn *callback, void *context);

// ---- Operations, synchronous ----
// For clients of their own base, not from callbacks. While they wait, callbacks of other operations
// and subscriptions are called. Values that are returned live until the next synchronous call on
// the client.

GRID_API enum grid_error grid_execute(struct grid *grid, const struct grid_request *request,
                                      struct grid_reply *reply);

GRID_API enum grid_error grid_get(struct grid *grid, const char *map, struct grid_bytes key,
                                  struct grid_bytes *value); // GRID_NOT_FOUND
GRID_API enum grid_error grid_put(struct grid *grid, const char *map, struct grid_bytes key,
                                  struct grid_bytes value, int64_t ttl_ms);
GRID_API enum grid_error grid_remove(struct grid *grid, const char *map, struct grid_bytes key,
                                     bool *found); // found may be NULL
GRID_API enum grid_error grid_merge(struct grid *grid, const char *map, struct grid_bytes key,
                                    struct grid_bytes patch);
GRID_API enum grid_error grid_increment(struct grid *grid, const char *map, struct grid_bytes key,
                                        int64_t delta, int64_t *value); // value may be NULL

// These ask all workers, again and again while partitions move; GRID_MOVED when they still move at
// the time-out.

// Entries of a map on all nodes; an estimate while writes are under way.
GRID_API enum grid_error grid_size(struct grid *grid, const char *map, uint64_t *count);

// Removes the entries that are there; those put meanwhile may stay. `removed` may be NULL.
GRID_API enum grid_error grid_clear(struct grid *grid, const char *map, uint64_t *removed);

// Many keys at once, pipelined to all owners. `replies[i]` answers keys[i]. The values live until
// the next synchronous call. Returns GRID_OK, or the first error among the replies. Not atomic.
GRID_API enum grid_error grid_get_all(struct grid *grid, const char *map,
                                      const struct grid_bytes *keys, size_t count,
                                      struct grid_reply *replies);
GRID_API enum grid_error grid_put_all(struct grid *grid, const char *map,
                                      const struct grid_bytes *keys,
                                      const struct grid_bytes *values, size_t count, int64_t ttl_ms,
                                      struct grid_reply *replies); // may be NULL

// Calls `visit` for each map of the grid with its number of entries, in the order of their names.
typedef void grid_map_fn(void *context, const char *name, uint64_t entry_count);
GRID_API enum grid_error grid_maps(struct grid *grid, grid_map_fn *visit, void *context);

// ---- Scans and one-time queries, synchronous ----

struct grid_scan;

struct grid_row {
    struct grid_bytes key;
    struct grid_bytes value; // the projection, for a query
    uint64_t version;
};

// All entries of a map, or those that a query (SELECT ... FROM ... [WHERE ...] [LIMIT ...])
// selects, in no particular order, page by page from one worker after the other. An entry that
// stays during the whole scan is returned exactly once, also while partitions move.
GRID_API struct grid_scan *grid_scan_new(struct grid *grid, const char *map);
GRID_API struct grid_scan *grid_query_new(struct grid *grid, const char *query);

// GRID_OK and the next row (borrowed until the next call on the client), GRID_NOT_FOUND at the end,
// or an error.
GRID_API enum grid_error grid_scan_next(struct grid_scan *scan, struct grid_row *row);
GRID_API void grid_scan_free(struct grid_scan *scan);

// ---- Continuous queries ----
//
// A subscription receives the exact state of what its query selects at one point of each
// partition's history, and then every later change, in the order of the partition, once: through
// crashes, failover, partitions that move, lost connections and its own slowness. The client
// subscribes again and goes on by itself. Where the grid cannot tell every change any more, because
// its log does not reach back so far, a partition is reset: a subscription that keeps its rows (see
// grid_keep) is told the difference as ENTER, UPDATE and LEAVE with the cause GRID_CAUSE_NONE;
// any other is told by `reset`, and gets the rows of the partition anew.

enum grid_cause {
    GRID_CAUSE_NONE = 0, // of a row, or of a change that a reset has brought to light
    GRID_CAUSE_PUT = 1,
    GRID_CAUSE_REMOVE,
    GRID_CAUSE_EXPIRE,
    GRID_CAUSE_EVICT,
    GRID_CAUSE_CLEAR,
    GRID_CAUSE_TOUCH,
};

// One change, or one row of a snapshot. Borrowed until the callback returns.
struct grid_event {
    uint16_t partition;
    uint64_t epoch;        // under which the change was made
    uint64_t seq;          // order within the partition
    uint64_t time_us;      // Unix time of the change; 0 with GRID_CAUSE_NONE
    enum grid_cause cause; // why
    struct grid_bytes key;
    struct grid_bytes new_value; // projected; data NULL: the entry is gone, or not asked for
    struct grid_bytes old_value; // projected; data NULL: there was none, or not asked for
};

enum grid_subscription_state {
    GRID_SUBSCRIPTION_STARTING =
        0,                         // not registered everywhere, or rows of the snapshot are to come
    GRID_SUBSCRIPTION_LIVE,        // every change comes as it is committed
    GRID_SUBSCRIPTION_CATCHING_UP, // everything comes, but later: the log is being read
    GRID_SUBSCRIPTION_RESETTING,   // some partition is being reset
    GRID_SUBSCRIPTION_LOST,        // some partition is not heard now: the client tries to go on
    GRID_SUBSCRIPTION_ENDED,
};

// Any callback may be NULL. They are called from the event loop, and may submit, subscribe and
// unsubscribe.
struct grid_listener {
    void (*row)(void *context, const struct grid_event *event); // of a snapshot
    void (*ready)(void *context); // once: the first snapshot is complete everywhere
    void (*enter)(void *context, const struct grid_event *event);  // matches now, did not before
    void (*update)(void *context, const struct grid_event *event); // matches now and before
    void (*leave)(void *context, const struct grid_event *event);  // matched before, does not now
    void (*progress)(void *context, uint16_t partition,
                     uint64_t seq); // all up to here was delivered
    // What was told of this partition is void: its rows follow. Not for subscriptions that keep
    // their rows.
    void (*reset)(void *context, uint16_t partition);
    // `behind`: changes that some node has still to send to this client, as last heard.
    void (*state)(void *context, enum grid_subscription_state state, uint64_t behind);
    // The subscription is over: the query was refused, or the grid has ended it. No callback comes
    // after it.
    void (*error)(void *context, enum grid_error error, const char *text);
};

enum grid_start {
    GRID_START_SNAPSHOT = 0, // what matches now, then every change
    GRID_START_LATEST,       // changes from now on
    GRID_START_EARLIEST,     // the changes that the grid still has in its logs, then on
    GRID_START_AFTER,        // after a resume token
};

enum grid_content {
    GRID_CONTENT_OLD_AND_NEW = 0,
    GRID_CONTENT_NEW,  // no old values
    GRID_CONTENT_KEYS, // no values
};

enum grid_policy {
    GRID_POLICY_CATCH_UP = 0, // a client that is slow gets every change, later
    GRID_POLICY_CONFLATE,     // while it is slow, the changes of one key are merged into one
    GRID_POLICY_DISCONNECT,   // it ends with GRID_SLOW_CONSUMER
};

// What the client keeps of the result.
enum grid_keep {
    GRID_KEEP_DEFAULT = 0, // KEYS when it starts with a snapshot and without filters, else NOTHING
    GRID_KEEP_NOTHING,
    GRID_KEEP_KEYS,   // keys and versions, so that a reset can be told as changes
    GRID_KEEP_VALUES, // the whole result: see grid_result_get. Not with GRID_CONTENT_KEYS
};

enum {
    GRID_KIND_ENTER = 1,
    GRID_KIND_UPDATE = 2,
    GRID_KIND_LEAVE = 4,
};

struct grid_subscribe_options {
    enum grid_start start;
    struct grid_bytes token; // with GRID_START_AFTER
    enum grid_content content;
    enum grid_policy policy;
    enum grid_keep keep; // KEYS and VALUES want START_SNAPSHOT and no filter
    bool only_changed;   // no UPDATE where what is selected stays the same
    unsigned kinds;      // GRID_KIND_ bits of the changes that are wanted; 0: all
    unsigned causes;     // 1 << cause for each that is wanted; 0: all
};

struct grid_subscription;

// Subscribes to SELECT ... FROM ... [WHERE ...] on the whole grid. `listener`, `query` and the
// token are copied, `options` may be NULL. Returns at once; what becomes of it, the listener
// learns: of a query that does not compile, or a token of another grid, query or version, or a
// forged one, by `error`. NULL only for a listener that is NULL, a query over 64 KiB, or options
// that contradict each other.
GRID_API struct grid_subscription *grid_subscribe(struct grid *grid, const char *query,
                                                  const struct grid_subscribe_options *options,
                                                  const struct grid_listener *listener,
                                                  void *context);

// Ends it without a further callback, and releases it; also after its error callback (each
// subscription needs it exactly once, unless the client was freed).
GRID_API void grid_unsubscribe(struct grid_subscription *subscription);

GRID_API enum grid_subscription_state
grid_subscription_state(const struct grid_subscription *subscription);

// "LIVE" and so on. Static storage.
GRID_API const char *grid_subscription_state_name(enum grid_subscription_state state);

// Where the subscription stands: what was called back is before it, all that comes later is after
// it. Opaque; valid at any node of this grid, for this query and these options, as long as the
// grid's logs reach back (else partitions are reset). Borrowed until the next call on the client.
// GRID_NOT_FOUND while no position is known. It may be asked for within a callback, which is then
// not yet before it, and after `error`.
GRID_API enum grid_error grid_subscription_token(struct grid_subscription *subscription,
                                                 struct grid_bytes *token);

// ---- The result of a subscription that keeps its values: a live local copy ----

struct grid_result_position {
    enum grid_subscription_state state;
    uint64_t behind; // changes that nodes have still to send, as last heard
    uint32_t age_ms; // since the nodes last confirmed, for every partition, that nothing is missing
};

// Never silently stale: how far the copy is. Of one key (data NULL: of the whole result).
GRID_API void grid_result_position(const struct grid_subscription *subscription,
                                   struct grid_bytes key, struct grid_result_position *position);

GRID_API size_t grid_result_count(const struct grid_subscription *subscription);

// The row of this key, borrowed until the next call on the client or its event loop runs.
// GRID_NOT_FOUND where it is not in the result; GRID_INVALID_ARGUMENT where values are not kept.
GRID_API enum grid_error grid_result_get(const struct grid_subscription *subscription,
                                         struct grid_bytes key, struct grid_row *row);

// Rows in no particular order: starts with *place 0; false at the end. Valid as long as the event
// loop does not run.
GRID_API bool grid_result_next(const struct grid_subscription *subscription, uint64_t *place,
                               struct grid_row *row);

// ---- What nodes know of continuous queries ----

// How a node would find the updates that concern this query: a MessagePack map with class, key,
// candidates ...; lives until the next synchronous call. Synchronous.
GRID_API enum grid_error grid_explain(struct grid *grid, const char *query,
                                      struct grid_bytes *explanation);

// All subscriptions of all clients, each once per worker that has it, as MessagePack maps: member,
// worker, client, id, query, class, key, policy, state, behind, events. At most `limit` per worker
// (0: 1000). Synchronous.
typedef void grid_subscription_fn(void *context, struct grid_bytes subscription);
GRID_API enum grid_error grid_subscriptions(struct grid *grid, uint32_t limit,
                                            grid_subscription_fn *visit, void *context);

// ---- The grid as the client sees it ----

// What the members agreed on last, as far as the client has heard of it.
struct grid_view {
    uint64_t grid_id; // random, made when the grid was
    uint64_t version; // grows with every change
    uint32_t partition_count;
    uint32_t replica_count; // wanted: backups + 1
    uint32_t min_in_sync;   // writes are refused with fewer copies
};

// False while the view is not known.
GRID_API bool grid_view_get(const struct grid *grid, struct grid_view *view);

enum grid_member_role {
    GRID_MEMBER_DATA = 0,
    GRID_MEMBER_WITNESS = 1, // may vote, holds no data
};

enum grid_member_state {
    GRID_MEMBER_ACTIVE = 0,
    GRID_MEMBER_LEAVING = 1, // its partitions are being moved away
};

struct grid_member {
    uint64_t id; // another one at each start of a node
    const char *name;
    const char *host;
    const char *zone; // "": none
    uint16_t port;
    uint16_t weight; // share of the data
    enum grid_member_role role;
    enum grid_member_state state;
    bool is_voter;
    bool connected;
    uint16_t worker_count;  // 0 while not connected
    uint32_t primary_count; // partitions
    uint32_t backup_count;  // other replicas, in sync or not
};

GRID_API uint32_t grid_partition_count(const struct grid *grid); // 0 while the view is not known

// Members are numbered, with gaps where some have left: numbers are below this count.
GRID_API size_t grid_member_count(const struct grid *grid);

// Borrowed texts, valid until the next call on the client. False when there is no such member.
GRID_API bool grid_member_get(const struct grid *grid, size_t number, struct grid_member *member);

#define GRID_REPLICAS_MAX 8
#define GRID_NO_MEMBER    0xFFFF

struct grid_partition {
    uint64_t epoch;   // grows with every change of the primary
    uint64_t version; // of the view that changed this partition last
    uint32_t replica_count;
    uint32_t in_sync_count;              // the first ones; 0: no copy has survived
    uint16_t members[GRID_REPLICAS_MAX]; // numbers for grid_member_get, primary first
    uint16_t handover;                   // the member that becomes primary next, or GRID_NO_MEMBER
};

// False when the view is not known, or there is no such partition.
GRID_API bool grid_partition_get(const struct grid *grid, uint16_t number,
                                 struct grid_partition *partition);

struct grid_location {
    uint16_t partition;
    uint32_t replica_count;
    uint16_t members[GRID_REPLICAS_MAX]; // numbers for grid_member_get, primary first
};

GRID_API enum grid_error grid_locate_key(const struct grid *grid, struct grid_bytes key,
                                         struct grid_location *location);
GRID_API enum grid_error grid_locate_partition(const struct grid *grid, uint16_t partition,
                                               struct grid_location *location);

// Figures of one worker of a member as a MessagePack map; lives until the next synchronous call.
// Synchronous.
GRID_API enum grid_error grid_stats(struct grid *grid, size_t member, uint16_t worker,
                                    struct grid_bytes *stats);

enum grid_cluster_command {
    GRID_CLUSTER_STATUS = 1, // what the member knows of the consensus and of migrations
    GRID_CLUSTER_LEAVE,      // argument: name of the member that shall move its data and go
    GRID_CLUSTER_RECOVER,    // argument: name of the grid; a majority is lost for good, this member
                             // goes on alone with what it has
};

#define GRID_ANY_MEMBER SIZE_MAX

// Asks the member with this number, or GRID_ANY_MEMBER: whichever is connected, also a seed that is
// in no grid yet. The answer is a MessagePack map; it lives until the next synchronous call.
// `argument` may be NULL for STATUS. Synchronous; never repeated by itself.
GRID_API enum grid_error grid_cluster(struct grid *grid, size_t member,
                                      enum grid_cluster_command command, const char *argument,
                                      struct grid_bytes *answer);

// What becomes of a member's share of the partitions. Texts are borrowed until the callback
// returns.
struct grid_share {
    const char *name;
    uint16_t weight;
    bool is_added; // by a change that was asked about; so are the removed
    bool is_removed;
    uint32_t primary_count; // partitions now
    uint32_t backup_count;
    uint32_t primary_count_after;
    uint32_t backup_count_after;
    uint32_t fill_count;      // copies that it would be sent
    uint32_t take_over_count; // partitions that it would become the primary of
    uint32_t drop_count;      // copies that it would give up
};

// A member that is to join, or, with weight 0, to leave.
struct grid_member_change {
    const char *name;
    uint16_t weight; // 0 to 100
};

// What the grid would move after these changes (`count` may be 0: what it has to move as it is),
// computed here from the view that is known: nothing is asked, nothing is moved. Visits members in
// the order of their numbers, then those to be added, which are in no zone. Synchronous.
typedef void grid_share_fn(void *context, const struct grid_share *share);
GRID_API enum grid_error grid_rebalance_simulate(struct grid *grid,
                                                 const struct grid_member_change *changes,
                                                 size_t count, grid_share_fn *visit, void *context);

// ---- Values ----

// Builds MessagePack, appending. Containers are opened with their number of elements, which must
// then follow.
struct grid_builder;

GRID_API struct grid_builder *grid_builder_new(void);
GRID_API void grid_builder_free(struct grid_builder *builder);
GRID_API void grid_builder_clear(struct grid_builder *builder); // keeps the memory
GRID_API void grid_build_nil(struct grid_builder *builder);
GRID_API void grid_build_bool(struct grid_builder *builder, bool value);
GRID_API void grid_build_int(struct grid_builder *builder, int64_t value);
GRID_API void grid_build_uint(struct grid_builder *builder, uint64_t value);
GRID_API void grid_build_double(struct grid_builder *builder, double value);
GRID_API void grid_build_str(struct grid_builder *builder, const char *text);
GRID_API void grid_build_str_n(struct grid_builder *builder, const char *text, size_t size);
GRID_API void grid_build_bin(struct grid_builder *builder, const void *data, size_t size);
GRID_API void grid_build_array(struct grid_builder *builder, uint32_t count);
GRID_API void grid_build_map(struct grid_builder *builder, uint32_t pair_count);
GRID_API void grid_build_object(struct grid_builder *builder, struct grid_bytes object);

// What was built since new or clear; borrowed until the next call on the builder.
GRID_API struct grid_bytes grid_builder_bytes(const struct grid_builder *builder);

// Appends the JSON text (RFC 8259) as MessagePack: integers as int, other numbers as float 64. Of
// equal keys the last one counts. Integers beyond int64 and nesting beyond 32 are refused.
// GRID_INVALID_ARGUMENT with line and column in `error` (may be NULL) when it is not JSON; nothing
// is appended then.
GRID_API enum grid_error grid_build_json(struct grid_builder *builder, const char *json,
                                         size_t size, char *error, size_t error_size);

// The first object in `value` as JSON on one line; bin becomes base64 text, NaN and infinities
// null, map keys that are no str their JSON text. NULL when it is not well-formed. Release with
// free().
GRID_API char *grid_value_to_json(struct grid_bytes value);

// The element of a map under a text key, or data NULL.
GRID_API struct grid_bytes grid_value_field(struct grid_bytes map, const char *name);

// The element of an array with this index, or data NULL.
GRID_API struct grid_bytes grid_value_element(struct grid_bytes array, size_t index);

// False when the object is of another type.
GRID_API bool grid_value_int(struct grid_bytes value, int64_t *number);
GRID_API bool grid_value_uint(struct grid_bytes value, uint64_t *number);
GRID_API bool grid_value_double(struct grid_bytes value, double *number); // ints too
GRID_API bool grid_value_str(struct grid_bytes value, struct grid_bytes *text);
GRID_API bool grid_value_bool(struct grid_bytes value, bool *flag);

GRID_API const char *grid_version(void);

#ifdef __cplusplus
}
#endif
#endif
