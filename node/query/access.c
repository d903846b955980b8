// SPDX-License-Identifier: Apache-2.0
#include "node/query/access.h"

#include <math.h>

enum {
    OPTIONS_MAX = 16,
    // Of 2^32 values between which one constant can stand, an update's own is one.
    THRESHOLD_SHIFT = 32,
};

// What finds exactly what is TRUE saves the code and its evaluation too.
static const double EXACT_FACTOR = 0.25;
// A posting more, in predicates verified per update.
static const double KEY_COST = 2e-7;

// One way to use one condition.
struct option {
    const struct condition *condition;
    struct part part; // kind: enum part_kind or enum access_bound
    uint32_t key_count;
    const uint8_t *piece;
    double share;
    bool is_all; // the condition says no more than this
};

struct options {
    struct option keys[OPTIONS_MAX];
    struct option bounds[OPTIONS_MAX];
    uint32_t key_count;
    uint32_t bound_count;
};

// ---- Options ----

static struct part part_of(const struct condition *condition, unsigned kind, enum family family)
{
    return (struct part){.kind = (uint8_t)kind,
                         .family = (uint8_t)family,
                         .is_key = condition->is_key,
                         .slot = condition->is_key ? 0 : condition->slot};
}

// What is asked for counts as known of the field from now on.
static double points_share(const struct condition *condition, const struct part *part,
                           struct access_stats *stats)
{
    double share = 0;
    for (uint32_t at = 0; at < condition->value_count; at++) {
        struct access_key key = {.is_whole = true};
        if (!access_key_add_point(&key, &condition->values[at]))
            continue;
        uint32_t hash = access_key_hash(&key, 0);
        access_stats_ask(stats, part, hash);
        share += access_stats_point(stats, part, hash);
    }
    return fmin(share, 1);
}

static void option_add_key(struct options *options, struct option option)
{
    if (options->key_count < OPTIONS_MAX && option.key_count <= ACCESS_KEYS_MAX &&
        option.key_count > 0)
        options->keys[options->key_count++] = option;
}

static void option_add_points(struct options *options, const struct condition *condition,
                              struct access_stats *stats)
{
    struct option option = {.condition = condition,
                            .part = part_of(condition, PART_POINT, FAMILY_UNKNOWN),
                            .key_count = condition->value_count,
                            .is_all = true};
    if (condition->value_count <= ACCESS_KEYS_MAX)
        option.share = points_share(condition, &option.part, stats);
    option_add_key(options, option);
}

static void option_add_null(struct options *options, const struct condition *condition,
                            const struct access_stats *stats)
{
    struct option option = {.condition = condition,
                            .part = part_of(condition, PART_POINT, FAMILY_UNKNOWN),
                            .key_count = 1,
                            .is_all = true};
    struct access_key key = {.is_whole = true};
    struct value null = value_null();
    (void)access_key_add_point(&key, &null);
    option.share = access_stats_point(stats, &option.part, access_key_hash(&key, 0));
    option_add_key(options, option);
}

static void option_add_exists(struct options *options, const struct condition *condition,
                              const struct access_stats *stats)
{
    struct option option = {.condition = condition,
                            .part = part_of(condition, PART_EXISTS, FAMILY_UNKNOWN),
                            .key_count = 1};
    option.share = access_stats_exists(stats, &option.part);
    option_add_key(options, option);
}

static void option_add_affix(struct options *options, const struct condition *condition,
                             enum part_kind kind, const struct access_stats *stats)
{
    struct bytes affix = condition->values[0].bytes;
    if (affix.size == 0)
        return;
    struct option option = {
        .condition = condition, .part = part_of(condition, kind, FAMILY_UNKNOWN), .key_count = 1};
    affix.size = affix_bytes(affix_grain(affix.size));
    option.share = access_stats_affix(stats, &option.part, affix);
    option_add_key(options, option);
}

// The rarest piece of what is looked for.
static void option_add_piece(struct options *options, const struct condition *condition,
                             struct access_stats *stats)
{
    struct bytes text = condition->values[0].bytes;
    struct option option = {.condition = condition,
                            .part = part_of(condition, PART_CONTAINS, FAMILY_UNKNOWN),
                            .key_count = 1,
                            .share = HUGE_VAL};
    for (size_t at = 0; at + PIECE_BYTES <= text.size; at++) {
        double share = access_stats_piece(stats, &option.part, text.data + at);
        if (share < option.share) {
            option.share = share;
            option.piece = text.data + at;
        }
    }
    if (option.piece != NULL)
        option_add_key(options, option);
}

