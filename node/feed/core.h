// SPDX-License-Identifier: Apache-2.0
// Inside node/feed: what continuous queries are made of, and what the files need of each other.
//
//   watches.c   all readers of a worker: commits, the turn, progress, figures
//   reader.c    one connection: subscribe, unsubscribe, follow
//   course.c    where a reader, or a few of its watches, stand in each partition
//   delivery.c  an effect becomes frames
//   snapshot.c  registration and walks: RESET, ROW, READY
//   replay.c    a course that is behind reads the log; conflation.c merges on the way
//   format.c    what events carry
#pragma once

#include "cluster/base/buffer.h"
#include "node/feed/format.h"
#include "node/feed/watch_table.h"
#include "node/feed/watches.h"

// ---- Where a course stands in one partition ----
//
//   UNFOLLOWED --FOLLOW--> LAGGING --log read--> LEVEL <--outlet full, log read--> LAGGING
//        |                    |                    ^                                  |
//        |                    |        log dropped what is next to be read            |
//        +--------------------+---------------> PENDING <-----------------------------+
//   PENDING --registered: S0--> WAITING --its turn--> WALKING --all rows--> LEVEL
//
// A reader's main course is LEVEL where it has everything that was delivered. A side course is
// LEVEL where the main course, wherever that stands, decides for its watches too.
enum part_state {
    PART_UNFOLLOWED = 0, // nothing flows
    PART_LEVEL,
    PART_LAGGING, // `seq` is the next effect to read
    PART_PENDING, // to be registered
    PART_WAITING, // registered at S0 = `seq`: deltas flow, rows are to come
    PART_WALKING, // likewise, and rows are coming
    PART_STATE_COUNT,
};

enum part_flags {
    PART_RESET = 1, // PENDING: it begins with a RESET
};

struct part {
    uint64_t seq;
    uint8_t state; // enum part_state
    uint8_t flags; // enum part_flags
};

struct course {
    struct reader *reader; // borrowed: its owner
    struct part *parts;    // owned; by place
    uint32_t counts[PART_STATE_COUNT];
    uint32_t walk_place; // the WALKING part, or where the search for the next one begins
    uint32_t map_number; // position of the walk in it
    uint64_t hash;
    uint32_t replay_place; // where the search for a LAGGING part begins
    // Side courses.
    struct list link; // in the reader's side courses
    bool is_side;
    struct watch **members; // owned; borrowed watches
    uint32_t member_count;
    uint32_t member_capacity;
    bool is_open;         // a snapshot that others may share, while nothing has happened since
    uint64_t event_clock; // when it was made
};

struct watch {
    struct index_entry entry;
    struct reader *reader; // borrowed
    struct course *course; // borrowed; NULL: the reader's main course
    struct format *format; // held
    uint32_t id;
    uint32_t event_count; // delivered; wraps around
    uint8_t kinds;        // wanted: KIND_ENTER ...
    uint8_t causes;
    uint8_t policy; // enum policy
    bool has_rows;  // it began with a snapshot
    bool is_doomed; // an event did not fit: it is to end
};

// An event under way to one watch.
struct match {
    struct watch *watch;
    uint8_t transition; // enum transition
};

struct reader {
    struct watches *watches; // borrowed
    struct outlet *outlet;   // borrowed
    const char *client;      // borrowed
    struct list all_link;
    struct list busy_link; // in watches->busy while some course is not LEVEL, or watches are to end
    struct watch_table table;
    struct course main;
    struct list sides;
    uint32_t side_count;
    uint64_t *told;               // owned; by place: the position that the client knows
    uint32_t conflating_count;    // watches with POLICY_CONFLATE
    uint32_t disconnecting_count; // with POLICY_DISCONNECT
    bool has_fallen_behind;       // since the last turn: those with POLICY_DISCONNECT are to end
    bool has_doomed;              // some watch is_doomed
    // One effect at a time.
    uint64_t stamp;   // of the effect whose matches are gathered
    bool is_refusing; // there is no room for it
    struct list touched_link;
    struct match *matches; // owned
    uint32_t match_count;
    uint32_t match_capacity;
};

struct watches {
    struct watches_options options;
    struct source **sources; // owned array, borrowed sources; by place; NULL: not led here
    struct index *index;
    struct formats formats;
    struct list readers;
    struct list busy;
    uint64_t stamp;         // counts the effects that were matched
    uint64_t event_clock;   // moves with everything that a new watch must not share with an old one
    uint64_t walking_parts; // WAITING or WALKING
    bool is_pressed;        // too much waits in all outlets together
    struct watches_figures figures; // the counting ones
    struct mark *told_marks;        // owned scratch: place_count each
    struct mark *ready_marks;
    struct buffer ids;         // scratch: of an audience
    struct buffer new_scratch; // projections
    struct buffer old_scratch;
};

// ---- course.c ----

