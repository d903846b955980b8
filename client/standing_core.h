// SPDX-License-Identifier: Apache-2.0
// Inside the standing queries of a client: what they are made of, and what the files need of each
// other.
//
//   standing.c          life; subscriptions come and go; the turn
//   standing_link.c     what is asked on a link: SUBSCRIBE, UNSUBSCRIBE, and their answers
//   standing_follow.c   partitions: routed, followed, given up
//   standing_journey.c  a subscription on its way: where it stands in which partition
//   standing_stray.c    courses that it left behind on the way
//   standing_take.c     frames of the nodes
//   standing_tell.c     calls of listeners
//   standing_state.c    live, catching up, lost: for listeners and whoever asks
//   standing_rows.c     what is kept of a result
//   standing_token.c    a position as opaque bytes
#pragma once

#include "client/bounds.h"
#include "client/id.h"
#include "client/standing.h"
#include "client/standing_rows.h"
#include "cluster/model/message.h"

struct standing_mark {
    uint64_t epoch;
    uint64_t seq;
};

// FOLLOW after this position can only be answered by RESET: no log has it.
#define STANDING_NOWHERE ((struct standing_mark){.epoch = 0, .seq = UINT64_MAX - 1})

// ---- Partitions ----

enum standing_knowledge {
    KNOWLEDGE_NONE = 0, // nobody was promised anything: it may begin anywhere
    KNOWLEDGE_POSITION,
    KNOWLEDGE_VOID, // what was told is void, a reset was not complete: it must begin with one
};

//   NONE --FOLLOW--> ASKED --REPLY--> FED
//   NONE --first SUBSCRIBE of a link--> IMPLIED --PROGRESS--> FED
//   any --link lost, MOVED, refused, routed elsewhere--> NONE
enum standing_stage {
    STAGE_NONE = 0,
    STAGE_ASKED,   // what the link still sends of an earlier FOLLOW does not count
    STAGE_IMPLIED, // if the node leads it, it says where it begins
    STAGE_FED,
};

struct standing_partition {
    struct client_standing_link *route;    // borrowed; NULL: nobody leads it
    struct client_standing_link *follower; // borrowed; NULL: none. Only this link's frames count
    struct standing_mark position;         // KNOWLEDGE_POSITION
    uint8_t knowledge;                     // enum standing_knowledge
    uint8_t stage;                         // enum standing_stage
    bool is_resetting;                     // a RESET of all that are joined is under way
    bool is_promised;      // somebody is joined here: without a position it must begin with a reset
    uint32_t follow_id;    // STAGE_ASKED: of the FOLLOW
    uint64_t retry_ms;     // not followed before
    uint64_t changed_ms;   // when it lost its follower
    uint64_t fed_ms;       // when it got its follower
    uint64_t confirmed_ms; // when a follower that it has lost last said that nothing is missing
};

// ---- Subscriptions ----

// Where a subscription stands in one partition. What is asked and not answered goes back where its
// arrow began when the partition loses its follower.
//
//   FRESH --SUBSCRIBE, FOLLOW--> STARTING --first row--> SNAPSHOT --READY--> JOINED
//   HELD --FOLLOW after its position--> REPLAYING --READY--> JOINED
//   VOID --FOLLOW after nowhere--> RESETTING --rows, READY--> JOINED
//   SNAPSHOT and RESETTING become VOID, REPLAYING becomes HELD
enum standing_place {
    PLACE_JOINED = 0, // the position of the partition is its own
    PLACE_FRESH,      // nothing was told
    PLACE_HELD,       // it has a position of its own
    PLACE_VOID,       // rows were told, but not all
    PLACE_STARTING,
    PLACE_REPLAYING,
    PLACE_SNAPSHOT,
    PLACE_RESETTING,
    // With one of the last four: its FOLLOW is not answered.
    PLACE_ASKED = 0x40,
};

struct standing_journey {
    struct list link;     // in the standing's `journeys`
    struct list due_link; // in its `due_journeys`, if something is to be asked
    struct grid_subscription *subscription;
    uint64_t due_ms;           // not before
    uint32_t open_count;       // places that are not JOINED
    uint32_t idle_count;       // FRESH, HELD and VOID: to be asked
    uint32_t asked_count;      // with PLACE_ASKED: nothing more is asked before the answer
    uint32_t tag;              // of the FOLLOWs under way
    uint32_t resetting_count;  // VOID and RESETTING
    struct standing_mark *own; // owned; by partition: of HELD and REPLAYING; NULL: none yet
    uint8_t places[];          // enum standing_place, by partition
};

// Equal ones are shared: mostly all subscriptions have the same.
struct standing_listener {
    struct list link;
    uint32_t user_count;
    struct grid_listener calls;
};