static void option_add_bound(struct options *options, const struct condition *condition,
                             enum access_bound bound, enum family family, uint64_t image,
                             const struct access_stats *stats)
{
    if (options->bound_count == OPTIONS_MAX)
        return;
    bool is_low = bound == BOUND_LOW;
    const struct value *other = is_low ? &condition->high : &condition->low;
    struct option *option = &options->bounds[options->bound_count++];
    *option = (struct option){.condition = condition,
                              .part = part_of(condition, bound, family),
                              .is_all = other->kind == VALUE_NULL};
    option->share = access_stats_range(stats, &option->part, family, is_low ? image : 0,
                                       is_low ? UINT64_MAX : image);
}

static void option_add_range(struct options *options, const struct condition *condition,
                             const struct access_stats *stats)
{
    bool has_low = condition->low.kind != VALUE_NULL;
    bool has_high = condition->high.kind != VALUE_NULL;
    enum family family = value_family(has_low ? &condition->low : &condition->high);
    uint64_t low = 0;
    uint64_t high = UINT64_MAX;
    if ((has_low && !order_image(&condition->low, family, &low)) ||
        (has_high && !order_image(&condition->high, family, &high)))
        return;
    if (has_low)
        option_add_bound(options, condition, BOUND_LOW, family, low, stats);
    if (has_high)
        option_add_bound(options, condition, BOUND_HIGH, family, high, stats);
    if (!has_low || !has_high || low > high)
        return;
    unsigned grain = cells_grain(low, high);
    uint64_t cells = cell_of(high, grain) - cell_of(low, grain) + 1;
    struct option option = {.condition = condition,
                            .part = part_of(condition, PART_CELL, family),
                            .key_count = (uint32_t)cells};
    option.share = access_stats_range(stats, &option.part, family, low, high);
    option_add_key(options, option);
}

static void options_fill(struct options *options, const struct conjunction *conjunction,
                         struct access_stats *stats)
{
    options->key_count = options->bound_count = 0;
    for (uint32_t at = 0; at < conjunction->count; at++) {
        const struct condition *condition = &conjunction->conditions[at];
        struct part part = part_of(condition, PART_NONE, FAMILY_UNKNOWN);
        access_stats_want(stats, &part);
        switch (condition->kind) {
        case CONDITION_IN:
            option_add_points(options, condition, stats);
            break;
        case CONDITION_NULL:
            option_add_null(options, condition, stats);
            break;
        case CONDITION_EXISTS:
            option_add_exists(options, condition, stats);
            break;
        case CONDITION_RANGE:
            option_add_range(options, condition, stats);
            break;
        case CONDITION_PREFIX:
            option_add_affix(options, condition, PART_PREFIX, stats);
            break;
        case CONDITION_SUFFIX:
            option_add_affix(options, condition, PART_SUFFIX, stats);
            break;
        case CONDITION_CONTAINS:
            option_add_piece(options, condition, stats);
            break;
        }
    }
}

// ---- Choice ----

static const struct option *bound_choose(const struct options *options,
                                         const struct condition *first,
                                         const struct condition *second)
{
    const struct option *best = NULL;
    for (uint32_t at = 0; at < options->bound_count; at++) {
        const struct option *option = &options->bounds[at];
        if (option->condition != first && option->condition != second &&
            (best == NULL || option->share < best->share))
            best = option;
    }
    return best;
}

// Whether the bound is kept as a double without a loss.
static void bound_keep(struct access *access)
{
    const struct condition *condition = access->bound;
    bool is_low = access->form.bound.kind == BOUND_LOW;
    const struct value *value = is_low ? &condition->low : &condition->high;
    access->is_open = is_low ? condition->is_low_open : condition->is_high_open;
    CHECK(access_threshold(&access->form.bound, value, &access->threshold));
    if (value_family(value) != FAMILY_NUMBER)
        return;
    struct value real = value_of_float(value->kind == VALUE_FLOAT ? value->real
                                       : value->kind == VALUE_INT ? (double)value->integer
                                                                  : (double)value->natural);
    access->bound_real = real.real;
    access->has_exact_bound = value_order(value, &real) == ORDER_EQUAL;
}

static void access_fill(struct access *access, const struct conjunction *conjunction,
                        const struct option *first, const struct option *second,
                        const struct option *bound)
{
    *access = (struct access){.first_count = 1, .second_count = 1, .share = 1};
    uint32_t used = 0;
    bool is_exact = conjunction->is_exact;
    if (first != NULL) {
        access->form.first = first->part;
        access->first = first->condition;
        access->first_count = first->key_count;
        access->share *= first->share;
        used++;
    }
    if (second != NULL) {
        access->form.second = second->part;
        access->second = second->condition;
        access->second_count = second->key_count;
        access->share *= second->share;
        access->piece = second->piece;
        is_exact = is_exact && second->is_all;
        used++;
    }
    if (bound != NULL) {
        access->form.bound = bound->part;
        access->bound = bound->condition;
        access->share *= bound->share;
        bound_keep(access);
        is_exact = is_exact && bound->is_all && access->has_exact_bound;
        used++;
    }
    access->is_exact = is_exact && used == conjunction->count;
}

