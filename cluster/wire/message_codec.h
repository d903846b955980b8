// SPDX-License-Identifier: Apache-2.0
// Sessions and replication as frame bodies. Encode beside decode; layouts in
// docs/protocol.md. Each decode reads a whole body: what is left over makes it
// ERROR_MALFORMED_FRAME.
#pragma once

#include "cluster/model/message.h"
#include "cluster/wire/frame.h"

// HELLO: [version_min, version_max, role, worker, name, grid, grid_id, secret, id].
void hello_encode(struct buffer *out, uint32_t request_id, const struct hello *hello);
MUST_USE enum error hello_decode(struct bytes body, struct hello *hello);

// [version, node, grid, incarnation, worker, worker_count, partition_count, view_version].
void hello_reply_encode(struct buffer *out, uint32_t request_id, const struct hello_reply *reply);
MUST_USE enum error hello_reply_decode(struct bytes body, struct hello_reply *reply);

// A request without arguments (VIEW, PING): [].
void request_encode_empty(struct buffer *out, uint8_t kind, uint32_t request_id);

// [epoch, seq, runs]: `runs` is one flat array of epoch, first_seq, both from 1 on, for each run.
void position_encode(struct buffer *out, uint8_t kind, uint16_t partition,
                     const struct position *position);
MUST_USE enum error position_decode(struct bytes body, struct position *position);

// APPEND: [epoch, first_seq, commit_seq, made_epoch, count, effects as one array of 8 x count
// objects]. Build it with append_begin, effect_encode for each, append_end. The seq of an effect
// follows from its place. made_epoch <= epoch, and with effects not 0.
size_t append_begin(struct buffer *out, uint16_t partition, uint64_t epoch, uint64_t first_seq,
                    uint64_t commit_seq, uint64_t made_epoch, uint32_t count);
void effect_encode(struct buffer *out, const struct effect *effect);
void append_end(struct buffer *out, size_t mark);
MUST_USE enum error append_decode(struct bytes body, struct append *append);

// Takes the next effect off append->effects and fills everything but its seq. ERROR_NONE, or why
// the frame is malformed (keys canonical, causes known, values present just where the cause says
// so, origins of writes).
MUST_USE enum error effect_decode(struct bytes *effects, struct effect *effect);

// [epoch, map, key, value, seq, expiry_ms, max_idle_ms].
void fill_entry_encode(struct buffer *out, uint16_t partition, const struct fill_entry *entry);
MUST_USE enum error fill_entry_decode(struct bytes body, struct fill_entry *entry);

// [epoch, client, number, number - floor, kind, seq, found] or, with a value, [..., value].
void fill_result_encode(struct buffer *out, uint16_t partition, const struct fill_result *result);
MUST_USE enum error fill_result_decode(struct bytes body, struct fill_result *result);
