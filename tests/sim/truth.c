// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/truth.h"

#include "cluster/base/memory.h"

enum { EFFECTS_FIRST = 64 };

void truth_deinit(struct truth *truth)
{
    for (uint64_t i = 0; i < truth->last_seq; i++)
        free(truth->effects[i].value);
    free(truth->effects);
    *truth = (struct truth){0};
}

static struct bytes value_of(const struct truth_effect *effect)
{
    return bytes_of(effect->value, effect->value_bytes);
}

static bool effect_is_same(struct truth_effect *known, uint64_t epoch, const struct effect *effect)
{
    if (known->epoch == 0)
        known->epoch = epoch;
    return known->key == effect->key.data[0] && bytes_equal(value_of(known), effect->value) &&
           known->cause == effect->cause && known->time_us == effect->time_us &&
           (epoch == 0 || known->epoch == epoch);
}

const char *truth_see(struct truth *truth, uint64_t epoch, const struct effect *effect)
{
    if (effect->key.size != 1 || effect->key.data[0] >= KEYS_MAX ||
        !bytes_equal(effect->map, bytes_of_text("m")))
        return "is of an entry that nobody writes";
    if (effect->seq <= truth->last_seq)
        return effect_is_same(&truth->effects[effect->seq - 1], epoch, effect)
                   ? NULL
                   : "is another one than before";
    if (effect->seq != truth->last_seq + 1)
        return "comes after one that nobody has seen";
    if (truth->last_seq == truth->capacity) {
        truth->capacity = truth->capacity ? 2 * truth->capacity : EFFECTS_FIRST;
        truth->effects =
            memory_resize_array(truth->effects, truth->capacity, sizeof *truth->effects);
    }
    uint32_t key = effect->key.data[0];
    struct truth_effect *added = &truth->effects[truth->last_seq++];
    *added = (struct truth_effect){.epoch = epoch,
                                   .time_us = effect->time_us,
                                   .previous_seq = truth->last_seqs[key],
                                   .key = key,
                                   .cause = effect->cause};
    if (effect->value.size > 0) {
        added->value_bytes = effect->value.size;
        added->value = memory_new(effect->value.size);
        memcpy(added->value, effect->value.data, effect->value.size);
    }
    truth->last_seqs[key] = truth->last_seq;
    return NULL;
}

const struct truth_effect *truth_effect(const struct truth *truth, uint64_t seq)
{
    return seq >= 1 && seq <= truth->last_seq ? &truth->effects[seq - 1] : NULL;
}

uint64_t truth_version(const struct truth *truth, uint32_t key, uint64_t at_seq)
{
    uint64_t seq = truth->last_seqs[key];
    while (seq > at_seq)
        seq = truth->effects[seq - 1].previous_seq;
    return seq && truth->effects[seq - 1].value ? seq : 0;
}

struct bytes truth_value(const struct truth *truth, uint64_t version)
{
    const struct truth_effect *effect = truth_effect(truth, version);
    return effect ? value_of(effect) : bytes_of(NULL, 0);
}
