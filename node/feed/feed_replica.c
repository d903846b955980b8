// SPDX-License-Identifier: Apache-2.0
#include "node/feed/feed_replica.h"

#include "cluster/base/memory.h"
#include "cluster/wire/message_codec.h"

// A frame ends after the effect that reaches this, so that no frame nears FRAME_BODY_BYTES_MAX by
// number.
enum { APPEND_FRAME_BYTES = 256 * 1024 };

static size_t effect_bytes(const struct effect *effect)
{
    return effect->map.size + effect->key.size + effect->value.size;
}

// How many effects from from_seq on fit into one frame; at least 1.
static uint32_t frame_effect_count(const struct source *source, uint64_t from_seq, uint64_t to_seq)
{
    size_t total_bytes = 0;
    uint64_t seq = from_seq;
    while (seq <= to_seq && total_bytes < APPEND_FRAME_BYTES) {
        struct effect effect;
        struct bytes old_value;
        uint64_t old_seq;
        partition_effect(source->partition, seq++, &effect, &old_value, &old_seq);
        total_bytes += effect_bytes(&effect);
    }
    return (uint32_t)(seq - from_seq);
}

static void frame_append(struct outlet *outlet, const struct source *source, uint64_t from_seq,
                         uint64_t made_epoch, uint32_t count)
{
    size_t mark = append_begin(&outlet->out, source->number, source->epoch, from_seq,
                               source->committed_seq, made_epoch, count);
    for (uint32_t i = 0; i < count; i++) {
        struct effect effect;
        struct bytes old_value;
        uint64_t old_seq;
        partition_effect(source->partition, from_seq + i, &effect, &old_value, &old_seq);
        effect_encode(&outlet->out, &effect);
    }
    append_end(&outlet->out, mark);
}

void feed_replica_append(struct outlet *outlet, const struct source *source, uint64_t from_seq,
                         uint64_t to_seq, uint64_t made_epoch)
{
    while (from_seq <= to_seq) {
        uint32_t count = from_seq == to_seq ? 1 : frame_effect_count(source, from_seq, to_seq);
        frame_append(outlet, source, from_seq, made_epoch, count);
        from_seq += count;
    }
    outlet_changed(outlet);
}

void feed_replica_commit(struct outlet *outlet, const struct source *source, uint64_t sent_seq)
{
    frame_append(outlet, source, sent_seq + 1, source->epoch, 0);
    outlet_changed(outlet);
}

static void fill_note_map(void *context, struct bytes name)
{
    struct fill *fill = context;
    fill->maps = memory_resize_array(fill->maps, fill->map_count + 1, sizeof *fill->maps);
    CHECK(name.size < sizeof *fill->maps);
    memcpy(fill->maps[fill->map_count], name.data, name.size);
    fill->maps[fill->map_count][name.size] = '\0';
    fill->map_count++;
}

void fill_start(struct fill *fill, struct outlet *outlet, const struct source *source,
                uint64_t start_seq, const struct epochs *epochs)
{
    fill_stop(fill);
    fill->is_active = true;
    fill->start_seq = start_seq;
    partition_each_map(source->partition, fill_note_map, fill);
    struct position position = {.epoch = source->epoch, .seq = start_seq, .epochs = *epochs};
    position_encode(&outlet->out, FRAME_FILL_BEGIN, source->number, &position);
    outlet_changed(outlet);
}

struct fill_visit {
    struct outlet *outlet;
    const struct source *source;
    struct bytes map;
};

static void fill_visit_entry(void *context, const struct entry *entry)
{
    const struct fill_visit *visit = context;
    struct fill_entry filled = {.epoch = visit->source->epoch,
                                .map = visit->map,
                                .key = entry->key,
                                .value = entry->value,
                                .seq = entry->seq,
                                .expiry_ms = entry->expiry_ms,
                                .max_idle_ms = entry->max_idle_ms};
    fill_entry_encode(&visit->outlet->out, visit->source->number, &filled);
}

bool fill_continue(struct fill *fill, struct outlet *outlet, const struct source *source,
                   size_t until_bytes)
{
    CHECK(fill->is_active);
    while (fill->map_number < fill->map_count) {
        if (buffer_size(&outlet->out) >= until_bytes)
            return false;
        struct fill_visit visit = {
            .outlet = outlet, .source = source, .map = bytes_of_text(fill->maps[fill->map_number])};
        if (!partition_walk(source->partition, visit.map, &fill->hash, fill_visit_entry, &visit)) {
            fill->map_number++;
            fill->hash = 0;
        }
        outlet_changed(outlet);
    }
    fill_stop(fill);
    return true;
}

struct results_visit {
    struct outlet *outlet;
    const struct source *source;
};

static void results_visit(void *context, const struct fill_result *remembered)
{
    const struct results_visit *visit = context;
    struct fill_result result = *remembered;
    result.epoch = visit->source->epoch;
    fill_result_encode(&visit->outlet->out, visit->source->number, &result);
}

void fill_end(struct outlet *outlet, const struct source *source, uint64_t exact_seq)
{
    struct results_visit visit = {.outlet = outlet, .source = source};
    partition_each_result(source->partition, results_visit, &visit);
    struct position end = {.epoch = source->epoch, .seq = exact_seq};
    position_encode(&outlet->out, FRAME_FILL_END, source->number, &end);
    outlet_changed(outlet);
}

void fill_stop(struct fill *fill)
{
    free(fill->maps);
    *fill = (struct fill){0};
}