struct standing_token {
    size_t size;
    uint8_t data[];
};

struct grid_subscription {
    struct client_standing *standing; // borrowed for life
    struct list queue;                // in `unheard`, then in `notices`, at last in `graves`
    struct standing_listener *listener;
    void *context;
    struct standing_journey *journey; // owned; NULL: FRESH or, if is_joined, JOINED everywhere
    struct standing_rows *rows;       // owned; NULL: nothing is kept
    struct standing_token *token;     // owned; to begin after, or where it ended; NULL: none
    uint32_t number;                  // in the table
    uint32_t deadline_ms;             // `unheard`: the low bits of when it ends
    uint32_t leaving_count;           // links that have not confirmed its UNSUBSCRIBE
    uint32_t query_bytes;
    uint8_t start;   // enum grid_start
    uint8_t content; // enum grid_content
    uint8_t policy;
    uint8_t keep; // enum grid_keep, the default resolved
    uint8_t kinds;
    uint8_t causes;
    uint8_t told_state; // enum grid_subscription_state, as the listener knows it
    bool only_changed : 1;
    bool is_joined : 1;   // it was JOINED everywhere: `ready` was called
    bool was_heard : 1;   // some node has registered it
    bool is_ended : 1;    // no more callbacks
    bool is_released : 1; // by the caller
    char query[];         // ends with NUL
};

// The frame whose events are being told: subscriptions that heard theirs are further than the
// partition, whose position moves when all have.
struct standing_telling {
    const struct event *current; // borrowed; NULL: none
    uint32_t id;                 // who is told now
    struct audience left;        // who is told later
    struct bytes earlier;        // in a BATCH: the frames before it
    bool is_batch;
};

struct client_standing {
    struct client_standing_host host;
    struct client_standing_limits limits;
    uint64_t grid_id;
    uint32_t partition_count;              // 0: no grid is known
    struct standing_partition *partitions; // owned
    struct list links;
    struct grid_subscription **table; // owned; by number, NULL: free; [0] is never used
    uint32_t table_size;
    uint32_t free_hint;      // no free number is below
    uint32_t live_count;     // neither ended nor released
    uint32_t count;          // not released
    uint32_t keeper_count;   // that keep rows
    uint32_t progress_count; // whose listeners want to hear of progress, or of the state
    uint32_t state_count;
    struct list listeners;
    struct list unheard; // by deadline
    struct list notices; // the listener may have to be told another state
    struct list graves;  // released within a callback
    struct list journeys;
    struct list due_journeys;
    uint32_t follow_counter;
    uint32_t depth;           // frames and turns under way: subscriptions stay until they are over
    uint64_t now_ms;          // as last heard
    uint64_t behind;          // of all links
    uint32_t unfed_count;     // partitions without a follower
    uint32_t resetting_count; // partitions with is_resetting
    uint32_t lost_count;      // partitions that were unfed for long
    bool is_notice_due;       // all listeners may have to be told another state
    struct standing_telling telling;
    struct mark *marks;  // owned; scratch for one frame: partition_count
    struct buffer token; // what was returned last
};

// ---- standing.c ----

// NULL: there is none with this number.
static inline struct grid_subscription *standing_find(const struct client_standing *standing,
                                                      uint32_t number)
{
    return number < standing->table_size ? standing->table[number] : NULL;
}

void standing_want_turn(struct client_standing *standing);

// Bracket what calls listeners: no subscription is freed in between.
void standing_enter(struct client_standing *standing);
void standing_leave(struct client_standing *standing);

// The listener is told, and the links are left.
void standing_end(struct grid_subscription *subscription, enum error error, struct bytes text);

// A link has confirmed its UNSUBSCRIBE, or is lost.
void standing_left(struct grid_subscription *subscription);

// ---- standing_link.c ----

bool standing_is_registered(const struct client_standing_link *link, uint32_t number);

// The first from *number on that is not registered here; NULL: all are.
struct grid_subscription *standing_link_missing(const struct client_standing_link *link,
                                                uint32_t *number);

// There is something to register, or to be tried again.
void standing_link_look(struct client_standing_link *link, uint32_t number);

// Wherever it is registered it has to be unsubscribed.
void standing_link_part(struct grid_subscription *subscription);

// Sends what is due and has room; *wake_ms: no later than this.
void standing_link_turn(struct client_standing_link *link, uint64_t *wake_ms);

// REPLY and ERROR to SUBSCRIBE and UNSUBSCRIBE; ENDED.
const char *standing_link_answer(struct client_standing_link *link, const struct frame *frame);

// ---- standing_follow.c ----

// Sends FOLLOW for the partitions that are routed to the link and not fed by it.
void standing_follow(struct client_standing_link *link, uint64_t *wake_ms);

