// SPDX-License-Identifier: Apache-2.0
// Continuous queries as frame bodies. Encode beside decode; layouts in docs/protocol.md.
#pragma once

#include "cluster/model/message.h"
#include "cluster/wire/frame.h"

enum event_flags {
    EVENT_HAS_NEW = 1,
    EVENT_HAS_OLD = 2,
    EVENT_REPLAY = 4,
    EVENT_SHARED = 8, // the body begins with the ids of the audience
};

// SUBSCRIBE: [query, start, content, policy, kinds, causes, only_changed].
void subscribe_encode(struct buffer *out, uint32_t request_id, const struct subscribe *subscribe);
MUST_USE enum error subscribe_decode(struct bytes body, struct subscribe *subscribe);

// The answer to SUBSCRIBE: [count] of partitions in which it is registered.
void subscribed_encode(struct buffer *out, uint32_t request_id, uint32_t partition_count);
MUST_USE enum error subscribed_decode(struct bytes body, uint32_t *partition_count);

// UNSUBSCRIBE: [subscription].
void unsubscribe_encode(struct buffer *out, uint32_t request_id, uint32_t subscription);
MUST_USE enum error unsubscribe_decode(struct bytes body, uint32_t *subscription);

// EXPLAIN: [query].
void explain_encode(struct buffer *out, uint32_t request_id, struct bytes query);
MUST_USE enum error explain_decode(struct bytes body, struct bytes *query);

// SUBSCRIPTIONS: [skip, limit].
void subscriptions_encode(struct buffer *out, uint32_t request_id, uint32_t skip, uint32_t limit);
MUST_USE enum error subscriptions_decode(struct bytes body, uint32_t *skip, uint32_t *limit);

// Marks are 3 x count ints: partition, epoch, seq ... The answer to FOLLOW, and MOVED: [marks].
void marks_encode(struct buffer *out, uint8_t kind, uint32_t request_id, const struct mark *marks,
                  uint32_t count);
// Checks the whole body; mark_next then takes one mark after the other off *marks.
MUST_USE enum error marks_decode(struct bytes body, struct bytes *marks);
bool mark_next(struct bytes *marks, struct mark *mark);

// FOLLOW: [subscription, marks].
void follow_encode(struct buffer *out, uint32_t request_id, uint32_t subscription,
                   const struct mark *marks, uint32_t count);
MUST_USE enum error follow_decode(struct bytes body, struct follow *follow);

// READY, RESET: [marks], or [ids, marks] when shared. `kind` is one of them.
void milestone_encode(struct buffer *out, uint8_t kind, const struct audience *audience,
                      const struct mark *marks, uint32_t count);
MUST_USE enum error milestone_decode(const struct frame *frame, struct milestone *milestone);

// PROGRESS: [behind, marks].
void progress_encode(struct buffer *out, uint64_t behind_count, const struct mark *marks,
                     uint32_t count);
MUST_USE enum error progress_decode(struct bytes body, struct progress *progress);

// ROW: [epoch, seq, key, value]. ENTER, UPDATE, LEAVE: [epoch, seq, time_us, cause, key, new, old];
// the header's flags say which of new and old are there, nil stands in for the others. When shared,
// the ids come first.
void event_encode(struct buffer *out, const struct event *event);
MUST_USE enum error event_decode(const struct frame *frame, struct event *event);

// The next of an audience's ids, off *ids; there are at most AUDIENCE_IDS_MAX.
bool audience_next(struct bytes *ids, uint32_t *subscription);

// BATCH: [bin]: what is encoded between begin and end are whole frames, taken together.
size_t batch_begin(struct buffer *out);
void batch_end(struct buffer *out, size_t mark);
// *frames: whole frames one after the other, for frame_parse; none of them is a BATCH.
MUST_USE enum error batch_decode(struct bytes body, struct bytes *frames);
