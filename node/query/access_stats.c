// SPDX-License-Identifier: Apache-2.0
#include "node/query/access_stats.h"

#include "cluster/base/memory.h"

#include <math.h>

enum {
    POINT_CELLS = 512, // counters by hash
    PIECE_CELLS = 1024,
    SEEN_BITS = 2048, // one bit by hash: counts different ones (linear counting)
    ASKED_BITS = 1024,
    RECENT_COUNT = 128, // values kept
    SEEN_MAX = 8192,    // then all counters are halved: what was lately counts more
    SEEN_MIN = 16,      // fewer say nothing
    PIECES_MAX = 64,    // looked at of one string
    WORD_BITS = 64,
};

// About how many different values there were.
struct different {
    uint32_t set_count; // bits
    double estimate;
};

// Of one field.
struct field_stats {
    uint32_t seen_count;
    uint32_t exists_count;
    uint32_t string_count;
    uint16_t points[POINT_CELLS];
    struct different seen;  // SEEN_BITS
    struct different asked; // ASKED_BITS
    uint64_t seen_bits[SEEN_BITS / WORD_BITS];
    uint64_t asked_bits[ASKED_BITS / WORD_BITS];
    uint64_t recent[RECENT_COUNT];         // images
    uint8_t recent_families[RECENT_COUNT]; // enum family
    uint32_t recent_at;                    // values seen, without end
    uint16_t *pieces;                      // owned; NULL: nobody asked for one
};

struct access_stats {
    uint64_t seen_count;
    struct field_stats *key;     // owned; NULL: nobody asked for it
    struct field_stats **fields; // by slot, owned with what they point to; the same
    uint32_t slot_count;
    size_t bytes;
};

struct access_stats *access_stats_new(void)
{
    struct access_stats *stats = memory_new(sizeof *stats);
    stats->bytes = sizeof *stats;
    return stats;
}

static void field_free(struct field_stats *field)
{
    if (field != NULL)
        free(field->pieces);
    free(field);
}

void access_stats_free(struct access_stats *stats)
{
    for (uint32_t slot = 0; slot < stats->slot_count; slot++)
        field_free(stats->fields[slot]);
    field_free(stats->key);
    free(stats->fields);
    free(stats);
}

size_t access_stats_bytes(const struct access_stats *stats)
{
    return stats->bytes;
}

uint64_t access_stats_seen(const struct access_stats *stats)
{
    return stats->seen_count;
}

static const struct field_stats *field_of(const struct access_stats *stats, const struct part *part)
{
    if (part->is_key)
        return stats->key;
    return part->slot < stats->slot_count ? stats->fields[part->slot] : NULL;
}

static struct field_stats *field_take(struct access_stats *stats, const struct part *part)
{
    if (!part->is_key && part->slot >= stats->slot_count) {
        uint32_t count = part->slot + 1U;
        stats->fields = memory_resize_array(stats->fields, count, sizeof(struct field_stats *));
        memset(stats->fields + stats->slot_count, 0,
               (count - stats->slot_count) * sizeof(struct field_stats *));
        stats->bytes += (count - stats->slot_count) * sizeof(struct field_stats *);
        stats->slot_count = count;
    }
    struct field_stats **place = part->is_key ? &stats->key : &stats->fields[part->slot];
    if (*place == NULL) {
        *place = memory_new(sizeof **place);
        stats->bytes += sizeof **place;
    }
    return *place;
}

// The estimate follows from the share of bits that no hash has set (Whang et al., A Linear-Time
// Probabilistic Counting Algorithm, TODS 1990).
static void different_note(struct different *different, uint64_t *bits, uint32_t bit_count,
                           uint32_t hash)
{
    uint32_t bit = hash % bit_count;
    uint64_t mask = UINT64_C(1) << (bit % WORD_BITS);
    if (bits[bit / WORD_BITS] & mask)
        return;
    bits[bit / WORD_BITS] |= mask;
    different->set_count++;
    double zero = different->set_count < bit_count ? bit_count - different->set_count : 0.5;
    different->estimate = -(double)bit_count * log(zero / bit_count);
}

void access_stats_want(struct access_stats *stats, const struct part *part)
{
    (void)field_take(stats, part);
}

void access_stats_ask(struct access_stats *stats, const struct part *part, uint32_t hash)
{
    struct field_stats *field = field_take(stats, part);
    different_note(&field->asked, field->asked_bits, ASKED_BITS, hash);
}

// ---- Samples ----

static uint32_t piece_cell(const uint8_t *piece)
{
    uint32_t number = piece[0] | (uint32_t)piece[1] << 8 | (uint32_t)piece[2] << 16;
    return (number * UINT32_C(0x9E3779B1)) >> 22; // to PIECE_CELLS
}

static void pieces_see(struct field_stats *field, struct bytes text)
{
    field->string_count++;
    for (size_t at = 0; at + PIECE_BYTES <= text.size && at < PIECES_MAX; at++) {
        uint16_t *cell = &field->pieces[piece_cell(text.data + at)];
        if (*cell < UINT16_MAX)
            ++*cell;
    }
}