// The first SUBSCRIBE of the link makes it follow all that it leads.
void standing_follow_implied(struct client_standing_link *link);

// Every implied partition that the node has said nothing of is not led there.
void standing_implied_end(struct client_standing_link *link);

// The link's frames do not count any more. `pause`: not to be followed again at once.
void standing_unfollow(struct client_standing *standing, uint16_t partition, bool pause);

// The link is lost: it neither leads nor feeds anything.
void standing_link_unfollow(struct client_standing_link *link);

// REPLY and ERROR to FOLLOW 0.
const char *standing_follow_answer(struct client_standing_link *link, const struct frame *frame);

// This link's frames count in the partition; NULL: they do not.
struct standing_partition *standing_fed(const struct client_standing_link *link,
                                        uint16_t partition);

// A node says where the partition stands for all that are joined.
void standing_position_set(struct standing_partition *partition, uint64_t epoch, uint64_t seq);

// ---- standing_journey.c ----

enum standing_place standing_place_of(const struct grid_subscription *subscription,
                                      uint16_t partition);

// The subscription's journey, made if there is none.
struct standing_journey *standing_journey_of(struct grid_subscription *subscription);
void standing_journey_free(struct standing_journey *journey);

// The last JOINED place ends the journey, and the listener is told `ready`.
void standing_place_set(struct grid_subscription *subscription, uint16_t partition, unsigned place);

// The same for all FRESH places that the link feeds: STARTING; and for those: JOINED. Each costs
// little, because many subscriptions may begin at once.
void standing_journey_start(struct grid_subscription *subscription,
                            const struct client_standing_link *link);
void standing_journey_join(struct grid_subscription *subscription,
                           const struct client_standing_link *link);

void standing_own_set(struct standing_journey *journey, uint16_t partition, uint64_t epoch,
                      uint64_t seq);

// It is not registered where the partition is followed: it leaves those that are joined.
void standing_unjoin(struct grid_subscription *subscription, uint16_t partition);

// The partition, or PARTITION_ANY for all of this follower, loses its follower.
void standing_journeys_revert(struct client_standing *standing,
                              struct client_standing_link *follower, uint16_t partition);

// There may be something to ask: for all, or one, not before due_ms.
void standing_journeys_wake(struct client_standing *standing);
void standing_journey_wake(struct standing_journey *journey, uint64_t due_ms);

// Sends the FOLLOWs of those that have something to ask.
void standing_journeys_turn(struct client_standing *standing, uint64_t *wake_ms);

// REPLY and ERROR to a subscription's own FOLLOW.
const char *standing_journey_answer(struct client_standing_link *link, const struct frame *frame);

// ---- standing_stray.c ----

// The node may run a course of its own for the subscription there, which went on elsewhere.
void standing_stray_add(struct client_standing_link *link, uint32_t number, uint16_t partition);

// Nothing more is followed on the link before those are ended.
void standing_strays_send(struct client_standing_link *link, uint64_t *wake_ms);
const char *standing_stray_answer(struct client_standing_link *link, const struct frame *frame);

// ---- standing_tell.c ----

void standing_tell_ready(struct grid_subscription *subscription);
void standing_tell_state(struct grid_subscription *subscription,
                         enum grid_subscription_state state);
void standing_tell_error(struct grid_subscription *subscription, enum error error,
                         struct bytes text);
void standing_tell_row(struct grid_subscription *subscription, const struct event *event);
void standing_tell_change(struct grid_subscription *subscription, const struct event *event);
void standing_tell_progress(struct grid_subscription *subscription, uint16_t partition,
                            uint64_t seq);

// What was told of the partition is void: its rows follow.
void standing_tell_reset(struct grid_subscription *subscription, uint16_t partition);
// All rows were told: what was there and is not any more has left.
void standing_tell_reset_end(struct grid_subscription *subscription, uint16_t partition);

// ---- standing_state.c ----

enum grid_subscription_state standing_state(const struct grid_subscription *subscription);

// Its state may be another one now.
void standing_notice(struct grid_subscription *subscription);

// Tells listeners whose state is another one; counts lost partitions.
void standing_states_turn(struct client_standing *standing, uint64_t *wake_ms);

// ---- standing_take.c ----

// The next of the audience; false at the end.
bool standing_audience_step(struct audience *audience, uint32_t *id);

// The next of the frames in a batch; false at the end.
bool standing_batch_step(struct bytes *frames, struct frame *frame);

// ---- standing_token.c ----

// Takes the subscription's token as the position of each partition. ERROR_NONE, or *why says what
// is wrong with it (static storage).
MUST_USE enum error standing_token_begin(struct grid_subscription *subscription, const char **why);

// Appends a token of where the subscription stands. False while no position is known.
bool standing_token_encode(const struct grid_subscription *subscription, struct buffer *out);