static double access_score(const struct access *access)
{
    return access->share * (access->is_exact ? EXACT_FACTOR : 1) +
           KEY_COST * access_key_count(access);
}

// Points of two fields have one order, so that their forms are the same.
static bool is_misordered(const struct part *first, const struct part *second)
{
    if (second->kind != PART_POINT)
        return false;
    return first->is_key != second->is_key ? first->is_key : first->slot > second->slot;
}

struct choice {
    struct access *best;
    double best_score;
    const struct conjunction *conjunction;
    access_cost_fn *cost;
    const void *context;
};

static void choice_try(struct choice *choice, const struct options *options,
                       const struct option *first, const struct option *second)
{
    const struct option *bound = bound_choose(options, first != NULL ? first->condition : NULL,
                                              second != NULL ? second->condition : NULL);
    if (first == NULL && second == NULL && bound == NULL)
        return;
    struct access access;
    access_fill(&access, choice->conjunction, first, second, bound);
    double score = access_score(&access);
    if (score >= choice->best_score)
        return;
    score += choice->cost(choice->context, &access.form);
    if (score >= choice->best_score)
        return;
    choice->best_score = score;
    *choice->best = access;
}

bool access_choose(struct access *access, const struct conjunction *conjunction,
                   struct access_stats *stats, access_cost_fn *cost, const void *context)
{
    struct options options;
    options_fill(&options, conjunction, stats);
    struct choice choice = {.best = access,
                            .best_score = HUGE_VAL,
                            .conjunction = conjunction,
                            .cost = cost,
                            .context = context};
    choice_try(&choice, &options, NULL, NULL);
    for (uint32_t at = 0; at < options.key_count; at++) {
        const struct option *option = &options.keys[at];
        bool is_point = option->part.kind == PART_POINT;
        choice_try(&choice, &options, is_point ? option : NULL, is_point ? NULL : option);
        for (uint32_t other = 0; is_point && other < options.key_count; other++) {
            const struct option *second = &options.keys[other];
            if (second->condition != option->condition &&
                !is_misordered(&option->part, &second->part) &&
                option->key_count * second->key_count <= ACCESS_PAIRS_MAX)
                choice_try(&choice, &options, option, second);
        }
    }
    return choice.best_score < HUGE_VAL;
}

// ---- Keys ----

static void affix_add(const struct access *access, struct access_key *key, unsigned *grain)
{
    struct bytes affix = access->second->values[0].bytes;
    *grain = affix_grain(affix.size);
    size_t size = affix_bytes(*grain);
    size_t from = access->form.second.kind == PART_SUFFIX ? affix.size - size : 0;
    access_key_add_affix(key, bytes_of(affix.data + from, size));
}

static void point_add(const struct condition *condition, uint32_t number, struct access_key *key)
{
    struct value null = value_null();
    const struct value *value =
        condition->kind == CONDITION_NULL ? &null : &condition->values[number];
    CHECK(access_key_add_point(key, value)); // constants are scalars
}

static void cell_add(const struct access *access, uint32_t number, struct access_key *key,
                     unsigned *grain)
{
    uint64_t low = 0;
    uint64_t high = 0;
    enum family family = (enum family)access->form.second.family;
    CHECK(order_image(&access->second->low, family, &low));
    CHECK(order_image(&access->second->high, family, &high));
    *grain = cells_grain(low, high);
    access_key_add_cell(key, *grain, cell_of(low, *grain) + number);
}

void access_key_at(const struct access *access, uint32_t number, struct access_key *key,
                   unsigned *grain)
{
    key->size = 0;
    key->is_whole = true;
    *grain = 0;
    if (access->first != NULL)
        point_add(access->first, number / access->second_count, key);
    uint32_t second_number = number % access->second_count;
    switch ((enum part_kind)access->form.second.kind) {
    case PART_POINT:
        point_add(access->second, second_number, key);
        return;
    case PART_CELL:
        cell_add(access, second_number, key, grain);
        return;
    case PART_PREFIX:
    case PART_SUFFIX:
        affix_add(access, key, grain);
        return;
    case PART_CONTAINS:
        access_key_add_piece(key, access->piece);
        return;
    case PART_NONE:
    case PART_EXISTS:
        return;
    }
}

bool access_threshold(const struct part *bound, const struct value *value, uint32_t *threshold)
{
    uint64_t image;
    if (!order_image(value, (enum family)bound->family, &image))
        return false;
    uint32_t upper = (uint32_t)(image >> THRESHOLD_SHIFT);
    *threshold = bound->kind == BOUND_LOW ? upper : ~upper;
    return true;
}
