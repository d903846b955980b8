// SPDX-License-Identifier: Apache-2.0
// The functions of the language: their names and signatures, and what they compute.
#pragma once

#include "node/query/value.h"

enum function_id {
    FUNCTION_LOWER = 0,
    FUNCTION_UPPER,
    FUNCTION_LENGTH,
    FUNCTION_ABS,
    FUNCTION_ROUND,
    FUNCTION_MOD,
    FUNCTION_COUNT
};

enum {
    FUNCTION_TEXT_BYTES_MAX = 4096, // lower and upper of a longer string are NULL
};

struct function {
    const char *name;
    const char *usage;
    uint8_t arguments_min;
    uint8_t arguments_max;
    enum family arguments; // FAMILY_UNKNOWN: checked by the function's own rule
    enum family result;
};

// False when there is no function of this name (in any case of letters).
MUST_USE bool function_find(struct bytes name, enum function_id *id);

const struct function *function_of(enum function_id id);

// The name nearest to what was written, or NULL when none is near.
const char *function_nearest(struct bytes name);

// arguments[0..count). `scratch` has FUNCTION_TEXT_BYTES_MAX bytes, where the result may live.
struct value function_call(enum function_id id, const struct value *arguments, unsigned count,
                           uint8_t *scratch);
