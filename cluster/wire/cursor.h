// SPDX-License-Identifier: Apache-2.0
// A bounded reader of MessagePack. Every function returns false, and leaves the cursor where it
// was, when the bytes end too early or hold another type: no read goes past `end`.
// Format: https://github.com/msgpack/msgpack/blob/master/spec.md
#pragma once

#include "cluster/base/bytes.h"
#include "cluster/base/error.h"

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

enum wire_type {
    WIRE_END = 0, // no more bytes, or a byte that starts no object (0xc1)
    WIRE_NIL,
    WIRE_BOOL,
    WIRE_UINT, // an int >= 0, whatever its format
    WIRE_INT,  // an int < 0
    WIRE_FLOAT,
    WIRE_STR,
    WIRE_BIN,
    WIRE_ARRAY,
    WIRE_MAP,
    WIRE_EXT,
};

// Empty bytes may have no address, to which C does not let even 0 be added.
static inline struct cursor cursor_of(struct bytes bytes)
{
    const uint8_t *end = bytes.size ? bytes.data + bytes.size : bytes.data;
    return (struct cursor){.at = bytes.data, .end = end};
}

static inline size_t cursor_left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

// The type of the next object; looks at its first byte (int formats: at the sign) only.
enum wire_type cursor_peek(const struct cursor *cursor);

MUST_USE bool cursor_read_nil(struct cursor *cursor);
MUST_USE bool cursor_read_bool(struct cursor *cursor, bool *value);
MUST_USE bool cursor_read_uint(struct cursor *cursor, uint64_t *value); // any int that is >= 0
MUST_USE bool cursor_read_int(struct cursor *cursor, int64_t *value);   // any int that fits
MUST_USE bool cursor_read_float(struct cursor *cursor, double *value);  // float 32 or 64
MUST_USE bool cursor_read_str(struct cursor *cursor, struct bytes *text);
MUST_USE bool cursor_read_bin(struct cursor *cursor, struct bytes *data);
MUST_USE bool cursor_read_array(struct cursor *cursor, uint32_t *count);
MUST_USE bool cursor_read_map(struct cursor *cursor, uint32_t *pair_count);

// Steps over one object of any type, nested at most VALUE_DEPTH_MAX containers deep.
MUST_USE bool cursor_skip(struct cursor *cursor);

// Steps over one object and gives its bytes.
MUST_USE bool cursor_read_object(struct cursor *cursor, struct bytes *object);

// ERROR_NONE when `value` is exactly one well-formed object within VALUE_DEPTH_MAX and
// VALUE_BYTES_MAX; else ERROR_MALFORMED_VALUE or ERROR_TOO_LARGE. Strings are not checked for
// UTF-8.
MUST_USE enum error value_check(struct bytes value);
