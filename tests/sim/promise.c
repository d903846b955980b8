// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/promise.h"

#include "cluster/model/message.h"
#include "cluster/wire/frame.h"

bool promise_is_filtered(const struct promise *promise)
{
    const struct grid_subscribe_options *options = &promise->options;
    return (options->kinds != 0 && options->kinds != KINDS_ALL) ||
           (options->causes != 0 && options->causes >> 1 != CAUSES_ALL);
}

bool promise_adds_up(const struct promise *promise)
{
    return !promise_is_filtered(promise) && !promise->options.only_changed;
}

bool promise_keeps_rows(const struct promise *promise)
{
    const struct grid_subscribe_options *options = &promise->options;
    if (options->keep == GRID_KEEP_DEFAULT)
        return options->start == GRID_START_SNAPSHOT && !promise_is_filtered(promise);
    return options->keep != GRID_KEEP_NOTHING;
}

bool promise_selects(const struct promise *promise, const struct truth *truth, uint64_t version)
{
    const struct truth_effect *effect = truth_effect(truth, version);
    return effect && question_selects(promise->question, effect->key, truth_value(truth, version));
}

static bool is_unchanged(const struct promise *promise, const struct truth *truth, uint64_t seq)
{
    uint64_t previous_seq = truth_effect(truth, seq)->previous_seq;
    return question_shows_same(promise->question, truth_value(truth, previous_seq),
                               truth_value(truth, seq));
}

bool promise_covers(const struct promise *promise, const struct truth *truth, uint64_t seq,
                    uint8_t *kind)
{
    static const unsigned bits[] = {[FRAME_ENTER - FRAME_ENTER] = GRID_KIND_ENTER,
                                    [FRAME_UPDATE - FRAME_ENTER] = GRID_KIND_UPDATE,
                                    [FRAME_LEAVE - FRAME_ENTER] = GRID_KIND_LEAVE};
    const struct grid_subscribe_options *options = &promise->options;
    const struct truth_effect *effect = truth_effect(truth, seq);
    bool was_in = promise_selects(promise, truth, effect->previous_seq);
    bool is_in = promise_selects(promise, truth, seq);
    if (!was_in && !is_in)
        return false;
    *kind = was_in ? is_in ? FRAME_UPDATE : FRAME_LEAVE : FRAME_ENTER;
    if (options->only_changed && *kind == FRAME_UPDATE && is_unchanged(promise, truth, seq))
        return false;
    return (options->kinds == 0 || options->kinds & bits[*kind - FRAME_ENTER]) &&
           (options->causes == 0 || options->causes >> effect->cause & 1);
}

uint64_t promise_next(const struct promise *promise, const struct truth *truth, uint64_t after,
                      uint64_t up_to)
{
    uint8_t kind;
    for (uint64_t seq = after + 1; seq <= up_to && seq <= truth->last_seq; seq++) {
        if (promise_covers(promise, truth, seq, &kind))
            return seq;
    }
    return 0;
}

uint64_t promise_row(const struct promise *promise, const struct truth *truth, uint32_t key,
                     uint64_t at_seq)
{
    uint64_t version = truth_version(truth, key, at_seq);
    return promise_selects(promise, truth, version) ? version : 0;
}

bool promise_shows(const struct promise *promise, const struct truth *truth, uint64_t version,
                   bool is_new, struct grid_bytes shown)
{
    enum grid_content content = promise->options.content;
    bool is_asked = is_new ? content != GRID_CONTENT_KEYS : content == GRID_CONTENT_OLD_AND_NEW;
    struct bytes value = truth_value(truth, version);
    if (!is_asked || value.size == 0)
        return shown.data == NULL;
    struct buffer wanted = {0};
    question_project(promise->question, value, &wanted);
    bool is_right =
        shown.data && bytes_equal(buffer_bytes(&wanted), bytes_of(shown.data, shown.size));
    buffer_deinit(&wanted);
    return is_right;
}
