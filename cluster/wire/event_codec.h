// SPDX-License-Identifier: Apache-2.0
// Continuous queries as frame bodies. Encode beside decode; layouts in docs/protocol.md.
#pragma once

#include "cluster/model/message.h"
#include "cluster/wire/frame.h"

enum event_flags {
    EVENT_HAS_NEW = 1,
    EVENT_HAS_OLD = 2,
};

// SUBSCRIBE: [query, snapshot, old].
void subscribe_encode(struct buffer *out, uint32_t request_id, const struct subscribe *subscribe);
MUST_USE enum error subscribe_decode(struct bytes body, struct subscribe *subscribe);

// UNSUBSCRIBE: [subscription].
void unsubscribe_encode(struct buffer *out, uint32_t request_id, uint32_t subscription);
MUST_USE enum error unsubscribe_decode(struct bytes body, uint32_t *subscription);

// PROGRESS concerns all subscriptions of its connection; no SUBSCRIBE has this request id.
enum { PROGRESS_REQUEST_ID = 0 };

// The answer to SUBSCRIBE, and PROGRESS: an array of 3 x count ints: partition, epoch, seq ...
void marks_encode(struct buffer *out, uint8_t kind, uint32_t request_id, const struct mark *marks,
                  uint32_t count);

// Checks the whole body; mark_next then takes one mark after the other off *marks.
MUST_USE enum error marks_decode(struct bytes body, struct bytes *marks);
bool mark_next(struct bytes *marks, struct mark *mark);

// READY: [epoch, seq] for the partition in the header.
void ready_encode(struct buffer *out, uint32_t subscription, const struct mark *mark);
MUST_USE enum error ready_decode(const struct frame *frame, struct mark *mark);

// ROW: [epoch, seq, key, value]. ENTER, UPDATE, LEAVE: [epoch, seq, time_us, cause, key, new, old];
// the header's flags say which of new and old are there, nil stands in for the others.
void event_encode(struct buffer *out, const struct event *event);
MUST_USE enum error event_decode(const struct frame *frame, struct event *event);
