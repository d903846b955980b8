// SPDX-License-Identifier: Apache-2.0
#include "node/query/access_key.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum point_tag {
    POINT_NULL = 1,
    POINT_FALSE,
    POINT_TRUE,
    POINT_INT,
    POINT_UINT,
    POINT_FLOAT,
    POINT_STR,
    POINT_BIN,
    POINT_LONG_STR,
    POINT_LONG_BIN,
};

enum { GRAIN_BITS = 2 }; // cells of the next grain are so many bits wider

// A short key's bytes hashed whole; the forms differ by their seed.
uint32_t access_key_hash(const struct access_key *key, uint32_t form)
{
    return (uint32_t)XXH3_64bits_withSeed(key->bytes, key->size,
                                          (form + 1) * UINT64_C(0x9E3779B97F4A7C15));
}

static inline void key_append(struct access_key *key, const void *data, size_t size)
{
    if (size > 0)
        memcpy(key->bytes + key->size, data, size);
    key->size = (uint16_t)(key->size + size);
}

static inline void key_append_byte(struct access_key *key, unsigned byte)
{
    key->bytes[key->size++] = (uint8_t)byte;
}

static void key_append_word(struct access_key *key, enum point_tag tag, uint64_t word)
{
    key_append_byte(key, tag);
    key_append(key, &word, sizeof word);
}

// Numbers that are equal have one form: an integer wherever it is one.
static void number_append(struct access_key *key, double real)
{
    static const double above_int = 0x1p63;
    if (real >= -above_int && real < above_int && (double)(int64_t)real == real) {
        key_append_word(key, POINT_INT, (uint64_t)(int64_t)real);
        return;
    }
    if (real >= above_int && real < 2 * above_int) {
        key_append_word(key, POINT_UINT, (uint64_t)real);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    key_append_word(key, POINT_FLOAT, bits);
}

static void string_append(struct access_key *key, enum point_tag tag, enum point_tag long_tag,
                          struct bytes string)
{
    if (string.size > KEY_STRING_MAX) {
        key_append_word(key, long_tag, XXH3_64bits(string.data, string.size));
        key->is_whole = false;
        return;
    }
    key_append_byte(key, tag);
    key_append_byte(key, (unsigned)string.size);
    key_append(key, string.data, string.size);
}

bool access_key_add_point(struct access_key *key, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        key_append_byte(key, POINT_NULL);
        return true;
    case VALUE_BOOL:
        key_append_byte(key, value->boolean ? POINT_TRUE : POINT_FALSE);
        return true;
    case VALUE_INT:
        key_append_word(key, POINT_INT, (uint64_t)value->integer);
        return true;
    case VALUE_UINT:
        key_append_word(key, POINT_UINT, value->natural);
        return true;
    case VALUE_FLOAT:
        number_append(key, value->real);
        return true;
    case VALUE_STR:
        string_append(key, POINT_STR, POINT_LONG_STR, value->bytes);
        return true;
    case VALUE_BIN:
        string_append(key, POINT_BIN, POINT_LONG_BIN, value->bytes);
        return true;
    case VALUE_ARRAY:
    case VALUE_MAP:
    case VALUE_EXT:
        break;
    }
    return false;
}

size_t access_key_point_size(const uint8_t *key)
{
    switch ((enum point_tag)key[0]) {
    case POINT_NULL:
    case POINT_FALSE:
    case POINT_TRUE:
        return 1;
    case POINT_STR:
    case POINT_BIN:
        return 2U + key[1];
    case POINT_INT:
    case POINT_UINT:
    case POINT_FLOAT:
    case POINT_LONG_STR:
    case POINT_LONG_BIN:
        break;
    }
    return 1 + sizeof(uint64_t);
}

// ---- Order ----

// The bits of doubles, read as integers, are in their order; those of negative ones backwards.
static uint64_t double_image(double real)
{
    real += 0.0; // -0 is 0
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static uint64_t bytes_image(struct bytes bytes)
{
    uint64_t image = 0;
    memcpy(&image, bytes.data, bytes.size < sizeof image ? bytes.size : sizeof image);
    return __builtin_bswap64(image);
}

bool order_image(const struct value *value, enum family family, uint64_t *image)
{
    if (value_family(value) != family)
        return false;
    switch (family) {
    case FAMILY_NUMBER:
        // The conversion may round, always to the same side: it stays monotone.
        *image = double_image(value->kind == VALUE_FLOAT ? value->real
                              : value->kind == VALUE_INT ? (double)value->integer
                                                         : (double)value->natural);
        return true;
    case FAMILY_STR:
    case FAMILY_BIN:
        *image = value->bytes.size > 0 ? bytes_image(value->bytes) : 0;
        return true;
    case FAMILY_UNKNOWN:
    case FAMILY_NULL:
    case FAMILY_BOOL:
    case FAMILY_OTHER:
        break;
    }
    return false;
}

// ---- Cells ----

uint64_t cell_of(uint64_t image, unsigned grain)
{
    return image >> (grain * GRAIN_BITS);
}

unsigned cells_grain(uint64_t low, uint64_t high)
{
    unsigned grain = 0;
    while (grain < GRAIN_COUNT - 1 && cell_of(high, grain) - cell_of(low, grain) >= CELLS_MAX)
        grain++;
    return grain;
}

void access_key_add_cell(struct access_key *key, unsigned grain, uint64_t cell)
{
    key_append_byte(key, grain);
    key_append(key, &cell, sizeof cell);
}

void access_key_read_cell(const uint8_t *bytes, unsigned grain, uint64_t *low, uint64_t *high)
{
    uint64_t cell;
    memcpy(&cell, bytes + 1, sizeof cell);
    unsigned shift = grain * GRAIN_BITS;
    *low = cell << shift;
    *high = *low | ((UINT64_C(1) << shift) - 1);
}

// ---- Strings ----

static const uint8_t affix_sizes[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};

unsigned affix_grain(size_t size)
{
    unsigned grain = sizeof affix_sizes - 1;
    while (grain > 0 && affix_sizes[grain] > size)
        grain--;
    return grain;
}

uint32_t affix_bytes(unsigned grain)
{
    return affix_sizes[grain];
}

void access_key_add_affix(struct access_key *key, struct bytes affix)
{
    key_append_byte(key, (unsigned)affix.size);
    key_append(key, affix.data, affix.size);
}

void access_key_add_piece(struct access_key *key, const uint8_t *piece)
{
    key_append(key, piece, PIECE_BYTES);
}
