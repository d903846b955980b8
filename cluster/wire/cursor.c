// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/cursor.h"

#include "cluster/model/limits.h"

// What the first byte of an object says: its type, how many bytes of length or number follow,
// and for the "fix" formats the length itself.
struct head {
    enum wire_type type;
    bool is_signed;
    uint8_t field_bytes; // of the big-endian number after the first byte
    uint8_t extra_bytes; // ext: the type byte
    uint64_t number;     // value, length or count
};

static uint64_t big_endian(const uint8_t *data, size_t size)
{
    uint64_t bits = 0;
    switch (size) {
    case 1:
        return data[0];
    case 2:
        return (uint64_t)data[0] << 8 | data[1];
    case 4:
        memcpy(&bits, data, 4);
        return __builtin_bswap32((uint32_t)bits);
    default:
        memcpy(&bits, data, 8);
        return __builtin_bswap64(bits);
    }
}

static struct head head_of_fixed(enum wire_type type, uint64_t number)
{
    return (struct head){.type = type, .number = number};
}

static struct head head_of_field(enum wire_type type, unsigned field_bytes)
{
    return (struct head){.type = type, .field_bytes = (uint8_t)field_bytes};
}

// Formats 0xc0 to 0xdf.
static struct head head_of_tagged(uint8_t first)
{
    switch (first) {
    case 0xc0:
        return head_of_fixed(WIRE_NIL, 0);
    case 0xc2:
    case 0xc3:
        return head_of_fixed(WIRE_BOOL, first & 1);
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return head_of_field(WIRE_BIN, 1U << (first - 0xc4));
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return (struct head){
            .type = WIRE_EXT, .field_bytes = (uint8_t)(1U << (first - 0xc7)), .extra_bytes = 1};
    case 0xca:
        return head_of_field(WIRE_FLOAT, 4);
    case 0xcb:
        return head_of_field(WIRE_FLOAT, 8);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return head_of_field(WIRE_UINT, 1U << (first - 0xcc));
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return (struct head){
            .type = WIRE_INT, .is_signed = true, .field_bytes = (uint8_t)(1U << (first - 0xd0))};
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return (struct head){
            .type = WIRE_EXT, .extra_bytes = 1, .number = UINT64_C(1) << (first - 0xd4)};
    case 0xd9:
    case 0xda:
    case 0xdb:
        return head_of_field(WIRE_STR, 1U << (first - 0xd9));
    case 0xdc:
    case 0xdd:
        return head_of_field(WIRE_ARRAY, 2U << (first - 0xdc));
    case 0xde:
    case 0xdf:
        return head_of_field(WIRE_MAP, 2U << (first - 0xde));
    default:
        return head_of_fixed(WIRE_END, 0);
    }
}

static struct head head_of_first(uint8_t first)
{
    if (first <= 0x7f)
        return head_of_fixed(WIRE_UINT, first);
    if (first <= 0x8f)
        return head_of_fixed(WIRE_MAP, first & 0x0f);
    if (first <= 0x9f)
        return head_of_fixed(WIRE_ARRAY, first & 0x0f);
    if (first <= 0xbf)
        return head_of_fixed(WIRE_STR, first & 0x1f);
    if (first >= 0xe0)
        return head_of_fixed(WIRE_INT, (uint64_t)(int64_t)(int8_t)first);
    return head_of_tagged(first);
}

// Reads the head; `after` is where the payload starts. False at a truncated or unknown head.
static bool head_read(const struct cursor *cursor, struct head *head, const uint8_t **after)
{
    if (cursor->at >= cursor->end)
        return false;
    *head = head_of_first(*cursor->at);
    size_t size = 1 + (size_t)head->field_bytes + head->extra_bytes;
    if (head->type == WIRE_END || cursor_left(cursor) < size)
        return false;
    if (head->field_bytes)
        head->number = big_endian(cursor->at + 1, head->field_bytes);
    if (head->is_signed) {
        unsigned unused_bits = 64 - head->field_bytes * 8U;
        head->number = (uint64_t)((int64_t)(head->number << unused_bits) >> unused_bits);
        if ((int64_t)head->number >= 0)
            head->type = WIRE_UINT;
    }
    *after = cursor->at + size;
    return true;
}

enum wire_type cursor_peek(const struct cursor *cursor)
{
    struct head head;
    const uint8_t *after;
    return head_read(cursor, &head, &after) ? head.type : WIRE_END;
}

// Reads a head of just this type.
static bool head_read_type(struct cursor *cursor, enum wire_type type, uint64_t *number)
{
    struct head head;
    const uint8_t *after;
    if (!head_read(cursor, &head, &after) || head.type != type)
        return false;
    cursor->at = after;
    *number = head.number;
    return true;
}