static void field_age(struct field_stats *field)
{
    field->seen_count /= 2;
    field->exists_count /= 2;
    field->string_count /= 2;
    for (unsigned cell = 0; cell < POINT_CELLS; cell++)
        field->points[cell] /= 2;
    for (unsigned cell = 0; field->pieces != NULL && cell < PIECE_CELLS; cell++)
        field->pieces[cell] /= 2;
}

static void field_see(struct field_stats *field, struct bytes object)
{
    struct value value = value_load(object);
    struct access_key key = {.is_whole = true};
    if (access_key_add_point(&key, &value)) {
        uint32_t hash = access_key_hash(&key, 0);
        field->points[hash % POINT_CELLS]++;
        different_note(&field->seen, field->seen_bits, SEEN_BITS, hash);
    }
    enum family family = value_family(&value);
    uint32_t place = field->recent_at++ % RECENT_COUNT;
    field->recent[place] = 0;
    field->recent_families[place] = (uint8_t)family;
    (void)order_image(&value, family, &field->recent[place]);
    if (value.kind == VALUE_STR && field->pieces != NULL)
        pieces_see(field, value.bytes);
    field->exists_count += object.size > 0;
    if (++field->seen_count >= SEEN_MAX)
        field_age(field);
}

void access_stats_see(struct access_stats *stats, struct bytes key, const struct bytes *slots,
                      uint32_t slot_count)
{
    stats->seen_count++;
    if (stats->key != NULL)
        field_see(stats->key, key);
    for (uint32_t slot = 0; slot < stats->slot_count && slot < slot_count; slot++)
        if (stats->fields[slot] != NULL)
            field_see(stats->fields[slot], slots[slot]);
}

// ---- Estimates ----

double access_stats_point(const struct access_stats *stats, const struct part *part, uint32_t hash)
{
    const struct field_stats *field = field_of(stats, part);
    if (field == NULL)
        return 0.25;
    double different = fmax(4, field->asked.estimate);
    if (field->seen_count < SEEN_MIN)
        return 1 / different;
    different = fmax(different, field->seen.estimate);
    double count = field->points[hash % POINT_CELLS];
    double average = (double)field->seen_count / POINT_CELLS;
    // Far above what shares the counter by chance: the value itself is frequent.
    if (count > 4 * average + 4)
        return count / field->seen_count;
    return fmin(1 / different, 0.25);
}

double access_stats_exists(const struct access_stats *stats, const struct part *part)
{
    const struct field_stats *field = field_of(stats, part);
    if (field == NULL || field->seen_count < SEEN_MIN)
        return 0.9;
    return (field->exists_count + 0.5) / (field->seen_count + 1.0);
}

double access_stats_range(const struct access_stats *stats, const struct part *part,
                          enum family family, uint64_t low, uint64_t high)
{
    const struct field_stats *field = field_of(stats, part);
    if (field == NULL || field->recent_at < SEEN_MIN)
        return low == 0 || high == UINT64_MAX ? 0.4 : 0.1;
    uint32_t count = field->recent_at < RECENT_COUNT ? field->recent_at : RECENT_COUNT;
    unsigned inside = 0;
    for (uint32_t at = 0; at < count; at++)
        inside += (unsigned)(field->recent_families[at] == family) &
                  (unsigned)(field->recent[at] >= low) & (unsigned)(field->recent[at] <= high);
    return (inside + 0.1) / (count + 1.0);
}

double access_stats_affix(const struct access_stats *stats, const struct part *part,
                          struct bytes affix)
{
    double guess = fmax(pow(0.125, (double)affix.size), 1e-5);
    const struct field_stats *field = field_of(stats, part);
    if (field == NULL || field->recent_at < SEEN_MIN || part->kind != PART_PREFIX)
        return guess;
    struct value low = value_of_str(affix);
    uint64_t image = 0;
    (void)order_image(&low, FAMILY_STR, &image);
    uint64_t span = affix.size < sizeof image ? UINT64_MAX >> (8 * affix.size) : 0;
    double share = access_stats_range(stats, part, FAMILY_STR, image, image | span);
    // Below what the samples can resolve, longer is rarer.
    return share < 2.0 / RECENT_COUNT ? fmin(share, guess) : share;
}

double access_stats_piece(struct access_stats *stats, const struct part *part, const uint8_t *piece)
{
    struct field_stats *field = field_take(stats, part);
    if (field->pieces == NULL) {
        field->pieces = memory_new_array(PIECE_CELLS, sizeof *field->pieces);
        stats->bytes += PIECE_CELLS * sizeof *field->pieces;
    }
    if (field->string_count < SEEN_MIN)
        return 0.01;
    double share = (field->pieces[piece_cell(piece)] + 0.5) / field->seen_count;
    return fmin(share, 1);
}
