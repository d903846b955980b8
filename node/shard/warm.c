// SPDX-License-Identifier: Apache-2.0
#include "node/shard/warm.h"

#include "cluster/model/key.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/frame.h"

enum {
    FRAMES_AHEAD = 32, // as many as a batch of operations
    REPLICA_LINES = 5, // up to what the rules and waiting answers need
    CACHE_LINE_BYTES = 64,
    // What stands before the effects of an APPEND, and before the map and key of an effect.
    APPEND_NUMBERS = 5,
    EFFECT_NUMBERS = 2,
};

// What one frame will touch.
struct step {
    struct replica *replica;     // NULL: none of this worker's
    struct partition *partition; // that an effect is about; NULL: not an effect
    struct op op;                // the effect as if it were an operation
};

static void replica_prefetch(const struct replica *replica)
{
    for (int line = 0; line < REPLICA_LINES; line++)
        __builtin_prefetch((const uint8_t *)replica + line * CACHE_LINE_BYTES);
}

// The first effect of an APPEND as if it were an operation; there is rarely a second. Reads no
// further than its key.
static void step_read_effect(struct step *step, const struct frame *frame)
{
    struct cursor cursor = cursor_of(frame->body);
    uint32_t count;
    uint64_t number;
    bool found = cursor_read_array(&cursor, &count);
    for (int i = 0; i < APPEND_NUMBERS; i++)
        found = found && cursor_read_uint(&cursor, &number);
    found = found && cursor_read_array(&cursor, &count) && count > 0;
    for (int i = 0; i < EFFECT_NUMBERS; i++)
        found = found && cursor_read_uint(&cursor, &number);
    if (!found || !cursor_read_str(&cursor, &step->op.map) ||
        !cursor_read_object(&cursor, &step->op.key))
        return;
    step->partition = step->replica->source.partition;
    step->op.kind = OP_PUT;
    step->op.hash = key_hash(step->op.key);
}

static uint32_t steps_read(const struct shard *shard, struct bytes input,
                           struct step steps[FRAMES_AHEAD])
{
    uint32_t count = 0;
    struct frame frame;
    enum error error;
    while (count < FRAMES_AHEAD &&
           frame_parse(input, FRAME_BODY_BYTES_MAX, &frame, &error) == FRAME_COMPLETE) {
        struct step *step = &steps[count++];
        step->partition = NULL;
        step->replica = shard_replica(shard, frame.header.partition);
        if (step->replica) {
            replica_prefetch(step->replica);
            if (frame.header.kind == FRAME_APPEND)
                step_read_effect(step, &frame);
        }
        size_t bytes = FRAME_HEADER_BYTES + frame.body.size;
        input = bytes_of(input.data + bytes, input.size - bytes);
    }
    return count;
}

uint32_t warm_frames(const struct shard *shard, struct bytes input)
{
    struct step steps[FRAMES_AHEAD];
    uint32_t count = steps_read(shard, input, steps);
    for (uint32_t i = 0; i < count; i++) {
        if (steps[i].partition)
            partition_prefetch(steps[i].partition, &steps[i].op);
        else if (steps[i].replica)
            __builtin_prefetch(buffer_bytes(&steps[i].replica->pending.queue).data);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (steps[i].partition)
            partition_prefetch_index(steps[i].partition, &steps[i].op);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (steps[i].partition)
            partition_prefetch_record(steps[i].partition, &steps[i].op);
    }
    return count;
}
