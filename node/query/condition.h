// SPDX-License-Identifier: Apache-2.0
// Conditions while they are derived: how they join. The inside of conditions.h.
#pragma once

#include "node/query/arena.h"
#include "node/query/conditions.h"

enum { CONJUNCTION_CONDITIONS_MAX = 32 }; // further ones are left out

// Conjunctions of which one holds.
struct form {
    struct conjunction *conjunctions; // in the arena
    uint32_t count;                   // 0: never TRUE
};

struct derivation {
    const struct fields *fields; // borrowed
    struct arena *arena;         // borrowed
    uint32_t work_left; // conditions and values that may still be copied: bounds time and memory
};

struct form form_never(void);
struct form form_always(struct derivation *derivation);  // always TRUE
struct form form_unknown(struct derivation *derivation); // may be TRUE

// All of these conditions; exact when TRUE if they hold.
struct form form_of(struct derivation *derivation, const struct condition *conditions,
                    uint32_t count, bool is_exact);

// All of them hold. What is too much is left out, which makes the form say less, not more. Both
// take the forms over.
struct form form_and(struct derivation *derivation, const struct form *forms, uint32_t count);

// One of them holds: IN conditions of one field become one. Beyond CONJUNCTIONS_MAX nothing is
// known.
struct form form_or(struct derivation *derivation, const struct form *forms, uint32_t count);