void course_init(struct course *course, struct reader *reader, bool is_side);
void course_deinit(struct course *course);
void course_set(struct course *course, uint32_t place, enum part_state state, uint64_t seq,
                uint8_t flags);
void course_add_member(struct course *course, struct watch *watch);
void course_remove_member(struct course *course, const struct watch *watch);

static inline enum part_state course_state(const struct course *course, uint32_t place)
{
    return (enum part_state)course->parts[place].state;
}

// The course that decides about the watch in this partition.
static inline const struct course *watch_course_at(const struct watch *watch, uint32_t place)
{
    bool has_own = watch->course && watch->course->parts[place].state != PART_LEVEL;
    return has_own ? watch->course : &watch->reader->main;
}

// Deltas are delivered as they are committed.
static inline bool part_is_fed(enum part_state state)
{
    return state == PART_LEVEL || state == PART_WAITING || state == PART_WALKING;
}

static inline struct source *watches_source(const struct watches *watches, uint16_t partition)
{
    uint32_t place = partition / watches->options.worker_count;
    struct source *source = place < watches->options.place_count ? watches->sources[place] : NULL;
    return source && source->number == partition ? source : NULL;
}

// Effects that the course has still to read, or that came since it waits to be registered.
uint64_t course_behind(const struct course *course);

// The place in the history where the source stands, for its reader.
struct mark source_mark(const struct source *source, uint64_t seq);

// ---- reader.c ----

void reader_wake(struct reader *reader); // it has something to do in the next turns
bool reader_is_full(const struct reader *reader);

// The outlet has no room for effect `seq`: the reader reads on later.
void reader_fall_behind(struct reader *reader, uint32_t place, uint64_t seq);

// As reader_tell, and how far it is behind, even when there is nothing new.
void reader_tell_all(struct reader *reader, uint64_t behind);
uint64_t reader_behind(const struct reader *reader);

// Ends a subscription with an error.
void watch_end(struct watch *watch, enum error error, const char *text);

// All parts are LEVEL: its members go on with the main course.
void course_dissolve(struct course *course);

// Whom a frame of this course is about: borrowed from the watches' scratch.
struct audience course_audience(const struct course *course);

// Partitions that the reader follows.
uint32_t reader_followed_count(const struct reader *reader);

// The course is complete in these partitions.
void course_tell_ready(struct course *course, const struct mark *marks, uint32_t count);

// ---- delivery.c ----

// An effect on its way to those whom it concerns.
struct delivery {
    struct watches *watches;
    const struct source *source;
    struct effect effect;
    struct bytes old_value;
    uint64_t old_seq;
    uint64_t made_epoch;
    const struct course *only; // a replay: of its watches alone
    struct list touched;       // readers that have matches
};

void delivery_init(struct delivery *delivery, struct watches *watches, const struct source *source,
                   uint64_t seq);

// The watch wants to hear of it.
bool watch_wants(const struct watch *watch, enum transition transition, enum cause cause);

void reader_add_match(struct reader *reader, struct watch *watch, enum transition transition);

// Calls `on_match` for those of the course's watches that the change concerns.
void course_match(const struct course *course, uint32_t place, struct bytes map, struct bytes key,
                  struct bytes old_value, struct bytes new_value, index_match_fn *on_match,
                  void *context);

// Writes what was gathered in reader->matches, which is empty then, as one frame.
void reader_emit(struct reader *reader, const struct delivery *delivery);

// Writes one event to one or more watches with the same format.
void event_write(struct reader *reader, const struct event *event, const struct match *matches,
                 uint32_t count);

// The event of an effect, but for its kind and audience.
struct event delivery_event(const struct delivery *delivery);
enum frame_kind transition_frame(enum transition transition);

// A ROW to the watches in reader->matches, which is empty then.
void reader_emit_row(struct reader *reader, const struct source *source, struct bytes key,
                     struct bytes value, uint64_t seq);

// ---- snapshot.c ----

// A member of a course whose parts have just begun to wait: rows that were overwritten by what is
// not committed yet.
void course_register_member(struct course *course, struct watch *watch);

// An effect was appended: what it overwrites may be a row that is still to come.
void course_appended(struct course *course, const struct delivery *delivery);

// What was told of a snapshot that is not complete is void: it begins anew.
void course_restart(struct course *course, uint32_t place);

// Does a little. True when more could be done at once.
bool course_walk(struct course *course, uint32_t *budget);

// ---- replay.c ----

// Does a little. True when more could be done at once.
bool course_replay(struct course *course, uint32_t *budget);

// conflation.c: reads the effects from_seq ... to_seq and merges those of one key for the watches
// that conflate, others get all; one frame.
// False, with nothing written: it does not fit into a frame.
MUST_USE bool conflate(struct course *course, const struct source *source, uint64_t from_seq,
                       uint64_t to_seq);

// Whether the log has everything after this position, and the position is one of its history.
bool source_can_replay(const struct source *source, uint64_t epoch, uint64_t seq);
// The first effect that can be replayed.
uint64_t source_earliest(const struct source *source);