bool cursor_read_nil(struct cursor *cursor)
{
    uint64_t unused;
    return head_read_type(cursor, WIRE_NIL, &unused);
}

bool cursor_read_bool(struct cursor *cursor, bool *value)
{
    uint64_t number;
    if (!head_read_type(cursor, WIRE_BOOL, &number))
        return false;
    *value = number != 0;
    return true;
}

bool cursor_read_uint(struct cursor *cursor, uint64_t *value)
{
    return head_read_type(cursor, WIRE_UINT, value);
}

bool cursor_read_int(struct cursor *cursor, int64_t *value)
{
    struct head head;
    const uint8_t *after;
    if (!head_read(cursor, &head, &after))
        return false;
    if (head.type != WIRE_INT && (head.type != WIRE_UINT || head.number > INT64_MAX))
        return false;
    *value = (int64_t)head.number;
    cursor->at = after;
    return true;
}

bool cursor_read_float(struct cursor *cursor, double *value)
{
    bool is_single = cursor->at < cursor->end && *cursor->at == 0xca;
    uint64_t bits;
    if (!head_read_type(cursor, WIRE_FLOAT, &bits))
        return false;
    if (is_single) {
        uint32_t single_bits = (uint32_t)bits;
        float single;
        memcpy(&single, &single_bits, sizeof single);
        *value = (double)single;
    } else {
        memcpy(value, &bits, sizeof *value);
    }
    return true;
}

static bool payload_read(struct cursor *cursor, enum wire_type type, struct bytes *payload)
{
    struct head head;
    const uint8_t *after;
    if (!head_read(cursor, &head, &after) || head.type != type)
        return false;
    if ((uint64_t)(cursor->end - after) < head.number)
        return false;
    *payload = bytes_of(after, (size_t)head.number);
    cursor->at = after + head.number;
    return true;
}

bool cursor_read_str(struct cursor *cursor, struct bytes *text)
{
    return payload_read(cursor, WIRE_STR, text);
}

bool cursor_read_bin(struct cursor *cursor, struct bytes *data)
{
    return payload_read(cursor, WIRE_BIN, data);
}

// A container of n objects needs at least n more bytes: checked, so that no caller allocates for a
// lie.
static bool count_read(struct cursor *cursor, enum wire_type type, uint32_t *count)
{
    struct head head;
    const uint8_t *after;
    if (!head_read(cursor, &head, &after) || head.type != type)
        return false;
    uint64_t objects = type == WIRE_MAP ? head.number * 2 : head.number;
    if ((uint64_t)(cursor->end - after) < objects)
        return false;
    *count = (uint32_t)head.number;
    cursor->at = after;
    return true;
}

bool cursor_read_array(struct cursor *cursor, uint32_t *count)
{
    return count_read(cursor, WIRE_ARRAY, count);
}

bool cursor_read_map(struct cursor *cursor, uint32_t *pair_count)
{
    return count_read(cursor, WIRE_MAP, pair_count);
}

// Iterative: `left[depth]` objects are still to come in the container at that depth.
bool cursor_skip(struct cursor *cursor)
{
    uint64_t left[VALUE_DEPTH_MAX + 1];
    unsigned depth = 0;
    struct cursor walk = *cursor;
    left[0] = 1;
    for (;;) {
        struct head head;
        const uint8_t *after;
        if (!head_read(&walk, &head, &after))
            return false;
        walk.at = after;
        left[depth]--;
        if (head.type == WIRE_ARRAY || head.type == WIRE_MAP) {
            uint64_t objects = head.type == WIRE_MAP ? head.number * 2 : head.number;
            if (cursor_left(&walk) < objects || depth == VALUE_DEPTH_MAX)
                return false;
            left[++depth] = objects;
        } else if (head.type == WIRE_STR || head.type == WIRE_BIN || head.type == WIRE_EXT) {
            if (cursor_left(&walk) < head.number)
                return false;
            walk.at += head.number;
        }
        while (left[depth] == 0) {
            if (depth == 0) {
                *cursor = walk;
                return true;
            }
            depth--;
        }
    }
}

bool cursor_read_object(struct cursor *cursor, struct bytes *object)
{
    const uint8_t *start = cursor->at;
    if (!cursor_skip(cursor))
        return false;
    *object = bytes_of(start, (size_t)(cursor->at - start));
    return true;
}

enum error value_check(struct bytes value)
{
    if (value.size > VALUE_BYTES_MAX)
        return ERROR_TOO_LARGE;
    struct cursor cursor = cursor_of(value);
    if (!cursor_skip(&cursor) || cursor.at != cursor.end)
        return ERROR_MALFORMED_VALUE;
    return ERROR_NONE;
}
